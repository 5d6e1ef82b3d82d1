"""Tables that the server would not let a job write: it ends before it has deleted a row."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.contract.schemas import in_small_steps
from tests.database import Database, Reference
from tests.engine_mysql.far import another_database


@contextlib.contextmanager
def writable_database(db: Database) -> Iterator[str]:
    """A database whose tables jobs may write, until it is made READ ONLY."""
    with another_database(db, "readonly") as name:
        db.execute(f"GRANT SELECT, UPDATE, DELETE ON `{name}`.* TO deletion_jobs_owner@localhost")
        try:
            yield name
        finally:
            db.execute(f"ALTER DATABASE `{name}` READ ONLY = 0")


def keyed_by(parent: str) -> str:
    return (
        "(id BIGINT PRIMARY KEY, parent_id BIGINT,"
        f" FOREIGN KEY (parent_id) REFERENCES {parent} (id) ON DELETE CASCADE)"
    )


@pytest.mark.parametrize("place", ["root", "child"])
def test_a_read_only_database_is_found_before_anything_goes(mysql: Database, place: str) -> None:
    with writable_database(mysql) as far:
        root = f"{far}.customer" if place == "root" else "customer"
        mysql.execute(f"CREATE TABLE {root} (id BIGINT PRIMARY KEY)")
        mysql.insert(root, [(1,), (2,)])
        children = ["bill", f"{far}.visit"]
        for child in children:
            parent = f"{mysql.home.database}.customer" if place == "child" else root
            mysql.execute(f"CREATE TABLE {child} {keyed_by(parent)}")
            mysql.insert(child, [(n, 1) for n in range(9)])
        mysql.grant_to_owner("bill")
        if place == "child":
            mysql.grant_to_owner("customer")
        mysql.register_deletion_target(root)
        in_small_steps(mysql)
        mysql.execute(f"ALTER DATABASE `{far}` READ ONLY = 1")
        job = mysql.delete(root, 1)
        assert job.status == "failed"
        assert job.error == f"HY000: Schema '{far}' is in read only mode."
        assert [mysql.count(table) for table in (root, *children)] == [2, 9, 9]

        mysql.execute(f"ALTER DATABASE `{far}` READ ONLY = 0")
        mysql.retry_deletion(job.id)
        mysql.run()
        assert mysql.status(job.id) == "done"
        assert [mysql.count(table) for table in (root, *children)] == [1, 0, 0]


def test_what_is_only_kept_may_be_in_a_read_only_database(mysql: Database) -> None:
    with writable_database(mysql) as far:
        mysql.table("customer", "id bigint", rows=[(1,), (2,)])
        mysql.execute(
            f"CREATE TABLE {far}.visit (id BIGINT PRIMARY KEY, customer_id BIGINT,"
            " KEY (customer_id))"
        )
        mysql.insert(f"{far}.visit", [(1, 1), (2, 2)])
        mysql.register_deletion_target("customer")
        mysql.declare_deletion_reference(
            "visit", f"{far}.visit", ["customer_id"], "customer", ["id"], "keep"
        )
        mysql.execute(f"ALTER DATABASE `{far}` READ ONLY = 1")
        job = mysql.delete("customer", 1)
        assert (job.status, job.error) == ("done", None)
        assert mysql.count(f"{far}.visit", "customer_id = 1") == 1

        mysql.declare_deletion_reference(
            "visit", f"{far}.visit", ["customer_id"], "customer", ["id"], "set_null"
        )
        job = mysql.delete("customer", 2)
        assert (job.status, job.error) == (
            "failed",
            f"HY000: Schema '{far}' is in read only mode.",
        )


def test_a_job_that_a_lost_definer_stopped_goes_on_when_there_is_one(mysql: Database) -> None:
    """Only the write shows it: what its job deleted until then is gone, and receipted once."""
    mysql.table("customer", "id bigint", rows=[(1,), (2,)])
    mysql.table(
        "note",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1) for n in range(9)],
    )
    mysql.register_deletion_target("customer")
    in_small_steps(mysql)
    definer = f"'{mysql.home.database}'@'localhost'"
    mysql.execute(f"CREATE USER {definer}")
    mysql.execute(
        f"CREATE DEFINER = {definer} TRIGGER seen BEFORE DELETE ON customer"
        " FOR EACH ROW SET @seen = 1"
    )
    mysql.execute(f"GRANT TRIGGER ON customer TO {definer}")
    mysql.execute(f"DROP USER {definer}")
    job = mysql.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("HY000: The user specified as a definer")
    assert mysql.count("customer") == 2
    assert mysql.receipts(job.id) == {("note", "delete"): 9 - mysql.count("note")}

    mysql.execute("DROP TRIGGER seen")
    mysql.retry_deletion(job.id)
    mysql.run()
    assert mysql.status(job.id) == "done"
    assert mysql.receipts(job.id) == {("note", "delete"): 9, ("customer", "delete"): 1}
