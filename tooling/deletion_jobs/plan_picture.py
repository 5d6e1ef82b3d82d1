"""Draw a plan as a picture: tables as boxes, parents above children, references as lines.

The same plan gives the same SVG, byte for byte: no dates, no random ids, no library's version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from deletion_jobs.database import Row

BOX_WIDTH = 152
BOX_HEIGHT = 58
GAP_X = 22
GAP_Y = 96
MARGIN = 26
LINE = 18
LETTER = 6.6
FONT = "'DejaVu Sans', Verdana, sans-serif"
INK = "#2b2b2b"


@dataclass(frozen=True)
class Look:
    """How an action is drawn: colours of line and box, its dashes, and what its rows do.

    Attributes:
        line: colour of the reference and of the frame of its table.
        fill: colour of the table.
        dashes: of the line, so that nobody has to tell colours apart.
        words: for one row and for several.
    """

    line: str
    fill: str
    dashes: str
    words: tuple[str, str]


LOOKS = {
    "cascade": Look("#b03a2e", "#fdeeec", "", ("row deleted", "rows deleted")),
    "set_null": Look("#9a6400", "#fff6e3", "7 4", ("row set NULL", "rows set NULL")),
    "set_default": Look("#9a6400", "#fff6e3", "7 4", ("row set to default", "rows set to default")),
    "scrub": Look("#0e6655", "#e8f6f3", "7 4 2 4", ("row scrubbed", "rows scrubbed")),
    "restrict": Look("#5b2c6f", "#f3ebf7", "2 3", ("row in the way", "rows in the way")),
    "circle": Look("#5b2c6f", "#f3ebf7", "2 3", ("row in a circle", "rows in a circle")),
    "keep": Look("#5f6a6a", "#f3f5f5", "1 6", ("row left as it is", "rows left as they are")),
}
ACTION_OF = {"delete": "cascade"}


@dataclass(frozen=True)
class Edge:
    """A reference of the plan, as its steps tell it."""

    number: int
    parent: int
    child: int
    name: str
    action: str
    is_circular: bool
    is_loose: bool


class Plan:
    """What a plan's steps say about tables and references.

    Args:
        target: the table whose plan it is.
        steps: its rows of ``vw_deletion_plan``, those of hard deletion.
    """

    def __init__(self, target: str, steps: Sequence[Row]) -> None:
        kinds: dict[int, set[str]] = {}
        first: dict[int, Row] = {}
        self.tables = {0: target}
        for step in steps:
            if step["edge_no"] and step["reference_name"]:
                kinds.setdefault(int(step["edge_no"]), set()).add(str(step["kind"]))
                first.setdefault(int(step["edge_no"]), step)
                self.tables[int(step["node_no"])] = str(step["table_name"])
        self.edges = [
            Edge(
                number=number,
                parent=int(step["parent_node_no"]),
                child=int(step["node_no"]),
                name=str(step["reference_name"]),
                action=str(step["action"]),
                is_circular="circle" in kinds[number],
                is_loose="loose" in kinds[number],
            )
            for number, step in sorted(first.items())
        ]
        self.order = list(self._emptied(0, set()))
        self.layers = self._layers()

    def back(self, edge: Edge) -> bool:
        """Tell whether a reference leads to a table that is above its parent, or is it."""
        return self.layers[edge.child] <= self.layers[edge.parent]

    def _emptied(self, node: int, seen: set[int]) -> Iterable[int]:
        """Go through the tables in the order in which a walk is done with them."""
        seen.add(node)
        for edge in self.edges:
            if edge.parent == node and edge.child not in seen:
                if edge.action == "cascade":
                    yield from self._emptied(edge.child, seen)
                else:
                    seen.add(edge.child)
                    yield edge.child
        yield node

    def _layers(self) -> dict[int, int]:
        """Put each table below all that it hangs from, but for references that close a circle."""
        layers = {0: 0}

        def lower(node: int, above: tuple[int, ...]) -> None:
            for edge in self.edges:
                if edge.parent == node and edge.child not in above:
                    layers[edge.child] = max(layers.get(edge.child, 0), layers[node] + 1)
                    lower(edge.child, (*above, edge.child))

        lower(0, (0,))
        return layers


def draw(
    target: str,
    steps: Sequence[Row],
    counts: Sequence[Row],
    caption: str,
    error: str | None = None,
) -> str:
    """Draw a plan, with what it would do to one row of its target.

    Args:
        target: the table whose plan it is.
        steps: its rows of ``vw_deletion_plan``, those of hard deletion.
        counts: what ``preview_deletion`` answers for the row.
        caption: below the picture; a new line begins a new line.
        error: of the job that fails, below the picture too.

    Returns:
        the SVG.
    """
    plan = Plan(target, steps)
    places, width = _places(plan)
    height = 2 * MARGIN + (max(plan.layers.values()) + 1) * (BOX_HEIGHT + GAP_Y) - GAP_Y
    has_side = any(plan.back(edge) for edge in plan.edges)
    width += 190 if has_side else 0
    fates = _fates(plan, counts)
    body = [
        *(line for edge in plan.edges for line in _reference(plan, edge, places)),
        *(
            line
            for node in sorted(plan.tables)
            for line in _table(plan, node, places[node], fates.get(node, []), fails=bool(error))
        ),
    ]
    notes = [*caption.split("\n"), *([error] if error else [])]
    for number, note in enumerate(notes):
        is_error = error is not None and number == len(notes) - 1
        body.append(
            text(
                MARGIN,
                height + number * LINE,
                note,
                colour=LOOKS["cascade"].line if is_error else INK,
                weight="bold" if is_error else "normal",
            )
        )
    longest = max(len(note) * LETTER * (1.14 if note == error else 1) for note in notes)
    return page(max(width, longest + 2 * MARGIN), height + len(notes) * LINE, body)


def page(width: float, height: float, body: Sequence[str]) -> str:
    """Put a picture's parts on white paper, and round its size up to whole points."""
    w, h = int(width) + 1, int(height) + 1
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}"'
            f' height="{h}" font-family="{FONT}" font-size="12">',
            f'<rect width="{w}" height="{h}" fill="#ffffff"/>',
            *body,
            "</svg>",
            "",
        ]
    )


