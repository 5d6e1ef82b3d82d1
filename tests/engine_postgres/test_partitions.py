"""Partitioned and inherited tables of PostgreSQL, and tables without any key."""

import pytest

from tests.database import Database, Job

BATCHES = [1, 2, 5000]


def delete(db: Database, table: str, pk: object, batch_rows: int) -> Job:
    """Let the owner at all tables, and delete one row in batches of that size."""
    db.script(
        postgres="GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        " TO deletion_jobs_owner"
    )
    db.register_deletion_target(table)
    db.set_deletion_setting("batch_rows", batch_rows)
    return db.delete(table, pk)


def same_as_native(db: Database, table: str, pk: int, batch_rows: int) -> dict[str, int]:
    """Delete a row natively and take that back, then by a job; give the job's receipts."""
    with db.transaction(rollback=True):
        db.execute(f"DELETE FROM {table} WHERE id = %s", pk)
        native = db.application_contents()
    before = db.application_contents()
    job = delete(db, table, pk, batch_rows)
    assert (job.status, job.error) == ("done", None), job.error
    after = db.application_contents()
    assert after == native != before
    counts = {f"{name} {action}": n for (name, action), n in db.receipts(job.id).items()}
    assert all(count > 0 for count in counts.values())
    return counts


ORDERS = """
    CREATE TABLE customer (id bigint PRIMARY KEY);
    CREATE TABLE purchase (
        id bigint, region text, customer_id bigint REFERENCES customer ON DELETE CASCADE,
        PRIMARY KEY (id, region)
    ) PARTITION BY LIST (region);
    CREATE TABLE purchase_eu PARTITION OF purchase FOR VALUES IN ('eu') PARTITION BY HASH (id);
    CREATE TABLE purchase_eu_0 PARTITION OF purchase_eu FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE purchase_eu_1 PARTITION OF purchase_eu FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    -- Its columns stand in another order.
    CREATE TABLE purchase_us (region text, gone int, id bigint, customer_id bigint);
    ALTER TABLE purchase_us DROP COLUMN gone, ALTER id SET NOT NULL, ALTER region SET NOT NULL;
    ALTER TABLE purchase ATTACH PARTITION purchase_us FOR VALUES IN ('us');
    CREATE INDEX ON purchase (customer_id);
    CREATE TABLE line (
        id bigint, purchase_id bigint, region text, PRIMARY KEY (id, region),
        FOREIGN KEY (purchase_id, region) REFERENCES purchase (id, region) ON DELETE CASCADE
    ) PARTITION BY RANGE (id);
    CREATE TABLE line_low PARTITION OF line FOR VALUES FROM (0) TO (1000);
    CREATE TABLE line_high PARTITION OF line DEFAULT;
    CREATE INDEX ON line (purchase_id, region);
    CREATE TABLE note (
        id bigint PRIMARY KEY, purchase_id bigint, region text,
        FOREIGN KEY (purchase_id, region) REFERENCES purchase (id, region) ON DELETE SET NULL
    );
    CREATE INDEX ON note (purchase_id, region);
    INSERT INTO customer SELECT generate_series(1, 3);
    INSERT INTO purchase (id, region, customer_id)
    SELECT 10 * c + i, CASE i % 3 WHEN 0 THEN 'us' ELSE 'eu' END, c
    FROM generate_series(1, 3) AS c, generate_series(1, 6) AS i;
    INSERT INTO line
    SELECT 40 * p.id + n, p.id, p.region FROM purchase AS p, generate_series(1, 3) AS n;
    INSERT INTO note SELECT p.id, p.id, p.region FROM purchase AS p;
"""


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_keys_from_to_and_between_partitioned_tables(postgres: Database, batch_rows: int) -> None:
    postgres.script(postgres=ORDERS)
    assert same_as_native(postgres, "customer", 2, batch_rows) == {
        "customer delete": 1,
        "purchase delete": 6,
        "line delete": 18,
        "note set_null": 6,
    }


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_partitioned_table_as_target(postgres: Database, batch_rows: int) -> None:
    db = postgres
    db.script(postgres=ORDERS)
    job = delete(db, "purchase", '["23","us"]', batch_rows)
    assert (job.status, job.error) == ("done", None), job.error
    assert db.receipts(job.id) == {
        ("purchase", "delete"): 1,
        ("line", "delete"): 3,
        ("note", "set_null"): 1,
    }
    assert db.count("purchase", "id = 23") == db.count("line", "purchase_id = 23") == 0
    assert (db.count("purchase"), db.count("line")) == (17, 51)


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_foreign_key_on_leaf_partitions_only(postgres: Database, batch_rows: int) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE event (id bigint, kind text, customer_id bigint, PRIMARY KEY (id, kind))
        PARTITION BY LIST (kind);
        CREATE TABLE event_a PARTITION OF event FOR VALUES IN ('a');
        CREATE TABLE event_b PARTITION OF event FOR VALUES IN ('b');
        CREATE TABLE event_c PARTITION OF event FOR VALUES IN ('c');
        ALTER TABLE event_a ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
        ALTER TABLE event_b ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE SET NULL;
        CREATE INDEX ON event_a (customer_id);
        CREATE INDEX ON event_b (customer_id);
        CREATE TABLE mark (
            id bigint PRIMARY KEY, event_id bigint, kind text,
            FOREIGN KEY (event_id, kind) REFERENCES event (id, kind) ON DELETE CASCADE
        );
        CREATE INDEX ON mark (event_id, kind);
        CREATE TABLE remark (id bigint PRIMARY KEY, event_id bigint);
        CREATE UNIQUE INDEX ON event_a (id);
        CREATE UNIQUE INDEX ON event_b (id);
        CREATE INDEX ON remark (event_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO event SELECT n, k, 1 + n % 2 FROM generate_series(1, 8) AS n,
        unnest('{a,b,c}'::text[]) AS k;
        INSERT INTO mark SELECT row_number() OVER (), e.id, e.kind FROM event AS e;
        INSERT INTO remark SELECT n, n FROM generate_series(1, 8) AS n;
        ALTER TABLE remark ADD FOREIGN KEY (event_id) REFERENCES event_a (id) ON DELETE CASCADE;
        """
    )
    assert same_as_native(postgres, "customer", 2, batch_rows) == {
        "customer delete": 1,
        "event delete": 4,
        "event set_null": 4,
        "mark delete": 4,
        "remark delete": 4,
    }
    # The rows of the partition without a key keep what they point at.
    assert postgres.count("event", "kind = 'c' AND customer_id = 2") == 4


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_rows_of_other_partitions_with_the_same_values_are_no_parents(
    postgres: Database, batch_rows: int
) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE part (
            id bigint, kind text, customer_id bigint REFERENCES customer ON DELETE CASCADE
        ) PARTITION BY LIST (kind);
        CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
        CREATE TABLE part_b PARTITION OF part FOR VALUES IN ('b');
        CREATE UNIQUE INDEX ON part_a (id);
        CREATE INDEX ON part (customer_id);
        CREATE TABLE piece (id bigint PRIMARY KEY, part_id bigint);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO part VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (2, 'b', 1), (1, 'b', 2);
        INSERT INTO piece VALUES (1, 1), (2, 2);
        ALTER TABLE piece ADD FOREIGN KEY (part_id) REFERENCES part_a (id) ON DELETE CASCADE;
        CREATE INDEX ON piece (part_id);
        """
    )
    assert same_as_native(postgres, "customer", 1, batch_rows) == {
        "customer delete": 1,
        "part delete": 3,
        "piece delete": 1,
    }


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_partition_that_was_detached_is_a_table_like_others(
    postgres: Database, batch_rows: int
) -> None:
    postgres.script(
        postgres=ORDERS + "ALTER TABLE line DETACH PARTITION line_low;"
        " ALTER TABLE note ADD UNIQUE (region, id);"
    )
    counts = same_as_native(postgres, "customer", 2, batch_rows)
    assert counts["line_low delete"] + counts.get("line delete", 0) == 18


