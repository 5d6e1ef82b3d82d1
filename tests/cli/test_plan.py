"""Looking at a plan before anything is deleted."""

import json

import pytest

from tests.migrations.places import Place

SHOP = """
CREATE TABLE customer (id {0} PRIMARY KEY);
CREATE TABLE invoice (id {0} PRIMARY KEY, customer_id {0} NOT NULL,
    CONSTRAINT invoice_customer FOREIGN KEY (customer_id) REFERENCES customer (id)
    ON DELETE CASCADE);
CREATE TABLE line (id {0} PRIMARY KEY, invoice_id {0} NOT NULL,
    CONSTRAINT line_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (id) ON DELETE CASCADE);
CREATE TABLE note (id {0} PRIMARY KEY, invoice_id {0},
    CONSTRAINT note_invoice FOREIGN KEY (invoice_id) REFERENCES invoice (id)
    ON DELETE SET NULL);
"""


@pytest.fixture
def shop(place: Place) -> Place:
    """An installation with a small shop whose customers may be deleted."""
    place.ok("apply", "--no-users-key")
    place.execute(SHOP.format("bigint"))
    place.execute("CALL register_deletion_target('customer', NULL, NULL)")
    return place


def test_without_a_plan_the_way_to_get_one_is_told(shop: Place) -> None:
    for command in ("plan", "grants"):
        done = shop.run(command, "customer")
        assert done.exit_code == 1
        assert "--compile" in done.stderr


def test_the_plan_is_shown_as_a_tree(shop: Place) -> None:
    lines = shop.ok("plan", "customer", "--compile").splitlines()
    assert lines[0] == "customer"
    assert "invoice cascade invoice_customer" in lines[1]
    assert "line cascade line_invoice" in lines[2]
    assert "note set_null note_invoice" in lines[3]
    assert lines[2].index("line") > lines[1].index("invoice")
    # MySQL makes an index for every foreign key; PostgreSQL leaves that to the DBA.
    assert ("no index" in lines[1]) == (shop.engine == "postgres")


def test_the_plan_as_json_holds_the_sql_that_runs(shop: Place) -> None:
    shop.ok("plan", "customer", "--compile")
    steps = json.loads(shop.ok("plan", "customer", "--json"))["steps"]
    assert {step["table_name"] for step in steps} == {"customer", "invoice", "line", "note"}
    assert any("DELETE" in (step["sql_text"] or "") for step in steps)


def test_the_grants_are_those_that_the_owner_needs(shop: Place) -> None:
    shop.ok("plan", "customer", "--compile")
    grants = json.loads(shop.ok("grants", "customer", "--json"))["grants"]
    assert len(grants) == 4
    note = next(grant for grant in grants if "note" in grant)
    assert "UPDATE" in note
    assert "DELETE" not in note
    line = next(grant for grant in grants if "line" in grant)
    assert "DELETE" in line
    for grant in grants:
        shop.execute(grant)


def test_with_the_grants_alone_a_job_runs_to_its_end(shop: Place) -> None:
    shop.execute("INSERT INTO customer VALUES (1), (2)")
    shop.execute("INSERT INTO invoice VALUES (10, 1), (20, 2)")
    shop.execute("INSERT INTO line VALUES (100, 10), (200, 20)")
    shop.execute("INSERT INTO note VALUES (5, 10)")
    for grant in shop.ok("grants", "customer", "--compile").splitlines():
        shop.execute(grant)
    out = {"postgres": "NULL", "mysql": "@dj_job"}[shop.engine]
    shop.execute(f"CALL enqueue_deletion('customer', '1', NULL, TRUE, NULL, NULL, {out})")
    shop.ok("work", "--once")
    assert shop.value("SELECT status FROM deletion_jobs") == "done"
    assert shop.execute("SELECT id FROM line") == [(200,)]
    assert shop.execute("SELECT id, invoice_id FROM note") == [(5, None)]


def test_partitions_with_keys_of_their_own_are_among_the_grants(shop: Place) -> None:
    if shop.engine == "mysql":
        # No foreign key leads from a partition there.
        assert len(shop.ok("grants", "customer", "--compile").splitlines()) == 4
        return
    for statement in (
        "CREATE TABLE visit (customer_id bigint, kind int) PARTITION BY LIST (kind)",
        "CREATE TABLE visit_0 PARTITION OF visit FOR VALUES IN (0)",
        "CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1)",
        "ALTER TABLE visit_0 ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE",
        "CREATE INDEX ON visit (customer_id)",
        "INSERT INTO customer VALUES (1)",
        "INSERT INTO visit VALUES (1, 0), (1, 1)",
    ):
        shop.execute(statement)
    grants = shop.ok("grants", "customer", "--compile").splitlines()
    assert [grant.split(" ON ")[1].split()[0] for grant in grants if "visit" in grant] == [
        "visit",
        "visit_0",
    ]
    for grant in grants:
        shop.execute(grant)
    shop.execute("CALL enqueue_deletion('customer', '1', NULL, TRUE, NULL, NULL, NULL)")
    shop.ok("work", "--once")
    assert shop.value("SELECT status FROM deletion_jobs") == "done"
    assert shop.execute("SELECT kind FROM visit") == [(1,)]


def test_the_grants_let_the_owner_into_other_schemas(postgres_place: Place) -> None:
    shop = postgres_place
    shop.ok("apply", "--no-users-key")
    for statement in (
        'CREATE SCHEMA "Far away"',
        "CREATE TABLE customer (id bigint PRIMARY KEY)",
        'CREATE TABLE "Far away".visit (id bigint PRIMARY KEY,'
        " customer_id bigint REFERENCES customer ON DELETE CASCADE)",
        'CREATE INDEX ON "Far away".visit (customer_id)',
        "INSERT INTO customer VALUES (1)",
        'INSERT INTO "Far away".visit VALUES (1, 1)',
        "CALL register_deletion_target('customer', NULL, NULL)",
    ):
        shop.execute(statement)
    for grant in shop.ok("grants", "customer", "--compile").splitlines():
        shop.execute(grant)
    shop.execute("CALL enqueue_deletion('customer', '1', NULL, TRUE, NULL, NULL, NULL)")
    shop.ok("work", "--once")
    assert shop.execute("SELECT status, error FROM deletion_jobs") == [("done", None)]
