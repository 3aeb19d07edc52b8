"""Numbers about a filter, all of them exact."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from heapq import nlargest

from pyroaring import BitMap

from interactions import choices, finding, histogram
from interactions.choices import DISTINCT_SCORES, VALUES_SHOWN
from interactions.conditions import All, Condition
from interactions.errors import Unavailable
from interactions.histogram import Bar
from interactions.index import ERROR, LABEL, MODEL, SCORE, SOURCE, STATE, Index, current
from interactions.index.postings import Dimension, Value, Values, ceiling
from interactions.models import FeedbackKey, Label, LabelKey, Model, Project

RANGES_SHOWN = 8
# From so many values on, and for so large a share of everything, counting the others pays. See `_counting`.
_MANY_VALUES = 32
_LEAST_SHARE, _LIST_SHARE = 1 / 650, 1 / 16


@dataclass(frozen=True, slots=True)
class Tally:
    """A value, and how many of the matching interactions have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class LabelTallies:
    """The values of a label key, commonest first; `others` values more have no place here."""

    key: str
    values: list[Tally]
    others: int = 0


@dataclass(frozen=True, slots=True)
class ErrorTallies:
    """The kinds of errors, commonest first; `partial` if there are more than these."""

    values: list[Tally]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ValueTally:
    """A feedback value, and how many of the matching interactions were given it."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most`, both included."""

    least: float
    most: float
    count: int


@dataclass(frozen=True, slots=True)
class ScoreTallies:
    """A feedback key: its values, largest first, or where they are too many, ranges of them: all, whatever matches."""

    key: str
    is_bool: bool
    values: list[ValueTally]
    ranges: list[Range]


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers about a filter, all exact. A facet leaves the filter's own condition on it out, so that siblings stay
    visible. Bars are of one width and leave no gap."""

    total: int
    models: list[Tally]
    sources: list[Tally]
    states: list[Tally]
    errors: ErrorTallies
    labels: list[LabelTallies]
    scores: list[ScoreTallies]
    bars: list[Bar]


def count(project: Project, condition: Condition) -> int:
    return finding.find(project, condition).count()


def summary(project: Project, condition: All) -> Summary:
    """Raises `Unavailable` while the project's index is still being made."""
    finding.search_texts(project, condition)
    with current(project) as index:
        if index is None:
            raise Unavailable("The numbers of this project are being prepared. Ask again in a moment.")
        return _Counter(project, condition, index).summary()


