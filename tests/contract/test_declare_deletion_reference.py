"""declare_deletion_reference: columns that point at a parent without a foreign key."""

from typing import Any

import pytest

from tests.contract.schemas import customers, ids, in_small_steps
from tests.contract.steps import Steps
from tests.contract.test_odd_sessions import odd
from tests.database import Database, Reference


def notes(db: Database, kind: str = "bigint") -> None:
    """Make customer, and notes about customers 1 and 2 and about something else with id 1."""
    customers(db)
    db.table(
        "note",
        "id bigint",
        f"about {kind} null",
        "about_type varchar null",
        rows=[(1, 1, "Customer"), (2, 2, "Customer"), (3, 1, "Order"), (4, 1, "Customer")],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about_type, about)")
    db.execute("CREATE INDEX idx_note_about_only ON note (about)")


def declare(db: Database, **changes: Any) -> None:
    arguments: dict[str, Any] = {
        "name": "note_about_customer",
        "child_table": "note",
        "child_columns": ["about"],
        "parent_table": "customer",
        "parent_columns": ["id"],
        "action": "cascade",
        "discriminator_column": "about_type",
        "discriminator_value": "Customer",
    }
    db.declare_deletion_reference(**{**arguments, **changes})


def test_a_declared_reference_cascades_to_rows_of_its_kind_alone(db: Database) -> None:
    notes(db)
    declare(db)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [2, 3]
    assert db.receipts(job.id) == {("note", "delete"): 2, ("customer", "delete"): 1}


def test_a_declared_reference_without_discriminator_takes_all_rows(db: Database) -> None:
    notes(db)
    declare(db, discriminator_column=None, discriminator_value=None)
    db.delete("customer", 1)
    assert ids(db, "note") == [2]


def test_a_declared_reference_may_set_null(db: Database) -> None:
    notes(db)
    declare(db, action="set_null")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("note", "set_null"): 2, ("customer", "delete"): 1}
    assert db.rows("SELECT id, about FROM note ORDER BY id") == [
        (1, None),
        (2, 2),
        (3, 1),
        (4, None),
    ]


def test_a_declared_reference_may_restrict(db: Database) -> None:
    in_small_steps(db)
    notes(db)
    declare(db, action="restrict")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 2 rows of note behind note_about_customer")
    assert db.delete("customer", 3).status == "done"
    assert ids(db, "customer") == [1, 2]


def test_a_declared_reference_may_keep(db: Database) -> None:
    notes(db)
    declare(db, action="keep")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("customer", "delete"): 1}
    assert ids(db, "note") == [1, 2, 3, 4]


def test_rows_below_a_declared_reference_go_too(db: Database) -> None:
    notes(db)
    declare(db)
    db.table("attachment", "id bigint", "note_id bigint null", rows=[(1, 1), (2, 3), (3, 4)])
    db.execute("CREATE INDEX idx_attachment_note ON attachment (note_id)")
    db.declare_deletion_reference(
        "attachment_note", "attachment", ["note_id"], "note", ["id"], "cascade"
    )
    job = db.delete("customer", 1)
    assert job.status == "done"
    assert (ids(db, "note"), ids(db, "attachment")) == ([2, 3], [2])


def test_dependants_of_a_root_that_is_gone_are_cleaned(db: Database) -> None:
    notes(db)
    declare(db)
    db.execute("DELETE FROM customer WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [2, 3]
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0, ("note", "delete"): 2}


def test_a_root_that_is_gone_is_none_of_the_rows_that_the_limit_allows(db: Database) -> None:
    notes(db)
    declare(db)
    db.register_deletion_target("customer", max_rows=2)
    db.execute("DELETE FROM customer WHERE id = 1")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "root_not_found"): 0, ("note", "delete"): 2}


def test_composite_columns_are_matched_in_their_order(db: Database) -> None:
    db.table("place", "region varchar", "no int", key=("region", "no"), rows=[("a", 1), ("a", 2)])
    db.table(
        "sign", "id bigint", "place_no int", "place_region varchar", rows=[(1, 1, "a"), (2, 2, "a")]
    )
    db.execute("CREATE INDEX idx_sign_place ON sign (place_region, place_no)")
    db.register_deletion_target("place")
    db.declare_deletion_reference(
        "sign_place", "sign", ["place_region", "place_no"], "place", ["region", "no"], "cascade"
    )
    assert db.delete("place", '["a", 1]').status == "done"
    assert ids(db, "sign") == [2]


