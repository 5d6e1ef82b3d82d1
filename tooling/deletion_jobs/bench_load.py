"""The large job that others feel: the levels of ``bench cascade``, deleted in each way."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deletion_jobs import bench_figures, bench_methods, bench_peers, bench_result
from deletion_jobs.bench import Call, installed, old_snapshot, opened, settle
from deletion_jobs.bench_methods import Method
from deletion_jobs.bench_result import UNDER_SNAPSHOT
from deletion_jobs.bench_shapes import LEVELS, ROOT, ROOTS, WARM_ROOTS
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError

IDLE = "idle"
TITLES = {**bench_result.TITLES, IDLE: "nothing"}
BATCH_ROWS = 5000


@dataclass(frozen=True)
class Turn:
    """What goes on during one measurement.

    Attributes:
        way: to delete the large customer, or `IDLE`.
        is_old: another session holds an old snapshot meanwhile.
    """

    way: str
    is_old: bool = False

    @property
    def name(self) -> str:
        """As results name it."""
        return self.way + (UNDER_SNAPSHOT if self.is_old else "")


def turns_of(ways: Sequence[str], has_snapshot: bool) -> list[Turn]:
    """Give each way once, and once more under an old snapshot if asked."""
    olds = (False, True) if has_snapshot else (False,)
    return [Turn(way, is_old) for way in ways for is_old in olds]


@dataclass(frozen=True)
class Load:
    """A large customer with all that hangs from it, and small ones beside it.

    Attributes:
        session: the superuser's, in their database.
        url: of that database.
        units: how many orders the large customer has.
        about: the server, and what is deleted there, as plain values for the result.
        methods: how to delete, for each way.
    """

    session: Session
    url: str
    units: int
    about: dict[str, Any]
    methods: dict[str, Method]

    @property
    def kept_orders(self) -> range:
        """The keys of the orders that no way deletes, not even to warm up."""
        others = LEVELS.others(self.units)
        first = self.units + len(WARM_ROOTS) * others + 1
        return range(first, self.units + (ROOTS - 1) * others + 1)

    def turns(self, has_snapshot: bool) -> list[Turn]:
        """Give doing nothing and all ways to delete, under an old snapshot as well if asked."""
        return turns_of((IDLE, *self.methods), has_snapshot)

    def snapshot(self, turn: Turn) -> contextlib.AbstractContextManager[None]:
        """Hold an old snapshot for the length of a block, if that is the turn."""
        return old_snapshot(self.url, turn.is_old)

    def restore(self, way: str) -> None:
        """Bring all rows back, and warm caches and plans by deleting small customers that way."""
        bench_methods.restore(self.session, LEVELS)
        if way in self.methods:
            self.methods[way].delete(WARM_ROOTS)
        settle(self.session)

    def delete(self, way: str) -> None:
        """Delete the large customer.

        Raises:
            FindingError: the job did not end done.
        """
        self.methods[way].delete((ROOT,))

    def check(self, way: str, session: Session | None = None) -> None:
        """See that the large customer is gone.

        Args:
            way: that it was deleted in.
            session: where to look; None: where it was deleted.

        Raises:
            FindingError: rows of the customer, or of its orders, are left.
        """
        row = (session or self.session).one("bench_foreground/left", customer=ROOT)
        left = int(row["value"])
        if left:
            raise FindingError(f"{title(way)} left {left:,} rows of the customer and its orders")


def drawn(meanwhile: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out what went on under an old snapshot: a plot of twice as many lines shows none."""
    return {name: found for name, found in meanwhile.items() if not name.endswith(UNDER_SNAPSHOT)}


def title(name: str, titles: Mapping[str, str] = TITLES) -> str:
    """Say in a table what went on, by the name of its turn and the titles of all ways."""
    way, under, _ = name.partition(UNDER_SNAPSHOT)
    return bench_figures.titled(titles[way], bool(under))


@contextlib.contextmanager
def filled(
    call: Call,
    rows: int,
    max_rows: int | None = None,
    batch_rows: int = BATCH_ROWS,
    peers: Sequence[str] = (),
) -> Iterator[Load]:
    """Make the tables in an empty database, and take them away again.

    Args:
        call: says which database.
        rows: of the customer that is to be deleted, about.
        max_rows: limit of the target, which makes every job be counted beforehand; None: none.
        batch_rows: rows of a commit, at most.
        peers: of ``bench_peers.PEERS`` that delete in the same database, as further ways.

    Raises:
        UsageError: the numbers make no sense, what a peer needs is not there, or the database
            is in use.
    """
    units = LEVELS.units_of(rows)
    if units < 1:
        raise UsageError(f"it takes more than {LEVELS.rows_per_unit} rows")
    bench_peers.check(call.engine, peers)
    if bench_result.NATIVE_OFF in peers:
        raise UsageError(f"{bench_result.NATIVE_OFF} deletes on another server")
    with (
        opened(call) as (session, place),
        installed(session, LEVELS.folder),
        bench_peers.started(session, place.url, LEVELS, batch_rows, peers) as others,
    ):
        session.call("bench_fill", *LEVELS.filling(units, is_scattered=False))
        session.call("register_deletion_target", LEVELS.root, None, max_rows)
        session.call("set_deletion_setting", "batch_rows", str(batch_rows))
        own = bench_methods.own_methods(session, place.url, LEVELS, batch_rows)
        about = {
            **place.about(session),
            "rows": LEVELS.rows(units),
            "batch_rows": batch_rows,
            "rounds": call.rounds,
        }
        methods = {method.name: method for method in (*own, *others)}
        yield Load(session, place.url, units, about, methods)
