"""What our own statements read while another session holds an old snapshot open.

Every version of a row that a step has written stays then, in its table and in each index, and so
does the entry of every job that was claimed. What a step reads must not grow with them.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.contract.schemas import children, customers, each
from tests.contract.steps import Steps
from tests.database import Database, Postgres
from tests.reads import entries_read


@pytest.fixture
def old_snapshot(postgres: Postgres) -> Iterator[None]:
    with contextlib.closing(postgres.connect().connection) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT pg_current_snapshot()")
        yield


@pytest.mark.usefixtures("old_snapshot")
@pytest.mark.parametrize("table", ["deletion_runs", "deletion_frames"])
def test_a_step_passes_no_versions_that_earlier_steps_have_left(
    postgres: Database, table: str
) -> None:
    customers(postgres, 1)
    children(postgres, "visit", {1: 2000})
    postgres.set_deletion_setting("batch_rows", 5)
    postgres.enqueue_deletion("customer", 1)
    steps = Steps(postgres)
    steps.claim()
    read = []
    # After a VACUUM new versions lie before old ones, and are not met first: known, and not mended.
    postgres.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = FALSE)")
    try:
        for _ in range(3):
            before = entries_read(postgres, table)
            assert [steps.step() for _ in range(100)] == ["more"] * 100
            read.append(entries_read(postgres, table) - before)
    finally:
        postgres.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")
    # Read from the front, the last hundred steps would read five times as much as the first.
    assert 0 < read[-1] < 1.5 * read[0], read


@pytest.mark.usefixtures("old_snapshot")
def test_a_claim_passes_no_jobs_that_earlier_ones_have_taken(postgres: Database) -> None:
    jobs = 3000
    customers(postgres, jobs)
    postgres.set_deletion_setting("jobs_per_run", 20)
    postgres.enqueue_deletions("customer", list(each(jobs)))
    before = entries_read(postgres, "deletion_jobs")
    postgres.run()
    assert postgres.rows("SELECT DISTINCT status FROM deletion_jobs") == [("done",)]
    # Some ten for each job; with all that were claimed before, another seventy.
    assert (entries_read(postgres, "deletion_jobs") - before) / jobs < 40


def claimed(db: Database, jobs: int) -> None:
    """Leave the entries of jobs that were pending, and are done, in the index of what is due."""
    target = db.value("SELECT entity_table FROM deletion_targets")
    db.execute(
        "INSERT INTO deletion_jobs (entity_table, entity_pk)"
        " SELECT %s, (1000 + n)::text FROM generate_series(1, %s) AS n",
        target,
        jobs,
    )
    db.execute("UPDATE deletion_jobs SET status = 'done' WHERE status = 'pending'")


@pytest.mark.usefixtures("old_snapshot")
def test_a_heavy_run_does_not_pass_them_in_each_step(postgres: Database) -> None:
    customers(postgres, 1)
    children(postgres, "visit", {1: 2000})
    claimed(postgres, 3000)
    postgres.set_deletion_setting("batch_rows", 10)
    postgres.enqueue_deletion("customer", 1)
    steps = Steps(postgres)
    steps.claim()
    # The check, and the first rows: from then on it asks whether others are due.
    assert [steps.step(), steps.step()] == ["more"] * 2
    time.sleep(1.1)
    before = entries_read(postgres, "deletion_jobs")
    assert [steps.step() for _ in range(100)] == ["more"] * 100
    assert 3000 <= entries_read(postgres, "deletion_jobs") - before < 20 * 3000


@pytest.mark.usefixtures("old_snapshot")
def test_a_claim_does_not_pass_the_notes_of_soft_jobs_that_have_ended(postgres: Database) -> None:
    jobs, notes = 100, 3000
    customers(postgres, jobs)
    postgres.execute(
        "INSERT INTO deletion_soft_keys SELECT 9000 + n, 0, int4send(n), 0, 0, '{}', TRUE"
        " FROM generate_series(1, %s) AS n",
        notes,
    )
    postgres.execute("DELETE FROM deletion_soft_keys")
    postgres.set_deletion_setting("jobs_per_run", 2)
    postgres.enqueue_deletions("customer", list(each(jobs)))
    worker = postgres.connect()
    before = entries_read(worker, "deletion_soft_keys")
    worker.call("run_deletion_jobs", None, 60)
    assert postgres.rows("SELECT DISTINCT status FROM deletion_jobs") == [("done",)]
    assert notes <= entries_read(worker, "deletion_soft_keys") - before < jobs / 2 * notes / 4


def test_a_step_waits_for_whoever_writes_to_its_run(postgres: Database) -> None:
    customers(postgres, 1)
    children(postgres, "visit", {1: 20})
    postgres.set_deletion_setting("batch_rows", 5)
    job_id = postgres.enqueue_deletion("customer", 1)
    worker = postgres.connect()
    steps = Steps(worker)
    steps.claim()
    assert steps.step() == "more"
    other = postgres.connect()
    with other.transaction():
        other.execute("UPDATE deletion_runs SET jobs_open = jobs_open")
        stepping = postgres.background(steps.step)
        postgres.wait_until_blocked(worker)
    # It finds the row where that session has left it, and is not lost.
    assert stepping.result(60) == "more"
    steps.finish()
    assert postgres.status(job_id) == "done"
