"""Call the worker's loop again and again, where the server has no scheduler of its own."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError

Say = Callable[[str], None]

LONGEST_PAUSE_SECONDS = 60.0


class Stop:
    """A wish to end, set by SIGINT or SIGTERM; the call that runs is finished first."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ask(self) -> None:
        """Ask the loop to end."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, or until the wish comes."""
        self._event.wait(seconds)

    def listen(self, say: Say) -> None:
        """Take the signals; a second one ends at once, as ever."""

        def heard(number: int, _: FrameType | None) -> None:
            say(f"{signal.Signals(number).name}: ending after this call")
            signal.signal(number, signal.SIG_DFL)
            self.ask()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, heard)


def work(
    connect: Callable[[], Session],
    stop: Stop,
    say: Say,
    *,
    slot: int | None = None,
    run_seconds: int | None = None,
    tick_seconds: float = 10.0,
    once: bool = False,
) -> int:
    """Work until asked to stop.

    Args:
        connect: opens a session; called again after one was lost.
        stop: the wish to end.
        say: told about errors.
        slot: the slot to hold; None: none.
        run_seconds: how long one call may take; None: as the setting says.
        tick_seconds: pause between two calls.
        once: end after one call.

    Returns:
        The number of calls that ended well.

    Raises:
        DatabaseError: an error that another attempt cannot mend; with `once`, any.
    """
    calls = 0
    failures = 0
    session: Session | None = None
    try:
        while not stop:
            started = time.monotonic()
            try:
                session = session or connect()
                session.call("run_deletion_jobs", slot, run_seconds)
            except DatabaseError as error:
                if once or not _may_pass(error):
                    raise
                failures += 1
                say(f"error {error.sqlstate}: {error.message}; trying again")
                if session is not None:
                    session.close()
                session = None
                stop.pause(min(LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 6)))
                continue
            calls += 1
            failures = 0
            if once:
                break
            stop.pause(max(0.0, tick_seconds - (time.monotonic() - started)))
    finally:
        if session is not None:
            session.close()
    return calls


def _may_pass(error: DatabaseError) -> bool:
    """Tell whether the server may have got over it: lost connections, restarts, locks, cancels."""
    return error.sqlstate[:2] in {"08", "57", "40", "53", "55"} or error.errno in {
        1053, 1205, 1213, 1317, 2003, 2006, 2013,
    }  # fmt: skip
