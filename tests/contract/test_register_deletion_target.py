"""register_deletion_target and unregister_deletion_target: what may be deleted from."""

import json

import pytest

from tests import install
from tests.contract.schemas import customers, ids, insert_job
from tests.database import Database, Reference


def target(db: Database, name: str) -> tuple[object, ...] | None:
    found = db.rows(
        "SELECT key_columns, max_rows FROM deletion_targets WHERE entity_table = %s", name
    )
    if not found:
        return None
    columns, max_rows = found[0]
    return json.loads(columns) if isinstance(columns, str) else columns, max_rows


def test_a_target_is_kept_with_its_primary_key(db: Database) -> None:
    db.table("place", "no int", "region varchar", "name text null", key=("region", "no"))
    db.register_deletion_target("place")
    assert target(db, "place") == (["region", "no"], None)


def test_a_target_may_be_registered_by_a_unique_key(db: Database) -> None:
    db.table(
        "customer",
        "id uuid",
        "code varchar",
        "name text null",
        unique=["code"],
        rows=[("3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f10", "K1", None)],
    )
    db.register_deletion_target("customer", ["code"], 50)
    assert target(db, "customer") == (["code"], 50)
    assert db.delete("customer", "K1").status == "done"
    assert db.count("customer") == 0


def test_a_table_without_a_primary_key_needs_a_unique_one(db: Database) -> None:
    db.table("note", "code varchar", "body text null", key=None, unique=["code"])
    db.table("heap", "code varchar", key=None)
    db.register_deletion_target("note", ["code"])
    with db.error("JD005", "register_deletion_target: "):
        db.register_deletion_target("heap")


def test_registering_again_changes_the_limit(db: Database) -> None:
    customers(db)
    db.register_deletion_target("customer", max_rows=7)
    assert target(db, "customer") == (["id"], 7)
    db.register_deletion_target("customer")
    assert target(db, "customer") == (["id"], None)
    assert db.count("deletion_targets") == 1


@pytest.mark.parametrize(
    "columns",
    [
        ["name"],
        ["nothing"],
        ["id", "nothing"],
        [],
        ["id", "id"],
        [1],
        [None],
        "{}",
        '"id"',
        [["id"]],
    ],
)
def test_what_is_no_unique_key_is_refused(db: Database, columns: list[str] | str) -> None:
    db.table("customer", "id bigint", "name varchar null", "code varchar null", unique=["code"])
    with db.error("JD002", "register_deletion_target: "):
        db.register_deletion_target("customer", columns)


def test_a_unique_key_that_may_be_null_is_refused(db: Database) -> None:
    db.table("customer", "id bigint", "code varchar null", unique=["code"])
    with db.error("JD002", "register_deletion_target: "):
        db.register_deletion_target("customer", ["code"])


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_row_is_refused(db: Database, limit: int) -> None:
    db.table("customer", "id bigint")
    with db.error("JD002", "register_deletion_target: "):
        db.register_deletion_target("customer", max_rows=limit)


def test_null_is_no_table(db: Database) -> None:
    with db.error("JD002", "register_deletion_target: "):
        db.register_deletion_target(None)
    with db.error("JD002", "unregister_deletion_target: "):
        db.unregister_deletion_target(None)


@pytest.mark.parametrize(
    "table", ["nothing", "", "deletion_jobs", "deletion_targets", "vw_deletion_jobs", "a view"]
)
def test_what_is_no_table_of_the_application_is_refused(db: Database, table: str) -> None:
    db.table("customer", "id bigint")
    db.execute(f"CREATE VIEW {db.quote('a view')} AS SELECT id FROM customer")
    name = f'"{table}"' if db.engine == "postgres" and " " in table else table
    with db.error("JD005", "register_deletion_target: "):
        db.register_deletion_target(name)


@pytest.mark.parametrize(
    "table",
    [
        "pg_class",
        "pg_catalog.pg_class",
        "information_schema.sql_features",
        "pg_toast.pg_toast_1255",
    ],
)
def test_system_tables_of_postgres_are_refused(postgres: Database, table: str) -> None:
    with postgres.error("JD005", "register_deletion_target: "):
        postgres.register_deletion_target(table)


