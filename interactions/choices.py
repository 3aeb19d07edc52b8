"""What a project's filters can choose from: the values that there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest

from django.db.models import Count, OuterRef, Subquery

from interactions import ids
from interactions.database import CompactUUIDField
from interactions.index import ERROR, LABEL, SCORE, Index, current
from interactions.models import Feedback, FeedbackKey, Label, LabelKey, Labelling, Model, Project

VALUES_SHOWN = 200
DISTINCT_SCORES = 11


@dataclass(frozen=True, slots=True)
class LabelFacet:
    """The values of a label key, the commonest if they are too many, in the order of the alphabet."""

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
    """`errors` are the kinds of errors there are, the commonest if they are too many; none while the index is made."""

    models: list[str]
    errors: list[str]
    labels: list[LabelFacet]
    scores: list[ScoreFacet]


def vocabulary(project: Project) -> Vocabulary:
    """Three queries, once the values' names are known; while the index is being made, some for each key."""
    models = Model.objects.filter(project=project).order_by("key").values_list("key", flat=True)
    labels = LabelKey.objects.filter(project=project).order_by("key")
    scores = FeedbackKey.objects.filter(project=project).order_by("key")
    with current(project) as index:
        return Vocabulary(
            models=list(models[:VALUES_SHOWN]),
            errors=_errors(index),
            labels=[LabelFacet(key.key, _label_values(key, index)) for key in labels],
            scores=[
                ScoreFacet(key.key, key.kind == FeedbackKey.Kind.BOOL, _score_values(key, index)) for key in scores
            ],
        )


def _errors(index: Index | None) -> list[str]:
    held = index.postings.values(ERROR).held if index else {}
    return sorted(map(str, nlargest(VALUES_SHOWN, held, key=lambda kind: len(held[kind]))))


def _label_values(key: LabelKey, index: Index | None) -> list[str]:
    if index is None:
        values = Label.objects.filter(key=key).order_by("value").values_list("value", flat=True)
        return list(values[:VALUES_SHOWN])
    held = index.postings.values(LABEL(key.pk)).held
    commonest = nlargest(VALUES_SHOWN, held, key=lambda label: len(held[label]))
    return sorted(label_values(int(label) for label in commonest).values())


def _score_values(key: FeedbackKey, index: Index | None) -> list[float] | None:
    if index is None:
        return _distinct_values(key)
    values = index.postings.values(SCORE(key.pk))
    if values.ranged or len(values.held) > DISTINCT_SCORES:
        return None
    return sorted(map(float, values.held), reverse=True)


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


@dataclass(frozen=True, slots=True)
class ValueUsage:
    """On how many interactions a label's value is, and when the newest of them was created."""

    value: str
    count: int
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """On how many interactions a label key is; of its values the commonest."""

    key: str
    count: int
    values: list[ValueUsage]


def label_usage(project: Project) -> list[KeyUsage]:
    """The label keys that are in use, in the order of the alphabet."""
    with current(project) as index:
        counts = _counts(project, index)
    shown = [id for some in counts.values() for id, _ in some[:VALUES_SHOWN]]
    used = Labelling.objects.filter(label=OuterRef("pk")).order_by("-interaction").values("interaction_id")[:1]
    newest = Subquery(used, output_field=CompactUUIDField())  # by itself, what refers to an id is no id
    last = dict(Label.objects.filter(pk__in=shown).annotate(newest=newest).values_list("pk", "newest"))
    names = label_values(shown)

    def told(id: int, count: int) -> ValueUsage:
        return ValueUsage(names[id], count, ids.moment_of(last[id]) if last.get(id) else None)

    return [
        KeyUsage(
            key,
            sum(count for _, count in some),
            [told(id, count) for id, count in some[:VALUES_SHOWN] if id in names],
        )
        for key, some in counts.items()
    ]


def _counts(project: Project, index: Index | None) -> dict[str, list[tuple[int, int]]]:
    """By label key, the ids of its labels and their counts, largest first."""
    keys = LabelKey.objects.filter(project=project).order_by("key")
    counted = {key.key: _counted(key, index) for key in keys}
    return {key: sorted(some, key=lambda pair: (-pair[1], pair[0])) for key, some in counted.items() if some}


def _counted(key: LabelKey, index: Index | None) -> list[tuple[int, int]]:
    values = index.postings.values(LABEL(key.pk)) if index else None
    if values is not None and values.complete:
        return [(int(label), len(held)) for label, held in values.held.items() if held]
    rows = Label.objects.filter(key=key).annotate(count=Count("labellings")).filter(count__gt=0)
    return list(rows.values_list("pk", "count"))


# A label's value never changes, and its id is never used again. At the limit the memory starts anew.
_MOST_KNOWN = 50_000
_known: dict[int, str] = {}


def label_values(ids: Iterable[int]) -> dict[int, str]:
    """The values of labels by their ids; those that are gone are left out."""
    wanted = list(ids)
    missing = [id for id in wanted if id not in _known]
    if missing:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        _known.update(Label.objects.filter(pk__in=missing).values_list("id", "value"))
    return {id: _known[id] for id in wanted if id in _known}
