"""Measure what an application's transactions feel while a large job goes.

A few clients send small transactions at a fixed rate: they read, update and insert rows that have
nothing to do with the job, and insert rows below those that go. They do so while nothing happens,
and while the same customer is deleted in each way; the ways take turns. Where that is asked for,
each is felt once more while another session holds an old snapshot.
"""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from deletion_jobs import bench_clients, bench_figures, bench_load
from deletion_jobs.bench import Call
from deletion_jobs.bench_clients import DEADLOCK, KINDS, REFUSED, TIMEOUT, Clients, Felt, Sent
from deletion_jobs.bench_figures import percentile, spread
from deletion_jobs.bench_load import IDLE, Load, title
from deletion_jobs.errors import FindingError, UsageError
from deletion_jobs.sources import ENGINE_NAMES

IDLE_SECONDS = 5.0
PLOT_SHARES = tuple(percent / 1000 for percent in range(0, 1001, 5))


def foreground(
    call: Call,
    rows: int = 100_000,
    clients: int = 4,
    rate: float = 50.0,
    batch_rows: int = bench_load.BATCH_ROWS,
    pause_ms: int = 0,
    peers: Sequence[str] = (),
    has_snapshot: bool = False,
) -> None:
    """Measure and print; the command ``bench foreground``.

    Args:
        call: where to measure, how often, and what becomes of the result.
        rows: how many rows to delete, about.
        clients: number of sessions that send transactions.
        rate: transactions a second of each of them.
        batch_rows: rows of a commit, at most.
        pause_ms: how long a job rests after each of its transactions; batches by hand do not.
        peers: of ``bench_peers.PEERS`` that delete in the same database, to be felt as well.
        has_snapshot: do all of it once more while another session holds an old snapshot.

    Raises:
        FindingError: rows are left that should be gone, or no transaction was due meanwhile.
        UsageError: the numbers make no sense, what a peer needs is not there, or the database
            is in use.
        DatabaseError: the server refused.
    """
    if clients < 1 or rate <= 0:
        raise UsageError("it takes at least one client, and a rate above zero")
    bench_figures.check_plotting(call)
    with (
        bench_load.filled(call, rows, batch_rows=batch_rows, peers=peers) as load,
        bench_clients.clients(load, clients, rate) as crowd,
    ):
        load.session.call("set_deletion_setting", "pause_ms", str(pause_ms))
        felt = _measure(call, load, crowd, has_snapshot)
        document: dict[str, Any] = {
            **load.about,
            "clients": clients,
            "pause_ms": pause_ms,
            "transactions_per_second": clients * rate,
            "lock_timeout_seconds": bench_clients.LOCK_SECONDS,
            "meanwhile": {method: _figures(rounds_felt) for method, rounds_felt in felt.items()},
        }
    p99 = {method: found["p99_ms"] for method, found in document["meanwhile"].items()}
    document["p99_to_idle"] = {
        method: round(took / p99[IDLE], 3) for method, took in p99.items() if method != IDLE
    }
    bench_figures.hand_out(call, document, f"foreground-{call.engine}", _draw, _print)


def _measure(call: Call, load: Load, crowd: Clients, has_snapshot: bool) -> dict[str, list[Felt]]:
    turns = load.turns(has_snapshot)
    felt: dict[str, list[Felt]] = {turn.name: [] for turn in turns}
    for round_, turn in call.turns(turns):
        load.restore(turn.way)
        with load.snapshot(turn):
            found = crowd.feel(partial(_go, load, turn.way))
        if turn.way != IDLE:
            load.check(turn.way)
        if not found.sent:
            raise FindingError(
                f"{title(turn.name)}: over before a client's transaction was due",
                "take more rows, more clients or a higher rate",
            )
        felt[turn.name].append(found)
        p99 = percentile([one.seconds for one in found.sent], 0.99) * 1000
        call.say(
            round_,
            f"{turn.name} {found.seconds:.2f} s, {len(found.sent)} transactions, p99 {p99:.1f} ms",
        )
    return felt


