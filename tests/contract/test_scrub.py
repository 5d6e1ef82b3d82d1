"""Rules that scrub: rows that the law wants kept, without the one whom they were about."""

from typing import Any

import pytest

from tests.contract.schemas import customers, ids, in_small_steps
from tests.database import Database, Preview, Reference


def invoices(db: Database, key: bool = True) -> None:
    """Make invoice, which names its customer in words too: three invoices of each."""
    customers(db)
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint null",
        "buyer varchar null",
        "town varchar",
        "amount decimal null",
        references=[Reference("customer_id", "customer", "cascade")] if key else [],
        rows=[
            (10 * c + i, c, f"Name {c}", f"Town {c}", "12.50") for c in (1, 2, 3) for i in (1, 2, 3)
        ],
    )


def scrub(db: Database, values: dict[str, Any] | str | None) -> None:
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "scrub", values)


def test_a_scrubbed_row_stays_without_its_parent(db: Database) -> None:
    invoices(db)
    scrub(db, {"buyer": None, "town": 'it\'s "gone" \\ %s'})
    foreseen = db.preview_deletion("customer", 1)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("invoice", "scrub"): 3}
    assert {(row.table_name, row.action, row.row_count) for row in foreseen} == {
        ("customer", "delete", 1),
        ("invoice", "scrub", 3),
    }
    assert db.rows(
        "SELECT id, customer_id, buyer, town FROM invoice WHERE id < 22 ORDER BY id"
    ) == [
        (11, None, None, 'it\'s "gone" \\ %s'),
        (12, None, None, 'it\'s "gone" \\ %s'),
        (13, None, None, 'it\'s "gone" \\ %s'),
        (21, 2, "Name 2", "Town 2"),
    ]


def test_scrubbed_rows_are_found_once_and_in_batches(db: Database) -> None:
    in_small_steps(db)
    invoices(db)
    scrub(db, {"buyer": "x"})
    db.script(
        mysql="CREATE TABLE seen (id BIGINT); CREATE TRIGGER tr_seen AFTER UPDATE ON invoice"
        " FOR EACH ROW INSERT INTO seen VALUES (old.id)",
        postgres="CREATE TABLE seen (id bigint); CREATE FUNCTION see() RETURNS trigger"
        " LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$BEGIN INSERT INTO seen VALUES (old.id); RETURN NULL; END$$;"
        " CREATE TRIGGER tr_seen AFTER UPDATE ON invoice FOR EACH ROW EXECUTE FUNCTION see()",
    )
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert ids(db, "seen") == [11, 12, 13]
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("invoice", "scrub"): 3}


def test_a_declared_reference_may_scrub(db: Database) -> None:
    invoices(db, key=False)
    db.execute("CREATE INDEX idx_invoice_customer ON invoice (customer_id)")
    db.declare_deletion_reference(
        "invoice_of", "invoice", ["customer_id"], "customer", ["id"], "cascade"
    )
    db.set_deletion_rule("invoice", "invoice_of", "scrub", {"amount": 0, "buyer": "-"})
    job = db.delete("customer", 2)
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("invoice", "scrub"): 3}
    assert db.count("invoice", "customer_id IS NULL AND amount = 0 AND buyer = '-'") == 3


def test_what_the_same_job_deletes_counts_as_deleted(db: Database) -> None:
    customers(db)
    db.table(
        "folder",
        "id bigint",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1), (2, 2)],
    )
    db.table(
        "paper",
        "id bigint",
        "folder_id bigint null",
        "customer_id bigint null",
        "name text null",
        references=[
            Reference("folder_id", "folder", "cascade"),
            Reference("customer_id", "customer", "cascade"),
        ],
        rows=[(1, 1, 1, "a"), (2, 2, 1, "b"), (3, 1, 2, "c"), (4, 2, 2, "d")],
    )
    db.set_deletion_rule("paper", "fk_paper_customer_id", "scrub", {"name": None})
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("customer", 1)
    }
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert (
        db.receipts(job.id)
        == foreseen
        == {
            ("customer", "delete"): 1,
            ("folder", "delete"): 1,
            ("paper", "delete"): 2,
            ("paper", "scrub"): 1,
        }
    )
    assert db.rows("SELECT id, folder_id, customer_id, name FROM paper ORDER BY id") == [
        (2, 2, None, None),
        (4, 2, 2, "d"),
    ]


