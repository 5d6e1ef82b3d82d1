"""References over the same columns: one deletes the row, or sets it, and another sets it too."""

from collections.abc import Sequence

import pytest

from tests.contract.schemas import ids, in_small_steps
from tests.contract.steps import Steps
from tests.database import Database, Reference


@pytest.mark.parametrize("action", ["set null", "set null by rule", "scrub"])
def test_a_row_in_a_circle_goes_though_its_column_could_be_set(db: Database, action: str) -> None:
    db.table("top", "id bigint", rows=[(1,)])
    db.table(
        "leaf", "id bigint", "top bigint null", "ring bigint null", "up bigint", "note int null"
    )
    db.insert("leaf", [(1, 1, None, 1, 7), (2, None, None, 1, 7)])
    db.execute("UPDATE leaf SET ring = 2 WHERE id = 1")
    # The first in the order of names sets, the second deletes.
    on_delete = action if action == "set null" else "no action"
    db.add_reference("leaf", Reference("top", "top", on_delete, name="a_set"))
    db.add_reference("leaf", Reference("top", "top", "cascade", name="b_cascade"))
    db.add_reference("leaf", Reference("ring", "leaf"))
    db.add_reference("leaf", Reference("up", "leaf", "cascade"))
    db.register_deletion_target("top")
    if action == "scrub":
        db.set_deletion_rule("leaf", "a_set", "scrub", {"note": None})
    elif action == "set null by rule":
        db.set_deletion_rule("leaf", "a_set", "set_null")
    in_small_steps(db)
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("top", 1)
    }
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    assert (db.count("top"), db.count("leaf")) == (0, 0)
    assert db.receipts(job.id) == {("top", "delete"): 1, ("leaf", "delete"): 2}
    assert foreseen == db.receipts(job.id)


def test_a_declared_reference_deletes_its_own_rows_alone(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,)])
    db.table("leaf", "id bigint", "top bigint null", "kind varchar(8)")
    db.insert("leaf", [(1, 1, "ours"), (2, 1, "theirs")])
    db.add_reference("leaf", Reference("top", "top", "set null"))
    db.declare_deletion_reference("d", "leaf", ["top"], "top", ["id"], "cascade", "kind", "ours")
    db.register_deletion_target("top")
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    # Rows of another kind stay, as the key over the same column says.
    assert db.rows("SELECT id, top FROM leaf") == [(2, None)]


def build_far_below(db: Database, *, is_circle: bool) -> None:
    """Make leaf.c refer to top (cascade) and to far (set null), and far hang from leaf or not."""
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("leaf", "id bigint", "c bigint null", rows=[(1, 1)])
    db.table("mid", "id bigint", "up bigint", rows=[(1, 1)])
    db.table("far", "id bigint", "up bigint", rows=[(1, 1), (2, 1)])
    db.add_reference("leaf", Reference("c", "top", "cascade", name="by_top"))
    db.add_reference("leaf", Reference("c", "far", "set null", name="by_far"))
    db.add_reference("mid", Reference("up", "leaf" if is_circle else "top", "cascade"))
    db.add_reference("far", Reference("up", "mid", "cascade"))
    db.register_deletion_target("top")
    in_small_steps(db)


def test_rows_that_wait_for_a_row_below_them_go_with_it(db: Database) -> None:
    build_far_below(db, is_circle=True)
    # What goes in a circle that nothing opens goes in one batch.
    db.set_deletion_setting("batch_rows", 10)
    job = db.delete("top", 1)
    left = db.rows("SELECT id, c FROM leaf")
    if db.engine == "mysql":
        # Neither c nor what leads down to far may be NULL: each would lose its row.
        assert (job.status, (job.error or "")[:5]) == ("failed", "JD007")
        assert (left, db.receipts(job.id)) == ([(1, 1)], {})
    else:
        assert (job.status, job.error, left) == ("done", None, [])
        assert db.receipts(job.id) == {
            ("top", "delete"): 1,
            ("leaf", "delete"): 1,
            ("mid", "delete"): 1,
            ("far", "delete"): 2,
        }


