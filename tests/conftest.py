"""Fixtures that all tests share."""

from collections.abc import Iterator

import pytest

from deletion_jobs.servers import Server
from tests import servers
from tests.database import Database, MySQLInstallation, PostgresInstallation


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server with pg_cron, shared by the session."""
    with servers.shared(servers.POSTGRES) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[Server]:
    """A MySQL server as it comes by default, shared by the session."""
    with servers.shared(servers.MYSQL) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server_native_fk() -> Iterator[Server]:
    """A MySQL server whose own cascades are right: the oracle's; shared by the session."""
    with servers.shared(servers.MYSQL_NATIVE_FK) as server:
        yield server


@pytest.fixture(scope="session")
def _breakable_postgres() -> Iterator[Server]:
    with servers.breakable(servers.POSTGRES) as server:
        yield server


@pytest.fixture(scope="session")
def _breakable_mysql() -> Iterator[Server]:
    with servers.breakable(servers.MYSQL) as server:
        yield server


@pytest.fixture
def breakable_postgres_server(_breakable_postgres: Server) -> Server:
    """A PostgreSQL container that the test may kill, pause and restart."""
    servers.revive(_breakable_postgres)
    return _breakable_postgres


@pytest.fixture
def breakable_mysql_server(_breakable_mysql: Server) -> Server:
    """A MySQL container that the test may kill, pause and restart."""
    servers.revive(_breakable_mysql)
    return _breakable_mysql


@pytest.fixture(scope="session")
def postgres_installation(postgres_server: Server) -> Iterator[PostgresInstallation]:
    """Databases on the PostgreSQL server, each as freshly installed."""
    with PostgresInstallation(postgres_server) as installation:
        yield installation


@pytest.fixture(scope="session")
def mysql_installation(mysql_server: Server) -> Iterator[MySQLInstallation]:
    """Databases on the MySQL server as it comes by default, each as freshly installed."""
    with MySQLInstallation(mysql_server) as installation:
        yield installation


@pytest.fixture(scope="session")
def mysql_native_fk_installation(mysql_server_native_fk: Server) -> Iterator[MySQLInstallation]:
    """Databases on the MySQL server whose own cascades are right, each as freshly installed."""
    with MySQLInstallation(mysql_server_native_fk) as installation:
        yield installation


@pytest.fixture(params=["mysql", "postgres"])
def db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A session in a database as freshly installed, on both engines."""
    installation = request.getfixturevalue(f"{request.param}_installation")
    with installation.database() as database:
        yield database


@pytest.fixture
def mysql(mysql_installation: MySQLInstallation) -> Iterator[Database]:
    """A session in a freshly installed MySQL database, for what holds there alone."""
    with mysql_installation.database() as database:
        yield database


@pytest.fixture
def postgres(postgres_installation: PostgresInstallation) -> Iterator[Database]:
    """A session in a freshly installed PostgreSQL database, for what holds there alone."""
    with postgres_installation.database() as database:
        yield database
