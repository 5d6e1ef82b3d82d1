"""Measure how far a replica falls behind while a large job goes.

On the source one session writes the client's time into a row, fifty times a second; another reads
that row on the replica. What it finds is as old as the replica is behind, whatever the engine's
own counters say. The ways to delete take turns, and so does doing nothing; where that is asked for,
each once more while a session of the source holds an old snapshot.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import (
    bench,
    bench_figures,
    bench_load,
    bench_threads,
    database,
    queries,
    replication,
)
from deletion_jobs.bench import Call
from deletion_jobs.bench_figures import percentile, spread
from deletion_jobs.bench_load import IDLE, Load, title
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, FindingError
from deletion_jobs.output import say
from deletion_jobs.sources import ENGINE_NAMES, Engine

FOLDER = "bench_lag"
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


def lag(call: Call, rows: int = 1_000_000, has_snapshot: bool = False) -> None:
    """Measure and print; the command ``bench lag``.

    Args:
        call: how often to measure, and what becomes of the result; the servers are its own.
        rows: how many rows to delete, about.
        has_snapshot: do all of it once more while a session of the source holds an old snapshot.

    Raises:
        FindingError: the replica does not follow, or rows are left where they should be gone.
        UsageError: the numbers make no sense.
        DatabaseError: a server refused.
        ServerError: the servers cannot be started.
    """
    bench_figures.check_plotting(call)
    with (
        _pair(call.engine) as (source_url, replica_url),
        bench_load.filled(replace(call, url=source_url), rows) as load,
        _beating(load.session, source_url, replica_url) as replica,
    ):
        found = _measure(call, load, replica, has_snapshot)
    document: dict[str, Any] = {
        **load.about,
        "server": "containers on a network of their own",
        "beat_seconds": BEAT_SECONDS,
        "meanwhile": {method: _figures(followed) for method, followed in found.items()},
    }
    bench_figures.hand_out(call, document, f"lag-{call.engine}", _draw, _print)


@contextlib.contextmanager
def _pair(engine: Engine) -> Iterator[tuple[str, str]]:
    """Start a source and a replica; give the URLs of the database to work in."""
    with replication.running(engine, say) as pair:
        yield bench.empty_database(pair.source), pair.replica.url_of(bench.DATABASE)


@contextlib.contextmanager
def _beating(session: Session, source_url: str, replica_url: str) -> Iterator[Session]:
    """Write the time on the source for the length of a block; give a session on the replica."""
    session.script(queries.load(session.engine, f"{FOLDER}/tables"))
    try:
        with database.connect(source_url) as beater, _on_replica(replica_url) as replica:

            def beat() -> None:
                beater.query(f"{FOLDER}/beat", now=time.time())

            with bench_threads.repeating(beat, BEAT_SECONDS):
                yield replica
    finally:
        session.script(queries.load(session.engine, f"{FOLDER}/drop"))


@contextlib.contextmanager
def _on_replica(url: str) -> Iterator[Session]:
    """Open a session on the replica, as soon as the tables have come there."""
    _wait(lambda: _has_arrived(url), "the tables have not come to the replica")
    with database.connect(url) as session:
        yield session


def _has_arrived(url: str) -> bool:
    try:
        with database.connect(url) as session:
            return int(session.one(f"{FOLDER}/arrived")["value"]) > 0
    except DatabaseError as error:
        # Not even the database.
        if error.sqlstate == "3D000" or error.errno == 1049:
            return False
        raise


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


def _measure(
    call: Call, load: Load, replica: Session, has_snapshot: bool
) -> dict[str, list[Followed]]:
    turns = load.turns(has_snapshot)
    found: dict[str, list[Followed]] = {turn.name: [] for turn in turns}
    for round_, turn in call.turns(turns):
        load.restore(turn.way)
        _catch_up(replica)
        with load.snapshot(turn):
            followed = _follow(load, replica, turn.way)
        if turn.way != IDLE:
            load.check(turn.way)
            load.check(turn.way, replica)
        found[turn.name].append(followed)
        most = max(behind for _, behind in followed.lags)
        call.say(
            round_,
            f"{turn.name} {followed.seconds:.2f} s, at most {most:.2f} s behind, caught up after "
            f"{followed.catch_up_seconds:.2f} s",
        )
    return found


def _follow(load: Load, replica: Session, method: str) -> Followed:
    """Delete the large customer on the source, and look at the replica until it has all of it."""
    lags: list[tuple[float, float]] = []
    begin = time.time()

    def look() -> None:
        now = time.time()
        lags.append((round(now - begin, 3), round(max(now - _last_beat(replica), 0.0), 4)))

    with bench_threads.repeating(look, BEAT_SECONDS / 2):
        if method == IDLE:
            time.sleep(IDLE_SECONDS)
        else:
            load.delete(method)
        seconds = time.time() - begin
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
        f"{bench_figures.heading(document)}: a replica while "
        f"{document['rows']:,} rows go, medians of {document['rounds']}"
    )
    made = bench_figures.table(
        "meanwhile", "s", "lag ms", "p99", "most", "min", "max", "caught up after ms"
    )
    for method, found in document["meanwhile"].items():
        made.add_row(
            title(method),
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
    from deletion_jobs import bench_plot

    bench_plot.lines(
        path,
        f"A replica while {document['rows']:,} rows go, {ENGINE_NAMES[document['engine']]}",
        "seconds since the deletion began",
        "seconds behind",
        {
            title(method): found["lags"]
            for method, found in bench_load.drawn(document["meanwhile"]).items()
        },
    )
