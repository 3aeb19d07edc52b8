"""Segments in the store: made from texts, made from other segments, and what is removed from them."""

from __future__ import annotations

import secrets
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F
from pyroaring import BitMap

from interactions import database
from interactions.models import TextIndex, TextPage, TextSegment
from interactions.texts import words
from interactions.texts.pages import (
    BLOCK,
    Gaps,
    Postings,
    Words,
    gaps,
    offsets,
    pack_postings,
    pack_words,
    page_of,
    pages_for,
)
from interactions.texts.transcribed import texts

# Called often while something is made that takes long, so that other threads get their turn.
Pause = Callable[[], None]
# So many bytes are written in one transaction, so that no writer waits for long.
_BYTES_AT_ONCE = 1_000_000
_PAGES_AT_ONCE = 16
_WORDS_BETWEEN_PAUSES = 64
# So many characters are indexed at once: the work of some seconds.
_LENGTH_AT_ONCE = 50_000_000


class Overtaken(Exception):
    """Someone else changed the same part of the index meanwhile. Nothing was changed."""


class Segment(NamedTuple):
    """A live segment, as it is now."""

    id: int
    first: int
    last: int
    documents: int
    size: int
    pages: int
    version: int
    gone: bytes

    @property
    def block(self) -> int:
        """Where the block begins in which all of its numbers lie."""
        return self.first & -BLOCK

    def removed(self) -> BitMap:
        return BitMap.deserialize(self.gone) if self.gone else BitMap()


def live(project_id: int) -> list[Segment]:
    """In the order of their numbers. What comes after the last one is not indexed."""
    rows = TextSegment.objects.filter(project=project_id, live=True).order_by("first").values_list(*Segment._fields)
    return [Segment._make((*row[:-1], bytes(row[-1]))) for row in database.raw_rows(rows)]


# Made

_Page = tuple[int, bytes, bytes, bytes]
_Entry = tuple[bytes, Gaps, Gaps]


@dataclass(slots=True)
class Made:
    """A segment that is not in the store yet, page by page."""

    first: int
    last: int
    documents: int
    size: int
    pages: int
    content: Iterable[_Page]
    # Those that are left out of it already.
    without: BitMap
    # Characters of the texts that were read for it.
    read: int = 0


def from_texts(project_id: int, first: int, last: int, pause: Pause) -> Made:
    """The words of those that have a number from `first` to `last`, which lie within one block: of all, unless their
    texts are very long. Who has only started will have another number when it ends."""
    prompt: defaultdict[str, list[int]] = defaultdict(list)
    completion: defaultdict[str, list[int]] = defaultdict(list)
    documents, length, within = 0, 0, BLOCK - 1
    for number, said in texts(project_id, BitMap(range(first, last + 1)), ended=True):
        documents += 1
        length += len(said.prompt) + len(said.completion)
        for field, folded in ((prompt, said.prompt), (completion, said.completion)):
            for word in words.distinct(folded):
                field[word].append(number & within)
            pause()
        if length > _LENGTH_AT_ONCE:
            last = number
            break
    size = sum(map(len, chain(prompt.values(), completion.values()))) + 8 * len(prompt.keys() | completion.keys())
    pages = pages_for(size)
    entries = (
        (word.encode(), gaps(prompt.get(word, ())), gaps(completion.get(word, ())))
        for word in prompt.keys() | completion.keys()
    )
    return Made(first, last, documents, size, pages, _pages(entries, pages, pause), BitMap(), length)


