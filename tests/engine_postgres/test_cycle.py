"""The search for rows in a circle, by the plan that PostgreSQL makes for it."""

import pytest

from tests.contract.schemas import customers, each, ids
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


@pytest.mark.parametrize(("type_", "first", "second"), [("numeric", "2.00", "1.00")])
def test_a_circle_by_values_that_are_equal_and_print_otherwise_is_opened(
    postgres: Database, type_: str, first: str, second: str
) -> None:
    db = postgres
    db.script(
        postgres=f"CREATE TABLE node (id {type_} PRIMARY KEY,"
        f" parent_id {type_} REFERENCES node ON DELETE RESTRICT);"
        " CREATE INDEX ON node (parent_id);"
        f" CREATE TABLE leaf (id bigint PRIMARY KEY, node_id {type_} REFERENCES node"
        " ON DELETE CASCADE); CREATE INDEX ON leaf (node_id);"
        " INSERT INTO node VALUES (1.0, NULL), (2.0, NULL);"
        f" UPDATE node SET parent_id = {first} WHERE id = 1.0;"
        f" UPDATE node SET parent_id = {second} WHERE id = 2.0;"
        " INSERT INTO leaf VALUES (1, 2.0)"
    )
    db.grant_to_owner("node")
    db.grant_to_owner("leaf")
    db.set_deletion_rule("node", "node_parent_id_fkey", "cascade")
    db.register_deletion_target("node")
    job = db.delete("node", "1")
    assert (job.status, job.error) == ("done", None)
    assert (db.count("node"), ids(db, "leaf")) == (0, [])
