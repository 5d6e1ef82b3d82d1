"""A right on single columns of a table is no right on the others: found before rows go."""

from tests.contract.schemas import customers, each, in_small_steps
from tests.database import OWNER, Database, Reference


def test_a_right_on_some_columns_only_is_found_before_anything_is_deleted(
    mysql: Database,
) -> None:
    in_small_steps(mysql)
    customers(mysql)
    mysql.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        "payer_id bigint",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("payer_id", "customer", "cascade"),
        ],
        rows=[(n, n % 3 + 1, (n + 1) % 3 + 1) for n in each(9)],
    )
    mysql.revoke_from_owner("invoice", "SELECT")
    mysql.execute(f"GRANT SELECT (id, customer_id) ON invoice TO {OWNER}@localhost")
    before = mysql.application_contents()
    job = mysql.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("42000: ")
    assert "payer_id" in (job.error or "")
    assert mysql.application_contents() == before
    mysql.execute(f"GRANT SELECT (payer_id) ON invoice TO {OWNER}@localhost")
    mysql.retry_deletion(job.id)
    mysql.run()
    assert mysql.status(job.id) == "done"


def test_a_removal_that_was_asked_for_reads_no_marking_column(mysql: Database) -> None:
    mysql.table("item", "id bigint", "gone boolean null", rows=[(1, None)])
    mysql.register_deletion_target("item")
    mysql.set_soft_deletion("item", "gone", None, 3600)
    for privilege in ("SELECT", "UPDATE"):
        mysql.revoke_from_owner("item", privilege)
    mysql.execute(f"GRANT SELECT (id), UPDATE (id) ON item TO {OWNER}@localhost")
    job = mysql.delete("item", 1)
    assert (job.status, job.error) == ("done", None)
