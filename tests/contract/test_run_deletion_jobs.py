"""run_deletion_jobs: the loop that claims sets of jobs and works them in small transactions."""

import contextlib
import datetime as dt
from collections.abc import Iterator

import pytest

from tests.contract.schemas import children, customers, each, ids, insert_job, shop
from tests.contract.steps import Steps, recover, session_locks
from tests.database import Database, MySQLInstallation, PostgresInstallation, Reference

HOUR = dt.timedelta(hours=1)


@contextlib.contextmanager
def worker_held_at(db: Database, query: str) -> Iterator[None]:
    """Let a worker run until it waits for these rows, and let it go on after the block."""
    db.set_deletion_setting("lock_timeout_ms", 60000)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows(f"{query} FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        yield
    running.result(60)


# -- What is due, and in which order ---------------------------------------------------------


def test_nothing_due_is_no_work(db: Database) -> None:
    customers(db)
    db.worker.run_deletion_jobs()
    assert db.count("deletion_runs") == 0
    assert db.count("deletion_attempts") == 0


def test_a_job_waits_for_its_time(db: Database) -> None:
    customers(db)
    later = db.enqueue_deletion("customer", 1, scheduled_at=db.now() + HOUR)
    now = db.enqueue_deletion("customer", 2, scheduled_at=db.now() - HOUR)
    db.run()
    assert (db.status(later), db.status(now)) == ("pending", "done")
    db.execute("UPDATE deletion_jobs SET scheduled_at = created_at WHERE id = %s", later)
    db.run()
    assert (db.status(later), ids(db, "customer")) == ("done", [3])


def test_jobs_are_taken_in_due_order(db: Database) -> None:
    customers(db, 4)
    db.set_deletion_setting("jobs_per_run", 1)
    now = db.now()
    third = db.enqueue_deletion("customer", 1)
    fourth = db.enqueue_deletion("customer", 2)
    first = db.enqueue_deletion("customer", 3, scheduled_at=now - 2 * HOUR)
    second = db.enqueue_deletion("customer", 4, scheduled_at=now - HOUR)
    db.run()
    assert db.column("SELECT job_id FROM deletion_attempts ORDER BY run_id") == [
        first,
        second,
        third,
        fourth,
    ]


def claim_behind(db: Database, job_id: int) -> list[int]:
    """Claim what comes behind a job in the queue, before what lies ahead; give the jobs."""
    due = db.value(
        "SELECT COALESCE(scheduled_at, created_at) FROM deletion_jobs WHERE id = %s", job_id
    )
    if db.engine == "postgres":
        run_id = db.value("SELECT run_id FROM deletion_claim(NULL, NULL, %s, %s)", due, job_id)
    else:
        db.execute("CALL deletion_session(@saved)")
        db.execute("SET @due_at = %s, @due_id = %s", due, job_id)
        db.execute("CALL deletion_claim(NULL, NULL, @due_at, @due_id, @run_id, @token, @job_count)")
        run_id = db.value("SELECT @run_id")
    found = "SELECT job_id FROM deletion_attempts WHERE run_id = %s ORDER BY job_id"
    return [int(number) for number in db.column(found, run_id)]


@pytest.mark.parametrize("hours", [(3, 2, 1), (1, 1, 1)], ids=["apart", "at once"])
def test_a_claim_goes_on_behind_the_last_run_and_then_from_the_front(
    db: Database, hours: tuple[int, int, int]
) -> None:
    customers(db, 4)
    now = db.now()
    first, last_run, second, third = (
        db.enqueue_deletion("customer", n, scheduled_at=now + (0 if n == 2 else n + 1) * HOUR)
        for n in each(4)
    )
    db.run()
    assert db.status(last_run) == "done"
    # As they would be, had they come while that run was at work.
    for job_id, ago in zip((first, last_run, second, third), (hours[0], *hours), strict=True):
        db.execute(
            "UPDATE deletion_jobs SET scheduled_at = %s WHERE id = %s", now - ago * HOUR, job_id
        )
    assert claim_behind(db, last_run) == [second, third]
    # Nothing that is due is left out for good: with nothing behind, what lies before goes.
    assert claim_behind(db, last_run) == [first]
    assert claim_behind(db, last_run) == []


def test_one_call_goes_on_where_its_last_claim_began(db: Database) -> None:
    customers(db, 4)
    db.set_deletion_setting("jobs_per_run", 1)
    first, second, third = (db.enqueue_deletion("customer", n) for n in each(3))
    with worker_held_at(db, "SELECT id FROM customer WHERE id = 1"):
        earlier = db.enqueue_deletion("customer", 4, scheduled_at=db.now() - HOUR)
    # All of it takes a moment; five seconds after its first claim it looks from the front again.
    order = db.column("SELECT job_id FROM deletion_attempts ORDER BY run_id")
    assert order == [first, second, third, earlier]


def test_a_claim_looks_from_the_front_where_the_last_run_was_cut_short(db: Database) -> None:
    customers(db, 2)
    children(db, "visit", {2: 3000})
    db.set_deletion_setting("batch_rows", 5)
    db.set_deletion_setting("slice_ms", 100)
    heavy = db.enqueue_deletion("customer", 2)
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_for("SELECT COUNT(*) FROM deletion_receipts")
    assert db.outcomes(heavy) == [None]
    earlier = db.enqueue_deletion("customer", 1, scheduled_at=db.now() - HOUR)
    running.result(60)
    assert [db.status(job_id) for job_id in (heavy, earlier)] == ["done", "done"]
    assert db.outcomes(heavy) == ["sliced", "done"]


def test_a_job_may_be_due_since_ever(db: Database) -> None:
    customers(db)
    insert_job(db, "customer", "1", hard_delete=True)
    ever = db.either(mysql="'0001-01-01'", postgres="'-infinity'")
    lowest = db.either(mysql="1", postgres="-5")
    db.execute(f"UPDATE deletion_jobs SET scheduled_at = {ever}, id = {lowest}")
    db.run()
    assert db.rows("SELECT id, status FROM deletion_jobs") == [(int(lowest), "done")]
    # Python knows no such time, and all is read once more when the test is over.
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL")
    db.execute("UPDATE deletion_attempts SET asked_scheduled_at = NULL")


def test_a_job_that_comes_with_an_earlier_time_goes_in_the_same_call(db: Database) -> None:
    customers(db, 3)
    first = db.enqueue_deletion("customer", 1)
    with worker_held_at(db, "SELECT id FROM customer WHERE id = 1"):
        earlier = db.enqueue_deletion("customer", 2, scheduled_at=db.now() - HOUR)
        later = db.enqueue_deletion("customer", 3)
    assert [db.status(job_id) for job_id in (first, earlier, later)] == ["done"] * 3


def test_a_run_takes_jobs_of_one_target_only(db: Database) -> None:
    shop(db)
    db.register_deletion_target("invoice")
    made = [
        db.enqueue_deletion("customer", 1),
        db.enqueue_deletion("invoice", 21),
        db.enqueue_deletion("customer", 3),
        db.enqueue_deletion("invoice", 22),
    ]
    db.run()
    assert [db.status(job_id) for job_id in made] == ["done"] * 4
    runs = db.rows(
        "SELECT r.entity_table, COUNT(*) FROM deletion_attempts AS a"
        " JOIN deletion_runs AS r ON r.run_id = a.run_id GROUP BY r.run_id, r.entity_table"
        " ORDER BY r.run_id"
    )
    assert [(table, int(jobs)) for table, jobs in runs] == [("customer", 2), ("invoice", 2)]


@pytest.mark.parametrize(
    ("alone", "is_past", "runs"),
    [
        (1, False, [[1], [2, 3]]),
        (2, False, [[1, 3], [2]]),
        (3, False, [[1, 2], [3]]),
        # What an earlier request of the row went through says nothing of this one.
        (2, True, [[1, 2, 3]]),
    ],
)
def test_a_job_that_is_to_go_alone_joins_no_run_and_leads_none(
    db: Database, alone: int, is_past: bool, runs: list[list[int]]
) -> None:
    customers(db)
    jobs = {db.enqueue_deletion("customer", n): n for n in each(3)}
    db.execute(
        "INSERT INTO deletion_attempts"
        " (job_id, attempt_no, started_at, ended_at, outcome, alone_next, is_past)"
        " SELECT id, 1, created_at, created_at, 'sliced', TRUE, %s"
        " FROM deletion_jobs WHERE entity_pk = %s",
        is_past,
        str(alone),
    )
    db.run()
    found: dict[int, list[int]] = {}
    for run_id, job_id in db.rows(
        "SELECT run_id, job_id FROM deletion_attempts WHERE run_id IS NOT NULL"
        " ORDER BY run_id, job_id"
    ):
        found.setdefault(run_id, []).append(jobs[job_id])
    assert list(found.values()) == runs


def test_many_jobs_are_one_run_with_exact_receipts(db: Database) -> None:
    shop(db, 50)
    db.enqueue_deletions("customer", list(each(49)))
    db.run()
    assert ids(db, "customer") == [50]
    assert db.count("deletion_runs") == 1
    found = db.rows(
        "SELECT table_name, action, MIN(row_count), MAX(row_count), COUNT(*)"
        " FROM vw_deletion_receipts GROUP BY table_name, action ORDER BY table_name"
    )
    assert [(table, *map(int, counts)) for table, _, *counts in found] == [
        ("customer", 1, 1, 49),
        ("invoice", 3, 3, 49),
        ("line", 6, 6, 49),
    ]
    assert db.count("deletion_frames") == 0
    assert db.count("deletion_walk_keys") == 0


def test_a_target_that_no_run_has_seen_yet_gives_a_whole_set(db: Database) -> None:
    db.table("visit", "id bigint", rows=[(pk,) for pk in range(1, 131)])
    db.register_deletion_target("visit")
    db.set_deletion_setting("jobs_per_run", 120)
    # Nothing is there to be deleted, so the second run knows no more of the rows of a job.
    for pk in range(1001, 1241):
        db.enqueue_deletion("visit", pk)
    db.run()
    assert db.rows("SELECT DISTINCT jobs_in_run FROM vw_deletion_attempts") == [(120,)]


def test_jobs_with_many_and_few_rows_keep_exact_receipts_in_small_batches(db: Database) -> None:
    customers(db, 6)
    sizes = {1: 50, 2: 0, 3: 7, 4: 1, 5: 23, 6: 5}
    children(db, "a_visit", sizes)
    children(db, "b_visit", {key: 2 * size for key, size in sizes.items()}, on_delete="set null")
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "a_visit", "cascade")],
        rows=[(n, n) for n in each(sum(sizes.values()))],
    )
    db.set_deletion_setting("batch_rows", 7)
    db.enqueue_deletions("customer", [1, 2, 3, 4, 5])
    db.run()
    for key in each(5):
        job_id = db.value("SELECT id FROM deletion_jobs WHERE entity_pk = %s", str(key))
        wanted = {("customer", "delete"): 1}
        if sizes[key]:
            wanted |= {
                ("a_visit", "delete"): sizes[key],
                ("detail", "delete"): sizes[key],
                ("b_visit", "set_null"): 2 * sizes[key],
            }
        assert db.receipts(job_id) == wanted
    assert (db.count("a_visit"), db.count("detail")) == (5, 5)


