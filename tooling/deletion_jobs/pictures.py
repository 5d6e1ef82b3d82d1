"""Make the pictures of docs/how-a-deletion-decides.md from plans of a real server.

Run as ``python -m deletion_jobs.pictures FOLDER``; `make pictures` does. The server is an embedded
PostgreSQL that goes away afterwards; the schemas are in ``sql/postgres/pictures``.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deletion_jobs import apply, database, embedded, plan, plan_picture, queries
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Row, Session
from deletion_jobs.plan_picture import ACTION_OF, LOOKS, MARGIN, box, text

ACROSS = 3
COLUMN = 216
FRAME_HEIGHT = 40


@dataclass(frozen=True)
class Picture:
    """One plan to draw.

    Attributes:
        name: of the file, without ``.svg``.
        schema: file of the tables.
        target: the table whose plan it is.
        pk: the row whose deletion is foreseen.
        caption: below the picture.
        fails: TRUE: the job is run, and its error told.
    """

    name: str
    schema: str
    target: str
    pk: str
    caption: str
    fails: bool = False


PICTURES = (
    Picture(
        "plan-actions",
        "actions",
        "customer",
        "1",
        "What deleting customer 1 would do. Each line points at the parent.\n"
        "The numbers say in which order the tables are dealt with: children first.",
    ),
    Picture(
        "plan-diamond",
        "diamond",
        "customer",
        "1",
        "Three of the four parcels hang from the customer twice.\n"
        "Each is deleted once, and counts once.",
    ),
    Picture(
        "plan-circle",
        "circle",
        "company",
        "1",
        "Department and employee go in a circle.\n"
        "department_manager may be NULL: there the circle is opened.",
    ),
    Picture(
        "plan-blocked",
        "actions",
        "customer",
        "2",
        "Customer 2 has claims, and claims restrict. Nothing is touched, and the job says why:",
        fails=True,
    ),
)


def make(folder: Path) -> list[Path]:
    """Write all pictures.

    Args:
        folder: where to.

    Returns:
        the files, in the order in which they were made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with embedded.running() as url, database.connect(url) as session:
        apply.apply(session, UsersKey(table=None, is_explicit=True), lambda _: None)
        for picture in PICTURES:
            made.append(folder / f"{picture.name}.svg")
            made[-1].write_text(_plan(session, picture), encoding="utf-8")
        made.append(folder / "walk-frames.svg")
        made[-1].write_text(_walk(session), encoding="utf-8")
    return made


def _plan(session: Session, picture: Picture) -> str:
    _open(session, picture.schema)
    counts = session.query("pictures/preview", table=picture.target, pk=picture.pk)
    error = None
    if picture.fails:
        _enqueue(session, picture.target, picture.pk)
        session.call("run_deletion_jobs", None, None)
        job = session.one("pictures/job")
        error = f"{job['status']}: {job['error']}"
    steps = plan.read(session, picture.target)
    return plan_picture.draw(picture.target, steps, counts, picture.caption, error)


def _open(session: Session, schema: str) -> None:
    session.script(queries.load("postgres", "pictures/new_schema"))
    session.script(queries.load("postgres", f"pictures/{schema}"))


def _enqueue(session: Session, table: str, pk: str) -> None:
    session.call("enqueue_deletion", table, pk, None, True, None, None, None)


def _walk(session: Session) -> str:
    """Draw the stack after each transaction of one job, and what the transaction removed."""
    _open(session, "actions")
    session.call("set_deletion_setting", "batch_rows", "4")
    # However slow the machine is, rows alone end a transaction.
    session.call("set_deletion_setting", "batch_ms", "10000")
    _enqueue(session, "customer", "1")
    run = session.one("pictures/claim")
    columns: list[tuple[list[Row], list[str]]] = []
    before: dict[tuple[str, str], int] = {}
    state = "more"
    while state == "more":
        state = str(session.one("pictures/step", **run)["state"])
        now = {
            (str(row["table_name"]), str(row["action"])): int(row["row_count"])
            for row in session.query("pictures/receipts")
        }
        changed = [
            _told(*key, count - before.get(key, 0))
            for key, count in now.items()
            if count != before.get(key, 0)
        ]
        before = now
        columns.append((session.query("pictures/stack"), changed))
    return _strip(columns)


def _told(table: str, action: str, count: int) -> str:
    words = LOOKS[ACTION_OF.get(action, action)].words[count != 1]
    return f"{count} {words} ({table})"


def _strip(columns: Sequence[tuple[list[Row], list[str]]]) -> str:
    """Draw the transactions, a few to a line: a page that is not wide shows them as they are."""
    body: list[str] = []
    top = float(MARGIN)
    for first in range(0, len(columns), ACROSS):
        top = _line(body, top, first, columns[first : first + ACROSS])
    return plan_picture.page(2 * MARGIN + ACROSS * COLUMN - 26, top - MARGIN / 2, body)


def _line(
    body: list[str], top: float, first: int, columns: Sequence[tuple[list[Row], list[str]]]
) -> float:
    """Draw one line of transactions below ``top``; answer where the next one begins."""
    levels = max(len(stack) for stack, _ in columns)
    bottom = top + 24 + levels * (FRAME_HEIGHT + 8)
    for number, (stack, changed) in enumerate(columns):
        x = MARGIN + number * COLUMN
        body.append(text(x, top + 4, f"transaction {first + number + 1}", weight="bold"))
        for row in stack:
            y = bottom - (int(row["depth"]) + 1) * (FRAME_HEIGHT + 8)
            body.append(box(x, y, COLUMN - 26, FRAME_HEIGHT, LOOKS["cascade"]))
            keys = int(row["key_count"])
            words = f"{row['table_name']}: {keys} key{'' if keys == 1 else 's'}"
            body.append(text(x + (COLUMN - 26) / 2, y + 25, words, anchor="middle"))
        if not stack:
            body.append(text(x, bottom - FRAME_HEIGHT / 2, "the stack is empty", colour="#5f6a6a"))
        for line, words in enumerate(changed or ["looks, and changes nothing"]):
            body.append(text(x, bottom + 18 + line * 16, words, colour=LOOKS["cascade"].line))
    return bottom + 18 + max(len(changed or [""]) for _, changed in columns) * 16 + MARGIN


if __name__ == "__main__":
    for path in make(Path(sys.argv[1])):
        print(path)  # noqa: T201
