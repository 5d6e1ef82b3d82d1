"""The command line: it only passes arguments on and turns results into text and exit codes."""

import functools
from typing import Any

import click

from deletion_jobs import __version__, cli_bench, database
from deletion_jobs.cli_options import Function, Group
from deletion_jobs.cli_options import json_option as _json
from deletion_jobs.cli_options import later as _later
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.output import say, show, show_json

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _connects(command: Function) -> Function:
    url = click.option(
        "--url", metavar="URL", help="Database: postgresql://.. or mysql://.. [DELETION_JOBS_URL]"
    )
    schema = click.option("--schema", metavar="NAME", help="PostgreSQL: the schema.")
    return url(schema(command))


def _compiles(command: Function) -> Function:
    return click.option("--compile", "compile_now", is_flag=True, help="Compile the plan first.")(
        command
    )


def _engine(command: Function) -> Function:
    return click.option(
        "--engine", type=click.Choice(["postgres", "mysql"]), required=True, help="Which engine."
    )(command)


def _users_key(command: Function) -> Function:
    options = (
        click.option("--users-table", metavar="NAME", help="Table of users. [users]"),
        click.option("--users-column", metavar="NAME", help="Its key column. [id]"),
        click.option("--no-users-key", is_flag=True, help="Keep created_by without a key."),
    )
    return functools.reduce(lambda decorated, option: option(decorated), options, command)


def _wait(command: Function) -> Function:
    return click.option(
        "--wait",
        "wait_seconds",
        type=click.FloatRange(min=0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="Longest wait for another installation, and for locks.",
    )(command)


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="deletion-jobs")
def main() -> None:
    """Asynchronous deletion with cascading cleanup, done inside MySQL and PostgreSQL.

    Exit codes: 0 fine, 1 a finding, 2 wrong usage, 3 an error of the database.
    """


@main.command("apply")
@_connects
@_users_key
@_wait
def apply_command(
    url: str | None,
    schema: str | None,
    users_table: str | None,
    users_column: str | None,
    no_users_key: bool,
    wait_seconds: float,
) -> None:
    """Install, or bring an installation to this version. Can be run at any time."""
    from deletion_jobs import apply

    key = _key(users_table, users_column, no_users_key)
    with database.connect(url, schema) as session:
        outcome = apply.apply(session, key, say, wait_seconds)
    if outcome.is_empty:
        show(f"{outcome.schema}: nothing to do")
    else:
        done = [*outcome.migrations]
        if outcome.users_key:
            done.append(f"key to users: {outcome.users_key}")
        show(f"{outcome.schema}: {', '.join(done)}")


def _key(users_table: str | None, users_column: str | None, no_users_key: bool) -> Any:
    from deletion_jobs.checks import UsersKey

    named = users_table is not None or users_column is not None
    if no_users_key and named:
        raise UsageError("--no-users-key excludes --users-table and --users-column")
    if no_users_key:
        return UsersKey(None, is_explicit=True)
    return UsersKey(users_table or "users", users_column or "id", named)


@main.command("rollback")
@_connects
@_wait
@click.option("--yes", is_flag=True, help="Do it: all jobs, plans and receipts are lost.")
def rollback_command(url: str | None, schema: str | None, wait_seconds: float, yes: bool) -> None:
    """Take everything away again, with the data of this package."""
    from deletion_jobs import apply

    if not yes:
        raise UsageError(
            "rollback drops the tables with all jobs, plans and receipts", "say --yes to do it"
        )
    with database.connect(url, schema) as session:
        outcome = apply.roll_back(session, say, wait_seconds)
    if outcome.is_empty:
        show(f"{outcome.schema}: nothing to do")
    else:
        show(f"{outcome.schema}: rolled back {', '.join(outcome.migrations)}")


@main.command("status")
@_connects
@_json
def status_command(url: str | None, schema: str | None, as_json: bool) -> None:
    """Tell what is installed; exit 1 where a migration is pending."""
    from deletion_jobs import status

    with database.connect(url, schema) as session:
        state = status.read(session)
    if as_json:
        show_json(state)
    else:
        show(status.text(state))
    if not state["is_current"]:
        click.get_current_context().exit(FindingError.code)


@main.command("verify")
@_connects
@_json
def verify_command(url: str | None, schema: str | None, as_json: bool) -> None:
    """Compare the server with the files; exit 1 where something differs."""
    from deletion_jobs import verify

    with database.connect(url, schema) as session:
        report = verify.verify(session)
    if as_json:
        show_json({"schema": report.schema, "findings": report.findings, "notes": report.notes})
    else:
        for note in report.notes:
            say(f"note: {note}")
        for finding in report.findings:
            show(finding)
        if not report.findings:
            show(f"{report.schema}: no findings")
    if report.findings:
        click.get_current_context().exit(FindingError.code)


