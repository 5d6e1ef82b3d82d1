"""Our own rules about the SQL files; each is seen to find something."""

from collections.abc import Callable

import pytest

from deletion_jobs import lint, migrations, sources
from deletion_jobs.sources import ENGINES, Engine, Source
from tests.unit.conftest import Project

DO = {engine: f"procedures/{engine}/api/do_deletion.sql" for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


def findings(project: Project, engine: Engine, old: str = "", new: str = "") -> list[str]:
    """Lint one routine after an edit; without the path, which all findings begin with."""
    path = DO[engine]
    if old:
        project.edit(path, old, new)
    found = lint.one_file(sources.read(path, project.root), engine)
    assert all(finding.startswith(f"{path}: ") for finding in found)
    return [finding.removeprefix(f"{path}: ") for finding in found]


def test_a_good_file_has_no_findings(project: Project, engine: Engine) -> None:
    assert findings(project, engine) == []


@pytest.mark.parametrize("field", ["Parameters", "Writes", "Execute", "Example"])
def test_each_field_of_the_header_is_asked_for(
    project: Project, engine: Engine, field: str
) -> None:
    found = findings(project, engine, f"-- {field} ", "-- Nothing ")
    assert f"the header lacks '{field}'" in found


def test_a_header_says_whether_it_commits(project: Project, engine: Engine) -> None:
    assert findings(project, engine, "Commits", "Permits") == ["the header lacks 'Commits'"]


def test_a_public_routine_that_raises_names_its_errors(project: Project, engine: Engine) -> None:
    found = findings(project, engine, "'one'", "'JD001'")
    assert found == ["the header lacks 'Errors'"]


def test_a_function_names_its_result(project: Project) -> None:
    path = DO["postgres"]
    project.edit(path, "PROCEDURE do_deletion(IN p_id bigint)",
                 "FUNCTION do_deletion(IN p_id bigint)\nRETURNS bigint")  # fmt: skip
    assert "the header lacks 'Returns'" in findings(project, "postgres")


def test_the_first_line_is_the_name(project: Project, engine: Engine) -> None:
    found = findings(project, engine, "-- do_deletion\n", "-- undo_deletion\n")
    assert found == ["the first line is not '-- do_deletion'"]


def test_a_sentence_says_what_it_is_for(project: Project, engine: Engine) -> None:
    found = findings(project, engine, "Do something for a test.\n--", "Something\n--")
    assert found == ["no sentence says what it is for"]


def test_the_file_is_named_as_its_routine(project: Project, engine: Engine) -> None:
    old = "PROCEDURE do_deletion(IN"
    found = findings(project, engine, old, old.replace("do_", "undo_"))
    assert found == ["it creates undo_deletion"]


def test_parameters_begin_with_p(project: Project, engine: Engine) -> None:
    assert findings(project, engine, "(IN p_id ", "(IN id ") == [
        "parameter id does not begin with p_"
    ]


def test_locals_begin_with_v(project: Project, engine: Engine) -> None:
    declared = {
        "postgres": ("$\nBEGIN\n", "$\nDECLARE\n    total bigint;\nBEGIN\n"),
        "mysql": ("\nBEGIN\n", "\nBEGIN\n    DECLARE v_a, total BIGINT DEFAULT 0;\n"),
    }
    assert findings(project, engine, *declared[engine]) == ["total does not begin with v_"]


def test_cursors_begin_with_c(project: Project, engine: Engine) -> None:
    declared = {
        "postgres": ("$\nBEGIN\n", "$\nDECLARE\n    v_x CURSOR FOR SELECT 1;\nBEGIN\n"),
        "mysql": ("\nBEGIN\n", "\nBEGIN\n    DECLARE v_x CURSOR FOR SELECT 1;\n"),
    }
    assert findings(project, engine, *declared[engine]) == ["v_x does not begin with c_"]


def test_handlers_and_conditions_are_no_locals(project: Project) -> None:
    declared = (
        "\nBEGIN\n    DECLARE EXIT HANDLER FOR SQLEXCEPTION ROLLBACK;\n"
        "    DECLARE lost CONDITION FOR SQLSTATE 'JD010';\n"
    )
    found = findings(project, "mysql", "\nBEGIN\n", declared)
    assert found == ["the header lacks 'Errors'"]


def test_the_bodys_tag_is_the_routines_name(project: Project) -> None:
    found = findings(project, "postgres", "$do_deletion$", "$body$")
    assert "the body does not stand between two $do_deletion$" in found


def test_a_body_that_does_not_parse_is_found(project: Project) -> None:
    found = findings(project, "postgres", "RAISE NOTICE 'one';", "RAISE NOTICE 'one' IF;")
    assert len(found) == 1
    assert "syntax error" in found[0]


def test_a_statement_without_an_end_is_found(project: Project) -> None:
    found = findings(project, "mysql", "END$$", "END")
    assert any("at the end" in finding for finding in found)


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("postgres", "CREATE OR REPLACE "),
        ("postgres", "COMMENT ON "),
        ("postgres", "FROM PUBLIC;"),
        ("mysql", "DEFINER = 'deletion_jobs_owner'@'localhost'"),
        ("mysql", "COMMENT '"),
    ],
)
def test_what_keeps_a_routine_safe_is_spelled_out(
    project: Project, engine: Engine, words: str
) -> None:
    instead = {
        "CREATE OR REPLACE ": "CREATE ",
        "FROM PUBLIC;": "FROM pg_monitor;",
        "COMMENT ON ": "-- ",
        "DEFINER = 'deletion_jobs_owner'@'localhost'": "DEFINER = CURRENT_USER",
        "COMMENT '": "-- '",
    }
    found = findings(project, engine, words, instead[words])
    assert f"lacks {words.strip()}" in found


