"""A/B tests (the SDK's campaigns) and their reports."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from uuid import UUID

import strawberry

from interactions import ab_tests
from interactions.access import Permission
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import AbcampaignStatus, ScoreType
from interactions.api_graphql.feedback import Metric
from interactions.api_graphql.models import ModelService
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.projects import Project
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds, milliseconds_or_none
from interactions.errors import NotFound
from interactions.models import AbTest


@strawberry.type
class Interval:
    """95 %: of a mean by Student's t, of a rate by Wilson's score."""

    start: float
    middle: float
    end: float


@strawberry.type
class AbCmp:
    scores: int
    wins: int
    losses: int
    ties_good: int
    ties_bad: int
    variant: ModelService


@strawberry.type
class AbVariant:
    variant: ModelService
    interval: Interval | None
    scores: int
    mean: float | None
    comparisons: list[AbCmp] | None


@strawberry.type
class AbReport:
    """`statistic` names the test that `pValue` is of."""

    p_value: float | None
    statistic: str
    variants: list[AbVariant]


@strawberry.type
class Abcampaign:
    id: UUID
    key: str
    name: str
    status: AbcampaignStatus
    begin_date: Timestamp
    end_date: Timestamp | None
    score_type: ScoreType
    traffic_split: float
    auto_deploy: bool
    stored: strawberry.Private[AbTest]
    beside: strawberry.Private[_Beside]

    @strawberry.field
    def metric(self) -> Metric | None:
        return Metric.of(self.stored.metric)

    @strawberry.field
    def project(self, info: Info) -> Project | None:
        return Project.several(info.context.caller, [self.stored.project])[0]

    @strawberry.field
    def models(self) -> list[ModelService]:
        return ModelService.several([arm.model for arm in self.stored.arms.all()])

    @strawberry.field
    def winner(self) -> ModelService | None:
        return ModelService.of(self.stored.winner) if self.stored.winner else None

    @strawberry.field
    def scores(self) -> int:
        return self.beside.report.scores

    @strawberry.field
    def has_enough_scores(self) -> bool:
        return self.beside.report.has_enough_scores

    @strawberry.field
    def report(self) -> AbReport:
        told = self.beside.report
        return AbReport(
            p_value=told.p_value, statistic=told.statistic, variants=[_variant(one) for one in told.variants]
        )

    @classmethod
    def several(cls, tests: Iterable[AbTest]) -> list[Abcampaign]:
        return [
            cls(
                id=test.uid,
                key=test.key,
                name=test.name,
                status=AbcampaignStatus[test.state],
                begin_date=milliseconds(test.created_at),
                end_date=milliseconds_or_none(test.ended_at),
                score_type=ScoreType[test.scores],
                traffic_split=test.traffic_split,
                auto_deploy=test.auto_deploy,
                stored=test,
                beside=_Beside(test),
            )
            for test in tests
        ]


class _Beside:
    """What is told of a test in several fields, and counted once."""

    def __init__(self, test: AbTest) -> None:
        self._test = test

    @cached_property
    def report(self) -> ab_tests.Report:
        return ab_tests.report(self._test)


def _variant(told: ab_tests.Variant) -> AbVariant:
    interval = told.interval and Interval(start=told.interval.start, middle=told.interval.middle, end=told.interval.end)
    compared = None if told.comparisons is None else [_compared(against) for against in told.comparisons]
    return AbVariant(
        variant=ModelService.of(told.model),
        interval=interval,
        scores=told.scores,
        mean=told.mean,
        comparisons=compared,
    )


def _compared(told: ab_tests.Against) -> AbCmp:
    return AbCmp(
        scores=told.scores,
        wins=told.wins,
        losses=told.losses,
        ties_good=told.ties_good,
        ties_bad=told.ties_bad,
        variant=ModelService.of(told.model),
    )


@strawberry.input
class AbCampaignFilter:
    active: bool | None = None
    status: AbcampaignStatus | None = None
    project: IdOrKey | None = None


@strawberry.input
class AbcampaignCreate:
    key: str
    metric: IdOrKey
    project: IdOrKey
    model_services: list[IdOrKey]
    auto_deploy: bool
    traffic_split: float
    name: str | None = None
    score_type: ScoreType = ScoreType.DIRECT


@strawberry.type
class AbTestsQuery:
    @needs(Permission.SEE)
    def ab_campaigns(self, info: Info, filter: AbCampaignFilter) -> list[Abcampaign]:
        return Abcampaign.several(
            ab_tests.visible(
                info.context.caller,
                active=filter.active,
                state=filter.status.value if filter.status else None,
                project=filter.project,
            )
        )

    @needs(Permission.SEE)
    def ab_campaign(self, info: Info, id_or_key: IdOrKey) -> Abcampaign | None:
        with suppress(NotFound):
            return Abcampaign.several([ab_tests.get(info.context.caller, id_or_key)])[0]
        return None


@strawberry.type
class AbTestsMutation:
    @needs(Permission.MANAGE_TESTS)
    def create_ab_campaign(self, info: Info, input: AbcampaignCreate) -> Abcampaign:
        project = info.context.project(input.project, Permission.MANAGE_TESTS)
        made = ab_tests.create(
            info.context.caller,
            project.key,
            key=input.key,
            metric=input.metric,
            models=input.model_services,
            traffic_split=input.traffic_split,
            auto_deploy=input.auto_deploy,
            scores=input.score_type.value,
            name=input.name or "",
        )
        return Abcampaign.several([ab_tests.get(info.context.caller, str(made.uid))])[0]

    @needs(Permission.MANAGE_TESTS)
    def cancel_ab_campaign(self, info: Info, input: IdOrKey) -> str:
        return ab_tests.cancel(info.context.caller, input).key
