"""The tool's own SQL: one file a query, in ``sql/<engine>/``; parameters as ``%(name)s``."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from deletion_jobs.sources import Engine

FOLDER = Path(__file__).resolve().parent / "sql"

_PARAMETER = re.compile(r"%\((\w+)\)s|%%")


@cache
def load(engine: Engine, name: str) -> str:
    """Read the text of a query."""
    return (FOLDER / engine / f"{name}.sql").read_text(encoding="utf-8")


def has_parameters(text: str) -> bool:
    """Tell whether a query takes parameters."""
    return "%(" in text


def literal(value: str | None) -> str:
    """Write a value as a literal that both engines read alike.

    Raises:
        ValueError: it holds a backslash or a NUL, which they read differently.
    """
    if value is None:
        return "NULL"
    if "\\" in value or "\0" in value:
        raise ValueError(f"no backslash or NUL in a plain script: {value!r}")
    return "'" + value.replace("'", "''") + "'"


def filled(text: str, values: Mapping[str, str | None]) -> str:
    """Write the parameters into a query, for a script that is run without this tool."""
    return _PARAMETER.sub(lambda m: literal(values[m[1]]) if m[1] else "%", text)
