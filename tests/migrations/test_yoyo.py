"""yoyo is the ledger: it sees what this tool did, and this tool what yoyo did."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yoyo

from deletion_jobs import migrations, sources
from tests.migrations.places import Place

# yoyo names PyMySQL's parameters as they were called long ago.
pytestmark = pytest.mark.filterwarnings("ignore:'(db|passwd)' is deprecated:DeprecationWarning")

COLUMNS = {
    "postgres": "SELECT table_name::text, column_name::text, data_type::text,"
    " character_maximum_length, is_nullable::text FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name LIKE '\\_yoyo\\_%' ORDER BY 1, 2",
    "mysql": "SELECT table_name, column_name, column_type, collation_name, is_nullable"
    " FROM information_schema.columns"
    " WHERE table_schema = database() AND table_name LIKE '\\_yoyo\\_%' ORDER BY 1, 2",
}


@pytest.fixture
def backend(place: Place) -> Iterator[Any]:
    """Plain yoyo, connected to the same database."""
    url = place.url
    if place.engine == "postgres":
        url = url.replace("postgresql://", "postgresql+psycopg://")
    found = yoyo.get_backend(url)
    yield found
    found.connection.close()


def ids(backend: Any, chosen: Any) -> list[str]:
    """List migrations, and end the transaction in which yoyo has looked at the ledger."""
    found = [migration.id for migration in chosen]
    backend.rollback()
    return found


@pytest.fixture
def ours(place: Place) -> Any:
    """Our migrations, as yoyo reads them."""
    return yoyo.read_migrations(str(sources.root() / "migrations" / place.engine))


def test_yoyo_sees_what_apply_did(place: Place, backend: Any, ours: Any) -> None:
    assert ids(backend, backend.to_apply(ours)) == migrations.names(place.engine)
    place.ok("apply", "--no-users-key")
    assert ids(backend, backend.to_apply(ours)) == []
    assert ids(backend, backend.to_rollback(ours)) == migrations.names(place.engine)[::-1]


def test_apply_sees_what_yoyo_did(place: Place, backend: Any, ours: Any) -> None:
    with backend.lock():
        backend.apply_migrations(backend.to_apply(ours))
    backend.rollback()
    assert "nothing to do" in place.ok("apply")
    place.ok("verify")
    with backend.lock():
        backend.rollback_migrations(backend.to_rollback(ours))
    backend.rollback()
    assert json.loads(place.run("status", "--json").stdout)["applied"] == []
    place.ok("apply", "--no-users-key")
    place.ok("verify")


def test_the_tables_of_the_ledger_are_as_yoyo_makes_them(
    place: Place, backend: Any, ours: Any
) -> None:
    assert ids(backend, backend.to_apply(ours)) == migrations.names(place.engine)
    wanted = place.execute(COLUMNS[place.engine])
    for table in ("_yoyo_migration", "_yoyo_log", "_yoyo_version"):
        place.execute(f"DROP TABLE {table}")
    place.ok("apply", "--no-users-key")
    assert place.execute(COLUMNS[place.engine]) == wanted


def test_every_step_is_logged_as_yoyo_would(place: Place) -> None:
    place.ok("apply", "--no-users-key")
    place.execute(
        "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('h', '0001_orders')"
    )
    place.ok("rollback", "--yes")
    rows = place.execute(
        "SELECT migration_id, operation FROM _yoyo_log ORDER BY operation, migration_id"
    )
    names = migrations.names(place.engine)
    assert rows == [(name, what) for what in ("apply", "rollback") for name in names]
