"""Every key type, from the enqueued text down to the rows of the third level."""

import datetime as dt
import decimal
from typing import Any

import pytest

from tests.database import Database, Reference

pytestmark = pytest.mark.parametrize("db", ["mysql", "mysql_native_fk", "postgres"], indirect=True)

A = "3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f10"
B = "3d8b5a1c-9f64-4c3b-8e21-0a6f5f2f7f11"

# type, the key that goes, one that is as near to it as can be, and the text to enqueue.
KEYS: list[tuple[str, Any, Any, str]] = [
    ("smallint", -5, 5, "-5"),
    ("int", 2147483647, 2147483646, "2147483647"),
    ("bigint", 9007199254740993, 9007199254740992, "9007199254740993"),
    ("bigint", -9223372036854775808, -9223372036854775807, "-9223372036854775808"),
    ("uuid", A, B, A),
    ("text", "abc", "ab", "abc"),
    ("varchar", "042", "42", "042"),
    ("varchar", 'it\'s \\ "so" %s `x`', "it's", 'it\'s \\ "so" %s `x`'),
    ("varchar", "漢字", "漢", "漢字"),
    ("exact", "a ", "a", "a "),
    ("exact", "ABC", "abc", "ABC"),
    ("varchar", "", "x", ""),
    ("bytes", b"\x00\x01\xff'", b"\x00\x01\xff", "hex"),
    ("date", dt.date(2024, 2, 29), dt.date(2024, 3, 1), "2024-02-29"),
    ("decimal", decimal.Decimal("1.50"), decimal.Decimal("1.51"), "1.5"),
    (
        "decimal",
        decimal.Decimal("9999999999.99"),
        decimal.Decimal("9999999999.98"),
        "9999999999.99",
    ),
    (
        "timestamp",
        dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.UTC),
        dt.datetime(2024, 2, 29, 1, 2, 3, 456788, tzinfo=dt.UTC),
        "time",
    ),
    ("boolean", True, False, "bool"),
]


@pytest.mark.parametrize(("kind", "gone", "near", "text"), KEYS)
def test_a_key_of_this_type_is_followed_exactly(
    db: Database, kind: str, gone: Any, near: Any, text: str
) -> None:
    special = {
        "hex": db.either(mysql="0001FF27", postgres="\\x0001ff27"),
        "time": db.either(
            mysql="2024-02-29 01:02:03.456789", postgres="2024-02-29 01:02:03.456789+00"
        ),
        "bool": db.either(mysql="1", postgres="true"),
    }
    db.table("root", f"id {kind}", rows=[(gone,), (near,)])
    db.table(
        "branch",
        "id int",
        f"root_id {kind}",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(1, gone), (2, near), (3, gone)],
    )
    db.table(
        "leaf",
        f"root_id {kind}",
        "branch_id int",
        "no int",
        key=("root_id", "branch_id", "no"),
        references=[
            Reference("branch_id", "branch", "cascade"),
            Reference("root_id", "root", "cascade"),
        ],
        rows=[(gone, 1, 1), (gone, 1, 2), (near, 2, 1), (gone, 2, 2), (near, 3, 3)],
    )
    db.register_deletion_target("root")
    job = db.delete("root", special.get(text, text))
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("root", "delete"): 1,
        ("branch", "delete"): 2,
        ("leaf", "delete"): 4,
    }
    assert (db.count("root"), db.column("SELECT id FROM branch")) == (1, [2])
    assert db.rows("SELECT branch_id, no FROM leaf") == [(2, 1)]
    assert db.count("root", "id = %s", near) == 1


@pytest.mark.parametrize(("kind", "gone", "near", "text"), KEYS)
def test_a_key_of_this_type_is_one_part_of_a_frame(
    db: Database, kind: str, gone: Any, near: Any, text: str
) -> None:
    """The key is that of an inner table, so it has to travel through the frames."""
    db.table("root", "id int", rows=[(1,), (2,)])
    db.table(
        "branch",
        f"id {kind}",
        "root_id int",
        references=[Reference("root_id", "root", "cascade")],
        rows=[(gone, 1), (near, 2)],
    )
    db.table(
        "leaf",
        "id int",
        f"branch_id {kind} null",
        references=[Reference("branch_id", "branch", "cascade")],
        rows=[(1, gone), (2, near), (3, gone), (4, None)],
    )
    db.table(
        "mark",
        "id int",
        f"branch_id {kind} null",
        references=[Reference("branch_id", "branch", "set null")],
        rows=[(1, gone), (2, near)],
    )
    db.register_deletion_target("root")
    job = db.delete("root", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("root", "delete"): 1,
        ("branch", "delete"): 1,
        ("leaf", "delete"): 2,
        ("mark", "set_null"): 1,
    }
    assert db.column("SELECT id FROM leaf ORDER BY id") == [2, 4]
    assert db.column("SELECT id FROM mark WHERE branch_id IS NULL") == [1]


def test_keys_of_different_types_are_one_composite_key(db: Database) -> None:
    db.table(
        "root",
        "day date",
        "code varchar",
        "no bigint",
        key=("day", "code", "no"),
        rows=[(dt.date(2024, 2, 29), 'a"b', 7), (dt.date(2024, 2, 29), "ab", 7)],
    )
    db.table(
        "leaf",
        "id int",
        "no bigint null",
        "code varchar null",
        "day date null",
        references=[Reference(("day", "code", "no"), "root", "cascade", to=("day", "code", "no"))],
        rows=[
            (1, 7, 'a"b', dt.date(2024, 2, 29)),
            (2, 7, "ab", dt.date(2024, 2, 29)),
            (3, None, 'a"b', dt.date(2024, 2, 29)),
        ],
    )
    db.register_deletion_target("root")
    job = db.delete("root", '["2024-02-29", "a\\"b", 7]')
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("root", "delete"): 1, ("leaf", "delete"): 1}
    assert db.column("SELECT id FROM leaf ORDER BY id") == [2, 3]


def test_a_key_is_the_same_moment_in_a_worker_of_any_time_zone(db: Database) -> None:
    db.script(mysql="SET time_zone = '+00:00'", postgres="SET timezone = 'UTC'")
    noon, ten = (dt.datetime(2024, 1, 1, hour, tzinfo=dt.UTC) for hour in (12, 10))
    db.table(
        "root",
        db.either(mysql="id timestamp(6)", postgres="id timestamptz(6)"),
        rows=[(noon,), (ten,)],
    )
    db.table(
        "branch",
        "id int",
        db.either(mysql="root_id timestamp(6)", postgres="root_id timestamptz(6)"),
        references=[Reference("root_id", "root", "cascade")],
        rows=[(1, noon), (2, ten), (3, noon)],
    )
    db.register_deletion_target("root")
    # Two hours ahead: noon is what that session calls ten.
    db.worker.script(mysql="SET time_zone = '+02:00'", postgres="SET timezone = 'Etc/GMT-2'")
    job = db.delete("root", db.either(mysql="2024-01-01 12:00:00", postgres="2024-01-01 12:00+00"))
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {("root", "delete"): 1, ("branch", "delete"): 2}
    assert db.column("SELECT id FROM branch") == [2]
    assert db.count("root", "id = %s", ten) == 1
