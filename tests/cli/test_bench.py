"""The benchmarks in a quick form: that they run, and that all methods delete the same rows."""

import dataclasses
import json
import re
import sys

import pymysql
import pytest

import deletion_jobs
from deletion_jobs import (
    apply,
    bench_archiver,
    bench_cascade,
    bench_django,
    bench_jobs,
    bench_methods,
    bench_shapes,
    database,
)
from deletion_jobs.bench import Call
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import DatabaseError, FindingError, UsageError
from deletion_jobs.servers import ServerError

pytestmark = pytest.mark.usefixtures("without_waiting_for_purge")

ROWS = 241
OPERATIONAL_ERROR = pymysql.err.OperationalError


def document(capsys, engine, url, rows=ROWS, **options):
    call = Call(engine, rounds=1, url=url, as_json=True)
    bench_cascade.cascade(call, rows=rows, **options)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("shape", "is_scattered", "rows"),
    [
        ("levels", False, 241),
        ("levels", True, 241),
        ("deep", True, 245),
        ("wide", False, 240),
        ("wide", True, 240),
        ("tree", False, 240),
        ("tree", True, 240),
        ("chain", True, 60),
    ],
)
def test_bench_deletes_the_same_rows_in_all_three_ways(
    capsys, engine, url, shape, is_scattered, rows
):
    found = document(capsys, engine, url, rows=rows, shape=shape, is_scattered=is_scattered)

    assert (found["shape"], found["scattered"], found["rows"]) == (shape, is_scattered, rows)
    assert set(found["methods"]) == {"job", "by hand", "native"}
    if shape == "chain" and engine == "mysql":
        assert "(3008)" in found["methods"].pop("native")["cannot"]
        assert found["job_to_native"] is None
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
        assert len(method["seconds"]) == 1
    assert found["job_to_by_hand"] > 0


def test_bench_commits_as_often_as_it_is_told(capsys, engine, url):
    found = document(capsys, engine, url, batch_rows=12)

    assert found["batch_rows"] == 12
    # An order a batch, and the customer.
    assert found["methods"]["by hand"]["commits"][0] >= 21
    assert found["methods"]["job"]["commits"][0] >= 21


def test_bench_measures_under_an_old_snapshot_beside(capsys, engine, url, monkeypatch):
    query = {
        "postgres": "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle in transaction'"
        " AND backend_xmin IS NOT NULL",
        "mysql": "SELECT count(*) AS n FROM information_schema.innodb_trx AS t"
        " JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id"
        " WHERE p.db = database() AND p.command = 'Sleep'",
    }[engine]
    open_snapshots = []

    def watching(method):
        def delete(roots):
            if roots == (bench_shapes.ROOT,):
                with database.connect(url) as watcher:
                    open_snapshots.append(watcher._send(query, {})[0]["n"])
            method.delete(roots)

        return delete

    replace_deletes(monkeypatch, "by hand", watching)
    found = document(capsys, engine, url, has_snapshot=True)

    assert found["snapshot"] is True
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
        assert len(method["under_snapshot"]["seconds"]) == 1
        assert method["rate_under_snapshot_to_without"] > 0
    assert open_snapshots == [0, 1]


def test_bench_writes_json_and_a_chart(capsys, engine, url, tmp_path):
    folder = tmp_path / "new"
    call = Call(engine, rounds=2, url=url, output=folder)
    bench_cascade.cascade(call, rows=ROWS, is_scattered=True, has_snapshot=True)
    printed = capsys.readouterr().out

    name = f"cascade-{engine}-levels-{ROWS}-5000-scattered-snapshot"
    assert {path.name for path in folder.iterdir()} == {f"{name}.json", f"{name}.svg"}
    found = json.loads((folder / f"{name}.json").read_text())
    assert len(found["methods"]["job"]["under_snapshot"]["seconds"]) == 2
    chart = (folder / f"{name}.svg").read_text()
    for title in ("deletion job", "batches by hand", "native cascade"):
        assert title in chart
        # Once for all, and once for the snapshot.
        assert printed.count(f"\n {title}") == 2


def test_bench_says_that_matplotlib_is_missing(engine, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "deletion_jobs.bench_plot", None)
    with pytest.raises(UsageError, match="a plot needs matplotlib"):
        bench_cascade.cascade(Call(engine, url="nowhere://", output=tmp_path), rows=ROWS)


def test_bench_refuses_fewer_rows_than_a_unit_has(engine):
    with pytest.raises(UsageError, match="more than 61 rows"):
        bench_cascade.cascade(Call(engine, url="nowhere://"), rows=30, shape="deep")


