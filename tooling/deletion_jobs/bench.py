"""Measure one job against hand-written batches, the engine's own cascade, and other peers.

All of them delete the same customer with the same orders, items and payments from the same tables.
Each measurement begins with the rows copied back, fresh statistics, a checkpoint, and five small
customers deleted in the same way, so that caches and plans are warm; they take turns.

On MySQL a commit leaves the rows to purge, which works beside whatever comes next; the clock
therefore stops when purge has caught up, for all alike.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from deletion_jobs import apply, database, embedded
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, FindingError, UsageError
from deletion_jobs.output import say, show_json
from deletion_jobs.sources import ENGINE_NAMES, Engine

JOB = "job"
BY_HAND = "by hand"
NATIVE = "native"
DJANGO = "django"
METHODS = (JOB, BY_HAND, NATIVE)
# Peers that are asked for by name: they need a package of their own.
PEERS = (DJANGO,)
TITLES = {
    JOB: "deletion job",
    BY_HAND: "batches by hand",
    NATIVE: "native cascade",
    DJANGO: "Django",
}

CUSTOMER = 1
WARM_CUSTOMERS = (2, 3, 4, 5, 6)
CUSTOMERS = 26
ROWS_PER_ORDER = 12
OTHER_ORDERS = 50
BATCH_ROWS = 5000
RUN_SECONDS = 3600

PURGE_SECONDS = 120.0
PURGE_BACKLOG = 0
PURGE_PAUSE = 0.005

Left = dict[str, tuple[int, str]]
Deleters = dict[str, Callable[[int], None]]


@dataclass
class Measured:
    """What one method took, a value for each round.

    Attributes:
        seconds: until the call returned and, on MySQL, purge had caught up.
        call_seconds: until the call returned.
        commits: transactions committed meanwhile.
        left: rows left in each table, with the sum of their keys.
    """

    seconds: list[float] = field(default_factory=list)
    call_seconds: list[float] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


@dataclass
class Result:
    """All measurements of one call of the command."""

    engine: Engine
    version: str
    orders: int
    rounds: int
    expected: Left
    methods: dict[str, Measured]

    @property
    def rows(self) -> int:
        """How many rows each measurement deletes."""
        return 1 + self.orders * ROWS_PER_ORDER

    def ratio(self, method: str, base: str) -> float:
        """Compare two methods by their medians."""
        return statistics.median(self.methods[method].seconds) / statistics.median(
            self.methods[base].seconds
        )

    def surplus(self, method: str) -> dict[str, int]:
        """Count the rows that should be gone and are not (below zero: the other way round)."""
        found: dict[str, int] = {}
        for left in self.methods[method].left:
            for table, (rows, keys) in left.items():
                if (rows, keys) != self.expected[table]:
                    found[table] = rows - self.expected[table][0]
        return found

    def document(self) -> dict[str, object]:
        """Give all of it as plain values for JSON."""
        return {
            "engine": self.engine,
            "version": self.version,
            "rows": self.rows,
            "rounds": self.rounds,
            "batch_rows": BATCH_ROWS,
            "methods": {
                name: {
                    "median_seconds": round(statistics.median(measured.seconds), 4),
                    "seconds": [round(value, 4) for value in measured.seconds],
                    "call_seconds": [round(value, 4) for value in measured.call_seconds],
                    "commits": measured.commits,
                    "rows_per_second": round(self.rows / statistics.median(measured.seconds)),
                    "rows_that_should_be_gone": self.surplus(name),
                }
                for name, measured in self.methods.items()
            },
            "job_to_by_hand": round(self.ratio(JOB, BY_HAND), 3),
            "job_to_native": round(self.ratio(JOB, NATIVE), 3),
            "peers_to_job": {
                name: round(self.ratio(name, JOB), 3) for name in PEERS if name in self.methods
            },
            "by_hand_to_native": round(self.ratio(BY_HAND, NATIVE), 3),
        }


def cascade(
    engine: Engine,
    rows: int = 140_000,
    rounds: int = 5,
    url: str | None = None,
    as_json: bool = False,
    console: Console | None = None,
    peers: Sequence[str] = (),
) -> None:
    """Measure and print; the command ``bench cascade``.

    Args:
        engine: ``mysql`` or ``postgres``.
        rows: how many rows to delete, about.
        rounds: how often each method is measured.
        url: an empty database on a server with nothing else to do, by its superuser; None: a
            server of its own.
        as_json: write JSON instead of a table.
        console: where to write the table.
        peers: of ``PEERS``, to be measured as well.

    Raises:
        FindingError: the job, the batches or a peer left other rows than they should; what the
            engine's own cascade leaves is only told.
        UsageError: the numbers make no sense, or the database is in use.
        DatabaseError: the server refused.
    """
    if rows <= ROWS_PER_ORDER or rounds < 1:
        raise UsageError(f"it takes more than {ROWS_PER_ORDER} rows and at least one round")
    with server(engine, url) as where, database.connect(where) as session:
        if session.engine != engine:
            raise UsageError(f"the URL names {ENGINE_NAMES[session.engine]}, not {engine}")
        with _deleters(engine, where, peers) as deleters:
            result = measure(session, round((rows - 1) / ROWS_PER_ORDER), rounds, deleters)
    if as_json:
        show_json(result.document())
    else:
        _print(result, console or Console(highlight=False, soft_wrap=True))
    for method in (JOB, BY_HAND, *peers):
        if result.surplus(method):
            raise FindingError(f"{TITLES[method]}: rows off by {result.surplus(method)}")


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
        options = [servers.NATIVE_FOREIGN_KEYS]
        with servers.running("mysql", options=options, say=say) as server:
            with database.connect(server.url) as session:
                session.query("bench/database")
            yield f"{server.url}deletion_jobs_bench"


@contextlib.contextmanager
def _deleters(engine: Engine, url: str, peers: Sequence[str]) -> Iterator[Deleters]:
    """Give what deletes a customer in the way of each peer that has a connection of its own."""
    if DJANGO not in peers:
        yield {}
        return
    try:
        from deletion_jobs import bench_django
    except ImportError as error:
        raise UsageError("Django is not installed", "pip install 'deletion-jobs[bench]'") from error

    delete, close = bench_django.deleter(engine, url)
    try:
        yield {DJANGO: delete}
    finally:
        close()


def measure(session: Session, orders: int, rounds: int, deleters: Deleters | None = None) -> Result:
    """Make the tables, measure all methods in turns, and take everything away again.

    Args:
        session: in a database without deletion-jobs, as its superuser.
        orders: of the customer to be deleted, twelve rows each.
        rounds: how often each method is measured.
        deleters: what deletes a customer, for each peer that is measured as well.
    """
    with installed(session, "bench"):
        return _measure(session, orders, rounds, deleters or {})


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
    # How eagerly MySQL's purge works; PostgreSQL has nothing of the kind.
    eagerness = int(session.one("bench/purge_frequency")["value"])
    try:
        session.query("bench/set_purge_frequency", value=1)
        session.script(_text(session, f"{folder}/tables"))
        session.script(_text(session, f"{folder}/grants"))
        yield
    finally:
        session.query("bench/set_purge_frequency", value=eagerness)
        session.script(_text(session, f"{folder}/drop"))
        apply.roll_back(session, say)


def _text(session: Session, name: str) -> str:
    from deletion_jobs import queries

    return queries.load(session.engine, name)


def _measure(session: Session, orders: int, rounds: int, deleters: Deleters) -> Result:
    other_orders = min(OTHER_ORDERS, orders)
    session.call("bench_fill", orders, other_orders)
    session.call("register_deletion_target", "bench_customers", None, None)
    session.call("set_deletion_setting", "batch_rows", str(BATCH_ROWS))
    version = str(session.one("server")["version"])
    names = (*METHODS, *deleters)
    methods = {name: Measured() for name in names}
    result = Result(session.engine, version, orders, rounds, {}, methods)
    result.expected = _expected(orders, other_orders)
    for turn in range(rounds):
        first = turn % len(names)
        for method in names[first:] + names[:first]:
            delete = deleters.get(method)
            _restore(session)
            _delete(session, method, WARM_CUSTOMERS, delete)
            settle(session)
            with _counting(session, methods[method]):
                _delete(session, method, (CUSTOMER,), delete)
            methods[method].left.append(_left(session))
            say(f"round {turn + 1} of {rounds}: {method} {methods[method].seconds[-1]:.2f} s")
    return result


def _expected(orders: int, other_orders: int) -> Left:
    """Work out what has to be left: customers 7 to 26 with all that is theirs."""
    first = orders + (len(WARM_CUSTOMERS) * other_orders) + 1
    last = orders + (CUSTOMERS - 1) * other_orders
    kept = {
        "bench_customers": range(len(WARM_CUSTOMERS) + 2, CUSTOMERS + 1),
        "bench_orders": range(first, last + 1),
        "bench_order_items": range((first - 1) * 10 + 1, last * 10 + 1),
        "bench_payments": range(first, last + 1),
    }
    return {table: (len(keys), str(sum(keys))) for table, keys in kept.items()}


def _restore(session: Session) -> None:
    session.call("bench_restore")
    session.query("bench/vacuum")
    session.query("bench/checkpoint")


def _left(session: Session) -> Left:
    rows = session.query("bench/left")
    return {str(row["table_name"]): (int(row["rows_left"]), str(row["key_sum"])) for row in rows}


def _delete(
    session: Session,
    method: str,
    customers: Sequence[int],
    delete: Callable[[int], None] | None = None,
) -> None:
    if delete is not None:
        for customer in customers:
            delete(customer)
    elif method == JOB:
        for customer in customers:
            session.query("bench/enqueue", customer=str(customer))
        session.call("run_deletion_jobs", None, RUN_SECONDS)
        for job in session.view("vw_deletion_jobs"):
            if job["status"] != "done":
                raise FindingError(f"job {job['id']} is {job['status']}: {job['error']}")
    else:
        routine = "bench_by_hand" if method == BY_HAND else "bench_native"
        for customer in customers:
            session.call(routine, customer, BATCH_ROWS)


@contextlib.contextmanager
def _counting(session: Session, measured: Measured) -> Iterator[None]:
    """Take the time of the block, and count what it commits."""
    # What reading the counters commits by itself is taken off again.
    idle = [_commits(session), _commits(session)]
    begin = time.perf_counter()
    yield
    measured.call_seconds.append(time.perf_counter() - begin)
    settle(session)
    measured.seconds.append(time.perf_counter() - begin)
    measured.commits.append(_commits(session) - idle[1] - (idle[1] - idle[0]))


def _commits(session: Session) -> int:
    session.query("bench/flush")
    return int(session.one("bench/commits")["value"])


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


def _print(result: Result, console: Console) -> None:
    console.print(
        f"{ENGINE_NAMES[result.engine]} {result.version}: {result.rows:,} rows in three levels, "
        f"at most {BATCH_ROWS:,} a commit, median of {result.rounds}"
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("deleted by", no_wrap=True)
    for title in ("median s", "min", "max", "rows/s", "commits", "x by hand", "x native"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, measured in result.methods.items():
        median = statistics.median(measured.seconds)
        table.add_row(
            TITLES[name],
            f"{median:.3f}",
            f"{min(measured.seconds):.3f}",
            f"{max(measured.seconds):.3f}",
            f"{result.rows / median:,.0f}",
            f"{statistics.median(measured.commits):.0f}",
            f"{result.ratio(name, BY_HAND):.2f}",
            f"{result.ratio(name, NATIVE):.2f}",
        )
    console.print(table)
    console.print(
        "By hand: orders in key order, each batch children first. Native: one transaction."
    )
    if DJANGO in result.methods:
        console.print(
            "Django: customer.delete(), its collector, in one transaction that is not counted."
        )
    if result.engine == "mysql":
        console.print("Times end when purge has taken the deleted rows out of the tables.")
    for name in result.methods:
        for table_name, rows in result.surplus(name).items():
            what = "rows too many" if rows > 0 else "rows too few"
            console.print(f"{TITLES[name]} left {abs(rows):,} {what} in {table_name}.")
