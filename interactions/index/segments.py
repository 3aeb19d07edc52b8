"""The sets of one block of numbers as bytes, and back."""

from __future__ import annotations

from typing import Any

import zstandard
from pydantic_core import from_json, to_json
from pyroaring import BitMap

from interactions.index.postings import Dimension, Postings, Value, Values

# A segment written in another form is read anew from the rows.
FORM = 2
BLOCK_SIZE = 1 << 16


class UnknownForm(ValueError):
    """Not a segment of this version of the program."""


def of_block(block: int) -> BitMap:
    """The numbers of a block."""
    return BitMap(range(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE))


def write(postings: Postings) -> bytes:
    """A head in JSON, which lists dimensions and values with the sizes of their sets; then the sets."""
    sets: list[bytes] = [postings.all.serialize()]
    dimensions = [
        [
            *dimension,
            values.complete,
            values.ranged,
            [[value, _append(sets, held)] for value, held in values.held.items()],
        ]
        for dimension, values in postings.dimensions.items()
    ]
    head = to_json({"form": FORM, "all": len(sets[0]), "dimensions": dimensions})
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(
        b"".join([len(head).to_bytes(4), head, *sets])
    )


def _append(sets: list[bytes], held: BitMap) -> int:
    sets.append(held.serialize())
    return len(sets[-1])


def read(content: bytes) -> Postings:
    """Raises `UnknownForm`."""
    try:
        return _Reader(zstandard.ZstdDecompressor().decompress(content)).postings()
    except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        raise UnknownForm(str(error)) from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        size = int.from_bytes(content[:4])
        self._head: dict[str, Any] = from_json(content[4 : 4 + size])
        self._rest = memoryview(content)[4 + size :]
        if self._head["form"] != FORM:
            raise UnknownForm

    def postings(self) -> Postings:
        postings = Postings()
        postings.all = self._next(self._head["all"])
        for name, key_id, complete, ranged, sizes in self._head["dimensions"]:
            dimension: Dimension = (name, key_id)
            held: dict[Value, BitMap] = {value: self._next(size) for value, size in sizes}
            if name == "score":  # JSON writes 1.0 as a number like any other
                held = {float(value): bitmap for value, bitmap in held.items()}
            postings.dimensions[dimension] = Values(held, complete, ranged)
        return postings

    def _next(self, size: int) -> BitMap:
        part, self._rest = self._rest[:size], self._rest[size:]
        return BitMap.deserialize(bytes(part))
