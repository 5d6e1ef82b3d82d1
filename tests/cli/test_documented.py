"""Every command and every option stands in the documentation, and nothing else does."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from deletion_jobs import sources
from deletion_jobs.cli import main

DOCS = "docs/cli.md"
UNDOCUMENTED_OPTIONS = {"--help", "--version"}


def commands(group: click.Group = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


ALL = dict(commands())


def sections() -> dict[str, str]:
    """Read the documentation: name of a command to the text of its section."""
    text = (sources.root() / DOCS).read_text(encoding="utf-8")
    parts = re.split(r"^### `deletion-jobs ([a-z ]+?)(?: [A-Z]+)?`$", text, flags=re.MULTILINE)
    return {
        name: re.split(r"^## ", body, maxsplit=1, flags=re.MULTILINE)[0]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def options(command: click.Command) -> set[str]:
    found = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    return {name for name in found if name.startswith("--")} - UNDOCUMENTED_OPTIONS


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert set(sections()) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_documented(name: str) -> None:
    documented = set(re.findall(r"--[a-z][a-z-]+", sections()[name]))
    missing = options(ALL[name]) - documented
    assert missing == set(), f"{DOCS}: '{name}' lacks {sorted(missing)}"


@pytest.mark.parametrize("name", ALL)
def test_every_documented_option_exists(name: str) -> None:
    in_tables = set(re.findall(r"^\| `(--[a-z-]+)", sections()[name], flags=re.MULTILINE))
    assert in_tables <= options(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    command = ALL[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("name", ["", *ALL])
def test_h_prints_the_help(name: str) -> None:
    done = CliRunner().invoke(main, [*name.split(), "-h"])
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")


def test_there_is_no_option_for_a_password() -> None:
    for name, command in ALL.items():
        assert not {o for o in options(command) if "password" in o}, name


@pytest.mark.parametrize(
    "name",
    [
        "status",
        "verify",
        "plan",
        "grants",
        "lint",
        "migrations check",
        "bench cascade",
        "bench claim",
        "bench foreground",
        "bench jobs",
        "bench lag",
        "bench plan",
        "bench space",
    ],
)
def test_each_reading_command_takes_json(name: str) -> None:
    assert "--json" in options(ALL[name])


def test_a_wrong_option_is_wrong_usage() -> None:
    assert CliRunner().invoke(main, ["status", "--colour"]).exit_code == 2


def test_a_missing_part_is_told_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 2
    assert "not part of this installation" in done.stderr
