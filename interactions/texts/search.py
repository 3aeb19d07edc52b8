"""Which interactions have texts that match: exact, also while the index is still behind.

What is indexed is answered by the index, segment by segment; candidates that it cannot decide on are read, and so is
everything that was recorded since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from django.db.models import QuerySet
from pyroaring import BitMap

from interactions import database
from interactions.models import Interaction, OpenCall, TextPage
from interactions.texts import segments
from interactions.texts.pages import Postings, Words, page_of
from interactions.texts.queries import Field, Lookup, Query, Searched, Term
from interactions.texts.segments import Segment
from interactions.texts.transcribed import texts

_S = TypeVar("_S", bound=Searched)

_READ_AT_ONCE = 500
_PAGES_AT_ONCE = 256


class _Hits(NamedTuple):
    """What a segment holds of a query: if not `exact`, only these can match, and their texts are to be read."""

    numbers: BitMap
    exact: bool


class _Indexed(NamedTuple):
    """What the index says: `certain` match, `possible` may, and nothing is known of numbers beyond `upto`."""

    certain: BitMap
    possible: BitMap
    upto: int


# Asking


def numbers(project_id: int, part: Searched) -> BitMap:
    """Those of all that match. Takes long for phrases, and parts of sentences, made of frequent words."""
    query = part.searched
    found = BitMap()
    with database.snapshot():
        current, hits = _hits(project_id, query, None)
    for segment in current:
        here = hits[segment.id]
        if not here.exact:
            here = _Hits(_read(project_id, query, here.numbers), exact=True)
            _cache.put((segment.version, query), here)
        found |= here.numbers
    return found | _read(project_id, query, _since(project_id, _upto(current)))


def few(project_id: int, part: Searched, most: int = 20_000) -> BitMap | None:
    """The same if at most `most` texts must be read for it, else None."""
    indexed = _indexed(project_id, part.searched)
    unknown = _since(project_id, indexed.upto, most + 1)
    if len(indexed.possible) + len(unknown) > most:
        return None
    return indexed.certain | _read(project_id, part.searched, indexed.possible | unknown)


def among(project_id: int, part: Searched, some: BitMap) -> BitMap:
    """Those of `some` that match. Only segments that hold some of them are looked at."""
    if not some:
        return BitMap()
    indexed = _indexed(project_id, part.searched, some)
    doubtful = some - indexed.certain
    decided = BitMap(range(indexed.upto + 1)) - indexed.possible - _started(project_id)
    return (indexed.certain & some) | _read(project_id, part.searched, doubtful - decided)


def narrowed(project_id: int, parts: Sequence[_S]) -> tuple[BitMap | None, list[_S]]:
    """What can be told of all numbers at once without reading many texts; and the parts that it does not tell of."""
    known: BitMap | None = None
    rest = []
    for part in parts:
        matching = few(project_id, part, _READ_AT_ONCE * 4)
        if matching is None:
            rest.append(part)
        else:
            known = matching if known is None else known & matching
    return known, rest


# Reading


def _read(project_id: int, query: Query, some: BitMap) -> BitMap:
    """Those of `some` whose texts match."""
    fields: tuple[Field, ...] = tuple(dict.fromkeys(name for term in query for name in term.fields))
    read = texts(project_id, some, fields) if some else ()
    return BitMap(number for number, said in read if all(term.is_in(said) for term in query))


def _since(project_id: int, upto: int, most: int | None = None) -> BitMap:
    """Those recorded after number `upto`; the first `most`. And those that have started, which no index knows."""
    rows = Interaction.objects.filter(project=project_id, number__gt=upto).order_by("number").values_list("number")
    return BitMap([number for (number,) in database.raw_rows(rows[:most])]) | _started(project_id)


def _started(project_id: int) -> BitMap:
    rows = OpenCall.objects.filter(project=project_id).values_list("interaction__number")
    return BitMap([number for (number,) in database.raw_rows(rows)])


# The index


def _indexed(project_id: int, query: Query, some: BitMap | None = None) -> _Indexed:
    with database.snapshot():
        current, hits = _hits(project_id, query, some)
    sure = [here.numbers for here in hits.values() if here.exact]
    unsure = [here.numbers for here in hits.values() if not here.exact]
    return _Indexed(BitMap.union(BitMap(), *sure), BitMap.union(BitMap(), *unsure), _upto(current))


def _upto(current: list[Segment]) -> int:
    return current[-1].last if current else 0


def _hits(project_id: int, query: Query, some: BitMap | None) -> tuple[list[Segment], dict[int, _Hits]]:
    """The segments, and what those of them hold that hold any of `some`. Within a snapshot."""
    current = segments.live(project_id)
    wanted = [segment for segment in current if some is None or _holds(segment, some)]
    known = ((segment.id, _cache.get((segment.version, query))) for segment in wanted)
    hits = {id: here for id, here in known if here is not None}
    unknown = [segment for segment in wanted if segment.id not in hits]
    for segment, here in _looked_up(query, unknown):
        hits[segment.id] = here
        _cache.put((segment.version, query), here)
    return current, hits


def _holds(segment: Segment, some: BitMap) -> bool:
    return some.range_cardinality(segment.first, segment.last + 1) > 0


def _looked_up(query: Query, unknown: list[Segment]) -> Iterator[tuple[Segment, _Hits]]:
    found = {segment.id: BitMap(range(segment.first, segment.last + 1)) - segment.removed() for segment in unknown}
    for term in query:
        rest = [segment for segment in unknown if found[segment.id]]
        for id, matching in _matching(term, rest).items():
            found[id] &= matching
    exact = all(term.exact for term in query)
    for segment in unknown:
        here = found[segment.id]
        yield segment, _Hits(here, exact or not here)


def _matching(term: Term, wanted: list[Segment]) -> dict[int, BitMap]:
    """By segment, the numbers for which all lookups hit one field; nothing if there are no lookups."""
    holding: dict[tuple[int, Field], BitMap] = {}
    rest = wanted
    # Whole words first: they are found at once, and may leave nothing to look for.
    for lookup in sorted(term.lookups, key=lambda lookup: lookup.word is None):
        hits = _postings(lookup, rest, term.fields)
        for place in ((segment.id, name) for segment in rest for name in term.fields):
            here = hits.get(place, BitMap())
            holding[place] = holding[place] & here if place in holding else here
        rest = [segment for segment in rest if any(holding[segment.id, name] for name in term.fields)]
    if not term.lookups:
        return {}
    return {segment.id: BitMap.union(*(holding[segment.id, name] for name in term.fields)) for segment in wanted}


def _postings(lookup: Lookup, rest: list[Segment], fields: tuple[Field, ...]) -> dict[tuple[int, Field], BitMap]:
    """The numbers of all words that the lookup asks for, by segment and field."""
    found: defaultdict[tuple[int, Field], BitMap] = defaultdict(BitMap)
    blocks = {segment.id: segment.block for segment in rest}
    for rows in _pages_with(lookup.word, rest) if lookup.word else _pages_that_hold(lookup, rest):
        database.keep_to_time()
        for segment_id, packed, *postings in database.raw_rows(rows.values_list("segment_id", "words", *fields)):
            of_page = Words(bytes(packed))
            places = of_page.places(lookup)
            for name, some in zip(fields, postings if places else (), strict=False):
                here = Postings(bytes(some), len(of_page)).numbers(places, blocks[segment_id])
                found[segment_id, name] |= here
    return found


def _pages_with(word: bytes, rest: list[Segment]) -> Iterator[QuerySet[TextPage]]:
    """The pages on which this word is, if it is there at all."""
    by_pages: defaultdict[int, list[int]] = defaultdict(list)
    for segment in rest:
        by_pages[segment.pages].append(segment.id)
    for pages, ids in by_pages.items():
        yield TextPage.objects.filter(segment__in=ids, page=page_of(word) % pages)


def _pages_that_hold(lookup: Lookup, rest: list[Segment]) -> Iterator[QuerySet[TextPage]]:
    """The pages with such words, found by looking through all of them."""
    for segment in rest:
        database.keep_to_time()
        pages = TextPage.objects.filter(segment=segment.id)
        rows = database.raw_rows(pages.values_list("pk", "words"))
        holding = [pk for pk, packed in rows if Words(bytes(packed)).holds(lookup)]
        for start in range(0, len(holding), _PAGES_AT_ONCE):
            yield TextPage.objects.filter(pk__in=holding[start : start + _PAGES_AT_ONCE])


# What was found before: segments do not change, they are replaced

_MOST_KNOWN = 4_096


class _Cache:
    """The latest answers. What is returned is not to be altered."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, Query], _Hits] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: tuple[int, Query]) -> _Hits | None:
        with self._lock:
            hits = self._known.get(place)
            if hits is not None:
                self._known.move_to_end(place)
            return hits

    def put(self, place: tuple[int, Query], hits: _Hits) -> None:
        with self._lock:
            self._known[place] = hits
            self._known.move_to_end(place)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)


_cache = _Cache()