def test_bench_leaves_nothing_behind(capsys, engine, empty_url):
    document(capsys, engine, empty_url)

    with database.connect(empty_url) as session:
        for gone in ("vw_deletion_jobs", "bench_customers", "bench_all_customers"):
            with pytest.raises(DatabaseError) as raised:
                session.view(gone)
            assert raised.value.sqlstate in {"42P01", "42S02"}


def replace_deletes(monkeypatch, name, replacement):
    """Let a method of the benchmark delete in another way; `replacement` is given the method."""
    own_methods = bench_methods.own_methods

    def replaced(*arguments):
        return [
            dataclasses.replace(method, delete=replacement(method))
            if method.name == name
            else method
            for method in own_methods(*arguments)
        ]

    monkeypatch.setattr(bench_cascade, "own_methods", replaced)


def forgetting(method):
    return lambda roots: None if roots == (bench_shapes.ROOT,) else method.delete(roots)


@pytest.mark.parametrize(
    ("name", "message"), [("job", "deletion job"), ("by hand", "batches by hand")]
)
def test_bench_fails_where_a_method_leaves_a_row(capsys, engine, url, monkeypatch, name, message):
    replace_deletes(monkeypatch, name, forgetting)
    with pytest.raises(FindingError, match=message):
        document(capsys, engine, url)


def test_bench_fails_where_rows_are_left_under_a_snapshot(capsys, engine, url, monkeypatch):
    # The second time is the one under the snapshot.
    times = iter([False, True])

    def forgetting_once(method):
        def delete(roots):
            if roots != (bench_shapes.ROOT,) or not next(times):
                method.delete(roots)

        return delete

    replace_deletes(monkeypatch, "job", forgetting_once)
    with pytest.raises(FindingError, match="deletion job: rows off by"):
        document(capsys, engine, url, has_snapshot=True)


def test_bench_only_tells_what_the_native_cascade_leaves(capsys, engine, url, monkeypatch):
    replace_deletes(monkeypatch, "native", forgetting)
    found = document(capsys, engine, url)

    assert found["methods"]["native"]["rows_that_should_be_gone"]["bench_orders"] == 20
    bench_cascade.cascade(Call(engine, rounds=1, url=url), rows=ROWS)
    assert "native cascade left 20 rows too many in bench_orders" in capsys.readouterr().out


def test_bench_refuses_a_database_in_use(capsys, engine, empty_url):
    with database.connect(empty_url) as session:
        apply.apply(session, UsersKey(None, is_explicit=True), lambda _: None)
    with pytest.raises(UsageError, match="is installed there"):
        document(capsys, engine, empty_url)


def test_bench_refuses_another_engine_than_the_url_names(capsys, engine, url):
    other = "postgres" if engine == "mysql" else "mysql"
    with pytest.raises(UsageError, match="the URL names"):
        document(capsys, other, url)


def jobs_document(capsys, engine, url, **options):
    bench_jobs.jobs(Call(engine, rounds=2, url=url, as_json=True), count=60, **options)
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
    call = Call(engine, rounds=2, url=url, as_json=True)
    bench_cascade.cascade(call, rows=ROWS, peers=["django"])
    found = json.loads(capsys.readouterr().out)

    assert list(found["methods"]) == ["job", "by hand", "native", "django"]
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
        assert len(method["seconds"]) == 2
    assert found["peers_to_job"]["django"] > 0
    # Django's backend must not have loaded the driver twice: no other code would catch its errors.
    assert pymysql.err.OperationalError is OPERATIONAL_ERROR


@pytest.mark.parametrize("shape", bench_shapes.SHAPES.values(), ids=bench_shapes.SHAPES)
def test_django_knows_what_hangs_from_each_root(shape):
    # What its collector does not know it would leave to the engine's own cascade.
    def below(model, seen):
        if model._meta.db_table not in seen:
            seen.add(model._meta.db_table)
            for relation in model._meta.related_objects:
                below(relation.related_model, seen)
        return seen

    root = bench_django.ROOTS[shape.name]
    assert root._meta.related_objects
    assert below(root, set()) == set(shape.expected(1, False))


def test_bench_fails_where_django_leaves_a_row(capsys, engine, url, monkeypatch):
    deleter = bench_django.deleter

    def forgetful(*arguments):
        delete, close = deleter(*arguments)
        return (lambda root: None if root == bench_shapes.ROOT else delete(root)), close

    monkeypatch.setattr(bench_django, "deleter", forgetful)
    with pytest.raises(FindingError, match=r"Django: rows off by .*bench_orders"):
        document(capsys, engine, url, peers=["django"])


