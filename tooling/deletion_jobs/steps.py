"""What yoyo calls for one of our migrations: send the whole file beside the shim.

``deletion-jobs apply`` sends the same text with its own checks, locks and retries; this is for
those who run yoyo themselves.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deletion_jobs import statements

Step = Callable[[Any], None]


def apply_of(shim: str) -> Step:
    """Give the step that sends ``apply.sql`` of a shim's folder."""
    return _sender(Path(shim).with_suffix("") / "apply.sql")


def rollback_of(shim: str) -> Step:
    """Give the step that sends ``rollback.sql`` of a shim's folder."""
    return _sender(Path(shim).with_suffix("") / "rollback.sql")


def without_transaction(text: str) -> str:
    """Take BEGIN and COMMIT out of a PostgreSQL migration: the sender holds the transaction.

    Raises:
        ValueError: there is not exactly one of each, at the start of a line.
    """
    lines = text.splitlines(keepends=True)
    for word in ("BEGIN;\n", "COMMIT;\n"):
        if lines.count(word) != 1:
            raise ValueError(f"{lines.count(word)} lines hold {word.strip()} instead of one")
        lines[lines.index(word)] = "\n"
    return "".join(lines)


def _sender(file: Path) -> Step:
    engine = file.parent.parent.name

    def send(connection: Any) -> None:
        text = file.read_text(encoding="utf-8")
        with connection.cursor() as cursor:
            if engine == "postgres":
                cursor.execute(without_transaction(text).encode())
                return
            for statement in statements.split(text):
                cursor.execute(statement.text)
                while cursor.nextset():
                    pass

    return send
