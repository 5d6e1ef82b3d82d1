"""Holds whose rows change their keys, or go by ways that no reference of the plan shows."""

import pytest

from tests.contract.schemas import customers, ids, in_small_steps, insert_job, shop
from tests.contract.steps import Steps
from tests.database import Database, Job, Reference


def is_blocked(job: Job, *words: str) -> None:
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:"), job
    for word in words:
        assert word in (job.error or "")


def test_a_held_row_that_goes_while_another_comes_is_seen(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 311)
    db.hold_deletion("line", 999)
    when_a_customer_goes(
        db,
        "DELETE FROM line WHERE id = 311",
        "INSERT INTO line (id, invoice_id) VALUES (999, 21)",
    )
    job = db.delete("customer", 1)
    is_blocked(job, "line 311 ")
    assert 311 in ids(db, "line")
    assert 1 in ids(db, "customer")


def when_a_customer_goes(db: Database, *statements: str) -> None:
    """Make a trigger that does something when a customer was deleted."""
    body = "; ".join(statements)
    db.script(
        mysql="CREATE TRIGGER swap AFTER DELETE ON customer FOR EACH ROW BEGIN " + body + "; END",
        postgres="CREATE FUNCTION swap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        f" $$ BEGIN {body}; RETURN NULL; END $$;"
        "CREATE TRIGGER swap AFTER DELETE ON customer FOR EACH ROW EXECUTE FUNCTION swap()",
    )


def test_a_held_row_that_a_trigger_takes_stays_and_blocks_the_job(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 311)
    when_a_customer_goes(db, "DELETE FROM line WHERE id = 311")
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    db.run()
    for job in jobs:
        is_blocked(db.job(job), "line 311 ")
    assert 311 in ids(db, "line")
    assert ids(db, "customer") == [1, 2, 3]
    db.release_deletion_hold("line", 311)
    db.retry_deletion(jobs[0])
    db.run()
    assert db.job(jobs[0]).status == "done"
    assert 311 not in ids(db, "line")


def test_a_held_row_that_comes_while_its_parent_is_locked_stays(db: Database) -> None:
    in_small_steps(db)
    db.set_deletion_setting("lock_timeout_ms", 20000)
    shop(db)
    db.compile_deletion_plan("customer")
    db.hold_deletion("line", 311)
    mover, worker = db.connect(), db.worker
    mover.execute("BEGIN")
    mover.execute("UPDATE line SET invoice_id = 13 WHERE id = 311")
    job = db.enqueue_deletion("customer", 1)
    working = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    mover.execute("COMMIT")
    working.result()
    db.run()
    is_blocked(db.job(job), "line 311 ")
    assert 311 in ids(db, "line")


def keyed(db: Database) -> None:
    """Make customer <- paper, a table with two keys; what is 1 by one is 101 by the other."""
    customers(db)
    db.table(
        "paper",
        "no bigint",
        "code bigint",
        "customer_id bigint",
        key=("no",),
        unique=[("code",)],
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 101, 1), (2, 102, 2), (101, 1, 2)],
    )


def papers(db: Database) -> list[int]:
    """Give the numbers of the papers that are left."""
    return db.column("SELECT no FROM paper ORDER BY no")


def test_a_held_row_whose_key_is_changed_blocks_all_that_could_be_it(db: Database) -> None:
    keyed(db)
    db.hold_deletion("paper", 1)
    db.execute("UPDATE paper SET no = 7 WHERE no = 1")
    before = db.application_contents()
    for customer in (1, 2):
        is_blocked(db.delete("customer", customer), "paper 1 ", "no row is found by the key")
    assert db.application_contents() == before
    db.release_deletion_hold("paper", 1)
    db.hold_deletion("paper", 7)
    jobs = db.column("SELECT id FROM deletion_jobs ORDER BY id")
    for job in jobs:
        db.retry_deletion(job)
    db.run()
    is_blocked(db.job(jobs[0]), "paper 7 ")
    assert db.job(jobs[1]).status == "done"
    assert papers(db) == [7]


