"""Rows in circles with restricting references, drawn at random, against a model of one page.

The oracle (test_oracle.py) draws whole schemas, few of which hold a circle that is hard to open;
here every case has one: rows that have to let go of what comes after them, and references that are
never NULL and restrict. Runs are also interrupted: by a crash, a cancelled job, a hold.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import pytest

from tests import install
from tests.contract.steps import Steps, recover_all
from tests.database import Database, Reference

SCHEMAS = 6
FILLINGS = 5

Key = tuple[str, int]
Row = tuple[int | None, ...]


@dataclass(frozen=True)
class Link:
    """A foreign key to `id`; each has a column of its own."""

    child: str
    column: str
    parent: str
    action: str
    is_nullable: bool


@dataclass
class Graph:
    """Tables, of which `shop` is the target, and rows in them; ids begin at 1."""

    links: dict[str, list[Link]]
    rows: dict[str, list[Row]] = field(default_factory=dict)
    batch_rows: int = 1
    roots: list[int] = field(default_factory=list)

    def parents(self, key: Key) -> Iterator[tuple[Link, Key]]:
        """Give what a row hangs from."""
        row = self.rows[key[0]][key[1] - 1]
        for link, parent in zip(self.links[key[0]], row[1:], strict=True):
            if parent is not None:
                yield link, (link.parent, parent)

    def keys(self) -> set[Key]:
        """Give all rows."""
        return {(table, n + 1) for table, rows in self.rows.items() for n in range(len(rows))}

    def closure(self, root: int) -> set[Key]:
        """Give all that goes with a shop."""
        gone: set[Key] = set()
        more = {("shop", root)}
        while more:
            gone |= more
            more = {
                key
                for key in self.keys() - gone
                if any(k.action == "cascade" and p in gone for k, p in self.parents(key))
            }
        return gone

    def is_blocked(self, gone: set[Key]) -> bool:
        """Whether a row that stays keeps one of these."""
        return any(
            link.action in {"no action", "restrict"} and parent in gone
            for key in self.keys() - gone
            for link, parent in self.parents(key)
        )

    def turns(self, root: int) -> dict[Key, int]:
        """Number the rows of a closure from the root down; rows that a circle keeps have none.

        A row comes after one that it hangs from by a reference that cascades, and after all that
        it hangs from by one that is never NULL.
        """
        gone = self.closure(root)
        turn: dict[Key, int] = {}
        while True:
            now = {
                key
                for key in gone - turn.keys()
                if key == ("shop", root)
                or any(k.action == "cascade" and p in turn for k, p in self.parents(key))
            }
            now = {
                key
                for key in now
                if all(
                    k.is_nullable
                    or k.action == "set null"
                    or p in turn
                    or p == key
                    or p not in gone
                    for k, p in self.parents(key)
                )
            }
            if not now:
                return turn
            turn |= dict.fromkeys(now, len(turn))

    def ends(self, root: int) -> bool:
        """Whether a job for a shop can be done on either engine."""
        gone = self.closure(root)
        return not self.is_blocked(gone) and self.turns(root).keys() == gone

    def is_hard(self) -> bool:
        """Whether the first job has to let go of a row, and has references that are never NULL."""
        turn = self.turns(1)
        tied = [(turn[key], turn.get(p), k) for key in turn for k, p in self.parents(key)]
        return all(self.ends(root) for root in self.roots) and (
            any(k.action == "cascade" and p is not None and own < p for own, p, k in tied)
            and any(
                k.action != "cascade" and not k.is_nullable for _, p, k in tied if p is not None
            )
        )


def schema(draw: random.Random) -> Graph:
    """Draw up to four tables below `shop`, and what else they refer to."""
    names = [f"t{n}" for n in range(draw.randint(2, 4))]
    links: dict[str, list[Link]] = {name: [] for name in ["shop", *names]}

    def tie(child: str, parent: str, action: str, is_nullable: bool) -> None:
        links[child].append(Link(child, f"c{len(links[child])}", parent, action, is_nullable))

    for n, name in enumerate(names):
        above = draw.choice(names[:n]) if n and draw.random() < 0.35 else "shop"
        if n == 0 or draw.random() < 0.75:
            tie(name, above, "cascade", draw.random() < 0.35)
    for _ in range(draw.randint(3, 6)):
        action = draw.choices(["cascade", "no action", "set null", "restrict"], [50, 40, 4, 7])[0]
        is_nullable = draw.random() < (0.65 if action == "cascade" else 0.35)
        tie(draw.choice(names), draw.choice(names), action, is_nullable or action == "set null")
    return Graph(links)


def fill(graph: Graph, draw: random.Random) -> Graph:
    """Draw rows, the size of a batch, and for how many shops there are jobs."""
    sizes = {name: 3 if name == "shop" else draw.randint(2, 7) for name in graph.links}
    dense = draw.random() * 0.6 + 0.3

    def value(link: Link, own: int) -> int | None:
        if link.is_nullable and draw.random() > dense:
            return None
        if link.parent == "shop" and draw.random() < 0.8:
            return 1 if draw.random() < 0.7 else 2
        others = [
            n + 1 for n in range(sizes[link.parent]) if link.parent != link.child or n + 1 != own
        ]
        return draw.choice(others)

    rows = {
        name: [(n + 1, *(value(link, n + 1) for link in links)) for n in range(sizes[name])]
        for name, links in graph.links.items()
    }
    roots = list(range(1, draw.choice([1, 1, 1, 2, 3]) + 1))
    return Graph(graph.links, rows, draw.choice([1, 1, 2, 2, 3]), roots)


@cache
def hard_graphs() -> list[list[Graph]]:
    """Draw schemas with some fillings each that are hard; the same ones each time."""
    found: list[list[Graph]] = []
    draw = random.Random(20261128)
    while len(found) < SCHEMAS:
        empty = schema(draw)
        graphs = [g for g in (fill(empty, draw) for _ in range(80)) if g.is_hard()]
        if len(graphs) >= FILLINGS:
            found.append(graphs[:FILLINGS])
    return found


def build(db: Database, graph: Graph) -> None:
    """Create the tables, empty, with their keys."""
    for name, links in graph.links.items():
        columns = [f"{k.column} bigint{' null' if k.is_nullable else ''}" for k in links]
        db.table(name, "id bigint", *columns)
    for links in graph.links.values():
        for link in links:
            db.add_reference(link.child, Reference(link.column, link.parent, link.action))


def load(db: Database, graph: Graph) -> None:
    """Put the rows in, in place of what is there; rows in circles come without checks.

    A row has one job: what is known of the shops before is forgotten.
    """
    for table in install.table_names(db.engine):
        if table != "deletion_settings":
            db.execute(f"DELETE FROM {table}")
    db.register_deletion_target("shop")
    db.script(mysql="SET foreign_key_checks = 0", postgres="SET session_replication_role = replica")
    for name, rows in graph.rows.items():
        db.execute(f"DELETE FROM {name}")
        db.insert(name, rows)
    db.script(mysql="SET foreign_key_checks = 1", postgres="SET session_replication_role = origin")
    db.set_deletion_setting("batch_rows", max(graph.batch_rows, len(graph.roots)))


def interrupt(db: Database, what: str, jobs: list[int], graph: Graph, draw: random.Random) -> None:
    """Begin the run, interrupt it after some steps, and let it go on."""
    session = db.connect()
    steps = Steps(session)
    steps.claim()
    state = "more"
    for _ in range(draw.randint(4, 30)):
        state = steps.step() if state in {"more", "retry"} else state
    if what == "crash":
        db.end_session(session)
        recover_all(db)
        return
    if what == "cancel":
        job = draw.choice(jobs)
        if db.status(job) in {"pending", "running"}:
            db.cancel_deletion(job)
    elif what == "hold":
        table = draw.choice(sorted(graph.rows))
        held = (table, draw.randint(1, len(graph.rows[table])))
        db.hold_deletion(*held)
        for _ in range(draw.randint(1, 4)):
            state = steps.step() if state in {"more", "retry"} else state
        db.release_deletion_hold(*held)
    while state in {"more", "retry"}:
        state = steps.step()


def check(db: Database, what: str, jobs: list[int], graph: Graph) -> None:
    """Hold what the jobs left, and what they say, against the model."""
    statuses = [db.status(job) for job in jobs]
    errors = [db.job(job).error for job in jobs]
    after = {
        name: {int(row[0]): tuple(row) for row in db.rows(f"SELECT * FROM {name}")}
        for name in graph.rows
    }
    left = {(name, n) for name, rows in after.items() for n in rows}
    closures = [graph.closure(root) for root in graph.roots]
    done = {
        key
        for closure, status in zip(closures, statuses, strict=True)
        if status == "done"
        for key in closure
    }
    assert not done & left, (statuses, errors)
    assert graph.keys() - left <= set().union(*closures)
    if what in {"run", "crash"}:
        assert statuses == ["done"] * len(jobs), errors
        assert left == graph.keys() - done
        for name, n in left:
            kept = [
                None if link.action == "set null" and (link.parent, value) in done else value
                for link, value in zip(graph.links[name], graph.rows[name][n - 1][1:], strict=True)
            ]
            assert after[name][n] == (n, *kept)
    counted: Counter[str] = Counter()
    for job in jobs:
        counted.update({t: n for (t, action), n in db.receipts(job).items() if action == "delete"})
    assert +counted == Counter(name for name, _ in graph.keys() - left)
    for table in ("deletion_frames", "deletion_walk_keys", "deletion_walk_links"):
        assert db.count(table) == 0, table


@pytest.mark.parametrize("what", ["run", "crash", "cancel", "hold"])
@pytest.mark.parametrize("number", range(SCHEMAS))
@pytest.mark.parametrize("db", ["mysql", "postgres"], indirect=True)
def test_rows_in_circles_end_as_the_model_says(db: Database, number: int, what: str) -> None:
    graphs = hard_graphs()[number]
    build(db, graphs[0])
    db.set_deletion_setting("backoff_seconds", 0)
    for place, graph in enumerate(graphs):
        load(db, graph)
        jobs = [db.enqueue_deletion("shop", root) for root in graph.roots]
        if what != "run":
            interrupt(db, what, jobs, graph, random.Random(place))
        db.run()
        check(db, what, jobs, graph)
