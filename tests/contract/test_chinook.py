"""Chinook, a shop that somebody else made: its four cases, on both engines.

The data stand outside the project: CHINOOK_DIR, by default ../shared/data/chinook.
"""

import os
from pathlib import Path

import pytest

from tests import install
from tests.contract.schemas import in_small_steps
from tests.database import Database

ROWS = 15607
NAMES = {
    "mysql": {
        "customer": "Customer",
        "invoice": "Invoice",
        "line": "InvoiceLine",
        "artist": "Artist",
        "album": "Album",
        "track": "Track",
        "playlist_track": "PlaylistTrack",
        "employee": "Employee",
    },
    "postgres": {
        name: name
        for name in (
            "customer",
            "invoice",
            "artist",
            "album",
            "track",
            "playlist_track",
            "employee",
        )
    }
    | {"line": "invoice_line"},
}


@pytest.fixture
def chinook(db: Database) -> Database:
    """Chinook beside deletion-jobs in one database."""
    folder = Path(os.environ.get("CHINOOK_DIR") or install.ROOT / "../shared/data/chinook")
    db._send_script((folder / f"{db.engine}.sql").read_text("utf-8"))
    for table in db.application_contents():
        db.grant_to_owner(table.split(".")[-1].strip('`"'))
    for name in ("customer", "artist", "employee"):
        db.register_deletion_target(t(db, name))
    assert sum(map(len, db.application_contents().values())) == ROWS
    return db


def t(db: Database, name: str) -> str:
    """Give a table's name on this engine."""
    return NAMES[db.engine][name]


def reference(db: Database, child: str, parent: str, column: str = "") -> str:
    """Look up a foreign key's name in the catalog."""
    found = db.either(
        mysql=lambda: db.value(
            "SELECT CONSTRAINT_NAME FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND REFERENCED_TABLE_NAME = %s",
            t(db, child),
            t(db, parent),
        ),
        postgres=lambda: db.value(
            "SELECT conname FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid = %s::regclass AND confrelid = %s::regclass",
            t(db, child),
            t(db, parent),
        ),
    )()
    assert found
    return str(found)


def rule(db: Database, child: str, parent: str, action: str) -> None:
    db.set_deletion_rule(t(db, child), reference(db, child, parent), action)


def left(db: Database, name: str, where: str = "TRUE") -> int:
    return db.count(t(db, name), where)


def test_a_customer_goes_with_seven_invoices_and_38_lines(chinook: Database) -> None:
    rule(chinook, "invoice", "customer", "cascade")
    rule(chinook, "line", "invoice", "cascade")
    before = chinook.application_contents()
    job = chinook.delete(t(chinook, "customer"), 1)
    assert (job.status, job.error) == ("done", None)
    wanted = {t(chinook, "customer"): 1, t(chinook, "invoice"): 7, t(chinook, "line"): 38}
    assert chinook.receipts(job.id) == {(name, "delete"): n for name, n in wanted.items()}
    after = chinook.application_contents()
    gone = {
        table.split(".")[-1].strip('`"'): len(set(rows) - set(after[table]))
        for table, rows in before.items()
        if rows != after[table]
    }
    assert gone == wanted
    assert sum(map(len, after.values())) == ROWS - 46


def test_a_customer_without_rules_is_blocked_by_seven_invoices(chinook: Database) -> None:
    in_small_steps(chinook)
    before = chinook.application_contents()
    job = chinook.delete(t(chinook, "customer"), 1)
    assert job.status == "failed"
    constraint = reference(chinook, "invoice", "customer")
    assert job.error is not None
    assert job.error.startswith(f"JD006: 7 rows of {t(chinook, 'invoice')} behind {constraint}")
    assert chinook.receipts(job.id) == {}
    assert chinook.application_contents() == before


def test_an_artist_whose_tracks_were_sold_is_blocked(chinook: Database) -> None:
    in_small_steps(chinook)
    rule(chinook, "album", "artist", "cascade")
    rule(chinook, "track", "album", "cascade")
    rule(chinook, "playlist_track", "track", "cascade")
    before = chinook.application_contents()
    job = chinook.delete(t(chinook, "artist"), 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD006: ")
    assert reference(chinook, "line", "track") in (job.error or "")
    assert chinook.application_contents() == before


def test_an_employee_goes_and_leaves_customers_without_a_representative(chinook: Database) -> None:
    rule(chinook, "employee", "employee", "set_null")
    rule(chinook, "customer", "employee", "set_null")
    column = chinook.either(mysql="SupportRepId", postgres="support_rep_id")
    looked_after = left(chinook, "customer", f"{column} = 3")
    assert looked_after > 0
    job = chinook.delete(t(chinook, "employee"), 3)
    assert (job.status, job.error) == ("done", None)
    assert chinook.receipts(job.id) == {
        (t(chinook, "customer"), "set_null"): looked_after,
        (t(chinook, "employee"), "delete"): 1,
    }
    assert left(chinook, "customer") == 59
    assert left(chinook, "customer", f"{column} IS NULL") == looked_after
    assert left(chinook, "employee") == 7
