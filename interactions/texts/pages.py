"""The form of a segment's pages: words and postings as bytes, and back.

Words are sorted, in UTF-8, a line each. Postings are, for each word in that order, how many numbers there are (32 bits
each), then the distances between neighbouring numbers of all words, 16 bits each; the first of a word is counted from
the start of the block. Low and high bytes stand apart, for the high ones are nearly all zero. All little-endian,
compressed.
"""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import sub
from typing import TypeAlias
from zlib import crc32

import zstandard
from pyroaring import BitMap

from interactions.texts.queries import Lookup

# A segment lies within one block; so distances have 16 bits with room to spare.
BLOCK = 1 << 14
# About so many bytes. For a part of a word all pages are gone through, so that fewer are better; for a word, one.
PAGE_SIZE = 1 << 14
MOST_PAGES = 1 << 9

Gaps: TypeAlias = "array[int]"
NONE: Gaps = array("H")
_SWAPPED = sys.byteorder == "big"


def page_of(word: bytes) -> int:
    """Modulo the number of pages."""
    return crc32(word)


def pages_for(size: int) -> int:
    """How many pages a segment of `size` bytes gets: a power of two."""
    return min(MOST_PAGES, 1 << (size // PAGE_SIZE).bit_length())


# Compression: what does it may not be shared by threads


class _Compression(threading.local):
    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_checksum=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_own = _Compression()


# Words


def pack_words(words: Iterable[bytes]) -> bytes:
    return _own.compress(b"\n".join(words))


class Words:
    """The words of a page."""

    def __init__(self, packed: bytes) -> None:
        self._lines = b"\n" + _own.decompress(packed) + b"\n"

    def __len__(self) -> int:
        return self._lines.count(b"\n") - 1

    def all(self) -> list[bytes]:
        return self._lines[1:-1].split(b"\n")

    def holds(self, lookup: Lookup) -> bool:
        return any(needle in self._lines for needle in lookup.needles)

    def places(self, lookup: Lookup) -> list[int]:
        """Where the words stand that the lookup asks for."""
        return sorted({place for needle in lookup.needles for place in self._places(needle)})

    def _places(self, needle: bytes) -> Iterable[int]:
        lines, place, counted = self._lines, -1, 0
        found = lines.find(needle)
        while found >= 0:
            within = found + (needle[0] == 10)  # past the line break that it begins with
            place += lines.count(b"\n", counted, within)
            counted = within
            yield place
            found = lines.find(needle, lines.find(b"\n", within))


# Postings


def gaps(numbers: Sequence[int]) -> Gaps:
    """Of ascending numbers, counted from the start of their block."""
    return array("H", map(sub, numbers, (0, *numbers)))


def offsets(some: Gaps) -> list[int]:
    """The numbers again."""
    return list(accumulate(some))


def pack_postings(several: Iterable[Gaps]) -> bytes:
    """Nothing at all where no word has a number."""
    counts, joined = array("I"), array("H")
    for some in several:
        counts.append(len(some))
        joined.extend(some)
    if not joined:
        return b""
    if _SWAPPED:
        counts.byteswap()
        joined.byteswap()
    content = joined.tobytes()
    return _own.compress(b"".join((counts.tobytes(), content[::2], content[1::2])))


class Postings:
    """The numbers of each of a page's words."""

    def __init__(self, packed: bytes, words: int) -> None:
        content = _own.decompress(packed) if packed else bytes(4 * words)
        self._counts = array("I", content[: 4 * words])
        if _SWAPPED:
            self._counts.byteswap()
        size = (len(content) - 4 * words) // 2
        self._low = memoryview(content)[4 * words : 4 * words + size]
        self._high = memoryview(content)[4 * words + size :]

    def gaps(self, place: int) -> Gaps:
        return self._between(sum(self._counts[:place]), self._counts[place])

    def all(self) -> Iterable[Gaps]:
        start = 0
        for count in self._counts:
            yield self._between(start, count) if count else NONE
            start += count

    def numbers(self, places: Iterable[int], block: int) -> BitMap:
        """The numbers of the words at these places."""
        found = BitMap()
        for place in places:
            if some := self.gaps(place):
                some_numbers = array("I", accumulate(some, initial=block))
                found |= BitMap(some_numbers[1:])
        return found

    def _between(self, start: int, count: int) -> Gaps:
        pairs = bytearray(2 * count)
        pairs[::2] = self._low[start : start + count]
        pairs[1::2] = self._high[start : start + count]
        found = array("H", pairs)
        if _SWAPPED:
            found.byteswap()
        return found
