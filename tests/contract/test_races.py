"""What others do to the rows between two statements of a job, moment by moment.

Where the moment is between two transactions of a run, its steps are called one by one, as the
loop calls them. Where it is inside one, a second session holds a lock that the step runs into.
"""

import contextlib

import pymysql
import pytest

from tests.contract.schemas import children, customers, each, ids, shop
from tests.contract.steps import Steps, recover, recover_all
from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)


def tree(db: Database) -> None:
    """Make root <- branch <- twig <- leaf: two roots; all rows hang from the first."""
    db.table("root", "id bigint", rows=[(1,), (2,)])
    db.table(
        "branch",
        "id bigint",
        "root_id bigint",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(n, 1) for n in each(6)],
    )
    db.table(
        "twig",
        "id bigint",
        "branch_id bigint",
        references=[Reference("branch_id", "branch", "cascade")],
        rows=[(10 * branch + n, branch) for branch in each(6) for n in each(4)],
    )
    db.table(
        "leaf",
        "id bigint",
        "twig_id bigint",
        references=[Reference("twig_id", "twig", "cascade")],
        rows=[(10 * twig + n, twig) for twig in twigs() for n in each(4)],
    )
    db.register_deletion_target("root")


def twigs() -> list[int]:
    """Give the ids of the rows of twig."""
    return [10 * branch + n for branch in each(6) for n in each(4)]


def rows_of(db: Database, table: str, where: str) -> list[int]:
    """Give the ids of some rows."""
    return [int(n) for n in db.column(f"SELECT id FROM {table} WHERE {where} ORDER BY id")]


def test_a_row_that_moves_while_its_frame_is_stored_stays_with_all_below_it(db: Database) -> None:
    tree(db)
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    moved = steps.until_stored("branch")[-1]
    db.observer.execute("UPDATE branch SET root_id = 2 WHERE id = %s", moved)
    its_twigs = rows_of(db, "twig", f"branch_id = {moved}")
    its_leaves = rows_of(db, "leaf", f"twig_id DIV 10 = {moved}".replace("DIV", divide(db)))
    steps.finish()
    assert (db.status(job_id), ids(db, "root")) == ("done", [2])
    assert db.rows("SELECT id, root_id FROM branch") == [(moved, 2)]
    assert (ids(db, "twig"), ids(db, "leaf")) == (its_twigs, its_leaves)
    assert its_twigs
    assert db.receipts(job_id) == {
        ("leaf", "delete"): 96 - len(its_leaves),
        ("twig", "delete"): 24 - len(its_twigs),
        ("branch", "delete"): 5,
        ("root", "delete"): 1,
    }


def test_a_row_that_moves_below_another_stored_frame_stays(db: Database) -> None:
    tree(db)
    db.insert("branch", [(99, 2)])
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    moved = steps.until_stored("twig")[-1]
    db.observer.execute("UPDATE twig SET branch_id = 99 WHERE id = %s", moved)
    its_leaves = rows_of(db, "leaf", f"twig_id = {moved}")
    steps.finish()
    assert (db.status(job_id), ids(db, "root")) == ("done", [2])
    assert (ids(db, "branch"), db.rows("SELECT id, branch_id FROM twig")) == ([99], [(moved, 99)])
    assert ids(db, "leaf") == its_leaves
    assert db.receipts(job_id)["twig", "delete"] == 23
    assert db.receipts(job_id)["leaf", "delete"] == 96 - len(its_leaves)


def test_what_hangs_from_a_missing_root_goes_though_its_neighbour_is_deleted_meanwhile(
    db: Database,
) -> None:
    db.table("customer", "id bigint", "no int", unique=["no"], rows=[(2, 12), (3, 13)])
    db.register_deletion_target("customer")
    db.table(
        "visit",
        "id bigint",
        "customer_no int",
        references=[Reference("customer_no", "customer", "cascade", to="no")],
    )
    db.table("note", "id bigint", "about bigint", rows=[(1, 1), (2, 2), (3, 1), (4, 3)])
    db.execute("CREATE INDEX idx_note ON note (about)")
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    missing, deleted = db.enqueue_deletion("customer", 1), db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    assert steps.step() == "more"
    db.observer.execute("DELETE FROM customer WHERE id = 2")
    steps.finish()
    assert (db.status(missing), db.status(deleted)) == ("done", "done")
    assert db.receipts(missing) == {("customer", "root_not_found"): 0, ("note", "delete"): 2}
    assert ids(db, "note") == [4]
    assert db.receipts(deleted) == {("note", "delete"): 1}


