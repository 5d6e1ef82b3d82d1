"""Shapes of references by name: parallel, composite, long, many; odd names; tables in the way."""

import pytest

from tests.contract.schemas import customers, each, ids
from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)

BATCHES = [1, 3, 5000]


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_nine_parallel_references(db: Database, batch_rows: int) -> None:
    customers(db)
    names = [f"c{number}" for number in range(9)]
    actions = ["cascade", "cascade", "set null"] * 3
    db.table(
        "deal",
        "id bigint",
        *(f"{name} bigint null" for name in names),
        references=[
            Reference(name, "customer", action) for name, action in zip(names, actions, strict=True)
        ],
        # Row n points at customer 1 by its reference n alone, row 20 by two, row 21 by all.
        rows=[
            *((n, *(1 if place == n else 2 for place in range(9))) for n in range(9)),
            (20, 1, 2, 1, *[None] * 6),
            (21, *[1] * 9),
            (22, *[3] * 9),
        ],
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("deal", "delete"): 8,
        ("deal", "set_null"): 3,
        ("customer", "delete"): 1,
    }
    assert ids(db, "deal") == [2, 5, 8, 22]
    assert db.count("deal", "c2 IS NULL") == db.count("deal", "c8 IS NULL") == 1


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_five_composite_references(db: Database, batch_rows: int) -> None:
    db.table(
        "place",
        "a bigint",
        "b varchar",
        key=("a", "b"),
        rows=[(a, b) for a in each(2) for b in "xyz"],
    )
    pairs = [(f"a{n}", f"b{n}") for n in range(5)]
    db.table(
        "route",
        "id bigint",
        *(column for a, b in pairs for column in (f"{a} bigint null", f"{b} varchar null")),
        references=[
            Reference(pair, "place", "set null" if n == 4 else "cascade", ("a", "b"))
            for n, pair in enumerate(pairs)
        ],
        rows=[
            (1, *(1, "x"), *[None] * 8),
            (2, *[None] * 6, *(1, "x"), *[None] * 2),
            (3, *[None] * 8, *(1, "x")),
            (4, *(1, None), *(None, "x"), *(2, "x"), *(1, "y"), *(2, "z")),
            (5, *(1, "y"), *(1, "x"), *[None] * 4, *(1, "x")),
        ],
    )
    db.register_deletion_target("place")
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("place", '["1","x"]')
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("route", "delete"): 3,
        ("route", "set_null"): 1,
        ("place", "delete"): 1,
    }
    assert ids(db, "route") == [3, 4]


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_chain_through_seven_tables(db: Database, batch_rows: int) -> None:
    db.table("t0", "id bigint", rows=[(1,), (2,)])
    for number in range(1, 7):
        db.table(
            f"t{number}",
            "id bigint",
            "up_id bigint",
            references=[Reference("up_id", f"t{number - 1}", "cascade")],
            rows=[(2 * n + k, n) for n in ids(db, f"t{number - 1}") for k in (0, 1)],
        )
    total = [db.count(f"t{number}") for number in range(7)]
    db.register_deletion_target("t0")
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("t0", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {(f"t{n}", "delete"): total[n] // 2 for n in range(7)}
    assert [db.count(f"t{number}") for number in range(7)] == [count // 2 for count in total]


def test_sixty_references_into_one_table(db: Database) -> None:
    customers(db)
    for number in range(60):
        db.table(
            f"child_{number}",
            "id bigint",
            "customer_id bigint null",
            references=[
                Reference("customer_id", "customer", "set null" if number % 3 == 0 else "cascade")
            ],
            rows=[(1, 1), (2, 2), (3, 1), (4, None)],
        )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        **{(f"child_{n}", "set_null" if n % 3 == 0 else "delete"): 2 for n in range(60)},
        ("customer", "delete"): 1,
    }
    assert sum(db.count(f"child_{n}") for n in range(60)) == 20 * 4 + 40 * 2


NAMES = [
    "select",
    'quote"inside',
    "tick`inside",
    "with blank",
    "CaseMatters",
    "dollar$1",
    "semi;colon--",
    "it's",
    "100%s",
    "back\\slash",
    "$1 :name ?",
    "c AS x, f",
    "naïve_漢字",
]


def deletes_by_name(db: Database, names: tuple[str, str, str]) -> None:
    """Delete through three tables of these names, whose columns and keys are named like them."""
    parent, child, leaf = names
    db.table(parent, "id bigint")
    insert = f"INSERT INTO {db.quote(parent)} VALUES (1), (2)"
    db.script(mysql=insert, postgres=insert)
    for table, above in ((child, parent), (leaf, child)):
        column = db.quote(parent)
        db.script(
            mysql=f"CREATE TABLE {db.quote(table)} (id BIGINT PRIMARY KEY, {column} BIGINT NULL,"
            f" CONSTRAINT {db.quote(table)} FOREIGN KEY ({column})"
            f" REFERENCES {db.quote(above)} (id) ON DELETE CASCADE)",
            postgres=f"CREATE TABLE {db.quote(table)} (id bigint PRIMARY KEY, {column} bigint NULL,"
            f" CONSTRAINT {db.quote(table)} FOREIGN KEY ({column})"
            f" REFERENCES {db.quote(above)} (id) ON DELETE CASCADE);"
            f" CREATE INDEX ON {db.quote(table)} ({column})",
        )
        db.grant_to_owner(table)
        insert = f"INSERT INTO {db.quote(table)} VALUES (1, 2), (2, 1)"
        db.script(mysql=insert, postgres=insert)
    target = db.either(mysql=parent, postgres=db.quote(parent))
    db.register_deletion_target(target)
    db.set_deletion_setting("batch_rows", 1)
    foreseen = db.preview_deletion(target, 1)
    job = db.delete(target, 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {(shown(db, name), "delete"): 1 for name in names}
    assert {(row.table_name, row.action): row.row_count for row in foreseen} == db.receipts(job.id)
    assert [db.count(table) for table in names] == [1, 1, 1]


def shown(db: Database, name: str) -> str:
    """Spell a table's name as receipts do: PostgreSQL quotes it where it has to."""
    return str(db.value("SELECT quote_ident(%s)", name)) if db.engine == "postgres" else name


@pytest.mark.parametrize("name", NAMES)
def test_odd_names_of_tables_columns_and_keys(db: Database, name: str) -> None:
    deletes_by_name(db, (name, f"{name}_2", f"{name}_3"))


def test_the_longest_names_that_the_engine_takes(db: Database) -> None:
    # PostgreSQL counts bytes; MySQL counts letters, but its files have names as well.
    for letters in (
        db.either(mysql="n" * 64, postgres="n" * 63),
        db.either(mysql="漢" * 50, postgres="漢" * 21),
    ):
        deletes_by_name(db, (letters, f"c{letters[1:]}", f"l{letters[1:]}"))


def test_names_of_emoji(db: Database) -> None:
    if db.engine == "postgres":
        deletes_by_name(db, ("🦊", "🐙 and 🦊", "👩‍👩‍👧‍👦" * 2))
        return
    # The server itself writes another letter for each of them, and that is the table's name.
    db.table("🦊", "id bigint", rows=[(1,), (2,)])
    with db.error("JD005", "no such table"):
        db.register_deletion_target("🦊")
    db.register_deletion_target("?")
    job = db.delete("?", 1)
    assert (job.status, job.error, db.count("🦊")) == ("done", None, 1)
    assert db.receipts(job.id) == {("?", "delete"): 1}


def test_keys_and_discriminators_of_emoji(db: Database) -> None:
    db.table("animal", "name exact", key="name", rows=[("🦊",), ("🐙",), ("👩‍👩‍👧‍👦",)])
    db.table(
        "sight",
        "id bigint",
        "animal exact null",
        "kind varchar null",
        references=[Reference("animal", "animal", "cascade", "name")],
        rows=[(1, "🦊", "🦊"), (2, "🐙", "🦊"), (3, None, "🐙")],
    )
    db.table("note", "about exact", "kind exact", key=None, rows=[("🦊", "🦊"), ("🦊", "🐙")])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference(
        "note_animal", "note", ["about"], "animal", ["name"], "cascade", "kind", "🦊"
    )
    db.register_deletion_target("animal")
    job = db.delete("animal", "🦊")
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("animal", "delete"): 1,
        ("sight", "delete"): 1,
        ("note", "delete"): 1,
    }
    assert db.delete("animal", "👩‍👩‍👧‍👦").status == "done"
    assert db.column("SELECT name FROM animal") == ["🐙"]
    assert (ids(db, "sight"), db.column("SELECT kind FROM note")) == ([2, 3], ["🐙"])


def test_rows_without_a_key_of_a_root_that_is_gone_are_cleaned(db: Database) -> None:
    customers(db)
    db.table(
        "note", "customer_id bigint null", key=None, rows=[(7,), (7,), (1,), (None,), (8,), (8,)]
    )
    db.table("mark", "customer_id bigint null", key=None, rows=[(7,), (7,), (7,), (1,)])
    for table, action in (("note", "cascade"), ("mark", "set_null")):
        db.execute(f"CREATE INDEX idx_{table} ON {table} (customer_id)")
        db.declare_deletion_reference(table, table, ["customer_id"], "customer", ["id"], action)
    db.set_deletion_setting("batch_rows", 1)
    jobs = [db.enqueue_deletion("customer", n) for n in (7, 8, 9)]
    db.run()
    assert [(db.status(job), db.receipts(job)) for job in jobs] == [
        (
            "done",
            {("customer", "root_not_found"): 0, ("note", "delete"): 2, ("mark", "set_null"): 3},
        ),
        ("done", {("customer", "root_not_found"): 0, ("note", "delete"): 2}),
        ("done", {("customer", "root_not_found"): 0}),
    ]
    assert (db.count("note"), db.count("mark", "customer_id IS NULL")) == (2, 3)


def test_generated_and_invisible_columns_are_followed(db: Database) -> None:
    customers(db)
    db.script(
        mysql="CREATE TABLE visit (id BIGINT PRIMARY KEY, half BIGINT,"
        " customer_id BIGINT GENERATED ALWAYS AS (half * 2) STORED INVISIBLE,"
        " FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE);"
        " INSERT INTO visit (id, half) VALUES (1, 1), (2, 1), (3, NULL)",
        postgres="CREATE TABLE visit (id bigint PRIMARY KEY, half bigint,"
        " customer_id bigint GENERATED ALWAYS AS (half * 2) STORED"
        " REFERENCES customer ON DELETE CASCADE); CREATE INDEX ON visit (customer_id);"
        " INSERT INTO visit (id, half) VALUES (1, 1), (2, 1), (3, NULL)",
    )
    db.grant_to_owner("visit")
    job = db.delete("customer", 2)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "visit") == [3]


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_leaves_without_any_key(db: Database, batch_rows: int) -> None:
    customers(db)
    db.table(
        "wish",
        "customer_id bigint null",
        "what varchar",
        key=None,
        references=[Reference("customer_id", "customer", "set null")],
        rows=[(1, "same")] * 5 + [(2, "same"), (None, "same")],
    )
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1 + n % 2) for n in each(4)],
    )
    db.table(
        "line",
        "invoice_id bigint",
        "text varchar",
        key=None,
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[(n, "same") for n in each(4) for _ in range(3)],
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    foreseen = db.preview_deletion("customer", 1)
    assert {(row.table_name, row.action): row.row_count for row in foreseen} == {
        ("customer", "delete"): 1,
        ("invoice", "delete"): 2,
        ("line", "delete"): 6,
        ("wish", "set_null"): 5,
    }
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2)]
    db.run()
    assert [(db.job(job).status, db.job(job).error) for job in jobs] == [("done", None)] * 2
    assert [db.receipts(job)["line", "delete"] for job in jobs] == [6, 6]
    assert [db.receipts(job)["wish", "set_null"] for job in jobs] == [5, 1]
    assert (db.count("line"), db.count("wish"), db.count("wish", "customer_id IS NULL")) == (
        0,
        7,
        7,
    )


