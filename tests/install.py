"""Install the SQL of the working tree, as it stands, without a ledger of migrations."""

import functools
from pathlib import Path

import psycopg
import pymysql
import pymysql.constants.CLIENT
from psycopg import sql

from deletion_jobs import sources
from deletion_jobs.servers import Server
from deletion_jobs.sources import Engine

ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def table_names(engine: Engine) -> tuple[str, ...]:
    """List our own tables: there is one file for each."""
    return tuple(s.name for s in sources.read_all(engine) if s.folder == "tables")


def postgres(url: str, schema: str) -> None:
    """Install into a schema of a PostgreSQL database, all objects owned by the owner's role."""
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema))
        )
        roles, *objects = sources.read_all("postgres")
        connection.execute(roles.text.encode())
        connection.execute("SET LOCAL ROLE deletion_jobs_owner")
        for source in objects:
            connection.execute(source.text.encode())
        connection.execute("RESET ROLE")
        connection.execute(
            sql.SQL("REVOKE CREATE ON SCHEMA {} FROM deletion_jobs_owner").format(
                sql.Identifier(schema)
            )
        )


def mysql(server: Server, database: str) -> None:
    """Install into a MySQL database."""
    connection = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
        charset="utf8mb4",
        autocommit=True,
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
    )
    with connection, connection.cursor() as cursor:
        for source in sources.read_all("mysql"):
            cursor.execute(without_delimiters(source.text))
            while cursor.nextset():
                pass


def without_delimiters(text: str) -> str:
    """Take the client's DELIMITER lines out of a script: the server needs none."""
    lines = []
    delimiter = ";"
    for line in text.splitlines():
        if line.upper().startswith("DELIMITER "):
            delimiter = line.split()[1]
        elif delimiter != ";" and line.rstrip().endswith(delimiter):
            lines.append(line.rstrip().removesuffix(delimiter) + ";")
        else:
            lines.append(line)
    return "\n".join(lines)
