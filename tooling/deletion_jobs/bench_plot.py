"""Draw what ``bench cascade`` has measured, and write it down beside."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deletion_jobs.bench_result import JOB, TITLES, Measured, Result
from deletion_jobs.output import say

JOB_COLOUR = "#1f5f8b"
PEER_COLOUR = "#9aa5ad"
WIDTH = 8.0
BAR = 0.62
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    # Text stays text, and two runs differ where their figures do.
    "svg.fonttype": "none",
    "svg.hashsalt": "deletion-jobs",
}


def write(result: Result, folder: Path) -> None:
    """Write a result as ``NAME.json`` and ``NAME.svg``.

    Args:
        result: all measurements of one call.
        folder: where to; made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{result.name}.json"
    data.write_text(json.dumps(result.document(), indent=2) + "\n", encoding="utf-8")
    chart = folder / f"{result.name}.svg"
    with mpl.rc_context(STYLE):
        draw(result).savefig(chart, format="svg", metadata={"Date": None})
    say(f"wrote {data} and {chart}")


def draw(result: Result) -> Figure:
    """Draw a bar for each method: its median, with a line from its fastest to its slowest round.

    Under an old snapshot each has a second, lighter one; both then end when the call returns.
    """
    names = [name for name in result.methods if not result.methods[name].refusal]
    has_snapshot = bool(result.under_snapshot)
    figure = Figure(figsize=(WIDTH, 1.3 + (0.75 if has_snapshot else 0.5) * len(names)))
    axes = figure.add_subplot()
    height = BAR / 2 if has_snapshot else BAR
    for place, name in enumerate(names):
        colour = JOB_COLOUR if name == JOB else PEER_COLOUR
        if has_snapshot:
            _bar(axes, place - height / 2, height, result, result.methods[name], colour, 1.0)
            _bar(axes, place + height / 2, height, result, result.under_snapshot[name], colour, 0.5)
        else:
            _bar(axes, place, height, result, result.methods[name], colour, 1.0)
    axes.set_yticks(range(len(names)), [TITLES[name] for name in names])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    # Room for the rates behind the longest bar.
    axes.set_xlim(0, axes.get_xlim()[1] * 1.18)
    axes.set_xlabel("seconds, median and range" + (_LIGHTER if has_snapshot else ""))
    figure.suptitle(result.title().replace(": ", "\n", 1), x=0.02, ha="left", fontsize=10)
    figure.set_layout_engine("constrained")
    return figure


_LIGHTER = "; lighter: under an old snapshot; until the call returns"


def _bar(
    axes: Axes,
    place: float,
    height: float,
    result: Result,
    measured: Measured,
    colour: str,
    strength: float,
) -> None:
    values = measured.call_seconds if result.under_snapshot else measured.seconds
    median = measured.call_median if result.under_snapshot else measured.median
    spread = [[median - min(values)], [max(values) - median]]
    axes.barh(
        place,
        median,
        height * 0.92,
        color=colour,
        alpha=strength,
        xerr=spread,
        error_kw={"elinewidth": 1, "capsize": 2.5, "ecolor": "#333333"},
    )
    axes.annotate(
        f"{result.setup.rows / median:,.0f} rows/s",
        (max(values), place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color="#333333",
    )