def test_a_row_that_two_references_set_counts_as_scrubbed(db: Database) -> None:
    customers(db)
    columns = ["id bigint", "zone_id bigint null", "about_id bigint null", "name text null"]
    db.table(
        "note",
        *columns,
        references=[
            Reference("about_id", "customer", "set null"),
            Reference("zone_id", "customer", "set null"),
        ],
        rows=[(1, 1, 1, "a"), (2, 1, None, "b"), (3, None, 1, "c"), (4, 2, 1, "d")],
    )
    db.set_deletion_rule("note", "fk_note_zone_id", "scrub", {"name": "-"})
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("customer", 1)
    }
    job = db.delete("customer", 1)
    assert (
        db.receipts(job.id)
        == foreseen
        == {("customer", "delete"): 1, ("note", "scrub"): 2, ("note", "set_null"): 2}
    )


def test_a_row_that_two_references_set_by_the_same_columns_is_scrubbed(db: Database) -> None:
    customers(db)
    columns = ["id bigint", "customer_id bigint null", "name text null"]
    db.table(
        "note",
        *columns,
        references=[
            Reference("customer_id", "customer", "set null", name="fk_note_first"),
            Reference("customer_id", "customer", "set null", name="fk_note_second"),
        ],
        rows=[(1, 1, "a"), (2, 1, "b"), (3, 2, "c")],
    )
    db.set_deletion_rule("note", "fk_note_second", "scrub", {"name": "-"})
    foreseen = {
        (row.table_name, row.action): row.row_count for row in db.preview_deletion("customer", 1)
    }
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == foreseen == {("customer", "delete"): 1, ("note", "scrub"): 2}
    assert db.rows("SELECT customer_id, name FROM note ORDER BY id") == [
        (None, "-"),
        (None, "-"),
        (2, "c"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        None,
        "{}",
        "[]",
        '"buyer"',
        {"nothing": None},
        {"Buyer": None},
        {"id": 5},
        {"customer_id": 5},
        {"town": None},
        {"buyer": "x" * 65},
        {"buyer": ["x"]},
        {"buyer": {"a": 1}},
        {"amount": "1.234"},
        {"amount": "12x"},
        {"amount": "99999999999999"},
        {"buyer": None, "town = 'x', amount": "1"},
    ],
)
def test_what_does_not_fit_the_columns_is_refused(db: Database, values: Any) -> None:
    invoices(db)
    with db.error("JD002", "set_deletion_rule: "):
        scrub(db, values)
    assert db.count("deletion_rules") == 0


def test_columns_that_cannot_be_scrubbed_are_refused(db: Database) -> None:
    customers(db)
    db.script(
        mysql="CREATE TABLE card (id BIGINT PRIMARY KEY, customer_id BIGINT NULL,"
        " owner_id BIGINT NOT NULL, number VARCHAR(20) UNIQUE, half INT AS (id DIV 2) STORED,"
        " CONSTRAINT fk_card_customer FOREIGN KEY (customer_id) REFERENCES customer (id)"
        " ON DELETE CASCADE, CONSTRAINT fk_card_owner FOREIGN KEY (owner_id)"
        " REFERENCES customer (id) ON DELETE CASCADE)",
        postgres="CREATE TABLE card (id bigint PRIMARY KEY, customer_id bigint NULL,"
        " owner_id bigint NOT NULL, number varchar(20) UNIQUE,"
        " half integer GENERATED ALWAYS AS (id / 2) STORED,"
        " CONSTRAINT fk_card_customer FOREIGN KEY (customer_id) REFERENCES customer (id)"
        " ON DELETE CASCADE, CONSTRAINT fk_card_owner FOREIGN KEY (owner_id)"
        " REFERENCES customer (id) ON DELETE CASCADE)",
    )
    refused: list[tuple[dict[str, Any], str]] = [
        ({"half": 1}, "generated"),
        ({"number": "x"}, "unique"),
        ({"owner_id": 1}, "reference"),
        ({"id": 1}, "key"),
    ]
    for values, why in refused:
        with db.error("JD002", "set_deletion_rule: ") as raised:
            db.set_deletion_rule("card", "fk_card_customer", "scrub", values)
        assert why in raised.message
    with db.error("JD002", "set_deletion_rule: ") as raised:
        db.set_deletion_rule("card", "fk_card_owner", "scrub", {"number": None})
    assert "owner_id" in raised.message
    db.set_deletion_rule("card", "fk_card_customer", "scrub", {"number": None})


