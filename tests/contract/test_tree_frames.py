"""How large frames are of rows that hang from each other: not by a fan-out.

How much hung from the root of another tree says nothing of the rows of this one. By it frames of
a large tree held a few rows each, and every one of them was looked for from the beginning of the
frame below. PostgreSQL takes a chain a batch at a time: what is on the stack is held in each step.
"""

from tests.database import Database, Reference
from tests.reads import handler_reads

BATCH_ROWS = 1000
READS = """
SELECT coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0)
FROM pg_stat_user_tables
WHERE relname = 'post'
"""


def rows_read(db: Database) -> int:
    if db.engine == "mysql":
        return handler_reads(db)
    db.execute("SELECT pg_stat_force_next_flush()")
    return int(db.value(READS))


def trees(db: Database, *sizes: int, fan: int) -> list[int]:
    """Make trees of so many rows, with so many answers below each; give their roots."""
    rows: list[tuple[int, int | None]] = []
    roots = []
    for size in sizes:
        root = len(rows) + 1
        roots.append(root)
        rows += [(root + n, root + (n - 1) // fan if n else None) for n in range(size)]
    db.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=rows,
    )
    db.register_deletion_target("post")
    db.set_deletion_setting("batch_rows", BATCH_ROWS)
    # On a busy machine a step would end by its time, and each step holds what is on the stack.
    db.set_deletion_setting("batch_ms", 10_000)
    return roots


def read_by(db: Database, root: int, size: int) -> float:
    """Delete a tree; give the rows read for each of its rows."""
    job_id = db.enqueue_deletion("post", root)
    before = rows_read(db)
    db.call("run_deletion_jobs", None, 60)
    read = rows_read(db) - before
    assert (db.status(job_id), db.receipts(job_id)) == ("done", {("post", "delete"): size})
    return read / size


def test_a_large_tree_after_a_small_one_is_read_a_few_times(db: Database) -> None:
    small, large = trees(db, 600, 20_000, fan=3)
    read_by(db, small, 600)
    read = read_by(db, large, 20_000)
    # MySQL counts what it reads of its own lists as well: 24 a row, PostgreSQL 3.8. By the small
    # tree's fan-out it was 738, and 5.4.
    assert read < db.either(mysql=60, postgres=4.7)


def test_a_long_chain_is_held_a_batch_at_a_time(postgres: Database) -> None:
    small, large = trees(postgres, 600, 20_000, fan=1)
    read_by(postgres, small, 600)
    # 17 a row, and 25 where frames were smaller. On MySQL they are of 2,000 rows, as they were.
    assert read_by(postgres, large, 20_000) < 21


def test_a_batch_that_is_full_ends_its_step(db: Database) -> None:
    (root,) = trees(db, 24, fan=2)
    db.set_deletion_setting("batch_rows", 1)
    job_id = db.enqueue_deletion("post", root)
    # A step that went on with nothing would do so for its 10 s.
    db.call("run_deletion_jobs", None, 15)
    assert (db.status(job_id), db.receipts(job_id)) == ("done", {("post", "delete"): 24})
