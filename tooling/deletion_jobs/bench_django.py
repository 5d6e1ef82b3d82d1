"""Django's collector as a peer of the benchmark: what `customer.delete()` does in an application.

It reads what hangs from the row, and deletes it in sets by key, children first, in one transaction.
"""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import django
import psycopg.conninfo
import pymysql
import pymysql.constants.CLIENT
import pymysql.constants.FIELD_TYPE
import pymysql.converters
import pymysql.cursors
from django.conf import settings
from django.db import connections, models

from deletion_jobs import database
from deletion_jobs.sources import Engine

# Django's backend for MySQL knows this driver by the name of another. Its modules go by both names:
# what is imported a second time has errors of its own, and nobody catches those.
pymysql.install_as_MySQLdb()
for _name in [name for name in sys.modules if name.startswith("pymysql.")]:
    sys.modules["MySQLdb" + _name.removeprefix("pymysql")] = sys.modules[_name]
if not settings.configured:
    settings.configure(USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
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


def deleter(engine: Engine, url: str) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Connect Django to a database of the benchmark.

    Args:
        engine: ``mysql`` or ``postgres``.
        url: the database.

    Returns:
        what deletes one customer with all that hangs from it, and what disconnects.
    """
    alias = f"bench_{next(_NUMBERS)}"
    connections.databases[alias] = connections.configure_settings(
        {"default": {}, alias: _options(engine, url)}
    )[alias]

    def delete(customer: int) -> None:
        Customer.objects.using(alias).get(pk=customer).delete()

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
