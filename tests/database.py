"""One interface to a database of either engine in which deletion-jobs is installed.

A test takes the fixture `db` and says what it means once; `Postgres` and `MySQL` below know how
each engine is told. An object of these classes is one session; `connect` opens further ones to
the same database, as the superuser or as an account that holds one of the roles. Everything is
really committed unless the test opens a transaction.
"""

import contextlib
import dataclasses
import datetime as dt
import json
import re
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, Self, TypeVar

import psycopg
import pymysql
import pymysql.constants.CLIENT
import pymysql.cursors

from deletion_jobs.servers import Server
from tests import install

Role = Literal["app", "operator", "reader", "worker"]
ROLES: tuple[Role, ...] = ("app", "operator", "reader", "worker")
OWNER = "deletion_jobs_owner"

WAIT_SECONDS = 20.0
MESSAGE_LENGTH = 128

# The portable names of column types, and what each engine calls them.
TYPES: dict[str, dict[str, str]] = {
    "postgres": {
        "int": "integer",
        "bigint": "bigint",
        "uuid": "uuid",
        "text": "text",
        "varchar": "varchar(64)",
        "exact": "varchar(64)",
        "char": "char(8)",
        "bytes": "bytea",
        "date": "date",
        "decimal": "numeric(12, 2)",
        "float": "double precision",
        "timestamp": "timestamptz(6)",
        "boolean": "boolean",
        "smallint": "smallint",
    },
    "mysql": {
        "int": "INT",
        "bigint": "BIGINT",
        "uuid": "CHAR(36)",
        "text": "VARCHAR(200)",
        "varchar": "VARCHAR(64)",
        "exact": "VARCHAR(64) COLLATE utf8mb4_0900_bin",
        "char": "CHAR(8)",
        "bytes": "VARBINARY(16)",
        "date": "DATE",
        "decimal": "DECIMAL(12, 2)",
        "float": "DOUBLE",
        "timestamp": "DATETIME(6)",
        "boolean": "BOOLEAN",
        "smallint": "SMALLINT",
    },
}

Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """A row of deletion_jobs; times are aware, in UTC."""

    id: int
    entity_table: str
    entity_pk: str
    reason: str | None
    hard_delete: bool
    scheduled_at: dt.datetime | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    status: str
    error: str | None
    created_by: int | None
    created_at: dt.datetime


class Preview(NamedTuple):
    """A row of preview_deletion's answer."""

    table_name: str
    action: str
    reference_name: str | None
    row_count: int
    is_at_least: bool


@dataclass(frozen=True)
class Reference:
    """A foreign key of a table that a test makes."""

    columns: str | tuple[str, ...]
    parent: str
    on_delete: str = "no action"
    to: str | tuple[str, ...] = "id"
    name: str = ""
    indexed: bool = True


@dataclass
class Raised:
    """What `Database.error` caught; filled when its block has ended."""

    sqlstate: str = ""
    message: str = ""
    errno: int | None = None
    detail: str = ""
    hint: str = ""


@dataclass
class Home:
    """What all sessions of one test database share."""

    server: Server
    database: str
    schema: str
    accounts: dict[Role, tuple[str, str]]
    sessions: list["Database"] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))


