"""``bench plan`` in a quick form: that plans are compiled and rows really go."""

import json

import pytest

from deletion_jobs import bench_plan, database, queries
from deletion_jobs.bench import Call
from deletion_jobs.bench_plan import Size
from deletion_jobs.errors import DatabaseError, FindingError, UsageError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")

SMALL = Size(tables=12, keys=20, self_keys=2, rows=7)


def measure(engine, url, **options):
    bench_plan.plan(Call(engine, rounds=1, url=url, as_json=True, **options), size=SMALL)


def test_bench_plan_compiles_and_works_over_all_tables(capsys, tmp_path, engine, url):
    measure(engine, url, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    assert (found["tables"], found["foreign_keys"], found["tables_with_a_row"]) == (12, 20, 7)
    assert found["plan_steps"] > 20
    assert list(found["seconds"]) == ["compile", "fresh", "job", "native"]
    for took in found["seconds"].values():
        assert len(took["values"]) == 1
        assert took["median"] > 0
    assert found["job_to_native"] > 0
    assert "<svg" in (tmp_path / f"plan-{engine}.svg").read_text()
    with database.connect(url) as session, pytest.raises(DatabaseError):
        session.view("bench_plan_001")


def test_bench_plan_measures_under_an_old_snapshot_beside(capsys, tmp_path, engine, url, snapshots):
    call = Call(engine, rounds=1, url=url, output=tmp_path)
    bench_plan.plan(call, size=SMALL, has_snapshot=True)
    text = capsys.readouterr().out
    found = json.loads((tmp_path / f"plan-{engine}.json").read_text())

    ways = ["compile", "fresh", "job", "native"]
    under = " under a snapshot"
    assert list(found["seconds"]) == [name for way in ways for name in (way, way + under)]
    # One round before the first holds none.
    assert snapshots == [False] * len(ways) + [False, True] * len(ways)
    assert found["snapshot"] is True
    for title in ("compile the plan, snapshot", "deletion job, snapshot"):
        assert title in text
        assert title in (tmp_path / f"plan-{engine}.svg").read_text()


@pytest.mark.parametrize(
    ("skipped", "message"),
    [
        ("bench_plan/forget", r"compile the plan: plan \d+ before, \d+ after"),
        ("compile_deletion_plan", "compile the plan: plan"),
        ("bench_fill", "0 rows of 0 are left, of 7"),
        ("run_deletion_jobs", "deletion job: 7 rows of 7 are left"),
        ("bench_native", "native cascade: 7 rows of 7 are left"),
    ],
)
def test_bench_plan_fails_where_nothing_is_done(engine, url, forget, skipped, message):
    forget(skipped)
    with pytest.raises(FindingError, match=message):
        measure(engine, url)


def test_bench_plan_generates_the_same_on_both_engines(engine, url):
    with database.connect(url) as session:
        session.script(queries.load(engine, "bench_plan/tables"))
        session.call("bench_generate", 12, 20, 2)
        edges = {(row["child"], row["parent"]) for row in session.view("bench_edges")}

    tree = {(child, (child - 2) // 4 + 1) for child in range(2, 13)}
    more = {(6, 1), (7, 1), (8, 1), (9, 1), (10, 2), (11, 1), (12, 1)}
    assert edges == {(6, 6), (12, 12)} | tree | more


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (Size(tables=2, keys=3), "3 to 999 tables"),
        (Size(tables=12, keys=12, self_keys=2), "12 tables have 13 to"),
        (Size(tables=12, keys=99, self_keys=2), "12 tables have 13 to"),
        (Size(tables=12, keys=20, self_keys=2, rows=13), "rows in 1 to 12 of them"),
    ],
)
def test_bench_plan_refuses_numbers_without_sense(engine, size, message):
    with pytest.raises(UsageError, match=message):
        bench_plan.plan(Call(engine), size=size)


def test_the_default_catalog_is_one_that_can_be_generated():
    Size().check()
