"""Frames whose rows are locked first, so that nothing is looked at twice: what could betray it."""

import pytest

from tests.contract.schemas import customers, each, ids
from tests.contract.steps import Steps
from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)


def thread(db: Database, rows: list[tuple[int, int | None, int | None]]) -> None:
    """Make post <- comment, which refers to itself as well; posts 1 to 3."""
    db.table("post", "id bigint", rows=[(n,) for n in each(3)])
    db.table(
        "comment",
        "id bigint",
        "post_id bigint null",
        "parent_id bigint null",
        references=[
            Reference("post_id", "post", "cascade"),
            Reference("parent_id", "comment", "cascade"),
        ],
        rows=rows,
    )
    db.register_deletion_target("post")


def learn(db: Database, table: str, pk: int) -> None:
    """Run one job, so that the next one begins with what it saw, and locks its root."""
    assert db.delete(table, pk).status == "done"


def test_rows_of_a_locked_frame_may_hang_from_each_other(db: Database) -> None:
    thread(db, [(1, 1, None), (10, 2, None), (11, 2, 10)])
    learn(db, "post", 1)
    job = db.delete("post", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("post", "delete"): 1, ("comment", "delete"): 2}


def test_rows_of_the_first_level_may_hang_from_each_other(db: Database) -> None:
    thread(db, [(10, 1, None), (11, 1, 10), (12, None, 11), (13, None, 12)])
    job = db.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("post", "delete"): 1, ("comment", "delete"): 4}


def test_a_long_answer_among_many_comments_goes_in_a_first_run(db: Database) -> None:
    thread(db, [(n, 1, n - 1 if 98 <= n <= 110 else None) for n in each(400)])
    job = db.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("post", "delete"): 1, ("comment", "delete"): 400}


def test_many_roots_that_were_gone_already_teach_nothing_wrong(db: Database) -> None:
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "node", "cascade")],
        rows=[(1, None), (2, 1), (3, 2), (4, 2)],
    )
    db.register_deletion_target("node")
    db.enqueue_deletions("node", [4, *range(1000, 1099)])
    db.run()
    job = db.delete("node", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 3}


def test_a_row_that_goes_while_others_wait_for_it_ends_no_reference(db: Database) -> None:
    customers(db, 4)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1000, 4), *((n, 1) for n in each(150))],
    )
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 100)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    learn(db, "customer", 4)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    holder = db.connect()
    holder.execute("BEGIN")
    holder.execute("DELETE FROM visit WHERE id = 50")
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    holder.execute("COMMIT")
    running.result(60)
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done"]
    assert db.receipts(jobs[0]) == {("customer", "delete"): 1, ("visit", "delete"): 149}
    assert db.count("visit") == 0


def test_a_lock_that_is_no_use_any_more_does_not_come_back(db: Database) -> None:
    customers(db, 4)
    reference = [Reference("customer_id", "customer", "cascade")]
    db.table(
        "a", "id bigint", "customer_id bigint", references=reference, rows=[(n, 1) for n in each(5)]
    )
    db.table(
        "b", "id bigint", "customer_id bigint", references=reference, rows=[(1, 1), (2, 2), (3, 4)]
    )
    db.table(
        "c",
        "id bigint",
        "b_id bigint",
        references=[Reference("b_id", "b", "cascade")],
        rows=[(1, 1)],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    learn(db, "customer", 4)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    steps = Steps(db.connect())
    steps.claim()
    assert steps.step() == "more"
    holder = db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE a SET id = 99 WHERE id = 3")
    running = db.background(steps.step)
    db.wait_until_blocked(steps.db)
    holder.execute("COMMIT")
    running.result(60)
    steps.finish()
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done", "done"]
    assert db.receipts(jobs[0]) == {
        ("customer", "delete"): 1,
        ("a", "delete"): 5,
        ("b", "delete"): 1,
        ("c", "delete"): 1,
    }


def test_a_trigger_that_adds_a_row_behind_an_emptied_reference_stops_no_job(db: Database) -> None:
    customers(db, 3)
    log = Reference("customer_id", "customer", "no action")
    db.table("a_log", "id bigint", "customer_id bigint", references=[log], rows=[])
    db.table(
        "z_item",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2), (3, 2)],
    )
    db.set_deletion_rule("a_log", db.reference_name("a_log", log), "cascade")
    db.script(
        mysql="CREATE TRIGGER z_item_gone AFTER DELETE ON z_item FOR EACH ROW"
        " INSERT INTO a_log VALUES (old.id, old.customer_id)",
        postgres="CREATE FUNCTION z_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " 'BEGIN INSERT INTO a_log VALUES (old.id, old.customer_id); RETURN NULL; END';"
        "CREATE TRIGGER z_item_gone AFTER DELETE ON z_item FOR EACH ROW"
        " EXECUTE FUNCTION z_gone()",
    )
    db.register_deletion_target("customer")
    for root, items in ((1, 1), (2, 2)):
        job = db.delete("customer", root)
        assert (job.status, job.error) == ("done", None)
        assert db.receipts(job.id) == {
            ("customer", "delete"): 1,
            ("z_item", "delete"): items,
            ("a_log", "delete"): items,
        }
    assert (ids(db, "customer"), db.count("a_log")) == ([3], 0)