def test_a_row_that_stays_is_not_set_by_what_hangs_below_such_rows(db: Database) -> None:
    build_far_below(db, is_circle=True)
    # It refers to a row that goes, by a key over a column that the same job finds rows by.
    db.insert("leaf", [(2, 2)])
    foreseen = [row for row in db.preview_deletion("top", 1) if row.action == "restrict"]
    assert [(row.reference_name, row.row_count) for row in foreseen] == [("by_far", 1)]
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of leaf behind by_far")
    assert sorted(db.rows("SELECT id, c FROM leaf")) == [(1, 1), (2, 2)]
    assert db.receipts(job.id) == {}


def test_a_row_that_stays_is_set_after_all_that_go(db: Database) -> None:
    build_far_below(db, is_circle=False)
    # Of two rows that hang from top 1 by c one also is what far 1 waits for.
    db.insert("leaf", [(2, 2), (3, 1)])
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("done", None)
    last = db.column(
        "SELECT reference_name FROM vw_deletion_plan WHERE kind = 'set' AND set_order > 0"
    )
    assert last == ["by_far"]
    assert db.rows("SELECT id, c FROM leaf") == [(2, None)]
    assert db.receipts(job.id) == {
        ("top", "delete"): 1,
        ("leaf", "delete"): 2,
        ("leaf", "set_null"): 1,
        ("mid", "delete"): 1,
        ("far", "delete"): 2,
    }
    assert db.count("far") == db.count("mid") == 0


def build_leaves_that_wait(db: Database, *, is_generated: bool = False) -> None:
    """Make leaves 1 and 2 wait for kids, and these for rows that stay; each top has a far row."""
    db.table("top", "id bigint", rows=[(1,), (2,), (3,)])
    db.table("a_far", "id bigint", "top bigint", rows=[(1, 1), (2, 2), (3, 1)])
    db.table("leaf", "id bigint", "c bigint null", "ring bigint null")
    db.insert("leaf", [(1, 1, None), (2, 2, None), (3, 3, None)])
    if is_generated:
        db.execute("ALTER TABLE leaf ADD COLUMN g bigint GENERATED ALWAYS AS (c) STORED")
    db.table("kid", "id bigint", "leaf bigint", rows=[(1, 1), (2, 2)])
    db.table("other", "id bigint", "top bigint null", "kid bigint null", rows=[])
    db.insert("other", [(1, None, 1), (2, 3, 2)])
    db.add_reference("a_far", Reference("top", "top", "cascade"))
    top = "g" if is_generated else "c"
    db.add_reference("leaf", Reference(top, "top", "cascade", name="by_top"))
    # MySQL sets no column NULL by itself that another is made of.
    db.add_reference("leaf", Reference("c", "a_far", name="by_far"))
    db.add_reference("kid", Reference("leaf", "leaf", "cascade"))
    # Tables in a circle have no place in the order of work: a_far comes before leaf.
    db.add_reference("leaf", Reference("ring", "kid"))
    db.add_reference("other", Reference("top", "top", "cascade"))
    db.add_reference("other", Reference("kid", "kid", "set null"))
    db.register_deletion_target("top")
    db.set_deletion_rule("leaf", "by_far", "set_null")
    in_small_steps(db)


def check_leaves(db: Database, jobs: list[int]) -> None:
    """See that leaf 3 stays, set, and nothing else of the two jobs."""
    assert [(db.job(job).status, db.job(job).error) for job in jobs] == [("done", None)] * 2
    assert db.rows("SELECT id, c FROM leaf") == [(3, None)]
    assert sorted(db.rows("SELECT * FROM other")) == [(1, None, None), (2, 3, None)]
    assert db.count("kid") == db.count("a_far") == 0
    assert db.receipts(jobs[1]) == {
        (table, "delete"): 1 for table in ("top", "a_far", "leaf", "kid")
    } | {("other", "set_null"): 1}