def test_a_row_inserted_straight_into_the_table_is_worked(db: Database) -> None:
    customers(db)
    job_id = insert_job(db, "customer", "1", hard_delete=True)
    db.run()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])


def test_a_row_inserted_straight_into_the_table_may_name_the_schema(db: Database) -> None:
    customers(db)
    home = db.either(mysql=db.home.database, postgres=db.home.schema)
    job_id = insert_job(db, f"{home}.customer", "1", hard_delete=True)
    db.run()
    assert (db.status(job_id), db.job(job_id).error, ids(db, "customer")) == ("done", None, [2, 3])
    assert db.receipts(job_id) == {("customer", "delete"): 1}


@pytest.mark.parametrize(
    ("table", "pk", "hard", "code"),
    [
        ("nothing", "1", True, "JD004"),
        ("customer", "1x", True, "JD002"),
        ("customer", "", True, "JD002"),
        ("customer", "1", False, "JD011"),
        ("customer'; DROP TABLE customer; --", "1", True, "JD004"),
        ("customer", "1'; DROP TABLE customer; --", True, "JD002"),
    ],
)
def test_what_enqueue_would_have_refused_fails_alone(
    db: Database, table: str, pk: str, hard: bool, code: str
) -> None:
    customers(db)
    wrong = insert_job(db, table, pk, hard_delete=hard, scheduled_at=db.now() - HOUR)
    right = db.enqueue_deletion("customer", 2)
    db.run()
    job = db.job(wrong)
    assert (job.status, (job.error or "")[:7]) == ("failed", f"{code}: ")
    assert db.outcomes(wrong) == ["failed"]
    assert (db.status(right), ids(db, "customer")) == ("done", [1, 3])


