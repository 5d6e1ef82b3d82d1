"""A database of its own for one test of installing, on either engine."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
import pymysql
import pymysql.constants.CLIENT
from click.testing import CliRunner, Result

from deletion_jobs.cli import main
from deletion_jobs.servers import Server

Engine = Literal["mysql", "postgres"]

USERS = {
    "postgres": "CREATE TABLE users (id bigint PRIMARY KEY)",
    "mysql": "CREATE TABLE users (id BIGINT UNSIGNED PRIMARY KEY)",
}

# Everything that a database holds, but for what it holds in its tables.
WHOLE = {
    "postgres": """
        WITH home AS (
            SELECT n.* FROM pg_namespace AS n
            WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        )
        SELECT 'schema', n.nspname::text, pg_get_userbyid(n.nspowner) || ' ' || (
            SELECT coalesce(string_agg(format('%s=%s', a.grantee::regrole, a.privilege_type), ','
                ORDER BY a.grantee::regrole::text, a.privilege_type), '')
            FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
        ) FROM home AS n
        UNION ALL
        SELECT 'relation', c.oid::regclass::text, format('%s %s %s %s', c.relkind,
            pg_get_userbyid(c.relowner), c.relacl, obj_description(c.oid, 'pg_class'))
        FROM pg_class AS c JOIN home AS n ON n.oid = c.relnamespace
        UNION ALL
        SELECT 'column', c.oid::regclass || '.' || a.attname, format('%s %s %s %s %s',
            format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
        FROM pg_class AS c JOIN home AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        UNION ALL
        SELECT 'constraint', k.conrelid::regclass || '.' || k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint AS k JOIN home AS n ON n.oid = k.connamespace
        -- From 18 on NOT NULL is a constraint with a name of the engine's making; see the columns.
        WHERE k.contype <> 'n'
        UNION ALL
        SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
        JOIN home AS n ON n.oid = c.relnamespace
        UNION ALL
        SELECT 'view', c.oid::regclass::text, pg_get_viewdef(c.oid)
        FROM pg_class AS c JOIN home AS n ON n.oid = c.relnamespace WHERE c.relkind = 'v'
        UNION ALL
        SELECT 'routine', p.oid::regprocedure::text, format('%s %s %s %s',
            pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), p.proacl,
            obj_description(p.oid, 'pg_proc'))
        FROM pg_proc AS p JOIN home AS n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
        UNION ALL
        SELECT 'type', t.oid::regtype::text, t.typtype::text
        FROM pg_type AS t JOIN home AS n ON n.oid = t.typnamespace
    """,
    "mysql": """
        SELECT 'table', t.table_name, concat_ws(' ', t.table_type, t.engine, t.row_format,
            t.table_collation, t.table_comment)
        FROM information_schema.tables AS t WHERE t.table_schema = database()
        UNION ALL
        SELECT 'column', concat(c.table_name, '.', c.column_name), concat_ws(' ',
            c.ordinal_position, c.column_type, c.collation_name, c.is_nullable, c.column_default,
            c.extra, c.column_comment)
        FROM information_schema.columns AS c WHERE c.table_schema = database()
        UNION ALL
        SELECT 'index', concat(s.table_name, '.', s.index_name, '.', s.seq_in_index),
            concat_ws(' ', s.non_unique, s.column_name, s.expression)
        FROM information_schema.statistics AS s WHERE s.table_schema = database()
        UNION ALL
        SELECT 'constraint', concat(k.table_name, '.', k.constraint_name), k.constraint_type
        FROM information_schema.table_constraints AS k WHERE k.table_schema = database()
        UNION ALL
        SELECT 'routine', r.routine_name, concat_ws(' ', r.routine_type, r.definer,
            r.security_type, r.sql_mode, r.routine_comment, r.routine_definition)
        FROM information_schema.routines AS r WHERE r.routine_schema = database()
        UNION ALL
        SELECT 'view', v.table_name, concat_ws(' ', v.definer, v.view_definition)
        FROM information_schema.views AS v WHERE v.table_schema = database()
        UNION ALL
        SELECT 'event', e.event_name, e.event_definition
        FROM information_schema.events AS e WHERE e.event_schema = database()
        UNION ALL
        SELECT 'grant', concat(t.table_name, ' ', t.user, '@', t.host), t.table_priv
        FROM mysql.tables_priv AS t WHERE t.db = database()
        UNION ALL
        SELECT 'grant', concat(p.routine_name, ' ', p.user, '@', p.host), p.proc_priv
        FROM mysql.procs_priv AS p WHERE p.db = database()
        UNION ALL
        SELECT 'grant', concat(d.user, '@', d.host), concat(d.execute_priv, d.event_priv,
            d.references_priv)
        FROM mysql.db AS d WHERE d.db = database()
    """,
}


@dataclass
class Place:
    """An empty database, and ways to look into it from outside the tool."""

    engine: Engine
    server: Server
    database: str

    @property
    def url(self) -> str:
        """Its URL, as the superuser."""
        return self.server.url_of(self.database)

    def execute(self, text: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """Run SQL as the superuser; give the rows of the last result."""
        if self.engine == "postgres":
            with psycopg.connect(url or self.url, autocommit=True) as connection:
                cursor = connection.execute(text.encode())
                while cursor.nextset():
                    pass
                return cursor.fetchall() if cursor.description else []
        with self.connect_mysql() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                rows = list(cursor.fetchall()) or rows
            return rows

    def connect_mysql(self) -> Any:
        """Open a session of MySQL that takes several statements at once."""
        return pymysql.connect(
            host=self.server.host,
            port=self.server.port,
            user=self.server.user,
            password=self.server.password,
            database=self.database,
            autocommit=True,
            client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
        )

    def value(self, query: str) -> Any:
        """Give the only value of a query."""
        ((found,),) = self.execute(query)
        return found

    def add_users(self) -> None:
        """Make the application's table of users."""
        self.execute(USERS[self.engine])

    def whole(self, *, ledger: bool = False) -> dict[tuple[str, str], str]:
        """Describe everything in the database; the ledger's own tables only if asked for."""
        return {
            (str(kind), str(name)): str(detail)
            for kind, name, detail in self.execute(WHOLE[self.engine])
            if ledger or "_yoyo_" not in str(name)
        }

    def whole_but_order(self) -> dict[tuple[str, str], str]:
        """Describe everything but the places of columns, which an upgrade cannot choose."""
        placed = self.engine == "mysql"
        return {
            key: detail.partition(" ")[2] if placed and key[0] == "column" else detail
            for key, detail in self.whole().items()
        }

    def marked(self) -> list[str]:
        """List the migrations that the ledger holds for applied, in the order of their names."""
        if not any("_yoyo_migration" in name for _, name in self.whole(ledger=True)):
            return []
        rows = self.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")
        return [str(name) for (name,) in rows]

    def run(self, *arguments: str, url: str | None = None) -> Result:
        """Run a command of the tool in this process, against this database."""
        words = [*arguments]
        if url is not None or arguments[0] not in {"sql", "lint", "migrations"}:
            words += ["--url", url or self.url]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    def ok(self, *arguments: str, url: str | None = None) -> str:
        """Run a command that has to end well; give what it printed."""
        done = self.run(*arguments, url=url)
        assert done.exit_code == 0, done.output
        return done.stdout

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run a command of the tool in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", "from deletion_jobs.cli import main; main()", *arguments],
            env={**os.environ, "DELETION_JOBS_URL": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pipe(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Pipe a script into the engine's own client, which is in the server's container."""
        return subprocess.run(
            self._client(), input=script, capture_output=True, text=True, check=False
        )

    def _client(self) -> list[str]:
        server = self.server
        here = "psql" if self.engine == "postgres" else "mysql"
        if server.container is None and shutil.which(here):
            if self.engine == "postgres":
                return [here, "-X", "-q", "-d", self.url]
            return [
                here, f"-h{server.host}", f"-P{server.port}", f"-u{server.user}",
                f"-p{server.password}", self.database,
            ]  # fmt: skip
        inside = ["docker", "exec", "-i"]
        if self.engine == "postgres":
            return [
                *inside, "-e", f"PGPASSWORD={server.password}", self._container(), here, "-X",
                "-q", "-h", "127.0.0.1", "-U", server.user, "-d", self.database,
            ]  # fmt: skip
        return [
            *inside, "-e", f"MYSQL_PWD={server.password}", self._container(), here,
            f"-u{server.user}", self.database,
        ]  # fmt: skip

    def _container(self) -> str:
        if self.server.container is not None:
            return str(self.server.container.id)
        port = urlsplit(self.server.url).port
        found = subprocess.run(
            ["docker", "ps", "-q", "--filter", f"publish={port}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert found, f"neither a client nor a container with port {port} is here"
        return found[0]
