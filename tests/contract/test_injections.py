"""A hundred texts that try to become SQL, in every text argument of every verb.

None may be spliced: each call either takes the text as what it is or refuses it, and in both
cases the application's rows, the registered targets and the routines stay as they were.
"""

import contextlib
import json
from collections.abc import Callable

import psycopg
import pymysql
import pytest

from tests.contract.schemas import shop
from tests.database import Database

ENDS = ("", "'", '"', "`", "\\'", "')", "'))", "]", "1", "1'")
STATEMENTS = (
    "; DELETE FROM customer",
    "; DROP TABLE customer; --",
    " OR 1 = 1 --",
    " UNION SELECT id FROM customer --",
    "; UPDATE customer SET name = 'owned'; --",
    "/**/; TRUNCATE TABLE customer #",
    "\n;\nDELETE FROM deletion_targets;\n--",
    "; CALL register_deletion_target('line', NULL, NULL); --",
    " || (SELECT name FROM customer LIMIT 1) || ",
    "$dj$; DELETE FROM customer; $dj$",
)
INJECTIONS = [end + statement for end in ENDS for statement in STATEMENTS]

Verb = Callable[[Database, str], object]
VERBS: dict[str, Verb] = {
    "enqueue_deletion p_table": lambda db, text: db.enqueue_deletion(text, "1"),
    "enqueue_deletion p_pk": lambda db, text: db.enqueue_deletion("customer", text),
    "enqueue_deletion p_pk of text": lambda db, text: db.enqueue_deletion("label", text),
    "enqueue_deletion p_reason": lambda db, text: db.enqueue_deletion("invoice", "999", text),
    "enqueue_deletions p_table": lambda db, text: db.enqueue_deletions(text, ["1"]),
    "enqueue_deletions p_pks": lambda db, text: db.enqueue_deletions("label", [text, text + "x"]),
    "enqueue_deletions p_pks raw": lambda db, text: db.enqueue_deletions("label", text),
    "enqueue_deletions p_reason": lambda db, text: db.enqueue_deletions("invoice", [999], text),
    "register_deletion_target p_table": lambda db, text: db.register_deletion_target(text),
    "register_deletion_target p_key_columns": lambda db, text: db.register_deletion_target(
        "line", [text]
    ),
    "unregister_deletion_target p_table": lambda db, text: db.unregister_deletion_target(text),
    "set_deletion_rule p_child_table": lambda db, text: db.set_deletion_rule(
        text, "fk_line_invoice_id", "restrict"
    ),
    "set_deletion_rule p_reference": lambda db, text: db.set_deletion_rule(
        "line", text, "restrict"
    ),
    "set_deletion_rule p_action": lambda db, text: db.set_deletion_rule(
        "line", "fk_line_invoice_id", text
    ),
    "set_deletion_rule p_scrub": lambda db, text: db.set_deletion_rule(
        "line", "fk_line_invoice_id", "scrub", {text: text}
    ),
    "hold_deletion p_table": lambda db, text: db.hold_deletion(text, "1"),
    "hold_deletion p_pk": lambda db, text: db.hold_deletion("label", text),
    "hold_deletion p_reason": lambda db, text: db.hold_deletion("line", "1", text),
    "release_deletion_hold p_table": lambda db, text: db.release_deletion_hold(text, "1"),
    "release_deletion_hold p_pk": lambda db, text: db.release_deletion_hold("label", text),
    "declare_deletion_reference p_name": lambda db, text: db.declare_deletion_reference(
        text, "label", ["name"], "label", ["name"], "keep"
    ),
    "declare_deletion_reference p_child_table": lambda db, text: db.declare_deletion_reference(
        "r", text, ["name"], "label", ["name"], "keep"
    ),
    "declare_deletion_reference p_child_columns": lambda db, text: db.declare_deletion_reference(
        "r", "label", [text], "label", ["name"], "keep"
    ),
    "declare_deletion_reference p_parent_table": lambda db, text: db.declare_deletion_reference(
        "r", "label", ["name"], text, ["name"], "keep"
    ),
    "declare_deletion_reference p_parent_columns": lambda db, text: db.declare_deletion_reference(
        "r", "label", ["name"], "label", [text], "keep"
    ),
    "declare_deletion_reference p_action": lambda db, text: db.declare_deletion_reference(
        "r", "label", ["name"], "label", ["name"], text
    ),
    "declare_deletion_reference p_discriminator_column": (
        lambda db, text: db.declare_deletion_reference(
            "r", "label", ["name"], "label", ["name"], "keep", text, "x"
        )
    ),
    "set_deletion_setting p_name": lambda db, text: db.set_deletion_setting(text, "1"),
    "set_deletion_setting p_value": lambda db, text: db.set_deletion_setting("batch_rows", text),
    "pause_deletions p_reason": lambda db, text: db.pause_deletions(text),
    "compile_deletion_plan p_table": lambda db, text: db.compile_deletion_plan(text),
    "preview_deletion p_table": lambda db, text: db.preview_deletion(text, "1"),
    "preview_deletion p_pk": lambda db, text: db.preview_deletion("customer", text),
    "preview_deletion p_pk of text": lambda db, text: db.preview_deletion("label", text),
    "link_deletion_users p_table": lambda db, text: db.link_deletion_users(text, "id"),
    "link_deletion_users p_column": lambda db, text: db.link_deletion_users("customer", text),
}


