"""What a run does along references: every action, every shape, exact receipts."""

import pymysql
import pytest

from tests.contract.schemas import children, customers, each, ids, in_small_steps, shop
from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)


# -- The five actions ------------------------------------------------------------------------


def test_cascade_removes_children_before_their_parents(db: Database) -> None:
    shop(db)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at <= db.now()
    assert db.receipts(job.id) == {
        ("line", "delete"): 6,
        ("invoice", "delete"): 3,
        ("customer", "delete"): 1,
    }
    assert ids(db, "customer") == [2, 3]
    assert ids(db, "invoice") == [21, 22, 23, 31, 32, 33]
    assert db.count("line") == 12


def test_set_null_leaves_the_row_without_its_parent(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 3, 2: 1}, on_delete="set null")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("visit", "set_null"): 3, ("customer", "delete"): 1}
    assert db.column("SELECT customer_id FROM visit ORDER BY id") == [None, None, None, 2]


def test_set_default_gives_the_row_the_columns_default(db: Database) -> None:
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null default 3",
        references=[Reference("customer_id", "customer", "no action")],
        rows=[(1, 1), (2, 1), (3, 2)],
    )
    db.set_deletion_rule("visit", "fk_visit_customer_id", "set_default")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("visit", "set_default"): 2, ("customer", "delete"): 1}
    assert db.column("SELECT customer_id FROM visit ORDER BY id") == [3, 3, 2]


def test_a_default_that_is_the_deleted_key_itself_stops_the_job(db: Database) -> None:
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null default 3",
        references=[Reference("customer_id", "customer", "no action")],
        rows=[(1, 3), (2, 3), (3, 2)],
    )
    db.set_deletion_rule("visit", "fk_visit_customer_id", "set_default")
    before = db.application_contents()
    job_id = db.enqueue_deletion("customer", 3)
    # Such rows could be set again and again: a call that ends tells whether they were.
    db.worker.run_deletion_jobs(None, 1)
    job = db.job(job_id)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD006: ")
    assert "visit" in (job.error or "")
    assert db.receipts(job_id) == {}
    assert db.application_contents() == before


@pytest.mark.parametrize("action", ["no action", "restrict"])
def test_restrict_fails_the_job_before_anything_is_deleted(db: Database, action: str) -> None:
    in_small_steps(db)
    customers(db)
    children(db, "a_visit", {1: 3})
    children(db, "b_visit", {1: 2, 2: 1}, on_delete=action)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith("JD006: 2 rows of b_visit behind fk_b_visit_customer_id")
    assert db.receipts(job.id) == {}
    assert db.application_contents() == before
    assert db.delete("customer", 3).status == "done"


def test_a_row_deep_below_blocks_before_anything_is_deleted(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.table(
        "refund",
        "id bigint",
        "line_id bigint",
        references=[Reference("line_id", "line", "restrict")],
        rows=[(1, 132)],
    )
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 1 row")
    assert "refund" in (job.error or "")
    assert db.application_contents() == before
    other = db.delete("customer", 2)
    assert (other.status, sum(db.receipts(other.id).values())) == ("done", 10)


def test_the_last_of_many_rows_blocks_as_the_first_would(db: Database) -> None:
    """More rows than the check reads in one answer, and than it reads in one step."""
    customers(db)
    children(db, "visit", {1: 10_003})
    db.table(
        "refund",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "restrict")],
        rows=[(1, 10_003)],
    )
    db.set_deletion_setting("batch_ms", 1)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == (
        "failed",
        "JD006: 1 row of refund behind fk_refund_visit_id",
    )
    assert db.receipts(job.id) == {}
    assert (db.count("visit"), db.count("customer")) == (10_003, 3)
    assert int(db.value("SELECT step_count FROM deletion_runs")) > 2


