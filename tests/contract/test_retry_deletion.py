"""retry_deletion: a failed or cancelled job is pending again, with all its attempts before it."""

import pytest

from tests.contract.schemas import customers, ids, insert_job, shop
from tests.database import Database, Reference


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


def swapped(db: Database) -> None:
    """Make the target `item`, whose two keys name two rows the other way round."""
    db.table("item", "id bigint", "code bigint", unique=["code"], rows=[(1, 2), (2, 1)])
    db.register_deletion_target("item")


@pytest.mark.parametrize("again", [True, False], ids=["registered again", "registered anew"])
@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_asked_by_another_key_is_not_retried(db: Database, status: str, again: bool) -> None:
    swapped(db)
    db.table(
        "kid",
        "id bigint",
        "item_id bigint",
        references=[Reference("item_id", "item")],
        rows=[(1, 1)],
    )
    job_id = db.enqueue_deletion("item", 1)
    if status == "failed":
        db.run()
    else:
        db.cancel_deletion(job_id)
    assert db.status(job_id) == status
    db.execute("DELETE FROM kid")
    if not again:
        db.unregister_deletion_target("item")
    db.register_deletion_target("item", ["code"])
    with db.error("JD003", "retry_deletion: asked when the target had another key: ask anew"):
        db.retry_deletion(job_id)
    # Asked anew it means the other row.
    assert db.enqueue_deletion("item", 1) == job_id
    db.cancel_deletion(job_id)
    db.retry_deletion(job_id)
    db.run()
    assert db.rows("SELECT id, code FROM item") == [(1, 2)]


def test_a_job_is_retried_after_its_target_was_registered_by_the_same_key(db: Database) -> None:
    swapped(db)
    job_id = db.enqueue_deletion("item", 1)
    db.cancel_deletion(job_id)
    db.register_deletion_target("item", ["id"], 10)
    db.retry_deletion(job_id)
    db.run()
    assert db.rows("SELECT id, code FROM item") == [(2, 1)]


def test_a_job_is_retried_after_its_key_was_renamed_while_it_was_open(db: Database) -> None:
    swapped(db)
    job_id = db.enqueue_deletion("item", 1)
    db.execute(f"ALTER TABLE {db.quote('item')} RENAME COLUMN id TO no")
    db.register_deletion_target("item")
    db.cancel_deletion(job_id)
    db.retry_deletion(job_id)
    db.run()
    assert db.rows("SELECT no, code FROM item") == [(2, 1)]


def test_a_key_that_was_dropped_for_another_was_not_renamed(db: Database) -> None:
    swapped(db)
    job_id = db.enqueue_deletion("item", 1)
    db.script(
        mysql="ALTER TABLE item DROP PRIMARY KEY, DROP COLUMN id, ADD PRIMARY KEY (code)",
        postgres="ALTER TABLE item DROP COLUMN id, ADD PRIMARY KEY (code)",
    )
    with db.error("JD003", "register_deletion_target: jobs by another key are still open"):
        db.register_deletion_target("item")
    db.cancel_deletion(job_id)
    db.register_deletion_target("item")
    with db.error("JD003", "retry_deletion: "):
        db.retry_deletion(job_id)
