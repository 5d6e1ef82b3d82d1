"""A removal that follows a grace, and that nobody asked for, leaves rows that are live again."""

import pytest

from tests.contract.soft import mixed
from tests.contract.steps import Steps, recover_all
from tests.database import Database

LIVE = "JD003: the row is live again, and stays; enqueue_deletion with p_hard_delete TRUE"
UNTOLD = "JD011: no marking column tells any more whether the row is live again; enqueue_deletion"
MARKED = {"mysql": "UTC_TIMESTAMP(6)", "postgres": "now()"}


def waiting(db: Database, *keys: int) -> list[int]:
    """Mark customers, whose removal waits for the end of the grace then; give the jobs."""
    mixed(db)
    db.set_soft_deletion("customer", "deleted_at", None, 3600)
    jobs = [db.enqueue_deletion("customer", key, hard_delete=False) for key in keys]
    db.worker.run_deletion_jobs(run_seconds=1)
    assert [(db.status(job), db.job(job).hard_delete) for job in jobs] == [
        ("pending", True) for _ in jobs
    ]
    return jobs


def grace_ends(db: Database) -> None:
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL WHERE status = 'pending'")
    db.run()


def lives(db: Database, key: int) -> None:
    """Take a mark back by the application's own means."""
    db.execute("UPDATE customer SET deleted_at = NULL WHERE id = %s", key)


def told(db: Database, job_id: int) -> tuple[str, str]:
    job = db.job(job_id)
    return job.status, str(job.error)


