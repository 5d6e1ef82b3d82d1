"""Find and read the SQL that people edit: ``schema/`` and ``procedures/``, one object a file.

``install.order`` in each engine's folder is a plain list of paths, ``#`` begins a comment. The
objects are made in this order: what stands in ``schema/`` but the views, then the routines, then
the views, which may use them.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from deletion_jobs.errors import FindingError

Engine = Literal["mysql", "postgres"]
ENGINES: tuple[Engine, ...] = ("mysql", "postgres")
ENGINE_NAMES: dict[Engine, str] = {"mysql": "MySQL", "postgres": "PostgreSQL"}

PROCEDURE_FOLDERS = ("api", "admin", "planner", "worker", "schedule")
SCHEMA_FOLDERS = ("types", "tables", "views")
TOOL_FOLDER = "tooling/deletion_jobs/"

_CREATE = re.compile(
    r"^CREATE\s+(?:OR REPLACE\s+)?(?:ALGORITHM\s*=\s*\w+\s+)?(?:DEFINER\s*=\s*\S+\s+)?"
    r"(?:SQL SECURITY \w+\s+)?(?:UNLOGGED\s+)?"
    r"(TABLE|VIEW|PROCEDURE|FUNCTION|TYPE|DOMAIN)\s+(?:IF NOT EXISTS\s+)?`?(\w+)`?",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Source:
    """One file of ``schema/`` or ``procedures/``.

    Attributes:
        path: from the root of the project, with slashes.
        text: what it holds; ends with a line feed.
    """

    path: str
    text: str

    @property
    def name(self) -> str:
        """The name of the file without its suffix: the name of the object."""
        return Path(self.path).stem

    @property
    def folder(self) -> str:
        """The folder it stands in: ``tables``, ``views``, ``api`` ..; ``postgres`` for roles."""
        return Path(self.path).parent.name

    @property
    def is_roles(self) -> bool:
        """Whether it makes the roles."""
        return self.name == "roles" and self.path.startswith("schema/")

    @property
    def kind(self) -> str:
        """What it creates: TABLE, VIEW, TYPE, PROCEDURE ..; ROLES for the roles.

        Raises:
            FindingError: there is no CREATE of one of these in the file.
        """
        return "ROLES" if self.is_roles else self._created()[0]

    @property
    def created_name(self) -> str:
        """The name of what it creates: its own, or the file is named wrongly."""
        return self.name if self.is_roles else self._created()[1]

    def _created(self) -> tuple[str, str]:
        found = _CREATE.search(self.text)
        if found is None:
            raise FindingError(f"{self.path}: no CREATE TABLE, VIEW, TYPE, PROCEDURE or FUNCTION")
        return found[1], found[2]

    @property
    def digest(self) -> str:
        """The SHA-256 of its text, in hexadecimal digits."""
        return digest(self.text)


@dataclass(frozen=True)
class Listing:
    """An ``install.order`` against the folders it speaks of.

    Attributes:
        sources: the files in the order of the list; files that it lacks follow by name.
        missing: paths in the list without a file.
        unlisted: paths of files that are not in the list.
    """

    sources: tuple[Source, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]


def digest(text: str) -> str:
    """Give the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@cache
def root() -> Path:
    """Find the folder that holds ``schema``, ``procedures`` and ``migrations``.

    Raises:
        FindingError: it is neither around the package (checkout) nor inside it (wheel).
    """
    package = Path(__file__).resolve().parent
    for folder in (package.parent.parent, package / "_sql"):
        if (folder / "schema").is_dir() and (folder / "migrations").is_dir():
            return folder
    raise FindingError(f"the folders schema and migrations are missing around {package}")


def locate(path: str, base: Path | None = None) -> Path:
    """Give the file of a path as it is written in markers and messages."""
    if path.startswith(TOOL_FOLDER):
        return Path(__file__).resolve().parent / path.removeprefix(TOOL_FOLDER)
    return (base or root()) / path


def read(path: str, base: Path | None = None) -> Source:
    """Read one file by its path from the root of the project."""
    return Source(path, locate(path, base).read_text(encoding="utf-8"))


def listed(order: str) -> list[list[str]]:
    """Split the text of an ``install.order`` into its blocks of paths."""
    blocks: list[list[str]] = [[]]
    for line in order.splitlines():
        entry = line.split("#")[0].strip()
        if entry:
            blocks[-1].append(entry)
        elif not line.strip() and blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _order_of(folder: Path) -> list[str]:
    order = folder / "install.order"
    if not order.is_file():
        return []
    return [entry for block in listed(order.read_text(encoding="utf-8")) for entry in block]


def listing(top: str, engine: Engine, base: Path | None = None) -> Listing:
    """Compare an ``install.order`` with its folder and read the files.

    Args:
        top: ``schema`` or ``procedures``.
        engine: whose folder.
        base: the root of the project; None: the one this package belongs to.
    """
    folder = (base or root()) / top / engine
    ordered = _order_of(folder)
    present = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.sql"))
    missing = [entry for entry in ordered if entry not in present]
    # Roles and tables come before what needs them, also while the list is being written.
    unlisted = [entry for entry in present if entry not in ordered]
    entries = [entry for entry in ordered if entry in present] + unlisted
    return Listing(
        tuple(read(f"{top}/{engine}/{entry}", base) for entry in entries),
        tuple(f"{top}/{engine}/{entry}" for entry in missing),
        tuple(f"{top}/{engine}/{entry}" for entry in unlisted),
    )


def public_api(engine: Engine, base: Path | None = None) -> list[str]:
    """Give the names of the public routines: the first block of the list of routines."""
    order = (base or root()) / "procedures" / engine / "install.order"
    blocks = listed(order.read_text(encoding="utf-8"))
    return [Path(entry).stem for entry in blocks[0]] if blocks else []


def in_order(schema: Sequence[Source], procedures: Sequence[Source]) -> list[Source]:
    """Give all files in the order in which their objects are made."""
    roles = [source for source in schema if source.is_roles]
    views = [source for source in schema if source.folder == "views"]
    tables = [source for source in schema if not source.is_roles and source.folder != "views"]
    return [*roles, *tables, *procedures, *views]


def read_all(engine: Engine, base: Path | None = None) -> list[Source]:
    """Read all files of an engine, in the order in which their objects are made."""
    return in_order(
        listing("schema", engine, base).sources, listing("procedures", engine, base).sources
    )


def drop_statement(source: Source) -> str:
    """Give the statement that drops what a file creates."""
    return f"DROP {source.kind} IF EXISTS {source.name};"
