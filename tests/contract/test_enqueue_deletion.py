"""enqueue_deletion: one CALL records the wish, in the caller's own transaction."""

import datetime as dt
from typing import Any

import pytest

from tests.contract.schemas import customers, ids, insert_job
from tests.database import Database

HOUR = dt.timedelta(hours=1)

# -- A new job -------------------------------------------------------------------------------


def test_a_job_keeps_what_was_asked(db: Database) -> None:
    customers(db)
    start = db.now()
    later = start.replace(microsecond=123456) + HOUR
    job = db.job(db.enqueue_deletion("customer", "2", "asked by letter", True, later, 77))
    assert (job.entity_table, job.entity_pk, job.reason) == ("customer", "2", "asked by letter")
    assert (job.hard_delete, job.scheduled_at, job.created_by) == (True, later, 77)
    assert (job.status, job.started_at, job.finished_at, job.error) == ("pending",) + (None,) * 3
    assert start <= job.created_at <= db.now()
    assert ids(db, "customer") == [1, 2, 3]


def test_times_are_utc_whatever_the_callers_time_zone(db: Database) -> None:
    customers(db)
    caller = db.connect("app")
    caller.script(mysql="SET time_zone = '+05:00'", postgres="SET timezone = 'Asia/Karachi'")
    before = db.now()
    job_id = caller.enqueue_deletion("customer", 1)
    utc = db.connect()
    utc.script(mysql="SET time_zone = '+00:00'", postgres="SET timezone = 'UTC'")
    assert before <= utc.job(job_id).created_at <= db.now()


def test_the_row_need_not_exist(db: Database) -> None:
    customers(db)
    job = db.job(db.enqueue_deletion("customer", 999))
    assert (job.entity_pk, job.status) == ("999", "pending")


def test_a_time_in_the_past_is_due_at_once(db: Database) -> None:
    customers(db)
    past = db.now() - HOUR
    job_id = db.enqueue_deletion("customer", 1, scheduled_at=past)
    assert db.job(job_id).scheduled_at == past
    assert db.due() == [job_id]


def test_every_row_gets_a_job_of_its_own(db: Database) -> None:
    customers(db)
    made = [db.enqueue_deletion("customer", key) for key in (3, 1, 2)]
    assert len(set(made)) == 3
    assert [db.job(job_id).entity_pk for job_id in made] == ["3", "1", "2"]


# -- The same row again ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (2 * HOUR, HOUR, HOUR),
        (HOUR, 2 * HOUR, HOUR),
        (HOUR, None, "now"),
        (None, HOUR, "now"),
        (None, None, "now"),
        (None, -HOUR, -HOUR),
        (-HOUR, None, -HOUR),
    ],
)
def test_a_pending_job_keeps_the_earlier_time(
    db: Database, first: dt.timedelta | None, second: dt.timedelta | None, kept: Any
) -> None:
    customers(db)
    now = db.now()
    made = db.enqueue_deletion(
        "customer", 1, "first", scheduled_at=None if first is None else now + first, created_by=1
    )
    before = db.job(made)
    again = db.enqueue_deletion(
        "customer", 1, "second", scheduled_at=None if second is None else now + second, created_by=2
    )
    job = db.job(again)
    assert (again, job.status) == (made, "pending")
    assert (job.reason, job.created_by, job.created_at) == ("first", 1, before.created_at)
    if kept == "now":
        assert now <= (job.scheduled_at or job.created_at) <= db.now()
    else:
        assert job.scheduled_at == now + kept


def test_a_pending_job_takes_the_harder_mode(db: Database) -> None:
    customers(db)
    soft = insert_job(db, "customer", "1", hard_delete=False)
    assert db.enqueue_deletion("customer", 1, hard_delete=True) == soft
    assert db.job(soft).hard_delete is True


