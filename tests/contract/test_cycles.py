"""Rows that refer to each other in a circle: within a table, and across tables.

A circle that no NULL opens goes as a whole on PostgreSQL, where a batch holds it. MySQL deletes no
rows together that refer to each other: there it stops the job before anything is touched.
"""

import pytest

from tests.contract.schemas import customers, each, ids
from tests.contract.steps import Steps, recover_all
from tests.database import Database, Job, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)

BATCHES = [1, 2, 3, 5000]


def delete(db: Database, table: str, pk: int, batch_rows: int = 5000) -> Job:
    """Register a target, and delete one row of it in batches of that size."""
    db.register_deletion_target(table)
    db.set_deletion_setting("batch_rows", batch_rows)
    return db.delete(table, pk)


def gone(db: Database, job: Job, **counts: int) -> None:
    """Hold that a job is done and has counted just these rows, and left no scratch."""
    assert (job.status, job.error) == ("done", None), job.error
    assert db.receipts(job.id) == {(table, "delete"): count for table, count in counts.items()}
    assert db.count("deletion_walk_keys") == db.count("deletion_frames") == 0
    assert db.count("deletion_walk_links") == 0


def refused(db: Database, job: Job, before: dict[str, list[str]], *names: str) -> None:
    """Hold that a circle stopped a job before anything was touched, and which one it was."""
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD007: "), job.error
    assert all(name in (job.error or "") for name in names), job.error
    assert db.receipts(job.id) == {}
    assert db.application_contents() == before
    assert db.count("deletion_walk_keys") == db.count("deletion_walk_links") == 0


def gone_together(db: Database, job: Job, before: dict[str, list[str]], **counts: int) -> None:
    """Hold that rows went of which some could not be parted, where the engine can do that."""
    if db.engine == "mysql":
        refused(db, job, before)
    else:
        gone(db, job, **counts)


def departments(
    db: Database, managers: dict[int, int | None], staff: dict[int, int], nullable: str = "null"
) -> None:
    """Make departments with their managers, and employees with their departments."""
    db.table(
        "dept", "id bigint", f"manager_id bigint {nullable}".strip(), rows=list(managers.items())
    )
    db.table(
        "employee",
        "id bigint",
        "dept_id bigint",
        references=[Reference("dept_id", "dept", "cascade")],
        rows=list(staff.items()),
    )
    db.table(
        "badge",
        "id bigint",
        "employee_id bigint",
        references=[Reference("employee_id", "employee", "cascade")],
        rows=[(number, number) for number in staff],
    )
    db.add_reference("dept", Reference("manager_id", "employee", "cascade"))


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_department_goes_with_the_manager_that_belongs_to_it(
    db: Database, batch_rows: int
) -> None:
    departments(db, {1: 11, 2: 21, 3: None}, {10: 1, 11: 1, 12: 1, 20: 2, 21: 2, 30: 3})
    gone(db, delete(db, "dept", 1, batch_rows), badge=3, employee=3, dept=1)
    assert (ids(db, "dept"), ids(db, "employee"), ids(db, "badge")) == ([2, 3], *[[20, 21, 30]] * 2)


@pytest.mark.parametrize("batch_rows", [2, 3, 5000])
def test_a_manager_goes_with_the_department(db: Database, batch_rows: int) -> None:
    """The department is found by the one column that could be set NULL, and must stay findable."""
    departments(db, {1: 11, 2: 21}, {10: 1, 11: 1, 12: 1, 20: 2, 21: 2})
    before = db.application_contents()
    gone_together(db, delete(db, "employee", 11, batch_rows), before, badge=3, employee=3, dept=1)
    if db.engine == "postgres":
        assert (ids(db, "dept"), ids(db, "employee"), ids(db, "badge")) == ([2], *[[20, 21]] * 2)


@pytest.mark.parametrize("batch_rows", [2, 3, 5000])
@pytest.mark.parametrize(("table", "root"), [("dept", 1), ("employee", 11)])
def test_a_store_and_its_manager_each_requiring_the_other_go(
    db: Database, table: str, root: int, batch_rows: int
) -> None:
    departments(db, {1: 11, 2: 21}, {10: 1, 11: 1, 12: 1, 20: 2, 21: 2}, nullable="")
    before = db.application_contents()
    gone_together(db, delete(db, table, root, batch_rows), before, badge=3, employee=3, dept=1)
    if db.engine == "postgres":
        assert (ids(db, "dept"), ids(db, "employee"), ids(db, "badge")) == ([2], *[[20, 21]] * 2)


