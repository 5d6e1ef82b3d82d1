"""Tell which migrations a schema has, and what it waits for."""

from typing import Any

from deletion_jobs import __version__, checks, ledger
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError
from deletion_jobs.sources import ENGINE_NAMES


def read(session: Session) -> dict[str, Any]:
    """Read the state of an installation.

    Returns:
        ``version`` of the tool; ``engine``, ``server``, ``schema``; ``applied``: list of
        ``migration`` and ``applied_at`` (UTC); ``pending``: list of names; ``half_applied``:
        a migration that was killed halfway, or None; ``users_key``: ``table(column)`` or None;
        ``jobs``: number of jobs by status; ``is_current``: whether nothing is pending.
    """
    found = checks.server(session)
    applied = ledger.applied(session)
    pending = [migration.name for migration in ledger.pending(session)]
    half = ledger.half_done(session)
    key = session.query("users_key") if applied else []
    return {
        "version": __version__,
        "engine": session.engine,
        "server": f"{ENGINE_NAMES[session.engine]} {found['version']}",
        "schema": found["schema_name"],
        "applied": [{"migration": entry.name, "applied_at": entry.at} for entry in applied],
        "pending": pending,
        "half_applied": half.name if half else None,
        "users_key": f"{key[0]['users_table']}({key[0]['users_column']})" if key else None,
        "jobs": _jobs(session) if applied else {},
        "is_current": not pending,
    }


def _jobs(session: Session) -> dict[str, int] | None:
    try:
        rows = session.view("vw_deletion_jobs_status")
    except DatabaseError:
        # Who may see the catalog need not be a reader of the jobs.
        return None
    return {str(row["status"]): int(row["jobs"]) for row in rows}


def text(state: dict[str, Any]) -> str:
    """Write a state for people."""
    lines = [
        f"deletion-jobs {state['version']} on {state['server']}, schema {state['schema']}",
        *(
            f"applied  {e['migration']}  {e['applied_at']:%Y-%m-%d %H:%M:%S} UTC"
            for e in state["applied"]
        ),
        *(f"pending  {name}" for name in state["pending"]),
    ]
    if state["half_applied"]:
        lines.append(f"half of {state['half_applied']} is there: run deletion-jobs apply")
    if state["applied"]:
        lines.append(f"users    {state['users_key'] or 'no key'}")
    if state["jobs"]:
        lines.append("jobs     " + ", ".join(f"{n} {s}" for s, n in state["jobs"].items()))
    return "\n".join(lines)
