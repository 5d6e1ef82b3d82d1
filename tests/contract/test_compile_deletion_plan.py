"""compile_deletion_plan: the program that a deletion is, and why there is none."""

from collections.abc import Callable

import pytest

from tests.contract.schemas import children, customers, in_small_steps, shop
from tests.contract.steps import Steps
from tests.database import Database, Reference


def current(db: Database, table: str = "customer") -> int | None:
    plan: int | None = db.value(
        "SELECT plan_id FROM deletion_plans"
        " WHERE entity_table = %s AND hard_delete AND superseded_at IS NULL",
        table,
    )
    return plan


def test_a_plan_is_stored_with_its_finished_sql(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    steps = db.rows(
        "SELECT table_name, reference_name, action, index_name, sql_text FROM deletion_plan_steps"
        " WHERE plan_id = %s ORDER BY step_no",
        current(db),
    )
    assert {table for table, *_ in steps} >= {"customer", "invoice", "line"}
    assert {(reference, action) for _, reference, action, *_ in steps if reference} >= {
        ("fk_invoice_customer_id", "cascade"),
        ("fk_line_invoice_id", "cascade"),
    }
    assert all(index for _, reference, _, index, _ in steps if reference)
    assert any(sql for *_, sql in steps)


def test_a_plan_is_shown_by_its_view(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    shown = db.rows("SELECT * FROM vw_deletion_plan")
    assert shown
    text = repr(shown)
    assert all(word in text for word in ("customer", "invoice", "line", "fk_line_invoice_id"))


def test_compiling_again_leaves_one_current_plan(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    db.compile_deletion_plan("customer")
    assert current(db) is not None
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
    )
    before = current(db)
    db.compile_deletion_plan("customer")
    assert current(db) != before
    assert db.count("deletion_plan_steps", "plan_id = %s AND table_name = 'visit'", current(db)) > 0


def test_a_table_that_is_no_target_has_no_plan(db: Database) -> None:
    db.table("customer", "id bigint")
    with db.error("JD004", "compile_deletion_plan: "):
        db.compile_deletion_plan("customer")
    with db.error("JD002", "compile_deletion_plan: "):
        db.compile_deletion_plan(None)


def test_a_target_that_is_gone_has_no_plan(db: Database) -> None:
    customers(db)
    db.execute("DROP TABLE customer")
    with db.error("JD005", "compile_deletion_plan: ", changes=True):
        db.compile_deletion_plan("customer")


def test_references_in_a_circle_are_marked_and_followed(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    db.table(
        "team",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.execute(f"ALTER TABLE customer ADD team_id {db.either(mysql='BIGINT', postgres='bigint')}")
    db.add_reference("customer", Reference("team_id", "team", "cascade"))
    db.compile_deletion_plan("customer")
    marked = db.rows(
        "SELECT kind, reference_name FROM vw_deletion_plan WHERE kind IN ('circle', 'loose')"
        " ORDER BY kind, reference_name"
    )
    assert marked == [
        ("circle", "fk_customer_team_id"),
        ("circle", "fk_team_customer_id"),
        ("loose", "fk_customer_team_id"),
    ]
    db.execute("UPDATE customer SET team_id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "delete"): 3, ("team", "delete"): 2}


def test_a_cascading_table_with_a_key_of_floats_has_no_plan(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    db.table(
        "click",
        "id float",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(5, 1)],
    )
    with db.error("JD005", "compile_deletion_plan: ", changes=True) as raised:
        db.compile_deletion_plan("customer")
    assert "click" in raised.message + raised.detail
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD005: ")
    assert (db.count("click"), db.count("customer")) == (1, 3)


def test_a_child_with_a_unique_key_needs_no_primary_key(db: Database) -> None:
    customers(db)
    db.table(
        "click",
        "customer_id bigint",
        "no int",
        key=None,
        unique=[("customer_id", "no")],
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 5), (1, 6), (2, 5)],
    )
    assert db.delete("customer", 1).status == "done"
    assert db.rows("SELECT customer_id, no FROM click") == [(2, 5)]


# -- Staleness -------------------------------------------------------------------------------


def test_a_new_foreign_key_is_seen_by_the_next_run(db: Database) -> None:
    shop(db)
    assert db.delete("customer", 1).status == "done"
    before = current(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 2), (2, 3)],
    )
    job = db.delete("customer", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["visit", "delete"] == 1
    assert current(db) != before
    assert db.value("SELECT superseded_at FROM deletion_plans WHERE plan_id = %s", before)


def test_a_rule_changes_the_plan_of_the_next_run(db: Database) -> None:
    shop(db)
    assert db.delete("customer", 1).status == "done"
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    assert db.delete("customer", 2).status == "failed"


def refer_anew(db: Database, on_delete: str, on_update: str = "no action") -> None:
    """Give the foreign key of visit other actions under its old name."""
    db.execute(
        "ALTER TABLE visit DROP "
        + db.either(mysql="FOREIGN KEY ", postgres="CONSTRAINT ")
        + "fk_visit_customer_id"
    )
    db.execute(
        "ALTER TABLE visit ADD CONSTRAINT fk_visit_customer_id FOREIGN KEY (customer_id)"
        f" REFERENCES customer (id) ON DELETE {on_delete} ON UPDATE {on_update}"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda db: refer_anew(db, "restrict"), id="on delete"),
        pytest.param(lambda db: refer_anew(db, "cascade", "cascade"), id="on update"),
        pytest.param(
            lambda db: db.script(
                mysql="ALTER TABLE visit MODIFY customer_id BIGINT NOT NULL",
                postgres="ALTER TABLE visit ALTER customer_id SET NOT NULL",
            ),
            id="column",
        ),
        pytest.param(
            lambda db: db.execute("CREATE INDEX another ON visit (customer_id, id)"), id="index"
        ),
        pytest.param(
            lambda db: db.set_deletion_rule("visit", "fk_visit_customer_id", "set_null"), id="rule"
        ),
        pytest.param(
            lambda db: db.declare_deletion_reference(
                "visit_number", "visit", ["id"], "customer", ["id"], "cascade"
            ),
            id="declared",
        ),
        pytest.param(lambda db: db.register_deletion_target("customer", ["no"]), id="key"),
    ],
)
def test_what_a_plan_was_made_from_makes_it_stale(
    db: Database, change: Callable[[Database], None]
) -> None:
    db.table("customer", "id bigint", "no int", unique=["no"], rows=[(1, 11), (2, 12)])
    db.register_deletion_target("customer")
    children(db, "visit", {1: 2, 2: 1})
    db.compile_deletion_plan("customer")
    before = current(db)
    db.compile_deletion_plan("customer")
    assert current(db) == before
    change(db)
    db.compile_deletion_plan("customer")
    assert current(db) != before


