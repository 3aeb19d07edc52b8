"""The numbers of a filter by plain counting, one interaction after another: what any quicker way must agree with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from interactions.choices import VALUES_SHOWN
from interactions.conditions import All, AnyOf, Condition, ErrorIn, Labelled, ModelIn, Not, Scored, SourceIn, StateIn
from interactions.histogram import Bar
from interactions.models import Feedback, FeedbackKey, Interaction, LabelKey, Labelling, Project
from interactions.statistics import ErrorTallies, LabelTallies, ScoreTallies, Summary, Tally, ValueTally

# A kind and, for labels and scores, a key.
Facet = tuple[str, str]


@dataclass
class Known:
    """An interaction, as far as it is counted by."""

    created_at: datetime
    model: str
    source: str
    state: str
    error: str
    labels: dict[str, str] = field(default_factory=dict)
    scores: dict[str, set[float]] = field(default_factory=dict)


def summary(project: Project, condition: All) -> Summary:
    """With all values of a feedback key, however many, and a bar for each day."""
    return _Counting(project, condition).summary()


def check(found: Summary, project: Project, condition: All) -> None:
    """Assert that `found` is exact. Its bars may be of any width, its scores may be in ranges, its labels cut short."""
    counting = _Counting(project, condition)
    expected = counting.summary()
    for name in ("total", "models", "sources", "states"):
        assert getattr(found, name) == getattr(expected, name)
    assert found.errors.partial or found.errors == expected.errors
    assert all(one in expected.errors.values for one in found.errors.values)
    _check_labels(found.labels, expected.labels)
    assert [scores.key for scores in found.scores] == [scores.key for scores in expected.scores]
    for scores, counted in zip(found.scores, expected.scores, strict=True):
        if scores.ranges:
            _check_ranges(scores, counting.without(("score", scores.key)))
        else:
            assert scores == counted
    _check_bars(found.bars, counting.matching)


def without(condition: Condition, facet: Facet) -> All:
    """What is left of a condition without its parts that are about `facet` alone."""
    parts = condition.parts if isinstance(condition, All) else (condition,)
    kept = (without(part, facet) if isinstance(part, All) else part for part in parts if _about(part) != {facet})
    return All(tuple(kept))


def _about(condition: Condition) -> set[Facet]:
    match condition:
        case Labelled(key=key):
            return {("label", key)}
        case Scored(metric=key):
            return {("score", key)}
        case ModelIn():
            return {("model", "")}
        case SourceIn():
            return {("source", "")}
        case StateIn():
            return {("state", "")}
        case ErrorIn():
            return {("error_kind", "")}
        case Not(part=part):
            return _about(part)
        case All(parts=parts) | AnyOf(parts=parts):
            return set().union(*map(_about, parts))
        case _:
            return {("anything else", "")}


class _Counting:
    def __init__(self, project: Project, condition: All) -> None:
        self._project = project
        self._condition = condition
        self._known = _known(project)
        self.matching = self._matching(condition)

    def without(self, facet: Facet) -> list[Known]:
        return self._matching(without(self._condition, facet))

    def _matching(self, condition: All) -> list[Known]:
        rows = Interaction.objects.matching(self._project, condition)
        return [self._known[id] for id in rows.values_list("id", flat=True)]

    def summary(self) -> Summary:
        return Summary(
            total=len(self.matching),
            models=_tallies(one.model for one in self.without(("model", ""))),
            sources=_tallies(one.source for one in self.without(("source", ""))),
            states=_tallies(one.state for one in self.without(("state", ""))),
            errors=ErrorTallies(_tallies(one.error for one in self.without(("error_kind", "")))),
            labels=[self._labels(key.key) for key in LabelKey.objects.filter(project=self._project).order_by("key")],
            scores=[self._scores(key) for key in FeedbackKey.objects.filter(project=self._project).order_by("key")],
            bars=_days(self.matching),
        )

    def _labels(self, key: str) -> LabelTallies:
        tallies = _tallies(one.labels.get(key, "") for one in self.without(("label", key)))
        return LabelTallies(key, tallies[:VALUES_SHOWN], max(len(tallies) - VALUES_SHOWN, 0))

    def _scores(self, key: FeedbackKey) -> ScoreTallies:
        # Given twice, a value counts once.
        counts = Counter(value for one in self.without(("score", key.key)) for value in one.scores.get(key.key, ()))
        values = [ValueTally(value, count) for value, count in sorted(counts.items(), reverse=True)]
        return ScoreTallies(key.key, key.kind == FeedbackKey.Kind.BOOL, values, [])


def _known(project: Project) -> dict[UUID, Known]:
    rows = Interaction.objects.for_project(project).values_list(
        "id", "created_at", "model__key", "source", "state", "error_kind"
    )
    known = {
        id: Known(created_at, model or "", source, state, error) for id, created_at, model, source, state, error in rows
    }
    labellings = Labelling.objects.filter(project=project)
    for id, key, value in labellings.values_list("interaction_id", "key__key", "label__value"):
        known[id].labels[key] = value
    given = Feedback.objects.filter(project=project)
    for id, key, score in given.values_list("interaction_id", "key__key", "value"):
        known[id].scores.setdefault(key, set()).add(score)
    return known


def _tallies(values: Iterable[str]) -> list[Tally]:
    counts = Counter(value for value in values if value)
    return [Tally(value, count) for value, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]


def _days(matching: list[Known]) -> list[Bar]:
    day = timedelta(days=1)
    counts = Counter(one.created_at.replace(hour=0, minute=0, second=0, microsecond=0) for one in matching)
    first, last = min(counts, default=None), max(counts, default=None)
    if first is None or last is None:
        return []
    starts = (first + day * number for number in range((last - first).days + 1))
    return [Bar(since, since + day, counts[since]) for since in starts]


def _check_labels(found: list[LabelTallies], expected: list[LabelTallies]) -> None:
    assert [tallies.key for tallies in found] == [tallies.key for tallies in expected]
    for tallies, counted in zip(found, expected, strict=True):
        if not tallies.others:
            assert tallies == counted
        elif not counted.others:  # of a key with very many values, some may have no place
            exact = {tally.value: tally.count for tally in counted.values}
            assert all(exact[tally.value] == tally.count for tally in tallies.values)
            assert tallies.others >= len(counted.values) - len(tallies.values)
        else:
            # Which ones of equal counts are shown is left open.
            assert [tally.count for tally in tallies.values] == [tally.count for tally in counted.values]
            assert tallies.others >= counted.others


def _check_ranges(scores: ScoreTallies, among: list[Known]) -> None:
    given = [one.scores[scores.key] for one in among if scores.key in one.scores]
    for span in scores.ranges:
        assert span.count == sum(any(span.least <= value <= span.most for value in values) for values in given)
    bounds = sorted((span.least, span.most) for span in scores.ranges)
    assert all(least <= most for least, most in bounds)
    assert all(most < least for (_, most), (least, _) in pairwise(bounds))
    assert all(any(least <= value <= most for least, most in bounds) for values in given for value in values)


def _check_bars(bars: list[Bar], matching: list[Known]) -> None:
    assert len({bar.until - bar.since for bar in bars}) <= 1
    assert all(earlier.until == later.since for earlier, later in pairwise(bars))
    assert sum(bar.count for bar in bars) == len(matching)
    for bar in bars:
        assert bar.count == sum(bar.since <= one.created_at < bar.until for one in matching)