def test_restrict_inside_the_closure_only_orders(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.table(
        "refund",
        "id bigint",
        "line_id bigint",
        "customer_id bigint",
        references=[
            Reference("line_id", "line", "restrict"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, 111, 1), (2, 132, 1), (3, 211, 2)],
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("refund", "delete"): 2,
        ("line", "delete"): 6,
        ("invoice", "delete"): 3,
        ("customer", "delete"): 1,
    }


def test_a_row_of_another_root_behind_restrict_blocks(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.table(
        "refund",
        "id bigint",
        "line_id bigint",
        "customer_id bigint",
        references=[
            Reference("line_id", "line", "restrict"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, 111, 1), (2, 132, 2)],
    )
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD006: ")
    assert db.application_contents() == before


def test_a_row_that_another_job_of_the_run_removes_blocks_all_the_same(db: Database) -> None:
    shop(db)
    db.table(
        "refund",
        "id bigint",
        "line_id bigint",
        "customer_id bigint",
        references=[
            Reference("line_id", "line", "restrict"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, 111, 2), (2, 211, 2)],
    )
    blocked, other = db.enqueue_deletion("customer", 1), db.enqueue_deletion("customer", 2)
    db.run()
    assert db.count("deletion_runs") == 1
    assert (db.status(blocked), db.status(other)) == ("failed", "done")
    assert db.job(blocked).error == "JD006: 1 row of refund behind fk_refund_line_id"
    assert db.receipts(blocked) == {}
    assert (ids(db, "customer"), db.count("line")) == ([1, 3], 12)


def test_a_column_that_one_reference_cascades_and_another_sets_null_ends_deleted(
    db: Database,
) -> None:
    customers(db)
    db.table(
        "account",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.table(
        "entry",
        "id bigint",
        "account_id bigint null",
        "customer_id bigint null",
        references=[
            Reference("account_id", "account", "set null"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 1), (2, 1, 2), (3, 1, None), (4, 2, 1), (5, 2, 2)],
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.rows("SELECT * FROM entry ORDER BY id") == [(2, None, 2), (3, None, None), (5, 2, 2)]
    receipts = db.receipts(job.id)
    assert receipts["entry", "delete"] == 2
    assert receipts["entry", "set_null"] == 2


# -- Shapes ----------------------------------------------------------------------------------


def test_composite_keys_are_followed_column_by_column(db: Database) -> None:
    db.table(
        "place",
        "region varchar",
        "no int",
        key=("region", "no"),
        rows=[("a", 1), ("a", 2), ("b", 1)],
    )
    db.table(
        "shelf",
        "region varchar",
        "place_no int",
        "no int",
        key=("region", "place_no", "no"),
        references=[Reference(("region", "place_no"), "place", "cascade", to=("region", "no"))],
        rows=[(r, p, n) for r, p in (("a", 1), ("a", 2), ("b", 1)) for n in each(3)],
    )
    db.table(
        "box",
        "id bigint",
        "shelf_no int null",
        "place_no int null",
        "region varchar null",
        references=[
            Reference(
                ("region", "place_no", "shelf_no"),
                "shelf",
                "cascade",
                to=("region", "place_no", "no"),
            ),
        ],
        rows=[(1, 1, 1, "a"), (2, 3, 1, "a"), (3, 1, 2, "a"), (4, 1, 1, "b"), (5, None, 1, "a")],
    )
    db.register_deletion_target("place")
    job = db.delete("place", '["a", 1]')
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("place", "delete"): 1,
        ("shelf", "delete"): 3,
        ("box", "delete"): 2,
    }
    assert ids(db, "box") == [3, 4, 5]


def test_references_to_a_unique_key_are_followed(db: Database) -> None:
    db.table(
        "country",
        "id bigint",
        "code varchar",
        unique=["code"],
        rows=[(1, "de"), (2, "at"), (3, "1")],
    )
    db.table(
        "city",
        "id bigint",
        "country_code varchar null",
        "name varchar",
        unique=["name"],
        references=[Reference("country_code", "country", "cascade", to="code")],
        rows=[
            (1, "de", "Bonn"),
            (2, "at", "Graz"),
            (3, "de", "Ulm"),
            (4, "1", "X"),
            (5, None, "Y"),
        ],
    )
    db.table(
        "street",
        "id bigint",
        "city_name varchar",
        references=[Reference("city_name", "city", "cascade", to="name")],
        rows=[(1, "Bonn"), (2, "Graz"), (3, "Ulm"), (4, "Ulm"), (5, "X")],
    )
    db.register_deletion_target("country")
    job = db.delete("country", 1)
    assert db.receipts(job.id) == {
        ("country", "delete"): 1,
        ("city", "delete"): 2,
        ("street", "delete"): 3,
    }
    assert (ids(db, "city"), ids(db, "street")) == ([2, 4, 5], [2, 5])


def test_several_references_between_two_tables_count_a_row_once(db: Database) -> None:
    customers(db, 4)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint null",
        "to_id bigint null",
        references=[
            Reference("from_id", "customer", "cascade"),
            Reference("to_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 3), (5, None, 1), (6, None, None)],
    )
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("transfer", "delete"): 4, ("customer", "delete"): 1}
    assert ids(db, "transfer") == [4, 6]


def test_several_references_with_different_actions_between_two_tables(db: Database) -> None:
    customers(db, 4)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint null",
        "to_id bigint null",
        "by_id bigint null",
        references=[
            Reference("from_id", "customer", "cascade"),
            Reference("to_id", "customer", "set null"),
            Reference("by_id", "customer", "set null"),
        ],
        rows=[(1, 1, 1, 1), (2, 2, 1, 1), (3, 2, 1, 3), (4, 2, 3, 1), (5, 2, 3, 4)],
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.rows("SELECT * FROM transfer ORDER BY id") == [
        (2, 2, None, None),
        (3, 2, None, 3),
        (4, 2, 3, None),
        (5, 2, 3, 4),
    ]
    assert db.receipts(job.id) == {
        ("transfer", "delete"): 1,
        ("transfer", "set_null"): 3,
        ("customer", "delete"): 1,
    }


def test_several_references_that_are_set_null_count_a_row_once(db: Database) -> None:
    customers(db)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint null",
        "to_id bigint null",
        references=[
            Reference("from_id", "customer", "set null"),
            Reference("to_id", "customer", "set null"),
        ],
        rows=[(1, 1, 1), (2, 1, 2), (3, 3, 1), (4, 1, 1), (5, 3, 3)],
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("transfer", "set_null"): 4, ("customer", "delete"): 1}
    # The same rows once more: another job counts them anew.
    assert db.receipts(db.delete("customer", 3).id) == {
        ("transfer", "set_null"): 2,
        ("customer", "delete"): 1,
    }
    assert db.count("deletion_walk_keys") == 0


def test_a_diamond_counts_each_row_once(db: Database) -> None:
    customers(db)
    children(db, "left_side", {1: 2, 2: 1})
    children(db, "right_side", {1: 2, 2: 1})
    db.table(
        "bottom",
        "id bigint",
        "left_id bigint null",
        "right_id bigint null",
        references=[
            Reference("left_id", "left_side", "cascade"),
            Reference("right_id", "right_side", "cascade"),
        ],
        rows=[(1, 1, 1), (2, 1, 2), (3, 2, None), (4, None, 1), (5, 3, 1), (6, 3, 3), (7, 1, 3)],
    )
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {
        ("bottom", "delete"): 6,
        ("left_side", "delete"): 2,
        ("right_side", "delete"): 2,
        ("customer", "delete"): 1,
    }
    assert ids(db, "bottom") == [6]


def tree(db: Database, on_delete: str, rows: list[tuple[int, int | None]]) -> None:
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "node", on_delete)],
    )
    db.insert("node", rows)
    db.register_deletion_target("node")


