"""``bench foreground`` in a quick form: that clients really send, and that rows really go."""

import json

import pytest

from deletion_jobs import bench_clients, bench_foreground, bench_load, database
from deletion_jobs.bench import Call
from deletion_jobs.bench_clients import REFUSED
from deletion_jobs.errors import DatabaseError, FindingError, UsageError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")

LOCK = {
    "postgres": "CREATE PROCEDURE bench_lock(p_id bigint) LANGUAGE sql AS "
    "$$ SELECT 1 FROM bench_customers WHERE id = p_id FOR UPDATE $$",
    "mysql": "CREATE PROCEDURE bench_lock(p_id BIGINT) "
    "SELECT id FROM bench_customers WHERE id = p_id FOR UPDATE;",
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(bench_foreground, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(bench_clients, "LEAD_SECONDS", 0.05)


def measure(engine, url, **options):
    call = Call(engine, rounds=1, url=url, as_json=True, output=options.pop("output", None))
    bench_foreground.foreground(call, rows=6001, clients=4, rate=200, **options)


def test_bench_foreground_times_transactions_beside_each_way(capsys, tmp_path, engine, url):
    measure(engine, url, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    assert (found["rows"], found["transactions_per_second"]) == (6001, 800)
    assert list(found["meanwhile"]) == ["idle", "job", "by hand", "native"]
    for felt in found["meanwhile"].values():
        assert felt["transactions"] > 0
        assert 0 < felt["p50_ms"] <= felt["p99_ms"] <= felt["max_ms"]
        assert sum(kind["transactions"] for kind in felt["kinds"].values()) == felt["transactions"]
    idle = found["meanwhile"]["idle"]
    # Nothing goes, so everything is there and nothing is in the way.
    assert set(idle["kinds"]) == {"read", "update", "insert", "insert under"}
    assert (idle["refused"], idle["lock_waits"], idle["lock_timeouts"]) == (0, 0, 0)
    assert set(found["p99_to_idle"]) == {"job", "by hand", "native"}
    assert "<svg" in (tmp_path / f"foreground-{engine}.svg").read_text()


def test_bench_foreground_feels_peers_and_an_old_snapshot_beside(capsys, tmp_path, engine, url):
    peer = {"postgres": "django", "mysql": "pt-archiver-bulk"}[engine]
    measure(engine, url, peers=[peer], has_snapshot=True, output=tmp_path)
    found = json.loads(capsys.readouterr().out)

    ways = ["idle", "job", "by hand", "native", peer]
    under = " under a snapshot"
    assert list(found["meanwhile"]) == [name for way in ways for name in (way, way + under)]
    assert all(felt["transactions"] > 0 for felt in found["meanwhile"].values())
    assert set(found["p99_to_idle"]) == set(found["meanwhile"]) - {"idle"}
    plot = (tmp_path / f"foreground-{engine}.svg").read_text()
    assert bench_load.title(peer) in plot
    assert bench_load.title(peer + under) not in plot


def test_bench_foreground_takes_no_peer_on_another_server():
    with pytest.raises(UsageError, match="native-off deletes on another server"):
        bench_foreground.foreground(Call("mysql"), peers=["native-off"])


def test_bench_foreground_rests_after_each_batch(capsys, engine, url):
    measure(engine, url, batch_rows=1000, pause_ms=100)
    found = json.loads(capsys.readouterr().out)
    assert (found["batch_rows"], found["pause_ms"]) == (1000, 100)
    # Six batches and more, one rest after each.
    assert found["meanwhile"]["job"]["seconds"]["median"] > 0.6


def test_bench_foreground_fails_where_rows_are_left(engine, url, forget):
    forget("bench_by_hand")
    with pytest.raises(FindingError, match=r"batches by hand left 5.. rows of the customer"):
        measure(engine, url)


def test_bench_foreground_fails_where_no_transaction_was_due(engine, url, monkeypatch):
    monkeypatch.setattr(bench_clients._Client, "run", lambda *_: None)
    with pytest.raises(FindingError, match="before a client's transaction was due"):
        measure(engine, url)


@pytest.fixture
def crowd_at(engine, url):
    """The tables of the large job, and clients whose rows all go."""
    with (
        bench_load.filled(Call(engine, url=url), 1201) as load,
        bench_clients.clients(load, 2, 200) as crowd,
    ):
        load.session.call("bench_restore")
        yield load, crowd


def test_clients_count_what_is_refused_below_a_parent_that_is_gone(crowd_at):
    load, crowd = crowd_at
    load.delete("native")
    felt = crowd.feel(lambda: bench_foreground._go(load, "idle"))

    outcomes = {one.outcome for one in felt.sent if one.kind == bench_clients.UNDER}
    assert outcomes == {REFUSED}
    assert {one.outcome for one in felt.sent if one.kind != bench_clients.UNDER} == {"fine"}


def test_clients_count_waits_for_locks_from_when_a_transaction_was_due(crowd_at, engine, url):
    load, crowd = crowd_at
    load.session.script(LOCK[engine])
    with database.connect(url) as holder:

        def hold():
            holder.query("bench_claim/begin")
            # Nobody can add a row below a parent whose delete is still open.
            holder.call("bench_lock", 1)
            bench_foreground._go(load, "idle")
            holder.query("bench_claim/rollback")

        felt = crowd.feel(hold)
    assert felt.lock_waits > 0
    slowest = max(one.seconds for one in felt.sent)
    assert slowest > 0.1


def test_clients_pass_on_an_error_that_nobody_expects(crowd_at):
    load, crowd = crowd_at

    def drop():
        load.session.script("DROP TABLE bench_order_items CASCADE;")
        # Only what is due before the end is sent.
        bench_foreground._go(load, "idle")

    with pytest.raises(DatabaseError) as raised:
        crowd.feel(drop)
    assert raised.value.sqlstate in {"42P01", "42S02"}


def test_bench_foreground_refuses_numbers_without_sense(engine):
    with pytest.raises(UsageError, match="at least one client"):
        bench_foreground.foreground(Call(engine), clients=0)