def test_whose_rights_it_runs_with_is_spelled_out(project: Project, engine: Engine) -> None:
    lines = {"postgres": "SECURITY INVOKER\n", "mysql": "SQL SECURITY INVOKER\n"}
    found = findings(project, engine, lines[engine], "")
    assert found == ["does not say SECURITY DEFINER or INVOKER"]


def test_a_definers_routine_pins_the_search_path(project: Project) -> None:
    old = "SECURITY INVOKER\nSET search_path FROM CURRENT\n"
    found = findings(project, "postgres", old, "SECURITY DEFINER\n")
    assert found == ["SECURITY DEFINER without SET search_path"]


def test_parameters_are_read_with_their_types_and_defaults() -> None:
    text = (
        "-- x\nCREATE PROCEDURE deletion_x(\n    IN p_a VARCHAR(64) COLLATE utf8_bin,  -- so, so\n"
        "    p_b numeric(12, 2) DEFAULT round(1.5, 0), OUT p_c json\n)\nLANGUAGE sql"
    )
    source = Source("procedures/x/api/deletion_x.sql", text)
    assert lint.parameters(source) == ["p_a", "p_b", "p_c"]


def test_install_order_must_be_complete(project: Project, engine: Engine) -> None:
    assert lint.orders(project.root) == []
    order = f"procedures/{engine}/install.order"
    project.routine(engine, "worker/deletion_rest")
    text = project.text(order)
    project.write(order, f"{text}worker/deletion_gone.sql\nworker/deletion_work.sql\n")
    assert lint.orders(project.root) == [
        f"{order}: procedures/{engine}/worker/deletion_gone.sql is listed and missing",
        f"{order}: procedures/{engine}/worker/deletion_rest.sql is not listed",
        f"{order}: worker/deletion_work.sql is listed 2 times",
    ]


