"""Measure many small jobs, and the call that asks for one, beside what the bare engine does.

A small job is a user with two orders, four items, two payments and two events: eleven rows. Beside
the jobs stand the engine's own cascade over sets of users (fast, and nobody knows afterwards what
went), and one DELETE and COMMIT a user from a client, as an application would send them.

With more than one worker, so many sessions call ``run_deletion_jobs`` at once, each in a slot.

Where that is asked for, each is measured once more while another session holds an old snapshot:
what a claim has left behind in the indexes is then still there at the next. On MySQL the clock
stops when purge has caught up; under the snapshot it cannot, so there it stops with the call, and
what is compared with that is taken until then, too.

Every measurement begins with the rows copied back, fresh statistics and a checkpoint; the methods
take turns. What a client loop would take is measured on a sample of the users.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import bench_figures, database
from deletion_jobs.bench import RUN_SECONDS, Call, installed, old_snapshot, opened, settle
from deletion_jobs.bench_result import UNDER_SNAPSHOT
from deletion_jobs.bench_threads import Thread
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.sources import ENGINE_NAMES

JOBS = "jobs"
SETS = "sets"
LOOP = "loop"
ENQUEUE = "enqueue"
INSERT = "insert"
TITLES = {
    JOBS: "deletion jobs",
    SETS: "native cascade in sets",
    LOOP: "DELETE and COMMIT a job",
    ENQUEUE: "enqueue_deletion",
    INSERT: "plain INSERT",
}
METHODS = (JOBS, SETS, LOOP, ENQUEUE, INSERT)

SET_SIZE = 500
SETS_EACH = 4
LOOP_SAMPLE = 2000
CALL_SAMPLE = 10_000
# Rows of each table that belong to one user.
ROWS = {
    "bench_users": 1,
    "bench_user_orders": 2,
    "bench_user_items": 4,
    "bench_user_payments": 2,
    "bench_user_events": 2,
}


@dataclass
class Measured:
    """What one method took.

    Attributes:
        users: how many users each round took.
        crew: sessions that work jobs at once; empty: the method is none of jobs.
        seconds: of each round; on MySQL until purge had caught up, where rows were deleted.
        call_seconds: of each round, until the last call returned.
        busy: in how many slots work was found, in each round.
        is_old: another session held an old snapshot meanwhile; ``seconds`` are ``call_seconds``.
    """

    users: int
    crew: Sequence[Session] = ()
    seconds: list[float] = field(default_factory=list)
    call_seconds: list[float] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    is_old: bool = False

    @property
    def rate(self) -> float:
        """Users a second, by the median."""
        return self.users / statistics.median(self.seconds)

    @property
    def call_rate(self) -> float:
        """Users a second until the last call returned, by the median."""
        return self.users / statistics.median(self.call_seconds)


@dataclass
class Result:
    """All measurements of one call of the command."""

    about: dict[str, Any]
    jobs: int
    rounds: int
    is_scattered: bool
    methods: dict[str, Measured]

    def ratio(self, method: str, base: str) -> float:
        """Compare two methods by their rates."""
        return self.methods[method].rate / self.methods[base].rate

    def snapshot_ratios(self) -> dict[str, float]:
        """Compare each method's rate under the old snapshot with that without."""
        return {
            name: self.methods[name + UNDER_SNAPSHOT].call_rate / measured.call_rate
            for name, measured in self.methods.items()
            if name + UNDER_SNAPSHOT in self.methods
        }

    def document(self) -> dict[str, Any]:
        """Give all of it as plain values for JSON."""
        return {
            **self.about,
            "jobs": self.jobs,
            "rows_per_job": sum(ROWS.values()),
            "rounds": self.rounds,
            "scattered": self.is_scattered,
            "methods": {
                name: {
                    "users": measured.users,
                    "seconds": [round(value, 4) for value in measured.seconds],
                    "users_per_second": round(measured.rate, 1),
                    "call_seconds": [round(value, 4) for value in measured.call_seconds],
                    **({"workers": len(measured.crew)} if measured.crew else {}),
                    **({"slots_with_work": measured.busy} if measured.crew else {}),
                }
                for name, measured in self.methods.items()
            },
            "workers_rate_to_one": {
                str(len(measured.crew)): round(self.ratio(name, JOBS), 3)
                for name, measured in self.methods.items()
                if len(measured.crew) > 1
            },
            "rate_under_snapshot_to_without": {
                name: round(ratio, 3) for name, ratio in self.snapshot_ratios().items()
            },
            "jobs_rate_to_sets": round(self.ratio(JOBS, SETS), 3),
            "jobs_rate_to_loop": round(self.ratio(JOBS, LOOP), 3),
            "enqueue_time_to_insert": round(self.ratio(INSERT, ENQUEUE), 3),
        }


