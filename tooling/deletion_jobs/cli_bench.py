"""The group of commands ``bench``: each measures one thing."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deletion_jobs.cli_options import Function, Group, json_option, later


def _asked(rounds: int = 5, has_url: bool = True) -> Callable[[Function], Function]:
    """Add the options of `bench.Call`."""
    options = [
        click.option(
            "--engine",
            type=click.Choice(["postgres", "mysql"]),
            default="postgres",
            show_default=True,
            help="Which engine.",
        ),
        click.option(
            "--rounds",
            type=click.IntRange(min=1),
            default=rounds,
            show_default=True,
            help="Rounds, interleaved.",
        ),
        click.option(
            "--output",
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            help="Write JSON and a plot (SVG) there; needs the extra bench.",
        ),
        json_option,
    ]
    if has_url:
        url = click.option(
            "--url", metavar="URL", help="Empty database to measure in. [a server of its own]"
        )
        options.insert(1, url)

    def decorate(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _rows(default: int) -> Callable[[Function], Function]:
    return click.option(
        "--rows",
        type=click.IntRange(min=1000),
        default=default,
        show_default=True,
        help="Rows of the job, in three levels.",
    )


def _batch_rows() -> Callable[[Function], Function]:
    return click.option(
        "--batch-rows",
        type=click.IntRange(1, 100_000),
        default=5000,
        show_default=True,
        help="Rows of a commit, at most.",
    )


def _snapshot() -> Callable[[Function], Function]:
    return click.option(
        "--snapshot",
        "has_snapshot",
        is_flag=True,
        help="Measure once more while another session holds an old snapshot.",
    )


def _peers(does: str, *choices: str) -> Callable[[Function], Function]:
    return click.option(
        "--peer",
        "peers",
        type=click.Choice(choices),
        multiple=True,
        help=f"{does} this as well: django needs the extra bench, the others are for MySQL.",
    )


def _measure(name: str, options: dict[str, Any]) -> None:
    """Let the benchmark of this name measure: ``NAME`` in the module ``bench_NAME``."""
    call = later("bench", "the benchmark").Call
    asked = {
        field.name: options.pop(field.name)
        for field in dataclasses.fields(call)
        if field.name in options
    }
    getattr(later(f"bench_{name}", "the benchmark"), name)(call(**asked), **options)


@click.group("bench", cls=Group)
def bench_group() -> None:
    """Measure beside what people would use instead."""


@bench_group.command("cascade")
@_asked()
@click.option(
    "--shape",
    type=click.Choice(["levels", "deep", "wide", "tree", "chain"]),
    default="levels",
    show_default=True,
    help="Three levels, ten, one parent with many children, or one table that refers to itself.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1000),
    help="Rows of the job.  [default: 140000; a chain: 2000]",
)
@click.option("--scattered", "is_scattered", is_flag=True, help="Children do not lie together.")
@_batch_rows()
@_snapshot()
@_peers("Measure", "django", "pt-archiver", "pt-archiver-bulk", "native-off")
def bench_cascade(**options: Any) -> None:
    """One large job, beside the same by hand and one native DELETE."""
    _measure("cascade", options)


@bench_group.command("jobs")
@_asked()
@click.option(
    "--jobs",
    "count",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="How many, of 11 rows each.",
)
@click.option("--scattered", "is_scattered", is_flag=True, help="Rows of a user lie anywhere.")
@click.option(
    "--workers",
    type=click.IntRange(min=1, max=16),
    multiple=True,
    default=(1,),
    show_default=True,
    metavar="N",
    help="Sessions that work at once; may be said again.",
)
@_snapshot()
def bench_jobs(**options: Any) -> None:
    """Many small jobs, beside the bare cascade in sets and one DELETE and COMMIT a job."""
    _measure("jobs", options)


@bench_group.command("claim")
@_asked()
@click.option(
    "--backlog",
    "backlogs",
    type=click.IntRange(min=1),
    multiple=True,
    default=(10_000, 1_000_000),
    show_default=True,
    metavar="N",
    help="Pending jobs, and as many finished; may be said again.",
)
@_snapshot()
def bench_claim(**options: Any) -> None:
    """A claim of 500 jobs, as the backlog grows."""
    _measure("claim", options)


@bench_group.command("foreground")
@_asked()
@_rows(100_000)
@click.option(
    "--clients",
    type=click.IntRange(min=1, max=16),
    default=4,
    show_default=True,
    help="Sessions that send transactions.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=1, max=200),
    default=50.0,
    show_default=True,
    help="Transactions a second of each.",
)
@_batch_rows()
@click.option(
    "--pause-ms",
    type=click.IntRange(min=0, max=60_000),
    default=0,
    show_default=True,
    help="A job's rest after each of its transactions.",
)
@_snapshot()
@_peers("Feel", "django", "pt-archiver", "pt-archiver-bulk")
def bench_foreground(**options: Any) -> None:
    """What an application's transactions feel while a large job goes."""
    _measure("foreground", options)


@bench_group.command("lag")
@_asked(rounds=3, has_url=False)
@_rows(1_000_000)
@_snapshot()
def bench_lag(**options: Any) -> None:
    """How far a replica falls behind while a large job goes."""
    _measure("lag", options)


@bench_group.command("space")
@_asked(rounds=1)
@_rows(1_000_000)
@click.option(
    "--checked", "is_checked", is_flag=True, help="Give the target a limit: rows are counted first."
)
@_snapshot()
def bench_space(**options: Any) -> None:
    """Disk, log and memory that a large job takes, over time."""
    _measure("space", options)


@bench_group.command("plan")
@_asked()
@_snapshot()
def bench_plan(**options: Any) -> None:
    """The planner and one job over 760 foreign keys on 370 tables."""
    _measure("plan", options)
