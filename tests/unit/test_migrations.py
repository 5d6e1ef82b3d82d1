"""The generator and the checks that keep files, migrations and releases one text."""

import pytest

from deletion_jobs import migrations
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.migrations import FIRST
from deletion_jobs.sources import ENGINES
from tests.unit.conftest import Project

APPLY = f"migrations/postgres/{FIRST}/apply.sql"
ROLLBACK = f"migrations/postgres/{FIRST}/rollback.sql"
DO = "procedures/postgres/api/do_deletion.sql"
SECOND = "0002_change_deletion_things"


def block(text: str, head: str) -> str:
    """Give what stands between the markers of a head."""
    found = [part.text for part in migrations.blocks(text) if part.head == head]
    assert len(found) == 1, f"{len(found)} blocks named {head}"
    return found[0]


def released(project: Project) -> None:
    migrations.write(project.root)
    migrations.freeze(project.root)


def test_the_first_migration_holds_every_file_verbatim_and_in_order(project: Project) -> None:
    changed = migrations.write(project.root)
    assert len(changed) == 6
    text = project.text(APPLY)
    heads = [b.head for b in migrations.blocks(text) if b.head.startswith(("schema", "proc"))]
    assert heads == [
        "schema/postgres/roles.sql",
        "schema/postgres/tables/deletion_things.sql",
        DO,
        "procedures/postgres/worker/deletion_work.sql",
        "schema/postgres/views/vw_deletion_things.sql",
    ]
    for head in heads:
        assert block(text, head) == project.text(head)


def test_writing_again_changes_nothing(project: Project) -> None:
    migrations.write(project.root)
    before = project.everything()
    assert migrations.write(project.root) == []
    assert project.everything() == before


def test_the_first_rollback_drops_everything_in_reverse(project: Project) -> None:
    migrations.write(project.root)
    assert block(project.text(ROLLBACK), "drop").splitlines() == [
        "DROP VIEW IF EXISTS vw_deletion_things;",
        "DROP PROCEDURE IF EXISTS deletion_work;",
        "DROP PROCEDURE IF EXISTS do_deletion;",
        "DROP TABLE IF EXISTS deletion_things;",
    ]


def test_only_the_first_rollback_drops_the_roles(project: Project) -> None:
    released(project)
    project.edit("schema/postgres/roles.sql", "deletion_jobs_owner", "deletion_jobs_other")
    migrations.write(project.root, "change_deletion_things")
    roles = "tooling/deletion_jobs/sql/postgres/drop_roles.sql"
    assert roles in project.text(ROLLBACK)
    assert roles not in project.text(f"migrations/postgres/{SECOND}/rollback.sql")


def test_text_written_by_hand_is_kept_above_the_objects(project: Project) -> None:
    migrations.write(project.root)
    by_hand = "-- Fill what is new.\nUPDATE deletion_things SET id = id;\n"
    first = "-- >>> schema/postgres/tables/deletion_things.sql"
    project.edit(APPLY, first, f"{by_hand}\n{first}")
    assert migrations.write(project.root) == []
    project.routine("postgres", "api/do_deletion", said="two")
    assert migrations.write(project.root) == [APPLY]
    text = project.text(APPLY)
    assert text.count(by_hand) == 1
    assert text.index(by_hand) < text.index(first)


def test_check_names_the_file_and_the_object_that_differ(project: Project) -> None:
    migrations.write(project.root)
    assert migrations.check(project.root) == []
    project.routine("postgres", "api/do_deletion", said="two")
    (finding,) = migrations.check(project.root)
    assert finding.startswith(f"{APPLY}: differs in line")
    assert DO in finding
    assert "migrations write" in finding


def test_check_sees_a_migration_edited_between_its_markers(project: Project) -> None:
    migrations.write(project.root)
    project.edit(APPLY, "RAISE NOTICE 'one'", "RAISE NOTICE 'three'")
    assert [f.split(":")[0] for f in migrations.check(project.root)] == [APPLY]


def test_check_sees_a_missing_file(project: Project) -> None:
    migrations.write(project.root)
    (project.root / ROLLBACK).unlink()
    assert migrations.check(project.root) == [
        f"{ROLLBACK}: missing; run deletion-jobs migrations write"
    ]


def test_check_sees_a_file_without_a_migration(project: Project) -> None:
    migrations.write(project.root)
    project.routine("mysql", "worker/deletion_rest")
    paths = {finding.split(":")[0] for finding in migrations.check(project.root)}
    assert paths == {
        f"migrations/mysql/{FIRST}/apply.sql",
        f"migrations/mysql/{FIRST}/rollback.sql",
    }


