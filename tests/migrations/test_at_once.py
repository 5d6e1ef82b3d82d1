"""Several installations at once, and locks that others hold."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from deletion_jobs import migrations, queries
from tests.migrations.places import Place


def test_many_at_once_all_end_well_and_install_once(with_users: Place) -> None:
    started = [with_users.start("apply") for _ in range(6)]
    for process in started:
        out, error = process.communicate(timeout=120)
        assert process.returncode == 0, f"{out}{error}"
    names = migrations.names(with_users.engine)
    assert with_users.marked() == names
    log = with_users.execute("SELECT migration_id, operation FROM _yoyo_log ORDER BY migration_id")
    assert log == [(name, "apply") for name in names]
    with_users.ok("verify")


@pytest.fixture
def other_session(place: Place) -> Iterator[Callable[[str], object]]:
    """Run statements in a session that stays open, and holds what it locks."""
    if place.engine == "postgres":
        with psycopg.connect(place.url, autocommit=True) as connection:
            yield lambda text: connection.execute(text.encode())
    else:
        with place.connect_mysql() as connection, connection.cursor() as cursor:
            yield cursor.execute


def test_an_installation_waits_for_the_one_before_it(
    place: Place, other_session: Callable[[str], object]
) -> None:
    other_session(queries.load(place.engine, "apply_lock"))
    process = place.start("apply", "--no-users-key")
    assert process.stderr is not None
    assert "waiting for another installation" in process.stderr.readline()
    assert process.poll() is None
    other_session(queries.load(place.engine, "apply_unlock"))
    assert process.communicate(timeout=60)[0]
    assert process.returncode == 0
    place.ok("verify")


def test_an_installation_waits_no_longer_than_it_was_told(
    place: Place, other_session: Callable[[str], object]
) -> None:
    other_session(queries.load(place.engine, "apply_lock"))
    before = place.whole(ledger=True)
    done = place.run("apply", "--no-users-key", "--wait", "0.5")
    assert done.exit_code == 1
    assert "--wait" in done.stderr
    assert place.whole(ledger=True) == before


def test_a_lock_in_the_way_is_waited_for_in_short_attempts(
    with_users: Place, other_session: Callable[[str], object]
) -> None:
    other_session("BEGIN")
    if with_users.engine == "postgres":
        other_session("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    else:
        other_session("INSERT INTO users VALUES (1)")
    process = with_users.start("apply")
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "a lock is in the way, trying again" in line
    other_session("COMMIT")
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    with_users.ok("verify")


def test_a_lock_that_stays_ends_with_an_error_that_says_so(
    with_users: Place, other_session: Callable[[str], object]
) -> None:
    other_session("BEGIN")
    if with_users.engine == "postgres":
        other_session("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
    else:
        other_session("INSERT INTO users VALUES (1)")
    done = with_users.run("apply", "--wait", "0")
    assert done.exit_code == 3
    assert "lock" in done.stderr
    other_session("COMMIT")
    with_users.ok("apply")
    with_users.ok("verify")


def test_a_young_lock_of_yoyo_is_respected_and_an_old_one_removed(place: Place) -> None:
    place.execute(
        "CREATE TABLE yoyo_lock (locked INT DEFAULT 1, ctime TIMESTAMP, pid INT NOT NULL,"
        " PRIMARY KEY (locked))"
    )
    now = {"postgres": "now() AT TIME ZONE 'UTC'", "mysql": "utc_timestamp()"}[place.engine]
    place.execute(f"INSERT INTO yoyo_lock VALUES (1, {now}, 4711)")
    freed = threading.Timer(1.0, place.execute, ["DELETE FROM yoyo_lock"])
    freed.start()
    begun = time.monotonic()
    place.ok("apply", "--no-users-key")
    assert time.monotonic() - begun > 0.9
    freed.join()
    place.ok("rollback", "--yes")
    place.execute(f"INSERT INTO yoyo_lock VALUES (1, {now} - INTERVAL '1' HOUR, 4711)")
    done = place.run("apply", "--no-users-key")
    assert done.exit_code == 0
    assert "removed a lock of yoyo" in done.stderr
    assert place.value("SELECT count(*) FROM yoyo_lock") == 0
