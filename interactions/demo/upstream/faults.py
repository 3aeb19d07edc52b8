"""What goes wrong on demand: `[fault: half]` or `[slow: 50ms]` in the last message of the user, or in a header."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from enum import Enum
from itertools import repeat
from typing import NamedTuple

from interactions.demo.upstream.answers import DIRECTIVE
from interactions.demo.upstream.forms import Piece, event

HEADER = "x-demo"

# A status, such as 429, is a fault too.
FAULTS = {
    "refuse": "the connection is reset",
    "silence": "nothing comes, not even a header",
    "html": "status 500 with a page instead of JSON",
    "redirect": "to another path",
    "content-type": "text/plain",
    "gzip": "packed, though nobody asked for that",
    "error": "an error in the middle of the stream",
    "badjson": "something in the middle that is no JSON",
    "half": "the connection ends within a chunk",
    "drop": "the connection ends after half of the chunks",
    "stall": "nothing more comes after half of the chunks",
    "endless": "it never ends",
    "huge": "the whole answer is one chunk of 20 MB",
    "done-twice": "[DONE], and then again",
}
HUGE = 20_000_000


class Wanted(NamedTuple):
    """`is_once`: every other request of the same kind is answered well, as it is after a retry."""

    fault: str = ""
    is_once: bool = False
    delay: float = 0.0


class Act(Enum):
    """What a connection does instead of sending something."""

    HANG_UP = "hang up"
    WAIT = "wait"


def wanted(text: str) -> Wanted:
    """What a text asks for, such as `[fault: 429 once] [slow: 50ms]`. An unknown fault is none."""
    found = {name: value.strip().lower() for name, value in DIRECTIVE.findall(text)}
    fault, _, more = found.get("fault", "").partition(" ")
    is_known = fault in FAULTS or re.fullmatch(r"[45]\d\d", fault)
    slow = re.fullmatch(r"(\d{1,6})(ms|s)", found.get("slow", ""))
    delay = int(slow[1]) / (1000 if slow[2] == "ms" else 1) if slow else 0.0
    return Wanted(fault if is_known else "", more.strip() == "once", delay)


def spoilt(fault: str, pieces: list[Piece], is_stream: bool) -> Iterator[Piece | Act]:
    """What is sent of the pieces of an answer when that goes wrong."""
    if not is_stream:  # a body, which is one piece
        yield from _spoilt_body(fault, pieces[0])
        return
    middle = len(pieces) // 2
    before, after = pieces[:middle], pieces[middle:]
    if fault == "half":
        yield from (*before, _half(after[0]))
        yield Act.HANG_UP
    elif fault in ("drop", "stall"):
        yield from before
        yield Act.HANG_UP if fault == "drop" else Act.WAIT
    elif fault == "badjson":
        yield from (*before, Piece(b'data: {"choices": [{"delta": {"content": "oo\n\n'), *after)
    elif fault == "error":
        yield from (*before, Piece(event({"error": {"message": "The demo fails on demand.", "type": "server_error"}})))
    elif fault == "endless":
        yield pieces[0]
        yield from repeat(pieces[1])
    elif fault == "done-twice":
        yield from (*pieces, pieces[-1])
    else:
        yield from pieces


def _spoilt_body(fault: str, body: Piece) -> Iterator[Piece | Act]:
    if fault in ("half", "drop", "stall"):
        yield _half(body)
        yield Act.WAIT if fault == "stall" else Act.HANG_UP
    elif fault == "badjson":
        yield _half(body)
    elif fault == "endless":
        yield _half(body)
        yield from repeat(Piece(b" " * 1000))
    else:
        yield body


def _half(piece: Piece) -> Piece:
    return Piece(piece.data[: len(piece.data) // 2])


def packed(pieces: Iterator[Piece | Act]) -> Iterator[Piece | Act]:
    """With gzip, each so that it can be unpacked when it is there."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield (
            piece
            if isinstance(piece, Act)
            else Piece(packer.compress(piece.data) + packer.flush(zlib.Z_SYNC_FLUSH), piece.text)
        )
    yield Piece(packer.flush())