def test_declaring_again_changes_and_null_removes(db: Database) -> None:
    notes(db)
    declare(db)
    declare(db, action="keep")
    assert db.rows("SELECT reference_name, action FROM deletion_references") == [
        ("note_about_customer", "keep")
    ]
    db.declare_deletion_reference("note_about_customer")
    assert db.count("deletion_references") == 0
    db.delete("customer", 1)
    assert ids(db, "note") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": ""},
        {"name": "x" * 65},
        {"child_table": None},
        {"parent_table": None},
        {"child_columns": None},
        {"parent_columns": None},
        {"child_columns": []},
        {"child_columns": ["nothing"]},
        {"parent_columns": ["nothing"]},
        {"child_columns": ["about", "id"]},
        {"child_columns": '{"a": 1}'},
        {"child_columns": [1]},
        {"action": "delete"},
        {"action": ""},
        {"discriminator_column": None},
        {"discriminator_value": None},
        {"discriminator_column": "nothing"},
    ],
)
def test_what_does_not_fit_is_refused(db: Database, changes: dict[str, Any]) -> None:
    notes(db)
    with db.error("JD002", "declare_deletion_reference: "):
        declare(db, **changes)


@pytest.mark.parametrize("changes", [{"child_table": "nothing"}, {"parent_table": "nothing"}])
def test_a_table_that_does_not_exist_is_refused(db: Database, changes: dict[str, Any]) -> None:
    notes(db)
    with db.error("JD005", "declare_deletion_reference: "):
        declare(db, **changes)


def test_columns_of_types_that_cannot_be_compared_are_refused(db: Database) -> None:
    notes(db)
    with db.error("JD002", "declare_deletion_reference: "):
        declare(db, child_columns=["about_type"])


# -- Polymorphic columns ---------------------------------------------------------------------


def declared(db: Database, name: str, child: str, column: str, parent: str, **more: Any) -> None:
    """Declare a cascading reference to the id of a table."""
    db.declare_deletion_reference(
        name,
        child,
        more.get("columns", [column]),
        parent,
        more.get("to", ["id"]),
        more.get("action", "cascade"),
        more.get("by"),
        more.get("value"),
    )


def test_two_tables_share_a_polymorphic_column(db: Database) -> None:
    in_small_steps(db)
    notes(db)
    db.table("orders", "id bigint", rows=[(1,), (2,)])
    db.register_deletion_target("orders")
    declare(db)
    declare(
        db,
        name="note_about_order",
        parent_table="orders",
        discriminator_value="Order",
        action="set_null",
    )
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [2, 3]
    job = db.delete("orders", 1)
    assert db.receipts(job.id) == {("note", "set_null"): 1, ("orders", "delete"): 1}
    assert db.rows("SELECT id, about FROM note ORDER BY id") == [(2, 2), (3, None)]


@pytest.mark.parametrize("value", ["it's", 'say "x"', "a\\b", "%s %", "`", "漢字", "null", "'; --"])
def test_a_discriminator_is_matched_whatever_it_holds(db: Database, value: str) -> None:
    customers(db)
    db.table(
        "note",
        "id bigint",
        "about bigint",
        "about_type exact",
        rows=[(1, 1, value), (2, 1, "other"), (3, 1, value[:-1]), (4, 2, value)],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about, about_type)")
    declared(odd(db), "note_about", "note", "about", "customer", by="about_type", value=value)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [2, 3, 4]


KINDS = [
    ("int", 7, 8, "7", "07"),
    ("bigint", -7, 7, "-7", "-07"),
    ("boolean", True, False, None, None),
    ("date", "2024-02-29", "2024-03-01", "2024-02-29", None),
    ("decimal", "1.50", "1.51", "1.5", "1.500"),
    ("char", "Post", "Pos", "Post", "Post  "),
    ("text", "Post", "Pos", "Post", None),
    ("bytes", b"\0'", b"\0", None, None),
]


