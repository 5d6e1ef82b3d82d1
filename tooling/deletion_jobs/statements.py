"""Split a MySQL script as the mysql client does: at ``;``, and at ``$$`` after DELIMITER lines.

PostgreSQL needs no such thing: its server takes a whole file at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DELIMITER = re.compile(r"DELIMITER[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
# What may hold a delimiter without ending the statement: quoted text and comments.
_OPAQUE = re.compile(
    r"'(?:[^'\\]|\\.|'')*'"
    r'|"(?:[^"\\]|\\.|"")*"'
    r"|`(?:[^`]|``)*`"
    r"|--(?=[ \t\n]|$)[^\n]*|#[^\n]*"
    r"|/\*.*?\*/",
    re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """One statement without its delimiter, and the line that it begins in."""

    text: str
    line: int


def split(script: str) -> Iterator[Statement]:
    """Give the statements of a script, one after the other.

    Raises:
        ValueError: the script ends inside a statement.
    """
    delimiter = ";"
    position = start = 0
    length = len(script)
    while position < length:
        at_line_start = position == 0 or script[position - 1] == "\n"
        changed = _DELIMITER.match(script, position) if at_line_start else None
        if changed and not _is_code(script[start:position]):
            delimiter = changed[1]
            position = start = changed.end()
            continue
        opaque = _OPAQUE.match(script, position)
        if opaque:
            position = opaque.end()
        elif script.startswith(delimiter, position):
            if _is_code(script[start:position]):
                yield _statement(script, start, position)
            position = start = position + len(delimiter)
        else:
            position += 1
    if _is_code(script[start:]):
        raise ValueError(f"no '{delimiter}' at the end: {script[start:].strip()[:60]}")


def _is_code(text: str) -> bool:
    """Tell whether there is anything but blanks and comments."""
    position = 0
    while position < len(text):
        opaque = _OPAQUE.match(text, position)
        if opaque and text[position] not in "'\"`":
            position = opaque.end()
        elif text[position].isspace():
            position += 1
        else:
            return True
    return False


def _statement(script: str, start: int, end: int) -> Statement:
    text = script[start:end]
    # Comments above a statement are left out: they would end up in the server's logs.
    while True:
        text = text.lstrip()
        opaque = _OPAQUE.match(text)
        if not opaque or text[0] in "'\"`":
            break
        text = text[opaque.end() :]
    begin = script.index(text, start)
    return Statement(text.rstrip(), script.count("\n", 0, begin) + 1)


_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


def as_kept(body: str) -> str:
    """Give a routine's body as information_schema shows it: its literals without escapes."""

    def plain(match: re.Match[str]) -> str:
        text = match[0]
        return f"'{_ESCAPED.sub(_unescaped, text[1:-1])}'" if text[0] == "'" else text

    return _OPAQUE.sub(plain, body)


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1]
    if letter is None:
        return "'"
    # Before a wildcard the backslash stays: LIKE reads it.
    return match[0] if letter in "%_" else _ESCAPES.get(letter, letter)
