"""Who may do what: everything is revoked from PUBLIC, and each role has its verbs and no more."""

import contextlib

import pytest

from tests.contract.schemas import customers, insert_job, shop
from tests.database import Database, Raised, Role

APP = {"enqueue_deletion", "enqueue_deletions", "cancel_deletion", "restore_deletion"}
OPERATOR = {
    "cancel_deletion",
    "restore_deletion",
    "retry_deletion",
    "preview_deletion",
    "preview_soft_deletion",
    "run_deletion_jobs",
    "run_deletion_job",
    "start_deletion_schedule",
    "stop_deletion_schedule",
    "pause_deletions",
    "resume_deletions",
    "hold_deletion",
    "release_deletion_hold",
}
WORKER = {"run_deletion_jobs"}
DBA = {
    "register_deletion_target",
    "unregister_deletion_target",
    "set_deletion_rule",
    "set_soft_deletion",
    "declare_deletion_reference",
    "compile_deletion_plan",
    "set_deletion_setting",
    "link_deletion_users",
}
VERBS = APP | OPERATOR | DBA


def denied(session: Database) -> contextlib.AbstractContextManager[Raised]:
    """Expect that a call or a statement is not allowed."""
    return session.error(mysql="42000", postgres="42501")


def executable(db: Database, role: Role) -> set[str]:
    """Give the names of our routines that a role may execute."""
    return set(
        db.either(
            mysql=lambda: db.column(
                "SELECT Routine_name FROM mysql.procs_priv WHERE Db = %s AND User = %s",
                db.home.database,
                f"deletion_jobs_{role}",
            ),
            postgres=lambda: db.column(
                "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " AND has_function_privilege(%s, oid, 'EXECUTE')",
                f"deletion_jobs_{role}",
            ),
        )()
    )


