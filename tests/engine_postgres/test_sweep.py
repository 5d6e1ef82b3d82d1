"""Triggers that take rows away which the job would have taken itself."""

from tests.contract.schemas import customers, each
from tests.database import Database, Reference


def test_a_trigger_that_deletes_rows_of_a_job_costs_it_no_step(postgres: Database) -> None:
    db = postgres
    customers(db, 2)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1) for n in each(1000)] + [(9999, 2)],
    )
    for table in ("detail", "remark"):
        db.table(
            table,
            "id bigint",
            "visit_id bigint",
            references=[Reference("visit_id", "visit", "cascade")],
            rows=[(n, n) for n in each(1000)],
        )
    db.script(
        postgres="""
        CREATE FUNCTION take_remarks() RETURNS trigger LANGUAGE plpgsql AS $take_remarks$
        BEGIN
            DELETE FROM remark AS r WHERE r.visit_id = old.visit_id;
            RETURN NULL;
        END;
        $take_remarks$;
        CREATE TRIGGER take_remarks AFTER DELETE ON detail
            FOR EACH ROW EXECUTE FUNCTION take_remarks();
        """
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 400)
    job_id = db.enqueue_deletion("customer", 1)
    db.worker.run_deletion_jobs()
    assert db.status(job_id) == "done"
    assert (db.count("visit"), db.count("detail"), db.count("remark")) == (1, 0, 0)
    found = db.receipts(job_id)
    assert (found["visit", "delete"], found["detail", "delete"]) == (1000, 1000)
    # Nothing is counted ahead of a trigger: a step that is lost would halve the batch.
    assert db.rows("SELECT DISTINCT batch_rows FROM deletion_runs") == [(400,)]
