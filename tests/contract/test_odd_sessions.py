"""Every verb in sessions whose settings are not those that anybody would expect."""

from tests.contract.odd import ODD
from tests.contract.schemas import ids, shop
from tests.database import Database


def odd(db: Database) -> Database:
    """Open a session with settings that must not matter."""
    session = db.connect()
    for statement in ODD[db.engine]:
        session.execute(statement)
    return session


def test_every_verb_works_in_a_session_with_odd_settings(db: Database) -> None:
    shop(db)
    for statement in ODD[db.engine]:
        db.worker.execute(statement)
    session = odd(db)
    session.register_deletion_target("invoice")
    session.declare_deletion_reference(
        "line_again", "line", ["id"], "invoice", ["id"], "keep", None, None
    )
    session.declare_deletion_reference(
        "line_again", "invoice", ["id"], "customer", ["id"], "keep", None, None
    )
    session.set_deletion_rule("invoice", "line_again", "keep")
    session.declare_deletion_reference("line_again")
    session.set_deletion_rule("line", "fk_line_invoice_id", "restrict")
    session.set_deletion_rule("line", "fk_line_invoice_id", None)
    session.compile_deletion_plan("customer")
    before = session.rows(db.either(mysql="SHOW SESSION VARIABLES", postgres="SHOW ALL"))
    assert sorted(row.row_count for row in session.preview_deletion("customer", 1)) == [1, 3, 6]
    job_id = session.enqueue_deletion("customer", 1)
    assert session.enqueue_deletion("customer", 1) == job_id
    assert session.enqueue_deletions("customer", [1, "01", 2, 3]) == 3
    session.cancel_deletion(job_id)
    session.enqueue_deletion("customer", 1)
    session.cancel_deletion(job_id)
    session.retry_deletion(job_id)
    session.pause_deletions("a reason")
    session.resume_deletions()
    db.run()
    assert [db.status(job) for job in db.column("SELECT id FROM deletion_jobs")] == ["done"] * 3
    assert (ids(db, "customer"), ids(db, "invoice"), ids(db, "line")) == ([], [], [])
    assert session.enqueue_deletion("customer", 1) == job_id
    assert session.run_deletion_job(job_id) == "done"
    session.unregister_deletion_target("invoice")
    after = session.rows(db.either(mysql="SHOW SESSION VARIABLES", postgres="SHOW ALL"))
    assert [row for row in after if row not in before and "timestamp" not in row[0]] == []
