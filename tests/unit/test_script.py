"""The plain script that needs no Python."""

import pytest

from deletion_jobs import migrations, queries, script, statements
from deletion_jobs.checks import UsersKey
from deletion_jobs.errors import UsageError
from deletion_jobs.sources import ENGINES, Engine

NO_KEY = UsersKey(None, is_explicit=True)


def test_values_are_written_so_that_they_stay_values() -> None:
    assert queries.filled("SELECT %(a)s, 5 %% 2", {"a": "it's"}) == "SELECT 'it''s', 5 % 2"
    assert queries.filled("CALL x(%(a)s)", {"a": None}) == "CALL x(NULL)"
    with pytest.raises(ValueError, match="backslash"):
        queries.filled("SELECT %(a)s", {"a": "\\'; DROP TABLE users; -- "})


@pytest.mark.parametrize("engine", ENGINES)
def test_the_script_checks_first_and_marks_last(engine: Engine) -> None:
    text = script.write(engine, UsersKey("people", "person_id"))
    order = [
        text.index("'people'"),
        text.index("CREATE TABLE IF NOT EXISTS _yoyo_migration"),
        text.index("schema/"),
        text.rindex("CALL link_deletion_users('people', 'person_id');"),
        *(text.rindex(f"'{name}'") for name in migrations.names(engine)),
    ]
    assert order == sorted(order)
    assert "%(" not in text


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_key_nothing_is_asked_of_users(engine: Engine) -> None:
    text = script.write(engine, NO_KEY)
    assert "CALL link_deletion_users(" not in text.split("schema/", 1)[1].rsplit("-- <<<", 1)[1]
    assert "users_column" not in text.split("_yoyo_log")[0]


def test_the_script_of_postgresql_is_one_transaction() -> None:
    lines = script.write("postgres", NO_KEY, schema="side").splitlines()
    assert lines.count("BEGIN;") == 1
    assert lines.count("COMMIT;") == 1
    assert lines[-1] == "COMMIT;"
    assert any("quote_ident('side')" in line for line in lines[: lines.index("BEGIN;")])


def test_the_script_of_mysql_can_be_split() -> None:
    assert len(list(statements.split(script.write("mysql", NO_KEY)))) > 50


@pytest.mark.parametrize("engine", ENGINES)
def test_an_upgrade_leaves_out_what_is_there(engine: Engine) -> None:
    last = migrations.names(engine)[-1]
    text = script.write(engine, NO_KEY, after=last)
    assert ">>>" not in text
    with pytest.raises(UsageError, match="is no migration"):
        script.write(engine, NO_KEY, after="0000_nothing")


def test_mysql_has_no_schema_beside_the_database() -> None:
    with pytest.raises(UsageError, match="--schema is for PostgreSQL"):
        script.write("mysql", NO_KEY, schema="side")