def test_the_first_block_of_install_order_is_the_public_api(project: Project) -> None:
    order = "procedures/mysql/install.order"
    project.write(order, "worker/deletion_work.sql\n\napi/do_deletion.sql\n")
    assert lint.orders(project.root) == [
        f"{order}: worker/deletion_work.sql is in the first block, which is the public API",
        f"{order}: api/do_deletion.sql belongs to the public API, the first block",
    ]


def test_both_engines_hold_the_same_files_but_for_reasons(project: Project) -> None:
    assert lint.both_engines(project.root) == []
    project.routine("mysql", "planner/deletion_quote_name")
    path = "procedures/mysql/planner/deletion_quote_name.sql"
    assert lint.both_engines(project.root) == [
        f"{path}: postgres has no such file, and {lint.ONE_ENGINE} gives no reason"
    ]
    project.write(lint.ONE_ENGINE, f"# why\n{path}: PostgreSQL has format()\n")
    assert lint.both_engines(project.root) == []


def test_an_exception_needs_a_reason_and_a_use(project: Project) -> None:
    path = "procedures/mysql/planner/deletion_quote_name.sql"
    project.write(lint.ONE_ENGINE, f"{path}: \n")
    assert lint.both_engines(project.root) == [
        f"{lint.ONE_ENGINE}: {path} has no reason",
        f"{lint.ONE_ENGINE}: {path} excuses nothing",
    ]


def test_an_exception_may_stand_for_all_that_begin_alike(project: Project) -> None:
    project.routine("postgres", "planner/deletion_sql_fetch")
    project.routine("postgres", "planner/deletion_sql_set")
    start = "procedures/postgres/planner/deletion_sql_*"
    project.write(lint.ONE_ENGINE, f"{start}: MySQL writes them in one routine\n")
    assert lint.both_engines(project.root) == []


def test_lint_holds_migrations_and_files_together(project: Project) -> None:
    migrations.write(project.root)
    assert lint.lint(with_sqlfluff=False, base=project.root) == []
    project.routine("postgres", "api/do_deletion", said="two")
    (finding,) = lint.lint(with_sqlfluff=False, base=project.root)
    assert "migrations write" in finding


def take_the_rules(project: Project, *folders: str) -> None:
    """Copy what the project asks of its SQL files."""
    for folder in ("", *folders):
        project.write(f"{folder}.sqlfluff", (sources.root() / folder / ".sqlfluff").read_text())


def test_sqlfluff_is_run_with_the_projects_rules(project: Project) -> None:
    take_the_rules(project, "schema/mysql/", "schema/postgres/")
    table = "schema/postgres/tables/deletion_things.sql"
    long = f"-- deletion_things\n\nSELECT {'a, ' * 40}b FROM t;\n"
    project.write(table, long)
    assert any(finding.startswith(f"{table}:3: LT05") for finding in lint.sqlfluff(project.root))


def test_sqlfluff_reads_a_migration_until_it_is_released(project: Project) -> None:
    take_the_rules(project, *(f"migrations/{engine}/" for engine in ENGINES))
    migrations.write(project.root)
    apply = f"migrations/postgres/{migrations.FIRST}/apply.sql"
    by_hand = f"SELECT {'a, ' * 40}b FROM t;"
    project.write(apply, f"{project.text(apply)}\n{by_hand}\n")
    # Puts it where such text belongs.
    migrations.write(project.root)
    place = project.text(apply).splitlines().index(by_hand) + 1
    long = f"{apply}:{place}: LT05 Line is too long (136 > 100)."
    assert long in lint.sqlfluff(project.root)
    migrations.freeze(project.root)
    assert long not in lint.sqlfluff(project.root)


@pytest.mark.parametrize("check", [lint.orders, lint.both_engines])
def test_the_projects_own_listings_are_in_order(check: Callable[[None], list[str]]) -> None:
    assert check(None) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_projects_own_files_keep_the_rules(engine: Engine) -> None:
    found = [finding for s in sources.read_all(engine) for finding in lint.one_file(s, engine)]
    assert found == []