def test_a_row_that_becomes_another_kind_while_its_frame_is_stored_stays(db: Database) -> None:
    customers(db)
    db.table(
        "note",
        "id bigint",
        "about bigint",
        "kind varchar",
        rows=[(n, 1, "Customer") for n in each(6)],
    )
    db.execute("CREATE INDEX idx_note ON note (about)")
    db.table(
        "attachment",
        "id bigint",
        "note_id bigint",
        references=[Reference("note_id", "note", "cascade")],
        rows=[(n, 1 + n % 6) for n in each(24)],
    )
    db.declare_deletion_reference(
        "note_about", "note", ["about"], "customer", ["id"], "cascade", "kind", "Customer"
    )
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    changed = steps.until_stored("note")[-1]
    db.observer.execute("UPDATE note SET kind = 'Order' WHERE id = %s", changed)
    its_own = rows_of(db, "attachment", f"note_id = {changed}")
    steps.finish()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])
    assert (ids(db, "note"), ids(db, "attachment")) == ([changed], its_own)
    assert its_own
    assert db.receipts(job_id)["note", "delete"] == 5


def test_a_row_that_comes_to_the_root_while_frames_are_stored_goes(db: Database) -> None:
    tree(db)
    db.insert("branch", [(99, 2)])
    db.insert("twig", [(991, 99), (992, 99)])
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    steps.until_stored("twig")
    db.observer.execute("UPDATE branch SET root_id = 1 WHERE id = 99")
    steps.finish()
    assert (db.status(job_id), ids(db, "root"), ids(db, "branch")) == ("done", [2], [])
    assert db.receipts(job_id)["branch", "delete"] == 7
    assert db.receipts(job_id)["twig", "delete"] == 26


@pytest.mark.parametrize("level", ["branch", "twig"])
def test_a_row_that_moves_while_rows_below_it_are_deleted_keeps_all_of_them_or_goes(
    db: Database, level: str
) -> None:
    """The move comes while a step waits for a leaf: in the middle of its transaction."""
    tree(db)
    db.insert("branch", [(99, 2)])
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("root", 1)
    holder, mover = db.connect(), db.connect()
    column, moved, to = {"branch": ("root_id", 3, 2), "twig": ("branch_id", 33, 99)}[level]
    holder.execute("BEGIN")
    holder.execute("UPDATE leaf SET id = id WHERE id = 331")
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    moving = db.background(mover.execute, f"UPDATE {level} SET {column} = {to} WHERE id = {moved}")
    db.wait_for(lambda: moving.done() or db.observer.is_blocked(mover))
    holder.execute("COMMIT")
    running.result(60)
    moving.result(60)
    db.run()
    assert (db.status(job_id), ids(db, "root")) == ("done", [2])
    stays = db.count(level, "id = %s", moved)
    leaves = db.column(f"SELECT id FROM leaf WHERE twig_id {divide(db)} 10 = 3 ORDER BY id")
    below = {"branch": 16, "twig": 4}[level]
    assert (stays, len(leaves)) in {(0, 0), (1, below)}
    assert db.receipts(job_id)["leaf", "delete"] == 96 - len(leaves)
    assert db.count("leaf") == len(leaves)


def test_a_row_that_moves_while_frames_below_it_are_stored_stays_with_all_below_it(
    db: Database,
) -> None:
    tree(db)
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    moved = steps.until_stored("twig")[-1] // 10
    assert moved in map(int, steps.keys("branch"))
    db.observer.execute("UPDATE branch SET root_id = 2 WHERE id = %s", moved)
    its_twigs = rows_of(db, "twig", f"branch_id = {moved}")
    its_leaves = rows_of(db, "leaf", f"twig_id {divide(db)} 10 = {moved}")
    steps.finish()
    assert (db.status(job_id), ids(db, "root"), ids(db, "branch")) == (
        "done",
        [2],
        [moved],
    )
    assert (ids(db, "twig"), ids(db, "leaf")) == (its_twigs, its_leaves)
    assert its_leaves
    assert db.receipts(job_id) == {
        ("leaf", "delete"): 96 - len(its_leaves),
        ("twig", "delete"): 24 - len(its_twigs),
        ("branch", "delete"): 5,
        ("root", "delete"): 1,
    }


