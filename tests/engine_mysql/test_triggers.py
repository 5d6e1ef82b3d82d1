"""Triggers of the application: their rights, the names they find, and what they read."""

import pytest

from tests.contract.schemas import customers
from tests.database import Database, Reference


def test_a_trigger_runs_as_its_definer_in_its_own_database(mysql: Database) -> None:
    db = mysql
    far = f"{db.home.database}_log"
    db.execute(f"CREATE DATABASE `{far}`")
    try:
        customer = f"{far}.customer"
        db.execute(f"CREATE TABLE {customer} (id BIGINT PRIMARY KEY)")
        db.insert(customer, [(1,), (2,)])
        db.execute(
            "CREATE TABLE note (id BIGINT PRIMARY KEY, customer_id BIGINT,"
            f" FOREIGN KEY (customer_id) REFERENCES {customer} (id) ON DELETE CASCADE)"
        )
        db.insert("note", [(n, 1) for n in range(9)])
        db.grant_to_owner("note")
        db.grant_to_owner(f"{far}.customer")
        # The owner account has no right on it, and the package is in another database.
        db.execute(
            f"CREATE TABLE `{far}`.audit_log (id BIGINT, account TEXT, mine TEXT, zone TEXT)"
        )
        db.execute(
            f"CREATE TRIGGER `{far}`.audit AFTER DELETE ON {customer} FOR EACH ROW INSERT INTO"
            " audit_log VALUES (OLD.id, current_user(), @account, @@session.time_zone)"
        )
        db.register_deletion_target(f"{far}.customer")
        db.worker.execute("SET time_zone = '+09:00', @account = NULL")
        # Only its locks show that the table is there; it might refer to customers.
        job = db.delete(f"{far}.customer", 1)
        assert job.status == "failed"
        assert f"deletes reach `{far}`.`audit_log`" in (job.error or "")
        db.execute((job.error or "").split(": ")[-1])
        job = db.delete(f"{far}.customer", 1)
        assert (job.status, job.error) == ("done", None)
        assert db.rows(f"SELECT * FROM `{far}`.audit_log") == [
            (1, db.value("SELECT current_user()"), None, "+00:00")
        ]
        assert db.worker.value("SELECT @@session.time_zone") == "+09:00"
    finally:
        db.execute("SET foreign_key_checks = 0")
        db.execute(f"DROP DATABASE `{far}`")
        db.execute("SET foreign_key_checks = 1")


@pytest.mark.parametrize(
    "takes",
    ["DELETE FROM post WHERE id = OLD.post_no", "UPDATE post SET parent_id = 50 WHERE id = 40"],
    ids=["deletes", "moves"],
)
def test_a_trigger_may_take_a_row_of_several_levels_that_go_at_once(
    mysql: Database, takes: str
) -> None:
    mysql.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        references=[Reference("parent_id", "post", "cascade")],
        rows=[(1, None), *[(n, n - 1) for n in range(2, 41)], (50, None)],
    )
    log = Reference("about", "post", "set null")
    mysql.table("a_log", "id bigint", "about bigint null", references=[log])
    mysql.set_deletion_rule("a_log", mysql.reference_name("a_log", log), "cascade")
    mysql.table("note", "id bigint", "post_no bigint", rows=[(1, 40)])
    mysql.execute("CREATE INDEX note_post ON note (post_no)")
    mysql.declare_deletion_reference("no", "note", ["post_no"], "post", ["id"], "cascade")
    mysql.execute(
        "CREATE TRIGGER logged AFTER DELETE ON post FOR EACH ROW"
        " INSERT INTO a_log VALUES (OLD.id, OLD.parent_id)"
    )
    mysql.execute(f"CREATE TRIGGER gone AFTER DELETE ON note FOR EACH ROW {takes}")
    mysql.register_deletion_target("post")
    job = mysql.delete("post", 1)
    assert (job.status, job.error) == ("done", None)
    left = [40, 50] if "UPDATE" in takes else [50]
    assert mysql.column("SELECT id FROM post ORDER BY id") == left
    assert mysql.receipts(job.id)["post", "delete"] == 39


@pytest.mark.parametrize("table", ["post", "customer"])
def test_rows_are_looked_at_twice_below_which_a_declared_reference_leads_to_their_own_table(
    mysql: Database, table: str
) -> None:
    """No lock of theirs keeps another session from adding a child that no foreign key binds."""
    customers(mysql, 1)
    mysql.table(
        "post",
        "id bigint",
        "parent_id bigint null",
        "customer_id bigint null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, None, 1)],
    )
    mysql.execute("CREATE INDEX post_parent ON post (parent_id)")
    mysql.declare_deletion_reference("tree", "post", ["parent_id"], "post", ["id"], "cascade")
    mysql.register_deletion_target(table)
    assert mysql.delete(table, 1).status == "done"
    steps = (
        "SELECT COUNT(*) FROM deletion_plan_steps AS s WHERE s.kind = %s AND s.table_name LIKE"
        " '%%post%%'"
    )
    assert mysql.value(steps, "remove_now") == 0 < mysql.value(steps, "look")
