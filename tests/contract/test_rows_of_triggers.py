"""Rows that the application's triggers add below rows that are about to go.

Whatever the engine would do with them (delete them, set them NULL, refuse), they end as the plan
says, and are counted.
"""

import pytest

from tests.contract.schemas import children, customers
from tests.database import Database, Reference

# What a reference says itself, and the rule for it: cascade where the rows go.
ENDS = [
    ("cascade", "set_null"),
    ("cascade", "scrub"),
    ("set null", "cascade"),
    ("set null", "scrub"),
    ("no action", "cascade"),
    ("no action", "set_null"),
    ("no action", "scrub"),
    ("declared", "cascade"),
    ("declared", "set_null"),
]
ALL_ENDS = pytest.mark.parametrize(("on_delete", "action"), ENDS)
# The last as the engine would do itself.
OWN_ENDS = pytest.mark.parametrize(("on_delete", "action"), [*ENDS, ("set null", "set_null")])
LEVELS = 30


def log_of(db: Database, parent: str, on_delete: str, action: str) -> None:
    """Make a_log (id, about, who), whose rows refer to a parent, and what a job does with them."""
    reference = Reference("about", parent, on_delete)
    db.table(
        "a_log",
        "id bigint",
        "about bigint null",
        "who text null",
        references=[] if on_delete == "declared" else [reference],
    )
    if on_delete == "declared":
        db.execute("CREATE INDEX a_log_about ON a_log (about)")
        db.declare_deletion_reference("about", "a_log", ["about"], parent, ["id"], action)
    else:
        scrub = {"who": None} if action == "scrub" else None
        db.set_deletion_rule("a_log", db.reference_name("a_log", reference), action, scrub)


def trigger(db: Database, table: str, *statements: str) -> None:
    """Run statements after each row of a table that goes; OLD is the row."""
    body = "; ".join(statements)
    db.script(
        mysql=f"CREATE TRIGGER gone AFTER DELETE ON {table} FOR EACH ROW BEGIN {body}; END",
        postgres="CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        f" $$ BEGIN {body}; RETURN NULL; END $$;"
        f" CREATE TRIGGER gone AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION gone()",
    )


def left(ids: list[int], action: str) -> list[tuple[int, None, str | None]]:
    """Say what is left of rows of the log that a job has met."""
    who = None if action == "scrub" else "Bob"
    return [] if action == "cascade" else [(number, None, who) for number in ids]


def receipt(action: str) -> str:
    """Name what a receipt counts."""
    return "delete" if action == "cascade" else action


def logged(db: Database) -> list[tuple[int, int | None, str | None]]:
    """Read the log."""
    return [tuple(row) for row in db.rows("SELECT id, about, who FROM a_log ORDER BY id")]


@pytest.mark.parametrize("batch_ms", [1, 250])
@OWN_ENDS
def test_below_the_next_level_of_a_chain(
    db: Database, on_delete: str, action: str, batch_ms: int
) -> None:
    """In one step, and in as many as there are moves, with the frames stored between them."""
    db.set_deletion_setting("batch_ms", batch_ms)
    db.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=[(1, None), *[(n, n - 1) for n in range(2, LEVELS + 1)]],
    )
    log_of(db, "post", on_delete, action)
    trigger(db, "post", "INSERT INTO a_log VALUES (OLD.id, OLD.parent_id, 'Bob')")
    db.register_deletion_target("post")
    job = db.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    # The root's own has no parent.
    assert db.receipts(job.id) == {
        ("post", "delete"): LEVELS,
        ("a_log", receipt(action)): LEVELS - 1,
    }
    others = left(list(range(2, LEVELS + 1)), action)
    assert logged(db) == [(1, None, "Bob"), *others]