def test_a_root_that_was_missing_and_comes_back_stays_with_all_below_it(db: Database) -> None:
    shop(db)
    job_id = db.enqueue_deletion("customer", 4)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.insert("customer", [(4, "again")])
    db.observer.insert("invoice", [(41, 4)])
    db.observer.insert("line", [(411, 41)])
    steps.finish()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [1, 2, 3, 4])
    assert (db.count("invoice"), db.count("line")) == (10, 19)
    assert db.receipts(job_id) == {("customer", "root_not_found"): 0}


def chain(db: Database) -> Steps:
    """Make a chain of 60 nodes and one node beside it, and walk on until its frames are stored."""
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "node", "cascade")],
        rows=[(1000, None), (1, None), *((n, n - 1) for n in range(2, 61))],
    )
    db.register_deletion_target("node")
    db.set_deletion_setting("batch_rows", 30)
    steps = Steps(db)
    db.enqueue_deletion("node", 1)
    steps.claim()
    while db.count("node") == 61:
        assert steps.step() == "more"
    # Several levels in a frame: far fewer frames than rows.
    assert 1 < db.count("deletion_frames") < 15
    return steps


def test_a_row_in_the_middle_of_a_frame_of_several_levels_moves_with_all_below_it(
    db: Database,
) -> None:
    steps = chain(db)
    left = rows_of(db, "node", "id >= 25 AND id < 1000")
    db.observer.execute("UPDATE node SET parent_id = 1000 WHERE id = 25")
    steps.finish()
    assert left[:3] == [25, 26, 27]
    assert ids(db, "node") == [*left, 1000]
    (job,) = db.column("SELECT id FROM deletion_jobs")
    assert (db.status(job), db.receipts(job)) == ("done", {("node", "delete"): 60 - len(left)})


def test_a_child_added_in_the_middle_of_a_frame_of_several_levels_goes_and_is_counted(
    db: Database,
) -> None:
    steps = chain(db)
    db.observer.insert("node", [(999, 25), (998, 999), (997, 2)])
    steps.finish()
    (job,) = db.column("SELECT id FROM deletion_jobs")
    assert (ids(db, "node"), db.status(job)) == ([1000], "done")
    assert db.receipts(job) == {("node", "delete"): 63}


def test_frames_of_several_levels_are_found_again_where_the_batch_was_halved(db: Database) -> None:
    steps = chain(db)
    db.execute("UPDATE deletion_runs SET batch_rows = 3 WHERE ended_at IS NULL")
    steps.finish()
    (job,) = db.column("SELECT id FROM deletion_jobs")
    assert (ids(db, "node"), db.status(job)) == ([1000], "done")
    assert db.receipts(job) == {("node", "delete"): 60}


def test_a_row_that_moves_deep_below_a_stored_stack_keeps_what_hangs_from_it(db: Database) -> None:
    tree(db)
    db.table(
        "bud",
        "id bigint",
        "leaf_id bigint",
        references=[Reference("leaf_id", "leaf", "cascade")],
        rows=[
            (10 * (10 * twig + n) + b, 10 * twig + n)
            for twig in twigs()
            for n in each(4)
            for b in each(2)
        ],
    )
    db.set_deletion_setting("batch_rows", 4)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    leaf = steps.until_stored("leaf")[-1]
    branch = leaf // 100
    # The frames above still hold what they held, each below the row that is in the frame below.
    db.observer.execute("UPDATE branch SET root_id = 2 WHERE id = %s", branch)
    kept = {
        "twig": rows_of(db, "twig", f"branch_id = {branch}"),
        "leaf": rows_of(db, "leaf", f"twig_id {divide(db)} 10 = {branch}"),
        "bud": rows_of(db, "bud", f"leaf_id {divide(db)} 100 = {branch}"),
    }
    assert leaf in kept["leaf"]
    steps.finish()
    assert (db.status(job_id), ids(db, "root"), ids(db, "branch")) == ("done", [2], [branch])
    assert {table: ids(db, table) for table in kept} == kept
    assert db.receipts(job_id)["bud", "delete"] == 192 - len(kept["bud"])


