"""The settings that the tests rely on, read from the servers themselves."""

from typing import Any

import pymysql

from deletion_jobs.servers import Server


def variables(server: Server, *names: str) -> dict[str, Any]:
    """Read global variables; one that the server does not know is missing from the answer."""
    with (
        pymysql.connect(
            host=server.host, port=server.port, user=server.user, password=server.password
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT variable_name, variable_value FROM performance_schema.global_variables"
            " WHERE variable_name IN %s",
            (names,),
        )
        return dict(cursor.fetchall())


def test_server_writes_a_row_binlog_and_runs_events(mysql_server: Server) -> None:
    names = ("binlog_format", "event_scheduler", "log_bin", "performance_schema")
    assert variables(mysql_server, *names) == {
        "binlog_format": "ROW",
        "event_scheduler": "ON",
        "log_bin": "ON",
        "performance_schema": "ON",
    }


def test_only_the_oracle_leaves_foreign_keys_to_the_storage_engine(
    mysql_server: Server, mysql_server_native_fk: Server
) -> None:
    name = "innodb_native_foreign_keys"
    ours, oracle = variables(mysql_server, name), variables(mysql_server_native_fk, name)
    # Below MySQL 9.6 the option does not exist, and the storage engine is all there is.
    assert (ours, oracle) in [({name: "OFF"}, {name: "ON"}), ({}, {})]
