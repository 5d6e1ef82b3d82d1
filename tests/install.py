"""Install the SQL of the working tree, as it stands, without a ledger of migrations."""

from pathlib import Path
from typing import Literal

import psycopg
import pymysql
import pymysql.constants.CLIENT
from psycopg import sql

from deletion_jobs.servers import Server

Engine = Literal["mysql", "postgres"]

ROOT = Path(__file__).resolve().parent.parent


def table_names(engine: Engine) -> list[str]:
    """List our own tables: there is one file for each."""
    return sorted(path.stem for path in (ROOT / "schema" / engine / "tables").glob("*.sql"))


def files(engine: Engine) -> list[Path]:
    """List the files in the order in which they are installed."""
    schema, procedures = ROOT / "schema" / engine, ROOT / "procedures" / engine
    order = procedures / "install.order"
    if order.exists():
        lines = [line.split("#")[0].strip() for line in order.read_text("utf-8").splitlines()]
        routines = [procedures / line for line in lines if line]
        routines = [p for p in routines if p.exists()]
    else:
        routines = sorted(procedures.rglob("*.sql"))
    return [
        schema / "roles.sql",
        *sorted((schema / "tables").glob("*.sql")),
        *routines,
        *sorted((schema / "views").glob("*.sql")),
    ]


def postgres(url: str, schema: str) -> None:
    """Install into a schema of a PostgreSQL database."""
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL("SET LOCAL search_path = {}, pg_temp").format(sql.Identifier(schema))
        )
        for path in files("postgres"):
            connection.execute(path.read_bytes())


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
        for path in files("mysql"):
            cursor.execute(without_delimiters(path.read_text("utf-8")))
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
