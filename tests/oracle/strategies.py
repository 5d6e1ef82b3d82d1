"""Hypothesis strategies for cases of the oracle: schemas, data and roots.

The choices within the data come from one drawn seed, so that rows are many and well mixed.
"""

import random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.cases import (
    MAX_KEY_LENGTH,
    MOST_TABLES,
    VALUE_COUNT,
    VALUES,
    Action,
    Case,
    Column,
    How,
    Link,
    Row,
    Rows,
    Table,
    key_text,
)

# Most schemas are small: many of them show more than a few large ones.
TABLE_COUNTS = (2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, MOST_TABLES)
ROW_COUNTS = (0, 2, 5, 8, 10, 12, 12, 12)
KINDS = sorted(VALUES)
# Each is drawn as often as it stands here.
CASCADE: tuple[Action, ...] = ("cascade",)
SET_NULL: tuple[Action, ...] = ("set null",)
SET_DEFAULT: tuple[Action, ...] = ("set default",)
RESTRICT: tuple[Action, ...] = ("no action", "restrict")
SETS = SET_NULL + SET_DEFAULT
FORWARD = CASCADE * 11 + SET_NULL * 4 + RESTRICT
SELF = CASCADE * 3 + SET_NULL + RESTRICT
IN_KEY = CASCADE * 3 + RESTRICT[1:]
HOWS: tuple[How, ...] = ("key", "key", "key", "key", "rule", "declared")


class Draft:
    """A table while its columns are still being drawn."""

    def __init__(self, name: str, columns: list[Column], key: tuple[str, ...]) -> None:
        self.name = name
        self.columns = columns
        self.key = key
        self.unique: str | None = None
        self.partitions = 0
        self.parent: Draft | None = None

    def kinds(self, names: tuple[str, ...]) -> list[str]:
        """Give the types of columns."""
        kinds = {column.name: column.kind for column in self.columns}
        return [kinds[name] for name in names]

    def nullable(self, names: tuple[str, ...]) -> list[bool]:
        """Tell of columns whether they may be NULL."""
        found = {column.name: column.is_nullable for column in self.columns}
        return [found[name] for name in names]

    def table(self) -> Table:
        """Give the finished table."""
        return Table(self.name, tuple(self.columns), self.key, self.unique, self.partitions)


