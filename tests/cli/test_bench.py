"""The benchmark in a quick form: that it runs, and that all three delete the same rows."""

import json
import secrets
import sys

import psycopg
import pymysql
import pytest
from psycopg import sql

import deletion_jobs
from deletion_jobs import apply, bench, bench_django, bench_jobs, database
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import DatabaseError, FindingError, UsageError

ROWS = 1201
OPERATIONAL_ERROR = pymysql.err.OperationalError


def document(capsys, engine, url):
    bench.cascade(engine, rows=ROWS, rounds=1, url=url, as_json=True)
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _without_waiting_for_purge(monkeypatch):
    # Other sessions keep purge of a shared server busy, and speed is no matter here.
    monkeypatch.setattr(bench, "PURGE_BACKLOG", 1_000_000)


@pytest.fixture(params=["mysql", "postgres"])
def engine(request):
    return request.param


@pytest.fixture
def url(engine, request):
    """An empty database, on a MySQL whose own cascade is right."""
    name = f"djt_bench_{secrets.token_hex(4)}"
    if engine == "mysql":
        server = request.getfixturevalue("mysql_server_native_fk")
        with pymysql.connect(
            host=server.host, port=server.port, user=server.user, password=server.password
        ) as connection:
            connection.cursor().execute(f"CREATE DATABASE {name}")
            yield f"{server.url.rstrip('/')}/{name}"
            connection.cursor().execute(f"DROP DATABASE {name}")
    else:
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield f"{server.url.rpartition('/')[0]}/{name}"
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def test_bench_deletes_the_same_rows_in_all_three_ways(capsys, engine, url):
    found = document(capsys, engine, url)

    assert found["rows"] == ROWS
    assert set(found["methods"]) == {"job", "by hand", "native"}
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
        assert len(method["seconds"]) == 1
    assert found["job_to_by_hand"] > 0


def test_bench_leaves_nothing_behind(capsys, engine, url):
    document(capsys, engine, url)

    with database.connect(url) as session:
        for gone in ("vw_deletion_jobs", "bench_customers", "bench_all_customers"):
            with pytest.raises(DatabaseError) as raised:
                session.view(gone)
            assert raised.value.sqlstate in {"42P01", "42S02"}


def test_bench_fails_where_hand_written_batches_leave_a_row(capsys, engine, url, monkeypatch):
    monkeypatch.setattr(bench, "OTHER_ORDERS", 20)
    delete = bench._delete

    def forget(session, method, customers, _):
        if method != bench.BY_HAND or customers != (bench.CUSTOMER,):
            delete(session, method, customers)

    monkeypatch.setattr(bench, "_delete", forget)
    with pytest.raises(FindingError, match="batches by hand"):
        document(capsys, engine, url)


def test_bench_refuses_a_database_in_use(capsys, engine, url):
    with database.connect(url) as session:
        apply.apply(session, UsersKey(None, is_explicit=True), lambda _: None)
    with pytest.raises(UsageError, match="is installed there"):
        document(capsys, engine, url)


def test_bench_refuses_another_engine_than_the_url_names(capsys, engine, url):
    other = "postgres" if engine == "mysql" else "mysql"
    with pytest.raises(UsageError, match="the URL names"):
        document(capsys, other, url)


def jobs_document(capsys, engine, url, **options):
    bench_jobs.jobs(engine, count=60, rounds=2, url=url, as_json=True, **options)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("is_scattered", [False, True])
def test_bench_jobs_deletes_the_same_users_in_all_ways(capsys, engine, url, is_scattered):
    found = jobs_document(capsys, engine, url, is_scattered=is_scattered)

    assert (found["jobs"], found["rows_per_job"], found["scattered"]) == (60, 11, is_scattered)
    assert {name: m["users"] for name, m in found["methods"].items()} == dict.fromkeys(
        ["jobs", "sets", "loop", "enqueue", "insert"], 60
    )
    for ratio in ("jobs_rate_to_sets", "jobs_rate_to_loop", "enqueue_time_to_insert"):
        assert found[ratio] > 0
    with database.connect(url) as session, pytest.raises(DatabaseError):
        session.view("bench_users")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("jobs", "deletion jobs left"),
        ("sets", "native cascade in sets left"),
        ("loop", "DELETE and COMMIT a job left"),
        ("enqueue", "enqueue_deletion: 0 jobs of 60"),
        ("insert", "plain INSERT: 0 jobs of 60"),
    ],
)
def test_bench_jobs_fails_where_a_method_does_nothing(
    capsys, engine, url, monkeypatch, method, message
):
    take = bench_jobs._take

    def forget(session, name, measured):
        if name != method:
            take(session, name, measured)
        else:
            measured.seconds.append(0.0)

    monkeypatch.setattr(bench_jobs, "_take", forget)
    with pytest.raises(FindingError, match=message):
        jobs_document(capsys, engine, url)


def test_bench_measures_django_beside(capsys, engine, url):
    bench.cascade(engine, rows=ROWS, rounds=2, url=url, as_json=True, peers=["django"])
    found = json.loads(capsys.readouterr().out)

    assert list(found["methods"]) == ["job", "by hand", "native", "django"]
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
        assert len(method["seconds"]) == 2
    assert found["peers_to_job"]["django"] > 0
    # Django's backend must not have loaded the driver twice: no other code would catch its errors.
    assert pymysql.err.OperationalError is OPERATIONAL_ERROR


def test_bench_fails_where_django_leaves_a_row(engine, url, monkeypatch):
    deleter = bench_django.deleter

    def forgetful(*arguments):
        delete, close = deleter(*arguments)
        return (lambda customer: None if customer == bench.CUSTOMER else delete(customer)), close

    monkeypatch.setattr(bench_django, "deleter", forgetful)
    with pytest.raises(FindingError, match=r"Django: rows off by .*bench_orders"):
        bench.cascade(engine, rows=ROWS, rounds=1, url=url, as_json=True, peers=["django"])


def test_bench_says_that_django_is_missing(engine, url, monkeypatch):
    monkeypatch.setitem(sys.modules, "deletion_jobs.bench_django", None)
    monkeypatch.delattr(deletion_jobs, "bench_django", raising=False)
    with pytest.raises(UsageError, match="Django is not installed"):
        bench.cascade(engine, rows=ROWS, rounds=1, url=url, peers=["django"])
