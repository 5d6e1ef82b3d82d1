"""Promise 3 read from the servers' own logs: what one transaction changes, and how many there are.

PostgreSQL is asked by logical decoding, MySQL by its row binlog; our receipts and counters are
never believed here. The tables hold BIGINT columns only, so that the length of an event of the
binlog tells how many rows it carries.
"""

import itertools
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator

import pytest

from tests import install
from tests.contract.schemas import each
from tests.database import Database, Reference

# For each transaction: rows by (table, DELETE or UPDATE or INSERT).
Transaction = Counter[tuple[str, str]]


class Log(ABC):
    """What a server has logged of one database since `begin`."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.ours = set(install.table_names(db.engine))

    @abstractmethod
    def begin(self) -> None:
        """Forget what was logged until now."""

    @abstractmethod
    def transactions(self) -> list[Transaction]:
        """Give all transactions since `begin` that changed a table."""

    def application_transactions(self) -> list[Transaction]:
        """Give those that changed a table of the application, with these tables alone."""
        found = (
            Counter({key: rows for key, rows in one.items() if key[0] not in self.ours})
            for one in self.transactions()
        )
        return [transaction for transaction in found if transaction]


class PostgresLog(Log):
    """Logical decoding."""

    slot = "deletion_jobs_test"

    def begin(self) -> None:
        self.end()
        self.db.rows("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", self.slot)

    def end(self) -> None:
        self.db.rows(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            " WHERE slot_name = %s",
            self.slot,
        )

    def transactions(self) -> list[Transaction]:
        found: dict[str, Transaction] = {}
        for xid, line in self.db.rows(
            "SELECT xid::text, split_part(data, ': ', 1) || ':' || split_part(data, ': ', 2)"
            " FROM pg_logical_slot_peek_changes(%s, NULL, NULL)",
            self.slot,
        ):
            change = re.match(r"table \w+\.(\w+):(\w+)", line)
            if change:
                found.setdefault(xid, Counter())[change[1], change[2]] += 1
        return list(found.values())


# What an event of the binlog is long beside its rows, and its kinds with the images of each row.
HEADER, FIXED, COUNT, CHECKSUM, VALUE = 19, 10, 1, 4, 8
KINDS = {
    "Delete_rows": ("DELETE", 1),
    "Write_rows": ("INSERT", 1),
    "Update_rows": ("UPDATE", 2),
}


class MySQLLog(Log):
    """The row binlog, as SHOW BINLOG EVENTS tells it: positions and kinds, but no rows."""

    def begin(self) -> None:
        self.db.execute("FLUSH BINARY LOGS")
        self.file = self.db.rows("SHOW BINARY LOGS")[-1][0]
        self.columns = {
            table: (int(count), int(nullable))
            for table, count, nullable in self.db.rows(
                "SELECT table_name, COUNT(*), SUM(is_nullable = 'YES')"
                " FROM information_schema.columns WHERE table_schema = %s GROUP BY table_name",
                self.db.home.database,
            )
        }

    def transactions(self) -> list[Transaction]:
        found: list[Transaction] = []
        tables: dict[str, str] = {}
        for file in self.db.column("SHOW BINARY LOGS"):
            if file < self.file:
                continue
            for _, start, kind, _, end, info in self.db.rows(f"SHOW BINLOG EVENTS IN '{file}'"):
                if kind == "Query" and info == "BEGIN":
                    found.append(Counter())
                elif kind == "Table_map":
                    number, table = re.findall(r"table_id: (\d+) \((.*)\)", info)[0]
                    tables[number] = table
                elif kind in KINDS:
                    schema, table = tables[re.findall(r"table_id: (\d+)", info)[0]].split(".")
                    if schema == self.db.home.database:
                        rows = self.rows(table, kind, end - start)
                        found[-1][table, KINDS[kind][0]] += rows
        return [transaction for transaction in found if transaction]

    def rows(self, table: str, kind: str, length: int) -> int:
        """Tell from its length how many rows an event holds; 1 for a table of our own."""
        if table in self.ours:
            return 1
        columns, nullable = self.columns[table]
        images, bitmap = KINDS[kind][1], (columns + 7) // 8
        # The one nullable column of a table is NULL after an update, and only there.
        row = images * (bitmap + columns * VALUE) - (images - 1) * nullable * VALUE
        rows, rest = divmod(length - HEADER - FIXED - COUNT - images * bitmap - CHECKSUM, row)
        assert rest == 0, (table, kind, length, row)
        return rows

    def end(self) -> None:
        pass


@pytest.fixture
def log(db: Database) -> Iterator[Log]:
    """The server's log of this test's database."""
    log = PostgresLog(db) if db.engine == "postgres" else MySQLLog(db)
    yield log
    log.end()


def total(transactions: list[Transaction]) -> Transaction:
    """Add transactions up."""
    return sum(transactions, Counter())


@pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)
def test_no_transaction_changes_more_rows_than_a_batch(db: Database, log: Log) -> None:
    to_root = Reference("root_id", "root", "cascade")
    db.table("root", "id bigint", rows=[(1,), (2,)])
    db.table(
        "child",
        "id bigint",
        "root_id bigint",
        references=[to_root],
        rows=[(n, 1) for n in each(50_000)],
    )
    db.table(
        "branch",
        "id bigint",
        "root_id bigint",
        references=[to_root],
        rows=[(n, 1) for n in each(600)],
    )
    db.table(
        "twig",
        "id bigint",
        "branch_id bigint",
        references=[Reference("branch_id", "branch", "cascade")],
        # Few have most: a frame that was sized by the first branches overflows at the last.
        rows=[(n, 600 if n % 2 else n % 600 + 1) for n in each(5_000)],
    )
    db.table(
        "note",
        "id bigint",
        "root_id bigint null",
        references=[Reference("root_id", "root", "set null")],
        rows=[(n, 1) for n in each(2_500)],
    )
    db.set_deletion_setting("batch_rows", 1000)
    db.set_deletion_setting("batch_ms", 60_000)
    db.register_deletion_target("root")
    log.begin()
    job = db.delete("root", 1)
    assert (job.status, job.error) == ("done", None)
    transactions = log.application_transactions()
    # All that went is in the log: nothing was left to a cascade that the log would not show.
    assert total(transactions) == {
        ("root", "DELETE"): 1,
        ("child", "DELETE"): 50_000,
        ("branch", "DELETE"): 600,
        ("twig", "DELETE"): 5_000,
        ("note", "UPDATE"): 2_500,
    }
    sizes = [one.total() for one in transactions]
    assert max(sizes) <= 1000
    # The budget is used, or small transactions would be had by wasting them.
    assert len(sizes) <= 1.5 * sum(sizes) / 1000 + 5


@pytest.mark.parametrize("roots", [1, 8], ids=["one job", "a set"])
def test_what_is_left_of_a_batch_bounds_whatever_comes_next(
    db: Database, log: Log, roots: int
) -> None:
    """No two of these tables fit one batch, nor does one with the roots of the set."""
    db.table("root", "id bigint", rows=[(n,) for n in each(roots)])
    for name, column, on_delete in (
        ("a_child", "root_id bigint", "cascade"),
        ("b_child", "root_id bigint", "cascade"),
        ("note", "root_id bigint null", "set null"),
    ):
        db.table(
            name,
            "id bigint",
            column,
            references=[Reference("root_id", "root", on_delete)],
            rows=[(n, 1 + n % roots) for n in each(8)],
        )
    db.set_deletion_setting("batch_rows", 10)
    db.set_deletion_setting("batch_ms", 60_000)
    db.register_deletion_target("root")
    db.enqueue_deletions("root", list(each(roots)))
    log.begin()
    db.worker.run_deletion_jobs()
    assert db.count("deletion_jobs", "status = 'done'") == roots
    changed = log.application_transactions()
    assert total(changed) == {
        ("root", "DELETE"): roots,
        ("a_child", "DELETE"): 8,
        ("b_child", "DELETE"): 8,
        ("note", "UPDATE"): 8,
    }
    assert max(one.total() for one in changed) <= 10


def test_a_set_of_small_jobs_commits_once_for_a_whole_batch(db: Database, log: Log) -> None:
    db.table("root", "id bigint", rows=[(n,) for n in each(200)])
    db.table(
        "branch",
        "id bigint",
        "root_id bigint",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(n, 1 + n % 200) for n in each(600)],
    )
    db.table(
        "leaf",
        "id bigint",
        "branch_id bigint",
        references=[Reference("branch_id", "branch", "cascade")],
        rows=[(n, 1 + n % 600) for n in each(1_800)],
    )
    db.set_deletion_setting("batch_ms", 60_000)
    db.register_deletion_target("root")
    db.enqueue_deletions("root", list(each(200)))
    log.begin()
    db.worker.run_deletion_jobs()
    assert db.count("deletion_jobs", "status = 'done'") == 200
    changed = log.application_transactions()
    assert total(changed) == {
        ("root", "DELETE"): 200,
        ("branch", "DELETE"): 600,
        ("leaf", "DELETE"): 1_800,
    }
    assert len(changed) == 1
    # Claim, check, advance, finish, and the ticks: none of them a commit for each job or frame.
    assert len(log.transactions()) <= 10


def test_what_a_batch_changed_and_its_receipt_commit_together(db: Database, log: Log) -> None:
    db.table("root", "id bigint", rows=[(1,)])
    db.table(
        "child",
        "id bigint",
        "root_id bigint",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(n, 1) for n in each(100)],
    )
    db.set_deletion_setting("batch_rows", 10)
    db.register_deletion_target("root")
    log.begin()
    assert db.delete("root", 1).status == "done"
    transactions = log.transactions()
    with_rows = [one for one in transactions if any(key[0] in {"root", "child"} for key in one)]
    assert len(with_rows) >= 10
    for one in with_rows:
        assert any(key[0] == "deletion_receipts" for key in one)
    for one in itertools.filterfalse(with_rows.__contains__, transactions):
        assert not any(key[0] == "deletion_receipts" for key in one)


@pytest.mark.parametrize("roots", [1, 8], ids=["one job", "a set"])
def test_no_transaction_marks_more_rows_than_a_batch(db: Database, log: Log, roots: int) -> None:
    db.table("root", "id bigint", "gone bigint", rows=[(n, 0) for n in each(roots)])
    db.table(
        "child",
        "id bigint",
        "root_id bigint",
        "gone bigint",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(n, 1 + n % roots, 0) for n in each(4_000)],
    )
    db.table(
        "leaf",
        "id bigint",
        "child_id bigint",
        "gone bigint",
        references=[Reference("child_id", "child", "cascade")],
        rows=[(n, n, 0) for n in each(2_000)],
    )
    db.set_deletion_setting("batch_rows", 300)
    db.set_deletion_setting("batch_ms", 60_000)
    db.register_deletion_target("root")
    for table in ("root", "child", "leaf"):
        db.set_soft_deletion(table, "gone", 1)
    db.enqueue_deletions("root", list(each(roots)), hard_delete=False)
    log.begin()
    db.run()
    assert db.count("deletion_jobs", "status = 'done'") == roots
    changed = log.application_transactions()
    assert total(changed) == {
        ("root", "UPDATE"): roots,
        ("child", "UPDATE"): 4_000,
        ("leaf", "UPDATE"): 2_000,
    }
    sizes = [one.total() for one in changed]
    assert max(sizes) <= 300
    assert len(sizes) <= 1.5 * sum(sizes) / 300 + 5
    # What was marked, what is known of it and its receipt commit together.
    for one in log.transactions():
        marked = sum(rows for (table, _), rows in one.items() if table in {"root", "child", "leaf"})
        if db.engine == "postgres":
            assert one["deletion_marks", "INSERT"] == marked
        assert (one["deletion_marks", "INSERT"] > 0) == (marked > 0)
