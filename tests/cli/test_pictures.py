"""The pictures of the docs are those that plans of a real server give."""

import re
from pathlib import Path
from xml.etree import ElementTree

from deletion_jobs import pictures, plan_picture

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_pictures_of_the_docs_are_those_of_the_plans_of_now(tmp_path: Path) -> None:
    made = pictures.make(tmp_path)
    kept = sorted((DOCS / "images").glob("*.svg"))
    assert [path.name for path in kept] == sorted(path.name for path in made)
    for path in made:
        assert (DOCS / "images" / path.name).read_text("utf-8") == path.read_text("utf-8"), (
            f"{path.name} is not what `make pictures` makes"
        )


def test_every_picture_is_shown_and_is_well_formed() -> None:
    page = (DOCS / "how-a-deletion-decides.md").read_text("utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(images/([^)]+)\)", page)
    kept = sorted((DOCS / "images").glob("*.svg"))
    assert sorted(shown) == [path.name for path in kept]
    for path in kept:
        assert ElementTree.fromstring(path.read_text("utf-8")).tag.endswith("svg")


def step(edge_no: int, parent: int, child: int, table: str, action: str) -> dict[str, object]:
    """Make what the drawing reads of a plan's step."""
    return {
        "edge_no": edge_no,
        "parent_node_no": parent,
        "node_no": child,
        "table_name": table,
        "reference_name": f"{table}_key",
        "action": action,
        "kind": "fetch",
    }


def test_a_plan_is_dealt_with_children_first() -> None:
    plan = plan_picture.Plan(
        "a",
        [
            step(1, 0, 1, "b", "cascade"),
            step(2, 0, 2, "c", "set_null"),
            step(3, 1, 3, "d", "cascade"),
            step(4, 1, 1, "b", "cascade"),
            step(5, 3, 2, "c", "set_null"),
        ],
    )
    assert [plan.tables[node] for node in plan.order] == ["c", "d", "b", "a"]
    assert {plan.tables[node]: layer for node, layer in plan.layers.items()} == {
        "a": 0,
        "b": 1,
        "d": 2,
        "c": 3,
    }
    assert [edge.number for edge in plan.edges if plan.back(edge)] == [4]


def test_names_are_written_so_that_no_picture_breaks() -> None:
    svg = plan_picture.draw("<a & b>", [step(1, 0, 1, "c<d", "restrict")], [], "one\ntwo", "e<f")
    words = "".join(ElementTree.fromstring(svg).itertext())
    assert "<a & b>" in words
    assert "c<d" in words
    assert "e<f" in words
