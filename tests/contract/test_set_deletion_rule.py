"""set_deletion_rule: what a DBA decides for a reference, whatever the catalog says."""

import pytest

from tests.contract.schemas import customers, ids, in_small_steps, shop
from tests.database import Database, Reference


def test_a_rule_lets_a_restricting_reference_cascade(db: Database) -> None:
    shop(db, on_delete="no action")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "cascade")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("line", "delete"): 6,
        ("invoice", "delete"): 3,
        ("customer", "delete"): 1,
    }


def test_a_rule_stops_a_cascading_reference(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith("JD006: 3 rows of invoice")
    assert "fk_invoice_customer_id" in job.error
    assert (db.count("customer"), db.count("invoice")) == (3, 9)


def test_a_rule_sets_null_instead_of_deleting(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("invoice", "set_null"): 3, ("customer", "delete"): 1}
    assert db.count("invoice", "customer_id IS NULL") == 3
    assert db.count("line") == 18


def test_a_rule_may_be_changed_and_taken_back(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null")
    assert db.rows("SELECT reference_name, action FROM deletion_rules") == [
        ("fk_invoice_customer_id", "set_null")
    ]
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", None)
    assert db.count("deletion_rules") == 0
    db.delete("customer", 1)
    assert db.count("invoice") == 6


def test_a_rule_for_a_column_that_may_not_be_null_restricts(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1)],
    )
    db.set_deletion_rule("visit", "fk_visit_customer_id", "set_null")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 1 row")
    assert (ids(db, "visit"), ids(db, "customer")) == ([1], [1, 2, 3])


def test_a_rule_overrides_a_declared_reference_too(db: Database) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(1, 1), (2, 2)])
    db.index("note", "about") if db.engine == "postgres" else db.execute(
        "CREATE INDEX idx_note_about ON note (about)"
    )
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    db.set_deletion_rule("note", "note_about", "keep")
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [1, 2]


def test_a_foreign_key_cannot_be_kept(db: Database) -> None:
    shop(db)
    with db.error("JD002", "set_deletion_rule: ") as raised:
        db.set_deletion_rule("invoice", "fk_invoice_customer_id", "keep")
    assert "keep" in raised.message


@pytest.mark.parametrize(
    ("reference", "action"),
    [
        ("fk_nothing", "cascade"),
        ("", "cascade"),
        (None, "cascade"),
        ("fk_line_invoice_id", "cascade"),
        ("fk_invoice_customer_id", "delete"),
        ("fk_invoice_customer_id", ""),
        ("fk_invoice_customer_id", "CASCADE "),
        ("fk_invoice_customer_id", "no_action"),
    ],
)
def test_an_unknown_reference_or_action_is_refused(
    db: Database, reference: str | None, action: str
) -> None:
    shop(db)
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule("invoice", reference, action)


@pytest.mark.parametrize("spelled", ["FK_INVOICE_CUSTOMER_ID", "fk_invoice_customer_id "])
@pytest.mark.parametrize("action", ["restrict", None])
def test_a_reference_spelled_otherwise_is_refused(
    db: Database, spelled: str, action: str | None
) -> None:
    """MySQL's catalog compares names regardless of case and of blanks at the end, plans do not."""
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    what = db.either(
        mysql="the catalog spells it fk_invoice_customer_id",
        postgres="no such reference of invoice",
    )
    with db.error("JD002", f"set_deletion_rule: {what} ({spelled})"):
        db.set_deletion_rule("invoice", spelled, action)
    with db.error("JD005", "set_deletion_rule: no such table"):
        table = db.either(mysql="INVOICE", postgres='"INVOICE"')
        db.set_deletion_rule(table, "fk_invoice_customer_id", "restrict")
    assert db.delete("customer", 1).status == "failed"


def test_a_table_that_does_not_exist_is_refused(db: Database) -> None:
    shop(db)
    with db.error("JD005", "set_deletion_rule: "):
        db.set_deletion_rule("nothing", "fk_invoice_customer_id", "cascade")
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule(None, "fk_invoice_customer_id", "cascade")
