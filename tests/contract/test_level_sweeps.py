"""What others do to rows of several levels that go in one transaction, in the midst of them.

Each visit has two details and each detail two notes. A first job tells how many rows hang from a
visit, so that those of the next ones go with all that is theirs, a dozen of them in batches of a
hundred rows: PostgreSQL locks and counts them level by level before anything is deleted, MySQL
keeps the locks of each level until it goes. A run of one job and a run of two take different
statements.
"""

import pytest

from tests.contract.schemas import customers, each, ids
from tests.database import Database, Reference

pytestmark = [
    pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True),
    pytest.mark.parametrize("roots", [(1,), (1, 3)], ids=["one job", "two jobs"]),
]

# Pages of a dozen: the last one is small, and the visit that others change is in it.
VISITS = 62
VISIT = 62
DETAIL = 2 * VISIT
NOTE = 2 * DETAIL


def practice(db: Database, roots: tuple[int, ...], is_twice: bool = False) -> None:
    """Make customer <- visit <- detail <- note, 62 visits in all, and delete one of ten before.

    Args:
        db: the database.
        roots: the customers to delete; they share the visits.
        is_twice: a note hangs from its detail's visit as well.
    """
    customers(db, 4)
    share = VISITS // len(roots)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[
            *((n, roots[(n - 1) // share]) for n in each(VISITS)),
            *((900 + n, 4) for n in each(10)),
            (999, 2),
        ],
    )
    db.table(
        "detail",
        "id int",
        "visit_id bigint",
        references=[Reference("visit_id", "visit", "cascade")],
        rows=[
            *((n, 1 + (n - 1) // 2) for n in each(2 * VISITS)),
            *((900 + n, 901 + (n - 1) // 2) for n in each(20)),
            (999, 999),
        ],
    )
    db.table(
        "note",
        "id bigint",
        "detail_id int",
        references=[Reference("detail_id", "detail", "cascade")],
        rows=[
            *((n, 1 + (n - 1) // 2) for n in each(4 * VISITS)),
            *((900 + n, 901 + (n - 1) // 2) for n in each(40)),
            (999, 999),
        ],
    )
    if is_twice:
        db.execute("ALTER TABLE note ADD visit_id bigint")
        db.execute("UPDATE note SET visit_id = floor((detail_id + 1) / 2) WHERE id < 900")
        db.add_reference("note", Reference("visit_id", "visit", "cascade"))
    db.set_deletion_setting("batch_rows", 100)
    db.set_deletion_setting("batch_ms", 10_000)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    assert db.delete("customer", 4).status == "done"


def enqueue(db: Database, roots: tuple[int, ...]) -> list[int]:
    """Enqueue the jobs."""
    return [db.enqueue_deletion("customer", root) for root in roots]


def work_against(db: Database, *statements: str) -> None:
    """Run the jobs while another session has changed rows, and commits when they wait for it."""
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    for statement in statements:
        holder.execute(statement)
    running = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    holder.execute("COMMIT")
    running.result(60)


def receipts(db: Database, jobs: list[int]) -> list[dict[tuple[str, str], int]]:
    """Give the receipts of each job, all of which are done."""
    assert [db.status(job_id) for job_id in jobs] == ["done"] * len(jobs)
    return [db.receipts(job_id) for job_id in jobs]


def expected(
    roots: tuple[int, ...], visits: int = 0, details: int = 0, notes: int = 0
) -> list[dict[tuple[str, str], int]]:
    """Give what every job removes; the last one, whose the held rows are, that much more."""
    share = VISITS // len(roots)
    found = [
        {
            ("customer", "delete"): 1,
            ("visit", "delete"): share,
            ("detail", "delete"): 2 * share,
            ("note", "delete"): 4 * share,
        }
        for _ in roots
    ]
    found[-1]["visit", "delete"] += visits
    found[-1]["detail", "delete"] += details
    found[-1]["note", "delete"] += notes
    return found


def left(db: Database) -> list[list[int]]:
    """Give the ids that the tables below the target hold."""
    return [ids(db, table) for table in ("visit", "detail", "note")]


def test_nothing_is_left_where_nobody_interferes(db: Database, roots: tuple[int, ...]) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots)
    assert left(db) == [[999], [999], [999]]


def test_rows_of_three_levels_go_in_few_batches(db: Database, roots: tuple[int, ...]) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots)
    steps = db.value("SELECT max(step_count) FROM deletion_runs")
    # The check, five pages of a dozen visits, and the last two with the roots. Where a step ends
    # with frames that nothing is below of any more, as on MySQL before 0.3.6, there is one more.
    assert steps == 7


def test_a_row_in_the_middle_that_moves_takes_along_what_is_its(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(db, f"UPDATE detail SET visit_id = 999 WHERE id = {DETAIL}")
    assert receipts(db, jobs) == expected(roots, details=-1, notes=-2)
    assert left(db) == [[999], [DETAIL, 999], [NOTE - 1, NOTE, 999]]


def test_a_row_on_top_that_moves_takes_along_what_is_its(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(db, f"UPDATE visit SET customer_id = 2 WHERE id = {VISIT}")
    assert receipts(db, jobs) == expected(roots, visits=-1, details=-2, notes=-4)
    assert left(db) == [
        [VISIT, 999],
        [DETAIL - 1, DETAIL, 999],
        [NOTE - 3, NOTE - 2, NOTE - 1, NOTE, 999],
    ]


def test_a_row_that_moves_in_below_the_first_level_goes_with_what_is_its(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(db, f"UPDATE detail SET visit_id = {VISIT} WHERE id = 999")
    assert receipts(db, jobs) == expected(roots, details=1, notes=1)
    assert left(db) == [[999], [], []]


def test_rows_that_are_being_added_in_the_middle_go_and_are_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(
        db,
        f"INSERT INTO detail VALUES (5000, {VISIT})",
        "INSERT INTO note VALUES (5000, 5000), (5001, 5000)",
    )
    assert receipts(db, jobs) == expected(roots, details=1, notes=2)
    assert left(db) == [[999], [999], [999]]


def test_a_row_that_is_being_added_at_the_bottom_goes_and_is_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(db, f"INSERT INTO note VALUES (5000, {DETAIL})")
    assert receipts(db, jobs) == expected(roots, notes=1)
    assert left(db) == [[999], [999], [999]]


def test_a_row_in_the_middle_that_somebody_deletes_is_not_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(
        db,
        f"DELETE FROM note WHERE detail_id = {DETAIL}",
        f"DELETE FROM detail WHERE id = {DETAIL}",
    )
    assert receipts(db, jobs) == expected(roots, details=-1, notes=-2)
    assert left(db) == [[999], [999], [999]]


def test_a_row_in_the_middle_that_gets_another_key_goes(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    db.execute(f"DELETE FROM note WHERE detail_id = {DETAIL}")
    work_against(db, f"UPDATE detail SET id = 5000 WHERE id = {DETAIL}")
    assert receipts(db, jobs) == expected(roots, notes=-2)
    assert left(db) == [[999], [999], [999]]


def test_a_row_at_the_bottom_that_moves_away_after_it_was_counted_stays(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    work_against(db, f"UPDATE note SET detail_id = 999 WHERE id = {NOTE}")
    assert receipts(db, jobs) == expected(roots, notes=-1)
    assert left(db) == [[999], [999], [NOTE, 999]]


@pytest.mark.parametrize("level", ["detail", "note"])
def test_a_row_with_more_below_it_than_others_does_not_break_the_batch(
    db: Database, roots: tuple[int, ...], level: str
) -> None:
    practice(db, roots)
    jobs = enqueue(db, roots)
    db.insert(level, [(1000 + n, VISIT if level == "detail" else DETAIL) for n in each(500)])
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots, **{f"{level}s": 500})
    assert left(db) == [[999], [999], [999]]
    # So many at most go in a step: 930 rows in batches of a hundred.
    assert db.value("SELECT max(step_count) FROM deletion_runs") >= 10


def test_a_root_with_more_below_it_than_the_one_before_is_counted(
    db: Database, roots: tuple[int, ...]
) -> None:
    """All that hangs from it would have fitted the batch, so that it is locked first."""
    practice(db, roots)
    few = tuple(4 + root for root in roots)
    db.insert("customer", [(root, "few") for root in few])
    db.insert("visit", [(1000 * root + n, root) for root in few for n in each(10)])
    db.insert("detail", [(1000 * root + n, 1000 * root + n) for root in few for n in each(10)])
    db.insert("note", [(1000 * root + n, 1000 * root + 10) for root in few for n in each(500)])
    jobs = enqueue(db, few)
    db.run()
    assert receipts(db, jobs) == [
        {
            ("customer", "delete"): 1,
            ("visit", "delete"): 10,
            ("detail", "delete"): 10,
            ("note", "delete"): 500,
        }
    ] * len(jobs)
    assert all(
        found == [*each(of), 999] for found, of in zip(left(db), (62, 124, 248), strict=True)
    )


def test_a_row_that_hangs_from_two_levels_is_counted_once(
    db: Database, roots: tuple[int, ...]
) -> None:
    practice(db, roots, is_twice=True)
    jobs = enqueue(db, roots)
    db.worker.run_deletion_jobs()
    assert receipts(db, jobs) == expected(roots)
    assert left(db) == [[999], [999], [999]]
