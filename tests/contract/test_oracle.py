"""Promise 1 against the engine itself: the same data, cloned, with one native DELETE of the root.

Hypothesis draws the schema, the data and the roots. Three answers are compared: what our jobs
left, what the engine's own cascade left, and what the model of `tests.oracle.model` says. Ours is
always the model's. Where the engine's is another, because its answer depends on the order of its
own triggers and keys, the case is counted and an example is printed: none is passed over.

DELETION_JOBS_TEST_EXAMPLES raises the number of cases, which are then other ones each time;
DELETION_JOBS_TEST_SHRINK=1 makes a failing one smaller, for minutes.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests import install
from tests.database import Database, Home, Job, MySQL, MySQLInstallation, Raised
from tests.oracle.cases import Case, Row, Rows, key_text
from tests.oracle.model import Expected, expect, keeps_circle
from tests.oracle.rules import ruled
from tests.oracle.sides import Side, in_order
from tests.oracle.strategies import cases, fits

MORE_EXAMPLES = os.environ.get("DELETION_JOBS_TEST_EXAMPLES")
SHRINK = os.environ.get("DELETION_JOBS_TEST_SHRINK")
EXAMPLES = {"mysql": 250, "mysql_native_fk": 250, "postgres": 500}

Counts = dict[tuple[str, str], int]


@dataclass
class Tally:
    """How often what was seen, and the first example of what is worth one."""

    seen: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, example: str = "") -> None:
        """Count a case."""
        self.seen[what] += 1
        if example and len(example) < len(self.examples.get(what, example * 2)):
            self.examples[what] = example

    def text(self) -> str:
        """Tell all of it."""
        lines = [f"{count:6}  {what}" for what, count in sorted(self.seen.items())]
        for what, example in sorted(self.examples.items()):
            lines += ["", f"{what}; the shortest case:", example]
        return "\n".join(lines)


@pytest.fixture
def native(db: Database, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A session for the oracle: its own schema, or a database on the server that cascades right."""
    if db.engine == "postgres":
        session = db.connect()
        session.script(postgres="CREATE SCHEMA oracle; SET search_path = oracle")
        yield session
        session.script(postgres="DROP SCHEMA oracle CASCADE")
        return
    installation: MySQLInstallation = request.getfixturevalue("mysql_native_fk_installation")
    name = f"{installation.token}_oracle"
    home = Home(installation.server, "mysql", "mysql", {})
    admin = MySQL(home)
    admin.script(mysql=f"CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name}")
    yield admin
    admin.script(mysql=f"DROP DATABASE {name}")
    home.threads.shutdown()
    admin.close()


