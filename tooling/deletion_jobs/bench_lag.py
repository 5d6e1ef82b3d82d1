"""Measure how far a replica falls behind while a large job goes.

On the source one session writes the client's time into a row, fifty times a second; another reads
that row on the replica. What it finds is as old as the replica is behind, whatever the engine's
own counters say. The ways to delete take turns, and so does doing nothing.
"""

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import bench, bench_figures, bench_load, database, queries, replication
from deletion_jobs.bench_figures import percentile, spread
from deletion_jobs.bench_load import TITLES, WAYS
from deletion_jobs.bench_threads import Thread
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.output import say
from deletion_jobs.sources import ENGINE_NAMES, Engine

FOLDER = "bench_lag"
DATABASES: dict[Engine, str] = {"mysql": "deletion_jobs_bench", "postgres": "postgres"}
IDLE = "idle"
METHODS = (IDLE, *WAYS)
IDLE_SECONDS = 5.0
BEAT_SECONDS = 0.02
CATCH_UP_SECONDS = 600.0


@dataclass(frozen=True)
class Followed:
    """What was seen on the replica during one deletion.

    Attributes:
        seconds: that the deletion took on the source.
        lags: seconds since the deletion began, and seconds that the replica was behind.
        catch_up_seconds: from the end of the deletion until the replica had it all.
    """

    seconds: float
    lags: list[tuple[float, float]]
    catch_up_seconds: float


def lag(
    engine: Engine,
    rows: int = 1_000_000,
    rounds: int = 3,
    as_json: bool = False,
    output: str | None = None,
    console: Console | None = None,
) -> None:
    """Measure and print; the command ``bench lag``.

    Args:
        engine: ``mysql`` or ``postgres``.
        rows: how many rows to delete, about.
        rounds: how often each way is taken.
        as_json: write JSON instead of a table.
        output: folder for JSON and a plot.
        console: where to write the table.

    Raises:
        FindingError: the replica does not follow, or rows are left where they should be gone.
        UsageError: the numbers make no sense.
        DatabaseError: a server refused.
        ServerError: the servers cannot be started.
    """
    if rounds < 1:
        raise UsageError("it takes at least one round")
    with (
        _pair(engine) as (source_url, replica_url),
        bench_load.filled(engine, source_url, rows) as (session, orders),
        _beating(session, source_url, replica_url) as replica,
    ):
        found = _measure(session, replica, rounds)
        version = str(session.one("server")["version"])
    document: dict[str, Any] = {
        "engine": engine,
        "version": version,
        "rows": 1 + orders * bench.ROWS_PER_ORDER,
        "batch_rows": bench.BATCH_ROWS,
        "rounds": rounds,
        "beat_seconds": BEAT_SECONDS,
        "meanwhile": {method: _figures(followed) for method, followed in found.items()},
    }
    bench_figures.hand_out(
        document,
        as_json,
        output,
        "lag",
        _draw,
        lambda: _print(document, console or Console(highlight=False, soft_wrap=True)),
    )


@contextlib.contextmanager
def _pair(engine: Engine) -> Iterator[tuple[str, str]]:
    """Start a source and a replica; give the URLs of the database to work in."""
    with replication.running(engine, say) as pair:
        if engine == "mysql":
            with database.connect(pair.source.url) as session:
                session.query("bench/database")
        name = DATABASES[engine]
        yield pair.source.url_of(name), pair.replica.url_of(name)


@contextlib.contextmanager
def _beating(session: Session, source_url: str, replica_url: str) -> Iterator[Session]:
    """Write the time on the source for the length of a block; give a session on the replica."""
    session.script(queries.load(session.engine, f"{FOLDER}/tables"))
    is_over = threading.Event()
    try:
        with database.connect(source_url) as beater, _on_replica(replica_url) as replica:

            def beat() -> None:
                while not is_over.wait(BEAT_SECONDS):
                    beater.query(f"{FOLDER}/beat", now=time.time())

            thread = Thread(beat)
            thread.start()
            try:
                yield replica
            finally:
                is_over.set()
                thread.join()
            thread.raise_error()
    finally:
        session.script(queries.load(session.engine, f"{FOLDER}/drop"))


