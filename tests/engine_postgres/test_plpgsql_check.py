"""Every routine of ours through plpgsql_check: PostgreSQL itself looks into no body."""

from collections.abc import Iterator

import pytest

from tests.database import Database, PostgresInstallation

ROUTINES = """
    SELECT p.oid::regprocedure::text FROM pg_proc AS p
    JOIN pg_language AS l ON l.oid = p.prolang
    WHERE l.lanname = 'plpgsql' AND p.pronamespace = %s::regnamespace ORDER BY 1
"""


@pytest.fixture
def checked(postgres_installation: PostgresInstallation) -> Iterator[Database]:
    """An installation beside pg_cron, which some routines call, with plpgsql_check."""
    with postgres_installation.beside_pg_cron() as database:
        lint = f"{database.home.schema}_lint"
        database.script(
            postgres=f"CREATE SCHEMA {lint}; CREATE EXTENSION plpgsql_check SCHEMA {lint};"
            f" SET search_path = {database.home.schema}, {lint}"
        )
        yield database
        database.script(postgres=f"DROP SCHEMA {lint} CASCADE")


def findings(db: Database, routine: str) -> list[str]:
    """Give what plpgsql_check says of a routine, one line each."""
    return [
        f"{routine}: {line}"
        for line in db.column(
            "SELECT plpgsql_check_function(%s::regprocedure, fatal_errors => FALSE,"
            " extra_warnings => FALSE, performance_warnings => FALSE)",
            routine,
        )
    ]


def test_plpgsql_check_finds_nothing_in_any_routine(checked: Database) -> None:
    routines = checked.column(ROUTINES, checked.home.schema)
    assert len(routines) > 40
    assert [line for routine in routines for line in findings(checked, routine)] == []


def test_plpgsql_check_finds_what_is_wrong(checked: Database) -> None:
    checked.script(
        postgres="CREATE FUNCTION wrong() RETURNS bigint LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN (SELECT no_such_column FROM deletion_jobs); END $$"
    )
    assert any("no_such_column" in line for line in findings(checked, "wrong()"))
