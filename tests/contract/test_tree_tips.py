"""Rows of a tree below which nothing hangs: they go from their parent's frame, without their own.

What others do to such a row while its lock is waited for is no other than with rows of a frame. A
run of one job and a run of two take different statements.
"""

from itertools import pairwise

import pytest

from tests.contract.schemas import each, ids
from tests.contract.steps import Steps
from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)
ROOTS = pytest.mark.parametrize("roots", [(1,), (1, 3)], ids=["one job", "two jobs"])
TIPS = 300
ROW = 290


def tree(db: Database, roots: tuple[int, ...]) -> list[int]:
    """Make posts 1 to 3 with 300 answers, ten of which have ten answers; enqueue the roots."""
    half = TIPS // len(roots)
    answers = [(10 + n, roots[(n - 1) // half]) for n in each(TIPS)]
    db.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=[
            (1, None),
            (2, None),
            (3, None),
            *answers,
            *[(1000 + n, 10 + 30 * ((n + 9) // 10)) for n in each(100)],
        ],
    )
    db.table(
        "vote",
        "id bigint",
        "post_id bigint",
        references=[Reference("post_id", "post", "cascade")],
        rows=[(10 * n, n) for n in each(1100) if n in (1, 2, 3) or 10 < n <= 310 or n > 1000],
    )
    db.register_deletion_target("post")
    db.set_deletion_setting("batch_rows", 200)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    return [db.enqueue_deletion("post", root) for root in roots]


def work_against(db: Database, statement: str) -> None:
    """Run the jobs while another session has changed a row, and commits when they wait for it."""
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    holder.execute(statement)
    running = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    holder.execute("COMMIT")
    running.result(60)


def total(db: Database, jobs: list[int], table: str) -> int:
    """Give how many rows of a table the jobs deleted together, all of which are done."""
    assert [db.status(job_id) for job_id in jobs] == ["done"] * len(jobs)
    return sum(db.receipts(job_id)[table, "delete"] for job_id in jobs)


@ROOTS
def test_nothing_is_left_where_nobody_interferes(db: Database, roots: tuple[int, ...]) -> None:
    jobs = tree(db, roots)
    db.worker.run_deletion_jobs()
    assert total(db, jobs, "post") == total(db, jobs, "vote") == TIPS + 100 + len(roots)
    left = [n for n in (1, 2, 3) if n not in roots]
    assert (ids(db, "post"), ids(db, "vote")) == (left, [10 * n for n in left])

    if len(jobs) == 2:
        # Each half has five answers with ten answers of their own.
        assert [db.receipts(job_id)["post", "delete"] for job_id in jobs] == [201, 201]


@ROOTS
def test_a_row_that_moves_while_its_lock_is_waited_for_stays_with_its_own(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = tree(db, roots)
    work_against(db, f"UPDATE post SET parent_id = 2 WHERE id = {ROW}")
    assert total(db, jobs, "post") == total(db, jobs, "vote") == TIPS + 99 + len(roots)
    left = [n for n in (1, 2, 3) if n not in roots] + [ROW]
    assert (ids(db, "post"), ids(db, "vote")) == (left, [10 * n for n in left])


@ROOTS
def test_an_answer_that_is_being_added_goes_with_its_own(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = tree(db, roots)
    work_against(db, f"INSERT INTO post VALUES (5000, {ROW})")
    assert total(db, jobs, "post") == TIPS + 101 + len(roots)
    assert total(db, jobs, "vote") == TIPS + 100 + len(roots)


@ROOTS
def test_a_row_that_gets_another_ones_answers_goes_with_them(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = tree(db, roots)
    work_against(db, f"UPDATE post SET parent_id = {ROW} WHERE id BETWEEN 1001 AND 1010")
    assert total(db, jobs, "post") == total(db, jobs, "vote") == TIPS + 100 + len(roots)


@ROOTS
def test_votes_that_are_many_below_one_row_do_not_break_the_batch(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = tree(db, roots)
    db.insert("vote", [(20_000 + n, ROW) for n in each(500)])
    db.worker.run_deletion_jobs()
    assert total(db, jobs, "post") == TIPS + 100 + len(roots)
    assert total(db, jobs, "vote") == TIPS + 600 + len(roots)


def test_no_step_changes_more_than_a_batch(db: Database) -> None:
    jobs = tree(db, (1,))
    db.insert("vote", [(20_000 + n, 11 + n % 300) for n in each(2000)])
    steps = Steps(db)
    steps.claim()
    left = [db.count("post") + db.count("vote")]

    while steps.step() == "more":
        left.append(db.count("post") + db.count("vote"))

    assert max(before - after for before, after in pairwise(left)) <= 200
    assert total(db, jobs, "vote") == TIPS + 2101