def test_rows_without_a_key_block_as_others_do(db: Database) -> None:
    customers(db)
    db.table(
        "bill",
        "customer_id bigint",
        key=None,
        references=[Reference("customer_id", "customer")],
        rows=[(1,), (1,), (2,)],
    )
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:32]) == ("failed", "JD006: 2 rows of bill behind fk_")
    assert db.delete("customer", 3).status == "done"


def test_children_in_another_schema_go_too(db: Database) -> None:
    customers(db)
    far = f"{db.home.database}_far"
    home = db.either(mysql=db.home.database, postgres="public")
    table = f"{far}.visit"
    db.script(
        mysql=f"CREATE DATABASE `{far}`; CREATE TABLE `{far}`.visit (id BIGINT PRIMARY KEY,"
        f" customer_id BIGINT, FOREIGN KEY (customer_id) REFERENCES `{home}`.customer (id)"
        " ON DELETE CASCADE)",
        postgres=f'CREATE SCHEMA "{far}"; CREATE TABLE "{far}".visit (id bigint PRIMARY KEY,'
        f" customer_id bigint REFERENCES {home}.customer ON DELETE CASCADE);"
        f' CREATE INDEX ON "{far}".visit (customer_id);'
        f' GRANT USAGE ON SCHEMA "{far}" TO deletion_jobs_owner',
    )
    db.grant_to_owner(table)
    db.insert(table, [(1, 1), (2, 1), (3, 2)])
    job = db.delete("customer", 1)
    left = db.count(table)
    db.script(mysql=f"DROP DATABASE `{far}`", postgres=f'DROP SCHEMA "{far}" CASCADE')
    assert (job.status, job.error, left) == ("done", None, 1)
    assert sum(db.receipts(job.id).values()) == 3