def test_a_row_that_gets_another_key_behind_the_scan_is_deleted_and_counted(db: Database) -> None:
    """The scan has passed the new key; in MySQL that needs the locked parent, and is a deadlock."""
    db.table("root", "id bigint", rows=[(1,), (2,)])
    db.table(
        "branch",
        "id bigint",
        "root_id bigint",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(n, 1) for n in each(300)],
    )
    db.table(
        "leaf",
        "id bigint",
        "branch_id bigint",
        references=[Reference("branch_id", "branch", "cascade")],
        rows=[(10 * branch + n, branch) for branch in each(300) for n in each(4)],
    )
    db.register_deletion_target("root")
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("root", 1)
    holder, other = db.connect(), db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE leaf SET branch_id = branch_id WHERE id = 2502")
    holder.rows("SELECT id FROM leaf WHERE id = 2502 FOR UPDATE")
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)

    def change() -> None:
        with contextlib.suppress(pymysql.err.OperationalError):
            other.execute("UPDATE leaf SET id = -2503 WHERE id = 2503")

    changing = db.background(change)
    db.wait_for(lambda: changing.done() or db.observer.is_blocked(other))
    holder.execute("COMMIT")
    running.result(60)
    changing.result(60)
    db.run()
    assert (db.status(job_id), ids(db, "root")) == ("done", [2])
    assert (db.count("branch"), db.count("leaf")) == (0, 0)
    assert db.receipts(job_id) == {
        ("leaf", "delete"): 1200,
        ("branch", "delete"): 300,
        ("root", "delete"): 1,
    }


@pytest.mark.parametrize("level", ["root", "branch", "twig"])
def test_a_child_that_is_being_added_when_its_parent_is_locked_is_deleted_and_counted(
    db: Database, level: str
) -> None:
    """The insert holds its parent when the job, which cannot see the child yet, comes to it."""
    tree(db)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("root", 1)
    adder = db.connect()
    adder.execute("BEGIN")
    child = {"root": "branch", "branch": "twig", "twig": "leaf"}[level]
    parent = {"root": 1, "branch": 3, "twig": 33}[level]
    adder.insert(child, [(7777, parent)])
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    assert db.count(level, "id = %s", parent) == 1
    adder.execute("COMMIT")
    running.result(60)
    db.run()
    assert (db.status(job_id), ids(db, "root")) == ("done", [2])
    assert db.count(child) == 0
    wanted = {"root": 1, "branch": 6, "twig": 24, "leaf": 96}
    wanted[child] += 1
    assert db.receipts(job_id) == {(table, "delete"): count for table, count in wanted.items()}


def coded(db: Database, visits: int) -> None:
    """Make customer <- visit <- detail, where details point at the code of their visit.

    The first visits are customer 1's, with two details each; 999 is customer 2's, with one.
    """
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "code varchar",
        unique=["code"],
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1, f"c{n}") for n in each(visits)] + [(999, 2, "c999")],
    )
    db.table("detail", "id bigint", "visit_code varchar")
    db.index("detail", "visit_code")
    db.execute(
        "ALTER TABLE detail ADD CONSTRAINT fk_detail_visit_code FOREIGN KEY (visit_code)"
        " REFERENCES visit (code) ON DELETE CASCADE ON UPDATE CASCADE"
    )
    db.insert("detail", [(n, f"c{1 + (n - 1) // 2}") for n in each(2 * visits)] + [(9999, "c999")])


def swap_codes(session: Database, visit: int) -> None:
    """Give the code of a visit to visit 999; the details of both follow them."""
    session.execute("UPDATE visit SET code = 'new' WHERE id = %s", visit)
    session.execute("UPDATE visit SET code = %s WHERE id = 999", f"c{visit}")


def left_of(db: Database, job_id: int, visits: int) -> None:
    """Hold what is left, and the receipts, against what was customer 1's."""
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])
    assert (ids(db, "visit"), ids(db, "detail")) == ([999], [9999])
    assert db.receipts(job_id) == {
        ("detail", "delete"): 2 * visits,
        ("visit", "delete"): visits,
        ("customer", "delete"): 1,
    }


def test_a_row_that_takes_over_the_unique_key_of_a_stored_one_keeps_its_children(
    db: Database,
) -> None:
    coded(db, 6)
    db.set_deletion_setting("batch_rows", 3)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    swap_codes(db.observer, steps.until_stored("visit")[-1])
    steps.finish()
    left_of(db, job_id, 6)