@pytest.mark.parametrize("action", ["no action", "restrict"])
@pytest.mark.parametrize("batch_rows", [2, 3, 5000])
def test_keys_that_restrict_give_way_to_a_rule_in_a_circle(
    db: Database, batch_rows: int, action: str
) -> None:
    db.table("store", "id bigint", "manager_id bigint", rows=[(1, 11), (2, 21)])
    db.table(
        "staff",
        "id bigint",
        "store_id bigint",
        references=[Reference("store_id", "store", action)],
        rows=[(10, 1), (11, 1), (12, 1), (20, 2), (21, 2)],
    )
    db.add_reference("store", Reference("manager_id", "staff", action))
    db.set_deletion_rule("staff", "fk_staff_store_id", "cascade")
    before = db.application_contents()
    gone_together(db, delete(db, "store", 1, batch_rows), before, staff=3, store=1)
    if db.engine == "postgres":
        assert (ids(db, "store"), ids(db, "staff")) == ([2], [20, 21])


def test_many_jobs_of_one_run_each_have_their_own_circle(db: Database) -> None:
    departments(
        db,
        {n: 10 * n for n in each(30)},
        {10 * n + i: n for n in each(30) for i in range(3)},
        nullable="",
    )
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", 7)
    before = db.application_contents()
    jobs = [db.enqueue_deletion("dept", n) for n in each(29)]
    db.run()
    for job in jobs:
        gone_together(db, db.job(job), before, badge=3, employee=3, dept=1)
    if db.engine == "postgres":
        assert (ids(db, "dept"), ids(db, "employee")) == ([30], [300, 301, 302])


@pytest.mark.parametrize("batch_rows", BATCHES)
@pytest.mark.parametrize("on_delete", ["cascade", "no action", "restrict"])
def test_a_ring_below_a_root_goes(db: Database, on_delete: str, batch_rows: int) -> None:
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
        rows=[(number, 1, None) for number in (1, 2, 3, 4, 5)],
    )
    for number, peer in {1: 3, 2: 1, 3: 2, 4: 1}.items():
        db.execute("UPDATE employee SET peer_id = %s WHERE id = %s", peer, number)
    gone(db, delete(db, "customer", 1, batch_rows), employee=5, customer=1)


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_ring_goes_with_any_row_of_it(db: Database, batch_rows: int) -> None:
    ring(db, 6, "null")
    gone(db, delete(db, "node", 4, batch_rows), node=7)
    assert ids(db, "node") == [100]


def ring(db: Database, count: int, nullable: str) -> None:
    """Make rows in a ring, 1 to count, one that hangs from the first, and one for itself."""
    db.table(
        "node",
        "id bigint",
        f"parent_id bigint {nullable}".strip(),
        rows=[(n, n % count + 1) for n in each(count)] + [(99, 1), (100, 100)],
    )
    db.add_reference("node", Reference("parent_id", "node", "cascade"))


@pytest.mark.parametrize("batch_rows", [6, 7, 5000])
def test_a_ring_that_cannot_be_opened_goes_in_one_transaction(
    db: Database, batch_rows: int
) -> None:
    ring(db, 6, "")
    before = db.application_contents()
    gone_together(db, delete(db, "node", 4, batch_rows), before, node=7)
    assert ids(db, "node") == [100] or db.engine == "mysql"


def test_a_ring_larger_than_a_batch_that_cannot_be_opened_deletes_nothing(db: Database) -> None:
    ring(db, 6, "")
    before = db.application_contents()
    refused(db, delete(db, "node", 4, 5), before, "6 rows of node", "fk_node_parent_id")


@pytest.mark.parametrize("batch_rows", BATCHES)
@pytest.mark.parametrize("nullable", ["null", ""])
def test_three_references_of_a_table_to_itself(
    db: Database, batch_rows: int, nullable: str
) -> None:
    names = ("mother_id", "father_id", "guardian_id")
    db.table(
        "person",
        "id bigint",
        *(f"{name} bigint {nullable}".strip() for name in names),
        # 1 and 2 are in a circle, so are 3, 4 and 5; 6 and 7 hang from them; 8 and 9 do not.
        rows=[
            (1, 2, 1, 1),
            (2, 2, 1, 2),
            (3, 1, 4, 3),
            (4, 4, 4, 5),
            (5, 3, 5, 5),
            (6, 6, 6, 5),
            (7, 6, 6, 1),
            (8, 8, 8, 8),
            (9, 9, 8, 9),
        ],
    )
    for name in names:
        db.add_reference("person", Reference(name, "person", "cascade"))
    before = db.application_contents()
    job = delete(db, "person", 1, batch_rows)
    if not nullable and (db.engine == "mysql" or batch_rows < 3):
        # MySQL names the first circle that it meets: a row that is its own parent.
        named = [] if db.engine == "mysql" else [f"fk_person_{name}" for name in names]
        refused(db, job, before, "person", *named)
    else:
        gone(db, job, person=7)
        assert ids(db, "person") == [8, 9]


