"""Measure what it takes to claim a set of jobs, as the backlog grows.

Each size of the backlog has a place of its own with all of deletion-jobs in it (PostgreSQL: a
schema; MySQL: a database), so that the sizes can take turns on one server. The target is empty: a
set is claimed, worked to its end as a worker does it, and the next claim finds what that left.

The clock covers the call of ``deletion_claim`` with its commit, from a session that has claimed
before, as ``run_deletion_jobs`` calls it: the due jobs are found and locked, and the run, its
attempts and the jobs' new state are written. What it reads and locks is counted beside, since
times are noisy and counts are not. Where that is asked for, as many claims follow while another
session holds an old snapshot, so that each passes what the ones before it left in the indexes.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from deletion_jobs import bench, bench_figures, database
from deletion_jobs.bench import Call
from deletion_jobs.bench_figures import spread
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.output import say
from deletion_jobs.sources import ENGINE_NAMES

BACKLOGS = (10_000, 1_000_000)
JOBS_PER_RUN = 500
TARGET = "bench_claim_rows"
FOLDER = "bench_claim"


@dataclass
class Measured:
    """What claims took at one size of the backlog.

    Attributes:
        seconds: of each claim.
        set_seconds: of each claim with the work on the set, whose roots are gone.
        rows_read: by finding the due jobs; PostgreSQL: of jobs and attempts, MySQL: of any table.
        rows_locked: of deletion_jobs, by the same.
        snapshot_seconds: of each claim under the old snapshot, one after the other.
    """

    seconds: list[float] = field(default_factory=list)
    set_seconds: list[float] = field(default_factory=list)
    rows_read: int = 0
    rows_locked: int = 0
    snapshot_seconds: list[float] = field(default_factory=list)


Spots = dict[int, Session]
Found = dict[int, Measured]


def claim(call: Call, backlogs: Sequence[int] = BACKLOGS, has_snapshot: bool = False) -> None:
    """Measure and print; the command ``bench claim``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        backlogs: numbers of pending jobs; as many finished ones lie before them.
        has_snapshot: claim as often once more while another session holds an old snapshot.

    Raises:
        FindingError: a claim took other jobs than it should, or they were not worked.
        UsageError: a backlog is too small for the rounds, or the database is in use.
        DatabaseError: the server refused.
    """
    sizes = sorted(set(backlogs))
    taken = (call.rounds * (2 if has_snapshot else 1) + 1) * JOBS_PER_RUN
    if sizes[0] < taken:
        raise UsageError(
            f"{call.rounds} rounds and one before them take {taken} jobs",
            "name larger backlogs or fewer rounds",
        )
    bench_figures.check_plotting(call)
    with bench.opened(call) as (home, place), _spots(home, place.url, sizes) as spots:
        found = _measure(call, spots)
        if has_snapshot:
            with bench.old_snapshot(place.url):
                _measure_under_snapshot(call, spots, found)
        document = {**place.about(home), **_document(found, call.rounds)}
    bench_figures.hand_out(call, document, f"claim-{call.engine}", _draw, _print)


@contextlib.contextmanager
def _spots(home: Session, url: str, sizes: Sequence[int]) -> Iterator[Spots]:
    """Install deletion-jobs once for each size, and fill it; give a session in each place."""
    with contextlib.ExitStack() as stack:
        spots: Spots = {}
        for size in sizes:
            session = stack.enter_context(_spot(home, url, size))
            stack.enter_context(bench.installed(session, FOLDER))
            say(f"filling in {size:,} pending jobs and as many finished ones")
            session.call("register_deletion_target", TARGET, None, None)
            session.call("set_deletion_setting", "jobs_per_run", str(JOBS_PER_RUN))
            session.call("bench_fill", size)
            session.query(f"{FOLDER}/vacuum")
            session.query(f"{FOLDER}/enter")
            spots[size] = session
        home.query("bench/checkpoint")
        yield spots


@contextlib.contextmanager
def _spot(home: Session, url: str, size: int) -> Iterator[Session]:
    """Make a schema or a database beside the one that the URL names, and drop it afterwards."""
    parts = urlsplit(url)
    name = f"bench_claim_{size}"
    if home.engine == "mysql":
        name = f"{parts.path.lstrip('/')}_{size}"
    home.query(f"{FOLDER}/set_place", place=name)
    home.query(f"{FOLDER}/make_place")
    try:
        if home.engine == "mysql":
            opened = database.connect(parts._replace(path=f"/{name}").geturl())
        else:
            opened = database.connect(url, name)
        with opened as session:
            yield session
    finally:
        home.query(f"{FOLDER}/set_place", place=name)
        home.query(f"{FOLDER}/drop_place")


def _measure(call: Call, spots: Spots) -> Found:
    found: Found = {size: Measured() for size in spots}
    for size, session in spots.items():
        _look(session, found[size])
        # The first claim of a session plans its statements.
        _claim(session, Measured())
    for round_, size in call.turns(list(spots)):
        bench.settle(spots[size])
        _claim(spots[size], found[size])
        call.say(round_, f"{size:,} jobs {found[size].seconds[-1] * 1000:.1f} ms")
    return found


def _measure_under_snapshot(call: Call, spots: Spots, found: Found) -> None:
    """Claim set after set; purge and autovacuum cannot take away what each leaves behind."""
    for round_, size in call.turns(list(spots)):
        measured = Measured()
        _claim(spots[size], measured)
        found[size].snapshot_seconds += measured.seconds
        call.say(round_, f"{size:,} jobs under a snapshot {measured.seconds[-1] * 1000:.1f} ms")


def _look(session: Session, measured: Measured) -> None:
    """Count what finding the due jobs reads and locks, and take it back.

    Raises:
        FindingError: it locked other rows than those of a set.
    """
    session.query(f"{FOLDER}/begin")
    try:
        # What reading the counter adds by itself is taken off again.
        idle = [_count(session, "rows_read"), _count(session, "rows_read")]
        session.query(f"{FOLDER}/due")
        measured.rows_read = _count(session, "rows_read") - idle[1] - (idle[1] - idle[0])
        measured.rows_locked = _count(session, "rows_locked")
    finally:
        session.query(f"{FOLDER}/rollback")
    if measured.rows_locked != JOBS_PER_RUN:
        raise FindingError(f"a claim of {JOBS_PER_RUN} jobs locks {measured.rows_locked} rows")


def _count(session: Session, name: str) -> int:
    return int(session.one(f"{FOLDER}/{name}")["value"])


def _claim(session: Session, measured: Measured) -> None:
    """Claim a set, taking the time, and work it to its end.

    Raises:
        FindingError: another number of jobs was claimed, or they did not end done.
    """
    begin = time.perf_counter()
    session.query(f"{FOLDER}/claim")
    measured.seconds.append(time.perf_counter() - begin)
    claimed = session.query(f"{FOLDER}/claimed")
    if not claimed:
        raise FindingError("a claim took no job")
    run = claimed[0]
    begin = time.perf_counter()
    session.query(f"{FOLDER}/work", run_id=run["run_id"], token=run["token"])
    measured.set_seconds.append(measured.seconds[-1] + time.perf_counter() - begin)
    done = int(session.one(f"{FOLDER}/ended", run_id=run["run_id"])["jobs"])
    if (run["job_count"], done) != (JOBS_PER_RUN, JOBS_PER_RUN):
        raise FindingError(
            f"a claim took {run['job_count']} jobs of {JOBS_PER_RUN}, and {done} ended done"
        )


def _document(found: Found, rounds: int) -> dict[str, Any]:
    sizes = list(found)
    backlogs: dict[str, Any] = {
        str(size): {
            "claim_seconds": spread(measured.seconds, 5),
            "set_seconds": spread(measured.set_seconds, 5),
            "rows_read": measured.rows_read,
            "rows_locked": measured.rows_locked,
            **(
                {"snapshot_claim_seconds": spread(measured.snapshot_seconds, 5)}
                if measured.snapshot_seconds
                else {}
            ),
        }
        for size, measured in found.items()
    }
    largest, smallest = (backlogs[str(sizes[place])] for place in (-1, 0))
    return {
        "rounds": rounds,
        "jobs_per_run": JOBS_PER_RUN,
        "backlogs": backlogs,
        "largest_to_smallest": round(
            largest["claim_seconds"]["median"] / smallest["claim_seconds"]["median"], 3
        ),
        "rows_read_largest_to_smallest": round(
            largest["rows_read"] / max(smallest["rows_read"], 1), 3
        ),
    }


def _print(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"{bench_figures.heading(document)}: a claim of "
        f"{document['jobs_per_run']} jobs, median of {document['rounds']}"
    )
    made = bench_figures.table(
        "pending and finished", "median ms", "min", "max", "set ms", "rows read", "rows locked"
    )
    for size, measured in document["backlogs"].items():
        took = measured["claim_seconds"]
        made.add_row(
            f"{int(size):,}",
            *(f"{took[name] * 1000:.2f}" for name in ("median", "min", "max")),
            f"{measured['set_seconds']['median'] * 1000:.1f}",
            f"{measured['rows_read']:,}",
            f"{measured['rows_locked']:,}",
        )
    console.print(made)
    for size, measured in document["backlogs"].items():
        old = measured.get("snapshot_claim_seconds")
        if old:
            console.print(
                f"{int(size):,}, under an old snapshot: {old['median'] * 1000:.2f} ms; the first "
                f"{old['values'][0] * 1000:.2f}, the last {old['values'][-1] * 1000:.2f}."
            )
    console.print(
        f"At the largest backlog a claim takes {document['largest_to_smallest']:.2f} times as long "
        f"as at the smallest, and reads {document['rows_read_largest_to_smallest']:.2f} times as "
        "many rows. A set is a claim with the work on it, whose roots are gone."
    )


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot

    sizes = [int(size) for size in document["backlogs"]]
    values = [
        [value * 1000 for value in measured["claim_seconds"]["values"]]
        for measured in document["backlogs"].values()
    ]
    bench_plot.ranges(
        path,
        f"A claim of {document['jobs_per_run']} jobs, {ENGINE_NAMES[document['engine']]}",
        "pending jobs, with as many finished ones",
        "ms",
        {"claim": (sizes, values)},
        log_x=True,
    )