@pytest.mark.parametrize("is_set", [False, True])
def test_a_row_that_goes_later_is_not_set_with_those_that_stay(db: Database, is_set: bool) -> None:
    build_leaves_that_wait(db)
    if is_set:
        jobs = [db.enqueue_deletion("top", key) for key in (1, 2)]
        db.run()
    else:
        jobs = [db.delete("top", key).id for key in (1, 2)]
    check_leaves(db, jobs)


def test_what_is_set_last_is_set_last_for_each_root_of_a_run(db: Database) -> None:
    build_leaves_that_wait(db)
    jobs = [db.enqueue_deletion("top", key) for key in (1, 2)]
    steps = Steps(db)
    steps.claim()
    assert steps.step() == "more"
    # As contention would leave it: each root is a frame of its own, one after the other.
    db.observer.execute("UPDATE deletion_runs SET batch_rows = 1")
    steps.finish()
    check_leaves(db, jobs)
    # PostgreSQL removes what may go in circles in runs of one job.
    assert [db.outcomes(job) for job in jobs] == [
        db.either(mysql=["done"], postgres=["returned", "done"])
    ] * 2


def build_team(
    db: Database, *references: Reference, leaf: list[str], rows: Sequence[Sequence[object]]
) -> None:
    """Make near and far rows of top 1 with keys 7, and a leaf that stays and refers to both."""
    db.table("top", "id bigint", rows=[(1,), (7,)])
    db.table("near", "id bigint", "up bigint", rows=[(7, 1)])
    db.table("far", "id bigint", "other bigint", "up bigint", key=("id", "other"), rows=[(7, 7, 1)])
    db.table("leaf", "id bigint", *leaf, rows=rows)
    db.add_reference("near", Reference("up", "top", "cascade"))
    db.add_reference("far", Reference("up", "top", "cascade"))
    for reference in references:
        db.add_reference("leaf", reference)
    db.register_deletion_target("top")
    in_small_steps(db)


def check_foreseen(db: Database, key: int, counts: dict[tuple[str, str], int]) -> None:
    """See that the preview says, and the job does, what is expected."""
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("top", key)
    }
    job = db.delete("top", key)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == foreseen == counts


GOES = {("top", "delete"): 1, ("near", "delete"): 1, ("far", "delete"): 1}


@pytest.mark.parametrize("is_found", [False, True])
@pytest.mark.parametrize("first", ["a", "z"])
def test_what_sets_more_columns_is_not_hidden(db: Database, is_found: bool, first: str) -> None:
    build_team(
        db,
        Reference(("c", "d"), "far", "set null", to=("id", "other"), name="m_far"),
        Reference("d", "near", "set null", name=f"{first}_near"),
        # The leaf hangs from top 7 by c, and top 7 stays.
        *[Reference("c", "top", "cascade", name="by_top")] * is_found,
        leaf=["c bigint null", "d bigint null"],
        rows=[(1, 7, 7)],
    )
    check_foreseen(db, 1, GOES | {("leaf", "set_null"): 1})
    assert db.rows("SELECT * FROM leaf") == [(1, None, None)]


@pytest.mark.parametrize("is_found", [False, True])
@pytest.mark.parametrize("first", ["a", "z"])
def test_what_is_scrubbed_is_scrubbed_whatever_else_sets_it(
    db: Database, is_found: bool, first: str
) -> None:
    build_team(
        db,
        Reference("c", "near", name="m_near"),
        Reference(("c", "d"), "far", "set null", to=("id", "other"), name=f"{first}_far"),
        *[Reference("c", "top", "cascade", name="by_top")] * is_found,
        leaf=["c bigint null", "d bigint null", "note int null"],
        rows=[(1, 7, 7, 5)],
    )
    db.set_deletion_rule("leaf", "m_near", "scrub", {"note": None})
    check_foreseen(db, 1, GOES | {("leaf", "scrub"): 1})
    # Of two that hide each other that which scrubs comes first.
    assert db.rows("SELECT c, note FROM leaf") == [(None, None)]


