"""Options that several commands share, and the import of parts that need an extra."""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from deletion_jobs.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(command: Function) -> Function:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON.")(command)


bench_engine = click.option(
    "--engine",
    type=click.Choice(["postgres", "mysql"]),
    default="postgres",
    show_default=True,
    help="Which engine.",
)
bench_url = click.option(
    "--url", metavar="URL", help="Empty database to measure in. [a server of its own]"
)
bench_rounds = click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Rounds, interleaved.",
)
bench_output = click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Write JSON and a plot (SVG) there; the plot needs the extra bench.",
)


def later(module: str, what: str) -> Any:
    """Import a module of this package that needs an extra, only when a command asks for it.

    Raises:
        UsageError: it, or what it needs, is not installed.
    """
    try:
        return importlib.import_module(f"deletion_jobs.{module}")
    except ModuleNotFoundError as error:
        if error.name != f"deletion_jobs.{module}":
            raise UsageError(
                f"{what} needs the module {error.name}", "pip install 'deletion-jobs[demo]'"
            ) from error
        raise UsageError(f"{what} is not part of this installation") from error
