"""declare_deletion_reference: columns that point at a parent without a foreign key."""

from typing import Any

import pytest

from tests.contract.schemas import customers, ids, in_small_steps
from tests.database import Database


def notes(db: Database, kind: str = "bigint") -> None:
    """Make customer, and notes about customers 1 and 2 and about something else with id 1."""
    customers(db)
    db.table(
        "note",
        "id bigint",
        f"about {kind} null",
        "about_type varchar null",
        rows=[(1, 1, "Customer"), (2, 2, "Customer"), (3, 1, "Order"), (4, 1, "Customer")],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about_type, about)")
    db.execute("CREATE INDEX idx_note_about_only ON note (about)")


def declare(db: Database, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "name": "note_about_customer",
        "child_table": "note",
        "child_columns": ["about"],
        "parent_table": "customer",
        "parent_columns": ["id"],
        "action": "cascade",
        "discriminator_column": "about_type",
        "discriminator_value": "Customer",
    }
    db.declare_deletion_reference(**{**arguments, **changes})


def test_a_declared_reference_cascades_to_rows_of_its_kind_alone(db: Database) -> None:
    notes(db)
    declare(db)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [2, 3]
    assert db.receipts(job.id) == {("note", "delete"): 2, ("customer", "delete"): 1}


def test_a_declared_reference_without_discriminator_takes_all_rows(db: Database) -> None:
    notes(db)
    declare(db, discriminator_column=None, discriminator_value=None)
    db.delete("customer", 1)
    assert ids(db, "note") == [2]


def test_a_declared_reference_may_set_null(db: Database) -> None:
    notes(db)
    declare(db, action="set_null")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("note", "set_null"): 2, ("customer", "delete"): 1}
    assert db.rows("SELECT id, about FROM note ORDER BY id") == [
        (1, None),
        (2, 2),
        (3, 1),
        (4, None),
    ]


def test_a_declared_reference_may_restrict(db: Database) -> None:
    in_small_steps(db)
    notes(db)
    declare(db, action="restrict")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 2 rows of note behind note_about_customer")
    assert db.delete("customer", 3).status == "done"
    assert ids(db, "customer") == [1, 2]


def test_a_declared_reference_may_keep(db: Database) -> None:
    notes(db)
    declare(db, action="keep")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("customer", "delete"): 1}
    assert ids(db, "note") == [1, 2, 3, 4]


def test_rows_below_a_declared_reference_go_too(db: Database) -> None:
    notes(db)
    declare(db)
    db.table("attachment", "id bigint", "note_id bigint null", rows=[(1, 1), (2, 3), (3, 4)])
    db.execute("CREATE INDEX idx_attachment_note ON attachment (note_id)")
    db.declare_deletion_reference(
        "attachment_note", "attachment", ["note_id"], "note", ["id"], "cascade"
    )
    job = db.delete("customer", 1)
    assert job.status == "done"
    assert (ids(db, "note"), ids(db, "attachment")) == ([2, 3], [2])


def test_dependants_of_a_root_that_is_gone_are_cleaned(db: Database) -> None:
    notes(db)
    declare(db)
    db.execute("DELETE FROM customer WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [2, 3]
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0, ("note", "delete"): 2}


def test_a_root_that_is_gone_is_none_of_the_rows_that_the_limit_allows(db: Database) -> None:
    notes(db)
    declare(db)
    db.register_deletion_target("customer", max_rows=2)
    db.execute("DELETE FROM customer WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0, ("note", "delete"): 2}


def test_composite_columns_are_matched_in_their_order(db: Database) -> None:
    db.table("place", "region varchar", "no int", key=("region", "no"), rows=[("a", 1), ("a", 2)])
    db.table(
        "sign", "id bigint", "place_no int", "place_region varchar", rows=[(1, 1, "a"), (2, 2, "a")]
    )
    db.execute("CREATE INDEX idx_sign_place ON sign (place_region, place_no)")
    db.register_deletion_target("place")
    db.declare_deletion_reference(
        "sign_place", "sign", ["place_region", "place_no"], "place", ["region", "no"], "cascade"
    )
    assert db.delete("place", '["a", 1]').status == "done"
    assert ids(db, "sign") == [2]


def test_declaring_again_changes_and_null_removes(db: Database) -> None:
    notes(db)
    declare(db)
    declare(db, action="keep")
    assert db.rows("SELECT reference_name, action FROM deletion_references") == [
        ("note_about_customer", "keep")
    ]
    db.declare_deletion_reference("note_about_customer")
    assert db.count("deletion_references") == 0
    db.delete("customer", 1)
    assert ids(db, "note") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": ""},
        {"name": "x" * 65},
        {"child_table": None},
        {"parent_table": None},
        {"child_columns": None},
        {"parent_columns": None},
        {"child_columns": []},
        {"child_columns": ["nothing"]},
        {"parent_columns": ["nothing"]},
        {"child_columns": ["about", "id"]},
        {"child_columns": '{"a": 1}'},
        {"child_columns": [1]},
        {"action": "delete"},
        {"action": ""},
        {"discriminator_column": None},
        {"discriminator_value": None},
        {"discriminator_column": "nothing"},
    ],
)
def test_what_does_not_fit_is_refused(db: Database, changes: dict[str, Any]) -> None:
    notes(db)
    with db.error("JD002", "declare_deletion_reference: "):
        declare(db, **changes)


@pytest.mark.parametrize("changes", [{"child_table": "nothing"}, {"parent_table": "nothing"}])
def test_a_table_that_does_not_exist_is_refused(db: Database, changes: dict[str, Any]) -> None:
    notes(db)
    with db.error("JD005", "declare_deletion_reference: "):
        declare(db, **changes)


def test_columns_of_types_that_cannot_be_compared_are_refused(db: Database) -> None:
    notes(db)
    with db.error("JD002", "declare_deletion_reference: "):
        declare(db, child_columns=["about_type"])
