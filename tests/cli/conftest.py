"""The fixtures of the tests of installing and measuring, for the commands that need a server."""

import contextlib
import secrets
from collections.abc import Iterator

import psycopg
import pymysql
import pytest
from psycopg import sql

from deletion_jobs import apply, bench, bench_jobs, bench_load
from deletion_jobs.database import Row, Session
from tests.migrations.conftest import engine, mysql_place, place, postgres_place

__all__ = ["engine", "mysql_place", "place", "postgres_place"]


@pytest.fixture
def url(
    engine: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A database to measure in, on a MySQL whose own cascade is right.

    deletion-jobs is in it already, and stays: to install it took longer than to measure.
    """
    name = "mysql_native_fk_installation" if engine == "mysql" else "postgres_installation"
    there = apply.Outcome("", ["as freshly installed"])
    with request.getfixturevalue(name).database() as database:
        monkeypatch.setattr(apply, "apply", lambda *_: there)
        monkeypatch.setattr(apply, "roll_back", lambda *_: there)
        yield database.home.server.url_of(database.home.database)


@pytest.fixture
def empty_url(engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database to measure in, on a MySQL whose own cascade is right."""
    name = f"djt_bench_{secrets.token_hex(4)}"
    if engine == "mysql":
        server = request.getfixturevalue("mysql_server_native_fk")
        with pymysql.connect(
            host=server.host, port=server.port, user=server.user, password=server.password
        ) as connection:
            connection.cursor().execute(f"CREATE DATABASE {name}")
            yield f"{server.url.rstrip('/')}/{name}"
            connection.cursor().execute(f"DROP DATABASE {name}")
    else:
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield f"{server.url.rpartition('/')[0]}/{name}"
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture
def without_waiting_for_purge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not settle: others keep a shared server busy, and speed is no matter in tests."""
    monkeypatch.setattr(bench, "PURGE_BACKLOG", 1_000_000)


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Tell of each measurement so far whether an old snapshot was held for it."""
    held: list[bool] = []
    hold = bench.old_snapshot

    def watched(url: str, is_held: bool) -> contextlib.AbstractContextManager[None]:
        held.append(is_held)
        return hold(url, is_held)

    for module in (bench, bench_jobs, bench_load):
        monkeypatch.setattr(module, "old_snapshot", watched)
    return held


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch):
    """Give a function that makes one query, or a CALL of one routine, do nothing."""

    def forget_one(name: str) -> None:
        query, call = Session.query, Session.call

        def forgetful_query(session: Session, asked: str, /, **values: object) -> list[Row]:
            return [] if asked == name else query(session, asked, **values)

        def forgetful_call(session: Session, routine: str, *arguments: object) -> list[Row]:
            return [] if routine == name else call(session, routine, *arguments)

        monkeypatch.setattr(Session, "query", forgetful_query)
        monkeypatch.setattr(Session, "call", forgetful_call)

    return forget_one
