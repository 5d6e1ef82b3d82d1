"""What all benchmarks share: a server, the tables, and rest before each measurement.

On MySQL a commit leaves the rows to purge, which works beside whatever comes next; a measurement
therefore begins and ends when purge has caught up, for all that is compared.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence

from deletion_jobs import apply, database, embedded, queries
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, UsageError
from deletion_jobs.output import say
from deletion_jobs.sources import Engine

RUN_SECONDS = 3600

# Of millions of rows it takes minutes.
PURGE_SECONDS = 900.0
PURGE_BACKLOG = 0
PURGE_PAUSE = 0.005


@contextlib.contextmanager
def server(engine: Engine, url: str | None) -> Iterator[str]:
    """Give the URL of a database to work in; a server of our own where none is named."""
    if url is not None:
        yield url
    elif engine == "postgres":
        say("starting an embedded PostgreSQL")
        with embedded.running() as where:
            with database.connect(where) as session:
                session.query("bench/max_wal_size")
                session.query("bench/reload")
            yield where
    else:
        from deletion_jobs import servers

        # Without this option MySQL's own cascade leaves orphans.
        with mysql_server([servers.NATIVE_FOREIGN_KEYS]) as where:
            yield where


@contextlib.contextmanager
def mysql_server(options: Sequence[str]) -> Iterator[str]:
    """Start a MySQL with these options, and give the URL of an empty database there."""
    from deletion_jobs import servers

    with servers.running("mysql", options=options, say=say) as started:
        with database.connect(started.url) as session:
            session.query("bench/database")
        yield f"{started.url}deletion_jobs_bench"


@contextlib.contextmanager
def installed(session: Session, folder: str) -> Iterator[None]:
    """Install deletion-jobs beside the tables of a benchmark, and take all of it away again.

    Args:
        session: in a database without deletion-jobs, as its superuser.
        folder: where the benchmark's queries are, ``tables`` and ``drop`` among them.
    """
    outcome = apply.apply(session, UsersKey(None, is_explicit=True), say)
    if not outcome.migrations:
        raise UsageError("deletion-jobs is installed there", "name an empty database")
    try:
        with eager_purge(session):
            session.script(queries.load(session.engine, f"{folder}/tables"))
            session.script(queries.load(session.engine, f"{folder}/grants"))
            yield
    finally:
        session.script(queries.load(session.engine, f"{folder}/drop"))
        apply.roll_back(session, say)


@contextlib.contextmanager
def eager_purge(session: Session) -> Iterator[None]:
    """Let MySQL's purge tell at once what it has done; PostgreSQL has nothing of the kind."""
    eagerness = int(session.one("bench/purge_frequency")["value"])
    session.query("bench/set_purge_frequency", value=1)
    try:
        yield
    finally:
        session.query("bench/set_purge_frequency", value=eagerness)


def settle(session: Session) -> None:
    """Wait until no work is left over from earlier commits.

    Raises:
        DatabaseError: an open transaction keeps purge from its work.
    """
    deadline = time.monotonic() + PURGE_SECONDS
    while int(session.one("bench/backlog")["backlog"]) > PURGE_BACKLOG:
        if time.monotonic() > deadline:
            raise DatabaseError("purge does not catch up: some session holds an old snapshot")
        time.sleep(PURGE_PAUSE)
