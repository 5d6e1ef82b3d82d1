"""What all benchmarks share: how they are called, a server, the tables, and rest before measuring.

On MySQL a commit leaves the rows to purge, which works beside whatever comes next; a measurement
therefore begins and ends when purge has caught up, for all that is compared.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from deletion_jobs import apply, database, embedded, queries, servers
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, UsageError
from deletion_jobs.output import say
from deletion_jobs.sources import ENGINE_NAMES, Engine

Item = TypeVar("Item")

DATABASE = "deletion_jobs_bench"
RUN_SECONDS = 3600

# Of millions of rows it takes minutes.
PURGE_SECONDS = 900.0
PURGE_BACKLOG = 0
PURGE_PAUSE = 0.005


@dataclass(frozen=True)
class Call:
    """What every benchmark is told, whatever it measures.

    Attributes:
        engine: ``mysql`` or ``postgres``.
        rounds: how often each way is measured.
        url: an empty database on a server with nothing else to do, by its superuser; None: a
            server of its own.
        as_json: write JSON to stdout instead of a table.
        output: folder for JSON and a plot; None: no files.
        console: where to write the table; None: stdout.

    Raises:
        UsageError: there is not even one round.
    """

    engine: Engine
    rounds: int = 5
    url: str | None = None
    as_json: bool = False
    output: Path | None = None
    console: Console | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError("it takes at least one round")

    def turns(self, ways: Sequence[Item]) -> Iterator[tuple[int, Item]]:
        """Go through all ways in each round, beginning with another one each time.

        Yields:
            the number of the round, from 1, and a way.
        """
        for turn in range(self.rounds):
            first = turn % len(ways)
            for way in (*ways[first:], *ways[:first]):
                yield turn + 1, way

    def say(self, round_: int, text: str) -> None:
        """Tell what a round has given, aside from the result."""
        say(f"round {round_} of {self.rounds}: {text}")


@dataclass(frozen=True)
class Place:
    """Where a benchmark measures.

    Attributes:
        url: of an empty database.
        server: what kind of server that is, in words.
    """

    url: str
    server: str

    def about(self, session: Session) -> dict[str, Any]:
        """Say of the server what a result has to say, as plain values."""
        return {
            "engine": session.engine,
            "version": str(session.one("server")["version"]),
            "server": self.server,
            "buffer_bytes": int(session.one("bench/buffer")["value"]),
        }


@contextlib.contextmanager
def server(engine: Engine, url: str | None) -> Iterator[Place]:
    """Give a database to work in; on a server of our own where none is named.

    That is a container, whose settings do not depend on the machine; only where no Docker engine
    answers is it the embedded PostgreSQL, with the buffer that it comes with.
    """
    if url is not None:
        yield Place(url, "named by its URL")
    elif engine == "mysql":
        # Without this option MySQL's own cascade leaves orphans.
        with container(
            engine, [servers.NATIVE_FOREIGN_KEYS, *servers.SYNC_OPTIONS[engine]]
        ) as place:
            yield place
    elif servers.has_docker():
        with container(engine, servers.SYNC_OPTIONS[engine]) as place:
            yield place
    else:
        say("no Docker engine answers: starting an embedded PostgreSQL")
        with embedded.running() as where:
            with database.connect(where) as session:
                session.query("bench/max_wal_size")
                session.query("bench/reload")
            yield Place(where, "embedded")


@contextlib.contextmanager
def container(engine: Engine, options: Sequence[str]) -> Iterator[Place]:
    """Start a server with these options in a container, and make an empty database there."""
    with servers.running(engine, options=options, say=say) as started:
        yield Place(empty_database(started), f"container of {started.image}")


def empty_database(started: servers.Server) -> str:
    """Make a database for the benchmark on a server that was started for it; give its URL."""
    with database.connect(started.url) as session:
        session.query("bench/database")
    return started.url_of(DATABASE)


@contextlib.contextmanager
def opened(call: Call) -> Iterator[tuple[Session, Place]]:
    """Give the superuser's session in the database that a benchmark works in.

    Raises:
        UsageError: the URL names another engine.
    """
    with server(call.engine, call.url) as place, database.connect(place.url) as session:
        check_engine(session, call.engine)
        yield session, place


def check_engine(session: Session, engine: Engine) -> None:
    """See that a session is of the engine that was asked for.

    Raises:
        UsageError: it is not.
    """
    if session.engine != engine:
        raise UsageError(f"the URL names {ENGINE_NAMES[session.engine]}, not {engine}")


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


@contextlib.contextmanager
def old_snapshot(url: str, is_held: bool = True) -> Iterator[None]:
    """Let another session see the rows as they are now for the length of the block.

    Args:
        url: of the database.
        is_held: False: let nobody, so that one block serves what is measured with and without.
    """
    if not is_held:
        yield
        return
    with database.connect(url) as holder:
        holder.query("bench/open_snapshot")
        yield


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
