"""What ``bench cascade`` has measured, as plain values and as a table."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deletion_jobs import bench_figures
from deletion_jobs.bench_shapes import Left, Shape

JOB = "job"
BY_HAND = "by hand"
NATIVE = "native"
DJANGO = "django"
ARCHIVER = "pt-archiver"
ARCHIVER_BULK = "pt-archiver-bulk"
NATIVE_OFF = "native-off"
UNDER_SNAPSHOT = " under a snapshot"
TITLES = {
    JOB: "deletion job",
    BY_HAND: "batches by hand",
    NATIVE: "native cascade",
    DJANGO: "Django",
    ARCHIVER: "pt-archiver",
    ARCHIVER_BULK: "archiver, bulk",
    NATIVE_OFF: "native, default",
}
NOTES = {
    DJANGO: "Django: the root's delete(), its collector, in one transaction that is not counted.",
    ARCHIVER: "pt-archiver: one call a table, children first, with its defaults (a row a commit).",
    ARCHIVER_BULK: "Bulk: pt-archiver with --bulk-delete --commit-each, a batch as its --limit.",
    NATIVE_OFF: "Default: on another server as it comes, without --innodb-native-foreign-keys=ON.",
}


@dataclass
class Measured:
    """What one method took, a value for each round.

    Attributes:
        seconds: until the call returned and, on MySQL, purge had caught up.
        call_seconds: until the call returned.
        commits: transactions committed meanwhile, where they can be counted.
        left: rows left in each table, with the sum of their keys.
        refusal: why the method cannot do this at all; then there are no values.
    """

    seconds: list[float] = field(default_factory=list)
    call_seconds: list[float] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    refusal: str | None = None

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def call_median(self) -> float:
        """The median of the seconds until the call returned."""
        return statistics.median(self.call_seconds)

    def surplus(self, expected: Left) -> dict[str, int]:
        """Count the rows that should be gone and are not (below zero: the other way round)."""
        return {
            table: rows - expected[table][0]
            for left in self.left
            for table, (rows, keys) in left.items()
            if (rows, keys) != expected[table]
        }


@dataclass(frozen=True)
class Setup:
    """What is measured.

    Attributes:
        shape: the data set.
        units: how many units its first root has.
        rounds: how often each method is measured.
        batch_rows: rows of a commit, at most.
        is_scattered: children do not lie beside those of the same parent.
        has_snapshot: each method is measured once more under an old snapshot.
    """

    shape: Shape
    units: int
    rounds: int
    batch_rows: int
    is_scattered: bool
    has_snapshot: bool

    @property
    def rows(self) -> int:
        """How many rows each measurement deletes."""
        return self.shape.rows(self.units)

    @property
    def expected(self) -> Left:
        """What has to be left after each measurement."""
        return self.shape.expected(self.units, self.is_scattered)


@dataclass
class Result:
    """All measurements of one call of the command.

    Attributes:
        about: the server, as plain values.
        methods: by their names.
        under_snapshot: the same once more, where that was asked for.
    """

    about: dict[str, Any]
    setup: Setup
    methods: dict[str, Measured]
    under_snapshot: dict[str, Measured]

    def ratio(self, method: str, base: str) -> float | None:
        """Compare two methods by their medians; None where one of them cannot."""
        if self.methods[method].refusal or self.methods[base].refusal:
            return None
        return self.methods[method].median / self.methods[base].median

    def snapshot_ratio(self, method: str) -> float | None:
        """Compare the rows a second under the old snapshot with those without.

        Purge stands still under a snapshot, so both end when the call returns.
        """
        if method not in self.under_snapshot or self.methods[method].refusal:
            return None
        return self.methods[method].call_median / self.under_snapshot[method].call_median

    def surplus(self, method: str) -> dict[str, int]:
        """Count the rows that a method left and should not have, under a snapshot or without."""
        expected = self.setup.expected
        found = self.methods[method].surplus(expected)
        if method in self.under_snapshot:
            found |= self.under_snapshot[method].surplus(expected)
        return found

    @property
    def name(self) -> str:
        """A name for files that hold this result."""
        setup = self.setup
        parts = [
            "cascade",
            self.about["engine"],
            setup.shape.name,
            str(setup.rows),
            str(setup.batch_rows),
        ]
        if setup.is_scattered:
            parts.append("scattered")
        if setup.has_snapshot:
            parts.append("snapshot")
        return "-".join(parts)

    def title(self) -> str:
        """Say in one line what was measured."""
        setup = self.setup
        return (
            f"{bench_figures.heading(self.about)}: {setup.rows:,} rows {setup.shape.title}, "
            f"{'scattered, ' if setup.is_scattered else ''}"
            f"at most {setup.batch_rows:,} a commit, median of {setup.rounds}"
        )

    def document(self) -> dict[str, Any]:
        """Give all of it as plain values for JSON."""
        setup = self.setup
        return {
            **self.about,
            "shape": setup.shape.name,
            "rows": setup.rows,
            "scattered": setup.is_scattered,
            "snapshot": setup.has_snapshot,
            "rounds": setup.rounds,
            "batch_rows": setup.batch_rows,
            "methods": {name: self._values(name) for name in self.methods},
            "job_to_by_hand": _rounded(self.ratio(JOB, BY_HAND)),
            "job_to_native": _rounded(self.ratio(JOB, NATIVE)),
            "peers_to_job": {
                name: _rounded(self.ratio(name, JOB))
                for name in self.methods
                if name not in (JOB, BY_HAND, NATIVE)
            },
            "by_hand_to_native": _rounded(self.ratio(BY_HAND, NATIVE)),
        }

    def _values(self, name: str) -> dict[str, object]:
        measured = self.methods[name]
        if measured.refusal:
            return {"cannot": measured.refusal}
        values = _plain(measured, self.setup.rows)
        values["rows_that_should_be_gone"] = self.surplus(name)
        if name in self.under_snapshot:
            values["under_snapshot"] = _plain(self.under_snapshot[name], self.setup.rows)
            values["rate_under_snapshot_to_without"] = _rounded(self.snapshot_ratio(name))
        return values

    def show(self, console: Console) -> None:
        """Write it as a table with notes."""
        console.print(self.title())
        table = bench_figures.table(
            "deleted by", "median s", "min", "max", "rows/s", "commits", "x by hand", "x native"
        )
        for name in self.methods:
            table.add_row(TITLES[name], *self._cells(name))
        console.print(table)
        if self.setup.has_snapshot:
            console.print("Until the call returns, without and with an old snapshot held open:")
            console.print(self._snapshots())
        for note in self._notes():
            console.print(note)

    def draw(self, path: Path) -> None:
        """Draw the seconds of each method, under an old snapshot beside.

        Then both end when the call returns.
        """
        from deletion_jobs import bench_plot

        bars = []
        for name, measured in self.methods.items():
            if measured.refusal:
                continue
            taken = [measured.seconds]
            if name in self.under_snapshot:
                taken = [measured.call_seconds, self.under_snapshot[name].call_seconds]
            for seconds in taken:
                rate = f"{self.setup.rows / statistics.median(seconds):,.0f} rows/s"
                bars.append(bench_plot.Bar(TITLES[name], seconds, rate, name == JOB))
        lighter = "; lighter: under an old snapshot; until the call returns"
        bench_plot.bars(
            path,
            self.title().replace(": ", "\n", 1),
            "seconds, median and range" + (lighter if self.under_snapshot else ""),
            bars,
        )

    def _cells(self, name: str) -> list[str]:
        measured = self.methods[name]
        if measured.refusal:
            return ["-"]
        return [
            _seconds(measured.median),
            _seconds(min(measured.seconds)),
            _seconds(max(measured.seconds)),
            f"{self.setup.rows / measured.median:,.0f}",
            f"{statistics.median(measured.commits):,.0f}" if measured.commits else "-",
            _shown(self.ratio(name, BY_HAND)),
            _shown(self.ratio(name, NATIVE)),
        ]

    def _snapshots(self) -> Table:
        table = bench_figures.table(
            "deleted by", "median s", "under snapshot", "min", "max", "rows/s over without"
        )
        for name, old in self.under_snapshot.items():
            if self.methods[name].refusal:
                continue
            table.add_row(
                TITLES[name],
                _seconds(self.methods[name].call_median),
                _seconds(old.call_median),
                _seconds(min(old.call_seconds)),
                _seconds(max(old.call_seconds)),
                _shown(self.snapshot_ratio(name)),
            )
        return table

    def _notes(self) -> list[str]:
        notes = [f"By hand: {self.setup.shape.by_hand}. Native: one transaction."]
        notes += [note for name, note in NOTES.items() if name in self.methods]
        if self.about["engine"] == "mysql":
            notes.append("Times end when purge has taken the deleted rows out of the tables.")
        for name, measured in self.methods.items():
            if measured.refusal:
                notes.append(f"{TITLES[name]} cannot do this: {measured.refusal}")
            for table, rows in self.surplus(name).items():
                what = "rows too many" if rows > 0 else "rows too few"
                notes.append(f"{TITLES[name]} left {abs(rows):,} {what} in {table}.")
        return notes


def _plain(measured: Measured, rows: int) -> dict[str, object]:
    return {
        "median_seconds": round(measured.median, 4),
        "seconds": [round(value, 4) for value in measured.seconds],
        "call_seconds": [round(value, 4) for value in measured.call_seconds],
        "commits": measured.commits,
        "rows_per_second": round(rows / measured.median),
    }


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)


def _shown(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
