"""Partitioned tables of MySQL: no foreign key leads there, so their references are declared."""

import pytest

from tests.contract.steps import Steps
from tests.database import Database, Job

BATCHES = [1, 3, 5000]

ORDERS = """
    CREATE TABLE customer (id BIGINT PRIMARY KEY);
    CREATE TABLE purchase (
        id BIGINT, region VARCHAR(2), customer_id BIGINT, PRIMARY KEY (id, region),
        INDEX (customer_id)
    ) PARTITION BY LIST COLUMNS (region) (
        PARTITION eu VALUES IN ('eu'), PARTITION us VALUES IN ('us'),
        PARTITION rest VALUES IN ('as', 'af')
    );
    CREATE TABLE line (
        id BIGINT, purchase_id BIGINT, region VARCHAR(2), PRIMARY KEY (id),
        INDEX (purchase_id, region)
    ) PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (
        PARTITION low VALUES LESS THAN (1000), PARTITION high VALUES LESS THAN MAXVALUE
    );
    CREATE TABLE tag (line_id BIGINT, word VARCHAR(20), INDEX (line_id))
    PARTITION BY KEY (line_id) PARTITIONS 3;
    CREATE TABLE note (
        id BIGINT PRIMARY KEY, purchase_id BIGINT, region VARCHAR(2), INDEX (purchase_id, region)
    ) PARTITION BY HASH (id) PARTITIONS 4;
    INSERT INTO customer VALUES (1), (2), (3);
    INSERT INTO purchase
    SELECT 10 * c.id + i.n, IF(i.n % 3 = 0, 'us', 'eu'), c.id
    FROM customer AS c, (WITH RECURSIVE i (n) AS (SELECT 1 UNION SELECT n + 1 FROM i WHERE n < 6)
        SELECT n FROM i) AS i;
    INSERT INTO line SELECT 40 * p.id + i.n, p.id, p.region
    FROM purchase AS p, (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3) AS i;
    INSERT INTO tag SELECT l.id, 'same' FROM line AS l, (SELECT 1 UNION SELECT 2) AS i;
    INSERT INTO note SELECT p.id, p.id, p.region FROM purchase AS p;
"""
GONE = {
    ("customer", "delete"): 1,
    ("purchase", "delete"): 6,
    ("line", "delete"): 18,
    ("tag", "delete"): 36,
    ("note", "set_null"): 6,
}


def orders(db: Database) -> None:
    """Make customer <- purchase <- line <- tag, and note beside line, and tell the references."""
    db.script(mysql=ORDERS)
    for table in ("customer", "purchase", "line", "tag", "note"):
        db.grant_to_owner(table)
    key = ["purchase_id", "region"]
    for child, columns, parent, parent_columns, action in (
        ("purchase", ["customer_id"], "customer", ["id"], "cascade"),
        ("line", key, "purchase", ["id", "region"], "cascade"),
        ("tag", ["line_id"], "line", ["id"], "cascade"),
        ("note", key, "purchase", ["id", "region"], "set_null"),
    ):
        db.declare_deletion_reference(
            f"{child}_{parent}", child, columns, parent, parent_columns, action
        )


def delete(db: Database, table: str, pk: object, batch_rows: int) -> Job:
    """Delete a row in batches of that size."""
    db.register_deletion_target(table)
    db.set_deletion_setting("batch_rows", batch_rows)
    return db.delete(table, pk)


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_declared_references_from_to_and_between_partitioned_tables(
    mysql: Database, batch_rows: int
) -> None:
    db = mysql
    orders(db)
    db.register_deletion_target("customer")
    foreseen = db.preview_deletion("customer", 2)
    assert {(row.table_name, row.action): row.row_count for row in foreseen} == GONE
    job = delete(db, "customer", 2, batch_rows)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == GONE
    assert [db.count(table) for table in ("purchase", "line", "tag", "note")] == [12, 36, 72, 18]
    assert db.count("note", "purchase_id IS NULL") == 6


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_partitioned_table_as_target(mysql: Database, batch_rows: int) -> None:
    db = mysql
    orders(db)
    job = delete(db, "purchase", '["23","us"]', batch_rows)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("purchase", "delete"): 1,
        ("line", "delete"): 3,
        ("tag", "delete"): 6,
        ("note", "set_null"): 1,
    }
    assert db.count("purchase", "id = 23") == 0


