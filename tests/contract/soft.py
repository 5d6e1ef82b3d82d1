"""Schemas and helpers that the tests of soft deletion share."""

from tests.contract.schemas import each
from tests.database import Database, Reference


def mixed(db: Database) -> None:
    """Make customer <- invoice <- line <- note: a time, a boolean, none and a number to mark.

    Customers 1 and 2 have two invoices each (the first of each marked before), each invoice two
    lines, each line a note (that of the first line is marked before).
    """
    db.table("customer", "id bigint", "deleted_at timestamp null", rows=[(1, None), (2, None)])
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        "is_deleted boolean null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(11, 1, True), (12, 1, False), (21, 2, True), (22, 2, None)],
    )
    db.table(
        "line",
        "id bigint",
        "invoice_id bigint",
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[(10 * n + k, n) for n in (11, 12, 21, 22) for k in each(2)],
    )
    db.table(
        "note",
        "id bigint",
        "line_id bigint",
        "state int",
        references=[Reference("line_id", "line", "cascade")],
        rows=[
            (1000 + 10 * n + k, 10 * n + k, 9 if k == 1 else 3)
            for n in (11, 12, 21, 22)
            for k in each(2)
        ],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "deleted_at")
    db.set_soft_deletion("invoice", "is_deleted")
    db.set_soft_deletion("note", "state", 9)


def tree(db: Database, parents: dict[int, int | None]) -> None:
    """Make the target `node`, which refers to itself; `parents` gives each row's parent."""
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        "gone boolean null",
        rows=[(number, None, None) for number in parents],
    )
    db.add_reference("node", Reference("parent_id", "node", "cascade"))
    for number, parent in parents.items():
        db.execute("UPDATE node SET parent_id = %s WHERE id = %s", parent, number)
    db.register_deletion_target("node")
    db.set_soft_deletion("node", "gone")


def ask(db: Database, table: str, pk: object) -> int:
    """Enqueue a soft deletion."""
    return db.enqueue_deletion(table, pk, hard_delete=False)


def soft(db: Database, table: str, pk: object) -> int:
    """Enqueue a soft deletion, run it to its end and give the job."""
    job_id = ask(db, table, pk)
    db.run()
    assert db.status(job_id) == "done", db.job(job_id)
    return job_id


def marked(db: Database, table: str, column: str = "gone") -> list[int]:
    """Give the ids of the rows whose boolean is set."""
    return db.column(
        f"SELECT id FROM {db.quote(table)} WHERE {db.quote(column)} IS TRUE ORDER BY id"
    )
