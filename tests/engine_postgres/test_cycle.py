"""The search for rows in a circle, by the plan that PostgreSQL makes for it."""

import re
import time

import pytest

from tests.contract.schemas import customers, each, ids
from tests.database import Database, Postgres, Preview, Reference


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


def store_and_staff(db: Database) -> None:
    """Make stores and their managers, each of whom requires the other."""
    db.table("store", "id bigint", "manager_id bigint", rows=[(1, 11), (2, 21)])
    db.table(
        "staff",
        "id bigint",
        "store_id bigint",
        "note text null",
        references=[Reference("store_id", "store", "cascade")],
        rows=[(11, 1, None), (12, 1, None), (21, 2, None)],
    )
    db.add_reference("store", Reference("manager_id", "staff", "cascade"))
    db.register_deletion_target("store")


def test_a_trigger_that_changes_a_row_of_a_circle_fails_the_job(postgres: Database) -> None:
    db = postgres
    store_and_staff(db)
    db.script(
        postgres="CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE staff SET note = 'closed' WHERE store_id = OLD.id; RETURN OLD; END $$;"
        " CREATE TRIGGER tell BEFORE DELETE ON store FOR EACH ROW EXECUTE FUNCTION tell()"
    )
    db.set_deletion_setting("max_attempts", 1)
    job = db.delete("store", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith(
        "JD007: rows that go in a circle are changed by a trigger while they go (tuple to be "
    )
    assert db.receipts(job.id) == {}
    assert (ids(db, "store"), ids(db, "staff")) == ([1, 2], [11, 12, 21])
    db.execute("DROP TRIGGER tell ON store")
    db.retry_deletion(job.id)
    db.run()
    assert (db.status(job.id), ids(db, "store"), ids(db, "staff")) == ("done", [2], [21])


def test_the_largest_circle_among_many_rows_is_found_in_time(postgres: Database) -> None:
    """Ten thousand couples, one hanging from the other, and a ring of 60 among them.

    The couples of 1000 and 1059, where the ring is closed, are each half in it: 62 rows in all.
    """
    db = postgres
    db.table("person", "id bigint", "spouse_id bigint", "above_id bigint")
    db.execute(
        "INSERT INTO person SELECT n, CASE WHEN n % 2 = 1 THEN n + 1 ELSE n - 1 END,"
        " CASE WHEN n BETWEEN 1000 AND 1058 THEN n + 1 WHEN n = 1059 THEN 1000"
        " ELSE greatest(1, n / 10) END FROM generate_series(1, 20000) AS n"
    )
    for name in ("spouse_id", "above_id"):
        db.add_reference("person", Reference(name, "person", "cascade"))
    db.register_deletion_target("person")
    db.set_deletion_setting("batch_rows", 50)
    started = time.monotonic()
    job = db.delete("person", 1)
    assert time.monotonic() - started < 60
    assert (job.error or "").startswith("JD007: 62 rows of person go in a circle by fk_person_")
    shown = re.findall(r"person \((\d+)\)", (job.error or "").split(", such as ")[1])
    assert len(set(shown)) == 3
    assert db.count("person") == 20000


def test_the_preview_says_which_circle_would_stop_the_job(postgres: Database) -> None:
    db = postgres
    store_and_staff(db)
    db.set_deletion_setting("batch_rows", 1)
    gone = {Preview("staff", "delete", None, 2, False), Preview("store", "delete", None, 1, False)}
    assert set(db.preview_deletion("store", 1)) == gone | {
        Preview("staff", "circle", "fk_staff_store_id", 1, False),
        Preview("store", "circle", "fk_store_manager_id", 1, False),
    }
    assert db.count("deletion_walk_keys") == db.count("deletion_walk_links") == 0
    assert (db.delete("store", 1).error or "").startswith("JD007: 2 rows of staff, store go in")
    db.set_deletion_setting("batch_rows", 2)
    assert set(db.preview_deletion("store", 1)) == gone


@pytest.mark.parametrize(("nullable", "count"), [("", 6), ("", 5), ("null", 6)])
def test_the_preview_tells_a_ring_that_no_batch_holds(
    postgres: Database, nullable: str, count: int
) -> None:
    db = postgres
    db.table(
        "node",
        "id bigint",
        f"up_id bigint {nullable}".strip(),
        rows=[(n, n % count + 1) for n in each(count)] + [(99, 1)],
    )
    db.add_reference("node", Reference("up_id", "node", "cascade"))
    db.register_deletion_target("node")
    db.set_deletion_setting("batch_rows", 5)
    found = set(db.preview_deletion("node", 2))
    assert Preview("node", "delete", None, count + 1, False) in found
    ring = {Preview("node", "circle", "fk_node_up_id", 6, False)}
    assert found & ring == (ring if count == 6 and not nullable else set())
    assert len(found) == 1 + len(found & ring)


def test_a_preview_that_is_cut_short_says_nothing_of_circles(postgres: Database) -> None:
    db = postgres
    store_and_staff(db)
    db.execute("INSERT INTO staff SELECT n, 1 FROM generate_series(100, 2099) AS n")
    db.set_deletion_setting("batch_rows", 1)
    db.set_deletion_setting("preview_rows", 1000)
    found = db.preview_deletion("store", 1)
    assert {row.action for row in found} == {"delete"}
    assert all(row.is_at_least for row in found)


LOOSE = "SELECT reference_name FROM vw_deletion_plan WHERE kind = 'loose'"


@pytest.mark.parametrize(
    "ddl",
    [
        "ALTER TABLE node ADD CHECK (up_id IS NOT NULL OR id = 1)",
        "CREATE UNIQUE INDEX ON node (up_id) NULLS NOT DISTINCT",
        "CREATE UNIQUE INDEX ON node (customer_id) WHERE up_id IS NULL",
        "CREATE UNIQUE INDEX ON node (customer_id, coalesce(up_id, 0))",
        "ALTER TABLE node ADD EXCLUDE (customer_id WITH =) WHERE (up_id IS NULL)",
        "ALTER TABLE node DROP CONSTRAINT node_pkey CASCADE; ALTER TABLE node"
        " ADD UNIQUE (id); ALTER TABLE node ALTER id DROP NOT NULL; ALTER TABLE node"
        " ADD CONSTRAINT fk_node_up_id FOREIGN KEY (up_id) REFERENCES node (id) ON DELETE CASCADE",
    ],
)
def test_a_column_that_may_be_null_but_not_in_every_row_opens_no_circle(
    postgres: Database, ddl: str
) -> None:
    db = postgres
    db.table("customer", "id bigint", rows=[(1,)])
    db.table(
        "node",
        "id bigint",
        "customer_id bigint",
        "up_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
    )
    db.add_reference("node", Reference("up_id", "node", "cascade"))
    db.register_deletion_target("customer")
    db.compile_deletion_plan("customer")
    assert db.column(LOOSE) == ["fk_node_up_id"]
    db.script(postgres=ddl)
    db.compile_deletion_plan("customer")
    assert db.column(LOOSE) == []


def test_an_index_that_leaves_out_what_is_null_forbids_no_circle_to_be_opened(
    postgres: Database,
) -> None:
    db = postgres
    db.table("node", "id bigint", "up_id bigint null", rows=[(1, 2), (2, 1), (3, None)])
    db.add_reference("node", Reference("up_id", "node", "cascade"))
    db.script(
        postgres="CREATE UNIQUE INDEX ON node (up_id) WHERE up_id IS NOT NULL;"
        " CREATE UNIQUE INDEX ON node (id, up_id)"
    )
    db.set_deletion_setting("batch_rows", 1)
    db.register_deletion_target("node")
    assert (db.delete("node", 1).status, ids(db, "node")) == ("done", [3])


def test_a_trigger_that_puts_back_what_would_open_a_circle_does_not_go_on_for_ever(
    postgres: Database,
) -> None:
    db = postgres
    db.table("node", "id bigint", "up_id bigint null", rows=[(1, 2), (2, 1)])
    db.add_reference("node", Reference("up_id", "node", "cascade"))
    db.script(
        postgres="CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.up_id := OLD.up_id; RETURN NEW; END $$;"
        " CREATE TRIGGER put_back BEFORE UPDATE ON node FOR EACH ROW EXECUTE FUNCTION put_back()"
    )
    db.set_deletion_setting("batch_rows", 1)
    db.set_deletion_setting("max_attempts", 1)
    db.register_deletion_target("node")
    job = db.delete("node", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD007: ")
    db.set_deletion_setting("batch_rows", 2)
    db.retry_deletion(job.id)
    db.run()
    assert (db.status(job.id), ids(db, "node")) == ("done", [])
