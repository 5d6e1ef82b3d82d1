"""Circles of rows on MySQL: what the preview says of them, and what triggers and the engine add.

No rows that refer to each other are deleted together here: one at least is set NULL first, or the
job stops before anything is touched.
"""

import time

import pymysql
import pytest

from tests.contract.schemas import customers, each, ids
from tests.contract.steps import Steps
from tests.database import Database, Job, Preview, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk"], indirect=True)

LOOSE = "SELECT reference_name FROM vw_deletion_plan WHERE kind = 'loose'"


def circles(db: Database, table: str, pk: int) -> set[Preview]:
    """Give what a preview says of circles, and hold that it leaves no scratch."""
    found = db.preview_deletion(table, pk)
    assert db.count("deletion_walk_keys") == db.count("deletion_walk_links") == 0
    return {row for row in found if row.action == "circle"}


def refused(db: Database, table: str, pk: int) -> str:
    """Delete a row, hold that a circle stopped it before anything was touched; give the error."""
    before = db.application_contents()
    job = db.delete(table, pk)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD007: "), job.error
    assert db.receipts(job.id) == {}
    assert db.application_contents() == before
    assert db.count("deletion_walk_keys") == db.count("deletion_walk_links") == 0
    return (job.error or "")[7:]


def departments(db: Database, nullable: str = "null") -> None:
    """Make two departments, each with its manager and two more employees."""
    db.table("dept", "id bigint", f"manager_id bigint {nullable}".strip(), rows=[(1, 11), (2, 21)])
    db.table(
        "employee",
        "id bigint",
        "dept_id bigint",
        references=[Reference("dept_id", "dept", "cascade")],
        rows=[(10 * dept + n, dept) for dept in (1, 2) for n in range(3)],
    )
    db.add_reference("dept", Reference("manager_id", "employee", "cascade"))
    db.register_deletion_target("dept")


def nodes(
    db: Database,
    parents: dict[int, int],
    nullable: str = "",
    owners: dict[int, int] | None = None,
    on_delete: str = "cascade",
) -> None:
    """Make rows with their parents, some of them of customers: those that owners names."""
    customers(db)
    db.table(
        "node",
        "id bigint",
        "customer_id bigint null",
        f"parent_id bigint {nullable}".strip(),
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(number, (owners or {}).get(number), parent) for number, parent in parents.items()],
    )
    db.add_reference("node", Reference("parent_id", "node", on_delete))
    db.register_deletion_target("node")


# -- The preview -----------------------------------------------------------------------------


def test_the_preview_names_the_references_of_a_circle_that_stops_the_job(db: Database) -> None:
    departments(db, nullable="")
    assert circles(db, "dept", 1) == {
        Preview("dept", "circle", "fk_dept_manager_id", 1, False),
        Preview("employee", "circle", "fk_employee_dept_id", 1, False),
    }
    error = refused(db, "dept", 1)
    assert error.startswith("2 rows of dept, employee go in a circle by fk_dept_manager_id, fk_")
    assert error.endswith((", such as dept (1)", ", such as employee (11)"))


def test_the_preview_says_nothing_of_a_circle_that_is_opened(db: Database) -> None:
    departments(db)
    db.register_deletion_target("employee")
    assert circles(db, "dept", 1) == set()
    # By its manager alone the department is found then, and must stay findable.
    assert {row.reference_name for row in circles(db, "employee", 11)} == {
        "fk_dept_manager_id",
        "fk_employee_dept_id",
    }
    assert refused(db, "employee", 11).startswith("2 rows of dept, employee go in a circle by ")
    assert db.delete("dept", 1).status == "done"


def test_the_preview_names_a_ring_and_no_row_beside_it(db: Database) -> None:
    nodes(db, {n: n % 6 + 1 for n in each(6)} | {7: 1, 8: 8})
    assert circles(db, "node", 4) == {Preview("node", "circle", "fk_node_parent_id", 6, False)}
    assert refused(db, "node", 4).startswith("6 rows of node go in a circle by fk_node_parent_id")
    assert (circles(db, "node", 7), circles(db, "node", 8)) == (set(), set())