@pytest.mark.parametrize("action", ["cascade", "set null", "no action"])
@pytest.mark.parametrize("roots", [(1,), (1, 2)], ids=["one job", "two jobs"])
def test_a_row_that_gets_another_key_while_its_lock_is_waited_for_goes_under_it(
    db: Database, action: str, roots: tuple[int, ...]
) -> None:
    customers(db, 4)
    visit = Reference("customer_id", "customer", action)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null",
        references=[visit],
        rows=[(1, 1), (2, 2), (3, 4), (7, 1)],
    )
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(1, 7)],
    )
    if action != "cascade":
        db.set_deletion_rule("visit", db.reference_name("visit", visit), "cascade")
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    learn(db, "customer", 4)
    jobs = [db.enqueue_deletion("customer", root) for root in roots]
    holder = db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE visit SET id = 99 WHERE id = 1")
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    holder.execute("COMMIT")
    running.result(60)
    db.run()
    assert [db.status(job_id) for job_id in jobs] == ["done"] * len(roots)
    assert db.receipts(jobs[0]) == {
        ("customer", "delete"): 1,
        ("visit", "delete"): 2,
        ("detail", "delete"): 1,
    }
    assert db.count("visit", "customer_id IS NULL OR customer_id IN (1, 4)") == 0


def tower(db: Database) -> None:
    """Make customer <- a <- b <- c <- d: two customers with eight rows of each, and a spare one."""
    customers(db, 3)
    parent = "customer"
    for level, table in enumerate("abcd"):
        rows = [(100 * root + n, root if level == 0 else 100 * root + n) for root in (1, 2)
                for n in each(8)]  # fmt: skip
        # One more in each, from which nothing hangs.
        rows += [(100 * root + 50, root if level == 0 else 100 * root + 1) for root in (1, 2)]
        db.table(
            table,
            "id bigint",
            f"{parent}_id bigint",
            references=[Reference(f"{parent}_id", parent, "cascade")],
            rows=rows,
        )
        parent = table
    db.register_deletion_target("customer")
    db.set_deletion_setting("lock_timeout_ms", 60_000)


TOWER = {("customer", "delete"): 1, **{(table, "delete"): 9 for table in "abcd"}}


@pytest.mark.parametrize("table", ["a", "b", "c"])
@pytest.mark.parametrize(
    ("change", "counted", "kept"),
    [
        ("UPDATE {0} SET id = 199 WHERE id = 150", 9, 0),
        ("UPDATE {0} SET id = 90 WHERE id = 150", 9, 0),
        ("DELETE FROM {0} WHERE id = 150", 8, 0),
        ("UPDATE {0} SET {1} = 3 WHERE id = 150", 8, 1),
        ("INSERT INTO {0} SELECT 199, {1} FROM {0} WHERE id = 150", 10, 0),
    ],
    ids=["key", "lower key", "gone", "moved", "came"],
)
def test_what_others_do_to_a_row_in_the_midst_is_counted_or_left(
    db: Database, table: str, change: str, counted: int, kept: int
) -> None:
    tower(db)
    parent = {"a": "customer", "b": "a", "c": "b"}[table]
    for upper in "ab"[: "abc".index(table)]:
        above = {"a": "customer", "b": "a"}[upper]
        db.execute(f"INSERT INTO {upper} (id, {above}_id) VALUES (3, 3)")
    learn(db, "customer", 2)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    holder.execute("BEGIN")
    holder.execute(change.format(table, f"{parent}_id"))
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    holder.execute("COMMIT")
    running.result(60)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {**TOWER, (table, "delete"): counted}
    assert db.count(table, "id BETWEEN 90 AND 199") == kept