def test_a_tree_goes_with_its_root(db: Database) -> None:
    tree(db, "cascade", [(1, None), (2, 1), (3, 1), (4, 2), (5, 4), (6, None), (7, 6), (8, 5)])
    job = db.delete("node", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 4}
    assert ids(db, "node") == [1, 3, 6, 7]
    assert db.receipts(db.delete("node", 1).id) == {("node", "delete"): 2}


@pytest.mark.parametrize("batch_rows", [1, 3, 7, 5000])
def test_a_bushy_tree_goes_in_batches_of_any_size(db: Database, batch_rows: int) -> None:
    tree(db, "cascade", [(n, None if n == 1 else n // 3 + (n // 3 == 0)) for n in each(100)])
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("node", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 100}
    assert db.count("node") == 0


@pytest.mark.parametrize("batch_rows", [10, 5000])
def test_a_long_chain_goes_to_its_end(db: Database, batch_rows: int) -> None:
    tree(db, "cascade", [(n, n - 1 or None) for n in each(300)])
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("node", 101)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 200}
    assert ids(db, "node") == list(each(100))


def test_a_row_that_is_its_own_parent_goes(db: Database) -> None:
    tree(db, "cascade", [(1, 1), (2, 1), (3, 3)])
    job = db.delete("node", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 2}
    assert ids(db, "node") == [3]


def test_rows_that_refer_to_each_other_in_a_ring_fail_and_stay(db: Database) -> None:
    in_small_steps(db)
    tree(db, "no action", [(1, None), (2, 1), (3, 2)])
    db.execute("UPDATE node SET parent_id = 3 WHERE id = 1")
    db.set_deletion_rule("node", "fk_node_parent_id", "restrict")
    job = db.delete("node", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD006: ")
    assert ids(db, "node") == [1, 2, 3]


def staff(db: Database, on_delete: str, peers: dict[int, int | None]) -> None:
    """Make employees of customer 1, each with a badge, and with another one as its peer."""
    customers(db)
    db.table(
        "employee",
        "id bigint",
        "customer_id bigint",
        "peer_id bigint null",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("peer_id", "employee", on_delete),
        ],
        rows=[(number, 1, None) for number in peers],
    )
    for number, peer in peers.items():
        db.execute("UPDATE employee SET peer_id = %s WHERE id = %s", peer, number)
    db.table(
        "badge",
        "id bigint",
        "employee_id bigint",
        references=[Reference("employee_id", "employee", "cascade")],
        rows=[(number, number) for number in peers],
    )
    in_small_steps(db)


@pytest.mark.parametrize("rule", [None, "cascade", "set_null"])
@pytest.mark.parametrize("on_delete", ["no action", "restrict"])
def test_a_row_that_refers_to_itself_goes_though_the_engine_would_refuse_it(
    db: Database, on_delete: str, rule: str | None
) -> None:
    staff(db, on_delete, {1: 1, 2: None})
    if rule is not None:
        db.set_deletion_rule("employee", "fk_employee_peer_id", rule)
    if db.engine == "mysql":
        with pytest.raises(pymysql.err.IntegrityError, match="1451"):
            db.execute("DELETE FROM employee WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error, db.count("employee")) == ("done", None, 0)
    assert db.receipts(job.id)["employee", "delete"] == 2


@pytest.mark.parametrize("on_delete", ["no action", "restrict"])
def test_rows_that_wait_for_each_other_without_a_ring_go(db: Database, on_delete: str) -> None:
    staff(db, on_delete, {1: None, 2: 1, 3: 2, 4: 1, 5: None})
    job = db.delete("customer", 1)
    assert (job.status, job.error, db.count("employee")) == ("done", None, 0)


@pytest.mark.parametrize("on_delete", ["no action", "restrict", "set null"])
def test_tables_in_a_circle_go(db: Database, on_delete: str) -> None:
    staff(db, "set null", {1: None, 2: None})
    db.table(
        "team",
        "id bigint",
        "customer_id bigint",
        "head_id bigint null",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("head_id", "employee", on_delete),
        ],
        rows=[(1, 1, 1)],
    )
    db.table(
        "member",
        "id bigint",
        "team_id bigint",
        references=[Reference("team_id", "team", "cascade")],
        rows=[(1, 1)],
    )
    db.execute("ALTER TABLE employee ADD COLUMN member_id bigint NULL")
    db.execute("CREATE INDEX employee_member ON employee (member_id)")
    db.execute(
        "ALTER TABLE employee ADD CONSTRAINT fk_employee_member"
        " FOREIGN KEY (member_id) REFERENCES member (id) ON DELETE CASCADE"
    )
    db.execute("UPDATE employee SET member_id = 1 WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error, db.count("employee")) == ("done", None, 0)
    # The team's head was set NULL before the team itself went: it counts as gone alone.
    assert db.receipts(job.id) == {
        ("badge", "delete"): 2,
        ("employee", "delete"): 2,
        ("member", "delete"): 1,
        ("team", "delete"): 1,
        ("customer", "delete"): 1,
    }
    assert db.count("deletion_walk_keys") == 0


def test_two_references_to_its_own_table_are_followed(db: Database) -> None:
    staff(db, "no action", {1: None, 2: 1})
    db.execute("ALTER TABLE employee ADD COLUMN boss_id bigint NULL")
    db.add_reference("employee", Reference("boss_id", "employee"))
    db.execute("UPDATE employee SET boss_id = 2 WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error, db.count("employee"), db.count("badge")) == ("done", None, 0, 0)


def test_a_tree_with_set_null_loses_only_the_root(db: Database) -> None:
    tree(db, "set null", [(1, None), (2, 1), (3, 1), (4, 2), (5, 5)])
    job = db.delete("node", 1)
    assert db.receipts(job.id) == {("node", "set_null"): 2, ("node", "delete"): 1}
    assert db.rows("SELECT * FROM node ORDER BY id") == [(2, None), (3, None), (4, 2), (5, 5)]


def test_a_long_chain_takes_few_frames_and_no_scratch_rows(db: Database) -> None:
    db.table(
        "node",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "node", "cascade")],
        rows=[(n, n - 1 or None) for n in each(1500)],
    )
    db.table(
        "note",
        "id bigint",
        "node_id bigint",
        references=[Reference("node_id", "node", "cascade")],
        rows=[(n, n) for n in each(1500)],
    )
    db.register_deletion_target("node")
    job = db.delete("node", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 1500, ("note", "delete"): 1500}
    # Of the check one scratch row for the root, instead of one for each node.
    in_check = "SELECT COUNT(*) FROM deletion_plan_steps WHERE in_check AND kind = 'fetch'"
    assert int(db.value(in_check)) == 0
    (steps,) = db.column("SELECT step_count FROM deletion_runs")
    assert int(steps) < 40


def test_a_tree_below_another_target_goes(db: Database) -> None:
    customers(db)
    db.table(
        "comment",
        "id bigint",
        "customer_id bigint",
        "answer_to bigint null",
        references=[
            Reference("customer_id", "customer", "cascade"),
            Reference("answer_to", "comment", "cascade"),
        ],
        rows=[(1, 1, None), (2, 1, 1), (3, 2, 2), (4, 2, None), (5, 1, 4), (6, 2, 5), (7, 2, 4)],
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("comment", "delete"): 5, ("customer", "delete"): 1}
    assert ids(db, "comment") == [4, 7]


def test_a_null_reference_belongs_to_nobody(db: Database) -> None:
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, None), (2, 1), (3, None)],
    )
    db.delete("customer", 1)
    assert ids(db, "visit") == [1, 3]