# -- Neighbours ------------------------------------------------------------------------------


def test_a_blocked_job_leaves_its_neighbours_alone(db: Database) -> None:
    shop(db, 5)
    db.table(
        "refund",
        "id bigint",
        "line_id bigint",
        references=[Reference("line_id", "line", "restrict")],
        rows=[(1, 211), (2, 231)],
    )
    db.enqueue_deletions("customer", list(each(5)))
    db.run()
    ended = dict(db.rows("SELECT entity_pk, status FROM deletion_jobs"))
    assert ended == {"1": "done", "2": "failed", "3": "done", "4": "done", "5": "done"}
    blocked, error = db.rows("SELECT id, error FROM deletion_jobs WHERE entity_pk = '2'")[0]
    assert error.startswith("JD006: 2 rows of refund behind fk_refund_line_id")
    # The end of the run does not write over what had ended before.
    assert db.outcomes(blocked) == ["failed"]
    assert (ids(db, "customer"), db.count("invoice"), db.count("line")) == ([2], 3, 6)


def test_a_job_that_breaks_at_the_write_leaves_its_neighbours_alone(db: Database) -> None:
    customers(db, 5)
    children(db, "visit", dict.fromkeys(each(5), 2))
    db.script(
        mysql="CREATE TRIGGER keep BEFORE DELETE ON visit FOR EACH ROW"
        " BEGIN IF OLD.customer_id = 3 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no';"
        " END IF; END",
        postgres="CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF OLD.customer_id = 3 THEN RAISE 'no' USING ERRCODE = '45000'; END IF; RETURN OLD;"
        " END $$; CREATE TRIGGER keep BEFORE DELETE ON visit FOR EACH ROW"
        " EXECUTE FUNCTION keep()",
    )
    db.enqueue_deletions("customer", list(each(5)))
    db.run()
    ended = dict(db.rows("SELECT entity_pk, status FROM deletion_jobs"))
    assert ended == {**{str(n): "done" for n in each(5)}, "3": "failed"}
    assert db.value("SELECT error FROM deletion_jobs WHERE entity_pk = '3'") == db.either(
        mysql="45000: no", postgres="45000: no (PL/pgSQL function keep() line 1 at RAISE)"
    )
    for key in ("1", "2", "4", "5"):
        job_id = db.value("SELECT id FROM deletion_jobs WHERE entity_pk = %s", key)
        assert db.receipts(job_id) == {("visit", "delete"): 2, ("customer", "delete"): 1}
        assert db.outcomes(job_id)[-1] == "done"


