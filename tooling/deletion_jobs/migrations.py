"""Keep ``schema/``, ``procedures/`` and ``migrations/`` one text, and released files as they are.

A migration is a folder ``NNNN_verb_object`` with ``apply.sql`` and ``rollback.sql``, and a shim
for yoyo beside it. Each changed object stands verbatim in ``apply.sql``::

    -- >>> procedures/postgres/api/cancel_deletion.sql
    ...
    -- <<<

``-- >>> drop`` holds DROP statements, each under the path of the file that is gone.
``-- === path sha256`` says that the statements written by hand bring a released table to the
text of that file. What is written by hand stands above the first object's marker, or below the
last one where it has to wait for the objects, and is kept when a file is generated anew.

In MySQL each statement is seen at once: what is new comes before what calls it, a rollback brings
back the routines of before ahead of the columns and objects that they do without, and both stop
first where somebody else's object has a name that they need.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deletion_jobs import sources
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.sources import ENGINE_NAMES, ENGINES, Engine, Source

FIRST = "0001_create_deletion_jobs"
RELEASED = "migrations/released.sha256"
NAME = re.compile(r"\d{4}_[a-z]+(_[a-z0-9]+)+")
VERB_OBJECT = re.compile(r"[a-z]+(_[a-z0-9]+)*_?deletion[a-z0-9_]*")

_OPEN = re.compile(r"^-- >>> (.+)$")
_SAME = re.compile(r"^-- === (\S+) ([0-9a-f]{64})(?:  -- noqa: LT05)?$")
_DROPPED = re.compile(r"^-- (\S+\.sql)$")
_CLOSE = "-- <<<"
_DROPS = "drop"
_NAMES = f"{sources.TOOL_FOLDER}sql/mysql/migration_names.sql"
_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT = '((?:[^']|'')*)';$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What stands between two markers; `head` is empty for text written by hand."""

    head: str
    text: str


@dataclass(frozen=True)
class Migration:
    """One migration of one engine."""

    engine: Engine
    name: str
    base: Path | None = None

    @property
    def folder(self) -> str:
        """Its folder, from the root of the project."""
        return f"migrations/{self.engine}/{self.name}"

    @property
    def files(self) -> tuple[str, str, str]:
        """Its three files: shim, apply, rollback."""
        return (f"{self.folder}.py", f"{self.folder}/apply.sql", f"{self.folder}/rollback.sql")

    def read(self, path: str) -> str:
        """Read one of its files; empty where it does not exist yet."""
        file = sources.locate(path, self.base)
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def apply_text(self) -> str:
        """The text that makes the change."""
        return self.read(self.files[1])

    @property
    def rollback_text(self) -> str:
        """The text that takes the change back."""
        return self.read(self.files[2])


@dataclass
class State:
    """What the objects look like after some migrations, by path of the file."""

    texts: dict[str, str]
    digests: dict[str, str]


def blocks(text: str) -> list[Block]:
    """Split a migration at its markers.

    Raises:
        FindingError: a marker is opened inside another, closed twice or never.
    """
    found: list[Block] = []
    lines: list[str] = []
    head = ""
    for line in text.splitlines(keepends=True):
        opened = _OPEN.match(line.rstrip("\n"))
        if opened:
            if head:
                raise FindingError(f"marker '{opened[1]}' opened inside '{head}'")
            found.append(Block("", "".join(lines)))
            head, lines = opened[1], []
        elif line.rstrip("\n") == _CLOSE:
            if not head:
                raise FindingError("marker closed that was not opened")
            found.append(Block(head, "".join(lines)))
            head, lines = "", []
        else:
            lines.append(line)
    if head:
        raise FindingError(f"marker '{head}' is never closed")
    found.append(Block("", "".join(lines)))
    return found


def names(engine: Engine, base: Path | None = None) -> list[str]:
    """List an engine's migrations in their order."""
    folder = (base or sources.root()) / "migrations" / engine
    return sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name))


def read_all(engine: Engine, base: Path | None = None) -> list[Migration]:
    """Give an engine's migrations in their order."""
    return [Migration(engine, name, base) for name in names(engine, base)]


def released(base: Path | None = None) -> dict[str, str]:
    """Read the checksums of the released files: path to SHA-256."""
    file = sources.locate(RELEASED, base)
    if not file.is_file():
        return {}
    pairs = (line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines())
    return {path: checksum for checksum, path in pairs}


