"""Held rows and what triggers do to them that only PostgreSQL allows."""

from tests.contract.schemas import ids, shop
from tests.contract.soft import ask, marked, tree
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
