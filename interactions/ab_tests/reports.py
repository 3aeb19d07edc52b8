"""What a test shows so far, or showed at its end."""

from __future__ import annotations

from dataclasses import dataclass

from interactions import ids
from interactions.ab_tests import looks
from interactions.ab_tests.scores import Compared, Tally, tally
from interactions.ab_tests.significance import Interval
from interactions.models import AbTest, Model


@dataclass(frozen=True, slots=True)
class Against:
    """The comparisons of one arm with `model`; `wins` and `losses` are those of the former."""

    model: Model
    scores: int
    wins: int
    losses: int
    ties_good: int
    ties_bad: int


@dataclass(frozen=True, slots=True)
class Variant:
    """An arm. `mean` is that of its scores (of yes and no: the rate; of comparisons: the share won, a tie being half),
    None without any. Of one score on a scale there is no interval. `comparisons` only where these are the scores."""

    model: Model
    scores: int
    mean: float | None
    interval: Interval | None
    comparisons: list[Against] | None


@dataclass(frozen=True, slots=True)
class Report:
    """`p_value` is how likely so great a difference would be if the arms were the same, by the test `statistic`; None
    while the scores are too few to tell. `has_enough_scores`: for the first look at whether there is a winner."""

    statistic: str
    p_value: float | None
    scores: int
    has_enough_scores: bool
    variants: list[Variant]


def report(test: AbTest) -> Report:
    """Of a test that has ended, the report as it was then, but for what was deleted since."""
    models = [arm.model for arm in sorted(test.arms.select_related("model"), key=lambda arm: arm.pk)]
    found = tally(test, test.ended_at or ids.now())
    return Report(
        statistic=found.statistic,
        p_value=found.p_value(),
        scores=found.total,
        has_enough_scores=looks.due(found) > 0,
        variants=[_variant(found, model, models) for model in models],
    )


def _variant(found: Tally, model: Model, models: list[Model]) -> Variant:
    return Variant(
        model=model,
        scores=found.count(model.pk),
        mean=found.mean(model.pk),
        interval=found.interval(model.pk),
        comparisons=_comparisons(found, model, models) if isinstance(found, Compared) else None,
    )


def _comparisons(found: Compared, model: Model, models: list[Model]) -> list[Against]:
    records = [(other, found.against(model.pk, other.pk)) for other in models if other != model]
    return [Against(other, record.scores, *record) for other, record in records]
