"""Tables, columns, references and indexes that change before a run, and in the middle of one.

A job ends right, or fails with a reason; it deletes no row that the catalog as it is now does not
tie to its root, and leaves none behind that it does.
"""

from collections.abc import Callable

import pytest

from tests.contract.schemas import children, customers, ids
from tests.contract.steps import Steps
from tests.database import Database, Job, Reference


def last_job(db: Database) -> Job:
    """Give the job that was asked for last."""
    return db.job(db.value("SELECT MAX(id) FROM deletion_jobs"))


def company(db: Database) -> None:
    """Make customer <- visit <- line, ten visits of two lines, and notes without a foreign key."""
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null",
        "other_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1 + n // 10, 2 - n // 10) for n in range(20)],
    )
    db.execute("CREATE INDEX idx_visit_other ON visit (other_id)")
    db.table(
        "line",
        "id bigint",
        "visit_id bigint null",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(2 * n + i, n) for n in range(20) for i in (0, 1)],
    )
    db.table(
        "note",
        "id bigint",
        "about bigint null",
        "other bigint null",
        rows=[(n, 1 + n // 10, 3 - n // 10) for n in range(20)],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.execute("CREATE INDEX idx_note_other ON note (other)")
    db.declare_deletion_reference(
        "note_about", "note", ["about"], "customer", ["id"], "cascade", None, None
    )


def begun(db: Database) -> Steps:
    """Let a run delete the first rows below customer 1, two at a time."""
    db.set_deletion_setting("batch_rows", 2)
    db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    return steps


def later(db: Database, steps: Steps | None, change: Callable[[Database], None]) -> Job:
    """Change the catalog before the job is claimed, or after its first rows; let it end."""
    if steps is None:
        db.compile_deletion_plan("customer")
        db.enqueue_deletion("customer", 1)
        change(db.observer)
    else:
        change(db.observer)
        steps.finish()
    db.run()
    return last_job(db)


@pytest.fixture(params=["before", "midway"])
def run(request: pytest.FixtureRequest, db: Database) -> Callable[..., Job]:
    """Make the company, and let a change meet a job that waits, or one that runs."""
    company(db)
    steps = begun(db) if request.param == "midway" else None
    return lambda change: later(db, steps, change)


def rest(db: Database) -> tuple[list[int], list[int], list[int], list[int]]:
    """Give what is left of the company."""
    return ids(db, "customer"), ids(db, "visit"), ids(db, "line"), ids(db, "note")


WHOLE = ([2, 3], list(range(10, 20)), list(range(20, 40)), list(range(10, 20)))


def rename(db: Database, table: str, old: str, new: str) -> None:
    db.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")


def drop_key(db: Database, table: str, name: str) -> None:
    db.execute(
        f"ALTER TABLE {table} DROP {db.either(mysql='FOREIGN KEY', postgres='CONSTRAINT')} {name}"
    )


def retype(db: Database, table: str, column: str, kind: str, mysql: str = "") -> None:
    db.script(
        mysql=f"ALTER TABLE {table} MODIFY {column} {mysql or kind}",
        postgres=f"ALTER TABLE {table} ALTER {column} TYPE {kind}",
    )


# -- References ------------------------------------------------------------------------------


def test_a_new_table_that_refers_with_rows_is_emptied_too(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        session.table(
            "late",
            "id bigint",
            "visit_id bigint",
            references=[Reference("visit_id", "visit", "cascade")],
            rows=[(1, 9), (2, 10)],
        )
        session.table(
            "later",
            "id bigint",
            "customer_id bigint",
            references=[Reference("customer_id", "customer", "no action")],
            rows=[(1, 2)],
        )

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert (rest(db), ids(db, "late"), ids(db, "later")) == (WHOLE, [2], [1])


def test_a_new_reference_that_blocks_stops_the_job_and_loses_nothing_more(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        session.table(
            "late",
            "id bigint",
            "customer_id bigint",
            references=[Reference("customer_id", "customer", "no action")],
            rows=[(1, 1)],
        )

    job = run(change)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 1 row of late behind fk_late_customer_id")
    assert (ids(db, "customer"), ids(db, "late")) == ([1, 2, 3], [1])
    gone = sum(count for (_, action), count in db.receipts(job.id).items() if action == "delete")
    assert 20 + 40 + 20 - gone == db.count("visit") + db.count("line") + db.count("note")
    db.execute("DELETE FROM late")
    db.retry_deletion(job.id)
    db.run()
    assert rest(db) == WHOLE


@pytest.mark.parametrize("action", ["restrict", "set null", "no action"])
def test_a_foreign_key_with_another_action_is_followed_as_it_is_now(
    db: Database, run: Callable[..., Job], action: str
) -> None:
    def change(session: Database) -> None:
        drop_key(session, "line", "fk_line_visit_id")
        session.add_reference("line", Reference("visit_id", "visit", action, indexed=False))

    lines = 40
    job = run(change)
    if action == "set null":
        assert job.status == "done"
        receipts = db.receipts(job.id)
        kept = receipts["line", "set_null"]
        assert db.count("line", "visit_id IS NULL") == kept
        assert db.count("line") == lines - receipts.get(("line", "delete"), 0)
        assert ids(db, "visit") == list(range(10, 20))
    else:
        assert job.status == "failed"
        assert " of line behind fk_line_visit_id" in (job.error or "")
        assert db.count("line", "visit_id IS NULL") == 0
        assert 1 in ids(db, "customer")


def test_rows_of_a_reference_that_was_dropped_stay(db: Database, run: Callable[..., Job]) -> None:
    job = run(lambda session: drop_key(session, "line", "fk_line_visit_id"))
    assert (job.status, job.error) == ("done", None)
    assert db.count("line") == 40 - db.receipts(job.id).get(("line", "delete"), 0)
    assert ids(db, "visit") == list(range(10, 20))


def test_a_table_that_was_dropped_holds_up_nothing(db: Database, run: Callable[..., Job]) -> None:
    job = run(lambda session: session.execute("DROP TABLE line"))
    assert (job.status, job.error) == ("done", None)
    assert (ids(db, "customer"), ids(db, "visit")) == ([2, 3], list(range(10, 20)))


def test_a_table_that_was_dropped_and_made_again_is_followed_as_it_is_now(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        session.execute("DROP TABLE line")
        session.table(
            "line",
            "id varchar",
            "visit bigint null",
            "visit_id bigint null",
            references=[Reference("visit", "visit", "cascade")],
            rows=[("a", 9, 10), ("b", 10, 9), ("c", None, 9)],
        )

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert db.column("SELECT id FROM line ORDER BY id") == ["b", "c"]
    assert ids(db, "visit") == list(range(10, 20))


def test_a_target_that_was_dropped_and_made_again_is_followed_as_it_is_now(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        drop_key(session, "visit", "fk_visit_customer_id")
        session.execute("DROP TABLE customer")
        session.table("customer", "id bigint", "code varchar", rows=[(1, "a"), (2, "b")])

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "customer") == [2]
    assert db.count("visit") == 20 - db.receipts(job.id).get(("visit", "delete"), 0)
    assert db.count("note") == 10


def test_a_target_without_its_key_fails_and_says_so(db: Database, run: Callable[..., Job]) -> None:
    job = run(lambda session: rename(session, "customer", "id", "no"))
    assert (job.status, (job.error or "")[:15]) == ("failed", "JD005: customer")
    assert db.count("customer") == 3
    db.register_deletion_target("customer")
    db.declare_deletion_reference(
        "note_about", "note", ["about"], "customer", ["no"], "cascade", None, None
    )
    db.retry_deletion(job.id)
    db.run()
    assert db.column("SELECT no FROM customer ORDER BY no") == [2, 3]
    assert rest_below(db) == WHOLE[1:]


def rest_below(db: Database) -> tuple[list[int], list[int], list[int]]:
    return ids(db, "visit"), ids(db, "line"), ids(db, "note")


# -- Columns ---------------------------------------------------------------------------------


def test_a_referring_column_under_another_name_is_followed(
    db: Database, run: Callable[..., Job]
) -> None:
    job = run(lambda session: rename(session, "line", "visit_id", "visit"))
    assert (job.status, job.error) == ("done", None)
    assert rest(db) == WHOLE


def test_an_inner_key_under_another_name_is_followed(db: Database, run: Callable[..., Job]) -> None:
    job = run(lambda session: rename(session, "visit", "id", "no"))
    assert (job.status, job.error) == ("done", None)
    assert (ids(db, "customer"), ids(db, "line")) == (WHOLE[0], WHOLE[2])
    assert db.column("SELECT no FROM visit ORDER BY no") == WHOLE[1]


def test_two_columns_that_change_names_do_not_change_rows(
    db: Database, run: Callable[..., Job]
) -> None:
    """The foreign key goes with its column, so what it points from has the other name now."""

    def change(session: Database) -> None:
        session.execute("DELETE FROM note")
        rename(session, "visit", "customer_id", "id_of_customer")
        rename(session, "visit", "other_id", "customer_id")

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert (ids(db, "customer"), ids(db, "visit")) == ([2, 3], list(range(10, 20)))
    assert ids(db, "line") == list(range(20, 40))
    receipts = db.receipts(job.id)
    assert (receipts["visit", "delete"], receipts["line", "delete"]) == (10, 20)


def test_two_tables_that_change_names_do_not_change_rows(
    db: Database, run: Callable[..., Job]
) -> None:
    """What the foreign key is about has another name now; under the old one stands a copy."""

    def change(session: Database) -> None:
        session.table("copied", "id bigint", "visit_id bigint null", rows=[(1, 9), (2, 10)])
        session.script(
            mysql="RENAME TABLE line TO line_old, copied TO line",
            postgres="ALTER TABLE line RENAME TO line_old; ALTER TABLE copied RENAME TO line",
        )
        session.grant_to_owner("line_old")

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert (ids(db, "line"), ids(db, "line_old")) == ([1, 2], list(range(20, 40)))


@pytest.mark.parametrize("table", ["visit", "line", "note"])
def test_a_further_column_and_one_less_do_not_matter(
    db: Database, run: Callable[..., Job], table: str
) -> None:
    def change(session: Database) -> None:
        session.execute(f"ALTER TABLE {table} ADD COLUMN more INT NULL")
        if table == "visit":
            session.execute("ALTER TABLE visit DROP COLUMN other_id")

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert rest(db) == WHOLE


def test_a_declared_column_that_is_gone_stops_the_job_and_says_so(
    db: Database, run: Callable[..., Job]
) -> None:
    job = run(lambda session: session.execute("ALTER TABLE note DROP COLUMN about"))
    assert job.status == "failed"
    assert (job.error or "").startswith("JD005: ")
    assert "note" in (job.error or "")
    assert 1 in ids(db, "customer")


def test_a_declared_column_of_another_type_stops_the_job_and_says_so(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        session.execute("DELETE FROM note WHERE about > 1")
        retype(session, "note", "about", "varchar(20)")

    job = run(change)
    if job.status == "done":
        # All notes were gone before the plan was looked at again.
        assert db.receipts(job.id)["note", "delete"] == 10
    else:
        assert job.error == "JD005: columns that cannot be compared exactly: note_about"
        assert 1 in ids(db, "customer")


@pytest.mark.parametrize("what", ["renamed", "dropped"])
def test_a_discriminator_that_is_gone_stops_the_job_and_deletes_no_other_kind(
    db: Database, what: str
) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint", "kind varchar", rows=[(1, 1, "a"), (2, 1, "b")])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference(
        "note_about", "note", ["about"], "customer", ["id"], "cascade", "kind", "a"
    )
    db.compile_deletion_plan("customer")
    if what == "renamed":
        rename(db, "note", "kind", "sort")
    else:
        db.execute("ALTER TABLE note DROP COLUMN kind")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD005: columns ")
    assert "note_about" in (job.error or "")
    assert (ids(db, "note"), ids(db, "customer")) == ([1, 2], [1, 2, 3])


# -- Types and collations --------------------------------------------------------------------


def codes(db: Database) -> None:
    """Make code <- branch <- leaf, all keys texts, twenty leaves below each of three codes."""
    exact = db.either(mysql="VARCHAR(10) COLLATE utf8mb4_0900_as_cs", postgres="varchar(10)")
    db.execute(f"CREATE TABLE customer (id {exact} NOT NULL PRIMARY KEY)")
    db.execute(
        f"CREATE TABLE branch (id int PRIMARY KEY, customer_id {exact},"
        " CONSTRAINT branch_customer FOREIGN KEY (customer_id) REFERENCES customer (id)"
        " ON DELETE CASCADE)"
    )
    db.index("branch", "customer_id")
    db.table(
        "leaf",
        "id int",
        "branch_id int",
        references=[Reference("branch_id", "branch", "cascade")],
    )
    for table in ("customer", "branch"):
        db.grant_to_owner(table)
    db.insert("customer", [("1",), ("2",), ("3",)])
    db.insert("branch", [(n, str(1 + n // 10)) for n in range(30)])
    db.insert("leaf", [(n, n) for n in range(30)])
    db.register_deletion_target("customer")


@pytest.mark.parametrize("midway", [False, True])
@pytest.mark.parametrize("to", ["longer", "folded"])
def test_texts_that_grow_or_fold_in_the_middle_of_a_run_end_right(
    db: Database, midway: bool, to: str
) -> None:
    db.script(
        postgres="CREATE COLLATION IF NOT EXISTS fold_case"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    )
    kind = {
        "longer": db.either(mysql="VARCHAR(30) COLLATE utf8mb4_0900_as_cs", postgres="varchar(30)"),
        "folded": db.either(
            mysql="VARCHAR(10) COLLATE utf8mb4_0900_ai_ci", postgres="varchar(10) COLLATE fold_case"
        ),
    }[to]
    codes(db)
    steps = begun(db) if midway else None

    def change(session: Database) -> None:
        session.script(
            mysql="SET foreign_key_checks = 0;"
            f" ALTER TABLE customer MODIFY id {kind} NOT NULL;"
            f" ALTER TABLE branch MODIFY customer_id {kind}; SET foreign_key_checks = 1",
            # From 18 on a key between two collations is refused, even for the moment in between.
            postgres="ALTER TABLE branch DROP CONSTRAINT branch_customer;"
            f" ALTER TABLE customer ALTER id TYPE {kind};"
            f" ALTER TABLE branch ALTER customer_id TYPE {kind};"
            " ALTER TABLE branch ADD CONSTRAINT branch_customer FOREIGN KEY (customer_id)"
            " REFERENCES customer (id) ON DELETE CASCADE",
        )

    job = later(db, steps, change)
    assert (job.status, job.error) == ("done", None)
    assert db.column("SELECT id FROM customer ORDER BY id") == ["2", "3"]
    assert ids(db, "branch") == ids(db, "leaf") == list(range(10, 30))


def test_a_column_that_folds_takes_no_rows_of_another_parent(postgres: Database) -> None:
    """By the collation that the child has now, both of its rows compare equal to each parent."""
    db = postgres
    db.script(
        postgres="CREATE COLLATION IF NOT EXISTS fold_case"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TABLE customer (id text PRIMARY KEY); INSERT INTO customer VALUES ('a'), ('A');"
        "CREATE TABLE note (id bigint PRIMARY KEY, about text);"
        # Without an index, which would be made anew with its column.
        "INSERT INTO note VALUES (1, 'a'), (2, 'A')",
    )
    for table in ("customer", "note"):
        db.grant_to_owner(table)
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    db.register_deletion_target("customer")
    db.compile_deletion_plan("customer")
    db.execute("ALTER TABLE note ALTER about TYPE text COLLATE fold_case")
    job = db.delete("customer", "a")
    assert (job.status, job.error) == (
        "failed",
        "JD005: columns that cannot be compared exactly: note_about",
    )
    assert (db.count("customer"), db.count("note")) == (2, 2)


def test_a_domain_that_takes_no_nulls_any_more_blocks_before_anything_is_touched(
    postgres: Database,
) -> None:
    db = postgres
    customers(db)
    children(db, "visit", {1: 3})
    db.script(
        postgres="CREATE DOMAIN customer_no AS bigint;"
        "CREATE TABLE note (id bigint PRIMARY KEY, about customer_no"
        " CONSTRAINT note_about REFERENCES customer ON DELETE SET NULL);"
        "CREATE INDEX ON note (about); INSERT INTO note VALUES (1, 1), (2, 2)"
    )
    db.grant_to_owner("note")
    db.compile_deletion_plan("customer")
    db.execute("ALTER DOMAIN customer_no SET NOT NULL")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of note behind note_about")
    assert (db.count("visit"), db.receipts(job.id)) == (3, {})


def test_whole_numbers_that_grow_end_right(db: Database, run: Callable[..., Job]) -> None:
    def change(session: Database) -> None:
        if session.engine == "postgres":
            retype(session, "visit", "id", "numeric(20)")
            retype(session, "line", "visit_id", "numeric(20)")
        else:
            # Between whole numbers and decimals the engine allows no foreign key.
            retype(session, "note", "about", "", "BIGINT UNSIGNED")
            retype(session, "note", "id", "", "BIGINT UNSIGNED NOT NULL")

    job = run(change)
    assert (job.status, job.error) == ("done", None)
    assert rest(db) == WHOLE


def test_a_key_that_grows_takes_more_once_its_target_is_registered_again(db: Database) -> None:
    db.table("customer", "id int", rows=[(1,), (2,)])
    db.register_deletion_target("customer")
    first = db.enqueue_deletion("customer", 1)
    retype(db, "customer", "id", "bigint", "BIGINT NOT NULL")
    db.insert("customer", [(3000000000,)])
    with db.error("JD002", "enqueue_deletion: not a key of customer (3000000000)"):
        db.enqueue_deletion("customer", 3000000000)
    db.register_deletion_target("customer")
    second = db.enqueue_deletion("customer", 3000000000)
    db.run()
    assert (db.status(first), db.status(second), ids(db, "customer")) == ("done", "done", [2])


@pytest.mark.parametrize(
    ("before", "after"), [("varchar", "bigint"), ("bigint", "varchar"), ("timestamp", "date")]
)
def test_a_key_that_has_become_another_type_names_no_row(
    db: Database, before: str, after: str
) -> None:
    text = {"varchar": "042", "bigint": "42", "timestamp": "2024-01-01 00:00:00+00"}[before]
    key = text.replace("+00", "") if db.engine == "mysql" else text
    db.table("customer", f"id {before}", rows=[(key,)])
    db.register_deletion_target("customer")
    job_id = db.enqueue_deletion("customer", key)
    kinds = {
        "bigint": ("bigint", "BIGINT NOT NULL"),
        "varchar": ("varchar(64)", "VARCHAR(64) NOT NULL"),
        "date": ("date", "DATE NOT NULL"),
    }
    kind, mysql = kinds[after]
    db.script(
        mysql=f"ALTER TABLE customer MODIFY id {mysql}",
        postgres=f"ALTER TABLE customer ALTER id TYPE {kind} USING id::{kind}",
    )
    db.run()
    job = db.job(job_id)
    assert (job.status, job.error) == (
        "failed",
        "JD005: the key of customer has changed its type: register it again",
    )
    assert db.count("customer") == 1


# -- Indexes and settings --------------------------------------------------------------------


def test_a_run_goes_on_without_an_index_that_was_dropped(
    db: Database, run: Callable[..., Job]
) -> None:
    job = run(
        lambda session: session.execute(
            db.either(
                mysql="DROP INDEX idx_note_about ON note", postgres="DROP INDEX idx_note_about"
            )
        )
    )
    assert (job.status, job.error) == ("done", None)
    assert rest(db) == WHOLE


def test_a_large_table_that_lost_its_index_stops_the_job(
    db: Database, run: Callable[..., Job]
) -> None:
    def change(session: Database) -> None:
        session.set_deletion_setting("unindexed_limit_rows", 1)
        session.script(
            mysql="DROP INDEX idx_note_about ON note; ALTER TABLE note ADD COLUMN more INT",
            postgres="DROP INDEX idx_note_about",
        )

    job = run(change)
    if job.status == "done":
        # All notes were gone before the plan was looked at again.
        assert db.receipts(job.id)["note", "delete"] == 10
    else:
        assert (job.error or "").startswith("JD008: note_about of note has no index")
        assert 1 in ids(db, "customer")


def test_a_stale_plan_stops_a_run_where_recompiling_is_switched_off(
    db: Database, run: Callable[..., Job]
) -> None:
    db.set_deletion_setting("recompile", "false")
    job = run(lambda session: rename(session, "line", "visit_id", "visit"))
    assert (job.status, job.error) == (
        "failed",
        "JD009: the catalog has changed since the plan was compiled (customer)",
    )
    assert 1 in ids(db, "customer")
    db.compile_deletion_plan("customer")
    db.retry_deletion(job.id)
    db.run()
    assert rest(db) == WHOLE


def test_jobs_of_one_run_are_returned_together_when_the_catalog_changes(db: Database) -> None:
    company(db)
    children(db, "call", {1: 4, 2: 4, 3: 4})
    db.set_deletion_setting("batch_rows", 3)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2, 3)]
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    rename(db.observer, "line", "visit_id", "visit")
    rename(db.observer, "visit", "id", "no")
    while steps.step() == "more":
        pass
    assert {db.outcomes(job)[0] for job in jobs} == {"returned"}
    # None of them is to blame, so they go on together.
    assert db.count("deletion_jobs", "status = 'pending'") == 3
    db.run()
    assert [db.outcomes(job) for job in jobs] == [["returned", "done"]] * 3
    assert (db.count("customer"), db.count("visit"), db.count("line")) == (0, 0, 0)
