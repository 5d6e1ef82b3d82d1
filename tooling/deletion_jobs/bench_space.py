"""Measure the work space of a large job: disk, log and memory, looked at again and again.

A second session reads the sizes of all our tables, what has been written to the logs, and the
memory of the worker's session, while the job goes. What deletions write to the application's own
tables is in the logs as well: beside it stands one native cascade of the same rows. Each begins
with our tables rewritten, since files keep the size that they once had. Where that is asked for,
both go once more while another session holds an old snapshot, for which the server keeps every
version of our own rows, too.
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import bench_figures, bench_load, bench_threads, database
from deletion_jobs.bench import Call
from deletion_jobs.bench_figures import spread
from deletion_jobs.bench_load import Load, title
from deletion_jobs.bench_result import JOB, NATIVE, UNDER_SNAPSHOT
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError
from deletion_jobs.sources import ENGINE_NAMES

SAMPLE_SECONDS = 0.05
LIMIT_BYTES = 50_000_000
MEGABYTE = 1_000_000
METHODS = (JOB, NATIVE)


@dataclass(frozen=True)
class Sample:
    """What was found at one moment.

    Attributes:
        seconds: since the deletion began.
        tables: bytes on disk of each of our tables, with its indexes.
        redo_bytes: written to PostgreSQL's write-ahead log or MySQL's redo log, ever.
        binlog_bytes: in MySQL's binary log.
        temporary_bytes: PostgreSQL: in work files, ever; MySQL: in the session's, now.
        memory_bytes: of the session alone; None: the server cannot tell.
    """

    seconds: float
    tables: dict[str, int]
    redo_bytes: int
    binlog_bytes: int
    temporary_bytes: int
    memory_bytes: int | None

    @property
    def disk_bytes(self) -> int:
        """All of our tables together."""
        return sum(self.tables.values())


@dataclass
class Watched:
    """All samples of one deletion: the first from before it, the last from after it."""

    samples: list[Sample] = field(default_factory=list)

    def written(self, name: str) -> int:
        """Tell how far a counter went on."""
        return int(getattr(self.samples[-1], name)) - int(getattr(self.samples[0], name))

    def largest(self) -> Sample:
        """Give the sample in which our tables were largest."""
        return max(self.samples, key=lambda sample: sample.disk_bytes)

    def temporary(self) -> int:
        """Tell how much more there was in work files than before."""
        return max(one.temporary_bytes for one in self.samples) - self.samples[0].temporary_bytes

    def memory(self) -> int | None:
        """Give the most memory that was seen."""
        seen = [one.memory_bytes for one in self.samples if one.memory_bytes is not None]
        return max(seen, default=None)


def space(
    call: Call, rows: int = 1_000_000, is_checked: bool = False, has_snapshot: bool = False
) -> None:
    """Measure and print; the command ``bench space``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        rows: how many rows to delete, about.
        is_checked: give the target a limit of rows, so that the check counts them beforehand.
        has_snapshot: measure once more while another session holds an old snapshot.

    Raises:
        FindingError: rows are left that should be gone, or nothing was seen meanwhile.
        UsageError: the numbers make no sense, or the database is in use.
        DatabaseError: the server refused.
    """
    bench_figures.check_plotting(call)
    max_rows = 2 * rows if is_checked else None
    with (
        bench_load.filled(call, rows, max_rows) as load,
        database.connect(load.url) as watcher,
    ):
        found = _measure(call, load, watcher, has_snapshot)
        document: dict[str, Any] = {
            **load.about,
            "checked": is_checked,
            "snapshot": has_snapshot,
            "methods": {method: _figures(watched) for method, watched in found.items()},
        }
    document["limit_bytes"] = LIMIT_BYTES
    document["is_within_limit"] = _most(document) <= LIMIT_BYTES
    bench_figures.hand_out(call, document, f"space-{call.engine}", _draw, _print)


def _measure(
    call: Call, load: Load, watcher: Session, has_snapshot: bool
) -> dict[str, list[Watched]]:
    turns = bench_load.turns_of(METHODS, has_snapshot)
    found: dict[str, list[Watched]] = {turn.name: [] for turn in turns}
    worker = int(load.session.one("bench_foreground/session_id")["value"])
    for round_, turn in call.turns(turns):
        load.restore(turn.way)
        load.session.query("bench_space/rewrite")
        with load.snapshot(turn):
            watched = _watch(load, watcher, worker, turn.way)
        load.check(turn.way)
        # The first and the last sample are not from the time of the deletion.
        is_seen = turn.way != JOB or len(watched.samples) > 2
        if not is_seen or watched.written("redo_bytes") <= 0:
            raise FindingError(f"{title(turn.name)}: nothing was seen meanwhile", "take more rows")
        found[turn.name].append(watched)
        call.say(
            round_,
            f"{turn.name} {watched.samples[-1].seconds:.2f} s, "
            f"{watched.largest().disk_bytes / MEGABYTE:.1f} MB in our tables",
        )
    return found


def _watch(load: Load, watcher: Session, worker: int, method: str) -> Watched:
    """Delete the large customer, and look at the server before, meanwhile and afterwards."""
    begin = time.perf_counter()
    watched = Watched([_sample(watcher, worker, begin)])

    def look() -> None:
        watched.samples.append(_sample(watcher, worker, begin))

    with bench_threads.repeating(look, SAMPLE_SECONDS):
        load.delete(method)
    look()
    return watched


def _sample(watcher: Session, worker: int, begin: float) -> Sample:
    tables = watcher.query("bench_space/tables")
    server = watcher.one("bench_space/server", session=worker)
    memory = server["memory_bytes"]
    return Sample(
        round(time.perf_counter() - begin, 3),
        {str(row["table_name"]): int(row["bytes"]) for row in tables},
        int(server["redo_bytes"]),
        sum(int(row["file_size"]) for row in watcher.query("bench_space/binlog")),
        int(server["temporary_bytes"]),
        None if memory is None else int(memory),
    )


def _figures(found: list[Watched]) -> dict[str, Any]:
    largest = max((watched.largest() for watched in found), key=lambda one: one.disk_bytes)
    memory = [watched.memory() for watched in found]
    known = [value for value in memory if value is not None]
    written = {
        name: spread([watched.written(name) for watched in found], 0)
        for name in ("redo_bytes", "binlog_bytes")
    }
    return {
        "seconds": spread([watched.samples[-1].seconds for watched in found]),
        "disk_bytes": spread([watched.largest().disk_bytes for watched in found], 0),
        "disk_bytes_before": spread([watched.samples[0].disk_bytes for watched in found], 0),
        "tables_when_largest": dict(
            sorted(largest.tables.items(), key=lambda item: item[1], reverse=True)
        ),
        **written,
        "temporary_bytes": spread([watched.temporary() for watched in found], 0),
        "memory_bytes": spread(known, 0) if known else None,
        "samples": [
            {**asdict(sample), "disk_bytes": sample.disk_bytes} for sample in found[-1].samples
        ],
    }


def _jobs(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give what the job took, under an old snapshot as well where that was asked for."""
    return {
        name: found
        for name, found in document["methods"].items()
        if name.removesuffix(UNDER_SNAPSHOT) == JOB
    }


