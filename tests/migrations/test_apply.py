"""Installing: what is checked first, what it makes, and that any moment is a good one for it."""

import json
import re
from typing import Any

import psycopg
import pytest

from deletion_jobs import checks, migrations, sources
from deletion_jobs.errors import FindingError
from tests.migrations.places import Place

USERS_KEY = {
    "postgres": "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'fk_dj_user'",
    "mysql": "SELECT concat(referenced_table_name, '.', referenced_column_name)"
    " FROM information_schema.key_column_usage"
    " WHERE table_schema = database() AND constraint_name = 'fk_dj_user'",
}


def users_key(place: Place) -> str | None:
    """Tell where the key to users points to, as the engine writes it."""
    rows = place.execute(USERS_KEY[place.engine])
    return str(rows[0][0]) if rows else None


def status(place: Place) -> Any:
    done = place.run("status", "--json")
    return json.loads(done.stdout)


def test_apply_installs_everything_and_finds_nothing_to_do_afterwards(with_users: Place) -> None:
    names = migrations.names(with_users.engine)
    assert f": {', '.join(names)}, key to users" in with_users.ok("apply")
    state = status(with_users)
    assert state["is_current"]
    assert [entry["migration"] for entry in state["applied"]] == names
    assert state["users_key"] == "users(id)"
    before = with_users.whole(ledger=True)
    assert "nothing to do" in with_users.ok("apply")
    assert with_users.whole(ledger=True) == before
    assert "no findings" in with_users.ok("verify")


def test_a_missing_table_of_users_stops_before_anything_changes(place: Place) -> None:
    before = place.whole(ledger=True)
    done = place.run("apply")
    assert done.exit_code == 1
    for option in ("--users-table", "--users-column", "--no-users-key"):
        assert option in done.stderr
    assert "users(id)" in done.stderr
    assert place.whole(ledger=True) == before


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("id varchar(20) PRIMARY KEY", "not"),
        ("id decimal(20, 0) PRIMARY KEY", "not"),
        ("id {} NOT NULL", "no unique key"),
        ("id {} NOT NULL, b int NOT NULL, PRIMARY KEY (id, b)", "no unique key"),
        ("user_id {} PRIMARY KEY", "no table users(id)"),
    ],
)
def test_users_that_do_not_fit_stop_before_anything_changes(
    place: Place, columns: str, message: str
) -> None:
    fitting = {"postgres": "bigint", "mysql": "BIGINT UNSIGNED"}[place.engine]
    place.execute(f"CREATE TABLE users ({columns.format(fitting)})")
    before = place.whole(ledger=True)
    done = place.run("apply")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "--no-users-key" in done.stderr
    assert place.whole(ledger=True) == before


def test_mysql_refuses_signed_users(mysql_place: Place) -> None:
    mysql_place.execute("CREATE TABLE users (id BIGINT PRIMARY KEY)")
    done = mysql_place.run("apply")
    assert done.exit_code == 1
    assert "BIGINT UNSIGNED" in done.stderr


def test_another_table_and_column_may_hold_the_users(place: Place) -> None:
    number = {"postgres": "bigint", "mysql": "BIGINT UNSIGNED"}[place.engine]
    place.execute(f"CREATE TABLE people (person_no {number} PRIMARY KEY)")
    place.ok("apply", "--users-table", "people", "--users-column", "person_no")
    assert "people" in (users_key(place) or "")
    assert "person_no" in (users_key(place) or "")
    assert "nothing to do" in place.ok("apply")
    assert "people" in (users_key(place) or "")


def test_the_key_may_be_left_out_and_added_later_and_dropped_again(place: Place) -> None:
    place.ok("apply", "--no-users-key")
    assert users_key(place) is None
    assert "nothing to do" in place.ok("apply")
    assert place.run("apply", "--users-table", "users").exit_code == 1
    place.add_users()
    assert "users(id)" in place.ok("apply", "--users-table", "users")
    assert "users" in (users_key(place) or "")
    assert "nothing to do" in place.ok("apply", "--users-table", "users")
    assert "none" in place.ok("apply", "--no-users-key")
    assert users_key(place) is None


def test_options_that_exclude_each_other_are_wrong_usage(place: Place) -> None:
    done = place.run("apply", "--no-users-key", "--users-table", "users")
    assert done.exit_code == 2


