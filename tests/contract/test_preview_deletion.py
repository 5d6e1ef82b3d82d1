"""preview_deletion: how many rows of each table would go, and what would stop it."""

import pytest

from tests.contract.schemas import children, customers, shop
from tests.database import Database, Preview, Reference


def seen(db: Database, table: str, pk: object) -> set[Preview]:
    found = db.preview_deletion(table, pk)
    assert len(found) == len(set(found))
    return set(found)


def test_every_table_is_counted_and_nothing_is_changed(db: Database) -> None:
    shop(db)
    children(db, "visit", {1: 4, 2: 1}, on_delete="set null")
    db.compile_deletion_plan("customer")
    before = db.contents()
    assert seen(db, "customer", 1) == {
        Preview("customer", "delete", None, 1, False),
        Preview("invoice", "delete", None, 3, False),
        Preview("line", "delete", None, 6, False),
        Preview("visit", "set_null", None, 4, False),
    }
    assert db.contents() == before


def test_preview_agrees_with_the_receipts(db: Database) -> None:
    shop(db)
    children(db, "visit", {1: 4, 2: 1}, on_delete="set null")
    foreseen = {(row.table_name, row.action): row.row_count for row in seen(db, "customer", 1)}
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == foreseen


def test_rows_that_would_block_are_counted_with_their_reference(db: Database) -> None:
    shop(db, on_delete="no action")
    assert Preview("invoice", "restrict", "fk_invoice_customer_id", 3, False) in seen(
        db, "customer", 1
    )


def test_a_root_that_is_not_there_is_said(db: Database) -> None:
    shop(db)
    assert seen(db, "customer", 99) == {Preview("customer", "root_not_found", None, 0, False)}


def test_a_long_count_stops_at_the_limit(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 2000})
    db.set_deletion_setting(
        "preview_rows",
        db.value("SELECT min_value FROM deletion_settings WHERE setting_name = 'preview_rows'"),
    )
    db.set_deletion_setting("preview_rows", 1000)
    found = {row.table_name: row for row in seen(db, "customer", 1)}
    assert found["visit"].is_at_least is True
    assert 0 < found["visit"].row_count <= 2000


def test_a_row_that_is_reached_twice_is_counted_once(db: Database) -> None:
    customers(db)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint",
        "to_id bigint",
        references=[
            Reference("from_id", "customer", "cascade"),
            Reference("to_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 3)],
    )
    assert Preview("transfer", "delete", None, 3, False) in seen(db, "customer", 1)


def test_preview_compiles_the_plan_that_is_missing(db: Database) -> None:
    shop(db)
    assert len(seen(db, "customer", 1)) == 3


@pytest.mark.parametrize(
    ("table", "pk", "code"),
    [
        (None, "1", "JD002"),
        ("customer", None, "JD002"),
        ("customer", "1x", "JD002"),
        ("invoice", "1", "JD004"),
        ("nothing", "1", "JD004"),
    ],
)
def test_what_enqueue_refuses_preview_refuses(
    db: Database, table: str | None, pk: str | None, code: str
) -> None:
    shop(db)
    with db.error(code, "preview_deletion: "):
        db.preview_deletion(table, pk)


def test_a_plan_that_cannot_run_is_said(db: Database) -> None:
    customers(db)
    db.table(
        "click",
        "id float",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(5, 1)],
    )
    with db.error("JD005", "preview_deletion: ", changes=True):
        db.preview_deletion("customer", 1)


def test_a_missing_privilege_is_said_as_a_run_would(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    db.revoke_from_owner("customer", "DELETE")
    with db.error(mysql="42000", postgres="42501", message="customer"):
        db.preview_deletion("customer", 1)
    job = db.delete("customer", 1)
    assert "customer" in (job.error or "")
