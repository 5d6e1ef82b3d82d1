"""hold_deletion and release_deletion_hold: single rows that no job deletes."""

import datetime as dt
from typing import Any

import pytest

from tests.contract.schemas import customers, ids, in_small_steps, shop
from tests.contract.steps import Steps
from tests.database import Database, Job, Preview, Reference

NEXT_YEAR = dt.datetime(2099, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def fails(job: Job, *words: str) -> None:
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:")
    for word in words:
        assert word in (job.error or "")


def test_a_held_row_blocks_every_job_whose_closure_holds_it(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.hold_deletion("line", 112, "tax audit", NEXT_YEAR)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, job.error) == (
        "failed",
        "JD006: held: line 112 until 2099-01-02 03:04:05 UTC: tax audit",
    )
    assert db.receipts(job.id) == {}
    assert db.application_contents() == before
    assert db.delete("customer", 2).status == "done"


def test_a_held_root_blocks_its_own_job(db: Database) -> None:
    customers(db)
    db.hold_deletion("customer", "02")
    fails(db.delete("customer", 2), "customer 2 without end: audit")
    assert db.delete("customer", 1).status == "done"


def test_a_released_hold_lets_the_job_go_on(db: Database) -> None:
    shop(db)
    db.hold_deletion("invoice", 11)
    job = db.delete("customer", 1)
    fails(job)
    db.release_deletion_hold("invoice", 11)
    db.retry_deletion(job.id)
    db.run()
    assert db.job(job.id).status == "done"
    assert db.receipts(job.id) == {
        ("customer", "delete"): 1,
        ("invoice", "delete"): 3,
        ("line", "delete"): 6,
    }


def test_a_hold_that_is_over_does_not_block(db: Database) -> None:
    shop(db)
    db.hold_deletion("invoice", 11, until=NEXT_YEAR)
    db.execute("UPDATE deletion_holds SET held_until = '2001-01-01'")
    assert db.delete("customer", 1).status == "done"


def test_a_hold_elsewhere_does_not_block(db: Database) -> None:
    shop(db)
    customers_notes(db)
    for table, pk in [("invoice", 21), ("line", 999), ("note", 1)]:
        db.hold_deletion(table, pk)
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "invoice") == [21, 22, 23, 31, 32, 33]


def customers_notes(db: Database) -> None:
    """Make note, which is set NULL: a hold keeps a row from being deleted, not from that."""
    db.table(
        "note",
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "set null")],
        rows=[(1, 1), (2, 2)],
    )


def test_of_a_set_of_jobs_only_those_above_a_held_row_fail(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 211)
    db.hold_deletion("invoice", 22)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2, 3)]
    db.run()
    assert [db.job(job).status for job in jobs] == ["done", "failed", "done"]
    fails(db.job(jobs[1]), "line 211 ", "invoice 22 ")
    assert ids(db, "invoice") == [21, 22, 23]


def test_composite_keys_and_deep_trees_are_climbed(db: Database) -> None:
    customers(db)
    db.table(
        "folder",
        "id bigint",
        "parent_id bigint null",
        "customer_id bigint null",
        references=[
            Reference("parent_id", "folder", "cascade"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, None, 1), *((n, n - 1, None) for n in range(2, 60)), (100, None, 2)],
    )
    db.table(
        "page",
        "folder_id bigint",
        "no varchar",
        key=("folder_id", "no"),
        references=[Reference("folder_id", "folder", "cascade")],
        rows=[(59, "a"), (59, "b"), (100, "a")],
    )
    db.hold_deletion("page", '["059", "a"]')
    assert db.column("SELECT row_pk FROM vw_deletion_holds") == ['["59","a"]']
    fails(db.delete("customer", 1), 'page ["59","a"] ')
    assert db.count("folder") == 60
    assert db.delete("customer", 2).status == "done"
    db.release_deletion_hold("page", '["59", "a"]')
    assert db.delete("customer", 1).status == "done"
    assert db.count("folder") == 0


def test_a_target_of_another_key_is_held_by_its_primary_key(db: Database) -> None:
    db.table(
        "person",
        "id bigint",
        "email varchar",
        unique=[("email",)],
        rows=[(1, "a@x"), (2, "b@x")],
    )
    db.register_deletion_target("person", ["email"])
    db.hold_deletion("person", 2)
    fails(db.delete("person", "b@x"), "person 2 ")
    assert db.delete("person", "a@x").status == "done"


