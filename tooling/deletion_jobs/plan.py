"""Show a target's plan: which tables hang from it, by which reference, and what becomes of them."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from deletion_jobs.database import Row, Session
from deletion_jobs.errors import FindingError

_STYLE = {
    "cascade": "red",
    "set_null": "yellow",
    "set_default": "yellow",
    "scrub": "yellow",
    "restrict": "magenta",
}


def compile_first(session: Session, table: str) -> None:
    """Compile the plan anew, which takes the rights of a DBA."""
    session.call("compile_deletion_plan", table)


def read(session: Session, table: str) -> list[Row]:
    """Read the steps of a target's plan for hard deletes, in their order.

    Raises:
        FindingError: there is no plan yet, or it cannot run.
    """
    steps = session.query("plan_steps", entity_table=table)
    if not steps:
        raise FindingError(
            f"there is no plan for '{table}'",
            "a worker compiles it before the first job; --compile does it now",
        )
    if steps[0]["error"]:
        raise FindingError(f"the plan for '{table}' cannot run: {steps[0]['error']}")
    return steps


def tree(table: str, steps: list[Row]) -> Tree:
    """Draw a plan as a tree; a table met by several references stands once for each."""
    edges: dict[int, Row] = {}
    for step in steps:
        if step["edge_no"]:
            edges.setdefault(step["edge_no"], step)
    root = Tree(f"[bold]{escape(table)}[/bold]")
    _grow(root, 0, edges, {0})
    return root


def _grow(branch: Tree, node: int, edges: dict[int, Row], above: set[int]) -> None:
    for _, edge in sorted(edges.items()):
        if edge["parent_node_no"] != node:
            continue
        below = branch.add(_label(edge, is_cycle=edge["node_no"] in above))
        if edge["action"] == "cascade" and edge["node_no"] not in above:
            _grow(below, edge["node_no"], edges, {*above, edge["node_no"]})


def _label(edge: Row, *, is_cycle: bool) -> str:
    action = str(edge["action"])
    style = _STYLE.get(action, "dim")
    notes = [
        "its own parent" if is_cycle else "",
        "" if edge["index_name"] else "[bold red]no index[/bold red]",
    ]
    return " ".join(
        part
        for part in (
            f"[bold]{escape(str(edge['table_name']))}[/bold]",
            f"[{style}]{action}[/{style}]",
            f"[dim]{escape(str(edge['reference_name'] or ''))}[/dim]",
            *notes,
        )
        if part
    )


def show_tree(table: str, steps: list[Row], console: Any = None) -> None:
    """Write the tree: in colours on a terminal, plain elsewhere."""
    (console or Console(highlight=False)).print(tree(table, steps))