def change_key(db: Database, column: str) -> None:
    """Make another unique column of paper its primary key."""
    db.script(
        mysql=f"ALTER TABLE paper DROP PRIMARY KEY, ADD PRIMARY KEY ({column}),"
        " ADD UNIQUE KEY uq_no (no)",
        postgres="ALTER TABLE paper DROP CONSTRAINT paper_pkey;"
        f"ALTER TABLE paper ADD PRIMARY KEY ({column}), ADD CONSTRAINT uq_no UNIQUE (no),"
        " ALTER COLUMN no SET NOT NULL",
    )


def test_a_hold_protects_its_row_when_the_table_gets_another_key(db: Database) -> None:
    keyed(db)
    db.hold_deletion("paper", 1)
    change_key(db, "code")
    is_blocked(db.delete("customer", 1), "paper 1 ")
    assert papers(db) == [1, 2, 101]
    # By the new key 1 is another row, which nobody holds.
    assert db.delete("customer", 2).status == "done"
    assert papers(db) == [1]
    db.release_deletion_hold("paper", 1)
    assert db.delete("customer", 1).status == "done"


def test_holds_by_keys_whose_columns_differ_late_in_a_long_list_stand_side_by_side(
    db: Database,
) -> None:
    first, second, third = ("c" * 60 + end for end in ("one", "two", "six"))
    db.table(
        "paper",
        *(f"{column} bigint" for column in (first, second, third)),
        key=(first, second),
        unique=[(first, second)],
        rows=[(1, 2, 3), (1, 3, 2)],
    )
    db.register_deletion_target("paper")
    db.hold_deletion("paper", "[1, 2]")
    db.script(
        mysql=f"ALTER TABLE paper DROP PRIMARY KEY, ADD PRIMARY KEY ({first}, {third})",
        postgres="ALTER TABLE paper DROP CONSTRAINT paper_pkey;"
        f"ALTER TABLE paper ADD PRIMARY KEY ({first}, {third})",
    )
    db.hold_deletion("paper", "[1, 2]")
    assert db.count("vw_deletion_holds", "is_in_force") == 2
    for key in ("[1, 2]", "[1, 3]"):
        assert db.delete("paper", key).status == "failed"
    assert db.count("paper") == 2


@pytest.mark.parametrize("what", ["renamed", "gone", "no key any more"])
def test_a_hold_whose_columns_are_no_key_blocks_all_above_its_table(
    db: Database, what: str
) -> None:
    keyed(db)
    db.hold_deletion("paper", 1)
    change_key(db, "code")
    if what == "renamed":
        db.execute("ALTER TABLE paper RENAME COLUMN no TO number")
    elif what == "gone":
        db.execute("ALTER TABLE paper DROP COLUMN no")
    else:
        db.script(
            mysql="ALTER TABLE paper DROP KEY uq_no",
            postgres="ALTER TABLE paper DROP CONSTRAINT uq_no",
        )
    before = db.application_contents()
    is_blocked(db.delete("customer", 2), "paper 1 ", "no row is found by the key")
    assert db.application_contents() == before
    preview = db.preview_deletion("customer", 2)
    assert [p.row_count for p in preview if p.action == "held"] == [1]
    db.release_deletion_hold("paper", 1)
    assert db.delete("customer", 2).status == "done"