@pytest.mark.parametrize("nullable", ["null", ""])
@pytest.mark.parametrize(("table", "root"), [("dept", 1), ("employee", 14), ("customer", 1)])
def test_a_circle_of_two_tables_that_no_batch_holds_goes_open_or_not_at_all(
    db: Database, table: str, root: int, nullable: str
) -> None:
    """Where a department is found by its manager alone, that reference cannot be given up."""
    customers(db)
    departments(db, {n: 10 + n for n in each(5)}, {10 + n: n % 5 + 1 for n in each(5)}, nullable)
    db.execute(f"ALTER TABLE dept ADD customer_id {db.either(mysql='BIGINT', postgres='bigint')}")
    db.add_reference("dept", Reference("customer_id", "customer", "cascade"))
    db.execute("UPDATE dept SET customer_id = 1 WHERE id = 3")
    before = db.application_contents()
    job = delete(db, table, root, 9)
    if nullable and table != "employee":
        counts = {"badge": 5, "employee": 5, "dept": 5, "customer": int(table == "customer")}
        gone(db, job, **{name: count for name, count in counts.items() if count})
    else:
        refused(db, job, before, "dept", "employee", "fk_dept_manager_id", "fk_employee_dept_id")
        assert "10 rows of " in (job.error or "") or db.engine == "mysql"


def test_a_circle_of_three_tables_that_no_batch_holds_deletes_nothing(db: Database) -> None:
    customers(db)
    names = ("team", "member", "seat")
    for table, above in zip(names, (None, "team", "member"), strict=True):
        owner = [Reference("customer_id", "customer", "cascade")] if above is None else []
        first = "customer_id bigint null" if above is None else f"{above}_id bigint"
        db.table(
            table,
            "id bigint",
            first,
            "back_id bigint",
            references=[*owner, *([Reference(f"{above}_id", above, "cascade")] if above else [])],
            # Only the first team is the customer's; one more row hangs from each.
            rows=[
                (n, (1 if n == 1 else None) if above is None else min(n, 4), n % 4 + 1)
                for n in each(4 if above is None else 5)
            ],
        )
    db.add_reference("team", Reference("back_id", "seat", "cascade"))
    before = db.application_contents()
    job = delete(db, "customer", 1, 11)
    refused(db, job, before, *names, "fk_team_back_id", "fk_member_team_id", "fk_seat_member_id")
    db.set_deletion_setting("batch_rows", 12)
    db.retry_deletion(job.id)
    db.run()
    gone_together(db, db.job(job.id), before, team=4, member=5, seat=5, customer=1)


@pytest.mark.parametrize("batch_rows", [2, 7, 5000])
def test_small_circles_go_though_all_of_them_are_more_than_a_batch(
    db: Database, batch_rows: int
) -> None:
    customers(db)
    departments(
        db,
        {n: 10 * n for n in each(30)},
        {10 * n + i: n for n in each(30) for i in range(3)},
        nullable="",
    )
    db.execute(f"ALTER TABLE dept ADD customer_id {db.either(mysql='BIGINT', postgres='bigint')}")
    db.add_reference("dept", Reference("customer_id", "customer", "cascade"))
    db.execute("UPDATE dept SET customer_id = 1 WHERE id < 30")
    before = db.application_contents()
    job = delete(db, "customer", 1, batch_rows)
    gone_together(db, job, before, badge=87, employee=87, dept=29, customer=1)
    assert ids(db, "dept") == [30] or db.engine == "mysql"


@pytest.mark.parametrize("batch_rows", [2, 5, 5000])
def test_small_circles_that_hang_from_each_other_go(db: Database, batch_rows: int) -> None:
    db.table(
        "person",
        "id bigint",
        "spouse_id bigint",
        "above_id bigint",
        # Couples; the first of each hangs from the first of the couple before.
        rows=[(n, n + 1 if n % 2 else n - 1, max(1, n - 2) if n % 2 else n) for n in each(60)],
    )
    db.add_reference("person", Reference("spouse_id", "person", "cascade"))
    db.add_reference("person", Reference("above_id", "person", "cascade"))
    before = db.application_contents()
    gone_together(db, delete(db, "person", 11, batch_rows), before, person=50)
    assert ids(db, "person") == list(each(10)) or db.engine == "mysql"


