"""The large job that others feel: the data of ``bench cascade``, deleted in each way."""

import contextlib
from collections.abc import Iterator

from deletion_jobs import bench, database
from deletion_jobs.bench import BY_HAND, CUSTOMER, JOB, NATIVE
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.sources import ENGINE_NAMES, Engine

WAYS = (JOB, BY_HAND, NATIVE)
TITLES = {"idle": "nothing", **bench.TITLES}


@contextlib.contextmanager
def filled(
    engine: Engine, url: str, rows: int, max_rows: int | None = None
) -> Iterator[tuple[Session, int]]:
    """Make the tables of ``bench cascade`` in an empty database, and take them away again.

    Args:
        engine: that the URL has to name.
        url: an empty database, by its superuser.
        rows: of the customer that is to be deleted, about.
        max_rows: limit of the target, which makes every job be counted beforehand; None: none.

    Yields:
        a session, and the number of the customer's orders.

    Raises:
        UsageError: the numbers make no sense, or the database is in use.
    """
    if rows <= bench.ROWS_PER_ORDER:
        raise UsageError(f"it takes more than {bench.ROWS_PER_ORDER} rows")
    orders = round((rows - 1) / bench.ROWS_PER_ORDER)
    with database.connect(url) as session:
        if session.engine != engine:
            raise UsageError(f"the URL names {ENGINE_NAMES[session.engine]}, not {engine}")
        with bench.installed(session, "bench"):
            session.call("bench_fill", orders, min(bench.OTHER_ORDERS, orders))
            session.call("register_deletion_target", "bench_customers", None, max_rows)
            session.call("set_deletion_setting", "batch_rows", str(bench.BATCH_ROWS))
            yield session, orders


def restore(session: Session, way: str) -> None:
    """Bring all rows back, and warm caches and plans by deleting small customers the same way."""
    session.call("bench_restore")
    session.query("bench/vacuum")
    session.query("bench/checkpoint")
    if way in WAYS:
        bench._delete(session, way, bench.WARM_CUSTOMERS)
    bench.settle(session)


def delete(session: Session, way: str) -> None:
    """Delete the large customer.

    Raises:
        FindingError: the job did not end done.
    """
    bench._delete(session, way, (CUSTOMER,))


def check(session: Session, way: str) -> None:
    """See that the large customer is gone.

    Raises:
        FindingError: rows of the customer, or of its orders, are left.
    """
    left = int(session.one("bench_foreground/left", customer=CUSTOMER)["value"])
    if left:
        raise FindingError(f"{TITLES[way]} left {left:,} rows of the customer and its orders")


def kept_orders(orders: int) -> range:
    """Give the keys of the orders that no way deletes, not even to warm up."""
    others = min(bench.OTHER_ORDERS, orders)
    first = orders + len(bench.WARM_CUSTOMERS) * others + 1
    return range(first, orders + (bench.CUSTOMERS - 1) * others + 1)
