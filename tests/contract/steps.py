"""A run whose steps a test calls one by one, as the loop calls them; and what locks are left."""

from datetime import UTC, datetime
from typing import Any

from tests.database import Database


class Steps:
    """A run whose steps the test calls one by one.

    Args:
        db: the session that works; it may call what only the owner may.
    """

    def __init__(self, db: Database) -> None:
        self.db = db
        self.run: tuple[Any, ...] = ()

    def claim(self) -> None:
        """Take what is due."""
        if self.db.engine == "postgres":
            self.run = self.db.rows("SELECT run_id, token FROM deletion_claim(NULL, NULL)")[0]
        else:
            self.db.execute("CALL deletion_session(@saved)")
            self.db.execute("SET @due_at = NULL, @due_id = NULL")
            self.db.execute(
                "CALL deletion_claim(NULL, NULL, @due_at, @due_id, @run_id, @token, @job_count)"
            )
            self.run = self.db.rows("SELECT @run_id, @token")[0]
        assert None not in self.run

    def step(self, until: datetime = datetime(9999, 1, 1, tzinfo=UTC)) -> str:
        """Do one step, commit it, and say whether there is more.

        Args:
            until: when the call of the worker should end.
        """
        if self.db.engine == "postgres":
            return str(self.db.value("SELECT deletion_step(%s, %s, %s)", *self.run, until))
        self.db.execute("CALL deletion_step(%s, %s, %s, @state)", *self.run, until)
        return str(self.db.value("SELECT @state"))

    def until_stored(self, table: str) -> list[int]:
        """Step until a frame of a table is stored between two steps; give the ids in it."""
        while self.step() == "more":
            found = self.db.rows(
                "SELECT f.keys FROM deletion_frames AS f"
                " JOIN deletion_runs AS r ON r.run_id = f.run_id"
                " JOIN deletion_plan_steps AS s ON s.plan_id = r.plan_id"
                " AND s.edge_no = f.edge_no AND s.kind = 'lock'"
                " WHERE s.table_name = %s",
                table,
            )
            if found:
                return sorted(int(key) for key in self.keys(table))
        raise AssertionError(f"no frame of {table} was ever stored")

    def keys(self, table: str) -> list[Any]:
        """Give the first key column of all keys in stored frames of a table."""
        return self.db.column(
            self.db.either(
                mysql="SELECT k.k1 FROM deletion_frames AS f"
                " JOIN deletion_runs AS r ON r.run_id = f.run_id"
                " JOIN deletion_plan_steps AS s ON s.plan_id = r.plan_id"
                " AND s.edge_no = f.edge_no AND s.kind = 'lock'"
                " JOIN JSON_TABLE(f.keys, '$[*]' COLUMNS (k1 BIGINT PATH '$.k1')) AS k"
                " WHERE s.table_name = %s",
                postgres="SELECT k ->> 'k1' FROM deletion_frames AS f"
                " JOIN deletion_runs AS r ON r.run_id = f.run_id"
                " JOIN deletion_plan_steps AS s ON s.plan_id = r.plan_id"
                " AND s.edge_no = f.edge_no AND s.kind = 'lock'"
                " CROSS JOIN jsonb_array_elements(f.keys) AS k"
                " WHERE s.table_name = %s",
            ),
            table,
        )

    def finish(self) -> None:
        """Step to the end."""
        while self.step() in {"more", "retry"}:
            pass
        self.db.run()

    def recover(self) -> None:
        """Take back what dead workers left, in this very session, and claim nothing."""
        recover(self.db)


def recover(db: Database) -> None:
    """Take back the jobs of workers that are gone, and claim nothing."""
    db.script(mysql="CALL deletion_recover()", postgres="SELECT deletion_recover()")


def recover_all(db: Database) -> None:
    """Recover until no job is running: MySQL may show a session in its last call for a moment."""

    def is_back() -> bool:
        recover(db)
        return db.count("deletion_jobs", "status = 'running'") == 0

    db.wait_for(is_back)


def session_locks(db: Database) -> int:
    """Count the locks that a session itself holds, whatever became of its transactions."""
    return int(
        db.value(
            db.either(
                mysql="SELECT RELEASE_ALL_LOCKS()",
                postgres="SELECT COUNT(*) FROM pg_locks"
                " WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
            )
        )
    )
