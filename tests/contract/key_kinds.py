"""Every type that a key can be of: its column on each engine, values at its limits, and any others.

A value is given as it is stored, as jobs spell it, in other spellings that are read as the same,
and in other forms that the engine itself takes for equal, as a foreign key to it may hold.
"""

import datetime as dt
import decimal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

Engine = Literal["mysql", "postgres"]


@dataclass(frozen=True)
class Value:
    """One key.

    Attributes:
        stored: what an insert is given; PostgreSQL casts it.
        text: as a job spells it; None: no job can name a row by it.
        spellings: other texts that enqueue reads as the same.
        alike: other forms of it that the engine takes for equal.
    """

    stored: Any
    text: str | None = ""
    spellings: tuple[str, ...] = ()
    alike: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A type of keys.

    Attributes:
        name: its name in a test's id.
        engine: the engine that has it.
        column: the column's type as DDL.
        values: values at its limits, and as near to each other as can be.
        drawn: any value.
        extension: what it comes with.
    """

    name: str
    engine: Engine
    column: str
    values: tuple[Value, ...]
    drawn: st.SearchStrategy[Value]
    extension: str = ""


def same(text: str, *spellings: str, alike: Sequence[Any] = ()) -> Value:
    """A value that is stored as jobs spell it."""
    return Value(text, text, spellings, tuple(alike))


def whole(number: int) -> Value:
    """A whole number, with a sign and with zeros in front."""
    sign, digits = ("-" if number < 0 else ""), str(abs(number))
    signed = () if number < 0 else (f"+{digits}",)
    return Value(number, f"{number}", (f"{sign}00{digits}", *signed))


def integers(name: str, engine: Engine, column: str, low: int, high: int) -> Kind:
    """A type of whole numbers."""
    picked = sorted({low, low + 1, max(low, -1), 0, 1, min(10, high), high - 1, high})
    values = [whole(number) for number in picked]
    zero = picked.index(0)
    values[zero] = Value(0, "0", ("00", "-0", "+0"))
    return Kind(name, engine, column, tuple(values), st.integers(low, high).map(whole))


def fixed(digits: int, scale: int) -> st.SearchStrategy[Value]:
    """A decimal number that is printed with a fixed number of digits behind the point."""
    top = 10**digits - 1

    def spell(number: int) -> Value:
        context = decimal.Context(prec=digits)
        value = decimal.Decimal(number).scaleb(-scale, context)
        text = f"{value:f}"
        short = text.rstrip("0").rstrip(".")
        return Value(text, text, () if short in {"-0", ""} else (short,))

    return st.integers(-top, top).map(spell)


def texts(longest: int, *, kept: bool = True, low: str = "\x01") -> st.SearchStrategy[Value]:
    """Any text; kept: False where blanks at its end are none of it."""
    alphabet = st.characters(min_codepoint=ord(low), exclude_categories=["Cs"])
    drawn = st.text(alphabet, max_size=longest)
    return drawn.map(lambda text: same(text if kept else text.rstrip(" ")))


TEXTS = (
    same(""),
    same("042"),
    same("42"),
    same("abc"),
    same("abd"),
    same('it\'s \\ "so" %s `x`'),
    same("it's"),
    same("\\"),
    same("\\\\"),
    same('["a"]'),
    same("null"),
    same("漢字"),
    same("漢"),
    same("\t tab\n"),
    same("😀"),
    same("😁"),
)
EXACT = (*TEXTS, same("ABC"), same("abc "), same("abç"), same("ab\u0327c"), same(" abc"))
FOLDED = (
    *TEXTS,
    Value("Straße", "Straße", (), ("STRASSE", "strasse")),
    Value("Żółw", "Żółw", (), ("żółw", "zolw")),
    Value("q", "q", (), ("Q",)),
)

LABELS = ("a", "A", "2", "x','y", "it's", "b\\c", "é", "z z", '"')


def microseconds(value: dt.datetime) -> str:
    """A time of the day as both engines print it with six digits."""
    return value.strftime("%H:%M:%S.%f")


def day(value: dt.date) -> str:
    """A day, its year with four digits."""
    return f"{value.year:04}-{value.month:02}-{value.day:02}"


def mysql_moment(value: dt.datetime) -> Value:
    """A DATETIME(6)."""
    text = f"{day(value)} {microseconds(value)}"
    return same(text, text.replace(" ", "T"))


def mysql_second(value: dt.datetime) -> Value:
    """A DATETIME without fractions."""
    text = f"{day(value)} {value:%H:%M:%S}"
    return same(text, f"{text}.000")


def postgres_moment(value: dt.datetime) -> Value:
    """A timestamp: PostgreSQL prints no zeros at the end of a fraction."""
    text = f"{day(value)} {microseconds(value)}".rstrip("0").removesuffix(".")
    text = text if "." in text else f"{day(value)} {value:%H:%M:%S}"
    return same(text, text.replace(" ", "T"))


def postgres_instant(value: dt.datetime) -> Value:
    """A timestamptz: a moment is one whatever the zone that it is spelled in."""
    text = f"{postgres_moment(value).stored}+00"
    ahead = f"{postgres_moment(value + dt.timedelta(hours=5, minutes=45)).stored}+05:45"
    return same(text, text.removesuffix("+00"), text.replace("+00", "Z"), ahead)


def begin(year: int, month: int = 1, date: int = 1) -> dt.datetime:
    """The first moment of a day, in no zone."""
    return dt.datetime.combine(dt.date(year, month, date), dt.time())


MOMENTS = st.datetimes(begin(1000), begin(9999, 12, 30))
SECONDS = MOMENTS.map(lambda value: value.replace(microsecond=0))
EPOCHS = st.datetimes(begin(1970, 1, 2), begin(2038, 1, 18))


def hexadecimal(value: bytes) -> Value:
    """Bytes as MySQL spells them."""
    text = value.hex().upper()
    return Value(value, text, tuple({text.lower(), f"0x{text}"} - {text}))


def bytea(value: bytes) -> Value:
    """Bytes as PostgreSQL spells them."""
    text = "\\x" + value.hex()
    return Value(value, text, tuple({text.upper().replace("\\X", "\\x")} - {text}))


BYTES = (b"", b"\0", b"\0\0", b"a", b"a\0", b"A", b"a ", b"\\", b"'", b'"', b"\xff" * 16, b"\xc3")
SIXTEEN = tuple(
    bytes.fromhex(text)
    for text in ("00" * 16, "00" * 15 + "01", "01" + "00" * 15, "ff" * 16, "27225c" + "0a" * 13)
)
YEARS = (1901, 1970, 1999, 2000, 2001, 2069, 2070, 2155)


def spelled_uuid(value: uuid.UUID) -> Value:
    """A UUID as PostgreSQL prints it."""
    text = str(value)
    return same(text, text.upper(), text.replace("-", ""), f"{{{text}}}")


UUIDS = tuple(uuid.UUID(int=number) for number in (0, 1, 2**128 - 1, 2**128 - 2, 0xABCDEF << 100))


MYSQL: list[Kind] = [
    integers("tinyint", "mysql", "TINYINT", -128, 127),
    integers("smallint", "mysql", "SMALLINT", -(2**15), 2**15 - 1),
    integers("mediumint", "mysql", "MEDIUMINT", -(2**23), 2**23 - 1),
    integers("int", "mysql", "INT", -(2**31), 2**31 - 1),
    integers("bigint", "mysql", "BIGINT", -(2**63), 2**63 - 1),
    integers("tinyint unsigned", "mysql", "TINYINT UNSIGNED", 0, 255),
    integers("int unsigned", "mysql", "INT UNSIGNED", 0, 2**32 - 1),
    integers("bigint unsigned", "mysql", "BIGINT UNSIGNED", 0, 2**64 - 1),
    integers("zerofill", "mysql", "INT(10) UNSIGNED ZEROFILL", 0, 2**32 - 1),
    integers("bit", "mysql", "BIT(64)", 0, 2**64 - 1),
    integers("bit of one", "mysql", "BIT(1)", 0, 1),
    Kind(
        "year",
        "mysql",
        "YEAR",
        (Value(0, "0000", ("0",)), *(Value(year, str(year)) for year in YEARS)),
        st.integers(1901, 2155).map(lambda year: Value(year, str(year), (f"0{year}",))),
    ),
    Kind(
        "boolean",
        "mysql",
        "BOOLEAN",
        (Value(0, "0", ("00",)), Value(1, "1", ("01",))),
        st.sampled_from([Value(0, "0"), Value(1, "1")]),
    ),
    Kind(
        "decimal",
        "mysql",
        "DECIMAL(12,2)",
        (
            same("0.00", "0", "-0", "-0.00", ".0", "0."),
            same("0.01", ".01"),
            same("-0.01", "-.01"),
            same("1.50", "1.5", "+1.5", "001.50", "1.500"),
            same("1.51"),
            same("9999999999.99"),
            same("9999999999.98"),
            same("-9999999999.99"),
        ),
        fixed(12, 2),
    ),
    Kind(
        "decimal at its limit",
        "mysql",
        "DECIMAL(62,30)",
        (
            same("9" * 32 + "." + "9" * 30),
            same("9" * 31 + "8." + "9" * 30),
            same("0." + "0" * 29 + "1"),
            same("0." + "0" * 28 + "10"),
        ),
        fixed(40, 30),
    ),
    Kind(
        "decimal unsigned zerofill",
        "mysql",
        "DECIMAL(8,2) UNSIGNED ZEROFILL",
        (same("0.00", "0"), same("0.01"), same("999999.99"), same("10.50", "10.5")),
        st.integers(0, 99999999).map(lambda n: same(f"{n // 100}.{n % 100:02}")),
    ),
    Kind(
        "char",
        "mysql",
        "CHAR(20)",
        (*TEXTS[:-4], Value("w", "w", ("w  ",), ("W", "w "))),
        texts(12, kept=False, low=" "),
    ),
    Kind(
        "char of bytes",
        "mysql",
        "CHAR(20) COLLATE utf8mb4_0900_bin",
        (same("abc", "abc "), same("ABC"), same("ab"), same(" abc"), same("")),
        texts(12, kept=False, low=" "),
    ),
    Kind("varchar", "mysql", "VARCHAR(40)", FOLDED, texts(12)),
    Kind(
        "varchar that pads",
        "mysql",
        "VARCHAR(40) COLLATE utf8mb4_general_ci",
        (*(value for value in TEXTS if value.stored < "😀"), Value("w", "w", (), ("W", "w "))),
        texts(12, low=" "),
    ),
    Kind(
        "varchar of bytes",
        "mysql",
        "VARCHAR(40) COLLATE utf8mb4_0900_bin",
        EXACT,
        texts(12, low="\0"),
    ),
    Kind(
        "varchar by accents",
        "mysql",
        "VARCHAR(40) COLLATE utf8mb4_0900_as_cs",
        (*TEXTS, same("ABC"), same("abç"), same(" abc"), same("abc ")),
        texts(12),
    ),
    Kind(
        "latin1",
        "mysql",
        "VARCHAR(40) CHARACTER SET latin1",
        (same(""), same("é"), same("f"), same("€"), same("\\'"), Value("ü", "ü", (), ("Ü",))),
        st.text(
            st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]),
            max_size=12,
        ).map(same),
    ),
    Kind(
        "utf16",
        "mysql",
        "VARCHAR(40) CHARACTER SET utf16 COLLATE utf16_bin",
        (same(""), same("é"), same("e"), same("😀"), same("'\\")),
        texts(12),
    ),
    Kind(
        "varbinary",
        "mysql",
        "VARBINARY(16)",
        tuple(hexadecimal(value) for value in BYTES),
        st.binary(max_size=16).map(hexadecimal),
    ),
    Kind(
        "binary",
        "mysql",
        "BINARY(16)",
        tuple(hexadecimal(value) for value in SIXTEEN),
        st.binary(min_size=16, max_size=16).map(hexadecimal),
    ),
    Kind(
        "enum",
        "mysql",
        "ENUM('b', '1', '2', 'x'',''y', 'it''s', 'b\\\\c', 'é', 'z z', '\"')",
        tuple(same(label) for label in ("b", "1", "2", "x','y", "it's", "b\\c", "é", "z z", '"')),
        st.sampled_from([same(label) for label in ("b", "1", "2", "it's", "b\\c")]),
    ),
    Kind(
        "date",
        "mysql",
        "DATE",
        tuple(
            map(
                same,
                (
                    "0001-01-01",
                    "1000-01-01",
                    "1900-01-01",
                    "1900-01-02",
                    "2024-02-29",
                    "9999-12-31",
                ),
            )
        ),
        st.dates(dt.date(1000, 1, 1)).map(day).map(same),
    ),
    Kind(
        "datetime",
        "mysql",
        "DATETIME",
        tuple(
            map(
                same,
                (
                    "1000-01-01 00:00:00",
                    "1900-01-01 00:00:00",
                    "2024-03-31 02:30:00",
                    "9999-12-31 23:59:59",
                ),
            )
        ),
        SECONDS.map(mysql_second),
    ),
    Kind(
        "datetime with microseconds",
        "mysql",
        "DATETIME(6)",
        (
            same("1000-01-01 00:00:00.000000", "1000-01-01"),
            same("2024-02-29 01:02:03.456789"),
            same("2024-02-29 01:02:03.456788"),
            same("9999-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999"),
        ),
        MOMENTS.map(mysql_moment),
    ),
    Kind(
        "timestamp",
        "mysql",
        "TIMESTAMP(6)",
        tuple(
            map(
                same,
                (
                    "1970-01-01 00:00:01.000000",
                    "2024-03-31 01:30:00.000000",
                    "2024-10-27 00:30:00.000000",
                    "2024-10-27 01:30:00.000000",
                    "2038-01-19 03:14:07.499999",
                ),
            )
        ),
        EPOCHS.map(mysql_moment),
    ),
    Kind(
        "time",
        "mysql",
        "TIME(6)",
        (
            same("00:00:00.000000", "-00:00:00"),
            same("00:00:00.000001"),
            same("-00:00:00.000001"),
            same("-838:59:59.000000", "-838:59:59"),
            same("838:59:59.000000"),
            same("100:00:00.000000"),
            same("24:00:00.000000"),
        ),
        MOMENTS.map(lambda value: same(microseconds(value))),
    ),
]

# What stands in the column of a type that these statements make.
MADE = ("label", "code", "amount", "folded")
BEFORE = """
CREATE TYPE label AS ENUM ('b', '1', '2', 'x'',''y', 'it''s', 'b\\c', 'é', 'z z', '"');
CREATE DOMAIN code AS varchar(20) CHECK (VALUE <> 'forbidden');
CREATE DOMAIN code_of_code AS code NOT NULL;
CREATE DOMAIN amount AS numeric(8, 2) CHECK (VALUE < 100000);
CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
"""

CODES = (same(""), same("042"), same("42"), same("it's"), same("b\\c"), same("漢"), same("a "))
INFINITY = (same("infinity"), same("-infinity"))

POSTGRES: list[Kind] = [
    integers("smallint", "postgres", "smallint", -(2**15), 2**15 - 1),
    integers("integer", "postgres", "integer", -(2**31), 2**31 - 1),
    integers("bigint", "postgres", "bigint", -(2**63), 2**63 - 1),
    Kind(
        "oid",
        "postgres",
        "oid",
        (same("0"), same("1"), same("4294967295")),
        st.integers(0, 2**32 - 1).map(str).map(same),
    ),
    Kind(
        "boolean",
        "postgres",
        "boolean",
        (Value("true", "t", ("true",)), Value("false", "f", ("false",))),
        st.sampled_from([Value("true", "t"), Value("false", "f")]),
    ),
    Kind(
        "numeric(p, s)",
        "postgres",
        "numeric(12, 2)",
        (
            same("0.00", "0", "-0", "-0.00", ".0", "0."),
            same("0.01", ".01"),
            same("-0.01", "-.01"),
            same("1.50", "1.5", "+1.5", "001.50", "1.500"),
            same("1.51"),
            same("9999999999.99"),
            same("-9999999999.99"),
            Value("NaN", None),
        ),
        fixed(12, 2),
    ),
    Kind(
        "numeric",
        "postgres",
        "numeric",
        (
            Value("1.50", "1.5", ("1.50", "01.500", "+1.5"), ("1.5", "1.5000")),
            Value("100", "100", ("100.0", "100.000", "0100"), ("100.0",)),
            Value("0.0", "0", ("-0", "0.00", "-0.0"), ("0", "0.00")),
            same("1.5000000000000000000000000000000000000001"),
            Value("1" + "0" * 62, "1" + "0" * 62),
            Value("1" + "0" * 80, None),
            Value("NaN", None),
            Value("Infinity", None),
            Value("-Infinity", None),
        ),
        st.decimals(
            allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
        ).map(
            lambda value: Value(
                f"{value:f}",
                (lambda text: "0" if text == "-0" else text)(f"{value:f}".rstrip("0").rstrip(".")),
                (f"{value:f}", f"{value:f}00"),
                (f"{value:f}0",),
            )
        ),
    ),
    Kind(
        "numeric without a sign of its scale",
        "postgres",
        "numeric(6, -2)",
        (same("100"), same("0", "-0"), same("99999900"), same("-100")),
        st.integers(-999999, 999999).map(lambda n: same(f"{n * 100}")),
    ),
    Kind(
        "char",
        "postgres",
        "char(20)",
        (same("abc", "abc   "), same("ABC"), same(" abc"), same("ab"), same(""), same("b\\'c")),
        texts(12, kept=False),
    ),
    Kind("varchar", "postgres", "varchar(40)", EXACT, texts(12)),
    Kind("text", "postgres", "text", EXACT, texts(12)),
    Kind("text under a collation", "postgres", 'text COLLATE "C"', EXACT, texts(12)),
    Kind(
        "text that folds",
        "postgres",
        "text COLLATE folded",
        (*(value for value in FOLDED if value.stored not in {"\\\\", "😁", "it's"}),),
        texts(12),
    ),
    Kind(
        "citext",
        "postgres",
        "citext",
        (*TEXTS, Value("q", "q", (), ("Q",)), same("abç")),
        texts(12),
        "citext",
    ),
    Kind(
        "name",
        "postgres",
        "name",
        (same("abc"), same("ABC"), same("x" * 63), same("")),
        st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=12).map(same),
    ),
    Kind(
        "bytea",
        "postgres",
        "bytea",
        tuple(bytea(value) for value in BYTES),
        st.binary(max_size=16).map(bytea),
    ),
    Kind("uuid", "postgres", "uuid", tuple(map(spelled_uuid, UUIDS)), st.uuids().map(spelled_uuid)),
    Kind(
        "date",
        "postgres",
        "date",
        (
            *map(
                same,
                (
                    "4713-01-01 BC",
                    "0044-03-15 BC",
                    "0044-03-15",
                    "0001-01-01",
                    "1900-01-01",
                    "1900-01-02",
                    "2024-02-29",
                    "9999-12-31",
                    "10000-01-01",
                    "5874897-12-31",
                ),
            ),
            *INFINITY,
        ),
        st.dates().map(day).map(same),
    ),
    Kind(
        "time",
        "postgres",
        "time",
        (
            same("00:00:00", "00:00", "00:00:00.000"),
            same("24:00:00", "24:00"),
            same("23:59:59.999999"),
            same("23:59:59.999998"),
            same("01:02:03.5"),
        ),
        MOMENTS.map(lambda value: same(postgres_moment(value).stored.split(" ")[1])),
    ),
    Kind(
        "time with time zone",
        "postgres",
        "time with time zone",
        (
            same("12:00:00+00", "12:00", "12:00Z"),
            same("13:00:00+01"),
            same("06:15:00-05:45"),
            same("12:00:00.000001+00"),
            same("24:00:00-15:59"),
        ),
        MOMENTS.map(lambda value: same(postgres_moment(value).stored.split(" ")[1] + "+02")),
    ),
    Kind(
        "timestamp",
        "postgres",
        "timestamp",
        (
            same("4713-01-01 00:00:00 BC"),
            same("0044-03-15 12:00:00 BC"),
            same("1900-01-01 00:00:00", "1900-01-01T00:00", "1900-01-01 00:00:00.000"),
            same("2024-03-31 02:30:00"),
            same("2024-02-29 01:02:03.456789"),
            same("2024-02-29 01:02:03.456788"),
            same("294276-12-31 23:59:59.999999"),
            *INFINITY,
        ),
        MOMENTS.map(postgres_moment),
    ),
    Kind(
        "timestamp(0)",
        "postgres",
        "timestamp(0)",
        (same("2024-02-29 01:02:03", "2024-02-29 01:02:03.0"), same("2024-02-29 01:02:04")),
        SECONDS.map(postgres_moment),
    ),
    Kind(
        "timestamp with time zone",
        "postgres",
        "timestamp with time zone",
        (
            same("4713-01-01 00:00:00+00 BC"),
            same("1900-01-01 00:00:00+00", "1900-01-01 05:45+05:45", "1899-12-31T23:00:00-01"),
            same("2024-10-27 00:30:00+00", "2024-10-27 02:30+02"),
            same("2024-10-27 01:30:00+00", "2024-10-27 02:30+01"),
            same("2024-02-29 01:02:03.456789+00", "2024-02-29T01:02:03.456789Z"),
            same("294276-12-31 23:59:59.999999+00"),
            *INFINITY,
        ),
        MOMENTS.map(postgres_instant),
    ),
    Kind(
        "interval",
        "postgres",
        "interval",
        (
            Value("1 mon", "1 mon", ("1 month", "30 days", "720:00:00"), ("30 days", "720 hours")),
            Value("1 day", "1 day", ("24:00:00", "24 hours", "P1D"), ("24:00:00",)),
            Value("00:00:00.000001", "00:00:00.000001", ("1 microsecond",)),
            Value("-1 days", "-1 days", ("-24:00:00",), ("-24:00:00",)),
            Value("00:00:00", "00:00:00", ("0 days", "1 day -24 hours"), ("1 day -24 hours",)),
            Value("178000000 years", "178000000 years"),
        ),
        st.integers(-(10**15), 10**15).map(lambda n: Value(f"{n} microseconds", None)),
    ),
    Kind(
        "bit",
        "postgres",
        "bit(8)",
        (same("00000000"), same("00000001"), same("10000000"), same("11111111")),
        st.integers(0, 255).map(lambda n: same(f"{n:08b}")),
    ),
    Kind(
        "bit varying",
        "postgres",
        "bit varying(12)",
        (same("0"), same("00"), same("1"), same("10"), same("1" * 12), same("01")),
        st.text("01", min_size=1, max_size=12).map(same),
    ),
    Kind(
        "inet",
        "postgres",
        "inet",
        (
            same("10.0.0.1", "10.0.0.1/32"),
            same("10.0.0.1/8"),
            same("10.0.0.2"),
            same("::1", "0:0:0:0:0:0:0:1", "::1/128"),
            same("::ffff:1.2.3.4", "::FFFF:1.2.3.4"),
            same("0.0.0.0/0"),
        ),
        st.ip_addresses(v=4).map(lambda address: same(str(address), f"{address}/32")),
    ),
    Kind(
        "cidr",
        "postgres",
        "cidr",
        (
            same("10.0.0.0/8", "10/8"),
            same("10.0.0.0/16"),
            same("10.0.0.1/32", "10.0.0.1"),
            same("2001:db8::/32", "2001:DB8::/32"),
            same("0.0.0.0/0"),
        ),
        st.ip_addresses(v=4).map(lambda address: same(f"{address}/32", str(address))),
    ),
    Kind(
        "macaddr",
        "postgres",
        "macaddr",
        (
            same("08:00:2b:01:02:03", "08-00-2B-01-02-03", "08002b010203"),
            same("08:00:2b:01:02:04"),
            same("00:00:00:00:00:00"),
            same("ff:ff:ff:ff:ff:ff"),
        ),
        st.integers(0, 2**48 - 1).map(lambda n: same(n.to_bytes(6, "big").hex(":"))),
    ),
    Kind(
        "macaddr8",
        "postgres",
        "macaddr8",
        (same("08:00:2b:ff:fe:01:02:03", "08002b:fffe010203"), same("08:00:2b:01:02:03:04:05")),
        st.integers(0, 2**64 - 1).map(lambda n: same(n.to_bytes(8, "big").hex(":"))),
    ),
    Kind(
        "enum",
        "postgres",
        "label",
        tuple(same(label) for label in ("b", "1", "2", "x','y", "it's", "b\\c", "é", "z z", '"')),
        st.sampled_from([same(label) for label in ("b", "1", "2", "it's", "b\\c")]),
    ),
    Kind("domain", "postgres", "code", CODES, texts(12)),
    Kind("domain over a domain", "postgres", "code_of_code", CODES, texts(12)),
    Kind(
        "domain over numeric",
        "postgres",
        "amount",
        (same("1.50", "1.5"), same("1.51"), same("0.00", "-0"), same("-999999.99")),
        st.integers(-99999999, 9999999).map(
            lambda n: same(f"{'-' if n < 0 else ''}{abs(n) // 100}.{abs(n) % 100:02}")
        ),
    ),
]
