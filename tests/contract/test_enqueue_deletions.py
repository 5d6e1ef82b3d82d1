"""enqueue_deletions: many rows of one table in one CALL, as sorted and distinct keys."""

import pytest

from tests.contract.schemas import customers, insert_job, keys
from tests.database import Database

HUNDRED = list(range(1, 101))


def test_every_key_becomes_a_job(db: Database) -> None:
    customers(db)
    assert db.enqueue_deletions("customer", [3, 1, "2"], "closing", created_by=5) == 3
    assert sorted(keys(db, "customer")) == ["1", "2", "3"]
    assert db.rows("SELECT DISTINCT reason, created_by, status FROM deletion_jobs") == [
        ("closing", 5, "pending")
    ]


def test_keys_are_counted_once_in_their_canonical_form(db: Database) -> None:
    customers(db)
    assert db.enqueue_deletions("customer", ["7", 7, "007", 8]) == 2
    assert sorted(keys(db, "customer")) == ["7", "8"]


def test_jobs_that_are_there_follow_the_same_table_as_one_call(db: Database) -> None:
    customers(db)
    done = insert_job(db, "customer", "1", hard_delete=True, status="done", reason="first")
    pending = insert_job(db, "customer", "2", hard_delete=False, reason="first")
    running = insert_job(db, "customer", "3", hard_delete=False, status="running", reason="first")
    assert db.enqueue_deletions("customer", [1, 2, 3, 4], "second") == 4
    jobs = {job_id: db.job(job_id) for job_id in (done, pending, running)}
    assert {job_id: (job.status, job.reason, job.hard_delete) for job_id, job in jobs.items()} == {
        done: ("pending", "second", True),
        pending: ("pending", "first", True),
        running: ("running", "first", True),
    }
    assert db.count("deletion_jobs") == 4
    assert db.count("deletion_attempts", "asked_reason = 'first'") == 1


def test_an_empty_list_is_no_job(db: Database) -> None:
    customers(db)
    assert db.enqueue_deletions("customer", []) == 0
    assert db.count("deletion_jobs") == 0


@pytest.mark.parametrize("pks", [["1", "2x", "3"], [1, None], [1, ""], [1, [2]], [1, True], [1.5]])
def test_one_bad_key_refuses_all(db: Database, pks: list[object]) -> None:
    customers(db)
    with db.error("JD002", "enqueue_deletions: "):
        db.enqueue_deletions("customer", pks)


@pytest.mark.parametrize("pks", [None, '{"id": 1}', '"1"', "1", "null"])
def test_what_is_no_array_is_refused(db: Database, pks: str | None) -> None:
    customers(db)
    with db.error("JD002", "enqueue_deletions: "):
        db.enqueue_deletions("customer", pks)


@pytest.mark.parametrize("pks", ["", "[1", "1,2", "[1] x"])
def test_what_is_no_json_is_refused(db: Database, pks: str) -> None:
    customers(db)
    with db.error(mysql="22032", postgres="22P02"):
        db.enqueue_deletions("customer", pks)


def test_composite_keys_are_arrays_in_the_array(db: Database) -> None:
    db.table("place", "region varchar", "no int", key=("region", "no"))
    db.register_deletion_target("place")
    assert db.enqueue_deletions("place", [["de", 2], ["de", "2"], ["at", 1]]) == 2
    assert sorted(keys(db, "place")) == ['["at","1"]', '["de","2"]']
    with db.error("JD002", "enqueue_deletions: "):
        db.enqueue_deletions("place", [["de"]])


def test_a_table_that_is_no_target_is_refused(db: Database) -> None:
    with db.error("JD004", "enqueue_deletions: "):
        db.enqueue_deletions("customer", [1])


def test_null_where_a_value_is_needed_is_refused(db: Database) -> None:
    customers(db)
    with db.error("JD002", "enqueue_deletions: "):
        db.enqueue_deletions(None, [1])
    with db.error("JD002", "enqueue_deletions: "):
        db.enqueue_deletions("customer", [1], hard_delete=None)


def test_a_soft_deletion_needs_a_column_to_mark(db: Database) -> None:
    customers(db)
    with db.error("JD011", "enqueue_deletions: "):
        db.enqueue_deletions("customer", [1], hard_delete=False)


def test_more_pending_jobs_than_allowed_are_refused_together(db: Database) -> None:
    customers(db)
    db.set_deletion_setting("max_pending", 2)
    with db.error("JD013", "enqueue_deletions: "):
        db.enqueue_deletions("customer", [1, 2, 3])
    assert db.enqueue_deletions("customer", [1, 2]) == 2


def test_a_rollback_takes_all_jobs_back(db: Database) -> None:
    customers(db)
    with db.transaction(rollback=True):
        assert db.enqueue_deletions("customer", HUNDRED) == 100
    assert db.count("deletion_jobs") == 0


def test_two_callers_with_lists_in_opposite_order_do_not_deadlock(db: Database) -> None:
    customers(db)
    other = db.connect("app")
    with db.transaction():
        db.enqueue_deletions("customer", [1])
        waiting = db.background(other.enqueue_deletions, "customer", [2, 1])
        db.wait_until_blocked(other)
        db.enqueue_deletions("customer", [2])
    assert waiting.result(20) == 2
    assert sorted(keys(db, "customer")) == ["1", "2"]


def test_all_jobs_of_one_call_are_run(db: Database) -> None:
    customers(db, 100)
    assert db.enqueue_deletions("customer", HUNDRED[:-1]) == 99
    db.run()
    assert db.column("SELECT id FROM customer") == [100]
    assert db.rows("SELECT status, jobs FROM vw_deletion_jobs_status") == [("done", 99)]
