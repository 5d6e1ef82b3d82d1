"""A finding about the engine: by default, MySQL 9.7's own ON DELETE CASCADE leaves orphans.

Since 9.6 foreign keys are handled in the SQL layer unless the server is started with
innodb_native_foreign_keys=ON. When a release mends it, the first test fails, and the README's
warning can go.
"""

import pytest

from tests.database import Database, Reference

LEVELS = ("c1", "c2", "c3", "c4")


def tree(db: Database) -> None:
    """Make c1 <- c2 <- c3 <- c4, two children for each row."""
    rows: list[tuple[int, int | None]] = [(1, None)]
    for level, table in enumerate(LEVELS):
        parent = LEVELS[level - 1]
        references = [Reference("parent_id", parent, "cascade")] if level else []
        db.table(table, "id int", "parent_id int null", references=references, rows=rows)
        rows = [(2 * key + n, key) for key, _ in rows for n in (0, 1)]


def left(db: Database) -> tuple[int, ...]:
    """Count the rows of all levels."""
    return tuple(db.count(table) for table in LEVELS)


@pytest.fixture
def native(request: pytest.FixtureRequest) -> bool:
    """Whether the server was started with innodb_native_foreign_keys=ON."""
    return str(request.node.callspec.params["db"]) == "mysql_native_fk"


both = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk"], indirect=True)


@both
def test_the_engines_own_cascade_is_right_only_with_native_foreign_keys(
    db: Database, native: bool
) -> None:
    if db.value("SELECT VERSION() < '9.6'"):
        native = True
    tree(db)
    assert left(db) == (1, 2, 4, 8)
    db.execute("DELETE FROM c1 WHERE id = 1")
    assert left(db) == ((0, 0, 0, 0) if native else (0, 0, 2, 4))


@both
def test_a_job_leaves_no_orphans_either_way(db: Database) -> None:
    tree(db)
    db.register_deletion_target("c1")
    job = db.delete("c1", 1)
    assert (job.status, left(db)) == ("done", (0, 0, 0, 0))
    assert db.receipts(job.id) == {
        (table, "delete"): count for table, count in zip(LEVELS, (1, 2, 4, 8), strict=True)
    }
