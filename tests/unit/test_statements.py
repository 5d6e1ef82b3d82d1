"""Splitting MySQL's scripts as its client does."""

import pytest

from deletion_jobs import sources, statements


def texts(script: str) -> list[str]:
    return [statement.text for statement in statements.split(script)]


def test_statements_end_at_the_semicolon() -> None:
    assert texts("SELECT 1;\nSELECT 2 ; SELECT 3;\n") == ["SELECT 1", "SELECT 2", "SELECT 3"]


def test_a_body_between_delimiter_lines_is_one_statement() -> None:
    script = (
        "DELIMITER $$\nCREATE PROCEDURE p()\nBEGIN\n    SELECT 1;\n    SELECT 2;\nEND$$\n"
        "DELIMITER ;\nSELECT 3;\n"
    )
    assert texts(script) == [
        "CREATE PROCEDURE p()\nBEGIN\n    SELECT 1;\n    SELECT 2;\nEND",
        "SELECT 3",
    ]


@pytest.mark.parametrize(
    "opaque",
    ["'a;b'", "'it''s; so'", r"'back\';slash'", '"a;b"', "`a;b`", "/* a;b */ 1", "1 -- a;b\n"],
)
def test_a_delimiter_inside_quotes_or_comments_ends_nothing(opaque: str) -> None:
    assert len(texts(f"SELECT {opaque} AS x;SELECT 2;")) == 2


def test_comments_above_a_statement_are_left_out_and_those_inside_kept() -> None:
    assert texts("-- head\n/* more */\nSELECT 1 -- why\nFROM t;\n") == ["SELECT 1 -- why\nFROM t"]


def test_a_script_of_comments_holds_no_statement() -> None:
    assert texts("-- one\n\n# two\n/* three */\n") == []


def test_a_statement_knows_its_line() -> None:
    found = list(statements.split("-- head\n\nSELECT 1;\n\n-- why\nSELECT\n2;\n"))
    assert [statement.line for statement in found] == [3, 6]


def test_a_statement_without_its_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="no ';' at the end: SELECT 2"):
        texts("SELECT 1;\nSELECT 2\n")


def test_literals_look_as_information_schema_shows_them() -> None:
    body = r"SELECT 'it''s', 'a\\b', 'x\_y', `q``q`; -- it's fine"
    assert statements.as_kept(body) == r"SELECT 'it's', 'a\b', 'x\_y', `q``q`; -- it's fine"


def test_every_file_of_mysql_can_be_split() -> None:
    for source in sources.read_all("mysql"):
        assert texts(source.text), source.path
