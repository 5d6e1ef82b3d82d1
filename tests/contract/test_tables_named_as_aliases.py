"""Tables that bear the name of an alias or of a CTE in the SQL that the planners write."""

import re

import pytest

from deletion_jobs import sources
from tests.database import Database, Reference

FOUND = (
    r"\bAS ([a-z]\d?)\b",
    r"\b([a-z]{1,8})(?: \([^)]*\))? AS (?:MATERIALIZED )?\(",
)
WRITER = re.compile(r"/planner/deletion_(sql|write)_\w+\.sql$")


def aliases() -> list[str]:
    """Take every alias out of the texts that write statements, those of their own queries too."""
    texts = [
        source.text
        for engine in sources.ENGINES
        for source in sources.read_all(engine)
        if WRITER.search(source.path)
    ]
    found = {name for text in texts for pattern in FOUND for name in re.findall(pattern, text)}
    assert found > {"c", "d", "f", "i", "q", "t", "x", "up", "down"}
    return sorted(found)


NAMES = aliases()
FOURS = [tuple((NAMES * 2)[at : at + 4]) for at in range(0, len(NAMES), 4)]


@pytest.mark.parametrize("names", FOURS, ids=lambda names: "-".join(names))
def test_a_table_may_be_named_as_an_alias(db: Database, names: tuple[str, ...]) -> None:
    """A tree, a circle of two tables, a leaf that is set, one that blocks; holds, soft deletion."""
    root, tree, leaf, side = names
    roots = range(1, 6)
    db.table(root, "id bigint", "gone timestamp null", rows=[(r, None) for r in roots])
    db.table(
        tree,
        "id bigint",
        "root_id bigint",
        "up_id bigint null",
        "leaf_id bigint null",
        "gone timestamp null",
        references=[Reference("root_id", root, "cascade")],
        rows=[(10 * r + i, r, None, None, None) for r in roots for i in (1, 2, 3)],
    )
    db.add_reference(tree, Reference("up_id", tree, "cascade"))
    db.table(
        leaf,
        "id bigint",
        "tree_id bigint",
        references=[Reference("tree_id", tree, "cascade")],
        rows=[(10 * r + i, 10 * r + i) for r in roots for i in (1, 2)],
    )
    db.add_reference(tree, Reference("leaf_id", leaf, "cascade"))
    db.table(
        side,
        "id bigint",
        "leaf_id bigint null",
        "tree_id bigint null",
        references=[
            Reference("leaf_id", leaf, "set null"),
            Reference("tree_id", tree, "restrict"),
        ],
        rows=[(r, 10 * r + 1, 21 if r == 2 else None) for r in roots],
    )
    db.execute(f"UPDATE {db.quote(tree)} SET up_id = id - 1 WHERE id % 10 > 1")
    db.execute(f"UPDATE {db.quote(tree)} SET leaf_id = id WHERE id % 10 = 1")
    db.register_deletion_target(root)
    db.set_soft_deletion(root, "gone")
    db.set_soft_deletion(tree, "gone")

    counted = {(row.action, row.row_count) for row in db.preview_deletion(root, 1)}
    assert counted == {("delete", 1), ("delete", 3), ("delete", 2), ("set_null", 1)}
    job = db.delete(root, 1)
    assert (job.status, job.error) == ("done", None)
    assert sorted(db.receipts(job.id).values()) == [1, 1, 2, 3]
    blocked = db.delete(root, 2)
    assert blocked.status == "failed"
    assert "JD006" in str(blocked.error)
    db.hold_deletion(leaf, 31, "a court")
    held = db.delete(root, 3)
    assert held.status == "failed"
    assert "JD006" in str(held.error)
    assert db.preview_soft_deletion(root, 4)
    soft = db.enqueue_deletion(root, 4, None, False)
    db.run()
    assert sorted(db.receipts(soft).values()) == [1, 3]
    db.restore_deletion(soft)
    assert db.count(tree, "gone IS NOT NULL") == 0
    assert db.count(root) == 4