class Trial:
    """One case on both sides."""

    def __init__(self, db: Database, ours: Side, oracle: Side, case: Case, tally: Tally) -> None:
        self.db = db
        self.ours = ours
        self.oracle = oracle
        self.case = case
        # What a job blocks and the engine does not.
        self.ruled = ruled(case)
        self.tally = tally
        self.rows: Rows = {t.name: in_order(t, case.rows[t.name]) for t in case.tables}
        self.kinds = [case.target.column(name).kind for name in case.target_key]
        self.roots = [root for root in case.roots if fits(case, db.engine, root)]
        self.batch_rows = case.batch_rows
        # False from the first DELETE on that the engine ended in another way than the model.
        self.is_comparable = True

    def prepare(self) -> None:
        """Build both sides; register, declare, and set rules on ours."""
        for side in (self.ours, self.oracle):
            side.clear()
            side.build(self.case)
        for table in install.table_names(self.db.engine):
            if table != "deletion_settings":
                self.db.execute(f"DELETE FROM {table}")
        self.db.register_deletion_target(self.case.target.name, self.case.target_key)
        for link in self.case.links:
            if link.how == "rule":
                self.db.set_deletion_rule(link.child, link.name, link.fate)
            elif link.how == "declared":
                self.db.declare_deletion_reference(
                    link.name, link.child, link.columns, link.parent, link.to, link.fate
                )
        # A run takes no more jobs than rows of a batch; what it leaves may be blocked no longer.
        self.batch_rows = max(self.case.batch_rows, len(self.roots) if self.case.is_set else 1)
        self.db.set_deletion_setting("batch_rows", self.batch_rows)
        self.db.set_deletion_setting("max_attempts", 1)

    def run(self) -> None:
        """Delete the roots, one after the other or as one set."""
        assert self.ours.contents(self.case) == self.oracle.contents(self.case) == self.rows
        if self.case.is_set:
            self.run_set()
        else:
            for root in self.roots:
                if not self.run_one(root):
                    break
        assert self.db.count("deletion_frames") == self.db.count("deletion_walk_keys") == 0

    def run_one(self, root: Row) -> bool:
        """Delete one root; False: nothing can follow."""
        expected = expect(self.ruled, self.rows, root)
        foreseen = self.preview(root)
        job = self.db.delete(self.case.target.name, self.text(root))
        receipts = self.db.receipts(job.id)
        if self.is_kept(root, expected):
            self.check_kept(root, job)
            assert "circle" in {fate for _, fate in foreseen}
            return True
        if (job.error or "").startswith("JD007") and expected.verdict == "done":
            assert receipts == {}
            assert self.ours.contents(self.case) == self.rows
            assert keeps_circle(self.ruled, self.rows, root)
            assert "circle" in {fate for _, fate in foreseen}
            foreseen = {key: count for key, count in foreseen.items() if key[1] != "circle"}
            self.in_larger_batches(root, job.id)
            job = self.db.job(job.id)
            receipts = self.db.receipts(job.id)
        after = self.ours.contents(self.case)
        raised = self.oracle.native_delete(self.case, root) if self.is_comparable else None
        if expected.verdict == "violates":
            self.tally.add("a default without a parent: both fail")
            assert job.status == "failed"
            if self.is_comparable and raised is None:
                # A row is set by one reference and deleted by another over the same columns.
                assert self.case.shares_columns()
                self.tally.add("the engine's end depends on order", f"{self.case!r}\n{root!r}")
                self.is_comparable = False
            assert (job.error or "").startswith("JD006: "), job.error
            assert "restrict" in {fate for _, fate in foreseen}
            assert (receipts, after) == ({}, self.rows)
            return True
        assert (job.status, job.error) == (
            ("done", None) if expected.verdict == "done" else ("failed", job.error)
        )
        assert after == self.sorted(expected.rows)
        if expected.verdict == "blocked":
            self.check_blocked(expected, job.error or "", foreseen)
            assert receipts == {}
        else:
            assert self.fold(receipts) == self.fold(expected.counts)
            assert folded(self.differences(self.rows, after, expected)) == folded(receipts)
            assert self.fold(foreseen) == self.fold(receipts)
        self.compare(root, expected, raised)
        self.rows = after
        return True

    def is_kept(self, root: Row, expected: Expected) -> bool:
        """Whether a circle keeps rows that nothing else keeps, on MySQL."""
        return (
            self.db.engine == "mysql"
            and expected.verdict == "done"
            and keeps_circle(self.ruled, self.rows, root)
        )

    def check_kept(self, root: Row, job: Job) -> None:
        """Such a job fails before anything is touched."""
        self.tally.add("a circle that MySQL cannot open", f"{self.case!r}\nDELETE of {root!r}")
        assert (job.status, (job.error or "")[:7]) == ("failed", "JD007: "), job.error
        assert self.db.receipts(job.id) == {}
        if not self.case.is_set:
            assert self.ours.contents(self.case) == self.sorted(self.rows)

    def in_larger_batches(self, root: Row, job_id: int) -> None:
        """Go on with a job that was refused for a circle: that goes as a whole, or not at all."""
        assert self.db.engine == "postgres", self.db.job(job_id).error
        self.tally.add("a circle larger than the batch", f"{self.case!r}\nDELETE of {root!r}")
        assert sum(map(len, self.rows.values())) > self.batch_rows
        self.db.set_deletion_setting("batch_rows", 1000)
        self.db.retry_deletion(job_id)
        self.db.run()
        self.db.set_deletion_setting("batch_rows", self.batch_rows)

    def run_set(self) -> None:
        """Enqueue all roots at once: who is blocked is decided before any of them runs."""
        verdicts = [expect(self.ruled, self.rows, root) for root in self.roots]
        trials = [self.oracle.native_trial(self.case, root) for root in self.roots]
        jobs = [
            self.db.enqueue_deletion(self.case.target.name, self.text(root)) for root in self.roots
        ]
        self.db.run()
        rows = self.rows
        found: Counter[tuple[str, str]] = Counter()
        most: Counter[tuple[str, str]] = Counter()
        for root, job_id, alone, raised in zip(self.roots, jobs, verdicts, trials, strict=True):
            if self.is_kept(root, alone):
                self.check_kept(root, self.db.job(job_id))
                continue
            if (self.db.job(job_id).error or "").startswith("JD007"):
                self.in_larger_batches(root, job_id)
            job = self.db.job(job_id)
            self.compare(root, alone, raised)
            if alone.verdict == "blocked":
                assert (job.status, self.db.receipts(job_id)) == ("failed", {})
                self.check_blocked(alone, job.error or "", None)
                continue
            assert (job.status, job.error) == ("done", None)
            found.update(self.db.receipts(job_id))
            most.update(alone.counts)
            rows = expect(self.ruled, rows, root).rows
            if self.is_comparable:
                assert self.oracle.native_delete(self.case, root) is None
        after = self.ours.contents(self.case)
        assert after == self.sorted(rows)
        if self.is_comparable:
            assert self.oracle.contents(self.case) == after
        # Each removed row is counted by one job; a row that two jobs set is counted by both, and so
        # may be one that a job set, since it waited in a circle of another, and the other removed.
        real = self.differences(self.rows, after, verdicts[0])
        for (table, fate), count in found.items():
            if fate == "delete":
                assert count == real[table, fate]
            else:
                assert real[table, fate] <= count <= most[table, fate] + real[table, "delete"]
        assert {key for key in real if key[1] == "delete"} <= found.keys()
        self.tally.add("jobs of a set", "")

    def compare(self, root: Row, expected: Expected, raised: Raised | None) -> None:
        """Hold the engine's answer against the model's; count where they differ."""
        if not self.is_comparable:
            self.tally.add("after a DELETE that the engine ended otherwise: model only")
        elif expected.verdict == "blocked":
            assert raised is not None or self.case.shares_columns() or self.ruled != self.case
            if raised is not None:
                self.tally.add("blocked: both refuse")
            else:
                self.tally.add("blocked: only ours refuses", f"{self.case!r}\nDELETE of {root!r}")
            self.is_comparable = raised is not None
        elif raised is not None:
            self.tally.add(
                f"the engine refuses what is defined ({raised.sqlstate})",
                f"{self.case!r}\nDELETE of {root!r}: {raised.message}",
            )
            self.is_comparable = False
        elif self.case.is_set or self.oracle.contents(self.case) == self.sorted(expected.rows):
            size = sum(count for (_, fate), count in expected.counts.items() if fate == "delete")
            self.tally.add(f"same end ({'no row' if not size else 'one' if size == 1 else 'many'})")
        else:
            assert self.case.shares_columns()
            self.tally.add("the engine's end depends on order", f"{self.case!r}\n{root!r}")
            self.is_comparable = False

    def check_blocked(self, expected: Expected, error: str, foreseen: Counts | None) -> None:
        """An error names a reference and the rows behind it; the preview names all of them.

        A row behind two references is counted once, with one of them.
        """
        said = re.match(r"JD006: (\d+) rows? of (\w+) behind (\w+)", error)
        assert said is not None, error
        children = {link.name: link.child for link in self.case.links}
        one_each = expected.blocking.total() == expected.blocking_rows.total()
        assert said[2] == children[said[3]]
        assert 0 < int(said[1]) <= expected.blocking[said[3]]
        assert not one_each or int(said[1]) == expected.blocking[said[3]]
        if foreseen is not None:
            blocking = Counter(
                {name: count for (name, fate), count in foreseen.items() if fate == "restrict"}
            )
            assert blocking <= expected.blocking
            found: Counter[str] = Counter()
            for name, count in blocking.items():
                found[children[name]] += count
            assert found == expected.blocking_rows

    def preview(self, root: Row) -> Counts:
        """Ask what would happen; rows that would block by the name of their reference."""
        found = self.db.preview_deletion(self.case.target.name, self.text(root))
        assert not any(row.is_at_least for row in found)
        return {(row.reference_name or row.table_name, row.action): row.row_count for row in found}

    def text(self, root: Row) -> str:
        """Write a root's key as a caller would."""
        return key_text(self.db.engine, self.kinds, root)

    def sorted(self, rows: Rows) -> Rows:
        """Put the model's rows in the order in which tables are read."""
        return {table.name: in_order(table, rows[table.name]) for table in self.case.tables}

    def fold(self, counts: Counts) -> Counts:
        """Take SET NULL and SET DEFAULT together where a table has both: a row has one fate."""
        both = {
            table.name
            for table in self.case.tables
            if {"set_null", "set_default"}
            <= {link.fate for link in self.case.links if link.child == table.name}
        }
        result: Counter[tuple[str, str]] = Counter()
        for (table, fate), count in counts.items():
            result[table, "set" if table in both and fate != "delete" else fate] += count
        return dict(result)

    def differences(self, before: Rows, after: Rows, expected: Expected) -> Counts:
        """Count what really happened to each table's rows, by their primary keys."""
        found: Counter[tuple[str, str]] = Counter()
        for table in self.case.tables:
            there = {table.pick(row, table.key): row for row in after[table.name]}
            fates = {fate for name, fate in expected.counts if name == table.name}
            fates -= {"delete", "root_not_found"}
            for row in before[table.name]:
                now = there.get(table.pick(row, table.key))
                if now is None:
                    found[table.name, "delete"] += 1
                elif now != row:
                    found[table.name, min(fates, default="set_null")] += 1
        return found


def folded(counts: Counts) -> Counts:
    """Take all ways of setting a row together; leave out what was not found."""
    result: Counter[tuple[str, str]] = Counter()
    for (table, fate), count in counts.items():
        result[table, "delete" if fate == "delete" else "set"] += count
    return dict(+result)


@pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)
def test_a_job_ends_as_one_native_delete_of_its_root_would(
    db: Database,
    native: Database,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours, oracle, tally = Side(db, is_native=False), Side(native, is_native=True), Tally()
    name = str(request.node.callspec.params["db"])

    @settings(
        max_examples=int(MORE_EXAMPLES or EXAMPLES[name]),
        derandomize=not MORE_EXAMPLES,
        phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(db.engine))
    def check(case: Case) -> None:
        trial = Trial(db, ours, oracle, case, tally)
        trial.prepare()
        trial.run()

    check()
    with capsys.disabled():
        print(f"\noracle on {name}:\n{tally.text()}")
    assert tally.seen["same end (many)"] >= sum(tally.seen.values()) // 5
    assert tally.seen["blocked: both refuse"]
    assert tally.seen["jobs of a set"]
