"""Measure the planner and one job over a large catalog: 760 foreign keys on 370 tables.

The tables are generated from three numbers and are the same on every machine: one root, a tree of
four children a table below it, further references from each table to earlier ones until there are
as many as asked for, and some tables that refer to themselves. The job reaches the first 200
tables, with a row in each; the plan covers all of them. Where that is asked for, each is done once
more while another session holds an old snapshot.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import bench, bench_figures, bench_load, bench_result
from deletion_jobs.bench import Call, Place
from deletion_jobs.bench_figures import spread
from deletion_jobs.bench_load import Turn, title
from deletion_jobs.bench_result import JOB, NATIVE
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.output import say
from deletion_jobs.sources import ENGINE_NAMES

FOLDER = "bench_plan"
ROOT = "bench_plan_001"
COMPILE = "compile"
FRESH = "fresh"
METHODS = (COMPILE, FRESH, JOB, NATIVE)
TITLES = {
    COMPILE: "compile the plan",
    FRESH: "see that it is fresh",
    JOB: bench_result.TITLES[JOB],
    NATIVE: bench_result.TITLES[NATIVE],
}


@dataclass(frozen=True)
class Size:
    """What is generated.

    Attributes:
        tables: at most 999.
        keys: foreign keys, those to the own table among them.
        self_keys: how many tables refer to themselves.
        rows: how many tables the job finds a row in.
    """

    tables: int = 370
    keys: int = 760
    self_keys: int = 57
    rows: int = 200

    def check(self) -> None:
        """See that the numbers fit each other.

        Raises:
            UsageError: they do not.
        """
        tree = self.tables - 1
        # From each table to every one that is no lower than its parent in the tree.
        most = sum((child - 2) // 4 + 1 for child in range(2, self.tables + 1)) + self.self_keys
        if not (3 <= self.tables <= 999 and 1 <= self.self_keys <= self.tables):
            raise UsageError("it takes 3 to 999 tables, of which some refer to themselves")
        if not (tree + self.self_keys <= self.keys <= most and 1 <= self.rows <= self.tables):
            raise UsageError(
                f"{self.tables} tables have {tree + self.self_keys} to {most} keys, and a job "
                f"finds rows in 1 to {self.tables} of them"
            )


@dataclass
class Measured:
    """What each round took, in seconds, for each turn by its name."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    steps: int = 0


def plan(call: Call, size: Size | None = None, has_snapshot: bool = False) -> None:
    """Measure and print; the command ``bench plan``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        size: of the catalog; None: 760 keys on 370 tables.
        has_snapshot: measure once more while another session holds an old snapshot.

    Raises:
        FindingError: the plan does not cover all tables and keys, or rows are left.
        UsageError: the numbers make no sense, or the database is in use.
        DatabaseError: the server refused.
    """
    size = size or Size()
    size.check()
    bench_figures.check_plotting(call)
    with bench.opened(call) as (session, place), bench.installed(session, FOLDER):
        found = _measure(call, session, place, size, has_snapshot)
        about = place.about(session)
    document: dict[str, Any] = {
        **about,
        "rounds": call.rounds,
        "tables": size.tables,
        "foreign_keys": size.keys,
        "self_references": size.self_keys,
        "tables_with_a_row": size.rows,
        "plan_steps": found.steps,
        "snapshot": has_snapshot,
        "seconds": {name: spread(values) for name, values in found.seconds.items()},
    }
    median = {name: took["median"] for name, took in document["seconds"].items()}
    document["job_to_native"] = round(median[JOB] / max(median[NATIVE], 1e-4), 3)
    bench_figures.hand_out(call, document, f"plan-{call.engine}", _draw, _print)


def _measure(
    call: Call, session: Session, place: Place, size: Size, has_snapshot: bool
) -> Measured:
    say(f"generating {size.tables} tables with {size.keys} foreign keys")
    session.call("bench_generate", size.tables, size.keys, size.self_keys)
    session.query(f"{FOLDER}/grant_all")
    session.call("register_deletion_target", ROOT, None, None)
    turns = bench_load.turns_of(METHODS, has_snapshot)
    found = Measured({turn.name: [] for turn in turns})
    _compile(session, COMPILE)
    # A round before the first, that is not counted, fills the caches of both sides.
    for root, method in enumerate(METHODS, start=1):
        _take(session, place, Turn(method), root, size)
    for root, (round_, turn) in enumerate(call.turns(turns), start=len(METHODS) + 1):
        seconds = _take(session, place, turn, root, size)
        found.seconds[turn.name].append(seconds)
        call.say(round_, f"{turn.name} {seconds:.2f} s")
    found.steps = _check_plan(session, size)
    return found