class Database(ABC):
    """A session in a database with deletion-jobs installed.

    Attributes:
        engine: ``mysql`` or ``postgres``.
        home: what it shares with the other sessions of the same database.
    """

    engine: Literal["mysql", "postgres"]

    def __init__(self, home: Home, role: Role | None = None) -> None:
        self.home = home
        self.role = role
        self._worker: Database | None = None
        self._observer: Database | None = None
        home.sessions.append(self)

    # -- Plain SQL ---------------------------------------------------------------------------

    @abstractmethod
    def _send(self, sql: str, arguments: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
        """Run one statement; give the number of rows touched and the rows of its result."""

    @abstractmethod
    def _send_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for each of the rows."""

    @abstractmethod
    def _send_script(self, text: str) -> None:
        """Run several statements."""

    @abstractmethod
    def close(self) -> None:
        """Close the session."""

    @property
    @abstractmethod
    def session_id(self) -> int:
        """The process id (PostgreSQL) or connection id (MySQL) of this session."""

    def execute(self, sql: str, *arguments: Any) -> int:
        """Run one statement and give the number of rows it touched."""
        return self._send(sql, arguments)[0]

    def rows(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""
        return self._send(sql, arguments)[1]

    def column(self, sql: str, *arguments: Any) -> list[Any]:
        """Give the first column of a query's rows."""
        return [row[0] for row in self.rows(sql, *arguments)]

    def value(self, sql: str, *arguments: Any) -> Any:
        """Give the only value of a query, None where it has no row."""
        found = self.rows(sql, *arguments)
        assert len(found) <= 1, f"{len(found)} rows instead of one: {sql}"
        return found[0][0] if found else None

    def count(self, table: str, where: str = "TRUE", *arguments: Any) -> int:
        """Count the rows of a table."""
        query = f"SELECT COUNT(*) FROM {self.quote(table)} WHERE {where}"
        return int(self.value(query, *arguments))

    def script(self, *, mysql: str = "", postgres: str = "") -> None:
        """Run the text for this session's engine: one statement or several."""
        text = mysql if self.engine == "mysql" else postgres
        if text:
            self._send_script(text)

    def either(self, *, mysql: Result, postgres: Result) -> Result:
        """Choose what holds for this session's engine."""
        return mysql if self.engine == "mysql" else postgres

    @contextlib.contextmanager
    def transaction(self, *, rollback: bool = False) -> Iterator[None]:
        """Hold a transaction for the length of the block; an error rolls it back."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("ROLLBACK" if rollback else "COMMIT")

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote a name, which may be qualified by a schema with one dot."""

    # -- Sessions ----------------------------------------------------------------------------

    @abstractmethod
    def connect(self, role: Role | None = None) -> "Database":
        """Open another session: as the superuser, or as an account with only that role."""

    @property
    def worker(self) -> "Database":
        """A session of an account that holds the worker's role and nothing else."""
        if self._worker is None:
            self._worker = self.connect("worker")
        return self._worker

    @property
    def observer(self) -> "Database":
        """A superuser's session that the test itself does not use, to look from outside."""
        if self._observer is None:
            self._observer = self.connect()
        return self._observer

    def background(self, work: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        """Start work that is expected to wait, in a thread; give its future."""
        return self.home.threads.submit(work, *arguments)

    def wait_for(
        self, condition: str | Callable[[], Any], *arguments: Any, seconds: float = WAIT_SECONDS
    ) -> Any:
        """Wait until a query (asked by the observer) or a callable answers with something true.

        Raises:
            AssertionError: it did not in time; the message holds the condition.
        """
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while True:
            if callable(condition):
                answer = condition(*arguments)
            else:
                answer = self.observer.value(condition, *arguments)
            if answer:
                return answer
            assert time.monotonic() < deadline, f"not so within {seconds} s: {condition}"
            pause.wait(0.01)

    @abstractmethod
    def is_blocked(self, session: "Database") -> bool:
        """Tell from the catalog whether a session waits for a lock right now."""

    def wait_until_blocked(self, session: "Database") -> None:
        """Wait until a session waits for a lock."""
        self.wait_for(lambda: self.observer.is_blocked(session))

    @abstractmethod
    def end_session(self, session: "Database") -> None:
        """End another session, as an administrator would."""

    @abstractmethod
    def cancel_statement(self, session: "Database") -> None:
        """Cancel the statement that another session runs, and let the session live."""

    # -- Errors ------------------------------------------------------------------------------

    @abstractmethod
    def _raised(self, error: Exception) -> Raised | None:
        """Read a driver's exception; None: it comes from somewhere else."""

    @contextlib.contextmanager
    def error(
        self,
        sqlstate: str | None = None,
        message: str = "",
        *,
        mysql: str | None = None,
        postgres: str | None = None,
        changes: bool = False,
    ) -> Iterator[Raised]:
        """Expect an error of this SQLSTATE, then this text in its message, then no change.

        Args:
            sqlstate: the code on both engines; or ``mysql`` and ``postgres`` where they differ.
            message: a part of the message.
            mysql: the code on MySQL.
            postgres: the code on PostgreSQL.
            changes: True where something else changes the database meanwhile.
        """
        wanted = sqlstate or self.either(mysql=mysql, postgres=postgres)
        before = {} if changes else self.observer.contents()
        raised = Raised()
        try:
            yield raised
        except (psycopg.Error, pymysql.err.Error) as error:
            found = self._raised(error)
            if found is None:
                raise
            for item in fields(Raised):
                setattr(raised, item.name, getattr(found, item.name))
            assert raised.sqlstate == wanted, f"{wanted} expected: {raised}"
            assert message in raised.message, f"{message!r} expected: {raised}"
            if raised.sqlstate.startswith("JD"):
                self._check_form(raised)
        else:
            raise AssertionError(f"{wanted} was expected, and nothing was raised")
        if not changes:
            assert self.observer.contents() == before

    def _check_form(self, raised: Raised) -> None:
        """Hold an error of ours to the form that all of them have."""
        assert len(raised.message) <= MESSAGE_LENGTH, raised
        assert re.match(r"[a-z_]+: \S", raised.message), raised
        if self.engine == "mysql":
            assert raised.errno == 31000 + int(raised.sqlstate[2:]), raised

    @abstractmethod
    def tables(self) -> list[str]:
        """List the tables of this database, ours included, as they would be written in SQL."""

    def contents(self) -> dict[str, list[str]]:
        """Read the whole database: for each table its rows, in an order of their own."""
        return {
            table: sorted(map(repr, self.rows(f"SELECT * FROM {table}"))) for table in self.tables()
        }

    def application_contents(self) -> dict[str, list[str]]:
        """Read the application's tables alone."""
        ours = set(install.table_names(self.engine))
        return {
            table: rows
            for table, rows in self.contents().items()
            if table.split(".")[-1].strip('"`') not in ours
        }

    # -- Making tables -----------------------------------------------------------------------

    def table(
        self,
        name: str,
        *columns: str,
        key: str | tuple[str, ...] | None = "id",
        unique: Sequence[str | tuple[str, ...]] = (),
        references: Sequence[Reference] = (),
        rows: Sequence[Sequence[Any]] = (),
    ) -> None:
        """Make a table, the same on both engines, and give the owner account its rights.

        Args:
            name: the table's name.
            columns: ``name type [null] [default ...]`` with a type of `TYPES` (or of the engine).
            key: the primary key; None: it has none.
            unique: unique keys, beside it.
            references: foreign keys; their columns are indexed unless they say otherwise.
            rows: rows to insert.
        """
        lines = [self._column(column) for column in columns]
        if key is not None:
            lines.append(f"PRIMARY KEY ({self._names(key)})")
        lines += [f"UNIQUE ({self._names(names)})" for names in unique]
        for reference in references:
            lines.append(self._reference(name, reference))
        body = ",\n    ".join(lines)
        self._send_script(f"CREATE TABLE {self.quote(name)} (\n    {body}\n)")
        for reference in references:
            if reference.indexed:
                self.index(name, reference.columns)
        self.grant_to_owner(name)
        self.insert(name, rows)

    def add_reference(self, table: str, reference: Reference) -> None:
        """Add a foreign key to a table that is there already."""
        self._send_script(
            f"ALTER TABLE {self.quote(table)} ADD {self._reference(table, reference)}"
        )
        if reference.indexed:
            self.index(table, reference.columns)

    def index(self, table: str, columns: str | tuple[str, ...]) -> None:
        """Make an index; MySQL has made it already where the columns are a foreign key's."""
        if self.engine == "postgres":
            self._send_script(f"CREATE INDEX ON {self.quote(table)} ({self._names(columns)})")

    def reference_name(self, table: str, reference: Reference) -> str:
        """Give the name that a foreign key gets by default."""
        return reference.name or f"fk_{table}_{'_'.join(_tuple(reference.columns))}"

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, each with all columns in their order."""
        if rows:
            marks = ", ".join(["%s"] * len(rows[0]))
            self._send_many(f"INSERT INTO {self.quote(table)} VALUES ({marks})", rows)

    @abstractmethod
    def grant_to_owner(self, table: str) -> None:
        """Give the owner account what a DBA gives it on a target's tables."""

    @abstractmethod
    def revoke_from_owner(self, table: str, privilege: str) -> None:
        """Take one of these rights back."""

    def _column(self, text: str) -> str:
        name, kind, *rest = text.split(maxsplit=2)
        more = rest[0] if rest else ""
        null = "" if more.split()[:1] == ["null"] else "NOT NULL"
        more = re.sub(r"^null\b", "NULL", more)
        type_ = TYPES[self.engine].get(kind, kind.replace("_", " "))
        return " ".join(f"{self.quote(name)} {type_} {null} {more}".split())

    def _names(self, columns: str | tuple[str, ...]) -> str:
        return ", ".join(self.quote(column) for column in _tuple(columns))

    def _reference(self, table: str, reference: Reference) -> str:
        return (
            f"CONSTRAINT {self.quote(self.reference_name(table, reference))} "
            f"FOREIGN KEY ({self._names(reference.columns)}) "
            f"REFERENCES {self.quote(reference.parent)} ({self._names(reference.to)}) "
            f"ON DELETE {reference.on_delete.upper()}"
        )

    # -- The routines, one method each -------------------------------------------------------

    @abstractmethod
    def call(self, routine: str, *arguments: Any, out: bool = False) -> Any:
        """CALL a procedure; with ``out`` give the value of its last parameter."""

    def enqueue_deletion(
        self,
        table: str | None,
        pk: Any,
        reason: str | None = None,
        hard_delete: bool | None = True,
        scheduled_at: dt.datetime | None = None,
        created_by: int | None = None,
    ) -> int:
        """CALL enqueue_deletion and give the job's id."""
        text = pk if pk is None or isinstance(pk, str) else str(pk)
        return int(
            self.call(
                "enqueue_deletion",
                table,
                text,
                reason,
                hard_delete,
                scheduled_at,
                created_by,
                out=True,
            )
        )

    def enqueue_deletions(
        self,
        table: str | None,
        pks: Sequence[Any] | str | None,
        reason: str | None = None,
        hard_delete: bool | None = True,
        scheduled_at: dt.datetime | None = None,
        created_by: int | None = None,
    ) -> int:
        """CALL enqueue_deletions (``pks`` as text is sent as it is); give the number of keys."""
        text = pks if pks is None or isinstance(pks, str) else json.dumps(list(pks))
        return int(
            self.call(
                "enqueue_deletions",
                table,
                text,
                reason,
                hard_delete,
                scheduled_at,
                created_by,
                out=True,
            )
        )

    def cancel_deletion(self, job_id: int | None) -> None:
        """CALL cancel_deletion."""
        self.call("cancel_deletion", job_id)

    def restore_deletion(self, job_id: int | None) -> None:
        """CALL restore_deletion."""
        self.call("restore_deletion", job_id)

    def set_soft_deletion(
        self,
        table: str | None,
        column: str | None,
        value: int | None = None,
        purge_after_seconds: int | None = None,
    ) -> None:
        """CALL set_soft_deletion."""
        self.call("set_soft_deletion", table, column, value, purge_after_seconds)

    def retry_deletion(self, job_id: int | None) -> None:
        """CALL retry_deletion."""
        self.call("retry_deletion", job_id)

    def hold_deletion(
        self,
        table: str | None,
        pk: Any,
        reason: str | None = "audit",
        until: dt.datetime | None = None,
    ) -> None:
        """CALL hold_deletion; ``until`` in UTC."""
        self.call("hold_deletion", table, pk if pk is None else str(pk), until, reason)

    def release_deletion_hold(self, table: str | None, pk: Any) -> None:
        """CALL release_deletion_hold."""
        self.call("release_deletion_hold", table, pk if pk is None else str(pk))

    def pause_deletions(self, reason: str | None) -> None:
        """CALL pause_deletions."""
        self.call("pause_deletions", reason)

    def resume_deletions(self) -> None:
        """CALL resume_deletions."""
        self.call("resume_deletions")

    def register_deletion_target(
        self,
        table: str | None,
        key_columns: Sequence[str] | str | None = None,
        max_rows: int | None = None,
    ) -> None:
        """CALL register_deletion_target (``key_columns`` as text is sent as it is)."""
        self.call("register_deletion_target", table, _json(key_columns), max_rows)

    def unregister_deletion_target(self, table: str | None) -> None:
        """CALL unregister_deletion_target."""
        self.call("unregister_deletion_target", table)

    def set_deletion_rule(
        self,
        child_table: str | None,
        reference: str | None,
        action: str | None,
        scrub: dict[str, Any] | str | None = None,
    ) -> None:
        """CALL set_deletion_rule (``scrub`` as text is sent as it is)."""
        text = json.dumps(scrub) if isinstance(scrub, dict) else scrub
        self.call("set_deletion_rule", child_table, reference, action, text)

    def declare_deletion_reference(
        self,
        name: str | None,
        child_table: str | None = None,
        child_columns: Sequence[str] | str | None = None,
        parent_table: str | None = None,
        parent_columns: Sequence[str] | str | None = None,
        action: str | None = None,
        discriminator_column: str | None = None,
        discriminator_value: str | None = None,
    ) -> None:
        """CALL declare_deletion_reference."""
        self.call(
            "declare_deletion_reference",
            name,
            child_table,
            _json(child_columns),
            parent_table,
            _json(parent_columns),
            action,
            discriminator_column,
            discriminator_value,
        )

    def compile_deletion_plan(self, table: str | None) -> None:
        """CALL compile_deletion_plan."""
        self.call("compile_deletion_plan", table)

    @abstractmethod
    def preview_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        """Ask preview_deletion."""

    @abstractmethod
    def preview_soft_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        """Ask preview_soft_deletion."""

    def set_deletion_setting(self, name: str | None, value: Any) -> None:
        """CALL set_deletion_setting."""
        self.call("set_deletion_setting", name, None if value is None else str(value))

    def link_deletion_users(self, table: str | None, column: str | None = "id") -> None:
        """CALL link_deletion_users."""
        self.call("link_deletion_users", table, column)

    def run_deletion_jobs(self, slot: int | None = None, run_seconds: int | None = None) -> None:
        """CALL run_deletion_jobs."""
        self.call("run_deletion_jobs", slot, run_seconds)

    def run_deletion_job(self, job_id: int | None) -> str:
        """CALL run_deletion_job and give the job's status."""
        return str(self.call("run_deletion_job", job_id, out=True))

    def start_deletion_schedule(self) -> None:
        """CALL start_deletion_schedule."""
        self.call("start_deletion_schedule")

    def stop_deletion_schedule(self) -> None:
        """CALL stop_deletion_schedule."""
        self.call("stop_deletion_schedule")

    # -- What tests ask again and again ------------------------------------------------------

    def run(self) -> None:
        """Let a worker run until nothing is due any more; failed steps are retried at once."""
        self.set_deletion_setting("backoff_seconds", 0)
        for _ in range(100):
            self.worker.run_deletion_jobs()
            if not self.due():
                return
        raise AssertionError(f"still due after 100 runs: {self.due()}")

    def due(self) -> list[int]:
        """Give the ids of jobs that a worker should take up now, or has left running."""
        now = self.either(mysql="UTC_TIMESTAMP(6)", postgres="now()")
        return self.column(
            "SELECT id FROM deletion_jobs WHERE status = 'running' OR (status = 'pending'"
            f" AND COALESCE(scheduled_at, created_at) <= {now}) ORDER BY id"
        )

    def job(self, job_id: int) -> Job:
        """Give a row of deletion_jobs."""
        names = [item.name for item in fields(Job)]
        found = self.rows(f"SELECT {', '.join(names)} FROM deletion_jobs WHERE id = %s", job_id)
        assert found, f"no job {job_id}"
        values: dict[str, Any] = dict(zip(names, found[0], strict=True))
        values["hard_delete"] = bool(values["hard_delete"])
        for name in names:
            if isinstance(values[name], dt.datetime):
                values[name] = _in_utc(values[name])
        return Job(**values)

    def status(self, job_id: int) -> str:
        """Give a job's status."""
        return self.job(job_id).status

    def receipts(self, job_id: int) -> dict[tuple[str, str], int]:
        """Give a job's receipts as {(table, action): rows}."""
        return {
            (table, action): int(count)
            for table, action, count in self.rows(
                "SELECT table_name, action, row_count FROM vw_deletion_receipts WHERE job_id = %s",
                job_id,
            )
        }

    def outcomes(self, job_id: int) -> list[str | None]:
        """Give the outcomes of a job's attempts, in their order."""
        return self.column(
            "SELECT outcome FROM deletion_attempts WHERE job_id = %s ORDER BY attempt_no", job_id
        )

    def marks(self, job_id: int, state: str = "held") -> list[tuple[str, list[Any]]]:
        """Give the rows that a job has marked, as (table, key), in order."""
        found = self.rows(
            "SELECT table_name, row_key FROM vw_deletion_marks WHERE job_id = %s AND state = %s",
            job_id,
            state,
        )
        return sorted(
            (table, json.loads(key) if isinstance(key, str) else key) for table, key in found
        )

    def delete(self, table: str, pk: Any) -> Job:
        """Enqueue a hard deletion, run it and give the job as it ended."""
        job_id = self.enqueue_deletion(table, pk)
        self.run()
        return self.job(job_id)

    def now(self) -> dt.datetime:
        """Give the server's time."""
        return _in_utc(
            self.value(self.either(mysql="SELECT UTC_TIMESTAMP(6)", postgres="SELECT now()"))
        )


class Postgres(Database):
    """A session of PostgreSQL."""

    engine = "postgres"

    def __init__(self, home: Home, role: Role | None = None) -> None:
        user, password = home.accounts[role] if role else (home.server.user, home.server.password)
        self.connection = psycopg.connect(
            home.server.url_of(home.database, user, password),
            autocommit=True,
        )
        self._session_id = self.connection.info.backend_pid
        if home.schema != "public":
            self.connection.execute(f"SET search_path = {self.quote(home.schema)}")
        super().__init__(home, role)

    def _send(self, sql: str, arguments: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
        cursor = self.connection.execute(sql, arguments or None)
        return cursor.rowcount, cursor.fetchall() if cursor.description else []

    def _send_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, rows)

    def _send_script(self, text: str) -> None:
        self.connection.execute(text)

    def close(self) -> None:
        self.connection.close()

    @property
    def session_id(self) -> int:
        return self._session_id

    def quote(self, name: str) -> str:
        return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))

    def connect(self, role: Role | None = None) -> "Postgres":
        return Postgres(self.home, role)

    def is_blocked(self, session: Database) -> bool:
        return bool(
            self.value(
                "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s",
                session.session_id,
            )
        )

    def end_session(self, session: Database) -> None:
        self.value("SELECT pg_terminate_backend(%s, 10000)", session.session_id)

    def cancel_statement(self, session: Database) -> None:
        self.value("SELECT pg_cancel_backend(%s)", session.session_id)

    def _raised(self, error: Exception) -> Raised | None:
        if not isinstance(error, psycopg.Error) or error.sqlstate is None:
            return None
        told = error.diag
        return Raised(
            error.sqlstate,
            told.message_primary or "",
            None,
            told.message_detail or "",
            told.message_hint or "",
        )

    def tables(self) -> list[str]:
        return self.column(
            "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'cron')"
            " AND n.nspname NOT LIKE %s ORDER BY 1",
            "pg\\_%",
        )

    def grant_to_owner(self, table: str) -> None:
        self._send_script(f"GRANT SELECT, UPDATE, DELETE ON {self.quote(table)} TO {OWNER}")

    def revoke_from_owner(self, table: str, privilege: str) -> None:
        self._send_script(f"REVOKE {privilege} ON {self.quote(table)} FROM {OWNER}")

    def call(self, routine: str, *arguments: Any, out: bool = False) -> Any:
        marks = ", ".join(["%s"] * len(arguments) + (["NULL"] if out else []))
        found = self.rows(f"CALL {routine}({marks})", *arguments)
        return found[0][-1] if out else None

    def preview_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        return self._preview("preview_deletion", table, pk)

    def preview_soft_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        return self._preview("preview_soft_deletion", table, pk)

    def _preview(self, routine: str, table: str | None, pk: Any) -> list[Preview]:
        text = pk if pk is None or isinstance(pk, str) else str(pk)
        found = self.rows(
            "SELECT table_name, action, reference_name, row_count, is_at_least"
            f" FROM {routine}(%s, %s)",
            table,
            text,
        )
        return [Preview(*row) for row in found]


