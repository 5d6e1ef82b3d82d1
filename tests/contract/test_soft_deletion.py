"""Soft deletion: what a job marks, what it leaves alone, and how it goes on after a stop."""

import datetime as dt

import psycopg
import pymysql
import pytest

from tests.contract.schemas import customers, each, ids, in_small_steps, insert_job
from tests.contract.soft import ask, marked, mixed, soft, tree
from tests.contract.steps import Steps, recover_all
from tests.database import Database, Preview, Reference


def test_a_soft_job_marks_each_table_in_its_own_way(db: Database) -> None:
    mixed(db)
    job_id = soft(db, "customer", 1)
    assert ids(db, "customer") == [1, 2]
    assert db.column("SELECT id FROM customer WHERE deleted_at IS NOT NULL") == [1]
    assert db.rows("SELECT id, is_deleted FROM invoice ORDER BY id") == [
        (11, True),
        (12, True),
        (21, True),
        (22, None),
    ]
    # Through lines, which cannot be marked, and below an invoice that was marked before.
    assert db.count("note", "state = 9") == 6
    assert db.receipts(job_id) == {
        ("customer", "mark"): 1,
        ("invoice", "mark"): 1,
        ("note", "mark"): 2,
    }
    assert db.marks(job_id) == [
        ("customer", [1]),
        ("invoice", [12]),
        ("note", [1112]),
        ("note", [1122]),
    ]
    assert db.count("deletion_soft_keys") == 0


def test_a_time_is_set_to_that_of_the_run(db: Database) -> None:
    mixed(db)
    before = db.now()
    soft(db, "customer", 1)
    (found,) = db.column("SELECT deleted_at FROM customer WHERE id = 1")
    found = found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found
    assert before <= found <= db.now()


@pytest.mark.parametrize(
    ("column", "value", "live", "mark"),
    [
        ("gone boolean", None, False, True),
        ("gone boolean null", None, None, True),
        ("gone int", None, 0, 1),
        ("gone smallint null", 7, None, 7),
        ("gone bigint", -5, 4, -5),
    ],
)
def test_each_kind_of_column_is_marked_and_restored(
    db: Database, column: str, value: int | None, live: object, mark: object
) -> None:
    db.table("customer", "id bigint", column, rows=[(1, live), (2, live), (3, mark)])
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone", value)
    before = db.application_contents()
    done = [soft(db, "customer", n) for n in (1, 3)]
    assert db.rows("SELECT id, gone FROM customer ORDER BY id") == [(1, mark), (2, live), (3, mark)]
    assert [db.marks(job_id) for job_id in done] == [[("customer", [1])], []]
    for job_id in done:
        db.restore_deletion(job_id)
    assert db.application_contents() == before


@pytest.mark.parametrize("kind", ["timestamp_0", "whole"])
def test_a_time_of_whole_seconds_is_restored_as_well(db: Database, kind: str) -> None:
    column = db.either(
        mysql="DATETIME(0)" if kind == "whole" else "TIMESTAMP(0)",
        postgres="timestamp(0)" if kind == "whole" else "timestamptz(0)",
    )
    db.table("customer", "id bigint", f"gone {column} null", rows=[(1, None)])
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    job_id = soft(db, "customer", 1)
    assert db.count("customer", "gone IS NOT NULL") == 1
    db.script(mysql="SET time_zone = '+05:00'", postgres="SET timezone = 'Asia/Karachi'")
    db.restore_deletion(job_id)
    assert db.count("customer", "gone IS NULL") == 1


def test_restrict_blocks_no_soft_job_and_nothing_is_set_null(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(1, None)])
    for name, on_delete in (("bill", "no action"), ("visit", "set null")):
        db.table(
            name,
            "id bigint",
            "customer_id bigint null",
            "gone boolean null",
            references=[Reference("customer_id", "customer", on_delete)],
            rows=[(1, 1, None)],
        )
        db.set_soft_deletion(name, "gone")
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    soft(db, "customer", 1)
    assert marked(db, "customer") == [1]
    assert db.rows("SELECT customer_id, gone FROM bill") == [(1, None)]
    assert db.rows("SELECT customer_id, gone FROM visit") == [(1, None)]


def test_a_tree_is_marked_from_the_root_down_and_no_further(db: Database) -> None:
    tree(db, {1: None, 2: 1, 3: 2, 4: 2, 5: 1, 6: None, 7: 6, 8: 8})
    job_id = soft(db, "node", 2)
    assert marked(db, "node") == [2, 3, 4]
    assert db.receipts(job_id) == {("node", "mark"): 3}
    soft(db, "node", 8)
    assert marked(db, "node") == [2, 3, 4, 8]