@contextlib.contextmanager
def _on_replica(url: str) -> Iterator[Session]:
    """Open a session on the replica, as soon as the tables have come there."""
    server, _, name = url.rpartition("/")
    with database.connect(f"{server}/" if url.startswith("mysql") else url) as session:
        _wait(
            lambda: int(session.one(f"{FOLDER}/arrived", place=name)["value"]) > 0,
            "the tables have not come to the replica",
        )
    with database.connect(url) as session:
        yield session


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait for the replica.

    Raises:
        FindingError: it has not come that far in time.
    """
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise FindingError(f"{otherwise} within {CATCH_UP_SECONDS:.0f} s")
        time.sleep(BEAT_SECONDS / 4)


def _last_beat(replica: Session) -> float:
    return float(replica.one(f"{FOLDER}/last_beat")["value"])


def _catch_up(replica: Session) -> None:
    """Wait until what was written by now is on the replica: a beat after it tells."""
    begin = time.time()
    _wait(lambda: _last_beat(replica) > begin, "the replica has not caught up")


def _measure(session: Session, replica: Session, rounds: int) -> dict[str, list[Followed]]:
    found: dict[str, list[Followed]] = {method: [] for method in METHODS}
    for turn in range(rounds):
        first = turn % len(METHODS)
        for method in METHODS[first:] + METHODS[:first]:
            bench_load.restore(session, method)
            _catch_up(replica)
            followed = _follow(session, replica, method)
            if method in WAYS:
                bench_load.check(session, method)
                bench_load.check(replica, method)
            found[method].append(followed)
            most = max(behind for _, behind in followed.lags)
            say(
                f"round {turn + 1} of {rounds}: {method} {followed.seconds:.2f} s, at most "
                f"{most:.2f} s behind, caught up after {followed.catch_up_seconds:.2f} s"
            )
    return found


def _follow(session: Session, replica: Session, method: str) -> Followed:
    """Delete the large customer on the source, and look at the replica until it has all of it."""
    lags: list[tuple[float, float]] = []
    is_over = threading.Event()
    begin = time.time()

    def look() -> None:
        now = time.time()
        lags.append((round(now - begin, 3), round(max(now - _last_beat(replica), 0.0), 4)))

    def look_on() -> None:
        while not is_over.wait(BEAT_SECONDS / 2):
            look()

    thread = Thread(look_on)
    thread.start()
    try:
        if method == IDLE:
            time.sleep(IDLE_SECONDS)
        else:
            bench_load.delete(session, method)
    finally:
        seconds = time.time() - begin
        is_over.set()
        thread.join()
    thread.raise_error()
    # MySQL's replica has a whole transaction to do once its commit has come: look on until then.
    end = begin + seconds

    def has_all() -> bool:
        look()
        return _last_beat(replica) > end

    _wait(has_all, "the replica has not caught up")
    return Followed(seconds, lags, time.time() - end)


def _figures(found: list[Followed]) -> dict[str, Any]:
    lags = [[behind for _, behind in followed.lags] for followed in found]
    return {
        "seconds": spread([followed.seconds for followed in found]),
        "median_lag_seconds": spread([statistics.median(values) for values in lags]),
        "p99_lag_seconds": spread([percentile(values, 0.99) for values in lags]),
        "largest_lag_seconds": spread([max(values) for values in lags]),
        "catch_up_seconds": spread([followed.catch_up_seconds for followed in found]),
        "samples": sum(len(values) for values in lags),
        "lags": found[-1].lags,
    }


def _print(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"{ENGINE_NAMES[document['engine']]} {document['version']}: a replica while "
        f"{document['rows']:,} rows go, medians of {document['rounds']}"
    )
    made = bench_figures.table(
        "meanwhile", "s", "lag ms", "p99", "most", "min", "max", "caught up after ms"
    )
    for method, found in document["meanwhile"].items():
        made.add_row(
            TITLES[method],
            f"{found['seconds']['median']:.2f}",
            *(
                f"{found[name]['median'] * 1000:.0f}"
                for name in ("median_lag_seconds", "p99_lag_seconds", "largest_lag_seconds")
            ),
            *(f"{found['largest_lag_seconds'][name] * 1000:.0f}" for name in ("min", "max")),
            f"{found['catch_up_seconds']['median'] * 1000:.0f}",
        )
    console.print(made)
    console.print(
        f"A lag is the age of the newest time stamp on the replica; one is written every "
        f"{document['beat_seconds'] * 1000:.0f} ms. Min and max are of the rounds' largest lag."
    )


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot_lines

    bench_plot_lines.lines(
        path,
        f"A replica while {document['rows']:,} rows go, {ENGINE_NAMES[document['engine']]}",
        "seconds since the deletion began",
        "seconds behind",
        {TITLES[method]: found["lags"] for method, found in document["meanwhile"].items()},
    )
