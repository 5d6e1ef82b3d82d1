"""Clients that send small transactions at a fixed rate, and note how long each one took.

A transaction's time counts from the moment at which it was due, not from when it was sent: one
that is held up holds up those behind it, as it would hold up an application's users.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from deletion_jobs import database
from deletion_jobs.bench_load import Load
from deletion_jobs.bench_shapes import ROOT, ROOTS
from deletion_jobs.bench_threads import Thread
from deletion_jobs.database import Session
from deletion_jobs.errors import DatabaseError

READ = "read"
UPDATE = "update"
INSERT = "insert"
# Below the rows that go; refused once the parent is gone.
UNDER = "insert under"
KINDS = (READ, UPDATE, INSERT, UNDER)

FINE = "fine"
REFUSED = "refused"
TIMEOUT = "lock timeout"
DEADLOCK = "deadlock"

LOCK_SECONDS = 5
LEAD_SECONDS = 0.2
WATCH_SECONDS = 0.02
# Far above all keys of the data, and so far apart that clients never meet.
FIRST_NEW_KEY = 10**12
KEYS_PER_CLIENT = 10**9
STRIDE = 7919


@dataclass(frozen=True)
class Sent:
    """One transaction: when it was due, how long it took from then, and how it ended."""

    kind: str
    due: float
    seconds: float
    outcome: str


@dataclass
class Felt:
    """What clients felt while something went on.

    Attributes:
        sent: the transactions that were due meanwhile.
        seconds: how long it went on.
        lock_waits: waits for locks that were seen.
    """

    sent: list[Sent] = field(default_factory=list)
    seconds: float = 0.0
    lock_waits: int = 0


@dataclass
class _Client:
    """One session that sends transactions until all that were due before the end are sent."""

    session: Session
    number: int
    interval: float
    delay: float
    kept: Sequence[int]
    going: int
    count: int = 0

    def run(self, end: "_End", results: list[list[Sent]]) -> None:
        # Clients that all sent at once would measure each other.
        begin = time.perf_counter() + self.delay
        sent: list[Sent] = []
        results.append(sent)
        for turn in range(KEYS_PER_CLIENT):
            due = begin + turn * self.interval
            end.wait_until(due)
            if end.is_past(due):
                break
            kind = KINDS[(turn + self.number) % len(KINDS)]
            outcome = self._send(kind)
            sent.append(Sent(kind, due, time.perf_counter() - due, outcome))

    def _send(self, kind: str) -> str:
        self.count += 1
        place = self.count * STRIDE
        order = self.kept[place % len(self.kept)]
        key = FIRST_NEW_KEY + self.number * KEYS_PER_CLIENT + self.count
        try:
            if kind == READ:
                self.session.query("bench_foreground/read", order=order)
            elif kind == UPDATE:
                self.session.query("bench_foreground/update", order=order, note=f"seen {key}")
            elif kind == INSERT:
                customer = ROOTS - place % 20
                self.session.query("bench_foreground/insert_order", id=key, customer=customer)
            elif (self.count // len(KINDS)) % 2:
                self.session.query("bench_foreground/insert_order", id=key, customer=ROOT)
            else:
                going = place % self.going + 1
                self.session.query("bench_foreground/insert_item", id=key, order=going)
        except DatabaseError as error:
            return _outcome(error)
        return FINE


def _outcome(error: DatabaseError) -> str:
    """Name what became of a transaction that failed; what nobody expects goes on as an error."""
    if error.sqlstate == "23503" or error.errno == 1452:
        return REFUSED
    if error.sqlstate == "55P03" or error.errno == 1205:
        return TIMEOUT
    if error.sqlstate == "40P01" or error.errno == 1213:
        return DEADLOCK
    raise error


class _End:
    """The moment after which nothing is due any more, unknown until it has come."""

    def __init__(self) -> None:
        self._come = threading.Event()
        self._at = 0.0

    def come(self) -> float:
        self._at = time.perf_counter()
        self._come.set()
        return self._at

    def wait_until(self, due: float) -> None:
        self._come.wait(max(due - time.perf_counter(), 0.0))

    def is_past(self, due: float) -> bool:
        return self._come.is_set() and due > self._at


class Clients:
    """Sessions that are opened once and send transactions whenever something goes on."""

    def __init__(self, clients: list[_Client], watcher: Session) -> None:
        self._clients = clients
        self._watcher = watcher
        self._ids = {
            int(client.session.one("bench_foreground/session_id")["value"]) for client in clients
        }

    def feel(self, action: Callable[[], None]) -> Felt:
        """Send transactions for as long as an action takes, and tell what they felt."""
        end = _End()
        results: list[list[Sent]] = []
        waits: set[tuple[int, str]] = set()
        threads = [Thread(partial(client.run, end, results)) for client in self._clients]
        threads.append(Thread(partial(self._watch, end, waits)))
        for thread in threads:
            thread.start()
        time.sleep(LEAD_SECONDS)
        begin = time.perf_counter()
        try:
            action()
        finally:
            at = end.come()
            for thread in threads:
                thread.join()
        for thread in threads:
            thread.raise_error()
        sent = [one for result in results for one in result if begin <= one.due <= at]
        return Felt(sent, at - begin, len(waits))

    def _watch(self, end: _End, waits: set[tuple[int, str]]) -> None:
        while not end.is_past(time.perf_counter()):
            for row in self._watcher.query("bench_foreground/waits"):
                if row["session_id"] in self._ids:
                    waits.add((int(row["session_id"]), str(row["wait_id"])))
            end.wait_until(time.perf_counter() + WATCH_SECONDS)


@contextmanager
def clients(load: Load, count: int, rate: float) -> Iterator[Clients]:
    """Open the sessions.

    Args:
        load: the rows that stay, and those that go.
        count: number of sessions.
        rate: transactions a second of each.
    """
    with ExitStack() as stack:
        opened = []
        for number in range(count):
            session = stack.enter_context(database.connect(load.url))
            session.query("bench_foreground/pin", seconds=LOCK_SECONDS)
            delay = number / rate / count
            opened.append(_Client(session, number, 1 / rate, delay, load.kept_orders, load.units))
        yield Clients(opened, stack.enter_context(database.connect(load.url)))
