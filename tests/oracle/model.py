"""What a deletion means, in a few lines: the judge where the engine's own answer depends on order.

A row is removed when it is the root or refers, by a `cascade` reference, to a row that is removed.
Rows that stay and refer to removed ones are set, or block; so does one whose default is in no
row of the parent that stays. Nothing here knows of batches.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tests.oracle.cases import Case, Link, Row, Rows

Verdict = Literal["done", "blocked", "violates"]


@dataclass
class Expected:
    """How one deletion ends.

    Attributes:
        verdict: done; blocked (nothing is changed); violates: what several references set has no
            parent to point at.
        rows: all tables afterwards.
        counts: rows by (table, fate), each row once.
        blocking: rows behind each reference that blocks.
        blocking_rows: rows that block, by table, each once.
    """

    verdict: Verdict
    rows: Rows
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    blocking: Counter[str] = field(default_factory=Counter)
    blocking_rows: Counter[str] = field(default_factory=Counter)


def expect(case: Case, rows: Rows, root: Row) -> Expected:
    """Say what deleting one root from these rows must leave."""
    gone = _closure(case, rows, root)
    there = {table.name: set(rows[table.name]) - gone[table.name] for table in case.tables}
    after: Rows = {table.name: [] for table in case.tables}
    expected = Expected("done", after)
    for table in case.tables:
        for row in rows[table.name]:
            if row in gone[table.name]:
                expected.counts[table.name, "delete"] += 1
                continue
            behind = expected.blocking.total()
            kept, fates = _survivor(case, row, gone, there, table.name, expected.blocking)
            if expected.blocking.total() > behind:
                expected.blocking_rows[table.name] += 1
            if fates:
                expected.counts[table.name, min(fates)] += 1
            after[table.name].append(kept)
    if not any(gone.values()):
        expected.counts[case.target.name, "root_not_found"] = 0
    if expected.blocking:
        expected.verdict, expected.rows = "blocked", rows
        expected.counts.clear()
        return expected
    if any(_dangles(case, link, after) for link in case.links if link.action == "set default"):
        expected.verdict = "violates"
    return expected


def keeps_circle(case: Case, rows: Rows, root: Row) -> bool:
    """Say whether rows that a deletion removes go in a circle that MySQL has no way to open.

    A row has its turn after one that it hangs from, and after all that it hangs from by a reference
    that cannot be set NULL. Children go before parents, so one that has no turn cannot go.
    """
    gone = {(name, row) for name, found in _closure(case, rows, root).items() for row in found}
    links = [link for link in case.links if link.action == "cascade" or link.is_restrict]
    above: dict[tuple[str, Row], list[tuple[Link, tuple[str, Row]]]] = {
        row: [
            (link, parent)
            for link in links
            if link.child == row[0]
            for parent in gone
            if parent[0] == link.parent and refers(case, link, row[1], {link.parent: {parent[1]}})
        ]
        for row in gone
    }
    if any(
        parent == row and _refuses_itself(case, link)
        for row, found in above.items()
        for link, parent in found
    ):
        return True
    target = case.target
    placed = {row for row in gone if row[0] == target.name}
    placed = {row for row in placed if target.pick(row[1], case.target_key) == root}
    met, placed = placed, set()
    while True:
        turn = {
            row
            for row in gone - placed
            if (
                row in met
                or any(link.action == "cascade" and parent in placed for link, parent in above[row])
            )
            and all(
                parent in placed or parent == row or _is_loose(case, link)
                for link, parent in above[row]
            )
        }
        if not turn:
            return placed != gone
        placed |= turn


def _is_loose(case: Case, link: Link) -> bool:
    """Whether a row may lose a reference and stay what it was, and where it was found."""
    child = case.table(link.child)
    taken = {name for other in case.links if other.parent == link.child for name in other.to}
    taken |= {
        name
        for other in case.links
        if other.child == link.child and other is not link and other.action == "cascade"
        if other.parent in case.closure()
        for name in other.columns
    }
    taken |= set(child.key) | (set(case.target_key) if child is case.target else set())
    return any(child.column(name).is_nullable and name not in taken for name in link.columns)


def _refuses_itself(case: Case, link: Link) -> bool:
    """Whether MySQL would not delete a row that refers to itself by this key, nor a NULL help."""
    own = [
        other
        for other in case.links
        if other.child == other.parent == link.child and other.how != "declared"
    ]
    native = link.native if link.how == "rule" else link.action
    hard = [other for other in own if not _is_loose(case, other)]
    return link in hard and (native in {"no action", "restrict"} or len(hard) > 1)


def _closure(case: Case, rows: Rows, root: Row) -> dict[str, set[Row]]:
    gone: dict[str, set[Row]] = {table.name: set() for table in case.tables}
    target = case.target
    gone[target.name] = {
        row for row in rows[target.name] if target.pick(row, case.target_key) == root
    }
    size = -1
    while size != sum(map(len, gone.values())):
        size = sum(map(len, gone.values()))
        for link in case.links:
            if link.action == "cascade":
                gone[link.child] |= {
                    row for row in rows[link.child] if refers(case, link, row, gone)
                }
    return gone


def refers(case: Case, link: Link, row: Row, to: dict[str, set[Row]]) -> bool:
    """Whether a row refers to one of these by this reference; a NULL refers to nothing."""
    value = case.table(link.child).pick(row, link.columns)
    parent = case.table(link.parent)
    return None not in value and value in {parent.pick(row, link.to) for row in to[link.parent]}


def _survivor(
    case: Case,
    row: Row,
    gone: dict[str, set[Row]],
    there: dict[str, set[Row]],
    name: str,
    blocking: Counter[str],
) -> tuple[Row, set[str]]:
    table = case.table(name)
    values = list(row)
    fates = set()
    for link in case.links:
        if link.child != name or link.action == "cascade" or not refers(case, link, row, gone):
            continue
        if link.is_restrict:
            blocking[link.name] += 1
            continue
        fates.add(link.fate)
        now = list(row)
        for column, place in zip(link.columns, table.positions(link.columns), strict=True):
            now[place] = None if link.action == "set null" else table.column(column).default
            values[place] = now[place]
        is_null = None in table.pick(tuple(now), link.columns)
        if not is_null and not refers(case, link, tuple(now), there):
            blocking[link.name] += 1
    return tuple(values), fates


def _dangles(case: Case, link: Link, rows: Rows) -> bool:
    there = {table: set(found) for table, found in rows.items()}
    child = case.table(link.child)
    return any(
        None not in child.pick(row, link.columns) and not refers(case, link, row, there)
        for row in rows[link.child]
    )
