"""Rows that a declared reference ties to a root that is gone: no lock and no last look is left.

Of a root that is there, the look before it goes finds what was missed. Where nothing is there to be
looked at, a page of rows of which one gets another key is not the last one.
"""

import pytest

from tests.contract.schemas import customers, each
from tests.contract.steps import Steps
from tests.database import Database, Reference

LOGS = 50
LAST = 50


@pytest.fixture
def jobs(request: pytest.FixtureRequest, db: Database) -> list[int]:
    """Make customer <- log <- line, customer 1 gone and all logs its; so many jobs, of it first."""
    customers(db, 4)
    db.table("log", "id bigint", "customer_id bigint", rows=[(n, 1) for n in each(LOGS)])
    db.index("log", "customer_id")
    db.table(
        "line",
        "id bigint",
        "log_id bigint",
        references=[Reference("log_id", "log", "cascade")],
        # The last one has none, and the first ones many: they do not go in one transaction.
        rows=[(n, 1 + n % (LAST - 1)) for n in each(400)],
    )
    db.declare_deletion_reference(
        "customer_logs", "log", ["customer_id"], "customer", ["id"], "cascade"
    )
    db.set_deletion_setting("batch_rows", 100)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    db.execute("DELETE FROM customer WHERE id = 1")
    return [db.enqueue_deletion("customer", root) for root in each(request.param)]


def all_gone(db: Database, jobs: list[int]) -> None:
    assert [db.status(job_id) for job_id in jobs] == ["done"] * len(jobs)
    receipts = db.receipts(jobs[0])
    assert (db.count("log"), receipts["log", "delete"]) == (0, LOGS)
    assert (db.count("line"), receipts["line", "delete"]) == (0, 400)


@pytest.mark.parametrize("jobs", [1, 2], indirect=True)
def test_a_row_that_gets_another_key_between_two_steps_goes_under_it(
    db: Database, jobs: list[int]
) -> None:
    steps = Steps(db)
    steps.claim()
    assert LAST in steps.until_stored("log")
    db.execute("UPDATE log SET id = 9999 WHERE id = %s", LAST)
    steps.finish()
    all_gone(db, jobs)


@pytest.mark.parametrize("jobs", [1, 2], indirect=True)
def test_a_row_that_gets_another_key_while_its_lock_is_waited_for_goes_under_it(
    db: Database, jobs: list[int]
) -> None:
    holder = db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE log SET id = 9999 WHERE id = %s", LAST)
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    holder.execute("COMMIT")
    running.result(60)
    db.run()
    all_gone(db, jobs)
