"""How many rows and entries a server has read: what a test of reads compares before and after."""

from tests.database import Database

INDEX_READS = """
SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes WHERE relname = %s
"""


def handler_reads(db: Database) -> int:
    """Count the rows and index entries that this session of MySQL has read until now."""
    status = db.rows("SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'")
    return sum(int(value) for _, value in status)


def entries_read(db: Database, table: str) -> int:
    """Count the entries that all sessions of PostgreSQL have read of a table's indexes until now.

    What other sessions than this one have read may come to be known later.
    """
    db.execute("SELECT pg_stat_force_next_flush()")
    return int(db.value(INDEX_READS, table))