def test_what_is_declared_is_held_from_a_root_that_is_gone(db: Database) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(1, 9), (2, 9), (3, 8)])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    db.hold_deletion("note", 2)
    fails(db.delete("customer", 9), "note 2 ")
    assert ids(db, "note") == [1, 2, 3]
    assert db.delete("customer", 8).status == "done"
    assert ids(db, "note") == [1, 2]


def test_a_hold_that_comes_while_a_job_runs_stops_it_before_the_row(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    job = db.enqueue_deletion("customer", 1)
    other = db.enqueue_deletion("customer", 2)
    steps = Steps(db.connect())
    steps.claim()
    while db.count("line") > 15:
        assert steps.step() == "more"
    held = ids(db, "line")[0]
    db.hold_deletion("line", held)
    steps.finish()
    fails(db.job(job), f"line {held} ")
    assert held in ids(db, "line")
    gone = 18 - db.count("line") - (6 if db.job(other).status == "done" else 0)
    assert db.receipts(job)["line", "delete"] == gone > 0
    assert db.job(other).status == "done"
    db.release_deletion_hold("line", held)
    db.retry_deletion(job)
    db.run()
    assert (db.job(job).status, db.receipts(job)["line", "delete"]) == ("done", 6)


def test_a_held_row_that_moves_under_a_running_job_stays(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.hold_deletion("line", 311)
    job = db.enqueue_deletion("customer", 1)
    steps = Steps(db.connect())
    steps.claim()
    while db.count("line") > 16:
        assert steps.step() == "more"
    db.execute("UPDATE line SET invoice_id = 13 WHERE id = 311")
    steps.finish()
    fails(db.job(job), "line 311 ")
    assert 311 in ids(db, "line")
    assert db.receipts(job)["line", "delete"] == 18 - db.count("line")


def test_a_hold_waits_for_the_step_that_is_at_work(db: Database) -> None:
    db.set_deletion_setting("lock_timeout_ms", 20000)
    shop(db)
    db.compile_deletion_plan("customer")
    blocker, holder, worker = db.connect(), db.connect(), db.worker
    blocker.execute("BEGIN")
    blocker.rows("SELECT id FROM line WHERE id = 111 FOR UPDATE")
    job = db.enqueue_deletion("customer", 1)
    working = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    holding = db.background(holder.hold_deletion, "line", 311)
    db.wait_until_blocked(holder)
    blocker.execute("ROLLBACK")
    holding.result()
    working.result()
    assert db.job(job).status == "done"
    assert db.count("vw_deletion_holds", "is_in_force") == 1


def test_a_step_waits_for_a_hold_that_is_not_committed_yet(db: Database) -> None:
    db.set_deletion_setting("lock_timeout_ms", 100)
    shop(db)
    db.compile_deletion_plan("customer")
    holder = db.connect()
    holder.execute("BEGIN")
    holder.hold_deletion("line", 111)
    job = db.enqueue_deletion("customer", 1)
    db.worker.run_deletion_jobs()
    assert (db.count("line"), db.job(job).status) == (18, "pending")
    holder.execute("COMMIT")
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL")
    db.run()
    fails(db.job(job), "line 111 ")


def test_who_held_a_row_and_let_it_go_stays_known(db: Database) -> None:
    shop(db)
    operator = db.connect("operator")
    operator.hold_deletion("invoice", "011", "first", NEXT_YEAR)
    operator.hold_deletion("invoice", "11", "second")
    operator.release_deletion_hold("invoice", 11)
    found = operator.rows(
        "SELECT table_name, row_pk, reason, is_in_force, held_until IS NULL,"
        " held_by = released_by, released_at >= held_at FROM vw_deletion_holds ORDER BY hold_id"
    )
    assert [tuple(row) for row in found] == [
        ("invoice", "11", "first", 0, 0, 1, 1),
        ("invoice", "11", "second", 0, 1, 1, 1),
    ]
    caller = db.connect("app")
    with caller.error(mysql="42000", postgres="42501"):
        caller.hold_deletion("invoice", 11)


def test_a_job_that_a_hold_stopped_is_a_problem_with_its_mend(db: Database) -> None:
    shop(db)
    db.hold_deletion("invoice", 11, "it's for the court")
    job = db.delete("customer", 1)
    found = db.rows(
        "SELECT problem, subject, detail, mend_sql FROM vw_deletion_problems"
        " WHERE problem IN ('held', 'failed')"
    )
    ((problem, subject, detail, mend),) = found
    assert (problem, subject) == ("held", f"job {job.id}")
    assert "it's for the court" in detail
    db.script(mysql=mend, postgres=mend)
    db.run()
    assert db.job(job.id).status == "done"
    assert db.count("vw_deletion_problems", "problem = 'held'") == 0


@pytest.mark.parametrize("what", ["gone", "renamed", "a view"])
def test_a_hold_whose_table_is_not_found_stops_every_job(db: Database, what: str) -> None:
    shop(db)
    db.table("note", "id bigint", rows=[(1,)])
    db.hold_deletion("note", 1, "for the court")
    # Whoever reads the view may have no right on the table.
    reader = db.connect("reader")
    assert reader.count("vw_deletion_problems", "problem = 'hold without table'") == 0
    db.execute("DROP TABLE note" if what == "gone" else "ALTER TABLE note RENAME TO remark")
    if what == "a view":
        db.execute("CREATE VIEW note AS SELECT * FROM remark")
    before = db.application_contents()
    job = db.delete("customer", 1)
    fails(job, "note 1 ", "no such table is found")
    assert (db.application_contents(), db.receipts(job.id)) == (before, {})
    with db.error("JD006", "the table of a hold is not found (held: note 1 "):
        db.preview_deletion("customer", 1)
    assert reader.column(
        "SELECT subject FROM vw_deletion_problems WHERE problem = 'hold without table'"
    ) == ["note 1"]
    db.release_deletion_hold("note", 1)
    assert db.count("vw_deletion_problems", "problem = 'hold without table'") == 0
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"


def test_a_hold_that_is_over_needs_no_table(db: Database) -> None:
    shop(db)
    db.table("note", "id bigint", rows=[(1,)])
    db.hold_deletion("note", 1, "for the court", NEXT_YEAR)
    db.execute("DROP TABLE note")
    db.execute("UPDATE deletion_holds SET held_until = held_at")
    assert db.delete("customer", 1).status == "done"


def test_preview_lists_held_rows_apart(db: Database) -> None:
    shop(db)
    db.hold_deletion("line", 111)
    db.hold_deletion("line", 112)
    db.hold_deletion("line", 311)
    assert set(db.preview_deletion("customer", 1)) == {
        Preview("customer", "delete", None, 1, False),
        Preview("invoice", "delete", None, 3, False),
        Preview("line", "delete", None, 4, False),
        Preview("line", "held", None, 2, False),
    }
    assert db.count("deletion_walk_keys") == 0


@pytest.mark.parametrize(
    ("table", "pk", "reason", "until", "code"),
    [
        (None, "1", "x", None, "JD002"),
        ("invoice", None, "x", None, "JD002"),
        ("invoice", "1x", "x", None, "JD002"),
        ("invoice", "[1]", "x", None, "JD002"),
        ("invoice", "1", None, None, "JD002"),
        ("invoice", "1", " ", None, "JD002"),
        ("invoice", "1", "x", dt.datetime(2001, 1, 1, tzinfo=dt.UTC), "JD002"),
        ("nothing", "1", "x", None, "JD005"),
        ("deletion_jobs", "1", "x", None, "JD005"),
    ],
)
def test_what_cannot_be_held_is_refused(
    db: Database, table: Any, pk: Any, reason: Any, until: Any, code: str
) -> None:
    shop(db)
    with db.error(code, "hold_deletion: "):
        db.hold_deletion(table, pk, reason, until)


@pytest.mark.parametrize(
    ("table", "pk"), [(None, "1"), ("invoice", None), ("invoice", "12"), ("nothing", "1")]
)
def test_what_is_not_held_cannot_be_released(db: Database, table: Any, pk: Any) -> None:
    shop(db)
    db.hold_deletion("invoice", 11)
    with db.error("JD002", "release_deletion_hold: "):
        db.release_deletion_hold(table, pk)