def test_bench_says_what_django_cannot(capsys, engine, url, monkeypatch):
    def recursing(*_):
        def delete(_):
            raise RecursionError

        return delete, lambda: None

    monkeypatch.setattr(bench_django, "deleter", recursing)
    found = document(capsys, engine, url, rows=60, shape="chain", peers=["django"])
    assert "once for each level" in found["methods"]["django"]["cannot"]
    assert found["peers_to_job"]["django"] is None


def test_bench_says_that_django_is_missing(engine, url, monkeypatch):
    monkeypatch.setitem(sys.modules, "deletion_jobs.bench_django", None)
    monkeypatch.delattr(deletion_jobs, "bench_django", raising=False)
    with pytest.raises(UsageError, match="Django is not installed"):
        bench_cascade.cascade(Call(engine, rounds=1, url=url), rows=ROWS, peers=["django"])


ARCHIVERS = ["pt-archiver", "pt-archiver-bulk"]


@pytest.mark.parametrize("engine", ["mysql"], indirect=True)
@pytest.mark.parametrize(
    ("shape", "rows", "peers"),
    [("levels", 121, ARCHIVERS), ("deep", 123, ARCHIVERS[1:]), ("wide", 120, ARCHIVERS[1:])],
)
def test_bench_measures_pt_archiver_beside(capsys, engine, url, monkeypatch, shape, rows, peers):
    purge = bench_archiver._purge
    tables = []

    def noting(run, options, row):
        tables.append(row["table_name"])
        purge(run, options, row)

    monkeypatch.setattr(bench_archiver, "_purge", noting)
    found = document(capsys, engine, url, rows=rows, shape=shape, peers=peers)

    assert list(found["methods"]) == ["job", "by hand", "native", *peers]
    for method in found["methods"].values():
        assert method["rows_that_should_be_gone"] == {}
    assert list(found["peers_to_job"]) == peers
    # A table that is left out the engine's own cascade would empty.
    assert set(tables) == set(bench_shapes.SHAPES[shape].expected(1, False))
    if "pt-archiver" in peers:
        # Its defaults commit each row, in bulk it commits each batch.
        assert found["methods"]["pt-archiver"]["commits"][0] >= rows
        assert found["methods"]["pt-archiver-bulk"]["commits"][0] < rows


@pytest.mark.parametrize("engine", ["mysql"], indirect=True)
def test_bench_says_what_pt_archiver_cannot(capsys, engine, url):
    found = document(capsys, engine, url, rows=240, shape="tree", peers=ARCHIVERS)
    for name in ARCHIVERS:
        assert "primary key" in found["methods"][name]["cannot"]


@pytest.mark.parametrize("engine", ["mysql"], indirect=True)
def test_bench_fails_where_pt_archiver_leaves_a_row(capsys, engine, url, monkeypatch):
    purge = bench_archiver._purge

    def forget(run, options, row):
        if row["row_condition"] != f"id IN ({bench_shapes.ROOT})":
            purge(run, options, row)

    monkeypatch.setattr(bench_archiver, "_purge", forget)
    with pytest.raises(FindingError, match=r"archiver, bulk: rows off by .*bench_parents"):
        document(capsys, engine, url, rows=240, shape="wide", peers=["pt-archiver-bulk"])


@pytest.mark.parametrize("engine", ["mysql"], indirect=True)
def test_bench_says_that_pt_archiver_is_missing(capsys, engine, url, monkeypatch):
    def nowhere(_):
        raise ServerError("no Docker engine answers")

    monkeypatch.setattr(bench_archiver, "PROGRAM", "no-such-program")
    monkeypatch.setattr(bench_archiver, "archiver_client", nowhere)
    with pytest.raises(UsageError, match="is not installed, and no container can be started"):
        document(capsys, engine, url, peers=["pt-archiver"])


@pytest.mark.parametrize("engine", ["mysql"], indirect=True)
def test_bench_only_tells_the_orphans_of_a_server_as_it_comes(capsys, engine, url):
    found = document(capsys, engine, url, rows=245, shape="deep", peers=["native-off"])

    assert found["methods"]["native"]["rows_that_should_be_gone"] == {}
    version = tuple(int(part) for part in re.findall(r"\d+", found["version"])[:2])
    left = found["methods"]["native-off"]["rows_that_should_be_gone"]
    assert bool(left) == (version >= (9, 6))
    assert all(rows > 0 for rows in left.values())
    assert found["peers_to_job"]["native-off"] > 0


@pytest.mark.parametrize("peer", [*ARCHIVERS, "native-off"])
def test_bench_refuses_peers_of_the_other_engine(peer):
    with pytest.raises(UsageError, match=f"{peer} is a peer for MySQL alone"):
        bench_cascade.cascade(Call("postgres", url="nowhere://"), peers=[peer])
