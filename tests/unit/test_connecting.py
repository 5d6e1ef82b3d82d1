"""Where the tool connects to, and what it says when that fails."""

from pathlib import Path

import psycopg
import pymysql
import pytest

from deletion_jobs import database
from deletion_jobs.errors import DatabaseError, UsageError


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DELETION_JOBS_URL", "PGSERVICE", "PGHOST", "PGDATABASE", "MYSQL_PWD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_mysql_url_is_read_with_quoted_parts() -> None:
    assert database.mysql_options("mysql://us%40er:p%2Fw@db.host:3307/sh%20op?ssl-ca=/ca.pem") == {
        "host": "db.host",
        "port": 3307,
        "user": "us@er",
        "password": "p/w",
        "database": "sh op",
        "ssl_ca": "/ca.pem",
        "read_default_group": "client",
    }


def test_the_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "hidden")
    assert database.mysql_options("mysql://root@h/d")["password"] == "hidden"
    assert database.mysql_options("mysql://root:told@h/d")["password"] == "told"


def test_the_rest_comes_from_my_cnf(tmp_path: Path) -> None:
    (tmp_path / ".my.cnf").write_text("[client]\nuser=someone\n")
    options = database.mysql_options("mysql:///shop")
    assert options["read_default_file"] == str(tmp_path / ".my.cnf")
    assert "user" not in options


def test_an_unknown_option_of_the_url_is_refused() -> None:
    with pytest.raises(UsageError, match="'colour' is no option"):
        database.mysql_options("mysql://h/d?colour=red")


def test_without_anything_said_the_ways_to_say_it_are_named() -> None:
    with pytest.raises(UsageError) as caught:
        database.connect()
    assert "--url" in caught.value.todo
    assert "PGSERVICE" in caught.value.todo


def test_a_url_of_another_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="sqlite"):
        database.connect("sqlite:///x")


def test_a_schema_is_refused_on_mysql() -> None:
    with pytest.raises(UsageError, match="--schema is for PostgreSQL"):
        database.connect("mysql://root@h/d", schema="side")


def test_a_server_that_is_not_there_has_a_state_and_advice(unused_port: int) -> None:
    for url in (
        f"postgresql://a@127.0.0.1:{unused_port}/a",
        f"mysql://a@127.0.0.1:{unused_port}/a",
    ):
        with pytest.raises(DatabaseError) as caught:
            database.connect(url)
        assert caught.value.sqlstate[:2] == "08"
        assert "--url" in caught.value.todo


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("error", "sqlstate", "advice"),
    [
        (psycopg.errors.InsufficientPrivilege("no"), "42501", "sql"),
        (psycopg.errors.LockNotAvailable("no"), "55P03", "lock"),
        (psycopg.OperationalError("password authentication failed"), "28P01", ".pgpass"),
        (psycopg.OperationalError('database "x" does not exist'), "3D000", "exists"),
        (pymysql.err.OperationalError(1045, "Access denied"), "", "MYSQL_PWD"),
        (pymysql.err.OperationalError(2013, "Lost connection"), "08S01", "--url"),
    ],
)
def test_errors_of_the_drivers_are_explained(error: Exception, sqlstate: str, advice: str) -> None:
    told = database.translate(error)
    assert told.sqlstate == sqlstate
    assert advice in told.todo


def test_locks_are_worth_another_try_and_syntax_is_not() -> None:
    assert database.is_retryable(DatabaseError("x", "55P03"))
    assert database.is_retryable(DatabaseError("x", "HY000", errno=1205))
    assert database.is_retryable(DatabaseError("tuple concurrently updated", "XX000"))
    assert not database.is_retryable(DatabaseError("x", "XX000"))
    assert not database.is_retryable(DatabaseError("x", "42601"))
