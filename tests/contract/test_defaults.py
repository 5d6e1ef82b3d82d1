"""Rows that are set to a default: one that no parent will have stops the job beforehand."""

import pytest

from tests.contract.schemas import children, customers, ids, in_small_steps
from tests.contract.steps import Steps
from tests.database import Database, Reference

BEHIND = "behind fk_product_category_id"


def store(db: Database, column: str, rows: dict[int, int | None]) -> None:
    """Make customer <- category <- product; a default is what a product's category becomes.

    Customer 1 has the categories 11 and 12, customer 2 has 21. What would go first are visits.
    """
    customers(db)
    children(db, "a_visit", {1: 3, 2: 3})
    db.table(
        "category",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(11, 1), (12, 1), (21, 2)],
    )
    db.table(
        "product",
        "id bigint",
        column,
        references=[Reference("category_id", "category", "no action")],
        rows=list(rows.items()),
    )
    db.set_deletion_rule("product", "fk_product_category_id", "set_default")
    in_small_steps(db)


def preview(db: Database, key: int) -> dict[tuple[str, str], int]:
    """Preview the deletion of a customer."""
    return {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("customer", key)
    }


def check_refused(db: Database, key: int, count: int) -> None:
    """See that the preview says, and the job is refused for, so many products; nothing changes."""
    before = db.application_contents()
    foreseen = preview(db, key)
    assert (foreseen["product", "restrict"], ("product", "set_default") in foreseen) == (
        count,
        False,
    )
    job = db.delete("customer", key)
    rows = "1 row" if count == 1 else f"{count} rows"
    assert (job.status, job.error) == ("failed", f"JD006: {rows} of product {BEHIND}")
    assert db.receipts(job.id) == {}
    assert db.application_contents() == before
    assert db.count("deletion_walk_keys") == 0


def check_done(db: Database, key: int, products: dict[str, int]) -> None:
    """See that the preview says, and the job does, what is expected of the products."""
    foreseen = preview(db, key)
    job = db.delete("customer", key)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == foreseen
    found = {action: count for (table, action), count in foreseen.items() if table == "product"}
    assert found == products


def test_a_default_in_a_row_that_goes_as_well(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 11, 2: 11, 3: 12, 4: 21})
    check_refused(db, 1, 3)
    check_done(db, 2, {"set_default": 1})
    assert db.column("SELECT category_id FROM product ORDER BY id") == [11, 11, 12, 12]


def test_a_default_that_no_row_has(db: Database) -> None:
    store(db, "category_id bigint null default 5", {1: 11, 2: 21})
    check_refused(db, 1, 1)


def test_a_row_without_anything_to_set_goes_though_it_is_a_default(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 21, 2: None})
    check_done(db, 1, {})


def test_no_default_sets_null(db: Database) -> None:
    store(db, "category_id bigint null", {1: 11, 2: 21})
    check_done(db, 1, {"set_default": 1})
    assert db.column("SELECT category_id FROM product ORDER BY id") == [None, 21]


def test_no_default_where_there_has_to_be_a_value(db: Database) -> None:
    store(db, "category_id bigint", {1: 11, 2: 21})
    check_refused(db, 1, 1)


def test_rows_that_go_by_another_reference_are_not_in_the_way(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 11, 2: 21})
    db.execute("ALTER TABLE product ADD customer_id bigint")
    db.execute("UPDATE product SET customer_id = 1")
    db.add_reference("product", Reference("customer_id", "customer", "cascade"))
    db.index("product", "customer_id")
    check_done(db, 1, {"delete": 2})


def test_rows_without_a_key(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 11, 2: 11, 3: 21})
    db.script(
        mysql="ALTER TABLE product DROP PRIMARY KEY",
        postgres="ALTER TABLE product DROP CONSTRAINT product_pkey",
    )
    check_refused(db, 1, 2)
    check_done(db, 2, {"set_default": 1})


def test_a_default_that_is_altered_after_the_plan_was_made(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 11})
    db.compile_deletion_plan("customer")
    db.execute("ALTER TABLE product ALTER category_id SET DEFAULT 21")
    check_done(db, 1, {"set_default": 1})
    db.execute("INSERT INTO category VALUES (31, 3)")
    db.execute("UPDATE product SET category_id = 31")
    db.execute("ALTER TABLE product ALTER category_id SET DEFAULT 31")
    check_refused(db, 3, 1)


def test_a_default_that_the_engine_works_out(db: Database) -> None:
    """MySQL does not say beforehand what an expression gives; there the write shows it."""
    store(db, "category_id bigint null default (10 + 2)", {1: 11, 2: 21})
    check_done(db, 2, {"set_default": 1})
    if db.engine == "postgres":
        check_refused(db, 1, 2)


