"""What the tests of crashes rest on: a server killed with SIGKILL loses nothing committed."""

import contextlib
from typing import Any

import psycopg
import pymysql

from deletion_jobs.servers import Server
from tests import servers


def mysql_connection(server: Server) -> "pymysql.connections.Connection[Any]":
    """Log in as root."""
    return pymysql.connect(
        host=server.host, port=server.port, user=server.user, password=server.password
    )


def test_postgres_keeps_its_url_and_what_was_committed_before_sigkill(
    breakable_postgres_server: Server,
) -> None:
    server = breakable_postgres_server
    with contextlib.closing(psycopg.connect(server.url, autocommit=True)) as connection:
        connection.execute("DROP TABLE IF EXISTS survivors")
        connection.execute("CREATE TABLE survivors (n int)")
        connection.execute("INSERT INTO survivors VALUES (1)")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO survivors VALUES (2)")
        server.kill()
        assert not server.is_running()
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM survivors").fetchall() == [(1,)]


def test_mysql_keeps_its_url_and_what_was_committed_before_sigkill(
    breakable_mysql_server: Server,
) -> None:
    server = breakable_mysql_server
    connection = mysql_connection(server)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS crash")
        cursor.execute("CREATE DATABASE crash")
        cursor.execute("CREATE TABLE crash.survivors (n int)")
        cursor.execute("INSERT INTO crash.survivors VALUES (1)")
        connection.commit()
        cursor.execute("INSERT INTO crash.survivors VALUES (2)")
        server.kill()
        assert not server.is_running()
    connection.close()
    server.start()
    with mysql_connection(server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM crash.survivors")
        assert cursor.fetchall() == ((1,),)


def test_a_paused_server_is_revived(breakable_postgres_server: Server) -> None:
    breakable_postgres_server.pause()
    assert breakable_postgres_server.is_paused()
    servers.revive(breakable_postgres_server)
    assert not breakable_postgres_server.is_paused()
    assert breakable_postgres_server.answers()
