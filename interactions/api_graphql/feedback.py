"""Feedback keys (the SDK's metrics), and feedback given under them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from interactions import ids, ingest, payloads, projects
from interactions.access import Permission
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import MetricCategory, MetricKind, MetricScoringType, ScoreSource
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds
from interactions.models import Feedback, FeedbackKey, Interaction

if TYPE_CHECKING:
    from interactions.api_graphql.people import User
    from interactions.api_graphql.projects import Project


@strawberry.type
class Metric:
    id: UUID
    key: str | None
    name: str
    kind: MetricKind
    description: str
    scoring_type: MetricScoringType
    created_at: Timestamp
    has_direct_scores: bool
    has_comparison_scores: bool
    category: MetricCategory
    unit: str | None
    deleted_at: Timestamp | None
    stored: strawberry.Private[FeedbackKey]

    @strawberry.field
    def projects(self, info: Info) -> list[Annotated[Project, strawberry.lazy("interactions.api_graphql.projects")]]:
        project = info.context.projects.get(self.stored.project_id)
        return [project] if project else []

    @classmethod
    def several(cls, keys: Iterable[FeedbackKey]) -> dict[int, Metric]:
        """By the stored key's id, in the order of `keys`."""
        keys = list(keys)
        given = projects.given(keys)
        return {
            key.pk: cls(
                id=key.uid,
                key=key.key,
                name=key.name or key.key,
                kind=MetricKind(key.kind),
                description=key.description,
                scoring_type=MetricScoringType(key.scoring),
                created_at=milliseconds(key.created_at),
                has_direct_scores=given[key.pk].feedback,
                has_comparison_scores=given[key.pk].comparisons,
                category=MetricCategory.USER,
                unit=key.unit or None,
                deleted_at=None,
                stored=key,
            )
            for key in keys
            if key.pk in given  # else it was deleted meanwhile
        }

    @classmethod
    def of(cls, key: FeedbackKey) -> Metric:
        return cls.several([key])[key.pk]


@strawberry.type
class DirectScore:
    id: UUID
    value: float
    metric: Metric | None
    reason: str | None
    details: str | None
    created_at: Timestamp
    source: ScoreSource
    user_uid: strawberry.Private[UUID | None]

    @strawberry.field
    def created_by_user(self, info: Info) -> Annotated[User, strawberry.lazy("interactions.api_graphql.people")] | None:
        return info.context.person(self.user_uid)

    @classmethod
    def of(cls, given: Feedback, metric: Metric | None) -> DirectScore:
        return cls(
            id=given.id,
            value=given.value,
            metric=metric,
            reason=given.reason or None,
            details=given.details or None,
            created_at=milliseconds(given.created_at),
            source=ScoreSource.USER,
            user_uid=given.user_uid,
        )


@strawberry.input
class MetricCreate:
    name: str
    kind: MetricKind
    key: str | None = None
    scoring_type: MetricScoringType = MetricScoringType.HIGHER_IS_BETTER
    description: str | None = None
    unit: str | None = None


@strawberry.input
class MetricFilter:
    """All of those here are USER's."""

    categories: list[MetricCategory] | None = None


@strawberry.input
class MetricUpdate:
    name: str | None = None
    description: str | None = None
    scoring_type: MetricScoringType | None = None


@strawberry.input
class ScoreAddInput:
    value: JSON
    details: str | None = None
    reason: str | None = None


@strawberry.type
class FeedbackQuery:
    @needs(Permission.SEE)
    def metrics(self, info: Info, filter: MetricFilter | None = None) -> list[Metric]:
        if filter and filter.categories is not None and MetricCategory.USER not in filter.categories:
            return []
        return list(Metric.several(projects.metrics(info.context.caller)).values())

    @needs(Permission.SEE)
    def metric(self, info: Info, project_id_or_key: IdOrKey, metric_id_or_key: IdOrKey) -> Metric | None:
        project = info.context.project(project_id_or_key, Permission.SEE)
        return Metric.of(projects.metric(info.context.caller, project, metric_id_or_key))


@strawberry.type
class FeedbackMutation:
    @needs(Permission.MANAGE_METRICS)
    def create_metric(self, info: Info, project: IdOrKey, input: MetricCreate) -> Metric:
        found = info.context.project(project, Permission.MANAGE_METRICS)
        return Metric.of(
            projects.register(
                info.context.caller,
                found,
                input.key or "",
                input.name,
                input.kind.value,
                input.scoring_type.value,
                input.description or "",
                input.unit or "",
            )
        )

    @needs(Permission.JUDGE)
    def add_direct_score(
        self, info: Info, completion_id: UUID, metric_id: IdOrKey, input: ScoreAddInput
    ) -> DirectScore:
        """The project is that of the interaction; true and false are stored as 1 and 0."""
        caller = info.context.caller
        payload = payloads.read(
            payloads.Feedback,
            {
                "completion_id": completion_id,
                "metric": _key_of(completion_id, metric_id),
                "value": input.value,
                "details": input.details,
                "reason": input.reason,
            },
        )
        (answer,) = ingest.perform(caller, ingest.AddFeedback(payload))
        given = Feedback.objects.select_related("key").get(pk=answer["feedback_id"])
        return DirectScore.of(given, Metric.of(given.key))


def _key_of(completion_id: UUID, key_or_id: str) -> str:
    """The key of a metric that is given by its id, in the interaction's project."""
    place = Interaction.objects.filter(pk=completion_id).values("project_id")
    by_id = FeedbackKey.objects.filter(project_id__in=place, uid=uid) if (uid := ids.uuid(key_or_id)) else None
    found = by_id.values_list("key", flat=True).first() if by_id is not None else None
    return found or key_or_id
