"""Names of routines, parameters and locals, read from the catalog.

An unprefixed local named like a column silently stands for one or the other: a routine whose
parameter is called `id` can delete a whole table.
"""

import re

from tests import install
from tests.database import Database


def bare(text: str) -> str:
    """Take comments and quoted text out of a body."""
    text = re.sub(r"--[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"'(?:[^']|'')*'", "''", text)


def test_parameters_begin_with_p(db: Database) -> None:
    found = db.rows(
        db.either(
            mysql="SELECT SPECIFIC_NAME, PARAMETER_NAME FROM information_schema.PARAMETERS"
            " WHERE SPECIFIC_SCHEMA = DATABASE() AND ORDINAL_POSITION > 0",
            postgres="SELECT p.proname, a.name FROM pg_proc AS p, unnest(p.proargnames,"
            " COALESCE(p.proargmodes, array_fill("
            "'i'::\"char\", ARRAY[COALESCE(cardinality(p.proargnames), 0)])))"
            " AS a (name, mode)"
            " WHERE p.pronamespace = 'public'::regnamespace AND a.mode <> 't'"
            " AND p.proargnames IS NOT NULL",
        )
    )
    assert len(found) > 30
    assert [row for row in found if not re.fullmatch(r"p_[a-z_0-9]+", row[1])] == []


def test_every_parameter_has_a_name(postgres: Database) -> None:
    assert (
        postgres.column(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " AND pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames))"
        )
        == []
    )


def test_locals_begin_with_v_and_cursors_with_c(db: Database) -> None:
    bodies = db.rows(
        db.either(
            mysql="SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = DATABASE()",
            postgres="SELECT proname, prosrc FROM pg_proc AS p"
            " JOIN pg_language AS l ON l.oid = p.prolang"
            " WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'",
        )
    )
    assert len(bodies) > 20
    wrong = []
    seen = 0
    for routine, body in bodies:
        for name in declared(db, bare(body)):
            seen += 1
            if not re.fullmatch(r"[vc]_[a-z_0-9]+", name):
                wrong.append((routine, name))
    assert seen > 20
    assert wrong == []


def declared(db: Database, body: str) -> list[str]:
    """List the names that a body declares."""
    if db.engine == "mysql":
        names: list[str] = []
        for statement in re.findall(r"\bDECLARE\s+([^;]*);", body, re.IGNORECASE):
            if re.match(r"(EXIT|CONTINUE|UNDO)\s+HANDLER\b", statement, re.IGNORECASE):
                continue
            listed = re.match(r"`?\w+`?(?:\s*,\s*`?\w+`?)*", statement)
            assert listed, statement
            names += [name.strip(" `\n") for name in listed.group().split(",")]
        return names
    blocks = re.findall(r"\bDECLARE\b(.*?)\bBEGIN\b", body, re.IGNORECASE | re.DOTALL)
    return [
        statement.split()[0]
        for block in blocks
        for statement in block.split(";")
        if statement.split()
    ]


def test_scratch_variables_and_statements_of_mysql_have_our_names(mysql: Database) -> None:
    bodies = mysql.rows(
        "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = DATABASE()"
    )
    used = {
        (routine, name)
        for routine, body in bodies
        for name in re.findall(r"(?<!@)@(?!@)(\w+)", bare(body))
    }
    assert used
    assert [item for item in used if not item[1].startswith("dj_")] == []
    prepared = {
        name
        for _, body in bodies
        for name in re.findall(r"\b(?:PREPARE|EXECUTE)\s+(\w+)", bare(body), re.IGNORECASE)
    }
    # Two at once: one is executed between executions of the other.
    assert prepared == {"dj_stmt", "dj_stmt_look"}


def test_bodies_of_postgres_are_tagged_with_the_routines_name(postgres: Database) -> None:
    """The catalog keeps no tags, but the files do: each routine is a file of its name."""
    names = set(
        postgres.column("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    )
    files = {
        path.stem: path.read_text("utf-8")
        for path in (install.ROOT / "procedures" / "postgres").rglob("*.sql")
    }
    assert names == files.keys()
    assert [name for name, text in files.items() if f"AS ${name}$" not in text] == []


def test_both_engines_take_the_same_parameters_in_the_same_order(
    mysql: Database, postgres: Database
) -> None:
    of_mysql = dict(
        mysql.rows(
            "SELECT SPECIFIC_NAME, GROUP_CONCAT(PARAMETER_NAME ORDER BY ORDINAL_POSITION)"
            " FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = DATABASE()"
            " AND ORDINAL_POSITION > 0 AND SPECIFIC_NAME NOT LIKE 'deletion\\_%'"
            " GROUP BY SPECIFIC_NAME"
        )
    )
    of_postgres = dict(
        postgres.rows(
            "SELECT p.proname, string_agg(a.name, ',' ORDER BY a.n) FROM pg_proc AS p,"
            " unnest(p.proargnames, COALESCE(p.proargmodes,"
            " array_fill('i'::\"char\", ARRAY[cardinality(p.proargnames)])))"
            " WITH ORDINALITY AS a (name, mode, n)"
            " WHERE p.pronamespace = 'public'::regnamespace AND a.mode <> 't'"
            " AND p.proargnames IS NOT NULL AND a.name <> 'p_home'"
            " AND p.proname NOT LIKE 'deletion\\_%' GROUP BY p.proname"
        )
    )
    assert of_mysql == of_postgres
    assert of_mysql["enqueue_deletion"] == (
        "p_table,p_pk,p_reason,p_hard_delete,p_scheduled_at,p_created_by,p_job_id"
    )


def test_every_routine_says_what_it_does(db: Database) -> None:
    assert (
        db.column(
            db.either(
                mysql="SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
                " WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_COMMENT = ''",
                postgres="SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " AND COALESCE(obj_description(oid, 'pg_proc'), '') = ''",
            )
        )
        == []
    )


def test_functions_of_postgres_pin_their_search_path(postgres: Database) -> None:
    loose = postgres.column(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND (prosecdef OR prokind = 'f')"
        " AND NOT EXISTS (SELECT 1 FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%')"
    )
    assert loose == []
