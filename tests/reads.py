"""How many rows MySQL has read: what a test of reads compares before and after."""

from tests.database import Database


def handler_reads(db: Database) -> int:
    """Count the rows and index entries that this session of MySQL has read until now."""
    status = db.rows("SHOW SESSION STATUS LIKE 'Handler\\_read\\_%'")
    return sum(int(value) for _, value in status)