def test_a_row_that_takes_over_the_unique_key_of_one_waited_for_keeps_its_children(
    db: Database,
) -> None:
    coded(db, 300)
    db.set_deletion_setting("batch_rows", 200)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction():
        swap_codes(holder, 290)
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
    running.result(60)
    db.run()
    left_of(db, job_id, 300)


def test_the_first_child_that_a_row_ever_has_comes_while_its_lock_is_waited_for(
    db: Database,
) -> None:
    """Nothing has gone in that pass, and yet the row is not stuck."""
    tree(db)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("root", 2)
    adder = db.connect()
    adder.execute("BEGIN")
    adder.insert("branch", [(7777, 2)])
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_until_blocked(db.worker)
    adder.execute("COMMIT")
    running.result(60)
    assert (db.status(job_id), db.outcomes(job_id)) == ("done", ["done"])
    assert db.receipts(job_id) == {("branch", "delete"): 1, ("root", "delete"): 1}
    assert (ids(db, "root"), db.count("branch")) == ([1], 6)


def test_a_child_added_to_a_frame_that_was_emptied_already_is_deleted_and_counted(
    db: Database,
) -> None:
    tree(db)
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    steps.until_stored("twig")
    added = 0
    while steps.step() == "more":
        # Always one more leaf below a twig that has lost all its leaves, while there is one.
        bare = rows_of(db, "twig", "id NOT IN (SELECT twig_id FROM leaf)")
        if bare and added < 10:
            added += 1
            db.observer.insert("leaf", [(9000 + added, bare[0])])
    db.run()
    assert (db.status(job_id), ids(db, "root"), ids(db, "leaf")) == ("done", [2], [])
    assert added
    assert db.receipts(job_id)["leaf", "delete"] == 96 + added


def test_a_step_that_dies_in_a_deadlock_is_done_again(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 5})
    children(db, "b_visit", {1: 5})
    children(db, "ballast", {2: 500})
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    job_id = db.enqueue_deletion("customer", 1)
    worker, holder = db.connect(), db.connect()
    # Whoever has changed less dies on MySQL, whoever looks first on PostgreSQL: not the holder.
    worker.script(postgres="SET deadlock_timeout = '3s'")
    holder.script(postgres="SET deadlock_timeout = '60s'")
    with holder.transaction():
        holder.execute("UPDATE ballast SET customer_id = 3")
        holder.rows("SELECT id FROM b_visit FOR UPDATE")
        running = db.background(worker.run_deletion_jobs)
        db.wait_until_blocked(worker)
        # All five are there again: the worker's transaction is undone.
        assert len(holder.rows("SELECT id FROM a_visit FOR UPDATE")) == 5
        db.wait_until_blocked(worker)
    running.result(60)
    db.run()
    assert db.outcomes(job_id) == ["done"]
    assert db.receipts(job_id) == {
        ("a_visit", "delete"): 5,
        ("b_visit", "delete"): 5,
        ("customer", "delete"): 1,
    }


def test_steps_of_a_run_that_somebody_has_taken_over_change_nothing(db: Database) -> None:
    tree(db)
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("root", 1)
    steps = Steps(db)
    steps.claim()
    steps.until_stored("twig")
    # Between two statements a session counts as gone on both engines: it is in no call.
    db.worker.run_deletion_jobs()
    before = db.contents()
    assert steps.step() == "lost"
    assert db.contents() == before
    assert db.status(job_id) == "done"
    assert db.outcomes(job_id) == ["lost", "done"]
    assert db.receipts(job_id) == {
        ("leaf", "delete"): 96,
        ("twig", "delete"): 24,
        ("branch", "delete"): 6,
        ("root", "delete"): 1,
    }


def test_a_cancelled_job_that_is_asked_for_again_while_its_run_goes_on_is_done(
    db: Database,
) -> None:
    customers(db)
    children(db, "visit", {1: 10, 2: 10})
    db.set_deletion_setting("batch_rows", 4)
    cancelled, other = db.enqueue_deletion("customer", 1), db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.cancel_deletion(cancelled)
    assert steps.step() == "more"
    assert (db.status(cancelled), db.status(other)) == ("cancelled", "running")
    assert db.observer.enqueue_deletion("customer", 1) == cancelled
    while steps.step() == "more":
        assert db.status(cancelled) == "pending"
    # The end of the run says nothing any more of a job that it has no part in.
    assert (db.status(cancelled), db.status(other)) == ("pending", "done")
    db.run()
    assert db.outcomes(cancelled) == ["cancelled", "done"]
    assert (ids(db, "customer"), ids(db, "visit")) == ([3], [])


