"""Which interactions match a condition: how many, which are the newest, and all of them.

The index answers as soon as there is one; until then the store does, more slowly, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

from pyroaring import BitMap

from interactions import ids
from interactions.conditions import All, Condition
from interactions.index import Index, current
from interactions.index.queries import hour_of, start_of
from interactions.models import Interaction, Project
from interactions.querysets import InteractionQuerySet

_T = TypeVar("_T")

# Up to so many are simply looked up and sorted.
FEW = 500
# What it costs to look one interaction up by its number, in rows read along the list.
_LOOKUP = 3
_READ_AT_ONCE = 2_000


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
        if self.condition == All():
            return way.first(Interaction.objects.for_project(self.project), most)
        with current(self.project) as index:
            if index is None:
                return way.first(self._rows(), most)
            return _Walk(self.project, index, self.condition.numbers(self.project, index), way).first(most)

    def _answer(self, by_index: Callable[[BitMap], _T], by_store: Callable[[], _T]) -> _T:
        with current(self.project) as index:
            return by_store() if index is None else by_index(self.condition.numbers(self.project, index))

    def _rows(self) -> InteractionQuerySet:
        return Interaction.objects.matching(self.project, self.condition)


def find(project: Project, condition: Condition) -> Matches:
    return Matches(project, condition)


def by_number(project: Project, numbers: BitMap, at_once: int) -> Iterator[list[Interaction]]:
    """The interactions with these numbers, as far as they exist, some at a time in the order of their numbers."""
    remaining = iter(numbers)
    while some := list(islice(remaining, at_once)):
        yield list(Interaction.objects.for_project(project).filter(number__in=some).order_by("number"))


class _Way(NamedTuple):
    """Along the list from `bound`, which is left out itself: towards the newer ones if `upwards`, else the older."""

    bound: UUID | None
    upwards: bool

    def first(self, rows: InteractionQuerySet, most: int) -> list[UUID]:
        return list(self.along(rows).values_list("id", flat=True)[:most])

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
        self._rows = Interaction.objects.for_project(project)
        self._index = index
        self._matching = matching
        self._way = way

    def first(self, most: int) -> list[UUID]:
        if len(self._matching) <= FEW:
            return self._looked_up(self._matching, most)
        found: list[UUID] = []
        scattered = BitMap()
        for hour in self._way.hours(self._index):
            here = self._index.in_hour(hour) & self._matching
            if len(here) > FEW:
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
        return self._read_along(hour, here, most)

    def _looked_up(self, numbers: BitMap, most: int) -> list[UUID]:
        if not numbers or most <= 0:
            return []
        return self._way.first(self._rows.filter(number__among=numbers), most)

    def _read_along(self, hour: int, here: BitMap, most: int) -> list[UUID]:
        within = self._rows.filter(id__gte=ids.floor(start_of(hour)), id__lt=ids.floor(start_of(hour + 1)))
        found: list[UUID] = []
        way = self._way
        while len(found) < most:
            rows = list(way.along(within).values_list("id", "number")[:_READ_AT_ONCE])
            found += [id for id, number in rows if number in here]
            if len(rows) < _READ_AT_ONCE:
                break
            way = way._replace(bound=rows[-1][0])
        return found[:most]
