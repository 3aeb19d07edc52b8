"""Logging over HTTP: how many interactions a second, and how long a program waits for its answer."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, NamedTuple, TypeVar

from benchmarks.client import Connection, Response, close, connections, request
from benchmarks.corpus import PROJECT, Corpus
from benchmarks.processes import HOST
from benchmarks.server import cpu_seconds

AT_ONCE = 30
BATCHES_AT_ONCE = 3
BATCH_SIZE = 100
WARM_UP = 200
STEADY_RATE, STEADY_SECONDS = 200, 30

_T = TypeVar("_T")


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
    requests = _singles(door, Corpus(seed=2, distinct_pictures=True).present(count + WARM_UP))
    await _send(door, requests[:WARM_UP], AT_ONCE, WARM_UP)
    return await _send(door, requests[WARM_UP:], AT_ONCE, count)


async def batches(door: Door, count: int) -> Throughput:
    """A hundred interactions per request, three requests at a time. `count` is rounded to whole batches."""
    warm_up, count = BATCHES_AT_ONCE * BATCH_SIZE, count // BATCH_SIZE * BATCH_SIZE
    requests = list(_batched(door, Corpus(seed=3, distinct_pictures=True).present(warm_up + count)))
    await _send(door, requests[:BATCHES_AT_ONCE], BATCHES_AT_ONCE, warm_up)
    return await _send(door, requests[BATCHES_AT_ONCE:], BATCHES_AT_ONCE, count)


async def log(door: Door, bodies: Sequence[dict[str, Any]]) -> None:
    """Log what another measure needs."""
    await _send(door, list(_batched(door, iter(bodies))), BATCHES_AT_ONCE, len(bodies))


async def steadily(door: Door, work: Coroutine[Any, Any, _T]) -> tuple[Throughput, _T]:
    """Single creates on a clock, 200 a second for as long as `work` takes, whether or not earlier ones are answered.

    A latency counts from the moment at which the clock would have it sent.
    """
    requests = _singles(door, Corpus(seed=5, distinct_pictures=True).present(STEADY_RATE * STEADY_SECONDS + WARM_UP))
    await _send(door, requests[:WARM_UP], AT_ONCE, WARM_UP)
    run, cpu = _Steady(door.port, await connections(HOST, door.port, AT_ONCE)), cpu_seconds(door.pid)
    own, start = time.process_time(), time.perf_counter()
    try:
        async with asyncio.TaskGroup() as tasks:
            worked = tasks.create_task(work)
            for number, body in enumerate(cycle(requests[WARM_UP:])):
                due = start + number / STEADY_RATE
                await asyncio.sleep(due - time.perf_counter())
                if worked.done():
                    break
                tasks.create_task(run.send(body, due))
    finally:
        close(run.opened)
    seconds, own, cpu = time.perf_counter() - start, time.process_time() - own, cpu_seconds(door.pid) - cpu
    count = len(run.latencies)
    return Throughput(count / seconds, sorted(run.latencies), cpu / count, own / seconds), worked.result()


@dataclass(slots=True)
class _Steady:
    port: int
    # Those that wait for nothing.
    free: list[Connection]
    opened: list[Connection] = field(init=False)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.opened = list(self.free)

    async def send(self, body: bytes, due: float) -> None:
        connection = await self._connection()
        response = await connection.exchange(body)
        self.latencies.append(time.perf_counter() - due)
        self.free.append(connection)
        _check(response)

    async def _connection(self) -> Connection:
        while self.free:
            if (connection := self.free.pop()).is_open:
                return connection
        self.opened.append(connection := await Connection.open(HOST, self.port))
        return connection


def _singles(door: Door, bodies: Iterable[dict[str, Any]]) -> list[bytes]:
    return [request("POST", "/api/v1/interactions", door.headers, json.dumps(body).encode()) for body in bodies]


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


async def _send(door: Door, requests: Sequence[bytes], at_once: int, rows: int) -> Throughput:
    """Send all, `at_once` at a time, and check that exactly `rows` interactions more are found afterwards."""
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
    if after - before != rows:
        raise RuntimeError(f"{rows:,} interactions were acknowledged, but {after - before:,} more are found")
    return Throughput(rows / seconds, sorted(run.latencies), cpu / rows, own / seconds)


def _check(response: Response) -> None:
    if response.status not in (200, 201) or b'"error"' in response.body:
        print(response.body[:500], file=sys.stderr)
        raise RuntimeError(f"The server refused a request with {response.status}")


async def found(door: Door) -> int:
    """How many interactions there are."""
    connection = await Connection.open(HOST, door.port)
    try:
        return _count(await connection.exchange(door.count()))
    finally:
        close([connection])


def _count(response: Response) -> int:
    assert response.status == 200, response.body[:500]
    return int(json.loads(response.body)["count"])
