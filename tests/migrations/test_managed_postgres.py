"""Installing as the first account of a managed server: it may make roles, and is no superuser."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from tests import servers
from tests.migrations.places import Place

ACCOUNT = "chief"


@pytest.fixture
def managed() -> Iterator[tuple[Place, str]]:
    """A server without our roles, and the URL of such an account, which owns the database."""
    with servers.breakable(servers.POSTGRES) as server:
        name = str(server.url.rpartition("/")[2])
        place = Place("postgres", server, name)
        place.execute(
            f"CREATE ROLE {ACCOUNT} LOGIN CREATEROLE CREATEDB PASSWORD 'x';"
            f" ALTER SCHEMA public OWNER TO {ACCOUNT};"
            " CREATE EXTENSION pg_cron;"
            f" GRANT USAGE ON SCHEMA cron TO {ACCOUNT} WITH GRANT OPTION"
        )
        yield place, server.url_of(name, ACCOUNT, "x")


def test_it_installs_schedules_and_takes_away(managed: tuple[Place, str]) -> None:
    place, url = managed
    place.ok("apply", "--no-users-key", url=url)
    left = {"grant role pg_read_all_stats to deletion_jobs_owner: missing"}
    found = place.run("verify", url=url)
    assert set(found.output.split("\n")) - {""} <= left | {"public: no findings"}
    with psycopg.connect(url, autocommit=True) as session:
        # From PostgreSQL 16 on it is no member of the roles that it has made.
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege,
            match=f"^{ACCOUNT} is no operator: GRANT deletion_jobs_operator TO {ACCOUNT}",
        ):
            session.execute("CALL start_deletion_schedule()")
        session.execute(f"GRANT deletion_jobs_operator TO {ACCOUNT}")
        session.execute("CALL start_deletion_schedule()")
        session.execute(f"REVOKE deletion_jobs_operator FROM {ACCOUNT}")
    assert place.value("SELECT count(*) FROM cron.job") > 0
    refused = place.run("rollback", "--yes", url=url)
    assert refused.exit_code == 3
    assert f"GRANT deletion_jobs_operator TO {ACCOUNT}" in refused.stderr
    assert place.marked() != []
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(f"GRANT deletion_jobs_operator TO {ACCOUNT}")
    place.ok("rollback", "--yes", url=url)
    assert place.value("SELECT count(*) FROM cron.job") == 0
    assert place.marked() == []


def test_the_advice_for_pg_cron_in_another_database_works_as_it_is_written(
    managed: tuple[Place, str],
) -> None:
    place, _ = managed
    place.execute("CREATE DATABASE shop")
    shop = Place("postgres", place.server, "shop")
    shop.ok("apply", "--no-users-key")
    with (
        pytest.raises(psycopg.errors.FeatureNotSupported) as raised,
        psycopg.connect(shop.url, autocommit=True) as session,
    ):
        session.execute("CALL start_deletion_schedule()")
    advice = str(raised.value.diag.message_detail)
    script = advice[advice.index("GRANT") :]
    if place.value("SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'") < "1.5":
        assert "before 1.5" in advice
        script = script.replace("'10 seconds'", "'* * * * *'")
    # The owner of that database is no superuser either.
    url = place.server.url_of(place.database, ACCOUNT, "x")
    place.execute(
        f"GRANT deletion_jobs_worker TO {ACCOUNT}; GRANT ALL ON ALL FUNCTIONS IN SCHEMA cron"
        f" TO {ACCOUNT} WITH GRANT OPTION"
    )
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(script)
    jobs = place.execute("SELECT database, username, command FROM cron.job ORDER BY jobid")
    assert {(database, account) for database, account, _ in jobs} == {
        ("shop", "deletion_jobs_worker"),
        (place.database, "deletion_jobs_worker"),
    }
    worker = "SELECT count(*) FROM deletion_slots WHERE last_ended_at IS NOT NULL"
    deadline = time.monotonic() + 90
    while shop.value(worker) == 0:
        assert time.monotonic() < deadline, place.execute("SELECT * FROM cron.job_run_details")
        time.sleep(0.5)
