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


def test_a_default_from_a_sequence_is_not_used_up_by_a_look(postgres: Database) -> None:
    customers(postgres)
    postgres.script(postgres="CREATE SEQUENCE number START 3; GRANT USAGE ON number TO PUBLIC")
    postgres.table(
        "visit",
        "id bigint",
        "customer_id bigint null default nextval('number')",
        references=[Reference("customer_id", "customer", "set default")],
        rows=[(1, 1)],
    )
    foreseen = postgres.preview_deletion("customer", 1)
    assert ("visit", "set_default") in {(row.table_name, row.action) for row in foreseen}
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert postgres.column("SELECT customer_id FROM visit") == [3]


@pytest.mark.parametrize("is_there", [True, False])
def test_set_default_of_some_columns_is_known_beforehand(
    postgres: Database, is_there: bool
) -> None:
    postgres.table("place", "tenant int", "no int", key=("tenant", "no"), rows=[(1, 1), (1, 2)])
    postgres.insert("place", [(1, 3), (2, 1)] if is_there else [(2, 3)])
    postgres.script(
        postgres="CREATE TABLE sign (id int PRIMARY KEY, tenant int DEFAULT 9,"
        " place_no int DEFAULT 3,"
        " FOREIGN KEY (tenant, place_no) REFERENCES place (tenant, no)"
        " ON DELETE SET DEFAULT (place_no)); CREATE INDEX ON sign (tenant, place_no);"
        " INSERT INTO sign VALUES (1, 1, 1), (2, 1, 2)"
    )
    postgres.grant_to_owner("sign")
    postgres.register_deletion_target("place")
    job = postgres.delete("place", '["1","1"]')
    if is_there:
        assert (job.status, job.error) == ("done", None)
        assert postgres.rows("SELECT * FROM sign ORDER BY id") == [(1, 1, 3), (2, 1, 2)]
    else:
        assert (job.status, job.error) == (
            "failed",
            "JD006: 1 row of sign behind sign_tenant_place_no_fkey",
        )
        assert postgres.rows("SELECT * FROM sign ORDER BY id") == [(1, 1, 1), (2, 1, 2)]


def test_a_partition_has_defaults_of_its_own(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="""
        CREATE TABLE visit (id int, customer_id bigint DEFAULT 9, PRIMARY KEY (id))
            PARTITION BY RANGE (id);
        CREATE TABLE visit_low PARTITION OF visit FOR VALUES FROM (0) TO (10);
        CREATE TABLE visit_high PARTITION OF visit FOR VALUES FROM (10) TO (20);
        ALTER TABLE visit_low ALTER customer_id SET DEFAULT 3;
        ALTER TABLE visit_low ADD FOREIGN KEY (customer_id) REFERENCES customer (id)
            ON DELETE SET DEFAULT;
        CREATE INDEX ON visit (customer_id);
        INSERT INTO visit VALUES (1, 1), (11, 1);
        """
    )
    postgres.grant_to_owner("visit")
    postgres.grant_to_owner("visit_low")
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert postgres.rows("SELECT * FROM visit ORDER BY id") == [(1, 3), (11, 1)]


def test_a_domain_has_the_default(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE DOMAIN customer_no AS bigint DEFAULT 7;"
        " CREATE TABLE visit (id int PRIMARY KEY,"
        " customer_id customer_no REFERENCES customer (id) ON DELETE SET DEFAULT);"
        " CREATE INDEX ON visit (customer_id); INSERT INTO visit VALUES (1, 1)"
    )
    postgres.grant_to_owner("visit")
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == (
        "failed",
        "JD006: 1 row of visit behind visit_customer_id_fkey",
    )
    postgres.execute("INSERT INTO customer VALUES (7, 'none')")
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert postgres.column("SELECT customer_id FROM visit") == [7]


def test_the_default_of_a_domain_is_altered_after_the_plan_was_made(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE DOMAIN customer_no AS bigint DEFAULT 2;"
        " CREATE TABLE visit (id int PRIMARY KEY,"
        " customer_id customer_no REFERENCES customer (id) ON DELETE SET DEFAULT);"
        " CREATE INDEX ON visit (customer_id); INSERT INTO visit VALUES (1, 2)"
    )
    postgres.grant_to_owner("visit")
    postgres.compile_deletion_plan("customer")
    postgres.execute("ALTER DOMAIN customer_no SET DEFAULT 1")
    job = postgres.delete("customer", 2)
    assert (job.status, job.error) == ("done", None)
    assert postgres.column("SELECT customer_id FROM visit") == [1]


