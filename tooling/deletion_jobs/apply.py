"""Apply migrations and take them back, so that any moment is a good one to be killed.

PostgreSQL: a migration and its mark in the ledger commit together. MySQL: DDL commits statement
by statement, so each statement can be run again; the ledger says what was begun, and the mark
comes last.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deletion_jobs import checks, database, ledger, migrations
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, FindingError
from deletion_jobs.migrations import Migration
from deletion_jobs.steps import without_transaction

Say = Callable[[str], None]

WAIT_SECONDS = 60
PAUSE_SECONDS = 0.25
# Gone already, as a whole or what it calls or reads; or made by an account that is gone.
CANNOT_BE_CALLED = {1305, 1146, 1449}
CANNOT_BE_CALLED_STATES = {"42883", "42P01"}


@dataclass
class Outcome:
    """What a command has done.

    Attributes:
        migrations: names of the migrations applied or taken back, in the order of the work.
        users_key: ``table(column)`` that the key now points at, ``none``, or empty: as it was.
        schema: where.
    """

    schema: str
    migrations: list[str] = field(default_factory=list)
    users_key: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to do."""
        return not self.migrations and not self.users_key


@contextlib.contextmanager
def _alone(session: Session, say: Say, wait_seconds: float) -> Iterator[None]:
    """Wait until no other installation runs here; the lock ends with the session at the latest.

    Raises:
        FindingError: the other one takes longer than we wait.
    """
    deadline = time.monotonic() + wait_seconds
    told = False
    while not session.one("apply_lock")["is_locked"]:
        if not told:
            say("waiting for another installation that runs here")
            told = True
        if time.monotonic() > deadline:
            raise FindingError(
                f"another installation has been running here for {wait_seconds:.0f} s",
                "run the command again when it has ended; --wait SECONDS waits longer",
            )
        time.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        with contextlib.suppress(DatabaseError):
            session.query("apply_unlock")


def _again(step: Callable[[], None], what: str, say: Say, wait_seconds: float) -> None:
    """Take a step again while locks are in its way.

    Raises:
        DatabaseError: another error, or locks for longer than we wait.
    """
    deadline = time.monotonic() + wait_seconds
    told = False
    while True:
        try:
            step()
        except DatabaseError as error:
            if not database.is_retryable(error) or time.monotonic() > deadline:
                error.message = f"{what}: {error.message}"
                raise
            if not told:
                say(f"{what}: a lock is in the way, trying again ({error.sqlstate})")
                told = True
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _text(migration: Migration, text: str) -> str:
    return without_transaction(text) if migration.engine == "postgres" else text


def apply(session: Session, key: UsersKey, say: Say, wait_seconds: float = WAIT_SECONDS) -> Outcome:
    """Bring a schema to the newest state.

    Args:
        session: connected as a user who may create roles and objects.
        key: where ``created_by`` points to; unless explicit, only a first installation uses it.
        say: told what happens.
        wait_seconds: how long to wait for another installation, and for locks.

    Returns:
        What was done; nothing, where all of it was there.

    Raises:
        FindingError: a check failed; nothing was changed.
        DatabaseError: the server refused.
    """
    found = checks.server(session)
    outcome = Outcome(str(found["schema_name"]))
    todo = ledger.pending(session)
    ledger.check_order(session)
    if todo:
        checks.may_install(session, found)
    if _links(todo, key):
        checks.users_key(session, key)
    if not todo and not key.is_explicit:
        return outcome
    with _alone(session, say, wait_seconds):
        ledger.wait_for_yoyo(session, say)
        ledger.check_order(session)
        for migration in ledger.pending(session):
            _again(
                functools.partial(_apply_one, session, migration, key),
                migration.name,
                say,
                wait_seconds,
            )
            outcome.migrations.append(migration.name)
            say(f"applied {migration.name}")
        first = migrations.FIRST in outcome.migrations
        if first:
            outcome.users_key = f"{key.table}({key.column})" if key.table else "none"
        elif key.is_explicit and not _is_linked(session, key):
            _again(functools.partial(_link, session, key), "users key", say, wait_seconds)
            outcome.users_key = f"{key.table}({key.column})" if key.table else "none"
    return outcome


def _links(todo: list[Migration], key: UsersKey) -> bool:
    return key.is_explicit or any(migration.name == migrations.FIRST for migration in todo)


def _apply_one(session: Session, migration: Migration, key: UsersKey) -> None:
    with session.transaction():
        # Before the ledger says that half of it may be here.
        if guard := migrations.names_guard(migration.apply_text):
            session.script(guard)
        ledger.create(session)
        ledger.begin(session, migration.name)
        session.script(_text(migration, migration.apply_text))
        if migration.name == migrations.FIRST and not _is_linked(session, key):
            _link(session, key)
        ledger.mark(session, migration.name)


def _is_linked(session: Session, key: UsersKey) -> bool:
    rows = session.query("users_key")
    if key.table is None:
        return not rows
    wanted = {key.table, key.table.rpartition(".")[2]}
    return bool(rows) and rows[0]["users_table"] in wanted and rows[0]["users_column"] == key.column


def _link(session: Session, key: UsersKey) -> None:
    session.call("link_deletion_users", key.table, key.column if key.table else None)


def roll_back(session: Session, say: Say, wait_seconds: float = WAIT_SECONDS) -> Outcome:
    """Take back all migrations: the tables of this package go, with what they hold.

    Raises:
        FindingError: another installation runs, or the engine is not supported.
        DatabaseError: the server refused.
    """
    found = checks.server(session)
    outcome = Outcome(str(found["schema_name"]))
    # A rollback that was killed at its very end has left the ledger alone.
    if not ledger.to_roll_back(session) and not ledger.is_ours_alone(session):
        return outcome
    with _alone(session, say, wait_seconds):
        ledger.wait_for_yoyo(session, say)
        _stop_schedule(session)
        for migration in ledger.to_roll_back(session):
            _again(
                functools.partial(_undo_one, session, migration), migration.name, say, wait_seconds
            )
            outcome.migrations.append(migration.name)
            say(f"rolled back {migration.name}")
        with session.transaction():
            ledger.drop_if_unused(session)
    return outcome


def _stop_schedule(session: Session) -> None:
    """Disarm the scheduler: what it calls goes, and comes back with the next installation."""
    try:
        session.call("stop_deletion_schedule")
    except DatabaseError as error:
        # As after a rollback that was killed halfway, or in a dump of another server.
        if error.errno not in CANNOT_BE_CALLED and error.sqlstate not in CANNOT_BE_CALLED_STATES:
            raise
    if session.engine == "mysql":
        for row in session.query("events"):
            session.script(f"DROP EVENT IF EXISTS {row['event_name']};")


def _undo_one(session: Session, migration: Migration) -> None:
    with session.transaction():
        # What was killed halfway may be without a ledger.
        ledger.create(session)
        ledger.begin(session, migration.name)
        session.script(_text(migration, migration.rollback_text))
        ledger.unmark(session, migration.name)
