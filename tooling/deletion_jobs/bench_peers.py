"""The peers that are asked for by name: each needs something of its own."""

import contextlib
from collections.abc import Iterator, Sequence

from deletion_jobs import database, queries
from deletion_jobs.bench import container, eager_purge
from deletion_jobs.bench_methods import Method, RefusedError, native
from deletion_jobs.bench_result import ARCHIVER, ARCHIVER_BULK, DJANGO, NATIVE_OFF
from deletion_jobs.bench_shapes import Shape
from deletion_jobs.database import Session
from deletion_jobs.errors import UsageError
from deletion_jobs.sources import Engine

PEERS = (DJANGO, ARCHIVER, ARCHIVER_BULK, NATIVE_OFF)
MYSQL_PEERS = (ARCHIVER, ARCHIVER_BULK, NATIVE_OFF)


def check(engine: Engine, peers: Sequence[str]) -> None:
    """See that the peers are for this engine.

    Raises:
        UsageError: one is not.
    """
    for peer in peers:
        if peer in MYSQL_PEERS and engine != "mysql":
            raise UsageError(f"{peer} is a peer for MySQL alone")


@contextlib.contextmanager
def started(
    session: Session, url: str, shape: Shape, batch_rows: int, peers: Sequence[str]
) -> Iterator[list[Method]]:
    """Get the peers ready for the length of a block.

    Args:
        session: where the tables of the shape are, and not yet any rows.
        url: of that database.
        shape: whose tables they are.
        batch_rows: rows of a commit, at most, where a peer knows such a limit.
        peers: of ``PEERS``; a name given twice counts once.

    Raises:
        UsageError: what a peer needs is not installed.
    """
    with contextlib.ExitStack() as stack:
        methods = []
        for peer in dict.fromkeys(peers):
            if peer == DJANGO:
                methods.append(stack.enter_context(_django(session, url, shape)))
            elif peer == NATIVE_OFF:
                methods.append(stack.enter_context(_native_off(shape)))
            else:
                from deletion_jobs import bench_archiver

                limit = batch_rows if peer == ARCHIVER_BULK else None
                archiver = bench_archiver.archiver(peer, session, url, shape, limit)
                methods.append(stack.enter_context(archiver))
        yield methods


@contextlib.contextmanager
def _django(session: Session, url: str, shape: Shape) -> Iterator[Method]:
    try:
        from deletion_jobs import bench_django
    except ImportError as error:
        raise UsageError("Django is not installed", "pip install 'deletion-jobs[bench]'") from error

    delete_one, close = bench_django.deleter(session.engine, url, shape)

    def delete(roots: Sequence[int]) -> None:
        for root in roots:
            try:
                delete_one(root)
            except RecursionError as error:
                raise RefusedError("its collector calls itself once for each level") from error

    try:
        yield Method(DJANGO, session, url, delete, is_counted=False)
    finally:
        close()


@contextlib.contextmanager
def _native_off(shape: Shape) -> Iterator[Method]:
    """Start a MySQL as it comes: from 9.6 on its foreign keys are no longer InnoDB's own."""
    with (
        container("mysql", []) as place,
        database.connect(place.url) as session,
        eager_purge(session),
    ):
        session.script(queries.load("mysql", f"{shape.folder}/tables"))
        yield native(NATIVE_OFF, session, place.url)