class MySQL(Database):
    """A session of MySQL."""

    engine = "mysql"

    def __init__(self, home: Home, role: Role | None = None) -> None:
        user, password = home.accounts[role] if role else (home.server.user, home.server.password)
        self.connection = connect_mysql(home.server, user, password, home.database)
        self._session_id = int(self.connection.thread_id())
        super().__init__(home, role)

    def _send(self, sql: str, arguments: Sequence[Any]) -> tuple[int, list[tuple[Any, ...]]]:
        with self.connection.cursor() as cursor:
            touched = cursor.execute(sql, [_to_mysql(item) for item in arguments] or None)
            found = list(cursor.fetchall()) if cursor.description else []
            while cursor.nextset():
                found = found or (list(cursor.fetchall()) if cursor.description else [])
        return touched, found

    def _send_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, [[_to_mysql(item) for item in row] for row in rows])

    def _send_script(self, text: str) -> None:
        self._send(text, ())

    def close(self) -> None:
        if self.connection.open:
            self.connection.close()

    @property
    def session_id(self) -> int:
        return self._session_id

    def quote(self, name: str) -> str:
        return ".".join("`" + part.replace("`", "``") + "`" for part in name.split("."))

    def connect(self, role: Role | None = None) -> "MySQL":
        return MySQL(self.home, role)

    def is_blocked(self, session: Database) -> bool:
        # By transaction, not by the waiting lock's own thread: a purge that merges two pages
        # makes their record locks anew, in its thread's name. Only table locks keep their maker.
        return bool(
            self.value(
                "SELECT COUNT(*) FROM performance_schema.data_lock_waits AS w"
                " JOIN performance_schema.data_locks AS l"
                " ON l.ENGINE_TRANSACTION_ID = w.REQUESTING_ENGINE_TRANSACTION_ID"
                " AND l.LOCK_TYPE = 'TABLE'"
                " JOIN performance_schema.threads AS t ON t.THREAD_ID = l.THREAD_ID"
                " WHERE t.PROCESSLIST_ID = %s",
                session.session_id,
            )
        )

    def end_session(self, session: Database) -> None:
        with contextlib.suppress(pymysql.err.OperationalError):
            self.execute("KILL %s", session.session_id)
        self.wait_for(
            "SELECT COUNT(*) = 0 FROM information_schema.processlist WHERE id = %s",
            session.session_id,
        )

    def cancel_statement(self, session: Database) -> None:
        self.execute("KILL QUERY %s", session.session_id)

    def _raised(self, error: Exception) -> Raised | None:
        if not isinstance(error, pymysql.err.MySQLError) or len(error.args) < 2:
            return None
        return Raised(getattr(error, "sqlstate", None) or "", str(error.args[1]), error.args[0])

    def tables(self) -> list[str]:
        return [
            self.quote(name)
            for name in self.column(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
                " AND table_type = 'BASE TABLE' ORDER BY table_name",
                self.home.database,
            )
        ]

    def grant_to_owner(self, table: str) -> None:
        self._send_script(
            f"GRANT SELECT, UPDATE, DELETE ON {self.quote(table)} TO {OWNER}@localhost"
        )

    def revoke_from_owner(self, table: str, privilege: str) -> None:
        self._send_script(f"REVOKE {privilege} ON {self.quote(table)} FROM {OWNER}@localhost")

    def call(self, routine: str, *arguments: Any, out: bool = False) -> Any:
        marks = ", ".join(["%s"] * len(arguments) + (["@out"] if out else []))
        self.rows(f"CALL {routine}({marks})", *arguments)
        return self.value("SELECT @out") if out else None

    def preview_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        return self._preview("preview_deletion", table, pk)

    def preview_soft_deletion(self, table: str | None, pk: Any) -> list[Preview]:
        return self._preview("preview_soft_deletion", table, pk)

    def _preview(self, routine: str, table: str | None, pk: Any) -> list[Preview]:
        text = pk if pk is None or isinstance(pk, str) else str(pk)
        with self.connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"CALL {routine}(%s, %s)", (table, text))
            found = list(cursor.fetchall())
            while cursor.nextset():
                pass
        return [Preview(**{**row, "is_at_least": bool(row["is_at_least"])}) for row in found]


