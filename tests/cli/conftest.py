"""The fixtures of the tests of installing, for the commands that need a server."""

from tests.migrations.conftest import engine, mysql_place, place, postgres_place

__all__ = ["engine", "mysql_place", "place", "postgres_place"]