def text(
    x: float,
    y: float,
    words: str,
    *,
    colour: str = INK,
    weight: str = "normal",
    anchor: str = "start",
    size: int = 12,
) -> str:
    """Write one line of text, its baseline at y."""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" font-weight="{weight}"'
        f' text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, look: Look, dashes: str = "") -> str:
    """Draw a box in an action's colours."""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="6"'
        f' fill="{look.fill}" stroke="{look.line}" stroke-width="1.6"'
        f' stroke-dasharray="{dashes}"/>'
    )


def _places(plan: Plan) -> tuple[dict[int, tuple[float, float]], float]:
    """Give the left upper corner of each table, and the width of it all."""
    rows: dict[int, list[int]] = {}
    for node in sorted(plan.layers, key=lambda node: (plan.layers[node], _first(plan, node))):
        rows.setdefault(plan.layers[node], []).append(node)
    for _ in range(4):
        for layer in sorted(rows)[1:]:
            above = {node: n for row in rows.values() for n, node in enumerate(row)}
            rows[layer].sort(key=lambda node, above=above: _middle(plan, node, above))  # type: ignore[misc]
    widest = max(len(row) for row in rows.values())
    total = widest * (BOX_WIDTH + GAP_X) - GAP_X
    places: dict[int, tuple[float, float]] = {}
    for layer, row in rows.items():
        used = len(row) * (BOX_WIDTH + GAP_X) - GAP_X
        left = MARGIN + (total - used) / 2
        if layer and len(row) == 1 and len(rows[layer - 1]) > 1:
            # A single table stands below what it hangs from.
            parents = {edge.parent for edge in plan.edges if edge.child == row[0]}
            xs = [places[parent][0] for parent in parents if parent in places]
            left = sum(xs) / len(xs) if xs else left
        for n, node in enumerate(row):
            places[node] = (
                left + n * (BOX_WIDTH + GAP_X),
                float(MARGIN + layer * (BOX_HEIGHT + GAP_Y)),
            )
    return places, total + 2 * MARGIN


def _first(plan: Plan, node: int) -> int:
    return min((edge.number for edge in plan.edges if edge.child == node), default=0)


def _middle(plan: Plan, node: int, above: dict[int, int]) -> tuple[float, int]:
    parents = [
        above[edge.parent]
        for edge in plan.edges
        if edge.child == node and plan.layers[edge.parent] < plan.layers[node]
    ]
    return sum(parents) / len(parents) if parents else 0.0, _first(plan, node)


def _fates(plan: Plan, counts: Sequence[Row]) -> dict[int, list[tuple[str, int]]]:
    """Give for each table the actions that its rows meet, each with their number."""
    numbers = {name: node for node, name in plan.tables.items()}
    fates: dict[int, list[tuple[str, int]]] = {}
    for row in counts:
        node = numbers[str(row["table_name"])]
        action = str(row["action"])
        fates.setdefault(node, []).append((ACTION_OF.get(action, action), int(row["row_count"])))
    return fates


def _look(plan: Plan, node: int) -> Look:
    """Give the colours of what happens to a table's rows first of all."""
    actions = {edge.action for edge in plan.edges if edge.child == node}
    if not node or "cascade" in actions:
        return LOOKS["cascade"]
    return LOOKS[min(actions, key=list(LOOKS).index)]


