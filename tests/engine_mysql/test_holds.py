"""Holds on MySQL: one that is renewed without a transaction, one whose table is gone."""

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


def test_a_database_of_the_same_name_hides_no_table_that_is_gone(mysql: Database) -> None:
    db = mysql
    far = f"{db.home.database}_far"
    customers(db, 2)
    db.table(far, "id bigint", rows=[(1,)])
    db.hold_deletion(far, "1")
    db.execute(f"ALTER TABLE {far} RENAME TO remark")
    db.script(mysql=f"CREATE DATABASE {far}; CREATE TABLE {far}.{far} (id BIGINT PRIMARY KEY)")
    try:
        db.grant_to_owner(f"{far}.{far}")
        assert "no such table is found" in (db.delete("customer", 1).error or "")
    finally:
        db.script(mysql=f"DROP DATABASE {far}")