def pairs(db: Database, actions: tuple[str, str], key: str | None = None) -> None:
    """Make customer <- a, b <- pair: rows of pair without a key hang from both."""
    customers(db)
    for table in ("a", "b"):
        db.table(
            table,
            "id bigint",
            "customer_id bigint",
            references=[Reference("customer_id", "customer", "cascade")],
            rows=[(n, 1 + n % 3) for n in range(12)],
        )
    db.table(
        "pair",
        "a_id bigint null",
        "b_id bigint null",
        key=key,
        references=[
            Reference("a_id", "a", actions[0]),
            Reference("b_id", "b", actions[1]),
        ],
        # Of the rows of each customer most hang from its own rows twice; all are there twice.
        rows=[(n, other) for n in range(12) for other in (n, None)] * 2,
    )


@pytest.mark.parametrize("batch_rows", BATCHES)
@pytest.mark.parametrize("actions", [("cascade", "cascade"), ("cascade", "no action")])
def test_rows_without_a_key_that_hang_by_two_references_count_once(
    db: Database, actions: tuple[str, str], batch_rows: int
) -> None:
    pairs(db, actions)
    db.set_deletion_setting("batch_rows", batch_rows)
    foreseen = db.preview_deletion("customer", 1)
    counts = {
        ("a", "delete"): 4,
        ("b", "delete"): 4,
        ("customer", "delete"): 1,
        ("pair", "delete"): 16,
    }
    assert {(row.table_name, row.action): row.row_count for row in foreseen} == counts
    db.register_deletion_target("customer", max_rows=25)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == counts
    assert db.count("pair") == 32