def test_a_child_added_while_the_job_runs_goes_with_its_parent(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 4, 2: 1})
    children(db, "b_visit", {1: 4, 2: 1})
    job_id = db.enqueue_deletion("customer", 1)
    with worker_held_at(db, "SELECT id FROM b_visit"):
        db.execute("INSERT INTO a_visit VALUES (99, 1)")
    db.run()
    assert (db.status(job_id), ids(db, "a_visit")) == ("done", [5])
    assert db.receipts(job_id)["a_visit", "delete"] == 5


# -- Locks -----------------------------------------------------------------------------------


def test_a_claim_locks_no_more_rows_than_it_takes(db: Database) -> None:
    customers(db)
    db.enqueue_deletions("customer", list(each(3000)))
    db.set_deletion_setting("jobs_per_run", 10)
    first = db.value(
        "SELECT id FROM deletion_jobs ORDER BY COALESCE(scheduled_at, created_at), id LIMIT 1"
    )
    holder = db.connect()
    with holder.transaction(rollback=True):
        # The claim has to write this very row of its own, and so it waits, with its locks held.
        holder.execute(
            "INSERT INTO deletion_attempts (job_id, attempt_no, started_at, is_counted)"
            " VALUES (%s, 1, %s, FALSE)",
            first,
            db.now(),
        )
        running = db.background(db.worker.run_deletion_jobs, None, 1)
        db.wait_until_blocked(db.worker)
        free = len(db.rows("SELECT id FROM deletion_jobs FOR UPDATE SKIP LOCKED"))
        if db.engine == "mysql":
            # Its record locks are those of its transaction, which its table locks tell: a purge
            # makes record locks anew in its own thread's name.
            locks = (
                " FROM performance_schema.data_locks AS l"
                " WHERE l.OBJECT_NAME = 'deletion_jobs' AND l.LOCK_TYPE = 'RECORD'"
                " AND l.ENGINE_TRANSACTION_ID IN ("
                "SELECT i.ENGINE_TRANSACTION_ID FROM performance_schema.data_locks AS i"
                " JOIN performance_schema.threads AS t ON t.THREAD_ID = i.THREAD_ID"
                " WHERE i.LOCK_TYPE = 'TABLE' AND t.PROCESSLIST_ID = %s)"
            )
            locked = db.observer.column(
                f"SELECT COUNT(DISTINCT l.LOCK_DATA){locks} AND l.INDEX_NAME = 'PRIMARY'",
                db.worker.session_id,
            )
            gaps = db.observer.column(
                f"SELECT COUNT(*){locks} AND l.LOCK_MODE NOT LIKE '%%REC_NOT_GAP%%'",
                db.worker.session_id,
            )
            assert (0 < locked[0] <= 10, gaps) == (True, [0])
    running.result(60)
    assert 2990 <= free < 3000


def test_enqueueing_is_not_held_up_by_a_claim(db: Database) -> None:
    customers(db)
    first = db.enqueue_deletion("customer", 1)
    db.enqueue_deletion("customer", 2)
    caller, holder = db.connect("app"), db.connect()
    caller.script(mysql="SET innodb_lock_wait_timeout = 3", postgres="SET lock_timeout = '3s'")
    with holder.transaction(rollback=True):
        holder.execute(
            "INSERT INTO deletion_attempts (job_id, attempt_no, started_at, is_counted)"
            " VALUES (%s, 1, %s, FALSE)",
            first,
            db.now(),
        )
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        assert caller.enqueue_deletion("customer", 3) > first
    running.result(60)


