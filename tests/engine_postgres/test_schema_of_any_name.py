"""Installed in a schema of any name, beside other schemas, whatever path a caller has."""

from collections.abc import Iterator

import pytest

from tests.contract.schemas import ids, shop
from tests.database import Database, PostgresInstallation

ODD = 'My "odd" $schema$ %s'


@pytest.fixture
def odd(postgres_installation: PostgresInstallation) -> Iterator[Database]:
    """A session in an installation in a schema with an odd name, as its search_path says."""
    with postgres_installation.database() as database:
        yield postgres_installation.install_beside(database, ODD)


def test_a_shop_in_an_odd_schema_is_deleted_from(odd: Database) -> None:
    shop(odd)
    job = odd.delete("customer", 1)
    assert (job.status, job.error, job.entity_table) == ("done", None, "customer")
    assert sum(odd.receipts(job.id).values()) == 10
    assert len(odd.preview_deletion("customer", 2)) == 3


def test_two_installations_of_one_database_do_not_see_each_other(odd: Database) -> None:
    shop(odd)
    beside = next(iter(odd.home.sessions[:1]))
    assert beside.rows("SELECT * FROM public.deletion_jobs") == []
    first = odd.enqueue_deletion("customer", 1)
    worker = odd.connect("worker")
    worker.execute("SET search_path = pg_catalog")
    worker.execute("CALL public.run_deletion_jobs(NULL, NULL)")
    assert odd.status(first) == "pending"
    worker.execute(f"CALL {odd.quote(ODD)}.run_deletion_jobs(NULL, NULL)")
    assert odd.status(first) == "done"
    assert ids(odd, "customer") == [2, 3]


def test_names_of_the_schema_itself_and_of_others_are_one_job(odd: Database) -> None:
    shop(odd)
    odd.execute("CREATE TABLE public.customer (id bigint PRIMARY KEY)")
    odd.grant_to_owner("public.customer")
    odd.register_deletion_target("public.customer")
    own = odd.enqueue_deletion("customer", 1)
    assert odd.enqueue_deletion(f"{odd.quote(ODD)}.customer", 1) == own
    other = odd.enqueue_deletion("public.customer", 1)
    assert odd.job(other).entity_table == "public.customer"
    odd.run()
    assert (odd.status(own), odd.status(other)) == ("done", "done")
    assert ids(odd, "customer") == [2, 3]


def test_children_in_other_schemas_go_too(odd: Database) -> None:
    shop(odd)
    odd.script(
        postgres="CREATE SCHEMA far; GRANT USAGE ON SCHEMA far TO deletion_jobs_owner;"
        " CREATE TABLE far.visit (id bigint PRIMARY KEY,"
        " customer_id bigint REFERENCES customer ON DELETE CASCADE);"
        " INSERT INTO far.visit VALUES (1, 1), (2, 2); CREATE INDEX ON far.visit (customer_id)"
    )
    odd.grant_to_owner("far.visit")
    job = odd.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert odd.receipts(job.id)["far.visit", "delete"] == 1
    assert odd.column("SELECT id FROM far.visit") == [2]
