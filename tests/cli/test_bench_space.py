"""``bench space`` in a quick form: that sizes are really taken while a job goes."""

import json
from dataclasses import replace

import pytest

from deletion_jobs import bench_space
from deletion_jobs.bench import Call
from deletion_jobs.errors import FindingError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr(bench_space, "SAMPLE_SECONDS", 0.001)


def measure(engine, url, output=None, rows=2401, **options):
    call = Call(engine, rounds=1, url=url, as_json=True, output=output)
    bench_space.space(call, rows=rows, **options)


def test_bench_space_samples_tables_log_and_memory(capsys, tmp_path, engine, url):
    measure(engine, url, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    assert found["rows"] == 2401
    job, native = found["methods"]["job"], found["methods"]["native"]
    assert len(job["samples"]) > 2
    assert job["disk_bytes"]["max"] >= job["disk_bytes_before"]["max"] > 0
    assert job["disk_bytes"]["max"] == sum(job["tables_when_largest"].values())
    assert {"deletion_frames", "deletion_walk_keys"} <= set(job["tables_when_largest"])
    assert found["is_within_limit"] is True
    # A job writes the rows it deletes, and its own state.
    for measured in (job, native):
        assert measured["redo_bytes"]["median"] > 10_000
        assert measured["memory_bytes"]["median"] > 100_000
    assert (job["binlog_bytes"]["median"] > 0) == (engine == "mysql")
    assert "<svg" in (tmp_path / f"space-{engine}.svg").read_text()


def test_bench_space_sees_the_scratch_rows_of_a_check(capsys, engine, url):
    # Enough that a look falls into the walk, however busy the machine is.
    measure(engine, url, rows=24_001, is_checked=True)
    job = json.loads(capsys.readouterr().out)["methods"]["job"]

    # The largest by far, with a row for each row that goes.
    table, size = next(iter(job["tables_when_largest"].items()))
    assert table == "deletion_walk_keys"
    assert size > 24_001 * 100


def test_bench_space_looks_under_an_old_snapshot_beside(
    capsys, tmp_path, engine, url, snapshots, monkeypatch
):
    monkeypatch.setattr(bench_space, "LIMIT_BYTES", 1000)
    measure(engine, url, has_snapshot=True, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    assert snapshots == [False, True] * 2
    assert found["snapshot"] is True
    under = " under a snapshot"
    assert list(found["methods"]) == ["job", f"job{under}", "native", f"native{under}"]
    for name in ("job", f"job{under}"):
        assert len(found["methods"][name]["samples"]) > 2
    assert found["is_within_limit"] is False
    assert "our tables, snapshot" in (tmp_path / f"space-{engine}.svg").read_text()


def test_bench_space_holds_the_job_under_a_snapshot_to_the_limit(
    capsys, engine, url, snapshots, monkeypatch
):
    watch = bench_space._watch

    def watch_larger_ones(load, watcher, worker, method):
        watched = watch(load, watcher, worker, method)
        size = 60_000_000 if snapshots[-1] else 1000
        watched.samples = [replace(one, tables={"deletion_runs": size}) for one in watched.samples]
        return watched

    monkeypatch.setattr(bench_space, "_watch", watch_larger_ones)
    bench_space.space(Call(engine, rounds=1, url=url), rows=2401, has_snapshot=True)
    text = capsys.readouterr().out
    assert "deletion job, snapshot: the largest of our tables" in text
    assert "deletion_runs 60.00 MB" in text
    assert "At most 60.0 MB in our tables: above the 50 MB" in text


def test_bench_space_begins_with_small_files(capsys, engine, url):
    call = Call(engine, rounds=2, url=url, as_json=True)
    bench_space.space(call, rows=24_001, is_checked=True)
    job = json.loads(capsys.readouterr().out)["methods"]["job"]

    # What the check of the first round has written is not there any more in the second.
    before = job["disk_bytes_before"]["values"]
    assert before[1] < before[0] + 500_000
    assert job["disk_bytes"]["min"] > before[1] + 2_000_000


def test_bench_space_tells_a_limit_that_was_passed(capsys, engine, url, monkeypatch):
    monkeypatch.setattr(bench_space, "LIMIT_BYTES", 1000)
    bench_space.space(Call(engine, rounds=1, url=url), rows=2401)
    assert "above the 0 MB asked for" in capsys.readouterr().out


def test_bench_space_fails_where_rows_are_left(engine, url, forget):
    forget("bench_native")
    with pytest.raises(FindingError, match="native cascade left"):
        measure(engine, url)


def test_bench_space_fails_where_nothing_was_seen(engine, url, monkeypatch):
    monkeypatch.setattr(bench_space, "SAMPLE_SECONDS", 1000)
    with pytest.raises(FindingError, match="nothing was seen meanwhile"):
        measure(engine, url)