def is_released(migration: Migration, frozen: dict[str, str]) -> bool:
    """Tell whether a migration belongs to a release."""
    return migration.files[1] in frozen


def unreleased(base: Path | None = None) -> list[Migration]:
    """Give the migrations of both engines that belong to no release yet."""
    frozen = released(base)
    everything = [migration for engine in ENGINES for migration in read_all(engine, base)]
    return [migration for migration in everything if not is_released(migration, frozen)]


def replay(migrations: Iterable[Migration]) -> State:
    """Tell what the objects look like after these migrations."""
    state = State({}, {})
    for migration in migrations:
        for block in blocks(migration.apply_text):
            if block.head == _DROPS:
                for line in block.text.splitlines():
                    dropped = _DROPPED.match(line)
                    if dropped:
                        state.texts.pop(dropped[1], None)
                        state.digests.pop(dropped[1], None)
            elif block.head and not block.head.startswith(sources.TOOL_FOLDER):
                state.texts[block.head] = block.text
                state.digests[block.head] = sources.digest(block.text)
            elif not block.head:
                for line in block.text.splitlines():
                    same = _SAME.match(line)
                    if same:
                        state.digests[same[1]] = same[2]
    return state


def former_names(engine: Engine, base: Path | None = None) -> set[str]:
    """List the names of all objects that any migration has ever made, gone ones too."""
    heads = (
        block.head
        for migration in read_all(engine, base)
        for block in blocks(migration.apply_text)
        if block.head.startswith(("schema/", "procedures/"))
    )
    sources_made = (Source(head, "") for head in heads)
    return {source.name for source in sources_made if not source.is_roles}


def _frame(engine: Engine, *names: str) -> list[Block]:
    """Give the parts that every migration has; MySQL needs no change of role."""
    paths = (f"{sources.TOOL_FOLDER}sql/{engine}/{name}.sql" for name in names)
    return [Block(p, sources.read(p).text) for p in paths if sources.locate(p).is_file()]


def names_guard(text: str) -> str:
    """Give the part of a migration that stops where others use its names; empty: it has none."""
    return "".join(block.text for block in blocks(text) if block.head == _NAMES)


def _literal(text: str) -> str:
    """Write a text whose quotes are doubled as literals side by side, none of them long."""
    parts = textwrap.wrap(text, 70, drop_whitespace=False, break_long_words=False)
    return "\n    ".join(f"'{part}'" for part in parts)


def _names_of(made: Sequence[Source]) -> list[Block]:
    """Write the statement that stops where an object of others has the name of a new one."""
    if not made:
        return []
    tables = [source for source in made if source.folder == "tables"]
    routines = [source for source in made if source.path.startswith("procedures/")]
    lists = {
        "tables": [f"'{source.name}'" for source in tables],
        "comments": [
            f"(\n    '{source.name}',\n    {_literal(comment)}\n)"
            for source in tables
            for comment in _COMMENT.findall(source.text)
        ]
        or ["('', '')"],
        "views": [f"'{source.name}'" for source in made if source.folder == "views"],
        "routines": [f"('{source.kind}', '{source.name}')" for source in routines] or ["('', '')"],
    }

    def fill(place: re.Match[str]) -> str:
        entries = lists[place[2]] or ["''"]
        return textwrap.indent(",\n".join(entries), place[1])

    return [Block(_NAMES, _PLACE.sub(fill, sources.read(_NAMES).text))]


def _by_hand(text: str) -> tuple[str, str]:
    """Take what was written by hand out of a generated file: above the objects, and below."""
    kept: tuple[list[str], list[str]] = ([], [])
    below = False
    for position, block in enumerate(blocks(text) if text else []):
        if block.head or position == 0:
            is_object = block.head.startswith(("schema/", "procedures/"))
            below = below or (is_object and not Source(block.head, "").is_roles)
            continue
        lines = [line for line in block.text.splitlines(keepends=True) if not _SAME.match(line)]
        kept[below].append("".join(lines).strip("\n"))
    above, beneath = ("\n\n".join(part for part in parts if part) for parts in kept)
    return above, beneath


def _join(title: str, parts: Sequence[Block | str]) -> str:
    out = [title]
    for part in parts:
        if isinstance(part, Block):
            out.append(f"-- >>> {part.head}\n{part.text}{_CLOSE}\n")
        elif part:
            out.append(part.rstrip("\n") + "\n")
    return "\n".join(out)