def jobs(
    call: Call,
    count: int = 10_000,
    is_scattered: bool = False,
    workers: Sequence[int] = (1,),
    has_snapshot: bool = False,
) -> None:
    """Measure and print; the command ``bench jobs``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        count: how many users, a job each.
        is_scattered: the rows of a user lie anywhere in their tables, not side by side.
        workers: numbers of sessions that work at once; one is always measured.
        has_snapshot: measure each method once more while another session holds an old snapshot.

    Raises:
        FindingError: a method left rows that it should not, the receipts are not exact, or a
            worker found nothing to do.
        UsageError: the numbers make no sense, or the database is in use.
        DatabaseError: the server refused.
    """
    if count < 1 or any(number < 1 for number in workers):
        raise UsageError("it takes at least one job and one worker")
    bench_figures.check_plotting(call)
    crews = sorted({1, *workers})
    with (
        opened(call) as (session, place),
        installed(session, "bench_jobs"),
        contextlib.ExitStack() as stack,
    ):
        crew = [stack.enter_context(database.connect(place.url)) for _ in range(crews[-1])]
        methods = _methods(count, [crew[:number] for number in crews], has_snapshot)
        _measure(call, session, place.url, count, is_scattered, methods)
        result = Result(place.about(session), count, call.rounds, is_scattered, methods)
    bench_figures.hand_out(
        call, result.document(), f"jobs-{call.engine}", _draw, lambda _, to: _print(result, to)
    )


def _methods(
    count: int, crews: Sequence[Sequence[Session]], has_snapshot: bool
) -> dict[str, Measured]:
    """Name what is measured, jobs once for each crew, with the users that each round takes."""
    samples = {LOOP: LOOP_SAMPLE, ENQUEUE: CALL_SAMPLE, INSERT: CALL_SAMPLE}
    methods = {
        JOBS if len(crew) == 1 else f"{JOBS} x{len(crew)}": Measured(count, crew) for crew in crews
    }
    methods |= {name: Measured(min(count, samples.get(name, count))) for name in METHODS[1:]}
    if not has_snapshot:
        return methods
    return {
        name + (UNDER_SNAPSHOT if is_old else ""): Measured(
            measured.users, measured.crew, is_old=is_old
        )
        for name, measured in methods.items()
        for is_old in (False, True)
    }


def _measure(
    call: Call,
    session: Session,
    url: str,
    count: int,
    is_scattered: bool,
    methods: dict[str, Measured],
) -> None:
    session.call("bench_fill", count, is_scattered)
    session.call("register_deletion_target", "bench_users", None, None)
    session.call("set_deletion_setting", "jobs_per_run", str(SET_SIZE))
    for round_, method in call.turns(list(methods)):
        measured = methods[method]
        session.call("bench_restore")
        session.query("bench_jobs/vacuum")
        session.query("bench/checkpoint")
        settle(session)
        way = method.removesuffix(UNDER_SNAPSHOT)
        if measured.crew:
            session.call("bench_enqueue", 1, measured.users)
        with old_snapshot(url, measured.is_old):
            _take(session, way, measured)
        _check(session, way, count, measured)
        call.say(round_, f"{method} {measured.seconds[-1]:.2f} s")


def _take(session: Session, method: str, measured: Measured) -> None:
    """Let one method do its work, and take its time."""
    if measured.crew:
        with _timed(session, measured):
            _work(measured.crew)
        measured.busy.append(int(session.one("bench_jobs/slots")["value"]))
    elif method == SETS:
        with _timed(session, measured):
            session.call("bench_sets", 1, measured.users, SET_SIZE)
    elif method == LOOP:
        with _timed(session, measured):
            for user in range(1, measured.users + 1):
                session.query("bench_jobs/delete", user=user)
    else:
        with _timed(session, measured):
            session.call(f"bench_{method}", 1, measured.users)