def from_segments(sources: list[Segment], pause: Pause) -> Made:
    """The same words as in `sources`, which follow one another within a block, without what is gone."""
    size = sum(source.size for source in sources)
    pages = max(pages_for(size), *(source.pages for source in sources))
    without = BitMap.union(*(source.removed() for source in sources))
    parts = max(1, pages // _PAGES_AT_ONCE)
    opened = [_Source(source, parts) for source in sources]
    content = chain.from_iterable(
        _pages(_united([source.part(part) for source in opened], pause), pages, pause) for part in range(parts)
    )
    documents = sum(source.documents for source in sources)
    return Made(sources[0].first, sources[-1].last, documents, size, pages, content, without)


def _pages(entries: Iterable[_Entry], pages: int, pause: Pause) -> Iterator[_Page]:
    by_page: defaultdict[int, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_page[page_of(entry[0]) % pages].append(entry)
    for page in sorted(by_page):
        pause()
        found = sorted(by_page.pop(page), key=lambda entry: entry[0])
        of_page, prompt, completion = zip(*found, strict=True)
        yield page, pack_words(of_page), pack_postings(prompt), pack_postings(completion)


class _Source:
    """A segment that is read part by part; a small one at once."""

    def __init__(self, segment: Segment, parts: int) -> None:
        self._segment = segment
        self._parts = parts
        self._gone = {number - segment.block for number in segment.removed()}
        self._small: defaultdict[int, list[_Entry]] | None = None

    def part(self, part: int) -> Iterable[_Entry]:
        """The words whose page is `part`, modulo the number of parts."""
        if self._segment.pages >= self._parts:
            return self._entries(range(part, self._segment.pages, self._parts))
        if self._small is None:
            self._small = defaultdict(list)
            for entry in self._entries(range(self._segment.pages)):
                self._small[page_of(entry[0]) % self._parts].append(entry)
        return self._small.pop(part, ())

    def _entries(self, pages: Iterable[int]) -> Iterator[_Entry]:
        rows = TextPage.objects.filter(segment=self._segment.id, page__in=list(pages))
        for packed, *postings in database.raw_rows(rows.values_list("words", "prompt", "completion")):
            of_page = Words(bytes(packed)).all()
            prompt, completion = (Postings(bytes(some), len(of_page)).all() for some in postings)
            for word, in_prompt, in_completion in zip(of_page, prompt, completion, strict=True):
                yield word, self._remaining(in_prompt), self._remaining(in_completion)

    def _remaining(self, some: Gaps) -> Gaps:
        if not self._gone or self._gone.isdisjoint(numbers := offsets(some)):
            return some
        return gaps([number for number in numbers if number not in self._gone])


def _united(sources: list[Iterable[_Entry]], pause: Pause) -> Iterator[_Entry]:
    """Each word once, with its numbers from all sources, which are in the order of their numbers."""
    found: dict[bytes, tuple[_Growing, _Growing]] = {}
    for count, (word, prompt, completion) in enumerate(chain.from_iterable(sources)):
        if count % _WORDS_BETWEEN_PAUSES == 0:
            pause()
        growing = found.get(word)
        if growing is None:
            growing = found[word] = (_Growing(), _Growing())
        growing[0].add(prompt)
        growing[1].add(completion)
    for word, (in_prompt, in_completion) in found.items():
        if in_prompt.gaps or in_completion.gaps:
            yield word, in_prompt.gaps, in_completion.gaps


class _Growing:
    """Postings that others are appended to, without looking at each number."""

    __slots__ = ("_last", "gaps")

    def __init__(self) -> None:
        self.gaps: Gaps = array("H")
        self._last = 0

    def add(self, some: Gaps) -> None:
        if some:
            start = len(self.gaps)
            self.gaps.extend(some)
            self.gaps[start] -= self._last
            self._last = sum(some)


# Put into the store


def add(project_id: int, made: Made, epoch: int) -> None:
    """Index what comes next. `epoch` is the one before the texts were read. Raises `Overtaken`."""

    def check() -> None:
        is_next = made.first == indexed_upto(project_id) + 1
        if not is_next or _lock(project_id) != epoch:
            raise Overtaken

    _put(project_id, made, [], check)


def replace(project_id: int, sources: list[Segment], made: Made) -> None:
    """Put `made` in the place of `sources`. Raises `Overtaken`."""
    _put(project_id, made, sources, lambda: None)


def indexed_upto(project_id: int) -> int:
    last = TextSegment.objects.filter(project=project_id, live=True).order_by("-first").values_list("last", flat=True)
    return last.first() or 0


def epoch(project_id: int) -> int:
    return TextIndex.objects.filter(project=project_id).values_list("epoch", flat=True).first() or 0


def _put(project_id: int, made: Made, sources: list[Segment], check: Callable[[], None]) -> None:
    """Write the pages, in several transactions if they are many; with the last of them the segment goes live."""
    target = TextSegment(
        project_id=project_id,
        first=made.first,
        last=made.last,
        documents=made.documents,
        size=0,
        pages=made.pages,
        version=secrets.randbits(62),
        gone=b"",
    )
    try:
        waiting: list[_Page] = []
        for page in made.content:
            waiting.append(page)
            if sum(map(_size, waiting)) > _BYTES_AT_ONCE:
                with transaction.atomic():
                    _write(target, waiting)
                waiting = []
        with transaction.atomic():
            _lock(project_id)
            check()
            target.gone = _take_away(sources, made.without)
            target.live = True
            _write(target, waiting)
            target.save()
    except database.Refused:  # another process thought that this one had died
        raise Overtaken from None


def _size(page: _Page) -> int:
    return 64 + sum(map(len, page[1:]))


def _write(target: TextSegment, pages: list[_Page]) -> None:
    if target._state.adding:
        target.save()
    target.size += sum(map(_size, pages))
    columns = ("segment", "page", "words", "prompt", "completion")
    database.insert_rows(TextPage, columns, [(target.pk, *page) for page in pages])


def _take_away(sources: list[Segment], without: BitMap) -> bytes:
    """Delete them. Returns what was removed from them since they were read."""
    ids = [source.id for source in sources]
    gone = [bytes(row) for row in TextSegment.objects.filter(pk__in=ids, live=True).values_list("gone", flat=True)]
    if len(gone) < len(ids):
        raise Overtaken
    _delete(ids)
    rest = BitMap.union(BitMap(), *(BitMap.deserialize(some) for some in gone if some)) - without
    return rest.serialize() if rest else b""


def _delete(ids: list[int]) -> None:
    for rows in (TextPage.objects.filter(segment__in=ids), TextSegment.objects.filter(pk__in=ids)):
        rows._raw_delete(rows.db)


def _lock(project_id: int) -> int:
    """Until the transaction ends nobody else changes the project's live segments. Returns the epoch."""
    table = connection.ops.quote_name(TextIndex._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (project_id, worker, epoch) VALUES (%s, '', 0) "  # noqa: S608
            f"ON CONFLICT (project_id) DO UPDATE SET epoch = {table}.epoch RETURNING epoch",
            [project_id],
        )
        return int(cursor.fetchone()[0])


def discard_unfinished(project_id: int) -> None:
    """What a process that ended left behind. One that only seemed to have ended will be refused."""
    unfinished = list(TextSegment.objects.filter(project=project_id, live=False).values_list("pk", flat=True))
    if unfinished:
        with transaction.atomic():
            _delete(unfinished)


# Removed


def forget(project_id: int, numbers: Iterable[int]) -> None:
    """The texts of these interactions are being removed, in this transaction of the caller's.

    From its end on no search finds them; the words themselves are taken out of the pages right after, by `tidy`.
    """
    removed = BitMap(numbers)
    if not removed:
        return
    _lock(project_id)
    segments = live(project_id)
    for segment in segments:
        here = removed & BitMap(range(segment.first, segment.last + 1))
        if here:
            TextSegment.objects.filter(pk=segment.id).update(
                gone=(segment.removed() | here).serialize(), version=secrets.randbits(62)
            )
    if removed.max() > (segments[-1].last if segments else 0):
        # Someone may have read them just now, to index them.
        TextIndex.objects.filter(project=project_id).update(epoch=F("epoch") + 1)
