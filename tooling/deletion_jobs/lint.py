"""Check the SQL of the project without a server: what the linters know, and our own rules.

Every check gives lines ``path: what``. The linters come with the extra ``lint``.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from deletion_jobs import migrations, sources, statements, verify
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.sources import ENGINES, Engine, Source

ONE_ENGINE = "procedures/one_engine.txt"
ALWAYS = ("Writes", "Commits", "Execute")
# Variables that PL/pgSQL makes by itself.
_INTERNAL = frozenset({"found", "*internal*", "(unnamed row)", "sqlstate", "sqlerrm", ""})
_LOCAL = ("v_",)
_CURSOR = ("c_",)
SENTENCE_END = (".", "?")

_FIELD = re.compile(r"^-- (Parameters|Returns|Errors|Writes|Execute|Example|Commits) {2,}\S")
_COMMITS_BESIDE = re.compile(r"^-- .* Commits  \S")
_PARAMETER = re.compile(r"^\s*(?:IN |OUT |INOUT )?`?(\w+)`? ", re.IGNORECASE)
_DECLARE = re.compile(r"\bDECLARE\s+([^;]*?);", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_RAISES = re.compile(r"'JD\d{3}'")
_COMMENT = re.compile(r"--[^\n]*")


def is_routine(source: Source) -> bool:
    """Tell whether a file makes a routine."""
    return source.path.startswith("procedures/")


def markers(base: Path | None = None) -> list[str]:
    """Hold migrations, files and released checksums together."""
    return migrations.check(base)


def orders(base: Path | None = None) -> list[str]:
    """Hold each ``install.order`` and its folder together."""
    found = []
    for engine in ENGINES:
        for top in ("schema", "procedures"):
            order = f"{top}/{engine}/install.order"
            listing = sources.listing(top, engine, base)
            found += [f"{order}: {path} is listed and missing" for path in listing.missing]
            found += [f"{order}: {path} is not listed" for path in listing.unlisted]
            file = sources.locate(order, base)
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            counted = Counter(entry for block in sources.listed(text) for entry in block)
            found += [
                f"{order}: {entry} is listed {n} times" for entry, n in counted.items() if n > 1
            ]
            if top == "procedures":
                found += _first_block(order, text)
    return found


def _first_block(order: str, text: str) -> list[str]:
    split = sources.listed(text)
    strangers = [entry for entry in (split[0] if split else []) if not is_public(entry)]
    late = [entry for block in split[1:] for entry in block if is_public(entry)]
    return [
        *(
            f"{order}: {entry} is in the first block, which is the public API"
            for entry in strangers
        ),
        *(f"{order}: {entry} belongs to the public API, the first block" for entry in late),
    ]


def is_public(path: str) -> bool:
    """Tell whether a routine's file is part of the API, by its folder and name.

    ``schedule/`` also holds the helpers of its verbs, named as internal routines are.
    """
    folder, name = path.removesuffix(".sql").split("/")[-2:]
    return folder in {"api", "admin"} or (folder == "schedule" and not name.startswith("deletion_"))


def both_engines(base: Path | None = None) -> list[str]:
    """Hold the listings of both engines equal, but for the exceptions with their reasons.

    An exception is a line ``path: reason`` in ``procedures/one_engine.txt``; a path that ends
    with ``*`` stands for all that begin so.
    """
    paths = {
        engine: {s.path.replace(f"/{engine}/", "/", 1) for s in sources.read_all(engine, base)}
        for engine in ENGINES
    }
    file = sources.locate(ONE_ENGINE, base)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = []
    used = set()
    allowed = {}
    for line in lines:
        entry, _, reason = line.partition(": ")
        allowed[entry] = reason.strip()
        if not reason.strip():
            found.append(f"{ONE_ENGINE}: {entry} has no reason")
    for engine in ENGINES:
        other = next(e for e in ENGINES if e != engine)
        for path in sorted(paths[engine] - paths[other]):
            there = path.replace("/", f"/{engine}/", 1)
            fitting = [entry for entry in allowed if _fits(entry, there)]
            used.update(fitting)
            if not fitting:
                found.append(f"{there}: {other} has no such file, and {ONE_ENGINE} gives no reason")
    found += [f"{ONE_ENGINE}: {entry} excuses nothing" for entry in allowed if entry not in used]
    return found


def _fits(entry: str, path: str) -> bool:
    return path.startswith(entry[:-1]) if entry.endswith("*") else path == entry


def header(source: Source) -> Iterator[str]:
    """Check the comment that every file begins with."""
    lines = source.text.splitlines()
    head = list(_leading_comment(lines))
    if not head or head[0] not in {f"-- {source.name}", f"-- {source.name}.sql"}:
        yield f"{source.path}: the first line is not '-- {source.name}'"
        return
    if len(head) < 2 or not any(line.endswith(SENTENCE_END) for line in head[1:4]):
        yield f"{source.path}: no sentence says what it is for"
    if not is_routine(source):
        return
    there = {found[1] for line in head if (found := _FIELD.match(line))}
    if any(_COMMITS_BESIDE.match(line) for line in head):
        there.add("Commits")
    wanted = list(ALWAYS)
    code = _COMMENT.sub("", source.text)
    if is_public(source.path):
        wanted.append("Example")
        if _RAISES.search(code):
            wanted.append("Errors")
    if parameters(source):
        wanted.append("Parameters")
    if source.kind == "FUNCTION" and not re.search(r"\bRETURNS void\b", code):
        wanted.append("Returns")
    for field in wanted:
        if field not in there:
            yield f"{source.path}: the header lacks '{field}'"


def _leading_comment(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("--"):
            return
        yield line


def names(source: Source, engine: Engine) -> Iterator[str]:
    """Check the names of objects, parameters, locals and cursors, and the body's tag."""
    if source.created_name != source.name:
        yield f"{source.path}: it creates {source.created_name}"
        return
    if source.folder == "views" and not source.name.startswith("vw_deletion_"):
        yield f"{source.path}: a view's name begins with vw_deletion_"
    if not is_routine(source):
        return
    if not is_public(source.path) and not source.name.startswith("deletion_"):
        yield f"{source.path}: an internal routine's name begins with deletion_"
    try:
        body = verify.body_of(source, engine)
    except ValueError as error:
        yield f"{source.path}: {error}"
        return
    for name in parameters(source):
        if not name.startswith("p_"):
            yield f"{source.path}: parameter {name} does not begin with p_"
    locals_of = _postgres_locals if engine == "postgres" else _mysql_locals
    for name, prefixes in locals_of(source, body):
        if not name.startswith(prefixes):
            yield f"{source.path}: {name} does not begin with {' or '.join(prefixes)}"


