"""Triggers of the application: their rights, the names they find, and what an error says."""

from pathlib import Path

import pytest

from tests.contract.schemas import customers, in_small_steps
from tests.database import Database, PostgresInstallation, Reference

NOTES = 9
ROOT = Path(__file__).resolve().parents[2]


def audited(db: Database, schema: str, record: str) -> str:
    """Make customer <- note in a schema, and a trigger that keeps records of customers that went.

    Returns:
        The name of the target.
    """
    db.script(
        postgres=f"""
        CREATE SCHEMA IF NOT EXISTS {schema};
        SET search_path = {schema};
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE note (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON note (customer_id);
        CREATE TABLE audit_log (id bigint, account text);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO note SELECT n, 1 FROM generate_series(1, {NOTES}) AS n;
        CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $audit$
        BEGIN
            {record};
            RETURN NULL;
        END;
        $audit$;
        CREATE TRIGGER audit AFTER DELETE ON customer FOR EACH ROW EXECUTE FUNCTION audit();
        RESET search_path;
        GRANT USAGE ON SCHEMA {schema} TO deletion_jobs_owner;
        """
    )
    for table in ("customer", "note"):
        db.grant_to_owner(f"{schema}.{table}")
    target = "customer" if schema == "public" else f"{schema}.customer"
    db.register_deletion_target(target)
    in_small_steps(db)
    return target


def stopped(db: Database, target: str, error: str) -> int:
    """Run a job that a trigger stops halfway; give its number."""
    job = db.delete(target, 1)
    assert (job.status, job.error) == ("failed", error)
    return job.id


def goes_on(db: Database, target: str, job_id: int) -> None:
    """Retry a job, and see each row receipted once."""
    note = target.replace("customer", "note")
    assert db.receipts(job_id) == {(note, "delete"): NOTES - db.count(note)}
    db.retry_deletion(job_id)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {(note, "delete"): NOTES, (target, "delete"): 1}


def test_a_trigger_has_the_rights_of_the_owner_account(postgres: Database) -> None:
    db = postgres
    target = audited(db, "public", "INSERT INTO audit_log VALUES (old.id, current_user)")
    job_id = stopped(
        db,
        target,
        "42501: permission denied for table audit_log"
        " (PL/pgSQL function audit() line 3 at SQL statement)",
    )
    db.execute("GRANT INSERT ON audit_log TO deletion_jobs_owner")
    goes_on(db, target, job_id)
    assert db.rows("SELECT id, account FROM audit_log") == [(1, "deletion_jobs_owner")]


def test_a_trigger_may_have_the_rights_of_who_made_it(postgres: Database) -> None:
    target = audited(postgres, "public", "INSERT INTO audit_log VALUES (old.id, current_user)")
    postgres.execute("ALTER FUNCTION audit() SECURITY DEFINER")
    assert postgres.delete(target, 1).status == "done"
    assert postgres.column("SELECT account FROM audit_log") != ["deletion_jobs_owner"]


def test_a_trigger_finds_names_by_the_path_of_this_package(postgres: Database) -> None:
    db = postgres
    target = audited(db, "shop", "INSERT INTO audit_log VALUES (old.id, current_user)")
    db.execute("GRANT INSERT ON shop.audit_log TO deletion_jobs_owner")
    job_id = stopped(
        db,
        target,
        '42P01: relation "audit_log" does not exist'
        " (PL/pgSQL function shop.audit() line 3 at SQL statement)",
    )
    db.execute("ALTER FUNCTION shop.audit() SET search_path = shop, pg_temp")
    goes_on(db, target, job_id)
    assert db.count("shop.audit_log") == 1


def test_a_trigger_reads_settings_of_the_account_that_works(postgres: Database) -> None:
    db = postgres
    target = audited(
        db, "public", "INSERT INTO audit_log VALUES (old.id, current_setting('shop.account'))"
    )
    db.execute("GRANT INSERT ON audit_log TO deletion_jobs_owner")
    job_id = stopped(
        db,
        target,
        '42704: unrecognized configuration parameter "shop.account"'
        " (PL/pgSQL function audit() line 3 at SQL statement)",
    )
    account = db.worker.value("SELECT quote_ident(session_user)")
    db.execute(f"ALTER ROLE {account} SET shop.account = 'deletion job'")
    db.retry_deletion(job_id)
    db.connect("worker").run_deletion_jobs()
    assert db.status(job_id) == "done"
    assert db.column("SELECT account FROM audit_log") == ["deletion job"]