def test_a_key_that_changes_while_a_job_runs_stops_it(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.hold_deletion("line", 311)
    job = db.enqueue_deletion("customer", 1)
    steps = Steps(db.connect())
    steps.claim()
    while db.count("line") > 16:
        assert steps.step() == "more"
    db.execute("UPDATE line SET id = 777, invoice_id = 13 WHERE id = 311")
    steps.finish()
    is_blocked(db.job(job), "line 311 ", "no row is found by the key")
    assert 777 in ids(db, "line")
    assert db.receipts(job)["line", "delete"] == 18 - db.count("line")


def test_a_row_that_comes_after_its_hold_is_held_from_then_on(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 999)
    assert db.column("SELECT row_seen_at FROM vw_deletion_holds") == [None]
    assert db.delete("customer", 1).status == "done"
    db.execute("INSERT INTO line (id, invoice_id) VALUES (999, 21)")
    is_blocked(db.delete("customer", 2), "line 999 ")
    assert db.count("vw_deletion_holds", "row_seen_at IS NOT NULL") == 1
    db.execute("UPDATE line SET id = 998 WHERE id = 999")
    is_blocked(db.delete("customer", 3), "no row is found by the key")


def test_a_hold_on_a_table_that_lost_all_keys_blocks_all_above_it(db: Database) -> None:
    customers(db)
    db.table(
        "sheet",
        "no bigint",
        "customer_id bigint",
        key=("no",),
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.hold_deletion("sheet", 1)
    db.script(
        mysql="ALTER TABLE sheet DROP PRIMARY KEY",
        postgres="ALTER TABLE sheet DROP CONSTRAINT sheet_pkey",
    )
    before = db.application_contents()
    job = db.delete("customer", 2)
    is_blocked(job, "sheet 1 ", "no row is found by the key")
    assert db.application_contents() == before
    preview = db.preview_deletion("customer", 2)
    assert [p.row_count for p in preview if p.action == "held"] == [1]
    db.release_deletion_hold("sheet", 1)
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"
    assert db.column("SELECT no FROM sheet") == [1]


def test_a_blocked_job_is_not_done_where_its_cancel_is_taken_back(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 111)
    job, other = (db.enqueue_deletion("customer", n) for n in (1, 2))
    steps, canceller = Steps(db.connect()), db.connect()
    steps.claim()
    assert steps.step() == "more"
    canceller.execute("BEGIN")
    canceller.cancel_deletion(job)
    assert steps.step() == "retry"
    canceller.execute("ROLLBACK")
    steps.finish()
    is_blocked(db.job(job), "line 111 ")
    assert db.status(other) == "done"
    assert ids(db, "customer") == [1, 3]


def test_a_row_whose_key_somebody_is_changing_when_it_is_held_counts_as_seen(
    db: Database,
) -> None:
    keyed(db)
    other = db.connect()
    other.execute("BEGIN")
    other.execute("UPDATE paper SET no = 7 WHERE no = 1")
    other.execute("INSERT INTO paper VALUES (9, 109, 2)")
    db.hold_deletion("paper", 1)
    db.hold_deletion("paper", 9)
    seen = db.rows("SELECT row_pk, row_seen_at IS NOT NULL FROM deletion_holds ORDER BY hold_id")
    assert [(pk, bool(is_seen)) for pk, is_seen in seen] == [("1", True), ("9", False)]
    other.execute("COMMIT")
    before = db.application_contents()
    is_blocked(db.delete("customer", 1), "paper 1 ", "no row is found by the key")
    assert db.application_contents() == before


def test_a_hold_that_is_released_while_its_job_is_checked_does_not_block(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 111)
    job = db.enqueue_deletion("customer", 1)
    steps = Steps(db.connect())
    steps.claim()
    assert steps.step() == "more"
    db.release_deletion_hold("line", 111)
    steps.finish()
    assert (db.status(job), db.job(job).error) == ("done", None)
    assert db.outcomes(job) == ["done"]


def test_a_hold_that_is_released_while_a_step_takes_its_row_does_not_block(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    db.set_deletion_setting("lock_timeout_ms", 20000)
    db.hold_deletion("line", 311)
    when_a_customer_goes(db, "DELETE FROM line WHERE id = 311")
    blocker, worker = db.connect(), db.worker
    blocker.execute("BEGIN")
    blocker.rows("SELECT id FROM line WHERE id = 311 FOR UPDATE")
    job = db.enqueue_deletion("customer", 1)
    working = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    db.release_deletion_hold("line", 311)
    blocker.execute("ROLLBACK")
    working.result()
    assert (db.status(job), db.job(job).error) == ("done", None)
    # No step was rolled back, or the run had climbed once more.
    assert db.column("SELECT step_count FROM deletion_runs") == [db.either(mysql=4, postgres=3)]
    assert 311 not in ids(db, "line")


def test_a_job_of_no_key_is_not_done_where_its_cancel_is_taken_back(db: Database) -> None:
    shop(db)
    job = insert_job(db, "customer", "x", hard_delete=True)
    other = db.enqueue_deletion("customer", 2)
    steps, canceller = Steps(db.connect()), db.connect()
    steps.claim()
    canceller.execute("BEGIN")
    canceller.cancel_deletion(job)
    assert steps.step() == "retry"
    canceller.execute("ROLLBACK")
    steps.finish()
    assert (db.job(job).status, (db.job(job).error or "")[:6]) == ("failed", "JD002:")
    assert db.status(other) == "done"