def test_check_sees_a_released_file_that_changed(project: Project) -> None:
    released(project)
    assert migrations.check(project.root) == []
    project.edit(APPLY, "RAISE NOTICE 'one'", "RAISE NOTICE 'three'")
    assert f"{APPLY}: changed after its release" in migrations.check(project.root)


def test_check_sees_a_released_file_that_is_gone(project: Project) -> None:
    released(project)
    (project.root / ROLLBACK).unlink()
    assert migrations.check_released(project.root) == [f"{ROLLBACK}: released, and missing"]


def test_check_sees_a_released_migration_with_a_file_outside_the_release(project: Project) -> None:
    released(project)
    sums = project.text(migrations.RELEASED)
    kept = [line for line in sums.splitlines(True) if not line.endswith(f"{ROLLBACK}\n")]
    project.write(migrations.RELEASED, "".join(kept))
    assert migrations.check_released(project.root) == [f"{ROLLBACK}: not in {migrations.RELEASED}"]


def test_freeze_refuses_while_a_check_fails(project: Project) -> None:
    migrations.write(project.root)
    project.routine("postgres", "api/do_deletion", said="two")
    with pytest.raises(FindingError, match="not frozen"):
        migrations.freeze(project.root)
    assert not (project.root / migrations.RELEASED).exists()


def test_freeze_writes_the_sums_of_all_files_once(project: Project) -> None:
    migrations.write(project.root)
    assert len(migrations.freeze(project.root)) == 6
    assert migrations.freeze(project.root) == []


def test_without_a_change_no_migration_is_opened(project: Project) -> None:
    released(project)
    assert migrations.write(project.root) == []
    assert migrations.write(project.root, "change_deletion_things") == []


def test_a_change_after_the_release_asks_for_a_name(project: Project) -> None:
    released(project)
    project.routine("postgres", "api/do_deletion", said="two")
    with pytest.raises(UsageError, match="no migration is open"):
        migrations.write(project.root)
    assert migrations.check(project.root) == [
        "migrations: files changed since the release and no migration is open"
    ]


@pytest.mark.parametrize("name", ["Change", "change_things", "0002_deletion", "change deletion"])
def test_a_bad_name_is_refused(project: Project, name: str) -> None:
    released(project)
    project.routine("postgres", "api/do_deletion", said="two")
    with pytest.raises(UsageError, match="no name of a migration"):
        migrations.write(project.root, name)


def test_a_later_migration_holds_only_what_changed_and_its_rollback_the_old_text(
    project: Project,
) -> None:
    released(project)
    old = project.text(DO)
    project.routine("postgres", "api/do_deletion", said="two")
    migrations.write(project.root, "change_deletion_things")
    text = project.text(f"migrations/postgres/{SECOND}/apply.sql")
    assert block(text, DO) == project.text(DO)
    assert "deletion_work" not in text
    back = project.text(f"migrations/postgres/{SECOND}/rollback.sql")
    assert block(back, DO) == old
    assert "DROP" not in back
    for engine in ENGINES:
        assert (project.root / f"migrations/{engine}/{SECOND}.py").is_file()


def test_a_routine_with_other_parameters_is_dropped_first_on_postgresql(project: Project) -> None:
    released(project)
    project.edit(DO, "(IN p_id bigint)", "(IN p_id bigint, IN p_why text)")
    migrations.write(project.root, "change_deletion_things")
    text = project.text(f"migrations/postgres/{SECOND}/apply.sql")
    assert block(text, "drop") == "DROP PROCEDURE IF EXISTS do_deletion;\n"
    assert text.index("DROP PROCEDURE") < text.index(f">>> {DO}")
    back = project.text(f"migrations/postgres/{SECOND}/rollback.sql")
    assert back.index("DROP PROCEDURE IF EXISTS do_deletion;") < back.index(f">>> {DO}")


def test_a_new_routine_is_dropped_by_the_rollback(project: Project) -> None:
    released(project)
    project.routine("mysql", "worker/deletion_rest")
    migrations.write(project.root, "change_deletion_things")
    back = project.text(f"migrations/mysql/{SECOND}/rollback.sql")
    assert block(back, "drop") == "DROP PROCEDURE IF EXISTS deletion_rest;\n"