def running_job(db: Database, **columns: Any) -> int:
    """Make a job that a run has in hand, by writing what a claim would have written."""
    job_id = insert_job(
        db, "customer", "1", status="running", started_at=db.now(), reason="first", **columns
    )
    db.execute(
        "INSERT INTO deletion_attempts (job_id, attempt_no, run_id, started_at, is_counted)"
        " VALUES (%s, 1, 1, %s, FALSE)",
        job_id,
        db.now(),
    )
    return job_id


def test_a_running_job_is_left_alone(db: Database) -> None:
    customers(db)
    job_id = running_job(db, hard_delete=True)
    before = db.job(job_id)
    assert db.enqueue_deletion("customer", 1, "second", created_by=5) == job_id
    assert db.job(job_id) == before
    # Should its run end before it is done, the job goes on at once and not then.
    assert db.enqueue_deletion("customer", 1, scheduled_at=db.now() + HOUR) == job_id
    assert db.job(job_id) == before


def test_a_harder_mode_is_noted_on_a_running_job(db: Database) -> None:
    customers(db)
    job_id = running_job(db, hard_delete=False)
    assert db.enqueue_deletion("customer", 1, "second", hard_delete=True) == job_id
    job = db.job(job_id)
    assert (job.hard_delete, job.status, job.reason) == (True, "running", "first")


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_finished_job_is_armed_again_in_the_same_row(db: Database, status: str) -> None:
    customers(db)
    long_ago = db.now() - 24 * HOUR
    job_id = insert_job(
        db,
        "customer",
        "1",
        reason="first",
        hard_delete=True,
        scheduled_at=long_ago,
        started_at=long_ago,
        finished_at=long_ago + HOUR,
        status=status,
        error="broke" if status == "failed" else None,
        created_by=1,
        created_at=long_ago,
    )
    before = db.now()
    assert db.enqueue_deletion("customer", 1, "second", True, None, 2) == job_id
    job = db.job(job_id)
    assert (job.status, job.reason, job.created_by) == ("pending", "second", 2)
    assert (job.scheduled_at, job.started_at, job.finished_at, job.error) == (None,) * 4
    assert before <= job.created_at <= db.now()
    kept = db.rows(
        "SELECT outcome, asked_reason, asked_by, asked_at, asked_scheduled_at, is_past"
        " FROM deletion_attempts WHERE job_id = %s",
        job_id,
    )
    assert len(kept) == 1
    outcome, reason, by, asked_at, asked_for, is_past = kept[0]
    assert (outcome, reason, by, bool(is_past)) == (status, "first", 1, True)
    times = [time.replace(tzinfo=time.tzinfo or dt.UTC) for time in (asked_at, asked_for)]
    assert times == [long_ago, long_ago]


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_attempts_of_an_earlier_wish_are_past(db: Database, status: str) -> None:
    customers(db)
    job_id = insert_job(db, "customer", "1", hard_delete=True, status=status)
    db.execute(
        "INSERT INTO deletion_attempts (job_id, attempt_no, run_id, started_at, ended_at, outcome,"
        " is_counted) VALUES (%s, 1, 1, %s, %s, %s, TRUE)",
        job_id,
        db.now(),
        db.now(),
        status,
    )
    db.enqueue_deletion("customer", 1)
    assert db.rows("SELECT outcome, is_past FROM deletion_attempts WHERE job_id = %s", job_id) == [
        (status, True)
    ]


def test_a_job_that_was_done_ends_done_again_and_finds_no_root(db: Database) -> None:
    customers(db)
    first = db.delete("customer", 1)
    assert (first.status, db.receipts(first.id)) == ("done", {("customer", "delete"): 1})
    again = db.delete("customer", 1)
    assert (again.id, again.status) == (first.id, "done")
    assert db.receipts(first.id)["customer", "root_not_found"] == 0


# -- Keys ------------------------------------------------------------------------------------

