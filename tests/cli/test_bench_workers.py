"""``bench jobs --workers`` in a quick form: that several sessions really share the work."""

import json

import pytest

from deletion_jobs import bench_jobs
from deletion_jobs.bench import Call
from deletion_jobs.errors import FindingError, UsageError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")


@pytest.fixture(autouse=True)
def _small_sets(monkeypatch):
    monkeypatch.setattr(bench_jobs, "SET_SIZE", 5)


def measure(engine, url, **options):
    call = Call(engine, rounds=1, url=url, as_json=True, **options)
    bench_jobs.jobs(call, count=60, workers=[1, 2])


def test_bench_jobs_measures_more_workers_beside_one(capsys, tmp_path, engine, url):
    measure(engine, url, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    methods = found["methods"]
    assert list(methods) == ["jobs", "jobs x2", "sets", "loop", "enqueue", "insert"]
    assert [methods[name]["workers"] for name in ("jobs", "jobs x2")] == [1, 2]
    assert [methods[name]["slots_with_work"] for name in ("jobs", "jobs x2")] == [[1], [2]]
    assert list(found["workers_rate_to_one"]) == ["2"]
    assert found["workers_rate_to_one"]["2"] > 0
    assert "<svg" in (tmp_path / f"jobs-{engine}.svg").read_text()


def test_bench_jobs_measures_under_an_old_snapshot_beside(capsys, engine, url, snapshots):
    bench_jobs.jobs(Call(engine, rounds=1, url=url, as_json=True), count=60, has_snapshot=True)
    found = json.loads(capsys.readouterr().out)

    ways = ["jobs", "sets", "loop", "enqueue", "insert"]
    under = " under a snapshot"
    assert list(found["methods"]) == [name for way in ways for name in (way, way + under)]
    assert snapshots == [False, True] * len(ways)
    assert list(found["rate_under_snapshot_to_without"]) == ways
    assert all(ratio > 0 for ratio in found["rate_under_snapshot_to_without"].values())


def test_bench_jobs_fails_where_a_worker_finds_nothing(engine, url, monkeypatch):
    work = bench_jobs._work
    monkeypatch.setattr(bench_jobs, "_work", lambda crew: work(crew[:1]))
    with pytest.raises(FindingError, match="deletion jobs, 2 workers: only 1 found work"):
        measure(engine, url)


def test_bench_jobs_passes_on_the_error_of_a_worker(engine, url, monkeypatch):
    def fail(*_):
        raise FindingError("a worker fell over")

    work = bench_jobs._work
    monkeypatch.setattr(
        bench_jobs, "_work", lambda crew: monkeypatch.setattr(crew[-1], "call", fail) or work(crew)
    )
    with pytest.raises(FindingError, match="a worker fell over"):
        measure(engine, url)


def test_bench_jobs_takes_at_least_one_worker(engine):
    with pytest.raises(UsageError, match="one worker"):
        bench_jobs.jobs(Call(engine), workers=[0])
