"""SIGKILL of the server in the middle of a job: the next worker finishes, receipts are exact."""

from collections.abc import Callable, Iterator

import psycopg
import pymysql
import pytest

from deletion_jobs.servers import Server
from tests.contract.schemas import children, customers, each
from tests.database import (
    Database,
    MySQLInstallation,
    PostgresInstallation,
    Reference,
)

SIZES = {"customer": 1, "visit": 3_000, "detail": 6_000}


class Restarted:
    """A database on a server that the test may kill; `db` is a session since the last start."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.installation: PostgresInstallation | MySQLInstallation = (
            PostgresInstallation(server)
            if server.engine == "postgres"
            else MySQLInstallation(server)
        )
        self.installation.__enter__()
        self.db = self.installation.open(self.installation.make())

    def kill(self) -> None:
        """End the server as a crash would, with all sessions, and start it again."""
        self.server.kill()
        self.close()
        self.server.start()
        self.db = self.db.connect()

    def close(self) -> None:
        """Close what is left of the sessions; the container goes with the test session."""
        for session in self.db.home.sessions:
            session.close()
        self.db.home.sessions.clear()


@pytest.fixture(params=["mysql", "postgres"])
def restarted(request: pytest.FixtureRequest) -> Iterator[Restarted]:
    """A fresh installation on a breakable server."""
    restarted = Restarted(request.getfixturevalue(f"breakable_{request.param}_server"))
    yield restarted
    restarted.db.home.threads.shutdown()
    restarted.close()
    restarted.installation.admin.close()


def practice(db: Database) -> None:
    """Make customer <- visit <- detail: 9,001 rows go with customer 1."""
    customers(db, 2)
    children(db, "visit", {1: SIZES["visit"], 2: 1})
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, 1 + n % SIZES["visit"]) for n in each(SIZES["detail"])] + [(9999, 3001)],
    )


def gone(db: Database) -> dict[tuple[str, str], int]:
    """Count the rows that are really gone, as receipts would."""
    found = {(table, "delete"): size + 1 - db.count(table) for table, size in SIZES.items()}
    return {key: count for key, count in found.items() if count}


def until_disconnected(work: Callable[[], None]) -> None:
    """Run what is about to lose its server."""
    with pytest.raises((psycopg.OperationalError, pymysql.err.OperationalError)):
        work()


def test_a_job_survives_sigkill_of_its_server_with_exact_receipts(restarted: Restarted) -> None:
    practice(restarted.db)
    restarted.db.set_deletion_setting("batch_rows", 50)
    restarted.db.set_deletion_setting("lock_timeout_ms", 60_000)
    if restarted.db.engine == "postgres":
        restarted.db.set_deletion_setting("synchronous_batches", "true")
    job_id = restarted.db.enqueue_deletion("customer", 1)

    # First inside a step, which waits for a row and has changed others.
    db = restarted.db
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    holder.rows("SELECT id FROM visit WHERE id = 500 FOR UPDATE")
    running = db.background(until_disconnected, worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    restarted.kill()
    running.result(60)
    db = restarted.db
    assert db.status(job_id) == "running"
    assert db.receipts(job_id) == gone(db)
    first = sum(gone(db).values())
    assert 0 < first < sum(SIZES.values())

    # Then wherever the next worker happens to be at some moment.
    db.set_deletion_setting("pause_ms", 5)
    running = db.background(until_disconnected, db.connect("worker").run_deletion_jobs)
    db.wait_for(lambda: sum(db.observer.receipts(job_id).values()) > first + 1_000)
    restarted.kill()
    running.result(60)
    db = restarted.db
    assert db.status(job_id) == "running"
    assert db.receipts(job_id) == gone(db)
    assert first + 1_000 < sum(gone(db).values()) < sum(SIZES.values())

    db.set_deletion_setting("pause_ms", None)
    db.worker.run_deletion_jobs()
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["lost", "lost", "done"])
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())
    assert db.count("deletion_frames") == 0
    assert db.count("deletion_attempts", "is_counted AND outcome = 'lost'") == 0


def above(db: Database, job_id: int, rows: int) -> Callable[[], int]:
    """Give what tells how many rows are gone by the receipts, once they are more than so many."""

    def count() -> int:
        found = sum(db.observer.receipts(job_id).values())
        return found if found > rows else 0

    return count


@pytest.mark.parametrize("synchronous", [False, True])
def test_batches_that_a_crash_undoes_take_their_receipts_along(
    restarted: Restarted, synchronous: bool
) -> None:
    db = restarted.db
    if db.engine == "mysql":
        # A session cannot choose there: what was committed is on the disk.
        assert db.count("deletion_settings", "setting_name = 'synchronous_batches'") == 0
        return
    practice(db)
    db.set_deletion_setting("batch_rows", 50)
    db.set_deletion_setting("pause_ms", 5)
    db.set_deletion_setting("synchronous_batches", str(synchronous).lower())
    job_id = db.enqueue_deletion("customer", 1)
    # Far longer than the test: only a commit that waits brings the log to the disk.
    db.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    db.execute("SELECT pg_reload_conf()")
    undone, crashes, kept = False, 0, 0
    # Anybody's commit may bring it there just before the crash, and all that was written so far.
    while not undone and crashes < (1 if synchronous else 4):
        running = db.background(until_disconnected, db.connect("worker").run_deletion_jobs)
        seen = db.wait_for(above(db, job_id, kept + 500))
        # The worker rests after its next batch: nothing else reaches the log before the end.
        db.observer.set_deletion_setting("pause_ms", 5000)
        seen = db.wait_for(above(db, job_id, seen))
        restarted.kill()
        crashes += 1
        running.result(60)
        db = restarted.db
        assert db.receipts(job_id) == gone(db)
        kept = sum(gone(db).values())
        undone = kept < seen
        db.set_deletion_setting("pause_ms", 5)
    assert undone == (not synchronous)
    db.execute("ALTER SYSTEM RESET wal_writer_delay")
    db.execute("SELECT pg_reload_conf()")
    db.set_deletion_setting("pause_ms", None)
    db.worker.run_deletion_jobs()
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["lost"] * crashes + ["done"])
    assert db.receipts(job_id) == gone(db)
    assert sum(gone(db).values()) == sum(SIZES.values())