def test_a_worker_skips_a_job_that_a_caller_holds(db: Database) -> None:
    customers(db)
    held = db.enqueue_deletion("customer", 1)
    other = db.enqueue_deletion("customer", 2)
    caller = db.connect()
    with caller.transaction():
        caller.enqueue_deletion("customer", 1, scheduled_at=db.now() - HOUR)
        db.worker.run_deletion_jobs()
        assert (db.status(held), db.status(other)) == ("pending", "done")
    db.run()
    assert db.status(held) == "done"


def test_a_caller_that_holds_one_job_does_not_hold_up_499_others(db: Database) -> None:
    customers(db, 500)
    children(db, "visit", dict.fromkeys(each(500), 1))
    db.enqueue_deletions("customer", list(each(500)))
    held = db.value("SELECT id FROM deletion_jobs WHERE entity_pk = '250'")
    caller = db.connect()
    caller.execute("BEGIN")
    with worker_held_at(db, "SELECT id FROM visit"):
        assert db.status(held) == "running"
        assert caller.enqueue_deletion("customer", 250, "asked again") == held
    done = db.count("deletion_jobs", "status = 'done'")
    assert (done, db.status(held)) == (499, "running")
    assert (db.count("customer"), db.count("visit")) == (0, 0)
    caller.execute("COMMIT")
    db.run()
    assert db.status(held) == "done"
    assert db.outcomes(held) == ["done"]
    assert db.receipts(held) == {("visit", "delete"): 1, ("customer", "delete"): 1}


def test_a_caller_with_an_open_cancel_does_not_hold_up_the_others(db: Database) -> None:
    customers(db, 5)
    children(db, "visit", dict.fromkeys(each(5), 1))
    db.enqueue_deletions("customer", list(each(5)))
    held = db.value("SELECT id FROM deletion_jobs WHERE entity_pk = '3'")
    caller = db.connect()
    caller.execute("BEGIN")
    with worker_held_at(db, "SELECT id FROM visit"):
        caller.cancel_deletion(held)
    assert (db.count("deletion_jobs", "status = 'done'"), db.status(held)) == (4, "running")
    caller.execute("COMMIT")
    db.run()
    assert (db.status(held), db.outcomes(held)) == ("cancelled", ["cancelled"])
    assert db.receipts(held) == {("visit", "delete"): 1, ("customer", "delete"): 1}


def test_rows_held_by_the_application_are_waited_for_and_retried(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 4})
    db.set_deletion_setting("lock_timeout_ms", 1000)
    db.set_deletion_setting("backoff_seconds", 1)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit WHERE id = 3 FOR UPDATE")
        before = db.now()
        db.worker.run_deletion_jobs(None, 1)
        job = db.job(job_id)
        assert (job.status, db.outcomes(job_id)[0]) == ("pending", "retry")
        assert job.scheduled_at is not None
        assert job.scheduled_at > before
        error = db.value(
            "SELECT error FROM deletion_attempts WHERE job_id = %s AND attempt_no = 1", job_id
        )
        assert error.startswith(db.either(mysql="HY000: ", postgres="55P03: "))
    db.execute("UPDATE deletion_jobs SET scheduled_at = created_at WHERE id = %s", job_id)
    db.run()
    assert db.outcomes(job_id) == ["retry", "done"]
    assert db.receipts(job_id) == {("visit", "delete"): 4, ("customer", "delete"): 1}
    # The time that back-off wrote was nobody's wish.
    assert db.column("SELECT asked_scheduled_at FROM deletion_attempts") == [None, None]


def test_a_job_that_is_never_let_through_fails_in_the_end(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 2})
    db.set_deletion_setting("lock_timeout_ms", 1)
    db.set_deletion_setting("max_attempts", 2)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit FOR UPDATE")
        db.run()
    job = db.job(job_id)
    assert job.status == "failed"
    assert (job.error or "").startswith(db.either(mysql="HY000: ", postgres="55P03: "))
    assert (
        db.value("SELECT COUNT(*) FROM deletion_attempts WHERE job_id = %s AND is_counted", job_id)
        == 2
    )
    db.retry_deletion(job_id)
    db.run()
    assert db.status(job_id) == "done"


def test_back_off_doubles_up_to_its_limit(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 1})
    for name, value in (
        ("lock_timeout_ms", 1),
        ("backoff_seconds", 100),
        ("backoff_max_seconds", 300),
        ("max_attempts", 4),
    ):
        db.set_deletion_setting(name, value)
    job_id = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    waits = []
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit FOR UPDATE")
        for _ in range(3):
            db.worker.run_deletion_jobs()
            job = db.job(job_id)
            assert job.status == "pending"
            assert job.scheduled_at is not None
            waits.append((job.scheduled_at - db.now()).total_seconds())
            db.execute("UPDATE deletion_jobs SET scheduled_at = created_at WHERE id = %s", job_id)
    for wait, wanted in zip(waits, (100, 200, 300), strict=True):
        assert wanted * 0.5 < wait <= wanted * 1.5


