"""Workers that die, or whose statement is cancelled, in the middle of a step: nothing is lost.

A step is stopped where the test wants it by a row that a second session holds. After each death
the receipts have to equal the rows that are really gone, before anybody has mended anything.
"""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import Future

import psycopg
import pymysql
import pytest

from tests.contract.schemas import children, customers, each, ids
from tests.contract.steps import session_locks
from tests.database import Database, Reference

DISCONNECTED = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError)
CANCELLED = (psycopg.errors.QueryCanceled, pymysql.err.OperationalError)
SIZES = {"customer": 1, "visit": 40, "detail": 80, "note": 20}


def practice(db: Database) -> None:
    """Make customer <- visit <- detail, and notes that stay: 121 rows go with customer 1."""
    customers(db, 2)
    children(db, "visit", {1: SIZES["visit"], 2: 1})
    children(db, "note", {1: SIZES["note"], 2: 1}, on_delete="set null")
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, 1 + n % SIZES["visit"]) for n in each(SIZES["detail"])] + [(999, 41)],
    )


def gone(db: Database) -> dict[tuple[str, str], int]:
    """Count what really became of customer 1's rows, as receipts would."""
    found = {
        (table, "delete"): SIZES[table] + 1 - db.count(table)
        for table in ("customer", "visit", "detail")
    }
    found["note", "set_null"] = db.count("note", "customer_id IS NULL")
    return {key: count for key, count in found.items() if count}


@contextlib.contextmanager
def stopped_before_its_receipt(
    db: Database, worker: Database, job_id: int, lock_timeout_ms: int
) -> Iterator["Future[None]"]:
    """Let a worker delete details and run into their receipt, which somebody writes just now."""
    db.set_deletion_setting("batch_rows", 7)
    db.set_deletion_setting("lock_timeout_ms", lock_timeout_ms)
    holder = db.connect()
    with holder.transaction(rollback=True):
        # The numbers of runs go on where an earlier test of the same database has stopped.
        last = db.either(
            mysql="SELECT COALESCE(MAX(run_id), 0) FROM deletion_runs",
            postgres="SELECT last_value FROM deletion_runs_run_id_seq",
        )
        first = int(db.value(last))
        for run_id in range(first, first + 50):
            holder.execute(
                "INSERT INTO deletion_receipts (run_id, table_name, action, row_counts)"
                " VALUES (%s, 'detail', 'delete', %s)",
                run_id,
                json.dumps({job_id: 1000}),
            )
        running = db.background(worker.run_deletion_jobs)
        db.wait_until_blocked(worker)
        yield running
    holder.close()


@contextlib.contextmanager
def stopped_at(db: Database, worker: Database, query: str) -> Iterator[None]:
    """Let a worker run into rows that are held, and let them go after the block."""
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows(f"{query} FOR UPDATE")
        running = db.background(worker.run_deletion_jobs)
        db.wait_until_blocked(worker)
        yield
        with pytest.raises((*DISCONNECTED, *CANCELLED)):
            running.result(60)
    holder.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM detail WHERE id = 40",
        "SELECT id FROM visit WHERE id = 20",
        "SELECT id FROM note WHERE id = 10",
        "SELECT id FROM customer WHERE id = 1",
    ],
)
def test_whoever_comes_next_goes_on_where_a_killed_worker_stood(db: Database, query: str) -> None:
    practice(db)
    db.set_deletion_setting("batch_rows", 7)
    job_id = db.enqueue_deletion("customer", 1)
    victim = db.connect("worker")
    with stopped_at(db, victim, query):
        db.end_session(victim)
        assert db.status(job_id) == "running"
        assert db.receipts(job_id) == gone(db)
        kept = db.application_contents()
    assert db.application_contents() == kept
    db.worker.run_deletion_jobs()
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["lost", "done"])
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())
    assert db.count("deletion_frames") == db.count("deletion_walk_keys") == 0
    assert db.count("deletion_runs", "ended_at IS NULL") == 0


def test_a_job_that_is_killed_again_and_again_ends_done_and_no_death_counts(db: Database) -> None:
    practice(db)
    db.set_deletion_setting("batch_rows", 3)
    db.set_deletion_setting("max_attempts", 1)
    job_id = db.enqueue_deletion("customer", 1)
    removed = 0
    for table, held in (("detail", 9), ("visit", 38), ("note", 9), ("customer", 1)):
        victim = db.connect("worker")
        with stopped_at(db, victim, f"SELECT id FROM {table} WHERE id = {held}"):
            db.end_session(victim)
        assert db.receipts(job_id) == gone(db)
        # Each time some rows were committed before the death: such a job is no poison.
        assert sum(gone(db).values()) > removed
        removed = sum(gone(db).values())
    db.run()
    assert db.outcomes(job_id) == ["lost"] * 4 + ["done"]
    assert db.count("deletion_attempts", "is_counted AND outcome = 'lost'") == 0
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())