def test_a_preview_that_is_cut_short_says_so_and_names_no_circle(db: Database) -> None:
    departments(db, nullable="")
    db.table("visit", "id bigint", "dept_id bigint", rows=[(n, 1) for n in each(2000)])
    db.add_reference("visit", Reference("dept_id", "dept", "cascade"))
    db.set_deletion_setting("preview_rows", 1000)
    found = db.preview_deletion("dept", 1)
    assert {row.is_at_least for row in found} == {True}
    assert "circle" not in {row.action for row in found}
    assert db.count("deletion_walk_keys") == db.count("deletion_walk_links") == 0


# -- Which circles stop a job ----------------------------------------------------------------


def test_rows_below_a_ring_of_others_go(db: Database) -> None:
    """The ring lies above: the job's own rows hang from it, and are in none."""
    nodes(db, {1: 2, 2: 3, 3: 1, 4: 1, 5: 4, 6: 5, 9: 9}, owners={4: 1, 6: 1, 1: 2, 9: 3})
    assert circles(db, "customer", 1) == set()
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "node") == [1, 2, 3, 9]
    assert refused(db, "customer", 2).startswith("3 rows of node go in a circle by fk_node_")


def test_each_job_of_a_run_is_told_its_own_ring(db: Database) -> None:
    """Customer n owns a row of a ring of n; customer 5 owns one that hangs from a ring."""
    parents = {10 * n + i: 10 * n + (i + 1) % n for n in (2, 3, 4) for i in range(n)}
    nodes(
        db,
        parents | {50: 20, 51: 50},
        owners={20: 1, 31: 2, 42: 3, 40: 3},
    )
    db.insert("customer", [(5, "c5")])
    db.execute("UPDATE node SET customer_id = 5 WHERE id = 50")
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2, 3, 5)]
    db.run()
    found = [(db.job(job).status, (db.job(job).error or "")[:21]) for job in jobs]
    assert found == [
        ("failed", "JD007: 2 rows of node"),
        ("failed", "JD007: 3 rows of node"),
        ("failed", "JD007: 4 rows of node"),
        ("done", ""),
    ]
    assert ids(db, "node") == sorted(parents)


@pytest.mark.parametrize("nullable", ["null", ""])
def test_a_chain_whose_rows_are_all_found_otherwise_is_searched_once(
    db: Database, nullable: str
) -> None:
    """To climb from each of its rows to its top took time with the square of its length."""
    count = 4000
    nodes(db, {1: 1}, nullable)
    db.execute("UPDATE node SET customer_id = 1")
    db.execute("SET SESSION cte_max_recursion_depth = 100000")
    db.execute(
        "INSERT INTO node WITH RECURSIVE i (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM i"
        " WHERE n < %s) SELECT n, 1, n - 1 FROM i",
        count,
    )
    db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    started = time.monotonic()
    while db.value("SELECT phase FROM deletion_runs") == "check":
        assert steps.step() == "more"
    assert time.monotonic() - started < 10
    assert circles(db, "customer", 1) == set()


@pytest.mark.parametrize(
    "ddl",
    [
        "ALTER TABLE dept ADD CHECK (manager_id IS NOT NULL OR id = 9)",
        "ALTER TABLE dept ADD UNIQUE ((COALESCE(manager_id, 0)))",
        "ALTER TABLE dept ADD twice BIGINT AS (manager_id * 2) VIRTUAL",
    ],
)
def test_a_column_that_may_be_null_but_not_in_every_row_opens_no_circle(
    db: Database, ddl: str
) -> None:
    departments(db)
    db.compile_deletion_plan("dept")
    assert db.column(LOOSE) == ["fk_dept_manager_id"]
    db.script(mysql=ddl)
    assert refused(db, "dept", 1).startswith("2 rows of dept, employee go in a circle by ")
    assert db.column(LOOSE) == []


def test_a_check_that_is_not_enforced_is_no_hindrance(db: Database) -> None:
    departments(db)
    db.script(mysql="ALTER TABLE dept ADD CHECK (manager_id IS NOT NULL) NOT ENFORCED")
    assert db.delete("dept", 1).status == "done"


# -- Rows that refer to themselves -----------------------------------------------------------


