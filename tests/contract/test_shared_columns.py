"""Two references over the same column: one deletes the row, the other sets the column NULL."""

import pytest

from tests.contract.schemas import in_small_steps
from tests.database import Database, Reference


@pytest.mark.parametrize("action", ["set null", "set null by rule", "scrub"])
def test_a_row_in_a_circle_goes_though_its_column_could_be_set(db: Database, action: str) -> None:
    db.table("top", "id bigint", rows=[(1,)])
    db.table(
        "leaf", "id bigint", "top bigint null", "ring bigint null", "up bigint", "note int null"
    )
    db.insert("leaf", [(1, 1, None, 1, 7), (2, None, None, 1, 7)])
    db.execute("UPDATE leaf SET ring = 2 WHERE id = 1")
    # The first in the order of names sets, the second deletes.
    on_delete = action if action == "set null" else "no action"
    db.add_reference("leaf", Reference("top", "top", on_delete, name="a_set"))
    db.add_reference("leaf", Reference("top", "top", "cascade", name="b_cascade"))
    db.add_reference("leaf", Reference("ring", "leaf"))
    db.add_reference("leaf", Reference("up", "leaf", "cascade"))
    db.register_deletion_target("top")
    if action == "scrub":
        db.set_deletion_rule("leaf", "a_set", "scrub", {"note": None})
    elif action == "set null by rule":
        db.set_deletion_rule("leaf", "a_set", "set_null")
    in_small_steps(db)
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("top", 1)
    }
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    assert (db.count("top"), db.count("leaf")) == (0, 0)
    assert db.receipts(job.id) == {("top", "delete"): 1, ("leaf", "delete"): 2}
    assert foreseen == db.receipts(job.id)


def test_a_declared_reference_deletes_its_own_rows_alone(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,)])
    db.table("leaf", "id bigint", "top bigint null", "kind varchar(8)")
    db.insert("leaf", [(1, 1, "ours"), (2, 1, "theirs")])
    db.add_reference("leaf", Reference("top", "top", "set null"))
    db.declare_deletion_reference("d", "leaf", ["top"], "top", ["id"], "cascade", "kind", "ours")
    db.register_deletion_target("top")
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    # Rows of another kind stay, as the key over the same column says.
    assert db.rows("SELECT id, top FROM leaf") == [(2, None)]
