"""The HTTP of it, by hand: a framework would not break off in the middle of a chunk."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from interactions.demo.upstream import answers, faults, forms
from interactions.demo.upstream.faults import Act, Wanted
from interactions.demo.upstream.forms import Piece

HOST = "127.0.0.1"
_LARGEST_BODY = 200_000_000
_REMEMBERED = 100_000
_LONGEST_TEXT = 5_000


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Entry:
    """What the server knows of a call it answered: `asked` is what the user said last, `text` what it sent of the
    answer's, or the beginnings of both."""

    path: str
    asked: str = ""
    model: Any = None
    fault: str = ""
    text: str = ""
    length: int = 0
    is_complete: bool = False

    def add(self, text: str) -> None:
        self.length += len(text)
        if len(self.text) < _LONGEST_TEXT:
            self.text += text[:_LONGEST_TEXT]


@dataclass
class Upstream:
    """What is remembered between requests. `ledger` has the last calls, oldest first; `GET /ledger` shows it."""

    ledger: deque[Entry] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _failed: set[bytes] = field(default_factory=set)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which may bring several requests."""
        try:
            while (request := await _read(reader)) and await self._answer(request, reader, writer):
                pass
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the caller hung up, or does not speak HTTP
        finally:
            writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Returns whether the connection stays open."""
        if request.method == "GET":
            writer.write(self._shown(request.path))
            return True
        asked = _object(request.body)
        if asked is None or request.path not in _APIS:
            writer.write(_error(404 if asked is not None else 400))
            return True
        messages = _messages(asked)
        said = answers.text_of(answers.last_user_message(messages))
        wanted = self._still(faults.wanted(request.headers.get(faults.HEADER, "") + said), request.body)
        entry = Entry(request.path, said[:_LONGEST_TEXT], asked.get("model"), wanted.fault)
        self.ledger.append(entry)
        await asyncio.sleep(wanted.delay)
        if wanted.fault == "refuse":
            writer.transport.abort()
            return False
        if wanted.fault == "silence":
            await reader.read()
            return False
        if refusal := _refusal(wanted.fault):
            writer.write(refusal)
            return True
        try:
            pieces, is_stream = _pieces(request, asked, messages, wanted.fault)
        except (AttributeError, KeyError, TypeError, ValueError):
            writer.write(_error(400))
            return True
        return await _Sending(reader, writer, entry, wanted).send(pieces, is_stream)

    def _shown(self, path: str) -> bytes:
        if path == "/ledger":
            return _plain([asdict(entry) for entry in self.ledger])
        return _plain(forms.models()) if path == "/v1/models" else _error(404)

    def _still(self, wanted: Wanted, body: bytes) -> Wanted:
        """Without the fault, if that is wanted once and this request failed already."""
        if not (wanted.fault and wanted.is_once):
            return wanted
        seen = hashlib.sha256(body).digest()
        if seen in self._failed:
            self._failed.remove(seen)
            return wanted._replace(fault="")
        self._failed.add(seen)
        return wanted


@dataclass
class _Sending:
    """An answer on its way."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    entry: Entry
    wanted: Wanted

    async def send(self, pieces: list[Piece], is_stream: bool) -> bool:
        """Returns whether the connection stays open."""
        fault = self.wanted.fault
        kind = "text/event-stream" if is_stream else "application/json"
        more = {"Content-Encoding": "gzip"} if fault == "gzip" else {}
        self.writer.write(_head(200, "text/plain" if fault == "content-type" else kind, more))
        sent = faults.spoilt(fault, pieces, is_stream)
        return await self._send(faults.packed(sent) if fault == "gzip" else sent)

    async def _send(self, pieces: Iterator[Piece | Act]) -> bool:
        for piece in pieces:
            if piece is Act.WAIT:
                await self.reader.read()
            if isinstance(piece, Act):
                return False
            if piece.data:
                self.writer.write(b"%x\r\n%b\r\n" % (len(piece.data), piece.data))
            await self.writer.drain()
            self.entry.add(piece.text)
            await asyncio.sleep(self.wanted.delay)
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        self.entry.is_complete = True
        return True


_APIS = {
    "/v1/chat/completions": forms.chat,
    "/v1/completions": forms.completion,
    "/v1/embeddings": lambda asked, uid, given: forms.embeddings(asked),
    "/v1/responses": forms.response,
}
_STREAMS = {
    "/v1/chat/completions": forms.chat_chunks,
    "/v1/completions": forms.completion_chunks,
    "/v1/responses": forms.response_events,
}


def _pieces(request: Request, asked: dict[str, Any], messages: list[Any], fault: str) -> tuple[list[Piece], bool]:
    """What is to be sent, and whether as a stream."""
    given = answers.answer(asked, messages)
    if fault == "huge":
        given.pieces = ["x" * faults.HUGE]
    uid = hashlib.sha256(request.body).hexdigest()[:24]
    if asked.get("stream") and (stream := _STREAMS.get(request.path)):
        return [*stream(asked, uid, given)], True
    body = json.dumps(_APIS[request.path](asked, uid, given), ensure_ascii=False)
    return [Piece(body.encode(), given.text)], False


def _messages(asked: dict[str, Any]) -> list[Any]:
    """Of any API, as messages."""
    given = asked.get("messages", asked.get("input", asked.get("prompt")))
    if isinstance(given, list) and all(isinstance(one, dict) for one in given):
        return given
    return [{"role": "user", "content": given if isinstance(given, str) else json.dumps(given)}]


def _refusal(fault: str) -> bytes:
    """Instead of an answer."""
    if fault.isdecimal():
        return _error(int(fault))
    if fault == "html":
        return _body(500, "text/html", b"<html><h1>Internal Server Error</h1></html>")
    if fault == "redirect":
        return _body(307, "text/plain", b"", {"Location": "/elsewhere"})
    return b""


# HTTP


async def start(port: int = 0) -> asyncio.Server:
    """The server, which listens. Port 0 is one that is free."""
    return await asyncio.start_server(Upstream().converse, HOST, port)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request; none where the caller has no more. Raises ValueError for what is no HTTP."""
    if not (opening := await reader.readline()):
        return None
    method, target, _ = opening.decode("latin-1").split()
    headers = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _LARGEST_BODY:
        raise ValueError(length)
    is_chunked = "chunked" in headers.get("transfer-encoding", "")
    body = await _read_chunks(reader) if is_chunked else await reader.readexactly(length)
    return Request(method, target.partition("?")[0], headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int(await reader.readline(), 16):
        if len(body) + size > _LARGEST_BODY:
            raise ValueError(size)
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> bytes:
    return _body(200, "application/json", json.dumps(value).encode())


def _error(status: int) -> bytes:
    told = {"message": f"The demo answers {status}.", "type": "demo_error", "param": None, "code": str(status)}
    wait = {"Retry-After": "1", "Retry-After-Ms": "20"} if status == 429 else {}
    return _body(status, "application/json", json.dumps({"error": told}).encode(), wait)


def _body(status: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> bytes:
    return _head(status, kind, {"Content-Length": str(len(body))} | (more or {})) + body


def _head(status: int, kind: str, more: dict[str, str]) -> bytes:
    """Of a body in chunks, if no length is given."""
    framing = {} if "Content-Length" in more else {"Transfer-Encoding": "chunked"}
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Demo"
    lines = [f"{name}: {value}" for name, value in ({"Content-Type": kind} | framing | more).items()]
    return "\r\n".join([f"HTTP/1.1 {status} {phrase}", *lines, "", ""]).encode("latin-1")
