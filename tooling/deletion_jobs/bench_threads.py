"""Threads of the benchmarks: each has a session of its own and works while something goes on."""

import contextlib
import threading
from collections.abc import Callable, Iterator


class Thread(threading.Thread):
    """A thread that keeps the error of its function for whoever waits for it."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call the function."""
        try:
            self._work()
        except BaseException as error:
            self._error = error

    def raise_error(self) -> None:
        """Wait for the end; raise what the function has raised."""
        self.join()
        if self._error is not None:
            raise self._error


@contextlib.contextmanager
def repeating(work: Callable[[], object], pause: float) -> Iterator[None]:
    """Call a function again and again, in a thread of its own, for the length of a block.

    Args:
        work: the function; the block ends with the error that it raises.
        pause: seconds before each call.
    """
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(pause):
            work()

    thread = Thread(repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    thread.raise_error()