def ready(db: Database) -> None:
    shop(db)
    db.register_deletion_target("invoice")
    db.table("label", "name varchar", key="name", rows=[("kept",)])
    db.register_deletion_target("label")


def routines(db: Database) -> list[str]:
    return sorted(
        db.column(
            db.either(
                mysql="SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
                " WHERE ROUTINE_SCHEMA = DATABASE()",
                postgres="SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
            )
        )
    )


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(INJECTIONS)) == 100


@pytest.mark.parametrize("argument", VERBS)
def test_no_text_becomes_sql(db: Database, argument: str) -> None:
    ready(db)
    before = db.application_contents()
    targets = db.rows("SELECT entity_table FROM deletion_targets ORDER BY 1")
    names = routines(db)
    refused = set()
    for text in INJECTIONS:
        try:
            VERBS[argument](db, text)
        except (psycopg.Error, pymysql.err.Error) as error:
            refused.add(getattr(error, "sqlstate", None))
    # Ours, or JSON that is none: never a syntax error, which would be text read as SQL.
    assert {code for code in refused if not str(code).startswith("JD")} <= {
        db.either(mysql="22032", postgres="22P02")
    }
    assert db.application_contents() == before
    assert db.rows("SELECT entity_table FROM deletion_targets ORDER BY 1") == targets
    assert routines(db) == names


def test_injected_keys_are_run_as_what_they_are(db: Database) -> None:
    ready(db)
    keys = [text for text in INJECTIONS if len(text) <= 64]
    assert len(keys) > 90
    db.insert("label", [(key,) for key in keys])
    assert db.enqueue_deletions("label", keys) == len(keys)
    before = {
        table: rows for table, rows in db.application_contents().items() if "label" not in table
    }
    db.run()
    assert db.rows("SELECT DISTINCT status, error FROM deletion_jobs") == [("done", None)]
    assert db.column("SELECT name FROM label") == ["kept"]
    assert {
        table: rows for table, rows in db.application_contents().items() if "label" not in table
    } == before


@pytest.mark.parametrize("key", ["id", None])
def test_injected_discriminators_are_values(db: Database, key: str | None) -> None:
    texts = [*INJECTIONS[:3], "t.k1", "@dj_k1"]
    db.table("customer", "id bigint", rows=[(n,) for n in range(1, 6)])
    db.register_deletion_target("customer")
    db.table(
        "note",
        "id bigint",
        "about bigint null",
        "kind varchar null",
        key=key,
        rows=[(n, n, text) for n, text in enumerate(texts, 1)],
    )
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    for number, text in enumerate(texts, 1):
        db.declare_deletion_reference(
            f"note_{number}", "note", ["about"], "customer", ["id"], "cascade", "kind", text
        )
    for number in range(1, 5):
        job = db.delete("customer", number)
        assert (job.status, job.error) == ("done", None)
        assert db.receipts(job.id) == {("customer", "delete"): 1, ("note", "delete"): 1}
    assert db.column("SELECT id FROM note") == [5]


def test_injected_reasons_are_kept_letter_by_letter(db: Database) -> None:
    ready(db)
    for number, text in enumerate(INJECTIONS):
        assert db.job(db.enqueue_deletion("customer", 1000 + number, text)).reason == text


def test_injected_names_of_tables_and_columns_are_names(db: Database) -> None:
    parent, child = "p'; DROP TABLE label; --", 'c"`); DELETE FROM label; --'
    column = "x' OR '1' = '1"
    ready(db)
    db.table(parent, "id bigint", rows=[(1,), (2,)])
    quoted = db.quote(column)
    db.script(
        mysql=f"CREATE TABLE {db.quote(child)} (id BIGINT PRIMARY KEY, {quoted} BIGINT,"
        f" FOREIGN KEY ({quoted}) REFERENCES {db.quote(parent)} (id) ON DELETE CASCADE)",
        postgres=f"CREATE TABLE {db.quote(child)} (id bigint PRIMARY KEY, {quoted} bigint"
        f" REFERENCES {db.quote(parent)} (id) ON DELETE CASCADE)",
    )
    db.grant_to_owner(child)
    db.insert(child, [(1, 1), (2, 2)])
    name = db.either(mysql=parent, postgres=db.quote(parent))
    db.register_deletion_target(name)
    job = db.delete(name, 1)
    assert (job.status, job.error) == ("done", None)
    assert (db.count(parent), db.count(child), db.count("label")) == (1, 1, 1)


def test_a_json_document_is_not_read_twice(db: Database) -> None:
    ready(db)
    for text in INJECTIONS:
        with contextlib.suppress(psycopg.Error, pymysql.err.Error):
            db.enqueue_deletion("customer", json.dumps([text]))
        with contextlib.suppress(psycopg.Error, pymysql.err.Error):
            db.enqueue_deletion("customer", json.dumps({"id": text}))
    assert db.count("deletion_jobs") == 0
