"""Rows that a trigger or a policy keeps: PostgreSQL deletes 0 rows and reports no error."""

import pytest

from tests.contract.schemas import children, customers, ids, in_small_steps
from tests.database import Database, Reference

KEEP = (
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF OLD.id = 2 THEN RETURN NULL; END IF; RETURN OLD; END $$;"
)


@pytest.mark.parametrize("table", ["visit", "detail", "customer"])
def test_a_trigger_that_suppresses_deletes_fails_the_job_and_names_the_table(
    postgres: Database, table: str
) -> None:
    in_small_steps(postgres)
    customers(postgres)
    children(postgres, "visit", {1: 1, 2: 3})
    postgres.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(1, 1), (2, 2), (3, 3)],
    )
    postgres.script(
        postgres=f"{KEEP} CREATE TRIGGER keep BEFORE DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    job = postgres.delete("customer", 2)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith("JD006: ")
    assert table in job.error
    assert 2 in ids(postgres, table)
    assert 2 in ids(postgres, "customer")
    gone = 4 - postgres.count("visit"), 3 - postgres.count("detail")
    receipts = postgres.receipts(job.id)
    assert (receipts.get(("visit", "delete"), 0), receipts.get(("detail", "delete"), 0)) == gone


def test_a_trigger_that_suppresses_updates_fails_the_job_and_names_the_table(
    postgres: Database,
) -> None:
    in_small_steps(postgres)
    customers(postgres)
    children(postgres, "visit", {1: 1, 2: 3}, on_delete="set null")
    postgres.script(
        postgres=f"{KEEP} CREATE TRIGGER keep BEFORE UPDATE ON visit"
        " FOR EACH ROW EXECUTE FUNCTION keep()"
    )
    job = postgres.delete("customer", 2)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: ")
    assert "visit" in (job.error or "")
    assert ids(postgres, "customer") == [1, 2, 3]


@pytest.mark.parametrize("force", [False, True])
def test_a_policy_is_an_error_and_nothing_is_deleted(postgres: Database, force: bool) -> None:
    in_small_steps(postgres)
    customers(postgres)
    children(postgres, "a_visit", {1: 2})
    children(postgres, "b_visit", {1: 4})
    postgres.script(
        postgres="ALTER TABLE b_visit ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY even ON b_visit USING (id % 2 = 0);"
        + (" ALTER TABLE b_visit FORCE ROW LEVEL SECURITY" if force else "")
    )
    before = postgres.application_contents()
    job = postgres.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("42501: ")
    assert "b_visit" in (job.error or "")
    assert postgres.application_contents() == before


def test_set_default_comes_from_the_catalog(postgres: Database) -> None:
    """MySQL knows the words and refuses the definition; there only a rule can say it."""
    customers(postgres)
    postgres.table(
        "visit",
        "id bigint",
        "customer_id bigint null default 3",
        references=[Reference("customer_id", "customer", "set default")],
        rows=[(1, 1)],
    )
    job = postgres.delete("customer", 1)
    assert postgres.receipts(job.id) == {("visit", "set_default"): 1, ("customer", "delete"): 1}
    assert postgres.column("SELECT customer_id FROM visit") == [3]


def test_set_null_of_some_columns_leaves_the_others(postgres: Database) -> None:
    postgres.table("place", "tenant int", "no int", key=("tenant", "no"), rows=[(1, 1), (1, 2)])
    postgres.script(
        postgres="CREATE TABLE sign (id int PRIMARY KEY, tenant int NOT NULL, place_no int,"
        " FOREIGN KEY (tenant, place_no) REFERENCES place (tenant, no)"
        " ON DELETE SET NULL (place_no)); CREATE INDEX ON sign (tenant, place_no);"
        " INSERT INTO sign VALUES (1, 1, 1), (2, 1, 2)"
    )
    postgres.grant_to_owner("sign")
    postgres.register_deletion_target("place")
    job = postgres.delete("place", '["1","1"]')
    assert (job.status, job.error) == ("done", None)
    assert postgres.rows("SELECT * FROM sign ORDER BY id") == [(1, 1, None), (2, 1, 2)]


def test_a_deferred_constraint_is_checked_in_the_step(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE TABLE guard (id bigint PRIMARY KEY, customer_id bigint);"
        " INSERT INTO guard VALUES (1, 1);"
        " CREATE FUNCTION guarded() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT 1 FROM guard WHERE customer_id = OLD.id) THEN"
        " RAISE 'guarded' USING ERRCODE = '23514'; END IF; RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER guarded AFTER DELETE ON customer DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION guarded(); GRANT SELECT ON guard TO deletion_jobs_owner"
    )
    postgres.enqueue_deletions("customer", [1, 2])
    postgres.run()
    assert dict(postgres.rows("SELECT entity_pk, error FROM deletion_jobs")) == {
        "1": "23514: guarded",
        "2": None,
    }
    assert ids(postgres, "customer") == [1, 3]