def test_a_poison_job_fails_alone_and_its_neighbours_are_done(db: Database) -> None:
    customers(db, 5)
    children(db, "visit", dict.fromkeys(each(5), 1))
    db.set_deletion_setting("max_attempts", 3)
    db.set_deletion_setting("backoff_seconds", 0)
    jobs = [db.enqueue_deletion("customer", n) for n in each(5)]
    poison = jobs[2]
    deaths = 0
    # Whoever touches the visit of customer 3 dies.
    while db.status(poison) != "failed":
        assert deaths < 10
        victim = db.connect("worker")
        with stopped_at(db, victim, "SELECT id FROM visit WHERE id = 3"):
            db.end_session(victim)
            deaths += 1
        # What the dead worker left is settled, and nothing is claimed.
        db.script(mysql="CALL deletion_recover()", postgres="SELECT deletion_recover()")
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done", "failed", "done", "done"]
    assert deaths == 1 + 3
    assert db.outcomes(poison) == ["lost"] * 4
    counted = db.column(
        "SELECT is_counted FROM deletion_attempts WHERE job_id = %s ORDER BY attempt_no", poison
    )
    assert [bool(one) for one in counted] == [False, True, True, True]
    assert "gone" in (db.job(poison).error or "")
    assert (ids(db, "customer"), ids(db, "visit")) == ([3], [3])
    for job_id in {*jobs} - {poison}:
        assert db.outcomes(job_id) == ["lost", "done"]
        assert db.receipts(job_id) == {("visit", "delete"): 1, ("customer", "delete"): 1}
    db.retry_deletion(poison)
    db.run()
    assert (db.status(poison), ids(db, "customer")) == ("done", [])


def test_a_cancelled_set_returns_and_no_attempt_is_counted(db: Database) -> None:
    customers(db, 5)
    children(db, "visit", dict.fromkeys(each(5), 2))
    jobs = [db.enqueue_deletion("customer", n) for n in each(5)]
    victim = db.connect("worker")
    with stopped_at(db, victim, "SELECT id FROM visit WHERE id = 5"):
        db.cancel_statement(victim)
    # The session of a scheduler ends with its statement.
    db.end_session(victim)
    db.worker.run_deletion_jobs()
    assert [db.status(job_id) for job_id in jobs] == ["done"] * 5
    assert db.count("deletion_attempts", "is_counted AND outcome <> 'done'") == 0
    for job_id in jobs:
        assert db.receipts(job_id) == {("visit", "delete"): 2, ("customer", "delete"): 1}


def test_a_session_whose_statement_was_cancelled_works_on_in_its_next_call(db: Database) -> None:
    practice(db)
    db.set_deletion_setting("batch_rows", 7)
    job_id = db.enqueue_deletion("customer", 1)
    victim = db.connect("worker")
    with stopped_at(db, victim, "SELECT id FROM visit WHERE id = 20"):
        db.cancel_statement(victim)
    victim.run_deletion_jobs()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())
    assert db.count("deletion_attempts", "is_counted AND outcome <> 'done'") == 0
    assert session_locks(victim) == 0


def test_rows_whose_receipt_was_not_written_come_back_with_a_cancelled_statement(
    db: Database,
) -> None:
    practice(db)
    job_id = db.enqueue_deletion("customer", 1)
    victim = db.connect("worker")
    with stopped_before_its_receipt(db, victim, job_id, 60_000) as running:
        db.cancel_statement(victim)
        with pytest.raises(CANCELLED):
            running.result(60)
    victim.run_deletion_jobs()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())


def test_rows_whose_receipt_was_not_written_come_back_with_a_lock_that_was_not_had(
    db: Database,
) -> None:
    practice(db)
    job_id = db.enqueue_deletion("customer", 1)
    with stopped_before_its_receipt(db, db.worker, job_id, 1000) as running:
        db.wait_for("SELECT COUNT(*) FROM deletion_runs WHERE retries > 0")
        assert db.count("detail") == SIZES["detail"] + 1
    running.result(60)
    db.run()
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["done"])
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())
    # Only failures in a row count, and a batch that was halved grows again.
    assert db.rows("SELECT retries, batch_rows FROM deletion_runs") == [(0, 7)]
