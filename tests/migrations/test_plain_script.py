"""The script for a DBA without Python, piped into the engines' own clients."""

import json

from deletion_jobs import migrations, sources
from tests.migrations.places import Place


def script(place: Place, *options: str) -> str:
    return place.ok("sql", "--engine", place.engine, *options)


def test_the_script_makes_what_apply_makes(with_users: Place) -> None:
    with_users.ok("apply")
    wanted = with_users.whole(ledger=True)
    with_users.ok("rollback", "--yes")
    done = with_users.pipe(script(with_users))
    assert (done.returncode, done.stderr) == (0, "")
    assert with_users.whole(ledger=True) == wanted
    assert "no findings" in with_users.ok("verify")
    state = json.loads(with_users.ok("status", "--json"))
    assert state["is_current"]
    assert [entry["migration"] for entry in state["applied"]] == migrations.names(with_users.engine)
    assert state["users_key"] == "users(id)"
    assert "nothing to do" in with_users.ok("apply")
    with_users.ok("rollback", "--yes")


def test_the_script_stops_first_where_users_are_missing(place: Place) -> None:
    before = place.whole(ledger=True)
    done = place.pipe(script(place))
    assert done.returncode != 0
    assert "users" in done.stderr
    assert place.whole(ledger=True) == before


def test_the_script_takes_other_users_or_none(place: Place) -> None:
    place.execute({
        "postgres": "CREATE TABLE people (no bigint PRIMARY KEY)",
        "mysql": "CREATE TABLE people (no BIGINT UNSIGNED PRIMARY KEY)",
    }[place.engine])  # fmt: skip
    done = place.pipe(script(place, "--users-table", "people", "--users-column", "no"))
    assert done.returncode == 0, done.stderr
    assert json.loads(place.ok("status", "--json"))["users_key"] == "people(no)"
    place.ok("rollback", "--yes")
    done = place.pipe(script(place, "--no-users-key"))
    assert done.returncode == 0, done.stderr
    assert json.loads(place.ok("status", "--json"))["users_key"] is None


def test_a_second_run_of_the_script_breaks_nothing(place: Place) -> None:
    text = script(place, "--no-users-key")
    assert place.pipe(text).returncode == 0
    before = place.whole(ledger=True)
    done = place.pipe(text)
    assert done.returncode != 0
    assert "already" in done.stderr
    assert place.whole(ledger=True) == before
    place.ok("verify")


def _pipe_file(place: Place, name: str, what: str) -> None:
    done = place.pipe(sources.read(f"migrations/{place.engine}/{name}/{what}.sql").text)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


def test_the_files_of_the_migrations_can_be_piped_too(place: Place) -> None:
    """What a DBA sees in the folder is what runs: forward, and back again."""
    before = place.whole()
    states = [before]
    names = migrations.names(place.engine)
    for name in names:
        _pipe_file(place, name, "apply")
        states.append(place.whole())
        assert states[-1] != states[-2]
    for name in reversed(names):
        assert place.whole() == states.pop()
        _pipe_file(place, name, "rollback")
    assert place.whole() == before


def test_a_named_schema_is_the_scripts_own(postgres_place: Place) -> None:
    postgres_place.execute('CREATE SCHEMA "Side Schema"')
    text = script(postgres_place, "--no-users-key", "--schema", "Side Schema")
    done = postgres_place.pipe(text)
    assert done.returncode == 0, done.stderr
    postgres_place.ok("verify", "--schema", "Side Schema")
