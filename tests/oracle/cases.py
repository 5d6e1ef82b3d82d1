"""A schema with its data and the roots to delete, as plain values that both engines can hold."""

import datetime as dt
import decimal
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["cascade", "set null", "set default", "no action", "restrict"]
How = Literal["key", "rule", "declared"]
Row = tuple[Any, ...]
Rows = dict[str, list[Row]]

MAX_KEY_LENGTH = 64
MOST_TABLES = 12

# The values of each type by number: the awkward ones first, all different under any collation.
VALUES: dict[str, list[Any]] = {
    "int": [0, -5, 2147483647, -2147483648, *range(1, 13)],
    "bigint": [9007199254740993, 9007199254740992, -9223372036854775808, *range(13)],
    "uuid": [str(uuid.UUID(int=0xA0 + 7**number)) for number in range(16)],
    "text": ["", "a", "a ", "042", "42", "it's", '"x"', "\\", "%s", "漢", "[1]", *"vwxyz"],
    "bytes": [b"", b"\0", b"\0\0", b"'", b"\\", b"\xff\xfe", b"`", *(b"%d" % n for n in range(9))],
    "date": [dt.date(2024, 2, 29), *(dt.date(1999, 12, day) for day in range(1, 16))],
    "decimal": [decimal.Decimal(text) for text in ("0.00", "-1.50", "1.50", "9999999999.99")]
    + [decimal.Decimal(f"{number}.10") for number in range(2, 14)],
}
VALUE_COUNT = min(map(len, VALUES.values()))


@dataclass(frozen=True)
class Column:
    """A column; its type is one of `VALUES`."""

    name: str
    kind: str
    is_nullable: bool = False
    default: Any = None


@dataclass(frozen=True)
class Link:
    """A reference, and what it means for the rows that hold it.

    Attributes:
        how: the catalog's key says the action; or a rule does, over a key that says `native`; or
            there is no key, and the reference is declared.
    """

    name: str
    child: str
    columns: tuple[str, ...]
    parent: str
    to: tuple[str, ...]
    action: Action
    how: How = "key"
    native: Action = "no action"
    is_indexed: bool = True

    @property
    def is_restrict(self) -> bool:
        """Whether rows behind it may not lose their parent."""
        return self.action in {"no action", "restrict"}

    @property
    def fate(self) -> str:
        """The action as a receipt or a rule calls it."""
        return "restrict" if self.is_restrict else self.action.replace(" ", "_")


@dataclass(frozen=True)
class Table:
    """A table with its primary key, and perhaps one unique column beside it.

    Attributes:
        partitions: into how many its rows are hashed by the first column of its key; 0: none.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: str | None = None
    partitions: int = 0

    def column(self, name: str) -> Column:
        """Give a column by its name."""
        return next(column for column in self.columns if column.name == name)

    def positions(self, names: Sequence[str]) -> tuple[int, ...]:
        """Give the places of columns in a row."""
        order = [column.name for column in self.columns]
        return tuple(order.index(name) for name in names)

    def pick(self, row: Row, names: Sequence[str]) -> Row:
        """Give some columns of a row."""
        return tuple(row[place] for place in self.positions(names))


@dataclass(frozen=True, repr=False)
class Case:
    """All that an example of the oracle needs; the first table is the target.

    Attributes:
        target_key: the columns that the target is registered by.
        roots: values of `target_key`; perhaps of a row that is not there.
        is_set: all roots are enqueued before the first run; else one after the other.
    """

    tables: tuple[Table, ...]
    links: tuple[Link, ...]
    rows: Rows
    target_key: tuple[str, ...]
    roots: tuple[Row, ...]
    batch_rows: int
    is_set: bool

    @property
    def target(self) -> Table:
        """The table of the roots."""
        return self.tables[0]

    def table(self, name: str) -> Table:
        """Give a table by its name."""
        return next(table for table in self.tables if table.name == name)

    def closure(self) -> set[str]:
        """Name the tables whose rows may go with the target's."""
        found = {self.target.name}
        for link in self.links * len(self.tables):
            if link.action == "cascade" and link.parent in found:
                found.add(link.child)
        return found

    def shares_columns(self) -> bool:
        """Whether a column belongs to two references: then the engine's own order matters."""
        used = [(link.child, name) for link in self.links for name in link.columns]
        return len(used) > len(set(used))

    def __repr__(self) -> str:
        """Tell it so that a reader could type it in."""
        return "\n".join(["", *self._lines()])

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def _lines(self) -> Iterator[str]:
        for table in self.tables:
            columns = ", ".join(
                f"{column.name} {column.kind}"
                + ("" if column.is_nullable else " not null")
                + ("" if column.default is None else f" default {column.default!r}")
                for column in table.columns
            )
            unique = f", unique ({table.unique})" if table.unique else ""
            parts = f", {table.partitions} partitions" if table.partitions else ""
            yield f"{table.name} ({columns}, primary key {table.key}{unique}{parts})"
            for link in self.links:
                if link.child == table.name:
                    how = f"{link.how} over {link.native}" if link.how == "rule" else link.how
                    yield (
                        f"    {link.name}: {link.columns} -> {link.parent} {link.to}"
                        f" {link.action} ({how})"
                    )
            for row in self.rows[table.name]:
                yield f"    {row!r}"
        yield (
            f"roots by {self.target_key}: {self.roots}; batch_rows {self.batch_rows};"
            f" {'one set' if self.is_set else 'one by one'}"
        )


def key_text(engine: str, kinds: Sequence[str], key: Row) -> str:
    """Write a key as an application would give it to enqueue_deletion."""
    texts = [_text(engine, kind, value) for kind, value in zip(kinds, key, strict=True)]
    if len(texts) == 1:
        return texts[0]
    return json.dumps(texts, ensure_ascii=False, separators=(",", ":"))


def _text(engine: str, kind: str, value: Any) -> str:
    if kind == "bytes":
        hexadecimal = bytes(value).hex()
        return hexadecimal.upper() if engine == "mysql" else f"\\x{hexadecimal}"
    return str(value)
