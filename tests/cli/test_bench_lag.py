"""``bench lag`` in a quick form: on a real source with a real replica, which may stand still."""

import contextlib
import json

import pytest

from deletion_jobs import bench_lag, database, replication, servers
from deletion_jobs.bench import Call
from deletion_jobs.errors import FindingError

STOP = {"postgres": "SELECT pg_wal_replay_pause()", "mysql": "STOP REPLICA;"}
GO_ON = {"postgres": "SELECT pg_wal_replay_resume()", "mysql": "START REPLICA;"}


@pytest.fixture(scope="module", params=["mysql", "postgres"])
def pair(request):
    """The engine, and the URLs of a source and its replica."""
    with bench_lag._pair(request.param) as urls:
        yield request.param, *urls


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(bench_lag, "IDLE_SECONDS", 0.3)


@pytest.fixture
def measure(pair, monkeypatch, capsys):
    engine, source_url, replica_url = pair
    monkeypatch.setattr(
        bench_lag, "_pair", lambda _: contextlib.nullcontext((source_url, replica_url))
    )

    def measure_once(has_snapshot=False, **options):
        call = Call(engine, rounds=1, as_json=True, **options)
        bench_lag.lag(call, rows=1201, has_snapshot=has_snapshot)
        return json.loads(capsys.readouterr().out)

    return measure_once


def test_bench_lag_follows_each_way_until_the_replica_has_all(measure, pair, tmp_path):
    found = measure(output=tmp_path)

    assert found["rows"] == 1201
    assert list(found["meanwhile"]) == ["idle", "job", "by hand", "native"]
    for followed in found["meanwhile"].values():
        assert followed["samples"] == len(followed["lags"]) > 0
        assert 0 <= followed["median_lag_seconds"]["median"] < 5
        assert 0 < followed["catch_up_seconds"]["median"] < 5
        # Until the end of the deletion, and on until the replica had it all.
        assert followed["lags"][-1][0] >= followed["seconds"]["median"]
    assert "<svg" in (tmp_path / f"lag-{pair[0]}.svg").read_text()


def test_bench_lag_follows_under_an_old_snapshot_beside(measure):
    found = measure(has_snapshot=True)
    old = [name for name in found["meanwhile"] if name.endswith(" under a snapshot")]
    assert old == [f"{way} under a snapshot" for way in ("idle", "job", "by hand", "native")]
    assert all(found["meanwhile"][name]["samples"] > 0 for name in old)


@pytest.mark.parametrize(
    ("skipped", "message"),
    [
        ("bench_lag/beat", "the replica has not caught up within 1 s"),
        ("bench_by_hand", "batches by hand left 101 rows"),
    ],
)
def test_bench_lag_fails_where_nothing_happens(measure, forget, monkeypatch, skipped, message):
    monkeypatch.setattr(bench_lag, "CATCH_UP_SECONDS", 1.0)
    forget(skipped)
    with pytest.raises(FindingError, match=message):
        measure()


def test_bench_lag_sees_a_replica_that_stands_still(pair, monkeypatch):
    engine, source_url, replica_url = pair
    monkeypatch.setattr(bench_lag, "CATCH_UP_SECONDS", 1.0)
    with (
        database.connect(source_url) as session,
        database.connect(replica_url) as stopper,
        bench_lag._beating(session, source_url, replica_url) as replica,
    ):
        bench_lag._catch_up(replica)
        stopper.script(STOP[engine])
        try:
            with pytest.raises(FindingError, match="has not caught up"):
                bench_lag._catch_up(replica)
        finally:
            stopper.script(GO_ON[engine])
        monkeypatch.setattr(bench_lag, "CATCH_UP_SECONDS", 60.0)
        bench_lag._catch_up(replica)


def test_a_pair_leaves_no_container_and_no_network_behind(monkeypatch):
    made = []

    def fail(_, network, *__):
        made.append(network)
        raise RuntimeError("no replica")

    monkeypatch.setattr(replication, "_postgres_standby", fail)
    with pytest.raises(RuntimeError, match="no replica"), replication.running("postgres", print):
        pass
    assert len(made) == 1
    label = f"{servers.OWNER_LABEL}={servers.owner()}"
    networks = servers.docker_client().networks.list(filters={"label": label})
    # The network of another pair of this process may still be there, and nothing else.
    assert all(network.name not in made for network in networks)
