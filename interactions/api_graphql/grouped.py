"""Interactions by model or by prompt, with what was said about each group."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import strawberry

from interactions.access import Permission
from interactions.api_graphql import filters, paging
from interactions.api_graphql.context import Info
from interactions.api_graphql.enums import CompletionGroupBy, SortDirection
from interactions.api_graphql.feedback import Metric
from interactions.api_graphql.interactions import (
    Completion,
    CompletionConnection,
    Page,
    ScoreFilterInput,
    page_info,
)
from interactions.api_graphql.paging import CursorPageInput, OrderPair, PageInfo
from interactions.api_graphql.permissions import needs
from interactions.conditions import Condition
from interactions.errors import Invalid
from interactions.groups import Group, Grouping, Statistics
from interactions.models import FeedbackKey

BY_GROUP = [OrderPair(field="group", order=SortDirection.ASC)]
NEWEST = [OrderPair(field="id", order=SortDirection.DESC)]


@strawberry.type
class ScoreStats:
    metric: Metric
    scores: int
    average: float | None
    max: float | None
    min: float | None
    stddev: float | None
    sum: float | None

    @classmethod
    def of(cls, told: Statistics, metric: Metric) -> ScoreStats:
        return cls(
            metric=metric,
            scores=told.scores,
            average=told.average,
            max=told.most,
            min=told.least,
            stddev=told.deviation,
            sum=told.total,
        )


@strawberry.type
class GroupData:
    """`key` is the model's key, null without one; or the prompt's hash."""

    key: str | None
    count: int
    page: strawberry.Private[_Groups]

    @strawberry.field
    def direct_scores_stats(self) -> list[ScoreStats]:
        metrics = self.page.metrics
        told = self.page.statistics.get(self.key, [])
        return [ScoreStats.of(one, metrics[one.key_id]) for one in told if one.key_id in metrics]

    @strawberry.field
    def completions(self, page: CursorPageInput, order: list[OrderPair] = NEWEST) -> CompletionConnection:
        """A cursor that is none of an interaction's is ignored: the client sends the one of the groups here, too."""
        return self.page.completions(page, order)[self.key]


class _Groups:
    """The groups of a page: what is asked of one is found for all."""

    def __init__(self, info: Info, grouping: Grouping, groups: list[Group], scores_of: Condition | None) -> None:
        self._info = info
        self._grouping = grouping
        self._scores_of = scores_of
        self._keys = [group.key for group in groups]
        self._counts = {group.key: group.count for group in groups}
        self._told: dict[str, Mapping[str | None, CompletionConnection]] = {}

    @cached_property
    def metrics(self) -> Mapping[int, Metric]:
        return Metric.several(FeedbackKey.objects.filter(project=self._grouping.project).order_by("key"))

    @cached_property
    def statistics(self) -> Mapping[str | None, list[Statistics]]:
        return self._grouping.statistics(self._keys, self._scores_of)

    def completions(self, page: CursorPageInput, order: list[OrderPair]) -> Mapping[str | None, CompletionConnection]:
        asked = repr((page, order))
        if asked not in self._told:
            self._told[asked] = self._completions(page, order)
        return self._told[asked]

    def _completions(self, page: CursorPageInput, order: list[OrderPair]) -> Mapping[str | None, CompletionConnection]:
        wanted, descending = paging.window(page), paging.is_descending(order) != (page.last is not None)
        try:
            beyond = paging.completion_of(wanted.before if wanted.backwards else wanted.after, "page")
        except Invalid:
            beyond = None
        found = self._grouping.ids(
            self._keys, wanted.size + 1, descending=descending, beyond=beyond, skip=wanted.offset
        )
        shown = {key: ids[: wanted.size] for key, ids in found.items()}
        told: dict[object, Completion] = {
            one.id: one
            for one in Page.of_ids(self._info, self._grouping.project, [id for ids in shown.values() for id in ids])
        }
        connections = {}
        for key in self._keys:
            ids, more = shown.get(key, []), len(found.get(key, ())) > wanted.size
            if wanted.backwards:
                ids = ids[::-1]
            less = bool(beyond or wanted.offset)
            place = paging.Found(ids, *((more, less) if wanted.backwards else (less, more)))
            nodes = [told[id] for id in ids if id in told]
            connections[key] = CompletionConnection(
                nodes=nodes, page_info=page_info(place), matches=None, count=self._counts[key]
            )
        return connections


@strawberry.type
class GroupEdge:
    node: GroupData
    cursor: str


@strawberry.type
class GroupConnection:
    group_by: CompletionGroupBy
    page_info: PageInfo
    nodes: list[GroupData]
    grouping: strawberry.Private[Grouping]

    @strawberry.field
    def total_count(self) -> int:
        return self.grouping.count()

    @strawberry.field
    def edges(self) -> list[GroupEdge]:
        return [GroupEdge(node=node, cursor=_cursor(node.key)) for node in self.nodes]


def _cursor(key: str | None) -> str:
    return paging.cursor("g", key or "")


@strawberry.type
class GroupedQuery:
    @needs(Permission.READ)
    def completions_grouped(
        self,
        info: Info,
        filter: filters.ListCompletionsFilterInput,
        group_by: CompletionGroupBy,
        page: CursorPageInput,
        order: list[OrderPair] = BY_GROUP,
        score_filter: ScoreFilterInput | None = None,
    ) -> GroupConnection:
        """Ordered by `group` or by `count`. By count, pages follow one another by offset. `scoreFilter` says whose
        scores the statistics are of."""
        project = info.context.project(filter.project, Permission.READ)
        by = "model" if group_by is CompletionGroupBy.MODEL else "prompt"
        grouping = Grouping(project, filters.condition(project, filter), by)  # type: ignore[arg-type]
        wanted, by_count, descending = paging.window(page), *_order(order)
        if wanted.backwards or wanted.before:
            raise Invalid("Groups are listed forwards: give first and after.", "page")
        read = _digest if by == "prompt" else str
        after = paging.place_of("g", wanted.after, read, "page.after") if wanted.after else None
        if by_count and after is not None:
            raise Invalid("By count, go on with offset.", "page.after")
        found = grouping.page(
            wanted.size + 1, after=after, offset=wanted.offset, by_count=by_count, descending=descending
        )
        shown = found[: wanted.size]
        beside = _Groups(info, grouping, shown, score_filter.condition() if score_filter else None)
        nodes = [GroupData(key=group.key, count=group.count, page=beside) for group in shown]
        has_previous = bool(after is not None or wanted.offset)
        told = PageInfo.of([_cursor(group.key) for group in shown], has_previous, len(found) > wanted.size)
        return GroupConnection(group_by=group_by, page_info=told, nodes=nodes, grouping=grouping)


def _digest(text: str) -> str:
    return bytes.fromhex(text).hex()


def _order(order: list[OrderPair]) -> tuple[bool, bool]:
    """Whether by count, and whether descending."""
    if not order:
        return False, False
    if order[0].field not in ("group", "count"):
        raise Invalid(f"Order groups by group or count; not by “{order[0].field[:100]}”.", "order[0].field")
    return order[0].field == "count", order[0].order is SortDirection.DESC
