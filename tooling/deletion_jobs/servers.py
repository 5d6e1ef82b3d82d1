"""Start MySQL and PostgreSQL servers in containers, for tests, for development and for the demo.

The settings of a server stand in ``images/<engine>/server.c*nf``; each line becomes one option
of the server's command, so that an image of ours and an official one are started alike.
``python -m deletion_jobs.servers`` is what the Makefile calls; it is no part of the tool's
command line.

Environment:

=================================  ===========================================================
DELETION_JOBS_POSTGRES_MAJOR       15, 17 (default) or 18 from Debian's packages
DELETION_JOBS_POSTGRES_IMAGE       an official image, as ``postgres:16``; pg_cron is added to it
DELETION_JOBS_MYSQL_IMAGE          an official image, as ``mysql:8.4``, used as it is
DELETION_JOBS_CHECK_VALID_UNTIL    ``false`` where the Debian archive is an old snapshot; the
                                   default is what this machine's own apt says
=================================  ===========================================================
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote, urlsplit

import click
import psycopg
import pymysql

from deletion_jobs.errors import UsageError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

Engine = Literal["mysql", "postgres"]
Say = Callable[[str], None]

PORTS: dict[Engine, int] = {"mysql": 3306, "postgres": 5432}
SUPERUSERS: dict[Engine, str] = {"mysql": "root", "postgres": "postgres"}

# The tests do without it; what a write costs is a part of what the benchmarks measure.
SYNC_OPTIONS: dict[Engine, tuple[str, ...]] = {
    "mysql": ("--innodb-flush-method=O_DIRECT",),
    "postgres": ("-c", "fsync=on"),
}

# Below MySQL 9.6 there is no such option, hence "loose": the server then only warns.
NATIVE_FOREIGN_KEYS = "--loose-innodb-native-foreign-keys=ON"

# Debian's releases, and what each of them ships.
MYSQL_SUITE = "sid"
POSTGRES_SUITES = {"15": "bookworm", "17": "trixie", "18": "sid"}
POSTGRES_DEFAULT = "17"

OWNER_LABEL = "deletion-jobs.owner"
DEV_LABEL = "deletion-jobs.dev"

READY_SECONDS = 120
IDLE_PULL_SECONDS = 60


class ServerError(UsageError):
    """No server could be started; the message says why, and what to do."""


def _silent(_: str) -> None:
    """Say nothing."""


def _folder(name: str) -> Path:
    """Find a folder that stands beside the package in a checkout, and inside it in a wheel."""
    here = Path(__file__).resolve().parent
    for folder in (here.parent / name, here / f"_{name}"):
        if folder.is_dir():
            return folder
    raise ServerError(f"the folder '{name}' is missing beside {here}")


@dataclass
class Server:
    """A running server, and its superuser's URL.

    Attributes:
        engine: ``mysql`` or ``postgres``.
        url: ``mysql://root:..@host:port/`` or ``postgresql://postgres:..@host:port/postgres``.
        container: the container behind it; None for a server that was named by its URL.
    """

    engine: Engine
    url: str
    container: Container | None = field(default=None, repr=False)

    @classmethod
    def at(cls, engine: Engine, url: str) -> Server:
        """Describe a server that runs already, and wait until it answers."""
        server = cls(engine, url)
        server.wait_until_ready()
        return server

    @property
    def host(self) -> str:
        """The host part of the URL."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        """The port of the URL, or the engine's own."""
        return urlsplit(self.url).port or PORTS[self.engine]

    @property
    def address(self) -> str:
        """The name by which other containers of its network reach it, at the engine's own port."""
        return str(self._container().short_id)

    @property
    def image(self) -> str:
        """The name of the container's image."""
        return str(self._container().attrs["Config"]["Image"])

    @property
    def user(self) -> str:
        """The superuser's name."""
        return unquote(urlsplit(self.url).username or SUPERUSERS[self.engine])

    @property
    def password(self) -> str:
        """The superuser's password."""
        return unquote(urlsplit(self.url).password or "")

    def url_of(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """Give the URL of a database of this server, as the superuser or as another user."""
        scheme = urlsplit(self.url).scheme
        account = quote(self.user if user is None else user, safe="")
        secret = quote(self.password if password is None else password, safe="")
        login = f"{account}:{secret}" if secret else account
        return f"{scheme}://{login}@{self.host}:{self.port}/{quote(database, safe='')}"

    def answers(self) -> bool:
        """Tell whether the superuser can log in right now."""
        try:
            if self.engine == "postgres":
                psycopg.connect(self.url, connect_timeout=5).close()
            else:
                pymysql.connect(
                    host=self.host,
                    port=self.port,
                    user=self.user,
                    password=self.password,
                    connect_timeout=5,
                ).close()
        except (psycopg.OperationalError, pymysql.err.Error, OSError):
            return False
        return True

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the server answers.

        Raises:
            ServerError: it did not answer in time, or its container has ended.
        """
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self.container is not None and not self.is_running():
                raise ServerError(f"the {self.engine} server has ended:\n{self.log(20)}")
            if time.monotonic() > deadline:
                raise ServerError(
                    f"the {self.engine} server at {self.host}:{self.port} does not answer:\n"
                    f"{self.log(20) if self.container is not None else ''}"
                )
            time.sleep(0.1)

    def log(self, lines: int | None = None) -> str:
        """Give the server's log, or its last lines."""
        raw = self._container().logs(tail="all" if lines is None else lines)
        return str(raw, "utf-8", "replace")

    def is_running(self) -> bool:
        """Tell whether the server's process runs (paused counts as running)."""
        container = self._container()
        container.reload()
        return bool(container.attrs["State"]["Running"])

    def is_paused(self) -> bool:
        """Tell whether the server's processes are frozen."""
        container = self._container()
        container.reload()
        return bool(container.attrs["State"]["Paused"])

    def kill(self) -> None:
        """End the server and all its processes with SIGKILL, as a crash would; wait for it."""
        container = self._container()
        container.kill(signal="KILL")
        container.wait()

    def start(self) -> None:
        """Start the server again after `kill`, at the same URL, and wait until it answers."""
        self._container().start()
        self.wait_until_ready()

    def restart(self) -> None:
        """Stop the server in order, start it again and wait until it answers."""
        self._container().stop(timeout=60)
        self.start()

    def pause(self) -> None:
        """Freeze all processes of the server."""
        self._container().pause()

    def unpause(self) -> None:
        """Let a frozen server go on."""
        self._container().unpause()

    def remove(self) -> None:
        """Remove the container with its data."""
        self._container().remove(force=True, v=True)

    def _container(self) -> Container:
        if self.container is None:
            raise ServerError(
                f"the {self.engine} server at {self.host}:{self.port} was named by its URL: "
                "it cannot be stopped or started from here"
            )
        return self.container


def docker_client(timeout: float = 600) -> DockerClient:
    """Connect to the Docker engine.

    Raises:
        ServerError: the Docker SDK is not installed, or no engine answers.
    """
    try:
        import docker
        import docker.errors
    except ImportError as error:
        raise ServerError(
            "starting servers needs the extra: pip install 'deletion-jobs[demo]'"
        ) from error
    try:
        client = docker.from_env(timeout=timeout)
        client.ping()
    except docker.errors.DockerException as error:
        raise ServerError(
            "no Docker engine answers; as root on Debian, tooling/setup/docker.sh installs and "
            f"starts one ({error})"
        ) from error
    return client


def has_docker() -> bool:
    """Tell whether a Docker engine answers, and the Docker SDK is there to ask it."""
    try:
        docker_client()
    except ServerError:
        return False
    return True


def ensure_docker() -> None:
    """Install and start a Docker engine where none answers and the machine allows it.

    Raises:
        ServerError: there is none, and none can be started here; the script has said why.
    """
    script = _folder("setup") / "docker.sh"
    if subprocess.run(["bash", str(script)], check=False).returncode != 0:
        raise ServerError("no Docker engine")


def image_file(engine: Engine, name: str) -> str:
    """Read a file that stands beside an engine's Dockerfile."""
    return (_folder("images") / engine / name).read_text(encoding="utf-8")


def settings(engine: Engine) -> list[str]:
    """Read the engine's settings file as options of the server's command line."""
    name = "server.cnf" if engine == "mysql" else "server.conf"
    text = image_file(engine, name)
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if engine == "mysql":
        return [f"--{line}" for line in lines]
    return ["postgres", *(part for line in lines for part in ("-c", line))]


def ensure_image(engine: Engine, say: Say = _silent) -> str:
    """Make sure that the engine's image exists, and give its name.

    It is built on the first call, which takes about a minute, and kept under a name that holds
    a hash of all that it is made from.

    Raises:
        ServerError: it can be neither found nor built.
    """
    client = docker_client()
    if engine == "mysql":
        official = os.environ.get("DELETION_JOBS_MYSQL_IMAGE", "")
        if official:
            _ensure_pulled(client, official, say)
            return official
        return _ensure_built(client, "mysql", MYSQL_SUITE, None, {}, say)
    official = os.environ.get("DELETION_JOBS_POSTGRES_IMAGE", "")
    if official:
        _ensure_pulled(client, official, say)
        major = _postgres_major(client, official)
        return _ensure_built(client, "postgres", major, official, {"PG_MAJOR": major}, say)
    major = os.environ.get("DELETION_JOBS_POSTGRES_MAJOR") or POSTGRES_DEFAULT
    if major not in POSTGRES_SUITES:
        raise ServerError(
            f"Debian ships PostgreSQL {', '.join(POSTGRES_SUITES)}, not {major}; "
            f"for that set DELETION_JOBS_POSTGRES_IMAGE=postgres:{major}"
        )
    return _ensure_built(client, "postgres", major, None, {"PG_MAJOR": major}, say)


def _has_image(client: DockerClient, image: str) -> bool:
    import docker.errors

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def _ensure_pulled(client: DockerClient, image: str, say: Say) -> None:
    import docker.errors
    import requests

    if _has_image(client, image):
        return
    say(f"pulling {image}")
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:
        repository, tag = image, "latest"
    try:
        # The timeout is for silence, not for the whole: a slow registry may take its time.
        impatient = docker_client(timeout=IDLE_PULL_SECONDS)
        impatient.images.pull(repository, tag=tag)
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise ServerError(f"cannot pull {image}: {error}") from error


def _postgres_major(client: DockerClient, image: str) -> str:
    environment = client.images.get(image).attrs["Config"]["Env"] or []
    for entry in environment:
        name, _, value = entry.partition("=")
        if name == "PG_MAJOR":
            return str(value)
    raise ServerError(f"{image} does not say its PG_MAJOR; use an official postgres image")


def ensure_archiver_image(say: Say = _silent) -> str:
    """Make sure that the image with pt-archiver exists, a client for benchmarks; give its name.

    Raises:
        ServerError: it can be neither found nor built.
    """
    client = docker_client()
    digest = hashlib.sha256((_folder("images") / "archiver" / "Dockerfile").read_bytes())
    image = f"deletion-jobs/mysql:archiver-{digest.hexdigest()[:12]}"
    if not _has_image(client, image):
        _build(client, "archiver", image, {"BASE": _debian_base(MYSQL_SUITE, say)}, say)
    return image


def _ensure_built(
    client: DockerClient,
    engine: Engine,
    version: str,
    base: str | None,
    arguments: dict[str, str],
    say: Say,
) -> str:
    folder = _folder("images") / engine
    digest = hashlib.sha256()
    for name in ("Dockerfile", "entrypoint.sh"):
        digest.update((folder / name).read_bytes())
    digest.update(f"{base} {sorted(arguments.items())}".encode())
    image = f"deletion-jobs/{engine}:{version}-{digest.hexdigest()[:12]}"
    if _has_image(client, image):
        return image
    suite = POSTGRES_SUITES[version] if engine == "postgres" and base is None else MYSQL_SUITE
    _build(client, engine, image, {**arguments, "BASE": base or _debian_base(suite, say)}, say)
    return image


def _build(
    client: DockerClient, folder: str, image: str, arguments: dict[str, str], say: Say
) -> None:
    """Build an image from a folder of ``images``.

    Raises:
        ServerError: with the end of what the build said.
    """
    arguments = {**arguments, "APT_CHECK_VALID_UNTIL": _check_valid_until()}
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        value = os.environ.get(name) or os.environ.get(name.upper())
        if value:
            arguments[name] = value
    say(f"building {image} (once, about a minute)")
    said: list[str] = []
    for message in client.api.build(
        path=str(_folder("images") / folder),
        tag=image,
        buildargs=arguments,
        rm=True,
        forcerm=True,
        decode=True,
    ):
        if "stream" in message:
            said.extend(message["stream"].splitlines())
        if "error" in message:
            tail = "\n".join([*said[-30:], message["error"]])
            raise ServerError(f"cannot build {image}:\n{tail}")


def _debian_base(suite: str, say: Say) -> str:
    say(f"looking for the base image debian:{suite}-slim")
    script = _folder("setup") / "base-image.sh"
    done = subprocess.run(
        ["bash", str(script), suite], check=False, stdout=subprocess.PIPE, encoding="utf-8"
    )
    if done.returncode != 0:
        raise ServerError(f"there is no base image debian:{suite}-slim")
    return done.stdout.strip()


def _check_valid_until() -> str:
    named = os.environ.get("DELETION_JOBS_CHECK_VALID_UNTIL", "")
    if named:
        return named
    if shutil.which("apt-config") is None:
        return "true"
    answer = subprocess.run(
        ["apt-config", "dump", "--format", "%v", "Acquire::Check-Valid-Until"],
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    return "false" if answer.stdout.strip().lower() in {"false", "no", "0", "off"} else "true"


def start(
    engine: Engine,
    *,
    options: Sequence[str] = (),
    name: str | None = None,
    password: str | None = None,
    labels: dict[str, str] | None = None,
    more: dict[str, Any] | None = None,
    say: Say = _silent,
) -> Server:
    """Start a server in a container of its own, on a free port of the loopback address.

    The port is chosen before the container is made, so that it stays the same when the server
    is killed and started again.

    Args:
        engine: ``mysql`` or ``postgres``.
        options: further options of the server's command line, after those of its settings.
        name: the container's name; None: Docker chooses one.
        password: the superuser's password; None: a random one.
        labels: further labels; None: the container belongs to this process, and
            `remove_abandoned` removes it after that has ended.
        more: further arguments of the container, as Docker's own ``run`` takes them; its
            ``environment`` comes on top of the password.
        say: told about steps that take long.

    Raises:
        ServerError: no engine, no image, or the server does not come up.
    """
    image = ensure_image(engine, say)
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    # The reaper is an image to be pulled; owner labels do its work here.
    testcontainers_config.ryuk_disabled = True
    secret = password or secrets.token_urlsafe(12)
    host, bind = _addresses()
    port = _free_port()
    further = dict(more or {})
    environment = further.pop("environment", {})
    password_name = "MYSQL_ROOT_PASSWORD" if engine == "mysql" else "POSTGRES_PASSWORD"
    holder = DockerContainer(image, env={password_name: secret, **environment}, name=name)
    # Not by the constructor: to it a network is an object of its own kind.
    holder.with_kwargs(labels=labels or {OWNER_LABEL: owner()}, shm_size="256m", **further)
    holder.with_command([*settings(engine), *options])
    ports: dict[str, Any] = {f"{PORTS[engine]}/tcp": (bind, port)}
    holder.ports = ports
    say(f"starting {engine} on {host}:{port}")
    holder.start()
    url = _superuser_url(engine, secret, host, port)
    server = Server(engine, url, holder.get_wrapped_container())
    try:
        server.wait_until_ready()
    except BaseException:
        server.remove()
        raise
    return server


@contextlib.contextmanager
def running(engine: Engine, *, options: Sequence[str] = (), say: Say = _silent) -> Iterator[Server]:
    """Start a server for the length of a block, and remove it with its data afterwards."""
    server = start(engine, options=options, say=say)
    try:
        yield server
    finally:
        server.remove()


@contextlib.contextmanager
def archiver_client(say: Say = _silent) -> Iterator[Container]:
    """Give a container on this machine's own network that pt-archiver can be executed in.

    Raises:
        ServerError: no engine answers, or the image cannot be built.
    """
    image = ensure_archiver_image(say)
    container = docker_client().containers.run(
        image, detach=True, init=True, network_mode="host", labels={OWNER_LABEL: owner()}
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _addresses() -> tuple[str, str]:
    """Give the address to connect to, and the one to bind ports to."""
    remote = urlsplit(os.environ.get("DOCKER_HOST", ""))
    if remote.hostname is None or remote.hostname in {"localhost", "127.0.0.1", "::1"}:
        return "127.0.0.1", "127.0.0.1"
    return remote.hostname, "0.0.0.0"  # noqa: S104


def _superuser_url(engine: Engine, password: str, host: str, port: int) -> str:
    scheme, database = ("mysql", "") if engine == "mysql" else ("postgresql", "postgres")
    secret = quote(password, safe="")
    return f"{scheme}://{SUPERUSERS[engine]}:{secret}@{host}:{port}/{database}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def owner() -> str:
    """Name this process, as the label of all that it starts."""
    return f"{socket.gethostname()}:{os.getpid()}"


def remove_abandoned() -> list[str]:
    """Remove what processes of this machine that have ended left behind; give the names."""
    removed = []
    client = docker_client()
    for container in client.containers.list(all=True, filters={"label": OWNER_LABEL}):
        if _is_abandoned(container.labels[OWNER_LABEL]):
            container.remove(force=True, v=True)
            removed.append(str(container.name))
    for network in client.networks.list(filters={"label": OWNER_LABEL}):
        if _is_abandoned(network.attrs["Labels"][OWNER_LABEL]):
            network.remove()
            removed.append(str(network.name))
    return removed


def _is_abandoned(owned_by: str) -> bool:
    host, _, pid = owned_by.rpartition(":")
    return host == socket.gethostname() and not _process_exists(int(pid))


def _process_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True)
class DevServer:
    """A long-lived server for development, and the variable that names it to the tests."""

    name: str
    engine: Engine
    variable: str
    options: tuple[str, ...] = ()


DEV_SERVERS = (
    DevServer("deletion-jobs-dev-postgres", "postgres", "DELETION_JOBS_TEST_POSTGRES_URL"),
    DevServer("deletion-jobs-dev-mysql", "mysql", "DELETION_JOBS_TEST_MYSQL_URL"),
    DevServer(
        "deletion-jobs-dev-mysql-native-fk",
        "mysql",
        "DELETION_JOBS_TEST_MYSQL_NATIVE_FK_URL",
        (NATIVE_FOREIGN_KEYS,),
    ),
)


def start_dev_server(dev: DevServer, say: Say = _silent) -> Server:
    """Start a long-lived server, or find it where it runs already, under the same URL."""
    import docker.errors

    try:
        container = docker_client().containers.get(dev.name)
    except docker.errors.NotFound:
        return start(
            dev.engine, options=dev.options, name=dev.name, labels={DEV_LABEL: dev.engine}, say=say
        )
    container.start()
    container.reload()
    environment = dict(entry.split("=", 1) for entry in container.attrs["Config"]["Env"])
    secret = environment["MYSQL_ROOT_PASSWORD" if dev.engine == "mysql" else "POSTGRES_PASSWORD"]
    bindings = container.attrs["HostConfig"]["PortBindings"]
    port = int(bindings[f"{PORTS[dev.engine]}/tcp"][0]["HostPort"])
    url = _superuser_url(dev.engine, secret, _addresses()[0], port)
    server = Server(dev.engine, url, container)
    server.wait_until_ready()
    return server


def _tell(text: str) -> None:
    click.echo(text, err=True)


@click.group()
def main() -> None:
    """Servers for tests and development; the Makefile calls this."""


@main.command()
def prepare() -> None:
    """Make sure that a Docker engine answers and that both images exist."""
    try:
        ensure_docker()
    except ServerError:
        if not all(os.environ.get(server.variable) for server in DEV_SERVERS):
            raise
        _tell("going on without Docker, on the servers named by URL; crash tests will fail")
        return
    for name in remove_abandoned():
        _tell(f"removed {name}, left over by a process that has ended")
    engines: tuple[Engine, ...] = ("postgres", "mysql")
    for engine in engines:
        _tell(f"{engine}: {ensure_image(engine, _tell)}")


@main.command()
def dev() -> None:
    """Start the long-lived servers and print the lines to export."""
    ensure_docker()
    for server in DEV_SERVERS:
        click.echo(f"export {server.variable}={start_dev_server(server, _tell).url}")


@main.command("stop-dev")
def stop_dev() -> None:
    """Remove the long-lived servers with their data."""
    for container in docker_client().containers.list(all=True, filters={"label": DEV_LABEL}):
        container.remove(force=True, v=True)
        _tell(f"removed {container.name}")


@main.command("remove-images")
def remove_images() -> None:
    """Remove all images that `ensure_image` has built."""
    client = docker_client()
    for engine in PORTS:
        for image in client.images.list(name=f"deletion-jobs/{engine}"):
            for tag in image.tags:
                client.images.remove(tag)
                _tell(f"removed {tag}")


if __name__ == "__main__":
    try:
        main()
    except ServerError as error:
        raise SystemExit(f"servers: {error}") from error
