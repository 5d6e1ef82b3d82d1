"""Soft deletion: what a job marks, and what it leaves alone."""

import pytest

from tests.contract.schemas import customers, each, ids, in_small_steps, insert_job
from tests.database import Database, Preview, Reference

PRESET = "2020-02-02 02:02:02"


def mixed(db: Database) -> None:
    """Make customer <- invoice <- line <- note: a time, a boolean, none and a number to mark.

    Customers 1 and 2 have two invoices each (the first of each marked before), each invoice two
    lines, each line a note (that of the first line is marked before).
    """
    db.table(
        "customer", "id bigint", "deleted_at timestamp null", rows=[(1, None), (2, None)]
    )
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        "is_deleted boolean null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(11, 1, True), (12, 1, False), (21, 2, True), (22, 2, None)],
    )
    db.table(
        "line",
        "id bigint",
        "invoice_id bigint",
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[(10 * n + k, n) for n in (11, 12, 21, 22) for k in each(2)],
    )
    db.table(
        "note",
        "id bigint",
        "line_id bigint",
        "state int",
        references=[Reference("line_id", "line", "cascade")],
        rows=[
            (1000 + 10 * n + k, 10 * n + k, 9 if k == 1 else 3)
            for n in (11, 12, 21, 22)
            for k in each(2)
        ],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "deleted_at")
    db.set_soft_deletion("invoice", "is_deleted")
    db.set_soft_deletion("note", "state", 9)


def soft(db: Database, table: str, pk: object) -> int:
    """Enqueue a soft deletion, run it to its end and give the job."""
    job_id = db.enqueue_deletion(table, pk, hard_delete=False)
    db.run()
    assert db.status(job_id) == "done", db.job(job_id)
    return job_id


def test_a_soft_job_marks_each_table_in_its_own_way(db: Database) -> None:
    mixed(db)
    job_id = soft(db, "customer", 1)
    assert ids(db, "customer") == [1, 2]
    assert db.column("SELECT id FROM customer WHERE deleted_at IS NOT NULL") == [1]
    assert db.rows("SELECT id, is_deleted FROM invoice ORDER BY id") == [
        (11, True), (12, True), (21, True), (22, None)
    ]
    assert db.count("note", "state = 9") == 6
    assert db.receipts(job_id) == {
        ("customer", "mark"): 1,
        ("invoice", "mark"): 1,
        ("note", "mark"): 2,
    }
    assert db.marks(job_id) == [
        ("customer", [1]), ("invoice", [12]), ("note", [1112]), ("note", [1122])
    ]


def test_a_restore_takes_back_what_the_job_marked_and_nothing_else(db: Database) -> None:
    mixed(db)
    before = db.application_contents()
    job_id = soft(db, "customer", 1)
    assert db.application_contents() != before
    db.connect("app").restore_deletion(job_id)
    assert db.application_contents() == before
    job = db.job(job_id)
    assert (job.status, job.hard_delete) == ("cancelled", False)
    assert db.receipts(job_id) == {
        ("customer", "mark"): 1,
        ("invoice", "mark"): 1,
        ("note", "mark"): 2,
        ("customer", "restore"): 1,
        ("invoice", "restore"): 1,
        ("note", "restore"): 2,
    }
    assert db.outcomes(job_id) == ["done", "cancelled"]
    assert db.marks(job_id) == []
