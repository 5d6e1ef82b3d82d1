"""Write an installation as one plain script that ``psql`` or ``mysql`` takes.

For a DBA without Python, or one who reads everything first. It makes the same objects and the
same marks in the ledger as `apply`, so that `status` and `verify` find nothing afterwards.
"""

from deletion_jobs import __version__, migrations, queries
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import UsageError
from deletion_jobs.migrations import Migration
from deletion_jobs.sources import ENGINE_NAMES, Engine
from deletion_jobs.steps import without_transaction

_SUBQUERY = "-- users_column.sql"


def _title(engine: Engine) -> str:
    usage = {
        "postgres": "psql -d DATABASE -f FILE, as a user who may create roles; one transaction",
        "mysql": "mysql DATABASE < FILE, as a user who may create accounts",
    }[engine]
    return f"-- deletion-jobs {__version__} for {ENGINE_NAMES[engine]}\n-- {usage}.\n"


def _guard_of_users(engine: Engine, values: dict[str, str | None]) -> str:
    query = queries.load(engine, "users_column").rstrip()
    lines = []
    for line in queries.load(engine, "guard_users").splitlines():
        if line.endswith(_SUBQUERY):
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}{part}".rstrip() for part in query.splitlines()]
        else:
            lines.append(line)
    return queries.filled("\n".join(lines) + "\n", values)


def write(
    engine: Engine, key: UsersKey, schema: str | None = None, after: str | None = None
) -> str:
    """Write the script.

    Args:
        engine: for which engine.
        key: where ``created_by`` points to; an upgrade changes it only where it is explicit.
        schema: PostgreSQL's schema; None: the first of the search_path of who runs it.
        after: leave out the migrations up to this one: for an upgrade, which stops first where
            another state stands.

    Raises:
        UsageError: `after` is none of the migrations, or a schema is named for MySQL.
    """
    everything = migrations.read_all(engine)
    names = [migration.name for migration in everything]
    if after is not None and after not in names:
        raise UsageError(f"'{after}' is no migration: {', '.join(names)}")
    if schema is not None and engine == "mysql":
        raise UsageError("--schema is for PostgreSQL; name the database to the mysql client")
    chosen = [m for m in everything if after is None or m.name > after]
    values = {"users_table": key.table, "users_column": key.column if key.table else None}
    parts = [_title(engine)]
    if engine == "postgres":
        parts.append("\\set ON_ERROR_STOP on\n")
        if schema is not None:
            parts.append(queries.filled(queries.load(engine, "script_schema"), {"schema": schema}))
        parts.append("BEGIN;\nSET LOCAL client_min_messages = warning;\n")
    if after is None:
        parts.append(queries.load(engine, "guard"))
    if key.table is not None and (after is None or key.is_explicit):
        parts.append(_guard_of_users(engine, values))
    parts.append(queries.load(engine, "ledger_create"))
    order = {"after": after, "chosen": ",".join(migration.name for migration in chosen)}
    parts.append(queries.filled(queries.load(engine, "guard_order"), order))
    for migration in chosen:
        parts += _one(migration, values)
    if after is not None and key.is_explicit:
        parts.append(queries.filled(queries.load(engine, "link_users"), values))
    if engine == "postgres":
        parts.append("COMMIT;\n")
    return "\n".join(parts)


def _one(migration: Migration, values: dict[str, str | None]) -> list[str]:
    engine = migration.engine
    text = migration.apply_text
    name = {"migration_id": migration.name}
    if engine == "postgres":
        parts = [without_transaction(text)]
    else:
        guard = migrations.names_guard(text)
        begin = queries.filled(queries.load(engine, "ledger_begin"), name)
        parts = [*([guard] if guard else []), begin, text]
    if migration.name == migrations.FIRST and values["users_table"] is not None:
        parts.append(queries.filled(queries.load(engine, "link_users"), values))
    return [*parts, queries.filled(queries.load(engine, "ledger_mark"), name)]