def _most(document: dict[str, Any]) -> int:
    """Give the most bytes that were seen in our tables."""
    return int(max(found["disk_bytes"]["max"] for found in _jobs(document).values()))


def _print(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"{bench_figures.heading(document)}: {document['rows']:,} rows go, "
        f"at most {document['batch_rows']:,} a commit"
        f"{', counted beforehand' if document['checked'] else ''}, median of {document['rounds']}"
    )
    made = bench_figures.table(
        "deleted by", "s", "tables MB", "log MB", "binlog MB", "temp MB", "memory MB"
    )
    columns = ("disk_bytes", "redo_bytes", "binlog_bytes", "temporary_bytes")
    for method, found in document["methods"].items():
        memory = found["memory_bytes"]
        made.add_row(
            title(method),
            f"{found['seconds']['median']:.2f}",
            *(f"{found[name]['median'] / MEGABYTE:,.1f}" for name in columns),
            f"{memory['median'] / MEGABYTE:,.1f}" if memory else "not told",
        )
    console.print(made)
    for name, found in _jobs(document).items():
        console.print(f"{title(name)}: the largest of our tables, when all of them were largest:")
        for table, size in list(found["tables_when_largest"].items())[:5]:
            console.print(f"  {table} {size / MEGABYTE:,.2f} MB")
    limit = document["limit_bytes"] / MEGABYTE
    console.print(
        f"At most {_most(document) / MEGABYTE:,.1f} MB in our tables: "
        f"{'within' if document['is_within_limit'] else 'above'} the {limit:.0f} MB asked for. "
        "Log: what deleting wrote, for the application's tables as well."
    )


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot

    series = {}
    for name, found in _jobs(document).items():
        is_old = name != JOB
        samples = found["samples"]
        series[bench_figures.titled("our tables", is_old)] = [
            (one["seconds"], one["disk_bytes"] / MEGABYTE) for one in samples
        ]
        if all(one["memory_bytes"] is not None for one in samples):
            series[bench_figures.titled("memory of the worker's session", is_old)] = [
                (one["seconds"], one["memory_bytes"] / MEGABYTE) for one in samples
            ]
    bench_plot.lines(
        path,
        f"Work space while {document['rows']:,} rows go, {ENGINE_NAMES[document['engine']]}",
        "seconds",
        "MB",
        series,
    )
