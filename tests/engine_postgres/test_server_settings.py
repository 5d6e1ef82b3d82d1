"""The settings that the tests rely on, read from the server itself."""

import psycopg

from deletion_jobs.servers import Server


def test_server_has_pg_cron_plpgsql_check_and_logical_decoding(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        available = connection.execute(
            "SELECT name FROM pg_available_extensions WHERE name IN ('pg_cron', 'plpgsql_check')"
        ).fetchall()
        assert sorted(available) == [("pg_cron",), ("plpgsql_check",)]
        values = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            for name in ("wal_level", "shared_preload_libraries", "cron.use_background_workers")
        }
    assert values == {
        "wal_level": ("logical",),
        "shared_preload_libraries": ("pg_cron",),
        "cron.use_background_workers": ("on",),
    }