def test_rows_without_a_key_block_where_another_customer_has_them(db: Database) -> None:
    pairs(db, ("cascade", "no action"))
    db.execute("UPDATE pair SET a_id = 1 WHERE b_id = 3")
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:32]) == ("failed", "JD006: 2 rows of pair behind fk_")
    assert (db.count("pair"), db.count("customer")) == (48, 3)


@pytest.mark.parametrize(
    "actions", [("cascade", "set null"), ("set null", "set null"), ("set null", "cascade")]
)
def test_rows_without_a_key_that_several_references_change_are_refused(
    db: Database, actions: tuple[str, str]
) -> None:
    pairs(db, actions)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == (
        "failed",
        "JD005: pair has no key, and its rows cannot be counted once for several references",
    )
    assert (db.count("pair", "a_id IS NULL"), db.count("customer")) == (0, 3)


def test_rows_without_a_key_that_one_reference_sets_and_one_blocks(db: Database) -> None:
    pairs(db, ("set null", "no action"))
    assert (db.delete("customer", 1).error or "")[:22] == "JD006: 8 rows of pair "
    db.execute("UPDATE pair SET b_id = NULL")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["pair", "set_null"] == 16
    assert db.count("pair", "a_id IS NULL") == 16


def test_more_rows_without_a_key_than_max_rows_allows_are_counted(db: Database) -> None:
    customers(db)
    db.table(
        "visit",
        "customer_id bigint",
        key=None,
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1,)] * 10_000 + [(2,)] * 10_001 + [(3,)] * 20_005,
    )
    db.register_deletion_target("customer", max_rows=10_001)
    assert db.delete("customer", 1).status == "done"
    for customer in (2, 3):
        assert (db.delete("customer", customer).error or "")[:6] == "JD013:"
    assert [row.row_count for row in db.preview_deletion("customer", 3)] == [1, 20_005]
    assert db.count("visit") == 30_006


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_rows_without_a_key_are_set_to_their_default(db: Database, batch_rows: int) -> None:
    customers(db)
    db.table("visit", "customer_id bigint null", key=None, rows=[(1,), (1,), (2,), (3,)])
    db.execute("ALTER TABLE visit ALTER COLUMN customer_id SET DEFAULT 3")
    db.index("visit", "customer_id")
    db.declare_deletion_reference(
        "seen", "visit", ["customer_id"], "customer", ["id"], "set_default"
    )
    db.set_deletion_setting("batch_rows", batch_rows)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["visit", "set_default"] == 2
    # Of the client's connection depends whether a row counts that an UPDATE left as it was.
    job = db.delete("customer", 3)
    assert (job.status, (job.error or "")[:6]) == ("failed", "JD006:")
    assert (db.count("visit", "customer_id = 3"), db.count("customer")) == (3, 2)


