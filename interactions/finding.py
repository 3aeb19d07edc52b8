"""Which interactions match a condition: how many, which are the newest, and all of them.

The index answers as soon as there is one; until then the store does, more slowly, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

from pyroaring import BitMap

from interactions import ids, texts
from interactions.conditions import All, Condition, OnTexts
from interactions.index import Index, current
from interactions.index.queries import hour_of, start_of
from interactions.models import Interaction, Project
from interactions.querysets import InteractionQuerySet

_T = TypeVar("_T")

# An hour with more matches than this is dense.
DENSE = 200
# What it costs to look one interaction up by its number, in rows read along the list.
_LOOKUP = 3
_READ_AT_ONCE = 2_000
# Texts are looked through some at a time, first a few, then more.
_WINDOW, _LARGEST_WINDOW = 500, 4_000


@dataclass(frozen=True, slots=True)
class Matches:
    """The interactions of `project` that match `condition`, as they are when they are asked for."""

    project: Project
    condition: Condition

    def count(self) -> int:
        return self._answer(len, lambda: self._rows().count())

    def numbers(self) -> BitMap:
        """The numbers of all."""
        return self._answer(BitMap, lambda: BitMap(self._rows().values_list("number", flat=True).iterator()))

    def newest(self, most: int, older_than: UUID | None = None) -> list[UUID]:
        """The ids of up to `most`, newest first."""
        return self._next(most, _Way(older_than, upwards=False))

    def oldest(self, most: int, newer_than: UUID | None = None) -> list[UUID]:
        """The ids of up to `most`, oldest first."""
        return self._next(most, _Way(newer_than, upwards=True))

    def _next(self, most: int, way: _Way) -> list[UUID]:
        parts = All((self.condition,)).flat()
        if not parts:
            return way.first(Interaction.objects.for_project(self.project), most)
        on_texts = [part for part in parts if isinstance(part, OnTexts)]
        if on_texts:
            others = All(tuple(part for part in parts if not isinstance(part, OnTexts)))
            return _Search(self.project, others, on_texts, way).first(most)
        search_texts(self.project, self.condition)
        with current(self.project) as index:
            if index is None:
                return self._stored(parts, most, way)
            return _Walk(self.project, index, self.condition.numbers(self.project, index), way).first(most)

    def _stored(self, parts: Sequence[Condition], most: int, way: _Way) -> list[UUID]:
        if any(part.is_looked_up for part in parts):  # else the store might read along the list for them
            return way.sorted(self._rows().values_list("id", flat=True), most)
        return way.first(self._rows(), most)

    def _answer(self, by_index: Callable[[BitMap], _T], by_store: Callable[[], _T]) -> _T:
        search_texts(self.project, self.condition)
        with current(self.project) as index:
            return by_store() if index is None else by_index(self.condition.numbers(self.project, index))

    def _rows(self) -> InteractionQuerySet:
        return Interaction.objects.matching(self.project, self.condition)


def search_texts(project: Project, condition: Condition) -> None:
    """Make sure that what `condition` asks of texts is known, so that its `numbers` are quickly told."""
    for leaf in condition.leaves():
        if isinstance(leaf, OnTexts):
            texts.numbers(project.pk, leaf)


def find(project: Project, condition: Condition) -> Matches:
    return Matches(project, condition)


def by_number(project: Project, numbers: BitMap, at_once: int) -> Iterator[list[Interaction]]:
    """The interactions with these numbers, with everything, as far as they exist; some at a time, in their order."""
    remaining = iter(numbers)
    while some := list(islice(remaining, at_once)):
        found = Interaction.objects.filter(number__among=(project.pk, some))
        yield sorted(found.with_everything(), key=lambda interaction: interaction.number)


class _Way(NamedTuple):
    """Along the list from `bound`, which is left out itself: towards the newer ones if `upwards`, else the older."""

    bound: UUID | None
    upwards: bool

    def first(self, rows: InteractionQuerySet, most: int) -> list[UUID]:
        return list(self.along(rows).values_list("id", flat=True)[:most])

    def sorted(self, found: Iterable[UUID], most: int) -> list[UUID]:
        """The first `most` of `found` that lie beyond the bound."""
        if self.upwards:
            return sorted(id for id in found if self.bound is None or id > self.bound)[:most]
        return sorted((id for id in found if self.bound is None or id < self.bound), reverse=True)[:most]

    def along(self, rows: InteractionQuerySet) -> InteractionQuerySet:
        if self.upwards:
            return (rows.filter(id__gt=self.bound) if self.bound else rows).oldest_first()
        return (rows.filter(id__lt=self.bound) if self.bound else rows).newest_first()

    def hours(self, index: Index) -> Iterable[int]:
        start = hour_of(ids.moment_of(self.bound)) if self.bound else None
        if self.upwards:
            return (hour for hour in index.hours if start is None or hour >= start)
        return (hour for hour in reversed(index.hours) if start is None or hour <= start)


class _Walk:
    """Goes along the list by hours, of which the index knows how many matches each holds.

    Of few matches the ids are looked up and sorted. Where an hour holds many, its rows are read along until enough of
    them matched; whatever takes fewer steps. So a page costs about the same wherever and however dense its rows are.
    """

    def __init__(self, project: Project, index: Index, matching: BitMap, way: _Way) -> None:
        self._project = project
        self._rows = Interaction.objects.for_project(project)
        self._index = index
        self._matching = matching
        self._way = way

    def first(self, most: int) -> list[UUID]:
        if len(self._matching) <= most:
            return self._looked_up(self._matching, most)
        found: list[UUID] = []
        scattered = BitMap()
        for hour in self._way.hours(self._index):
            here = self._index.in_hour(hour) & self._matching
            if len(here) > DENSE:
                found += self._looked_up(scattered, most - len(found))
                found += self._in_hour(hour, here, most - len(found))
                scattered.clear()
            else:
                scattered |= here
                if len(scattered) >= most - len(found):
                    found += self._looked_up(scattered, most - len(found))
                    scattered.clear()
            if len(found) >= most:
                return found
        return found + self._looked_up(scattered, most - len(found))

    def _in_hour(self, hour: int, here: BitMap, most: int) -> list[UUID]:
        if most <= 0:
            return []
        rows_to_read = most * len(self._index.in_hour(hour)) // len(here)
        if rows_to_read > len(here) * _LOOKUP:
            return self._looked_up(here, most)
        return self._read_along(hour, here, most, rows_to_read)

    def _looked_up(self, numbers: BitMap, most: int) -> list[UUID]:
        return self._way.sorted(_ids(self._project, numbers), most) if numbers and most > 0 else []

    def _read_along(self, hour: int, here: BitMap, most: int, rows_to_read: int) -> list[UUID]:
        within = _within(self._rows, hour)
        found: list[UUID] = []
        way = self._way
        while len(found) < most:
            at_once = min(_READ_AT_ONCE, rows_to_read + rows_to_read // 2 + 10)
            rows = list(way.along(within).values_list("id", "number")[:at_once])
            found += [id for id, number in rows if number in here]
            if len(rows) < at_once:
                break
            way = way._replace(bound=rows[-1][0])
        return found[:most]


def _ids(project: Project, numbers: BitMap) -> Iterable[UUID]:
    """Not ordered by the store: it would read along the list, for as long as it takes to meet the last of them."""
    return Interaction.objects.filter(number__among=(project.pk, numbers)).values_list("id", flat=True)


def _within(rows: InteractionQuerySet, hour: int) -> InteractionQuerySet:
    return rows.filter(id__gte=ids.floor(start_of(hour)), id__lt=ids.floor(start_of(hour + 1)))


class _Search:
    """Finds the next of those that match `others` and have texts that match, too.

    What is frequent is found among the first few hundred. What the index of words can tell of all interactions at once
    is a set like any other. The rest, phrases and pieces of frequent words, is read for, window by window; meanwhile
    the index is held for one window at a time, so that nobody waits.
    """

    def __init__(self, project: Project, others: All, on_texts: Sequence[OnTexts], way: _Way) -> None:
        self._project = project
        self._rows = Interaction.objects.for_project(project)
        self._others = others
        self._on_texts = on_texts
        self._way = way

    def first(self, most: int) -> list[UUID]:
        search_texts(self._project, self._others)
        with current(self._project) as index:
            if index is None:
                return self._read(self._along_the_list(), self._on_texts, most)
            matching = BitMap(self._others.numbers(self._project, index))
        found = self._read(islice(self._windows(matching), 1), self._on_texts, most)
        if len(found) >= most:
            return found
        known, unknown = texts.narrowed(self._project.pk, self._on_texts)
        if known is not None:
            matching &= known
        if unknown:
            return self._read(self._windows(matching), unknown, most)
        with current(self._project) as index:
            return [] if index is None else _Walk(self._project, index, matching, self._way).first(most)

    def _read(self, windows: Iterable[BitMap], on_texts: Sequence[OnTexts], most: int) -> list[UUID]:
        found: list[UUID] = []
        for window in windows:
            for part in on_texts:
                window = texts.among(self._project.pk, part, window)
            if window:
                found += self._way.sorted(_ids(self._project, window), most - len(found))
            if len(found) >= most:
                break
        return found

    def _windows(self, matching: BitMap) -> Iterator[BitMap]:
        """All of `matching` from the way's beginning on, nearest first."""
        size, hours = _WINDOW, self._hours()
        while hours:
            window = BitMap()
            with current(self._project) as index:
                while index is not None and hours and len(window) < size:
                    here = matching & index.in_hour(hours[-1])
                    if len(here) > _LARGEST_WINDOW:
                        break
                    window |= here
                    hours.pop()
            yield window
            if hours and len(window) < size:
                yield from self._along_hour(hours.pop(), matching)
            size = min(2 * size, _LARGEST_WINDOW)

    def _hours(self) -> list[int]:
        """The way's hours, the next one last."""
        with current(self._project) as index:
            return [] if index is None else list(self._way.hours(index))[::-1]

    def _along_hour(self, hour: int, matching: BitMap) -> Iterator[BitMap]:
        for window in self._chunks(_within(self._rows, hour)):
            yield window & matching

    def _along_the_list(self) -> Iterator[BitMap]:
        return self._chunks(Interaction.objects.matching(self._project, self._others))

    def _chunks(self, rows: InteractionQuerySet) -> Iterator[BitMap]:
        way = self._way
        while chunk := list(way.along(rows).values_list("id", "number")[:_READ_AT_ONCE]):
            yield BitMap(number for _, number in chunk)
            way = way._replace(bound=chunk[-1][0])