@main.command("sql")
@_engine
@_users_key
@click.option("--schema", metavar="NAME", help="PostgreSQL: the schema.")
@click.option("--after", metavar="MIGRATION", help="Upgrade: only what came after this migration.")
def sql_command(
    engine: Any,
    users_table: str | None,
    users_column: str | None,
    no_users_key: bool,
    schema: str | None,
    after: str | None,
) -> None:
    """Write the installation as one plain script for psql or mysql."""
    from deletion_jobs import script

    key = _key(users_table, users_column, no_users_key)
    click.echo(script.write(engine, key, schema, after), nl=False)


@main.command("lint")
@_json
@click.option("--no-sqlfluff", is_flag=True, help="Leave out sqlfluff, which takes longest.")
def lint_command(as_json: bool, no_sqlfluff: bool) -> None:
    """Check the SQL files without a server (for those who change the project)."""
    from deletion_jobs import lint

    _report(lint.lint(with_sqlfluff=not no_sqlfluff), as_json)


@main.command("grants")
@click.argument("table")
@_connects
@_json
@_compiles
def grants_command(
    table: str, url: str | None, schema: str | None, as_json: bool, compile_now: bool
) -> None:
    """Write the GRANTs that the plan of a target needs."""
    from deletion_jobs import grants, plan

    with database.connect(url, schema) as session:
        if compile_now:
            plan.compile_first(session, table)
        needed = grants.needed(session, table)
    if as_json:
        show_json({"table": table, "grants": needed})
    else:
        for grant in needed:
            show(grant)


@main.command("plan")
@click.argument("table")
@_connects
@_json
@_compiles
def plan_command(
    table: str, url: str | None, schema: str | None, as_json: bool, compile_now: bool
) -> None:
    """Show what a deletion from a target would do, as a tree."""
    from deletion_jobs import plan

    with database.connect(url, schema) as session:
        if compile_now:
            plan.compile_first(session, table)
        steps = plan.read(session, table)
    if as_json:
        show_json({"table": table, "steps": steps})
    else:
        plan.show_tree(table, steps)


@main.command("work")
@_connects
@click.option("--slot", type=click.IntRange(min=1), help="Slot to hold: two never work in one.")
@click.option("--run-seconds", type=click.IntRange(min=1), help="Length of a call. [setting]")
@click.option(
    "--tick-seconds",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    help="Pause between two calls.",
)
@click.option("--once", is_flag=True, help="End after one call.")
def work_command(
    url: str | None,
    schema: str | None,
    slot: int | None,
    run_seconds: int | None,
    tick_seconds: float,
    once: bool,
) -> None:
    """Work off due jobs, where the server has no scheduler; ends well on SIGTERM."""
    from deletion_jobs import work

    stop = work.Stop()
    stop.listen(say)
    work.work(
        functools.partial(database.connect, url, schema),
        stop,
        say,
        slot=slot,
        run_seconds=run_seconds,
        tick_seconds=tick_seconds,
        once=once,
    )


@main.command("demo")
@click.option(
    "--engine",
    type=click.Choice(["postgres", "mysql"]),
    default="postgres",
    show_default=True,
    help="Embedded PostgreSQL, or MySQL in a container.",
)
def demo_command(engine: str) -> None:
    """Show everything on a shop of 100,000 rows, on a server of its own."""
    _later("demo", "the demo").demo(engine)


main.add_command(cli_bench.bench_group)


@main.group("migrations", cls=Group)
def migrations_group() -> None:
    """Keep schema/, procedures/ and migrations/ one text (for those who change the project)."""


@migrations_group.command("write")
@click.option("--name", metavar="VERB_OBJECT", help="Name of a migration to be opened.")
def migrations_write(name: str | None) -> None:
    """Write what changed into the newest unreleased migration of both engines."""
    from deletion_jobs import migrations

    changed = migrations.write(name=name)
    for path in changed:
        show(path)
    if not changed:
        show("nothing to write")


@migrations_group.command("check")
@_json
def migrations_check(as_json: bool) -> None:
    """Compare migrations with the files and the released checksums."""
    from deletion_jobs import migrations

    _report(migrations.check(), as_json)


@migrations_group.command("freeze")
def migrations_freeze() -> None:
    """Write the checksums of all migrations: a release makes them final."""
    from deletion_jobs import migrations

    for path in migrations.freeze():
        show(path)


@migrations_group.command("snapshot")
@_connects
def migrations_snapshot(url: str | None, schema: str | None) -> None:
    """Write the catalog of a fresh installation, which verify compares with."""
    from deletion_jobs import catalog

    with database.connect(url, schema) as session:
        show(catalog.write(session))


def _report(findings: list[str], as_json: bool) -> None:
    if as_json:
        show_json({"findings": findings})
    else:
        for finding in findings:
            show(finding)
        if not findings:
            show("no findings")
    if findings:
        click.get_current_context().exit(FindingError.code)