@pytest.mark.parametrize("batch_rows", [2, 5, 5000])
@pytest.mark.parametrize("action", ["no action", "restrict"])
def test_pairs_that_keep_each_other_go_though_all_are_more_than_a_batch(
    db: Database, action: str, batch_rows: int
) -> None:
    """Neither is found by the other: both hang from the customer, one of them by way of a box."""
    customers(db)
    db.table(
        "box",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 1), (3, 2)],
    )
    db.table(
        "plug",
        "id bigint",
        "customer_id bigint",
        "socket_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1 if n < 11 else 2, n) for n in each(12)],
    )
    db.table(
        "socket",
        "id bigint",
        "box_id bigint",
        "plug_id bigint",
        references=[Reference("box_id", "box", "cascade"), Reference("plug_id", "plug", action)],
        rows=[(n, 1 + n % 2 if n < 11 else 3, n) for n in each(12)],
    )
    db.add_reference("plug", Reference("socket_id", "socket", action))
    before = db.application_contents()
    job = delete(db, "customer", 1, batch_rows)
    gone_together(db, job, before, plug=10, socket=10, box=2, customer=1)
    if db.engine == "postgres":
        assert (ids(db, "plug"), ids(db, "socket"), ids(db, "box")) == ([11, 12], [11, 12], [3])


@pytest.mark.parametrize("batch_rows", [3, 5000])
@pytest.mark.parametrize("action", ["no action", "restrict"])
def test_rings_that_keep_their_rows_go_though_all_are_more_than_a_batch(
    db: Database, action: str, batch_rows: int
) -> None:
    customers(db)
    db.table(
        "employee",
        "id bigint",
        "customer_id bigint",
        "peer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        # In threes; the last three are another customer's.
        rows=[(n, 1 if n < 28 else 2, n + 1 if n % 3 else n - 2) for n in each(30)],
    )
    db.add_reference("employee", Reference("peer_id", "employee", action))
    before = db.application_contents()
    job = delete(db, "customer", 1, batch_rows)
    gone_together(db, job, before, employee=27, customer=1)
    assert ids(db, "employee") == [28, 29, 30] or db.engine == "mysql"


@pytest.mark.parametrize("batch_rows", [3, 7, 5000])
def test_small_circles_go_that_a_column_which_may_be_null_ties_to_a_large_one(
    db: Database, batch_rows: int
) -> None:
    customers(db)
    departments(db, {n: 10 * n for n in each(20)}, {10 * n: n for n in each(20)}, nullable="")
    for column in ("customer_id", "next_id"):
        db.execute(f"ALTER TABLE dept ADD {column} {db.either(mysql='BIGINT', postgres='bigint')}")
    db.add_reference("dept", Reference("customer_id", "customer", "cascade"))
    db.add_reference("dept", Reference("next_id", "dept", "cascade"))
    db.execute("UPDATE dept SET customer_id = 1, next_id = id % 19 + 1 WHERE id < 20")
    before = db.application_contents()
    job = delete(db, "customer", 1, batch_rows)
    gone_together(db, job, before, badge=19, employee=19, dept=19, customer=1)
    assert ids(db, "dept") == [20] or db.engine == "mysql"


