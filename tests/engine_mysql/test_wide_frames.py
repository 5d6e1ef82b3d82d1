"""Below a wide parent each batch begins behind the one before: deleted rows stay in the index."""

import json
from itertools import pairwise

import pytest

from tests.contract.steps import Steps
from tests.contract.test_wide_frames import VISITS, begun, each_kind, expected, wide
from tests.database import Database, Reference

PAGE_SQL = """
SELECT s.sql_text
FROM deletion_plan_steps AS s
INNER JOIN deletion_plans AS p ON p.plan_id = s.plan_id AND p.superseded_at IS NULL
WHERE s.table_name = 'visit' AND s.kind = %s
"""


def cursor(db: Database) -> dict[str, int]:
    """Give where the frame of the customer was read to."""
    read = db.value("SELECT fetch_cursor FROM deletion_frames WHERE node_no = 0")
    return dict(json.loads(str(read)))


@each_kind
def test_a_batch_begins_where_the_one_before_ended(mysql: Database, details: int) -> None:
    wide(mysql, details)
    steps, job_id = begun(mysql)
    seen = []
    while mysql.count("visit") > 30:
        assert steps.step() == "more"
        at = cursor(mysql)
        left = int(mysql.value("SELECT min(id) FROM visit"))
        # The key of the last one found, which is gone or in the frame above.
        assert at["place"] == 0
        assert left - 1 <= at["after"] <= left + 10
        seen.append(at["after"])
    assert len(set(seen)) > 10
    assert seen == sorted(seen)
    steps.finish()
    assert mysql.status(job_id) == "done"
    assert mysql.receipts(job_id) == expected(VISITS, details)


def test_a_page_is_a_range_of_the_index_alone(mysql: Database) -> None:
    wide(mysql, 2)
    mysql.compile_deletion_plan("customer")
    sql = str(mysql.value(PAGE_SQL, "fetch_next")).replace(
        "INTO @dj_answer, @dj_last, @dj_rows", ""
    )
    mysql.rows("ANALYZE TABLE visit")
    mysql.execute(
        "SET @sql = %s, @job = CAST('7' AS JSON), @place = 0, @after = 200, @limit = 3,"
        ' @frame = \'[{"j": 7, "k1": 1}]\'',
        f"EXPLAIN FORMAT=TREE {sql}",
    )
    mysql.execute("PREPARE page FROM @sql")
    told = str(mysql.value("EXECUTE page USING @job, @frame, @place, @after, @limit"))
    assert "Covering index range scan on c" in told, told
    assert "id >= 200" in told.replace("`", ""), told
    assert "Sort" not in told, told


def test_what_comes_before_the_place_that_was_read_to_is_found_by_the_last_look(
    mysql: Database,
) -> None:
    """Two rows of lower keys than all others come when a third has gone."""
    wide(mysql, 2)
    steps, job_id = begun(mysql)
    mysql.insert("visit", [(-1, 1, "late"), (0, 1, "late")])
    mysql.insert("detail", [(1001, -1), (1002, 0)])
    steps.finish()
    assert (mysql.status(job_id), mysql.job(job_id).error) == ("done", None)
    assert (mysql.count("visit"), mysql.count("detail"), mysql.count("customer")) == (0, 0, 1)
    assert mysql.receipts(job_id) == {
        ("customer", "delete"): 1,
        ("visit", "delete"): VISITS + 2,
        ("detail", "delete"): 2 * VISITS + 2,
    }


def test_rows_of_a_frame_with_several_parents_are_read_one_parent_after_the_other(
    mysql: Database,
) -> None:
    wide(mysql, 2)
    mysql.insert("visit", [(n + VISITS, 2, "other") for n in range(1, VISITS + 1)])
    mysql.insert("detail", [(n + 2 * VISITS, n + VISITS) for n in range(1, VISITS + 1)])
    jobs = [mysql.enqueue_deletion("customer", n) for n in (1, 2)]
    mysql.set_deletion_setting("slice_ms", 3_600_000)
    steps = Steps(mysql)
    steps.claim()
    places = set()
    while steps.step() == "more":
        read = mysql.rows("SELECT fetch_cursor FROM deletion_frames WHERE node_no = 0")
        places |= {json.loads(str(at))["place"] for (at,) in read if at is not None}
    assert places >= {0, 1}
    assert [mysql.status(job_id) for job_id in jobs] == ["done", "done"]
    for job_id, count in zip(jobs, (2, 1), strict=True):
        assert mysql.receipts(job_id) == expected(VISITS, count)


