"""A server without performance_schema, as managed ones often are by default."""

from collections.abc import Iterator

import pytest

from tests import servers
from tests.contract.schemas import children, customers
from tests.database import Database, MySQLInstallation


@pytest.fixture(scope="module")
def installation() -> Iterator[MySQLInstallation]:
    wanted = servers.Wanted("mysql", "", ("--performance-schema=OFF",))
    with servers.breakable(wanted) as server, MySQLInstallation(server) as made:
        yield made


@pytest.fixture
def db(installation: MySQLInstallation) -> Iterator[Database]:
    with installation.database() as database:
        assert database.value("SELECT @@GLOBAL.performance_schema") == 0
        yield database


def test_a_run_that_works_is_not_taken_for_a_dead_one(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 6})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, busy, other = db.connect(), db.connect("worker"), db.connect("worker")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit FOR UPDATE")
        running = db.background(busy.run_deletion_jobs)
        db.wait_for("SELECT COUNT(*) FROM deletion_runs WHERE ended_at IS NULL")
        other.run_deletion_jobs()
        assert db.status(job_id) == "running"
        assert db.count("vw_deletion_progress", "is_orphaned") == 0
    running.result(30)
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["done"])


def test_a_run_whose_session_is_gone_is_taken_up(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 6})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, victim = db.connect(), db.connect("worker")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit FOR UPDATE")
        running = db.background(victim.run_deletion_jobs)
        db.wait_for("SELECT COUNT(*) FROM deletion_runs WHERE ended_at IS NULL")
        db.end_session(victim)
        assert running.exception(30) is not None
    db.run()
    assert (db.status(job_id), db.outcomes(job_id)[-1]) == ("done", "done")
    assert sum(db.receipts(job_id).values()) == 7
