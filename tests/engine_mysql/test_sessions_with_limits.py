"""Every verb in sessions that limit what a statement may do, as some clients' sessions are."""

import pytest

from tests.contract.schemas import ids, shop
from tests.database import Database

LIMITS = {
    "safe mode of mysql and Workbench": (
        "SET sql_safe_updates = 1, sql_select_limit = 1000, max_join_size = 1000000"
    ),
    "no joins": "SET max_join_size = 1",
    "no room": "SET tmp_table_size = 1024, max_heap_table_size = 16384",
    "older collation": "SET default_collation_for_utf8mb4 = 'utf8mb4_general_ci'",
}
VARIABLES = (
    "SELECT @@sql_big_selects, @@max_join_size, @@sql_safe_updates, @@tmp_table_size,"
    " @@default_collation_for_utf8mb4"
)


def soft_shop(db: Database) -> None:
    shop(db)
    db.execute("ALTER TABLE customer ADD gone BOOLEAN NULL")
    db.execute("ALTER TABLE invoice ADD note INT NULL")


@pytest.fixture(params=list(LIMITS))
def limited(mysql: Database, request: pytest.FixtureRequest) -> Database:
    """A session with one of these limits."""
    session = mysql.connect()
    session.execute(LIMITS[request.param])
    return session


def test_every_verb_works_in_a_session_with_limits(mysql: Database, limited: Database) -> None:
    soft_shop(mysql)
    before = limited.rows(VARIABLES)
    limited.register_deletion_target("invoice")
    limited.declare_deletion_reference("again", "line", ["id"], "invoice", ["id"], "keep")
    limited.declare_deletion_reference("again", "invoice", ["id"], "customer", ["id"], "keep")
    limited.declare_deletion_reference("again")
    limited.set_deletion_rule("invoice", "fk_invoice_customer_id", "scrub", {"note": 1})
    limited.set_deletion_rule("invoice", "fk_invoice_customer_id", None)
    limited.set_soft_deletion("customer", "gone")
    limited.compile_deletion_plan("customer")
    assert sorted(row.row_count for row in limited.preview_deletion("customer", 1)) == [1, 3, 6]
    assert [row.row_count for row in limited.preview_soft_deletion("customer", 1)] == [1]
    limited.hold_deletion("customer", 3)
    limited.release_deletion_hold("customer", 3)
    job_id = limited.enqueue_deletion("customer", 1)
    assert limited.enqueue_deletion("customer", 1) == job_id
    assert limited.enqueue_deletions("customer", [1, "01", 2]) == 2
    limited.cancel_deletion(job_id)
    limited.retry_deletion(job_id)
    assert limited.run_deletion_job(job_id) == "done"
    soft = limited.enqueue_deletion("customer", 3, hard_delete=False)
    limited.run_deletion_jobs()
    assert mysql.status(soft) == "done"
    assert mysql.count("customer", "gone") == 1
    limited.restore_deletion(soft)
    assert mysql.count("customer", "gone") == 0
    limited.unregister_deletion_target("invoice")
    assert (ids(mysql, "customer"), mysql.count("line")) == ([3], 6)
    assert limited.rows(VARIABLES) == before


def test_a_verb_that_fails_gives_a_session_its_own_limits_back(
    mysql: Database, limited: Database
) -> None:
    soft_shop(mysql)
    before = limited.rows(VARIABLES)
    with mysql.error("JD001"):
        limited.retry_deletion(4711)
    with mysql.error("JD001"):
        limited.restore_deletion(4711)
    with mysql.error("JD001"):
        limited.cancel_deletion(4711)
    with mysql.error("JD001"):
        limited.run_deletion_job(4711)
    with mysql.error("JD002"):
        limited.run_deletion_jobs(-1)
    with mysql.error("JD002"):
        limited.enqueue_deletion("customer", "x")
    with mysql.error("JD002"):
        limited.enqueue_deletions("customer", ["x"])
    with mysql.error("JD002"):
        limited.hold_deletion("customer", "x")
    with mysql.error("JD002"):
        limited.release_deletion_hold("customer", "x")
    with mysql.error("JD005"):
        limited.register_deletion_target("deletion_jobs")
    with mysql.error("JD002"):
        limited.set_deletion_rule("invoice", "nothing", "keep")
    with mysql.error("JD002"):
        limited.declare_deletion_reference("x", "line", ["no"], "invoice", ["id"], "keep")
    with mysql.error("JD002"):
        limited.set_soft_deletion("customer", "nothing")
    with mysql.error("JD004"):
        limited.compile_deletion_plan("line")
    with mysql.error("JD004"):
        limited.preview_deletion("line", 1)
    with mysql.error("JD004"):
        limited.preview_soft_deletion("line", 1)
    assert limited.rows(VARIABLES) == before


def test_a_trigger_may_ask_in_a_session_with_limits(mysql: Database, limited: Database) -> None:
    soft_shop(mysql)
    mysql.table("wish", "id bigint")
    mysql.execute(
        "CREATE TRIGGER ask AFTER INSERT ON wish FOR EACH ROW"
        " CALL enqueue_deletion('customer', NEW.id, NULL, TRUE, NULL, NULL, @job)"
    )
    before = limited.rows(VARIABLES)
    for _ in range(2):
        limited.execute("INSERT INTO wish VALUES (1)")
        mysql.execute("DELETE FROM wish")
    assert limited.rows(VARIABLES) == before
    mysql.run()
    assert ids(mysql, "customer") == [2, 3]
