"""Show all of it on a shop of some 100,000 rows, on a server that goes away afterwards.

The steps are those of a real installation: apply, grant, register, preview, enqueue from the
application's account, run, read what happened. In the end the rows that are gone are counted in
the tables themselves, and compared with the receipts.
"""

import contextlib
import datetime as dt
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.tree import Tree

from deletion_jobs import apply, database, embedded, queries
from deletion_jobs.checks import UsersKey
from deletion_jobs.database import Row, Session
from deletion_jobs.errors import FindingError
from deletion_jobs.sources import ENGINE_NAMES, Engine

APPLICATION = "shop_app"
TARGET = "customers"
LARGE_CUSTOMER = "2"
SLOT = 1
RUN_SECONDS = 300
POLL_SECONDS = 0.05

WORDS = {
    "delete": "deleted",
    "set_null": "set NULL",
    "set_default": "set to its default",
    "restrict": "would block",
    "circle": "go in a circle that nothing opens",
    "root_not_found": "not found",
}
EDGES = {
    "cascade": "goes too",
    "set_null": "stays, set NULL",
    "set_default": "stays, set to its default",
    "restrict": "blocks",
    "keep": "stays as it is",
}


@dataclass(frozen=True)
class Place:
    """Where the demo runs: the URL of the superuser, and that of the application's account."""

    url: str
    application_url: str
    password: str


def demo(engine: Engine = "postgres", console: Console | None = None) -> None:
    """Show it; the command ``demo``.

    Args:
        engine: on which engine: an embedded PostgreSQL, or MySQL in a container.
        console: where to write; plain text where it is no terminal.

    Raises:
        FindingError: the receipts do not equal what is gone from the tables.
        DatabaseError: a step of the demo failed.
    """
    out = console or Console(highlight=False, soft_wrap=True)
    _step(out, 1, f"Start {ENGINE_NAMES[engine]}: a server of its own, gone when the demo ends")
    with _place(engine, out) as place, database.connect(place.url) as session:
        out.print(f"   {ENGINE_NAMES[engine]} {session.one('server')['version']}")
        before = _fill(session, out)
        _install(session, place, out)
        _allow(session, out)
        _preview(session, out)
        _enqueue(place, out)
        _work(session, place, out)
        is_right = _look(session, before, out)
    if not is_right:
        raise FindingError("the receipts do not equal what is gone from the tables")


def _step(out: Console, number: int, text: str) -> None:
    out.print(f"\n[bold]{number}. {escape(text)}[/bold]")


@contextlib.contextmanager
def _place(engine: Engine, out: Console) -> Iterator[Place]:
    if engine == "postgres":
        with embedded.running() as url:
            yield Place(url, _as_application(url, ""), "")
        return
    from deletion_jobs import servers

    def tell(text: str) -> None:
        out.print(f"   {text}")

    password = secrets.token_urlsafe(12)
    with servers.running("mysql", say=tell) as server:
        with database.connect(server.url) as session:
            session.query("demo/database")
        url = f"{server.url}shop"
        yield Place(url, _as_application(url, password), password)