CANONICAL = [
    ("int", "42", "42"),
    ("int", "042", "42"),
    ("int", "-7", "-7"),
    ("int", "-0", "0"),
    ("int", "2147483647", "2147483647"),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("smallint", "0012", "12"),
    ("varchar", "abc", "abc"),
    ("varchar", "ABC", "ABC"),
    ("varchar", "042", "042"),
    ("varchar", "abc ", "abc "),
    ("varchar", " abc", " abc"),
    ("varchar", 'O\'Brien "x" \\ `y` %s', 'O\'Brien "x" \\ `y` %s'),
    ("varchar", "żółć 漢字", "żółć 漢字"),
    ("varchar", "x" * 64, "x" * 64),
    ("text", "abc", "abc"),
    ("date", "2024-02-29", "2024-02-29"),
    ("decimal", "1.5", "1.50"),
    ("decimal", "1", "1.00"),
    ("decimal", "-1.50", "-1.50"),
    ("decimal", "007.10", "7.10"),
    ("uuid", "3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f10", "3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f10"),
    ("timestamp", "2024-02-29 12:30:00", None),
]


@pytest.mark.parametrize(("kind", "given", "canonical"), CANONICAL)
def test_a_key_is_kept_as_its_type_prints_it(
    db: Database, kind: str, given: str, canonical: str | None
) -> None:
    db.table("thing", f"id {kind}")
    db.register_deletion_target("thing")
    if kind == "timestamp":
        canonical = db.either(
            mysql="2024-02-29 12:30:00.000000",
            postgres="2024-02-29 12:30:00+00",
        )
    job_id = db.enqueue_deletion("thing", given)
    assert db.job(job_id).entity_pk == canonical
    assert db.enqueue_deletion("thing", canonical) == job_id


REFUSED = [
    *(("int", text) for text in ("12abc", "abc", "", " ", "1.0", "1.5", "1e3", "0x1A", "1_000")),
    *(("int", text) for text in ("--1", "1 2", "NULL", "2147483648", "-2147483649", "12;", "१२")),
    ("bigint", "9223372036854775808"),
    ("bigint", "99999999999999999999"),
    ("smallint", "32768"),
    ("date", "2024-02-30"),
    ("date", "2023-02-29"),
    ("date", "yesterday"),
    ("date", "today"),
    ("date", "now"),
    ("date", "20240230"),
    ("date", "2024-01-01x"),
    ("date", ""),
    ("decimal", "1.555"),
    ("decimal", "abc"),
    ("decimal", "1.5x"),
    ("decimal", ""),
    ("decimal", "NaN"),
    ("decimal", "99999999999"),
    ("decimal", "1.5.1"),
    ("varchar", "x" * 65),
    ("text", "x" * 65),
    ("text", "漢" * 65),
]


@pytest.mark.parametrize(("kind", "given"), REFUSED)
def test_a_key_that_does_not_parse_as_its_type_is_refused(
    db: Database, kind: str, given: str
) -> None:
    db.table("thing", f"id {kind}")
    db.register_deletion_target("thing")
    with db.error("JD002", "enqueue_deletion: "):
        db.enqueue_deletion("thing", given)


def test_a_uuid_is_kept_in_the_form_that_postgres_prints(postgres: Database) -> None:
    postgres.table("thing", "id uuid")
    postgres.register_deletion_target("thing")
    canonical = "3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f10"
    made = {
        postgres.enqueue_deletion("thing", text)
        for text in (canonical, canonical.upper(), canonical.replace("-", ""), f"{{{canonical}}}")
    }
    assert [postgres.job(job_id).entity_pk for job_id in made] == [canonical]
    for wrong in ("3d8b5a1c", "x", "", canonical + "0", "'"):
        with postgres.error("JD002", "enqueue_deletion: "):
            postgres.enqueue_deletion("thing", wrong)


def test_a_binary_key_travels_as_hex(db: Database) -> None:
    db.table("thing", "id bytes")
    db.register_deletion_target("thing")
    text = binary_text(db, b"\x00\xff\x27")
    job_id = db.enqueue_deletion("thing", text)
    assert db.job(job_id).entity_pk == text
    assert db.enqueue_deletion("thing", text.replace("ff", "FF")) == job_id
    for wrong in (text + "0", text[:-2] + "zz", "xyz"):
        with db.error("JD002", "enqueue_deletion: "):
            db.enqueue_deletion("thing", wrong)


