"""Held rows and what PostgreSQL puts off until the end of a transaction."""

from tests.contract.schemas import ids, shop
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
