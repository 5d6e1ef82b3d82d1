"""One parent with many more children than a batch holds, and what happens to them in between.

Children that have rows below them go otherwise: on PostgreSQL with all of those at once.
"""

import pytest

from tests.contract.schemas import customers, each
from tests.contract.steps import Steps
from tests.database import Database, Reference

BATCH_ROWS = 10
VISITS = 300

each_kind = pytest.mark.parametrize("details", [0, 2], ids=["leaves", "parents"])


def visits(db: Database, details: int) -> None:
    """Make 300 visits of customer 1, each with so many details; 0: there is no such table."""
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "note varchar(20)",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1, "new") for n in each(VISITS)],
    )
    if details:
        db.table(
            "detail",
            "id bigint",
            "visit_id bigint",
            references=[Reference("visit_id", "visit", "cascade")],
            rows=[(n, 1 + (n - 1) // details) for n in each(details * VISITS)],
        )


def wide(db: Database, details: int = 0) -> None:
    """Make a customer with 300 visits and another with none; ten rows a batch.

    Args:
        details: how many rows hang from each visit; 0: there is no such table.
    """
    customers(db, 2)
    visits(db, details)
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", BATCH_ROWS)


def expected(visits: int, details: int) -> dict[tuple[str, str], int]:
    """Give the receipts of a job that removed so many visits, each with its details."""
    gone = {("customer", "delete"): 1, ("visit", "delete"): visits}
    return gone | ({("detail", "delete"): details * visits} if details else {})


def begun(db: Database) -> tuple[Steps, int]:
    """Begin to delete the customer; come back when a third of the visits is gone."""
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while db.count("visit") > VISITS * 2 / 3:
        assert steps.step() == "more", db.job(job_id)
    return steps, job_id


@each_kind
def test_a_row_that_moves_between_two_batches_stays(db: Database, details: int) -> None:
    wide(db, details)
    steps, job_id = begun(db)
    left = [int(n) for n in db.column("SELECT id FROM visit ORDER BY id")]
    moved = (left[0], left[20], left[-1])
    for n in moved:
        db.execute("UPDATE visit SET customer_id = 2 WHERE id = %s", n)
    steps.finish()
    assert db.status(job_id) == "done"
    assert sorted(int(n) for n in db.column("SELECT id FROM visit")) == sorted(moved)
    assert db.receipts(job_id) == expected(VISITS - 3, details)


@each_kind
def test_rows_that_change_or_come_between_two_batches_go(db: Database, details: int) -> None:
    wide(db, details)
    steps, job_id = begun(db)
    db.execute("UPDATE visit SET note = 'changed'")
    db.insert("visit", [(n + VISITS, 1, "late") for n in each(5)])
    late = 5 * details
    if details:
        db.insert("detail", [(n + 1000, VISITS + 1 + (n - 1) // details) for n in each(late)])
    steps.finish()
    assert db.status(job_id) == "done"
    assert (db.count("visit"), db.count("customer")) == (0, 1)
    assert db.receipts(job_id) == expected(VISITS + 5, details)


@each_kind
def test_what_is_found_at_once_is_taken_part_by_part_and_only_once(
    db: Database, details: int
) -> None:
    """PostgreSQL stores what it found in parts of a thousand, and batches end within them."""
    wide(db, details)
    rows = 6000
    db.insert("visit", [(n, 1, "new") for n in range(VISITS + 1, rows + 1)])
    if details:
        more = range(details * VISITS, details * rows)
        db.insert("detail", [(1 + n, 1 + n // details) for n in more])
    db.set_deletion_setting("batch_rows", 700)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    # A row that was taken twice, or passed over, would make batches smaller.
    count, most = 1, rows * (1 + details) / 700 * 1.35 + 8
    while steps.step() == "more":
        count += 1
        assert count <= most
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == expected(rows, details)


@each_kind
def test_several_wide_parents_of_one_run_have_exact_receipts(db: Database, details: int) -> None:
    wide(db, details)
    more = VISITS // 2
    db.insert("visit", [(n + VISITS, 2, "other") for n in each(more)])
    if details:
        rows = each(details * more)
        db.insert("detail", [(n + 1000, VISITS + 1 + (n - 1) // details) for n in rows])
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    db.set_deletion_setting("slice_ms", 3_600_000)
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done"]
    assert [db.receipts(job_id) for job_id in jobs] == [
        expected(VISITS, details),
        expected(more, details),
    ]
    assert db.count("visit") == 0


@each_kind
def test_a_batch_that_is_halved_takes_the_rest_of_what_was_found_later(
    db: Database, details: int
) -> None:
    wide(db, details)
    steps, job_id = begun(db)
    db.execute("UPDATE deletion_runs SET batch_rows = 4")
    before = db.count("visit")
    assert steps.step() == "more"
    assert 0 < before - db.count("visit") <= 4
    steps.finish()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == expected(VISITS, details)


@each_kind
def test_another_worker_goes_on_where_one_was_lost(db: Database, details: int) -> None:
    wide(db, details)
    steps, job_id = begun(db)
    db.execute("UPDATE deletion_runs SET session_id = 0")
    db.run()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == expected(VISITS, details)
    assert steps.step() == "lost"


def test_rows_with_more_below_them_than_those_before_go_in_smaller_batches(db: Database) -> None:
    """Three fit a batch at first, then one, then none at all; and again three."""
    wide(db, 2)
    more = [(n, 6) for n in range(210, 220)] + [(n, 40) for n in (230, 260)]
    rows = [visit for visit, count in more for _ in range(count)]
    db.insert("detail", [(1000 + n, visit) for n, visit in enumerate(rows)])
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    most = 0
    before = db.count("detail")
    while steps.step() == "more":
        now = db.count("detail")
        most, before = max(most, before - now), now
    db.run()
    assert db.status(job_id) == "done"
    assert most <= BATCH_ROWS
    assert db.receipts(job_id) == expected(VISITS, 2) | {
        ("detail", "delete"): 2 * VISITS + len(rows)
    }
    assert (db.count("visit"), db.count("detail")) == (0, 0)


@each_kind
@pytest.mark.parametrize("key", [-9223372036854775808, 9223372036854775807])
def test_the_first_and_the_last_key_of_all_go_as_well(db: Database, details: int, key: int) -> None:
    wide(db, details)
    # It comes when the frame is wide already: a first batch would have taken it.
    steps, job_id = begun(db)
    db.insert("visit", [(key, 1, "edge")])
    if details:
        db.insert("detail", [(1000 + n, key) for n in each(details)])
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == expected(VISITS + 1, details)


@each_kind
@pytest.mark.parametrize("is_late", [False, True], ids=["from the start", "meanwhile"])
def test_nothing_hangs_from_a_column_that_holds_null(
    db: Database, details: int, is_late: bool
) -> None:
    """A unique column may; what hangs from another customer's 0 stays."""
    db.table(
        "customer",
        "id bigint",
        "code bigint null",
        unique=["code"],
        rows=[(1, 5 if is_late else None), (2, 0)],
    )
    visits(db, details)
    db.table(
        "zebra",
        "id bigint",
        "code bigint null",
        references=[Reference("code", "customer", "cascade", to="code")],
        rows=[(n, 0) for n in each(7)],
    )
    if details:
        db.table(
            "zebra_detail",
            "id bigint",
            "zebra_id bigint",
            references=[Reference("zebra_id", "zebra", "cascade")],
            rows=[(n, n) for n in each(7)],
        )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", BATCH_ROWS)
    steps, job_id = begun(db)
    if is_late:
        db.execute("UPDATE customer SET code = NULL WHERE id = 1")
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == expected(VISITS, details)
    assert db.count("zebra") == 7
    assert not details or db.count("zebra_detail") == 7