def test_what_sets_the_same_columns_needs_no_order(db: Database) -> None:
    build_team(
        db,
        Reference("c", "near", "set null", name="a_near"),
        leaf=["c bigint null", "kind varchar(8)"],
        rows=[(1, 7, "ours")],
    )
    db.declare_deletion_reference("d", "leaf", ["c"], "top", ["id"], "set_null", "kind", "ours")
    check_foreseen(db, 1, GOES | {("leaf", "set_null"): 1})
    assert db.value("SELECT max(set_order) FROM vw_deletion_plan") == 0


def test_a_discriminator_that_is_set_hides_no_row(db: Database) -> None:
    build_team(
        db,
        Reference("kind", "near", "set null", name="a_near"),
        leaf=["c bigint null", "kind bigint null"],
        rows=[(1, 1, 7)],
    )
    db.script(mysql="CREATE INDEX i ON leaf (c)", postgres="CREATE INDEX i ON leaf (c)")
    db.declare_deletion_reference("d", "leaf", ["c"], "top", ["id"], "set_null", "kind", "7")
    check_foreseen(db, 1, GOES | {("leaf", "set_null"): 1})
    assert db.rows("SELECT * FROM leaf") == [(1, None, None)]


def test_a_reference_over_a_column_that_is_made_of_another_finds_its_rows(db: Database) -> None:
    build_leaves_that_wait(db, is_generated=True)
    jobs = [db.delete("top", key).id for key in (1, 2)]
    check_leaves(db, jobs)


@pytest.mark.parametrize("default", [1, 2])
def test_a_default_that_could_lead_a_row_into_the_closure_blocks(
    db: Database, default: int
) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,), (3,)])
    db.table("far", "id bigint", "up bigint", rows=[(1, 3), (2, 3), (3, 1)])
    db.table("leaf", "id bigint", f"c bigint null default {default}", rows=[(1, 1), (3, 3)])
    db.add_reference("far", Reference("up", "top", "cascade"))
    db.add_reference("leaf", Reference("c", "top", "cascade", name="by_top"))
    db.add_reference("leaf", Reference("c", "far", name="by_far"))
    db.register_deletion_target("top")
    db.set_deletion_rule("leaf", "by_far", "set_default")
    in_small_steps(db)
    job = db.delete("top", 1)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of leaf behind by_far")
    assert (db.receipts(job.id), db.count("leaf")) == ({}, 2)


