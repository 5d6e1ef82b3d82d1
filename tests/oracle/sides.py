"""A case as real tables: once as deletion-jobs finds it, once as the engine's own cascade would."""

import uuid
from collections.abc import Sequence

import psycopg.sql

from tests.database import OWNER, TYPES, Database, Postgres, Raised
from tests.oracle.cases import MOST_TABLES, Case, Column, Link, Row, Rows, Table

# Unlike the default collation, this one keeps blanks and capitals apart.
MYSQL_TEXT = "VARCHAR(64) COLLATE utf8mb4_0900_bin"


class Side:
    """One copy of a case in a database.

    Args:
        db: a session whose tables these shall be.
        is_native: True: each reference is a foreign key with the action itself, for one DELETE;
            False: as the case says, with rules and declared references.
    """

    def __init__(self, db: Database, *, is_native: bool) -> None:
        self.db = db
        self.is_native = is_native
        self._granted: set[str] = set()
        if isinstance(db, Postgres):
            # Tables of one name have other columns each time: nothing prepared would fit.
            db.connection.prepare_threshold = None

    def build(self, case: Case) -> None:
        """Make the tables and fill them; references need not be in any order."""
        if self.db.engine == "mysql":
            script = [self._create(case, table, inside=True) for table in case.tables]
            self.db.script(mysql="; ".join(["SET foreign_key_checks = 0", *script]))
        else:
            script = [self._create(case, table, inside=False) for table in case.tables]
            self.db.script(postgres="; ".join(script))
        for table in case.tables:
            self.db.insert(table.name, case.rows[table.name])
        if self.db.engine == "mysql":
            indexes = [self._index(link) for link in case.links if link.how == "declared"]
            self.db.script(mysql="; ".join([*filter(None, indexes), "SET foreign_key_checks = 1"]))
        else:
            keys = [
                f"ALTER TABLE {link.child} ADD {self._key(link)}"
                for link in case.links
                if self._has_key(link)
            ]
            self.db.script(postgres="; ".join([*keys, *filter(None, map(self._index, case.links))]))
        if not self.is_native:
            self._grant(case)

    def clear(self) -> None:
        """Drop the tables of whatever case was here before."""
        names = ", ".join(f"t{number}" for number in range(MOST_TABLES))
        self.db.script(
            mysql=f"SET foreign_key_checks = 0; DROP TABLE IF EXISTS {names};"
            " SET foreign_key_checks = 1",
            postgres=f"DROP TABLE IF EXISTS {names} CASCADE",
        )

    def contents(self, case: Case) -> Rows:
        """Read all tables, each in the order of its primary key's text."""
        return {
            table.name: in_order(table, self.db.rows(f"SELECT * FROM {table.name}"))
            for table in case.tables
        }

    def native_delete(self, case: Case, root: Row) -> Raised | None:
        """Run one DELETE of the root; give the engine's error, None: there was none."""
        condition = " AND ".join(f"{name} = %s" for name in case.target_key)
        try:
            self.db.execute(f"DELETE FROM {case.target.name} WHERE {condition}", *root)
        except Exception as error:
            raised = self.db._raised(error)
            if raised is None:
                raise
            return raised
        return None

    def native_trial(self, case: Case, root: Row) -> Raised | None:
        """Run the DELETE and take it back."""
        self.db.execute("BEGIN")
        raised = self.native_delete(case, root)
        self.db.execute("ROLLBACK")
        return raised

    def _has_key(self, link: Link) -> bool:
        return self.is_native or link.how != "declared"

    def _key(self, link: Link) -> str:
        action = link.action if self.is_native else link.native
        return (
            f"CONSTRAINT {link.name} FOREIGN KEY ({', '.join(link.columns)})"
            f" REFERENCES {link.parent} ({', '.join(link.to)}) ON DELETE {action.upper()}"
        )

    def _index(self, link: Link) -> str:
        if not link.is_indexed:
            return ""
        return f"CREATE INDEX i_{link.name} ON {link.child} ({', '.join(link.columns)})"

    def _create(self, case: Case, table: Table, *, inside: bool) -> str:
        lines = [self._column(column) for column in table.columns]
        lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
        if table.unique:
            lines.append(f"UNIQUE ({table.unique})")
        if inside:
            lines += [
                self._key(link)
                for link in case.links
                if link.child == table.name and self._has_key(link)
            ]
        create = f"CREATE TABLE {table.name} ({', '.join(lines)})"
        if not table.partitions:
            return create
        parts = (
            f"CREATE TABLE {table.name}_{part} PARTITION OF {table.name}"
            f" FOR VALUES WITH (MODULUS {table.partitions}, REMAINDER {part})"
            for part in range(table.partitions)
        )
        return "; ".join([f"{create} PARTITION BY HASH ({table.key[0]})", *parts])

    def _column(self, column: Column) -> str:
        engine = self.db.engine
        kind = TYPES[engine][column.kind]
        if engine == "mysql" and column.kind == "text":
            kind = MYSQL_TEXT
        default = ""
        if column.default is not None:
            default = f" DEFAULT {psycopg.sql.Literal(column.default).as_string(None)}"
        return f"{column.name} {kind} {'NULL' if column.is_nullable else 'NOT NULL'}{default}"

    def _grant(self, case: Case) -> None:
        names = [table.name for table in case.tables]
        if self.db.engine == "postgres":
            self.db.script(
                postgres=f"GRANT SELECT, UPDATE, DELETE ON {', '.join(names)} TO {OWNER}"
            )
            return
        # MySQL keeps the rights on a name when its table is dropped.
        for name in names:
            if name not in self._granted:
                self.db.grant_to_owner(name)
                self._granted.add(name)


def in_order(table: Table, rows: Sequence[Row]) -> list[Row]:
    """Put rows in an order of their own, and values in one form."""
    plain = [
        tuple(str(value) if isinstance(value, uuid.UUID) else value for value in row)
        for row in rows
    ]
    return sorted(plain, key=lambda row: repr(table.pick(row, table.key)))