@pytest.mark.parametrize(
    "table",
    ["mysql.user", "information_schema.TABLES", "performance_schema.threads", "sys.sys_config"],
)
def test_system_tables_of_mysql_are_refused(mysql: Database, table: str) -> None:
    with mysql.error("JD005", "register_deletion_target: "):
        mysql.register_deletion_target(table)


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        " CREATE TABLE thing PARTITION OF whole DEFAULT",
        "CREATE TEMPORARY TABLE thing (id int PRIMARY KEY)",
        "CREATE MATERIALIZED VIEW thing AS SELECT 1 AS id; CREATE UNIQUE INDEX ON thing (id)",
        "CREATE SEQUENCE thing",
        "CREATE TYPE thing AS (id int)",
    ],
)
def test_what_postgres_calls_a_table_but_is_none_alone_is_refused(
    postgres: Database, ddl: str
) -> None:
    postgres.script(postgres=ddl)
    with postgres.error("JD005", "register_deletion_target: "):
        postgres.register_deletion_target("thing")


@pytest.mark.parametrize("kind", ["float", "real"])
def test_a_key_of_floats_is_refused(db: Database, kind: str) -> None:
    db.table("thing", f"id {kind}")
    with db.error("JD005", "register_deletion_target: "):
        db.register_deletion_target("thing")


def test_names_that_need_quotes_work_to_the_end(db: Database) -> None:
    parent, child = 'Weird "Na`me', "O'Child; --"
    db.table(parent, "Id bigint", "select bigint", key="Id", rows=[(1, 1), (2, 2)])
    db.table(
        child,
        "id bigint",
        "From bigint null",
        references=[Reference("From", parent, "cascade", to="Id")],
        rows=[(1, 1), (2, 2)],
    )
    name = db.either(mysql=parent, postgres=db.quote(parent))
    db.register_deletion_target(name)
    job = db.delete(name, 1)
    assert (job.status, job.error) == ("done", None)
    assert job.entity_table == name
    assert (ids(db, child), db.count(parent)) == ([2], 1)


def test_a_table_of_another_schema_is_a_target_of_its_own(db: Database) -> None:
    other = f"{db.home.database}_other"
    db.execute(f"CREATE SCHEMA {other}")
    try:
        db.script(
            mysql=f"CREATE TABLE {other}.customer (id INT PRIMARY KEY);"
            f" INSERT INTO {other}.customer VALUES (1), (2)",
            postgres=f"CREATE TABLE {other}.customer (id int PRIMARY KEY);"
            f" INSERT INTO {other}.customer VALUES (1), (2);"
            f" GRANT USAGE ON SCHEMA {other} TO deletion_jobs_owner",
        )
        db.grant_to_owner(f"{other}.customer")
        db.register_deletion_target(f"{other}.customer")
        job = db.delete(f"{other}.customer", 1)
        assert (job.status, job.error) == ("done", None)
        assert job.entity_table == f"{other}.customer"
        assert db.receipts(job.id) == {(f"{other}.customer", "delete"): 1}
        assert db.column(f"SELECT id FROM {other}.customer") == [2]
    finally:
        db.execute(f"DROP SCHEMA {other}" + db.either(mysql="", postgres=" CASCADE"))


def test_unregistering_stops_further_jobs(db: Database) -> None:
    customers(db)
    db.unregister_deletion_target("customer")
    assert target(db, "customer") is None
    with db.error("JD004", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 1)
    with db.error("JD004", "unregister_deletion_target: "):
        db.unregister_deletion_target("customer")


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_target_with_open_jobs_stays(db: Database, status: str) -> None:
    customers(db)
    insert_job(db, "customer", "1", status=status)
    with db.error("JD003", "unregister_deletion_target: "):
        db.unregister_deletion_target("customer")


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_finished_jobs_do_not_keep_a_target(db: Database, status: str) -> None:
    customers(db)
    insert_job(db, "customer", "1", status=status)
    db.unregister_deletion_target("customer")
    assert target(db, "customer") is None


def test_a_table_that_is_gone_can_still_be_unregistered(db: Database) -> None:
    customers(db)
    db.execute("DROP TABLE customer")
    db.unregister_deletion_target("customer")
    assert target(db, "customer") is None


def test_no_table_of_ours_is_a_target_or_holds_rows_that_stay(db: Database) -> None:
    ours = install.table_names(db.engine)
    assert len(ours) > 15
    for table in ours:
        said = f"table belongs to deletion-jobs ({table}"
        with db.error("JD005", f"register_deletion_target: {said}"):
            db.register_deletion_target(table)
        with db.error("JD005", f"hold_deletion: {said}"):
            db.hold_deletion(table, 1)