def test_five_levels_go_in_small_batches(db: Database) -> None:
    customers(db)
    parent, rows = "customer", [1, 2, 3]
    for depth in each(4):
        name = f"level{depth}"
        made = [(10 * row + n, row) for row in rows for n in each(3)]
        db.table(
            name,
            "id bigint",
            "up bigint",
            references=[Reference("up", parent, "cascade")],
            rows=made,
        )
        parent, rows = name, [row for row, _ in made]
    db.set_deletion_setting("batch_rows", 5)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("customer", "delete"): 1,
        **{(f"level{depth}", "delete"): 3**depth for depth in each(4)},
    }
    assert db.count("level4") == 2 * 81


def test_a_users_own_job_ends_without_its_creator(db: Database) -> None:
    db.table(
        "users", f"id {db.either(mysql='bigint_unsigned', postgres='bigint')}", rows=[(1,), (2,)]
    )
    db.link_deletion_users("users", "id")
    db.register_deletion_target("users")
    job_id = db.enqueue_deletion("users", 1, "my own wish", created_by=1)
    db.run()
    job = db.job(job_id)
    assert (job.status, job.error, job.created_by) == ("done", None, None)
    assert db.receipts(job_id) == {("users", "delete"): 1, ("deletion_jobs", "set_null"): 1}
    assert ids(db, "users") == [2]