@pytest.mark.parametrize(("kind", "value", "other", "text", "again"), KINDS)
def test_a_discriminator_may_be_of_any_type_of_keys(
    db: Database, kind: str, value: Any, other: Any, text: str | None, again: str | None
) -> None:
    customers(db)
    db.table(
        "note",
        "id bigint",
        "about bigint",
        f"about_type {kind}",
        rows=[(1, 1, value), (2, 1, other), (3, 2, value)],
    )
    db.index("note", "about")
    spelled = (
        text
        or {
            "boolean": db.either(mysql="1", postgres="true"),
            "bytes": db.either(mysql="0027", postgres="\\x0027"),
        }[kind]
    )
    for wording in filter(None, (again, spelled)):
        declared(db, "note_about", "note", "about", "customer", by="about_type", value=wording)
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [2, 3]


@pytest.mark.parametrize(("kind", "value"), [("int", "Post"), ("date", "Post"), ("boolean", "2x")])
def test_a_discriminator_that_its_column_cannot_hold_is_refused(
    db: Database, kind: str, value: str
) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint", f"about_type {kind}")
    with db.error("JD002", "declare_deletion_reference: the discriminator value is none of its"):
        declared(db, "note_about", "note", "about", "customer", by="about_type", value=value)


def test_a_discriminator_may_be_a_text_of_any_length(db: Database) -> None:
    customers(db)
    column = db.either(mysql="LONGTEXT", postgres="text")
    db.table("note", "id bigint", "about bigint", f"kind {column}", rows=[(1, 1, "a"), (2, 1, "b")])
    db.index("note", "about")
    declared(db, "note_about", "note", "about", "customer", by="kind", value="a")
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [2]


# -- What a reference points at --------------------------------------------------------------


def places(db: Database) -> None:
    """Make places, known by a number, by a code, and by region and name."""
    db.table(
        "place",
        "id int",
        "code varchar",
        "region varchar null",
        "name varchar null",
        unique=["code", ("region", "name")],
        rows=[(1, "A", "n", "x"), (2, "B", "n", "y"), (3, "C", None, "x"), (4, "D", "s", "x")],
    )
    db.register_deletion_target("place")


def test_a_declared_reference_may_point_at_a_unique_key(db: Database) -> None:
    in_small_steps(db)
    places(db)
    db.table("sign", "id int", "place_code varchar null", rows=[(1, "A"), (2, "B"), (3, "A")])
    db.index("sign", "place_code")
    db.execute("CREATE INDEX idx_sign ON sign (place_code)")
    db.table("bolt", "id int", "sign_id int", rows=[(1, 1), (2, 2), (3, 3)])
    db.execute("CREATE INDEX idx_bolt ON bolt (sign_id)")
    declared(db, "sign_place", "sign", "place_code", "place", to=["code"])
    declared(db, "bolt_sign", "bolt", "sign_id", "sign")
    job = db.delete("place", 1)
    assert db.receipts(job.id) == {
        ("bolt", "delete"): 2,
        ("sign", "delete"): 2,
        ("place", "delete"): 1,
    }
    assert (ids(db, "sign"), ids(db, "bolt")) == ([2], [2])


def test_a_composite_reference_with_a_null_points_at_nothing(db: Database) -> None:
    places(db)
    db.table(
        "sign",
        "id int",
        "kind varchar",
        "name varchar null",
        "region varchar null",
        rows=[
            (1, "place", "x", "n"),
            (2, "place", "x", None),
            (3, "place", None, "n"),
            (4, "road", "x", "n"),
            (5, "place", "x", "s"),
            (6, "place", "y", "n"),
        ],
    )
    db.execute("CREATE INDEX idx_sign ON sign (name, region)")
    declared(
        db,
        "sign_place",
        "sign",
        "",
        "place",
        columns=["name", "region"],
        to=["name", "region"],
        by="kind",
        value="place",
    )
    for place, left in ((1, [2, 3, 4, 5, 6]), (3, [2, 3, 4, 5, 6]), (4, [2, 3, 4, 6])):
        job = db.delete("place", place)
        assert (job.status, job.error) == ("done", None)
        assert ids(db, "sign") == left