def _as_application(url: str, password: str) -> str:
    """Put the application's account in place of the superuser's."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    account = f"{APPLICATION}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=account))


def _fill(session: Session, out: Console) -> dict[str, int]:
    _step(out, 2, "Open a shop: eleven ordinary tables with foreign keys")
    session.script(queries.load(session.engine, "demo/shop"))
    rows = _rows(session)
    counts = ", ".join(f"{count:,} {table}" for table, count in rows.items())
    out.print(f"   {sum(rows.values()):,} rows: {counts}")
    return rows


def _rows(session: Session) -> dict[str, int]:
    return {str(r["table_name"]): int(r["row_count"]) for r in session.query("demo/rows")}


def _install(session: Session, place: Place, out: Console) -> None:
    _step(out, 3, "Install: deletion-jobs apply puts tables, procedures and views beside them")
    begin = time.monotonic()
    outcome = apply.apply(session, UsersKey(), lambda _: None)
    applied = ", ".join(outcome.migrations)
    out.print(f"   {applied} in {time.monotonic() - begin:.1f} s; created_by points to users(id)")
    session.query("demo/account", password=place.password)
    session.query("demo/grants")
    out.print(
        f"   {APPLICATION}, the shop's account, gets the role deletion_jobs_app, "
        "and no DELETE on any table"
    )


def _allow(session: Session, out: Console) -> None:
    _step(out, 4, "Allow: a DBA says which rows may be deleted, and what the catalog does not know")
    calls: list[tuple[str, list[str | None], str]] = [
        ("register_deletion_target", [TARGET, None, None], "customers may be deleted"),
        (
            "set_deletion_rule",
            ["tickets", "tickets_customer", "cascade", None],
            "tickets go with them, though the key has no ON DELETE",
        ),
        (
            "declare_deletion_reference",
            [
                "audit_of_customer",
                "audit_log",
                '["subject_id"]',
                TARGET,
                '["id"]',
                "cascade",
                "subject_type",
                "customer",
            ],
            "so do their audit entries, which have no foreign key",
        ),
        ("compile_deletion_plan", [TARGET], "the plan: every statement that will ever run"),
    ]
    for routine, arguments, why in calls:
        session.call(routine, *arguments)
        out.print(f"   {_call(routine, arguments)}")
        out.print(f"      {why}")


def _call(routine: str, arguments: Sequence[str | None]) -> str:
    written = ", ".join("NULL" if value is None else f"'{value}'" for value in arguments)
    return escape(f"CALL {routine}({written});")


def _preview(session: Session, out: Console) -> None:
    _step(out, 5, f"Look ahead: the plan, with what deleting customer {LARGE_CUSTOMER} would do")
    counts = session.query("demo/preview", pk=LARGE_CUSTOMER)
    out.print(plan_tree(session.view("vw_deletion_plan"), counts, TARGET))


def plan_tree(steps: Sequence[Row], counts: Sequence[Row], target: str) -> Tree:
    """Draw a plan as a tree of tables, each with the reference that leads to it.

    Args:
        steps: rows of ``vw_deletion_plan``.
        counts: rows of ``preview_deletion``'s answer for one row of the target.
        target: whose plan.
    """
    edges: dict[int, Row] = {}
    for step in steps:
        if step["entity_table"] == target and step["hard_delete"] and step["edge_no"]:
            edges.setdefault(int(step["edge_no"]), step)
    changed = {str(row["table_name"]): row for row in counts if row["action"] != "restrict"}
    blocking = {str(row["reference_name"]): row for row in counts if row["action"] == "restrict"}
    tree = Tree(_label(target, "", changed.get(target)))
    drawn: set[int] = set()

    def grow(branch: Tree, node: int) -> None:
        for number in sorted(edges):
            edge = edges[number]
            if edge["parent_node_no"] != node:
                continue
            table, reference = str(edge["table_name"]), str(edge["reference_name"])
            if edge["waits"]:
                branch.add(_label(table, f"{reference}: goes anyway, and before this", None))
            elif edge["action"] == "restrict":
                branch.add(_label(table, f"{reference}: blocks", blocking.get(reference), "no row"))
            else:
                why = f"{reference}: {EDGES[str(edge['action'])]}"
                grown = branch.add(_label(table, why, changed.get(table), "no row"))
                if edge["action"] == "cascade" and edge["node_no"] not in drawn:
                    drawn.add(int(edge["node_no"]))
                    grow(grown, int(edge["node_no"]))

    grow(tree, 0)
    return tree


def _label(table: str, why: str, count: Row | None, none: str = "") -> str:
    text = f"[bold]{escape(table)}[/bold]"
    if count is not None:
        least = "at least " if count["is_at_least"] else ""
        rows = int(count["row_count"])
        noun = "row" if rows == 1 else "rows"
        text += f"  {least}{rows:,} {noun} {WORDS[str(count['action'])]}"
    elif none:
        text += f"  {none}"
    return text + (f"  [dim]({escape(why)})[/dim]" if why else "")


def _enqueue(place: Place, out: Console) -> None:
    _step(out, 6, f"Ask: {APPLICATION} enqueues every closed account, in a transaction of its own")
    with database.connect(place.application_url) as session:
        keys = [str(row["id"]) for row in session.query("demo/closed_customers")]
        begin = time.monotonic()
        session.query("demo/enqueue", keys=json.dumps(keys))
        taken = time.monotonic() - begin
    few = json.dumps(keys[:3])[:-1] + ", ...]"
    out.print(
        f"   CALL enqueue_deletions('customers', '{escape(few)}', 'account closed', TRUE, ..)"
    )
    out.print(f"   {len(keys):,} jobs in {taken * 1000:.0f} ms; nothing is deleted yet")


def _work(session: Session, place: Place, out: Console) -> None:
    _step(out, 7, "Work: CALL run_deletion_jobs(1, NULL), as the server's own scheduler would")
    total = int(session.one("demo/rows_to_go")["row_count"])
    columns = (
        TextColumn("   {task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        TimeElapsedColumn(),
    )
    begin = time.monotonic()
    with ThreadPoolExecutor(1) as worker, Progress(*columns, console=out) as bar:
        task = bar.add_task("starting", total=total)
        running = worker.submit(_run, place.url)

        def show(text: str, rows: int) -> None:
            bar.update(task, description=text, completed=rows)

        _follow(session, running, show)
        running.result()
    seconds = time.monotonic() - begin
    rows = int(session.one("demo/progress")["rows_changed"])
    out.print(f"   {rows:,} rows in {seconds:.1f} s, no transaction above 5,000 rows")


def _run(url: str) -> None:
    with database.connect(url) as session:
        session.call("run_deletion_jobs", SLOT, RUN_SECONDS)


def _follow(session: Session, running: Future[None], show: Callable[[str, int], None]) -> None:
    """Read how far it is, from a session of our own, until the worker has ended."""
    while True:
        is_over = running.done()
        found = session.one("demo/progress")
        show(f"{found['jobs_ended']:,} of {found['jobs']:,} jobs", int(found["rows_changed"]))
        if is_over:
            return
        time.sleep(POLL_SECONDS)


def _look(session: Session, before: Mapping[str, int], out: Console) -> bool:
    _step(out, 8, "See what happened: each row that is gone is in a receipt (vw_deletion_receipts)")
    receipts = session.query("demo/receipts")
    out.print(_table(receipts, ("table_name", "action", "jobs", "row_count")))
    after = _rows(session)
    gone = {
        table: before[table] - after[table] for table in before if before[table] != after[table]
    }
    signed = {
        str(r["table_name"]): int(r["row_count"]) for r in receipts if r["action"] == "delete"
    }
    is_right = gone == signed
    verdict = "just as many are gone" if is_right else f"but these are gone: {gone}"
    out.print(
        f"   Receipts: {sum(signed.values()):,} rows deleted; counted in the tables: {verdict}."
    )

    _step(out, 9, "Blocked jobs deleted nothing, and say why (vw_deletion_jobs)")
    for job in session.query("demo/blocked"):
        what = f"job {job['id']}, {job['entity_table']} {job['entity_pk']}: {job['error']}"
        out.print(f"   {escape(what)}")
        out.print(f"   When the reason is gone: CALL retry_deletion({job['id']});")

    _step(out, 10, "The queue at a glance (vw_deletion_jobs_status)")
    out.print(_table(session.view("vw_deletion_jobs_status"), ("status", "jobs", "last_finished")))
    return is_right


def _table(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    table = Table()
    for column in columns:
        is_number = bool(rows) and str(rows[0][column]).isdigit()
        table.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _cell(value: object) -> str:
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    text = str(value if value is not None else "")
    return f"{int(text):,}" if text.isdigit() else escape(text)
