"""set_soft_deletion: which columns may mark the rows of a table."""

import pytest

from tests.contract.schemas import customers
from tests.database import Database, Reference


def tables(db: Database) -> None:
    """Make a target with columns of many kinds, and a dependant."""
    db.table(
        "customer",
        "id bigint",
        "code bigint",
        "at timestamp null",
        "at_always timestamp default '2020-01-01 00:00:00'",
        "name text null",
        "flag boolean null",
        "small smallint null",
        "amount decimal null",
        unique=["code"],
    )
    db.execute("ALTER TABLE customer ADD COLUMN made INT GENERATED ALWAYS AS (1) STORED")
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null",
        "code bigint null",
        "gone int null",
        references=[Reference("customer_id", "customer", "cascade")],
    )
    db.register_deletion_target("customer", ["code"])


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("nothing", None, "no such column"),
        ("AT", None, "no such column"),
        ("name", None, "column is no timestamp, boolean or integer"),
        ("amount", None, "column is no timestamp, boolean or integer"),
        ("at_always", None, "column cannot be NULL"),
        ("at", 1, "only an integer is set to a value"),
        ("small", 40_000, "column cannot hold the value"),
        ("made", None, "column is generated"),
        ("id", None, "column is part of the key"),
        ("code", None, "column is part of the key"),
    ],
)
def test_a_column_that_cannot_mark_is_refused(
    db: Database, column: str, value: int | None, problem: str
) -> None:
    tables(db)
    with db.error("JD002", f"set_soft_deletion: {problem}"):
        db.set_soft_deletion("customer", column, value)


def test_a_column_of_a_reference_is_refused(db: Database) -> None:
    tables(db)
    with db.error("JD002", "set_soft_deletion: column is part of a reference"):
        db.set_soft_deletion("visit", "customer_id")
    db.declare_deletion_reference("r", "visit", ["code"], "customer", ["code"], "cascade")
    with db.error("JD002", "set_soft_deletion: column is part of a reference"):
        db.set_soft_deletion("visit", "code")


def test_arguments_are_read_strictly(db: Database) -> None:
    tables(db)
    with db.error("JD002", "set_soft_deletion: p_table is NULL"):
        db.set_soft_deletion(None, "at")
    for seconds in (0, -1, 3_155_760_001):
        with db.error("JD002", "set_soft_deletion: p_purge_after_seconds is out of range"):
            db.set_soft_deletion("customer", "at", None, seconds)
    with db.error("JD004", "set_soft_deletion: table is no target"):
        db.set_soft_deletion("visit", "gone", None, 60)
    with db.error("JD005", "set_soft_deletion: no such table"):
        db.set_soft_deletion("nothing", "at")
    with db.error("JD005", "set_soft_deletion: table belongs to deletion-jobs"):
        db.set_soft_deletion("deletion_runs", "ended_at")


def test_a_table_has_one_column_the_one_named_last(db: Database) -> None:
    tables(db)
    db.set_soft_deletion("customer", "at", None, 60)
    db.set_soft_deletion("customer", "small", 3)
    assert db.rows(
        "SELECT table_name, column_name, kind, mark_value, purge_after_seconds"
        " FROM deletion_soft_columns"
    ) == [("customer", "small", "integer", 3, None)]
    db.set_soft_deletion("customer", "flag")
    assert db.rows("SELECT kind, mark_value FROM deletion_soft_columns") == [("boolean", None)]
    db.set_soft_deletion("customer", None)
    assert db.count("deletion_soft_columns") == 0


def test_a_column_is_taken_back_when_its_table_is_gone(db: Database) -> None:
    db.table("visit", "id bigint", "gone boolean null")
    db.set_soft_deletion("visit", "gone")
    db.execute("DROP TABLE visit")
    db.set_soft_deletion("visit", None)
    assert db.count("deletion_soft_columns") == 0


@pytest.mark.parametrize("hard_delete", [False, True])
def test_a_column_whose_table_is_not_found_stops_every_job(db: Database, hard_delete: bool) -> None:
    db.table("customer", "id bigint", "gone boolean null", rows=[(1, None), (2, None)])
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "gone boolean null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1, None), (2, 2, None)],
    )
    db.table("other", "id bigint", rows=[(1,)])
    db.register_deletion_target("customer")
    db.register_deletion_target("other")
    db.set_soft_deletion("customer", "gone")
    db.set_soft_deletion("visit", "gone")
    db.compile_deletion_plan("customer")
    db.compile_deletion_plan("other")
    db.execute("ALTER TABLE visit RENAME TO call_of")
    db.grant_to_owner("call_of")
    jobs = [
        db.enqueue_deletion("customer", 1, hard_delete=hard_delete),
        db.enqueue_deletion("other", 1, hard_delete=True),
    ]
    db.run()
    mend = db.either(
        mysql=f"CALL `{db.home.database}`.set_soft_deletion('visit', NULL, NULL, NULL);",
        postgres=f"CALL {db.home.schema}.set_soft_deletion('visit', NULL);",
    )
    why = "the soft-delete column gone of visit fits no table (no visit)"
    for job in jobs:
        assert db.job(job).error == f"JD005: {why}: set it anew, then {mend}"
    assert (db.count("customer", "gone IS NULL"), db.count("call_of", "gone IS NULL")) == (2, 2)
    query = (
        "SELECT problem, subject, detail, mend_sql FROM vw_deletion_problems"
        " WHERE problem LIKE '%without%'"
    )
    assert db.connect("reader").rows(query) == [
        (
            "soft column without table",
            "gone of visit",
            f"{why}, and every job fails: set it anew, then take this away",
            mend,
        )
    ]
    db.set_soft_deletion("call_of", "gone")
    db.execute(mend)
    assert db.rows(query) == []
    for job in jobs:
        db.retry_deletion(job)
    db.run()
    assert [db.status(job) for job in jobs] == ["done", "done"]
    assert db.count("call_of") == (1 if hard_delete else 2)
    assert db.count("call_of", "gone IS NULL") == 1


def test_no_role_but_the_owner_names_columns(db: Database) -> None:
    customers(db)
    for role in ("app", "operator", "reader", "worker"):
        with db.error(mysql="42000", postgres="42501"):
            db.connect(role).set_soft_deletion("customer", "name")


def test_an_index_that_is_missing_is_one_problem_for_both_modes(db: Database) -> None:
    db.table("customer", "id bigint", "gone boolean null")
    db.table("visit", "id bigint", "customer_id bigint", "gone boolean null")
    db.declare_deletion_reference("r", "visit", ["customer_id"], "customer", ["id"], "cascade")
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "gone")
    db.set_soft_deletion("visit", "gone")
    db.compile_deletion_plan("customer")
    assert db.count("deletion_plans", "superseded_at IS NULL") == 2
    assert db.column(
        "SELECT subject FROM vw_deletion_problems WHERE problem = 'index missing'"
    ) == ["r of visit"]
    db.execute("DELETE FROM deletion_plans WHERE hard_delete")
    assert db.column(
        "SELECT subject FROM vw_deletion_problems WHERE problem = 'index missing'"
    ) == ["r of visit"]
