"""A small project of its own for the tests of the generator."""

from pathlib import Path

import pytest

from deletion_jobs.sources import ENGINES, Engine

ROUTINE = {
    "postgres": """-- {name}
-- Do something for a test.
--
-- Parameters  p_id   a number
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL {name}(1);

CREATE OR REPLACE PROCEDURE {name}(IN p_id bigint)
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path FROM CURRENT
AS ${name}$
BEGIN
    RAISE NOTICE '{said}';
END;
${name}$;

COMMENT ON PROCEDURE {name}(bigint) IS 'Do something for a test.';
REVOKE ALL ON PROCEDURE {name}(bigint) FROM PUBLIC;
""",
    "mysql": """-- {name}
-- Do something for a test.
--
-- Parameters  p_id   a number
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL {name}(1);

DROP PROCEDURE IF EXISTS {name};

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE {name}(IN p_id BIGINT)
LANGUAGE SQL
NOT DETERMINISTIC
CONTAINS SQL
SQL SECURITY INVOKER
COMMENT 'Do something for a test'
BEGIN
    SET @dj_said = '{said}';
END$$
DELIMITER ;
""",
}
TABLE = """-- {name}
-- Hold something for a test.

CREATE TABLE {name} (id bigint PRIMARY KEY);
"""
ROLES = """-- roles
-- Make the roles for a test.

CREATE ROLE deletion_jobs_owner;
"""


class Project:
    """A root folder with roles, one table, one view and two routines on each engine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for engine in ENGINES:
            (root / "migrations" / engine).mkdir(parents=True)
            self.write(f"schema/{engine}/roles.sql", ROLES)
            self.table(engine, "deletion_things")
            view = (
                "-- vw_deletion_things\n-- Show.\n\nCREATE VIEW vw_deletion_things AS\nSELECT 1;\n"
            )
            self.write(f"schema/{engine}/views/vw_deletion_things.sql", view)
            self.routine(engine, "api/do_deletion")
            self.routine(engine, "worker/deletion_work")
            self.write(
                f"schema/{engine}/install.order",
                "roles.sql\ntables/deletion_things.sql\nviews/vw_deletion_things.sql\n",
            )
            self.write(
                f"procedures/{engine}/install.order",
                "# public\napi/do_deletion.sql\n\nworker/deletion_work.sql\n",
            )

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def text(self, path: str) -> str:
        """Read a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a part of a file that must be there."""
        text = self.text(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def routine(self, engine: Engine, place: str, said: str = "one") -> None:
        """Write the file of a routine, ``folder/name``."""
        name = place.rpartition("/")[2]
        self.write(f"procedures/{engine}/{place}.sql", ROUTINE[engine].format(name=name, said=said))

    def table(self, engine: Engine, name: str) -> None:
        """Write the file of a table."""
        self.write(f"schema/{engine}/tables/{name}.sql", TABLE.format(name=name))

    def everything(self) -> dict[str, str]:
        """Read all files below migrations."""
        return {
            path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted((self.root / "migrations").rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with nothing generated yet."""
    return Project(tmp_path)
