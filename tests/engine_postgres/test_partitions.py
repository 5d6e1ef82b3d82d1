"""Partitioned and inherited tables of PostgreSQL, and tables without any key."""

import pytest

from tests.contract.steps import Steps
from tests.database import Database, Job

BATCHES = [1, 2, 5000]


def let_owner(db: Database) -> None:
    """Give the owner account the rights that it needs on all tables."""
    db.script(
        postgres="GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        " TO deletion_jobs_owner"
    )


def delete(db: Database, table: str, pk: object, batch_rows: int) -> Job:
    """Let the owner at all tables, and delete one row in batches of that size."""
    let_owner(db)
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
    let_owner(postgres)
    postgres.hold_deletion("line", '["881", "eu"]')
    job = delete(postgres, "customer", 2, 2)
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:")
    assert postgres.receipts(job.id) == {}
    assert postgres.count("vw_deletion_problems", "problem = 'hold without table'") == 0
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
    let_owner(postgres)
    postgres.hold_deletion("stamp", 1)
    job = delete(postgres, "customer", 2, 2)
    assert (job.status, (job.error or "")[:12]) == ("failed", "JD006: held:")
    assert delete(postgres, "customer", 3, 2).status == "done"


def begun(db: Database, batch_rows: int = 2) -> tuple[Steps, int]:
    """Begin to delete customer 2 of ORDERS; come back when the first rows are gone."""
    db.script(
        postgres="GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        " TO deletion_jobs_owner"
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", batch_rows)
    job_id = db.enqueue_deletion("customer", 2)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more", db.job(job_id)
    return steps, job_id


@pytest.mark.parametrize("batch_rows", [1, 2])
def test_a_row_that_moves_to_another_partition_between_two_steps_goes(
    postgres: Database, batch_rows: int
) -> None:
    db = postgres
    db.script(postgres=ORDERS)
    steps, job_id = begun(db, batch_rows)
    # Keys and place change, partition by partition; what hangs from the rows follows them.
    db.script(
        postgres="""
        ALTER TABLE line DROP CONSTRAINT line_purchase_id_region_fkey,
        ADD CONSTRAINT moves FOREIGN KEY (purchase_id, region) REFERENCES purchase (id, region)
        ON DELETE CASCADE ON UPDATE CASCADE;
        """
    )
    assert steps.step() == "ended"
    assert db.outcomes(job_id) == ["returned"]
    steps = Steps(db)
    steps.claim()
    for _ in range(4):
        steps.step()
        db.execute("UPDATE line SET id = id + 1000 WHERE id < 1000")
        db.execute("UPDATE line SET id = id - 2000 WHERE id > 2000")
        db.execute(
            "UPDATE purchase SET region = CASE region WHEN 'us' THEN 'eu' ELSE 'us' END"
            " WHERE customer_id = 2 AND id NOT IN (SELECT purchase_id FROM note"
            " WHERE purchase_id IS NOT NULL)"
        )
    steps.finish()
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.count("purchase", "customer_id = 2") == 0
    assert (db.count("purchase"), db.count("line")) == (12, 36)
    assert db.receipts(job_id) == {
        ("customer", "delete"): 1,
        ("purchase", "delete"): 6,
        ("line", "delete"): 18,
        ("note", "set_null"): 6,
    }


def test_a_row_without_a_key_that_moves_to_another_partition_goes_or_stays_with_its_parent(
    postgres: Database,
) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (
            customer_id bigint REFERENCES customer ON DELETE CASCADE, kind int, x text
        ) PARTITION BY LIST (kind);
        CREATE TABLE visit_0 PARTITION OF visit FOR VALUES IN (0);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1);
        CREATE INDEX ON visit (customer_id);
        INSERT INTO customer VALUES (1), (2), (3);
        INSERT INTO visit SELECT 2, n % 2, 'same' FROM generate_series(1, 40) AS n;
        INSERT INTO visit SELECT 3, n % 2, 'same' FROM generate_series(1, 7) AS n;
        """
    )
    steps, job_id = begun(db, 3)
    db.execute("UPDATE visit SET kind = 1 - kind")
    db.execute(
        "UPDATE visit SET customer_id = 1, kind = 1 - kind WHERE ctid = (SELECT min(ctid)"
        " FROM visit WHERE customer_id = 2 AND kind = 1) AND kind = 1"
    )
    assert db.count("visit", "customer_id = 1") == 1
    steps.finish()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {("customer", "delete"): 1, ("visit", "delete"): 39}
    assert (db.count("visit", "customer_id = 1"), db.count("visit", "customer_id = 3")) == (1, 7)
    assert db.count("visit") == 8


def test_a_row_that_moves_while_its_lock_is_waited_for(postgres: Database) -> None:
    db = postgres
    db.script(postgres=ORDERS)
    steps, job_id = begun(db, 4)
    other = db.connect()
    with other.transaction():
        other.execute("UPDATE line SET id = id + 1000 WHERE id < 1000")
        ahead = db.background(steps.step)
        db.wait_until_blocked(db)
    ahead.result()
    steps.finish()
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id)["line", "delete"] == 18


ATTACHED = """
    CREATE TABLE purchase_as (id bigint NOT NULL, region text NOT NULL, customer_id bigint,
        PRIMARY KEY (id, region));
    INSERT INTO purchase_as VALUES (99, 'as', 2);
    CREATE TABLE extra (id bigint PRIMARY KEY, p bigint, r text,
        FOREIGN KEY (p, r) REFERENCES purchase_as (id, region) ON DELETE CASCADE);
    INSERT INTO extra VALUES (1, 99, 'as');
    GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
