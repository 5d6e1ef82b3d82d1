"""``bench jobs --workers`` in a quick form: that several sessions really share the work."""

import json

import pytest

from deletion_jobs import bench_jobs
from deletion_jobs.errors import FindingError, UsageError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")


@pytest.fixture(autouse=True)
def _small_sets(monkeypatch):
    monkeypatch.setattr(bench_jobs, "SET_SIZE", 5)


def measure(engine, url, **options):
    bench_jobs.jobs(
        engine, count=60, rounds=1, url=url, as_json=True, workers=[1, 2], **options
    )  # fmt: skip


def test_bench_jobs_measures_more_workers_beside_one(capsys, tmp_path, bench_engine, bench_url):
    measure(bench_engine, bench_url, output=str(tmp_path))
    found = json.loads(capsys.readouterr().out)

    methods = found["methods"]
    assert list(methods) == ["jobs", "jobs x2", "sets", "loop", "enqueue", "insert"]
    assert [methods[name]["workers"] for name in ("jobs", "jobs x2")] == [1, 2]
    assert [methods[name]["slots_with_work"] for name in ("jobs", "jobs x2")] == [[1], [2]]
    assert list(found["workers_rate_to_one"]) == ["2"]
    assert found["workers_rate_to_one"]["2"] > 0
    assert "<svg" in (tmp_path / f"jobs-{bench_engine}.svg").read_text()


def test_bench_jobs_fails_where_a_worker_finds_nothing(bench_engine, bench_url, monkeypatch):
    work = bench_jobs._work
    monkeypatch.setattr(bench_jobs, "_work", lambda crew: work(crew[:1]))
    with pytest.raises(FindingError, match="deletion jobs, 2 workers: only 1 found work"):
        measure(bench_engine, bench_url)


def test_bench_jobs_passes_on_the_error_of_a_worker(bench_engine, bench_url, monkeypatch):
    def fail(*_):
        raise FindingError("a worker fell over")

    work = bench_jobs._work
    monkeypatch.setattr(
        bench_jobs, "_work", lambda crew: monkeypatch.setattr(crew[-1], "call", fail) or work(crew)
    )
    with pytest.raises(FindingError, match="a worker fell over"):
        measure(bench_engine, bench_url)


def test_bench_jobs_takes_at_least_one_worker(bench_engine):
    with pytest.raises(UsageError, match="one worker"):
        bench_jobs.jobs(bench_engine, workers=[0])
