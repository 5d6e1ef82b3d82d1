"""How commands speak: results on stdout, everything else on stderr."""

import datetime as dt
import json
from typing import Any

import click

from deletion_jobs.errors import DatabaseError, ToolError


def say(text: str) -> None:
    """Tell what happens, aside from the result."""
    click.echo(text, err=True)


def show(text: str) -> None:
    """Write a result."""
    click.echo(text)


def show_json(value: Any) -> None:
    """Write a result for programs; times as ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=plain))


def plain(value: Any) -> str:
    """Write what JSON has no form for: times as ISO 8601."""
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return str(value)


def explain(error: ToolError) -> None:
    """Write what went wrong and what to do about it."""
    state = error.sqlstate if isinstance(error, DatabaseError) else ""
    if isinstance(error, DatabaseError) and error.errno is not None:
        state = f"{state} ({error.errno})".strip()
    say(f"error{' ' + state if state else ''}: {error.message}")
    if error.todo:
        say(f"to do: {error.todo}")
