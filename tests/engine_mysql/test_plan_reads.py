"""What the planner reads grows with the tables of a plan, whatever the server guesses of its work.

The planner's work tables are empty between two plans: the server's statistics say so, and mislead
it while the next plan is compiled.
"""

from tests.database import Database, Reference
from tests.reads import handler_reads

WORK_TABLES = ("deletion_plan_nodes", "deletion_plan_edges")


def tree(db: Database, root: str, size: int) -> None:
    """Make a root, so many tables that refer to it, and a table below each of these."""
    db.table(root, "id bigint")
    for number in range(size):
        below = f"{root}_{number}"
        db.table(below, "id bigint", "up bigint", references=[Reference("up", root, "cascade")])
        db.table(
            f"{below}_0", "id bigint", "up bigint", references=[Reference("up", below, "cascade")]
        )
    db.register_deletion_target(root)


def test_a_plan_is_compiled_in_reads_that_grow_with_its_tables(mysql: Database) -> None:
    read = {}
    for root, size in (("few", 8), ("many", 32)):
        tree(mysql, root, size)
        mysql.rows(f"ANALYZE TABLE {', '.join(WORK_TABLES)}")
        before = handler_reads(mysql)
        mysql.compile_deletion_plan(root)
        read[root] = handler_reads(mysql) - before
    # Four times the tables; were all references read for each table, sixteen times the rows.
    assert 2 * read["few"] < read["many"] < 6 * read["few"], read