def _work(crew: Sequence[Session]) -> None:
    """Let each session call the worker's loop in a slot of its own, all at once."""
    threads = [
        Thread(partial(session.call, "run_deletion_jobs", slot, RUN_SECONDS))
        for slot, session in enumerate(crew, start=1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.raise_error()


@contextlib.contextmanager
def _timed(session: Session, measured: Measured) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    measured.call_seconds.append(time.perf_counter() - begin)
    if not measured.is_old:
        settle(session)
    measured.seconds.append(time.perf_counter() - begin)


def _check(session: Session, method: str, count: int, measured: Measured) -> None:
    """See that a method did what it was measured for.

    Raises:
        FindingError: it did not.
    """
    users = measured.users
    title = _title(method, measured)
    if method in (ENQUEUE, INSERT):
        asked = len(session.view("vw_deletion_jobs"))
        if asked != users:
            raise FindingError(f"{title}: {asked} jobs of {users}")
        return
    found = {str(row["table_name"]): int(row["rows_left"]) for row in _rows(session, "left")}
    wanted = {table: rows * (count - users) for table, rows in ROWS.items()}
    if found != wanted:
        raise FindingError(f"{title} left {found}, not {wanted}")
    if measured.crew:
        gone = {
            str(row["table_name"]): (int(row["rows_gone"]), int(row["jobs"]))
            for row in _rows(session, "receipts")
        }
        exact = {table: (rows * users, users) for table, rows in ROWS.items()}
        if gone != exact:
            raise FindingError(f"the receipts say {gone}, not {exact}")
        # With fewer sets than that one worker may well be faster than another begins.
        enough = users >= len(measured.crew) * SETS_EACH * SET_SIZE
        if enough and measured.busy[-1] != len(measured.crew):
            raise FindingError(f"{title}: only {measured.busy[-1]} found work")


def _title(name: str, measured: Measured) -> str:
    number = len(measured.crew)
    name = name.removesuffix(UNDER_SNAPSHOT)
    title = TITLES[name] if number < 2 else f"{TITLES[JOBS]}, {number} workers"
    return bench_figures.titled(title, measured.is_old)


def _rows(session: Session, name: str) -> list[database.Row]:
    return session.query(f"bench_jobs/{name}")


def _print(result: Result, console: Console) -> None:
    console.print(
        f"{bench_figures.heading(result.about)}: {result.jobs:,} jobs of "
        f"{sum(ROWS.values())} rows, {'scattered' if result.is_scattered else 'side by side'}, "
        f"median of {result.rounds}"
    )
    table = bench_figures.table("method", "users", "median s", "min", "max", "users/s")
    for name, measured in result.methods.items():
        table.add_row(
            _title(name, measured),
            f"{measured.users:,}",
            f"{statistics.median(measured.seconds):.3f}",
            f"{min(measured.seconds):.3f}",
            f"{max(measured.seconds):.3f}",
            f"{measured.rate:,.0f}",
        )
    console.print(table)
    console.print(
        f"Jobs are done at {result.ratio(JOBS, SETS):.2f} of the rate of the bare cascade in sets "
        f"of {SET_SIZE}, and {result.ratio(JOBS, LOOP):.1f} times as fast as one by one; "
        f"to enqueue one takes {result.ratio(INSERT, ENQUEUE):.2f} times as long as an INSERT."
    )
    for name, measured in result.methods.items():
        if len(measured.crew) > 1 and not measured.is_old:
            console.print(
                f"{len(measured.crew)} workers: {result.ratio(name, JOBS):.2f} times the rate of "
                f"one, on {os.cpu_count()} cores that the client shares."
            )
    ratios = result.snapshot_ratios()
    if ratios:
        told = ", ".join(
            f"{_title(name, result.methods[name])} {ratio:.2f}" for name, ratio in ratios.items()
        )
        console.print(
            f"Under an old snapshot, until the call returns, over the rate without: {told}."
        )
    if result.about["engine"] == "mysql":
        console.print("Times end when purge has taken the deleted rows out of the tables.")


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot

    crews = [
        measured
        for name, measured in document["methods"].items()
        if "workers" in measured and not name.endswith(UNDER_SNAPSHOT)
    ]
    bench_plot.ranges(
        path,
        f"{document['jobs']:,} jobs of {document['rows_per_job']} rows, "
        f"{ENGINE_NAMES[document['engine']]}",
        "workers",
        "jobs a second",
        {
            "jobs": (
                [measured["workers"] for measured in crews],
                [[measured["users"] / took for took in measured["seconds"]] for measured in crews],
            )
        },
    )
