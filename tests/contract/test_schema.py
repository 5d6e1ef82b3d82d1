"""The contract with existing users: columns, keys, indexes and views, to the letter."""

import datetime as dt

import pytest

from tests.contract.schemas import insert_job
from tests.database import Database

STATUSES = ("pending", "running", "done", "failed", "cancelled")

# name, type, nullable, default: as each engine's catalog prints them.
MYSQL_COLUMNS = [
    ("id", "bigint unsigned", "NO", None),
    ("entity_table", "varchar(64)", "NO", None),
    ("entity_pk", "varchar(64)", "NO", None),
    ("reason", "text", "YES", None),
    ("hard_delete", "tinyint(1)", "NO", "0"),
    ("scheduled_at", "datetime(6)", "YES", None),
    ("started_at", "datetime(6)", "YES", None),
    ("finished_at", "datetime(6)", "YES", None),
    ("status", "enum('pending','running','done','failed','cancelled')", "NO", "pending"),
    ("error", "text", "YES", None),
    ("created_by", "bigint unsigned", "YES", None),
    ("created_at", "datetime(6)", "NO", "CURRENT_TIMESTAMP(6)"),
]
POSTGRES_COLUMNS = [
    ("id", "bigint", "NO", None),
    ("entity_table", "character varying(64)", "NO", None),
    ("entity_pk", "character varying(64)", "NO", None),
    ("reason", "text", "YES", None),
    ("hard_delete", "boolean", "NO", "false"),
    ("scheduled_at", "timestamp(6) with time zone", "YES", None),
    ("started_at", "timestamp(6) with time zone", "YES", None),
    ("finished_at", "timestamp(6) with time zone", "YES", None),
    ("status", "text", "NO", "'pending'::text"),
    ("error", "text", "YES", None),
    ("created_by", "bigint", "YES", None),
    ("created_at", "timestamp(6) with time zone", "NO", "CURRENT_TIMESTAMP"),
]
NAMES = [name for name, *_ in MYSQL_COLUMNS]


def columns_of(db: Database, relation: str) -> list[tuple[object, ...]]:
    return db.either(
        mysql=lambda: db.rows(
            "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT"
            " FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
            relation,
        ),
        postgres=lambda: db.rows(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod),"
            " CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END, pg_get_expr(d.adbin, d.adrelid)"
            " FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d"
            " ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attnum",
            relation,
        ),
    )()


def test_deletion_jobs_has_exactly_the_columns_of_the_contract(db: Database) -> None:
    wanted = db.either(mysql=MYSQL_COLUMNS, postgres=POSTGRES_COLUMNS)
    found = columns_of(db, "deletion_jobs")
    # PostgreSQL prints CURRENT_TIMESTAMP(6) with or without its default precision.
    assert [
        tuple("CURRENT_TIMESTAMP" if v == "CURRENT_TIMESTAMP(6)" else v for v in row)
        for row in found
    ] == [
        tuple("CURRENT_TIMESTAMP" if v == "CURRENT_TIMESTAMP(6)" else v for v in row)
        for row in wanted
    ]


def test_id_is_generated_and_may_be_given(db: Database) -> None:
    first = insert_job(db, "t", "1")
    given = insert_job(db, "t", "2", id=first + 1000)
    assert (first > 0, given) == (True, first + 1000)
    kind = db.either(
        mysql="SELECT EXTRA = 'auto_increment' FROM information_schema.COLUMNS WHERE"
        " TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'deletion_jobs' AND COLUMN_NAME = 'id'",
        postgres="SELECT attidentity = 'd' FROM pg_attribute"
        " WHERE attrelid = 'deletion_jobs'::regclass AND attname = 'id'",
    )
    assert db.value(kind)