def test_columns_that_hold_more_than_a_unique_key_are_compared_as_a_whole(db: Database) -> None:
    places(db)
    db.table(
        "sign",
        "id int",
        "place_id int",
        "region varchar null",
        rows=[(1, 1, "n"), (2, 1, "s"), (3, 1, None), (4, 4, "s")],
    )
    db.execute("CREATE INDEX idx_sign ON sign (place_id, region)")
    declared(
        db, "sign_place", "sign", "", "place", columns=["place_id", "region"], to=["id", "region"]
    )
    assert db.delete("place", 1).status == "done"
    assert ids(db, "sign") == [2, 3, 4]


def test_of_a_root_that_is_gone_rows_by_the_key_that_the_job_names_are_cleaned(
    db: Database,
) -> None:
    places(db)
    db.table("sign", "id int", "place_id int", rows=[(1, 1), (2, 2)])
    db.table("bolt", "id int", "place_code varchar", rows=[(1, "A"), (2, "B")])
    db.table("nut", "id int", "sign_id int", rows=[(1, 1), (2, 2)])
    for table, column in (("sign", "place_id"), ("bolt", "place_code"), ("nut", "sign_id")):
        db.execute(f"CREATE INDEX idx_{table} ON {table} ({column})")
    declared(db, "sign_place", "sign", "place_id", "place")
    declared(db, "bolt_place", "bolt", "place_code", "place", to=["code"])
    declared(db, "nut_sign", "nut", "sign_id", "sign")
    db.execute("DELETE FROM place WHERE id = 1")
    job = db.delete("place", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("place", "root_not_found"): 0,
        ("sign", "delete"): 1,
        ("nut", "delete"): 1,
    }
    # Nobody can know which code the row had.
    assert (ids(db, "sign"), ids(db, "nut"), ids(db, "bolt")) == ([2], [2], [1, 2])


def test_of_a_composite_root_that_is_gone_rows_of_its_kind_are_cleaned(db: Database) -> None:
    db.table("place", "region varchar", "no int", key=("region", "no"))
    db.register_deletion_target("place")
    db.table(
        "sign",
        "id int",
        "no int",
        "region varchar",
        "kind varchar",
        rows=[(1, 7, "it's", "p"), (2, 7, "it's", "q"), (3, 8, "it's", "p"), (4, 7, "its", "p")],
    )
    db.execute("CREATE INDEX idx_sign ON sign (no, region)")
    declared(
        db,
        "sign_place",
        "sign",
        "",
        "place",
        columns=["no", "region"],
        to=["no", "region"],
        by="kind",
        value="p",
    )
    job = db.delete("place", '["it\'s", "007"]')
    assert db.receipts(job.id) == {("place", "root_not_found"): 0, ("sign", "delete"): 1}
    assert ids(db, "sign") == [2, 3, 4]


# -- Types and collations --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "child"), [("bigint", "varchar"), ("date", "int"), ("moment", "zoned")]
)
@pytest.mark.parametrize("turned", [False, True])
def test_columns_that_only_a_conversion_can_compare_are_refused(
    db: Database, parent: str, child: str, turned: bool
) -> None:
    kinds = {
        "moment": db.either(mysql="datetime(6)", postgres="timestamp(6)"),
        "zoned": db.either(mysql="timestamp(6)", postgres="timestamptz(6)"),
    }
    columns = [kinds.get(kind, kind) for kind in (parent, child)][:: -1 if turned else 1]
    db.table("word", f"id {columns[0]}")
    db.table("note", "id int", f"about {columns[1]}")
    with db.error(
        "JD002", "declare_deletion_reference: child and parent columns cannot be compared"
    ):
        declared(db, "note_about", "note", "about", "word")


def test_a_foreign_key_between_moments_with_and_without_a_zone_is_refused(
    postgres: Database,
) -> None:
    """Which rows belong together would hang from the time zone of whoever asks."""
    postgres.script(
        postgres="CREATE TABLE word (id timestamptz PRIMARY KEY);"
        " CREATE TABLE note (id int PRIMARY KEY, about timestamp REFERENCES word ON DELETE CASCADE)"
    )
    postgres.register_deletion_target("word")
    with postgres.error("JD005", "compile_deletion_plan: columns that cannot be compared exactly"):
        postgres.compile_deletion_plan("word")