"""
ATTACH = "ALTER TABLE purchase ATTACH PARTITION purchase_as FOR VALUES IN ('as')"


def test_a_partition_attached_between_two_steps_is_seen_by_the_next(postgres: Database) -> None:
    db = postgres
    db.script(postgres=ORDERS + ATTACHED)
    steps, job_id = begun(db, 1)
    db.script(postgres=ATTACH)
    assert steps.step() == "ended"
    assert db.outcomes(job_id) == ["returned"]
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {
        ("customer", "delete"): 1,
        ("purchase", "delete"): 7,
        ("line", "delete"): 18,
        ("note", "set_null"): 6,
        ("extra", "delete"): 1,
    }


@pytest.mark.parametrize("how", ["", " CONCURRENTLY"])
def test_a_partition_detached_between_two_steps_is_seen_by_the_next(
    postgres: Database, how: str
) -> None:
    db = postgres
    db.script(postgres=ORDERS)
    if how:
        # A table with a default partition cannot let one go so.
        db.script(postgres="ALTER TABLE line DETACH PARTITION line_high; DROP TABLE line_high")
    lines = db.count("line", "purchase_id BETWEEN 21 AND 26")
    steps, job_id = begun(db, 1)
    done = db.receipts(job_id).get(("line", "delete"), 0)
    db.execute(f"ALTER TABLE line DETACH PARTITION line_low{how}")
    assert steps.step() == "ended"
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    counts = db.receipts(job_id)
    assert counts["line_low", "delete"] + counts.get(("line", "delete"), 0) == lines
    assert 12 - done <= counts["line_low", "delete"] <= 12
    assert db.count("line_low", "purchase_id BETWEEN 21 AND 26") == 0


def test_a_partition_attached_during_a_step_undoes_it(postgres: Database) -> None:
    db = postgres
    db.script(postgres=ORDERS + ATTACHED)
    steps, job_id = begun(db, 1)
    other = db.connect()
    with other.transaction():
        # The next step waits here, after it has compared the catalog.
        other.execute("SELECT 1 FROM purchase WHERE customer_id = 2 FOR UPDATE")
        ahead = db.background(steps.step)
        db.wait_until_blocked(db)
        db.observer.script(postgres=ATTACH)
    assert ahead.result() == "retry"
    assert steps.step() == "ended"
    db.run()
    assert db.status(job_id) == "done"
    assert db.receipts(job_id)["extra", "delete"] == 1


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_a_key_from_one_leaf_to_another_leaf(postgres: Database, batch_rows: int) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE post (
            id bigint, year int, customer_id bigint REFERENCES customer ON DELETE CASCADE,
            part_id bigint, PRIMARY KEY (id, year)
        ) PARTITION BY RANGE (year);
        CREATE TABLE post_1 PARTITION OF post FOR VALUES FROM (1) TO (2);
        CREATE TABLE post_2 PARTITION OF post FOR VALUES FROM (2) TO (3);
        CREATE TABLE post_3 PARTITION OF post DEFAULT PARTITION BY HASH (id);
        CREATE TABLE post_3_0 PARTITION OF post_3 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE post_3_1 PARTITION OF post_3 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE UNIQUE INDEX ON post_1 (id);
        CREATE INDEX ON post (customer_id);
        CREATE INDEX ON post (part_id);
        INSERT INTO customer SELECT generate_series(1, 3);
        INSERT INTO post SELECT n, y, 1 + n % 3, n + 1
        FROM generate_series(1, 12) AS n, generate_series(1, 3) AS y;
        UPDATE post SET part_id = NULL WHERE part_id = 13;
        -- Of the same name on two partitions; the third points at the second.
        ALTER TABLE post_2 ADD CONSTRAINT part FOREIGN KEY (part_id) REFERENCES post_1 (id)
        ON DELETE CASCADE;
        ALTER TABLE post_3 ADD CONSTRAINT part FOREIGN KEY (part_id) REFERENCES post_1 (id)
        ON DELETE SET NULL;
        """
    )
    assert same_as_native(postgres, "customer", 1, batch_rows) == {
        "customer delete": 1,
        "post delete": 16,
        "post set_null": 4,
    }


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_leaves_with_keys_of_one_name_in_a_circle(postgres: Database, batch_rows: int) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE node (id bigint, kind int, up bigint, PRIMARY KEY (id, kind))
        PARTITION BY LIST (kind);
        CREATE TABLE node_0 PARTITION OF node FOR VALUES IN (0);
        CREATE TABLE node_1 PARTITION OF node FOR VALUES IN (1);
        CREATE UNIQUE INDEX ON node_0 (id);
        CREATE UNIQUE INDEX ON node_1 (id);
        CREATE INDEX ON node (up);
        INSERT INTO node SELECT n, k, nullif(n / 2, 0)
        FROM generate_series(1, 15) AS n, generate_series(0, 1) AS k;
        ALTER TABLE node_0 ADD CONSTRAINT up FOREIGN KEY (up) REFERENCES node_0 (id)
        ON DELETE CASCADE;
        ALTER TABLE node_1 ADD CONSTRAINT up FOREIGN KEY (up) REFERENCES node_1 (id)
        ON DELETE CASCADE;
        """
    )
    db = postgres
    job = delete(db, "node", "[2, 1]", batch_rows)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("node", "delete"): 7}
    assert (db.count("node_0"), db.count("node_1")) == (15, 8)


def test_a_foreign_table_among_the_partitions_is_refused(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE EXTENSION IF NOT EXISTS file_fdw;
        CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (id bigint, customer_id bigint) PARTITION BY RANGE (id);
        CREATE TABLE visit_new PARTITION OF visit FOR VALUES FROM (1) TO (100);
        CREATE FOREIGN TABLE visit_old PARTITION OF visit FOR VALUES FROM (100) TO (200)
        SERVER files OPTIONS (filename '/dev/null');
        ALTER TABLE visit_new ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
        INSERT INTO customer VALUES (1);
        INSERT INTO visit VALUES (1, 1);
        """
    )
    job = delete(db, "customer", 1, 1)
    db.script(postgres="DROP EXTENSION file_fdw CASCADE")
    assert (job.status, job.error) == (
        "failed",
        "JD005: visit has a partition that is no ordinary table (visit_old)",
    )
    assert db.count("customer") == 1