def test_an_old_server_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.OLDEST, place.engine, 990000)
    before = place.whole(ledger=True)
    done = place.run("apply", "--no-users-key")
    assert done.exit_code == 1
    assert "too old" in done.stderr
    assert place.whole(ledger=True) == before


def test_a_schema_of_any_name_can_be_named(postgres_place: Place) -> None:
    postgres_place.execute('CREATE SCHEMA "Side; Schema"')
    postgres_place.ok("apply", "--no-users-key", "--schema", "Side; Schema")
    assert postgres_place.ok("verify", "--schema", "Side; Schema")
    assert (
        postgres_place.value(
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'deletion%'"
            " AND relnamespace <> '\"Side; Schema\"'::regnamespace"
        )
        == 0
    )
    done = postgres_place.run("apply", "--no-users-key", "--schema", "nowhere")
    assert done.exit_code == 1
    assert "--schema" in done.stderr


def test_two_schemas_of_one_database_hold_two_installations(postgres_place: Place) -> None:
    postgres_place.execute("CREATE SCHEMA one; CREATE SCHEMA two")
    for schema in ("one", "two"):
        postgres_place.ok("apply", "--no-users-key", "--schema", schema)
    before = {k: v for k, v in postgres_place.whole().items() if "one." in f"{k}"}
    postgres_place.ok("rollback", "--yes", "--schema", "two")
    assert {k: v for k, v in postgres_place.whole().items() if "one." in f"{k}"} == before
    postgres_place.ok("verify", "--schema", "one")


def test_without_rights_nothing_is_begun(place: Place) -> None:
    account = f"{place.database}_u"
    if place.engine == "postgres":
        place.execute(f"CREATE ROLE {account} LOGIN PASSWORD 'x'")
    else:
        place.execute(
            f"CREATE USER {account} IDENTIFIED BY 'x'; GRANT ALL ON {place.database}.* TO {account}"
        )
    try:
        before = place.whole(ledger=True)
        url = place.server.url_of(place.database, account, "x")
        done = place.run("apply", "--no-users-key", url=url)
        assert done.exit_code == 1
        assert "deletion-jobs sql" in done.stderr
        assert place.whole(ledger=True) == before
    finally:
        place.execute(
            f"DROP ROLE {account}" if place.engine == "postgres" else f"DROP USER {account}"
        )


def test_a_member_of_the_owner_installs_without_being_superuser(postgres_place: Place) -> None:
    """The DBA has made the roles beforehand, and lets the owner of the database be the owner."""
    account = f"{postgres_place.database}_u"
    roles = sources.read("schema/postgres/roles.sql").text
    postgres_place.execute(
        f"CREATE ROLE {account} LOGIN PASSWORD 'x'; CREATE SCHEMA app AUTHORIZATION {account};"
        f" SET search_path = app; {roles}; GRANT deletion_jobs_owner TO {account}"
    )
    try:
        url = postgres_place.server.url_of(postgres_place.database, account, "x")
        postgres_place.execute("CREATE TABLE app.users (id bigint PRIMARY KEY)")
        postgres_place.execute(f"ALTER TABLE app.users OWNER TO {account}")
        postgres_place.ok("apply", "--schema", "app", url=url)
        postgres_place.ok("verify", "--schema", "app", url=url)
        postgres_place.ok("rollback", "--yes", "--schema", "app", url=url)
    finally:
        postgres_place.execute(f"DROP OWNED BY {account}; DROP ROLE {account}")


def test_an_account_with_a_quote_in_its_name_installs(mysql_place: Place) -> None:
    account = f"o'{mysql_place.database}"
    mysql_place.execute(
        f'CREATE USER "{account}" IDENTIFIED BY \'x\'; GRANT ALL ON *.* TO "{account}"'
        " WITH GRANT OPTION"
    )
    url = mysql_place.server.url_of(mysql_place.database, account, "x")
    try:
        mysql_place.ok("apply", "--no-users-key", url=url)
    finally:
        mysql_place.execute(f'DROP USER "{account}"')


