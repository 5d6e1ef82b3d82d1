"""The data sets of ``bench cascade``: their tables, their sizes, and what has to be left of them.

Each has 26 roots. The first is the one that is measured, the next five warm caches and plans, and
the others have to stay with all that is theirs. A *unit* is a row below a root, with what hangs
from it; the first root has as many units as the rows that are asked for give.

The tables, the batches by hand and the native cascade of a shape are in its folder of queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

ROOT = 1
WARM_ROOTS = (2, 3, 4, 5, 6)
ROOTS = 26
# A large prime: number n of a table gets the key (n - 1) * STEP modulo its rows, plus 1, so that
# rows that belong together lie far apart.
STEP = 2_654_435_761

Left = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Child:
    """A table below another.

    Attributes:
        table: its name.
        parent: the table that it refers to.
        fan: how many of its rows each row there has.
    """

    table: str
    parent: str
    fan: int


@dataclass(frozen=True)
class Shape:
    """A data set.

    Attributes:
        name: what ``--shape`` says.
        title: what it is, in words.
        by_hand: how the batches by hand go about it.
        root: the table that holds the roots.
        units: the table of the units.
        children: the tables below the units, parents first.
        default_rows: how many rows are deleted where nothing is said.
        other_units: how many units each of the other roots has.
        fan: for a table that refers to itself, how many children each node has; else None.
    """

    name: str
    title: str
    by_hand: str
    root: str
    units: str
    children: tuple[Child, ...] = ()
    default_rows: int = 140_000
    other_units: int = 600
    fan: int | None = None

    @property
    def folder(self) -> str:
        """Where its queries are; a tree and a chain are the same table."""
        return "bench/nodes" if self.fan is not None else f"bench/{self.name}"

    @property
    def rows_per_unit(self) -> int:
        """Rows of a unit."""
        rows = {self.units: 1}
        for child in self.children:
            rows[child.table] = rows[child.parent] * child.fan
        return sum(rows.values())

    def units_of(self, rows: int) -> int:
        """Give the units of the first root, so that about so many rows are deleted."""
        return round((rows - 1) / self.rows_per_unit)

    def rows(self, units: int) -> int:
        """Give the rows of the first root, itself among them."""
        return 1 + units * self.rows_per_unit

    def others(self, units: int) -> int:
        """Give the units of each other root: no more than the first one has."""
        return min(self.other_units, units)

    def filling(self, units: int, is_scattered: bool) -> tuple[int, ...]:
        """Give what ``bench_fill`` takes."""
        others = self.others(units)
        if self.fan is not None:
            return units, others, _prime(_all(units, others)) if is_scattered else 0, self.fan
        return units, others, STEP if is_scattered else 1

    def expected(self, units: int, is_scattered: bool) -> Left:
        """Work out what has to be left: the roots from the seventh on, with what is theirs.

        Returns:
            for each table the number of rows and the sum of their keys, as text.
        """
        others = self.others(units)
        every = _all(units, others)
        kept = range(units + len(WARM_ROOTS) * others + 1, every + 1)
        roots = list(range(len(WARM_ROOTS) + 2, ROOTS + 1))
        if self.fan is not None:
            prime = _prime(every)
            below = [ROOTS + (pow(n, 3, prime) if is_scattered else n) for n in kept]
            return _left({self.root: roots + below})
        step = STEP if is_scattered else 1
        keys = {self.root: roots, self.units: list(_keys(kept, step, every))}
        totals = {self.units: every}
        for child in self.children:
            totals[child.table] = totals[child.parent] * child.fan
            numbers = (
                (parent - 1) * child.fan + place
                for parent in keys[child.parent]
                for place in range(1, child.fan + 1)
            )
            keys[child.table] = list(_keys(numbers, step, totals[child.table]))
        return _left(keys)


def _all(units: int, others: int) -> int:
    return units + (ROOTS - 1) * others


def _keys(numbers: Iterator[int] | range, step: int, total: int) -> Iterator[int]:
    return ((number - 1) * step % total + 1 for number in numbers)


def _left(keys: dict[str, list[int]]) -> Left:
    return {table: (len(found), str(sum(found))) for table, found in keys.items()}


def _prime(above: int) -> int:
    """Give the next prime modulo which no two numbers have the same cube."""
    number = above + 1
    while number % 3 != 2 or any(number % factor == 0 for factor in range(2, int(number**0.5) + 1)):
        number += 1
    return number


_KEY_ORDER = "each batch children first"

LEVELS = Shape(
    name="levels",
    title="in three levels",
    by_hand=f"orders in key order, {_KEY_ORDER}",
    root="bench_customers",
    units="bench_orders",
    children=(
        Child("bench_order_items", "bench_orders", 10),
        Child("bench_payments", "bench_orders", 1),
    ),
    other_units=50,
)
DEEP = Shape(
    name="deep",
    title="in ten levels",
    by_hand=f"rows of level 2 in key order, {_KEY_ORDER}",
    root="bench_level_1",
    units="bench_level_2",
    children=tuple(
        Child(f"bench_level_{level}", f"bench_level_{level - 1}", 1 + level % 2)
        for level in range(3, 11)
    ),
    other_units=10,
)
WIDE = Shape(
    name="wide",
    title="under one parent",
    by_hand="children in key order",
    root="bench_parents",
    units="bench_children",
)
TREE = Shape(
    name="tree",
    title="in a tree of one table",
    by_hand="all nodes found first, then by key, the deepest first",
    root="bench_nodes",
    units="bench_nodes",
    fan=10,
)
CHAIN = Shape(
    name="chain",
    title="in a chain of one table",
    by_hand=TREE.by_hand,
    root="bench_nodes",
    units="bench_nodes",
    # Whoever goes level by level has as many levels as rows.
    default_rows=2000,
    # Below what MySQL's own cascade can follow.
    other_units=10,
    fan=1,
)
SHAPES = {shape.name: shape for shape in (LEVELS, DEEP, WIDE, TREE, CHAIN)}
