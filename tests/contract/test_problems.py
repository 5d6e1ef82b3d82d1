"""vw_deletion_problems: a DBA who runs what it says has a target that works."""

from collections.abc import Iterator

import pytest

from tests.contract.schemas import customers
from tests.database import Database, Reference


def problems(db: Database) -> list[tuple[str, str]]:
    return [
        (problem, subject)
        for problem, subject in db.rows("SELECT problem, subject FROM vw_deletion_problems")
        if problem != "schedule"
    ]


def mend(db: Database) -> int:
    """Run all that the view says; give the number of lines."""
    lines = db.rows(
        "SELECT DISTINCT problem, mend_sql FROM vw_deletion_problems WHERE problem <> 'schedule'"
    )
    for _, sql in lines:
        db.script(mysql=sql, postgres=sql)
    return len(lines)


@pytest.fixture
def far(db: Database) -> Iterator[str]:
    """Another schema, on which the owner account has no right."""
    name = f"{db.home.database}_unseen"
    db.script(mysql=f"CREATE DATABASE `{name}`", postgres=f'CREATE SCHEMA "{name}"')
    yield name
    db.script(mysql=f"DROP DATABASE `{name}`", postgres=f'DROP SCHEMA "{name}" CASCADE')


def test_what_is_missing_is_listed_from_registration_on(db: Database, far: str) -> None:
    home = db.either(mysql=db.home.database, postgres="public")
    db.script(
        mysql="CREATE TABLE customer (id BIGINT PRIMARY KEY)",
        postgres="CREATE TABLE customer (id bigint PRIMARY KEY)",
    )
    for table, action in (("visit", "CASCADE"), ("note", "SET NULL")):
        db.script(
            mysql=f"CREATE TABLE `{far}`.{table} (id BIGINT PRIMARY KEY, customer_id BIGINT,"
            f" FOREIGN KEY (customer_id) REFERENCES `{home}`.customer (id) ON DELETE {action})",
            postgres=f'CREATE TABLE "{far}".{table} (id bigint PRIMARY KEY, customer_id bigint'
            f" REFERENCES {home}.customer ON DELETE {action});"
            f' CREATE INDEX ON "{far}".{table} (customer_id)',
        )
        db.insert(f"{far}.{table}", [(1, None), (2, None)])
    db.insert("customer", [(1,), (2,)])
    for table in ("visit", "note"):
        db.execute(f"UPDATE {db.quote(far)}.{table} SET customer_id = 1 WHERE id = 1")

    db.register_deletion_target("customer")
    assert problems(db) == [("plan", "customer")]
    if db.engine == "mysql":
        see_hidden_tables(db, far)
    else:
        mend(db)
    found = problems(db)
    tables = {subject.replace('"', "") for problem, subject in found if problem == "right missing"}
    assert tables == db.either(
        mysql={f"{far}.visit"}, postgres={"customer", far, f"{far}.visit", f"{far}.note"}
    )
    mend(db)
    assert problems(db) == []
    assert db.delete("customer", 1).status == "done"
    assert (db.count(f"{far}.visit"), db.count(f"{far}.note", "customer_id IS NULL")) == (1, 2)


def see_hidden_tables(db: Database, far: str) -> None:
    """Grant what errors of jobs ask for: all rights on the one table, to see the other."""
    db.grant_to_owner("customer")
    for table in ("note", "visit"):
        hidden = f"`{far}`.`{table}`"
        error = f"42000: deletes reach {hidden}, which deletion_jobs_owner cannot see"
        grant = f"GRANT REFERENCES ON {hidden} TO 'deletion_jobs_owner'@'localhost'"
        job = db.delete("customer", 1)
        assert (job.status, job.error) == ("failed", f"{error}: {grant}")
        assert db.count(f"{far}.{table}", "customer_id = 1") == 1
        db.execute(grant)
        if table == "note":
            db.grant_to_owner(f"{far}.{table}")
    db.compile_deletion_plan("customer")


def test_each_right_that_is_taken_away_is_listed(db: Database) -> None:
    customers(db)
    db.compile_deletion_plan("customer")
    assert problems(db) == []
    for right in ("SELECT", "UPDATE", "DELETE"):
        db.revoke_from_owner("customer", right)
        assert problems(db) == [("right missing", "customer")]
        assert mend(db) == 1
        assert problems(db) == []


def test_a_policy_is_listed_with_what_ends_it(postgres: Database) -> None:
    customers(postgres)
    postgres.compile_deletion_plan("customer")
    postgres.script(
        postgres="ALTER TABLE customer ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY even ON customer USING (id % 2 = 0)"
    )
    assert problems(postgres) == [("row security", "customer")]
    mend(postgres)
    try:
        assert problems(postgres) == []
        assert postgres.delete("customer", 1).status == "done"
    finally:
        postgres.execute("ALTER ROLE deletion_jobs_owner NOBYPASSRLS")


def test_a_role_that_may_only_read_sees_them_too(db: Database) -> None:
    customers(db)
    db.compile_deletion_plan("customer")
    db.revoke_from_owner("customer", "DELETE")
    assert ("right missing", "customer") in db.connect("reader").rows(
        "SELECT problem, subject FROM vw_deletion_problems"
    )


def test_a_schema_that_the_owner_may_not_use_leaves_the_view_readable(postgres: Database) -> None:
    """Also where nothing of it is in the plan, and where a table of it is not there any more."""
    far = "away"
    customers(postgres)
    postgres.script(
        postgres=f"""
        CREATE SCHEMA "{far}";
        CREATE TABLE "{far}".visit (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON "{far}".visit (customer_id);
        CREATE TABLE "{far}".apart (id bigint PRIMARY KEY, gone boolean);
        GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{far}" TO deletion_jobs_owner;
        GRANT USAGE ON SCHEMA "{far}" TO deletion_jobs_owner;
        ALTER TABLE customer ADD gone boolean;
        """
    )
    postgres.set_soft_deletion("customer", "gone")
    postgres.set_soft_deletion(f"{far}.apart", "gone")
    postgres.compile_deletion_plan("customer")
    assert problems(postgres) == []
    postgres.execute(f'REVOKE USAGE ON SCHEMA "{far}" FROM deletion_jobs_owner')
    assert problems(postgres) == [("right missing", far)]
    postgres.execute(f'ALTER TABLE "{far}".visit RENAME TO visit_of_old')
    assert problems(postgres) == []
    postgres.execute(f'DROP SCHEMA "{far}" CASCADE')


@pytest.mark.parametrize("tables", [120])
def test_the_rights_of_a_large_plan_are_compared_once(postgres: Database, tables: int) -> None:
    """Rows that the list of tables is read for: as many as the plan has steps, not their square."""
    customers(postgres)
    for n in range(tables):
        postgres.table(
            f"t{n:03}",
            "id bigint",
            "customer_id bigint",
            references=[Reference("customer_id", "customer", "cascade")],
            rows=[],
        )
    postgres.compile_deletion_plan("customer")
    plan_id = postgres.value("SELECT max(plan_id) FROM deletion_plans")
    calls = (
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions"
        " WHERE funcname = 'deletion_entity_name'"
    )
    # As a step does.
    postgres.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
    with postgres.transaction(rollback=True):
        postgres.execute("SET LOCAL track_functions = 'all'")
        assert postgres.rows("SELECT * FROM deletion_lacked_rights(%s)", plan_id) == []
        assert 0 < postgres.value(calls) <= 3 * tables
