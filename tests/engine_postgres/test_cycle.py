"""The search for rows in a circle, by the plan that PostgreSQL makes for it."""

from tests.contract.schemas import customers, each
from tests.database import Database, Postgres, Reference


def test_rows_of_a_walk_are_not_compared_each_with_all(postgres: Database) -> None:
    db = postgres
    assert isinstance(db, Postgres)
    customers(db)
    db.table(
        "employee",
        "id bigint",
        "customer_id bigint",
        "manager_id bigint null",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("manager_id", "employee", "no action"),
        ],
        rows=[(n, 1, n // 5 or None) for n in each(2000)],
    )
    db.register_deletion_target("customer")
    job_id = db.enqueue_deletion("customer", 1)
    plans: list[str] = []
    db.connection.add_notice_handler(lambda told: plans.append(told.message_primary or ""))
    db.script(
        postgres="LOAD 'auto_explain';"
        " SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on;"
        " SET auto_explain.log_analyze = on; SET client_min_messages = log"
    )
    db.run_deletion_jobs()
    assert db.status(job_id) == "done"
    (plan,) = [text for text in plans if "Query Text: WITH RECURSIVE up AS" in text]
    # The employees themselves are found by their key, however few a scan of all would cost.
    assert "Index Scan using employee_pkey" in plan
    assert "Seq Scan on employee" not in plan
    # A join of two lists by comparing each with all of the other has nothing but a filter.
    assert "Join Filter" not in plan
