"""Triggers of the application: their rights, the names they find, and what they read."""

from tests.database import Database


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
