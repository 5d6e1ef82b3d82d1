"""Small schemas that several contract tests share, each registered and ready for jobs."""

from typing import Any

from tests.database import Database, Reference


def customers(db: Database, rows: int = 3) -> None:
    """Make the target `customer` alone, with ids from 1."""
    db.table("customer", "id bigint", "name text null", rows=[(n, f"c{n}") for n in each(rows)])
    db.register_deletion_target("customer")


def shop(db: Database, rows: int = 3, on_delete: str = "cascade") -> None:
    """Make customer <- invoice <- line: three invoices a customer, two lines an invoice."""
    customers(db, rows)
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", on_delete)],
        rows=[(10 * c + i, c) for c in each(rows) for i in each(3)],
    )
    db.table(
        "line",
        "id bigint",
        "invoice_id bigint",
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[
            (100 * c + 10 * i + n, 10 * c + i) for c in each(rows) for i in each(3) for n in each(2)
        ],
    )


def children(db: Database, name: str, of: dict[int, int], on_delete: str = "cascade") -> None:
    """Make a child table of customer, with so many rows for each of the customers."""
    owners = [customer for customer, count in of.items() for _ in range(count)]
    db.table(
        name,
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", on_delete)],
        rows=[(number, owner) for number, owner in enumerate(owners, 1)],
    )


def in_small_steps(db: Database) -> None:
    """Commit after every second row, so that what a step did before a failure would show."""
    db.set_deletion_setting("batch_rows", 2)


def each(count: int) -> range:
    """Count from one."""
    return range(1, count + 1)


def insert_job(db: Database, table: str, pk: str, **columns: Any) -> int:
    """Insert straight into deletion_jobs, as older users of the contract do; give the id."""
    values: dict[str, Any] = {"entity_table": table, "entity_pk": pk, **columns}
    marks = ", ".join(["%s"] * len(values))
    db.execute(
        f"INSERT INTO deletion_jobs ({', '.join(values)}) VALUES ({marks})", *values.values()
    )
    return int(
        db.value(
            "SELECT id FROM deletion_jobs WHERE entity_table = %s AND entity_pk = %s", table, pk
        )
    )


def ids(db: Database, table: str) -> list[int]:
    """Give the ids that a table holds, in order."""
    return [int(found) for found in db.column(f"SELECT id FROM {db.quote(table)} ORDER BY id")]


def keys(db: Database, table: str) -> list[str]:
    """Give the entity_pk of all jobs of a table, in the order of their ids."""
    return db.column(
        "SELECT entity_pk FROM deletion_jobs WHERE entity_table = %s ORDER BY id", table
    )