def test_rows_that_go_in_a_circle_are_marked_once(db: Database) -> None:
    tree(db, {1: 3, 2: 1, 3: 2, 4: 2})
    in_small_steps(db)
    job_id = soft(db, "node", 2)
    assert marked(db, "node") == [1, 2, 3, 4]
    assert db.receipts(job_id) == {("node", "mark"): 4}


def test_tables_that_go_in_a_circle_are_marked_once(db: Database) -> None:
    db.table("a", "id bigint", "b_id bigint null", "gone boolean null", rows=[(1, None, None)])
    db.table(
        "b",
        "id bigint",
        "a_id bigint null",
        "gone boolean null",
        references=[Reference("a_id", "a", "cascade")],
        rows=[(1, 1, None), (2, 1, True)],
    )
    db.add_reference("a", Reference("b_id", "b", "cascade"))
    db.insert("a", [(2, 1, None), (3, 2, None)])
    db.execute("UPDATE a SET b_id = 1 WHERE id = 1")
    db.register_deletion_target("a")
    db.set_soft_deletion("a", "gone")
    db.set_soft_deletion("b", "gone")
    job_id = soft(db, "a", 1)
    assert (marked(db, "a"), marked(db, "b")) == ([1, 2, 3], [1, 2])
    assert db.receipts(job_id) == {("a", "mark"): 3, ("b", "mark"): 1}


def test_a_row_with_two_parents_is_marked_once(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(1, None), (2, None)])
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "guide_id bigint null",
        "gone boolean null",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("guide_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 1, None), (2, 1, 2, None), (3, 2, 1, None), (4, 2, 2, None)],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    db.set_soft_deletion("visit", "gone")
    job_id = soft(db, "customer", 1)
    assert marked(db, "visit") == [1, 2, 3]
    assert db.receipts(job_id) == {("customer", "mark"): 1, ("visit", "mark"): 3}


@pytest.mark.parametrize("batch_rows", [5000, 2])
def test_jobs_of_a_set_keep_exact_receipts(db: Database, batch_rows: int) -> None:
    mixed(db)
    db.set_deletion_setting("batch_rows", batch_rows)
    jobs = [ask(db, "customer", n) for n in (1, 2)]
    db.run()
    assert {db.status(job_id) for job_id in jobs} == {"done"}
    for n, job_id in enumerate(jobs, 1):
        assert db.receipts(job_id) == {
            ("customer", "mark"): 1,
            ("invoice", "mark"): 1,
            ("note", "mark"): 2,
        }
        assert db.marks(job_id)[:2] == [("customer", [n]), ("invoice", [10 * n + 2])]


def test_a_row_that_two_jobs_of_a_set_reach_is_marked_by_one(db: Database) -> None:
    tree(db, {1: None, 2: 1, 3: 2, 4: 3, 5: 3})
    before = db.application_contents()
    jobs = [ask(db, "node", n) for n in (1, 2, 3)]
    db.run()
    assert db.count("deletion_runs") == 1
    counts = [db.receipts(job_id).get(("node", "mark"), 0) for job_id in jobs]
    assert sum(counts) == 5
    assert [len(db.marks(job_id)) for job_id in jobs] == counts
    for job_id in jobs:
        db.restore_deletion(job_id)
    assert db.application_contents() == before


def test_a_row_that_two_jobs_meet_in_one_statement_is_marked_by_one(db: Database) -> None:
    # Batches of three keep the first job back until both stand at row 9.
    tree(db, {1: None, **dict.fromkeys(range(2, 9), 1), 9: 8, 10: 9})
    db.execute("UPDATE node SET gone = TRUE WHERE id IN (6, 7)")
    before = db.application_contents()
    db.set_deletion_setting("batch_rows", 3)
    jobs = [ask(db, "node", n) for n in (1, 8)]
    db.run()
    assert db.count("deletion_runs") == 1
    counts = [db.receipts(job_id).get(("node", "mark"), 0) for job_id in jobs]
    assert sum(counts) == 8
    assert [len(db.marks(job_id)) for job_id in jobs] == counts
    for job_id in jobs:
        db.restore_deletion(job_id)
    assert db.application_contents() == before


def test_a_wide_parent_is_marked_in_bounded_steps(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(1, None)])
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "gone boolean null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1, None) for n in each(200)],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    db.set_soft_deletion("visit", "gone")
    db.set_deletion_setting("batch_rows", 30)
    job_id = ask(db, "customer", 1)
    steps = Steps(db)
    steps.claim()
    sizes, state = [0], "more"
    while state == "more":
        state = steps.step()
        sizes.append(db.count("deletion_marks"))
        assert db.count("visit", "gone IS TRUE") + db.count("customer", "gone IS TRUE") == sizes[-1]
        assert sizes[-1] - sizes[-2] <= 30
    assert len(sizes) >= 7
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == {("customer", "mark"): 1, ("visit", "mark"): 200}


