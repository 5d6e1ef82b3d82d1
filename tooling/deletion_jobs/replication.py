"""Start a source and a replica that follows it, in containers on a network of their own.

PostgreSQL: the replica is a streaming standby, cloned from the source. MySQL: both begin empty,
with GTIDs, and the replica applies rows as it does by default.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from deletion_jobs import database, servers
from deletion_jobs.servers import Engine, Say, Server

STANDBY = "standby.sh"
OPTIONS: dict[Engine, tuple[str, ...]] = {
    "mysql": (
        "--gtid-mode=ON",
        "--enforce-gtid-consistency=ON",
        servers.NATIVE_FOREIGN_KEYS,
        *servers.SYNC_OPTIONS["mysql"],
    ),
    "postgres": servers.SYNC_OPTIONS["postgres"],
}


@dataclass(frozen=True)
class Pair:
    """Two servers that run.

    Attributes:
        source: takes all writes.
        replica: follows the source; only to be read.
    """

    source: Server
    replica: Server


@contextlib.contextmanager
def running(engine: Engine, say: Say) -> Iterator[Pair]:
    """Start both for the length of a block; remove them with their network afterwards.

    Raises:
        ServerError: no engine, no image, or a server does not come up.
        DatabaseError: the replica cannot be told whom to follow.
    """
    with contextlib.ExitStack() as stack:
        name = f"deletion-jobs-{os.getpid()}-{secrets.token_hex(4)}"
        labels = {servers.OWNER_LABEL: servers.owner()}
        network = servers.docker_client().networks.create(name, driver="bridge", labels=labels)
        stack.callback(network.remove)
        source = servers.start(engine, options=OPTIONS[engine], more={"network": name}, say=say)
        stack.callback(source.remove)
        if engine == "mysql":
            replica = _mysql_replica(source, name, say)
        else:
            replica = _postgres_standby(source, name, say)
        stack.callback(replica.remove)
        if engine == "mysql":
            _follow(source, replica)
        yield Pair(source, replica)


def _mysql_replica(source: Server, network: str, say: Say) -> Server:
    return servers.start(
        "mysql",
        options=(*OPTIONS["mysql"], "--server-id=2"),
        password=source.password,
        more={"network": network},
        say=say,
    )


def _follow(source: Server, replica: Server) -> None:
    """Forget what either has written while it started, and let the replica follow the source."""
    with database.connect(source.url) as session:
        session.query("bench_lag/forget_log")
    with database.connect(replica.url) as session:
        session.query("bench_lag/forget_log")
        session.query("bench_lag/follow", host=source.address, password=source.password)


def _postgres_standby(source: Server, network: str, say: Say) -> Server:
    script = servers.image_file("postgres", STANDBY)
    return servers.start(
        "postgres",
        options=OPTIONS["postgres"],
        password=source.password,
        more={
            "network": network,
            "entrypoint": ["bash", "-c", script, STANDBY],
            "environment": {"SOURCE_HOST": source.address},
        },
        say=say,
    )