def heavy_and_light(db: Database, details: int, light: int) -> int:
    """Make a customer with 300 visits and light ones; give the run's first job, of the heavy one.

    Args:
        details: as in `wide`.
        light: how many others go in the same run, with nothing below them.
    """
    wide(db, details)
    db.insert("customer", [(n, "light") for n in range(3, light + 2)])
    db.set_deletion_setting("slice_ms", 3_600_000)
    first, *_ = [db.enqueue_deletion("customer", n) for n in range(1, light + 2)]
    return first


@pytest.mark.parametrize(("light", "is_wide"), [(19, True), (20, False)])
def test_pages_of_one_row_each_are_for_frames_of_few_rows(
    mysql: Database, light: int, is_wide: bool
) -> None:
    """Of many rows most have little below them, and each would cost a page of its own."""
    job_id = heavy_and_light(mysql, 2, light)
    # What a run may hold at once.
    mysql.set_deletion_setting("batch_rows", 21)
    steps = Steps(mysql)
    steps.claim()
    assert mysql.value("SELECT job_count FROM deletion_runs") == light + 1
    has_read = False
    while steps.step() == "more":
        has_read = has_read or mysql.count("deletion_frames", "fetch_cursor IS NOT NULL") > 0
    assert has_read is is_wide
    mysql.run()
    assert mysql.receipts(job_id) == expected(VISITS, 2)


def test_a_step_looks_at_the_time_while_it_finds_nothing(mysql: Database) -> None:
    job_id = heavy_and_light(mysql, 0, 120)
    mysql.set_deletion_setting("batch_rows", 125)
    mysql.insert("visit", [(n, 1, "more") for n in range(VISITS + 1, 16 * VISITS)])
    mysql.set_deletion_setting("batch_ms", 1)
    steps = Steps(mysql)
    steps.claim()
    assert mysql.value("SELECT job_count FROM deletion_runs") == 121
    places = []
    while steps.step() == "more":
        places += [
            json.loads(str(at))["place"]
            for (at,) in mysql.rows("SELECT fetch_cursor FROM deletion_frames")
            if at is not None
        ]
    mysql.run()
    assert mysql.receipts(job_id) == expected(16 * VISITS - 1, 0)
    assert max(places) > 0
    assert all(to - at <= 50 for at, to in pairwise(places))


def test_what_one_reference_was_read_to_is_not_where_the_next_begins(mysql: Database) -> None:
    """Of the first the rest goes in one batch, which is too large for the frame to be wide."""
    wide(mysql)
    mysql.table(
        "zebra",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(n, 1) for n in range(1, VISITS + 1)],
    )
    steps, job_id = begun(mysql)
    while mysql.count("visit") > 45:
        assert steps.step() == "more"
    after = cursor(mysql)["after"]
    assert after > 200
    mysql.execute("UPDATE deletion_runs SET batch_rows = 100")
    while mysql.count("visit"):
        assert steps.step() == "more"
    assert VISITS - 100 < mysql.count("zebra") < VISITS
    mysql.execute("UPDATE deletion_runs SET batch_rows = 10")
    assert steps.step() == "more"
    # The lowest keys first.
    gone = VISITS - mysql.count("zebra")
    assert mysql.value("SELECT min(id) FROM zebra") == gone + 1 < after
    steps.finish()
    assert mysql.status(job_id) == "done"
    assert mysql.receipts(job_id) == expected(VISITS, 0) | {("zebra", "delete"): VISITS}
