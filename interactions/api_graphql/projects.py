"""Projects, what belongs to them, and whom they are shared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from interactions import access, people, projects
from interactions.access import Caller, Permission
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import MetricKind, MetricScoringType
from interactions.api_graphql.feedback import Metric, MetricUpdate
from interactions.api_graphql.models import ModelService
from interactions.api_graphql.people import Role, Team
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds
from interactions.errors import Invalid
from interactions.models import FeedbackKey
from interactions.models import Model as StoredModel
from interactions.models import Project as StoredProject
from interactions.models import Share as StoredShare


@strawberry.type
class MetricWithContext:
    id: UUID
    key: str | None
    name: str
    kind: MetricKind
    description: str
    scoring_type: MetricScoringType
    created_at: datetime

    @classmethod
    def of(cls, key: FeedbackKey) -> MetricWithContext:
        return cls(
            id=key.uid,
            key=key.key,
            name=key.name or key.key,
            kind=MetricKind(key.kind),
            description=key.description,
            scoring_type=MetricScoringType(key.scoring),
            created_at=key.created_at,
        )


@strawberry.type
class Share:
    team: Team
    role: Role
    is_owner: bool


@strawberry.type
class Project:
    id: UUID
    key: str
    name: str
    description: str
    created_at: Timestamp
    permissions: list[str]
    stored: strawberry.Private[StoredProject]
    beside: strawberry.Private[_Beside]

    @strawberry.field
    def metrics(self) -> list[MetricWithContext]:
        return self.beside.metrics[self.stored.pk]

    @strawberry.field
    def model_services(self) -> list[ModelService]:
        return self.beside.services[self.stored.pk]

    @strawberry.field
    def shares(self) -> list[Share]:
        return self.beside.shares[self.stored.pk]

    @classmethod
    def several(cls, caller: Caller, stored: Iterable[StoredProject]) -> list[Project]:
        stored = list(stored)
        beside = _Beside([project.pk for project in stored])
        return [
            cls(
                id=project.uid,
                key=project.key,
                name=project.name,
                description=project.description,
                created_at=milliseconds(project.created_at),
                permissions=sorted(caller.permissions(project.pk)),
                stored=project,
                beside=beside,
            )
            for project in stored
        ]


class _Beside:
    """What some projects have, found for all of them at once when the first is asked."""

    def __init__(self, project_ids: list[int]) -> None:
        self._ids = project_ids

    @cached_property
    def metrics(self) -> Mapping[int, list[MetricWithContext]]:
        found: defaultdict[int, list[MetricWithContext]] = defaultdict(list)
        for key in FeedbackKey.objects.filter(project__in=self._ids).order_by("key"):
            found[key.project_id].append(MetricWithContext.of(key))
        return found

    @cached_property
    def services(self) -> Mapping[int, list[ModelService]]:
        stored = list(StoredModel.objects.filter(project__in=self._ids, is_attached=True).order_by("key"))
        found: defaultdict[int, list[ModelService]] = defaultdict(list)
        for model, service in zip(stored, ModelService.several(stored), strict=True):
            found[model.project_id].append(service)
        return found

    @cached_property
    def shares(self) -> Mapping[int, list[Share]]:
        found: defaultdict[int, list[Share]] = defaultdict(list)
        rows = StoredShare.objects.filter(project__in=self._ids).select_related("team", "role")
        for share in rows.order_by("-is_owner", "team__key"):
            told = Share(team=Team.of(share.team), role=Role.of(share.role), is_owner=share.is_owner)
            found[share.project_id].append(told)
        return found


@strawberry.input
class ProjectSettingsInput:
    default_metric: IdOrKey | None = None


@strawberry.input
class ProjectCreate:
    name: str
    team: IdOrKey | None = None
    key: str | None = None
    description: str | None = None
    settings: ProjectSettingsInput | None = None


@strawberry.input
class ProjectUpdate:
    """null leaves a field unchanged. Projects have no widgets, metadata or archive here: these are refused."""

    name: str | None = None
    description: str | None = None
    widgets: list[JSON] | None = None
    metadata: JSON | None = None
    settings: ProjectSettingsInput | None = None
    is_archived: bool | None = None


@strawberry.input
class ProjectFilter:
    """No project here is archived."""

    is_archived: bool | None = None


@strawberry.input
class ProjectShareInput:
    team: IdOrKey
    role: IdOrKey
    is_owner: bool


@strawberry.input
class ProjectShares:
    shares: list[ProjectShareInput]


@strawberry.type
class ProjectsQuery:
    @needs(Permission.SEE)
    def projects(self, info: Info, filter: ProjectFilter | None = None) -> list[Project]:
        if filter and filter.is_archived:
            return []
        caller = info.context.caller
        return Project.several(caller, access.projects(caller).order_by("key"))

    @needs(Permission.SEE)
    def project(self, info: Info, id_or_key: IdOrKey) -> Project | None:
        return _told(info, info.context.project(id_or_key, Permission.SEE))


@strawberry.type
class ProjectsMutation:
    @needs(Permission.CREATE_PROJECT)
    def create_project(self, info: Info, input: ProjectCreate) -> Project:
        """It belongs to the team, or to the one of the caller's teams where they may create projects."""
        made = projects.create(
            info.context.caller,
            input.key or "",
            input.name,
            input.description or "",
            people.find_team(input.team, info.context.caller) if input.team else None,
            (input.settings and input.settings.default_metric) or None,
        )
        return _told(info, made)

    @needs(Permission.UPDATE_PROJECT)
    def update_project(self, info: Info, id_or_key: IdOrKey, input: ProjectUpdate) -> Project:
        project = info.context.project(id_or_key, Permission.UPDATE_PROJECT)
        for name, value in (
            ("widgets", input.widgets),
            ("metadata", input.metadata),
            ("isArchived", input.is_archived),
        ):
            if value:
                raise Invalid("Projects have no such thing on this server. Leave it out.", name)
        changed = projects.update(
            info.context.caller,
            project,
            name=input.name,
            description=input.description,
            default_metric=input.settings.default_metric if input.settings else None,
        )
        return _told(info, changed)

    @needs(Permission.SHARE)
    def share_project(self, info: Info, id_or_key: IdOrKey, input: ProjectShares) -> Project:
        """The full new list of shares."""
        project = info.context.project(id_or_key, Permission.SHARE)
        wanted = [
            projects.Sharing(people.find_team(one.team), people.find_role(one.role), one.is_owner)
            for one in input.shares
        ]
        projects.set_shares(info.context.caller, project, wanted)
        return _told(info, project)

    @needs(Permission.MANAGE_METRICS)
    def update_metric(self, info: Info, project: IdOrKey, metric: IdOrKey, input: MetricUpdate) -> Metric:
        found = info.context.project(project, Permission.MANAGE_METRICS)
        changed = projects.update_metric(
            info.context.caller,
            found,
            metric,
            name=input.name,
            description=input.description,
            scoring=input.scoring_type.value if input.scoring_type else None,
        )
        return Metric.of(changed)

    @needs(Permission.MANAGE_METRICS)
    def delete_metric(self, info: Info, project: IdOrKey, metric: IdOrKey) -> bool:
        """Refused while feedback was given under it, with the exact number."""
        found = info.context.project(project, Permission.MANAGE_METRICS)
        projects.delete_metric(info.context.caller, found, metric)
        return True


def _told(info: Info, project: StoredProject) -> Project:
    return Project.several(info.context.caller, [project])[0]