# -- Promise 2: what can be known beforehand -------------------------------------------------


def test_more_rows_than_the_targets_limit_delete_nothing(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.register_deletion_target("customer", max_rows=9)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD013: ")
    assert "9" in (job.error or "")
    assert db.application_contents() == before
    db.register_deletion_target("customer", max_rows=10)
    db.retry_deletion(job.id)
    db.run()
    assert (db.status(job.id), sum(db.receipts(job.id).values())) == ("done", 10)


def test_the_setting_limits_targets_that_have_no_limit_of_their_own(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.set_deletion_setting("max_rows", 9)
    assert (db.delete("customer", 1).error or "")[:7] == "JD013: "
    db.register_deletion_target("customer", max_rows=10)
    assert db.delete("customer", 2).status == "done"


def test_a_row_that_is_reached_twice_counts_once_against_the_limit(db: Database) -> None:
    customers(db)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint null",
        "to_id bigint null",
        references=[
            Reference("from_id", "customer", "cascade"),
            Reference("to_id", "customer", "set null"),
        ],
        rows=[(1, 1, 1), (2, 1, 2)],
    )
    db.register_deletion_target("customer", max_rows=3)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("transfer", "delete"): 2, ("customer", "delete"): 1}


def test_a_large_table_without_an_index_deletes_nothing(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(n, 1) for n in each(20)])
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    db.set_deletion_setting("unindexed_limit_rows", 10)
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD008: ")
    assert "note" in (job.error or "")
    assert (db.count("note"), db.count("customer")) == (20, 3)
    db.set_deletion_setting("unindexed_limit_rows", 20)
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"