def test_columns_of_different_widths_are_compared(db: Database) -> None:
    customers(db)
    db.table("note", "id int", "about smallint", rows=[(1, 1), (2, 2)])
    db.index("note", "about")
    db.execute("CREATE INDEX idx_note ON note (about)")
    declared(db, "note_about", "note", "about", "customer")
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [2]


def folding(db: Database) -> tuple[str, str]:
    """Give a type of texts that are told apart by case, and one that are not."""
    db.script(
        postgres="CREATE COLLATION IF NOT EXISTS fold_case"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    )
    return db.either(
        mysql=("VARCHAR(20) COLLATE utf8mb4_0900_as_cs", "VARCHAR(20) COLLATE utf8mb4_0900_ai_ci"),
        postgres=('varchar(20) COLLATE "C"', "varchar(20) COLLATE fold_case"),
    )


@pytest.mark.parametrize("turned", [False, True])
def test_columns_under_different_collations_are_refused(db: Database, turned: bool) -> None:
    parent, child = folding(db)[:: -1 if turned else 1]
    db.execute(f"CREATE TABLE word (id {parent} NOT NULL PRIMARY KEY)")
    db.execute(f"CREATE TABLE note (id int PRIMARY KEY, about {child})")
    with db.error(
        "JD002", "declare_deletion_reference: child and parent columns have different collations"
    ):
        declared(db, "note_about", "note", "about", "word")


@pytest.mark.parametrize("turned", [False, True])
def test_a_collation_that_changes_after_a_declaration_stops_the_job(
    db: Database, turned: bool
) -> None:
    exact, folded = folding(db)[:: -1 if turned else 1]
    db.execute(f"CREATE TABLE word (id {exact} NOT NULL PRIMARY KEY)")
    db.execute(f"CREATE TABLE note (id int PRIMARY KEY, about {exact})")
    db.execute("CREATE INDEX idx_note ON note (about)")
    for table in ("word", "note"):
        db.grant_to_owner(table)
    db.insert("word", [("abc",)])
    db.insert("note", [(1, "ABC")])
    db.register_deletion_target("word")
    declared(db, "note_about", "note", "about", "word")
    db.script(
        mysql=f"ALTER TABLE note MODIFY about {folded}",
        postgres=f"ALTER TABLE note ALTER about TYPE {folded}",
    )
    job = db.delete("word", "abc")
    assert (job.status, job.error) == (
        "failed",
        "JD005: columns that cannot be compared exactly: note_about",
    )
    assert (db.count("word"), db.count("note")) == (1, 1)


@pytest.mark.parametrize("declares", [False, True])
def test_texts_under_two_exact_collations_are_compared_byte_by_byte(
    postgres: Database, declares: bool
) -> None:
    postgres.script(
        postgres='CREATE TABLE word (id text COLLATE "C" PRIMARY KEY, up text COLLATE "POSIX");'
        ' CREATE TABLE note (id int PRIMARY KEY, about text COLLATE "POSIX");'
        ' CREATE TABLE tag (id int PRIMARY KEY, note_id int, about text COLLATE "en-x-icu");'
        " CREATE INDEX ON note (about); CREATE INDEX ON tag (about); CREATE INDEX ON word (up)"
    )
    for table in ("word", "note", "tag"):
        postgres.grant_to_owner(table)
        if declares and table != "word":
            declared(postgres, f"{table}_about", table, "about", "word")
        elif table != "word":
            postgres.add_reference(table, Reference("about", "word", "cascade"))
    postgres.add_reference("word", Reference("up", "word", "cascade"))
    postgres.insert("word", [("a", None), ("A", None), ("b", "a"), ("c", "b"), ("B", "A")])
    postgres.insert("note", [(1, "a"), (2, "A"), (3, "c")])
    postgres.insert("tag", [(1, 1, "a"), (2, 1, "A"), (3, 1, "b")])
    postgres.register_deletion_target("word")
    for batch_rows in (1, 5000):
        postgres.set_deletion_setting("batch_rows", batch_rows)
        root, left = ("a", [2]) if batch_rows == 1 else ("A", [])
        job = postgres.delete("word", root)
        assert (job.status, job.error) == ("done", None)
        assert (ids(postgres, "note"), ids(postgres, "tag")) == (left, left)
    assert postgres.count("word") == 0


