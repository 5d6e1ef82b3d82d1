"""The ledger of applied migrations: yoyo's own tables, so that plain yoyo sees the same state.

The lock of yoyo is a row that outlives a killed process; this tool only looks at it and locks by
the server's own means, which end with the session.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deletion_jobs import migrations, sources
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, FindingError
from deletion_jobs.migrations import Migration

TABLE = "_yoyo_migration"
LOG_TABLE = "_yoyo_log"
LOCK_TABLE = "yoyo_lock"
STALE_SECONDS = 600
YOYO_WAIT_SECONDS = 10


@dataclass(frozen=True)
class Applied:
    """A migration that the ledger knows; `at` is naive and in UTC, as yoyo writes it."""

    name: str
    at: dt.datetime | None


def has(session: Session, table: str = TABLE) -> bool:
    """Tell whether one of yoyo's tables exists here."""
    return any(row["table_name"] == table for row in session.query("ledger_tables"))


def applied(session: Session) -> list[Applied]:
    """List our applied migrations; those that others keep in the same ledger are left out.

    Raises:
        DatabaseError: JD012, where one is newer than this tool.
    """
    if not has(session):
        return []
    known = set(migrations.names(session.engine))
    ours = []
    for row in session.query("ledger_applied"):
        name = str(row["migration_id"])
        if name in known:
            ours.append(Applied(name, row["applied_at_utc"]))
        elif migrations.NAME.fullmatch(name) and migrations.VERB_OBJECT.fullmatch(name[5:]):
            raise DatabaseError(
                f"apply: the installed schema is newer than this tool ({name})",
                "JD012",
                "install the version of deletion-jobs that brought this migration",
            )
    return ours


def pending(session: Session) -> list[Migration]:
    """List the migrations that are not applied yet, in their order."""
    done = {entry.name for entry in applied(session)}
    return [m for m in migrations.read_all(session.engine) if m.name not in done]


def half_done(session: Session) -> Migration | None:
    """Give the migration of which half stands here: killed on its way forward, or back.

    MySQL only, since PostgreSQL takes back what was killed. What was begun is in the ledger; what
    was sent without one, the tables of the first migration tell.
    """
    todo = pending(session)
    if session.engine != "mysql" or not todo:
        return None
    if has(session, LOG_TABLE):
        begun = {str(row["migration_id"]) for row in session.query("ledger_begun")}
        if todo[0].name in begun:
            return todo[0]
    if todo[0].name != migrations.FIRST:
        return None
    tables = [s.name for s in sources.read_all(session.engine) if s.folder == "tables"]
    return todo[0] if session.one("own_tables", names=",".join(tables))["tables"] else None


def check_order(session: Session) -> None:
    """Make sure that what is applied is what came first: each migration builds on all before.

    Raises:
        FindingError: one is missing before one that is applied.
    """
    done = [entry.name for entry in applied(session)]
    missing = [m.name for m in pending(session) if done and m.name < max(done)]
    if missing:
        raise FindingError(
            f"{missing[0]} is not applied, and {max(done)} is, which builds on it",
            "apply would bring old objects back: correct the ledger, or take all back: "
            "deletion-jobs rollback",
        )


def to_roll_back(session: Session) -> list[Migration]:
    """List the migrations to take back, the newest first: the applied ones, and half of one."""
    names = {entry.name for entry in applied(session)}
    half = half_done(session)
    if half is not None:
        names.add(half.name)
    return [m for m in reversed(migrations.read_all(session.engine)) if m.name in names]


def create(session: Session) -> None:
    """Make the tables of the ledger where they are missing."""
    session.query("ledger_create")


def begin(session: Session, name: str) -> None:
    """Note that a migration is half here from now on; PostgreSQL does all of it or nothing."""
    if session.engine == "mysql":
        session.query("ledger_begin", migration_id=name)


def mark(session: Session, name: str) -> None:
    """Note a migration as applied; again is fine."""
    session.query("ledger_mark", migration_id=name)


def unmark(session: Session, name: str) -> None:
    """Note a migration as taken back; again is fine."""
    session.query("ledger_unmark", migration_id=name)


def is_ours_alone(session: Session) -> bool:
    """Tell whether the ledger holds entries of ours, and none of others."""
    if not has(session):
        return False
    found = session.one("ledger_others", ours=",".join(migrations.names(session.engine)))
    return bool(found["entries"]) and not found["others"]


def drop_if_unused(session: Session) -> bool:
    """Drop the tables of the ledger unless others keep migrations in it."""
    if not is_ours_alone(session):
        return False
    session.query("ledger_drop")
    return True


def wait_for_yoyo(
    session: Session, say: Callable[[str], None], wait_seconds: float = YOYO_WAIT_SECONDS
) -> None:
    """Wait until no yoyo process migrates here; remove the lock of one that was killed.

    A lock older than ten minutes is taken for abandoned, since a migration takes seconds.

    Raises:
        FindingError: a younger lock does not go away.
    """
    if not has(session, LOCK_TABLE):
        return
    deadline = time.monotonic() + wait_seconds
    while locks := session.query("ledger_locks"):
        stale = [lock for lock in locks if (lock["age_seconds"] or 0) >= STALE_SECONDS]
        for lock in stale:
            session.query("ledger_unlock", pid=lock["pid"])
            say(f"removed a lock of yoyo, {lock['age_seconds']} s old, process {lock['pid']}")
        if not stale and time.monotonic() > deadline:
            raise FindingError(
                f"yoyo runs here (process {locks[0]['pid']}), or was killed",
                "wait for it, or remove its lock: yoyo break-lock",
            )
        if not stale:
            time.sleep(0.2)


def names_of(entries: Sequence[Applied]) -> list[str]:
    """Give the names of entries."""
    return [entry.name for entry in entries]
