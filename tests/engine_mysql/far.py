"""Databases of MySQL beside the one that a test is given."""

import contextlib
from collections.abc import Iterator

from tests.database import Database


@contextlib.contextmanager
def another_database(db: Database, suffix: str) -> Iterator[str]:
    """Make a database of a name of its own, as rights on its tables outlive them; drop it."""
    name = f"{db.home.database}_{suffix}"
    db.execute(f"CREATE DATABASE `{name}`")
    try:
        yield name
    finally:
        db.execute("SET foreign_key_checks = 0")
        db.execute(f"DROP DATABASE `{name}`")
        db.execute("SET foreign_key_checks = 1")