def _take(session: Session, place: Place, turn: Turn, root: int, size: Size) -> float:
    """Do one thing, and give the seconds that it took.

    Raises:
        FindingError: it was not done.
    """
    method = turn.way
    if method in (COMPILE, FRESH):
        bench.settle(session)
        with bench.old_snapshot(place.url, turn.is_old):
            return _compile(session, method)
    session.call("bench_fill", root, size.rows)
    there = int(session.one(f"{FOLDER}/rows", id=root)["value"])
    if method == JOB:
        session.query(f"{FOLDER}/enqueue", id=root)
    bench.settle(session)
    with bench.old_snapshot(place.url, turn.is_old):
        begin = time.perf_counter()
        if method == JOB:
            session.call("run_deletion_jobs", None, bench.RUN_SECONDS)
        else:
            session.call("bench_native", root)
        seconds = time.perf_counter() - begin
    left = int(session.one(f"{FOLDER}/rows", id=root)["value"])
    if (there, left) != (size.rows, 0):
        raise FindingError(f"{TITLES[method]}: {left} rows of {there} are left, of {size.rows}")
    if method == JOB:
        gone = session.one(f"{FOLDER}/receipts")
        if (int(gone["tables_emptied"]), int(gone["rows_gone"])) != (size.rows, size.rows):
            raise FindingError(f"the receipts say {dict(gone)}, not {size.rows} rows")
    return seconds


def _compile(session: Session, method: str) -> float:
    """Compile the plan, whether it is stale or not, and give the seconds that it took.

    Raises:
        FindingError: a stale plan was kept, or a fresh one compiled anew.
    """
    if method == COMPILE:
        session.query(f"{FOLDER}/forget")
    before = session.one(f"{FOLDER}/plan")["plan_id"]
    begin = time.perf_counter()
    session.call("compile_deletion_plan", ROOT)
    seconds = time.perf_counter() - begin
    after = session.one(f"{FOLDER}/plan")["plan_id"]
    if (before != after) != (method == COMPILE):
        raise FindingError(f"{TITLES[method]}: plan {before} before, {after} after")
    return seconds


def _check_plan(session: Session, size: Size) -> int:
    """See that the plan covers the catalog, and give the number of its steps.

    Raises:
        FindingError: it does not.
    """
    covered = session.one(f"{FOLDER}/plan")
    if covered["error"]:
        raise FindingError(f"the plan cannot run: {covered['error']}")
    reached = (int(covered["tables_reached"]), int(covered["references_known"]))
    if reached != (size.tables, size.keys):
        raise FindingError(
            f"the plan has {reached[0]} tables and {reached[1]} references, "
            f"not {size.tables} and {size.keys}"
        )
    return int(covered["steps"])


def _print(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"{bench_figures.heading(document)}: {document['foreign_keys']} "
        f"foreign keys on {document['tables']} tables, {document['self_references']} to "
        f"themselves; median of {document['rounds']}"
    )
    made = bench_figures.table("", "median s", "min", "max")
    for name, took in document["seconds"].items():
        made.add_row(
            title(name, TITLES), *(f"{took[what]:.3f}" for what in ("median", "min", "max"))
        )
    console.print(made)
    console.print(
        f"The plan has {document['plan_steps']:,} steps. A job with a row in each of "
        f"{document['tables_with_a_row']} tables takes {document['job_to_native']:.1f} times as "
        "long as one native DELETE of the same root."
    )


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot

    rounds = list(range(1, document["rounds"] + 1))
    bench_plot.lines(
        path,
        f"{document['foreign_keys']} foreign keys on {document['tables']} tables, "
        f"{ENGINE_NAMES[document['engine']]}",
        "round",
        "seconds",
        {
            title(name, TITLES): list(zip(rounds, took["values"], strict=True))
            for name, took in document["seconds"].items()
        },
        log_y=True,
    )