MADE = {
    "a reference": "of a reference",
    "a reference twice": "of a reference",
    "what is referred to": "of a reference",
    "a declared reference": "of a reference",
    "a discriminator": "of a reference",
    "the key": "of the key",
    "a unique key": "what is unique",
    "a unique key of two": "what is unique",
    "a unique expression": "what is unique",
}


def made(db: Database, name: str, base: str, more: str = "") -> None:
    """Add a column to invoice that the engine makes from another."""
    db.script(
        mysql=f"ALTER TABLE invoice ADD {name} BIGINT AS ({base}) STORED {more}",
        postgres=f"ALTER TABLE invoice ADD {name} bigint GENERATED ALWAYS AS ({base}) STORED"
        f" {more}",
    )


def made_of_base(db: Database, what: str) -> None:
    """Make a column of invoice.base that decides by which rows are found, or must differ."""
    if what == "a reference twice" and db.engine == "mysql":
        made(db, "half", "base")
        made(db, "zone_id", "half + 0")
    elif what == "a unique expression":
        db.execute(f"CREATE UNIQUE INDEX uq_e ON {db.quote('invoice')} ((abs(base)))")
        return
    else:
        made(db, "zone_id", "base", "NOT NULL" if what == "the key" else "")
    db.execute("CREATE INDEX idx_zone ON invoice (customer_id, zone_id)")
    if what.startswith("a reference"):
        db.add_reference("invoice", Reference("zone_id", "zone"))
    elif what == "what is referred to":
        db.execute("ALTER TABLE invoice ADD UNIQUE (zone_id)")
        db.table("part", "id bigint", "invoice_zone bigint", rows=[])
        db.add_reference("part", Reference("invoice_zone", "invoice", to="zone_id"))
    elif what == "a declared reference":
        db.declare_deletion_reference(
            "of_zone", "invoice", ["zone_id"], "zone", ["id"], "cascade", None, None
        )
    elif what == "a discriminator":
        db.declare_deletion_reference(
            "of_kind", "invoice", ["customer_id"], "zone", ["id"], "cascade", "zone_id", "1"
        )
    elif what == "the key":
        db.script(
            mysql="ALTER TABLE invoice DROP PRIMARY KEY, ADD PRIMARY KEY (id, zone_id)",
            postgres="ALTER TABLE invoice DROP CONSTRAINT invoice_pkey,"
            " ADD PRIMARY KEY (id, zone_id)",
        )
    else:
        columns = "zone_id" if what == "a unique key" else "town, zone_id"
        db.execute(f"ALTER TABLE invoice ADD UNIQUE ({columns})")


def invoices_of_zones(db: Database) -> None:
    invoices(db)
    db.table("zone", "id bigint", rows=[(n,) for n in range(40)])
    db.execute("ALTER TABLE invoice ADD base BIGINT NULL")
    db.execute("UPDATE invoice SET base = id")
    db.script(postgres="ANALYZE invoice")


@pytest.mark.parametrize("what", list(MADE))
def test_a_column_is_not_scrubbed_that_another_is_made_from(db: Database, what: str) -> None:
    invoices_of_zones(db)
    made_of_base(db, what)
    with db.error("JD002", "set_deletion_rule: ") as raised:
        scrub(db, {"base": 5})
    assert f"{MADE[what]} is made from it" in raised.message, raised
    assert "base" in raised.message


@pytest.mark.parametrize("what", list(MADE))
def test_a_scrubbed_column_that_another_is_made_from_later_stops_the_plan(
    db: Database, what: str
) -> None:
    invoices_of_zones(db)
    scrub(db, {"base": 5})
    db.register_deletion_target("zone")
    made_of_base(db, what)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:5]) == ("failed", "JD005")
    assert f"{MADE[what]} is made from it (base)" in (job.error or "")
    assert db.application_contents() == before