def test_a_file_that_is_gone_is_dropped_and_brought_back_by_the_rollback(project: Project) -> None:
    released(project)
    old = project.text(DO)
    (project.root / DO).unlink()
    migrations.write(project.root, "drop_deletion_verb")
    name = "0002_drop_deletion_verb"
    text = project.text(f"migrations/postgres/{name}/apply.sql")
    assert block(text, "drop") == f"-- {DO}\nDROP PROCEDURE IF EXISTS do_deletion;\n"
    assert block(project.text(f"migrations/postgres/{name}/rollback.sql"), DO) == old
    migrations.freeze(project.root)
    assert migrations.check(project.root) == []


def test_what_others_may_stand_on_is_dropped_after_them(project: Project) -> None:
    """On PostgreSQL a view keeps the routines that it calls, in either version of it."""
    released(project)
    view = "schema/postgres/views/vw_deletion_things.sql"
    project.routine("postgres", "worker/deletion_rest")
    project.edit(view, "SELECT", "SELECT deletion_rest(1) AS rest,")
    project.edit(DO, "(IN p_id bigint)", "(IN p_id bigint, IN p_why text)")
    (project.root / "procedures/postgres/worker/deletion_work.sql").unlink()
    migrations.write(project.root, "change_deletion_things")
    drops = {
        what: [
            line
            for line in project.text(f"migrations/postgres/{SECOND}/{what}.sql").splitlines()
            if line.startswith("DROP ")
        ]
        for what in ("apply", "rollback")
    }
    assert drops["apply"] == [
        "DROP VIEW IF EXISTS vw_deletion_things;",
        "DROP PROCEDURE IF EXISTS deletion_work;",
        "DROP PROCEDURE IF EXISTS do_deletion;",
    ]
    assert drops["rollback"] == [
        "DROP VIEW IF EXISTS vw_deletion_things;",
        "DROP PROCEDURE IF EXISTS deletion_rest;",
        "DROP PROCEDURE IF EXISTS do_deletion;",
    ]
    migrations.freeze(project.root)
    assert migrations.check(project.root) == []
    assert "deletion_work" in migrations.former_names("postgres", project.root)


def test_each_release_adds_to_the_ones_before(project: Project) -> None:
    released(project)
    wanted = [FIRST]
    for number in range(2, 5):
        project.routine("postgres", "api/do_deletion", said=f"version {number}")
        migrations.write(project.root, "change_deletion_things")
        wanted.append(f"{number:04d}_change_deletion_things")
        assert migrations.names("postgres", project.root) == wanted
        before = project.text(migrations.RELEASED)
        assert len(migrations.freeze(project.root)) == 6
        assert set(before.splitlines()) < set(project.text(migrations.RELEASED).splitlines())
        assert migrations.check(project.root) == []
        back = project.text(f"migrations/postgres/{wanted[-1]}/rollback.sql")
        said = "one" if number == 2 else f"version {number - 1}"
        assert f"RAISE NOTICE '{said}'" in back


@pytest.mark.parametrize(
    ("path", "alter"),
    [
        ("tables/deletion_things", "ALTER TABLE deletion_things ADD COLUMN note text;"),
        ("types/deletion_thing", "ALTER TYPE deletion_thing ADD ATTRIBUTE note text;"),
    ],
)
def test_a_changed_table_or_type_is_left_to_statements_by_hand(
    project: Project, path: str, alter: str
) -> None:
    made = (
        "-- deletion_thing\n-- Hold it.\n\nCREATE TYPE deletion_thing AS (id bigint PRIMARY KEY);\n"
    )
    project.write("schema/postgres/types/deletion_thing.sql", made)
    order = "schema/postgres/install.order"
    project.edit(order, "tables/", "types/deletion_thing.sql\ntables/")
    released(project)
    source = f"schema/postgres/{path}.sql"
    project.edit(source, "PRIMARY KEY", "PRIMARY KEY, note text")
    migrations.write(project.root, "change_deletion_things")
    apply = f"migrations/postgres/{SECOND}/apply.sql"
    text = project.text(apply)
    assert "CREATE T" not in text
    assert "DROP" not in text
    (line,) = (line for line in text.splitlines() if line.startswith("-- === "))
    assert line.startswith(f"-- === {source} ")
    project.edit(apply, line, f"{alter}\n\n{line}")
    migrations.write(project.root)
    assert project.text(apply).count(alter) == 1
    assert project.text(apply).count("-- === ") == 1
    migrations.freeze(project.root)
    assert migrations.check(project.root) == []
    assert migrations.write(project.root, "change_deletion_things_more") == []


