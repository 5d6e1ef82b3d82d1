"""Rewrite rules and publications: what the engine would do otherwise, or refuse, is found first."""

from collections.abc import Iterator

import pytest

from tests.contract.schemas import children, customers, ids, in_small_steps
from tests.database import Database, Reference


@pytest.fixture(autouse=True)
def no_publications(postgres: Database) -> Iterator[None]:
    """Drop what a test has made: a database is used again, and a publication is in no schema."""
    yield
    for name in postgres.column("SELECT pubname FROM pg_publication"):
        postgres.execute(f"DROP PUBLICATION {name}")


def refused(db: Database, error: str) -> None:
    """Delete customer 1: the job fails before anything is touched, and so does a preview."""
    in_small_steps(db)
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("failed", f"JD005: {error}")
    assert db.application_contents() == before
    with db.error("JD005", "preview_deletion: ") as raised:
        db.preview_deletion("customer", 1)
    assert error in raised.message


def trees(db: Database) -> None:
    """Make customer <- visit <- detail, notes that are set NULL, and a log."""
    customers(db)
    children(db, "visit", {1: 3, 2: 2})
    db.table(
        "detail",
        "id bigint",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[(n, n) for n in range(1, 6)],
    )
    children(db, "note", {1: 3, 2: 1}, on_delete="set null")
    db.table("log", "id bigint", key=None)


# -- Rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["customer", "visit", "detail"])
@pytest.mark.parametrize("action", ["ALSO INSERT INTO log VALUES (old.id)", "INSTEAD NOTHING"])
def test_a_rule_on_delete_is_refused(postgres: Database, table: str, action: str) -> None:
    trees(postgres)
    postgres.execute(f'CREATE RULE "my look" AS ON DELETE TO {table} DO {action}')
    refused(postgres, f"{table} has a rule of the engine on DELETE (my look)")


def test_a_rule_on_update_of_rows_that_are_set_is_refused(postgres: Database) -> None:
    trees(postgres)
    postgres.execute("CREATE RULE look AS ON UPDATE TO note DO ALSO INSERT INTO log VALUES (1)")
    refused(postgres, "note has a rule of the engine on UPDATE (look)")


def test_a_rule_on_update_of_rows_that_may_be_let_go_of_is_refused(postgres: Database) -> None:
    trees(postgres)
    postgres.execute("ALTER TABLE visit ADD up bigint REFERENCES visit ON DELETE CASCADE")
    postgres.index("visit", "up")
    postgres.execute("CREATE RULE look AS ON UPDATE TO visit DO INSTEAD NOTHING")
    refused(postgres, "visit has a rule of the engine on UPDATE (look)")


def test_a_rule_of_a_partition_that_has_the_key_itself_is_refused(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE TABLE part (id bigint PRIMARY KEY, customer_id bigint)"
        " PARTITION BY RANGE (id);"
        " CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (9);"
        " ALTER TABLE part_1 ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customer"
        " ON DELETE CASCADE; CREATE INDEX ON part_1 (customer_id); INSERT INTO part VALUES (1, 1);"
        " CREATE RULE look AS ON DELETE TO part_1 DO INSTEAD NOTHING"
    )
    for table in ("part", "part_1"):
        postgres.grant_to_owner(table)
    refused(postgres, "part_1 has a rule of the engine on DELETE (look)")


def test_a_rule_that_is_made_later_is_seen_and_one_that_is_off_does_nothing(
    postgres: Database,
) -> None:
    trees(postgres)
    postgres.compile_deletion_plan("customer")
    postgres.execute("CREATE RULE look AS ON DELETE TO visit DO INSTEAD NOTHING")
    postgres.execute("ALTER TABLE visit DISABLE RULE look")
    assert postgres.delete("customer", 1).status == "done"
    postgres.execute("ALTER TABLE visit ENABLE RULE look")
    job = postgres.delete("customer", 2)
    assert job.error == "JD005: visit has a rule of the engine on DELETE (look)"
    postgres.execute("DROP RULE look ON visit")
    postgres.retry_deletion(job.id)
    postgres.run()
    assert postgres.status(job.id) == "done"