def test_owners_rights_on_partitions_that_have_keys_of_their_own_are_asked_for(
    postgres: Database,
) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (id bigint, kind int, customer_id bigint) PARTITION BY LIST (kind);
        CREATE TABLE visit_0 PARTITION OF visit FOR VALUES IN (0);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1);
        ALTER TABLE visit_0 ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
        ALTER TABLE visit_1 ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
        CREATE INDEX ON visit (customer_id);
        INSERT INTO customer VALUES (1);
        INSERT INTO visit VALUES (1, 0, 1), (2, 1, 1);
        GRANT SELECT, UPDATE, DELETE ON customer, visit, visit_0 TO deletion_jobs_owner;
        """
    )
    db.register_deletion_target("customer")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == (
        "failed",
        "42501: deletion_jobs_owner has no DELETE on visit_1",
    )
    assert (db.count("customer"), db.count("visit")) == (1, 2)
    db.script(postgres="GRANT SELECT, UPDATE, DELETE ON visit_1 TO deletion_jobs_owner")
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("visit", "delete"): 2}


def test_rights_on_the_partitioned_table_alone_are_enough(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres=ORDERS + "GRANT SELECT, UPDATE, DELETE ON customer, purchase, line, note"
        " TO deletion_jobs_owner"
    )
    db.register_deletion_target("customer")
    job = db.delete("customer", 2)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id)["line", "delete"] == 18


def test_a_table_in_a_schema_that_the_owner_may_not_use_is_named(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE SCHEMA hidden;
        CREATE TABLE hidden.visit (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON hidden.visit (customer_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO hidden.visit VALUES (1, 1);
        GRANT SELECT, UPDATE, DELETE ON hidden.visit TO deletion_jobs_owner;
        """
    )
    job = delete(db, "customer", 1, 1)
    assert (job.status, job.error) == (
        "failed",
        "42501: deletion_jobs_owner has no USAGE on schema hidden",
    )
    assert db.count("customer") == 2
    db.script(postgres="GRANT USAGE ON SCHEMA hidden TO deletion_jobs_owner")
    db.retry_deletion(job.id)
    db.run()
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("hidden.visit", "delete"): 1}