def indexes(db: Database) -> dict[str, tuple[bool, str]]:
    """Give {index: (unique, columns)}."""
    found = db.either(
        mysql=lambda: db.rows(
            "SELECT INDEX_NAME, MIN(NON_UNIQUE) = 0, GROUP_CONCAT(COALESCE(COLUMN_NAME,"
            " EXPRESSION) ORDER BY SEQ_IN_INDEX SEPARATOR ', ')"
            " FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
            " AND TABLE_NAME = 'deletion_jobs' GROUP BY INDEX_NAME"
        ),
        postgres=lambda: db.rows(
            "SELECT c.relname, i.indisunique, (SELECT string_agg("
            "pg_get_indexdef(i.indexrelid, n, TRUE), ', ' ORDER BY n)"
            " FROM generate_series(1, i.indnkeyatts) AS n)"
            " FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = 'deletion_jobs'::regclass"
        ),
    )()
    return {name: (bool(unique), str(columns)) for name, unique, columns in found}


def test_deletion_jobs_has_the_keys_and_indexes_of_the_contract(db: Database) -> None:
    found = indexes(db)
    assert found["uq_deletion_jobs"] == (True, "entity_table, entity_pk")
    assert found["idx_dj_status_sched"] == (False, "status, scheduled_at")
    assert found["idx_dj_created_by"] == (False, "created_by")
    assert found[db.either(mysql="PRIMARY", postgres="deletion_jobs_pkey")] == (True, "id")


@pytest.mark.parametrize("status", STATUSES)
def test_status_takes_the_five_values(db: Database, status: str) -> None:
    assert db.job(insert_job(db, "t", "1", status=status)).status == status


@pytest.mark.parametrize("status", ["", "Pending ", "deleted", None])
def test_status_takes_nothing_else(db: Database, status: str | None) -> None:
    codes = ("01000", "23502") if status is None else ("01000", "23514")
    mysql = "23000" if status is None else codes[0]
    with db.error(mysql=mysql, postgres=codes[1]):
        insert_job(db, "t", "1", status=status)


def test_status_is_held_by_the_constraint_chk_dj_status_on_postgres(db: Database) -> None:
    query = db.either(
        mysql="SELECT DATA_TYPE = 'enum' FROM information_schema.COLUMNS WHERE"
        " TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'deletion_jobs' AND COLUMN_NAME = 'status'",
        postgres="SELECT contype = 'c' FROM pg_constraint"
        " WHERE conrelid = 'deletion_jobs'::regclass AND conname = 'chk_dj_status'",
    )
    assert db.value(query)


def test_defaults_are_those_of_the_contract(db: Database) -> None:
    db.execute("SET time_zone = '+00:00'" if db.engine == "mysql" else "SET timezone = 'UTC'")
    before = db.now()
    job = db.job(insert_job(db, "t", "1"))
    assert (job.status, job.hard_delete, job.scheduled_at) == ("pending", False, None)
    assert before <= job.created_at <= db.now()


def test_keys_that_differ_in_case_or_trailing_blanks_are_different_jobs(db: Database) -> None:
    made = {insert_job(db, "t", pk) for pk in ("abc", "ABC", "abc ", "äbc", "abc  ")}
    made |= {insert_job(db, table, "abc") for table in ("T", "t ")}
    assert len(made) == 7


def test_one_row_cannot_have_two_jobs(db: Database) -> None:
    insert_job(db, "t", "1")
    with db.error(mysql="23000", postgres="23505", message="uq_deletion_jobs"):
        insert_job(db, "t", "1")


def test_the_mysql_table_is_dynamic_innodb_in_utf8mb4(mysql: Database) -> None:
    found = mysql.rows(
        "SELECT ENGINE, ROW_FORMAT, TABLE_COLLATION LIKE 'utf8mb4%'"
        " FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'deletion%'"
    )
    assert set(found) == {("InnoDB", "Dynamic", 1)}
    collations = mysql.column(
        "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_NAME = 'deletion_jobs' AND COLUMN_NAME LIKE 'entity%'"
    )
    assert collations == ["utf8mb4_0900_bin"] * 2


@pytest.mark.parametrize("name", ["users", "people"])
def test_a_users_row_may_go_and_leaves_its_jobs_without_a_creator(db: Database, name: str) -> None:
    key = db.either(mysql="bigint_unsigned", postgres="bigint")
    db.table(name, f"id {key}", rows=[(7,), (8,)])
    db.link_deletion_users(name, "id")
    job_id = insert_job(db, "t", "1", created_by=7)
    with db.error(mysql="23000", postgres="23503", message="fk_dj_user"):
        insert_job(db, "t", "2", created_by=9)
    db.execute(f"DELETE FROM {name} WHERE id = 7")
    assert db.job(job_id).created_by is None
    db.link_deletion_users(None, None)
    assert db.job(insert_job(db, "t", "2", created_by=9)).created_by == 9


