"""Workers whose account has a statement_timeout, as a whole database often has."""

import pytest

from tests.contract.schemas import children, customers
from tests.database import Database


@pytest.fixture
def hurried(postgres: Database) -> Database:
    """A worker's session that is cancelled after a second."""
    session = postgres.connect("worker")
    session.execute("SET statement_timeout = '1s'")
    return session


def test_a_call_ends_before_the_session_cancels_it(postgres: Database, hurried: Database) -> None:
    db = postgres
    customers(db)
    children(db, "visit", {1: 30})
    db.script(
        postgres="""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.1); RETURN old; END';
        CREATE TRIGGER slow BEFORE DELETE ON visit FOR EACH ROW EXECUTE FUNCTION slow();
        """
    )
    db.set_deletion_setting("batch_rows", 1)
    job_id = db.enqueue_deletion("customer", 1)
    calls = 0

    while db.status(job_id) != "done" and calls < 20:
        hurried.run_deletion_jobs()
        calls += 1

    assert db.status(job_id) == "done"
    assert calls > 2
    assert set(db.outcomes(job_id)) == {"sliced", "done"}
    assert db.receipts(job_id) == {("visit", "delete"): 30, ("customer", "delete"): 1}


def test_what_is_too_long_for_the_session_fails_and_says_so(
    postgres: Database, hurried: Database
) -> None:
    db = postgres
    customers(db)
    children(db, "visit", {1: 3})
    db.set_deletion_setting("lock_timeout_ms", 60000)
    db.set_deletion_setting("max_attempts", 2)
    db.set_deletion_setting("backoff_seconds", 0)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    holder = db.connect()

    with holder.transaction(rollback=True):
        holder.execute("LOCK TABLE visit IN ACCESS EXCLUSIVE MODE")

        for _ in range(9):
            if db.due():
                with hurried.error("57014", changes=True):
                    hurried.run_deletion_jobs()

    for job_id in jobs:
        job = db.job(job_id)
        assert (job.status, job.error) == (
            "failed",
            "57014: statement_timeout (1s) of"
            f" {hurried.value('SELECT quote_ident(session_user)')} ended the call before a row was"
            " changed (gave up after 2 attempts)",
        )
        # What fails together is tried alone, and only that counts.
        outcomes = db.outcomes(job_id)
        assert outcomes[0] == "returned"
        assert [one for one in outcomes if one != "returned"] == ["retry"] * 2

    for job_id in jobs:
        db.retry_deletion(job_id)

    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done"]
