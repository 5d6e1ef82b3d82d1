"""Every way to a version ends at the same objects: fresh, upgraded, back and forward again."""

import json
import shutil

import pytest

from deletion_jobs import migrations
from tests.migrations.places import Place
from tests.migrations.trees import Tree


def test_an_upgrade_ends_as_a_fresh_installation_and_so_does_going_back_and_forward(
    with_users: Place, tree: Tree
) -> None:
    with_users.ok("apply")
    old = with_users.whole()
    name = tree.add_migration()
    assert f": {name}\n" in with_users.ok("apply")
    upgraded = with_users.whole()
    assert upgraded != old
    assert "nothing to do" in with_users.ok("apply")

    assert name in with_users.ok("rollback", "--yes")
    assert {k for k in with_users.whole() if "deletion" in k[1]} == set()
    assert f": {', '.join(migrations.names(with_users.engine))}, " in with_users.ok("apply")
    assert with_users.whole() == upgraded


def test_the_newest_rollback_alone_leads_back_to_the_version_before(
    with_users: Place, tree: Tree
) -> None:
    with_users.ok("apply")
    old = with_users.whole()
    name = tree.add_migration()
    with_users.ok("apply")
    text = (tree.root / f"migrations/{with_users.engine}/{name}/rollback.sql").read_text()
    done = with_users.pipe(text)
    assert done.returncode == 0, done.stderr
    assert with_users.whole() == old


def test_an_upgrade_can_be_a_plain_script_too(with_users: Place, tree: Tree) -> None:
    with_users.ok("apply")
    last = migrations.names(with_users.engine)[-1]
    tree.add_migration()
    text = with_users.ok("sql", "--engine", with_users.engine, "--after", last)
    done = with_users.pipe(text)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in with_users.ok("apply")
    upgraded = with_users.whole()
    with_users.ok("rollback", "--yes")
    with_users.ok("apply")
    assert with_users.whole() == upgraded


@pytest.mark.parametrize("way", ["apply", "sql"])
def test_an_upgrade_changes_the_users_key_only_where_it_is_told_to(
    with_users: Place, tree: Tree, way: str
) -> None:
    def upgrade(*options: str) -> str | None:
        last = migrations.names(with_users.engine)[-1]
        tree.add_change("changed again")
        if way == "apply":
            with_users.ok("apply", *options)
        else:
            text = with_users.ok("sql", "--engine", with_users.engine, "--after", last, *options)
            done = with_users.pipe(text)
            assert done.returncode == 0, done.stderr
        state = json.loads(with_users.ok("status", "--json"))
        assert state["is_current"]
        found: str | None = state["users_key"]
        return found

    with_users.ok("apply")
    number = {"postgres": "bigint", "mysql": "BIGINT UNSIGNED"}[with_users.engine]
    with_users.execute(f"CREATE TABLE people (no {number} PRIMARY KEY)")
    assert upgrade() == "users(id)"
    assert upgrade("--users-table", "people", "--users-column", "no") == "people(no)"
    assert upgrade() == "people(no)"
    assert upgrade("--no-users-key") is None
    assert upgrade() is None


def test_a_script_stops_first_where_it_would_bring_old_objects_back(
    with_users: Place, tree: Tree
) -> None:
    with_users.ok("apply")
    last = migrations.names(with_users.engine)[-1]
    tree.add_migration()
    before = with_users.whole(ledger=True)
    whole = with_users.ok("sql", "--engine", with_users.engine)
    done = with_users.pipe(whole)
    assert done.returncode != 0
    assert "already" in done.stderr
    assert with_users.whole(ledger=True) == before

    upgrade = with_users.ok("sql", "--engine", with_users.engine, "--after", last)
    assert with_users.pipe(upgrade).returncode == 0
    upgraded = with_users.whole(ledger=True)
    done = with_users.pipe(upgrade)
    assert done.returncode != 0
    assert "already" in done.stderr
    assert with_users.whole(ledger=True) == upgraded


def test_a_script_stops_first_where_what_it_builds_on_is_missing(place: Place, tree: Tree) -> None:
    last = migrations.names(place.engine)[-1]
    tree.add_migration()
    before = place.whole()
    done = place.pipe(place.ok("sql", "--engine", place.engine, "--after", last))
    assert done.returncode != 0
    assert "lacks what --after names" in done.stderr
    assert place.whole() == before


def test_what_is_not_begun_is_pending_and_no_half_of_it_is_here(
    with_users: Place, tree: Tree
) -> None:
    before = with_users.whole(ledger=True)
    with_users.ok("apply")
    name = tree.add_migration()
    done = with_users.run("status", "--json")
    assert done.exit_code == 1
    state = json.loads(done.stdout)
    assert (state["pending"], state["half_applied"]) == ([name], None)
    assert f"migration {name}: not applied" in with_users.run("verify").stdout
    assert name not in with_users.ok("rollback", "--yes")
    assert with_users.whole(ledger=True) == before


def test_a_ledger_with_a_hole_is_named_and_nothing_is_changed(
    with_users: Place, tree: Tree
) -> None:
    last = migrations.names(with_users.engine)[-1]
    name = tree.add_migration()
    with_users.ok("apply")
    with_users.execute(f"DELETE FROM _yoyo_migration WHERE migration_id = '{last}'")
    before = with_users.whole(ledger=True)
    done = with_users.run("apply")
    assert done.exit_code == 1
    assert f"{last} is not applied, and {name} is" in done.stderr
    assert with_users.whole(ledger=True) == before
    assert with_users.marked()[-1] == name


def test_verify_names_what_a_later_version_had_dropped(place: Place, tree: Tree) -> None:
    tree.add_migration()
    place.ok("apply", "--no-users-key")
    # Taken back in the next release, by hand on the server as well as by its migration.
    tree.release()
    for engine in ("mysql", "postgres"):
        order = f"procedures/{engine}/install.order"
        tree.edit(order, "planner/deletion_tuned.sql\n", "")
        routine = tree.root / f"procedures/{engine}/planner/deletion_tuned.sql"
        if engine == place.engine:
            text = routine.read_text()
        routine.unlink()
        view = f"schema/{engine}/views/vw_deletion_receipts.sql"
        tree.edit(view, "    deletion_tuned('batch_rows') AS batch_rows,\n", "")
    migrations.write(tree.root, "drop_deletion_tuned")
    assert "drop_deletion_tuned" in place.ok("apply")
    assert "deletion_tuned" not in place.run("verify").stdout
    assert place.pipe(text).returncode == 0
    (line,) = (
        line for line in place.run("verify").stdout.splitlines() if "routine deletion_tuned" in line
    )
    assert ": not in the files" in line


def test_a_table_is_the_same_upgraded_as_made_new(with_users: Place, tree: Tree) -> None:
    """The statements by hand lead to what the table's own file says."""
    with_users.ok("apply")
    tree.add_migration()
    with_users.ok("apply")
    upgraded = with_users.whole_but_order()
    with_users.ok("rollback", "--yes")
    for engine in ("mysql", "postgres"):
        shutil.rmtree(tree.root / f"migrations/{engine}")
        (tree.root / f"migrations/{engine}").mkdir()
    (tree.root / migrations.RELEASED).unlink()
    migrations.write(tree.root)
    with_users.ok("apply")
    assert with_users.whole_but_order() == upgraded