def binary_text(db: Database, value: bytes) -> str:
    """Write a binary key as the engine's canonical text."""
    return db.either(mysql=value.hex().upper(), postgres="\\x" + value.hex())


def test_a_mysql_enum_key_is_its_label_and_not_its_number(mysql: Database) -> None:
    mysql.script(mysql="CREATE TABLE thing (id ENUM('a', 'b', '2') PRIMARY KEY)")
    mysql.register_deletion_target("thing")
    assert mysql.job(mysql.enqueue_deletion("thing", "b")).entity_pk == "b"
    for wrong in ("1", "3", "c", ""):
        with mysql.error("JD002", "enqueue_deletion: "):
            mysql.enqueue_deletion("thing", wrong)


def test_a_mysql_unsigned_key_takes_no_sign_and_its_whole_range(mysql: Database) -> None:
    mysql.script(mysql="CREATE TABLE thing (id BIGINT UNSIGNED PRIMARY KEY)")
    mysql.register_deletion_target("thing")
    top = str(2**64 - 1)
    assert mysql.job(mysql.enqueue_deletion("thing", top)).entity_pk == top
    for wrong in ("-12", "18446744073709551616", "-1"):
        with mysql.error("JD002", "enqueue_deletion: "):
            mysql.enqueue_deletion("thing", wrong)