def _go(load: Load, method: str) -> None:
    if method == IDLE:
        time.sleep(IDLE_SECONDS)
    else:
        load.delete(method)


def _figures(felt: list[Felt]) -> dict[str, Any]:
    """Sum up all rounds: percentiles over all transactions, and the spread of each round's p99."""
    sent = [one for found in felt for one in found.sent]
    outcomes = [one.outcome for one in sent]
    by_round = [percentile([one.seconds for one in found.sent], 0.99) * 1000 for found in felt]
    return {
        "seconds": spread([found.seconds for found in felt]),
        **_latency(sent),
        "p99_ms_by_round": spread(by_round, 3),
        "lock_waits": sum(found.lock_waits for found in felt),
        "lock_timeouts": outcomes.count(TIMEOUT),
        "deadlocks": outcomes.count(DEADLOCK),
        "refused": outcomes.count(REFUSED),
        "kinds": {
            kind: _latency([one for one in sent if one.kind == kind])
            for kind in KINDS
            if any(one.kind == kind for one in sent)
        },
        "percentiles_ms": [
            (share, round(percentile([one.seconds for one in sent], share) * 1000, 3))
            for share in PLOT_SHARES
        ],
    }


def _latency(sent: list[Sent]) -> dict[str, Any]:
    times = [one.seconds * 1000 for one in sent]
    return {
        "transactions": len(times),
        "p50_ms": round(percentile(times, 0.5), 3),
        "p99_ms": round(percentile(times, 0.99), 3),
        "max_ms": round(max(times), 3),
    }


def _print(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"{bench_figures.heading(document)}: {document['clients']} clients, "
        f"{document['transactions_per_second']:g} transactions/s in all, while "
        f"{document['rows']:,} rows go, at most {document['batch_rows']:,} a commit"
        f"{_rest(document)}, all of {document['rounds']} rounds"
    )
    made = bench_figures.table(
        "meanwhile", "sent", "p50 ms", "p99 ms", "min", "max", "longest", "x idle", "waits",
        "refused",
    )  # fmt: skip
    for method, found in document["meanwhile"].items():
        made.add_row(
            title(method),
            f"{found['transactions']:,}",
            *(f"{found[name]:.1f}" for name in ("p50_ms", "p99_ms")),
            *(f"{found['p99_ms_by_round'][name]:.1f}" for name in ("min", "max")),
            f"{found['max_ms']:.1f}",
            f"{document['p99_to_idle'].get(method, 1.0):.2f}",
            f"{found['lock_waits']:,}",
            f"{found['refused']:,}",
        )
    console.print(made)
    for method, found in document["meanwhile"].items():
        for name in ("lock_timeouts", "deadlocks"):
            if found[name]:
                console.print(f"{title(method)}: {found[name]:,} {name.replace('_', ' ')}.")
    kinds = bench_figures.table("p99 ms of each kind", *KINDS)
    for method, found in document["meanwhile"].items():
        cells = [found["kinds"].get(kind) for kind in KINDS]
        kinds.add_row(title(method), *(f"{cell['p99_ms']:.2f}" if cell else "" for cell in cells))
    console.print(kinds)
    console.print(
        "Times count from when a transaction was due; min and max are of the rounds' p99. Waits "
        f"for locks are those seen every {bench_clients.WATCH_SECONDS * 1000:.0f} ms. Refused: "
        "inserted below what was gone."
    )


def _rest(document: dict[str, Any]) -> str:
    return f", a job rests {document['pause_ms']} ms after each" if document["pause_ms"] else ""


def _draw(document: dict[str, Any], path: Path) -> None:
    from deletion_jobs import bench_plot

    bench_plot.lines(
        path,
        f"An application's transactions while {document['rows']:,} rows go, "
        f"{ENGINE_NAMES[document['engine']]}",
        "share of the transactions, %",
        "took at most, ms",
        {
            title(method): [(share * 100, value) for share, value in found["percentiles_ms"]]
            for method, found in bench_load.drawn(document["meanwhile"]).items()
        },
        log_y=True,
    )