def _title(engine: Engine, name: str, what: str) -> str:
    verb, _, rest = name.partition("_")[2].partition("_")
    sentence = f"{verb.capitalize()} {rest.replace('_', ' ')} on {ENGINE_NAMES[engine]}"
    if what == "rollback":
        sentence = f"Take back: {sentence[0].lower()}{sentence[1:]}"
    client = "psql" if engine == "postgres" else "mysql"
    return (
        f"-- {name}: {what}\n"
        f"-- {sentence}.\n"
        "--\n"
        f"-- Plain SQL for {client}; deletion-jobs sends the same text. Generated from the files\n"
        "-- named by the markers: edit those, then run deletion-jobs migrations write.\n"
    )


def _shim(engine: Engine, name: str) -> str:
    verb, _, rest = name.partition("_")[2].partition("_")
    lines = [
        f'"""{verb.capitalize()} {rest.replace("_", " ")}: the SQL stands in the folder."""',
        "",
        "from yoyo import step",
        "",
        "from deletion_jobs.steps import apply_of, rollback_of",
        "",
    ]
    if engine == "mysql":
        lines.append("__transactional__ = False")
    lines += ["step(apply_of(__file__), rollback_of(__file__))", ""]
    return "\n".join(lines)


def _head_of(text: str) -> str:
    """Give a routine's text up to its body: what CREATE OR REPLACE cannot change."""
    return re.split(r"^AS |^LANGUAGE |^BEGIN", _code(text), maxsplit=1, flags=re.MULTILINE)[0]


def _code(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if not line.startswith("--"))


def _view_columns(text: str) -> list[str]:
    """Give the names of a view's columns, in their order; `*` is no name."""
    code = re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--[^\n]*", "", _code(text)))
    depth = 0
    items: list[str] = []
    for word in re.findall(r"\w+|[^\w\s]", code):
        depth += (word in "([") - (word in ")]")
        if depth == 0 and word == "SELECT" and not items:
            items.append("")
        elif depth == 0 and word in ("FROM", "UNION", ";") and items:
            break
        elif depth == 0 and word == "," and items:
            items.append("")
        elif items:
            items[-1] = word
    return items


def _is_redone(old: str, new: str, dropped: Iterable[str]) -> bool:
    """Tell whether an object of PostgreSQL has to be dropped to become another.

    A view may change below its columns, and have further ones at its end: so the rights that
    others have been given on it, and their own views, stay.
    """
    if not re.search(r"^CREATE OR REPLACE VIEW", old, re.MULTILINE):
        return _head_of(old) != _head_of(new)
    columns = _view_columns(old)
    return _view_columns(new)[: len(columns)] != columns or any(
        re.search(rf"\b{name}\b", _code(old)) for name in dropped
    )


def _redone(before: State, written: Sequence[Source], gone: Sequence[Source]) -> list[Source]:
    """Give those of the written objects that have to be dropped before."""
    found: list[Source] = []
    for source in sorted(written, key=_height):
        dropped = {other.name for other in [*gone, *found] if _height(other) < 2}
        old = before.texts.get(source.path)
        if old is not None and _is_redone(old, source.text, dropped):
            found.append(source)
    return found


def _drops(dropped: Sequence[Source], gone: Sequence[Source] = ()) -> list[Block]:
    """Drop objects, the last made first; those whose files are gone each under its path."""
    upwards = sorted(dropped, key=_height)
    lines = [
        f"-- {source.path}\n{sources.drop_statement(source)}\n"
        if source in gone
        else f"{sources.drop_statement(source)}\n"
        for source in upwards[::-1]
    ]
    return [Block(_DROPS, "".join(lines))] if lines else []


def _height(source: Source) -> int:
    """Tell on what an object may stand: views on routines, both on tables."""
    if source.path.startswith("procedures/"):
        return 1
    return 2 if source.folder == "views" else 0


def _callees_first(written: Sequence[Source], made: Sequence[Source]) -> list[Source]:
    """Order objects so that nobody who calls one meanwhile finds something missing below it."""
    routines = [source for source in written if _height(source) == 1]
    return [
        *(source for source in written if _height(source) == 0),
        *(source for source in routines if source in made),
        *(source for source in reversed(routines) if source not in made),
        *(source for source in written if _height(source) == 2),
    ]


