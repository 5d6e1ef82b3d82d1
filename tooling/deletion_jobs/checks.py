"""What has to hold before `apply` changes anything."""

from dataclasses import dataclass
from typing import Any

from deletion_jobs.database import Row, Session
from deletion_jobs.errors import DatabaseError, FindingError
from deletion_jobs.sources import ENGINE_NAMES

# utf8mb4_0900_bin came with 8.0.17, the comments of accounts that roles.sql writes with 8.0.21,
# READ ONLY schemas, which a job looks for, with 8.0.22.
OLDEST = {"postgres": 150000, "mysql": 80022}
OLDEST_TEXT = {"postgres": "15", "mysql": "8.0.22"}

ROLES = (
    "deletion_jobs_owner",
    "deletion_jobs_app",
    "deletion_jobs_operator",
    "deletion_jobs_reader",
    "deletion_jobs_worker",
)
USERS_OPTIONS = (
    "--users-table NAME and --users-column NAME name another one, --no-users-key goes without; "
    "the key can be added later by one command: deletion-jobs apply --users-table NAME"
)


@dataclass(frozen=True)
class UsersKey:
    """Where ``deletion_jobs.created_by`` points to.

    Attributes:
        table: the table of the application's users; None: no key.
        column: its column.
        is_explicit: whether the user has said so; else it holds for a first installation only.
    """

    table: str | None = "users"
    column: str = "id"
    is_explicit: bool = False


def server(session: Session) -> Row:
    """Ask who we are and where.

    Raises:
        FindingError: the engine or its version is not supported, or nothing is selected.
    """
    found = session.one("server")
    engine = session.engine
    comment = str(found.get("version_comment", ""))
    if "mariadb" in f"{found['version']} {comment}".lower():
        raise FindingError("MariaDB is not supported: MySQL and PostgreSQL are")
    if found["version_number"] < OLDEST[engine]:
        raise FindingError(
            f"{ENGINE_NAMES[engine]} {found['version']} is too old",
            f"it takes {ENGINE_NAMES[engine]} {OLDEST_TEXT[engine]} or newer",
        )
    if found["schema_name"] is None:
        raise FindingError(
            "no schema is selected" if engine == "postgres" else "no database is selected",
            "--schema names one that exists"
            if engine == "postgres"
            else "the URL names it: mysql://user@host/database",
        )
    return found


def may_install(session: Session, found: Row) -> None:
    """Make sure that the session may make what the migrations make.

    Raises:
        FindingError: it may not; the message says what is missing.
    """
    if found["is_standby"]:
        raise FindingError("this server only reads", "connect to the primary")
    todo = "connect as an account that may, or let a DBA run the output of 'deletion-jobs sql'"
    missing = _missing_roles(session, found)
    may = (
        found["may_make_roles"] or not missing,
        found["may_become_owner"],
        found.get("may_make_functions", True),
    )
    if not all(may) and found.get("hides_roles"):
        raise FindingError(
            f"{found['user_name']} may not see which rights its roles give it",
            "GRANT SELECT ON mysql.* TO it, or let a DBA run the output of 'deletion-jobs sql'",
        )
    if missing and not found["may_make_roles"]:
        raise FindingError(
            f"{found['user_name']} may not make roles, and these are missing: {', '.join(missing)}",
            f"{todo}, or let a DBA make the roles first: schema/{session.engine}/roles.sql",
        )
    if not found["may_become_owner"]:
        need = (
            "is no member of deletion_jobs_owner"
            if session.engine == "postgres"
            else "lacks SET_ANY_DEFINER (SET_USER_ID before MySQL 8.2)"
        )
        raise FindingError(f"{found['user_name']} {need}", todo)
    if not found.get("may_make_functions", True):
        raise FindingError(
            f"{found['user_name']} may not make functions while the server keeps a binary log",
            "set log_bin_trust_function_creators = 1 while it installs or is upgraded"
            " (managed servers: in the parameter group), or connect with SUPER",
        )
    if not found.get("may_create", True):
        raise FindingError(
            f"{found['user_name']} may not create objects in the schema {found['schema_name']}, "
            "or not pass that right on to the owner",
            todo,
        )


def _missing_roles(session: Session, found: Row) -> list[str]:
    listed: Any = found.get("missing_roles")
    if listed is not None:
        return list(listed)
    if found["may_make_roles"]:
        return []
    try:
        present = {row["role_name"] for row in session.query("roles_present")}
    except DatabaseError:
        # Without a right to look: the migration's own GRANTs will tell.
        return []
    return [role for role in ROLES if role not in present]


def users_key(session: Session, key: UsersKey) -> None:
    """Make sure that the key to the application's users can be made.

    Raises:
        FindingError: the table is missing or its type does not fit; the message names the options.
    """
    if key.table is None:
        return
    rows = session.query("users_column", users_table=key.table, users_column=key.column)
    name = f"{key.table}({key.column})"
    if not rows:
        raise FindingError(f"there is no table {name} of users", USERS_OPTIONS)
    if not rows[0]["type_fits"]:
        wanted = "an integer type" if session.engine == "postgres" else "BIGINT UNSIGNED"
        raise FindingError(f"{name} is {rows[0]['column_type']}, not {wanted}", USERS_OPTIONS)
    if not rows[0]["is_unique"]:
        raise FindingError(f"{name} has no unique key of its own", USERS_OPTIONS)