def test_a_default_is_read_as_it_was_written(postgres: Database) -> None:
    """Whatever the DateStyle of the session that compiles, and whatever collation it brings."""
    postgres.script(
        postgres='CREATE TABLE day (id date PRIMARY KEY, name text COLLATE "C" UNIQUE NOT NULL);'
        " INSERT INTO day VALUES ('2020-02-01', 'x'), ('2020-03-04', 'y');"
        " CREATE TABLE visit (id int PRIMARY KEY, day date DEFAULT '2020-02-01' REFERENCES day"
        ' ON DELETE SET DEFAULT, name text COLLATE "C" DEFAULT (\'x\' COLLATE "POSIX")'
        " REFERENCES day (name) ON DELETE SET DEFAULT);"
        " CREATE INDEX ON visit (day); CREATE INDEX ON visit (name);"
        " INSERT INTO visit VALUES (1, '2020-03-04', 'y')"
    )
    postgres.grant_to_owner("day")
    postgres.grant_to_owner("visit")
    postgres.register_deletion_target("day")
    postgres.execute("SET datestyle = 'SQL, DMY'")
    postgres.compile_deletion_plan("day")
    postgres.execute("RESET datestyle")
    job = postgres.delete("day", "2020-03-04")
    assert (job.status, job.error) == ("done", None)
    assert postgres.column("SELECT day::text || name FROM visit") == ["2020-02-01x"]


def test_a_trigger_may_give_another_value_than_the_default(postgres: Database) -> None:
    customers(postgres)
    postgres.table(
        "visit",
        "id bigint",
        "customer_id bigint null default 9",
        references=[Reference("customer_id", "customer", "set default")],
        rows=[(1, 1)],
    )
    postgres.script(
        postgres="CREATE FUNCTION to_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.customer_id := 2; RETURN NEW; END $$;"
        " CREATE TRIGGER to_two BEFORE UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION to_two()"
    )
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert postgres.column("SELECT customer_id FROM visit") == [2]


def test_a_trigger_that_puts_back_what_a_row_gives_up_stops_the_job(postgres: Database) -> None:
    db = postgres
    db.table("note", "id bigint", "up bigint null", "quoted bigint null default 9")
    db.insert("note", [(1, None, None), (2, 1, None), (3, 2, None), (4, 3, None)])
    db.execute("UPDATE note SET quoted = 4 WHERE id = 2")
    db.add_reference("note", Reference("up", "note", "cascade"))
    db.add_reference("note", Reference("quoted", "note", "set default"))
    db.register_deletion_target("note")
    db.script(
        postgres="CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.quoted IS NULL THEN UPDATE note SET quoted = OLD.quoted WHERE id = OLD.id;"
        " END IF; RETURN NULL; END $$; GRANT SELECT, UPDATE ON note TO PUBLIC;"
        " CREATE TRIGGER back AFTER UPDATE ON note FOR EACH ROW EXECUTE FUNCTION back()"
    )
    job = db.delete("note", 2)
    assert (job.status, (job.error or "")[:26]) == ("failed", "JD006: rows of note are fo")
    assert ids(db, "note") == [1, 2, 3, 4]


def test_a_default_that_leaves_a_part_of_a_full_match(postgres: Database) -> None:
    postgres.table("place", "tenant int", "no int", key=("tenant", "no"), rows=[(1, 1), (5, 1)])
    postgres.script(
        postgres="CREATE TABLE sign (id int PRIMARY KEY, tenant int DEFAULT 5, place_no int,"
        " FOREIGN KEY (tenant, place_no) REFERENCES place (tenant, no) MATCH FULL"
        " ON DELETE SET DEFAULT); CREATE INDEX ON sign (tenant, place_no);"
        " INSERT INTO sign VALUES (1, 1, 1)"
    )
    postgres.grant_to_owner("sign")
    postgres.register_deletion_target("place")
    job = postgres.delete("place", '["1","1"]')
    assert (job.status, job.error) == (
        "failed",
        "JD006: 1 row of sign behind sign_tenant_place_no_fkey",
    )


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
        "1": "23514: guarded (PL/pgSQL function guarded() line 1 at RAISE)",
        "2": None,
    }
    assert ids(postgres, "customer") == [1, 3]
