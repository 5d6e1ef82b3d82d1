"""The parts of the servers' module that need no server."""

import subprocess
from pathlib import Path

import pytest

from deletion_jobs import servers
from deletion_jobs.servers import Server, ServerError

ROOT = Path(__file__).resolve().parents[2]
DEBIAN_SUITES = {"bookworm", "trixie", "sid"}


def test_url_of_another_database_keeps_the_login_and_quotes_what_needs_it() -> None:
    server = Server("mysql", "mysql://root:p%40ss%2Fword@127.0.0.1:4406/")
    assert server.password == "p@ss/word"
    assert server.url_of("shop") == "mysql://root:p%40ss%2Fword@127.0.0.1:4406/shop"
    assert server.url_of("a b", "app", "x:y") == "mysql://app:x%3Ay@127.0.0.1:4406/a%20b"
    assert server.url_of("shop", "app", "") == "mysql://app@127.0.0.1:4406/shop"


def test_a_server_named_by_its_url_cannot_be_killed() -> None:
    server = Server("postgres", "postgresql://postgres:x@127.0.0.1:5432/postgres")
    with pytest.raises(ServerError, match="named by its URL"):
        server.kill()


def test_settings_become_options_of_the_servers_command_line() -> None:
    mysql = servers.settings("mysql")
    assert "--binlog-format=ROW" in mysql
    assert all(option.startswith("--") and "=" in option for option in mysql)
    postgres = servers.settings("postgres")
    assert postgres[0] == "postgres"
    assert postgres[1::2] == ["-c"] * (len(postgres) // 2)
    assert "shared_preload_libraries=pg_cron" in postgres


def test_each_postgres_major_has_a_debian_suite_that_the_script_can_bootstrap() -> None:
    assert set(servers.POSTGRES_SUITES) == {"15", "17", "18"}
    assert set(servers.POSTGRES_SUITES.values()) | {servers.MYSQL_SUITE} <= DEBIAN_SUITES


@pytest.mark.parametrize("script", sorted((ROOT / "tooling/setup").glob("*.sh")), ids=str)
def test_each_setup_script_parses(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_base_image_script_refuses_a_suite_that_it_does_not_know() -> None:
    script = ROOT / "tooling/setup/base-image.sh"
    done = subprocess.run(
        ["bash", str(script), "no-such-suite"], check=False, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_every_make_target_that_a_person_calls_has_a_help_line() -> None:
    done = subprocess.run(
        ["make", "--directory", str(ROOT)], check=True, capture_output=True, encoding="utf-8"
    )
    for target in ("demo", "test", "test-unit", "lint", "dev-servers", "bench", "clean"):
        assert f"\n  {target} " in done.stdout
