"""Much in one request: all interactions in one file, and interactions as large as they may be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any, NamedTuple

from benchmarks.client import Connection, close, request
from benchmarks.corpus import PROJECT, SHORT, Corpus
from benchmarks.load import Door
from benchmarks.pages import TAB, Reader
from benchmarks.pictures import Pictures, picture, uri
from benchmarks.processes import HOST

MOST_ROWS, MOST_SECONDS = 1_000_000, 120.0
LARGE, _BYTES_PER_PIECE = 60_000_000, 71
TEXT = "a long text"
# What the server accepts at most, but for a few bytes: 20 MB and 40 megapixels.
_WIDTH, _HEIGHT, _SIZE = 8_000, 5_000, 20_000_000


class Exported(NamedTuple):
    """`is_whole`: not broken off because it took too long, or was enough."""

    rows: int
    bytes: int
    seconds: float
    is_whole: bool

    def __str__(self) -> str:
        return f"{'all' if self.is_whole else 'the first'} {self.rows:,} rows, {self.bytes / 1e6:,.0f} MB"


async def export(door: Door, reader: Reader) -> Exported:
    """The tab's file of all interactions, as JSON lines with the images in them."""
    answer, writer = await asyncio.open_connection(HOST, door.port)
    rows, size, start = 0, 0, time.perf_counter()
    try:
        writer.write(reader.asked(f"{TAB}.jsonl"))
        head = await answer.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        async for chunk in _chunks(answer):
            rows, size = rows + chunk.count(b"\n"), size + len(chunk)
            if rows >= MOST_ROWS or time.perf_counter() - start > MOST_SECONDS:
                return Exported(rows, size, time.perf_counter() - start, is_whole=False)
        return Exported(rows, size, time.perf_counter() - start, is_whole=True)
    finally:
        writer.close()


async def _chunks(answer: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while length := int(await answer.readline(), 16):
        yield await answer.readexactly(length)
        await answer.readline()


# Large interactions


class Sent(NamedTuple):
    """A request of so many bytes, and its answer. `id` is empty if it was refused."""

    bytes: int
    status: int
    seconds: float
    id: str

    @property
    def shown(self) -> str:
        return f"{self.seconds:.1f}" if self.id else f"refused with {self.status}"

    def numbers(self) -> dict[str, float]:
        return {"seconds": self.seconds, "bytes": self.bytes, "status": self.status}


async def send(door: Door, body: dict[str, Any]) -> Sent:
    connection = await Connection.open(HOST, door.port)
    try:
        asked = request("POST", "/api/v1/interactions", door.headers, json.dumps(body).encode())
        start = time.perf_counter()
        answer = await connection.exchange(asked)
        seconds = time.perf_counter() - start
    finally:
        close([connection])
    id = json.loads(answer.body)["completion_id"] if answer.status == 201 else ""
    return Sent(len(asked), answer.status, seconds, id)


async def remove(door: Door, sent: list[Sent]) -> None:
    connection = await Connection.open(HOST, door.port)
    try:
        for one in sent:
            if one.id:
                await connection.exchange(request("DELETE", f"/api/v1/interactions/{one.id}", door.headers))
    finally:
        close([connection])


def large() -> Iterator[tuple[str, dict[str, Any]]]:
    """Interactions of about 60 MB each; the one that takes most memory comes last, for not all of it is given back."""
    pieces = LARGE // _BYTES_PER_PIECE
    yield TEXT, next(Corpus(seed=7, length=SHORT._replace(completion=(pieces, pieces))).present(1))
    pictures, rng = Pictures(distinct=True), Random(0)
    drawn: list[str] = []
    while sum(map(len, drawn)) < LARGE:
        drawn.append(pictures.draw(rng))
    yield f"{len(drawn)} images", _showing(drawn)
    yield "2 images as large as they may be", _showing([uri(picture(_WIDTH, _HEIGHT, _SIZE)) for _ in range(2)])


def _showing(drawn: list[str]) -> dict[str, Any]:
    content = [{"type": "image_url", "image_url": {"url": url}} for url in drawn]
    return {"project": PROJECT, "messages": [{"role": "user", "content": content}], "completion": "Done."}