# -- Installations: one a server and test session --------------------------------------------


class Installation(ABC):
    """Databases with deletion-jobs installed on one server, each test's as new.

    Making one takes a second or more, so a database is cleaned after its test and used again;
    where the test has altered what was installed, it is dropped instead.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = f"djt_{secrets.token_hex(3)}"
        self.accounts: dict[Role, tuple[str, str]] = {
            role: (f"{self.token}_{role}", secrets.token_urlsafe(12)) for role in ROLES
        }
        self._made = 0
        self._free: list[str] = []
        self._all: set[str] = set()
        self._clean: dict[str, dict[str, str]] = {}
        self._seeds: dict[str, list[tuple[Any, ...]]] = {}

    def __enter__(self) -> Self:
        """Make the first database and the accounts; what was made is removed if that fails."""
        try:
            self._free.append(self._make())
            for role, (name, password) in self.accounts.items():
                self.make_account(role, name, password)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Remove all that is left."""
        for name in self._all:
            self.drop(name)
        self.remove_accounts()

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """Give a database as new for the length of the block."""
        database = self.open(self._free.pop() if self._free else self._make())
        try:
            yield database
        finally:
            self._end(database)
            name = database.home.database
            if self._is_clean_again(name):
                self._free.append(name)
            else:
                self._all.remove(name)
                self.drop(name)

    def _make(self) -> str:
        name = self.make()
        self._all.add(name)
        database = self.open(name)
        self._clean[name] = self.catalog(database)
        for table in install.table_names(database.engine):
            self._seeds[table] = database.rows(f"SELECT * FROM {table}")
        self._end(database)
        return name

    def _end(self, database: Database) -> None:
        self.end_sessions(database)
        database.home.threads.shutdown()
        for session in database.home.sessions:
            session.close()

    def _is_clean_again(self, name: str) -> bool:
        """Drop what the test has added, and give our tables the rows of the installation."""
        database = self.open(name)
        try:
            before, after = self._clean[name], self.catalog(database)
            added = {item: text for item, text in after.items() if item not in before}
            if added:
                self.drop_added(database, added)
                after = self.catalog(database)
            if after != before:
                return False
            for table, rows in self._seeds.items():
                if database.rows(f"SELECT * FROM {table}") != rows:
                    self.empty(database, table)
                    database.insert(table, rows)
        finally:
            self._end(database)
        return True

    def _next_name(self) -> str:
        self._made += 1
        return f"{self.token}_{self._made}"

    @abstractmethod
    def make(self) -> str:
        """Make a database with everything installed and give its name."""

    @abstractmethod
    def make_account(self, role: Role, name: str, password: str) -> None:
        """Make an account that may log in and holds this role alone."""

    @abstractmethod
    def open(self, name: str) -> Database:
        """Open the superuser's session in a database."""

    @abstractmethod
    def end_sessions(self, database: Database) -> None:
        """End all sessions that were opened to a test's database."""

    @abstractmethod
    def catalog(self, database: Database) -> dict[str, str]:
        """Describe all objects of a database, by a name that stays: a text that may say more."""

    @abstractmethod
    def drop_added(self, database: Database, added: dict[str, str]) -> None:
        """Drop objects that a test has made, given as by `catalog`."""

    @abstractmethod
    def empty(self, database: Database, table: str) -> None:
        """Remove all rows of one of our tables."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Drop a database."""

    @abstractmethod
    def remove_accounts(self) -> None:
        """Remove the accounts, and close what the installation holds itself."""


