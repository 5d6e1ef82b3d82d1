"""Rows that get another parent while frames of rows below them are stored between two steps."""

from tests.contract.schemas import ids
from tests.contract.steps import Steps
from tests.contract.test_races import rows_of, tree
from tests.database import Database


def test_a_row_that_moves_while_frames_below_it_are_stored_stays_with_all_below_it(
    mysql: Database,
) -> None:
    tree(mysql)
    mysql.set_deletion_setting("batch_rows", 5)
    job_id = mysql.enqueue_deletion("root", 1)
    steps = Steps(mysql)
    steps.claim()
    moved = steps.until_stored("twig")[-1] // 10
    assert moved in map(int, steps.keys("branch"))
    mysql.observer.execute("UPDATE branch SET root_id = 2 WHERE id = %s", moved)
    its_twigs = rows_of(mysql, "twig", f"branch_id = {moved}")
    its_leaves = rows_of(mysql, "leaf", f"twig_id DIV 10 = {moved}")
    steps.finish()
    assert (mysql.status(job_id), ids(mysql, "root"), ids(mysql, "branch")) == (
        "done",
        [2],
        [moved],
    )
    assert (ids(mysql, "twig"), ids(mysql, "leaf")) == (its_twigs, its_leaves)
    assert its_leaves
    assert mysql.receipts(job_id) == {
        ("leaf", "delete"): 96 - len(its_leaves),
        ("twig", "delete"): 24 - len(its_twigs),
        ("branch", "delete"): 5,
        ("root", "delete"): 1,
    }
