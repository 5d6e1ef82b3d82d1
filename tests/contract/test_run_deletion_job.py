"""run_deletion_job: one job, now, in the foreground."""

import datetime as dt

import pytest

from tests.contract.schemas import customers, ids, insert_job, shop
from tests.database import Database


def test_one_job_is_run_and_the_others_wait(db: Database) -> None:
    shop(db)
    first, second = db.enqueue_deletion("customer", 1), db.enqueue_deletion("customer", 2)
    assert db.connect("operator").run_deletion_job(second) == "done"
    assert (db.status(first), db.status(second)) == ("pending", "done")
    assert ids(db, "customer") == [1, 3]
    assert sum(db.receipts(second).values()) == 10


def test_a_job_runs_before_its_time(db: Database) -> None:
    customers(db)
    later = db.now() + dt.timedelta(days=1)
    job_id = db.enqueue_deletion("customer", 1, scheduled_at=later)
    assert db.run_deletion_job(job_id) == "done"


def test_a_blocked_job_answers_failed(db: Database) -> None:
    shop(db, on_delete="no action")
    job_id = db.enqueue_deletion("customer", 1)
    assert db.run_deletion_job(job_id) == "failed"
    assert (db.job(job_id).error or "").startswith("JD006: ")


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_finished_job_is_not_run(db: Database, status: str) -> None:
    customers(db)
    job_id = insert_job(db, "customer", "1", status=status)
    with db.error("JD003", "run_deletion_job: "):
        db.run_deletion_job(job_id)


def test_an_unknown_job_is_not_run(db: Database) -> None:
    with db.error("JD001", "run_deletion_job: "):
        db.run_deletion_job(4711)
    with db.error("JD002", "run_deletion_job: "):
        db.run_deletion_job(None)


def test_a_job_of_another_worker_is_not_taken_away(db: Database) -> None:
    shop(db)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM line FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        with db.error("JD003", "run_deletion_job: ", changes=True):
            db.connect().run_deletion_job(job_id)
    running.result(60)
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["done"])


def test_a_job_that_is_just_being_claimed_is_not_claimed_again(db: Database) -> None:
    customers(db)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, second = db.connect(), db.connect("operator")
    with holder.transaction(rollback=True):
        # The first claim has to write this very row of its own, and so it waits.
        holder.execute(
            "INSERT INTO deletion_attempts (job_id, attempt_no, started_at, is_counted)"
            " VALUES (%s, 1, %s, FALSE)",
            job_id,
            db.now(),
        )
        first = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        late = db.background(second.run_deletion_job, job_id)
        db.wait_until_blocked(second)
    with db.error("JD003", "run_deletion_job: ", changes=True):
        late.result(60)
    first.result(60)
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["done"])
