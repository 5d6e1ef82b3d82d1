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


def is_half_done(session: Session) -> bool:
    """Tell whether objects of ours stand here while a migration is pending.

    On MySQL a migration that was killed leaves what it had made; PostgreSQL takes it back.
    """
    tables = [s.name for s in sources.read_all(session.engine) if s.folder == "tables"]
    return bool(pending(session)) and bool(
        session.one("own_tables", names=",".join(tables))["tables"]
    )


def to_roll_back(session: Session) -> list[Migration]:
    """List the migrations to take back, the newest first: the applied ones, and half of one."""
    done = {entry.name for entry in applied(session)}
    half = pending(session)[0].name if is_half_done(session) else None
    return [m for m in reversed(migrations.read_all(session.engine)) if m.name in {*done, half}]


def create(session: Session) -> None:
    """Make the tables of the ledger where they are missing."""
    session.query("ledger_create")


def mark(session: Session, name: str) -> None:
    """Note a migration as applied; again is fine."""
    session.query("ledger_mark", migration_id=name)


def unmark(session: Session, name: str) -> None:
    """Note a migration as taken back; again is fine."""
    session.query("ledger_unmark", migration_id=name)


def drop_if_unused(session: Session) -> bool:
    """Drop the tables of the ledger unless others keep migrations in it."""
    ours = ",".join(migrations.names(session.engine))
    if not has(session) or session.one("ledger_others", ours=ours)["others"]:
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
