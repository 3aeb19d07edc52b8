"""Logging over HTTP: how many interactions a second, until the last can be queried, and its feedback too.

Peers take feedback in requests of their own. These are sent when the interactions can be queried: Phoenix puts
feedback on a span that it has not written yet aside for ten seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import NamedTuple

from benchmarks.client import Response
from benchmarks.peers.line import Line
from benchmarks.peers.peer import Peer
from benchmarks.peers.questions import Filter
from benchmarks.peers.records import Judgement, Record
from benchmarks.processes import Server
from benchmarks.server import cpu_seconds

# A server with too much to do says so, and is asked again, as OTLP's clients do.
BUSY = frozenset({429, 503})
SECONDS_TO_RETRY = 0.25
# What a server that has acknowledged may take until all can be queried: a floor, and seconds for each interaction.
LEAST_PATIENCE, PATIENCE = 60.0, 0.1


class Load(NamedTuple):
    """`size`: interactions in a request. `seconds`: no request begins later. `answer`: seconds for each answer.

    `ahead`: all requests are made before the first is sent. `warm_up`: so many do not count.
    """

    size: int
    at_once: int
    seconds: float
    answer: float
    ahead: bool = True
    warm_up: int = 0


class Logged(NamedTuple):
    """`seconds`: until all `rows` were found; `judged`: those that it then took until their feedback was found too.

    `latencies`: seconds of a request for interactions, sorted. `cpu`: CPU seconds of the server for each interaction
    with its feedback. `own`: share of one core that the load took. `refusals`: requests that had to be sent again.
    """

    rows: int
    seconds: float
    judged: float
    latencies: list[float]
    cpu: float
    own: float
    refusals: int


async def log(peer: Peer, server: Server, records: Iterable[Record], load: Load) -> Logged:
    """Raises `NoAnswer`."""
    made = _Made(peer, load.size)
    parcels = made.parcels(iter(records))
    if load.ahead:
        parcels = iter(list(parcels))
    cold = await _log(peer, server, islice(parcels, load.warm_up), made, load, 0) if load.warm_up else None
    return await _log(peer, server, parcels, made, load, cold.rows if cold else 0)


async def _log(peer: Peer, server: Server, parcels: Iterator[_Parcel], made: _Made, load: Load, first: int) -> Logged:
    """`first`: the place of the first interaction in `parcels`."""
    async with peer.line(server, load.answer) as line:
        before, judged_before = await _found(peer, line), await _judged(peer, line)
        cpu, own, start = cpu_seconds(server.process.pid), time.process_time(), time.perf_counter()
        sent = await _send(peer, server, parcels, load)
        await _until(lambda: _found(peer, line), before + sent.rows, sent.rows)
        middle = time.perf_counter()
        judgements = [one for place, one in made.judgements if first <= place < first + sent.rows]
        await _judge(peer, server, judgements, load)
        if judgements and peer.judgement_count():
            await _until(lambda: _judged(peer, line), judged_before + len(judgements), sent.rows)
        end = time.perf_counter()
    cpu, own = cpu_seconds(server.process.pid) - cpu, time.process_time() - own
    share, latencies = own / (end - start), sorted(sent.latencies)
    return Logged(sent.rows, middle - start, end - middle, latencies, cpu / sent.rows, share, sent.refusals)


class _Parcel(NamedTuple):
    request: bytes
    rows: int


@dataclass(slots=True)
class _Made:
    """Requests, and the feedback that belongs to what was put into them, with its interaction's place."""

    peer: Peer
    size: int
    judgements: list[tuple[int, Judgement]] = field(default_factory=list)

    def parcels(self, records: Iterator[Record]) -> Iterator[_Parcel]:
        place = count()
        while some := list(islice(records, self.size)):
            if self.peer.judgements_at_once:
                # In this order: zip takes from `place` only when there is a record for it.
                placed = zip(some, place, strict=False)
                self.judgements += [(number, one) for record, number in placed for one in record.judgements]
            yield _Parcel(self.peer.log(some), len(some))


async def _judge(peer: Peer, server: Server, judgements: list[Judgement], load: Load) -> None:
    if not judgements:
        return
    # One by one means one request for each; in batches, as many as the peer takes at once.
    size = min(peer.judgements_at_once, load.size)
    parcels = (_Parcel(peer.judge(judgements[start : start + size]), 0) for start in range(0, len(judgements), size))
    # Each has its interaction already, so none may be left out.
    await _send(peer, server, parcels, load._replace(seconds=LEAST_PATIENCE + PATIENCE * len(judgements)))


# Sending


@dataclass(slots=True)
class _Sent:
    rows: int = 0
    refusals: int = 0
    latencies: list[float] = field(default_factory=list)


async def _send(peer: Peer, server: Server, parcels: Iterator[_Parcel], load: Load) -> _Sent:
    sent, deadline = _Sent(), time.monotonic() + load.seconds

    async def work() -> None:
        async with peer.line(server, load.answer) as line:
            while time.monotonic() < deadline and (parcel := next(parcels, None)):
                # Taken is sent: the parcels that are sent are the first ones.
                await line.ready()
                start = time.perf_counter()
                await _deliver(line, parcel.request, sent)
                sent.latencies.append(time.perf_counter() - start)
                sent.rows += parcel.rows

    await asyncio.gather(*(work() for _ in range(load.at_once)))
    return sent


async def _deliver(line: Line, request: bytes, sent: _Sent) -> None:
    while (response := await line.exchange(request)).status in BUSY:
        sent.refusals += 1
        await asyncio.sleep(SECONDS_TO_RETRY)
    _check(response)


def _check(response: Response) -> None:
    if not 200 <= response.status < 300 or b'"error"' in response.body:
        print(response.body[:1000], file=sys.stderr)
        raise RuntimeError(f"The server refused a request with {response.status}")


# Waiting


_asked = count()


async def _found(peer: Peer, line: Line) -> int:
    # Another time that is before everything, so that no cache gives an old answer.
    since = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=next(_asked))
    return peer.counted(await line.exchange(peer.count(Filter(since=since))))


async def _judged(peer: Peer, line: Line) -> int:
    """0 where the peer has no such number."""
    question = peer.judgement_count()
    return peer.counted(await line.exchange(question)) if question else 0


async def _until(ask: Callable[[], Awaitable[int]], wanted: int, rows: int) -> None:
    """Wait until `ask` tells `wanted`, asking so seldom that this is a small part of what the server does."""
    deadline = time.monotonic() + LEAST_PATIENCE + PATIENCE * rows
    while True:
        start = time.monotonic()
        found = await ask()
        end = time.monotonic()
        if found == wanted:
            return
        if found > wanted or end > deadline:
            raise RuntimeError(f"{found:,} are found where {wanted:,} were acknowledged")
        await asyncio.sleep(max(0.2, 10 * (end - start)))