class PostgresInstallation(Installation):
    """Keeps databases on PostgreSQL."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.admin = psycopg.connect(server.url, autocommit=True)

    def make(self) -> str:
        name = self._next_name()
        self.admin.execute(f"CREATE DATABASE {name}")
        install.postgres(self.server.url_of(name), "public")
        return name

    def make_account(self, role: Role, name: str, password: str) -> None:
        self.admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        self.admin.execute(f"GRANT deletion_jobs_{role} TO {name}")

    def open(self, name: str) -> Database:
        return Postgres(Home(self.server, name, "public", self.accounts))

    def end_sessions(self, database: Database) -> None:
        # Those that are idle end when they are closed.
        self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND state <> 'idle'",
            (database.home.database,),
        )

    def catalog(self, database: Database) -> dict[str, str]:
        return {
            f"{kind} {oid}": drop or ""
            for kind, oid, drop in database.rows(
                """
                SELECT 'relation', c.oid, 'DROP ' || CASE c.relkind
                    WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                    WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE'
                    END || format(' IF EXISTS %I.%I CASCADE', n.nspname, c.relname)
                FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
                UNION ALL SELECT 'routine', p.oid,
                    format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
                FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
                WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
                UNION ALL SELECT 'type', t.oid, NULL FROM pg_type AS t
                JOIN pg_namespace AS n ON n.oid = t.typnamespace
                WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
                UNION ALL SELECT 'schema', oid, format('DROP SCHEMA IF EXISTS %I CASCADE', nspname)
                FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'
                UNION ALL SELECT 'constraint', oid, NULL FROM pg_constraint
                UNION ALL SELECT 'trigger', oid, NULL FROM pg_trigger
                UNION ALL SELECT 'policy', oid, NULL FROM pg_policy
                """
            )
        }

    def drop_added(self, database: Database, added: dict[str, str]) -> None:
        # What belongs to a schema or to a table goes with it.
        for kind in ("schema", "relation", "routine"):
            for item, drop in added.items():
                if drop and item.startswith(kind):
                    database.execute(drop)

    def empty(self, database: Database, table: str) -> None:
        database.execute(f"DELETE FROM {table}")

    def drop(self, name: str) -> None:
        self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def remove_accounts(self) -> None:
        for name, _ in self.accounts.values():
            self.admin.execute(f"DROP ROLE IF EXISTS {name}")
        self.admin.close()

    def install_beside(self, database: Database, schema: str) -> Database:
        """Install once more, in a schema of its own, and open a session that works there."""
        database.execute(f"CREATE SCHEMA {database.quote(schema)}")
        install.postgres(self.server.url_of(database.home.database), schema)
        home = dataclasses.replace(database.home, schema=schema)
        return Postgres(home)

    @contextlib.contextmanager
    def beside_pg_cron(self) -> Iterator[Database]:
        """Give an installation in a schema of the one database that pg_cron lives in."""
        name = str(self.admin.execute("SHOW cron.database_name").fetchall()[0][0])
        schema = self._next_name()
        with psycopg.connect(self.server.url_of(name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_cron")
            connection.execute(f"CREATE SCHEMA {schema}")
        install.postgres(self.server.url_of(name), schema)
        database = Postgres(Home(self.server, name, schema, self.accounts))
        try:
            yield database
        finally:
            database.home.threads.shutdown()
            # A worker of pg_cron may be at work there, and each may wait for the other.
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                database.execute(f"DROP SCHEMA {schema} CASCADE")
            database.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            for session in database.home.sessions:
                session.close()


class MySQLInstallation(Installation):
    """Keeps databases on MySQL."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.admin = connect_mysql(server, server.user, server.password)

    def make(self) -> str:
        name = self._next_name()
        self._ask(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        install.mysql(self.server, name)
        return name

    def make_account(self, role: Role, name: str, password: str) -> None:
        self._ask(f"CREATE USER {name}@'%' IDENTIFIED BY '{password}'")
        self._ask(f"GRANT deletion_jobs_{role} TO {name}@'%'")
        self._ask(f"SET DEFAULT ROLE ALL TO {name}@'%'")

    def open(self, name: str) -> Database:
        return MySQL(Home(self.server, name, name, self.accounts))

    def end_sessions(self, database: Database) -> None:
        for session in database.home.sessions:
            with contextlib.suppress(pymysql.err.OperationalError):
                self._ask(f"KILL {session.session_id}")

    def catalog(self, database: Database) -> dict[str, str]:
        objects: dict[str, str] = {
            f"{kind} {name}": text
            for kind, name, text in database.rows(
                "SELECT IF(TABLE_TYPE = 'VIEW', 'VIEW', 'TABLE'), TABLE_NAME, ''"
                " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
                " UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME, LAST_ALTERED"
                " FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
                " UNION ALL SELECT 'TRIGGER', TRIGGER_NAME, CREATED"
                " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
                " UNION ALL SELECT 'EVENT', EVENT_NAME, LAST_ALTERED"
                " FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()"
            )
        }
        for table in install.table_names("mysql"):
            if f"TABLE {table}" in objects:
                text = database.rows(f"SHOW CREATE TABLE {table}")[0][1]
                objects[f"TABLE {table}"] = re.sub(r" AUTO_INCREMENT=\d+", "", text)
        return objects

    def drop_added(self, database: Database, added: dict[str, str]) -> None:
        database.execute("SET foreign_key_checks = 0")
        for item in added:
            kind, _, name = item.partition(" ")
            database.execute(f"DROP {kind} IF EXISTS {database.quote(name)}")
        database.execute("SET foreign_key_checks = 1")

    def empty(self, database: Database, table: str) -> None:
        # A DELETE would leave entries behind that inserts of the next test wait for.
        database.execute(f"TRUNCATE TABLE {table}")

    def drop(self, name: str) -> None:
        self._ask(f"DROP DATABASE {name}")

    def remove_accounts(self) -> None:
        for name, _ in self.accounts.values():
            self._ask(f"DROP USER IF EXISTS {name}@'%'")
        self.admin.close()

    def _ask(self, statement: str) -> None:
        with self.admin.cursor() as cursor:
            cursor.execute(statement)


def connect_mysql(
    server: Server, user: str, password: str, database: str | None = None
) -> "pymysql.connections.Connection[pymysql.cursors.Cursor]":
    """Connect so that one request may hold several statements, as an injection would need."""
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=user,
        password=password,
        database=database,
        autocommit=True,
        charset="utf8mb4",
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
        # For TLS each connection would read the machine's certificates, 25 ms of a test's 500.
        ssl_disabled=server.host == "127.0.0.1",
    )


def _tuple(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def _json(value: Sequence[str] | str | None) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(list(value))


def _in_utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def _to_mysql(value: Any) -> Any:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value
