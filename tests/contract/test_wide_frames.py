"""One parent with many more children than a batch holds, and what happens to them in between."""

from tests.contract.schemas import customers, each
from tests.contract.steps import Steps
from tests.database import Database, Reference

BATCH_ROWS = 10
VISITS = 300


def wide(db: Database) -> None:
    """Make a customer with 300 visits and another with none; ten rows a batch."""
    customers(db, 2)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "note varchar(20)",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1, "new") for n in each(VISITS)],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", BATCH_ROWS)


def begun(db: Database) -> tuple[Steps, int]:
    """Begin to delete the customer; come back when a third of the visits is gone."""
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while db.count("visit") > VISITS * 2 / 3:
        assert steps.step() == "more", db.job(job_id)
    return steps, job_id


def test_a_row_that_moves_between_two_batches_stays(db: Database) -> None:
    wide(db)
    steps, job_id = begun(db)
    left = [int(n) for n in db.column("SELECT id FROM visit ORDER BY id")]
    moved = (left[0], left[20], left[-1])
    for n in moved:
        db.execute("UPDATE visit SET customer_id = 2 WHERE id = %s", n)
    steps.finish()
    assert db.status(job_id) == "done"
    assert sorted(int(n) for n in db.column("SELECT id FROM visit")) == sorted(moved)
    assert db.receipts(job_id) == {("customer", "delete"): 1, ("visit", "delete"): VISITS - 3}


def test_rows_that_change_or_come_between_two_batches_go(db: Database) -> None:
    wide(db)
    steps, job_id = begun(db)
    db.execute("UPDATE visit SET note = 'changed'")
    db.insert("visit", [(n + VISITS, 1, "late") for n in each(5)])
    steps.finish()
    assert db.status(job_id) == "done"
    assert (db.count("visit"), db.count("customer")) == (0, 1)
    assert db.receipts(job_id) == {("customer", "delete"): 1, ("visit", "delete"): VISITS + 5}


def test_several_wide_parents_of_one_run_have_exact_receipts(db: Database) -> None:
    wide(db)
    db.insert("visit", [(n + VISITS, 2, "other") for n in each(VISITS // 2)])
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    db.set_deletion_setting("slice_ms", 3_600_000)
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done"]
    assert [db.receipts(job_id)["visit", "delete"] for job_id in jobs] == [VISITS, VISITS // 2]
    assert db.count("visit") == 0


def test_a_batch_that_is_halved_takes_the_rest_of_what_was_found_later(db: Database) -> None:
    wide(db)
    steps, job_id = begun(db)
    db.execute("UPDATE deletion_runs SET batch_rows = 4")
    before = db.count("visit")
    assert steps.step() == "more"
    assert 0 < before - db.count("visit") <= 4
    steps.finish()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id)["visit", "delete"] == VISITS


def test_another_worker_goes_on_where_one_was_lost(db: Database) -> None:
    wide(db)
    steps, job_id = begun(db)
    db.execute("UPDATE deletion_runs SET session_id = 0")
    db.run()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == {("customer", "delete"): 1, ("visit", "delete"): VISITS}
    assert steps.step() == "lost"