def parameters(source: Source) -> list[str]:
    """List the parameters of a routine, in their order."""
    text = _COMMENT.sub("", source.text)
    start = re.search(rf"(?:PROCEDURE|FUNCTION)\s+{source.name}\s*\(", text)
    if start is None:
        return []
    depth, end = 1, start.end()
    while depth and end < len(text):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    inside = text[start.end() : end - 1]
    # Commas inside parentheses and quotes belong to a type or a default.
    flat = re.sub(r"\([^()]*\)", "", _QUOTED.sub("''", inside))
    found = (_PARAMETER.match(part + " ") for part in flat.split(",") if part.strip())
    return [match[1] for match in found if match]


def _mysql_locals(_: Source, body: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    text = _QUOTED.sub("''", _COMMENT.sub("", body))
    for declared in _DECLARE.findall(text):
        words = declared.split()
        if words[0].upper() in {"EXIT", "CONTINUE"} or "CONDITION" in words[1:2]:
            continue
        if words[1].upper() == "CURSOR":
            yield words[0], _CURSOR
            continue
        for position, word in enumerate(words):
            yield word.rstrip(","), _LOCAL
            if not word.endswith(",") and not words[position + 1].startswith(","):
                break


def _postgres_locals(source: Source, _: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for function in _plpgsql(source):
        arguments = set(parameters(source))
        for datum in function["PLpgSQL_function"]["datums"]:
            kind, value = next(iter(datum.items()))
            name = value.get("refname", "")
            internal = name in _INTERNAL or name.startswith("__")
            if kind not in {"PLpgSQL_var", "PLpgSQL_rec"} or internal or name in arguments:
                continue
            # Columns of RETURNS TABLE are variables too, named as the result's columns.
            if "lineno" in value or kind == "PLpgSQL_rec":
                constant = (*_LOCAL, *_CURSOR) if value.get("isconst") else _LOCAL
                yield name, _CURSOR if "cursor_explicit_expr" in value else constant


def _plpgsql(source: Source) -> list[Any]:
    if "LANGUAGE plpgsql" not in source.text:
        return []
    pglast = _linter("pglast")
    try:
        parsed: list[Any] = json.loads(json.dumps(pglast.parse_plpgsql(source.text)))
    except pglast.parser.ParseError:
        return []
    return parsed


def _linter(name: str) -> Any:
    try:
        return __import__(name, fromlist=["parser"])
    except ModuleNotFoundError as error:
        raise UsageError(f"lint needs {name}", "pip install 'deletion-jobs[lint]'") from error


def bodies(source: Source, engine: Engine) -> Iterator[str]:
    """Parse what the server would parse: PostgreSQL's files and bodies, MySQL's statements."""
    if engine == "mysql":
        try:
            list(statements.split(source.text))
        except ValueError as error:
            yield f"{source.path}: {error}"
        return
    pglast = _linter("pglast")
    try:
        pglast.parse_sql(source.text)
        if "LANGUAGE plpgsql" in source.text:
            pglast.parse_plpgsql(source.text)
        elif is_routine(source):
            pglast.parse_sql(verify.body_of(source, engine))
    except pglast.parser.ParseError as error:
        yield f"{source.path}: {error}"
    except ValueError as error:
        yield f"{source.path}: {error}"


def safety(source: Source, engine: Engine) -> Iterator[str]:
    """Check that a routine spells out whose rights it runs with and who may call it."""
    if not is_routine(source):
        return
    text = _COMMENT.sub("", source.text)
    wanted = {
        "postgres": ("CREATE OR REPLACE ", "COMMENT ON ", "FROM PUBLIC;"),
        "mysql": ("DROP ", "DEFINER = 'deletion_jobs_owner'@'localhost'", "COMMENT '"),
    }[engine]
    for words in wanted:
        if words not in text:
            yield f"{source.path}: lacks {words.strip()}"
    if "SECURITY DEFINER" not in text and "SECURITY INVOKER" not in text:
        yield f"{source.path}: does not say SECURITY DEFINER or INVOKER"
    if engine == "postgres" and "SECURITY DEFINER" in text and "SET search_path" not in text:
        yield f"{source.path}: SECURITY DEFINER without SET search_path"


def sqlfluff(base: Path | None = None) -> list[str]:
    """Run sqlfluff over the files that people edit; its rules stand in ``.sqlfluff``.

    Of the migrations those that are not released: no other can change. The tool's own queries
    have parameters, which takes another templater.
    """
    root = base or sources.root()
    _linter("sqlfluff")
    queries = sorted(
        path.as_posix() for path in Path(root, sources.TOOL_FOLDER).glob("sql/*/*.sql")
    )
    begun = [migration.folder for migration in migrations.unreleased(base)]
    found = _run_sqlfluff(root, ["schema", "procedures", *begun], [])
    if queries:
        found += _run_sqlfluff(root, queries, ["--templater", "placeholder"])
    return found


def _run_sqlfluff(root: Path, folders: Sequence[str], options: Sequence[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "sqlfluff", "lint", "--format", "json", "--processes", "0",
         "--disable-progress-bar", *options, *folders],
        cwd=root,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )  # fmt: skip
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise FindingError(f"sqlfluff does not run: {done.stderr.strip()}") from error
    return [
        f"{file['filepath']}:{found['start_line_no']}: {found['code']} {found['description']}"
        for file in answer
        for found in file["violations"]
        if not found.get("warning")
    ]


def one_file(source: Source, engine: Engine) -> list[str]:
    """Run all checks of a single file."""
    found: list[str] = []
    found += header(source)
    found += names(source, engine)
    found += bodies(source, engine)
    found += safety(source, engine)
    return found


def lint(with_sqlfluff: bool = True, base: Path | None = None) -> list[str]:
    """Run everything; give one line for each finding."""
    whole: list[Callable[[Path | None], list[str]]] = [markers, orders, both_engines]
    if with_sqlfluff:
        whole.append(sqlfluff)
    found = [finding for check in whole for finding in check(base)]
    for engine in ENGINES:
        for source in sources.read_all(engine, base):
            try:
                found += one_file(source, engine)
            except FindingError as error:
                found.append(error.message)
    return found
