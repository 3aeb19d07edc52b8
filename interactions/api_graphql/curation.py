"""What is done with interactions that are there: relabelled, deleted, taken away; and what can be chosen from."""

from __future__ import annotations

from uuid import UUID

import strawberry
from django.db.models import Count, OuterRef, Subquery
from pyroaring import BitMap
from strawberry.scalars import JSON

from interactions import downloads, ids, ingest, removal
from interactions.access import Permission
from interactions.api_graphql import selections
from interactions.api_graphql.context import Info
from interactions.api_graphql.interactions import Completion, CompletionLabel, Page
from interactions.api_graphql.models import Model
from interactions.api_graphql.people import User
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds
from interactions.api_graphql.selections import CompletionSelectionQuery
from interactions.choices import VALUES_SHOWN
from interactions.database import CompactUUIDField
from interactions.errors import Invalid, NotFound
from interactions.models import Interaction, Label, Labelling, Project, Removal
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
    def users(self) -> list[User]:
        logged = Interaction.objects.for_project(self.project).filter(user_uid=OuterRef("uid")).order_by("number")
        seen = StoredUser.objects.annotate(seen=Subquery(logged.values("number")[:1])).exclude(seen=None)
        return User.several(seen.order_by("email"))

    @strawberry.field
    def models(self) -> list[Model]:
        return Model.of_project(StoredModel.objects.filter(project=self.project).order_by("key"))

    @strawberry.field
    def labels(self) -> LabelUsage:
        newest = Labelling.objects.filter(label=OuterRef("pk")).order_by("-interaction").values("interaction_id")[:1]
        # A subquery forgets how the column it came from is read.
        last_of = Subquery(newest, output_field=CompactUUIDField())
        rows = Label.objects.filter(project=self.project).annotate(count=Count("labellings"), newest=last_of)
        keys: dict[str, list[LabelValueUsage]] = {}
        for key, value, count, last in rows.order_by("key__key", "-count", "value").values_list(
            "key__key", "value", "count", "newest"
        ):
            last_used = milliseconds(ids.moment_of(last)) if last else None
            if count:
                keys.setdefault(key, []).append(LabelValueUsage(value=value, count=count, last_used=last_used))
        return LabelUsage(keys=[_key_usage(key, values) for key, values in keys.items()])


def _key_usage(key: str, values: list[LabelValueUsage]) -> LabelKeyUsage:
    return LabelKeyUsage(
        key=key,
        count=sum(value.count for value in values),
        last_used=max((value.last_used for value in values if value.last_used is not None), default=None),
        values=values[:VALUES_SHOWN],
    )


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
    found = Interaction.objects.select_related("project").filter(pk=id).first()
    if found is None or not info.context.caller.may(found.project_id, Permission.READ):
        raise NotFound(f"There is no interaction {id} that this caller can see.", "completion_id")
    info.context.caller.project_id(found.project.key, permission)
    return found


__all__ = ["CompletionLabel", "CurationMutation", "CurationQuery"]
