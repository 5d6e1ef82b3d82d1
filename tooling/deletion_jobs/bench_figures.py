"""What the benchmarks do with their figures: medians, percentiles, and where they are written."""

import json
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from deletion_jobs.errors import UsageError
from deletion_jobs.output import plain, say, show_json

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


def hand_out(
    document: Document,
    as_json: bool,
    output: str | None,
    name: str,
    draw: Callable[[Document, Path], None],
    show: Callable[[], None],
) -> None:
    """Give the result to whoever asked: JSON or a table on stdout, and files.

    Args:
        document: the result as plain values, ``engine`` among them.
        as_json: write it to stdout, instead of what `show` does.
        output: folder for ``<name>-<engine>.json`` and ``.svg``; None: no files.
        name: of the benchmark.
        draw: makes the plot of a document, in the file it is told.
        show: prints the table.

    Raises:
        UsageError: there is no matplotlib; the JSON is written all the same.
    """
    if as_json:
        show_json(document)
    else:
        show()
    if output is None:
        return
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{name}-{document['engine']}"
    text = json.dumps(document, indent=2, default=plain) + "\n"
    stem.with_suffix(".json").write_text(text, encoding="utf-8")
    try:
        draw(document, stem.with_suffix(".svg"))
    except ImportError as error:
        raise UsageError("a plot needs matplotlib", "pip install 'deletion-jobs[bench]'") from error
    say(f"wrote {stem}.json and .svg")
