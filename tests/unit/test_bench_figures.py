"""What the benchmarks do with their figures, without a server."""

import json
import sys
from pathlib import Path

import pytest

from deletion_jobs import bench_figures, bench_plot
from deletion_jobs.bench import Call
from deletion_jobs.bench_figures import percentile, spread
from deletion_jobs.errors import UsageError

DOCUMENT = {
    "engine": "postgres",
    "version": "17.0",
    "server": "embedded",
    "buffer_bytes": 1 << 30,
    "values": [1, 2],
}


def draw(document: dict[str, object], path: Path) -> None:
    bench_plot.lines(path, "title", "x", "y", {"a": [(0, 1), (1, 2)]})


def hand_out(output: Path, as_json: bool = False) -> None:
    call = Call("postgres", as_json=as_json, output=output)
    bench_figures.hand_out(
        call, DOCUMENT, "thing-postgres", draw, lambda _, console: console.print("a table")
    )


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    share: float, value: int
) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_a_spread_keeps_all_rounds() -> None:
    assert spread([3.0, 1.0, 2.00004]) == {
        "median": 2.0, "min": 1.0, "max": 3.0, "values": [3.0, 1.0, 2.0],
    }  # fmt: skip


@pytest.mark.parametrize("as_json", [False, True])
def test_files_are_written_beside_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    folder = tmp_path / "new" / "folder"
    hand_out(folder, as_json)

    printed = capsys.readouterr().out
    table = "a table\nServer: embedded, 1,024 MiB of buffer.\n"
    assert printed == (json.dumps(DOCUMENT, indent=2) + "\n" if as_json else table)
    assert json.loads((folder / "thing-postgres.json").read_text()) == DOCUMENT
    assert "<svg" in (folder / "thing-postgres.svg").read_text()


def test_matplotlib_is_asked_for_only_where_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deletion_jobs.bench_plot", None)
    bench_figures.check_plotting(Call("postgres"))
    with pytest.raises(UsageError, match="a plot needs matplotlib"):
        bench_figures.check_plotting(Call("postgres", output=tmp_path))


def test_a_benchmark_takes_at_least_one_round() -> None:
    with pytest.raises(UsageError, match="at least one round"):
        Call("postgres", rounds=0)


def test_ways_take_turns() -> None:
    turns = list(Call("postgres", rounds=3).turns(["a", "b"]))
    assert turns == [(1, "a"), (1, "b"), (2, "b"), (2, "a"), (3, "a"), (3, "b")]


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    series = {"a": ([1.0, 10.0], [[1.0, 2.0], [3.0, 5.0]]), "b": ([1.0], [[4.0]])}
    for name in ("one.svg", "two.svg"):
        bench_plot.ranges(tmp_path / name, "title", "x", "y", series, log_x=True)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_bars_of_one_name_stand_together_with_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "bars.svg"
    drawn = [
        bench_plot.Bar("job", [1.0, 2.0, 4.0], "fast", is_own=True),
        bench_plot.Bar("job", [3.0], "under a snapshot", is_own=True),
        bench_plot.Bar("native", [2.0], "faster"),
    ]
    bench_plot.bars(path, "title", "seconds", drawn)
    text = path.read_text()
    for found in ("title", "seconds", "fast", "under a snapshot", "faster", ">native<"):
        assert found in text
    assert text.count(">job<") == 1