def _order(text: str) -> list[str]:
    """Give the names of the objects of a migration in their order; `drop` for the drops."""
    heads = [part.head for part in migrations.blocks(text)]
    return [
        head.rpartition("/")[2].removesuffix(".sql")
        for head in heads
        if head == "drop" or head.startswith(("schema/", "procedures/"))
    ]


def test_on_mysql_nobody_who_calls_meanwhile_finds_a_callee_missing(project: Project) -> None:
    """What is new stands before what calls it, and goes when nothing does any more."""
    released(project)
    for place in ("api/do_deletion", "worker/deletion_work"):
        project.routine("mysql", place, said="two")
    project.routine("mysql", "worker/deletion_rest")
    project.table("mysql", "deletion_notes")
    project.edit("schema/mysql/views/vw_deletion_things.sql", "SELECT 1", "SELECT 2")
    migrations.write(project.root, "change_deletion_things")
    assert _order(project.text(f"migrations/mysql/{SECOND}/apply.sql")) == [
        "deletion_notes", "deletion_rest", "deletion_work", "do_deletion", "vw_deletion_things",
    ]  # fmt: skip
    path = f"migrations/mysql/{SECOND}/rollback.sql"
    assert _order(project.text(path)) == [
        "deletion_work", "do_deletion", "vw_deletion_things", "drop",
    ]  # fmt: skip
    # What the objects of before do without goes below them, and is kept there.
    above, below = "UPDATE deletion_things SET id = id;\n", "DELETE FROM deletion_things;\n"
    first = "-- >>> procedures/mysql/worker/deletion_work.sql"
    project.edit(path, first, f"{above}\n{first}")
    project.edit(path, "-- >>> drop", f"{below}\n-- >>> drop")
    assert migrations.write(project.root) == []
    project.routine("mysql", "worker/deletion_rest", said="three")
    migrations.write(project.root)
    text = project.text(path)
    assert text.count(above) == text.count(below) == 1
    assert text.index(above) < text.index(first) < text.index(below) < text.index(">>> drop")


def test_on_mysql_a_migration_names_what_it_brings_and_stops_where_others_use_it(
    project: Project,
) -> None:
    released(project)
    project.routine("mysql", "worker/deletion_rest")
    project.routine("mysql", "api/do_deletion", said="two")
    migrations.write(project.root, "change_deletion_things")
    for what in ("apply", "rollback"):
        text = project.text(f"migrations/mysql/{SECOND}/{what}.sql")
        guard = migrations.names_guard(text)
        assert "('PROCEDURE', 'deletion_rest')" in guard
        assert "do_deletion" not in guard
        assert "%(" not in guard
        assert text.index(guard) < text.index("-- >>> procedures/")
    assert migrations.names_guard(project.text(f"migrations/postgres/{SECOND}/apply.sql")) == ""


def test_on_postgresql_a_view_that_gets_columns_at_its_end_is_not_dropped(
    project: Project,
) -> None:
    view = "schema/postgres/views/vw_deletion_things.sql"
    project.edit(view, "SELECT 1", "SELECT 1 AS one")
    project.edit(view, "CREATE VIEW", "CREATE OR REPLACE VIEW")
    released(project)
    project.edit(view, "1 AS one", "(SELECT 3 AS three FROM deletion_things) AS one, 2 AS two")
    migrations.write(project.root, "change_deletion_things")
    assert "DROP" not in project.text(f"migrations/postgres/{SECOND}/apply.sql")
    back = project.text(f"migrations/postgres/{SECOND}/rollback.sql")
    assert block(back, "drop") == "DROP VIEW IF EXISTS vw_deletion_things;\n"
    project.edit(view, ") AS one", ") AS other")
    migrations.write(project.root)
    text = project.text(f"migrations/postgres/{SECOND}/apply.sql")
    assert block(text, "drop") == "DROP VIEW IF EXISTS vw_deletion_things;\n"


def test_two_open_migrations_are_an_error(project: Project) -> None:
    migrations.write(project.root)
    project.write("migrations/mysql/0002_change_deletion_x/apply.sql", "")
    with pytest.raises(FindingError, match="more than one unreleased migration"):
        migrations.write(project.root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- >>> a\n-- >>> b\n-- <<<\n", "'b' opened inside 'a'"),
        ("-- <<<\n", "closed that was not opened"),
        ("-- >>> a\n", "'a' is never closed"),
    ],
)
def test_broken_markers_are_an_error(text: str, message: str) -> None:
    with pytest.raises(FindingError, match=message):
        migrations.blocks(text)


def test_the_projects_own_migrations_are_one_text_with_its_files() -> None:
    assert migrations.check() == []
