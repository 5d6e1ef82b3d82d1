"""What the benchmarks do with their figures, without a server."""

import json
import sys
from pathlib import Path

import pytest

from deletion_jobs import bench_figures, bench_plot_lines
from deletion_jobs.bench_figures import percentile, spread
from deletion_jobs.errors import UsageError

DOCUMENT = {"engine": "postgres", "values": [1, 2]}


def draw(document: dict[str, object], path: Path) -> None:
    from deletion_jobs import bench_plot_lines

    bench_plot_lines.lines(path, "title", "x", "y", {"a": [(0, 1), (1, 2)]})


def hand_out(output: str, as_json: bool = False) -> None:
    bench_figures.hand_out(DOCUMENT, as_json, output, "thing", draw, lambda: print("a table"))


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
    hand_out(str(folder), as_json)

    printed = capsys.readouterr().out
    assert printed == (json.dumps(DOCUMENT, indent=2) + "\n" if as_json else "a table\n")
    assert json.loads((folder / "thing-postgres.json").read_text()) == DOCUMENT
    assert "<svg" in (folder / "thing-postgres.svg").read_text()


def test_without_matplotlib_the_json_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deletion_jobs

    monkeypatch.setitem(sys.modules, "deletion_jobs.bench_plot_lines", None)
    monkeypatch.delattr(deletion_jobs, "bench_plot_lines")
    with pytest.raises(UsageError, match="a plot needs matplotlib"):
        hand_out(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thing-postgres.json"]


def test_the_same_figures_give_the_same_plot(tmp_path: Path) -> None:
    series = {"a": ([1.0, 10.0], [[1.0, 2.0], [3.0, 5.0]]), "b": ([1.0], [[4.0]])}
    for name in ("one.svg", "two.svg"):
        bench_plot_lines.ranges(tmp_path / name, "title", "x", "y", series, log_x=True)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
