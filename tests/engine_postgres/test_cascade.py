"""Rows whose dependants are left to the engine's own cascade: what it takes is counted, and bounded.

`tests.contract.test_sweeps` shows what others may do to such rows meanwhile.
"""

from collections.abc import Callable

import pytest

from tests.contract.schemas import customers, each, ids
from tests.contract.steps import Steps
from tests.database import Database, Reference


def practice(db: Database, details: Callable[[int], int], visits: int = 400) -> int:
    """Make customer <- visit <- detail, so many details for each visit, and enqueue customer 1."""
    customers(db, 2)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1) for n in each(visits)] + [(9999, 2)],
    )
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(100 * n + m, n) for n in each(visits) for m in each(details(n))] + [(1, 9999)],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 100)
    return db.enqueue_deletion("customer", 1)


def kinds(db: Database) -> set[str]:
    """Give the kinds of the statements by which the plan leaves rows to the engine."""
    db.compile_deletion_plan("customer")
    return set(
        db.column(
            "SELECT s.kind FROM deletion_plan_steps AS s"
            " WHERE s.plan_id = (SELECT max(p.plan_id) FROM deletion_plans AS p)"
            " AND (s.kind LIKE 'cascade%%' OR s.kind = 'tally')"
        )
    )


def assert_done(db: Database, job_id: int, details: int, visits: int = 400) -> None:
    """See that the job is done, what it took, and that it took nothing else."""
    assert db.rows("SELECT status, error FROM deletion_jobs WHERE id = %s", job_id) == [
        ("done", None)
    ]
    assert db.receipts(job_id) == {
        ("customer", "delete"): 1,
        ("visit", "delete"): visits,
        ("detail", "delete"): details,
    }
    assert (ids(db, "visit"), ids(db, "detail")) == ([9999], [1])


def test_the_engine_deletes_what_hangs_from_rows_and_all_of_it_is_counted(
    postgres: Database,
) -> None:
    db = postgres
    job_id = practice(db, lambda n: n % 3)
    assert kinds(db) == {"cascade_one", "cascade_found_one", "tally"}
    # Nobody else deletes details here: where they are gone, a plan that cannot took nothing.
    db.execute(
        "UPDATE deletion_plan_steps SET sql_text = 'SELECT 1/0' WHERE kind IN ('sweep', 'take_one')"
    )
    db.worker.run_deletion_jobs()
    assert_done(db, job_id, 400)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER look AFTER DELETE ON detail FOR EACH ROW EXECUTE FUNCTION look()",
        "CREATE TRIGGER look AFTER DELETE ON visit EXECUTE FUNCTION look()",
        "CREATE RULE look AS ON INSERT TO detail DO ALSO SELECT 1",
        "ALTER TABLE detail DISABLE TRIGGER ALL",
        "ALTER TABLE visit DISABLE TRIGGER ALL",
        "CREATE TABLE more () INHERITS (detail)",
        "ALTER TABLE detail ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE note (visit_id bigint REFERENCES visit ON DELETE SET NULL)",
        "ALTER TABLE detail DROP CONSTRAINT fk_detail_visit_id,"
        " ADD CONSTRAINT fk_detail_visit_id FOREIGN KEY (visit_id) REFERENCES visit",
    ],
)
def test_nothing_is_left_to_the_engine_where_others_have_a_word_in_it(
    postgres: Database, change: str
) -> None:
    db = postgres
    practice(db, lambda _: 1, visits=1)
    db.script(
        postgres="""
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        """
    )
    assert kinds(db) != set()
    db.script(postgres=change)
    assert kinds(db) == set()


@pytest.mark.parametrize(("native", "rule"), [("CASCADE", "restrict"), ("NO ACTION", "cascade")])
def test_a_reference_whose_action_a_rule_overrides_is_not_left_to_the_engine(
    postgres: Database, native: str, rule: str
) -> None:
    db = postgres
    practice(db, lambda _: 1, visits=1)
    db.script(
        postgres=f"""
        ALTER TABLE detail DROP CONSTRAINT fk_detail_visit_id, ADD CONSTRAINT fk_detail_visit_id
            FOREIGN KEY (visit_id) REFERENCES visit ON DELETE {native};
        """
    )
    db.set_deletion_rule("detail", "fk_detail_visit_id", rule)
    assert kinds(db) == set()


def test_no_step_deletes_more_than_a_batch_where_some_rows_have_much_below_them(
    postgres: Database,
) -> None:
    db = postgres
    job_id = practice(db, lambda n: 60 if n % 7 == 0 else 1)
    details = 57 * 60 + 343
    steps = Steps(db)
    steps.claim()
    left = [db.count("visit") + db.count("detail") + db.count("customer")]

    while steps.step() == "more":
        left.append(db.count("visit") + db.count("detail") + db.count("customer"))

    assert max(before - after for before, after in zip(left, left[1:], strict=False)) <= 100
    assert int(db.value("SELECT (state ->> 'overruns')::int FROM deletion_runs")) == 4
    assert_done(db, job_id, details)


def test_receipts_are_right_where_the_server_does_not_count(postgres: Database) -> None:
    db = postgres
    job_id = practice(db, lambda _: 2)
    worker = db.connect()
    worker.execute("SET track_counts = off")
    worker.run_deletion_jobs()
    assert_done(db, job_id, 800)


def test_no_row_is_orphaned_where_the_engines_triggers_rest(postgres: Database) -> None:
    db = postgres
    job_id = practice(db, lambda _: 2)
    worker = db.connect()
    worker.execute("SET session_replication_role = replica")
    worker.run_deletion_jobs()
    assert_done(db, job_id, 800)
