"""What the benchmarks do with their figures: medians, percentiles, and where they are written."""

import importlib
import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from deletion_jobs.bench import Call
from deletion_jobs.errors import UsageError
from deletion_jobs.output import plain, say, show_json
from deletion_jobs.sources import ENGINE_NAMES

MEBIBYTE = 1 << 20
FILE_COLUMNS = 120

Document = dict[str, Any]


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of all values do not exceed.

    Args:
        values: at least one.
        share: between 0 and 1.
    """
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def spread(values: Sequence[float], digits: int = 4) -> Document:
    """Give median, smallest and largest of a value for each round, and the values themselves."""
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
        "values": [round(value, digits) for value in values],
    }


def table(first: str, *titles: str) -> Table:
    """Make an empty table whose first column is words, and all others numbers."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column(first, no_wrap=True)
    for title in titles:
        made.add_column(title, justify="right", no_wrap=True)
    return made


def titled(title: str, is_old: bool) -> str:
    """Name what a row of a table is about, and whether that was under an old snapshot."""
    return title + (", snapshot" if is_old else "")


def heading(document: Document) -> str:
    """Name the engine and its version."""
    return f"{ENGINE_NAMES[document['engine']]} {document['version']}"


def check_plotting(call: Call) -> None:
    """See that there is what plots need, before hours of measuring and not after.

    Raises:
        UsageError: files are asked for, and there is no matplotlib.
    """
    if call.output is None:
        return
    try:
        importlib.import_module("deletion_jobs.bench_plot")
    except ImportError as error:
        raise UsageError("a plot needs matplotlib", "pip install 'deletion-jobs[bench]'") from error


def hand_out(
    call: Call,
    document: Document,
    name: str,
    draw: Callable[[Document, Path], None],
    show: Callable[[Document, Console], None],
) -> None:
    """Give the result to whoever asked: JSON or a table on stdout, and files.

    Args:
        call: says who asked for what.
        document: the result as plain values, with what `Place.about` says.
        name: of the files, without ``.json`` and ``.svg``.
        draw: makes the plot of a document, in the file it is told.
        show: prints the table.
    """
    if call.as_json:
        show_json(document)
    else:
        console = call.console or Console(highlight=False, soft_wrap=True)
        if not console.is_terminal:
            # In a file rich takes 80 columns for granted, and cuts the titles of wide tables.
            console.width = max(console.width, FILE_COLUMNS)
        show(document, console)
        buffer = document["buffer_bytes"] / MEBIBYTE
        console.print(f"Server: {document['server']}, {buffer:,.0f} MiB of buffer.")
    if call.output is None:
        return
    call.output.mkdir(parents=True, exist_ok=True)
    data, plot = (call.output / f"{name}.{suffix}" for suffix in ("json", "svg"))
    data.write_text(json.dumps(document, indent=2, default=plain) + "\n", encoding="utf-8")
    draw(document, plot)
    say(f"wrote {data} and {plot}")
