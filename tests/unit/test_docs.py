"""What the docs say is tested is tested, and where they say so."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


def rows(text: str) -> list[str]:
    """Give the rows of the table of shapes, without its head."""
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


def test_every_shape_links_to_tests_that_its_files_hold() -> None:
    shapes = rows((ROOT / "docs/shapes.md").read_text("utf-8"))
    assert len(shapes) > 20
    for row in shapes:
        links = LINK.findall(row)
        assert links, row
        # A test that is named and not linked would go unseen.
        assert len(re.findall(r"`test_\w+`", row)) == len(links), row
        for name, path in links:
            assert f"\ndef {name}(" in (ROOT / path).read_text("utf-8"), f"{path} has no {name}"
