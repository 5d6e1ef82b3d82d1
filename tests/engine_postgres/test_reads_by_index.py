"""What our own statements read does not depend on when the server takes its statistics.

Rows of a step that has not ended are not counted: to the planner all indexes cost the same then,
and the plan that it makes is kept while the tables grow. Statements are therefore written, and the
planner is set, so that one index alone can answer; no such setting leaves a call.
"""

import threading

import pytest

from tests.contract.schemas import customers, each
from tests.contract.soft import ask
from tests.contract.test_circle_reads import people, rows_read
from tests.database import Database, Reference
from tests.reads import entries_read


def statistics_meanwhile(db: Database, rest: float) -> None:
    """Run the due jobs while another session takes all statistics, again and again."""
    worker, other, is_over = db.connect(), db.connect(), threading.Event()

    def analyze() -> None:
        while not is_over.is_set():
            other.execute("ANALYZE")
            is_over.wait(rest)

    analyzing = db.background(analyze)
    try:
        worker.call("run_deletion_jobs", None, 60)
        worker.execute("SELECT pg_stat_force_next_flush()")
    finally:
        is_over.set()
        analyzing.result(60)


@pytest.mark.parametrize("rest", [0.05, 0.1, 0.2])
def test_statistics_taken_in_the_middle_of_a_step_do_no_harm(
    postgres: Database, rest: float
) -> None:
    # All in one step: what it has met by then is not committed.
    postgres.set_deletion_setting("batch_ms", 10000)
    read = {}
    # The first leave dead rows where the others have theirs.
    for table, count, boss in (
        ("first", 1000, "null"), ("second", 4000, "null"), ("few", 1000, ""), ("many", 4000, ""),
    ):  # fmt: skip
        job_id = people(postgres, table, count, boss)
        before = rows_read(postgres)
        statistics_meanwhile(postgres, rest)
        read[table] = (rows_read(postgres) - before) / count
        assert (postgres.status(job_id), postgres.count(table)) == ("done", 0)
    # Some 40 a row; were a row looked up among all of the walk, hundreds.
    assert max(read.values()) < 100, read


def test_statistics_of_a_few_soft_rows_do_not_slow_many(postgres: Database) -> None:
    rows = 8000
    postgres.table("top", "id bigint", "gone boolean null", rows=[(1, None)])
    postgres.table(
        "leaf",
        "id bigint",
        "top_id bigint",
        "gone boolean null",
        references=[Reference("top_id", "top", "cascade")],
        rows=[(n, 1, None) for n in range(1, rows + 1)],
    )
    postgres.register_deletion_target("top")
    for table in ("top", "leaf"):
        postgres.set_soft_deletion(table, "gone")
    postgres.set_deletion_setting("batch_ms", 10000)
    postgres.set_deletion_setting("batch_rows", 100)
    postgres.execute(
        "INSERT INTO deletion_soft_keys SELECT 9000 + n, 0, int4send(n), 0, 0, '{}', TRUE"
        " FROM generate_series(1, 7) AS n"
    )
    postgres.execute("ANALYZE deletion_soft_keys")
    postgres.execute("DELETE FROM deletion_soft_keys")
    job_id = ask(postgres, "top", 1)
    worker = postgres.connect()
    worker.call("run_deletion_jobs", None, 60)
    read = entries_read(worker, "deletion_soft_keys")
    assert (postgres.status(job_id), postgres.count("leaf", "gone")) == ("done", rows)
    assert postgres.receipts(job_id)[("leaf", "mark")] == rows
    # Some 25 a row; were all read in each step, 100 and more.
    assert read < 50 * rows, read


def test_an_index_that_answers_by_bitmaps_alone_counts_as_none(postgres: Database) -> None:
    customers(postgres)
    postgres.table("note", "id bigint", "about bigint null", rows=[(n, 1) for n in each(20)])
    postgres.execute("CREATE INDEX ON note USING brin (about)")
    postgres.add_reference("note", Reference("about", "customer", "cascade", indexed=False))
    postgres.set_deletion_setting("unindexed_limit_rows", 10)
    job = postgres.delete("customer", 1)
    assert (job.status, (job.error or "")[:7]) == ("failed", "JD008: ")
    assert postgres.count("note") == 20