def test_an_account_that_may_not_see_what_its_roles_give_is_told_so(mysql_place: Place) -> None:
    account = f"{mysql_place.database}_u"
    mysql_place.execute(
        f"CREATE ROLE {account}_r; GRANT CREATE USER, SET_ANY_DEFINER ON *.* TO {account}_r;"
        f" GRANT ALL ON {mysql_place.database}.* TO {account}_r;"
        f" CREATE USER {account} IDENTIFIED BY 'x' DEFAULT ROLE {account}_r"
    )
    url = mysql_place.server.url_of(mysql_place.database, account, "x")
    try:
        done = mysql_place.run("apply", "--no-users-key", url=url)
        assert done.exit_code == 1
        assert "may not see which rights its roles give it" in done.stderr
        assert "GRANT SELECT ON mysql.* TO it" in done.stderr
    finally:
        mysql_place.execute(f"DROP USER {account}; DROP ROLE {account}_r")


# What the first account of a managed server holds, by a role as on some of them; no SUPER.
MANAGED = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER,"
    " SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE,"
    " REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER,"
    " EVENT, TRIGGER, CREATE ROLE, DROP ROLE, ROLE_ADMIN, SET_ANY_DEFINER,"
    # Other tests have installed on this server: CREATE USER IF NOT EXISTS asks for it then (4006).
    " ALLOW_NONEXISTENT_DEFINER"
)


def test_an_account_that_holds_its_rights_by_a_role_installs_without_super(
    mysql_place: Place,
) -> None:
    account = f"{mysql_place.database}_u"
    mysql_place.execute(
        f"CREATE ROLE {account}_r; GRANT {MANAGED} ON *.* TO {account}_r WITH GRANT OPTION;"
        f" CREATE USER {account} IDENTIFIED BY 'x' DEFAULT ROLE {account}_r"
    )
    url = mysql_place.server.url_of(mysql_place.database, account, "x")
    try:
        before = mysql_place.whole(ledger=True)
        done = mysql_place.run("apply", "--no-users-key", url=url)
        assert done.exit_code == 1
        assert "log_bin_trust_function_creators" in done.stderr
        assert mysql_place.whole(ledger=True) == before

        mysql_place.execute("SET GLOBAL log_bin_trust_function_creators = 1")
        mysql_place.ok("apply", "--no-users-key", url=url)
        mysql_place.ok("verify", url=url)
        mysql_place.ok("rollback", "--yes", url=url)
    finally:
        mysql_place.execute(
            "SET GLOBAL log_bin_trust_function_creators = 0;"
            f" DROP USER {account}; DROP ROLE {account}_r"
        )


def test_a_standby_or_read_only_server_is_refused(place: Place) -> None:
    found = {
        "is_standby": True,
        "may_make_roles": True,
        "may_become_owner": True,
        "user_name": "u",
        "schema_name": "s",
    }
    with pytest.raises(FindingError, match="only reads"):
        checks.may_install(None, found)  # type: ignore[arg-type]


def test_errors_of_the_database_end_with_3_and_their_state(place: Place) -> None:
    done = place.run("status", url=place.server.url_of("no_such_database"))
    assert done.exit_code == 3
    assert re.search(r"error (3D000|42000 \(1049\))", done.stderr)
    assert "to do: " in done.stderr


def test_the_owner_keeps_no_right_to_create(postgres_place: Place) -> None:
    postgres_place.ok("apply", "--no-users-key")
    assert not postgres_place.value(
        "SELECT has_schema_privilege('deletion_jobs_owner', 'public', 'CREATE')"
    )
    owners = postgres_place.execute(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE '%deletion%'"
        " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname LIKE '%deletion%'"
    )
    assert owners == [("deletion_jobs_owner",)]


def test_a_hostile_search_path_changes_nothing(postgres_place: Place) -> None:
    """What another user has put into a schema before ours is not used."""
    postgres_place.execute(
        "CREATE SCHEMA evil; CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql"
        " AS 'SELECT NULL::timestamptz';"
        f" ALTER DATABASE {postgres_place.database} SET search_path = public, evil, pg_catalog"
    )
    postgres_place.ok("apply", "--no-users-key")
    with psycopg.connect(postgres_place.url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT unnest(proconfig) FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
        ).fetchall()
    paths = {str(setting) for (setting,) in rows if str(setting).startswith("search_path=")}
    assert paths == {"search_path=public, pg_temp"}
