"""Every way to a version ends at the same objects: fresh, upgraded, back and forward again."""

import shutil
from pathlib import Path

import pytest

from deletion_jobs import migrations, sources
from tests.migrations.places import Place

SECOND = "0002_change_deletion_slots"


class Tree:
    """A copy of the project that a test may change and release."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("schema", "procedures", "migrations"):
            shutil.copytree(sources.root() / name, root / name)
        sums = root / migrations.RELEASED
        if not sums.exists():
            migrations.freeze(root)

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert old in text, path
        file.write_text(text.replace(old, new, 1))

    def change(self, engine: str) -> None:
        """Change a routine, add one, and add a column by hand."""
        cancel = f"procedures/{engine}/api/cancel_deletion.sql"
        self.edit(cancel, "BEGIN\n", "BEGIN\n    -- changed in the second version\n")
        setting = f"procedures/{engine}/planner/deletion_setting_int.sql"
        text = (self.root / setting).read_text().replace("deletion_setting_int", "deletion_tuned")
        (self.root / f"procedures/{engine}/planner/deletion_tuned.sql").write_text(text)
        order = self.root / f"procedures/{engine}/install.order"
        order.write_text(f"{order.read_text()}planner/deletion_tuned.sql\n")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    found = Tree(tmp_path)
    monkeypatch.setattr(sources, "root", lambda: tmp_path)
    return found


def add_column(tree: Tree, engine: str) -> None:
    """Write what a changed table needs by hand, and its reverse."""
    table = f"schema/{engine}/tables/deletion_slots.sql"
    last = {"postgres": "    session_id bigint", "mysql": "    session_id BIGINT"}[engine]
    text = (tree.root / table).read_text()
    assert last in text, table
    column = {"postgres": "note text", "mysql": "note TEXT NULL"}[engine]
    tree.edit(table, last, f"    {column},\n{last}")
    migrations.write(tree.root, SECOND[5:])
    folder = tree.root / f"migrations/{engine}/{SECOND}"
    apply_text = (folder / "apply.sql").read_text()
    marker = next(line for line in apply_text.splitlines() if line.startswith("-- === "))
    guarded = {
        "postgres": "ALTER TABLE deletion_slots ADD COLUMN note text;",
        # Every statement can be run again, and MySQL has no ADD COLUMN IF NOT EXISTS.
        "mysql": (
            "SET @dj_sql = if(\n    EXISTS (\n        SELECT 1\n"
            "        FROM information_schema.columns AS c\n"
            "        WHERE c.table_schema = database() AND c.table_name = 'deletion_slots'\n"
            "        AND c.column_name = 'note'\n    ),\n    'DO 0',\n"
            "    'ALTER TABLE deletion_slots ADD COLUMN note TEXT NULL AFTER jobs_claimed'\n);\n"
            "PREPARE dj_stmt FROM @dj_sql;\nEXECUTE dj_stmt;\nDEALLOCATE PREPARE dj_stmt;"
        ),
    }[engine]
    (folder / "apply.sql").write_text(apply_text.replace(marker, f"{guarded}\n\n{marker}"))
    rollback = (folder / "rollback.sql").read_text()
    first = rollback.index("-- >>> drop")
    back = "ALTER TABLE deletion_slots DROP COLUMN note;\n\n"
    (folder / "rollback.sql").write_text(rollback[:first] + back + rollback[first:])
    migrations.write(tree.root)
    assert migrations.check(tree.root) == []
    assert back.strip() in (folder / "rollback.sql").read_text()


def without_order(whole: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Leave out the place of a column in its table, which an upgrade cannot choose everywhere."""
    return {
        key: detail.partition(" ")[2] if key[0] == "column" else detail
        for key, detail in whole.items()
    }


def test_an_upgrade_ends_as_a_fresh_installation_and_so_does_going_back_and_forward(
    with_users: Place, tree: Tree
) -> None:
    first = migrations.FIRST
    with_users.ok("apply")
    old = with_users.whole()
    tree.change(with_users.engine)
    add_column(tree, with_users.engine)
    assert SECOND in with_users.ok("apply")
    upgraded = with_users.whole()
    assert upgraded != old
    assert "nothing to do" in with_users.ok("apply")

    with_users.ok("rollback", "--yes")
    assert {k for k in with_users.whole() if "deletion" in k[1]} == set()
    done = with_users.ok("apply")
    assert first in done
    assert SECOND in done
    assert with_users.whole() == upgraded


def test_the_second_rollback_alone_leads_back_to_the_first_version(
    with_users: Place, tree: Tree
) -> None:
    with_users.ok("apply")
    old = with_users.whole()
    tree.change(with_users.engine)
    add_column(tree, with_users.engine)
    with_users.ok("apply")
    text = (tree.root / f"migrations/{with_users.engine}/{SECOND}/rollback.sql").read_text()
    done = with_users.pipe(text)
    assert done.returncode == 0, done.stderr
    assert with_users.whole() == old


def test_an_upgrade_can_be_a_plain_script_too(with_users: Place, tree: Tree) -> None:
    with_users.ok("apply")
    tree.change(with_users.engine)
    add_column(tree, with_users.engine)
    text = with_users.ok(
        "sql", "--engine", with_users.engine, "--after", migrations.FIRST, "--no-users-key"
    )
    done = with_users.pipe(text)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in with_users.ok("apply")


def test_a_table_is_the_same_upgraded_as_made_new(with_users: Place, tree: Tree) -> None:
    """The statements by hand lead to what the table's own file says."""
    with_users.ok("apply")
    tree.change(with_users.engine)
    add_column(tree, with_users.engine)
    with_users.ok("apply")
    upgraded = without_order(with_users.whole())
    with_users.ok("rollback", "--yes")
    engine = with_users.engine
    for path in (tree.root / "migrations").rglob("*"):
        if path.is_file() and path.suffix in {".sql", ".py", ".sha256"}:
            path.unlink()
    for folder in (tree.root / f"migrations/{engine}/{SECOND}", tree.root / "migrations/x"):
        if folder.is_dir():
            folder.rmdir()
    other = "mysql" if engine == "postgres" else "postgres"
    (tree.root / f"migrations/{other}/{SECOND}").rmdir()
    migrations.write(tree.root)
    with_users.ok("apply")
    assert without_order(with_users.whole()) == upgraded