@pytest.mark.parametrize("cancelled_after", range(1, 9))
def test_a_row_of_two_jobs_goes_by_one_where_the_other_is_cancelled(
    db: Database, cancelled_after: int
) -> None:
    """For the one job no reference is given up in a row that is on the stack for the other."""
    customers(db)
    departments(db, {1: None, 2: 11}, {11: 1, 12: 1, 21: 2, 22: 2})
    db.execute(f"ALTER TABLE dept ADD customer_id {db.either(mysql='BIGINT', postgres='bigint')}")
    db.add_reference("dept", Reference("customer_id", "customer", "cascade"))
    db.execute("UPDATE dept SET customer_id = id")
    db.set_deletion_setting("batch_rows", 2)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    steps = Steps(db)
    steps.claim()
    state = "more"
    for _ in range(cancelled_after):
        state = steps.step() if state == "more" else state
    if db.status(jobs[1]) in {"pending", "running"}:
        db.cancel_deletion(jobs[1])
    if state == "more":
        steps.finish()
    db.run()
    assert db.job(jobs[0]).status == "done", db.job(jobs[0]).error
    assert db.status(jobs[1]) in {"done", "cancelled"}
    assert (ids(db, "dept"), ids(db, "employee")) == ([], [])
    assert sum(db.receipts(job).get(("dept", "delete"), 0) for job in jobs) == 2


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("as they are", ["fk_node_kind_id", "fk_node_up_id"]),
        ("discriminator", ["fk_node_up_id"]),
        ("declared", ["fk_node_up_id"]),
        ("generated", ["fk_node_up_id"]),
        ("found by", ["fk_node_up_id"]),
    ],
)
def test_a_column_that_says_what_else_a_row_is_opens_no_circle(
    db: Database, case: str, expected: list[str]
) -> None:
    customers(db)
    db.table(
        "node",
        "id bigint",
        "customer_id bigint null",
        "up_id bigint null",
        "kind_id bigint null",
        unique=["kind_id"],
        references=[Reference("customer_id", "customer", "cascade")],
    )
    for column in ("up_id", "kind_id"):
        db.add_reference("node", Reference(column, "node", "cascade"))
    db.table("memo", "id bigint", "node_kind bigint null")
    if case == "discriminator":
        db.declare_deletion_reference(
            "about", "memo", ["node_kind"], "customer", ["id"], "cascade", "id", "1"
        )
        db.declare_deletion_reference(
            "of_kind", "node", ["up_id"], "memo", ["id"], "keep", "kind_id", "1"
        )
    elif case == "declared":
        db.declare_deletion_reference("of", "memo", ["node_kind"], "node", ["kind_id"], "keep")
    elif case == "generated":
        db.script(
            mysql="ALTER TABLE node ADD twice BIGINT AS (kind_id * 2) VIRTUAL",
            postgres="ALTER TABLE node ADD twice bigint GENERATED ALWAYS AS (kind_id * 2) STORED",
        )
    elif case == "found by":
        db.declare_deletion_reference("by", "node", ["kind_id"], "customer", ["id"], "cascade")
    db.compile_deletion_plan("customer")
    assert (
        db.column(
            "SELECT reference_name FROM vw_deletion_plan WHERE kind = 'loose'"
            " AND entity_table = 'customer' ORDER BY reference_name"
        )
        == expected
    )


@pytest.mark.parametrize("batch_rows", BATCHES)
@pytest.mark.parametrize("count", [1, 4])
def test_a_row_that_keeps_what_hangs_from_its_own_child_goes(
    db: Database, batch_rows: int, count: int
) -> None:
    """Task 2 keeps the paper of task 1, which comes after task 2; task 1 is in a folder as well.

    So task 1 has to let go of task 2, though nothing of it is on the stack when that turns up.
    """
    customers(db, 2)
    folder = Reference("customer_id", "customer", "cascade")
    db.table("folder", "id bigint", "customer_id bigint", references=[folder])
    db.insert("folder", [(2 * n + side, 1) for n in range(count) for side in (1, 2)])
    db.table("paper", "id bigint", "task_id bigint null")
    db.table(
        "task",
        "id bigint",
        "folder_id bigint",
        "after_id bigint null",
        "paper_id bigint",
        references=[
            Reference("folder_id", "folder", "cascade"),
            Reference("after_id", "task", "cascade"),
            Reference("paper_id", "paper", "no action"),
        ],
    )
    db.insert("paper", [(n + 1, None) for n in range(count)] + [(99, None)])
    for n in range(count):
        db.insert(
            "task", [(2 * n + 2, 2 * n + 2, None, n + 1), (2 * n + 1, 2 * n + 1, 2 * n + 2, 99)]
        )
        db.execute(f"UPDATE paper SET task_id = {2 * n + 1} WHERE id = {n + 1}")
    db.add_reference("paper", Reference("task_id", "task", "cascade"))
    job = delete(db, "customer", 1, batch_rows)
    gone(db, job, customer=1, folder=2 * count, task=2 * count, paper=count)
    assert ids(db, "paper") == [99]


@pytest.mark.parametrize("batch_rows", BATCHES)
@pytest.mark.parametrize("is_hard", [False, True])
def test_a_row_that_could_be_let_go_of_in_two_ways_keeps_one(
    db: Database, batch_rows: int, is_hard: bool
) -> None:
    """Part 1 hangs from part 2 and from its own kit, and each of them would let go of it.

    Only where a part refers to itself in a way that is never NULL does PostgreSQL come by the kit.
    """
    part = "part"
    db.table("shop", "id bigint", rows=[(1,)])
    db.table(
        part,
        "id bigint",
        "shop_id bigint null",
        "part_id bigint null",
        "kit_id bigint null",
        "own_id bigint",
        references=[
            Reference("shop_id", "shop", "cascade"),
            Reference("part_id", part, "cascade"),
        ],
    )
    db.table(
        "kit",
        "id bigint",
        "shop_id bigint",
        "part_id bigint",
        references=[
            Reference("shop_id", "shop", "cascade"),
            Reference("part_id", part, "cascade"),
        ],
    )
    db.insert(part, [(1, None, None, None, 1), (2, 1, 1, None, 2)])
    db.insert("kit", [(1, 1, 1)])
    db.execute("UPDATE part SET part_id = 2, kit_id = 1 WHERE id = 1")
    db.add_reference(part, Reference("kit_id", "kit", "cascade"))
    if is_hard and db.engine == "postgres":
        db.add_reference(part, Reference("own_id", part, "no action"))
    gone(db, delete(db, "shop", 1, batch_rows), shop=1, part=2, kit=1)