# -- Budget ----------------------------------------------------------------------------------


def test_run_seconds_bounds_the_call(db: Database) -> None:
    customers(db, 400)
    children(db, "visit", dict.fromkeys(each(400), 5))
    db.set_deletion_setting("jobs_per_run", 1)
    db.set_deletion_setting("pause_ms", 200)
    db.enqueue_deletions("customer", list(each(400)))
    before = db.now()
    db.worker.run_deletion_jobs(None, 1)
    took = (db.now() - before).total_seconds()
    done = db.count("deletion_jobs", "status = 'done'")
    assert took < 10
    assert 0 < done < 400
    assert db.count("deletion_jobs", "status = 'running'") <= 1


@pytest.mark.parametrize("slot", [0, -1])
def test_a_slot_is_a_number_from_one(db: Database, slot: int) -> None:
    with db.error("JD002", "run_deletion_jobs: "):
        db.run_deletion_jobs(slot, None)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_call_of_no_time_is_refused(db: Database, seconds: int) -> None:
    with db.error("JD002", "run_deletion_jobs: "):
        db.run_deletion_jobs(None, seconds)


def test_a_heavy_job_does_not_hold_up_light_ones(db: Database) -> None:
    customers(db, 30)
    children(db, "visit", {1: 3000, **dict.fromkeys(range(2, 31), 1)})
    db.set_deletion_setting("batch_rows", 10)
    db.set_deletion_setting("slice_ms", 100)
    db.set_deletion_setting("jobs_per_run", 5)
    db.enqueue_deletions("customer", list(each(30)))
    db.run()
    assert db.rows("SELECT DISTINCT status FROM deletion_jobs") == [("done",)]
    heavy = db.value("SELECT id FROM deletion_jobs WHERE entity_pk = '1'")
    assert db.receipts(heavy) == {("visit", "delete"): 3000, ("customer", "delete"): 1}
    last = db.column("SELECT entity_pk FROM deletion_jobs ORDER BY finished_at DESC LIMIT 1")
    assert last == ["1"]
    assert "sliced" in db.outcomes(heavy)
    assert (
        db.value("SELECT COUNT(*) FROM deletion_attempts WHERE outcome = 'sliced' AND is_counted")
        == 0
    )


def test_a_job_makes_room_for_none_whose_time_has_not_come(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 100})
    db.set_deletion_setting("batch_rows", 5)
    db.set_deletion_setting("slice_ms", 1)
    later = db.enqueue_deletion("customer", 2, scheduled_at=db.now() + HOUR)
    job_id = db.enqueue_deletion("customer", 1)
    db.run()
    assert (db.outcomes(job_id), db.status(later)) == (["done"], "pending")


def test_small_jobs_that_outlast_a_slice_go_on_together(db: Database) -> None:
    customers(db, 60)
    children(db, "visit", dict.fromkeys(range(1, 61), 8))
    db.set_deletion_setting("batch_rows", 30)
    db.set_deletion_setting("jobs_per_run", 20)
    db.set_deletion_setting("slice_ms", 1)
    db.enqueue_deletions("customer", list(each(60)))
    db.run()
    assert db.rows("SELECT DISTINCT status FROM deletion_jobs") == [("done",)]
    assert db.value("SELECT COUNT(*) FROM deletion_attempts WHERE outcome = 'sliced'") > 0
    assert db.value("SELECT COUNT(*) FROM deletion_attempts WHERE alone_next") == 0


def test_a_step_commits_as_many_moves_as_fit_its_budget(db: Database) -> None:
    shop(db, 100)
    db.enqueue_deletions("customer", list(each(100)))
    db.run()
    steps = db.value("SELECT SUM(step_count) FROM deletion_runs")
    changed = db.value("SELECT SUM(rows_changed) FROM deletion_runs")
    assert int(changed) == 1000
    assert int(steps) <= 5


# -- Sessions --------------------------------------------------------------------------------


def test_two_workers_share_the_jobs_and_none_is_done_twice(db: Database) -> None:
    shop(db, 60)
    db.set_deletion_setting("jobs_per_run", 5)
    db.enqueue_deletions("customer", list(each(60)))
    workers = [db.connect("worker") for _ in range(3)]
    for running in [db.background(worker.run_deletion_jobs) for worker in workers]:
        running.result(60)
    db.run()
    assert db.rows("SELECT DISTINCT status FROM deletion_jobs") == [("done",)]
    assert int(db.value("SELECT SUM(row_count) FROM vw_deletion_receipts")) == 600
    assert db.rows("SELECT DISTINCT outcome FROM deletion_attempts") == [("done",)]
    assert db.count("deletion_attempts") == 60