@pytest.mark.parametrize(
    ("table", "right"), [("line", "DELETE"), ("customer", "DELETE"), ("invoice", "SELECT")]
)
def test_a_missing_privilege_is_found_before_anything_is_deleted(
    db: Database, table: str, right: str
) -> None:
    in_small_steps(db)
    shop(db)
    db.revoke_from_owner(table, right)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith(db.either(mysql="42000: ", postgres="42501: "))
    assert table in job.error
    assert db.application_contents() == before
    db.grant_to_owner(table)
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"


def test_a_target_that_is_gone_fails_its_jobs(db: Database) -> None:
    customers(db)
    job_id = db.enqueue_deletion("customer", 1)
    db.execute("DROP TABLE customer")
    db.run()
    assert (db.job(job_id).error or "")[:7] == "JD005: "


# -- What only the write can show ------------------------------------------------------------


def test_an_error_of_the_engine_is_kept_with_its_own_code(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    children(db, "visit", {1: 2, 2: 2})
    db.script(
        mysql="CREATE TRIGGER keep BEFORE DELETE ON visit FOR EACH ROW"
        " BEGIN IF OLD.id = 2 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one';"
        " END IF; END",
        postgres="CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF OLD.id = 2 THEN RAISE 'not this one' USING ERRCODE = '45000'; END IF; RETURN OLD;"
        " END $$; CREATE TRIGGER keep BEFORE DELETE ON visit FOR EACH ROW"
        " EXECUTE FUNCTION keep()",
    )
    job = db.delete("customer", 1)
    where = db.either(mysql="", postgres=" (PL/pgSQL function keep() line 1 at RAISE)")
    assert (job.status, job.error) == ("failed", f"45000: not this one{where}")
    assert 2 in ids(db, "visit")
    assert 1 in ids(db, "customer")
    deleted = 4 - db.count("visit")
    assert db.receipts(job.id).get(("visit", "delete"), 0) == deleted
    db.execute("DROP TRIGGER keep" + db.either(mysql="", postgres=" ON visit"))
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"
    assert db.receipts(job.id) == {("visit", "delete"): 2, ("customer", "delete"): 1}


def test_a_column_that_others_follow_is_not_set_but_blocks(db: Database) -> None:
    """The engine's ON UPDATE CASCADE would change as many rows as there are, in one statement."""
    customers(db)
    children(db, "visit", {2: 1})
    db.execute(
        "CREATE TABLE badge (id bigint PRIMARY KEY, customer_id bigint UNIQUE,"
        " CONSTRAINT fk_badge FOREIGN KEY (customer_id) REFERENCES customer (id)"
        " ON DELETE SET NULL)"
    )
    db.execute(
        "CREATE TABLE swipe (id bigint PRIMARY KEY, badge bigint,"
        " CONSTRAINT fk_swipe FOREIGN KEY (badge) REFERENCES badge (customer_id)"
        " ON UPDATE CASCADE)"
    )
    db.insert("badge", [(1, 1)])
    db.insert("swipe", [(n, 1) for n in range(1, 21)])
    db.grant_to_owner("badge")
    db.grant_to_owner("swipe")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error == "JD006: 1 row of badge behind fk_badge"
    assert db.value("SELECT COUNT(*) FROM swipe WHERE badge = 1") == 20
    assert db.value("SELECT COUNT(*) FROM customer WHERE id = 1") == 1


def test_a_check_that_set_null_would_break_stops_the_job(db: Database) -> None:
    customers(db)
    children(db, "visit", {1: 1, 2: 1}, on_delete="set null")
    db.execute("DELETE FROM visit")
    db.execute("ALTER TABLE visit ADD kept bigint")
    # MySQL allows no CHECK over a column that a foreign key sets NULL: there a rule does it.
    if db.engine == "mysql":
        db.execute("ALTER TABLE visit DROP FOREIGN KEY fk_visit_customer_id")
        db.add_reference("visit", Reference("customer_id", "customer", "no action"))
        db.set_deletion_rule("visit", "fk_visit_customer_id", "set_null")
    db.execute(
        "ALTER TABLE visit ADD CONSTRAINT chk_owner"
        " CHECK (customer_id IS NOT NULL OR kept IS NOT NULL)"
    )
    db.insert("visit", [(1, 1, None), (2, 2, None)])
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith(db.either(mysql="HY000: ", postgres="23514: "))
    assert "chk_owner" in job.error
    assert ids(db, "customer") == [1, 2, 3]


# -- Roots ------------------------------------------------------------------------------------


def test_a_root_that_is_gone_ends_done_and_says_so(db: Database) -> None:
    shop(db)
    job = db.delete("customer", 99)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0}
    assert db.count("line") == 18