def test_public_may_execute_nothing(postgres: Database) -> None:
    open_to_all = postgres.column(
        "SELECT p.proname FROM pg_proc AS p,"
        " aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) AS a"
        " WHERE p.pronamespace = 'public'::regnamespace AND a.grantee = 0"
    )
    assert open_to_all == []
    assert postgres.value(
        "SELECT COUNT(*) > 20 FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )


def test_public_may_read_and_write_no_table(postgres: Database) -> None:
    assert (
        postgres.column(
            "SELECT c.relname FROM pg_class AS c, aclexplode(c.relacl) AS a"
            " WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0"
        )
        == []
    )


def test_the_owner_owns_everything_and_cannot_log_in(db: Database) -> None:
    owners = db.either(
        mysql=lambda: db.column(
            "SELECT DISTINCT DEFINER FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = DATABASE()"
        ),
        postgres=lambda: db.column(
            "SELECT proowner::regrole::text FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace UNION SELECT relowner::regrole::text"
            " FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ),
    )()
    assert owners == [
        db.either(mysql="deletion_jobs_owner@localhost", postgres="deletion_jobs_owner")
    ]
    assert db.value(
        db.either(
            mysql="SELECT account_locked = 'Y' FROM mysql.user WHERE User = 'deletion_jobs_owner'",
            postgres="SELECT NOT rolcanlogin AND NOT rolsuper FROM pg_roles"
            " WHERE rolname = 'deletion_jobs_owner'",
        )
    )


def test_an_application_may_execute_its_verbs_and_no_other_routine(db: Database) -> None:
    assert executable(db, "app") == APP


def test_a_reader_may_execute_nothing_but_what_a_view_asks(db: Database) -> None:
    # PostgreSQL checks a view's functions against its reader.
    assert executable(db, "reader") == db.either(mysql=set(), postgres={"deletion_lacked_rights"})


def test_an_operator_may_execute_the_verbs_of_operators(db: Database) -> None:
    assert executable(db, "operator") & VERBS == OPERATOR


def test_a_worker_may_execute_the_loop_and_its_steps(db: Database) -> None:
    found = executable(db, "worker")
    assert found & VERBS == WORKER
    assert all(name.startswith("deletion_") for name in found - VERBS)


def test_the_verbs_are_exactly_these(db: Database) -> None:
    routines = set(
        db.column(
            db.either(
                mysql="SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
                " WHERE ROUTINE_SCHEMA = DATABASE()",
                postgres="SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            )
        )
    )
    assert {name for name in routines if not name.startswith("deletion_")} == VERBS


def test_an_application_enqueues_and_cancels(db: Database) -> None:
    customers(db)
    app = db.connect("app")
    job_id = app.enqueue_deletion("customer", 1)
    assert app.enqueue_deletions("customer", [1, 2]) == 2
    app.cancel_deletion(job_id)
    assert db.status(job_id) == "cancelled"


def test_an_application_reads_the_contract_views(db: Database) -> None:
    customers(db)
    app = db.connect("app")
    job_id = app.enqueue_deletion("customer", 1)
    assert app.rows("SELECT id, status FROM vw_deletion_jobs") == [(job_id, "pending")]
    assert app.rows("SELECT status, jobs FROM vw_deletion_jobs_status") == [("pending", 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM customer",
        "DELETE FROM customer",
        "UPDATE customer SET name = 'x'",
        "INSERT INTO deletion_jobs (entity_table, entity_pk) VALUES ('customer', '2')",
        "UPDATE deletion_jobs SET status = 'done'",
        "DELETE FROM deletion_jobs",
        "SELECT * FROM deletion_plan_steps",
        "UPDATE deletion_plan_steps SET sql_text = 'DELETE FROM customer'",
        "INSERT INTO deletion_targets (entity_table) VALUES ('invoice')",
        "UPDATE deletion_settings SET setting_value = '1'",
        "DELETE FROM deletion_runs",
        "DROP TABLE deletion_jobs",
        "TRUNCATE TABLE deletion_jobs",
        "CREATE TABLE mine (id int)",
        "DROP PROCEDURE enqueue_deletion",
        "CALL retry_deletion(1)",
        "CALL run_deletion_jobs(NULL, NULL)",
        "CALL pause_deletions('x')",
        "CALL resume_deletions()",
        "CALL register_deletion_target('invoice', NULL, NULL)",
        "CALL unregister_deletion_target('customer')",
        "CALL set_deletion_rule('invoice', 'fk_invoice_customer_id', 'cascade', NULL)",
        "CALL set_deletion_setting('workers', '3')",
        "CALL compile_deletion_plan('customer')",
        "CALL start_deletion_schedule()",
        "CALL stop_deletion_schedule()",
        "CALL link_deletion_users('customer', 'id')",
    ],
)
@pytest.mark.parametrize("role", ["app", "reader"])
def test_an_application_and_a_reader_can_do_nothing_else(
    db: Database, role: Role, statement: str
) -> None:
    shop(db)
    insert_job(db, "customer", "1", status="failed")
    session = db.connect(role)
    with denied(session):
        session.execute(statement)


@pytest.mark.parametrize("role", ["app", "reader"])
def test_neither_may_preview_or_run_one_job(db: Database, role: Role) -> None:
    customers(db)
    session = db.connect(role)
    with denied(session):
        session.preview_deletion("customer", 1)
    with denied(session):
        session.run_deletion_job(1)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM customer",
        "DELETE FROM customer",
        "UPDATE deletion_jobs SET status = 'done'",
        "UPDATE deletion_plan_steps SET sql_text = 'DELETE FROM customer'",
        "INSERT INTO deletion_runs (entity_table) VALUES ('customer')",
        "CALL register_deletion_target('invoice', NULL, NULL)",
    ],
)
@pytest.mark.parametrize("role", ["worker", "operator"])
def test_a_worker_and_an_operator_have_no_rights_on_tables(
    db: Database, role: Role, statement: str
) -> None:
    shop(db)
    session = db.connect(role)
    with denied(session):
        session.execute(statement)


@pytest.mark.parametrize("role", ["worker", "operator", "reader"])
def test_only_applications_enqueue(db: Database, role: Role) -> None:
    customers(db)
    session = db.connect(role)
    with denied(session):
        session.enqueue_deletion("customer", 1)


def test_a_reader_reads_every_view(db: Database) -> None:
    shop(db)
    db.delete("customer", 1)
    reader = db.connect("reader")
    views = reader.column(
        db.either(
            mysql="SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()",
            postgres="SELECT viewname FROM pg_views WHERE schemaname = 'public'",
        )
    )
    assert {name.removeprefix("vw_deletion_") for name in views} >= {
        "jobs",
        "jobs_status",
        "receipts",
        "plan",
        "attempts",
        "schedule",
    }
    for view in views:
        reader.rows(f"SELECT * FROM {view}")


def test_an_operator_runs_the_shop(db: Database) -> None:
    shop(db)
    job_id = db.enqueue_deletion("customer", 1)
    operator = db.connect("operator")
    assert len(operator.preview_deletion("customer", 1)) == 3
    operator.pause_deletions("wait")
    operator.resume_deletions()
    operator.run_deletion_jobs()
    assert db.status(job_id) == "done"
    failed = insert_job(db, "customer", "2", status="failed", hard_delete=True)
    operator.retry_deletion(failed)
    operator.cancel_deletion(failed)
    assert db.status(failed) == "cancelled"


def test_a_path_of_the_callers_own_does_not_redirect_a_verb(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO PUBLIC;"
        " CREATE TABLE evil.deletion_jobs (LIKE public.deletion_jobs INCLUDING ALL);"
        " CREATE TABLE evil.deletion_targets (LIKE public.deletion_targets INCLUDING ALL);"
        " CREATE TABLE evil.deletion_settings (LIKE public.deletion_settings INCLUDING ALL);"
        " GRANT ALL ON ALL TABLES IN SCHEMA evil TO PUBLIC;"
        " CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS"
        " $$ SELECT '2000-01-01'::timestamptz $$"
    )
    # A namesake of every function, which says so when it is called.
    for name, arguments, result in postgres.rows(
        "SELECT proname, pg_get_function_identity_arguments(oid), pg_get_function_result(oid)"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'"
    ):
        postgres.script(
            postgres=f"CREATE FUNCTION evil.{name}({arguments}) RETURNS {result}"
            " LANGUAGE plpgsql AS $$ BEGIN RAISE 'redirected'; END $$"
        )
    app, worker = postgres.connect("app"), postgres.connect("worker")
    for session in (app, worker):
        session.execute("SET search_path = evil, pg_catalog, public")
        session.script(postgres="CREATE TEMPORARY TABLE deletion_jobs (id bigint, status text)")
    found = app.rows("CALL public.enqueue_deletion('customer', '1', NULL, TRUE, NULL, NULL, NULL)")
    job = postgres.job(found[0][0])
    assert (job.status, job.created_at.year > 2000) == ("pending", True)
    worker.execute("CALL public.run_deletion_jobs(NULL, NULL)")
    assert postgres.status(job.id) == "done"
    assert postgres.value("SELECT COUNT(*) FROM evil.deletion_jobs") == 0
    assert postgres.count("customer") == 2