@pytest.mark.parametrize(("default", "is_refused"), [(5, False), (12, True), (21, False)])
def test_a_declared_reference_may_point_at_nothing_but_not_at_what_goes(
    db: Database, default: int, is_refused: bool
) -> None:
    customers(db)
    children(db, "a_visit", {1: 3})
    db.table(
        "category",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(11, 1), (12, 1), (21, 2)],
    )
    db.table("product", "id bigint", f"category_id bigint null default {default}", rows=[(1, 11)])
    db.index("product", "category_id")
    db.declare_deletion_reference(
        "fk_product_category_id", "product", ["category_id"], "category", ["id"], "set_default"
    )
    in_small_steps(db)
    if is_refused:
        check_refused(db, 1, 1)
    else:
        check_done(db, 1, {"set_default": 1})
        assert db.column("SELECT category_id FROM product") == [default]


def test_jobs_of_a_set_are_refused_one_by_one(db: Database) -> None:
    store(db, "category_id bigint null default 12", {1: 11, 2: 21})
    db.enqueue_deletions("customer", [1, 2, 3])
    db.run()
    assert dict(db.rows("SELECT entity_pk, error FROM deletion_jobs")) == {
        "1": f"JD006: 1 row of product {BEHIND}",
        "2": None,
        "3": None,
    }
    assert db.column("SELECT category_id FROM product ORDER BY id") == [11, 12]


def test_two_references_of_a_table_each_with_its_default(db: Database) -> None:
    store(db, "category_id bigint null default 21", {1: 11, 2: 11})
    db.execute("ALTER TABLE product ADD other_id bigint NULL DEFAULT 12")
    db.execute("UPDATE product SET other_id = 12 WHERE id = 2")
    db.add_reference("product", Reference("other_id", "category", "no action"))
    db.index("product", "other_id")
    db.set_deletion_rule("product", "fk_product_other_id", "set_default")
    # Row 1 has the other default as well, which the engine gave it with the column.
    db.execute("UPDATE product SET other_id = NULL WHERE id = 1")
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD006: ")
    assert (db.receipts(job.id), db.application_contents()) == ({}, before)
    db.execute("UPDATE product SET other_id = NULL")
    db.execute("ALTER TABLE product ALTER other_id SET DEFAULT 21")
    check_done(db, 1, {"set_default": 2})


def test_a_tree_whose_root_is_the_default(db: Database) -> None:
    db.table(
        "node", "id bigint", "up bigint null default 1", rows=[(1, None), (2, None), (3, 2), (4, 1)]
    )
    db.add_reference("node", Reference("up", "node"))
    db.register_deletion_target("node")
    db.set_deletion_rule("node", "fk_node_up", "set_default")
    job = db.delete("node", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.rows("SELECT * FROM node ORDER BY id") == [(1, None), (3, 1), (4, 1)]
    job = db.delete("node", 1)
    assert (job.status, job.error) == ("failed", "JD006: 2 rows of node behind fk_node_up")
    assert db.count("node") == 3


def build_circle(db: Database, default: int) -> None:
    """Make top <- team <- member <- team, and member.other, with a default, refer to a team.

    Team 1 is of top 1. Member 1 hangs from it, and team 2 from member 1: no row goes in a circle.
    """
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("team", "id bigint", "top bigint null", "head bigint null", rows=[(1, 1, None)])
    db.insert("team", [(3, 2, None)])
    db.table("member", "id bigint", "team bigint", f"other bigint null default {default}")
    db.insert("member", [(1, 1, None), (3, 3, 3)])
    db.insert("team", [(2, None, 1)])
    db.execute("UPDATE member SET other = 2 WHERE id = 1")
    db.add_reference("team", Reference("top", "top", "cascade"))
    db.add_reference("team", Reference("head", "member", "cascade"))
    db.add_reference("member", Reference("team", "team", "cascade"))
    db.add_reference("member", Reference("other", "team"))
    db.set_deletion_rule("member", "fk_member_other", "set_default")
    db.register_deletion_target("top")
    in_small_steps(db)


@pytest.mark.parametrize("default", [2, 3, 9])
def test_a_row_gives_up_what_it_refers_to_where_its_default_would_not_do(
    db: Database, default: int
) -> None:
    """Member 1 and team 2 each have to go before the other."""
    build_circle(db, default)
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("top", 1)
    }
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == foreseen
    assert (ids(db, "top"), ids(db, "team"), ids(db, "member")) == ([2], [3], [3])


def test_a_row_that_stays_gets_its_default_in_a_circle_of_tables(db: Database) -> None:
    build_circle(db, 3)
    db.execute("UPDATE member SET other = 2 WHERE id = 3")
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["member", "set_default"] == 1
    assert db.rows("SELECT id, other FROM member") == [(3, 3)]


def test_a_row_that_stays_blocks_in_a_circle_of_tables(db: Database) -> None:
    build_circle(db, 2)
    db.execute("UPDATE member SET other = 2 WHERE id = 3")
    before = db.application_contents()
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of member behind fk_member_other")
    assert (db.receipts(job.id), db.application_contents()) == ({}, before)


