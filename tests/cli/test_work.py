"""Working without a scheduler: a loop that survives lost connections and ends when asked."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from deletion_jobs import database, work
from deletion_jobs.errors import DatabaseError
from tests.migrations.places import Place


class Session:
    """A session that counts its calls, and may fail."""

    def __init__(self, stop: work.Stop, errors: list[DatabaseError | None]) -> None:
        self.stop, self.errors = stop, errors
        self.calls: list[tuple[Any, ...]] = []
        self.closed = 0

    def call(self, *arguments: Any) -> None:
        """Note a call, and fail as planned; the last one asks the loop to end."""
        self.calls.append(arguments)
        error = self.errors.pop(0)
        if not self.errors:
            self.stop.ask()
        if error is not None:
            raise error

    def close(self) -> None:
        """Note it."""
        self.closed += 1


def loop(errors: list[DatabaseError | None], **options: Any) -> tuple[Session, int, int]:
    """Run the loop; give the session, the calls that ended well and the connections opened."""
    stop = work.Stop()
    session = Session(stop, errors)
    opened = 0

    def connect() -> database.Session:
        nonlocal opened
        opened += 1
        return session  # type: ignore[return-value]

    calls = work.work(connect, stop, lambda _: None, tick_seconds=0.0, **options)
    return session, calls, opened


def test_the_loop_calls_again_and_again_over_one_connection() -> None:
    session, calls, opened = loop([None, None, None], slot=2, run_seconds=7)
    assert session.calls == [("run_deletion_jobs", 2, 7)] * 3
    assert (calls, opened, session.closed) == (3, 1, 1)


def test_a_lost_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(work.Stop, "pause", lambda _self, seconds: pauses.append(seconds))
    lost = DatabaseError("gone", "08006")
    _, calls, opened = loop([None, lost, lost, None, None])
    assert (calls, opened) == (3, 3)
    assert [seconds for seconds in pauses if seconds] == [2.0, 4.0]


def test_an_error_that_another_attempt_cannot_mend_ends_the_loop() -> None:
    with pytest.raises(DatabaseError, match="denied"):
        loop([None, DatabaseError("denied", "42501"), None])


def test_once_is_one_call_and_any_error_ends_it() -> None:
    assert loop([None, None], once=True)[1] == 1
    with pytest.raises(DatabaseError):
        loop([DatabaseError("gone", "08006"), None], once=True)


def test_the_command_works_off_jobs_and_ends_well_when_asked(place: Place) -> None:
    place.ok("apply", "--no-users-key")
    place.execute("CREATE TABLE thing (id bigint PRIMARY KEY)")
    place.execute("INSERT INTO thing VALUES (1), (2)")
    place.execute("CALL register_deletion_target('thing', NULL, NULL)")
    owner = {"postgres": "deletion_jobs_owner", "mysql": "deletion_jobs_owner@localhost"}
    place.execute(f"GRANT SELECT, UPDATE, DELETE ON thing TO {owner[place.engine]}")
    process = subprocess.Popen(
        [sys.executable, "-c", "from deletion_jobs.cli import main; main()", "work",
         "--tick-seconds", "0.1", "--run-seconds", "1", "--slot", "1"],
        env={**os.environ, "DELETION_JOBS_URL": place.url},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        out = {"postgres": "NULL", "mysql": "@dj_job"}[place.engine]
        place.execute(f"CALL enqueue_deletion('thing', '1', NULL, TRUE, NULL, NULL, {out})")
        deadline = time.monotonic() + 30
        while place.value("SELECT status FROM deletion_jobs") != "done":
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, place.execute("SELECT * FROM deletion_jobs")
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert "SIGTERM" in error
    assert place.execute("SELECT id FROM thing") == [(2,)]
