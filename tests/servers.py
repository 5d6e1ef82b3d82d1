"""The servers that tests run against: given by URL, or a container for the session.

==========================================  ================================================
DELETION_JOBS_TEST_POSTGRES_URL             a superuser's URL of a PostgreSQL with pg_cron
DELETION_JOBS_TEST_MYSQL_URL                root's URL of a MySQL with its event scheduler on
DELETION_JOBS_TEST_MYSQL_NATIVE_FK_URL      the same, with innodb_native_foreign_keys=ON
==========================================  ================================================

Where a variable is missing, a container is started instead and removed afterwards.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from deletion_jobs import servers
from deletion_jobs.servers import Engine, Server


@dataclass(frozen=True)
class Wanted:
    """A kind of server, and the variable that may name one that runs already."""

    engine: Engine
    variable: str
    options: tuple[str, ...] = ()


POSTGRES = Wanted("postgres", "DELETION_JOBS_TEST_POSTGRES_URL")
MYSQL = Wanted("mysql", "DELETION_JOBS_TEST_MYSQL_URL")
MYSQL_NATIVE_FK = Wanted(
    "mysql", "DELETION_JOBS_TEST_MYSQL_NATIVE_FK_URL", (servers.NATIVE_FOREIGN_KEYS,)
)


@contextlib.contextmanager
def shared(wanted: Wanted) -> Iterator[Server]:
    """Give a server that many tests share: it may not be stopped, killed or paused."""
    url = os.environ.get(wanted.variable, "")
    if url:
        yield Server.at(wanted.engine, url)
    else:
        with servers.running(wanted.engine, options=wanted.options) as server:
            yield server


@contextlib.contextmanager
def breakable(wanted: Wanted) -> Iterator[Server]:
    """Give a server that a test may kill, pause and restart: always a container of its own."""
    with servers.running(wanted.engine, options=wanted.options) as server:
        yield server


def revive(server: Server) -> None:
    """Bring a breakable server back, whatever the test before has done to it."""
    if server.is_paused():
        server.unpause()
    if not server.is_running():
        server.start()
    server.wait_until_ready()
