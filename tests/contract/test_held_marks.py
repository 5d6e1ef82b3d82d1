"""Holds and soft deletion: what is held is not marked either."""

from tests.contract.schemas import in_small_steps
from tests.contract.soft import ask, marked, mixed, soft, tree
from tests.contract.steps import Steps
from tests.contract.test_held_keys import is_blocked
from tests.database import Database, Preview, Reference


def test_a_held_row_blocks_a_soft_job_above_it(db: Database) -> None:
    mixed(db)
    db.hold_deletion("note", 1122)
    before = db.application_contents()
    job = ask(db, "customer", 1)
    other = soft(db, "customer", 2)
    is_blocked(db.job(job), "note 1122 ")
    assert len(db.marks(other)) == 4
    db.restore_deletion(other)
    assert db.application_contents() == before
    assert Preview("note", "held", None, 1, False) in db.preview_soft_deletion("customer", 1)
    db.release_deletion_hold("note", 1122)
    db.retry_deletion(job)
    db.run()
    assert db.status(job) == "done"
    assert len(db.marks(job)) == 4


def test_a_hold_that_comes_while_rows_are_marked_stops_the_job(db: Database) -> None:
    in_small_steps(db)
    tree(db, {n: n - 1 if n > 1 else None for n in range(1, 9)})
    job = ask(db, "node", 1)
    steps = Steps(db.connect())
    steps.claim()
    while len(marked(db, "node")) < 3:
        assert steps.step() == "more"
    db.hold_deletion("node", 7)
    steps.finish()
    is_blocked(db.job(job), "node 7 ")
    assert 7 not in marked(db, "node")
    assert db.count("deletion_soft_keys") == 0
    db.release_deletion_hold("node", 7)
    db.retry_deletion(job)
    db.run()
    assert marked(db, "node") == [*range(1, 9)]


def test_a_hold_elsewhere_lets_a_soft_job_go_on(db: Database) -> None:
    in_small_steps(db)
    tree(db, {1: None, 2: 1, 3: 2, 4: 3, 5: 4, 9: None})
    job = ask(db, "node", 1)
    steps = Steps(db.connect())
    steps.claim()
    while len(marked(db, "node")) < 2:
        assert steps.step() == "more"
    db.hold_deletion("node", 9)
    steps.finish()
    assert db.status(job) == "done"
    assert marked(db, "node") == [1, 2, 3, 4, 5]


def test_a_held_row_that_a_trigger_marks_in_another_table_stays_unmarked(db: Database) -> None:
    mixed(db)
    db.hold_deletion("note", 1212)
    body = "UPDATE note SET state = 9 WHERE id = 1212"
    db.script(
        mysql=f"CREATE TRIGGER also AFTER UPDATE ON customer FOR EACH ROW {body}",
        postgres="CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        f" $$ BEGIN {body}; RETURN NULL; END $$;"
        "CREATE TRIGGER also AFTER UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION also()",
    )
    before = db.application_contents()
    job = ask(db, "customer", 1)
    db.run()
    is_blocked(db.job(job), "note 1212 ")
    assert db.application_contents() == before
    assert db.marks(job) == []


def test_a_lost_hold_on_a_table_that_soft_jobs_pass_by_stops_hard_ones_alone(
    db: Database,
) -> None:
    mixed(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.hold_deletion("visit", 2)
    db.execute("UPDATE visit SET id = 3 WHERE id = 2")
    job = soft(db, "customer", 1)
    assert db.enqueue_deletion("customer", 1, hard_delete=True) == job
    db.run()
    is_blocked(db.job(job), "visit 2 ", "no row is found by the key")
