"""Threads of the benchmarks: each has a session of its own and works while something goes on."""

import threading
from collections.abc import Callable


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
