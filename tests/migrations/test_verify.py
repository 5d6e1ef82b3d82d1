"""What differs between a server and the files is named; nothing else is."""

import json
from collections.abc import Iterator

import pytest

from deletion_jobs import migrations, sources
from tests.migrations.places import Place


@pytest.fixture
def installed(place: Place) -> Place:
    """A database with everything installed and without findings."""
    place.ok("apply", "--no-users-key")
    place.ok("verify")
    return place


def findings(place: Place, *options: str, url: str | None = None) -> list[str]:
    """Verify; give the findings, and hold the exit code to them."""
    done = place.run("verify", "--json", *options, url=url)
    found: list[str] = json.loads(done.stdout)["findings"]
    assert done.exit_code == (1 if found else 0)
    return found


CHANGES = {
    "a column more": (
        "ALTER TABLE deletion_marks ADD COLUMN note int",
        "ALTER TABLE deletion_marks ADD COLUMN note INT",
        "column deletion_marks.note: not in the files",
    ),
    "a column less": (
        "ALTER TABLE deletion_walk_keys DROP COLUMN keys",
        "ALTER TABLE deletion_walk_keys DROP COLUMN `keys`",
        "column deletion_walk_keys.keys: missing",
    ),
    "another type": (
        "ALTER TABLE deletion_walk_keys ALTER COLUMN edge_no TYPE bigint",
        "ALTER TABLE deletion_walk_keys MODIFY edge_no BIGINT NULL",
        "column deletion_walk_keys.edge_no: is '",
    ),
    "a lost index": (
        "DROP INDEX idx_dj_created_by",
        "DROP INDEX idx_dj_created_by ON deletion_jobs",
        "index deletion_jobs.idx_dj_created_by: missing",
    ),
    "a lost table": (
        "DROP TABLE deletion_walk_keys",
        "DROP TABLE deletion_walk_keys",
        "table deletion_walk_keys: missing",
    ),
    "a lost routine": (
        "DROP ROUTINE cancel_deletion",
        "DROP PROCEDURE cancel_deletion",
        "routine cancel_deletion",
    ),
    "a missing grant": (
        "REVOKE EXECUTE ON ROUTINE cancel_deletion FROM deletion_jobs_app",
        "REVOKE EXECUTE ON PROCEDURE cancel_deletion FROM 'deletion_jobs_app'",
        "grant",
    ),
    "a lost view": (
        "DROP VIEW vw_deletion_receipts",
        "DROP VIEW vw_deletion_receipts",
        "view vw_deletion_receipts: missing",
    ),
    "a changed view": (
        "CREATE OR REPLACE VIEW vw_deletion_jobs_status AS SELECT status, count(*) AS jobs,"
        " min(finished_at) AS last_finished FROM deletion_jobs GROUP BY status",
        "ALTER ALGORITHM = TEMPTABLE SQL SECURITY INVOKER VIEW vw_deletion_jobs_status AS"
        " SELECT status, count(*) AS jobs, min(finished_at) AS last_finished FROM deletion_jobs"
        " GROUP BY status",
        "definition vw_deletion_jobs_status: changed",
    ),
    "a trigger": (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        " CREATE TRIGGER t BEFORE DELETE ON deletion_jobs FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TRIGGER t BEFORE DELETE ON deletion_jobs FOR EACH ROW SET @x = 1",
        "trigger deletion_jobs.t: not in the files",
    ),
    "a key to another name": (
        "ALTER TABLE deletion_jobs DROP CONSTRAINT uq_deletion_jobs",
        "ALTER TABLE deletion_jobs DROP INDEX uq_deletion_jobs",
        "index deletion_jobs.uq_deletion_jobs: missing",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_on_the_server_is_named(installed: Place, what: str) -> None:
    postgres, mysql, expected = CHANGES[what]
    installed.execute(postgres if installed.engine == "postgres" else mysql)
    found = findings(installed)
    assert any(finding.startswith(expected) for finding in found), found
    if what == "a missing grant":
        assert any("cancel_deletion" in f and "deletion_jobs_app" in f for f in found)


def test_a_routine_changed_on_the_server_is_named_with_its_file(installed: Place) -> None:
    source = next(s for s in sources.read_all(installed.engine) if s.name == "cancel_deletion")
    changed = source.text.replace("BEGIN\n", "BEGIN\n    -- changed here\n", 1)
    assert changed != source.text
    if installed.engine == "postgres":
        installed.execute(f"SET search_path = public, pg_temp; SET ROLE deletion_jobs_owner;"
                          f" RESET ROLE; {changed}")  # fmt: skip
    else:
        assert installed.pipe(changed).returncode == 0
    found = findings(installed)
    assert f"routine cancel_deletion: differs from {source.path}" in found


def test_a_right_of_everybody_is_named(postgres_place: Place) -> None:
    postgres_place.ok("apply", "--no-users-key")
    postgres_place.execute("GRANT EXECUTE ON ROUTINE cancel_deletion TO PUBLIC")
    (finding,) = findings(postgres_place)
    assert finding.startswith("grant cancel_deletion(")
    assert "to public: not in the files (execute)" in finding


def test_a_renamed_schema_is_named(postgres_place: Place) -> None:
    postgres_place.execute("CREATE SCHEMA one")
    postgres_place.ok("apply", "--no-users-key", "--schema", "one")
    postgres_place.execute("ALTER SCHEMA one RENAME TO two")
    found = findings(postgres_place, "--schema", "two")
    assert "schema two: its routines still look into one; rename it back" in found


def test_a_migration_that_is_not_applied_is_named(place: Place) -> None:
    names = migrations.names(place.engine)
    assert findings(place) == [f"migration {name}: not applied" for name in names]


def test_a_file_changed_after_its_release_is_named(
    installed: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"migrations/{installed.engine}/{migrations.FIRST}/apply.sql"
    monkeypatch.setattr(migrations, "released", lambda _base=None: {path: "0" * 64})
    assert f"{path}: changed after its release" in findings(installed)


def test_a_newer_schema_than_the_tool_is_named(installed: Place) -> None:
    installed.execute(
        "INSERT INTO _yoyo_migration (migration_hash, migration_id)"
        " VALUES ('h', '0099_change_deletion_jobs')"
    )
    (finding,) = findings(installed)
    assert "0099_change_deletion_jobs" in finding
    done = installed.run("apply")
    assert done.exit_code == 3
    assert "JD012" in done.stderr


@pytest.fixture
def reader(installed: Place) -> Iterator[str]:
    """The URL of an account that may read and nothing else."""
    account = f"{installed.database}_r"
    if installed.engine == "postgres":
        installed.execute(
            f"CREATE ROLE {account} LOGIN PASSWORD 'x' IN ROLE"
            " pg_read_all_data, deletion_jobs_reader;"
            f" ALTER ROLE {account} SET default_transaction_read_only = on"
        )
    else:
        installed.execute(
            f"CREATE USER {account} IDENTIFIED BY 'x'; GRANT deletion_jobs_reader TO {account};"
            f" SET DEFAULT ROLE ALL TO {account}; GRANT SHOW_ROUTINE ON *.* TO {account};"
            f" GRANT SELECT ON mysql.* TO {account};"
            f" GRANT SELECT, SHOW VIEW, TRIGGER ON {installed.database}.* TO {account}"
        )
    yield installed.server.url_of(installed.database, account, "x")
    if installed.engine == "postgres":
        installed.execute(f"DROP OWNED BY {account}; DROP ROLE {account}")
    else:
        installed.execute(f"DROP USER {account}")


def test_verify_and_status_need_no_rights_to_write(installed: Place, reader: str) -> None:
    done = installed.run("verify", url=reader)
    assert done.exit_code == 0, done.output
    assert "note" not in done.stderr
    assert json.loads(installed.ok("status", "--json", url=reader))["is_current"]


def test_what_an_account_may_not_see_is_noted_and_not_guessed(mysql_place: Place) -> None:
    mysql_place.ok("apply", "--no-users-key")
    account = f"{mysql_place.database}_r"
    mysql_place.execute(
        f"CREATE USER {account} IDENTIFIED BY 'x';"
        f" GRANT SELECT, EXECUTE ON {mysql_place.database}.* TO {account}"
    )
    try:
        url = mysql_place.server.url_of(mysql_place.database, account, "x")
        done = mysql_place.run("verify", url=url)
        assert done.exit_code == 0, done.output
        assert "grants: not checked" in done.stderr
        assert "SHOW_ROUTINE" in done.stderr
        assert "SHOW VIEW" in done.stderr
    finally:
        mysql_place.execute(f"DROP USER {account}")