def test_a_column_is_scrubbed_that_an_ordinary_one_is_made_from(db: Database) -> None:
    invoices_of_zones(db)
    made(db, "twice", "base * 2")
    db.execute("CREATE INDEX idx_twice ON invoice (twice)")
    scrub(db, {"base": 5})
    assert db.delete("customer", 1).status == "done"
    assert db.count("invoice", "twice = 10") == 3


def test_unique_columns_become_null_with_what_they_are_made_from(db: Database) -> None:
    invoices_of_zones(db)
    made(db, "twice", "base * 2", "UNIQUE")
    db.execute(f"CREATE UNIQUE INDEX uq_e ON {db.quote('invoice')} ((abs(base)))")
    scrub(db, {"base": None})
    assert db.delete("customer", 1).status == "done"
    assert db.count("invoice", "twice IS NULL") == 3


def test_only_scrub_takes_constants(db: Database) -> None:
    invoices(db)
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null", {"buyer": None})


def test_our_own_tables_are_never_scrubbed(db: Database) -> None:
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule("deletion_jobs", "fk_dj_user", "scrub", {"reason": None})


def test_a_column_that_must_hold_a_value_later_blocks(db: Database) -> None:
    invoices(db)
    scrub(db, {"buyer": "-"})
    db.execute(
        db.either(
            mysql="ALTER TABLE invoice MODIFY customer_id BIGINT NOT NULL",
            postgres="ALTER TABLE invoice ALTER customer_id SET NOT NULL",
        )
    )
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:5]) == ("failed", "JD006")
    assert db.count("customer") == 3


def test_a_scrubbed_column_that_is_gone_stops_the_plan(db: Database) -> None:
    invoices(db)
    scrub(db, {"buyer": "-"})
    db.execute("ALTER TABLE invoice DROP COLUMN buyer")
    job = db.delete("customer", 1)
    assert (job.status, (job.error or "")[:5]) == ("failed", "JD005")
    assert "fk_invoice_customer_id" in (job.error or "")
    assert (db.count("customer"), db.count("invoice")) == (3, 9)


def test_the_plan_shows_the_constants_as_quoted_literals(db: Database) -> None:
    invoices(db)
    scrub(db, {"town": "x', amount = 0 -- "})
    db.compile_deletion_plan("customer")
    assert db.delete("customer", 1).status == "done"
    assert db.column("SELECT DISTINCT town FROM invoice WHERE customer_id IS NULL") == [
        "x', amount = 0 -- "
    ]
    assert db.count("invoice", "amount = 0") == 0


def test_kept_rows_are_previewed_apart_and_never_checked(db: Database) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(1, 1), (2, 1), (3, 2)])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "keep")
    db.compile_deletion_plan("customer")
    assert Preview("note", "keep", "note_about", 2, False) in db.preview_deletion("customer", 1)
    assert db.column("SELECT DISTINCT in_check FROM deletion_plan_steps WHERE action = 'keep'") in (
        [False],
        [0],
    )
    db.revoke_from_owner("note", "SELECT")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "delete"): 1}
    assert ids(db, "note") == [1, 2, 3]


def test_a_table_without_a_key_may_be_kept(db: Database) -> None:
    customers(db)
    db.table("click", "about bigint null", key=None, rows=[(1,), (1,)])
    db.declare_deletion_reference("click_about", "click", ["about"], "customer", ["id"], "keep")
    assert db.delete("customer", 1).status == "done"
    assert db.count("click") == 2


def test_a_legal_hold_on_a_reference_stops_the_cascade_above_it(db: Database) -> None:
    invoices(db)
    db.table(
        "entry",
        "id bigint",
        "invoice_id bigint",
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[(1, 11), (2, 21)],
    )
    db.set_deletion_rule("entry", "fk_entry_invoice_id", "restrict")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of entry behind fk_entry_invoice_id")
    assert (db.count("customer"), db.count("invoice"), db.count("entry")) == (3, 9, 2)
    assert db.delete("customer", 3).status == "done"
