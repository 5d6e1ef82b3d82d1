"""Tables of other databases that the owner account cannot see, and names that are no tables."""

import pytest

from tests.database import Database, Reference
from tests.engine_mysql.far import another_database


def refused(db: Database, table: str) -> str:
    """Run a job that deletes nothing since a table is hidden; give the GRANT that its error has."""
    before = db.application_contents()
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith(f"42000: deletes reach {table}, which"), job.error
    assert db.application_contents() == before
    return (job.error or "").split(": ")[-1]


@pytest.mark.parametrize("by", ["rule", "declared reference", "circle"])
def test_a_hidden_table_that_follows_what_a_job_sets_stops_it(mysql: Database, by: str) -> None:
    """ON UPDATE CASCADE: the engine would change its rows as well, and no receipt count them."""
    db = mysql
    db.table("customer", "id bigint", "note_id bigint null", rows=[(1, None), (2, None)])
    db.table("note", "id bigint", "customer_id bigint null", rows=[(1, 1), (2, 2)])
    db.execute("ALTER TABLE note ADD UNIQUE (customer_id)")
    if by != "declared reference":
        db.add_reference("note", Reference("customer_id", "customer", "no action"))
    if by == "circle":
        db.execute("ALTER TABLE customer ADD FOREIGN KEY (note_id) REFERENCES note (id)")
        db.execute("UPDATE customer SET note_id = id")
        db.set_deletion_rule("note", "fk_note_customer_id", "cascade")
    db.register_deletion_target("customer")
    if by == "rule":
        db.set_deletion_rule("note", "fk_note_customer_id", "set_null")
    elif by == "declared reference":
        db.declare_deletion_reference(
            "note", "note", ["customer_id"], "customer", ["id"], "set_null"
        )
    with another_database(db, by[:4]) as far:
        db.execute(
            f"CREATE TABLE `{far}`.tag (id BIGINT PRIMARY KEY, c BIGINT, FOREIGN KEY (c) REFERENCES"
            f" `{db.home.database}`.note (customer_id) ON UPDATE CASCADE)"
        )
        db.execute(f"INSERT INTO `{far}`.tag VALUES (1, 1)")
        db.execute(refused(db, f"`{far}`.`tag`"))
        assert db.rows(f"SELECT id, c FROM `{far}`.tag") == [(1, 1)]
        # Seen, it is known to block: what others follow by ON UPDATE CASCADE is not set.
        job = db.delete("customer", 1)
        assert job.status == "failed"
        assert "cannot see" not in (job.error or "")
        assert db.rows(f"SELECT id, c FROM `{far}`.tag") == [(1, 1)]


def test_a_hidden_table_below_rows_without_a_key_stops_the_job(mysql: Database) -> None:
    """They go by a rule, so that no DELETE of their parents reaches what is below them."""
    db = mysql
    db.table("customer", "id bigint", rows=[(1,), (2,)])
    db.table(
        "note",
        "code bigint null",
        "customer_id bigint null",
        key=None,
        references=[Reference("customer_id", "customer", "no action")],
        rows=[(1, 1), (2, 2)],
    )
    db.execute("ALTER TABLE note ADD UNIQUE (code)")
    db.register_deletion_target("customer")
    db.set_deletion_rule("note", "fk_note_customer_id", "cascade")
    with another_database(db, "below") as far:
        # A right to execute shows no table.
        db.execute(f"GRANT EXECUTE ON `{far}`.* TO deletion_jobs_owner@localhost")
        db.execute(
            f"CREATE TABLE `{far}`.tag (id BIGINT PRIMARY KEY, c BIGINT, FOREIGN KEY (c) REFERENCES"
            f" `{db.home.database}`.note (code) ON DELETE CASCADE)"
        )
        db.execute(f"INSERT INTO `{far}`.tag VALUES (1, 1)")
        refused(db, f"`{far}`.`tag`")
        assert db.count(f"{far}.tag") == 1


TRIGGERS = {
    "a temporary table that a procedure makes": (
        "CREATE PROCEDURE make() BEGIN DROP TEMPORARY TABLE IF EXISTS tmp_ids;"
        " CREATE TEMPORARY TABLE tmp_ids (id BIGINT); END",
        "BEGIN CALL make(); INSERT INTO tmp_ids VALUES (OLD.id); END",
    ),
    "a table that need not be there": (
        "DO 0",
        "BEGIN DECLARE CONTINUE HANDLER FOR 1146 BEGIN END;"
        " INSERT INTO no_table VALUES (OLD.id); END",
    ),
    "a branch that is not taken": (
        "DO 0",
        "IF OLD.id > 1000 THEN INSERT INTO no_table VALUES (OLD.id); END IF",
    ),
}


@pytest.mark.parametrize("kind", list(TRIGGERS))
def test_a_name_that_is_no_table_stops_nothing(mysql: Database, kind: str) -> None:
    """The server locks the names that a trigger mentions, whether there is such a table or not."""
    before, body = TRIGGERS[kind]
    mysql.table("customer", "id bigint", rows=[(1,), (2,)])
    mysql.execute(before)
    mysql.execute(f"CREATE TRIGGER seen AFTER DELETE ON customer FOR EACH ROW {body}")
    mysql.register_deletion_target("customer")
    job = mysql.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)


def test_a_parent_that_is_gone_stops_nothing(mysql: Database) -> None:
    mysql.table("customer", "id bigint", rows=[(1,), (2,)])
    mysql.table("shelf", "id bigint", rows=[])
    mysql.table(
        "note",
        "id bigint",
        "customer_id bigint null",
        "shelf_id bigint null",
        references=[
            Reference("customer_id", "customer", "set null"),
            Reference("shelf_id", "shelf", "no action"),
        ],
        rows=[(1, 1, None)],
    )
    mysql.register_deletion_target("customer")
    mysql.script(mysql="SET foreign_key_checks = 0; DROP TABLE shelf; SET foreign_key_checks = 1")
    job = mysql.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