@pytest.mark.parametrize("deferred", [False, True])
def test_an_error_says_which_trigger_raised_it(postgres: Database, deferred: bool) -> None:
    target = audited(postgres, "public", "RAISE EXCEPTION 'customer % is a witness', old.id")
    if deferred:
        postgres.script(
            postgres="DROP TRIGGER audit ON customer; CREATE CONSTRAINT TRIGGER audit"
            " AFTER DELETE ON customer DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION audit()"
        )
    stopped(
        postgres,
        target,
        "P0001: customer 1 is a witness (PL/pgSQL function audit() line 3 at RAISE)",
    )


def test_the_functions_that_run_by_the_owners_rights_are_found_as_the_docs_say(
    postgres: Database,
) -> None:
    db = postgres
    target = audited(db, "shop", "NULL")
    db.script(
        postgres="""
        CREATE FUNCTION shop.own() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER own AFTER DELETE ON shop.note FOR EACH ROW EXECUTE FUNCTION shop.own();
        """
    )
    db.compile_deletion_plan(target)
    docs = (ROOT / "docs/how-it-works.md").read_text(encoding="utf-8")
    query = docs[docs.index("    SELECT DISTINCT t.tgrelid") :].split("\n\n")[0]
    query = query.replace("'customer'", f"'{target}'").replace("t.tgrelid::regclass", "'x'")
    assert db.rows(query) == [("x", "audit", "shop.audit()")]


def test_a_trigger_is_told_the_time_in_utc(postgres: Database) -> None:
    target = audited(
        postgres, "public", "INSERT INTO audit_log VALUES (old.id, current_setting('timezone'))"
    )
    postgres.execute("GRANT INSERT ON audit_log TO deletion_jobs_owner")
    postgres.worker.execute("SET timezone = 'Asia/Tokyo'")
    assert postgres.delete(target, 1).status == "done"
    assert postgres.column("SELECT account FROM audit_log") == ["UTC"]
    assert postgres.worker.value("SHOW timezone") == "Asia/Tokyo"


def test_an_error_is_kept_in_a_schema_whose_name_is_no_regular_expression(
    postgres: Database, postgres_installation: PostgresInstallation
) -> None:
    db = postgres_installation.install_beside(postgres, "app(1")
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        INSERT INTO customer VALUES (1);
        CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $audit$
        BEGIN
            RAISE EXCEPTION 'no';
        END;
        $audit$;
        CREATE TRIGGER audit AFTER DELETE ON customer FOR EACH ROW EXECUTE FUNCTION audit();
        """
    )
    db.grant_to_owner("customer")
    db.register_deletion_target("customer")
    stopped(db, "customer", "P0001: no (PL/pgSQL function audit() line 3 at RAISE)")
    postgres.execute('DROP SCHEMA "app(1" CASCADE')


@pytest.mark.parametrize("action", ["cascade", "set null"])
def test_rows_that_a_trigger_adds_below_rows_that_could_go_at_once_are_counted(
    postgres: Database, action: str
) -> None:
    customers(postgres, 2)
    postgres.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    log = Reference("visit_id", "visit", action)
    postgres.table("a_log", "id bigint", "visit_id bigint null", references=[log])
    postgres.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    if action != "cascade":
        postgres.set_deletion_rule("a_log", postgres.reference_name("a_log", log), "cascade")
    postgres.execute(
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " 'BEGIN INSERT INTO a_log VALUES (old.id, old.visit_id); RETURN NULL; END'"
    )
    postgres.execute(
        "CREATE TRIGGER gone AFTER DELETE ON detail FOR EACH ROW EXECUTE FUNCTION gone()"
    )
    postgres.register_deletion_target("customer")
    for root in (1, 2):
        job = postgres.delete("customer", root)
        assert (job.status, job.error) == ("done", None)
        assert postgres.receipts(job.id) == {
            (name, "delete"): 1 for name in ("customer", "visit", "a_log", "detail")
        }
    assert postgres.count("a_log") == 0
