"""Reading over HTTP: one request after another, with changing values, until there are enough or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from benchmarks.client import Response
from benchmarks.peers.peer import Peer
from benchmarks.processes import Server
from benchmarks.server import cpu_seconds

WARM_UP = 3


class Asked(NamedTuple):
    """A request. `right`: the number that its answer should hold; None when it holds none."""

    request: bytes
    right: int | None = None


class Timing(NamedTuple):
    """`seconds` per request, sorted; `first`: of the very first, which counts for nothing else; `bytes` of an answer.

    `cpu`: CPU seconds of the server per request. `wrong`: what an answer held instead of what it should have.
    """

    seconds: list[float]
    first: float
    cpu: float
    bytes: int
    wrong: str


async def read(
    peer: Peer,
    server: Server,
    ask: Callable[[Random], Asked],
    held: Callable[[Response], int],
    times: int,
    limit: float,
) -> Timing:
    """`held`: the number in an answer; raises for a refusal. `limit`: seconds for all. Raises `NoAnswer`."""
    rng, seconds, sizes, wrong, first = Random(0), [], [], "", 0.0
    cpu, until = cpu_seconds(server.process.pid), time.monotonic() + limit
    async with peer.line(server, limit) as line:
        for number in range(-WARM_UP, times):
            asked = ask(rng)
            await line.ready()
            start = time.perf_counter()
            response = await line.exchange(asked.request)
            taken = time.perf_counter() - start
            over = time.monotonic() > until
            if number == -WARM_UP:
                first = taken
            if number == -1:
                cpu = cpu_seconds(server.process.pid)
            if number >= 0 or over:
                seconds.append(taken)
                sizes.append(len(response.body))
            found = held(response)
            if asked.right is not None and found != asked.right:
                wrong = f"{found:,} instead of {asked.right:,}"
            if over:
                break
    cpu = (cpu_seconds(server.process.pid) - cpu) / len(seconds)
    return Timing(sorted(seconds), first, cpu, sorted(sizes)[len(sizes) // 2], wrong)
