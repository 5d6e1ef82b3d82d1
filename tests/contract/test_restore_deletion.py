"""restore_deletion: exactly what the job marked comes back, all of it or nothing."""

import pytest

from tests.contract.schemas import customers, each
from tests.contract.soft import ask, marked, mixed, soft, tree
from tests.contract.steps import Steps
from tests.database import Database, Reference


def accounts(db: Database) -> None:
    """Make the target account, whose live rows have names of their own, with entries below."""
    db.table(
        "account",
        "id bigint",
        "name varchar",
        "deleted_at timestamp null",
        rows=[(1, "anna", None), (2, "bert", None)],
    )
    db.script(
        mysql="CREATE UNIQUE INDEX uq_live ON account ((IF(deleted_at IS NULL, name, NULL)))",
        postgres="CREATE UNIQUE INDEX uq_live ON account (name) WHERE deleted_at IS NULL",
    )
    db.table(
        "entry",
        "id bigint",
        "account_id bigint",
        "gone boolean null",
        references=[Reference("account_id", "account", "cascade")],
        rows=[(n, 1 + n % 2, None) for n in each(8)],
    )
    db.register_deletion_target("account")
    db.set_soft_deletion("account", "deleted_at")
    db.set_soft_deletion("entry", "gone")


def test_a_restore_takes_back_what_the_job_marked_and_nothing_else(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    job_id = soft(db, "customer", 1)
    assert db.application_contents() != before
    db.connect("app").restore_deletion(job_id)
    assert db.application_contents() == before
    job = db.job(job_id)
    assert (job.status, job.hard_delete, job.error) == ("cancelled", False, None)
    assert db.receipts(job_id) == {
        (table, action): count
        for table, count in (("customer", 1), ("invoice", 1), ("note", 2))
        for action in ("mark", "restore")
    }
    assert db.rows(
        "SELECT outcome, error FROM vw_deletion_attempts WHERE job_id = %s ORDER BY attempt_no",
        job_id,
    ) == [("done", None), ("cancelled", "restored: 4 rows")]
    assert len(db.marks(job_id, "restored")) == 4


def test_rows_that_two_ways_lead_to_come_back_after_all_their_parents(db: Database) -> None:
    db.table("top", "id bigint", "gone boolean null", rows=[(1, None)])
    for side in ("near", "far"):
        db.table(
            side,
            "id bigint",
            "top_id bigint",
            "gone boolean null",
            references=[Reference("top_id", "top", "cascade")],
            rows=[(n, 1, None) for n in each(3)],
        )
    db.table(
        "leaf",
        "id bigint",
        "near_id bigint",
        "far_id bigint",
        "gone boolean null",
        references=[Reference("near_id", "near", "cascade"), Reference("far_id", "far", "cascade")],
        rows=[(n, n, 4 - n, None) for n in each(3)],
    )
    db.register_deletion_target("top")
    for table in ("top", "near", "far", "leaf"):
        db.set_soft_deletion(table, "gone")
    job_id = soft(db, "top", 1)
    order = [table.split(".")[-1] for table in db.column(
        "SELECT table_name FROM deletion_marks ORDER BY mark_id"
    )]  # fmt: skip
    # Tables are taken back in the order in which they were marked: an application may forbid a
    # live row below a deleted one.
    assert (order[0], sorted(order[1:7])) == ("top", ["far"] * 3 + ["near"] * 3)
    assert order[7:] == ["leaf"] * 3
    db.restore_deletion(job_id)
    assert db.count("leaf", "gone IS NULL") == 3


def test_a_row_that_another_has_changed_since_stays_as_it_is(db: Database) -> None:
    mixed(db)
    job_id = soft(db, "customer", 1)
    db.execute("UPDATE note SET state = 5 WHERE id = 1112")
    db.execute("UPDATE invoice SET is_deleted = FALSE WHERE id = 12")
    db.execute("UPDATE customer SET deleted_at = '2020-02-02 02:02:02' WHERE id = 1")
    db.restore_deletion(job_id)
    assert db.column("SELECT state FROM note WHERE id IN (1112, 1122) ORDER BY id") == [5, 3]
    assert db.count("customer", "deleted_at = '2020-02-02 02:02:02'") == 1
    assert db.marks(job_id, "restored") == [("note", [1122])]
    assert db.marks(job_id, "left") == [("customer", [1]), ("invoice", [12]), ("note", [1112])]
    assert db.receipts(job_id)["note", "restore"] == 1


def test_a_row_that_another_job_has_marked_since_stays_marked(db: Database) -> None:
    tree(db, {1: None, 2: 1})
    first = soft(db, "node", 1)
    db.execute("UPDATE node SET gone = NULL WHERE id = 2")
    second = soft(db, "node", 2)
    assert db.marks(second) == [("node", [2])]
    db.restore_deletion(first)
    assert marked(db, "node") == [2]
    db.restore_deletion(second)
    assert marked(db, "node") == []


def test_a_row_that_is_gone_is_left(db: Database) -> None:
    mixed(db)
    job_id = soft(db, "customer", 1)
    db.execute("DELETE FROM note WHERE id = 1112")
    db.restore_deletion(job_id)
    assert db.marks(job_id, "left") == [("note", [1112])]
    assert db.status(job_id) == "cancelled"


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_restore_that_breaks_a_unique_index_fails_whole(
    db: Database, in_transaction: bool
) -> None:
    accounts(db)
    job_id = soft(db, "account", 1)
    # Somebody has taken the name meanwhile.
    db.insert("account", [(3, "anna", None)])
    app = db.connect("app")
    if in_transaction:
        app.execute("BEGIN")
    with db.error(mysql="23000", postgres="23505", message="uq_live"):
        app.restore_deletion(job_id)
    if in_transaction and db.engine == "mysql":
        # What the caller did before is the caller's to keep.
        app.execute("COMMIT")
    elif in_transaction:
        app.execute("ROLLBACK")
    assert db.status(job_id) == "done"
    assert marked(db, "entry") == [2, 4, 6, 8]
    assert db.count("account", "deleted_at IS NOT NULL") == 1
    assert len(db.marks(job_id)) == 5
    db.execute("DELETE FROM account WHERE id = 3")
    app.restore_deletion(job_id)
    assert marked(db, "entry") == []
    assert db.count("account", "deleted_at IS NULL") == 2


def test_a_restore_is_the_callers_to_roll_back(db: Database) -> None:
    mixed(db)
    job_id = soft(db, "customer", 1)
    before = db.contents()
    with db.transaction(rollback=True):
        db.restore_deletion(job_id)
        assert db.status(job_id) == "cancelled"
    assert db.contents() == before


def test_a_restore_under_an_older_snapshot_is_refused(db: Database) -> None:
    mixed(db)
    job_id = ask(db, "customer", 1)
    app = db.connect("app")
    if db.engine == "postgres":
        app.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    else:
        app.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        app.execute("BEGIN")
    assert app.rows("SELECT id FROM vw_deletion_jobs")
    db.run()
    with db.error("40001"):
        app.restore_deletion(job_id)
    app.execute("ROLLBACK")
    assert len(db.marks(job_id)) == 4
    app.restore_deletion(job_id)
    assert len(db.marks(job_id, "restored")) == 4


def test_a_restored_row_can_be_deleted_and_restored_again(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    for _ in range(3):
        job_id = soft(db, "customer", 1)
        assert len(db.marks(job_id)) == 4
        db.restore_deletion(job_id)
        assert db.application_contents() == before
    db.retry_deletion(job_id)
    db.run()
    assert (db.status(job_id), len(db.marks(job_id))) == ("done", 4)


def test_a_pending_job_is_cancelled_by_a_restore(db: Database) -> None:
    mixed(db)
    job_id = ask(db, "customer", 1)
    db.restore_deletion(job_id)
    assert db.status(job_id) == "cancelled"
    assert db.receipts(job_id) == {}


def test_a_restore_says_what_it_cannot_take_back(db: Database) -> None:
    mixed(db)
    with db.error("JD002", "restore_deletion: p_job_id is NULL"):
        db.restore_deletion(None)
    with db.error("JD001", "restore_deletion: no such job"):
        db.restore_deletion(999_999)
    job_id = ask(db, "customer", 1)
    steps = Steps(db)
    steps.claim()
    with db.error("JD003", "restore_deletion: job is running"):
        db.restore_deletion(job_id)
    steps.finish()
    db.restore_deletion(job_id)
    with db.error("JD003", "restore_deletion: the job has no marks to take back"):
        db.restore_deletion(job_id)
    customers_job = db.delete("customer", 2).id
    with db.error("JD003", "restore_deletion: the rows are removed for good"):
        db.restore_deletion(customers_job)


def test_a_restore_goes_by_the_plan_that_marked(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    job_id = soft(db, "customer", 1)
    # Soft deletion is given up, and the plans of before are history.
    for table in ("invoice", "note"):
        db.set_soft_deletion(table, None)
    soft(db, "customer", 2)
    db.execute("UPDATE customer SET deleted_at = NULL WHERE id = 2")
    db.execute("UPDATE invoice SET is_deleted = NULL WHERE id = 22")
    db.restore_deletion(job_id)
    assert db.application_contents() == before


def test_only_those_who_may_restore(db: Database) -> None:
    customers(db)
    for role in ("reader", "worker"):
        with db.error(mysql="42000", postgres="42501"):
            db.connect(role).restore_deletion(1)
    with db.error("JD001"):
        db.connect("operator").restore_deletion(1)