# -- Schemas ---------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["child", "parent"])
def test_a_declared_reference_may_lead_to_another_schema(db: Database, other: str) -> None:
    schema = f"{db.home.database}_other"
    db.execute(f"CREATE SCHEMA {schema}")
    db.script(postgres=f"GRANT USAGE ON SCHEMA {schema} TO deletion_jobs_owner")
    parent = f"{schema}.word" if other == "parent" else "word"
    child = f"{schema}.note" if other == "child" else "note"
    try:
        db.table(parent, "id int", rows=[(1,), (2,)])
        db.table(
            child,
            "id int",
            "about int",
            "kind varchar",
            rows=[(1, 1, "w"), (2, 2, "w"), (3, 1, "v")],
        )
        db.execute(f"CREATE INDEX idx_note ON {child} (about)")
        db.register_deletion_target(parent)
        declared(db, "note_about", child, "about", parent, by="kind", value="w")
        job = db.delete(parent, 1)
        assert (job.status, job.error) == ("done", None)
        assert db.receipts(job.id) == {(child, "delete"): 1, (parent, "delete"): 1}
        assert db.column(f"SELECT id FROM {child} ORDER BY id") == [2, 3]
        assert db.column(f"SELECT id FROM {parent}") == [2]
    finally:
        db.execute(f"DROP SCHEMA {schema}" + db.either(mysql="", postgres=" CASCADE"))


# -- Indexes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [None, "about_type", "about", "about_type, about"])
def test_a_large_table_needs_an_index_on_the_declared_columns(
    db: Database, index: str | None
) -> None:
    customers(db)
    db.table(
        "note",
        "id bigint",
        "about bigint",
        "about_type varchar",
        rows=[(n, 1 + n % 2, "Customer" if n % 3 else "Order") for n in range(12)],
    )
    if index:
        db.execute(f"CREATE INDEX idx_note ON note ({index})")
    declare(db)
    db.set_deletion_setting("unindexed_limit_rows", 11)
    job = db.delete("customer", 1)
    if index in {None, "about_type"}:
        assert (job.status, job.error) == (
            "failed",
            "JD008: note_about_customer of note has no index and the table over 11 rows",
        )
        assert (db.count("note"), db.count("customer")) == (12, 3)
        db.set_deletion_setting("unindexed_limit_rows", 12)
        job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "note") == [0, 1, 3, 5, 6, 7, 9, 11]


def test_a_discriminator_is_no_place_where_a_statement_goes_on(db: Database) -> None:
    value = db.either(mysql="\n    ORDER BY ", postgres=" OFFSET 0) AS t")
    customers(db)
    db.table(
        "note",
        "id bigint",
        "about_id bigint",
        "about_type varchar",
        "answers_id bigint null",
        rows=[(1, 1, value, None), (2, 2, "other", 1), (3, 1, "other", None)],
    )
    db.add_reference("note", Reference("answers_id", "note", "cascade"))
    db.declare_deletion_reference(
        "note_about", "note", ["about_id"], "customer", ["id"], "cascade", "about_type", value
    )
    db.register_deletion_target("customer")
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [3]
    for kind in db.either(mysql=["fetch_beyond"], postgres=["fetch_beyond", "above"]):
        (text,) = db.column(
            "SELECT sql_text FROM deletion_plan_steps"
            " WHERE kind = %s AND reference_name = 'note_about'",
            kind,
        )
        assert text.count(f"'{value}'") == 1, text


def test_a_reference_with_a_rule_is_declared_again(db: Database) -> None:
    notes(db)
    declare(db)
    db.set_deletion_rule("note", "note_about_customer", "keep")
    declare(db, action="set_null")
    assert db.column("SELECT action FROM deletion_rules") == ["keep"]
    db.delete("customer", 1)
    assert db.count("note", "about IS NULL") == 0
    db.table("memo", "id bigint", "about bigint null", rows=[(1, 2)])
    db.execute("CREATE INDEX idx_memo_about ON memo (about)")
    declare(db, child_table="memo", discriminator_column=None, discriminator_value=None)
    assert db.count("deletion_rules") == 0
    db.delete("customer", 2)
    assert db.count("memo") == 0


# -- Declarations that fit the catalog no more -----------------------------------------------