def test_rules_on_what_a_job_does_not_do_are_let_be(postgres: Database) -> None:
    trees(postgres)
    postgres.execute("CREATE RULE a AS ON DELETE TO note DO INSTEAD NOTHING")
    postgres.execute("CREATE RULE b AS ON UPDATE TO visit DO INSTEAD NOTHING")
    postgres.execute("CREATE RULE c AS ON INSERT TO visit DO INSTEAD NOTHING")
    job = postgres.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert postgres.receipts(job.id) == {
        ("customer", "delete"): 1,
        ("visit", "delete"): 3,
        ("detail", "delete"): 3,
        ("note", "set_null"): 3,
    }


def test_a_rule_on_update_of_rows_that_are_marked_is_refused(postgres: Database) -> None:
    trees(postgres)
    postgres.execute("ALTER TABLE customer ADD gone boolean; ALTER TABLE visit ADD gone boolean")
    for table in ("customer", "visit"):
        postgres.set_soft_deletion(table, "gone")
    postgres.execute("CREATE RULE look AS ON UPDATE TO visit DO INSTEAD NOTHING")
    job_id = postgres.enqueue_deletion("customer", 1, hard_delete=False)
    postgres.run()
    assert postgres.job(job_id).error == "JD005: visit has a rule of the engine on UPDATE (look)"
    assert postgres.count("customer", "gone") == 0
    # To remove rows is another matter.
    assert postgres.delete("customer", 2).status == "done"


# -- Publications ----------------------------------------------------------------------------

PUBLISHED = "has no replica identity, and publication pub publishes its"


@pytest.mark.parametrize(
    "publication",
    [
        "FOR TABLE click",
        "FOR TABLE click WITH (publish = 'delete')",
        "FOR TABLES IN SCHEMA public",
        "FOR ALL TABLES",
    ],
)
def test_a_published_table_without_replica_identity_is_refused(
    postgres: Database, publication: str
) -> None:
    trees(postgres)
    postgres.table(
        "click",
        "customer_id bigint",
        key=None,
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1,), (2,)],
    )
    postgres.execute("ALTER TABLE log ADD PRIMARY KEY (id)")
    postgres.execute(f"CREATE PUBLICATION pub {publication}")
    refused(postgres, f"click {PUBLISHED} deletes")
    postgres.execute("ALTER TABLE click REPLICA IDENTITY FULL")
    assert postgres.delete("customer", 1).status == "done"


@pytest.mark.parametrize("publish", ["update", "insert, update, delete"])
def test_a_published_table_that_is_set_is_refused_without_replica_identity(
    postgres: Database, publish: str
) -> None:
    trees(postgres)
    postgres.execute("ALTER TABLE note REPLICA IDENTITY NOTHING")
    postgres.execute(f"CREATE PUBLICATION pub FOR TABLE note WITH (publish = '{publish}')")
    refused(postgres, f"note {PUBLISHED} updates")
    postgres.execute("ALTER TABLE note ALTER id SET NOT NULL")
    postgres.execute("ALTER TABLE note REPLICA IDENTITY USING INDEX note_pkey")
    assert postgres.delete("customer", 1).status == "done"


def test_a_partition_without_replica_identity_is_refused(postgres: Database) -> None:
    customers(postgres)
    postgres.script(
        postgres="CREATE TABLE part (id bigint PRIMARY KEY, customer_id bigint REFERENCES customer"
        " ON DELETE CASCADE) PARTITION BY RANGE (id); CREATE INDEX ON part (customer_id);"
        " CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (9);"
        " ALTER TABLE part_1 REPLICA IDENTITY NOTHING; INSERT INTO part VALUES (1, 1);"
        " CREATE PUBLICATION pub FOR TABLE part WITH (publish_via_partition_root = true)"
    )
    for table in ("part", "part_1"):
        postgres.grant_to_owner(table)
    refused(postgres, f"part_1 {PUBLISHED} deletes")


def test_publications_of_other_changes_and_tables_with_a_key_are_no_matter(
    postgres: Database,
) -> None:
    trees(postgres)
    postgres.execute("ALTER TABLE visit REPLICA IDENTITY NOTHING")
    postgres.execute("ALTER TABLE note REPLICA IDENTITY NOTHING")
    postgres.execute("CREATE PUBLICATION a FOR TABLE visit WITH (publish = 'insert, update')")
    postgres.execute("CREATE PUBLICATION b FOR TABLE note WITH (publish = 'insert, delete')")
    postgres.execute("CREATE PUBLICATION c FOR TABLE customer, detail")
    assert postgres.delete("customer", 1).status == "done"
    assert ids(postgres, "customer") == [2, 3]
