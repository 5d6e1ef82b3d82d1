"""start_deletion_schedule: a job that is left alone ends done, with nothing but the server."""

from collections.abc import Iterator

import pytest

from tests.contract.schemas import customers, shop
from tests.database import Database, PostgresInstallation


@pytest.fixture
def scheduled(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database in which the engine's scheduler can be armed; disarmed afterwards.

    pg_cron lives in one database of the server: there deletion-jobs gets a schema of its own.
    """
    if request.param == "mysql":
        with request.getfixturevalue("mysql_installation").database() as database:
            yield database
            database.stop_deletion_schedule()
        return
    installation: PostgresInstallation = request.getfixturevalue("postgres_installation")
    with installation.beside_pg_cron() as database:
        yield database
        database.stop_deletion_schedule()


both = pytest.mark.parametrize("scheduled", ["mysql", "postgres"], indirect=True)


def schedule(db: Database) -> list[dict[str, object]]:
    names = db.column(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = 'vw_deletion_schedule' AND table_schema = %s"
        " ORDER BY ordinal_position",
        db.home.schema,
    )
    return [
        dict(zip(names, row, strict=True)) for row in db.rows("SELECT * FROM vw_deletion_schedule")
    ]


@both
def test_a_job_that_is_left_alone_ends_done(scheduled: Database) -> None:
    shop(scheduled)
    scheduled.set_deletion_setting("tick_seconds", 1)
    scheduled.start_deletion_schedule()
    job_id = scheduled.enqueue_deletion("customer", 1)
    scheduled.wait_for(lambda: scheduled.status(job_id) == "done", seconds=70)
    assert scheduled.receipts(job_id) == {
        ("line", "delete"): 6,
        ("invoice", "delete"): 3,
        ("customer", "delete"): 1,
    }
    assert scheduled.wait_for(
        "SELECT COUNT(*) FROM deletion_slots WHERE slot = 1 AND last_ended_at IS NOT NULL"
    )
    shown = scheduled.wait_for(lambda: schedule(scheduled))
    assert any(
        "done" in str(value) or "ok" in str(value) for row in shown for value in row.values()
    )


@both
def test_a_schedule_may_be_started_twice_and_stopped_twice(scheduled: Database) -> None:
    customers(scheduled)
    scheduled.start_deletion_schedule()
    scheduled.start_deletion_schedule()
    assert len(armed(scheduled)) >= 1
    assert len(armed(scheduled)) == len(set(armed(scheduled)))
    scheduled.stop_deletion_schedule()
    assert armed(scheduled) == []
    scheduled.stop_deletion_schedule()


@both
def test_every_worker_has_a_schedule_of_its_own(scheduled: Database) -> None:
    scheduled.start_deletion_schedule()
    one = len(armed(scheduled))
    scheduled.set_deletion_setting("workers", 3)
    scheduled.start_deletion_schedule()
    assert len(armed(scheduled)) == one + 2
    scheduled.set_deletion_setting("workers", 1)
    scheduled.start_deletion_schedule()
    assert len(armed(scheduled)) == one


@both
def test_a_stopped_schedule_says_why_nothing_runs(scheduled: Database) -> None:
    before = repr(schedule(scheduled))
    scheduled.start_deletion_schedule()
    assert repr(schedule(scheduled)) != before


def armed(db: Database) -> list[str]:
    """List the armed events or pg_cron jobs of this installation."""
    return db.either(
        mysql=lambda: db.column(
            "SELECT EVENT_NAME FROM information_schema.EVENTS"
            " WHERE EVENT_SCHEMA = DATABASE() AND STATUS = 'ENABLED'"
        ),
        postgres=lambda: db.column(
            "SELECT jobname FROM cron.job WHERE active AND command LIKE %s",
            f"%{db.home.schema}%",
        ),
    )()


def test_without_pg_cron_the_schema_installs_and_the_verb_says_what_is_missing(
    postgres: Database,
) -> None:
    with postgres.error("0A000", "pg_cron"):
        postgres.start_deletion_schedule()
    assert "pg_cron" in repr(schedule(postgres))


@pytest.mark.parametrize("scheduled", ["postgres"], indirect=True)
def test_what_pg_cron_notes_of_each_call_is_purged(scheduled: Database) -> None:
    scheduled.start_deletion_schedule()
    job = scheduled.value(
        "SELECT jobid FROM cron.job WHERE jobname = %s",
        f"deletion_jobs:{scheduled.home.database}:{scheduled.home.schema}:run_details",
    )
    old = (
        "INSERT INTO cron.job_run_details (jobid, runid, username, database, start_time, end_time)"
        " SELECT %s, nextval('cron.runid_seq'), %s, current_database(), a.t, a.t"
        " FROM (SELECT now() - interval '2 days' AS t) AS a"
    )
    others = scheduled.value("SELECT current_user")
    for account in ("deletion_jobs_worker", others):
        scheduled.execute(old, job, account)
    every = scheduled.value(
        "SELECT CASE WHEN extversion >= '1.5' THEN '1 seconds' ELSE '* * * * *' END"
        " FROM pg_extension WHERE extname = 'pg_cron'"
    )
    scheduled.execute("SELECT cron.alter_job(%s, schedule => %s)", job, every)
    left = "SELECT username FROM cron.job_run_details WHERE jobid = %s AND end_time < now() - %s"
    scheduled.wait_for(
        lambda: scheduled.column(f"{left}::interval", job, "1 day") == [others], seconds=70
    )
    scheduled.execute("DELETE FROM cron.job_run_details WHERE jobid = %s", job)
