"""Taking everything back leaves what was there before, and forward again is as good as new."""

from click.testing import CliRunner

from deletion_jobs.cli import main
from deletion_jobs.servers import Server
from tests.database import PostgresInstallation
from tests.migrations.places import Place

ROLES = {
    "postgres": "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'deletion\\_jobs\\_%'",
    "mysql": "SELECT count(*) FROM mysql.user WHERE user LIKE 'deletion\\_jobs\\_%'",
}


def test_rollback_leaves_the_catalog_as_before_apply(with_users: Place) -> None:
    with_users.execute("CREATE TABLE deletion_notes (id int PRIMARY KEY)")
    before = with_users.whole(ledger=True)
    with_users.ok("apply")
    assert with_users.whole(ledger=True) != before
    assert "rolled back" in with_users.ok("rollback", "--yes")
    assert with_users.whole(ledger=True) == before
    assert "nothing to do" in with_users.ok("rollback", "--yes")


def test_forward_again_is_the_same_as_fresh(with_users: Place) -> None:
    with_users.ok("apply")
    fresh = with_users.whole(ledger=True)
    with_users.ok("rollback", "--yes")
    with_users.ok("apply")
    assert with_users.whole(ledger=True) == fresh
    with_users.ok("verify")


def test_without_yes_nothing_is_dropped(with_users: Place) -> None:
    with_users.ok("apply")
    before = with_users.whole(ledger=True)
    done = with_users.run("rollback")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert with_users.whole(ledger=True) == before


def test_the_schedule_goes_first_on_mysql(mysql_place: Place) -> None:
    mysql_place.ok("apply", "--no-users-key")
    mysql_place.execute("CALL start_deletion_schedule()")
    armed = "SELECT count(*) FROM information_schema.events WHERE event_schema = database()"
    assert mysql_place.value(armed) > 0
    mysql_place.ok("rollback", "--yes")
    assert mysql_place.value(armed) == 0


def test_the_schedule_goes_where_the_account_of_its_routines_is_gone(mysql_place: Place) -> None:
    """As after a dump was loaded into another server; the rollback is what one wants there."""
    mysql_place.ok("apply", "--no-users-key")
    mysql_place.execute(
        "CALL start_deletion_schedule(); DROP PROCEDURE stop_deletion_schedule;"
        " CREATE DEFINER = nobody@localhost PROCEDURE stop_deletion_schedule() DO 0"
    )
    mysql_place.ok("rollback", "--yes")
    armed = "SELECT count(*) FROM information_schema.events WHERE event_schema = database()"
    assert mysql_place.value(armed) == 0


def test_the_schedule_goes_first_on_postgres(postgres_installation: PostgresInstallation) -> None:
    with postgres_installation.beside_pg_cron() as db:
        schema, url = f"{db.home.schema}_b", db.home.server.url_of(db.home.database)
        place = ("--schema", schema, "--url", url)
        armed = f"SELECT count(*) FROM cron.job WHERE command LIKE '%{schema}.%'"

        def tool(*arguments: str) -> None:
            done = CliRunner().invoke(main, [*arguments, *place])
            assert done.exit_code == 0, done.output

        db.execute(f"CREATE SCHEMA {schema}")
        tool("apply", "--no-users-key")
        db.execute(f"CALL {schema}.start_deletion_schedule()")
        assert db.value(armed) > 0
        tool("rollback", "--yes")
        assert db.value(armed) == 0
        db.execute(f"DROP SCHEMA {schema}")


def test_a_ledger_that_others_use_stays(with_users: Place) -> None:
    with_users.ok("apply")
    with_users.execute(
        "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('h', '0001_orders')"
    )
    with_users.ok("rollback", "--yes")
    assert with_users.execute("SELECT migration_id FROM _yoyo_migration") == [("0001_orders",)]
    with_users.ok("apply")
    with_users.ok("verify")


def test_roles_that_another_database_uses_stay(place: Place) -> None:
    place.ok("apply", "--no-users-key")
    other = Place(place.engine, place.server, f"{place.database}_b")
    place.execute(f"CREATE DATABASE {other.database}")
    try:
        other.ok("apply", "--no-users-key")
        other.ok("rollback", "--yes")
        assert place.value(ROLES[place.engine]) == 5
        place.ok("verify")
    finally:
        place.execute(f"DROP DATABASE {other.database}")


def _clean(place: Place) -> None:
    """Remove the roles that other tests have left on a server of its own."""
    if place.engine == "mysql":
        for user, host in place.execute(
            "SELECT user, host FROM mysql.user WHERE user LIKE 'deletion\\_jobs\\_%'"
        ):
            place.execute(f"DROP USER '{user}'@'{host}'")
        return
    for (name,) in place.execute("SELECT datname FROM pg_database WHERE datallowconn"):
        url = place.server.url_of(name)
        for (role,) in place.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'deletion\\_jobs\\_%'"
        ):
            place.execute(f"DROP OWNED BY {role} CASCADE", url=url)
    for (role,) in place.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'deletion\\_jobs\\_%'"
    ):
        place.execute(f"DROP ROLE {role}")


def _roles_come_and_go(place: Place) -> None:
    _clean(place)
    place.ok("apply", "--no-users-key")
    assert place.value(ROLES[place.engine]) == 5
    place.ok("rollback", "--yes")
    assert place.value(ROLES[place.engine]) == 0


def test_roles_that_we_made_go_on_mysql(breakable_mysql_server: Server) -> None:
    admin = Place("mysql", breakable_mysql_server, "")
    # Roles belong to the whole server: installations of earlier tests would keep them.
    for (name,) in admin.execute("SHOW DATABASES"):
        if name not in ("mysql", "information_schema", "performance_schema", "sys"):
            admin.execute(f"DROP DATABASE `{name}`")
    admin.execute("CREATE DATABASE djm_roles")
    try:
        _roles_come_and_go(Place("mysql", breakable_mysql_server, "djm_roles"))
    finally:
        admin.execute("DROP DATABASE djm_roles")


def test_roles_that_we_made_go_on_postgresql(breakable_postgres_server: Server) -> None:
    admin = Place("postgres", breakable_postgres_server, "postgres")
    admin.execute("CREATE DATABASE djm_roles")
    try:
        _roles_come_and_go(Place("postgres", breakable_postgres_server, "djm_roles"))
    finally:
        admin.execute("DROP DATABASE djm_roles WITH (FORCE)")


def test_roles_that_the_dba_made_stay(breakable_postgres_server: Server) -> None:
    admin = Place("postgres", breakable_postgres_server, "postgres")
    admin.execute("CREATE DATABASE djm_roles")
    place = Place("postgres", breakable_postgres_server, "djm_roles")
    try:
        _clean(place)
        place.execute("CREATE ROLE deletion_jobs_reader")
        place.ok("apply", "--no-users-key")
        place.ok("rollback", "--yes")
        assert place.execute(
            "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'deletion\\_jobs\\_%'"
        ) == [("deletion_jobs_reader",)]
        place.execute("DROP ROLE deletion_jobs_reader")
    finally:
        admin.execute("DROP DATABASE djm_roles WITH (FORCE)")