def test_a_row_that_is_live_again_stays_with_all_below_it(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    before = db.application_contents()
    grace_ends(db)
    status, error = told(db, job_id)
    assert status == "cancelled"
    assert error.startswith(LIVE), error
    assert db.application_contents() == before
    assert {action for _, action in db.receipts(job_id)} == {"mark"}


def test_of_several_removals_only_those_of_live_rows_are_cancelled(db: Database) -> None:
    jobs = waiting(db, 1, 2)
    lives(db, 2)
    grace_ends(db)
    assert [db.status(job) for job in jobs] == ["done", "cancelled"]
    assert db.column("SELECT id FROM customer") == [2]
    assert sorted(db.column("SELECT id FROM invoice")) == [21, 22]


def test_whoever_asks_for_the_removal_gets_it(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    # Also where the wish is for later, and the grace ends before.
    db.enqueue_deletion("customer", 1, hard_delete=True)
    db.run()
    assert told(db, job_id) == ("done", "None")
    assert db.column("SELECT id FROM customer") == [2]


def test_a_softer_wish_asks_for_no_removal(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    db.enqueue_deletion("customer", 1, hard_delete=False)
    grace_ends(db)
    assert told(db, job_id)[0] == "cancelled"
    assert sorted(db.column("SELECT id FROM customer")) == [1, 2]


def test_a_retry_asks_once_more_whether_the_row_is_live(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    grace_ends(db)
    db.retry_deletion(job_id)
    db.run()
    assert told(db, job_id)[0] == "cancelled"
    db.execute(f"UPDATE customer SET deleted_at = {MARKED[db.engine]} WHERE id = 1")
    db.retry_deletion(job_id)
    db.run()
    assert told(db, job_id) == ("done", "None")
    assert db.column("SELECT id FROM customer") == [2]


def test_a_cancelled_removal_that_is_asked_for_anew_removes(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    grace_ends(db)
    assert db.enqueue_deletion("customer", 1, hard_delete=True) == job_id
    db.run()
    assert told(db, job_id) == ("done", "None")
    assert db.column("SELECT id FROM customer") == [2]


def test_a_cancelled_removal_that_was_asked_for_removes_when_it_is_retried(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    lives(db, 1)
    db.enqueue_deletion("customer", 1, hard_delete=True)
    db.cancel_deletion(job_id)
    db.retry_deletion(job_id)
    db.run()
    assert told(db, job_id) == ("done", "None")


@pytest.mark.parametrize("change", ["forgotten", "renamed", "boolean", "int"])
def test_where_no_column_tells_any_more_nothing_is_removed(db: Database, change: str) -> None:
    (job_id,) = waiting(db, 1)
    if change == "forgotten":
        db.set_soft_deletion("customer", None)
    elif change == "renamed":
        db.execute("ALTER TABLE customer RENAME COLUMN deleted_at TO gone_at")
    else:
        # The same name, and another meaning: what was a time that is not NULL is not TRUE.
        none = db.either(mysql="0", postgres={"boolean": "FALSE", "int": "0"}[change])
        db.execute(
            "ALTER TABLE customer DROP COLUMN deleted_at,"
            f" ADD COLUMN deleted_at {change} NOT NULL DEFAULT {none}"
        )
    before = db.application_contents()
    grace_ends(db)
    status, error = told(db, job_id)
    assert status == "failed"
    assert error.startswith(UNTOLD), error
    assert db.application_contents() == before


def test_a_row_that_was_marked_by_somebody_else_is_removed(db: Database) -> None:
    mixed(db)
    db.execute(f"UPDATE customer SET deleted_at = {MARKED[db.engine]} WHERE id = 1")
    db.set_soft_deletion("customer", "deleted_at", None, 3600)
    job_id = db.enqueue_deletion("customer", 1, hard_delete=False)
    db.worker.run_deletion_jobs(run_seconds=1)
    grace_ends(db)
    assert told(db, job_id) == ("done", "None")
    assert db.column("SELECT id FROM customer") == [2]


def test_a_number_of_another_meaning_is_live(db: Database) -> None:
    db.table("note", "id bigint", "state int", rows=[(1, 3), (2, 3)])
    db.register_deletion_target("note")
    db.set_soft_deletion("note", "state", 9, 3600)
    jobs = [db.enqueue_deletion("note", key, hard_delete=False) for key in (1, 2)]
    db.worker.run_deletion_jobs(run_seconds=1)
    db.execute("UPDATE note SET state = 4 WHERE id = 1")
    grace_ends(db)
    assert [db.status(job) for job in jobs] == ["cancelled", "done"]
    assert db.column("SELECT id FROM note") == [1]


def at_work(db: Database) -> Steps:
    """End the grace, and let a session take the jobs up."""
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL WHERE status = 'pending'")
    steps = Steps(db.connect())
    steps.claim()
    return steps


def test_a_mark_that_is_taken_back_while_the_check_is_long_is_seen(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    db.register_deletion_target("customer", None, 1000)
    db.set_deletion_setting("batch_rows", 1)
    steps = at_work(db)
    assert steps.step() == "more"
    lives(db, 1)
    before = db.application_contents()
    steps.finish()
    assert told(db, job_id)[0] == "cancelled"
    assert db.application_contents() == before


def test_a_mark_that_is_taken_back_in_an_open_transaction_is_seen(db: Database) -> None:
    (job_id,) = waiting(db, 1)
    app = db.connect()
    app.execute("BEGIN")
    lives(app, 1)
    steps = at_work(db)
    assert steps.step() in {"more", "retry"}
    app.execute("COMMIT")
    steps.finish()
    recover_all(db)
    grace_ends(db)
    assert told(db, job_id)[0] == "cancelled"
    assert (db.count("customer"), db.count("invoice"), db.count("note")) == (2, 4, 8)


def test_a_wish_that_is_open_while_the_question_is_asked_is_not_lost(db: Database) -> None:
    jobs = waiting(db, 1, 2)
    lives(db, 1)
    lives(db, 2)
    steps = at_work(db)
    caller = db.connect()
    caller.execute("BEGIN")
    caller.enqueue_deletion("customer", 1, hard_delete=True)
    # Nobody waits for the caller, and the other job is told at once.
    assert steps.step() in {"more", "ended"}
    assert db.status(jobs[1]) == "cancelled"
    caller.execute("COMMIT")
    steps.finish()
    recover_all(db)
    db.run()
    assert [db.status(job) for job in jobs] == ["done", "cancelled"]
    assert db.column("SELECT id FROM customer") == [2]


def test_callers_that_ask_for_removals_of_several_rows_do_not_wait(db: Database) -> None:
    waiting(db, 1, 2)
    one, two = db.connect(), db.connect()
    for caller in (one, two):
        caller.execute("BEGIN")
    one.enqueue_deletion("customer", 1, hard_delete=True)
    other = db.background(two.enqueue_deletion, "customer", 2)
    assert other.result(5)
    for caller in (one, two):
        caller.execute("COMMIT")


def test_a_removal_can_be_asked_for_in_safe_mode(mysql: Database) -> None:
    (job_id,) = waiting(mysql, 1)
    lives(mysql, 1)
    caller = mysql.connect()
    caller.execute("SET SESSION sql_safe_updates = 1")
    caller.enqueue_deletion("customer", 1, hard_delete=True)
    mysql.run()
    assert told(mysql, job_id) == ("done", "None")
