"""The scores of a test: feedback under its metric that was given to its entries, counted by the database."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import combinations
from typing import NamedTuple, Protocol

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    FloatField,
    Max,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from interactions import database
from interactions.ab_tests import significance
from interactions.ab_tests.significance import Interval, Sample
from interactions.models import AbEntry, AbTest, Comparison, Feedback, FeedbackKey, Interaction


class Tally(Protocol):
    """What the arms have. They are named by the ids of their models."""

    @property
    def arms(self) -> Sequence[int]: ...

    @property
    def statistic(self) -> str:
        """What the probability is that of, by name."""

    @property
    def total(self) -> int:
        """How many scores there are. A comparison is one, though both sides have it."""

    def count(self, arm: int) -> int: ...

    def mean(self, arm: int) -> float | None: ...

    def interval(self, arm: int) -> Interval | None: ...

    def p_value(self) -> float | None:
        """How likely so great a difference would be if the arms were the same. None where that cannot be told."""

    def best(self) -> int | None:
        """The arm with the best mean; of several the first. None while there is no score."""


def tally(test: AbTest, until: datetime) -> Tally:
    """What was given until then. In two statements that give a few rows, however many the scores are."""
    arms = list(test.arms.order_by("pk").values_list("model_id", flat=True))
    if test.scores == AbTest.Scores.COMPARISON:
        return Compared(arms, _compared(test, arms, until))
    return Direct(arms, test.metric, _samples(test, arms, until))


# Direct scores


@dataclass(frozen=True, slots=True)
class Direct:
    arms: Sequence[int]
    metric: FeedbackKey
    samples: dict[int, Sample]

    @property
    def _is_bool(self) -> bool:
        return self.metric.kind == FeedbackKey.Kind.BOOL

    @property
    def statistic(self) -> str:
        if self._is_bool:
            return "Pearson's chi-squared test"
        return "Welch's t-test" if len(self.arms) == 2 else "Welch's ANOVA"

    @property
    def total(self) -> int:
        return sum(sample.size for sample in self.samples.values())

    def count(self, arm: int) -> int:
        return self._sample(arm).size

    def mean(self, arm: int) -> float | None:
        return self.samples[arm].mean if arm in self.samples else None

    def interval(self, arm: int) -> Interval | None:
        sample = self._sample(arm)
        return significance.wilson(sample.mean, sample.size) if self._is_bool else significance.student(sample)

    def p_value(self) -> float | None:
        samples = [self._sample(arm) for arm in self.arms]
        return significance.pearson(samples) if self._is_bool else significance.welch(samples)

    def best(self) -> int | None:
        sign = -1 if self.metric.scoring == FeedbackKey.Scoring.LOWER_IS_BETTER else 1
        scored = (arm for arm in self.arms if arm in self.samples)
        return max(scored, key=lambda arm: sign * self.samples[arm].mean, default=None)

    def _sample(self, arm: int) -> Sample:
        return self.samples.get(arm, Sample(0, 0.0, 0.0))


def _samples(test: AbTest, arms: Sequence[int], until: datetime) -> dict[int, Sample]:
    """By arm, of those that have scores.

    A sum of squares of values far from zero would lose their differences, and one of large values overflow. So each
    arm's range is known first, and its values are moved and scaled into -1 to 1.
    """
    given = _given(test, arms, until).order_by().values("interaction__model")
    with database.snapshot():
        ranges = {
            row["interaction__model"]: _Range(row["count"], row["low"], row["high"])
            for row in given.annotate(count=Count("pk"), low=Min("value"), high=Max("value"))
        }
        varied = {arm: found for arm, found in ranges.items() if found.scale}
        if varied:
            scaled = Case(*(when for arm, found in varied.items() for when in found.cases(arm)), output_field=_FLOAT)
            sums = given.filter(interaction__model__in=varied).annotate(
                first=Sum(scaled, output_field=_FLOAT), second=Sum(scaled * scaled, output_field=_FLOAT)
            )
            for row in sums:
                found = varied[row["interaction__model"]]
                found.first, found.second = row["first"], row["second"]
    return {arm: found.sample() for arm, found in ranges.items()}


_FLOAT: FloatField[float, float] = FloatField()


@dataclass(slots=True)
class _Range:
    """The values of an arm. `first` and `second` are the sums of what they are scaled to, and of its squares."""

    count: int
    low: float
    high: float
    first: float = 0.0
    second: float = 0.0

    @property
    def center(self) -> float:
        return self.low / 2 + self.high / 2

    @property
    def scale(self) -> float:
        return self.high / 2 - self.low / 2

    def cases(self, arm: int) -> tuple[When, When]:
        # PostgreSQL would refuse to square what is too near to zero, so that is zero.
        least = self.scale * 1e-100
        near = When(interaction__model=arm, value__range=(self.center - least, self.center + least), then=Value(0.0))
        value: Combinable = (F("value") - Value(self.center)) / Value(self.scale)
        return near, When(interaction__model=arm, then=value)

    def sample(self) -> Sample:
        if not self.scale:
            return Sample(self.count, self.low, 0.0)
        squares = max(0.0, self.second - self.first * self.first / self.count)
        mean = self.center + self.scale * (self.first / self.count)
        return Sample(self.count, mean, self.scale * math.sqrt(squares / (self.count - 1)) if self.count > 1 else 0.0)


def _given(test: AbTest, arms: Sequence[int], until: datetime) -> QuerySet[Feedback]:
    """Of several on one interaction, the latest: ids are in the order of time."""
    counted = Feedback.objects.filter(project=test.project_id, key=test.metric_id, created_at__lte=until)
    later = counted.filter(interaction=OuterRef("interaction"), id__gt=OuterRef("pk"))
    return counted.filter(~Exists(later), interaction__ab_entry__test=test, interaction__model__in=arms)


# Comparisons


class Record(NamedTuple):
    """How an arm did against others."""

    wins: int = 0
    losses: int = 0
    ties_good: int = 0
    ties_bad: int = 0

    @property
    def ties(self) -> int:
        return self.ties_good + self.ties_bad

    @property
    def scores(self) -> int:
        return self.wins + self.losses + self.ties

    def plus(self, other: Record) -> Record:
        return Record(*map(sum, zip(self, other, strict=True)))

    def reversed(self) -> Record:
        return self._replace(wins=self.losses, losses=self.wins)


@dataclass(frozen=True, slots=True)
class Compared:
    """`records` holds each pair of arms both ways round."""

    arms: Sequence[int]
    records: dict[tuple[int, int], Record]

    @property
    def statistic(self) -> str:
        return "Sign test" if len(self.arms) == 2 else "Sign tests of all pairs with Holm's correction"

    @property
    def total(self) -> int:
        return sum(self.against(*pair).scores for pair in combinations(self.arms, 2))

    def against(self, arm: int, other: int) -> Record:
        return self.records.get((arm, other), Record())

    def count(self, arm: int) -> int:
        return self._overall(arm).scores

    def mean(self, arm: int) -> float | None:
        """The share of comparisons won; a tie is half won."""
        overall = self._overall(arm)
        return (overall.wins + overall.ties / 2) / overall.scores if overall.scores else None

    def interval(self, arm: int) -> Interval | None:
        rate = self.mean(arm)
        return None if rate is None else significance.wilson(rate, self.count(arm))

    def p_value(self) -> float | None:
        pairs = [self.against(*pair) for pair in combinations(self.arms, 2)]
        return significance.sign_tests([(pair.wins, pair.losses) for pair in pairs])

    def best(self) -> int | None:
        rates = {arm: rate for arm in self.arms if (rate := self.mean(arm)) is not None}
        return max(rates, key=rates.__getitem__, default=None)

    def _overall(self, arm: int) -> Record:
        return reduce(Record.plus, (self.against(arm, other) for other in self.arms), Record())


def _compared(test: AbTest, arms: Sequence[int], until: datetime) -> dict[tuple[int, int], Record]:
    """By pairs of arms, both ways round, of those that were compared."""
    records: defaultdict[tuple[int, int], Record] = defaultdict(Record)
    for preferred, other, tied, count in _outcomes(test, arms, until):
        if preferred == other:  # tells nothing
            continue
        record = Record(**{_COUNTED_AS[tied]: count})
        records[preferred, other] = records[preferred, other].plus(record)
        records[other, preferred] = records[other, preferred].plus(record.reversed())
    return records


_COUNTED_AS = {"": "wins", "good": "ties_good", "bad": "ties_bad"}


def _outcomes(test: AbTest, arms: Sequence[int], until: datetime) -> Iterable[tuple[int, int, str, int]]:
    """How often an arm was preferred to another, or named first in a tie; also of an arm and itself."""
    entries = AbEntry.objects.filter(project=test.project_id, test=test, interaction__model__in=arms)
    taking_part = entries.values("interaction")
    preferred, other = (
        Subquery(Interaction.objects.filter(pk=OuterRef(side)).values("model")) for side in ("preferred_id", "other_id")
    )
    made = Comparison.objects.filter(project=test.project_id, key=test.metric_id, created_at__lte=until)
    between = made.filter(preferred_id__in=taking_part, other_id__in=taking_part).order_by()
    outcomes = between.annotate(preferred=preferred, other=other).values_list("preferred", "other", "tied")
    return outcomes.annotate(count=Count("pk"))
