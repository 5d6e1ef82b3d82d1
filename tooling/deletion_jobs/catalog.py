"""What a server holds of our objects, as lines that can be compared, and how it should look.

``migrations/<engine>/catalog.txt`` is the catalog of a fresh installation; a test holds it equal
to one. Lines are ``kind | name | detail``.
"""

import re
from collections.abc import Sequence

from deletion_jobs import sources
from deletion_jobs.database import Row, Session
from deletion_jobs.errors import DatabaseError, FindingError
from deletion_jobs.sources import Engine

_SEPARATOR = " | "
# Servers of different versions print the same view with more or fewer of these.
_NOISE = re.compile(r"[\s()`]+|\b\w+\.(?=[\w`])|::\w+|_utf8mb4(?=')", re.ASCII)

Catalog = dict[tuple[str, str], str]


def path(engine: Engine) -> str:
    """Give the path of the catalog of a fresh installation."""
    return f"migrations/{engine}/catalog.txt"


def names(engine: Engine) -> list[str]:
    """List the names of all objects that the files make."""
    return [source.name for source in sources.read_all(engine) if not source.is_roles]


def read(session: Session, wanted: Sequence[str] | None = None) -> tuple[Catalog, list[str]]:
    """Read the catalog of a server.

    Args:
        session: any session; rights to write are not needed.
        wanted: names of objects; None: those of the files.

    Returns:
        The catalog, and a line for each part that the session may not see.
    """
    listed = ",".join(names(session.engine) if wanted is None else wanted)
    rows = session.query("catalog", names=listed)
    notes = []
    if session.engine == "mysql":
        try:
            rows += session.query("catalog_grants", names=listed)
        except DatabaseError as error:
            if error.errno not in {1044, 1142, 1143}:
                raise
            notes.append("grants: not checked, which takes SELECT on the database mysql")
    return _catalog(rows), notes


def _catalog(rows: Sequence[Row]) -> Catalog:
    found = {}
    for row in rows:
        kind, name, detail = (_text(row[column]) for column in ("kind", "name", "detail"))
        found[kind, name] = _NOISE.sub("", detail) if kind == "definition" else detail
    return found


def _text(value: object) -> str:
    text = value.decode() if isinstance(value, bytes) else str(value or "")
    return " ".join(text.split())


def written(catalog: Catalog) -> str:
    """Write a catalog as text, sorted."""
    return "".join(
        _SEPARATOR.join((kind, name, detail)).rstrip() + "\n"
        for (kind, name), detail in sorted(catalog.items())
    )


def expected(engine: Engine) -> Catalog:
    """Read how a fresh installation looks.

    Raises:
        FindingError: the file is missing.
    """
    file = sources.locate(path(engine))
    if not file.is_file():
        raise FindingError(
            f"{path(engine)} is missing", "deletion-jobs migrations snapshot writes it"
        )
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        kind, name, *detail = line.split(_SEPARATOR, 2)
        found[kind, name] = detail[0] if detail else ""
    return found


def write(session: Session) -> str:
    """Write the catalog of a fresh installation; give the path of the file.

    Raises:
        FindingError: the session may not see all of it.
    """
    found, notes = read(session)
    if notes:
        raise FindingError("; ".join(notes))
    sources.locate(path(session.engine)).write_text(written(found), encoding="utf-8")
    return path(session.engine)