@pytest.mark.parametrize("rule", [None, "cascade"])
@pytest.mark.parametrize("nullable", ["null", ""])
@pytest.mark.parametrize("on_delete", ["cascade", "set null", "no action", "restrict"])
def test_a_row_that_refers_to_itself_goes_where_the_engine_or_a_null_lets_it(
    db: Database, on_delete: str, nullable: str, rule: str | None
) -> None:
    if on_delete == "set null" and not nullable:
        on_delete, rule = "no action", "set_null" if rule is None else rule
        with pytest.raises(pymysql.err.Error):
            nodes(db, {1: 1, 2: 2}, nullable, {1: 1}, "set null")
        return
    nodes(db, {1: 1, 2: 2}, nullable, {1: 1, 2: 2}, on_delete)
    if rule is not None:
        db.set_deletion_rule("node", "fk_node_parent_id", rule)
    before = db.application_contents()
    foreseen = circles(db, "customer", 1)
    job = db.delete("customer", 1)
    if nullable or on_delete == "cascade":
        assert (foreseen, job.status, job.error) == (set(), "done", None)
        assert db.receipts(job.id) == {("node", "delete"): 1, ("customer", "delete"): 1}
        assert ids(db, "node") == [2]
    else:
        assert foreseen == {Preview("node", "circle", "fk_node_parent_id", 1, False)}
        assert (job.status, job.error) == (
            "failed",
            "JD007: 1 row of node refers to itself by fk_node_parent_id, such as node (1)",
        )
        assert (db.receipts(job.id), db.application_contents()) == ({}, before)
        with pytest.raises(pymysql.err.IntegrityError, match="1451"):
            db.execute("DELETE FROM node WHERE id = 1")


# -- Triggers --------------------------------------------------------------------------------


def ends(db: Database, table: str, pk: int) -> Job:
    """Delete a row; hold that the job ends, soon, and that the receipts are what is gone."""
    before = {name: db.count(name) for name in ("dept", "employee", "node") if name in db.tables()}
    db.set_deletion_setting("max_attempts", 1)
    job_id = db.enqueue_deletion(table, pk)
    started = time.monotonic()
    db.run_deletion_jobs(run_seconds=15)
    assert time.monotonic() - started < 10
    gone = {
        (name, "delete"): count - db.count(name)
        for name, count in before.items()
        if db.count(name) < count
    }
    found = db.receipts(job_id)
    assert {key: n for key, n in found.items() if key[0] in before} == gone
    return db.job(job_id)


