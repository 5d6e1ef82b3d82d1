"""How a command ends when it does not end well: one class for each exit code."""

from typing import ClassVar


class ToolError(Exception):
    """Something to tell the user; the command ends with `code`.

    Args:
        message: what is wrong.
        todo: what to do about it; may be empty.
    """

    code: ClassVar[int] = 1

    def __init__(self, message: str, todo: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.todo = todo


class FindingError(ToolError):
    """A check has found something: exit 1."""

    code = 1


class UsageError(ToolError):
    """The command was called in a way that cannot work: exit 2."""

    code = 2


class DatabaseError(ToolError):
    """The database answered with an error: exit 3.

    Args:
        message: the engine's own message.
        sqlstate: its SQLSTATE; empty where the driver knows none.
        todo: what to do about it.
        errno: MySQL's number of the error; None on PostgreSQL.
    """

    code = 3

    def __init__(
        self, message: str, sqlstate: str = "", todo: str = "", errno: int | None = None
    ) -> None:
        super().__init__(message, todo)
        self.sqlstate = sqlstate
        self.errno = errno
