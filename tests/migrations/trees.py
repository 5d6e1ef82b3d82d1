"""Copies of the project: an earlier release of it, or one with a made-up next migration."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from deletion_jobs import migrations, sources
from deletion_jobs.sources import ENGINES, Engine

# What a made-up migration does to a table by hand. Each statement can be run again: MySQL has no
# ADD COLUMN IF NOT EXISTS.
_GUARDED = """\
SET @dj_sql = if(
    {condition} (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE c.table_schema = database() AND c.table_name = 'deletion_slots'
        AND c.column_name = 'note'
    ),
    'ALTER TABLE deletion_slots {change}',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
"""
_BY_HAND = {
    ("postgres", "apply"): "ALTER TABLE deletion_slots ADD COLUMN note text;\n",
    ("postgres", "rollback"): "ALTER TABLE deletion_slots DROP COLUMN note;\n",
    ("mysql", "apply"): _GUARDED.format(
        condition="NOT EXISTS", change="ADD COLUMN note TEXT NULL AFTER jobs_claimed"
    ),
    ("mysql", "rollback"): _GUARDED.format(condition="EXISTS", change="DROP COLUMN note"),
}
_LAST_COLUMN = {"postgres": "    session_id bigint", "mysql": "    session_id BIGINT"}
_COLUMN = {"postgres": "note text", "mysql": "note TEXT NULL"}


class Tree:
    """A copy of the project that a test may change and release."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("schema", "procedures", "migrations"):
            shutil.copytree(sources.root() / name, root / name)

    def release(self) -> None:
        """Freeze all migrations, as a release does."""
        migrations.freeze(self.root)

    def keep(self, names: Sequence[str]) -> None:
        """Leave nothing but these migrations: an earlier release."""
        for engine in ENGINES:
            for migration in migrations.read_all(engine, self.root):
                if migration.name not in names:
                    shutil.rmtree(self.root / migration.folder)
                    (self.root / migration.files[0]).unlink()
        sums = self.root / migrations.RELEASED
        kept = [
            line
            for line in sums.read_text(encoding="utf-8").splitlines(keepends=True)
            if any(f"/{name}" in line for name in names)
        ]
        sums.write_text("".join(kept), encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the first place of a text in a file."""
        file = self.root / path
        text = file.read_text(encoding="utf-8")
        assert old in text, path
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def add_change(self, said: str) -> None:
        """Make the next migration of one changed routine."""
        self.release()
        for engine in ENGINES:
            cancel = f"procedures/{engine}/api/cancel_deletion.sql"
            self.edit(cancel, "BEGIN\n", f"BEGIN\n    -- {said}\n")
        migrations.write(self.root, "change_deletion_verbs")

    def add_migration(self, verb_object: str = "change_deletion_slots") -> str:
        """Make the next migration; give its name.

        It changes a routine, adds one that a changed view uses, and adds a column by hand.
        """
        self.release()
        for engine in ENGINES:
            self._change(engine)
        migrations.write(self.root, verb_object)
        name = migrations.names("mysql", self.root)[-1]
        for engine in ENGINES:
            self._write_by_hand(engine, name)
        migrations.write(self.root)
        assert migrations.check(self.root) == []
        for engine in ENGINES:
            for what in ("apply", "rollback"):
                file = self.root / f"migrations/{engine}/{name}/{what}.sql"
                assert _BY_HAND[engine, what] in file.read_text(encoding="utf-8")
        return name

    def _change(self, engine: Engine) -> None:
        cancel = f"procedures/{engine}/api/cancel_deletion.sql"
        self.edit(cancel, "BEGIN\n", "BEGIN\n    -- changed in the next version\n")
        setting = self.root / f"procedures/{engine}/planner/deletion_setting_int.sql"
        text = setting.read_text(encoding="utf-8")
        setting.with_name("deletion_tuned.sql").write_text(
            text.replace("deletion_setting_int", "deletion_tuned"), encoding="utf-8"
        )
        order = self.root / f"procedures/{engine}/install.order"
        order.write_text(f"{order.read_text()}planner/deletion_tuned.sql\n", encoding="utf-8")
        self.edit(
            f"schema/{engine}/views/vw_deletion_receipts.sql",
            "    r.action,\n",
            "    deletion_tuned('batch_rows') AS batch_rows,\n    r.action,\n",
        )
        last = _LAST_COLUMN[engine]
        self.edit(
            f"schema/{engine}/tables/deletion_slots.sql", last, f"    {_COLUMN[engine]},\n{last}"
        )

    def _write_by_hand(self, engine: Engine, name: str) -> None:
        folder = f"migrations/{engine}/{name}"
        same = f"-- === schema/{engine}/tables/deletion_slots.sql"
        self.edit(f"{folder}/apply.sql", same, f"{_BY_HAND[engine, 'apply']}\n{same}")
        drop = "-- >>> drop\n"
        self.edit(f"{folder}/rollback.sql", drop, f"{_BY_HAND[engine, 'rollback']}\n{drop}")
