"""Which interactions somebody means: these, what a filter matches, or parts of groups."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import strawberry
from pyroaring import BitMap

from interactions import ids
from interactions.api_graphql import filters
from interactions.api_graphql.enums import CompletionGroupBy
from interactions.conditions import All, Condition, ModelIn, Not, PromptHashIs
from interactions.errors import Invalid
from interactions.finding import find
from interactions.models import Interaction, Model, Project
from interactions.payloads import searchable

MOST_IDS = 100_000
MOST_GROUPS = 1_000


@strawberry.input
class CompletionsById:
    include: list[UUID]


@strawberry.input
class CompletionsByFilters:
    filters: filters.ListCompletionsFilterInput
    exclude: list[UUID]


@strawberry.input
class GroupSelection:
    exclude: list[UUID] | None = None
    select_only: list[UUID] | None = None


@strawberry.input
class GroupSelectionQuery:
    group_id: str
    selection: GroupSelection


@strawberry.input
class FromGroupsQuery:
    filters: filters.ListCompletionsFilterInput
    grouping: CompletionGroupBy
    groups: list[GroupSelectionQuery]


@strawberry.input
class CompletionSelectionQuery:
    """One of the three."""

    from_selection: CompletionsById | None = None
    from_filters: CompletionsByFilters | None = None
    from_groups: FromGroupsQuery | None = None


def numbers(project: Project, given: CompletionSelectionQuery) -> BitMap:
    """The numbers of the interactions that are meant, in this project. Ids that it has not are left out."""
    told = [one for one in (given.from_selection, given.from_filters, given.from_groups) if one is not None]
    if len(told) != 1:
        raise Invalid("Give one of fromSelection, fromFilters and fromGroups.", "selection")
    if given.from_selection:
        return _of(project, given.from_selection.include)
    if given.from_filters:
        condition = _condition(project, given.from_filters.filters)
        return _matching(project, condition) - _of(project, given.from_filters.exclude)
    return _of_groups(project, given.from_groups) if given.from_groups else BitMap()


def _of_groups(project: Project, given: FromGroupsQuery) -> BitMap:
    if len(given.groups) > MOST_GROUPS:
        raise Invalid(f"Name at most {MOST_GROUPS:,} groups; select more by a filter.", "fromGroups.groups")
    condition = _condition(project, given.filters)
    meant = BitMap()
    for n, group in enumerate(given.groups):
        matching = _matching(
            project, All((condition, _group(project, given.grouping, group.group_id, f"fromGroups.groups[{n}]")))
        )
        selection = group.selection
        if selection.exclude is not None and selection.select_only is not None:
            raise Invalid("Give exclude or selectOnly, not both.", f"fromGroups.groups[{n}].selection")
        if selection.select_only is not None:
            matching &= _of(project, selection.select_only)
        meant |= matching - _of(project, selection.exclude or ())
    return meant


def _condition(project: Project, given: filters.ListCompletionsFilterInput) -> Condition:
    """What is selected may be deleted: a filter that names another project was not meant for this one."""
    if given.project != project.key and ids.uuid(given.project) != project.uid:
        raise Invalid(f"The filter is for another project than “{project.key}”, where the selection is.", "project")
    return filters.condition(project, given)


def _group(project: Project, grouping: CompletionGroupBy, id: str, path: str) -> Condition:
    """A group by its key; "" is the one without a model."""
    if grouping is CompletionGroupBy.PROMPT:
        return PromptHashIs(filters.sha256(id, path))
    id = searchable(id, path)
    if id:
        return ModelIn((id,))
    return Not(ModelIn(tuple(Model.objects.filter(project=project).values_list("key", flat=True))))


def _matching(project: Project, condition: Condition) -> BitMap:
    return BitMap(find(project, condition).numbers())


def _of(project: Project, selected: Iterable[UUID]) -> BitMap:
    wanted = list(selected)
    if len(wanted) > MOST_IDS:
        raise Invalid(f"Name at most {MOST_IDS:,} interactions by their ids; select more by a filter.", "selection")
    meant = BitMap()
    for first in range(0, len(wanted), 1_000):
        some = Interaction.objects.for_project(project).filter(pk__in=wanted[first : first + 1_000])
        meant.update(some.values_list("number", flat=True))
    return meant
