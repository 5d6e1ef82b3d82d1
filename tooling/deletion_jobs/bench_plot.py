"""The plots of all benchmarks: bars beside each other, or lines along time or size.

The same figures give the same file: no date in it, and no random ids.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH_INCHES = 8.0
HEIGHT_INCHES = 4.5
BAR = 0.62
OWN_COLOUR = "#1f5f8b"
PEER_COLOUR = "#9aa5ad"
INK = "#333333"
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    # Text stays text, and two runs differ where their figures do.
    "svg.fonttype": "none",
    "svg.hashsalt": "deletion-jobs",
}


@dataclass(frozen=True)
class Bar:
    """A bar: the median of its values, with a line from the smallest to the largest.

    Attributes:
        name: beside it; bars of the same name stand together, each lighter than the last.
        values: of each round.
        text: behind it.
        is_own: drawn in the colour that stands out.
    """

    name: str
    values: Sequence[float]
    text: str
    is_own: bool = False


def bars(path: Path, title: str, x_label: str, drawn: Sequence[Bar]) -> None:
    """Draw bars that lie below each other, the first one on top.

    Args:
        path: the SVG to write.
        title: above the plot.
        x_label: of the axis, with the unit.
        drawn: the bars, those of the same name one after the other.
    """
    groups: dict[str, list[Bar]] = {}
    for bar in drawn:
        groups.setdefault(bar.name, []).append(bar)
    most = max(len(group) for group in groups.values())
    height = BAR / most
    with _plot(path, title, x_label, 1.3 + (0.25 + 0.25 * most) * len(groups)) as axes:
        for place, group in enumerate(groups.values()):
            for number, bar in enumerate(group):
                strength = 1 - number / len(group)
                _bar(axes, bar, place + (number - (len(group) - 1) / 2) * height, height, strength)
        axes.set_yticks(range(len(groups)), list(groups))
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        # Room for the text behind the longest bar.
        axes.set_xlim(0, axes.get_xlim()[1] * 1.18)


def _bar(axes: Axes, bar: Bar, place: float, height: float, strength: float) -> None:
    median, below, above = _spread(bar.values)
    axes.barh(
        place,
        median,
        height * 0.92,
        color=OWN_COLOUR if bar.is_own else PEER_COLOUR,
        alpha=strength,
        xerr=[[below], [above]],
        error_kw={"elinewidth": 1, "capsize": 2.5, "ecolor": INK},
    )
    axes.annotate(
        bar.text,
        (max(bar.values), place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=INK,
    )


def ranges(
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[Sequence[float]]]],
    log_x: bool = False,
) -> None:
    """Draw medians as lines, with bars from the smallest to the largest value.

    Args:
        path: the SVG to write.
        title: above the plot.
        x_label: of the axis.
        y_label: of the axis, with the unit.
        series: for each line the places on the x axis, and for each place the values.
        log_x: let equal factors be equal lengths.
    """
    with _plot(path, title, x_label) as axes:
        for name, (places, values) in series.items():
            middle, below, above = zip(*(_spread(group) for group in values), strict=True)
            axes.errorbar(places, middle, yerr=(below, above), marker="o", capsize=4, label=name)
        if log_x:
            axes.set_xscale("log")
        else:
            # Half a worker was never measured.
            axes.set_xticks(sorted({place for places, _ in series.values() for place in places}))
        axes.margins(y=0.1)
        axes.set_ylim(bottom=0)
        _finish_lines(axes, y_label, len(series))


def lines(
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    log_y: bool = False,
) -> None:
    """Draw one line for each series of points.

    Args:
        path: the SVG to write.
        title: above the plot.
        x_label: of the axis, with the unit.
        y_label: of the axis, with the unit.
        series: the points of each line, in the order of x.
        log_y: let equal factors be equal heights.
    """
    with _plot(path, title, x_label) as axes:
        for name, points in series.items():
            axes.plot([x for x, _ in points], [y for _, y in points], label=name)
        if log_y:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        _finish_lines(axes, y_label, len(series))


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Give the median, and how far below and above it the others go."""
    median = statistics.median(values)
    return median, median - min(values), max(values) - median


def _finish_lines(axes: Axes, y_label: str, count: int) -> None:
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.3)
    if count > 1:
        axes.legend()


@contextmanager
def _plot(path: Path, title: str, x_label: str, height: float = HEIGHT_INCHES) -> Iterator[Axes]:
    """Begin a plot; write it at the end of the block."""
    with mpl.rc_context(STYLE):
        # Not by pyplot: it would look for a display, and keep every figure.
        figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel(x_label)
        figure.suptitle(title, x=0.02, ha="left", fontsize=10)
        yield axes
        figure.savefig(path, format="svg", metadata={"Date": None})