def test_an_older_attempt_says_nothing_of_a_job_that_is_running_again(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 1, 2: 1})
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    held, again = db.enqueue_deletion("customer", 1), db.enqueue_deletion("customer", 2)
    Steps(db.connect()).claim()
    caller, holder = db.connect(), db.connect()
    with caller.transaction(rollback=True):
        caller.rows("SELECT id FROM deletion_jobs WHERE id = %s FOR UPDATE", held)
        # The run was lost; one of its jobs returns, the other one waits for its caller.
        recover(db)
        assert (db.status(held), db.status(again)) == ("running", "pending")
        holder.execute("BEGIN")
        holder.rows("SELECT id FROM visit WHERE id = 2 FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        assert db.outcomes(again) == ["lost", None]
    recover(db)
    assert (db.status(held), db.status(again)) == ("pending", "running")
    holder.execute("ROLLBACK")
    running.result(60)
    db.run()
    assert (db.outcomes(held), db.outcomes(again)) == (["lost", "done"], ["lost", "done"])


def test_attempts_of_an_earlier_request_do_not_count_against_a_new_one(db: Database) -> None:
    customers(db)
    db.set_deletion_setting("max_attempts", 2)
    job_id = db.enqueue_deletion("customer", 1)
    for status in ("pending", "failed"):
        Steps(db.connect()).claim()
        recover_all(db)
        assert db.status(job_id) == status
    db.retry_deletion(job_id)
    for status in ("pending", "failed"):
        Steps(db.connect()).claim()
        recover_all(db)
        assert db.status(job_id) == status


def test_an_attempt_that_does_not_count_fails_no_job_where_others_reach_the_limit(
    db: Database,
) -> None:
    customers(db)
    children(db, "visit", {1: 10})
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 1)
    Steps(db.connect()).claim()
    recover_all(db)
    # One death counts, and from now on no more than one is allowed.
    db.set_deletion_setting("max_attempts", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.pause_deletions("for a while")
    assert steps.step() == "ended"
    assert (db.status(job_id), db.outcomes(job_id)) == ("pending", ["lost", "sliced"])


def test_a_run_that_is_still_on_its_way_down_is_not_sliced(db: Database) -> None:
    """It would begin at its root again each time, and never arrive where a chain is deep."""
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "node", "cascade")],
    )
    db.insert("node", [(n, n - 1 or None) for n in each(100)] + [(999, None)])
    db.register_deletion_target("node")
    db.set_deletion_setting("batch_rows", 10)
    db.set_deletion_setting("batch_ms", 1)
    db.set_deletion_setting("slice_ms", 1)
    job_id = db.enqueue_deletion("node", 1)
    steps = Steps(db)
    steps.claim()
    other = db.observer.enqueue_deletion("node", 999)
    while steps.step() == "more":
        pass
    assert (db.outcomes(job_id), db.status(other)) == (["sliced"], "pending")
    assert db.count("node") < 101
    db.run()
    assert (db.status(job_id), db.status(other), db.count("node")) == ("done", "done", 0)
    assert db.receipts(job_id) == {("node", "delete"): 100}


def test_a_job_whose_root_went_before_its_worker_died_is_not_said_to_have_found_none(
    db: Database,
) -> None:
    customers(db)
    jobs = [db.enqueue_deletion("customer", n) for n in each(3)]
    steps = Steps(db)
    steps.claim()
    assert steps.step() == "more"
    # As contention would leave it: the roots of the set go in two transactions.
    db.observer.execute("UPDATE deletion_runs SET batch_rows = 1")
    assert steps.step() == "more"
    assert db.count("customer") == 2
    recover(db.observer)
    db.run()
    assert [db.outcomes(job_id) for job_id in jobs] == [["lost", "done"]] * 3
    assert [db.receipts(job_id) for job_id in jobs] == [{("customer", "delete"): 1}] * 3


def divide(db: Database) -> str:
    """The operator that divides whole numbers."""
    return db.either(mysql="DIV", postgres="/")