def begun(db: Database, visits: int) -> Steps:
    """Let a run delete the first visits of customer 1."""
    customers(db)
    children(db, "visit", {1: visits, 2: 1})
    db.set_deletion_setting("batch_rows", 2)
    db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    return steps


def test_a_new_foreign_key_is_seen_by_the_next_step_of_a_run(db: Database) -> None:
    steps = begun(db, 20)
    db.observer.table(
        "late",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2), (3, 1)],
    )
    assert steps.step() == "ended"
    assert db.column("SELECT outcome FROM deletion_attempts") == ["returned"]
    db.run()
    job_id = db.value("SELECT id FROM deletion_jobs")
    assert db.outcomes(job_id) == ["returned", "done"]
    assert db.receipts(job_id) == {
        ("late", "delete"): 2,
        ("visit", "delete"): 20,
        ("customer", "delete"): 1,
    }


def test_a_rule_is_seen_by_a_long_run_before_many_more_steps(db: Database) -> None:
    steps = begun(db, 200)
    db.observer.set_deletion_rule("visit", "fk_visit_customer_id", "set_null")
    more = 1
    while steps.step() == "more":
        more += 1
        assert more <= 20
    assert db.column("SELECT outcome FROM deletion_attempts") == ["returned"]
    db.run()
    receipts = db.receipts(db.value("SELECT id FROM deletion_jobs"))
    assert receipts["visit", "delete"] + receipts["visit", "set_null"] == 200
    assert db.count("visit") == receipts["visit", "set_null"] + 1 > 100


def test_a_stale_plan_is_refused_where_recompiling_is_switched_off(db: Database) -> None:
    shop(db)
    assert db.delete("customer", 1).status == "done"
    db.set_deletion_setting("recompile", "false")
    assert db.delete("customer", 2).status == "done"
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 3)],
    )
    job = db.delete("customer", 3)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD009: ")
    assert db.count("customer") == 1
    db.compile_deletion_plan("customer")
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"


# -- What is reviewed is what runs -----------------------------------------------------------


def test_the_stored_text_is_what_runs(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.compile_deletion_plan("customer")
    db.execute(
        "UPDATE deletion_plan_steps SET sql_text = 'no such statement' WHERE sql_text IS NOT NULL"
    )
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith(db.either(mysql="42000: ", postgres="42601: "))
    assert (db.count("customer"), db.count("invoice"), db.count("line")) == (3, 9, 18)


def test_preview_runs_the_stored_text_too(db: Database) -> None:
    shop(db)
    db.compile_deletion_plan("customer")
    assert db.preview_deletion("customer", 1)
    db.execute(
        "UPDATE deletion_plan_steps SET sql_text = 'no such statement' WHERE sql_text IS NOT NULL"
    )
    with db.error(mysql="42000", postgres="42601"):
        db.preview_deletion("customer", 1)
