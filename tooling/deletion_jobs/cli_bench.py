"""The commands of ``bench`` about the queue, what others feel, and what a job takes beside time."""

import click

from deletion_jobs.cli_options import (
    bench_engine,
    bench_output,
    bench_rounds,
    bench_url,
    json_option,
    later,
)


def add_to(group: click.Group) -> None:
    """Add the commands to the group ``bench``."""
    for command in (bench_claim, bench_foreground, bench_lag, bench_space, bench_plan):
        group.add_command(command)


@click.command("claim")
@bench_engine
@bench_url
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
@bench_rounds
@bench_output
@json_option
def bench_claim(
    engine: str,
    url: str | None,
    backlogs: tuple[int, ...],
    rounds: int,
    output: str | None,
    as_json: bool,
) -> None:
    """A claim of 500 jobs, as the backlog grows."""
    later("bench_claim", "the benchmark").claim(
        engine, backlogs=backlogs, rounds=rounds, url=url, as_json=as_json, output=output
    )


@click.command("foreground")
@bench_engine
@bench_url
@click.option(
    "--rows",
    type=click.IntRange(min=1000),
    default=100_000,
    show_default=True,
    help="Rows of the job, in three levels.",
)
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
@bench_rounds
@bench_output
@json_option
def bench_foreground(
    engine: str,
    url: str | None,
    rows: int,
    clients: int,
    rate: float,
    rounds: int,
    output: str | None,
    as_json: bool,
) -> None:
    """What an application's transactions feel while a large job goes."""
    later("bench_foreground", "the benchmark").foreground(
        engine,
        rows=rows,
        rounds=rounds,
        clients=clients,
        rate=rate,
        url=url,
        as_json=as_json,
        output=output,
    )


@click.command("space")
@bench_engine
@bench_url
@click.option(
    "--rows",
    type=click.IntRange(min=1000),
    default=1_000_000,
    show_default=True,
    help="Rows of the job, in three levels.",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=1, show_default=True, help="Rounds, in turns."
)
@click.option(
    "--checked", "is_checked", is_flag=True, help="Give the target a limit: rows are counted first."
)
@bench_output
@json_option
def bench_space(
    engine: str,
    url: str | None,
    rows: int,
    rounds: int,
    is_checked: bool,
    output: str | None,
    as_json: bool,
) -> None:
    """Disk, log and memory that a large job takes, over time."""
    later("bench_space", "the benchmark").space(
        engine,
        rows=rows,
        rounds=rounds,
        is_checked=is_checked,
        url=url,
        as_json=as_json,
        output=output,
    )


@click.command("plan")
@bench_engine
@bench_url
@bench_rounds
@bench_output
@json_option
def bench_plan(
    engine: str, url: str | None, rounds: int, output: str | None, as_json: bool
) -> None:
    """The planner and one job over 760 foreign keys on 370 tables."""
    later("bench_plan", "the benchmark").plan(
        engine, rounds=rounds, url=url, as_json=as_json, output=output
    )


@click.command("lag")
@bench_engine
@click.option(
    "--rows",
    type=click.IntRange(min=1000),
    default=1_000_000,
    show_default=True,
    help="Rows of the job, in three levels.",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds, in turns."
)
@bench_output
@json_option
def bench_lag(engine: str, rows: int, rounds: int, output: str | None, as_json: bool) -> None:
    """How far a replica falls behind while a large job goes."""
    later("bench_lag", "the benchmark").lag(
        engine, rows=rows, rounds=rounds, as_json=as_json, output=output
    )
