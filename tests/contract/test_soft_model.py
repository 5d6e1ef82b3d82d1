"""Soft deletion against a small model: random schemas and rows, jobs, and all of it taken back.

The tables refer to each other at random, circles included; some can be marked, in one of three
ways, and some of their rows were marked before. A model that knows nothing of ours says which rows
the jobs reach; after all restores every table has to be as it was.
"""

import os
import random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contract.soft import ask
from tests.database import Database, Reference

MORE_EXAMPLES = os.environ.get("DELETION_JOBS_TEST_EXAMPLES")
EXAMPLES = {"mysql": 25, "postgres": 40}

KINDS = {
    "timestamp": ("timestamp null", None, "2020-02-02 02:02:02"),
    "boolean": ("boolean null", False, True),
    "integer": ("int", 3, 7),
    "none": ("int null", None, None),
}

Row = tuple[str, int]


class Link(NamedTuple):
    """A reference: its child table, column and parent table."""

    child: str
    column: str
    parent: str


class Case(NamedTuple):
    """A schema with its rows, and what is asked."""

    kinds: dict[str, str]
    links: list[Link]
    parents: dict[Row, dict[str, int | None]]
    before: set[Row]
    roots: list[int]
    batch_rows: int
    one_by_one: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw one case; the choices within come from a drawn seed."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    names = [f"t{n}" for n in range(chance.randint(1, 5))]
    kinds = {name: chance.choice(list(KINDS)) for name in names}
    kinds["t0"] = chance.choice(["timestamp", "boolean", "integer"])
    links = []
    for number in range(chance.randint(len(names) - 1, len(names) + 3)):
        child = names[number + 1] if number + 1 < len(names) else chance.choice(names)
        links.append(Link(child, f"r{number}", chance.choice(names)))
    counts = {name: chance.choice([0, 3, 7, 12]) for name in names}
    counts["t0"] = chance.randint(1, 8)
    parents: dict[Row, dict[str, int | None]] = {}
    for name in names:
        for key in range(1, counts[name] + 1):
            parents[name, key] = {
                link.column: chance.randint(1, counts[link.parent])
                if counts[link.parent] and chance.random() < 0.7
                else None
                for link in links
                if link.child == name
            }
    before = {row for row in parents if kinds[row[0]] != "none" and chance.random() < 0.2}
    roots = chance.sample(range(1, counts["t0"] + 1), chance.randint(1, min(4, counts["t0"])))
    return Case(
        kinds, links, parents, before, roots, chance.choice([1, 2, 3, 5000]), chance.random() < 0.5
    )


def reached(case: Case, roots: list[int]) -> set[Row]:
    """Give the rows that hang from roots, themselves included."""
    found = {("t0", root) for root in roots}
    front = list(found)
    while front:
        parent = front.pop()
        for link in case.links:
            if link.parent != parent[0]:
                continue
            for row, columns in case.parents.items():
                if row[0] == link.child and columns[link.column] == parent[1] and row not in found:
                    found.add(row)
                    front.append(row)
    return found


def make(db: Database, case: Case) -> None:
    """Make the tables, their rows and what is registered."""
    for name, kind in case.kinds.items():
        columns = [link.column for link in case.links if link.child == name]
        type_, live, mark = KINDS[kind]
        db.table(
            name,
            "id bigint",
            f"gone {type_}",
            *(f"{column} bigint null" for column in columns),
            rows=[
                (key, mark if (name, key) in case.before else live, *[None for _ in columns])
                for table, key in case.parents
                if table == name
            ],
        )
    for link in case.links:
        db.add_reference(link.child, Reference(link.column, link.parent, "cascade"))
    for (name, key), columns_of in case.parents.items():
        for column, parent in columns_of.items():
            db.execute(f"UPDATE {name} SET {column} = %s WHERE id = %s", parent, key)
    db.register_deletion_target("t0")
    for name, kind in case.kinds.items():
        if kind != "none":
            db.set_soft_deletion(name, "gone", 7 if kind == "integer" else None)


def drop(db: Database, case: Case) -> None:
    """Take everything away again, for the next case."""
    db.unregister_deletion_target("t0")
    for name in case.kinds:
        db.set_soft_deletion(name, None)
    for table in ("jobs", "attempts", "runs", "receipts", "marks"):
        db.execute(f"DELETE FROM deletion_{table}")
    for link in case.links:
        constraint = db.reference_name(link.child, Reference(link.column, link.parent))
        db.execute(
            db.either(
                mysql=f"ALTER TABLE {link.child} DROP FOREIGN KEY {constraint}",
                postgres=f"ALTER TABLE {link.child} DROP CONSTRAINT {constraint}",
            )
        )
    for name in case.kinds:
        db.execute(f"DROP TABLE {name}")


def check(db: Database, case: Case) -> None:
    """Work the jobs and take them back, one comparison after the other."""
    before = db.application_contents()
    db.set_deletion_setting("batch_rows", case.batch_rows)
    jobs = []
    for root in case.roots:
        jobs.append(ask(db, "t0", root))
        if case.one_by_one:
            db.run()
    db.run()
    assert {db.status(job_id) for job_id in jobs} == {"done"}
    wanted = {row for row in reached(case, case.roots) if case.kinds[row[0]] != "none"}
    found = [(table, int(key)) for job_id in jobs for table, (key,) in db.marks(job_id)]
    assert sorted(found) == sorted(wanted - case.before)
    for job_id, root in zip(jobs, case.roots, strict=True):
        own = [(table, int(key)) for table, (key,) in db.marks(job_id)]
        assert set(own) <= reached(case, [root])
        assert db.receipts(job_id) == {
            (name, "mark"): count
            for name in case.kinds
            if (count := sum(row[0] == name for row in own))
        }
    after = {
        (name, int(key))
        for name, kind in case.kinds.items()
        if kind != "none"
        for key in db.column(
            f"SELECT id FROM {name} WHERE "
            + {"timestamp": "gone IS NOT NULL", "boolean": "gone", "integer": "gone = 7"}[kind]
        )
    }
    assert after == wanted | case.before
    assert db.count("deletion_soft_keys") == 0
    for job_id in jobs:
        db.restore_deletion(job_id)
    assert db.application_contents() == before


@pytest.mark.parametrize("db", ["mysql", "postgres"], indirect=True)
def test_jobs_mark_what_a_model_reaches_and_give_it_back(
    db: Database, request: pytest.FixtureRequest
) -> None:
    name = str(request.node.callspec.params["db"])

    @settings(
        max_examples=int(MORE_EXAMPLES or EXAMPLES[name]),
        derandomize=not MORE_EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def run(case: Case) -> None:
        make(db, case)
        check(db, case)
        drop(db, case)

    run()
