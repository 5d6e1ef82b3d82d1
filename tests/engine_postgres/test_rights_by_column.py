"""A right on the columns that a plan sets is enough, and one on other columns is none."""

import pytest

from tests.database import OWNER, Database, Reference


def update_on(db: Database, table: str, columns: str) -> None:
    db.revoke_from_owner(table, "UPDATE")
    db.execute(f"GRANT UPDATE ({columns}) ON {table} TO {OWNER}")


@pytest.mark.parametrize("columns", ["up_id", "id"])
def test_a_reference_is_opened_by_a_right_on_its_columns(postgres: Database, columns: str) -> None:
    postgres.table("customer", "id bigint", rows=[(1,), (2,)])
    postgres.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        "up_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(11, 1, None), (12, 1, None), (21, 2, None)],
    )
    postgres.add_reference("invoice", Reference("up_id", "invoice", "cascade"))
    postgres.execute("UPDATE invoice SET up_id = 23 - id WHERE customer_id = 1")
    postgres.register_deletion_target("customer")
    update_on(postgres, "invoice", columns)
    before = postgres.application_contents()
    job = postgres.delete("customer", 1)
    if columns == "up_id":
        assert (job.status, job.error) == ("done", None)
        assert postgres.column("SELECT id FROM invoice") == [21]
    else:
        assert job.error == f"42501: {OWNER} has no UPDATE on invoice"
        assert postgres.application_contents() == before


@pytest.mark.parametrize("columns", ["payer_id", "customer_id"])
def test_a_reference_is_set_by_a_right_on_its_columns(postgres: Database, columns: str) -> None:
    postgres.table("customer", "id bigint", rows=[(1,), (2,)])
    postgres.table(
        "invoice",
        "id bigint",
        "customer_id bigint null",
        "payer_id bigint null",
        references=[Reference("payer_id", "customer", "set null")],
        rows=[(11, 1, 1), (21, 2, 2)],
    )
    postgres.register_deletion_target("customer")
    update_on(postgres, "invoice", columns)
    job = postgres.delete("customer", 1)
    if columns == "payer_id":
        assert (job.status, job.error) == ("done", None)
        assert postgres.rows("SELECT id, payer_id FROM invoice ORDER BY id") == [
            (11, None),
            (21, 2),
        ]
    else:
        assert job.error == f"42501: {OWNER} has no UPDATE on invoice"
