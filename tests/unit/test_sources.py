"""Reading the files that people edit."""

import pytest

from deletion_jobs import sources
from deletion_jobs.errors import FindingError
from deletion_jobs.sources import ENGINES, Source
from tests.unit.conftest import Project


def test_objects_are_made_roles_first_then_tables_routines_and_views(project: Project) -> None:
    names = [source.name for source in sources.read_all("postgres", project.root)]
    assert names == [
        "roles",
        "deletion_things",
        "do_deletion",
        "deletion_work",
        "vw_deletion_things",
    ]


def test_a_listing_tells_what_is_missing_and_what_it_lacks(project: Project) -> None:
    project.routine("mysql", "worker/deletion_rest")
    project.edit(
        "procedures/mysql/install.order", "worker/deletion_work.sql", "worker/deletion_gone.sql"
    )
    listing = sources.listing("procedures", "mysql", project.root)
    assert listing.missing == ("procedures/mysql/worker/deletion_gone.sql",)
    assert listing.unlisted == (
        "procedures/mysql/worker/deletion_rest.sql",
        "procedures/mysql/worker/deletion_work.sql",
    )


def test_the_first_block_of_the_list_is_the_public_api(project: Project) -> None:
    assert sources.public_api("postgres", project.root) == ["do_deletion"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CREATE TABLE deletion_x (id INT);", "TABLE"),
        ("CREATE TABLE IF NOT EXISTS deletion_x (id INT);", "TABLE"),
        ("CREATE UNLOGGED TABLE deletion_x (id int);", "TABLE"),
        ("CREATE OR REPLACE VIEW deletion_x AS SELECT 1;", "VIEW"),
        (
            "CREATE OR REPLACE ALGORITHM = MERGE DEFINER = 'a'@'b'"
            " SQL SECURITY INVOKER VIEW deletion_x AS SELECT 1;",
            "VIEW",
        ),
        ("CREATE DEFINER = 'a'@'localhost' PROCEDURE deletion_x() SELECT 1;", "PROCEDURE"),
        ("CREATE OR REPLACE FUNCTION deletion_x() RETURNS int", "FUNCTION"),
        ("CREATE TYPE deletion_x AS (a int);", "TYPE"),
    ],
)
def test_a_file_tells_what_it_creates(text: str, kind: str) -> None:
    assert Source("schema/x/tables/deletion_x.sql", f"-- head\n{text}\n").kind == kind


def test_a_file_that_creates_nothing_is_an_error() -> None:
    with pytest.raises(FindingError, match="no CREATE"):
        _ = Source("schema/mysql/tables/deletion_x.sql", "SELECT 1;\n").kind


def test_what_a_file_creates_is_dropped_by_its_kind() -> None:
    source = Source("procedures/x/api/deletion_x.sql", "CREATE OR REPLACE FUNCTION deletion_x()")
    assert sources.drop_statement(source) == "DROP FUNCTION IF EXISTS deletion_x;"


def test_every_file_of_the_project_creates_what_it_is_named_for() -> None:
    for engine in ENGINES:
        kinds = {source.kind for source in sources.read_all(engine)}
        assert {"ROLES", "TABLE", "PROCEDURE", "FUNCTION"} <= kinds
