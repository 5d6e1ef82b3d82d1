"""``bench claim`` in a quick form: that claims really happen and are really counted."""

import json

import pytest

from deletion_jobs import bench_claim, database
from deletion_jobs.bench import Call
from deletion_jobs.errors import DatabaseError, FindingError, UsageError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")


@pytest.fixture(autouse=True)
def _small_sets(monkeypatch):
    monkeypatch.setattr(bench_claim, "JOBS_PER_RUN", 4)


def measure(engine, url, backlogs=(12, 40), has_snapshot=False, **options):
    call = Call(engine, rounds=2, url=url, as_json=True, **options)
    bench_claim.claim(call, backlogs, has_snapshot)


def test_bench_claim_takes_sets_at_each_size(capsys, tmp_path, engine, empty_url):
    measure(engine, empty_url, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    assert list(found["backlogs"]) == ["12", "40"]
    for measured in found["backlogs"].values():
        assert len(measured["claim_seconds"]["values"]) == 2
        assert 0 < measured["claim_seconds"]["median"] < measured["set_seconds"]["median"]
        assert measured["rows_locked"] == 4
        assert measured["rows_read"] >= 4
    assert found["largest_to_smallest"] > 0
    assert json.loads((tmp_path / f"claim-{engine}.json").read_text()) == found
    assert "<svg" in (tmp_path / f"claim-{engine}.svg").read_text()


def test_bench_claim_claims_as_often_under_an_old_snapshot(capsys, engine, empty_url):
    measure(engine, empty_url, backlogs=[20, 40], has_snapshot=True)
    found = json.loads(capsys.readouterr().out)
    for measured in found["backlogs"].values():
        assert len(measured["claim_seconds"]["values"]) == 2
        assert len(measured["snapshot_claim_seconds"]["values"]) == 2


def test_bench_claim_leaves_nothing_behind(engine, empty_url):
    measure(engine, empty_url)
    if engine == "postgres":
        with pytest.raises(DatabaseError), database.connect(empty_url, "bench_claim_12") as session:
            session.view("deletion_jobs")
    else:
        with pytest.raises(DatabaseError) as raised:
            database.connect(f"{empty_url}_12")
        assert raised.value.errno == 1049


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("bench_claim/claim", "took no job"),
        ("bench_claim/work", "4 jobs of 4, and 0 ended done"),
        ("bench_claim/due", "locks 0 rows"),
    ],
)
def test_bench_claim_fails_where_nothing_is_done(engine, empty_url, forget, query, message):
    forget(query)
    with pytest.raises(FindingError, match=message):
        measure(engine, empty_url)


def test_bench_claim_refuses_a_backlog_that_the_rounds_use_up(engine):
    with pytest.raises(UsageError, match="2 rounds and one before them take 12 jobs"):
        bench_claim.claim(Call(engine, rounds=2), backlogs=[11])
    with pytest.raises(UsageError, match="2 rounds and one before them take 20 jobs"):
        bench_claim.claim(Call(engine, rounds=2), backlogs=[19], has_snapshot=True)
