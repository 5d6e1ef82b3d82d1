"""The server that a benchmark starts for itself, and what its result says of it."""

import pytest

from deletion_jobs import bench, servers
from deletion_jobs.bench import Call
from deletion_jobs.sources import ENGINES, Engine

SYNC = {
    "postgres": ("SELECT current_setting('fsync') AS value", "on"),
    "mysql": ("SELECT @@innodb_flush_method AS value", "O_DIRECT"),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_a_container_with_a_gigabyte_of_buffer_that_writes_to_the_disk(engine: Engine):
    query, expected = SYNC[engine]
    with bench.opened(Call(engine)) as (session, place):
        about = place.about(session)
        sync = session._send(query, {})[0]["value"]

    assert about["server"].startswith(f"container of deletion-jobs/{engine}:")
    assert (about["engine"], about["buffer_bytes"], sync) == (engine, 1 << 30, expected)


def test_postgres_is_embedded_where_no_docker_engine_answers(monkeypatch, capsys):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    assert not servers.has_docker()
    with bench.opened(Call("postgres")) as (session, place):
        about = place.about(session)

    assert about["server"] == "embedded"
    assert about["buffer_bytes"] < 1 << 30
    assert "no Docker engine answers" in capsys.readouterr().err


def test_a_server_named_by_its_url_is_told_as_that(engine, url):
    with bench.opened(Call(engine, url=url)) as (session, place):
        about = place.about(session)
    assert (about["engine"], about["server"]) == (engine, "named by its URL")
    assert about["buffer_bytes"] == 1 << 30
