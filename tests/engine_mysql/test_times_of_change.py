"""Columns that the server sets by itself in every UPDATE: its own cascades leave them alone."""

from typing import Any

import pytest

from tests.contract.schemas import in_small_steps
from tests.database import Database, MySQLInstallation, Reference

LONG_AGO = "2020-01-01 12:34:56.123456"
STAMPS = (
    "stamp DATETIME(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
    "`the ``time``` TIMESTAMP(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)",
    "whole TIMESTAMP NOT NULL ON UPDATE CURRENT_TIMESTAMP",
)
OTHERS = (2, "2021-02-03 00:00:00", "2021-02-03 00:00:00", "2021-02-03 00:00:00")


def stamped(db: Database, name: str, *columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Make a table with columns that the server sets, all of them long ago."""
    db.execute(f"CREATE TABLE {name} (id BIGINT NOT NULL, {', '.join((*columns, *STAMPS))})")
    db.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    db.grant_to_owner(name)
    db.insert(name, [(*row, LONG_AGO, LONG_AGO, LONG_AGO) for row in rows])


def stays_as_by_the_engine(db: Database) -> None:
    """Delete customer 1 by the engine, taken back, and by a job: the same is left."""
    with db.transaction(rollback=True):
        db.execute("DELETE FROM customer WHERE id = 1")
        wanted = db.application_contents()
    db.register_deletion_target("customer")
    in_small_steps(db)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.application_contents() == wanted


@pytest.mark.parametrize("server", ["mysql_installation", "mysql_native_fk_installation"])
def test_a_row_that_is_set_null_keeps_the_time_of_its_last_change(
    request: pytest.FixtureRequest, server: str
) -> None:
    installation: MySQLInstallation = request.getfixturevalue(server)
    with installation.database() as db:
        db.table("customer", "id bigint", rows=[(1,), (2,)])
        stamped(db, "note", "customer_id BIGINT", rows=[(n, n % 2 + 1) for n in range(7)])
        db.add_reference("note", Reference("customer_id", "customer", "set null"))
        stays_as_by_the_engine(db)
        assert db.count("note", "customer_id IS NULL") == 4


def test_a_row_without_a_key_keeps_the_time_of_its_last_change(mysql: Database) -> None:
    mysql.table("customer", "id bigint", rows=[(1,), (2,)])
    stamped(mysql, "note", "customer_id BIGINT", rows=[(n, n % 2 + 1) for n in range(7)])
    mysql.execute("ALTER TABLE note DROP PRIMARY KEY")
    mysql.add_reference("note", Reference("customer_id", "customer", "set null"))
    stays_as_by_the_engine(mysql)


def test_a_row_that_gets_a_default_keeps_the_time_of_its_last_change(mysql: Database) -> None:
    mysql.table("customer", "id bigint", rows=[(1,), (2,)])
    stamped(mysql, "note", "customer_id BIGINT DEFAULT 2", rows=[(n, n % 2 + 1) for n in range(7)])
    mysql.add_reference("note", Reference("customer_id", "customer"))
    mysql.register_deletion_target("customer")
    mysql.set_deletion_rule("note", "fk_note_customer_id", "set_default")
    before = mysql.rows("SELECT id, stamp, `the ``time```, whole FROM note")
    in_small_steps(mysql)
    assert mysql.delete("customer", 1).status == "done"
    assert mysql.count("note", "customer_id = 2") == 7
    assert mysql.rows("SELECT id, stamp, `the ``time```, whole FROM note") == before


def test_a_time_that_is_the_reference_itself_is_set(mysql: Database) -> None:
    mysql.execute("CREATE TABLE day (id BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL UNIQUE)")
    mysql.grant_to_owner("day")
    mysql.insert("day", [(1, LONG_AGO), (2, OTHERS[1])])
    stamped(mysql, "note", rows=[(1,), (2,)])
    mysql.execute("INSERT INTO note VALUES (3, %s, %s, %s)", *OTHERS[1:])
    mysql.execute(
        "ALTER TABLE note ADD CONSTRAINT fk FOREIGN KEY (stamp) REFERENCES day (at)"
        " ON DELETE SET NULL"
    )
    mysql.register_deletion_target("day")
    assert mysql.delete("day", 1).status == "done"
    assert mysql.column("SELECT id FROM note WHERE stamp IS NULL ORDER BY id") == [1, 2]
    assert mysql.count("note", "whole > '2022-01-01'") == 0


def test_rows_of_a_circle_that_is_opened_keep_the_time_of_their_last_change(
    mysql: Database,
) -> None:
    # 2 and 3 go in a ring below 1; 4 refers to itself, which the engine refuses to delete.
    stamped(
        mysql,
        "part",
        "up BIGINT",
        "other BIGINT",
        rows=[(1, None, None), (2, 1, 3), (3, 2, 2), (4, 1, 4)],
    )
    mysql.add_reference("part", Reference("up", "part", "cascade"))
    mysql.add_reference("part", Reference("other", "part"))
    mysql.execute("CREATE TABLE seen (id BIGINT, is_kept BOOLEAN)")
    mysql.execute(
        "CREATE TRIGGER look AFTER UPDATE ON part FOR EACH ROW INSERT INTO seen VALUES (OLD.id,"
        " NEW.stamp <=> OLD.stamp AND NEW.`the ``time``` <=> OLD.`the ``time```"
        " AND NEW.whole <=> OLD.whole)"
    )
    mysql.register_deletion_target("part")
    in_small_steps(mysql)
    job = mysql.delete("part", 1)
    assert (job.status, job.error) == ("done", None)
    assert mysql.count("part") == 0
    assert mysql.count("seen", "is_kept") > 0
    assert mysql.count("seen", "NOT is_kept") == 0


def test_a_row_that_is_scrubbed_or_marked_has_changed(mysql: Database) -> None:
    mysql.table("customer", "id bigint", "gone boolean null", rows=[(1, None), (2, None)])
    stamped(mysql, "note", "customer_id BIGINT", "text INT", rows=[(1, 1, 7), (2, 2, 7)])
    mysql.add_reference("note", Reference("customer_id", "customer"))
    stamped(mysql, "item", "customer_id BIGINT", "gone BOOLEAN NULL", rows=[(1, 1, None)])
    mysql.add_reference("item", Reference("customer_id", "customer", "cascade"))
    mysql.register_deletion_target("customer")
    for table in ("customer", "item"):
        mysql.set_soft_deletion(table, "gone")
    mysql.set_deletion_rule("note", "fk_note_customer_id", "scrub", {"text": 0})
    job_id = mysql.enqueue_deletion("customer", 1, hard_delete=False)
    mysql.run()
    assert mysql.count("item", "gone AND stamp > '2022-01-01' AND whole > '2022-01-01'") == 1
    mysql.execute("UPDATE item SET stamp = '2021-01-01', whole = '2021-01-01'")
    mysql.restore_deletion(job_id)
    assert mysql.count("item", "gone IS NULL AND stamp > '2022-01-01'") == 1
    assert mysql.delete("customer", 1).status == "done"
    assert mysql.count("note", "text = 0 AND stamp > '2022-01-01' AND whole > '2022-01-01'") == 1
    assert mysql.count("note", "text = 7 AND stamp < '2022-01-01'") == 1
