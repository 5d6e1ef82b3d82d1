"""A claim that goes on in the middle of the queue reads nothing of what lies before.

What was claimed there stays in the index while an old snapshot is open, and no counter shows it.
Jobs that are still pending do count, and the same ranges leave them out.
"""

import time

from tests.contract.schemas import children, customers, each
from tests.contract.steps import Steps
from tests.database import Database
from tests.reads import handler_reads


def test_a_claim_begins_at_its_place_in_the_index(mysql: Database) -> None:
    jobs = 4000
    customers(mysql, jobs)
    mysql.set_deletion_setting("jobs_per_run", 1)
    # All at once, so that they are told apart by their numbers alone.
    mysql.enqueue_deletions("customer", list(each(jobs)))
    due, last = mysql.rows(
        "SELECT COALESCE(scheduled_at, created_at), id FROM deletion_jobs ORDER BY id DESC LIMIT 1"
    )[0]
    before = handler_reads(mysql)
    mysql.execute("CALL deletion_due(%s, %s, @jobs, @of, @hard, @alone, @at, @id)", due, last)
    assert handler_reads(mysql) - before < 200
    assert mysql.value("SELECT @id") == last


def test_a_heavy_run_does_not_ask_in_each_step_whether_others_are_due(mysql: Database) -> None:
    customers(mysql, 1)
    children(mysql, "visit", {1: 2000})
    mysql.set_deletion_setting("batch_rows", 10)
    mysql.enqueue_deletion("customer", 1)
    steps = Steps(mysql)
    steps.claim()

    # As long as it took until then it would not ask.
    while not mysql.count("deletion_receipts"):
        assert steps.step() == "more"

    time.sleep(1.1)
    asked = (
        "SELECT COUNT_STAR FROM performance_schema.events_statements_summary_by_program"
        " WHERE OBJECT_SCHEMA = DATABASE() AND OBJECT_NAME = 'deletion_others_due'"
    )
    before = mysql.value(asked) or 0
    assert [steps.step() for _ in range(50)] == ["more"] * 50
    assert 1 <= mysql.value(asked) - before < 20