def lost(db: Database, table: str) -> str:
    """Write the error of every job while a table of note_about_customer is not found."""
    return (
        f"JD005: the declared reference note_about_customer fits no table (no {table}):"
        f" declare it anew, or {forget(db)}"
    )


def forget(db: Database) -> str:
    """Write the call that takes the reference back, as the database's own advice does."""
    return db.either(
        mysql=f"CALL `{db.home.database}`.declare_deletion_reference('note_about_customer',"
        " NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
        postgres=f"CALL {db.home.schema}.declare_deletion_reference('note_about_customer');",
    )


@pytest.mark.parametrize("table", ["note", "customer"])
@pytest.mark.parametrize("is_gone", [False, True])
def test_a_reference_whose_table_is_not_found_stops_every_job(
    db: Database, table: str, is_gone: bool
) -> None:
    notes(db)
    declare(db)
    db.table("other", "id bigint", rows=[(1,), (2,)])
    db.register_deletion_target("other")
    db.compile_deletion_plan("other")
    db.compile_deletion_plan("customer")
    if is_gone:
        db.execute(f"DROP TABLE {table}")
    else:
        db.execute(f"ALTER TABLE {table} RENAME TO renamed")
        db.grant_to_owner("renamed")
    jobs = [db.delete("other", 1)] + ([db.delete("customer", 1)] if table == "note" else [])
    assert [(job.status, job.error) for job in jobs] == [("failed", lost(db, table))] * len(jobs)
    with db.error("JD005", "note_about_customer fits no table", changes=db.engine == "mysql"):
        db.preview_deletion("other", 1)
    query = (
        "SELECT problem, subject, detail, mend_sql FROM vw_deletion_problems"
        " WHERE problem LIKE '%without%'"
    )
    assert db.connect("reader").rows(query) == [
        (
            "reference without table",
            "note_about_customer",
            f"the declared reference note_about_customer fits no table (no {table}), and every job"
            " fails: declare it anew, or take this away",
            forget(db),
        )
    ]
    db.execute(forget(db))
    assert db.rows(query) == []
    assert db.delete("other", 2).status == "done"
    for job in jobs[1:]:
        db.retry_deletion(job.id)
        db.run()
        assert db.status(job.id) == "done"


@pytest.mark.parametrize("table", ["note", "visit"])
def test_a_reference_whose_table_is_renamed_in_the_middle_of_a_run_stops_the_job(
    db: Database, table: str
) -> None:
    """Also where it is a table in the middle of the plan that has another name."""
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1) for n in range(9)],
    )
    db.table("note", "id bigint", "about bigint null", rows=[(n, n) for n in range(9)])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    declare(db, parent_table="visit", discriminator_column=None, discriminator_value=None)
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.execute(f"ALTER TABLE {table} RENAME TO renamed")
    db.grant_to_owner("renamed")
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("failed", lost(db, table))
    assert ids(db, "note" if table == "visit" else "renamed") != []
    assert ids(db, "customer") == [1, 2, 3]
    db.execute(f"ALTER TABLE renamed RENAME TO {table}")
    db.retry_deletion(job_id)
    db.run()
    assert (db.status(job_id), db.count("visit"), db.count("note")) == ("done", 0, 0)


@pytest.mark.parametrize("by_rule", [False, True])
def test_what_is_kept_stops_nothing_when_its_table_is_gone(db: Database, by_rule: bool) -> None:
    notes(db)
    declare(db, action="cascade" if by_rule else "keep")
    if by_rule:
        db.set_deletion_rule("note", "note_about_customer", "keep")
    db.execute("DROP TABLE note")
    assert db.delete("customer", 1).status == "done"