class _Counter:
    """Counts what matches a condition, with or without the parts of it that are about one facet."""

    def __init__(self, project: Project, condition: All, index: Index) -> None:
        self._project = project
        self._index = index
        self._condition = condition
        self._parts = [(part.facets(), part.numbers(project, index)) for part in condition.flat()]
        self._matching = self._without(("", ""))

    def summary(self) -> Summary:
        return Summary(
            total=len(self._matching),
            models=self._models(),
            sources=self._plain(SOURCE, "source"),
            states=self._plain(STATE, "state"),
            errors=self._errors(),
            labels=self._labels(),
            scores=[self._score(key) for key in FeedbackKey.objects.filter(project=self._project).order_by("key")],
            bars=histogram.bars(self._index, self._matching, self._condition),
        )

    def _without(self, facet: tuple[str, str]) -> BitMap:
        sets = sorted((numbers for facets, numbers in self._parts if facets != {facet}), key=len)
        return reduce(operator.and_, sets) if sets else self._index.everything()

    def _counts(self, dimension: Dimension, facet: tuple[str, str]) -> Iterator[tuple[Value, int]]:
        """The values that some of the matches have, and how many."""
        among = self._matching if all(facets != {facet} for facets, _ in self._parts) else self._without(facet)
        values = self._index.postings.values(dimension).held
        how_many = self._counting(among, len(values))
        for value, held in values.items():
            if count := how_many(held):
                yield value, count

    def _counting(self, among: BitMap, values: int) -> Callable[[BitMap], int]:
        """What tells how many of a set are among these.

        Up to one number in 16 a set is kept as lists of numbers, above as bits. Finding the numbers of a short list in
        a long one takes ten times as long as finding them in bits: then those that are not among them are counted.
        """
        everything = self._index.everything()
        if among is everything:
            return len
        if values < _MANY_VALUES or not len(everything) * _LEAST_SHARE < len(among) < len(everything) * _LIST_SHARE:
            return among.intersection_cardinality
        others = self._not_matching if among is self._matching else everything - among
        return lambda held: len(held) - others.intersection_cardinality(held)

    @cached_property
    def _not_matching(self) -> BitMap:
        return self._index.everything() - self._matching

    def _plain(self, dimension: Dimension, facet: str) -> list[Tally]:
        """Of a dimension whose values are what people call them."""
        return _sorted((str(value), count) for value, count in self._counts(dimension, (facet, "")))

    def _errors(self) -> ErrorTallies:
        found = self._plain(ERROR, "error_kind")
        is_all = self._index.postings.values(ERROR).complete and len(found) <= VALUES_SHOWN
        return ErrorTallies(found[:VALUES_SHOWN], partial=not is_all)

    def _models(self) -> list[Tally]:
        names = dict(Model.objects.filter(project=self._project).values_list("id", "key"))
        return _sorted((names[int(id)], count) for id, count in self._counts(MODEL, ("model", "")) if id in names)

    def _labels(self) -> list[LabelTallies]:
        keys = list(LabelKey.objects.filter(project=self._project).order_by("key"))
        counts = {key.pk: list(self._counts(LABEL(key.pk), ("label", key.key))) for key in keys}
        shown = {key: nlargest(VALUES_SHOWN, some, key=lambda pair: pair[1]) for key, some in counts.items()}
        names = choices.label_values(int(id) for some in shown.values() for id, _ in some)
        return [
            LabelTallies(
                key.key,
                _sorted((names[int(id)], count) for id, count in shown[key.pk] if id in names),
                self._others(key, len(shown[key.pk]), len(counts[key.pk])),
            )
            for key in keys
        ]

    def _others(self, key: LabelKey, shown: int, counted: int) -> int:
        if self._index.postings.values(LABEL(key.pk)).complete:
            return counted - shown
        return Label.objects.filter(key=key).count() - shown

    def _score(self, key: FeedbackKey) -> ScoreTallies:
        facet, is_bool = ("score", key.key), key.kind == FeedbackKey.Kind.BOOL
        values = self._index.postings.values(SCORE(key.pk))
        if len(values.held) <= DISTINCT_SCORES and not values.ranged:
            counts = sorted(self._counts(SCORE(key.pk), facet), reverse=True)
            return ScoreTallies(key.key, is_bool, [ValueTally(float(value), count) for value, count in counts], [])
        among = self._without(facet)
        ranges = [Range(least, most, held.intersection_cardinality(among)) for least, most, held in _in_ranges(values)]
        return ScoreTallies(key.key, is_bool, [], ranges)


def _sorted(counts: Iterable[tuple[str, int]]) -> list[Tally]:
    """Commonest first, then by value."""
    return [Tally(value, count) for value, count in sorted(counts, key=lambda pair: (-pair[1], pair[0]))]


def _in_ranges(values: Values) -> Iterator[tuple[float, float, BitMap]]:
    """All values in some ranges with about as many interactions each, greatest first. The filter has no say in them,
    so that they stay where they are while it changes."""
    enough = sum(map(len, values.held.values())) / RANGES_SHOWN
    several: list[float] = []
    count = 0
    for value in sorted((float(value) for value in values.held), reverse=True):
        several.append(value)
        count += len(values.held[value])
        if count >= enough:
            yield _range(values, several)
            several, count = [], 0
    if several:
        yield _range(values, several)


def _range(values: Values, several: list[float]) -> tuple[float, float, BitMap]:
    most = ceiling(several[0]) if values.ranged else several[0]
    return several[-1], most, BitMap.union(*(values.held[value] for value in several))