def test_two_references_of_a_table_to_itself_that_set_a_default(db: Database) -> None:
    db.table("emp", "id bigint", "boss bigint null default 1", "mentor bigint null default 1")
    db.insert("emp", [(1, None, None), (2, 1, 1), (3, 2, 2), (4, 1, 2)])
    for column in ("boss", "mentor"):
        db.add_reference("emp", Reference(column, "emp"))
        db.set_deletion_rule("emp", f"fk_emp_{column}", "set_default")
    db.register_deletion_target("emp")
    job = db.delete("emp", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.rows("SELECT * FROM emp ORDER BY id") == [(1, None, None), (3, 1, 1), (4, 1, 1)]


@pytest.mark.parametrize("default", [1, 2, 9])
def test_a_tree_whose_rows_quote_each_other(db: Database, default: int) -> None:
    """Comment 4 answers 3, 3 answers 2, and 2 quotes 4; 5 quotes nothing that goes."""
    db.table("note", "id bigint", "up bigint null", f"quoted bigint null default {default}")
    db.insert("note", [(1, None, None), (2, 1, None), (3, 2, 2), (4, 3, 3), (5, 1, 1)])
    db.execute("UPDATE note SET quoted = 4 WHERE id = 2")
    db.add_reference("note", Reference("up", "note", "cascade"))
    db.add_reference("note", Reference("quoted", "note"))
    db.set_deletion_rule("note", "fk_note_quoted", "set_default")
    db.register_deletion_target("note")
    in_small_steps(db)
    job = db.delete("note", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("note", "delete"): 3}
    assert db.rows("SELECT * FROM note ORDER BY id") == [(1, None, None), (5, 1, 1)]


@pytest.mark.parametrize("count", [1, 3])
def test_a_default_of_a_root_that_is_gone(db: Database, count: int) -> None:
    """What refers to it by a declared reference would refer to it again."""
    customers(db)
    db.table("visit", "id bigint", "customer_id bigint null default 5", rows=[(1, 5), (2, 5)])
    db.index("visit", "customer_id")
    db.declare_deletion_reference("d", "visit", ["customer_id"], "customer", ["id"], "set_default")
    db.table("a_visit", "id bigint", "customer_id bigint", rows=[(1, 5), (2, 5)])
    db.index("a_visit", "customer_id")
    db.declare_deletion_reference("c", "a_visit", ["customer_id"], "customer", ["id"], "cascade")
    before = db.application_contents()
    jobs = [db.enqueue_deletion("customer", pk) for pk in (5, 6, 7)[:count]]
    db.run()
    job = db.job(jobs[0])
    assert (job.status, job.error) == ("failed", "JD006: 2 rows of visit behind d")
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0}
    assert db.application_contents() == before
    assert {db.status(other) for other in jobs[1:]} <= {"done"}


@pytest.mark.parametrize("default", [2, 9])
def test_a_row_that_left_what_goes_keeps_what_it_refers_to(db: Database, default: int) -> None:
    """It came to stay after the check; neither its default nor a NULL is its to get."""
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("team", "id bigint", "top bigint", rows=[(1, 1), (2, 1), (3, 2)])
    db.table("a_visit", "id bigint", "top bigint", rows=[(n, 1) for n in range(7)])
    db.table("member", "id bigint", "team bigint", f"other bigint null default {default}")
    db.insert("member", [(1, 1, 2), (3, 3, 3)])
    db.add_reference("team", Reference("top", "top", "cascade"))
    db.add_reference("a_visit", Reference("top", "top", "cascade"))
    db.add_reference("member", Reference("team", "team", "cascade"))
    db.add_reference("member", Reference("other", "team"))
    db.set_deletion_rule("member", "fk_member_other", "set_default")
    db.register_deletion_target("top")
    in_small_steps(db)
    job_id = db.enqueue_deletion("top", 1)
    steps = Steps(db)
    steps.claim()
    while steps.step() == "more":
        if db.value("SELECT phase FROM deletion_runs") == "advance":
            break
    db.execute("UPDATE member SET team = 3 WHERE id = 1")
    steps.finish()
    assert db.job(job_id).status != "done"
    assert db.rows("SELECT * FROM member ORDER BY id") == [(1, 3, 2), (3, 3, 3)]


def test_a_row_that_another_reference_sets_first_needs_no_default(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("pair", "id bigint", "c bigint", "d bigint", "top bigint", rows=[(1, 1, 1, 1)])
    db.script(
        mysql="ALTER TABLE pair ADD UNIQUE (c, d)", postgres="ALTER TABLE pair ADD UNIQUE (c, d)"
    )
    db.table("far", "id bigint", "top bigint", rows=[(1, 1)])
    db.table("leaf", "id bigint", "c bigint null", "d bigint null default 9", rows=[(1, 1, 1)])
    db.add_reference("pair", Reference("top", "top", "cascade"))
    db.add_reference("far", Reference("top", "top", "cascade"))
    db.add_reference("leaf", Reference(("c", "d"), "pair", "set null", to=("c", "d"), name="wide"))
    db.add_reference("leaf", Reference("d", "far", name="by_far"))
    db.register_deletion_target("top")
    db.set_deletion_rule("leaf", "by_far", "set_default")
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("top", 1)
    }
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.rows("SELECT * FROM leaf") == [(1, None, None)]
    assert db.receipts(job.id)["leaf", "set_null"] == 1
    assert ("leaf", "restrict") not in foreseen
