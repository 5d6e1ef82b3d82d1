"""Plots of the benchmarks whose values go along an axis: over time, or over a size."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

# Before pyplot is loaded: no window, no display.
mpl.use("svg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (7.0, 4.0)

# The same input gives the same file: no date in it, and no random ids.
mpl.rcParams["svg.hashsalt"] = "deletion-jobs"


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
    figure, axes = _plot(title, x_label, y_label)
    for name, (places, values) in series.items():
        middle = [statistics.median(group) for group in values]
        below = [m - min(group) for m, group in zip(middle, values, strict=True)]
        above = [max(group) - m for m, group in zip(middle, values, strict=True)]
        axes.errorbar(places, middle, yerr=(below, above), marker="o", capsize=4, label=name)
    if log_x:
        axes.set_xscale("log")
    axes.margins(y=0.1)
    axes.set_ylim(bottom=0)
    _save(figure, axes, path, len(series) > 1)


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
    figure, axes = _plot(title, x_label, y_label)
    for name, points in series.items():
        axes.plot([x for x, _ in points], [y for _, y in points], label=name)
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    _save(figure, axes, path, len(series) > 1)


def _plot(title: str, x_label: str, y_label: str) -> "tuple[Figure, Axes]":
    figure, axes = plt.subplots(figsize=SIZE_INCHES, layout="constrained")
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.3)
    return figure, axes


def _save(figure: "Figure", axes: "Axes", path: Path, has_legend: bool) -> None:
    if has_legend:
        axes.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
