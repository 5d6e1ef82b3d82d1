"""Foreign keys between ENUMs: the engine compares the numbers of labels, jobs compare labels."""

import pytest

from tests.contract.schemas import each, in_small_steps
from tests.database import Database, MySQLInstallation

ROWS = ["a", "b", "it's"]
SERVERS = ["mysql_installation", "mysql_native_fk_installation"]


def labelled(db: Database, parent: str, child: str) -> None:
    """Make top <- kid, two rows of kid for each label."""
    db.execute(f"CREATE TABLE top (id {parent} NOT NULL PRIMARY KEY)")
    db.execute(
        f"CREATE TABLE kid (id BIGINT PRIMARY KEY AUTO_INCREMENT, top_id {child},"
        " CONSTRAINT fk_kid FOREIGN KEY (top_id) REFERENCES top (id) ON DELETE CASCADE)"
    )
    for name in ("top", "kid"):
        db.grant_to_owner(name)
    db.insert("top", [(label,) for label in ROWS])
    # By number: that is what the engine compares.
    for number in each(3):
        db.execute("INSERT INTO kid (top_id) VALUES (%s), (%s)", number, number)
    db.register_deletion_target("top")
    in_small_steps(db)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("ENUM('a', 'b', 'it''s')", "ENUM('b', 'a', 'it''s')"),
        ("ENUM('a', 'b', 'it''s')", "ENUM('c', 'a', 'b', 'it''s')"),
        ("ENUM('a', 'it''s', 'b')", "ENUM('a', 'it', 'it''s', 'b')"),
        ("ENUM('a', 'b', 'it''s', 'A b')", "ENUM('a', 'b', 'it''s', 'a B', 'c')"),
    ],
)
def test_labels_in_another_order_are_refused(
    request: pytest.FixtureRequest, server: str, parent: str, child: str
) -> None:
    installation: MySQLInstallation = request.getfixturevalue(server)
    with installation.database() as db:
        labelled(db, parent, child)
        before = db.application_contents()
        job = db.delete("top", "a")
        assert (job.status, job.error) == (
            "failed",
            "JD005: columns that cannot be compared exactly: fk_kid",
        )
        assert db.application_contents() == before


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("ENUM('a', 'b', 'it''s')", "ENUM('a', 'b', 'it''s')"),
        ("ENUM('a', 'b', 'it''s')", "ENUM('a', 'b', 'it''s', 'c', 'it')"),
        ("ENUM('a', 'b', 'it''s', 'c')", "ENUM('a', 'b', 'it''s')"),
    ],
)
def test_labels_in_one_order_are_followed(
    request: pytest.FixtureRequest, server: str, parent: str, child: str
) -> None:
    installation: MySQLInstallation = request.getfixturevalue(server)
    with installation.database() as db:
        labelled(db, parent, child)
        for label in ROWS:
            with db.transaction(rollback=True):
                db.execute("DELETE FROM top WHERE id = %s", label)
                wanted = db.application_contents()
            job = db.delete("top", label)
            assert (job.status, job.error) == ("done", None)
            assert db.receipts(job.id) == {("top", "delete"): 1, ("kid", "delete"): 2}
            assert db.application_contents() == wanted


def test_sets_are_refused(mysql: Database) -> None:
    mysql.execute("CREATE TABLE top (id BIGINT PRIMARY KEY, kinds SET('a', 'b') NOT NULL UNIQUE)")
    mysql.execute(
        "CREATE TABLE kid (id BIGINT PRIMARY KEY, kinds SET('b', 'a'), CONSTRAINT fk_kid"
        " FOREIGN KEY (kinds) REFERENCES top (kinds) ON DELETE CASCADE)"
    )
    for name in ("top", "kid"):
        mysql.grant_to_owner(name)
    mysql.execute("INSERT INTO top VALUES (1, 'a'), (2, 'b')")
    mysql.execute("INSERT INTO kid VALUES (1, 'a'), (2, 'b')")
    mysql.register_deletion_target("top")
    before = mysql.application_contents()
    job = mysql.delete("top", 1)
    assert (job.status, job.error) == (
        "failed",
        "JD005: columns that cannot be compared exactly: fk_kid",
    )
    assert mysql.application_contents() == before


def test_a_declared_reference_compares_labels(mysql: Database) -> None:
    mysql.execute("CREATE TABLE top (id ENUM('a', 'b') NOT NULL PRIMARY KEY)")
    mysql.execute("CREATE TABLE kid (id BIGINT PRIMARY KEY, top_id ENUM('b', 'a'), KEY (top_id))")
    for name in ("top", "kid"):
        mysql.grant_to_owner(name)
    mysql.execute("INSERT INTO top VALUES ('a'), ('b')")
    mysql.execute("INSERT INTO kid VALUES (1, 'a'), (2, 'b')")
    mysql.declare_deletion_reference("of_top", "kid", ["top_id"], "top", ["id"], "cascade")
    mysql.register_deletion_target("top")
    assert mysql.delete("top", "a").status == "done"
    assert mysql.rows("SELECT id, top_id FROM kid") == [(2, "b")]