@pytest.mark.parametrize(
    ("kind", "top"),
    [
        (f"{name}{sign}", 2 ** (bits - (not sign)) - 1)
        for name, bits in (("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32))
        for sign in ("", " unsigned")
    ]
    + [("bigint", 2**63 - 1)],
)
def test_a_mysql_number_is_a_key_up_to_the_largest_of_its_type(
    mysql: Database, kind: str, top: int
) -> None:
    mysql.script(mysql=f"CREATE TABLE thing (id {kind} PRIMARY KEY)")
    mysql.register_deletion_target("thing")
    for key in (0, top - 1, top):
        assert mysql.job(mysql.enqueue_deletion("thing", key)).entity_pk == str(key)
    for wrong in (top + 1, 10 * top, 2**64 - 1, 2**64, 2**64 + 1):
        with mysql.error("JD002", "enqueue_deletion: "):
            mysql.enqueue_deletion("thing", wrong)
    assert mysql.count("deletion_jobs") == 3


def composite(db: Database) -> None:
    db.table("place", "region varchar", "no int", key=("region", "no"))
    db.register_deletion_target("place")


@pytest.mark.parametrize("given", ['["de", 12]', '["de","12"]', '[ "de" , "012" ]'])
def test_a_composite_key_is_an_array_in_key_order(db: Database, given: str) -> None:
    composite(db)
    job_id = db.enqueue_deletion("place", given)
    assert db.job(job_id).entity_pk == '["de","12"]'
    assert db.enqueue_deletion("place", '["de","12"]') == job_id


@pytest.mark.parametrize(
    "given",
    [
        '["de"]',
        '["de", 12, 3]',
        "[]",
        '[12, "de"]',
        '["de", "12abc"]',
        '["de", null]',
        '["de", [12]]',
        '["de", {"no": 12}]',
        '["de", true]',
        '{"region": "de", "no": 12}',
        '"de"',
        "de",
        "12",
        "",
        "null",
        '["de", 12',
        '["de", 12] x',
        '["de", 12.5]',
        f'["{"x" * 58}", 12]',
    ],
)
def test_a_composite_key_of_another_form_is_refused(db: Database, given: str) -> None:
    composite(db)
    with db.error("JD002", "enqueue_deletion: "):
        db.enqueue_deletion("place", given)


def test_a_composite_key_may_fill_64_characters(db: Database) -> None:
    composite(db)
    key = f'["{"x" * 55}","12"]'
    assert len(key) == 64
    assert db.job(db.enqueue_deletion("place", key)).entity_pk == key


def test_a_composite_key_keeps_quotes_and_other_alphabets(db: Database) -> None:
    composite(db)
    keys = ['["a\\"b","1"]', '["a\\\\b","1"]', '["漢\'","1"]']
    made = [db.enqueue_deletion("place", key) for key in keys]
    assert [db.job(job_id).entity_pk for job_id in made] == keys


# -- Tables ----------------------------------------------------------------------------------


def test_a_table_that_is_no_target_is_refused(db: Database) -> None:
    db.table("customer", "id bigint", rows=[(1,)])
    with db.error("JD004", "enqueue_deletion: ") as raised:
        db.enqueue_deletion("customer", 1)
    assert "customer" in raised.message


@pytest.mark.parametrize(
    "table",
    [
        "",
        " ",
        "nothing",
        "customer ",
        "deletion_jobs",
        "deletion_targets",
        "customer; --",
        "x" * 99,
    ],
)
def test_what_is_not_the_name_of_a_target_is_refused(db: Database, table: str) -> None:
    customers(db)
    with db.error("JD004", "enqueue_deletion: "):
        db.enqueue_deletion(table, 1)


def test_spellings_of_one_table_are_one_job_on_postgres(postgres: Database) -> None:
    customers(postgres)
    spellings = ["customer", "CUSTOMER", "public.customer", '"customer"', 'Public."customer"']
    assert len({postgres.enqueue_deletion(name, 1) for name in spellings}) == 1
    assert postgres.column("SELECT entity_table FROM deletion_jobs") == ["customer"]
    with postgres.error("JD004", "enqueue_deletion: "):
        postgres.enqueue_deletion('"CUSTOMER"', 1)


def test_a_table_of_another_schema_keeps_its_schema_on_postgres(postgres: Database) -> None:
    postgres.script(
        postgres='CREATE SCHEMA "Sales"; CREATE TABLE "Sales".customer (id int PRIMARY KEY)'
    )
    customers(postgres)
    postgres.register_deletion_target('"Sales".customer')
    one = postgres.enqueue_deletion("customer", 1)
    other = postgres.enqueue_deletion('"Sales".customer', 1)
    assert one != other
    assert postgres.job(other).entity_table == '"Sales".customer'


def test_the_callers_search_path_does_not_matter(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE SCHEMA other; CREATE TABLE other.customer (id int PRIMARY KEY)"
    )
    postgres.execute("SET search_path = other, pg_temp")
    found = postgres.rows(
        "CALL public.enqueue_deletion('customer', '1', NULL, TRUE, NULL, NULL, NULL)"
    )
    postgres.execute("SET search_path = public")
    assert postgres.job(found[0][0]).entity_table == "customer"


def test_names_of_tables_differ_by_case_on_mysql(mysql: Database) -> None:
    customers(mysql)
    with mysql.error("JD004", "enqueue_deletion: "):
        mysql.enqueue_deletion("CUSTOMER", 1)


# -- Arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "pk", "hard"),
    [(None, "1", True), ("customer", None, True), ("customer", "1", None)],
)
def test_null_where_a_value_is_needed_is_refused(
    db: Database, table: str | None, pk: str | None, hard: bool | None
) -> None:
    customers(db)
    with db.error("JD002", "enqueue_deletion: "):
        db.enqueue_deletion(table, pk, hard_delete=hard)


def test_a_soft_deletion_needs_a_column_to_mark(db: Database) -> None:
    customers(db)
    with db.error("JD011", "enqueue_deletion: ") as raised:
        db.enqueue_deletion("customer", 1, hard_delete=False)
    assert "customer" in raised.message


def test_a_message_is_cut_to_what_a_signal_can_carry(db: Database) -> None:
    customers(db)
    for key in ("é" * 500, "x" * 500, "'" * 5000):
        with db.error("JD002", "enqueue_deletion: "):
            db.enqueue_deletion("customer", key)
        with db.error("JD004", "enqueue_deletion: "):
            db.enqueue_deletion(key, 1)


def test_more_pending_jobs_than_allowed_are_refused(db: Database) -> None:
    customers(db)
    db.set_deletion_setting("max_pending", 2)
    first = db.enqueue_deletion("customer", 1)
    db.enqueue_deletion("customer", 2)
    with db.error("JD013", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 3)
    assert db.enqueue_deletion("customer", 1) == first
    db.set_deletion_setting("max_pending", None)
    assert db.status(db.enqueue_deletion("customer", 3)) == "pending"


def test_a_target_registered_under_a_limit_obeys_it(db: Database) -> None:
    db.set_deletion_setting("max_pending", 1)
    customers(db)
    db.enqueue_deletion("customer", 1)
    with db.error("JD013", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 2)
    db.set_deletion_setting("max_pending", None)
    db.register_deletion_target("customer")
    assert db.status(db.enqueue_deletion("customer", 2)) == "pending"


@pytest.mark.parametrize("is_limit_first", [True, False])
def test_a_limit_and_a_target_that_come_at_once_know_of_each_other(
    db: Database, is_limit_first: bool
) -> None:
    db.table("customer", "id int")
    other = db.connect()

    def limit(session: Database) -> None:
        session.set_deletion_setting("max_pending", 1)

    def register(session: Database) -> None:
        session.register_deletion_target("customer")

    first, second = (limit, register) if is_limit_first else (register, limit)
    with db.transaction():
        first(db)
        waiting = db.background(second, other)
        db.wait_until_blocked(other)
    waiting.result(20)
    db.enqueue_deletion("customer", 1)
    with db.error("JD013", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 2)


# -- The caller's transaction ----------------------------------------------------------------


def test_a_rollback_takes_the_job_back_with_everything_else(db: Database) -> None:
    customers(db)
    with db.transaction(rollback=True):
        db.execute("UPDATE customer SET name = 'changed'")
        job_id = db.enqueue_deletion("customer", 1)
        assert db.job(job_id).status == "pending"
        assert db.observer.count("deletion_jobs") == 0
    assert db.count("deletion_jobs") == 0
    assert db.count("customer", "name = 'changed'") == 0


def test_a_rollback_takes_a_rearmed_job_back_to_what_it_was(db: Database) -> None:
    customers(db)
    job_id = insert_job(db, "customer", "1", status="done", reason="first", hard_delete=True)
    before = db.contents()
    with db.transaction(rollback=True):
        assert db.enqueue_deletion("customer", 1, "second") == job_id
    assert db.contents() == before


def test_a_savepoint_of_the_caller_survives(db: Database) -> None:
    customers(db)
    with db.transaction():
        first = db.enqueue_deletion("customer", 1)
        db.execute("SAVEPOINT here")
        db.enqueue_deletion("customer", 2)
        db.execute("ROLLBACK TO SAVEPOINT here")
    assert db.column("SELECT id FROM deletion_jobs") == [first]


def test_a_job_is_not_seen_before_its_transaction_commits(db: Database) -> None:
    customers(db)
    with db.transaction():
        job_id = db.enqueue_deletion("customer", 1)
        db.worker.run_deletion_jobs()
        assert db.observer.count("customer") == 3
    db.run()
    assert (db.status(job_id), ids(db, "customer")) == ("done", [2, 3])


def test_a_trigger_may_enqueue(db: Database) -> None:
    customers(db)
    db.script(
        mysql="CREATE TRIGGER account_closed AFTER UPDATE ON customer FOR EACH ROW"
        " CALL enqueue_deletion('customer', NEW.id, 'closed', TRUE, NULL, NULL, @job_id)",
        postgres="CREATE FUNCTION account_closed() RETURNS trigger LANGUAGE plpgsql AS $$"
        " DECLARE v_job_id bigint; BEGIN"
        " CALL enqueue_deletion('customer', NEW.id::text, 'closed', TRUE, NULL, NULL, v_job_id);"
        " RETURN NULL; END $$;"
        " CREATE TRIGGER account_closed AFTER UPDATE ON customer"
        " FOR EACH ROW EXECUTE FUNCTION account_closed()",
    )
    db.execute("UPDATE customer SET name = 'closed' WHERE id > 1")
    assert sorted(db.column("SELECT entity_pk FROM deletion_jobs WHERE reason = 'closed'")) == [
        "2",
        "3",
    ]
    db.execute("UPDATE customer SET name = 'closed again' WHERE id = 2")
    assert db.count("deletion_jobs") == 2


def test_enqueue_reads_no_application_table(db: Database) -> None:
    customers(db)
    holder, caller = db.connect(), db.connect("app")
    caller.script(mysql="SET lock_wait_timeout = 3", postgres="SET lock_timeout = '3s'")
    if db.engine == "postgres":
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
    else:
        holder.execute("LOCK TABLES customer WRITE")
    job_id = caller.enqueue_deletion("customer", 1)
    holder.close()
    assert db.status(job_id) == "pending"


def test_a_second_enqueue_of_a_row_waits_for_the_first_and_joins_it(db: Database) -> None:
    customers(db)
    other = db.connect("app")
    with db.transaction():
        job_id = db.enqueue_deletion("customer", 1, "first")
        second = db.background(other.enqueue_deletion, "customer", 1, "second")
        db.wait_until_blocked(other)
    assert second.result(20) == job_id
    assert db.job(job_id).reason == "first"
    assert db.count("deletion_jobs") == 1


def test_a_second_enqueue_makes_the_job_when_the_first_rolls_back(db: Database) -> None:
    customers(db)
    other = db.connect("app")
    with db.transaction(rollback=True):
        db.enqueue_deletion("customer", 1, "first")
        second = db.background(other.enqueue_deletion, "customer", 1, "second")
        db.wait_until_blocked(other)
    assert db.job(second.result(20)).reason == "second"
    assert db.count("deletion_jobs") == 1


def test_an_enqueue_of_another_row_does_not_wait(db: Database) -> None:
    customers(db)
    other = db.connect("app")
    with db.transaction():
        db.enqueue_deletion("customer", 1)
        done = db.background(other.enqueue_deletion, "customer", 2).result(20)
    assert {db.job(done).entity_pk, "1"} == set(db.column("SELECT entity_pk FROM deletion_jobs"))


def test_an_enqueue_waits_for_an_open_cancel_and_arms_the_job_again(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1, "first")
    other = db.connect("app")
    with db.transaction():
        db.cancel_deletion(job_id)
        again = db.background(other.enqueue_deletion, "customer", 1, "second")
        db.wait_until_blocked(other)
    assert again.result(20) == job_id
    job = db.job(job_id)
    assert (job.status, job.reason, db.outcomes(job_id)) == ("pending", "second", ["cancelled"])


def rows_read_by_an_enqueue(db: Database, pk: int) -> int:
    """Count what the engine reads of its tables, by index or without, for one more job."""
    if db.engine == "mysql":
        db.execute("FLUSH STATUS")
        db.enqueue_deletion("customer", pk)
        return int(
            db.value(
                "SELECT SUM(VARIABLE_VALUE) FROM performance_schema.session_status"
                " WHERE VARIABLE_NAME LIKE 'Handler\\_read\\_%%' AND %s",
                True,
            )
        )
    with db.transaction():
        db.enqueue_deletion("customer", pk)
        return int(
            db.value(
                "SELECT COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0)"
                " FROM pg_stat_xact_user_tables WHERE relname = 'deletion_jobs'"
            )
        )


def test_an_enqueue_reads_no_more_where_many_jobs_are_pending(db: Database) -> None:
    customers(db)
    db.enqueue_deletion("customer", 1)
    few = rows_read_by_an_enqueue(db, 2)
    db.enqueue_deletions("customer", list(range(10, 2010)))
    assert rows_read_by_an_enqueue(db, 3) <= few + 20
