"""pt-archiver as a peer of ``bench cascade``: one call a table, children first.

That is how its users delete a row with all that hangs from it: each call walks one table in the
order of its primary key, with a condition that leads up to the row. It is run from this machine
where it is installed, else from a container of its own.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deletion_jobs import database
from deletion_jobs.bench_methods import Method, RefusedError
from deletion_jobs.bench_shapes import Shape
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError, UsageError
from deletion_jobs.output import say
from deletion_jobs.servers import ServerError, archiver_client

PROGRAM = "pt-archiver"

Run = Callable[[list[str]], tuple[int, str]]


@contextlib.contextmanager
def archiver(
    name: str, session: Session, url: str, shape: Shape, limit: int | None
) -> Iterator[Method]:
    """Get pt-archiver ready for the length of a block.

    Args:
        name: of the method.
        session: where the tables of the shape are.
        url: of that database.
        shape: whose tables are there.
        limit: rows of a statement and a commit with ``--bulk-delete``; None: its defaults.

    Raises:
        UsageError: it is neither installed nor can a container with it be started.
    """
    # It says that the first implies the second, and yet commits each row.
    options = [] if limit is None else ["--bulk-delete", "--commit-each", "--limit", str(limit)]
    with _ready(url) as (run, file):

        def delete(roots: Sequence[int]) -> None:
            if shape.fan is not None:
                raise RefusedError("it goes by the primary key, and would take parents first")
            named = ", ".join(str(root) for root in roots)
            for row in session.query(f"{shape.folder}/archiver", roots=named):
                source = f"F={file},D={database.mysql_options(url)['database']}"
                _purge(run, [*options, "--source", f"{source},t={row['table_name']}"], row)

        yield Method(name, session, url, delete)


def _purge(run: Run, options: list[str], row: database.Row) -> None:
    # Without the second it asks its makers for a newer version.
    always = ["--purge", "--no-version-check", "--no-check-charset"]
    code, said = run([PROGRAM, *always, *options, "--where", str(row["row_condition"])])
    if code != 0:
        raise DatabaseError(f"{PROGRAM} on {row['table_name']}: {said.strip()}")


@contextlib.contextmanager
def _ready(url: str) -> Iterator[tuple[Run, str]]:
    """Give what runs a command, and the file that tells pt-archiver where to connect."""
    if shutil.which(PROGRAM):
        with tempfile.TemporaryDirectory(prefix="deletion-jobs-") as folder:
            file = Path(folder) / "client.cnf"
            file.touch(mode=0o600)
            file.write_text(_client(url), encoding="utf-8")
            yield _run_here, str(file)
        return
    with contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(archiver_client(say))
        except ServerError as error:
            raise UsageError(
                f"{PROGRAM} is not installed, and no container can be started ({error})",
                "apt-get install percona-toolkit",
            ) from error
        file_there = "/root/client.cnf"
        container.exec_run(
            ["sh", "-c", f'umask 077; printf "%s" "$CLIENT" > {file_there}'],
            environment={"CLIENT": _client(url)},
        )

        def run(command: list[str]) -> tuple[int, str]:
            code, output = container.exec_run(command)
            return int(code), output.decode("utf-8", "replace")

        yield run, file_there


def _run_here(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return done.returncode, done.stdout


def _client(url: str) -> str:
    """Write the file: a password must not stand in a list of processes."""
    options = database.mysql_options(url)
    lines = [f'{name}="{options[name]}"' for name in ("user", "password") if name in options]
    if "unix_socket" in options:
        lines.append(f"socket={options['unix_socket']}")
    else:
        lines.append(f"host={options.get('host', '127.0.0.1')}")
        lines += [f"port={options.get('port', 3306)}", "protocol=tcp"]
    # The server's certificate is its own, and on one machine there is nothing to hide.
    return "\n".join(["[client]", *lines, "skip-ssl", ""])
