"""Server-sent events: bytes of a stream to events, and events to bytes.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, §9.2.5 "Parsing an event stream" and §9.2.6
"Interpreting an event stream". `id` and `retry` are of use to browsers that connect again; here they stay in `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LARGEST_EVENT = 16 * 1024 * 1024
DONE = b"[DONE]"

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventTooLarge(Exception):
    """One event has more bytes than an event may have."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event, or what stands between two: the `raw` of all of them, joined, is the stream byte for byte.

    `data` is None where nothing is dispatched: a comment, say, which keeps the connection alive. `name` is that of
    the `event:` line, or empty. `is_whole` is false for what the stream ended in the middle of; the specification has
    browsers drop that, while the `openai` client reads its lines.
    """

    raw: bytes
    data: bytes | None = None
    name: str = ""
    is_whole: bool = True

    def with_data(self, data: bytes) -> bytes:
        """`raw` with other data; every byte that is not data stays as it is.

        Where the data stood on several lines, or now has line ends, its lines stand together at the place of the first.
        """
        places = [span for name, span in _fields(self.raw) if name == b"data"]
        if not places:
            return self.raw
        (start, end), *others = places
        pieces = [self.raw[:start], self._opening(start, data), b"\ndata: ".join(_LINE_END.split(data))]
        for place in others:
            pieces.append(self.raw[end : self._line_before(place[0])])
            end = place[1]
        return b"".join((*pieces, self.raw[end:]))

    def _opening(self, at: int, data: bytes) -> bytes:
        """What must stand between the name of the field and `data`, where a value stood that began at `at`."""
        if self.raw[at - 1 : at] == b" ":
            return b""
        if self.raw[at - 1 : at] == b":":
            return b" " if data.startswith(b" ") else b""
        return b": "

    def _line_before(self, at: int) -> int:
        """Where the line end before the line that holds `at` begins."""
        end = max(self.raw.rfind(b"\n", 0, at), self.raw.rfind(b"\r", 0, at))
        return end - 1 if self.raw[end - 1 : end + 1] == b"\r\n" else end


class Parser:
    """Takes a stream in chunks of any size, holds at most one event, and looks at each byte once.

    A comment before the fields of an event is given at once, since it may be all that comes for a while.
    """

    def __init__(self, largest: int = LARGEST_EVENT) -> None:
        self._largest = largest
        self._held = bytearray()
        self._line = 0  # where in `_held` the line begins that has not ended
        self._ended_in_cr = False
        self._is_at_start = True  # of the stream, where a byte order mark may be

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that end in `chunk`. Must be used up before the next. Raises `EventTooLarge` after the others."""
        searched = len(self._held)
        if self._ended_in_cr and chunk.startswith(b"\n"):  # the second half of a line end
            searched += 1
            self._line += 1
        self._ended_in_cr = chunk.endswith(b"\r") if chunk else self._ended_in_cr
        self._held += chunk
        if self._is_at_start and len(self._held) >= len(_BOM):
            self._is_at_start = False
            if self._held.startswith(_BOM):
                yield self._cut(len(_BOM))
                searched = 0
        while ending := _LINE_END.search(self._held, searched):
            start, end = ending.span()
            del ending  # it holds the bytes, which could not be cut otherwise
            is_blank = start == self._line
            is_comment = self._line <= 1 and self._held.startswith(b":", self._line)
            if not (is_blank or is_comment):
                self._line = searched = end
                continue
            if end > self._largest:
                break
            yield self._cut(end)
            searched = 0
        if len(self._held) > self._largest:
            raise EventTooLarge(f"An event of the stream has more than {self._largest:,} bytes.")

    def close(self) -> Event | None:
        """What is left when the stream ended, if anything is."""
        return self._cut(len(self._held), is_whole=False) if self._held else None

    def _cut(self, end: int, is_whole: bool = True) -> Event:
        raw = bytes(self._held[:end])
        del self._held[:end]
        self._line = 0
        self._is_at_start = False
        name, data = _interpreted(raw)
        return Event(raw, data, name, is_whole)


def _interpreted(block: bytes) -> tuple[str, bytes | None]:
    """The name and the data of the event."""
    name, data = b"", bytearray()
    for field, (start, end) in _fields(block):
        if field == b"data":
            data += block[start:end] + b"\n"
        elif field == b"event":
            name = block[start:end]
    return name.decode(errors="replace"), bytes(data[:-1]) if data else None


def _fields(block: bytes) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The fields of an event: their names, and where their values stand."""
    at = 0
    while at < len(block):
        ending = _LINE_END.search(block, at)
        end, following = ending.span() if ending else (len(block), len(block))
        colon = block.find(b":", at, end)
        value = end if colon < 0 else colon + 1
        if block[value : min(value + 1, end)] == b" ":
            value += 1
        if colon != at and end > at:
            yield block[at : end if colon < 0 else colon], (value, end)
        at = following


def event(data: bytes, name: str = "") -> bytes:
    """An event as it is sent."""
    lines = [b"data: " + line for line in _LINE_END.split(data)]
    if name:
        lines.insert(0, b"event: " + name.encode())
    return b"\n".join(lines) + b"\n\n"


def comment(text: str = "") -> bytes:
    """What no client hears, and what keeps a connection alive."""
    return b": " + b" ".join(text.encode().splitlines()) + b"\n\n"
