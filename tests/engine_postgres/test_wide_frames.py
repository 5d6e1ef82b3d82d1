"""What a wide frame reads, and rows that a trigger keeps in it."""

from tests.contract.schemas import each
from tests.contract.test_wide_frames import VISITS, begun, each_kind, wide
from tests.database import Database

MORE = 2700


@each_kind
def test_rows_below_a_wide_frame_are_not_read_again_for_each_batch(
    postgres: Database, details: int
) -> None:
    """An old snapshot keeps the index entries of deleted rows."""
    db = postgres
    wide(db, details)
    db.insert("visit", [(VISITS + n, 1, "more") for n in each(MORE)])
    holder = db.connect()
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    holder.value("SELECT COUNT(*) FROM customer")
    job_id = db.enqueue_deletion("customer", 1)
    db.run()
    holder.execute("ROLLBACK")
    assert db.status(job_id) == "done"

    def read() -> int:
        db.value("SELECT pg_stat_force_next_flush()")
        return int(
            db.value(
                "SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i"
                " WHERE i.relname = 'visit' AND i.indexrelname <> 'visit_pkey'"
            )
        )

    db.wait_for(lambda: read() >= VISITS + MORE)
    # Each batch from the start would read every row 150 times.
    assert read() < 15 * (VISITS + MORE)
    assert db.count("deletion_found_rows") == 0


def test_rows_that_a_trigger_keeps_end_the_job(postgres: Database) -> None:
    db = postgres
    wide(db)
    _, job_id = begun(db)
    db.script(
        postgres="""
        CREATE FUNCTION keep_visits() RETURNS trigger LANGUAGE plpgsql AS $keep_visits$
        BEGIN
            RETURN CASE WHEN old.id % 2 = 0 THEN old END;
        END;
        $keep_visits$;
        CREATE TRIGGER keep_visits BEFORE DELETE ON visit
            FOR EACH ROW EXECUTE FUNCTION keep_visits();
        """
    )
    kept = db.count("visit", "id % 2 = 1")
    db.execute("UPDATE deletion_runs SET session_id = 0")
    db.run()
    assert db.status(job_id) == "failed"
    assert "visit" in str(db.job(job_id).error)
    assert db.count("visit", "id % 2 = 1") == kept
    assert db.receipts(job_id) == {("visit", "delete"): VISITS - db.count("visit")}
    assert db.count("deletion_found_rows") == 0
