"""Django's collector as a peer of the benchmark: what `root.delete()` does in an application.

It reads what hangs from the row, and deletes it in sets by key, children first, in one transaction.
"""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import psycopg.conninfo
import pymysql
import pymysql.constants.CLIENT
import pymysql.constants.FIELD_TYPE
import pymysql.converters
import pymysql.cursors
from django.apps import AppConfig
from django.conf import settings
from django.db import connections, models

from deletion_jobs import database
from deletion_jobs.bench_shapes import CHAIN, DEEP, LEVELS, TREE, WIDE, Shape
from deletion_jobs.sources import Engine

# Django's backend for MySQL knows this driver by the name of another. Its modules go by both names:
# what is imported a second time has errors of its own, and nobody catches those.
pymysql.install_as_MySQLdb()
for _name in [name for name in sys.modules if name.startswith("pymysql.")]:
    sys.modules["MySQLdb" + _name.removeprefix("pymysql")] = sys.modules[_name]


class Bench(AppConfig):
    """The application of these models: without one, the collector finds no relations."""

    name = __name__
    label = "bench"
    path = str(Path(__file__).parent)


if not settings.configured:
    settings.configure(
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[f"{__name__}.{Bench.__name__}"],
    )
    django.setup()

_NUMBERS = itertools.count(1)


class Customer(models.Model):
    """A customer of the benchmark's shop."""

    name = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "bench_customers"
        managed = False


class Order(models.Model):
    """An order of a customer."""

    customer = models.ForeignKey(Customer, models.CASCADE)
    ordered_at = models.DateTimeField()
    note = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "bench_orders"
        managed = False


class OrderItem(models.Model):
    """An item of an order."""

    order = models.ForeignKey(Order, models.CASCADE)
    product = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "bench"
        db_table = "bench_order_items"
        managed = False


class Payment(models.Model):
    """A payment of an order."""

    order = models.ForeignKey(Order, models.CASCADE)
    amount = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "bench"
        db_table = "bench_payments"
        managed = False


class Parent(models.Model):
    """The parent of many."""

    name = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "bench_parents"
        managed = False


class Child(models.Model):
    """One of many children."""

    parent = models.ForeignKey(Parent, models.CASCADE)
    note = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "bench_children"
        managed = False


class Node(models.Model):
    """A node of a tree or a chain."""

    parent = models.ForeignKey("self", models.CASCADE, null=True)
    note = models.TextField()

    class Meta:
        app_label = "bench"
        db_table = "bench_nodes"
        managed = False


def _level(number: int, above: type[models.Model] | None) -> type[models.Model]:
    """Make the model of one of the ten levels."""
    meta = {"app_label": "bench", "db_table": f"bench_level_{number}", "managed": False}
    fields: dict[str, Any] = {
        "__module__": __name__,
        "Meta": type("Meta", (), meta),
        "note": models.TextField(),
    }
    if above is not None:
        fields["parent"] = models.ForeignKey(above, models.CASCADE)
    return type(f"Level{number}", (models.Model,), fields)


def _levels(count: int) -> type[models.Model]:
    """Make the models of all levels, and give the first."""
    first = above = _level(1, None)
    for number in range(2, count + 1):
        above = _level(number, above)
    return first


ROOTS: dict[str, type[models.Model]] = {
    LEVELS.name: Customer,
    DEEP.name: _levels(10),
    WIDE.name: Parent,
    TREE.name: Node,
    CHAIN.name: Node,
}


def deleter(
    engine: Engine, url: str, shape: Shape
) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Connect Django to a database of the benchmark.

    Args:
        engine: ``mysql`` or ``postgres``.
        url: the database.
        shape: whose tables are there.

    Returns:
        what deletes one root with all that hangs from it, and what disconnects.
    """
    alias = f"bench_{next(_NUMBERS)}"
    connections.databases[alias] = connections.configure_settings(
        {"default": {}, alias: _options(engine, url)}
    )[alias]

    def delete(root: int) -> None:
        ROOTS[shape.name]._default_manager.using(alias).get(pk=root).delete()

    def close() -> None:
        connections[alias].close()
        del connections[alias]
        del connections.databases[alias]

    return delete, close


def _options(engine: Engine, url: str) -> dict[str, Any]:
    if engine == "postgres":
        found = psycopg.conninfo.conninfo_to_dict(url)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": found.get("dbname", ""),
            "USER": found.get("user", ""),
            "PASSWORD": found.get("password", ""),
            "HOST": found.get("host", ""),
            "PORT": str(found.get("port", "")),
        }
    found = database.mysql_options(url)
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": found["database"],
        "USER": found["user"],
        "PASSWORD": found["password"],
        "HOST": found["host"],
        "PORT": str(found["port"]),
    }
