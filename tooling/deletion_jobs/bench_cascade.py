"""Measure one job against hand-written batches, the engine's own cascade, and other peers.

All of them delete the same row with the same rows below it from the same tables. Each measurement
begins with the rows copied back, fresh statistics, a checkpoint, and five small roots deleted in
the same way, so that caches and plans are warm; they take turns.

On MySQL a commit leaves the rows to purge, which works beside whatever comes next; the clock
therefore stops when purge has caught up, for all alike. Under an old snapshot it cannot: there
the clock stops with the call, and what is compared with that is taken until then, too.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence

from deletion_jobs import bench_figures, bench_peers
from deletion_jobs.bench import Call, Place, installed, old_snapshot, opened, settle
from deletion_jobs.bench_methods import Method, RefusedError, own_methods, restore
from deletion_jobs.bench_result import TITLES, UNDER_SNAPSHOT, Measured, Result, Setup
from deletion_jobs.bench_shapes import ROOT, SHAPES, WARM_ROOTS, Left
from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError, UsageError

BATCH_ROWS = 5000
# Never what ends a batch: the batches by hand have no such limit.
BATCH_MS = 60_000


def cascade(
    call: Call,
    rows: int | None = None,
    peers: Sequence[str] = (),
    shape: str = "levels",
    is_scattered: bool = False,
    batch_rows: int = BATCH_ROWS,
    has_snapshot: bool = False,
) -> None:
    """Measure and print; the command ``bench cascade``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        rows: how many rows to delete, about; None: as many as the shape says.
        peers: of ``bench_peers.PEERS``, to be measured as well.
        shape: of ``bench_shapes.SHAPES``.
        is_scattered: children do not lie beside those of the same parent.
        batch_rows: rows of a commit, at most.
        has_snapshot: measure each method once more while another session holds an old snapshot.

    Raises:
        FindingError: the job, the batches or a peer left other rows than they should; what the
            engine's own cascade leaves is only told.
        UsageError: the numbers make no sense, a peer is not there or not for this engine, or the
            database is in use.
        DatabaseError: the server refused.
    """
    data = SHAPES[shape]
    units = data.units_of(data.default_rows if rows is None else rows)
    if units < 1 or batch_rows < 1:
        raise UsageError(
            f"it takes more than {data.rows_per_unit} rows, and a row a batch at least"
        )
    setup = Setup(data, units, call.rounds, batch_rows, is_scattered, has_snapshot)
    bench_peers.check(call.engine, peers)
    bench_figures.check_plotting(call)
    with (
        opened(call) as (session, place),
        installed(session, data.folder),
        bench_peers.started(session, place.url, data, batch_rows, peers) as others,
    ):
        own = own_methods(session, place.url, data, batch_rows)
        result = _measure_all(call, session, place, setup, [*own, *others])
    bench_figures.hand_out(
        call,
        result.document(),
        result.name,
        lambda _, path: result.draw(path),
        lambda _, console: result.show(console),
    )
    for method in (*own, *others):
        if method.is_exact and result.surplus(method.name):
            raise FindingError(f"{TITLES[method.name]}: rows off by {result.surplus(method.name)}")


def _measure_all(
    call: Call, session: Session, place: Place, setup: Setup, methods: Sequence[Method]
) -> Result:
    """Fill the tables and measure all methods in turns.

    Args:
        call: says how often.
        session: where deletion-jobs and the tables of the shape are, as superuser.
        place: where that is, in words.
        setup: what is measured.
        methods: what deletes, each on a server where its tables are.
    """
    for filled in {id(method.session): method.session for method in methods}.values():
        filled.call("bench_fill", *setup.shape.filling(setup.units, setup.is_scattered))
    session.call("register_deletion_target", setup.shape.root, None, None)
    session.call("set_deletion_setting", "batch_rows", str(setup.batch_rows))
    session.call("set_deletion_setting", "batch_ms", str(BATCH_MS))
    plain = {method.name: Measured() for method in methods}
    under_snapshot = {name: Measured() for name in plain} if setup.has_snapshot else {}
    turns = []
    for method in methods:
        turns.append((method, plain[method.name], False))
        if setup.has_snapshot:
            turns.append((method, under_snapshot[method.name], True))
    for round_, (method, measured, is_old) in call.turns(turns):
        if not plain[method.name].refusal:
            told = _measure(method, measured, setup, is_old)
            plain[method.name].refusal = told
            what = f"cannot: {told}" if told else f"{measured.seconds[-1]:.2f} s"
            under = UNDER_SNAPSHOT if is_old else ""
            call.say(round_, f"{method.name}{under} {what}")
    return Result(place.about(session), setup, plain, under_snapshot)


def _measure(method: Method, measured: Measured, setup: Setup, is_old: bool) -> str | None:
    """Let a method do its work once; give why it cannot, if that is so."""
    session = method.session
    restore(session, setup.shape)
    try:
        method.delete(WARM_ROOTS)
        settle(session)
        with old_snapshot(method.url, is_old), _counting(method, measured, is_old):
            method.delete((ROOT,))
    except RefusedError as refused:
        return str(refused)
    measured.left.append(_left(session))
    return None


@contextlib.contextmanager
def _counting(method: Method, measured: Measured, is_old: bool) -> Iterator[None]:
    """Take the time of the block, and count what it commits."""
    session = method.session
    # What reading the counters commits by itself is taken off again.
    idle = [_commits(session), _commits(session)]
    begin = time.perf_counter()
    yield
    measured.call_seconds.append(time.perf_counter() - begin)
    if not is_old:
        settle(session)
    measured.seconds.append(time.perf_counter() - begin)
    if method.is_counted:
        measured.commits.append(_commits(session) - idle[1] - (idle[1] - idle[0]))


def _commits(session: Session) -> int:
    session.query("bench/flush")
    return int(session.one("bench/commits")["value"])


def _left(session: Session) -> Left:
    rows = session.view("vw_bench_left")
    return {str(row["table_name"]): (int(row["rows_left"]), str(row["key_sum"])) for row in rows}