def test_rows_set_without_waiting_let_what_stands_above_them_go(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("team", "id bigint", "top bigint", "head bigint null", rows=[])
    db.insert("team", [(1, 1, None), (2, 1, None)])
    db.table("member", "id bigint", "c bigint null", rows=[(1, 1), (2, 2)])
    db.execute("UPDATE team SET head = 1 WHERE id = 1")
    db.add_reference("team", Reference("top", "top", "cascade"))
    db.add_reference("team", Reference("head", "member", "set null"))
    db.add_reference("member", Reference("c", "top", "cascade", name="by_top"))
    db.add_reference("member", Reference("c", "team", "set null", name="by_team"))
    db.register_deletion_target("top")
    in_small_steps(db)
    check_foreseen(
        db,
        1,
        {
            ("top", "delete"): 1,
            ("team", "delete"): 2,
            ("member", "delete"): 1,
            ("member", "set_null"): 1,
        },
    )
    assert db.rows("SELECT * FROM member") == [(2, None)]


@pytest.mark.parametrize("is_found", [False, True])
def test_what_hides_rows_and_is_not_hidden_comes_after(postgres: Database, is_found: bool) -> None:
    db = postgres
    build_team(
        db,
        Reference("c", "near", "set null", name="a_near"),
        *[Reference("d", "top", "cascade", name="by_top")] * is_found,
        leaf=["c bigint null", "d bigint null"],
        rows=[(1, 7, 7)],
    )
    # It refers by both and sets but one; by its name it comes after near.
    columns = ["id bigint", "other bigint", "up bigint"]
    db.table("zfar", *columns, key=("id", "other"), rows=[(7, 7, 1)])
    db.add_reference("zfar", Reference("up", "top", "cascade"))
    db.script(
        postgres="CREATE INDEX ON leaf (c, d); ALTER TABLE leaf ADD CONSTRAINT m_far"
        " FOREIGN KEY (c, d) REFERENCES zfar (id, other) ON DELETE SET NULL (d)"
    )
    check_foreseen(db, 1, GOES | {("zfar", "delete"): 1, ("leaf", "set_null"): 1})
    assert db.rows("SELECT * FROM leaf") == [(1, None, None)]


def test_a_column_that_rows_of_the_same_job_refer_to_is_set(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("leaf", "id bigint", "c bigint null", rows=[(1, 1)])
    unique = "ALTER TABLE leaf ADD UNIQUE (c)"
    db.script(mysql=unique, postgres=unique)
    db.table("kid", "id bigint", "c bigint", "up bigint", rows=[(1, 1, 1)])
    db.add_reference("leaf", Reference("c", "top", "set null"))
    db.add_reference("kid", Reference("c", "leaf", to="c"))
    db.add_reference("kid", Reference("up", "top", "cascade"))
    db.register_deletion_target("top")
    in_small_steps(db)
    counts = {("top", "delete"): 1, ("kid", "delete"): 1, ("leaf", "set_null"): 1}
    check_foreseen(db, 1, counts)


def test_a_default_over_some_columns_leaves_the_order_of_others_alone(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("leaf", "id bigint", "c bigint null", "d bigint null", rows=[(1, 1, None)])
    db.insert("leaf", [(2, 2, 5)])
    db.table("near", "id bigint", "leaf bigint", rows=[(5, 1)])
    db.table("far", "id bigint", "other bigint", "up bigint", key=("id", "other"), rows=[])
    db.add_reference("leaf", Reference("c", "top", "cascade"))
    db.add_reference("near", Reference("leaf", "leaf", "cascade"))
    db.add_reference("leaf", Reference("d", "near", "set null"))
    db.add_reference("far", Reference("up", "top", "cascade"))
    index = "CREATE INDEX icd ON leaf (c, d)"
    db.script(mysql=index, postgres=index)
    db.declare_deletion_reference("x", "leaf", ["c", "d"], "far", ["id", "other"], "set_default")
    db.register_deletion_target("top")
    in_small_steps(db)
    counts = {(table, "delete"): 1 for table in ("top", "leaf", "near")}
    check_foreseen(db, 1, counts | {("leaf", "set_null"): 1})
    assert db.rows("SELECT * FROM leaf") == [(2, 2, None)]


def test_a_generated_column_that_no_reference_uses_blocks_nothing(db: Database) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("person", "id bigint", "top bigint", "boss bigint null", rows=[(1, 1, None)])
    db.insert("person", [(2, 2, 1)])
    db.add_reference("person", Reference("top", "top", "cascade"))
    db.add_reference("person", Reference("boss", "person", "set null"))
    made = "ALTER TABLE person ADD COLUMN has_boss boolean GENERATED ALWAYS AS (boss IS NOT NULL)"
    db.script(mysql=f"{made} VIRTUAL", postgres=f"{made} STORED")
    db.register_deletion_target("top")
    in_small_steps(db)
    counts = {("top", "delete"): 1, ("person", "delete"): 1, ("person", "set_null"): 1}
    check_foreseen(db, 1, counts)
    assert db.rows("SELECT id, boss FROM person") == [(2, None)]


def test_references_that_a_discriminator_tells_apart_do_not_share_their_column(
    db: Database,
) -> None:
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("post", "id bigint", "top bigint", rows=[(1, 1), (2, 2)])
    db.table("comment", "id bigint", "on_id bigint null", "on_kind varchar(8)")
    db.insert("comment", [(1, 1, "post"), (5, 1, "comment"), (6, 2, "post")])
    db.add_reference("post", Reference("top", "top", "cascade"))
    index = "CREATE INDEX io ON comment (on_id, on_kind)"
    db.script(mysql=index, postgres=index)
    for kind, action in (("post", "cascade"), ("comment", "set_null")):
        db.declare_deletion_reference(
            f"on_{kind}", "comment", ["on_id"], kind, ["id"], action, "on_kind", kind
        )
    db.register_deletion_target("top")
    in_small_steps(db)
    counts = {(table, "delete"): 1 for table in ("top", "post", "comment")}
    check_foreseen(db, 1, counts | {("comment", "set_null"): 1})
    assert db.rows("SELECT id, on_id FROM comment ORDER BY id") == [(5, None), (6, 2)]


@pytest.mark.parametrize("column", ["c", "d"])
def test_what_hangs_from_a_root_that_is_gone_is_set_after_what_goes(
    db: Database, column: str
) -> None:
    db.table("top", "id bigint", rows=[(2,)])
    db.table("leaf", "id bigint", "c bigint null", "d bigint null", "kind varchar(8) null")
    db.insert("leaf", [(1, 1, None, "ours"), (2, 2, None, "ours")])
    db.execute(f"INSERT INTO leaf (id, {column}, kind) VALUES (3, 1, 'theirs')")
    index = "CREATE INDEX ic ON leaf (c); CREATE INDEX id ON leaf (d)"
    db.script(mysql=index, postgres=index)
    db.declare_deletion_reference("a", "leaf", ["c"], "top", ["id"], "cascade", "kind", "ours")
    db.declare_deletion_reference("b", "leaf", [column], "top", ["id"], "set_null")
    db.register_deletion_target("top")
    in_small_steps(db)
    check_foreseen(
        db,
        1,
        {("top", "root_not_found"): 0, ("leaf", "delete"): 1, ("leaf", "set_null"): 1},
    )
    assert sorted(db.rows("SELECT id, c, d FROM leaf")) == [(2, 2, None), (3, None, None)]


KINDS = {
    "letters": ("varchar(8)", "post", "POST", "Post"),
    "text": ("text", "post", "POST", "Post"),
    "numbers": ("int", "1", "01", 1),
    "decimals": ("decimal(4, 2)", "1.50", "1.5", 1.5),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_values_of_a_discriminator_that_are_equal_tell_no_references_apart(
    db: Database, kind: str
) -> None:
    type_, first, second, stored = KINDS[kind]
    if db.engine == "postgres" and stored == "Post":
        db.execute(
            "CREATE COLLATION IF NOT EXISTS no_case (provider = icu, locale = 'und-u-ks-level2',"
            " deterministic = false)"
        )
        type_ = f"{type_} COLLATE no_case"
    db.table("top", "id bigint", rows=[(1,), (2,)])
    db.table("leaf", "id bigint", "c bigint null", "ring bigint null", "up bigint")
    db.execute(f"ALTER TABLE leaf ADD kind {type_}")
    for row in [(1, 1, None, 1), (2, None, None, 1), (3, 2, None, 3)]:
        db.execute("INSERT INTO leaf VALUES (%s, %s, %s, %s, %s)", *row, stored)
    db.execute("UPDATE leaf SET ring = 2 WHERE id = 1")
    db.execute("CREATE INDEX ic ON leaf (c)")
    # The first in the order of names sets, the second deletes.
    db.declare_deletion_reference("a", "leaf", ["c"], "top", ["id"], "set_null", "kind", first)
    db.declare_deletion_reference("b", "leaf", ["c"], "top", ["id"], "cascade", "kind", second)
    db.add_reference("leaf", Reference("ring", "leaf"))
    db.add_reference("leaf", Reference("up", "leaf", "cascade"))
    db.register_deletion_target("top")
    in_small_steps(db)
    check_foreseen(db, 1, {("top", "delete"): 1, ("leaf", "delete"): 2})
    assert ids(db, "leaf") == [3]
