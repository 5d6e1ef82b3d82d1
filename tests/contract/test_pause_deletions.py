"""pause_deletions and resume_deletions: all workers stop between two batches."""

import pytest

from tests.contract.schemas import children, customers, each, ids
from tests.contract.steps import Steps
from tests.database import Database, Reference


def test_a_paused_worker_takes_nothing_up(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    db.pause_deletions("nightly load")
    db.worker.run_deletion_jobs()
    assert (db.status(job_id), ids(db, "customer")) == ("pending", [1, 2, 3])
    assert db.outcomes(job_id) == []
    db.resume_deletions()
    db.run()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])


def test_enqueueing_goes_on_while_workers_pause(db: Database) -> None:
    customers(db)
    db.pause_deletions("nightly load")
    assert db.status(db.enqueue_deletion("customer", 1)) == "pending"


def test_the_reason_is_shown(db: Database) -> None:
    db.pause_deletions("nightly load")
    shown = db.rows("SELECT * FROM vw_deletion_schedule")
    assert any("nightly load" in str(value) for row in shown for value in row)


def test_pausing_again_changes_the_reason_and_resuming_again_does_nothing(db: Database) -> None:
    query = "SELECT setting_value FROM deletion_settings WHERE setting_name = 'paused_reason'"
    db.pause_deletions("first")
    db.pause_deletions("second")
    assert db.value(query) == "second"
    db.resume_deletions()
    db.resume_deletions()
    assert db.value(query) is None


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_pause_needs_a_reason(db: Database, reason: str | None) -> None:
    with db.error("JD002", "pause_deletions: "):
        db.pause_deletions(reason)


def test_a_pause_stops_a_job_between_its_batches(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 6})
    children(db, "b_visit", {1: 6})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM b_visit FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        db.pause_deletions("too much load")
    running.result(30)
    assert db.status(job_id) in {"pending", "running"}
    assert db.count("customer") == 3
    left = db.count("b_visit")
    assert left > 0
    assert sum(db.receipts(job_id).values()) == 12 - db.count("a_visit") - left
    db.resume_deletions()
    db.run()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == {
        ("a_visit", "delete"): 6,
        ("b_visit", "delete"): 6,
        ("customer", "delete"): 1,
    }


def test_a_row_that_is_set_twice_with_a_pause_between_is_counted_once(db: Database) -> None:
    customers(db)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint null",
        "to_id bigint null",
        references=[
            Reference("from_id", "customer", "set null"),
            Reference("to_id", "customer", "set null"),
        ],
        rows=[(n, 1, 1) for n in each(6)],
    )
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.pause_deletions("for a while")
    assert (steps.step(), db.status(job_id)) == ("ended", "pending")
    assert db.count("transfer", "from_id IS NULL OR to_id IS NULL") < 6
    assert db.count("transfer", "from_id IS NULL AND to_id IS NULL") == 0
    db.observer.resume_deletions()
    db.run()
    assert db.count("transfer", "from_id IS NULL AND to_id IS NULL") == 6
    assert db.receipts(job_id) == {("transfer", "set_null"): 6, ("customer", "delete"): 1}