def test_a_root_below_another_root_in_one_run_counts_once(db: Database) -> None:
    tree(db, "cascade", [(1, None), (2, 1), (3, 2), (4, 3), (5, 1)])
    outer, inner = db.enqueue_deletion("node", 1), db.enqueue_deletion("node", 3)
    db.run()
    assert (db.status(outer), db.status(inner)) == ("done", "done")
    assert ids(db, "node") == []
    receipts = db.receipts(outer), db.receipts(inner)
    assert sum(found.get(("node", "delete"), 0) for found in receipts) == 5
    assert receipts[0]["node", "delete"] >= 3


def test_a_root_below_another_root_in_two_runs_is_found_gone(db: Database) -> None:
    tree(db, "cascade", [(1, None), (2, 1), (3, 2), (4, 3), (5, 1)])
    db.set_deletion_setting("jobs_per_run", 1)
    outer, inner = db.enqueue_deletion("node", 1), db.enqueue_deletion("node", 3)
    db.run()
    assert (db.status(outer), db.status(inner)) == ("done", "done")
    assert db.receipts(outer) == {("node", "delete"): 5}
    assert db.receipts(inner) == {("node", "root_not_found"): 0}


def test_a_root_above_another_root_in_two_runs_takes_the_rest(db: Database) -> None:
    tree(db, "cascade", [(1, None), (2, 1), (3, 2), (4, 3), (5, 1)])
    db.set_deletion_setting("jobs_per_run", 1)
    inner, outer = db.enqueue_deletion("node", 3), db.enqueue_deletion("node", 1)
    db.run()
    assert db.receipts(inner) == {("node", "delete"): 2}
    assert db.receipts(outer) == {("node", "delete"): 3}


def test_two_targets_of_which_one_hangs_from_the_other(db: Database) -> None:
    shop(db)
    db.register_deletion_target("invoice")
    first = db.enqueue_deletion("customer", 1)
    second = db.enqueue_deletion("invoice", 11)
    third = db.enqueue_deletion("invoice", 21)
    db.run()
    assert [db.status(job) for job in (first, second, third)] == ["done"] * 3
    total = db.receipts(first)["line", "delete"] + db.receipts(second).get(("line", "delete"), 0)
    assert total == 6
    assert db.receipts(third) == {("line", "delete"): 2, ("invoice", "delete"): 1}
    assert db.count("invoice") == 5


def test_a_row_shared_by_two_roots_of_one_run_is_counted_by_one(db: Database) -> None:
    customers(db)
    db.table(
        "transfer",
        "id bigint",
        "from_id bigint",
        "to_id bigint",
        references=[
            Reference("from_id", "customer", "cascade"),
            Reference("to_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 2), (2, 2, 1), (3, 1, 3), (4, 3, 2)],
    )
    db.enqueue_deletions("customer", [1, 2])
    db.run()
    total = db.value(
        "SELECT SUM(row_count) FROM vw_deletion_receipts WHERE table_name = 'transfer'"
    )
    assert int(total) == 4
    assert (db.count("transfer"), ids(db, "customer")) == (0, [3])
