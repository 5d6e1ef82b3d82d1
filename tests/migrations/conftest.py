"""Fixtures of the tests of installing: a database of its own for each test."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deletion_jobs import sources
from deletion_jobs.servers import Server
from tests.migrations.places import Engine, Place
from tests.migrations.trees import Tree


@pytest.fixture
def postgres_place(postgres_server: Server) -> Iterator[Place]:
    """An empty database of PostgreSQL."""
    name = f"djm_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield Place("postgres", postgres_server, name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def mysql_place(mysql_server: Server) -> Iterator[Place]:
    """An empty database of MySQL."""
    name = f"djm_{secrets.token_hex(4)}"
    admin = Place("mysql", mysql_server, "")
    admin.execute(f"CREATE DATABASE {name}")
    try:
        yield Place("mysql", mysql_server, name)
    finally:
        admin.execute(f"DROP DATABASE {name}")
        for table in ("tables_priv", "procs_priv", "db"):
            admin.execute(f"DELETE FROM mysql.{table} WHERE db = '{name}'")
        admin.execute("FLUSH PRIVILEGES")


@pytest.fixture(params=["mysql", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.param
    return found


@pytest.fixture
def place(request: pytest.FixtureRequest, engine: Engine) -> Place:
    """An empty database, on each engine in turn."""
    found: Place = request.getfixturevalue(f"{engine}_place")
    return found


@pytest.fixture
def with_users(place: Place) -> Place:
    """A database that holds the application's users and nothing else."""
    place.add_users()
    return place


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A copy of the project, which the tool takes for its own."""
    found = Tree(tmp_path)
    monkeypatch.setattr(sources, "root", lambda: tmp_path)
    return found
