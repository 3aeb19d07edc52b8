"""Calls on a clock, streams that stay open, and calls one after another."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.client import Connection, Response, close, connections, request
from benchmarks.processes import HOST

RATE = 150
# So long a call may take before the measure is broken off.
SECONDS_AT_MOST = 60
_AT_ONCE = 8

PROMPT = "Where is my order 4711? I have been waiting for it for three weeks, and nobody answers my mails. " * 3


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go: `model` is what a request calls the model there; `pid` that of the server, to see its memory."""

    name: str
    port: int
    path: str
    model: str
    secret: str = "none"  # noqa: S105 - what needs none
    pid: int = 0

    def call(self, text: str = PROMPT, *, is_stream: bool = False) -> bytes:
        body = {"model": self.model, "messages": [{"role": "user", "content": text}], "stream": is_stream}
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        return request("POST", self.path, headers, json.dumps(body, separators=(",", ":")).encode())


# On a clock


@dataclass(slots=True)
class _Clocked:
    target: Target
    free: list[Connection]
    opened: list[Connection] = field(init=False)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.opened = list(self.free)

    async def send(self, body: bytes, due: float) -> None:
        connection = await self._connection()
        async with asyncio.timeout(SECONDS_AT_MOST):
            _check(await connection.exchange(body))
        self.latencies.append(time.perf_counter() - due)
        self.free.append(connection)

    async def _connection(self) -> Connection:
        while self.free:
            if (connection := self.free.pop()).is_open:
                return connection
        self.opened.append(connection := await Connection.open(HOST, self.target.port))
        return connection


async def on_a_clock(target: Target, seconds: float, rate: int = RATE) -> Sequence[float]:
    """Latencies in seconds. Each counts from the moment at which the clock would have the call sent, answered or not
    those before it."""
    run, body = _Clocked(target, await connections(HOST, target.port, _AT_ONCE)), target.call()
    start = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(seconds * rate)):
                due = start + number / rate
                await asyncio.sleep(due - time.perf_counter())
                tasks.create_task(run.send(body, due))
    finally:
        close(run.opened)
    return run.latencies


def _check(response: Response) -> None:
    if response.status != 200 or b'"choices"' not in response.body:
        raise RuntimeError(f"A call was answered with {response.status}: {response.body[:500]!r}")


# One after another


async def in_a_row(target: Target, count: int, at_once: int = _AT_ONCE) -> float:
    """Seconds for so many calls."""
    opened, remaining, body = await connections(HOST, target.port, at_once), iter(range(count)), target.call()

    async def work(connection: Connection) -> None:
        for _ in remaining:
            _check(await connection.exchange(body))

    start = time.perf_counter()
    try:
        await asyncio.gather(*map(work, opened))
    finally:
        close(opened)
    return time.perf_counter() - start


# Streams


class Streams(NamedTuple):
    """`whole`: how many came to their end."""

    whole: int
    seconds: float


async def streams(target: Target, count: int, tokens: int, pause: float) -> Streams:
    """So many at once, each of `tokens` events."""
    start = time.perf_counter()
    body = target.call(f"tokens={tokens} pause={pause}", is_stream=True)
    ended = await asyncio.gather(*(_stream(target, body) for _ in range(count)))
    return Streams(sum(ended), time.perf_counter() - start)


async def _stream(target: Target, body: bytes) -> bool:
    reader, writer = await asyncio.open_connection(HOST, target.port)
    try:
        writer.write(body)
        ending = b""
        while piece := await reader.read(65_536):
            ending = (ending + piece)[-64:]
            if b"[DONE]" in ending:
                return True
        return False
    finally:
        writer.close()