@OWN_ENDS
def test_below_the_next_level_of_a_tree(db: Database, on_delete: str, action: str) -> None:
    rows = 700
    db.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=[(1, None), *[(n, (n + 1) // 3) for n in range(2, rows + 1)]],
    )
    log_of(db, "post", on_delete, action)
    trigger(db, "post", "INSERT INTO a_log VALUES (OLD.id, OLD.parent_id, 'Bob')")
    db.register_deletion_target("post")
    job = db.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("post", "delete"): rows,
        ("a_log", receipt(action)): rows - 1,
    }
    assert logged(db) == [(1, None, "Bob"), *left(list(range(2, rows + 1)), action)]


@ALL_ENDS
def test_below_rows_that_the_engine_would_take_along(
    db: Database, on_delete: str, action: str
) -> None:
    """The log hangs from comments, which a trigger adds as well, and those from the root."""
    customers(db, 3)
    children(db, "remark", {})
    log_of(db, "remark", on_delete, action)
    children(db, "visit", {1: 1, 2: 1, 3: 1})
    db.table(
        "visit_line",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, n) for n in (1, 2, 3)],
    )
    trigger(
        db,
        "visit",
        "INSERT INTO remark VALUES (OLD.id, OLD.customer_id)",
        "INSERT INTO a_log VALUES (OLD.id, OLD.id, 'Bob')",
    )
    db.register_deletion_target("customer")
    # From the second job on it is known that all of it fits one transaction.
    for root in (1, 2, 3):
        job = db.delete("customer", root)
        assert (job.status, job.error) == ("done", None)
        assert db.receipts(job.id) == {
            **{(name, "delete"): 1 for name in ("customer", "visit", "visit_line", "remark")},
            ("a_log", receipt(action)): 1,
        }
    assert logged(db) == left([1, 2, 3], action)


@ALL_ENDS
def test_below_rows_that_the_engine_would_take_along_with_a_chain(
    db: Database, on_delete: str, action: str
) -> None:
    db.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=[(1, None), *[(n, n - 1) for n in range(2, LEVELS + 1)]],
    )
    db.table(
        "remark",
        "id bigint",
        "post_id bigint null",
        references=[Reference("post_id", "post", "cascade")],
    )
    log_of(db, "remark", on_delete, action)
    trigger(
        db,
        "post",
        "INSERT INTO remark VALUES (OLD.id, OLD.parent_id)",
        "INSERT INTO a_log VALUES (OLD.id, OLD.id, 'Bob')",
    )
    db.register_deletion_target("post")
    job = db.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("post", "delete"): LEVELS,
        ("remark", "delete"): LEVELS - 1,
        ("a_log", receipt(action)): LEVELS - 1,
    }
    assert logged(db) == [(1, 1, "Bob"), *left(list(range(2, LEVELS + 1)), action)]


@pytest.mark.parametrize("on_delete", ["cascade", "set null", "declared"])
def test_a_row_that_blocks_is_not_taken_by_the_engine(db: Database, on_delete: str) -> None:
    customers(db, 2)
    children(db, "remark", {})
    log_of(db, "remark", on_delete, "restrict")
    children(db, "visit", {1: 1, 2: 1})
    db.table(
        "visit_line",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, n) for n in (1, 2)],
    )
    db.register_deletion_target("customer")
    assert db.delete("customer", 1).status == "done"
    trigger(
        db,
        "visit",
        "INSERT INTO remark VALUES (OLD.id, OLD.customer_id)",
        "INSERT INTO a_log VALUES (OLD.id, OLD.id, 'Bob')",
    )
    job = db.delete("customer", 2)
    assert job.status == "failed"
    assert "a_log" in str(job.error)
    assert db.column("SELECT id FROM customer") == db.column("SELECT id FROM visit") == [2]
    assert logged(db) == []


@pytest.mark.parametrize("on_delete", ["cascade", "set null", "no action", "restrict"])
@pytest.mark.parametrize("table", ["visit", "detail", "note"])
def test_behind_an_emptied_reference(db: Database, on_delete: str, table: str) -> None:
    customers(db, 2)
    log = Reference("customer_id", "customer", on_delete)
    db.table("a_log", "id bigint", "customer_id bigint null", references=[log])
    parent = "customer"
    for child in ("visit", "detail", "note", "mark"):
        db.table(
            child,
            "id bigint",
            f"{parent}_id bigint",
            references=[Reference(f"{parent}_id", parent, "cascade")],
            rows=[(n, n) for n in (1, 2)],
        )
        parent = child
    if on_delete != "cascade":
        db.set_deletion_rule("a_log", db.reference_name("a_log", log), "cascade")
    trigger(db, table, "INSERT INTO a_log VALUES (OLD.id, OLD.id)")
    db.register_deletion_target("customer")
    # The second job knows from the first that all of it fits one transaction.
    for root in (1, 2):
        job = db.delete("customer", root)
        assert (job.status, job.error) == ("done", None)
        found = db.receipts(job.id)
        # MySQL itself may take it as the plan would, and then it goes uncounted.
        if on_delete == "cascade" and db.engine == "mysql":
            found["a_log", "delete"] = 1
        assert found == {
            (name, "delete"): 1 for name in ("customer", "a_log", "visit", "detail", "note", "mark")
        }
    assert db.count("a_log") == 0
