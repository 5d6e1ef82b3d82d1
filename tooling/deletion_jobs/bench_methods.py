"""The ways to delete a row with all that hangs from it, which ``bench cascade`` compares."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deletion_jobs.bench import RUN_SECONDS
from deletion_jobs.bench_result import BY_HAND, JOB, NATIVE
from deletion_jobs.bench_shapes import Shape
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, FindingError

# MySQL: a cascade deeper than 15, and one within a table with keys in the SQL layer.
CASCADE_LIMITS = frozenset({3008, 6575})


class RefusedError(Exception):
    """A method cannot delete rows of this shape; the message says why."""


@dataclass(frozen=True)
class Method:
    """One way to delete.

    Attributes:
        name: as results name it.
        session: where its rows are, and what it commits is counted.
        url: of that database.
        delete: deletes these roots with all that hangs from them.
        is_exact: what it leaves and should not is a failure, not only told.
        is_counted: its commits show in the session's counters.

    ``delete`` raises a `RefusedError` where the method cannot do it at all.
    """

    name: str
    session: Session
    url: str
    delete: Callable[[Sequence[int]], None]
    is_exact: bool = True
    is_counted: bool = True


def own_methods(session: Session, url: str, shape: Shape, batch_rows: int) -> list[Method]:
    """Give what is always measured: the job, the batches by hand and the native cascade."""

    def by_job(roots: Sequence[int]) -> None:
        for root in roots:
            session.query("bench/enqueue", table=shape.root, key=str(root))
        session.call("run_deletion_jobs", None, RUN_SECONDS)
        for job in session.view("vw_deletion_jobs"):
            if job["status"] != "done":
                raise FindingError(f"job {job['id']} is {job['status']}: {job['error']}")

    def by_hand(roots: Sequence[int]) -> None:
        for root in roots:
            session.call("bench_by_hand", root, batch_rows)

    return [
        Method(JOB, session, url, by_job),
        Method(BY_HAND, session, url, by_hand),
        native(NATIVE, session, url),
    ]


def restore(session: Session, shape: Shape) -> None:
    """Bring all rows of a shape back, with fresh statistics and a checkpoint."""
    session.call("bench_restore")
    session.query(f"{shape.folder}/vacuum")
    session.query("bench/checkpoint")


def native(name: str, session: Session, url: str) -> Method:
    """Give the engine's own cascade: one DELETE of the root, one transaction."""

    def delete(roots: Sequence[int]) -> None:
        for root in roots:
            try:
                session.call("bench_native", root, 0)
            except DatabaseError as error:
                if error.errno in CASCADE_LIMITS:
                    raise RefusedError(f"{error.message} ({error.errno})") from error
                raise

    return Method(name, session, url, delete, is_exact=False)
