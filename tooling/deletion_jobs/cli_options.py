"""What several groups of commands share: how they end, options, parts that need an extra."""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from deletion_jobs.errors import ToolError, UsageError
from deletion_jobs.output import explain

Function = TypeVar("Function", bound=Callable[..., Any])


class Group(click.Group):
    """A group whose commands end with the exit code of the error that stopped them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ToolError as error:
            explain(error)
            ctx.exit(error.code)


def json_option(command: Function) -> Function:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON.")(command)


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