def test_a_partition_added_later_makes_the_plan_stale(postgres: Database) -> None:
    db = postgres
    db.script(postgres=ORDERS)
    job = delete(db, "customer", 1, 5000)
    db.script(
        postgres="CREATE TABLE purchase_as PARTITION OF purchase FOR VALUES IN ('as');"
        " INSERT INTO purchase VALUES (99, 'as', 2);"
        " CREATE TABLE extra (id bigint PRIMARY KEY, p bigint, r text,"
        " FOREIGN KEY (p, r) REFERENCES purchase_as (id, region) ON DELETE CASCADE);"
        " INSERT INTO extra VALUES (1, 99, 'as')"
    )
    assert job.status == "done"
    assert same_as_native(db, "customer", 2, 5000)["extra delete"] == 1


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_self_reference_and_a_circle_of_partitioned_tables(
    postgres: Database, batch_rows: int
) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE node (
            id bigint PRIMARY KEY, parent_id bigint, friend_id bigint
        ) PARTITION BY HASH (id);
        CREATE TABLE node_0 PARTITION OF node FOR VALUES WITH (MODULUS 3, REMAINDER 0);
        CREATE TABLE node_1 PARTITION OF node FOR VALUES WITH (MODULUS 3, REMAINDER 1);
        CREATE TABLE node_2 PARTITION OF node FOR VALUES WITH (MODULUS 3, REMAINDER 2);
        INSERT INTO node SELECT n, nullif(n / 2, 0), 1 + n % 7 FROM generate_series(1, 20) AS n;
        INSERT INTO node VALUES (50, 50, NULL), (51, 50, 50);
        ALTER TABLE node ADD FOREIGN KEY (parent_id) REFERENCES node ON DELETE CASCADE;
        ALTER TABLE node ADD FOREIGN KEY (friend_id) REFERENCES node ON DELETE CASCADE;
        CREATE INDEX ON node (parent_id);
        CREATE INDEX ON node (friend_id);
        """
    )
    assert same_as_native(postgres, "node", 3, batch_rows) == {"node delete": 20}


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_rows_of_inheriting_tables_stay_as_the_engine_leaves_them(
    postgres: Database, batch_rows: int
) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE contact (
            id bigint PRIMARY KEY, customer_id bigint REFERENCES customer ON DELETE CASCADE
        );
        CREATE INDEX ON contact (customer_id);
        CREATE TABLE old_contact (PRIMARY KEY (id)) INHERITS (contact);
        CREATE TABLE call (
            id bigint PRIMARY KEY, contact_id bigint REFERENCES contact ON DELETE CASCADE
        );
        CREATE INDEX ON call (contact_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO contact VALUES (1, 1), (2, 2), (3, 1);
        INSERT INTO old_contact VALUES (1, 1), (4, 1);
        INSERT INTO call VALUES (1, 1), (2, 2);
        """
    )
    assert same_as_native(postgres, "customer", 1, batch_rows) == {
        "customer delete": 1,
        "contact delete": 2,
        "call delete": 1,
    }
    assert postgres.count("old_contact") == 2


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_tables_without_any_key(postgres: Database, batch_rows: int) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (
            customer_id bigint REFERENCES customer ON DELETE CASCADE, code text UNIQUE, page text
        );
        CREATE INDEX ON visit (customer_id);
        CREATE TABLE click (
            code text REFERENCES visit (code) ON DELETE CASCADE, x int
        );
        CREATE INDEX ON click (code);
        CREATE TABLE wish (customer_id bigint REFERENCES customer ON DELETE SET NULL);
        CREATE INDEX ON wish (customer_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO visit SELECT 1 + n % 2, CASE WHEN n % 3 > 0 THEN n::text END, 'same'
        FROM generate_series(1, 20) AS n;
        INSERT INTO click SELECT v.code, 1 FROM visit AS v, generate_series(1, 2)
        WHERE v.code IS NOT NULL;
        INSERT INTO wish VALUES (1), (1), (1), (2), (NULL);
        """
    )
    assert same_as_native(postgres, "customer", 1, batch_rows) == {
        "customer delete": 1,
        "visit delete": 10,
        "click delete": 14,
        "wish set_null": 3,
    }


def test_rows_without_a_key_that_restrict_block_and_are_counted(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="CREATE TABLE customer (id bigint PRIMARY KEY);"
        " CREATE TABLE bill (customer_id bigint REFERENCES customer);"
        " CREATE INDEX ON bill (customer_id);"
        " INSERT INTO customer VALUES (1); INSERT INTO bill VALUES (1), (1)"
    )
    job = delete(db, "customer", 1, 1)
    assert (job.status, job.error) == (
        "failed",
        "JD006: 2 rows of bill behind bill_customer_id_fkey",
    )
    assert db.count("customer") == 1


def test_a_held_row_of_a_partitioned_table_blocks_the_job_above_it(postgres: Database) -> None:
    postgres.script(postgres=ORDERS)
    postgres.script(
        postgres="""
            CREATE TABLE memo (line_id bigint, region text,
                FOREIGN KEY (line_id, region) REFERENCES line ON DELETE CASCADE);
            CREATE INDEX ON memo (line_id, region);
            INSERT INTO memo SELECT l.id, l.region FROM line AS l;
        """
    )
    postgres.hold_deletion("line", '["881", "eu"]')
    job = delete(postgres, "customer", 2, 2)
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:")
    assert postgres.receipts(job.id) == {}
    assert delete(postgres, "customer", 1, 2).status == "done"


def test_a_held_row_below_rows_of_one_partition(postgres: Database) -> None:
    postgres.script(
        postgres=ORDERS
        + """
            CREATE TABLE stamp (id bigint PRIMARY KEY, purchase_id bigint, region text,
                FOREIGN KEY (purchase_id, region) REFERENCES purchase_us (id, region)
                ON DELETE CASCADE);
            CREATE INDEX ON stamp (purchase_id, region);
            INSERT INTO stamp VALUES (1, 23, 'us'), (2, 33, 'us');
        """
    )
    postgres.hold_deletion("stamp", 1)
    job = delete(postgres, "customer", 2, 2)
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:")
    assert delete(postgres, "customer", 3, 2).status == "done"
