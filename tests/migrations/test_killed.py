"""Killed at any point, an installation is finished by the next one."""

import json
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pymysql
import pytest

from deletion_jobs import apply, database, ledger, statements
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import DatabaseError
from tests.migrations.places import Place

USERS = UsersKey()
NONE = UsersKey(None, is_explicit=True)


def silent(_: str) -> None:
    """Say nothing."""


def kill(place: Place, session: database.Session) -> None:
    """End a session from outside, as a server or a network that fails would."""
    if isinstance(session, database.PostgresSession):
        pid = session.connection.info.backend_pid
        with psycopg.connect(place.server.url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    elif isinstance(session, database.MySQLSession):
        number = session.connection.thread_id()
        admin_place = Place("mysql", place.server, "")
        admin_place.execute(f"KILL {number}")


class Killer:
    """Ends the session when a chosen number of statements has been sent.

    MySQL's scripts are sent statement by statement, so a point is one of them; on PostgreSQL,
    which takes a whole text at once, it is one of the tool's own steps.
    """

    def __init__(self, place: Place, session: database.Session, at: int) -> None:
        self.place, self.session, self.left = place, session, at
        self.sent = 0

    def count(self) -> None:
        """Note that something is about to be sent."""
        if self.sent == self.left:
            kill(self.place, self.session)
        self.sent += 1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count each call of a function."""

        def counted(*arguments: Any, **named: Any) -> Any:
            self.count()
            return function(*arguments, **named)

        return counted


def apply_killed_at(
    place: Place, at: int, monkeypatch: pytest.MonkeyPatch, key: UsersKey = USERS
) -> int:
    """Apply, ending the session at the n-th thing sent; give how many were sent.

    Returns:
        The number of things that were sent; less than or equal to `at` if it ended by itself.
    """
    session = database.connect(place.url)
    killer = Killer(place, session, at)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "create", killer.around(ledger.create))
        patch.setattr(ledger, "mark", killer.around(ledger.mark))
        patch.setattr(session, "script", killer.around(session.script))
        patch.setattr(session, "call", killer.around(session.call))
        if place.engine == "mysql":
            split = statements.split

            def counted(text: str) -> Any:
                for statement in split(text):
                    killer.count()
                    yield statement

            patch.setattr(statements, "split", counted)
        with session:
            apply.apply(session, key, silent)
    return killer.sent


def total(place: Place, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the things that a whole installation sends, and take it back."""
    sent = apply_killed_at(place, -1, monkeypatch)
    place.ok("rollback", "--yes")
    return sent


def test_killed_between_any_two_steps_the_next_apply_finishes(
    with_users: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_users.ok("apply")
    fresh = with_users.whole(ledger=True)
    with_users.ok("rollback", "--yes")
    before = with_users.whole(ledger=True)
    count = total(with_users, monkeypatch)
    # On MySQL the last thing sent frees the lock, after all is done.
    points = range(count) if count < 20 else [*range(0, count - 1, count // 5), count - 2]
    for point in points:
        with pytest.raises((DatabaseError, psycopg.Error, pymysql.err.MySQLError)):
            apply_killed_at(with_users, point, monkeypatch)
        if with_users.engine == "postgres":
            assert with_users.whole(ledger=True) == before
        assert with_users.run("status").exit_code == 1
        with_users.ok("apply")
        assert with_users.whole(ledger=True) == fresh, f"killed at {point} of {count}"
        with_users.ok("verify")
        with_users.ok("rollback", "--yes")
        assert with_users.whole(ledger=True) == before


def test_half_an_installation_is_seen_and_can_be_taken_back(
    mysql_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mysql_place.whole(ledger=True)
    with pytest.raises(DatabaseError):
        apply_killed_at(mysql_place, 60, monkeypatch, NONE)
    state = json.loads(mysql_place.run("status", "--json").stdout)
    assert state["half_applied"] == state["pending"][0]
    assert "half of" in mysql_place.run("status").stdout
    mysql_place.ok("rollback", "--yes")
    assert mysql_place.whole(ledger=True) == before


def test_a_rollback_killed_halfway_is_finished_by_the_next(
    mysql_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mysql_place.whole(ledger=True)
    mysql_place.ok("apply", "--no-users-key")
    session = database.connect(mysql_place.url)
    killer = Killer(mysql_place, session, 25)
    split = statements.split

    def counted(text: str) -> Any:
        for statement in split(text):
            killer.count()
            yield statement

    with monkeypatch.context() as patch:
        patch.setattr(statements, "split", counted)
        with pytest.raises(DatabaseError), session:
            apply.roll_back(session, silent)
    assert mysql_place.whole(ledger=True) != before
    mysql_place.ok("rollback", "--yes")
    assert mysql_place.whole(ledger=True) == before


WAITS = {
    "postgres": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'deletion-jobs' AND wait_event_type = 'Lock'",
    "mysql": "SELECT count(*) FROM performance_schema.metadata_locks"
    " WHERE object_schema = database() AND object_name = 'users' AND lock_status = 'PENDING'",
}


def hold_users(place: Place) -> Any:
    """Open a session with a transaction that keeps everybody from referring to the users."""
    if place.engine == "postgres":
        connection = psycopg.connect(place.url)
        connection.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        return connection
    session = place.connect_mysql()
    with session.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO users VALUES (1)")
    return session


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait on the catalog."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def test_the_process_killed_with_sigkill_leaves_nothing_that_stops_the_next(
    with_users: Place,
) -> None:
    """It is killed within the migration: while it waits for the table of users."""
    holder = hold_users(with_users)
    process = with_users.start("apply")
    wait_until(lambda: bool(with_users.value(WAITS[with_users.engine])))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    holder.close()
    with_users.ok("apply")
    assert json.loads(with_users.ok("status", "--json"))["is_current"]
    with_users.ok("verify")