@pytest.mark.parametrize("root", ["customer", "shop"])
@pytest.mark.parametrize("soft", [False, True])
def test_a_reference_whose_parents_are_unique_no_more_stops_the_job(
    db: Database, root: str, soft: bool
) -> None:
    """Rows that two parents share must not go with one of them."""
    db.table("shop", "id bigint", "gone boolean null", rows=[(1, None), (2, None)])
    db.table(
        "customer",
        "id bigint",
        "shop_id bigint",
        "code bigint",
        "gone boolean null",
        references=[Reference("shop_id", "shop", "cascade")],
        rows=[(1, 1, 7, None), (2, 2, 8, None)],
    )
    db.table("note", "id bigint", "code bigint null", "gone boolean null", rows=[(1, 7, None)])
    db.execute("CREATE UNIQUE INDEX uq_code ON customer (code)")
    db.execute("CREATE INDEX idx_note_code ON note (code)")
    db.declare_deletion_reference("note_code", "note", ["code"], "customer", ["code"], "cascade")
    db.register_deletion_target(root)
    for table in ("shop", "customer", "note"):
        db.set_soft_deletion(table, "gone")
    db.compile_deletion_plan(root)
    db.script(mysql="DROP INDEX uq_code ON customer", postgres="DROP INDEX uq_code")
    db.execute("CREATE INDEX idx_code ON customer (code)")
    db.insert("customer", [(3, 2, 7, None)])
    job_id = db.enqueue_deletion(root, 1, hard_delete=not soft)
    db.run()
    assert (db.job(job_id).error or "").startswith("JD005: ")
    assert "note_code" in (db.job(job_id).error or "")
    assert (db.count(root, "gone IS NULL"), db.count("note", "gone IS NULL")) == (
        3 if root == "customer" else 2,
        1,
    )


def test_a_discriminator_that_takes_its_value_no_more_takes_no_other_rows(db: Database) -> None:
    """Cast to a column that was narrowed, the value would become that of another kind."""
    customers(db)
    db.table("note", "id bigint", "about bigint", "about_type varchar")
    db.insert("note", [(1, 1, "Post"), (2, 1, "Other"), (3, 2, "Post")])
    db.execute("CREATE INDEX idx_note_about ON note (about, about_type)")
    declare(db, discriminator_value="Postcard")
    db.compile_deletion_plan("customer")
    db.script(
        mysql="ALTER TABLE note MODIFY about_type VARCHAR(5) NOT NULL",
        postgres="ALTER TABLE note ALTER about_type TYPE varchar(4) USING left(about_type, 4)",
    )
    job = db.delete("customer", 1)
    if db.engine == "postgres":
        assert job.error == (
            "JD005: the declared reference note_about_customer: the discriminator value is none of"
            " its column"
        )
        assert ids(db, "customer") == [1, 2, 3]
    else:
        # Compared as it is, and equal to none.
        assert job.status == "done"
    assert ids(db, "note") == [1, 2, 3]


@pytest.mark.parametrize("parent", ["customer", "zone"])
@pytest.mark.parametrize("hard", [True, False])
def test_a_foreign_key_that_takes_the_name_of_a_declared_reference_stops_the_plan(
    db: Database, parent: str, hard: bool
) -> None:
    """Rules name references: nobody could tell which of the two is meant."""
    gone = "gone boolean null"
    db.table("customer", "id bigint", gone, rows=[(1, None), (2, None)])
    db.table("zone", "id bigint", rows=[(1,), (2,)])
    db.table(
        "note",
        "id bigint",
        "about bigint null",
        "at bigint null",
        gone,
        rows=[(1, 1, 1, None), (2, 2, 2, None)],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference(
        "note_about", "note", ["about"], "customer", ["id"], "cascade", None, None
    )
    db.register_deletion_target("customer")
    for table in ("customer", "note"):
        db.set_soft_deletion(table, "gone")
    db.compile_deletion_plan("customer")
    db.add_reference("note", Reference("at", parent, "cascade", name="note_about"))
    # Of a key to a table that is not in the plan only a new plan knows.
    db.declare_deletion_reference("other", "zone", ["id"], "customer", ["id"], "keep")
    before = db.application_contents()
    job_id = db.enqueue_deletion("customer", 1, hard_delete=hard)
    db.run()
    error = "note has a foreign key and a declared reference of one name (note_about)"
    assert db.job(job_id).error == f"JD005: {error}"
    assert db.application_contents() == before
    # The plan that it compiles stays, with its error.
    with db.error("JD005", "preview_deletion: ", changes=True) as raised:
        db.preview_deletion("customer", 1)
    assert error in raised.message
    db.declare_deletion_reference("note_about")
    db.retry_deletion(job_id)
    db.run()
    assert db.status(job_id) == "done"
