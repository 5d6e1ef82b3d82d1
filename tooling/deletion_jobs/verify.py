"""Compare a server with the files: routines by their text, everything else by the catalog.

Reads only, and needs no rights to write. What the session may not see is noted, not guessed.
"""

import re
from dataclasses import dataclass, field

from deletion_jobs import catalog, checks, ledger, migrations, sources, statements
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError
from deletion_jobs.sources import Source

_BODY_START = re.compile(r"^(?:BEGIN\b|RETURN\b|\w+: BEGIN\b)", re.MULTILINE)


@dataclass
class Report:
    """What was found.

    Attributes:
        schema: which schema or database was looked at.
        findings: one line for each difference.
        notes: one line for each part that could not be looked at.
    """

    schema: str
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def body_of(source: Source, engine: str) -> str:
    """Give the body of a routine as its file has it and as the server keeps it.

    Raises:
        ValueError: the file holds no body between the tags (PostgreSQL) or after the header.
    """
    if engine == "postgres":
        tag = f"${source.name}$"
        parts = source.text.split(tag)
        if len(parts) != 3:
            raise ValueError(f"the body does not stand between two {tag}")
        return parts[1]
    for statement in statements.split(source.text):
        if statement.text.startswith("CREATE"):
            found = _BODY_START.search(statement.text)
            if found:
                return statements.as_kept(statement.text[found.start() :])
    raise ValueError("no body that begins with BEGIN or RETURN")


def verify(session: Session) -> Report:
    """Look for everything that differs from the files of this version.

    Raises:
        DatabaseError: the server refused to answer.
    """
    found = checks.server(session)
    report = Report(str(found["schema_name"]))
    report.findings += migrations.check_released()
    try:
        applied = ledger.applied(session)
        todo = [migration.name for migration in ledger.pending(session)]
    except DatabaseError as error:
        if error.sqlstate != "JD012":
            raise
        report.findings.append(f"version: {error.message}")
        return report
    report.findings += [f"migration {name}: not applied" for name in todo]
    if not applied:
        return report
    _compare_catalog(session, report)
    _compare_bodies(session, report)
    return report


def _compare_catalog(session: Session, report: Report) -> None:
    expected = catalog.expected(session.engine)
    # What an earlier version had made and a later one dropped would otherwise stay unseen.
    wanted = {*catalog.names(session.engine), *migrations.former_names(session.engine)}
    there, notes = catalog.read(session, sorted(wanted))
    report.notes += notes
    skipped = {"grant"} if notes else set()
    for (kind, name), detail in sorted(expected.items()):
        if kind in skipped:
            continue
        now = there.get((kind, name))
        if now is None:
            report.findings.append(f"{kind} {name}: missing")
        elif kind == "definition" and not now:
            report.notes.append(f"view {name}: its text may not be seen, which takes SHOW VIEW")
        elif now != detail:
            shown = "changed" if kind == "definition" else f"is '{now}', should be '{detail}'"
            report.findings.append(f"{kind} {name}: {shown}")
    for kind, name in sorted(there.keys() - expected.keys()):
        report.findings.append(f"{kind} {name}: not in the files ({there[kind, name]})")


def _compare_bodies(session: Session, report: Report) -> None:
    files = {
        source.name: source
        for source in sources.read_all(session.engine)
        if source.kind in {"PROCEDURE", "FUNCTION"}
    }
    renamed = set()
    for row in session.query("routine_bodies", names=",".join(files)):
        source = files[row["name"]]
        if row["body"] is None:
            report.notes.append(
                f"routine {source.name}: its text may not be seen, which takes SHOW_ROUTINE"
            )
        elif str(row["body"]).strip() != body_of(source, session.engine).strip():
            report.findings.append(f"routine {source.name}: differs from {source.path}")
        if row["search_path"] not in {None, row["wanted_path"]}:
            renamed.add(str(row["search_path"]).removesuffix(", pg_temp"))
    report.findings += [
        f"schema {report.schema}: its routines still look into {name}; rename it back"
        for name in sorted(renamed)
    ]