@st.composite
def cases(draw: st.DrawFn, engine: str) -> Case:
    """Draw a case that the engine can hold (MySQL has no SET DEFAULT)."""
    drafts: list[Draft] = []
    for number in range(draw(st.sampled_from(TABLE_COUNTS))):
        drafts.append(draw(_drafts(number, drafts, engine)))
    links: list[Link] = []
    for number, draft in enumerate(drafts):
        for parent, choices in draw(_parents(number, drafts, engine)):
            link = draw(_links(draft, parent, choices, links))
            links.append(link)
    rows = _consistent(drafts, links, draw(_rows(drafts, links, engine)))
    links = [_with_default(draw, drafts, link, links, rows) for link in links]
    tables = tuple(draft.table() for draft in drafts)
    target = tables[0]
    by_unique = (
        target.unique is not None
        and not target.column(target.unique).is_nullable
        and draw(st.booleans())
    )
    target_key = (target.unique,) if by_unique and target.unique else target.key
    kinds = [target.column(name).kind for name in target_key]
    there = [target.pick(row, target_key) for row in rows[target.name]]
    missing = tuple(VALUES[kind][VALUE_COUNT - 1] for kind in kinds)
    roots = draw(
        st.lists(
            st.sampled_from([*there[:4], *there[:4], *there, missing]),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    orderly = all(link.action != "set default" for link in links)
    case = Case(
        tables=tables,
        links=tuple(links),
        rows=rows,
        target_key=target_key,
        roots=tuple(roots),
        batch_rows=draw(st.integers(1, 7)),
        is_set=len(roots) > 1 and orderly and draw(st.integers(0, 3)) > 0,
    )
    # Several roots in one set have a defined end only where no reference undoes another.
    return Case(**{**vars(case), "is_set": case.is_set and not case.shares_columns()})


@st.composite
def _drafts(draw: st.DrawFn, number: int, earlier: list[Draft], engine: str) -> Draft:
    kind = st.sampled_from(KINDS)
    shape = draw(
        st.sampled_from(
            ["single", "single", "pair", "part"] if number else ["single"] * 3 + ["pair"]
        )
    )
    parent = draw(st.sampled_from(earlier)) if shape == "part" else None
    if parent is not None and len(parent.key) <= 2:
        names = tuple(f"p{place}" for place in range(len(parent.key)))
        columns = [
            Column(name, kind) for name, kind in zip(names, parent.kinds(parent.key), strict=True)
        ]
        draft = Draft(f"t{number}", [*columns, Column("line", "int")], (*names, "line"))
        draft.parent = parent
    elif shape == "pair":
        kinds = draw(st.tuples(kind, kind).filter(lambda pair: pair != ("uuid", "uuid")))
        columns = [Column("a", kinds[0]), Column("b", kinds[1])]
        draft = Draft(f"t{number}", columns, ("a", "b"))
    else:
        draft = Draft(f"t{number}", [Column("id", draw(kind))], ("id",))
    unique = draw(st.sampled_from([None, None, False, True]))
    if unique is not None:
        draft.columns.append(Column("u", draw(kind), is_nullable=unique))
        draft.unique = "u"
    elif engine == "postgres":
        # There a unique key of a partitioned table has to hold what it is parted by.
        draft.partitions = draw(st.sampled_from([0, 0, 0, 2, 3]))
    return draft


@st.composite
def _parents(
    draw: st.DrawFn, number: int, drafts: list[Draft], engine: str
) -> list[tuple[Draft, tuple[Action, ...]]]:
    forward = FORWARD + SET_DEFAULT * 2 if engine == "postgres" else FORWARD
    found: list[tuple[Draft, tuple[Action, ...]]] = []
    draft = drafts[number]
    if draft.parent is not None:
        # The key itself holds this reference, so it can never be set.
        found.append((draft.parent, IN_KEY))
    if number:
        fewest = 0 if draft.parent else 1
        found += [
            (parent, forward)
            for parent in draw(
                st.lists(st.sampled_from(drafts[:number]), min_size=fewest, max_size=2)
            )
        ]
    if draw(st.integers(0, 3)) == 0:
        found += [(draft, SELF)] * draw(st.sampled_from([1, 1, 1, 2, 3]))
    if number + 1 < len(drafts) and draw(st.integers(0, 4)) == 0:
        found.append((draw(st.sampled_from(drafts[number + 1 :])), SET_NULL + SELF))
    return found


@st.composite
def _links(
    draw: st.DrawFn,
    child: Draft,
    parent: Draft,
    choices: tuple[Action, ...],
    links: list[Link],
) -> Link:
    own = [link for link in links if link.child == child.name]
    action: Action = draw(st.sampled_from(choices))
    name = f"fk_{child.name}_{len(own)}"
    to = parent.key
    if child.parent is parent and not own:
        columns = child.key[:-1]
    else:
        if parent.unique and draw(st.booleans()):
            to = (parent.unique,)
        kinds = parent.kinds(to)
        shared = [
            link.columns
            for link in own
            if child.kinds(link.columns) == kinds
            and ("set default" not in (action, link.action) or "cascade" in (action, link.action))
            and (action not in SETS or all(child.nullable(link.columns)))
        ]
        if shared and draw(st.integers(0, 2)) == 0:
            columns = draw(st.sampled_from(shared))
        elif draw(st.booleans()) and (
            partly := [
                name
                for link in own
                for name in link.columns
                if len(to) > 1
                and "cascade" in (action, link.action)
                and child.kinds((name,)) == kinds[:1]
                and (action not in SETS or child.nullable((name,))[0])
                # Of two that set one column, and others besides, the first hides the row.
                and not (action in SETS and any(name in o.columns for o in own if o.action in SETS))
            ]
        ):
            more = tuple(f"r{len(own)}{place}" for place in range(1, len(to)))
            child.columns += [Column(n, k, True) for n, k in zip(more, kinds[1:], strict=True)]
            columns = (draw(st.sampled_from(partly)), *more)
        else:
            columns = tuple(f"r{len(own)}{place}" for place in range(len(to)))
            # What points back, and could close a circle, is open mostly.
            back = int(parent.name[1:]) >= int(child.name[1:]) and draw(st.integers(0, 3)) > 0
            loose = back or action in {"set null", "set default"}
            nulls = [loose or draw(st.booleans()) for _ in columns]
            child.columns += [
                Column(column, kind, is_nullable)
                for column, kind, is_nullable in zip(columns, kinds, nulls, strict=True)
            ]
    how = draw(st.sampled_from(HOWS)) if action != "set default" else "key"
    return Link(
        name,
        child.name,
        columns,
        parent.name,
        to,
        action,
        how,
        draw(st.sampled_from(["no action", "cascade"])) if how == "rule" else action,
        draw(st.integers(0, 4)) > 0,
    )


@st.composite
def _rows(
    draw: st.DrawFn, drafts: list[Draft], links: list[Link], engine: str
) -> dict[str, list[dict[str, Any]]]:
    """Draw rows that need not be consistent yet."""
    rows: dict[str, list[dict[str, Any]]] = {}
    choices: dict[str, list[bytes]] = {}
    seeded = random.Random(draw(st.integers(0, 2**32)))
    for draft in drafts:
        own = [link for link in links if link.child == draft.name]
        count = draw(st.sampled_from(ROW_COUNTS if rows else ROW_COUNTS[2:]))
        choices[draft.name] = [seeded.randbytes(2 + len(own)) for _ in range(count)]
        rows[draft.name] = [
            row
            for number, choice in enumerate(choices[draft.name])
            if (row := _own_values(draft, number, choice, rows)) is not None
        ]
    for draft in drafts:
        own = [link for link in links if link.child == draft.name]
        for number, row in enumerate(rows[draft.name]):
            for link, byte in zip(own, choices[draft.name][number][2:], strict=True):
                _refer(draft, link, row, rows[link.parent], number, byte, engine)
    return rows


def _own_values(
    draft: Draft, number: int, choice: bytes, rows: dict[str, list[dict[str, Any]]]
) -> dict[str, Any] | None:
    """Make a row with its keys; None: it would need a parent, and there is none."""
    row: dict[str, Any] = {column.name: None for column in draft.columns}
    kinds = draft.kinds(draft.key)
    if draft.parent is not None:
        parents = rows[draft.parent.name]
        if not parents:
            return None
        parent = parents[choice[0] % len(parents)]
        row |= dict(zip(draft.key[:-1], (parent[name] for name in draft.parent.key), strict=True))
        row["line"] = VALUES["int"][number]
    elif len(draft.key) == 2:
        row["a"] = VALUES[kinds[0]][number // 4]
        row["b"] = VALUES[kinds[1]][number % 4]
    else:
        row["id"] = VALUES[kinds[0]][number]
    if draft.unique:
        (kind,) = draft.kinds(("u",))
        is_null = draft.nullable(("u",))[0] and choice[1] % 4 == 0
        row["u"] = None if is_null else VALUES[kind][(number + 3) % (VALUE_COUNT - 1)]
    return row


def _refer(
    draft: Draft,
    link: Link,
    row: dict[str, Any],
    parents: list[dict[str, Any]],
    number: int,
    byte: int,
    engine: str,
) -> None:
    """Let a row refer to some parent, unless its columns say already to which."""
    # What the row refers to already by some of the columns holds for the others.
    parents = [
        parent
        for parent in parents
        if all(
            row[name] in (None, parent[to]) for name, to in zip(link.columns, link.to, strict=True)
        )
    ]
    if all(row[name] is not None for name in link.columns) or not parents:
        return
    nullable = draft.nullable(link.columns)
    # Rows behind a restrict reference are few, or every job would be blocked.
    stays_null = byte % 4 != 0 if link.is_restrict else byte % 5 == 0
    if all(nullable) and stays_null:
        return
    # A row refers to itself or an earlier row of its own table; one in four to any of them.
    most = len(parents)
    if link.parent == link.child and byte % 4:
        most = min(most, number + 1)
    # The first rows have the most children.
    parent = parents[(byte // 5) % most * (byte % 3) // 2]
    for name, to, is_nullable in zip(link.columns, link.to, nullable, strict=True):
        if row[name] is None:
            row[name] = None if is_nullable and byte % 7 == 0 else parent[to]


def _consistent(
    drafts: list[Draft], links: list[Link], rows: dict[str, list[dict[str, Any]]]
) -> Rows:
    """Take out references to nothing: set them NULL, or leave the row out."""
    found = True
    while found:
        found = False
        for link in links:
            draft = next(draft for draft in drafts if draft.name == link.child)
            there = {tuple(row[name] for name in link.to) for row in rows[link.parent]}
            nullable = draft.nullable(link.columns)
            for row in list(rows[link.child]):
                value = tuple(row[name] for name in link.columns)
                missing = [
                    name
                    for name, may_be_null in zip(link.columns, nullable, strict=True)
                    if row[name] is None and not may_be_null
                ]
                if not missing and (None in value or value in there):
                    continue
                found = True
                if any(nullable) and not missing:
                    row |= {
                        name: None
                        for name, may_be_null in zip(link.columns, nullable, strict=True)
                        if may_be_null
                    }
                else:
                    rows[link.child].remove(row)
    return {draft.name: [tuple(row.values()) for row in rows[draft.name]] for draft in drafts}


def _with_default(
    draw: st.DrawFn, drafts: list[Draft], link: Link, links: list[Link], rows: Rows
) -> Link:
    """Give the columns of a `set default` reference a default: some parent's key, or NULL."""
    if link.action != "set default" or not rows[link.parent] or draw(st.integers(0, 2)) == 0:
        return link
    if any(
        set(o.columns) & set(link.columns) for o in links if o != link and o.child == link.child
    ):
        # What another reference would say to the default is not told by this one's parents.
        return link
    parent = next(draft for draft in drafts if draft.name == link.parent).table()
    child = next(draft for draft in drafts if draft.name == link.child)
    values = parent.pick(draw(st.sampled_from(rows[link.parent])), link.to)
    if None not in values:
        by_name: dict[str, Any] = dict(zip(link.columns, values, strict=True))
        child.columns = [
            Column(
                column.name,
                column.kind,
                column.is_nullable,
                by_name.get(column.name, column.default),
            )
            for column in child.columns
        ]
    return link


def fits(case: Case, engine: str, root: Row) -> bool:
    """Whether a root's key can be asked for at all."""
    kinds = [case.target.column(name).kind for name in case.target_key]
    return len(key_text(engine, kinds, root)) <= MAX_KEY_LENGTH