def test_a_slot_is_worked_by_one_session_at_a_time(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 2})
    first = db.enqueue_deletion("customer", 1)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    holder, second = db.connect(), db.connect("worker")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM visit FOR UPDATE")
        running = db.background(db.worker.run_deletion_jobs, 1, None)
        db.wait_until_blocked(db.worker)
        waiting = db.enqueue_deletion("customer", 2)
        second.run_deletion_jobs(1, None)
        assert db.status(waiting) == "pending"
        second.run_deletion_jobs(2, None)
        assert (db.status(waiting), db.status(first)) == ("done", "running")
    running.result(60)
    assert db.status(first) == "done"
    ticks = dict(db.rows("SELECT slot, last_ended_at IS NOT NULL FROM deletion_slots"))
    assert ticks == {1: True, 2: True}


def test_a_worker_that_was_ended_is_replaced_at_once(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 6, 2: 1})
    children(db, "b_visit", {1: 6, 2: 1})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, victim = db.connect(), db.connect("worker")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM b_visit FOR UPDATE")
        running = db.background(victim.run_deletion_jobs)
        db.wait_until_blocked(victim)
        db.end_session(victim)
        with pytest.raises(Exception, match=r"terminat|Lost connection|closed|interrupted|gone"):
            running.result(30)
    assert db.status(job_id) == "running"
    db.run()
    assert db.status(job_id) == "done"
    assert db.outcomes(job_id) == ["lost", "done"]
    assert db.receipts(job_id) == {
        ("a_visit", "delete"): 6,
        ("b_visit", "delete"): 6,
        ("customer", "delete"): 1,
    }


def test_a_call_ends_with_what_came_back_from_a_worker_that_died_meanwhile(db: Database) -> None:
    customers(db, 2)
    db.set_deletion_setting("jobs_per_run", 1)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    first = db.enqueue_deletion("customer", 1)
    holder = db.connect()
    with holder.transaction():
        holder.execute("UPDATE customer SET name = 'held' WHERE id = 1")
        running = db.background(db.worker.run_deletion_jobs)
        db.wait_until_blocked(db.worker)
        second = db.enqueue_deletion("customer", 2)
        other = Steps(db.connect())
        other.claim()
        db.end_session(other.db)
    running.result(60)
    assert (db.status(first), db.status(second)) == ("done", "done")
    assert db.outcomes(second) == ["lost", "done"]


def test_a_worker_whose_run_was_taken_from_it_changes_nothing_more(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 12})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("pause_ms", 1000)
    job_id = db.enqueue_deletion("customer", 1)
    running = db.background(db.worker.run_deletion_jobs, None, 5)
    db.wait_for("SELECT COUNT(*) FROM deletion_receipts")
    # Between two steps: the worker holds its run's row in each of them.
    other = db.either(mysql="REPEAT('x', 36)", postgres="gen_random_uuid()")
    db.execute(f"UPDATE deletion_runs SET token = {other}")
    left = db.count("visit")
    assert 0 < left < 12
    db.wait_for("SELECT COUNT(*) FROM deletion_runs WHERE outcome = 'lost'")
    assert db.value("SELECT rows_changed FROM deletion_runs WHERE outcome = 'lost'") == 12 - left
    db.set_deletion_setting("pause_ms", 0)
    running.result(60)
    db.run()
    assert (db.status(job_id), db.outcomes(job_id)[0]) == ("done", "lost")
    assert db.receipts(job_id) == {("visit", "delete"): 12, ("customer", "delete"): 1}


@contextlib.contextmanager
def worker_between_two_steps(db: Database) -> Iterator[None]:
    """Let a worker pause in its call, with its lock and no transaction; end it after the block."""
    customers(db)
    children(db, "visit", {1: 12})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("pause_ms", 60_000)
    db.enqueue_deletion("customer", 1)
    running = db.background(db.worker.run_deletion_jobs)
    db.wait_for("SELECT COUNT(*) FROM deletion_runs WHERE step_count > 0")
    yield
    db.end_session(db.worker)
    assert running.exception(60) is not None
    db.set_deletion_setting("pause_ms", 0)


def test_a_worker_that_pauses_between_two_steps_is_alive(db: Database) -> None:
    with worker_between_two_steps(db):
        recover(db)
        assert db.count("deletion_runs", "ended_at IS NULL") == 1
    recover(db)
    assert db.column("SELECT outcome FROM deletion_attempts") == ["lost"]


def test_a_run_of_another_server_is_not_alive_whatever_is_locked_here(db: Database) -> None:
    with worker_between_two_steps(db):
        db.execute("UPDATE deletion_runs SET server_id = 'another'")
        recover(db)
        assert db.column("SELECT outcome FROM deletion_attempts") == ["lost"]


