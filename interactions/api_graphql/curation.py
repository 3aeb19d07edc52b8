"""What is done with interactions that are there: relabelled, deleted, taken away; and what can be chosen from."""

from __future__ import annotations

from uuid import UUID

import strawberry
from django.db.models import OuterRef, Subquery
from pyroaring import BitMap
from strawberry.scalars import JSON

from interactions import access, choices, downloads, ingest, removal
from interactions.access import Permission
from interactions.api_graphql import selections
from interactions.api_graphql.context import Info
from interactions.api_graphql.interactions import Completion, Page
from interactions.api_graphql.models import Model
from interactions.api_graphql.people import User
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds_or_none
from interactions.api_graphql.selections import CompletionSelectionQuery
from interactions.errors import Invalid
from interactions.models import Interaction, Project, Removal
from interactions.models import Model as StoredModel
from interactions.models import User as StoredUser


@strawberry.type
class LabelValueUsage:
    value: str
    count: int
    last_used: Timestamp | None


@strawberry.type
class LabelKeyUsage:
    key: str
    count: int
    last_used: Timestamp | None
    values: list[LabelValueUsage]


@strawberry.type
class LabelUsage:
    keys: list[LabelKeyUsage]


@strawberry.type
class InteractionOptions:
    """What filters can choose from. Counts are exact; of a key's values the commonest are told, 200 of them."""

    project: strawberry.Private[Project]

    @strawberry.field
    def users(self, info: Info) -> list[User]:
        logged = Interaction.objects.for_project(self.project).filter(user_uid=OuterRef("uid")).order_by("number")
        seen = StoredUser.objects.annotate(seen=Subquery(logged.values("number")[:1])).exclude(seen=None)
        return User.several(info.context.caller, seen.order_by("email"))

    @strawberry.field
    def models(self) -> list[Model]:
        return Model.of_project(StoredModel.objects.filter(project=self.project).order_by("key"))

    @strawberry.field
    def labels(self) -> LabelUsage:
        return LabelUsage(keys=[_key_usage(usage) for usage in choices.label_usage(self.project)])


def _key_usage(usage: choices.KeyUsage) -> LabelKeyUsage:
    values = [
        LabelValueUsage(value=one.value, count=one.count, last_used=milliseconds_or_none(one.last_used))
        for one in usage.values
    ]
    last_used = max((one.last_used for one in values if one.last_used is not None), default=None)
    return LabelKeyUsage(key=usage.key, count=usage.count, last_used=last_used, values=values)


@strawberry.input
class InteractionOptionsInput:
    project_id: IdOrKey


@strawberry.input
class CompletionLabelValue:
    key: str
    value: str


@strawberry.input
class UpdateCompletion:
    """An interaction has one value per label key: adding another replaces it."""

    id: UUID
    remove_labels: list[CompletionLabelValue] | None = None
    add_labels: list[CompletionLabelValue] | None = None
    set_labels: list[CompletionLabelValue] | None = None
    metadata: JSON | None = None


@strawberry.type
class CurationQuery:
    @needs(Permission.READ)
    def interaction_options(self, info: Info, filter: InteractionOptionsInput) -> InteractionOptions:
        return InteractionOptions(project=info.context.project(filter.project_id, Permission.READ))

    @needs(Permission.READ)
    def completion_download_url(self, info: Info, project: IdOrKey, selection: CompletionSelectionQuery) -> str:
        """A path to the lossless documents as JSON lines, for a day, for whoever may read the project."""
        return _offered(info, project, selection, "documents")

    @needs(Permission.READ)
    def completion_as_dataset_download_url(
        self, info: Info, project: IdOrKey, selection: CompletionSelectionQuery
    ) -> str:
        """The same, as records of prompts and completions."""
        return _offered(info, project, selection, "records")


def _offered(info: Info, project: str, selection: CompletionSelectionQuery, form: downloads.Form) -> str:
    found = info.context.project(project, Permission.READ)
    token = downloads.offer(found, selections.numbers(found, selection), form)
    return f"/api/v1/projects/{found.key}/downloads/{token}"


@strawberry.type
class CurationMutation:
    @needs(Permission.JUDGE)
    def update_completion(self, info: Info, input: UpdateCompletion) -> Completion:
        if input.metadata is not None:
            raise Invalid(
                "Interactions keep no metadata for reward servers here. Leave it out, or use labels.", "metadata"
            )
        interaction = _reachable(info, input.id, Permission.JUDGE)
        ingest.change_labels(
            info.context.caller,
            interaction,
            add=_pairs(input.add_labels),
            remove=_pairs(input.remove_labels),
            only=None if input.set_labels is None else _pairs(input.set_labels),
        )
        return Page.of_ids(info, interaction.project, [interaction.pk])[0]

    @needs(Permission.DELETE)
    def delete_completion(self, info: Info, id: UUID) -> bool:
        """For good, with all that belongs to it; done when this answers."""
        interaction = _reachable(info, id, Permission.DELETE)
        removal.delete(interaction.project_id, BitMap([interaction.number]))
        return True

    @needs(Permission.DELETE)
    def delete_completion_selection(self, info: Info, project: IdOrKey, selection: CompletionSelectionQuery) -> int:
        """Answers how many there are, exactly. They go in the background, in small steps."""
        found = info.context.project(project, Permission.DELETE)
        meant = selections.numbers(found, selection)
        if meant:
            described = "they were selected over the API"
            removal.request(found, Removal.What.INTERACTIONS, meant, described, info.context.user)
        return len(meant)


def _pairs(labels: list[CompletionLabelValue] | None) -> list[tuple[str, str]]:
    return [(label.key, label.value) for label in labels or ()]


def _reachable(info: Info, id: UUID, permission: Permission) -> Interaction:
    return access.interaction(info.context.caller, Interaction.objects.all(), id, permission)
