"""Constraints of one name on one table: MySQL allows a foreign key and a unique key to share it."""

import pytest

from tests.contract.schemas import customers, ids, in_small_steps
from tests.database import Database, MySQLInstallation


@pytest.mark.parametrize("server", ["mysql_installation", "mysql_native_fk_installation"])
def test_a_foreign_key_may_have_the_name_of_a_unique_key(
    request: pytest.FixtureRequest, server: str
) -> None:
    installation: MySQLInstallation = request.getfixturevalue(server)
    with installation.database() as db:
        customers(db)
        db.execute(
            "CREATE TABLE visit (id BIGINT PRIMARY KEY, no BIGINT NOT NULL, about BIGINT NULL,"
            " customer_id BIGINT NULL, KEY (about), KEY (customer_id),"
            " CONSTRAINT x UNIQUE KEY (no),"
            " CONSTRAINT x FOREIGN KEY (about) REFERENCES customer (id) ON DELETE SET NULL,"
            " CONSTRAINT y UNIQUE KEY (no, id),"
            " CONSTRAINT y FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE)"
        )
        db.execute(
            "CREATE TABLE detail (id BIGINT PRIMARY KEY, visit_id BIGINT NULL, z BIGINT NULL,"
            " UNIQUE KEY z (z), KEY (visit_id), CONSTRAINT z FOREIGN KEY (visit_id)"
            " REFERENCES visit (id) ON DELETE CASCADE ON UPDATE CASCADE)"
        )
        for table in ("visit", "detail"):
            db.grant_to_owner(table)
        db.insert("visit", [(1, 1, 1, None), (2, 2, 1, 1), (3, 3, 2, 2), (4, 4, None, 1)])
        db.insert("detail", [(1, 1, 1), (2, 2, 2), (3, 4, 3)])
        with db.transaction(rollback=True):
            db.execute("DELETE FROM customer WHERE id = 1")
            wanted = db.application_contents()
        in_small_steps(db)
        db.compile_deletion_plan("customer")
        job = db.delete("customer", 1)
        assert (job.status, job.error) == ("done", None)
        assert db.application_contents() == wanted
        assert (ids(db, "visit"), ids(db, "detail")) == ([1, 3], [1])
        db.execute("ALTER TABLE visit DROP KEY x")
        db.compile_deletion_plan("customer")
        assert db.delete("customer", 2).status == "done"


def test_a_column_of_a_unique_key_is_none_of_the_foreign_key_of_its_name(mysql: Database) -> None:
    customers(mysql)
    mysql.execute(
        "CREATE TABLE visit (id BIGINT PRIMARY KEY, no BIGINT NOT NULL, about BIGINT NULL,"
        " KEY (about), CONSTRAINT x UNIQUE KEY (no),"
        " CONSTRAINT x FOREIGN KEY (about) REFERENCES customer (id) ON DELETE CASCADE)"
    )
    mysql.grant_to_owner("visit")
    mysql.insert("visit", [(1, 1, 1), (2, 2, 2)])
    # A key that follows the unique column, when that changes, is none that follows this reference.
    mysql.execute(
        "CREATE TABLE detail (id BIGINT PRIMARY KEY, no BIGINT NULL, KEY (no), UNIQUE KEY f (id),"
        " CONSTRAINT f FOREIGN KEY (no) REFERENCES visit (no) ON UPDATE CASCADE)"
    )
    mysql.grant_to_owner("detail")
    mysql.insert("detail", [(1, 2)])
    mysql.set_deletion_rule("visit", "x", "set_null")
    assert mysql.delete("customer", 1).status == "done"
    assert mysql.rows("SELECT id, about FROM visit ORDER BY id") == [(1, None), (2, 2)]