def test_views_and_temporary_tables_in_the_way_are_not_read(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON visit (customer_id);
        CREATE VIEW visits AS SELECT * FROM visit;
        CREATE TEMPORARY TABLE late_visit () INHERITS (visit);
        CREATE TEMPORARY TABLE own (id bigint PRIMARY KEY);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO visit VALUES (1, 1), (2, 2);
        INSERT INTO late_visit VALUES (3, 1);
        """
    )
    with db.error("JD005", "no table"):
        db.register_deletion_target("visits")
    with db.error("JD005", "no such table"):
        db.register_deletion_target("own")
    for child, parent in (("visits", "customer"), ("visit", "visits")):
        with db.error("JD005", "no table"):
            db.declare_deletion_reference("seen", child, ["id"], parent, ["id"], "cascade")
    job = delete(db, "customer", 1, 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("customer", "delete"): 1, ("visit", "delete"): 1}
    assert db.count("visit") == 2


LEAVES = """
    CREATE TABLE customer (id bigint PRIMARY KEY, gone timestamptz);
    CREATE TABLE part (id bigint, kind text, customer_id bigint, gone timestamptz,
        PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
    CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
    CREATE TABLE part_b PARTITION OF part FOR VALUES IN ('b');
    CREATE TABLE part_c PARTITION OF part FOR VALUES IN ('c');
    ALTER TABLE part_a ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
    ALTER TABLE part_b ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
    CREATE UNIQUE INDEX ON part_a (id);
    CREATE INDEX ON part (customer_id);
    CREATE TABLE piece (id bigint PRIMARY KEY, part_id bigint, gone timestamptz);
    INSERT INTO customer VALUES (1), (2);
    INSERT INTO part SELECT n, k, 1 + n % 2 FROM generate_series(1, 8) AS n,
    unnest('{a,b,c}'::text[]) AS k;
    -- Part b of the customer has the number of part a of another.
    INSERT INTO part VALUES (101, 'a', 2), (101, 'b', 1);
    INSERT INTO piece SELECT p.id, p.id FROM part_a AS p;
    ALTER TABLE piece ADD FOREIGN KEY (part_id) REFERENCES part_a (id) ON DELETE CASCADE;
    CREATE INDEX ON piece (part_id);
"""


def test_soft_deletion_marks_what_hangs_by_keys_of_single_partitions(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres=LEAVES + "GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        " TO deletion_jobs_owner"
    )
    db.register_deletion_target("customer")
    for table in ("customer", "part", "piece"):
        db.set_soft_deletion(table, "gone")
    job_id = db.enqueue_deletion("customer", 1, hard_delete=False)
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {
        ("customer", "mark"): 1,
        ("part", "mark"): 9,
        ("piece", "mark"): 4,
    }
    assert db.count("part", "gone IS NOT NULL AND (kind = 'c' OR customer_id = 2)") == 0
    assert db.count("piece", "gone IS NOT NULL AND part_id = 101") == 0
    db.restore_deletion(job_id)
    assert db.count("part", "gone IS NOT NULL") == db.count("piece", "gone IS NOT NULL") == 0


def test_a_held_row_of_a_partition_without_the_key_blocks_nobody(postgres: Database) -> None:
    db = postgres
    db.script(postgres=LEAVES)
    let_owner(db)
    db.hold_deletion("part", '["2", "c"]')
    job = delete(db, "customer", 1, 2)
    assert (job.status, job.error) == ("done", None)
    let_owner(db)
    db.hold_deletion("part", '["1", "a"]')
    assert (delete(db, "customer", 2, 2).error or "")[:12] == "JD006: held:"


def test_keys_from_and_to_a_partition_that_has_partitions_itself(postgres: Database) -> None:
    postgres.script(
        postgres=ORDERS
        + """
        CREATE TABLE stamp (id bigint PRIMARY KEY, purchase_id bigint, region text, line_id bigint,
            FOREIGN KEY (purchase_id, region) REFERENCES purchase_eu (id, region)
            ON DELETE CASCADE);
        CREATE INDEX ON stamp (purchase_id, region);
        INSERT INTO stamp SELECT p.id, p.id, p.region FROM purchase_eu AS p;
        ALTER TABLE purchase ADD COLUMN seller_id bigint;
        CREATE TABLE seller (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON seller (customer_id);
        INSERT INTO seller VALUES (1, 1), (2, 2), (3, 3);
        UPDATE purchase SET seller_id = 1 + id % 3;
        ALTER TABLE purchase_eu ADD FOREIGN KEY (seller_id) REFERENCES seller ON DELETE SET NULL;
        CREATE INDEX ON purchase (seller_id);
        """
    )
    assert same_as_native(postgres, "customer", 2, 3) == {
        "customer delete": 1,
        "seller delete": 1,
        "purchase delete": 6,
        "purchase set_null": 2,
        "line delete": 18,
        "note set_null": 6,
        "stamp delete": 4,
    }


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_setting_a_column_that_chooses_the_partition_moves_the_row(
    postgres: Database, batch_rows: int
) -> None:
    postgres.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (customer_id bigint REFERENCES customer ON DELETE SET NULL, x int)
        PARTITION BY LIST (customer_id);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1);
        CREATE TABLE visit_2 PARTITION OF visit FOR VALUES IN (2);
        CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
        CREATE INDEX ON visit (customer_id);
        INSERT INTO customer VALUES (1), (2), (3);
        INSERT INTO visit SELECT 1 + n % 3, n FROM generate_series(1, 30) AS n;
        """
    )
    assert same_as_native(postgres, "customer", 1, batch_rows) == {
        "customer delete": 1,
        "visit set_null": 10,
    }
    assert (postgres.count("visit_1"), postgres.count("visit_rest")) == (0, 20)


def test_a_partition_with_many_rows_below_one_parent_goes_in_batches(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (customer_id bigint REFERENCES customer ON DELETE CASCADE, kind int)
        PARTITION BY LIST (kind);
        CREATE TABLE visit_0 PARTITION OF visit FOR VALUES IN (0);
        CREATE TABLE visit_1 PARTITION OF visit FOR VALUES IN (1);
        CREATE INDEX ON visit (customer_id);
        CREATE TABLE click (customer_id bigint REFERENCES customer ON DELETE CASCADE);
        CREATE INDEX ON click (customer_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO visit SELECT 1 + (n % 5 = 0)::int, n % 2 FROM generate_series(1, 1000) AS n;
        INSERT INTO click SELECT 1 + (n % 5 = 0)::int FROM generate_series(1, 1000) AS n;
        """
    )
    assert same_as_native(db, "customer", 1, 10) == {
        "customer delete": 1,
        "visit delete": 800,
        "click delete": 800,
    }
    # Where a row lies says which it is in one table, not in several.
    kinds = "SELECT DISTINCT kind FROM deletion_plan_steps WHERE table_name = %s"
    assert not {"find", "drain_found"} & set(db.column(kinds, "visit"))
    assert {"find", "drain_found"} <= set(db.column(kinds, "click"))


@pytest.mark.parametrize("batch_rows", BATCHES)
def test_declared_references_from_and_to_partitioned_tables(
    postgres: Database, batch_rows: int
) -> None:
    db = postgres
    db.script(
        postgres=ORDERS
        + """
        ALTER TABLE line DROP CONSTRAINT line_purchase_id_region_fkey;
        CREATE TABLE event (about_type text, about_id bigint, region text, at date)
        PARTITION BY RANGE (at);
        CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
        CREATE TABLE event_2 PARTITION OF event DEFAULT;
        CREATE INDEX ON event (about_id, region, about_type);
        INSERT INTO event SELECT k, p.id, p.region, d FROM purchase AS p,
        unnest('{purchase,refund}'::text[]) AS k, unnest('{2026-02-02,2026-08-08}'::date[]) AS d;
        """
    )
    db.declare_deletion_reference(
        "line_purchase",
        "line",
        ["purchase_id", "region"],
        "purchase",
        ["id", "region"],
        "cascade",
    )
    db.declare_deletion_reference(
        "event_purchase",
        "event",
        ["about_id", "region"],
        "purchase",
        ["id", "region"],
        "cascade",
        "about_type",
        "purchase",
    )
    for child in ("line_low", "event_1"):
        with db.error("JD005", "table is a partition"):
            db.declare_deletion_reference("no", child, ["id"], "customer", ["id"], "cascade")
    job = delete(db, "customer", 2, batch_rows)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("customer", "delete"): 1,
        ("purchase", "delete"): 6,
        ("line", "delete"): 18,
        ("event", "delete"): 12,
        ("note", "set_null"): 6,
    }
    assert (db.count("line"), db.count("event")) == (36, 60)


def test_a_rule_for_a_key_that_single_partitions_have(postgres: Database) -> None:
    db = postgres
    db.script(postgres=LEAVES)
    with db.error("JD005", "table is a partition"):
        db.set_deletion_rule("part_c", "part_a_customer_id_fkey", "set_null")
    with db.error("JD002", "rows of a single partition are not scrubbed"):
        db.set_deletion_rule("part_a", "part_a_customer_id_fkey", "scrub", {"gone": None})
    db.set_deletion_rule("part_a", "part_a_customer_id_fkey", "set_null")
    db.set_deletion_rule("part_b", "part_b_customer_id_fkey", "restrict")
    job = delete(db, "customer", 2, 2)
    assert (job.status, job.error) == (
        "failed",
        "JD006: 4 rows of part behind part_b_customer_id_fkey",
    )
    db.set_deletion_rule("part_b", "part_b_customer_id_fkey", None)
    db.retry_deletion(job.id)
    db.run()
    assert (db.status(job.id), db.job(job.id).error) == ("done", None)
    assert db.receipts(job.id) == {
        ("customer", "delete"): 1,
        ("part", "delete"): 4,
        ("part", "set_null"): 5,
    }
    assert db.count("piece") == 9


@pytest.mark.parametrize("below", [False, True])
def test_a_rule_for_the_copy_of_a_key_is_refused_and_the_key_named(
    postgres: Database, below: bool
) -> None:
    """Of a key to a partitioned table the engine makes one more for each partition."""
    db = postgres
    db.script(
        postgres="CREATE TABLE top (id bigint PRIMARY KEY) PARTITION BY RANGE (id);"
        " CREATE TABLE top_1 PARTITION OF top FOR VALUES FROM (1) TO (100)"
        + (
            " PARTITION BY RANGE (id);"
            " CREATE TABLE top_1_1 PARTITION OF top_1 FOR VALUES FROM (1) TO (50);"
            if below
            else ";"
        )
        + " CREATE TABLE kid (id bigint PRIMARY KEY, top bigint,"
        " CONSTRAINT fk FOREIGN KEY (top) REFERENCES top ON DELETE CASCADE)"
    )
    copies = db.column(
        "SELECT conname FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid = 'kid'::regclass AND conparentid <> 0"
    )
    assert len(copies) == 1 + below
    for copy in copies:
        for action in ("restrict", None):
            with db.error("JD002", f"set_deletion_rule: a copy of fk is no reference ({copy})"):
                db.set_deletion_rule("kid", copy, action)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("batch_rows", [2, 5000])
@pytest.mark.parametrize("kind", ["leaf", "middle"])
def test_a_trigger_of_one_partition_that_keeps_a_row_fails_the_job(
    postgres: Database, kind: str, batch_rows: int, jobs: int
) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE part (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES customer ON DELETE CASCADE) PARTITION BY RANGE (id);
        CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (5);
        CREATE TABLE part_high PARTITION OF part DEFAULT;
        CREATE INDEX ON part (customer_id);
        CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.id = 7 THEN RETURN NULL; END IF; RETURN OLD; END $$;
        CREATE TRIGGER keep BEFORE DELETE ON part_high
        FOR EACH ROW EXECUTE FUNCTION keep();
        INSERT INTO customer VALUES (1), (2), (3);
        INSERT INTO part SELECT n, 1 + n % 3 FROM generate_series(1, 12) AS n;
        GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
        """
    )
    if kind == "middle":
        db.script(
            postgres="""
            CREATE TABLE piece (id bigint PRIMARY KEY,
                part_id bigint REFERENCES part ON DELETE CASCADE);
            CREATE INDEX ON piece (part_id);
            INSERT INTO piece SELECT n, n FROM generate_series(1, 12) AS n;
            GRANT SELECT, UPDATE, DELETE ON piece TO deletion_jobs_owner;
            """
        )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", batch_rows)
    # Customer 2 has part 7.
    done = [db.enqueue_deletion("customer", n) for n in (2, 3)[:jobs]]
    db.run()
    error = db.job(done[0]).error or ""
    assert (db.status(done[0]), error[:6], "part" in error) == ("failed", "JD006:", True)
    assert (db.count("part", "id = 7"), db.count("customer", "id = 2")) == (1, 1)
    gone = 12 - db.count("part")
    assert sum(db.receipts(job).get(("part", "delete"), 0) for job in done) == gone
    assert [db.status(job) for job in done[1:]] == ["done"] * (jobs - 1)


def test_a_column_of_one_partition_that_others_follow_is_not_set_but_blocks(
    postgres: Database,
) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE part (id bigint PRIMARY KEY,
            customer_id bigint CONSTRAINT fk_part REFERENCES customer ON DELETE SET NULL
        ) PARTITION BY RANGE (id);
        CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (5);
        -- Its columns stand in another order.
        CREATE TABLE part_high (gone int, customer_id bigint, id bigint NOT NULL);
        ALTER TABLE part_high DROP COLUMN gone;
        ALTER TABLE part ATTACH PARTITION part_high DEFAULT;
        CREATE INDEX ON part (customer_id);
        CREATE UNIQUE INDEX ON part_high (customer_id);
        CREATE TABLE swipe (id bigint PRIMARY KEY,
            customer_id bigint REFERENCES part_high (customer_id) ON UPDATE CASCADE);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO part VALUES (1, 2), (7, 1);
        INSERT INTO swipe SELECT n, 1 FROM generate_series(1, 20) AS n;
        """
    )
    job = delete(db, "customer", 1, 2)
    assert (job.status, job.error) == ("failed", "JD006: 1 row of part behind fk_part")
    assert (db.count("swipe", "customer_id = 1"), db.count("customer")) == (20, 2)


@pytest.mark.parametrize("hard", [True, False])
def test_a_partition_of_a_partition_added_later_makes_the_plan_stale(
    postgres: Database, *, hard: bool
) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY, gone timestamptz);
        CREATE TABLE part (id bigint, kind text, gone timestamptz, customer_id bigint,
            PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
        CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a') PARTITION BY RANGE (id);
        CREATE TABLE part_a_low PARTITION OF part_a FOR VALUES FROM (0) TO (10);
        CREATE INDEX ON part (customer_id);
        CREATE TABLE piece (id bigint PRIMARY KEY, part_id bigint, gone timestamptz);
        CREATE INDEX ON piece (part_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO part (id, kind, customer_id) VALUES (1, 'a', 1), (2, 'a', 2);
        GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
        """
    )
    db.register_deletion_target("customer")
    # Of a key the catalog would show a copy at the customer.
    db.declare_deletion_reference(
        "part_customer", "part", ["customer_id"], "customer", ["id"], "cascade"
    )
    for table in ("customer", "part", "piece"):
        db.set_soft_deletion(table, "gone")
    db.enqueue_deletion("customer", 1, hard_delete=hard)
    db.run()
    db.script(
        postgres="""
        CREATE TABLE part_a_high (LIKE part_a INCLUDING ALL);
        CREATE UNIQUE INDEX ON part_a_high (id);
        INSERT INTO part_a_high (id, kind, customer_id) VALUES (11, 'a', 2), (12, 'a', 2);
        INSERT INTO piece SELECT n, 11 + n % 2 FROM generate_series(1, 6) AS n;
        ALTER TABLE piece ADD FOREIGN KEY (part_id) REFERENCES part_a_high (id)
        ON DELETE CASCADE;
        ALTER TABLE part_a ATTACH PARTITION part_a_high FOR VALUES FROM (10) TO (20);
        """
    )
    job_id = db.enqueue_deletion("customer", 2, hard_delete=hard)
    db.run()
    action = "delete" if hard else "mark"
    assert (db.status(job_id), db.job(job_id).error) == ("done", None)
    assert db.receipts(job_id) == {
        ("customer", action): 1,
        ("part", action): 3,
        ("piece", action): 6,
    }


def test_a_key_that_is_not_enforced_leads_nowhere(postgres: Database) -> None:
    db = postgres
    db.script(
        postgres="""
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE visit (id bigint PRIMARY KEY, customer_id bigint);
        CREATE TABLE claim (id bigint PRIMARY KEY, customer_id bigint);
        CREATE INDEX ON visit (customer_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO visit VALUES (1, 1), (2, 2);
        INSERT INTO claim VALUES (1, 1), (2, 2);
        """
    )
    keys = (
        "ALTER TABLE visit ADD FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE"
        " NOT ENFORCED; ALTER TABLE claim ADD FOREIGN KEY (customer_id) REFERENCES customer"
        " NOT ENFORCED"
    )
    if int(db.value("SHOW server_version_num")) < 180000:
        with db.error("42601"):
            db.script(postgres=keys)
    else:
        db.script(postgres=keys)
    assert same_as_native(db, "customer", 1, 2) == {"customer delete": 1}
    assert (db.count("visit"), db.count("claim")) == (2, 2)


def test_keys_of_one_name_on_partitions_of_one_name(postgres: Database) -> None:
    """Two schemas may each have such a partition, and here they close a circle."""
    postgres.script(
        postgres="""
        CREATE SCHEMA near;
        CREATE SCHEMA far;
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE part (id bigint, kind text, customer_id bigint, next_id bigint,
            PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
        CREATE TABLE near.part PARTITION OF part FOR VALUES IN ('near');
        CREATE TABLE far.part PARTITION OF part FOR VALUES IN ('far');
        CREATE UNIQUE INDEX ON near.part (id);
        CREATE UNIQUE INDEX ON far.part (id);
        ALTER TABLE part ADD CONSTRAINT part_customer
        FOREIGN KEY (customer_id) REFERENCES customer ON DELETE CASCADE;
        CREATE INDEX ON part (customer_id);
        CREATE INDEX ON part (next_id);
        INSERT INTO customer VALUES (1), (2);
        INSERT INTO part SELECT 10 * c + n, k, c, 10 * c + n % 3 + 1
        FROM generate_series(1, 2) AS c, generate_series(1, 3) AS n,
        unnest('{near,far}'::text[]) AS k;
        ALTER TABLE near.part ADD CONSTRAINT next
        FOREIGN KEY (next_id) REFERENCES far.part (id) ON DELETE CASCADE;
        ALTER TABLE far.part ADD CONSTRAINT next
        FOREIGN KEY (next_id) REFERENCES near.part (id) ON DELETE CASCADE;
        GRANT USAGE ON SCHEMA near, far TO deletion_jobs_owner;
        GRANT SELECT, UPDATE, DELETE ON near.part, far.part TO deletion_jobs_owner;
        """
    )
    assert same_as_native(postgres, "customer", 1, 10) == {"customer delete": 1, "part delete": 6}
    assert postgres.column(
        "SELECT DISTINCT reference_name FROM deletion_plan_steps"
        " WHERE reference_name IS NOT NULL ORDER BY 1"
    ) == ["far.part.next", "near.part.next", "part_customer"]


# -- Tables with a role of their own that become partitions ------------------------------------

GROWN = """
    CREATE TABLE top_all (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE top (id bigint PRIMARY KEY);
    CREATE TABLE kid (id bigint PRIMARY KEY,
        top_id bigint CONSTRAINT fk REFERENCES top_all ON DELETE CASCADE);
    CREATE INDEX ON kid (top_id);
    CREATE TABLE visit (id bigint PRIMARY KEY,
        top_id bigint CONSTRAINT visit_fk REFERENCES top ON DELETE CASCADE);
    CREATE INDEX ON visit (top_id);
    INSERT INTO top VALUES (1), (2);
    INSERT INTO visit SELECT n, 1 FROM generate_series(1, 9) AS n;
"""
ATTACH_TOP = "ALTER TABLE top_all ATTACH PARTITION top FOR VALUES FROM (1) TO (100)"
GROWN_ERROR = "JD005: top is a partition of top_all now: register that"


@pytest.mark.parametrize("by", ["key", "rule", "hold", "declared"])
@pytest.mark.parametrize("midway", [False, True])
def test_a_target_that_became_a_partition_stops_its_jobs(
    postgres: Database, midway: bool, by: str
) -> None:
    """The engine's cascade would take what hangs from the partitioned table, in one transaction."""
    db = postgres
    db.script(postgres=GROWN)
    if by == "declared":
        db.execute("ALTER TABLE kid DROP CONSTRAINT fk")
        db.declare_deletion_reference("d", "kid", ["top_id"], "top_all", ["id"], "cascade")
    let_owner(db)
    db.register_deletion_target("top")
    if by == "rule":
        db.set_deletion_rule("kid", "fk", "restrict")
    db.set_deletion_setting("batch_rows", 2)
    db.compile_deletion_plan("top")
    job_id = db.enqueue_deletion("top", 1)
    steps = Steps(db)
    if midway:
        steps.claim()
        while not db.count("deletion_receipts"):
            assert steps.step() == "more"
    db.observer.execute(ATTACH_TOP)
    db.execute("INSERT INTO kid SELECT n, 1 FROM generate_series(1, 20) AS n")
    if by == "hold":
        db.hold_deletion("kid", 7)
    if midway:
        assert steps.step() == "ended"
        assert db.outcomes(job_id) == ["returned"]
    db.run()
    assert (db.status(job_id), db.job(job_id).error) == ("failed", GROWN_ERROR)
    assert (db.count("kid"), db.count("top")) == (20, 2)
    with db.error("JD005", "top is a partition of top_all now: register that"):
        db.preview_deletion("top", 1)
    db.execute("DELETE FROM kid")
    db.execute("ALTER TABLE top_all DETACH PARTITION top")
    db.retry_deletion(job_id)
    db.run()
    assert (db.status(job_id), db.count("top")) == ("done", 1)


def test_a_soft_target_that_became_a_partition_stops_its_jobs(postgres: Database) -> None:
    db = postgres
    db.script(postgres=GROWN)
    db.execute("ALTER TABLE top_all ADD COLUMN gone boolean")
    db.execute("ALTER TABLE top ADD COLUMN gone boolean")
    let_owner(db)
    db.register_deletion_target("top")
    db.set_soft_deletion("top", "gone")
    db.compile_deletion_plan("top")
    db.execute(ATTACH_TOP)
    job_id = db.enqueue_deletion("top", 1, hard_delete=False)
    db.run()
    assert db.job(job_id).error == (
        "JD005: the soft-delete column gone of top fits no table (top is a partition): set it anew,"
        " then CALL public.set_soft_deletion('top', NULL);"
    )
    assert db.count("top", "gone") == 0


def test_a_rule_whose_table_became_a_partition_stops_the_job(postgres: Database) -> None:
    """The partition's key is one with that of its table then, and no reference of its own."""
    db = postgres
    db.script(
        postgres="CREATE TABLE top (id bigint PRIMARY KEY);"
        " CREATE TABLE kid (id bigint PRIMARY KEY, top_id bigint,"
        " CONSTRAINT fk FOREIGN KEY (top_id) REFERENCES top ON DELETE CASCADE)"
        " PARTITION BY RANGE (id);"
        " CREATE TABLE kid_1 (id bigint PRIMARY KEY, top_id bigint,"
        " CONSTRAINT fk FOREIGN KEY (top_id) REFERENCES top ON DELETE CASCADE);"
        " INSERT INTO top VALUES (1), (2); INSERT INTO kid_1 VALUES (1, 1), (2, 2)"
    )
    let_owner(db)
    db.register_deletion_target("top")
    db.set_deletion_rule("kid_1", "fk", "restrict")
    job = delete(db, "top", 1, 2)
    assert (job.error or "").startswith("JD006: 1 row of kid_1 behind fk")
    db.execute("ALTER TABLE kid ATTACH PARTITION kid_1 FOR VALUES FROM (1) TO (100)")
    db.retry_deletion(job.id)
    db.run()
    assert db.job(job.id).error == (
        "JD005: the rule for fk of kid_1 fits no reference: set it anew, then"
        " CALL public.set_deletion_rule('kid_1', 'fk', NULL);"
    )
    assert db.count("kid") == 2
    db.set_deletion_rule("kid", "fk", "restrict")
    db.set_deletion_rule("kid_1", "fk", None)
    db.retry_deletion(job.id)
    db.run()
    assert (db.job(job.id).error or "").startswith("JD006: 1 row of kid behind fk")


@pytest.mark.parametrize("table", ["mid", "kid"])
def test_a_declared_reference_whose_table_became_a_partition_stops_every_job(
    postgres: Database, table: str
) -> None:
    db = postgres
    db.script(
        postgres="CREATE TABLE top (id bigint PRIMARY KEY);"
        " CREATE TABLE other (id bigint PRIMARY KEY);"
        " CREATE TABLE mid_all (id bigint PRIMARY KEY,"
        " top_id bigint REFERENCES top ON DELETE CASCADE) PARTITION BY RANGE (id);"
        " CREATE TABLE mid (id bigint PRIMARY KEY,"
        " top_id bigint REFERENCES top ON DELETE CASCADE);"
        " CREATE TABLE kid_all (id bigint PRIMARY KEY, mid_id bigint) PARTITION BY RANGE (id);"
        " CREATE TABLE kid (id bigint PRIMARY KEY, mid_id bigint);"
        " CREATE INDEX ON kid (mid_id);"
        " INSERT INTO top VALUES (1), (2); INSERT INTO other VALUES (1);"
        " INSERT INTO mid VALUES (1, 1), (2, 2); INSERT INTO kid VALUES (1, 1), (2, 2)"
    )
    let_owner(db)
    db.register_deletion_target("top")
    db.register_deletion_target("other")
    db.declare_deletion_reference("d", "kid", ["mid_id"], "mid", ["id"], "cascade")
    db.compile_deletion_plan("other")
    db.execute(f"ALTER TABLE {table}_all ATTACH PARTITION {table} FOR VALUES FROM (1) TO (100)")
    for target in ("top", "other"):
        assert db.delete(target, 1).error == (
            f"JD005: the declared reference d fits no table ({table} is a partition): declare it"
            " anew, or CALL public.declare_deletion_reference('d');"
        )
    assert (db.count("mid"), db.count("kid"), db.count("other")) == (2, 2, 1)
    db.declare_deletion_reference(
        "d",
        "kid_all" if table == "kid" else "kid",
        ["mid_id"],
        "mid_all" if table == "mid" else "mid",
        ["id"],
        "cascade",
    )
    assert db.delete("top", 2).status == "done"
    assert (db.count("mid"), db.count("kid")) == (1, 1)


def test_keys_of_periods_are_refused(postgres: Database) -> None:
    """A booking refers to all rows of its room that cover it, not to one: no equality finds it."""
    db = postgres
    room = "code int NOT NULL, valid daterange NOT NULL, UNIQUE (code, valid WITHOUT OVERLAPS)"
    key = "FOREIGN KEY (code, PERIOD valid) REFERENCES room (code, PERIOD valid)"
    has_periods = int(db.value("SHOW server_version_num")) >= 180000
    if not has_periods:
        with db.error("42601"):
            db.execute(f"CREATE TABLE room ({room})")
        room, key = "code int, valid daterange, UNIQUE (code, valid)", key.replace("PERIOD ", "")
    db.script(
        postgres=f"""
        CREATE EXTENSION btree_gist;
        CREATE TABLE customer (id bigint PRIMARY KEY);
        CREATE TABLE room (id bigint PRIMARY KEY, customer_id bigint
            REFERENCES customer ON DELETE CASCADE, {room});
        CREATE TABLE booking (id bigint PRIMARY KEY, code int, valid daterange, {key});
        CREATE INDEX ON room (customer_id);
        CREATE INDEX ON booking (code, valid);
        INSERT INTO customer VALUES (1);
        INSERT INTO room VALUES (1, 1, 7, '[2020-01-01,2021-01-01)');
        INSERT INTO booking VALUES (1, 7, '[2020-01-01,2021-01-01)');
        """
    )
    for table in ("customer", "room", "booking"):
        db.grant_to_owner(table)
    if has_periods:
        db.insert("booking", [(2, 7, "[2020-02-01,2020-03-01)")])
    db.register_deletion_target("customer")
    job = db.delete("customer", 1)
    name = db.value(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'booking'::regclass AND contype = 'f'"
    )
    left = [db.count(table) for table in ("customer", "room")]
    db.execute("DROP TABLE booking")
    assert db.delete("customer", 1).status == "done"
    db.execute("DROP EXTENSION btree_gist CASCADE")
    assert job.error == f"JD005: columns that cannot be compared exactly: {name}"
    assert left == [1, 1]
