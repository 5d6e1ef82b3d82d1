"""A temporary table stands before the one of its name in all that its session does.

So does one of the caller's in a routine that runs by the rights of its owner: what a run reads
there would not be what the database holds, and what it executes not what was reviewed.
"""

import pytest

from tests.contract.schemas import customers
from tests.database import Database, Role

OURS = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND table_type = 'BASE TABLE' AND table_name LIKE 'deletion\\_%'"
)


def caller(db: Database, role: Role) -> Database:
    """Open a session of a role that may make temporary tables, as many applications may."""
    name = db.home.accounts[role][0]
    db.execute(f"GRANT CREATE TEMPORARY TABLES ON `{db.home.database}`.* TO %s", name)
    return db.connect(role)


def soft_job(db: Database) -> int:
    """Make customers that can be marked, and mark one."""
    db.table("customer", "id bigint", "gone timestamp null", rows=[(1, None), (2, None)])
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    job_id = db.enqueue_deletion("customer", 1, hard_delete=False)
    db.run()
    assert db.receipts(job_id) == {("customer", "mark"): 1}
    return job_id


def test_nobody_puts_statements_before_those_of_the_plan(mysql: Database) -> None:
    job_id = soft_job(mysql)
    mysql.table("secret", "id bigint", rows=[(1,), (2,)])
    plan_id, edge_no = mysql.rows(
        "SELECT plan_id, edge_no FROM deletion_plan_steps WHERE kind = 'restore'"
    )[0]
    app = caller(mysql, "app")
    app.execute(
        "CREATE TEMPORARY TABLE deletion_plan_steps (plan_id BIGINT, edge_no INT,"
        " table_name VARCHAR(130), kind VARCHAR(16), sql_text TEXT,"
        " INDEX idx_dps_edge (plan_id, edge_no, kind))"
    )
    for kind in ("restore", "restore_lock", "guard"):
        app.execute(
            "INSERT INTO deletion_plan_steps VALUES"
            " (%s, %s, 'customer', %s, 'DELETE FROM secret WHERE ? IS NOT NULL')",
            plan_id,
            edge_no,
            kind,
        )
    with app.error("JD003", "restore_deletion: a temporary table of the session hides one of"):
        app.restore_deletion(job_id)
    assert mysql.count("secret") == 2
    app.execute("DROP TEMPORARY TABLE deletion_plan_steps")
    app.restore_deletion(job_id)
    assert mysql.count("customer", "gone IS NULL") == 2


def test_no_table_of_ours_is_hidden_from_a_verb_that_executes_plans(mysql: Database) -> None:
    customers(mysql)
    job_id = mysql.enqueue_deletion("customer", 1)
    operator = caller(mysql, "operator")
    ours = mysql.column(OURS)
    assert len(ours) > 20
    for table in ours:
        operator.execute(f"CREATE TEMPORARY TABLE {table} (id BIGINT, walk_id BIGINT)")
        for verb, arguments, out in (
            ("run_deletion_jobs", (None, None), False),
            ("run_deletion_job", (job_id,), True),
            ("preview_deletion", ("customer", "1"), False),
            ("preview_soft_deletion", ("customer", "1"), False),
            ("restore_deletion", (job_id,), False),
        ):
            with operator.error("JD003", f"{verb}: a temporary table of the session hides one of"):
                operator.call(verb, *arguments, out=out)
        operator.execute(f"DROP TEMPORARY TABLE {table}")
    assert (mysql.status(job_id), mysql.count("customer")) == ("pending", 3)
    operator.run_deletion_jobs()
    assert (mysql.status(job_id), mysql.count("customer")) == ("done", 2)


@pytest.mark.parametrize("hidden", ["customer", "note", "claim"])
def test_a_job_waits_for_a_session_that_hides_none_of_its_tables(
    mysql: Database, hidden: str
) -> None:
    customers(mysql)
    for table, action in (("note", "cascade"), ("claim", "restrict")):
        mysql.table(table, "id bigint", "customer_id bigint", rows=[(1, 1), (2, 2)])
        mysql.execute(f"CREATE INDEX idx_{table} ON {table} (customer_id)")
        mysql.declare_deletion_reference(table, table, ["customer_id"], "customer", ["id"], action)
    mysql.execute("DELETE FROM claim WHERE customer_id = 1")
    job_id = mysql.enqueue_deletion("customer", 1)
    operator = caller(mysql, "operator")
    operator.execute(f"CREATE TEMPORARY TABLE {hidden} (id BIGINT, customer_id BIGINT)")
    assert operator.run_deletion_job(job_id) == "pending"
    assert mysql.value("SELECT error FROM deletion_runs WHERE outcome = 'retry'") == (
        "40001: a temporary table of the session hides one of the plan"
        f" (Can't reopen table: '{hidden}')"
    )
    assert (mysql.count("customer"), mysql.count("note")) == (3, 2)
    with operator.error("40001", "a temporary table of the session hides one of the plan"):
        operator.preview_deletion("customer", 1)
    operator.execute(f"DROP TEMPORARY TABLE {hidden}")
    assert operator.run_deletion_job(job_id) == "done"
    assert (mysql.count("customer"), mysql.count("note")) == (2, 1)


def test_marks_are_not_taken_back_in_a_temporary_table(mysql: Database) -> None:
    job_id = soft_job(mysql)
    app = caller(mysql, "app")
    app.execute("CREATE TEMPORARY TABLE customer (id BIGINT PRIMARY KEY, gone DATETIME(6))")
    with app.error("40001", "a temporary table of the session hides one of the plan"):
        app.restore_deletion(job_id)
    app.execute("DROP TEMPORARY TABLE customer")
    app.restore_deletion(job_id)
    assert mysql.count("customer", "gone IS NULL") == 2


def test_temporary_tables_of_other_names_are_not_read(mysql: Database) -> None:
    customers(mysql)
    operator = caller(mysql, "operator")
    operator.execute("CREATE TEMPORARY TABLE visit (id BIGINT, customer_id BIGINT)")
    operator.execute("INSERT INTO visit VALUES (1, 1)")
    job_id = mysql.enqueue_deletion("customer", 1)
    assert operator.run_deletion_job(job_id) == "done"
    assert operator.count("visit") == 1
    with mysql.error("JD005", "no such table"):
        mysql.register_deletion_target("visit")
