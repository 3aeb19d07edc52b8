"""Sets of interactions by what they have. What the sets in memory do not tell is looked up in the store.

What is returned may be a set of the index itself: never alter it, and be done with it before the lock is given back.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from pyroaring import BitMap

from interactions import database, ids
from interactions.index.postings import ERROR, FAILED, HOUR, SCORE, USER, Dimension, Postings, Value, ceiling
from interactions.models import Feedback, Interaction, Labelling

_HOUR = timedelta(hours=1)
# A set that is as large as this is held once it was looked up.
_WORTH_HOLDING = 1_000

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    name: getattr(operator, "le" if name == "lte" else "ge" if name == "gte" else name)
    for name in ("eq", "ne", "lt", "lte", "gt", "gte")
}


class Index:
    def __init__(self, project_id: int, postings: Postings) -> None:
        self.project_id = project_id
        self.postings = postings

    def everything(self) -> BitMap:
        return self.postings.all

    def having(self, dimension: Dimension, values: Iterable[Value]) -> BitMap:
        """Those with one of the values."""
        held = self.postings.values(dimension)
        return _union([held.held.get(value) or self._unheld(dimension, value) for value in values])

    def _unheld(self, dimension: Dimension, value: Value) -> BitMap:
        values = self.postings.values(dimension)
        if values.complete or value in values.held:
            return BitMap()
        if dimension == USER:
            found = self.stored(user_uid=str(value))
        elif dimension == ERROR:
            found = self._unheld_error(str(value))
        else:
            found = _numbers(Labelling.objects.filter(label_id=int(value)).values_list("interaction__number"))
        if len(found) >= _WORTH_HOLDING:
            values.held[value] = found
        return found

    def _unheld_error(self, kind: str) -> BitMap:
        """No index of the store knows the kinds; but those that have one that is held need not be looked at."""
        known = self.postings.values(ERROR).held.values()
        others = self.having(FAILED, [1]) - BitMap.union(*known)
        return self.stored(number__among=(self.project_id, others), error_kind=kind) if others else BitMap()

    def stored(self, **where: Any) -> BitMap:
        """Those that the store finds by columns of the row, of which an index holds few for each value."""
        return _numbers(Interaction.objects.filter(project=self.project_id, **where).values_list("number"))

    # Time

    @property
    def hours(self) -> list[int]:
        """The hours since 1970 in which interactions were created, earliest first."""
        return sorted(int(hour) for hour in self.postings.values(HOUR).held)

    def in_hour(self, hour: int) -> BitMap:
        return self.postings.values(HOUR).held.get(hour) or BitMap()

    def by_hour(self, matching: BitMap) -> dict[int, int]:
        """How many of `matching` were created in each hour that some were created in."""
        count = len if matching is self.postings.all else matching.intersection_cardinality
        counts = ((int(hour), count(held)) for hour, held in self.postings.values(HOUR).held.items())
        return {hour: number for hour, number in counts if number}

    def created_within(self, since: datetime | None, until: datetime | None) -> BitMap:
        """From `since`, inclusive, to `until`, exclusive: and of hours at the edges what the store says."""
        if since is not None and until is not None and since >= until:
            return BitMap()
        first, last = (-1 if since is None else hour_of(since)), (None if until is None else hour_of(until))
        parts = [self.in_hour(hour) for hour in self.hours if hour > first and (last is None or hour < last)]
        if since is not None:
            end = start_of(first + 1)
            parts.append(self._created(since, end if until is None else min(end, until)))
        if until is not None and last is not None and last != first:
            parts.append(self._created(start_of(last), until))
        return _union(parts)

    def _created(self, since: datetime, until: datetime) -> BitMap:
        if since >= until or hour_of(since) not in self.postings.values(HOUR).held:
            return BitMap()
        if since == start_of(hour_of(since)) and until == since + _HOUR:
            return self.in_hour(hour_of(since))
        return self.stored(id__gte=ids.floor(since), id__lt=ids.floor(until))

    # Feedback

    def scored(self, key_id: int, comparison: str, value: float) -> BitMap:
        """Those that were given a value under the key that compares so with `value`."""
        agrees = _OPERATORS[comparison]
        values = self.postings.values(SCORE(key_id))
        if not values.ranged:
            return _union([held for given, held in values.held.items() if agrees(float(given), value)])
        parts = []
        for least, held in values.held.items():
            greatest = ceiling(float(least))
            if (
                comparison != "eq"
                and agrees(float(least), value)
                and agrees(greatest, value)
                and not (comparison == "ne" and float(least) <= value <= greatest)
            ):
                parts.append(held)
            elif float(least) <= value <= greatest:
                parts.append(self._given(key_id, comparison, value, float(least), greatest))
        return _union(parts)

    def given(self, feedback: QuerySet[Feedback]) -> BitMap:
        """Those that some of `feedback` was given to."""
        return _numbers(feedback.values_list("interaction__number"))

    def _given(self, key_id: int, comparison: str, value: float, least: float, greatest: float) -> BitMap:
        given = Feedback.objects.filter(key=key_id, value__gte=least, value__lte=greatest)
        where = {"value" if comparison == "eq" else f"value__{comparison}": value}
        return self.given(given.exclude(value=value) if comparison == "ne" else given.filter(**where))


def _numbers(rows: QuerySet[Any, Any]) -> BitMap:
    return BitMap([number for (number,) in database.raw_rows(rows)])


def _union(parts: list[BitMap]) -> BitMap:
    return parts[0] if len(parts) == 1 else BitMap.union(*parts) if parts else BitMap()


def hour_of(moment: datetime) -> int:
    """Hours since 1970."""
    return max(moment - ids.EPOCH, timedelta(0)) // _HOUR


def start_of(hour: int) -> datetime:
    return ids.EPOCH + hour * _HOUR
