"""cancel_deletion: a pending job ends at once, a running one stops between two batches."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.contract.schemas import children, customers, ids, insert_job
from tests.contract.steps import Steps, recover
from tests.database import Database


def test_a_pending_job_is_cancelled_at_once(db: Database) -> None:
    customers(db)
    before = db.now()
    job_id = db.enqueue_deletion("customer", 1, "by mistake")
    db.cancel_deletion(job_id)
    job = db.job(job_id)
    assert (job.status, job.reason, job.started_at, job.error) == (
        "cancelled",
        "by mistake",
        None,
        None,
    )
    assert job.finished_at is not None
    assert before <= job.finished_at <= db.now()
    db.run()
    assert db.count("customer") == 3
    assert db.receipts(job_id) == {}


def test_what_a_cancelled_job_asked_for_stays_in_its_attempts(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1, "by mistake", created_by=5)
    db.cancel_deletion(job_id)
    assert db.outcomes(job_id) == ["cancelled"]
    db.enqueue_deletion("customer", 1, "meant this time", created_by=6)
    assert db.rows(
        "SELECT outcome, asked_reason, asked_by, is_past FROM deletion_attempts WHERE job_id = %s",
        job_id,
    ) == [("cancelled", "by mistake", 5, True)]


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_finished_job_cannot_be_cancelled(db: Database, status: str) -> None:
    job_id = insert_job(db, "customer", "1", status=status)
    with db.error("JD003", "cancel_deletion: "):
        db.cancel_deletion(job_id)


def test_a_job_that_does_not_exist_cannot_be_cancelled(db: Database) -> None:
    for unknown in (0, -1, 4711, 2**62):
        with db.error("JD001", "cancel_deletion: ") as raised:
            db.cancel_deletion(unknown)
        assert str(unknown) in raised.message or db.engine == "mysql"


def test_null_is_no_job(db: Database) -> None:
    with db.error("JD002", "cancel_deletion: "):
        db.cancel_deletion(None)


def test_cancelling_joins_the_callers_transaction(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    with db.transaction(rollback=True):
        db.cancel_deletion(job_id)
    assert (db.status(job_id), db.outcomes(job_id)) == ("pending", [])


@contextlib.contextmanager
def worker_held_at(db: Database, table: str) -> Iterator[None]:
    """Let a worker run until it waits for rows of a table; let it go on after the block."""
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows(f"SELECT id FROM {table} FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        yield
    running.result(30)


def test_cancel_keeps_rows_already_deleted(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 6, 2: 1})
    children(db, "b_visit", {1: 6, 2: 1})
    job_id = db.enqueue_deletion("customer", 1)
    with worker_held_at(db, "b_visit"):
        assert db.status(job_id) == "running"
        db.cancel_deletion(job_id)
        db.cancel_deletion(job_id)
        assert db.status(job_id) == "running"
    job = db.job(job_id)
    assert (job.status, job.error) == ("cancelled", None)
    assert job.finished_at is not None
    gone = 7 - db.count("a_visit"), 7 - db.count("b_visit")
    assert gone[0] > 0
    assert sum(gone) < 12
    assert db.count("customer") == 3
    receipts = db.receipts(job_id)
    assert (
        receipts.get(("a_visit", "delete"), 0),
        receipts.get(("b_visit", "delete"), 0),
    ) == gone
    assert db.outcomes(job_id) == ["cancelled"]


def test_a_cancelled_job_leaves_the_others_of_its_run_alone(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 4, 2: 4})
    children(db, "b_visit", {1: 4, 2: 4})
    first = db.enqueue_deletion("customer", 1)
    second = db.enqueue_deletion("customer", 2)
    with worker_held_at(db, "b_visit"):
        db.cancel_deletion(first)
    db.run()
    assert (db.status(first), db.status(second)) == ("cancelled", "done")
    assert db.receipts(second) == {
        ("a_visit", "delete"): 4,
        ("b_visit", "delete"): 4,
        ("customer", "delete"): 1,
    }
    assert db.column("SELECT id FROM customer ORDER BY id") == [1, 3]


def test_a_cancelled_job_may_be_asked_for_again(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 6})
    children(db, "b_visit", {1: 6})
    job_id = db.enqueue_deletion("customer", 1)
    with worker_held_at(db, "b_visit"):
        db.cancel_deletion(job_id)
    assert db.enqueue_deletion("customer", 1) == job_id
    db.run()
    assert db.status(job_id) == "done"
    assert (db.count("a_visit"), db.count("b_visit"), db.count("customer")) == (0, 0, 2)
    assert db.receipts(job_id) == {
        ("a_visit", "delete"): 6,
        ("b_visit", "delete"): 6,
        ("customer", "delete"): 1,
    }


def test_a_job_whose_attempt_has_ended_is_cancelled_by_the_caller_that_held_it(
    db: Database,
) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    Steps(db.connect()).claim()
    caller = db.connect()
    with caller.transaction():
        caller.rows("SELECT id FROM deletion_jobs WHERE id = %s FOR UPDATE", job_id)
        # The run is lost, and nobody could write that into the job's row.
        recover(db)
        assert (db.status(job_id), db.outcomes(job_id)) == ("running", ["lost"])
        caller.cancel_deletion(job_id)
    db.run()
    assert (db.status(job_id), ids(db, "customer")) == ("cancelled", [1, 2, 3])


def test_a_job_that_is_taken_up_while_it_is_cancelled_is_one_of_both(db: Database) -> None:
    customers(db)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, caller, operator = db.connect(), db.connect("app"), db.connect("operator")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM deletion_jobs WHERE id = %s FOR UPDATE", job_id)
        # Who waits first has the row first; on MySQL a caller without a transaction loses it again.
        cancelling = db.background(caller.cancel_deletion, job_id)
        db.wait_until_blocked(caller)
        running = db.background(operator.run_deletion_job, job_id)
        db.wait_until_blocked(operator)
    if db.engine == "mysql":
        assert running.result(60) == "done"
    else:
        cancelling.result(60)
    with db.error("JD003", changes=True):
        (cancelling if db.engine == "mysql" else running).result(60)
    assert (db.status(job_id), ids(db, "customer")) == db.either(
        mysql=("done", [2, 3]), postgres=("cancelled", [1, 2, 3])
    )
