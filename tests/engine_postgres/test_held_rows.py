"""Held rows and what triggers do to them that only PostgreSQL allows."""

from tests.contract.schemas import customers, ids, shop
from tests.contract.soft import ask, marked, tree
from tests.contract.test_held_keys import is_blocked
from tests.database import Database


def test_a_held_row_that_a_deferred_trigger_takes_stays(postgres: Database) -> None:
    db = postgres
    shop(db)
    db.hold_deletion("line", 311)
    db.script(
        postgres="CREATE FUNCTION swap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN DELETE FROM line WHERE id = 311; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER swap AFTER DELETE ON customer DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION swap()"
    )
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert str(job.error).startswith("JD006: held: line 311 ")
    assert 311 in ids(db, "line")


def test_a_held_row_that_a_trigger_marks_stays_unmarked(postgres: Database) -> None:
    db = postgres
    tree(db, {1: None, 2: 1, 9: None})
    db.hold_deletion("node", 9)
    db.script(
        postgres="CREATE FUNCTION also() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN UPDATE node SET gone = TRUE WHERE id = 9 AND NEW.id = 2; RETURN NULL; END $$;"
        "CREATE TRIGGER also AFTER UPDATE ON node FOR EACH ROW EXECUTE FUNCTION also()",
    )
    job = ask(db, "node", 1)
    db.run()
    assert db.status(job) == "failed"
    assert str(db.job(job).error).startswith("JD006: held: node 9 ")
    assert marked(db, "node") == []


def test_a_hold_that_came_since_a_step_began_is_seen_whatever_the_session_reads(
    postgres: Database,
) -> None:
    db = postgres
    db.set_deletion_setting("lock_timeout_ms", 20000)
    shop(db)
    db.compile_deletion_plan("customer")
    blocker, worker = db.connect(), db.connect("worker")
    worker.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    blocker.execute("BEGIN")
    # The check reads, and does not wait for this; the step that deletes does.
    blocker.execute("LOCK TABLE line IN SHARE MODE")
    job = db.enqueue_deletion("customer", 1)
    working = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    db.hold_deletion("line", 111)
    blocker.execute("ROLLBACK")
    working.result()
    is_blocked(db.job(job), "line 111 ")
    assert 111 in ids(db, "line")


PARTED = """
    CREATE TABLE paper (
        no bigint, customer_id bigint REFERENCES customer ON DELETE CASCADE, PRIMARY KEY (no)
    ) PARTITION BY RANGE (no);
    CREATE TABLE paper_low PARTITION OF paper FOR VALUES FROM (0) TO (10);
    CREATE INDEX ON paper (customer_id);
    CREATE TABLE paper_high (no bigint PRIMARY KEY, customer_id bigint);
    GRANT SELECT, UPDATE, DELETE ON paper, paper_high TO deletion_jobs_owner;
    INSERT INTO paper VALUES (1, 1), (2, 2);
    INSERT INTO paper_high VALUES (11, 1), (12, 2);
"""


def test_a_row_of_a_partitioned_table_is_seen_when_it_is_held(postgres: Database) -> None:
    db = postgres
    customers(db)
    db.script(postgres=PARTED)
    db.hold_deletion("paper", 1)
    assert db.count("vw_deletion_holds", "row_seen_at IS NOT NULL") == 1
    db.execute("UPDATE paper SET no = 3 WHERE no = 1")
    is_blocked(db.delete("customer", 2), "paper 1 ", "no row is found by the key")


def test_a_hold_on_a_table_that_became_a_partition_protects_its_row(postgres: Database) -> None:
    db = postgres
    customers(db)
    db.script(postgres=PARTED)
    db.hold_deletion("paper_high", 11)
    db.script(postgres="ALTER TABLE paper ATTACH PARTITION paper_high FOR VALUES FROM (10) TO (20)")
    job = db.delete("customer", 1)
    is_blocked(job, "paper_high 11 ")
    assert db.delete("customer", 2).status == "done"
    assert db.column("SELECT no FROM paper ORDER BY no") == [1, 11]
    db.release_deletion_hold("paper_high", 11)
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == "done"


def test_a_hold_by_a_key_of_a_partition_alone_blocks_all_above_it(postgres: Database) -> None:
    db = postgres
    customers(db)
    db.script(
        postgres=PARTED.replace("PRIMARY KEY (no)\n", "PRIMARY KEY (no, customer_id)\n").replace(
            "no bigint PRIMARY KEY, customer_id bigint)",
            "no bigint NOT NULL, customer_id bigint NOT NULL, CONSTRAINT uq_no UNIQUE (no))",
        )
    )
    db.hold_deletion("paper_high", 11)
    db.script(postgres="ALTER TABLE paper ATTACH PARTITION paper_high FOR VALUES FROM (10) TO (20)")
    before = db.application_contents()
    is_blocked(db.delete("customer", 2), "paper_high 11 ", "no row is found by the key")
    assert db.application_contents() == before


def test_rows_without_a_key_are_climbed_from_a_held_row(postgres: Database) -> None:
    db = postgres
    customers(db)
    db.script(
        postgres="""
        CREATE TABLE visit (
            customer_id bigint REFERENCES customer ON DELETE CASCADE, code text UNIQUE
        );
        CREATE INDEX ON visit (customer_id);
        CREATE TABLE click (
            id bigint PRIMARY KEY, code text REFERENCES visit (code) ON DELETE CASCADE
        );
        CREATE INDEX ON click (code);
        INSERT INTO visit VALUES (1, 'a'), (1, 'b'), (2, 'c');
        INSERT INTO click VALUES (1, 'a'), (2, 'b'), (3, 'c');
        GRANT SELECT, UPDATE, DELETE ON visit, click TO deletion_jobs_owner;
        """
    )
    # A run that missed the hold would have taken the first click before it met the second.
    db.set_deletion_setting("batch_rows", 1)
    db.hold_deletion("click", 2)
    job = db.delete("customer", 1)
    is_blocked(job, "click 2 ")
    assert db.receipts(job.id) == {}
    assert db.delete("customer", 2).status == "done"
    assert ids(db, "click") == [1, 2]


def test_an_index_that_becomes_the_primary_key_is_the_key_of_holds(postgres: Database) -> None:
    db = postgres
    customers(db)
    db.script(
        postgres="""
        CREATE TABLE paper (
            no bigint NOT NULL UNIQUE, code bigint NOT NULL,
            customer_id bigint REFERENCES customer ON DELETE CASCADE
        );
        CREATE UNIQUE INDEX uq_code ON paper (code);
        CREATE INDEX ON paper (customer_id);
        INSERT INTO paper VALUES (1, 101, 1), (2, 102, 2);
        GRANT SELECT, UPDATE, DELETE ON paper TO deletion_jobs_owner;
        """
    )
    db.compile_deletion_plan("customer")
    db.execute("ALTER TABLE paper ADD CONSTRAINT pk PRIMARY KEY USING INDEX uq_code")
    db.hold_deletion("paper", 101)
    is_blocked(db.delete("customer", 1), "paper 101 ")
    assert db.delete("customer", 2).status == "done"
