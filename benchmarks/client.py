"""A small HTTP/1.1 client over one kept connection: requests are bytes made beforehand, answers are barely read.

It takes some 40 µs of a core per request, a tenth of what a comfortable client does: the load runs on the same
machine as the server, and every core it takes is missing there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Response(NamedTuple):
    status: int
    head: bytes
    body: bytes

    def cookies(self) -> dict[str, str]:
        pairs = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        given = (value.partition(b";")[0].strip() for name, _, value in pairs if name.lower() == b"set-cookie")
        return {name: value for name, _, value in (one.decode().partition("=") for one in given)}

    def header(self, name: str) -> str:
        """Empty if there is none."""
        pairs = (line.decode().partition(":") for line in self.head.split(b"\r\n")[1:])
        return next((value.strip() for given, _, value in pairs if given.lower() == name.lower()), "")


def request(method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection(asyncio.Protocol):
    """One exchange at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Response] | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    @property
    def is_open(self) -> bool:
        """A server closes a connection that it has not heard of for a while."""
        return self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes) -> asyncio.Future[Response]:
        assert self._transport is not None
        if not self.is_open:
            raise ConnectionError("the server has closed the connection")
        assert self._answer is None, "the last answer has not arrived yet"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        response = _parse(self._received)
        if response is not None and self._answer is not None:
            answer, self._answer = self._answer, None
            self._received.clear()
            if not answer.done():
                answer.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))


async def connections(host: str, port: int, count: int) -> list[Connection]:
    return list(await asyncio.gather(*(Connection.open(host, port) for _ in range(count))))


def close(several: Iterable[Connection]) -> None:
    for connection in several:
        connection.close()


# Reading an answer


def _parse(received: bytearray) -> Response | None:
    """The answer, once it is there as a whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    body = _body(head, received, end + 4)
    return None if body is None else Response(int(head[9:12]), head, body)


def _body(head: bytes, received: bytearray, start: int) -> bytes | None:
    names = head.lower()
    place = names.find(b"\r\ncontent-length:")
    if place >= 0:
        length = int(names[place + 17 :].partition(b"\r\n")[0])
        return bytes(received[start : start + length]) if len(received) >= start + length else None
    if b"\r\ntransfer-encoding: chunked" in names:
        return _unchunked(bytes(received[start:])) if received.endswith(b"0\r\n\r\n") else None
    return b""


def _unchunked(rest: bytes) -> bytes:
    parts = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        parts.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(parts)
