"""What a run reads to open circles grows with its rows, not with their square.

While a walk is new the server knows nothing of its scratch tables: neither engine may look a single
row up by an index that holds all rows of the walk.
"""

import pytest

from tests.database import Database, Reference
from tests.reads import handler_reads

READS = """
SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname LIKE 'deletion_walk%%'
"""


def rows_read(db: Database) -> int:
    if db.engine == "mysql":
        return handler_reads(db)
    db.execute("SELECT pg_stat_force_next_flush()")
    return int(db.value(READS))


def people(db: Database, table: str, count: int, boss: str) -> int:
    """Make people of which each hangs from another, and every seventh from its neighbour too."""
    db.table(table, "id bigint", "ally bigint null", f"boss bigint {boss}")
    db.insert(
        table,
        [
            (number, number - 1 if number % 7 == 0 else None, max(1, number // 5))
            for number in range(1, count + 1)
        ],
    )
    for column in ("ally", "boss"):
        db.add_reference(table, Reference(column, table, "cascade"))
    db.register_deletion_target(table)
    return db.enqueue_deletion(table, 1)


@pytest.mark.parametrize("boss", ["null", ""])
def test_rows_that_are_met_in_two_ways_are_read_a_few_times_each(db: Database, boss: str) -> None:
    read = {}
    # On a busy machine a step ends by its time, and each step reads what it begins with.
    db.set_deletion_setting("batch_ms", 10000)
    for table, count in (("few", 1000), ("many", 4000)):
        job_id = people(db, table, count, boss)
        before = rows_read(db)
        db.call("run_deletion_jobs", None, 60)
        read[table] = rows_read(db) - before
        assert (db.status(job_id), db.count(table)) == ("done", 0)
    # Four times the rows; were a walk read anew for each of its rows, sixteen times.
    assert 2 * read["few"] < read["many"] < 7 * read["few"], read
