"""Every type of key, at its limits and beside its nearest neighbours, whatever the session says.

Each type is the key of a root, of an inner table, and a unique column that a reference points at.
What goes and what stays is known by a number of its own in each row, never by the key itself.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.contract.key_kinds import BEFORE, MADE, MYSQL, POSTGRES, Kind, Value
from tests.contract.odd import ODD
from tests.database import Database

EXAMPLES = int(os.environ.get("DELETION_JOBS_TEST_EXAMPLES", "4"))

KINDS = [
    pytest.param(kind.engine, kind, id=f"{kind.engine}-{kind.name}".replace(" ", "_"))
    for kind in (*MYSQL, *POSTGRES)
]

TABLES = ("a_leaf", "a_root", "b_mark", "b_leaf", "b_mid", "b_base", "c_twig", "c_leaf", "c_owner")


@pytest.fixture
def keyed(engine: str, kind: Kind, request: pytest.FixtureRequest) -> Iterator["Keyed"]:
    """Tables with keys of a type, on the engine that has it."""
    db: Database = request.getfixturevalue(engine)
    if kind.extension:
        db.execute(f"CREATE EXTENSION {kind.extension}")
    yield Keyed(db, kind)
    if kind.extension:
        db.execute(f"DROP EXTENSION {kind.extension} CASCADE")


class Keyed:
    """Three small trees, each with the type at another place.

    Args:
        db: the session that makes the tables and fills them.
        kind: the type of the keys.
    """

    def __init__(self, db: Database, kind: Kind) -> None:
        self.db = db
        self.kind = kind
        self.caller = db
        key = kind.column
        db.script(mysql="SET time_zone = '+00:00'", postgres="SET timezone = 'UTC'")
        if kind.engine == "postgres" and any(name in key for name in MADE):
            db.script(postgres=BEFORE)
        lines = [
            f"a_root (id {key} NOT NULL PRIMARY KEY, no int)",
            f"a_leaf (no int PRIMARY KEY, root_id {key} NOT NULL,"
            " FOREIGN KEY (root_id) REFERENCES a_root (id) ON DELETE CASCADE)",
            "b_base (id int PRIMARY KEY)",
            f"b_mid (id {key} NOT NULL PRIMARY KEY, base_id int NOT NULL,"
            " FOREIGN KEY (base_id) REFERENCES b_base (id) ON DELETE CASCADE)",
            f"b_leaf (no int PRIMARY KEY, mid_id {key} NOT NULL,"
            " FOREIGN KEY (mid_id) REFERENCES b_mid (id) ON DELETE CASCADE)",
            f"b_mark (no int PRIMARY KEY, mid_id {self.nullable(key)},"
            " FOREIGN KEY (mid_id) REFERENCES b_mid (id) ON DELETE SET NULL)",
            f"c_owner (id int PRIMARY KEY, code {key} NOT NULL UNIQUE)",
            f"c_leaf (no int PRIMARY KEY, code {key} NOT NULL,"
            " FOREIGN KEY (code) REFERENCES c_owner (code) ON DELETE CASCADE)",
            "c_twig (no int PRIMARY KEY, leaf_no int NOT NULL,"
            " FOREIGN KEY (leaf_no) REFERENCES c_leaf (no) ON DELETE CASCADE)",
        ]
        for line in lines:
            db.execute(f"CREATE TABLE {line}")
        for table in TABLES:
            db.grant_to_owner(table)
        if db.engine == "postgres":
            for table, column in [
                ("a_leaf", "root_id"),
                ("b_mid", "base_id"),
                ("b_leaf", "mid_id"),
                ("b_mark", "mid_id"),
                ("c_leaf", "code"),
                ("c_twig", "leaf_no"),
            ]:
                db.index(table, column)
        for target in ("a_root", "b_base", "c_owner"):
            db.register_deletion_target(target)

    def nullable(self, key: str) -> str:
        """Say NULL of a column; one domain cannot be."""
        return {"code_of_code": "code"}.get(key, key) + " NULL"

    def odd_sessions(self) -> None:
        """Give caller and worker settings that must not matter."""
        self.caller = self.db.connect()
        for session in (self.caller, self.db.worker):
            for statement in ODD[self.db.engine]:
                session.execute(statement)
        # A worker sends no texts, so they may be sent in any encoding.
        self.db.worker.script(mysql="SET NAMES gbk", postgres="SET client_encoding = 'LATIN1'")

    def insert(self, table: str, *row: Any, at: int) -> None:
        """Insert a row whose value at a place is a key."""
        marks = ["%s"] * len(row)
        if self.db.engine == "postgres":
            marks[at] = f"CAST(%s AS {self.kind.column.split(' COLLATE')[0]})"
        self.db.execute(f"INSERT INTO {table} VALUES ({', '.join(marks)})", *row)

    def is_there(self, stored: Any) -> bool:
        """Tell whether the engine takes a value for one that a root holds already."""
        mark = self.db.either(
            mysql="%s", postgres=f"CAST(%s AS {self.kind.column.split(' COLLATE')[0]})"
        )
        return self.db.count("a_root", f"id = {mark}", stored) > 0

    def fill(self, values: Sequence[Value]) -> list[Value]:
        """Give each tree a row for each value, and rows below; answer the values that differ."""
        for table in TABLES:
            self.db.execute(f"DELETE FROM {table}")
        self.db.execute("DELETE FROM deletion_jobs")
        for base in (0, 1):
            self.db.execute("INSERT INTO b_base VALUES (%s)", base)
        kept: list[Value] = []
        for value in values:
            if self.is_there(value.stored):
                continue
            index = len(kept)
            kept.append(value)
            self.insert("a_root", value.stored, index, at=0)
            self.insert("b_mid", value.stored, index % 2, at=0)
            self.insert("c_owner", index, value.stored, at=1)
            for number, form in enumerate((value.stored, *value.alike)):
                no = 10 * index + number
                self.insert("a_leaf", no, form, at=1)
                self.insert("b_leaf", no, form, at=1)
                self.insert("b_mark", no, form, at=1)
                self.insert("c_leaf", no, form, at=1)
                self.db.execute("INSERT INTO c_twig VALUES (%s, %s)", no, no)
        return kept

    def enqueue(self, table: str, value: Any, *spellings: str) -> int:
        """Ask for a row in all spellings of its key, which have to come to one job."""
        made = {self.caller.enqueue_deletion(table, text) for text in (value, *spellings)}
        assert len(made) == 1, (value, spellings)
        job_id = made.pop()
        assert self.db.job(job_id).entity_pk == str(value)
        return job_id

    def numbers(self, table: str, where: str = "TRUE") -> list[int]:
        """Give the numbers of the rows that a table holds."""
        return sorted(self.db.column(f"SELECT no FROM {table} WHERE {where}"))

    def check(self, values: Sequence[Value], parity: int) -> None:
        """Delete every second row of each tree, and see that just these went."""
        kept = self.fill(values)
        jobs = {
            index: self.enqueue("a_root", value.text, *value.spellings)
            for index, value in enumerate(kept)
            if index % 2 == parity and value.text is not None
        }
        others = [self.enqueue("b_base", parity)]
        others += [self.enqueue("c_owner", n) for n in range(len(kept)) if n % 2 == parity]
        self.db.run()

        for index, job_id in jobs.items():
            job = self.db.job(job_id)
            assert (job.status, job.error) == ("done", None), kept[index]
            assert self.db.receipts(job_id) == {
                ("a_root", "delete"): 1,
                ("a_leaf", "delete"): 1 + len(kept[index].alike),
            }, kept[index]
        for job_id in others:
            assert (self.db.job(job_id).status, self.db.job(job_id).error) == ("done", None)

        gone = {index for index in range(len(kept)) if index % 2 == parity}

        def leaves(without: set[int]) -> list[int]:
            return [
                10 * index + number
                for index, value in enumerate(kept)
                if index not in without
                for number in range(1 + len(value.alike))
            ]

        assert self.numbers("a_root") == [n for n in range(len(kept)) if n not in jobs]
        assert self.numbers("a_leaf") == leaves(set(jobs))
        assert self.db.count("b_mid") == len(kept) - len(gone)
        assert self.numbers("b_leaf") == leaves(gone)
        assert self.numbers("b_mark", "mid_id IS NOT NULL") == leaves(gone)
        assert self.db.count("b_mark") == len(leaves(set()))
        assert self.numbers("c_leaf") == self.numbers("c_twig") == leaves(gone)
        assert sorted(self.db.column("SELECT id FROM c_owner")) == [
            n for n in range(len(kept)) if n not in gone
        ]


@pytest.mark.parametrize(("engine", "kind"), KINDS)
def test_keys_at_the_limits_of_their_type_are_followed_exactly_in_any_session(
    keyed: Keyed,
) -> None:
    keyed.odd_sessions()
    for parity, batch_rows in ((0, 2), (1, 5000)):
        keyed.db.set_deletion_setting("batch_rows", batch_rows)
        keyed.check(keyed.kind.values, parity)


@pytest.mark.parametrize(("engine", "kind"), KINDS)
def test_any_keys_of_a_type_are_followed_exactly(keyed: Keyed) -> None:
    keyed.odd_sessions()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="DELETION_JOBS_TEST_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        values=st.lists(keyed.kind.drawn, min_size=2, max_size=8),
        batch_rows=st.sampled_from([1, 2, 3, 5000]),
        parity=st.sampled_from([0, 1]),
    )
    def check(values: list[Value], batch_rows: int, parity: int) -> None:
        keyed.db.set_deletion_setting("batch_rows", batch_rows)
        keyed.check(values, parity)

    check()


# -- What is refused -------------------------------------------------------------------------

REFUSED = [
    ("mysql", "FLOAT"),
    ("mysql", "DOUBLE"),
    ("mysql", "DOUBLE UNSIGNED"),
    ("mysql", "SET('a', 'b')"),
    ("postgres", "real"),
    ("postgres", "double precision"),
    ("postgres", "ratio"),
    ("postgres", "integer[]"),
    ("postgres", "numbers"),
    ("postgres", "jsonb"),
    ("postgres", "money"),
    ("postgres", "int4range"),
    ("postgres", "pair"),
    ("postgres", "tsvector"),
    ("postgres", "pg_lsn"),
]
TYPES_REFUSED = """
CREATE DOMAIN ratio AS double precision;
CREATE DOMAIN numbers AS integer[];
CREATE TYPE pair AS (a integer, b integer);
"""


@pytest.fixture
def refusing(engine: str, request: pytest.FixtureRequest) -> Database:
    """A session of the engine that has the type."""
    db: Database = request.getfixturevalue(engine)
    db.script(postgres=TYPES_REFUSED)
    return db


@pytest.mark.parametrize(("engine", "column"), REFUSED)
def test_a_key_whose_values_have_several_spellings_is_refused_by_name(
    refusing: Database, column: str
) -> None:
    refusing.execute(f"CREATE TABLE thing (id {column} NOT NULL PRIMARY KEY)")
    refusing.grant_to_owner("thing")
    with refusing.error("JD005", "register_deletion_target: key does not compare exactly (id "):
        refusing.register_deletion_target("thing")


@pytest.mark.parametrize(("engine", "column"), REFUSED)
def test_an_inner_key_whose_values_have_several_spellings_deletes_nothing(
    refusing: Database, column: str
) -> None:
    refusing.table("root", "id int", rows=[(1,)])
    refusing.execute(
        f"CREATE TABLE thing (id {column} NOT NULL PRIMARY KEY, root_id int,"
        " CONSTRAINT thing_root FOREIGN KEY (root_id) REFERENCES root (id) ON DELETE CASCADE)"
    )
    refusing.grant_to_owner("thing")
    refusing.register_deletion_target("root")
    job = refusing.delete("root", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD005: thing has a key ")
    assert refusing.count("root") == 1


@pytest.mark.parametrize(("engine", "column"), REFUSED)
def test_a_reference_by_values_that_have_several_spellings_deletes_nothing(
    refusing: Database, column: str
) -> None:
    refusing.execute(f"CREATE TABLE root (id int PRIMARY KEY, code {column} NOT NULL UNIQUE)")
    refusing.execute(
        f"CREATE TABLE leaf (no int PRIMARY KEY, code {column},"
        " CONSTRAINT leaf_root FOREIGN KEY (code) REFERENCES root (code) ON DELETE CASCADE)"
    )
    for table in ("root", "leaf"):
        refusing.grant_to_owner(table)
    refusing.register_deletion_target("root")
    with refusing.error(
        "JD005",
        "compile_deletion_plan: columns that cannot be compared exactly: leaf_root",
        changes=refusing.engine == "mysql",
    ):
        refusing.compile_deletion_plan("root")


# -- Texts that are one row and two jobs -----------------------------------------------------


@pytest.mark.parametrize(
    ("key", "spelled"), [("abc", "ABC"), ("straße", "STRASSE"), ("é", "e\u0301"), ("Q", "q")]
)
def test_a_key_that_is_spelled_otherwise_in_the_table_names_no_row(
    db: Database, key: str, spelled: str
) -> None:
    db.script(postgres=BEFORE)
    column = db.either(mysql="VARCHAR(20)", postgres="varchar(20) COLLATE folded")
    db.execute(f"CREATE TABLE root (id {column} NOT NULL PRIMARY KEY)")
    db.grant_to_owner("root")
    db.insert("root", [(key,), ("other",)])
    db.register_deletion_target("root")
    right, wrong = db.enqueue_deletion("root", "other"), db.enqueue_deletion("root", spelled)
    assert [row.action for row in db.preview_deletion("root", spelled)] == ["root_not_found"]
    db.run()
    assert db.status(right) == "done"
    job = db.job(wrong)
    assert (job.status, job.error) == (
        "failed",
        f"JD002: the key is spelled otherwise in the table ({spelled})",
    )
    assert db.receipts(wrong) == {}
    assert db.column("SELECT id FROM root") == [key]
    assert db.delete("root", key).status == "done"
    assert db.count("root") == 0


def test_rows_go_with_a_parent_as_the_engine_takes_their_texts_for_equal(db: Database) -> None:
    """The same rows, with a native cascade in a second pair of tables."""
    db.script(postgres=BEFORE)
    column = db.either(mysql="VARCHAR(20)", postgres="varchar(20) COLLATE folded")
    for root, leaf in (("root", "leaf"), ("native_root", "native_leaf")):
        db.execute(f"CREATE TABLE {root} (id {column} NOT NULL PRIMARY KEY)")
        db.execute(
            f"CREATE TABLE {leaf} (no int PRIMARY KEY, root_id {column},"
            f" FOREIGN KEY (root_id) REFERENCES {root} (id) ON DELETE CASCADE)"
        )
        db.index(leaf, "root_id")
        db.grant_to_owner(root)
        db.grant_to_owner(leaf)
        db.insert(root, [("straße",), ("strase",), ("ABC",), ("abcd",)])
        db.insert(leaf, list(enumerate(["STRASSE", "strasse", "strase", "abc", "Abc", "abcd"])))
    db.register_deletion_target("root")
    for key in ("straße", "ABC"):
        assert db.delete("root", key).status == "done"
        db.execute("DELETE FROM native_root WHERE id = %s", key)
    assert db.column("SELECT no FROM leaf ORDER BY no") == [2, 5]
    assert db.column("SELECT no FROM native_leaf ORDER BY no") == [2, 5]


# -- Numbers in JSON -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ['["a", 0.12345678901234567890]', '["a", "0.12345678901234567890"]']
)
def test_a_decimal_of_a_composite_key_is_read_exactly_or_not_at_all(
    db: Database, given: str
) -> None:
    db.table(
        "root",
        "code exact",
        "no decimal(30,20)",
        key=("code", "no"),
        rows=[
            ("a", "0.12345678901234567890"),
            ("a", "0.12345678901234568000"),
        ],
    )
    db.register_deletion_target("root")
    if db.engine == "mysql" and '"0' not in given:
        # Its JSON keeps such a number as a double, which would name the other row.
        with db.error("JD002", "enqueue_deletion: not a key of root"):
            db.enqueue_deletion("root", given)
        return
    assert db.delete("root", given).status == "done"
    assert [str(no) for no in db.column("SELECT no FROM root")] == ["0.12345678901234568000"]


def test_a_short_decimal_of_a_composite_key_may_be_a_number(db: Database) -> None:
    db.table("root", "code exact", "no decimal", key=("code", "no"), rows=[("a", "1.50")])
    db.register_deletion_target("root")
    assert db.job(db.enqueue_deletion("root", '["a", 1.5]')).entity_pk == '["a","1.50"]'