def _standing_on(
    redone: Sequence[Source], current: Sequence[Source], written: Sequence[Source]
) -> list[Source]:
    """Give the unchanged views that read one which is dropped and made anew: they go as well."""
    names = {source.name for source in redone if source.folder == "views"}
    found: list[Source] = []
    for source in current:
        if source.folder != "views" or source in written:
            continue
        if any(re.search(rf"\b{name}\b", _code(source.text)) for name in names):
            names.add(source.name)
            found.append(source)
    return found


def expected(migration: Migration, before: State, current: Sequence[Source]) -> dict[str, str]:
    """Generate the three files of an unreleased migration.

    Args:
        migration: the migration; what was written into it by hand is kept.
        before: what the objects look like after the released migrations.
        current: all files as they stand, in install order.

    Returns:
        path to text, for its three files.
    """
    engine = migration.engine
    paths = {source.path for source in current}
    former = [Source(path, text) for path, text in before.texts.items()]
    gone = [source for source in former if source.path not in paths]
    changed = [source for source in current if before.digests.get(source.path) != source.digest]
    roles = [source for source in changed if source.is_roles]
    # Neither bears to be made anew: a table holds rows, and routines depend on a type.
    by_alter = ("tables", "types")
    altered = [s for s in changed if s.folder in by_alter and s.path in before.digests]
    written = [source for source in changed if source not in roles and source not in altered]
    made = [source for source in written if source.path not in before.texts]
    # A routine whose parameters or result changed would otherwise stand beside the old one.
    redone = _redone(before, written, gone) if engine == "postgres" else []
    standing = _standing_on(redone, current, written)
    redone += standing
    written = [source for source in current if source in written or source in standing]
    replaced = [source for source in written if source.path in before.texts]
    makes_roles = any(source.path not in before.digests for source in roles)
    old_drops = [Source(source.path, before.texts[source.path]) for source in redone]
    undone: list[Source] = []
    if engine == "postgres":
        after = State({source.path: source.text for source in current}, {})
        # Columns that a view has got at its end cannot be taken from it.
        former_ones = [Source(source.path, before.texts[source.path]) for source in replaced]
        paths = {source.path for source in [*redone, *_redone(after, former_ones, made)]}
        undone = [source for source in current if source.path in paths]
        undone += _standing_on(undone, current, [*undone, *made])
        replaced = [s for s in current if s in replaced or (s in undone and s not in made)]

    above, below = _by_hand(migration.apply_text)
    apply_parts: list[Block | str] = [
        *_frame(engine, "migration_begin"),
        *(_names_of(made) if engine == "mysql" else []),
        *(Block(source.path, source.text) for source in roles),
        *_frame(engine, "migration_owner"),
        above,
        "".join(f"-- === {source.path} {source.digest}  -- noqa: LT05\n" for source in altered),
        *_drops([s for s in former if s in gone or s in old_drops], gone),
        *(
            Block(source.path, source.text)
            for source in (_callees_first(written, made) if engine == "mysql" else written)
        ),
        below,
        *_frame(engine, "migration_release", "migration_commit"),
    ]
    above, below = _by_hand(migration.rollback_text)
    drops = _drops([source for source in current if source in made or source in undone])
    back = [
        *(
            Block(source.path, before.texts[source.path])
            # Views last, each below those that it reads.
            for source in reversed(replaced)
            if source.folder != "views"
        ),
        *(
            Block(source.path, before.texts[source.path])
            for source in replaced
            if source.folder == "views"
        ),
        *(Block(source.path, source.text) for source in gone),
    ]
    rollback_parts: list[Block | str] = [
        *_frame(engine, "migration_begin"),
        *(_names_of(made) if engine == "mysql" else []),
        *_frame(engine, "migration_owner"),
        above,
        *(() if engine == "mysql" else drops),
        *back,
        below,
        *(drops if engine == "mysql" else ()),
        *_frame(engine, "migration_release"),
        *(_frame(engine, "drop_roles") if makes_roles else []),
        *_frame(engine, "migration_commit"),
    ]
    shim, apply_path, rollback_path = migration.files
    return {
        shim: _shim(engine, migration.name),
        apply_path: _join(_title(engine, migration.name, "apply"), apply_parts),
        rollback_path: _join(_title(engine, migration.name, "rollback"), rollback_parts),
    }