def test_a_preview_leaves_the_settings_of_the_transaction(postgres: Database) -> None:
    people(postgres, "person", 10, "null")
    names = ("enable_seqscan", "enable_hashjoin", "enable_nestloop", "enable_bitmapscan")
    postgres.execute("BEGIN")
    before = [postgres.value(f"SHOW {name}") for name in names]
    postgres.rows("SELECT * FROM preview_deletion('person', '1')")
    assert [postgres.value(f"SHOW {name}") for name in names] == before == ["on"] * 4
    postgres.execute("ROLLBACK")


def test_a_claim_reads_no_more_than_it_takes_where_statistics_know_of_no_pending_job(
    postgres: Database,
) -> None:
    customers(postgres)
    insert = (
        "INSERT INTO deletion_jobs (entity_table, entity_pk, status)"
        " SELECT '{}', n::text, '{}' FROM generate_series({}, {}) AS n"
    )
    target = postgres.value("SELECT entity_table FROM deletion_targets")
    postgres.execute(insert.format(target, "done", 1, 5000))
    postgres.execute("VACUUM ANALYZE deletion_jobs")
    postgres.execute(insert.format(target, "pending", 5001, 15000))
    worker = postgres.connect()
    before = entries_read(worker, "deletion_jobs")
    assert worker.value("SELECT job_count FROM deletion_claim(NULL, NULL)") == 500
    assert entries_read(worker, "deletion_jobs") - before < 5000


def test_a_worker_reads_no_other_jobs_to_know_of_one_whose_notes_it_could_drop(
    postgres: Database,
) -> None:
    customers(postgres)
    job_id = postgres.enqueue_deletion("customer", 1)
    postgres.enqueue_deletions("customer", list(each(200)))
    postgres.execute(
        "INSERT INTO deletion_soft_keys VALUES (%s, 0, int4send(1), 0, 0, '{}', TRUE)", job_id
    )
    postgres.execute("UPDATE deletion_jobs SET hard_delete = FALSE")
    postgres.execute("VACUUM ANALYZE deletion_jobs, deletion_soft_keys")
    worker = postgres.connect()
    before = entries_read(worker, "deletion_jobs")
    for _ in range(20):
        worker.execute("SELECT deletion_recover()")
    assert entries_read(worker, "deletion_jobs") - before < 20 * 5
    assert postgres.count("deletion_soft_keys") == 1


def test_rows_of_a_tower_are_locked_once_and_looked_for_once(postgres: Database) -> None:
    customers(postgres, 2)
    parent = "customer"
    for table in "abcde":
        ids = [100 * root + n for root in (1, 2) for n in each(40)]
        postgres.table(
            table,
            "id bigint",
            f"{parent}_id bigint",
            references=[Reference(f"{parent}_id", parent, "cascade")],
            rows=[(n, n // 100 if parent == "customer" else n) for n in ids],
        )
        parent = table
    postgres.register_deletion_target("customer")
    # What the first job saw tells the second one that all of it fits a transaction.
    assert postgres.delete("customer", 1).status == "done"
    job_id = postgres.enqueue_deletion("customer", 2)
    worker = postgres.connect()
    before = {table: scans(worker, table) for table in "abcd"}
    worker.call("run_deletion_jobs", None, 60)
    assert postgres.status(job_id) == "done"
    # To find each row, and for the engine's own cascade, a look by the reference; to lock it and to
    # delete it, one by its key. A lock that is lost takes another two.
    for table in "abc":
        assert scans(worker, table) - before[table] < 4.5 * 40, table


def scans(db: Database, table: str) -> int:
    """Count the looks at a table's indexes until now."""
    db.execute("SELECT pg_stat_force_next_flush()")
    return int(db.value("SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE relname = %s", table))
