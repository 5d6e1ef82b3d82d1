"""What others do to rows that go with all that is theirs in one statement each.

The first frame of a table is small and walked row by row; 300 parents and batches of 200 rows
bring the row 290 into a later one, which PostgreSQL locks, counts and sweeps away at once. A run
of one job and a run of two take different statements.
"""

import pytest

from tests.contract.schemas import customers, each, ids
from tests.database import Database, Reference

pytestmark = [
    pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True),
    pytest.mark.parametrize("roots", [(1,), (1, 3)], ids=["one job", "two jobs"]),
]

VISIT = 290


def practice(db: Database, roots: tuple[int, ...]) -> list[int]:
    """Make customer <- visit <- detail, 300 visits with two details each, and enqueue the jobs."""
    customers(db, 3)
    half = 300 // len(roots)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, roots[(n - 1) // half]) for n in each(300)] + [(999, 2)],
    )
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, 1 + (n - 1) // 2) for n in each(600)],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 200)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    return [db.enqueue_deletion("customer", root) for root in roots]


def work_against(db: Database, statement: str) -> None:
    """Run the jobs while another session has changed a row, and commits when they wait for it."""
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    holder.execute(statement)
    running = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    holder.execute("COMMIT")
    running.result(60)


def receipts(db: Database, jobs: list[int]) -> list[dict[tuple[str, str], int]]:
    """Give the receipts of each job, all of which are done."""
    assert [db.status(job_id) for job_id in jobs] == ["done"] * len(jobs)
    return [db.receipts(job_id) for job_id in jobs]


def expected(
    roots: tuple[int, ...], visits: int = 0, details: int = 0
) -> list[dict[tuple[str, str], int]]:
    """Give what every job removes; the last one, whose the held row is, that much more."""
    found = [
        {
            ("customer", "delete"): 1,
            ("visit", "delete"): 300 // len(roots),
            ("detail", "delete"): 600 // len(roots),
        }
        for _ in roots
    ]
    found[-1]["visit", "delete"] += visits
    found[-1]["detail", "delete"] += details
    return found


def test_nothing_is_left_where_nobody_interferes(db: Database, roots: tuple[int, ...]) -> None:
    jobs = practice(db, roots)
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots)
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [])


def test_a_row_that_moves_while_its_lock_is_waited_for_stays_with_its_own(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = practice(db, roots)
    work_against(db, f"UPDATE visit SET customer_id = 2 WHERE id = {VISIT}")
    assert receipts(db, jobs) == expected(roots, visits=-1, details=-2)
    assert ids(db, "visit") == [VISIT, 999]
    assert ids(db, "detail") == [2 * VISIT - 1, 2 * VISIT]


def test_a_child_that_is_being_added_goes_and_is_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = practice(db, roots)
    work_against(db, f"INSERT INTO detail VALUES (9999, {VISIT})")
    assert receipts(db, jobs) == expected(roots, details=1)
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [])


def test_a_child_that_moves_away_after_it_was_counted_stays(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = practice(db, roots)
    work_against(db, f"UPDATE detail SET visit_id = 999 WHERE id = {2 * VISIT}")
    assert receipts(db, jobs) == expected(roots, details=-1)
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [2 * VISIT])


def test_a_child_that_is_changed_otherwise_goes_and_is_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = practice(db, roots)
    work_against(db, f"UPDATE detail SET id = 9999 WHERE id = {2 * VISIT}")
    assert receipts(db, jobs) == expected(roots)
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [])


def test_a_row_with_more_below_it_than_others_does_not_break_the_batch(
    db: Database, roots: tuple[int, ...]
) -> None:
    jobs = practice(db, roots)
    db.insert("detail", [(1000 + n, VISIT) for n in each(500)])
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots, details=500)
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [])