def test_users_of_another_type_or_missing_are_refused(db: Database) -> None:
    db.table("users", "id uuid")
    with db.error("JD005", "people"):
        db.link_deletion_users("people", "id")
    with db.error("JD002", "users"):
        db.link_deletion_users("users", "id")
    with db.error("JD002", "nothing"):
        db.link_deletion_users("users", "nothing")


def test_vw_deletion_jobs_shows_the_twelve_columns(db: Database) -> None:
    shown = [row[0] for row in columns_of(db, "vw_deletion_jobs")]
    assert shown == NAMES
    job_id = insert_job(db, "t", "1", reason="because", hard_delete=True)
    assert db.rows(f"SELECT {', '.join(NAMES)} FROM vw_deletion_jobs") == db.rows(
        f"SELECT {', '.join(NAMES)} FROM deletion_jobs WHERE id = %s", job_id
    )


def test_vw_deletion_jobs_status_has_one_row_a_status_in_order(db: Database) -> None:
    late, early = dt.datetime(2024, 5, 2, tzinfo=dt.UTC), dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    for number, (status, finished_at) in enumerate(
        [("failed", early), ("done", early), ("done", late), ("pending", None)]
    ):
        insert_job(db, "t", str(number), status=status, finished_at=finished_at)
    found = [
        (status, int(jobs), last and last.replace(tzinfo=dt.UTC))
        for status, jobs, last in db.rows("SELECT * FROM vw_deletion_jobs_status")
    ]
    shown = [row[0] for row in columns_of(db, "vw_deletion_jobs_status")]
    assert shown == ["status", "jobs", "last_finished"]
    assert found == [("pending", 1, None), ("done", 2, late), ("failed", 1, early)]


def test_the_contract_views_on_mysql_are_merge_and_temptable_invoker(mysql: Database) -> None:
    for view, algorithm in (
        ("vw_deletion_jobs", "MERGE"),
        ("vw_deletion_jobs_status", "TEMPTABLE"),
    ):
        text = mysql.rows(f"SHOW CREATE VIEW {view}")[0][1]
        assert f"ALGORITHM={algorithm} " in text
        assert "SQL SECURITY INVOKER" in text


TABLES = {
    "deletion_jobs",
    "deletion_targets",
    "deletion_references",
    "deletion_rules",
    "deletion_plans",
    "deletion_plan_steps",
    "deletion_runs",
    "deletion_attempts",
    "deletion_frames",
    "deletion_receipts",
    "deletion_marks",
    "deletion_settings",
}


def test_every_table_of_the_design_is_there_and_every_column_is_explained(db: Database) -> None:
    found = {name.split(".")[-1].strip('`"') for name in db.tables()}
    assert found >= TABLES
    assert all(name.startswith("deletion_") for name in found)
    silent = db.column(
        db.either(
            mysql="SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS"
            " JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME)"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
            " AND (COLUMN_COMMENT = '' OR TABLE_COMMENT = '')",
            postgres="SELECT c.relname || '.' || a.attname FROM pg_class AS c"
            " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
            " AND NOT a.attisdropped AND (col_description(c.oid, a.attnum) IS NULL"
            " OR obj_description(c.oid, 'pg_class') IS NULL)",
        )
    )
    assert silent == []


def test_no_table_of_ours_is_without_a_primary_key(db: Database) -> None:
    without = db.column(
        db.either(
            mysql="SELECT TABLE_NAME FROM information_schema.TABLES AS t"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
            " AND NOT EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS AS c"
            " WHERE c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME"
            " AND c.CONSTRAINT_TYPE = 'PRIMARY KEY')",
            postgres="SELECT relname FROM pg_class AS c"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT EXISTS"
            " (SELECT 1 FROM pg_index WHERE indrelid = c.oid AND indisprimary)",
        )
    )
    assert without == []
