"""Where in its texts an interaction was found: a line around the first hit."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from django.db.models import F, Func
from pyroaring import BitMap

from interactions import database
from interactions.models import Interaction
from interactions.texts import words
from interactions.texts.queries import BOTH, Field, Query, Term

# Most hits are near the beginning; only where there is none, more of the text is read, and of a few all of it.
_READ = (10_000, 400_000, None)
# So many characters are read for a page at most. A row whose hit lies beyond has no excerpt.
_READ_IN_ALL = 20_000_000
_BEFORE, _LENGTH = 24, 200
_SPACES = re.compile(r"\s+")


class Piece(NamedTuple):
    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    field: Field
    pieces: list[Piece]


def excerpts(project_id: int, query: Query, numbers: Iterable[int]) -> dict[int, list[Excerpt]]:
    """For these interactions, all of which match, one of each text that holds a hit. By number."""
    found: dict[int, list[Excerpt]] = {}
    rest, budget = BitMap(numbers) if query else BitMap(), _READ_IN_ALL
    for length in _READ:
        if not rest or budget <= 0:
            break
        rows = Interaction.objects.filter(number__among=(project_id, rest), transcript__isnull=False)
        for number, *stored in database.raw_rows(
            rows.values_list("number", *(_beginning(name, length) for name in BOTH))
        ):
            said = [_text(value, length) for value in stored]
            budget -= sum(map(len, said))
            beginnings = [_Beginning(name, text, length) for name, text in zip(BOTH, said, strict=True)]
            if length is None or all(any(one.spans(term) for one in beginnings) for term in query):
                found[number] = [excerpt for one in beginnings if (excerpt := one.excerpt(query))]
                rest.discard(number)
    return found


def _beginning(name: Field, length: int | None) -> F | Func:
    column = f"transcript__{name}_text"
    return F(column) if length is None else database.beginning(column, length)


def _text(stored: database.Packed, length: int | None) -> str:
    return database.unpack(stored) if length is None else database.cut(stored, length)


class _Beginning:
    """The beginning of a text, or all of it."""

    def __init__(self, name: Field, text: str, length: int | None) -> None:
        self._name = name
        self._text = text
        self._folded = words.fold(text)
        # What reaches to where it was cut may not be a whole word.
        self._end = len(self._folded) - (len(text) == length)

    def spans(self, term: Term) -> bool:
        return next(self._spans(term), None) is not None

    def _spans(self, term: Term) -> Iterator[tuple[int, int]]:
        if self._name in term.fields:
            yield from ((start, end) for start, end in term.spans(self._folded) if end <= self._end)

    def excerpt(self, query: Query) -> Excerpt | None:
        firsts = [first for term in query if (first := next(self._spans(term), None))]
        if not firsts:
            return None
        places = _Places(self._text, self._folded)
        start = _start(self._text, places.of(min(firsts)[0]))
        end = start + _LENGTH
        marked = sorted({span for term in query for span in self._until(term, places, end)})
        pieces = [*_pieces(self._text, start, end, marked)]
        if start:
            pieces.insert(0, Piece("…", False))
        if end < len(self._text):
            pieces.append(Piece("…", False))
        return Excerpt(self._name, pieces)

    def _until(self, term: Term, places: _Places, end: int) -> Iterator[tuple[int, int]]:
        for span in self._spans(term):
            start = places.of(span[0])
            if start >= end:
                return
            yield start, places.of(span[1] - 1) + 1


class _Places:
    """Where the letters of a folded text stand in the text itself."""

    def __init__(self, text: str, folded: str) -> None:
        # No letter folds to less than one: of equal length, they stand in the same places.
        self._ends = None if len(text) == len(folded) else list(accumulate(len(words.fold(letter)) for letter in text))

    def of(self, place: int) -> int:
        return place if self._ends is None else bisect_right(self._ends, place)


def _start(text: str, hit: int) -> int:
    """A little before the hit, and not within a word if that can be had."""
    earliest = max(0, hit - _BEFORE)
    if earliest == 0:
        return 0
    space = _SPACES.search(text, earliest, hit)
    return space.end() if space else earliest


def _pieces(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> Iterator[Piece]:
    at = start
    for hit, hit_end in spans:
        if hit_end <= at or hit >= end:
            continue
        if hit > at:
            yield Piece(_line(text[at:hit]), False)
        at = min(hit_end, end)
        yield Piece(_line(text[max(hit, start) : at]), True)
    yield Piece(_line(text[at:end]), False)


def _line(text: str) -> str:
    return _SPACES.sub(" ", text)