@pytest.mark.parametrize("text", ["x.`what`", "t.k1", "ONLY public.wish", "@dj_k1", "%1$s"])
def test_constants_that_look_like_statements_are_set_in_rows_without_a_key(
    db: Database, text: str
) -> None:
    customers(db)
    db.table(
        "wish",
        "customer_id bigint null",
        "what varchar null",
        key=None,
        references=[Reference("customer_id", "customer", "set null")],
        rows=[(1, "a"), (1, "a"), (2, "b")],
    )
    db.set_deletion_rule(
        "wish",
        db.reference_name("wish", Reference("customer_id", "customer")),
        "scrub",
        {"what": text},
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["wish", "scrub"] == 2
    assert sorted(db.column("SELECT what FROM wish")) == sorted([text, text, "b"])


def test_a_table_without_a_key_takes_no_part_in_soft_deletion(db: Database) -> None:
    db.table("customer", "id bigint", "deleted_at timestamp null", rows=[(1, None)])
    db.table(
        "visit",
        "customer_id bigint",
        "deleted_at timestamp null",
        key=None,
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, None)],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "deleted_at")
    with db.error("JD005", "table has no primary key and no unique key without NULLs"):
        db.set_soft_deletion("visit", "deleted_at")
    job_id = db.enqueue_deletion("customer", 1, hard_delete=False)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.count("visit", "deleted_at IS NULL") == 1


def test_a_table_whose_key_went_takes_no_part_in_soft_deletion(db: Database) -> None:
    db.table("customer", "id bigint", "deleted_at timestamp null", rows=[(1, None)])
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        "deleted_at timestamp null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1, None)],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "deleted_at")
    db.set_soft_deletion("visit", "deleted_at")
    db.script(
        mysql="ALTER TABLE visit DROP PRIMARY KEY, MODIFY id BIGINT NULL",
        postgres="ALTER TABLE visit DROP CONSTRAINT visit_pkey, ALTER id DROP NOT NULL",
    )
    job_id = db.enqueue_deletion("customer", 1, hard_delete=False)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == (
        "failed",
        "JD005: visit has no primary key and no unique key without NULLs",
    )
    assert db.count("customer", "deleted_at IS NULL") == 1
