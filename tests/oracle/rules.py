"""What a job blocks though the engine would do it: docs/shapes.md, columns by which rows are found.

The model of `tests.oracle.model` says what a deletion means; here are the cases in which the jobs
refuse, before anything is touched, what they could not tell apart while they go.
"""

from dataclasses import replace

from tests.oracle.cases import Case, Link


def ruled(case: Case) -> Case:
    """Give the case as the jobs see it: such references block."""
    inside = [link for link in case.links if link.parent in case.closure()]
    sets = [link for link in inside if link.action in {"set null", "set default"}]
    telling = [link for link in sets if set(link.columns) & _telling(case, link.child)]
    blocking = [link for link in telling if link.action == "set default"]
    sets = [link for link in sets if link not in blocking]
    last = [link for link in sets if link in telling or _hides(link, sets)]
    hard = [link for link in inside if link not in sets or link in last]
    blocking += [
        link
        for link in last
        if link.child in case.closure()
        if any(other.parent in _below(case, link.child, hard) for other in last)
    ]
    return replace(case, links=tuple(_blocked(link, blocking) for link in case.links))


def _telling(case: Case, table: str) -> set[str]:
    """Name the columns by which a job finds a table's rows; none where they stay in any case."""
    if table not in case.closure():
        return set()
    found = set(case.target_key if table == case.target.name else case.table(table).key)
    for link in case.links:
        if link.child == table and link.action == "cascade" and link.parent in case.closure():
            found |= set(link.columns)
        if link.parent == table:
            found |= set(link.to)
    return found


def _hides(link: Link, sets: list[Link]) -> bool:
    """Whether rows that it sets are not found any more by another, which sets more."""
    return any(
        other.child == link.child
        and set(other.columns) & set(link.columns)
        and not set(other.columns) <= set(link.columns)
        for other in sets
    )


def _below(case: Case, table: str, links: list[Link]) -> set[str]:
    """Name the tables of the closure whose rows may have to go before, and itself."""
    found = {table}
    for link in links * len(case.tables):
        if link.parent in found and link.child in case.closure():
            found.add(link.child)
    return found


def _blocked(link: Link, blocking: list[Link]) -> Link:
    if link not in blocking:
        return link
    if link.how == "key":
        return replace(link, action="no action", how="rule", native=link.action)
    return replace(link, action="no action")