def _open_name(base: Path | None, name: str | None) -> str | None:
    """Give the name of the migration to write; None: nothing has changed since the release."""
    everything = [migration for engine in ENGINES for migration in read_all(engine, base)]
    begun = sorted({migration.name for migration in unreleased(base)})
    if len(begun) > 1:
        raise FindingError(
            f"more than one unreleased migration: {', '.join(begun)}",
            "put what was written by hand into one of them and remove the others",
        )
    if begun:
        return begun[0]
    if not everything:
        return FIRST
    if not any(_has_changed(engine, base) for engine in ENGINES):
        return None
    if name is None:
        raise UsageError(
            "files changed since the release and no migration is open",
            "name the new one: deletion-jobs migrations write --name verb_deletion_object",
        )
    if not VERB_OBJECT.fullmatch(name):
        raise UsageError(f"'{name}' is no name of a migration: verb_object with 'deletion' in it")
    number = max(int(migration.name[:4]) for migration in everything) + 1
    return f"{number:04d}_{name}"


def _has_changed(engine: Engine, base: Path | None) -> bool:
    current = {source.path: source.digest for source in sources.read_all(engine, base)}
    return replay(read_all(engine, base)).digests != current


def generate(base: Path | None = None, name: str | None = None) -> dict[str, str]:
    """Generate the files of the open migration on both engines.

    Args:
        base: the root of the project; None: the one this package belongs to.
        name: ``verb_object`` for a migration to be opened.

    Returns:
        path to text; empty where nothing has changed since the release.

    Raises:
        UsageError: a migration has to be opened and none was named.
        FindingError: a file cannot be read as a migration or an object.
    """
    frozen = released(base)
    target = _open_name(base, name)
    if target is None:
        return {}
    texts: dict[str, str] = {}
    for engine in ENGINES:
        before = replay(m for m in read_all(engine, base) if is_released(m, frozen))
        migration = Migration(engine, target, base)
        texts.update(expected(migration, before, sources.read_all(engine, base)))
    return texts


def write(base: Path | None = None, name: str | None = None) -> list[str]:
    """Write the open migration; give the paths of the files that changed."""
    changed = []
    for path, text in generate(base, name).items():
        file = sources.locate(path, base)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            # Replaced at once, so that nobody reads half of it.
            draft = file.with_name(f".{file.name}.new")
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
            changed.append(path)
    return changed


def check_released(base: Path | None = None) -> list[str]:
    """Compare the released files with their checksums; give one line for each difference."""
    findings = []
    frozen = released(base)
    for path, checksum in frozen.items():
        file = sources.locate(path, base)
        if not file.is_file():
            findings.append(f"{path}: released, and missing")
        elif sources.digest(file.read_text(encoding="utf-8")) != checksum:
            findings.append(f"{path}: changed after its release")
    for engine in ENGINES:
        for migration in read_all(engine, base):
            if is_released(migration, frozen):
                findings.extend(
                    f"{path}: not in {RELEASED}" for path in migration.files if path not in frozen
                )
    return findings


def check(base: Path | None = None) -> list[str]:
    """Compare migrations with files and checksums; give one line for each difference."""
    findings = check_released(base)
    try:
        texts = generate(base)
    except (FindingError, UsageError) as error:
        return [*findings, f"migrations: {error.message}"]
    for path, text in texts.items():
        file = sources.locate(path, base)
        if not file.is_file():
            findings.append(f"{path}: missing; run deletion-jobs migrations write")
        elif file.read_text(encoding="utf-8") != text:
            where = _first_difference(file.read_text(encoding="utf-8"), text)
            findings.append(f"{path}: differs {where}; run deletion-jobs migrations write")
    return findings


def _first_difference(there: str, wanted: str) -> str:
    head = ""
    pairs = zip(there.splitlines(), wanted.splitlines(), strict=False)
    for number, (line, other) in enumerate(pairs, 1):
        if line != other:
            return f"in line {number}" + (f" ({head})" if head else "")
        opened = _OPEN.match(line)
        head = opened[1] if opened else ("" if line == _CLOSE else head)
    return "at its end"


def freeze(base: Path | None = None) -> list[str]:
    """Write the checksums of all migrations: they are released; give the paths that are new.

    Raises:
        FindingError: a check of the migrations fails; nothing is frozen then.
    """
    findings = check(base)
    if findings:
        raise FindingError("not frozen:\n" + "\n".join(findings))
    before = released(base)
    paths = [path for engine in ENGINES for m in read_all(engine, base) for path in m.files]
    lines = [f"{sources.digest(sources.read(path, base).text)}  {path}\n" for path in paths]
    sources.locate(RELEASED, base).write_text("".join(lines), encoding="utf-8")
    return [path for path in paths if path not in before]