@pytest.mark.parametrize("batch_rows", [1, 5000])
def test_a_trigger_that_undoes_a_break_fails_the_job_with_its_table(
    db: Database, batch_rows: int
) -> None:
    departments(db)
    db.script(
        mysql="CREATE TRIGGER stay BEFORE UPDATE ON dept FOR EACH ROW"
        " SET NEW.manager_id = OLD.manager_id"
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = ends(db, "dept", 1)
    assert job.status == "failed"
    assert "JD006" in (job.error or "")
    assert "rows are found and not changed (dept)" in (job.error or "")
    assert 1 in ids(db, "dept")
    db.script(mysql="DROP TRIGGER stay")
    db.retry_deletion(job.id)
    db.run()
    assert (db.status(job.id), ids(db, "dept"), ids(db, "employee")) == ("done", [2], [20, 21, 22])


@pytest.mark.parametrize("on_delete", ["cascade", "no action"])
@pytest.mark.parametrize("batch_rows", [1, 5000])
def test_a_trigger_that_undoes_the_break_of_a_ring_fails_the_job(
    db: Database, batch_rows: int, on_delete: str
) -> None:
    nodes(db, {1: 2, 2: 3, 3: 1}, "null", {1: 1, 2: 1, 3: 1}, on_delete)
    db.script(
        mysql="CREATE TRIGGER stay BEFORE UPDATE ON node FOR EACH ROW"
        " SET NEW.parent_id = OLD.parent_id"
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = ends(db, "customer", 1)
    assert (job.status, "(node)" in (job.error or "")) == ("failed", True), job.error
    assert "JD006" in (job.error or "")
    assert ids(db, "node") == [1, 2, 3]


def test_a_trigger_that_parts_no_row_from_itself_fails_the_job(db: Database) -> None:
    nodes(db, {1: 1, 2: 2}, "null", {1: 1, 2: 2}, "no action")
    db.script(
        mysql="CREATE TRIGGER stay BEFORE UPDATE ON node FOR EACH ROW"
        " SET NEW.parent_id = OLD.parent_id"
    )
    job = ends(db, "customer", 1)
    assert (job.status, ids(db, "node")) == ("failed", [1, 2]), job.error
    assert "fk_node_parent_id" in (job.error or ""), job.error


@pytest.mark.parametrize("batch_rows", [1, 2, 5000])
def test_rows_that_a_trigger_adds_in_the_middle_of_a_circle_go(
    db: Database, batch_rows: int
) -> None:
    """A deleted badge brings a new employee, who manages another department of the first one's."""
    departments(db)
    db.table(
        "badge",
        "id bigint",
        "employee_id bigint",
        references=[Reference("employee_id", "employee", "cascade")],
        rows=[(10, 10), (11, 11), (20, 20)],
    )
    db.script(
        mysql="CREATE TRIGGER bring AFTER DELETE ON badge FOR EACH ROW BEGIN"
        " INSERT INTO employee VALUES (OLD.id + 100, 1);"
        " INSERT INTO dept VALUES (OLD.id + 200, OLD.id + 100);"
        " INSERT INTO employee VALUES (OLD.id + 300, OLD.id + 200); END"
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("dept", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("badge", "delete"): 2,
        ("employee", "delete"): 7,
        ("dept", "delete"): 3,
    }
    assert (ids(db, "dept"), ids(db, "employee"), ids(db, "badge")) == ([2], [20, 21, 22], [20])


@pytest.mark.parametrize("batch_rows", [1, 5000])
def test_a_circle_that_a_trigger_closes_in_the_middle_stops_the_job_with_a_reason(
    db: Database, batch_rows: int
) -> None:
    """The check saw none: two rows that nothing opens come when the first badge goes."""
    departments(db)
    db.table("pair", "id bigint", "dept_id bigint", "other_id bigint")
    db.add_reference("pair", Reference("dept_id", "dept", "cascade"))
    db.add_reference("pair", Reference("other_id", "pair", "cascade"))
    db.table(
        "badge",
        "id bigint",
        "dept_id bigint",
        references=[Reference("dept_id", "dept", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.script(
        mysql="CREATE TRIGGER bring AFTER DELETE ON badge FOR EACH ROW BEGIN"
        " INSERT INTO pair VALUES (1, OLD.dept_id, 1);"
        " INSERT INTO pair VALUES (2, OLD.dept_id, 1);"
        " UPDATE pair SET other_id = 2 WHERE id = 1; END"
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = ends(db, "dept", 1)
    # Where all went in one transaction, that is undone.
    assert ids(db, "pair") in ([[1, 2]] if batch_rows == 1 else [[], [1, 2]])
    assert (job.status, 1 in ids(db, "dept")) == ("failed", True)
    assert "go in a circle that nothing opens" in (job.error or ""), job.error


# -- Tables that the job may not see ---------------------------------------------------------


def test_a_circle_through_a_table_that_the_owner_may_not_see_stops_the_job_with_a_reason(
    db: Database,
) -> None:
    """The catalog does not show the way back to it; the server's own locks do."""
    home, far = db.home.database, f"{db.home.database}_helper"
    db.table("dept", "id bigint", "helper_id bigint null", rows=[(1, None), (2, None)])
    db.script(
        mysql=f"CREATE DATABASE `{far}`; CREATE TABLE `{far}`.helper (id BIGINT PRIMARY KEY,"
        f" dept_id BIGINT, FOREIGN KEY (dept_id) REFERENCES `{home}`.dept (id));"
        f" INSERT INTO `{far}`.helper VALUES (1, 1), (2, 2);"
        f" ALTER TABLE dept ADD FOREIGN KEY (helper_id) REFERENCES `{far}`.helper (id);"
        " UPDATE dept SET helper_id = id"
    )
    try:
        db.register_deletion_target("dept")
        db.set_deletion_setting("max_attempts", 1)
        job = db.delete("dept", 1)
        assert job.status == "failed"
        error = f"42000: deletes reach `{far}`.`helper`, which deletion_jobs_owner cannot"
        assert (job.error or "").startswith(error)
        assert db.receipts(job.id) == {}
        assert db.rows("SELECT id, helper_id FROM dept") == [(1, 1), (2, 2)]
        db.grant_to_owner(f"{far}.helper")
        db.retry_deletion(job.id)
        db.run()
        assert (db.job(job.id).error or "")[:24] == "JD006: 1 row of " + f"{far}.helper"[:8]
    finally:
        db.script(
            mysql=f"SET foreign_key_checks = 0; DROP DATABASE `{far}`; SET foreign_key_checks = 1"
        )
