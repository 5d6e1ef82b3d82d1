"""retry_deletion: a failed or cancelled job is pending again, with all its attempts before it."""

import pytest

from tests.contract.schemas import customers, ids, insert_job, shop
from tests.database import Database


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_did_not_end_done_is_pending_again(db: Database, status: str) -> None:
    customers(db)
    now = db.now()
    job_id = insert_job(
        db,
        "customer",
        "1",
        reason="asked",
        hard_delete=True,
        status=status,
        started_at=now,
        finished_at=now,
        scheduled_at=now,
        error="broke",
        created_by=4,
    )
    db.execute(
        "INSERT INTO deletion_attempts (job_id, attempt_no, run_id, started_at, ended_at, outcome,"
        " is_counted) VALUES (%s, 1, 1, %s, %s, %s, TRUE)",
        job_id,
        now,
        now,
        status,
    )
    db.retry_deletion(job_id)
    job = db.job(job_id)
    assert (job.status, job.scheduled_at, job.finished_at, job.error) == ("pending",) + (None,) * 3
    assert (job.reason, job.hard_delete, job.created_by) == ("asked", True, 4)
    assert db.column("SELECT is_past FROM deletion_attempts WHERE job_id = %s", job_id) == [True]
    db.run()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])


@pytest.mark.parametrize("status", ["pending", "running", "done"])
def test_a_job_in_another_state_is_not_retried(db: Database, status: str) -> None:
    job_id = insert_job(db, "customer", "1", status=status)
    with db.error("JD003", "retry_deletion: ") as raised:
        db.retry_deletion(job_id)
    assert status in raised.message


def test_a_job_that_does_not_exist_is_not_retried(db: Database) -> None:
    with db.error("JD001", "retry_deletion: "):
        db.retry_deletion(4711)
    with db.error("JD002", "retry_deletion: "):
        db.retry_deletion(None)


def test_a_blocked_job_succeeds_once_the_block_is_gone(db: Database) -> None:
    shop(db, on_delete="no action")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    db.execute("DELETE FROM line WHERE id < 200")
    db.execute("DELETE FROM invoice WHERE customer_id = 1")
    db.retry_deletion(job.id)
    db.run()
    assert db.job(job.id).status == "done"
    assert db.outcomes(job.id) == ["failed", "done"]
    assert ids(db, "customer") == [2, 3]


def test_a_retry_joins_the_callers_transaction(db: Database) -> None:
    job_id = insert_job(db, "customer", "1", status="failed", error="broke")
    before = db.contents()
    with db.transaction(rollback=True):
        db.retry_deletion(job_id)
    assert db.contents() == before
