"""Tell which rights on the application's tables the owner needs for a target."""

from deletion_jobs.database import Session
from deletion_jobs.errors import FindingError


def needed(session: Session, table: str) -> list[str]:
    """Give one GRANT for each table of the target's plan.

    Raises:
        FindingError: there is no plan yet.
    """
    rows = session.query("plan_grants", entity_table=table)
    if not rows:
        raise FindingError(
            f"there is no plan for '{table}'",
            "a worker compiles it before the first job; --compile does it now",
        )
    return [str(row["grant_text"]) for row in rows]
