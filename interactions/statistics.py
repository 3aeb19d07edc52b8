"""Numbers about a filter, all of them exact, and the values that a filter can choose from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from interactions import finding
from interactions.conditions import All
from interactions.models import Feedback, FeedbackKey, Label, LabelKey, Model, Project
from interactions.querysets import Condition

VALUES_SHOWN = 200
DISTINCT_SCORES = 11


@dataclass(frozen=True, slots=True)
class Tally:
    """A value, and how many of the matching interactions have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class LabelTallies:
    """The values of a label key, commonest first; `others` values more have at least one match but no place here."""

    key: str
    values: list[Tally]
    others: int = 0


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
    """A feedback key: its values, largest first, or `ranges` of them where they are too many."""

    key: str
    is_bool: bool
    values: list[ValueTally]
    ranges: list[Range]


@dataclass(frozen=True, slots=True)
class Bar:
    """The interactions from `since`, inclusive, to `until`, exclusive."""

    since: datetime
    until: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers about a filter, all exact. A facet leaves the filter's own condition on it out, so that siblings stay
    visible. Bars are of one width and leave no gap."""

    total: int
    models: list[Tally]
    sources: list[Tally]
    labels: list[LabelTallies]
    scores: list[ScoreTallies]
    bars: list[Bar]


def count(project: Project, condition: Condition) -> int:
    return finding.find(project, condition).count()


def summary(project: Project, condition: All) -> Summary:
    from collections import Counter
    from datetime import timedelta

    from interactions.models import Interaction, Labelling

    rows = Interaction.objects.matching(project, condition)
    ids_ = list(rows.values_list("id", "model__key", "source", "created_at"))
    models = Counter(model for _, model, _, _ in ids_ if model)
    sources = Counter(source for _, _, source, _ in ids_)
    labels: dict[str, Counter[str]] = {}
    for key, value in Labelling.objects.filter(interaction__in=rows).values_list("key__key", "label__value"):
        labels.setdefault(key, Counter())[value] += 1
    scores: dict[tuple[str, bool], Counter[float]] = {}
    for key, kind, value, _ in (
        Feedback.objects.filter(interaction__in=rows)
        .values_list("key__key", "key__kind", "value", "interaction")
        .distinct()
    ):
        scores.setdefault((key, kind == "bool"), Counter())[value] += 1
    days = Counter(moment.replace(hour=0, minute=0, second=0, microsecond=0) for *_, moment in ids_)
    day, bars = timedelta(days=1), []
    if days:
        since = min(days)
        while since <= max(days):
            bars.append(Bar(since, since + day, days[since]))
            since += day
    return Summary(
        len(ids_),
        [Tally(*pair) for pair in models.most_common()],
        [Tally(*pair) for pair in sources.most_common()],
        [LabelTallies(key, [Tally(*pair) for pair in some.most_common(200)]) for key, some in sorted(labels.items())],
        [
            ScoreTallies(key, is_bool, [ValueTally(v, n) for v, n in sorted(some.items(), reverse=True)], [])
            for (key, is_bool), some in sorted(scores.items())
        ],
        bars,
    )


@dataclass(frozen=True, slots=True)
class LabelFacet:
    key: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class ScoreFacet:
    """A feedback key; `values` are those given so far, largest first, None where they are too many."""

    key: str
    is_bool: bool
    values: list[float] | None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a project's filters can choose from."""

    models: list[str]
    labels: list[LabelFacet]
    scores: list[ScoreFacet]


def vocabulary(project: Project) -> Vocabulary:
    """A fixed number of queries for each label key and feedback key, none of which reads a large table through."""
    return Vocabulary(
        models=list(Model.objects.filter(project=project).order_by("key").values_list("key", flat=True)[:VALUES_SHOWN]),
        labels=[_label_facet(key) for key in LabelKey.objects.filter(project=project).order_by("key")],
        scores=[_score_facet(key) for key in FeedbackKey.objects.filter(project=project).order_by("key")],
    )


def _label_facet(key: LabelKey) -> LabelFacet:
    values = Label.objects.filter(key=key).order_by("value").values_list("value", flat=True)
    return LabelFacet(key.key, list(values[:VALUES_SHOWN]))


def _score_facet(key: FeedbackKey) -> ScoreFacet:
    return ScoreFacet(key.key, key.kind == FeedbackKey.Kind.BOOL, _distinct_values(key))


def _distinct_values(key: FeedbackKey) -> list[float] | None:
    """Each step is one look into the index, so that a million equal values cost as much as one."""
    given = Feedback.objects.filter(key=key).order_by("value").values_list("value", flat=True)
    values: list[float] = []
    while len(values) <= DISTINCT_SCORES:
        following = given.filter(value__gt=values[-1]) if values else given
        value = following.first()
        if value is None:
            return values[::-1]
        values.append(value)
    return None
