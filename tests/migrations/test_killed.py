"""Killed at any point, an installation is finished by the next one."""

import json
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psycopg
import pymysql
import pytest

from deletion_jobs import apply, database, ledger, migrations, statements
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import DatabaseError
from tests.migrations.places import Place
from tests.migrations.trees import Tree

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

    Attributes:
        sent: how many were sent.
        starts: at which of them each migration began.
    """

    def __init__(self, place: Place, session: database.Session, at: int) -> None:
        self.place, self.session, self.left = place, session, at
        self.sent = 0
        self.starts: list[int] = []

    def count(self) -> None:
        """Note that something is about to be sent."""
        if self.sent == self.left:
            kill(self.place, self.session)
        self.sent += 1

    def around(self, function: Callable[..., Any], *, begins: bool = False) -> Callable[..., Any]:
        """Count each call of a function; with `begins` it is the first one of a migration."""

        def counted(*arguments: Any, **named: Any) -> Any:
            if begins:
                self.starts.append(self.sent)
            self.count()
            return function(*arguments, **named)

        return counted

    def points(self) -> list[int]:
        """Choose where to kill: everywhere, or at both ends and in the midst of a migration.

        Those between the first and the last two (the project's newest, and the made-up one) are
        killed in the midst alone: their text is frozen, and was killed at every point when it was
        the newest.
        """
        # On MySQL the last thing sent frees the lock, after all is done.
        end = self.sent - (self.place.engine == "mysql")
        if end < 100:
            return list(range(end))
        chosen = {0, end - 1}
        newest = {*self.starts[:1], *self.starts[-2:]}
        for start, stop in pairwise([*self.starts, end]):
            chosen.add((start + stop) // 2)
            if start in newest:
                chosen |= {start + 9, stop - 3, stop - 1}
        return sorted(point for point in chosen if point < end)


def work_killed_at(
    place: Place, work: Callable[[database.Session], Any], at: int, monkeypatch: pytest.MonkeyPatch
) -> Killer:
    """Apply or roll back, ending the session at the n-th thing sent.

    Returns:
        What was sent, where it ended by itself.
    """
    session = database.connect(place.url)
    killer = Killer(place, session, at)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "create", killer.around(ledger.create, begins=True))
        for name in ("begin", "mark", "unmark"):
            patch.setattr(ledger, name, killer.around(getattr(ledger, name)))
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
            work(session)
    return killer


def killed(
    place: Place, work: Callable[[database.Session], Any], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apply or roll back, which the end of the session stops."""
    with pytest.raises((DatabaseError, psycopg.Error, pymysql.err.MySQLError)):
        work_killed_at(place, work, at, monkeypatch)


def forward(session: database.Session) -> None:
    """Apply, with the key to users."""
    apply.apply(session, USERS, silent)


def forward_alone(session: database.Session) -> None:
    """Apply, without it."""
    apply.apply(session, NONE, silent)


def back(session: database.Session) -> None:
    """Roll back."""
    apply.roll_back(session, silent)


@pytest.fixture
def with_next(with_users: Place, tree: Tree) -> Place:
    """A database with users; the tool has one migration more than the project."""
    tree.add_migration()
    return with_users


def states(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[dict[tuple[str, str], str]]:
    """Describe the database without a migration, after the first, .. after all of them."""
    found = [place.whole()]
    names = migrations.names
    for count in range(1, len(names(place.engine)) + 1):
        with monkeypatch.context() as patch:
            patch.setattr(
                migrations, "names", lambda engine, base=None, n=count: names(engine, base)[:n]
            )
            place.ok("apply")
        found.append(place.whole())
    return found


def check_marks(place: Place, known: list[dict[tuple[str, str], str]]) -> None:
    """Hold a database in which something was killed to its ledger."""
    marked = place.marked()
    assert marked == migrations.names(place.engine)[: len(marked)]
    if place.engine == "postgres":
        assert place.whole() == known[len(marked)]


def test_killed_between_any_two_steps_of_any_migration_the_next_apply_finishes(
    with_next: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_next.whole(ledger=True)
    known = states(with_next, monkeypatch)
    fresh = with_next.whole(ledger=True)
    with_next.ok("rollback", "--yes")
    killer = work_killed_at(with_next, forward, -1, monkeypatch)
    assert with_next.whole(ledger=True) == fresh
    with_next.ok("rollback", "--yes")
    assert len(killer.starts) == len(migrations.names(with_next.engine)) > 1
    for point in killer.points():
        killed(with_next, forward, point, monkeypatch)
        check_marks(with_next, known)
        assert with_next.run("status").exit_code == 1
        with_next.ok("apply")
        assert with_next.whole(ledger=True) == fresh, f"killed at {point} of {killer.sent}"
        assert json.loads(with_next.ok("status", "--json"))["half_applied"] is None
        with_next.ok("rollback", "--yes")
        assert with_next.whole(ledger=True) == before, f"killed at {point} of {killer.sent}"


def test_killed_between_any_two_steps_of_any_migration_all_can_be_taken_back(
    with_next: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_next.whole(ledger=True)
    killer = work_killed_at(with_next, forward, -1, monkeypatch)
    with_next.ok("rollback", "--yes")
    for point in killer.points():
        killed(with_next, forward, point, monkeypatch)
        with_next.ok("rollback", "--yes")
        now = with_next.whole(ledger=True)
        # A ledger without entries may be anybody's: it stays until the next rollback has one.
        stays = now != before and with_next.value("SELECT count(*) FROM _yoyo_log") == 0
        assert (with_next.whole() if stays else now) == before, f"killed at {point}"
        assert not stays or point < killer.starts[0] + 20
        with_next.ok("apply")
        with_next.ok("rollback", "--yes")
        assert with_next.whole(ledger=True) == before


def test_a_rollback_killed_between_any_two_steps_is_finished_or_undone_by_the_next_command(
    with_next: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = with_next.whole(ledger=True)
    known = states(with_next, monkeypatch)
    fresh = with_next.whole(ledger=True)
    killer = work_killed_at(with_next, back, -1, monkeypatch)
    assert with_next.whole(ledger=True) == before
    assert len(killer.starts) == len(migrations.names(with_next.engine)) > 1
    for point in killer.points():
        with_next.ok("apply")
        killed(with_next, back, point, monkeypatch)
        check_marks(with_next, known)
        with_next.ok("apply")
        assert with_next.whole(ledger=True) == fresh, f"killed at {point} of {killer.sent}"
        killed(with_next, back, point, monkeypatch)
        with_next.ok("rollback", "--yes")
        assert with_next.whole(ledger=True) == before, f"killed at {point} of {killer.sent}"


def test_half_of_any_migration_is_seen_and_can_be_taken_back(
    mysql_place: Place, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.add_migration()
    before = mysql_place.whole(ledger=True)
    killer = work_killed_at(mysql_place, forward_alone, -1, monkeypatch)
    mysql_place.ok("rollback", "--yes")
    names = migrations.names("mysql")
    for start, name in zip(killer.starts, names, strict=True):
        killed(mysql_place, forward_alone, start + 25, monkeypatch)
        state = json.loads(mysql_place.run("status", "--json").stdout)
        assert state["half_applied"] == state["pending"][0] == name
        assert f"half of {name}" in mysql_place.run("status").stdout
        assert name in mysql_place.ok("rollback", "--yes")
        assert mysql_place.whole(ledger=True) == before


def test_a_script_of_which_the_first_half_was_sent_can_be_taken_back(mysql_place: Place) -> None:
    """The script of a DBA, or the file itself, stopped in its first migration."""
    before = mysql_place.whole(ledger=True)
    first = migrations.read_all("mysql")[0]
    for text in (mysql_place.ok("sql", "--engine", "mysql", "--no-users-key"), first.apply_text):
        half = text[: text.index("-- >>> procedures/mysql/worker/")]
        assert mysql_place.pipe(half).returncode == 0
        state = json.loads(mysql_place.run("status", "--json").stdout)
        assert state["half_applied"] == first.name
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