def test_many_jobs_of_one_run_count_rows_of_partitions_for_each(mysql: Database) -> None:
    db = mysql
    orders(db)
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 7)
    db.set_deletion_setting("slice_ms", 3_600_000)
    jobs = [db.enqueue_deletion("customer", n) for n in (1, 2, 3)]
    db.run()
    assert [db.receipts(job) for job in jobs] == [GONE] * 3
    assert db.count("tag") == db.count("line") == 0


def test_a_row_that_moves_to_another_partition_between_two_steps_goes(mysql: Database) -> None:
    db = mysql
    orders(db)
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    done = db.count("tag")
    moved = db.execute("UPDATE line SET id = id + 5000 WHERE id BETWEEN 840 AND 1050")
    db.execute("UPDATE tag SET line_id = line_id + 5000 WHERE line_id BETWEEN 840 AND 1050")
    assert moved == 18
    assert 72 < done < 108
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == GONE


def test_partitions_may_come_and_go_while_a_job_runs(mysql: Database) -> None:
    db = mysql
    orders(db)
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.script(
        mysql="ALTER TABLE purchase ADD PARTITION (PARTITION oc VALUES IN ('oc'));"
        " INSERT INTO purchase VALUES (77, 'oc', 2);"
        " ALTER TABLE line REORGANIZE PARTITION high INTO"
        " (PARTITION middle VALUES LESS THAN (2000), PARTITION high VALUES LESS THAN MAXVALUE);"
        " ALTER TABLE note REMOVE PARTITIONING"
    )
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == GONE | {("purchase", "delete"): 7}


def test_a_partition_exchanged_between_two_steps_keeps_its_rows(mysql: Database) -> None:
    """What MySQL has for detaching: the partition's rows change places with a table's."""
    db = mysql
    orders(db)
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    db.observer.script(
        mysql="CREATE TABLE old_purchase LIKE purchase;"
        " ALTER TABLE old_purchase REMOVE PARTITIONING;"
        " INSERT INTO old_purchase VALUES (91, 'us', 2), (92, 'us', 3);"
        " ALTER TABLE purchase EXCHANGE PARTITION us WITH TABLE old_purchase"
    )
    before = db.count("purchase", "customer_id = 2")
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert before == 5
    assert db.receipts(job_id)["purchase", "delete"] == before
    assert (db.count("purchase", "region = 'us'"), db.count("old_purchase")) == (1, 6)


def test_rows_of_partitioned_tables_block_and_are_held(mysql: Database) -> None:
    db = mysql
    orders(db)
    db.set_deletion_rule("note", "note_purchase", "restrict")
    job = delete(db, "customer", 2, 5)
    assert (job.status, job.error) == ("failed", "JD006: 6 rows of note behind note_purchase")
    db.set_deletion_rule("note", "note_purchase", None)
    db.hold_deletion("line", "881")
    db.retry_deletion(job.id)
    db.run()
    assert (db.job(job.id).error or "")[:12] == "JD006: held:"
    assert delete(db, "customer", 1, 5).status == "done"
    assert db.count("line") == 36


def test_a_partitioned_table_with_many_rows_below_one_parent_goes_in_batches(
    mysql: Database,
) -> None:
    db = mysql
    orders(db)
    db.insert("line", [(5000 + n, 21, "eu") for n in range(400)])
    db.insert("tag", [(5000, "many")] * 300)
    assert delete(db, "customer", 2, 5).status == "done"
    assert (db.count("line"), db.count("tag")) == (36, 72)


def test_marks_of_partitioned_tables_are_set_and_taken_back(mysql: Database) -> None:
    db = mysql
    orders(db)
    for table in ("customer", "line"):
        db.execute(f"ALTER TABLE {table} ADD COLUMN gone DATETIME NULL")
        db.set_soft_deletion(table, "gone")
    db.register_deletion_target("customer")
    job_id = db.enqueue_deletion("customer", 2, hard_delete=False)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {("customer", "mark"): 1, ("line", "mark"): 18}
    db.restore_deletion(job_id)
    assert db.count("line", "gone IS NOT NULL") == 0