def _table(
    plan: Plan,
    node: int,
    place: tuple[float, float],
    fates: list[tuple[str, int]],
    *,
    fails: bool,
) -> Iterable[str]:
    x, y = place
    is_spared = fails and all(action not in {"restrict", "circle"} for action, _ in fates)
    look = LOOKS["keep"] if is_spared else _look(plan, node)
    yield box(x, y, BOX_WIDTH, BOX_HEIGHT, look)
    yield text(
        x + BOX_WIDTH / 2, y + 24, plan.tables[node], weight="bold", anchor="middle", size=14
    )
    words = [f"{count} {LOOKS[action].words[count != 1]}" for action, count in fates]
    if is_spared:
        words = ["not touched"]
    elif not words:
        action = next((e.action for e in plan.edges if e.child == node), "cascade")
        words = [f"no {LOOKS[action].words[0]}"]
    yield text(
        x + BOX_WIDTH / 2, y + 44, ", ".join(words), colour=look.line, anchor="middle", size=12
    )
    acted = {edge.action for edge in plan.edges if edge.child == node}
    if fails or (node and acted <= {"restrict", "keep"}):
        return
    yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="11" fill="{look.line}"/>'
    number = [n for n in plan.order if _is_acted(plan, n)].index(node) + 1
    yield text(x, y + 4, str(number), colour="#ffffff", weight="bold", anchor="middle")


def _is_acted(plan: Plan, node: int) -> bool:
    return not node or any(
        edge.action not in {"restrict", "keep"} for edge in plan.edges if edge.child == node
    )


def _reference(plan: Plan, edge: Edge, places: dict[int, tuple[float, float]]) -> Iterable[str]:
    """Draw a line from the child up to the parent that it points at, with its name."""
    look = LOOKS[edge.action]
    (parent_x, parent_y), (child_x, child_y) = places[edge.parent], places[edge.child]
    if plan.back(edge):
        x1, y1 = child_x + BOX_WIDTH, child_y + BOX_HEIGHT / 2
        x2, y2 = parent_x + BOX_WIDTH, parent_y + BOX_HEIGHT / 2
        if edge.parent == edge.child:
            y1, y2 = y1 - 14, y2 + 14
        bend = max(x1, x2) + 62
        path = f"M{x1:.0f},{y1:.0f} C{bend:.0f},{y1:.0f} {bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
        label_x, label_y, anchor = (x1 + x2) / 2 + 54, (y1 + y2) / 2, "start"
    else:
        below = [e for e in plan.edges if e.parent == edge.parent and not plan.back(e)]
        above = [e for e in plan.edges if e.child == edge.child and not plan.back(e)]
        below.sort(key=lambda e: (places[e.child][0], e.number))
        above.sort(key=lambda e: (places[e.parent][0], e.number))
        x2 = parent_x + BOX_WIDTH * (below.index(edge) + 1) / (len(below) + 1)
        x1 = child_x + BOX_WIDTH * (above.index(edge) + 1) / (len(above) + 1)
        y1, y2 = child_y, parent_y + BOX_HEIGHT
        half = (y1 - y2) * 0.5
        path = (
            f"M{x1:.0f},{y1:.0f} C{x1:.0f},{y1 - half:.0f} {x2:.0f},{y2 + half:.0f}"
            f" {x2:.0f},{y2 + 9:.0f}"
        )
        label_x, label_y, anchor = x1, y1 - (44 if edge.is_circular else 30), "middle"
        if len(above) > 1:
            # Names of lines that meet below stand where the lines are apart.
            label_x, label_y = (x1 + 3 * x2) / 4, y2 + 40
    yield (
        f'<path d="{path}" fill="none" stroke="{look.line}" stroke-width="1.8"'
        f' stroke-dasharray="{look.dashes}"/>'
    )
    tip = (
        f"{x2:.0f},{y2:.0f} {x2 + 10:.0f},{y2 - 5:.0f} {x2 + 10:.0f},{y2 + 5:.0f}"
        if plan.back(edge)
        else f"{x2:.0f},{y2:.0f} {x2 - 5:.0f},{y2 + 10:.0f} {x2 + 5:.0f},{y2 + 10:.0f}"
    )
    yield f'<polygon points="{tip}" fill="{look.line}"/>'
    lines = [edge.action.replace("_", " "), edge.name]
    if edge.is_circular:
        lines.append("opened here: set NULL first" if edge.is_loose else "part of the circle")
    for n, words in enumerate(lines):
        y = label_y + n * 14
        width = len(words) * LETTER + 6
        left = label_x - (width / 2 if anchor == "middle" else 3)
        yield (
            f'<rect x="{left:.0f}" y="{y - 11:.0f}" width="{width:.0f}" height="14"'
            ' fill="#ffffff"/>'
        )
        yield text(
            label_x,
            y,
            words,
            colour=look.line,
            weight="bold" if n != 1 else "normal",
            anchor=anchor,
            size=11,
        )
