"""The large job that others feel: the levels of ``bench cascade``, deleted in each way."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deletion_jobs import bench_methods, bench_result
from deletion_jobs.bench import Call, installed, opened, settle
from deletion_jobs.bench_methods import Method
from deletion_jobs.bench_result import BY_HAND, JOB, NATIVE
from deletion_jobs.bench_shapes import LEVELS, ROOT, ROOTS, WARM_ROOTS
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError

IDLE = "idle"
WAYS = (JOB, BY_HAND, NATIVE)
TITLES = {IDLE: "nothing", **bench_result.TITLES}
BATCH_ROWS = 5000


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
            raise FindingError(f"{TITLES[way]} left {left:,} rows of the customer and its orders")


@contextlib.contextmanager
def filled(
    call: Call, rows: int, max_rows: int | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[Load]:
    """Make the tables in an empty database, and take them away again.

    Args:
        call: says which database.
        rows: of the customer that is to be deleted, about.
        max_rows: limit of the target, which makes every job be counted beforehand; None: none.
        batch_rows: rows of a commit, at most.

    Raises:
        UsageError: the numbers make no sense, or the database is in use.
    """
    units = LEVELS.units_of(rows)
    if units < 1:
        raise UsageError(f"it takes more than {LEVELS.rows_per_unit} rows")
    with opened(call) as (session, place), installed(session, LEVELS.folder):
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
        yield Load(session, place.url, units, about, {method.name: method for method in own})