def test_a_run_is_not_alive_when_its_worker_asks(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    steps.recover()
    assert (db.status(job_id), db.outcomes(job_id)) == ("pending", ["lost"])


def test_a_run_is_not_alive_without_its_lock_whatever_its_session_does(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    worker, holder = db.connect(), db.connect()
    Steps(worker).claim()
    worker.script(mysql="DO RELEASE_ALL_LOCKS()", postgres="SELECT pg_advisory_unlock_all()")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM customer WHERE id = 3 FOR UPDATE")
        busy = db.background(worker.rows, "SELECT id FROM customer WHERE id = 3 FOR UPDATE")
        db.wait_until_blocked(worker)
        recover(db)
        assert (db.status(job_id), db.outcomes(job_id)) == ("pending", ["lost"])
    busy.result(60)


def test_a_worker_holds_no_lock_when_its_call_has_ended(db: Database) -> None:
    customers(db)
    db.enqueue_deletions("customer", [1, 2])
    # What fails as it is claimed has a lock as well.
    refused = insert_job(db, "nothing", "1", hard_delete=True)
    db.worker.run_deletion_jobs(1)
    assert (ids(db, "customer"), db.status(refused)) == ([3], "failed")
    assert session_locks(db.worker) == 0


def test_locks_tell_runs_from_slots_and_installations_apart(
    db: Database, request: pytest.FixtureRequest
) -> None:
    """Both engines know no schemas in the names of such locks, and MySQL no databases."""
    query = db.either(
        mysql="SELECT deletion_lock_name(%s, %s)", postgres="SELECT deletion_lock_key(%s, %s)"
    )
    with contextlib.ExitStack() as stack:
        if db.engine == "mysql":
            installation: MySQLInstallation = request.getfixturevalue("mysql_installation")
            beside: Database = stack.enter_context(installation.database())
        else:
            postgres: PostgresInstallation = request.getfixturevalue("postgres_installation")
            beside = postgres.install_beside(db, "beside")
        names = {
            session.value(query, kind, number)
            for session in (db, beside)
            for kind in ("run", "slot")
            for number in (1, 2)
        }
    assert len(names) == 8


def test_a_cancelled_statement_ends_the_run_in_order(db: Database) -> None:
    customers(db)
    children(db, "a_visit", {1: 6})
    children(db, "b_visit", {1: 6})
    db.set_deletion_setting("batch_rows", 2)
    db.set_deletion_setting("lock_timeout_ms", 60000)
    job_id = db.enqueue_deletion("customer", 1)
    holder, victim = db.connect(), db.connect("worker")
    with holder.transaction(rollback=True):
        holder.rows("SELECT id FROM b_visit FOR UPDATE")
        running = db.background(victim.run_deletion_jobs)
        db.wait_until_blocked(victim)
        db.cancel_statement(victim)
        with db.error(mysql="70100", postgres="57014", changes=True):
            running.result(30)
    victim.run_deletion_jobs()
    db.run()
    assert db.status(job_id) == "done"
    assert db.outcomes(job_id)[-1] == "done"
    assert db.count("deletion_attempts", "is_counted AND outcome <> 'done'") == 0
    assert sum(db.receipts(job_id).values()) == 13


def test_the_ways_a_job_can_end_are_seen_in_the_views(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    failed = db.delete("customer", 1)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", None)
    done = db.delete("customer", 2)
    assert [
        (status, int(jobs)) for status, jobs, _ in db.rows("SELECT * FROM vw_deletion_jobs_status")
    ] in ([("done", 1), ("failed", 1)], [("failed", 1), ("done", 1)])
    receipts = db.rows(
        "SELECT job_id, table_name, action, row_count FROM vw_deletion_receipts WHERE job_id = %s",
        done.id,
    )
    assert {(table, action): int(count) for _, table, action, count in receipts} == db.receipts(
        done.id
    )
    attempts = db.rows("SELECT outcome FROM vw_deletion_attempts WHERE job_id = %s", failed.id)
    assert attempts == [("failed",)]


def test_a_run_works_for_as_long_as_it_took_to_begin(db: Database) -> None:
    """Else a check that is longer than a call would be made again for every batch."""
    customers(db, 1)
    children(db, "visit", {1: 30})
    db.set_deletion_setting("batch_rows", 5)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    over = db.now() - dt.timedelta(days=1)

    def started(ago: dt.timedelta) -> None:
        db.execute("UPDATE deletion_runs SET started_at = %s", db.now() - ago)

    started(HOUR)
    while not db.count("deletion_receipts"):
        assert steps.step(over) == "more"
    assert steps.step(over) == "more"
    started(HOUR * 1.9)
    assert steps.step(over) == "more"
    started(HOUR * 2.1)
    assert steps.step(over) == "ended"
    assert db.outcomes(job_id) == ["sliced"]
    db.run()
    assert db.outcomes(job_id) == ["sliced", "done"]
    assert ids(db, "visit") == []
