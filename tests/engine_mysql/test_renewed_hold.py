"""A hold that is renewed by a caller without a transaction."""

from tests.contract.schemas import customers
from tests.database import Database


def test_a_hold_that_cannot_be_renewed_stands_as_it_was(mysql: Database) -> None:
    db = mysql
    customers(db, 2)
    db.hold_deletion("customer", "1")
    other = db.connect()
    with other.transaction(rollback=True):
        # Nobody may add a hold behind the last one.
        other.rows("SELECT hold_id FROM deletion_holds WHERE hold_id > 1000 FOR UPDATE")
        db.execute("SET SESSION innodb_lock_wait_timeout = 1")
        with db.error(mysql="HY000", postgres="55P03"):
            db.hold_deletion("customer", "1")
    assert db.count("deletion_holds", "released_at IS NULL") == 1
    db.hold_deletion("customer", "1")
    assert db.count("deletion_holds", "released_at IS NULL") == 1
    assert db.count("deletion_holds") == 2
    with db.transaction(rollback=True):
        db.hold_deletion("customer", "2")
    assert db.count("deletion_holds") == 2
