"""Below which tables all levels go in one transaction: seen in the plan's steps."""

import pytest

from tests.contract.schemas import customers
from tests.database import Database, Reference

TRIGGER = """
CREATE FUNCTION note_gone() RETURNS trigger LANGUAGE plpgsql
AS $note_gone$ BEGIN RETURN NULL; END; $note_gone$;
CREATE TRIGGER note_gone AFTER DELETE ON note FOR EACH ROW EXECUTE FUNCTION note_gone();
"""

REMARK = """
CREATE TABLE remark (id bigint PRIMARY KEY, visit_id bigint REFERENCES visit ON DELETE SET NULL);
CREATE INDEX ON remark (visit_id);
GRANT ALL ON remark TO deletion_jobs_owner;
"""


def build(
    db: Database,
    detail_key: str = "int",
    line: Reference | None = None,
    more: str = "",
) -> None:
    """Make customer <- visit <- detail <- note, with what differs between the cases.

    Args:
        db: the database.
        detail_key: the type of the key that notes refer to.
        line: a further reference, of note.extra_id.
        more: SQL that is sent at the end.
    """
    customers(db, 1)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
    )
    db.table(
        "detail",
        f"id {detail_key}",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
    )
    db.table(
        "note",
        "id bigint",
        f"detail_id {detail_key} null",
        "extra_id bigint null",
        references=[Reference("detail_id", "detail", "cascade")] + ([line] if line else []),
    )
    db.script(postgres=more)
    db.register_deletion_target("customer")
    db.compile_deletion_plan("customer")


def swept(db: Database) -> set[str]:
    """List the tables whose rows are taken with all that hangs from them."""
    return set(db.column("SELECT table_name FROM deletion_plan_steps WHERE kind = 'take_one'"))


def test_all_levels_go_where_each_row_is_reached_once(postgres: Database) -> None:
    build(postgres)
    assert swept(postgres) == {"visit", "detail"}


@pytest.mark.parametrize("parent", ["visit", "customer"])
def test_a_table_that_is_reached_twice_is_swept_where_all_ways_to_it_are_not_below(
    postgres: Database, parent: str
) -> None:
    build(postgres, line=Reference("extra_id", parent, "cascade"))
    # A note of a detail and of its visit would be counted for both; one of the customer as well
    # goes by either.
    assert swept(postgres) == ({"detail"} if parent == "visit" else {"visit", "detail"})


def test_a_table_that_a_trigger_watches_is_in_no_sweep(postgres: Database) -> None:
    build(postgres, more=TRIGGER)
    assert swept(postgres) == set()


def test_rows_that_hang_from_their_own_table_are_in_no_sweep_of_the_levels_above(
    postgres: Database,
) -> None:
    build(postgres, line=Reference("extra_id", "note", "cascade"))
    assert "visit" not in swept(postgres)


def test_a_reference_that_is_set_null_ends_it(postgres: Database) -> None:
    build(postgres, more=REMARK)
    assert swept(postgres) == {"detail"}


def test_a_rule_that_keeps_rows_ends_it(postgres: Database) -> None:
    build(postgres)
    postgres.set_deletion_rule("note", "fk_note_detail_id", "restrict")
    postgres.compile_deletion_plan("customer")
    steps = (
        "SELECT table_name FROM deletion_plan_steps AS s NATURAL JOIN deletion_plans AS p"
        " WHERE s.kind = 'take_one' AND p.superseded_at IS NULL"
    )
    assert postgres.column(steps) == []


def test_keys_of_other_types_end_it(postgres: Database) -> None:
    build(postgres, detail_key="uuid")
    assert swept(postgres) == set()


def test_a_reference_without_an_index_ends_it(postgres: Database) -> None:
    build(postgres, line=Reference("extra_id", "visit", "cascade", indexed=False))
    assert swept(postgres) == {"detail"}
