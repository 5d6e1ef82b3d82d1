"""Measure many small jobs, and the call that asks for one, beside what the bare engine does.

A small job is a user with two orders, four items, two payments and two events: eleven rows. Beside
the jobs stand the engine's own cascade over sets of users (fast, and nobody knows afterwards what
went), and one DELETE and COMMIT a user from a client, as an application would send them.

Every measurement begins with the rows copied back, fresh statistics and a checkpoint; the methods
take turns. What a client loop would take is measured on a sample of the users.
"""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from deletion_jobs import bench, database
from deletion_jobs.bench import installed, server, settle
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.output import say, show_json
from deletion_jobs.sources import ENGINE_NAMES, Engine

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
        seconds: of each round; on MySQL until purge had caught up, where rows were deleted.
    """

    users: int
    seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Users a second, by the median."""
        return self.users / statistics.median(self.seconds)


@dataclass
class Result:
    """All measurements of one call of the command."""

    engine: Engine
    version: str
    jobs: int
    rounds: int
    is_scattered: bool
    methods: dict[str, Measured]

    def ratio(self, method: str, base: str) -> float:
        """Compare two methods by their rates."""
        return self.methods[method].rate / self.methods[base].rate

    def document(self) -> dict[str, object]:
        """Give all of it as plain values for JSON."""
        return {
            "engine": self.engine,
            "version": self.version,
            "jobs": self.jobs,
            "rows_per_job": sum(ROWS.values()),
            "rounds": self.rounds,
            "scattered": self.is_scattered,
            "methods": {
                name: {
                    "users": measured.users,
                    "seconds": [round(value, 4) for value in measured.seconds],
                    "users_per_second": round(measured.rate, 1),
                }
                for name, measured in self.methods.items()
            },
            "jobs_rate_to_sets": round(self.ratio(JOBS, SETS), 3),
            "jobs_rate_to_loop": round(self.ratio(JOBS, LOOP), 3),
            "enqueue_time_to_insert": round(self.ratio(INSERT, ENQUEUE), 3),
        }


def jobs(
    engine: Engine,
    count: int = 10_000,
    rounds: int = 5,
    is_scattered: bool = False,
    url: str | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Measure and print; the command ``bench jobs``.

    Args:
        engine: ``mysql`` or ``postgres``.
        count: how many users, a job each.
        rounds: how often each method is measured.
        is_scattered: the rows of a user lie anywhere in their tables, not side by side.
        url: an empty database on a server with nothing else to do, by its superuser; None: a
            server of its own.
        as_json: write JSON instead of a table.
        console: where to write the table.

    Raises:
        FindingError: a method left rows that it should not, or the receipts are not exact.
        UsageError: the numbers make no sense, or the database is in use.
        DatabaseError: the server refused.
    """
    if count < 1 or rounds < 1:
        raise UsageError("it takes at least one job and one round")
    with server(engine, url) as where, database.connect(where) as session:
        if session.engine != engine:
            raise UsageError(f"the URL names {ENGINE_NAMES[session.engine]}, not {engine}")
        with installed(session, "bench_jobs"):
            result = _measure(session, count, rounds, is_scattered)
    if as_json:
        show_json(result.document())
    else:
        _print(result, console or Console(highlight=False, soft_wrap=True))


def _measure(session: Session, count: int, rounds: int, is_scattered: bool) -> Result:
    session.call("bench_fill", count, is_scattered)
    session.call("register_deletion_target", "bench_users", None, None)
    samples = {LOOP: LOOP_SAMPLE, ENQUEUE: CALL_SAMPLE, INSERT: CALL_SAMPLE}
    methods = {name: Measured(min(count, samples.get(name, count))) for name in METHODS}
    version = str(session.one("server")["version"])
    result = Result(session.engine, version, count, rounds, is_scattered, methods)
    for turn in range(rounds):
        begin = turn % len(METHODS)
        for method in METHODS[begin:] + METHODS[:begin]:
            measured = methods[method]
            session.call("bench_restore")
            session.query("bench_jobs/vacuum")
            session.query("bench/checkpoint")
            settle(session)
            _take(session, method, measured)
            _check(session, method, count, measured.users)
            say(f"round {turn + 1} of {rounds}: {method} {measured.seconds[-1]:.2f} s")
    return result


def _take(session: Session, method: str, measured: Measured) -> None:
    """Let one method do its work, and take its time."""
    if method == JOBS:
        session.call("bench_enqueue", 1, measured.users)
        with _timed(session, measured):
            session.call("run_deletion_jobs", None, bench.RUN_SECONDS)
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


@contextlib.contextmanager
def _timed(session: Session, measured: Measured) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    settle(session)
    measured.seconds.append(time.perf_counter() - begin)


def _check(session: Session, method: str, count: int, users: int) -> None:
    """See that a method did what it was measured for.

    Raises:
        FindingError: it did not.
    """
    if method in (ENQUEUE, INSERT):
        asked = len(session.view("vw_deletion_jobs"))
        if asked != users:
            raise FindingError(f"{TITLES[method]}: {asked} jobs of {users}")
        return
    found = {str(row["table_name"]): int(row["rows_left"]) for row in _rows(session, "left")}
    wanted = {table: rows * (count - users) for table, rows in ROWS.items()}
    if found != wanted:
        raise FindingError(f"{TITLES[method]} left {found}, not {wanted}")
    if method == JOBS:
        gone = {
            str(row["table_name"]): (int(row["rows_gone"]), int(row["jobs"]))
            for row in _rows(session, "receipts")
        }
        exact = {table: (rows * users, users) for table, rows in ROWS.items()}
        if gone != exact:
            raise FindingError(f"the receipts say {gone}, not {exact}")


def _rows(session: Session, name: str) -> list[database.Row]:
    return session.query(f"bench_jobs/{name}")


def _print(result: Result, console: Console) -> None:
    console.print(
        f"{ENGINE_NAMES[result.engine]} {result.version}: {result.jobs:,} jobs of "
        f"{sum(ROWS.values())} rows, {'scattered' if result.is_scattered else 'side by side'}, "
        f"median of {result.rounds}"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("method", no_wrap=True)
    for title in ("users", "median s", "min", "max", "users/s"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, measured in result.methods.items():
        table.add_row(
            TITLES[name],
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
    if result.engine == "mysql":
        console.print("Times end when purge has taken the deleted rows out of the tables.")
