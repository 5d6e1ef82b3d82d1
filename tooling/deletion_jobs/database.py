"""Connect to either engine, and run the tool's queries and scripts there.

Where to connect, the first of these that is given:

1. ``--url`` or ``DELETION_JOBS_URL``: ``postgresql://..`` or ``mysql://..``; what the URL lacks
   comes from the engine's own places (``PGPASSWORD``, ``.pgpass``; ``~/.my.cnf``, ``MYSQL_PWD``);
2. ``PGSERVICE``, ``PGHOST`` or ``PGDATABASE``: PostgreSQL, all from its environment;
3. ``~/.my.cnf``: MySQL, all from its groups ``[client]`` and ``[deletion-jobs]``.
"""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
import pymysql
import pymysql.constants.CLIENT
import pymysql.cursors
from psycopg.rows import dict_row

from deletion_jobs import queries, statements
from deletion_jobs.errors import DatabaseError, UsageError
from deletion_jobs.sources import Engine

Row = dict[str, Any]

APPLICATION = "deletion-jobs"
CONNECT_SECONDS = 10
SCHEMES: dict[str, Engine] = {
    "postgres": "postgres",
    "postgresql": "postgres",
    "mysql": "mysql",
}
MYSQL_OPTIONS = {"unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "read_default_file"}

# Worth another try as they stand: locks, deadlocks, and two sessions that make the same role.
RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03", "42710", "23505"})
RETRYABLE_ERRNOS = frozenset({1205, 1213, 3572})

TODO = {
    "08": "check host, port and whether the server runs; --url or DELETION_JOBS_URL names it",
    "28": "check user and password: PGPASSWORD or ~/.pgpass, MYSQL_PWD or ~/.my.cnf",
    "3D": "name a database that exists",
    "42501": "connect as a user with the privilege, or let a DBA run the output of "
    "'deletion-jobs sql'",
    "55P03": "another session holds a lock on the table: try again when it has ended",
    "40P01": "try again",
    "40001": "try again",
    "57014": "the statement was cancelled; run the command again",
    "57P": "the server is shutting down or not up yet; run the command again",
    "JD005": "name a table that exists: --users-table, --users-column, or --no-users-key",
    "JD002": "correct the value; --users-table, --users-column and --no-users-key say whose key",
    "JD012": "use the version of this tool that belongs to the installed schema",
    "42P01": "nothing is installed in this schema; --schema names another, 'deletion-jobs apply' "
    "installs",
    "42883": "nothing is installed in this schema, or only half; 'deletion-jobs verify' tells",
}
TODO_ERRNO = {
    1044: TODO["42501"],
    1045: TODO["28"],
    1049: TODO["3D"],
    1142: TODO["42501"],
    1143: TODO["42501"],
    1146: TODO["42P01"],
    1205: TODO["55P03"],
    1213: "try again",
    1227: TODO["42501"],
    1305: TODO["42883"],
    1370: TODO["42501"],
    1410: TODO["42501"],
    2003: TODO["08"],
    2006: TODO["08"],
    2013: TODO["08"],
    1046: "name the database: mysql://user@host/database",
}


def _todo(sqlstate: str, errno: int | None) -> str:
    if errno in TODO_ERRNO:
        return TODO_ERRNO[errno]
    for length in (5, 3, 2):
        if sqlstate[:length] in TODO:
            return TODO[sqlstate[:length]]
    return "the message is the server's own; its log may tell more"


def _connection_state(error: psycopg.Error) -> str:
    """Give the SQLSTATE of a failed connection, which libpq keeps to itself."""
    if not isinstance(error, psycopg.OperationalError):
        return ""
    for words, sqlstate in (("authentication failed", "28P01"), ("does not exist", "3D000")):
        if words in str(error):
            return sqlstate
    return "08006"


def translate(error: Exception) -> DatabaseError:
    """Make our own error of a driver's, with the SQLSTATE and what to do."""
    if isinstance(error, psycopg.Error):
        primary = error.diag.message_primary or str(error).strip()
        details = [text for text in (error.diag.message_detail, error.diag.context) if text]
        sqlstate = error.sqlstate or _connection_state(error)
        todo = error.diag.message_hint or _todo(sqlstate, None)
        return DatabaseError("\n  ".join([primary, *details]), sqlstate, todo)
    arguments = error.args
    errno = arguments[0] if arguments and isinstance(arguments[0], int) else None
    message = str(arguments[1]) if len(arguments) > 1 else str(error)
    sqlstate = str(getattr(error, "sqlstate", None) or "")
    if not sqlstate and errno in {2003, 2006, 2013}:
        sqlstate = "08S01"
    return DatabaseError(message, sqlstate, _todo(sqlstate, errno), errno)


def is_retryable(error: DatabaseError) -> bool:
    """Tell whether the same step may well succeed when it is tried again."""
    return (
        error.sqlstate in RETRYABLE_STATES
        or error.errno in RETRYABLE_ERRNOS
        or (error.sqlstate == "XX000" and "concurrently updated" in error.message)
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, pymysql.err.MySQLError) as error:
        raise translate(error) from error


class Session(ABC):
    """A session of either engine; every statement commits unless `transaction` is open."""

    engine: Engine

    @abstractmethod
    def _send(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """Run one statement and give the rows of its last result."""

    @abstractmethod
    def script(self, text: str) -> None:
        """Run a migration's text.

        Raises:
            DatabaseError: with the line of the statement, where the engine tells.
        """

    @abstractmethod
    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold a transaction, where DDL can be taken back at all: on MySQL it cannot."""

    @abstractmethod
    def close(self) -> None:
        """Close the session."""

    def query(self, name: str, **values: Any) -> list[Row]:
        """Run one of the tool's queries; rows are dicts by column name in lower case."""
        return self._send(queries.load(self.engine, name), values)

    def one(self, name: str, **values: Any) -> Row:
        """Run a query that answers with exactly one row."""
        rows = self.query(name, **values)
        if len(rows) != 1:
            raise DatabaseError(f"{name}: {len(rows)} rows instead of one")
        return rows[0]

    def view(self, name: str) -> list[Row]:
        """Read all of a view."""
        if not name.isidentifier():
            raise ValueError(name)
        return self._send(f"SELECT * FROM {name}", {})  # noqa: S608

    def call(self, routine: str, *arguments: Any) -> list[Row]:
        """CALL a procedure."""
        if not routine.isidentifier():
            raise ValueError(routine)
        values = {f"p{number}": value for number, value in enumerate(arguments)}
        return self._send(f"CALL {routine}({', '.join(f'%({name})s' for name in values)})", values)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PostgresSession(Session):
    """A session of PostgreSQL, its search_path pinned to one schema."""

    engine: Engine = "postgres"

    def __init__(self, conninfo: str, schema: str | None) -> None:
        with _translated():
            self.connection = psycopg.connect(
                conninfo,
                autocommit=True,
                row_factory=dict_row,
                application_name=APPLICATION,
                client_encoding="UTF8",
                connect_timeout=CONNECT_SECONDS,
            )
        self.query("pin_search_path", schema=schema)

    def _send(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        with _translated(), self.connection.cursor() as cursor:
            cursor.execute(sql.encode(), values if values else None)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def script(self, text: str) -> None:
        """Run a whole text as one request."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(text.encode())
            except psycopg.Error as error:
                told = translate(error)
                position = error.diag.statement_position
                if position:
                    line = text.count("\n", 0, int(position)) + 1
                    told.message = f"line {line}: {told.message}"
                raise told from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold a transaction for the length of the block; an error takes all of it back."""
        with _translated(), self.connection.transaction():
            yield

    def close(self) -> None:
        """Close the session."""
        self.connection.close()


class MySQLSession(Session):
    """A session of MySQL."""

    engine: Engine = "mysql"

    def __init__(self, options: Mapping[str, Any]) -> None:
        with _translated():
            self.connection = pymysql.connect(
                **options,
                autocommit=True,
                charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS,
                program_name=APPLICATION,
                cursorclass=pymysql.cursors.DictCursor,
            )
        self.query("pin_session")

    def _send(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = []
        with _translated(), self.connection.cursor() as cursor:
            for statement in statements.split(sql.rstrip().removesuffix(";") + ";"):
                cursor.execute(statement.text, dict(values) or None)
                rows = list(cursor.fetchall()) if cursor.description else []
                while cursor.nextset():
                    pass
        return [{name.lower(): value for name, value in row.items()} for row in rows]

    def script(self, text: str) -> None:
        """Run a text statement by statement, as the mysql client would."""
        with self.connection.cursor() as cursor:
            for statement in statements.split(text):
                try:
                    cursor.execute(statement.text)
                    while cursor.nextset():
                        pass
                except pymysql.err.MySQLError as error:
                    told = translate(error)
                    told.message = f"line {statement.line}: {told.message}"
                    raise told from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do nothing: DDL commits, so every statement can be run again instead."""
        yield

    def close(self) -> None:
        """Close the session."""
        if self.connection.open:
            self.connection.close()


def connect(url: str | None = None, schema: str | None = None) -> Session:
    """Open a session.

    Args:
        url: ``postgresql://user@host:port/database`` or ``mysql://user@host:port/database``;
            None: from the environment, as the module says.
        schema: PostgreSQL's schema; None: the connection's current one.

    Raises:
        UsageError: nothing says where to connect, or the URL is of no known kind.
        DatabaseError: the server refuses or does not answer.
    """
    where = url or os.environ.get("DELETION_JOBS_URL", "")
    if not where:
        return _connect_by_environment(schema)
    parts = urlsplit(where)
    engine = SCHEMES.get(parts.scheme.split("+")[0])
    if engine is None:
        raise UsageError(
            f"'{parts.scheme}://' is no URL of a database",
            "it begins with postgresql:// or mysql://",
        )
    if engine == "postgres":
        return PostgresSession("postgresql" + where[len(parts.scheme) :], schema)
    if schema:
        raise UsageError("--schema is for PostgreSQL; on MySQL the URL names the database")
    return MySQLSession(mysql_options(where))


def _connect_by_environment(schema: str | None) -> Session:
    if any(os.environ.get(name) for name in ("PGSERVICE", "PGHOST", "PGDATABASE")):
        return PostgresSession("", schema)
    if _my_cnf().is_file():
        return MySQLSession(mysql_options("mysql://"))
    raise UsageError(
        "nothing says which database",
        "give --url, or set DELETION_JOBS_URL, PGSERVICE or ~/.my.cnf",
    )


def _my_cnf() -> Path:
    return Path.home() / ".my.cnf"


def mysql_options(url: str) -> dict[str, Any]:
    """Read a MySQL URL as the driver's options; ``~/.my.cnf`` fills in what it lacks.

    Raises:
        UsageError: an option after ``?`` is not one of those that are known.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else os.environ.get("MYSQL_PWD"),
        "database": unquote(parts.path.lstrip("/")) or None,
    }
    options = {name: value for name, value in options.items() if value is not None}
    for name, value in parse_qsl(parts.query):
        if name.replace("-", "_") not in MYSQL_OPTIONS:
            raise UsageError(f"'{name}' is no option of a MySQL URL: {', '.join(MYSQL_OPTIONS)}")
        options[name.replace("-", "_")] = value
    if _my_cnf().is_file():
        options.setdefault("read_default_file", str(_my_cnf()))
    options.setdefault("read_default_group", "client")
    return options