@pytest.mark.parametrize("batch_rows", [2, 5000])
@pytest.mark.parametrize("staff", [0, 7])
def test_jobs_of_a_set_take_no_row_out_of_each_others_reach(
    db: Database, batch_rows: int, staff: int
) -> None:
    """Either job alone deletes both teams: each would open the circle where the other comes in."""
    db.table("shop", "id bigint", rows=[(1,), (2,)])
    db.table(
        "team",
        "id bigint",
        "shop_id bigint null",
        "keeps_id bigint null",
        "up_id bigint null",
        references=[
            Reference("shop_id", "shop", "cascade"),
            Reference("keeps_id", "team", "restrict"),
            Reference("up_id", "team", "cascade"),
        ],
    )
    db.table(
        "staff",
        "id bigint",
        "team_id bigint",
        "other_id bigint",
        references=[
            Reference("team_id", "team", "cascade"),
            Reference("other_id", "team", "no action"),
        ],
    )
    db.insert("team", [(1, 1, None, None), (2, 2, 1, 1)])
    db.execute("UPDATE team SET up_id = 2, keeps_id = 2 WHERE id = 1")
    db.insert("staff", [(n, n % 2 + 1, n // 2 % 2 + 1) for n in range(staff)])
    db.register_deletion_target("shop")
    db.set_deletion_setting("batch_rows", batch_rows)
    jobs = [db.enqueue_deletion("shop", n) for n in (1, 2)]
    db.run()
    assert [(db.status(job), db.job(job).error) for job in jobs] == [("done", None)] * 2
    assert db.count("team") == db.count("staff") == db.count("shop") == 0
    found = [db.receipts(job).get(("team", "delete"), 0) for job in jobs]
    assert sum(found) == 2


@pytest.mark.parametrize("steps_before", range(1, 14, 2))
def test_a_job_that_is_cancelled_takes_no_row_out_of_another_s_reach(
    db: Database, steps_before: int
) -> None:
    """Job 2 would let go of area 1, by which job 1 reaches it."""
    db.table("shop", "id bigint", rows=[(1,), (2,)])
    shop = Reference("shop_id", "shop", "cascade")
    db.table("area", "id bigint", "shop_id bigint", "paper_id bigint null", references=[shop])
    db.table(
        "paper",
        "id bigint",
        "area_id bigint null",
        "keeps_id bigint",
        references=[
            Reference("area_id", "area", "cascade"),
            Reference("keeps_id", "area", "no action"),
        ],
    )
    db.insert("area", [(1, 2, None), (2, 2, None), (3, 1, None)])
    db.insert("paper", [(2, 3, 3), (4, 1, 1), (5, 1, 1)])
    db.execute("UPDATE area SET paper_id = 2 WHERE id = 1")
    db.execute("UPDATE area SET paper_id = 4 WHERE id = 3")
    db.add_reference("area", Reference("paper_id", "paper", "cascade"))
    db.register_deletion_target("shop")
    db.set_deletion_setting("batch_rows", 2)
    jobs = [db.enqueue_deletion("shop", n) for n in (1, 2)]
    steps = Steps(db.connect())
    steps.claim()
    state = "more"
    for _ in range(steps_before):
        state = steps.step() if state in {"more", "retry"} else state
    if db.status(jobs[1]) != "done":
        db.cancel_deletion(jobs[1])
    while state in {"more", "retry"}:
        state = steps.step()
    db.run()
    assert (db.status(jobs[0]), db.job(jobs[0]).error) == ("done", None)
    assert set(ids(db, "area")) <= {2}
    assert db.count("paper") == 0


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_list_linked_both_ways_goes_from_its_middle(db: Database, batch_rows: int) -> None:
    count = 40
    db.table(
        "item",
        "id bigint",
        "before_id bigint null",
        "after_id bigint null",
        rows=[(n, n - 1 or None, n % count + 1 if n < count else None) for n in each(count)],
    )
    db.add_reference("item", Reference("before_id", "item", "cascade"))
    db.add_reference("item", Reference("after_id", "item", "cascade"))
    gone(db, delete(db, "item", 17, batch_rows), item=count)


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_rows_of_tables_in_a_circle_that_are_in_none_go(db: Database, batch_rows: int) -> None:
    departments(db, {1: None, 2: 11, 3: 21}, {10: 1, 11: 1, 20: 2, 21: 2, 30: 3, 31: 3})
    gone(db, delete(db, "dept", 1, batch_rows), badge=6, employee=6, dept=3)


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_circle_through_three_tables_goes(db: Database, batch_rows: int) -> None:
    customers(db)
    db.table(
        "team",
        "id bigint",
        "customer_id bigint",
        "head_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1, 1), (2, 1, 3), (3, 2, None)],
    )
    db.table(
        "member",
        "id bigint",
        "team_id bigint",
        references=[Reference("team_id", "team", "cascade")],
        rows=[(1, 1), (2, 1), (3, 2), (4, 3)],
    )
    db.table(
        "employee",
        "id bigint",
        "member_id bigint null",
        references=[Reference("member_id", "member", "cascade")],
        rows=[(1, 1), (2, 2), (3, 3), (4, 4), (5, None)],
    )
    db.add_reference("team", Reference("head_id", "employee", "no action"))
    gone(
        db,
        delete(db, "customer", 1, batch_rows),
        employee=3,
        member=3,
        team=2,
        customer=1,
    )
    assert (ids(db, "team"), ids(db, "member"), ids(db, "employee")) == ([3], [4], [4, 5])


@pytest.mark.parametrize("batch_rows", [2, 3])
def test_a_worker_that_dies_among_circles_leaves_nothing_behind(
    db: Database, batch_rows: int
) -> None:
    departments(db, {1: 11, 2: 21, 3: 12}, {10: 1, 11: 1, 12: 1, 30: 3, 31: 3, 20: 2, 21: 2})
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", batch_rows)
    job_id = db.enqueue_deletion("dept", 1)
    for _ in range(40):
        session = db.connect()
        steps = Steps(session)
        if db.status(job_id) == "done":
            break
        steps.claim()
        # Two steps more than the last one could do before it died.
        for _ in range(4):
            if steps.step() != "more":
                break
        db.end_session(session)
        recover_all(db)
        db.execute("UPDATE deletion_jobs SET scheduled_at = NULL")
    gone(db, db.job(job_id), badge=5, employee=5, dept=2)
    assert (ids(db, "dept"), ids(db, "employee")) == ([2], [20, 21])


def opened(db: Database) -> tuple[Database, int]:
    """Work at departments until one has given up its manager and is still there."""
    departments(db, {1: 11, 2: 21}, {10: 1, 11: 1, 12: 1, 20: 2, 21: 2})
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", 1)
    job_id = db.enqueue_deletion("dept", 1)
    session = db.connect()
    steps = Steps(session)
    steps.claim()
    while not db.count("dept", "id = 1 AND manager_id IS NULL"):
        assert steps.step() == "more"
    return session, job_id


def test_a_worker_that_dies_after_it_opened_a_circle_leaves_it_to_the_next(db: Database) -> None:
    session, job_id = opened(db)
    db.end_session(session)
    recover_all(db)
    db.run()
    gone(db, db.job(job_id), badge=3, employee=3, dept=1)
    assert (ids(db, "dept"), ids(db, "employee")) == ([2], [20, 21])


def test_what_was_opened_and_cancelled_goes_when_the_job_is_retried(db: Database) -> None:
    session, job_id = opened(db)
    db.end_session(session)
    db.cancel_deletion(job_id)
    recover_all(db)
    db.run()
    assert (db.status(job_id), ids(db, "dept")) == ("cancelled", [1, 2])
    db.retry_deletion(job_id)
    db.run()
    assert (db.status(job_id), ids(db, "dept"), ids(db, "employee")) == ("done", [2], [20, 21])


def test_a_row_that_leaves_the_circle_between_two_steps_stays(db: Database) -> None:
    departments(db, {1: 11, 2: None}, {10: 1, 11: 1, 12: 1, 13: 1})
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", 1)
    job_id = db.enqueue_deletion("dept", 1)
    steps = Steps(db)
    steps.claim()
    while 10 in ids(db, "employee"):
        assert steps.step() == "more"
    db.execute("UPDATE employee SET dept_id = 2 WHERE id = 13")
    steps.finish()
    assert (db.job(job_id).status, db.job(job_id).error) == ("done", None)
    assert (ids(db, "dept"), ids(db, "employee")) == ([2], [13])
    assert 13 in ids(db, "badge") or db.receipts(job_id)["badge", "delete"] == 4


def test_a_row_that_comes_into_a_stored_circle_goes_and_is_counted(db: Database) -> None:
    departments(db, {1: 11, 2: None}, {10: 1, 11: 1, 12: 1, 20: 2}, nullable="null")
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", 1)
    job_id = db.enqueue_deletion("dept", 1)
    steps = Steps(db)
    steps.claim()
    while 10 in ids(db, "employee"):
        assert steps.step() == "more"
    db.execute("UPDATE employee SET dept_id = 1 WHERE id = 20")
    db.execute("UPDATE dept SET manager_id = 20 WHERE id = 2")
    steps.finish()
    gone(db, db.job(job_id), badge=4, employee=4, dept=2)


def test_a_row_that_is_its_own_parent_goes_where_rules_override_the_keys(db: Database) -> None:
    """Drawn at random: MySQL's own cascade, which no rule turns off, got lost in such a row."""
    db.table(
        "node",
        "id bigint",
        "first_id bigint null",
        "second_id bigint null",
        rows=[(1, 1, 1), (2, 1, 1), (3, None, 2), (4, 4, 4)],
    )
    for column in ("first_id", "second_id"):
        db.add_reference("node", Reference(column, "node", "cascade"))
        name = db.reference_name("node", Reference(column, "node", "cascade"))
        db.set_deletion_rule("node", name, "set_null")
    job = delete(db, "node", 1, 2)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "node") == [2, 3, 4]
    assert db.rows("SELECT first_id, second_id FROM node WHERE id = 2") == [(None, None)]


@pytest.mark.parametrize("nullable", ["null", ""])
@pytest.mark.parametrize("held", [20, 12])
def test_a_hold_that_comes_while_a_circle_goes_leaves_it_one(
    db: Database, held: int, nullable: str
) -> None:
    """A run that goes back to its check still knows afterwards that its rows go in circles."""
    departments(db, {1: 11, 2: 21}, {10: 1, 11: 1, 12: 1, 20: 2, 21: 2}, nullable=nullable)
    db.register_deletion_target("dept")
    db.set_deletion_setting("batch_rows", 2)
    before = db.application_contents()
    job_id = db.enqueue_deletion("dept", 1)
    steps = Steps(db.connect())
    steps.claim()
    # Of rows that cannot be parted MySQL takes none.
    while db.count("badge") == 5 and steps.step() == "more":
        pass
    db.hold_deletion("badge", held)
    steps.finish()
    job = db.job(job_id)
    if nullable == "" and db.engine == "mysql":
        refused(db, job, before)
    elif held == 20:
        gone(db, job, badge=3, employee=3, dept=1)
    else:
        assert (job.status, (job.error or "")[:22]) == ("failed", "JD006: held: badge 12 ")
        assert set(ids(db, "badge")) >= {12, 20, 21}
        assert {12, 20, 21} <= set(ids(db, "employee"))
        assert ids(db, "dept") == [1, 2]
        db.release_deletion_hold("badge", held)
        db.retry_deletion(job_id)
        db.run()
        gone(db, db.job(job_id), badge=3, employee=3, dept=1)


@pytest.mark.parametrize("batch_rows", [3, 4, 6, 10, 5000])
def test_rows_outside_of_a_circle_let_go_of_it(db: Database, batch_rows: int) -> None:
    """Two circles of four rows each, the second below the first; row 8 stands above both.

    Row 8 refers to a row of the second circle. Taken along with it, it would bring the first.
    """
    customers(db)
    db.table("part", "id bigint", "customer_id bigint null", "step_id bigint null")
    db.table("step", "id bigint", "part_id bigint", "after_id bigint null")
    db.insert("part", [(n, {6: 1, 8: 1}.get(n), None) for n in (0, 1, 6, 7, 8, 9, 10)])
    db.insert("step", [(1, 1, 0), (2, 9, 8), (4, 1, 10), (5, 7, 0), (6, 6, 0)])
    for part, step in {0: 2, 1: 4, 6: 6, 8: 1, 9: 5, 10: 1}.items():
        db.execute("UPDATE part SET step_id = %s WHERE id = %s", step, part)
    db.add_reference("part", Reference("customer_id", "customer", "cascade"))
    db.add_reference("part", Reference("step_id", "step", "cascade"))
    db.add_reference("step", Reference("part_id", "part", "cascade"))
    db.add_reference("step", Reference("after_id", "part", "cascade"))
    before = db.application_contents()
    job = delete(db, "customer", 1, batch_rows)
    if db.engine == "mysql" or batch_rows < 4:
        assert (job.status, (job.error or "")[:7]) == ("failed", "JD007: ")
        assert (db.receipts(job.id), db.application_contents()) == ({}, before)
    else:
        gone(db, job, part=6, step=5, customer=1)
        assert ids(db, "part") == [7]
