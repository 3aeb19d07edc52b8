"""Numbers about a filter, all of them exact, and the values that a filter can choose from."""

from __future__ import annotations

from dataclasses import dataclass

from interactions.models import Feedback, FeedbackKey, Interaction, Label, LabelKey, Model, Project
from interactions.querysets import Condition

VALUES_SHOWN = 200
DISTINCT_SCORES = 11


def count(project: Project, condition: Condition) -> int:
    return Interaction.objects.matching(project, condition).count()


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
