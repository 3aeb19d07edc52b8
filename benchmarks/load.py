"""Logging over HTTP: how many interactions a second, and how long a program waits for its answer."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from benchmarks.client import Connection, Response, close, connections, request
from benchmarks.corpus import PROJECT, Corpus
from benchmarks.server import HOST, cpu_seconds

AT_ONCE = 30
BATCHES_AT_ONCE = 3
BATCH_SIZE = 100
WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Door:
    """Where programs come in, and with what key. `pid`: the server's, to see what it takes."""

    port: int
    secret: str
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}

    def count(self) -> bytes:
        return request("GET", f"/api/v1/interactions?project={PROJECT}&limit=1&count=yes", self.headers)


class Throughput(NamedTuple):
    """`rate`: interactions a second until the last can be queried; `latencies`: seconds per request, sorted.

    `cpu`: CPU seconds of the server (its database apart) per interaction. `own_share`: how much of one core the load
    itself took.
    """

    rate: float
    latencies: Sequence[float]
    cpu: float
    own_share: float


async def singles(door: Door, count: int) -> Throughput:
    """One interaction per request, 30 requests at a time."""
    bodies = Corpus(seed=2, distinct_pictures=True).present(count + WARM_UP)
    requests = [request("POST", "/api/v1/interactions", door.headers, json.dumps(body).encode()) for body in bodies]
    await _send(door, requests[:WARM_UP], AT_ONCE, 1)
    return await _send(door, requests[WARM_UP:], AT_ONCE, 1)


async def batches(door: Door, count: int) -> Throughput:
    """A hundred interactions per request, three requests at a time. `count` is rounded to whole batches."""
    bodies = Corpus(seed=3, distinct_pictures=True).present((count // BATCH_SIZE + BATCHES_AT_ONCE) * BATCH_SIZE)
    requests = list(_batched(door, bodies))
    await _send(door, requests[:BATCHES_AT_ONCE], BATCHES_AT_ONCE, BATCH_SIZE)
    return await _send(door, requests[BATCHES_AT_ONCE:], BATCHES_AT_ONCE, BATCH_SIZE)


def _batched(door: Door, bodies: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    while some := list(islice(bodies, BATCH_SIZE)):
        yield request("POST", "/api/v1/interactions/batch", door.headers, json.dumps({"interactions": some}).encode())


@dataclass(slots=True)
class _Run:
    remaining: Iterator[bytes]
    latencies: list[float] = field(default_factory=list)

    async def worker(self, connection: Connection) -> None:
        for body in self.remaining:
            start = time.perf_counter()
            response = await connection.exchange(body)
            self.latencies.append(time.perf_counter() - start)
            _check(response)


async def _send(door: Door, requests: Sequence[bytes], at_once: int, rows_each: int) -> Throughput:
    """Send all, `at_once` at a time, and check that exactly so many interactions more are found afterwards."""
    opened = await connections(HOST, door.port, at_once)
    try:
        before = _count(await opened[0].exchange(door.count()))
        run, cpu = _Run(iter(requests)), cpu_seconds(door.pid)
        own, start = time.process_time(), time.perf_counter()
        await asyncio.gather(*map(run.worker, opened))
        after = _count(await opened[0].exchange(door.count()))
        seconds, own = time.perf_counter() - start, time.process_time() - own
        cpu = cpu_seconds(door.pid) - cpu
    finally:
        close(opened)
    rows = len(requests) * rows_each
    if after - before != rows:
        raise RuntimeError(f"{rows:,} interactions were acknowledged, but {after - before:,} more are found")
    return Throughput(rows / seconds, sorted(run.latencies), cpu / rows, own / seconds)


def _check(response: Response) -> None:
    if response.status not in (200, 201) or b'"error"' in response.body:
        print(response.body[:500], file=sys.stderr)
        raise RuntimeError(f"The server refused a request with {response.status}")


def _count(response: Response) -> int:
    assert response.status == 200, response.body[:500]
    return int(json.loads(response.body)["count"])