def test_a_worker_that_dies_is_followed_by_one_that_goes_on(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    db.set_deletion_setting("batch_rows", 1)
    job_id = ask(db, "customer", 1)
    worker = db.connect()
    steps = Steps(worker)
    steps.claim()
    while db.count("deletion_marks") < 2:
        assert steps.step() == "more"
    db.end_session(worker)
    recover_all(db)
    assert db.status(job_id) == "pending"
    kept = db.count("deletion_soft_keys")
    assert kept
    db.run()
    assert db.outcomes(job_id) == ["lost", "done"]
    assert len(db.marks(job_id)) == 4
    assert db.receipts(job_id) == {
        ("customer", "mark"): 1,
        ("invoice", "mark"): 1,
        ("note", "mark"): 2,
    }
    db.restore_deletion(job_id)
    assert db.application_contents() == before


def test_a_worker_that_dies_within_a_step_has_marked_what_its_marks_say(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = ask(db, "customer", 1)
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE note SET state = 4 WHERE id = 1122")
    running = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    db.end_session(worker)
    with pytest.raises((psycopg.Error, pymysql.err.Error)):
        running.result(60)
    holder.execute("ROLLBACK")
    assert db.marks(job_id) == [("customer", [1]), ("invoice", [12])]
    assert db.count("note", "state = 9") == 4
    assert db.value("SELECT at_table FROM vw_deletion_progress") == "invoice"
    recover_all(db)
    db.run()
    assert db.outcomes(job_id) == ["lost", "done"]
    assert len(db.marks(job_id)) == 4
    db.restore_deletion(job_id)
    assert db.application_contents() == before


def test_a_job_that_is_cut_into_slices_goes_on_where_it_was(db: Database) -> None:
    tree(db, {n: n - 1 if n > 1 else None for n in each(40)})
    db.set_deletion_setting("batch_rows", 5)
    db.set_deletion_setting("batch_ms", 1)
    db.set_deletion_setting("slice_ms", 1)
    db.table("other", "id bigint", "gone boolean null", rows=[(1, None)])
    db.register_deletion_target("other")
    db.set_soft_deletion("other", "gone")
    job_id = ask(db, "node", 1)
    ask(db, "other", 1)
    db.run()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id) == {("node", "mark"): 40}
    assert len(db.marks(job_id)) == 40


def test_a_row_that_moves_away_takes_all_below_it_along(db: Database) -> None:
    tree(db, {1: None, 2: 1, 3: 2, 4: 3, 5: 1, 6: None})
    db.set_deletion_setting("batch_rows", 1)
    job_id = ask(db, "node", 1)
    steps = Steps(db)
    steps.claim()
    while marked(db, "node") != [1]:
        assert steps.step() == "more"
    db.execute("UPDATE node SET parent_id = 6 WHERE id = 2")
    steps.finish()
    assert db.status(job_id) == "done"
    assert marked(db, "node") == [1, 5]


def test_a_harder_mode_that_is_asked_for_meanwhile_removes_the_rows(db: Database) -> None:
    mixed(db)
    job_id = ask(db, "customer", 1)
    steps = Steps(db)
    steps.claim()
    assert db.enqueue_deletion("customer", 1, hard_delete=True) == job_id
    steps.finish()
    assert db.job(job_id).hard_delete is True
    assert db.status(job_id) == "done"
    assert ids(db, "customer") == [2]
    assert db.outcomes(job_id) == ["done", "done"]
    assert db.receipts(job_id)["customer", "delete"] == 1
    assert db.receipts(job_id)["customer", "mark"] == 1
    with db.error("JD003", "restore_deletion: "):
        db.restore_deletion(job_id)


@pytest.mark.parametrize("when", ["wanted while it runs", "wanted later", "cancelled later"])
def test_what_a_job_noted_goes_when_it_is_not_soft_any_more(db: Database, when: str) -> None:
    tree(db, {n: n - 1 if n > 1 else None for n in each(8)})
    db.set_deletion_setting("batch_rows", 1)
    job_id = ask(db, "node", 1)
    steps = Steps(db.connect())
    steps.claim()
    while len(marked(db, "node")) < 3:
        assert steps.step() == "more"
    if when == "wanted while it runs":
        db.enqueue_deletion("node", 1, hard_delete=True)
    db.pause_deletions("a slice ends here")
    assert steps.step() == "ended"
    assert db.outcomes(job_id) == ["sliced"]
    assert db.count("deletion_soft_keys") > 3
    if when == "wanted later":
        db.enqueue_deletion("node", 1, hard_delete=True)
    elif when == "cancelled later":
        db.cancel_deletion(job_id)
    db.resume_deletions()
    db.run()
    assert db.count("deletion_soft_keys") == 0
    if when == "cancelled later":
        assert (db.status(job_id), len(marked(db, "node"))) == ("cancelled", 4)
    else:
        assert (db.status(job_id), ids(db, "node")) == ("done", [])


def test_a_cancelled_job_stops_and_can_be_restored(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    db.set_deletion_setting("batch_rows", 1)
    job_id = ask(db, "customer", 1)
    steps = Steps(db)
    steps.claim()
    while db.count("deletion_marks") < 2:
        assert steps.step() == "more"
    db.cancel_deletion(job_id)
    steps.finish()
    assert db.status(job_id) == "cancelled"
    assert len(db.marks(job_id)) == 2
    assert db.count("deletion_soft_keys") == 0
    db.restore_deletion(job_id)
    assert db.application_contents() == before
    # Asked again, it begins at its root again.
    assert soft(db, "customer", 1) == job_id
    assert len(db.marks(job_id)) == 4


def test_grace_is_over_when_the_job_comes_back(db: Database) -> None:
    mixed(db)
    db.set_soft_deletion("customer", "deleted_at", None, 3600)
    job_id = ask(db, "customer", 1)
    earliest = db.now() + dt.timedelta(seconds=3600)
    db.run()
    job = db.job(job_id)
    assert (job.status, job.hard_delete, job.error) == ("pending", True, None)
    assert job.scheduled_at is not None
    assert earliest <= job.scheduled_at <= db.now() + dt.timedelta(seconds=3600)
    assert db.outcomes(job_id) == ["done"]
    # A softer wish ends no grace.
    assert ask(db, "customer", 1) == job_id
    assert db.enqueue_deletions("customer", [1], hard_delete=False) == 1
    assert db.job(job_id) == job
    db.run()
    assert ids(db, "customer") == [1, 2]
    assert db.enqueue_deletion("customer", 1, hard_delete=True) == job_id
    db.run()
    assert ids(db, "customer") == [2]
    assert db.status(job_id) == "done"
    assert db.receipts(job_id)["note", "delete"] == 4


def test_rows_that_came_below_marked_ones_go_with_them_after_the_grace(db: Database) -> None:
    mixed(db)
    db.set_deletion_setting("batch_rows", 1)
    db.set_soft_deletion("customer", "deleted_at", None, 3600)
    job_id = ask(db, "customer", 1)
    db.run()
    db.insert("invoice", [(13, 1, None)])
    db.insert("line", [(131, 13), (113, 11)])
    db.insert("note", [(2131, 131, 3), (2113, 113, 3)])
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL")
    steps = Steps(db.connect())
    steps.claim()
    while db.count("note") == 10:
        assert steps.step() == "more"
    # While the removal is at work, below rows that it has met as well as others.
    db.insert("note", [(3112, 112, 3), (3131, 131, 9)])
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert (ids(db, "customer"), ids(db, "invoice")) == ([2], [21, 22])
    assert (db.count("line"), db.count("note")) == (4, 4)
    receipts = db.receipts(job_id)
    assert {table: n for (table, action), n in receipts.items() if action == "delete"} == {
        "customer": 1,
        "invoice": 3,
        "line": 6,
        "note": 8,
    }


def test_a_restore_takes_the_purge_back(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    db.set_soft_deletion("customer", "deleted_at", None, 1)
    job_id = ask(db, "customer", 1)
    db.worker.run_deletion_jobs(run_seconds=1)
    assert db.job(job_id).hard_delete is True
    db.restore_deletion(job_id)
    job = db.job(job_id)
    assert (job.status, job.hard_delete) == ("cancelled", False)
    db.wait_for(lambda: job.scheduled_at is not None and db.now() > job.scheduled_at)
    db.run()
    assert db.application_contents() == before


def test_a_root_that_is_gone_still_has_what_was_declared_to_hang_from_it(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(2, None)])
    db.table(
        "remark",
        "id bigint",
        "customer_id bigint",
        "gone boolean null",
        rows=[(1, 1, None), (2, 2, None)],
    )
    db.index("remark", "customer_id")
    db.script(mysql="CREATE INDEX i ON remark (customer_id)")
    db.declare_deletion_reference("r", "remark", ["customer_id"], "customer", ["id"], "cascade")
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    db.set_soft_deletion("remark", "gone")
    job_id = soft(db, "customer", 1)
    assert marked(db, "remark") == [1]
    assert db.receipts(job_id) == {("customer", "root_not_found"): 0, ("remark", "mark"): 1}


def test_a_trigger_that_keeps_rows_from_being_marked_fails_the_job(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(1, None)])
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    db.script(
        mysql="CREATE TRIGGER keep BEFORE UPDATE ON customer FOR EACH ROW SET NEW.gone = OLD.gone",
        postgres="CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN NULL; END $$;"
        "CREATE TRIGGER keep BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION keep()",
    )
    job_id = ask(db, "customer", 1)
    db.run()
    job = db.job(job_id)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith("JD006: ")
    assert "customer" in job.error
    assert db.marks(job_id) == []


def test_a_limit_of_rows_stops_a_soft_job_before_its_first(db: Database) -> None:
    mixed(db)
    db.register_deletion_target("customer", None, 3)
    job_id = ask(db, "customer", 1)
    db.run()
    job = db.job(job_id)
    assert job.status == "failed"
    assert str(job.error).startswith("JD013: ")
    assert db.count("deletion_marks") == 0
    db.register_deletion_target("customer", None, 100)
    db.retry_deletion(job_id)
    db.run()
    assert len(db.marks(job_id)) == 4


def test_a_target_without_a_column_cannot_be_marked(db: Database) -> None:
    customers(db)
    for job_id in (insert_job(db, "customer", "1", hard_delete=False),):
        db.run()
        assert str(db.job(job_id).error).startswith("JD011: ")
    with db.error("JD011", "enqueue_deletion: "):
        ask(db, "customer", 2)
    with db.error("JD011", "preview_soft_deletion: "):
        db.preview_soft_deletion("customer", 2)


def test_a_column_that_goes_is_an_error_of_the_plan(db: Database) -> None:
    mixed(db)
    db.script(
        mysql="ALTER TABLE invoice DROP COLUMN is_deleted",
        postgres="ALTER TABLE invoice DROP COLUMN is_deleted",
    )
    job_id = ask(db, "customer", 1)
    db.run()
    assert str(db.job(job_id).error).startswith("JD011: is_deleted of invoice")
    assert db.count("deletion_marks") == 0
    db.set_soft_deletion("invoice", None)
    db.retry_deletion(job_id)
    db.run()
    assert len(db.marks(job_id)) == 3


@pytest.mark.parametrize("steps_before", [0, 1, 3])
def test_a_column_that_goes_after_the_claim_is_an_error_of_the_plan(
    db: Database, steps_before: int
) -> None:
    mixed(db)
    db.set_deletion_setting("batch_rows", 1)
    job_id = ask(db, "customer", 1)
    steps = Steps(db.connect())
    steps.claim()
    for _ in range(steps_before):
        assert steps.step() == "more"
    db.script(
        mysql="ALTER TABLE note DROP COLUMN state", postgres="ALTER TABLE note DROP COLUMN state"
    )
    steps.finish()
    assert (db.status(job_id), (db.job(job_id).error or "")[:24]) == (
        "failed",
        "JD011: state of note: no",
    )
    assert db.outcomes(job_id) == ["returned", "failed"]


def test_a_column_named_while_a_plan_is_there_makes_it_stale(db: Database) -> None:
    mixed(db)
    db.set_soft_deletion("note", None)
    first = soft(db, "customer", 1)
    assert {table for table, _ in db.marks(first)} == {"customer", "invoice"}
    db.set_soft_deletion("note", "state", 9)
    second = soft(db, "customer", 2)
    assert {table for table, _ in db.marks(second)} == {"customer", "invoice", "note"}


def test_marking_needs_no_right_but_to_set_the_column(db: Database) -> None:
    mixed(db)
    columns = {"customer": "deleted_at", "invoice": "is_deleted", "note": "state"}
    for table in ("customer", "invoice", "line", "note"):
        db.revoke_from_owner(table, "UPDATE, DELETE")
    job_id = ask(db, "customer", 1)
    db.run()
    assert str(db.job(job_id).error).startswith(db.either(mysql="42000: ", postgres="42501: "))
    assert db.count("deletion_marks") == 0
    owner = db.either(mysql="deletion_jobs_owner@localhost", postgres="deletion_jobs_owner")
    for table, column in columns.items():
        db.execute(f"GRANT UPDATE ({column}) ON {table} TO {owner}")
    db.retry_deletion(job_id)
    db.run()
    assert db.status(job_id) == "done", db.job(job_id)
    assert len(db.marks(job_id)) == 4
    db.restore_deletion(job_id)
    assert db.marks(job_id) == []


def test_a_preview_tells_what_would_be_marked(db: Database) -> None:
    mixed(db)
    before = db.contents()
    found = db.connect("operator").preview_soft_deletion("customer", 1)
    assert found == [
        Preview("customer", "mark", None, 1, False),
        Preview("invoice", "mark", None, 1, False),
        Preview("note", "mark", None, 2, False),
    ]
    after = db.contents()
    for table in before:
        if "plan" not in table:
            assert after[table] == before[table]
    assert db.preview_soft_deletion("customer", 7) == [
        Preview("customer", "root_not_found", None, 0, False)
    ]


def test_the_plan_shows_both_modes(db: Database) -> None:
    mixed(db)
    db.compile_deletion_plan("customer")
    kinds = db.rows(
        "SELECT DISTINCT table_name, kind FROM vw_deletion_plan"
        " WHERE NOT hard_delete AND kind IN ('mark', 'pass', 'restore') ORDER BY 1, 2"
    )
    assert kinds == [
        ("customer", "mark"),
        ("customer", "restore"),
        ("invoice", "mark"),
        ("invoice", "restore"),
        ("line", "pass"),
        ("note", "mark"),
        ("note", "restore"),
    ]
    assert db.count("vw_deletion_plan", "hard_delete") > 0


def test_names_are_quoted_wherever_they_come_from(db: Database) -> None:
    table, column = 'or"der` %s x', 'de"le`ted; -- %'
    quoted = db.either(mysql='`de"le``ted; -- %%`', postgres='"de""le`ted; -- %%"')
    name = db.either(mysql='`or"der`` %%s x`', postgres='"or""der` %%s x"')
    db.script(
        mysql=f"CREATE TABLE {name.replace('%%', '%')} (id BIGINT PRIMARY KEY,"
        f" {quoted.replace('%%', '%')} INT)",
        postgres=f"CREATE TABLE {name.replace('%%', '%')} (id bigint PRIMARY KEY,"
        f" {quoted.replace('%%', '%')} int)",
    )
    db.grant_to_owner(table)
    db.execute(f"INSERT INTO {name} VALUES (%s, %s)", 1, 0)
    registered = db.either(mysql=table, postgres=name.replace("%%", "%"))
    db.register_deletion_target(registered)
    db.set_soft_deletion(registered, column, 4)
    job_id = soft(db, registered, 1)
    assert db.column(f"SELECT {quoted} FROM {name} WHERE id = %s", 1) == [4]
    db.restore_deletion(job_id)
    assert db.column(f"SELECT {quoted} FROM {name} WHERE id = %s", 1) == [0]


def test_two_workers_mark_the_rows_that_both_reach_once(db: Database) -> None:
    tree(db, {n: n - 1 if n > 1 else None for n in each(30)})
    db.set_deletion_setting("jobs_per_run", 1)
    db.set_deletion_setting("batch_rows", 3)
    jobs = [ask(db, "node", n) for n in (1, 2, 5, 9)]
    running = [db.background(db.connect("worker").run_deletion_jobs, slot) for slot in (1, 2)]
    for one in running:
        one.result(60)
    db.run()
    assert {db.status(job_id) for job_id in jobs} == {"done"}
    found = sorted(key for job_id in jobs for _, key in db.marks(job_id))
    assert found == [[n] for n in each(30)]
    assert sum(db.receipts(job_id).get(("node", "mark"), 0) for job_id in jobs) == 30
