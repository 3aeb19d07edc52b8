"""Interactions, as the client knows them: completions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from django.conf import settings
from django.db.models import Count
from pydantic_core import from_json
from strawberry.scalars import JSON

from interactions import database, documents, transcripts
from interactions.access import Permission
from interactions.api_graphql import filters, paging
from interactions.api_graphql.context import Info, selected
from interactions.api_graphql.enums import CompletionSource, SortDirection
from interactions.api_graphql.feedback import DirectScore, Metric
from interactions.api_graphql.paging import CursorPageInput, OrderPair, PageInfo
from interactions.api_graphql.permissions import needs
from interactions.api_graphql.scalars import IdOrKey, Timestamp, milliseconds
from interactions.conditions import All, Condition
from interactions.errors import Invalid
from interactions.finding import Matches, find
from interactions.models import Comparison, FeedbackKey, Interaction
from interactions.models import Project as StoredProject

if TYPE_CHECKING:
    from interactions.api_graphql.models import Model, ModelService
    from interactions.api_graphql.people import User
    from interactions.api_graphql.projects import Project

# Of a session so many turns are told at most, and so many of all sessions of a page.
MOST_TURNS, MOST_TURNS_OF_A_PAGE = 1_000, 5_000

NEWEST_FIRST = [OrderPair(field="created_at", order=SortDirection.DESC)]


# What a completion consists of


@strawberry.type
class TextContentPart:
    text: str


@strawberry.type
class ImageContentPart:
    url: str


ContentPart = Annotated[TextContentPart | ImageContentPart, strawberry.union("ContentPart")]


@strawberry.type
class ChatMessage:
    """`content` is the message's text alone; pictures are among its parts."""

    role: str
    content: str
    content_parts: list[ContentPart]


@strawberry.type
class CompletionLabel:
    key: str
    value: str


@strawberry.type
class Usage:
    completion_tokens: int
    prompt_tokens: int
    total_tokens: int


@strawberry.type
class CompletionMetadata:
    parameters: JSON | None
    timings: JSON | None
    usage: Usage | None
    system: JSON | None


@strawberry.type
class PromptSummary:
    content: str
    truncated: bool
    image_count: int


@strawberry.type
class CompletionText:
    content: str
    image_count: int


@strawberry.type
class CompletionSummary:
    """The previews that lists show."""

    prompt: PromptSummary
    completion: CompletionText


@strawberry.type
class HistoryEntry:
    """An earlier turn of the session; the one just before has level 1."""

    level: int
    completion_id: UUID
    prompt: str
    completion: str | None
    created_at: Timestamp


@strawberry.type
class ComparisonScore:
    id: UUID
    created_at: Timestamp
    project: Annotated[Project, strawberry.lazy("interactions.api_graphql.projects")] | None
    metric: Metric | None
    prefered_completion: Completion | None
    other_completion: Completion | None


@strawberry.type
class Session:
    id: UUID
    page: strawberry.Private[Page]

    @strawberry.field
    def turns(self) -> list[Completion]:
        return self.page.turns[self.id]


@strawberry.input
class ScoreFilterInput:
    """Scores of interactions that have these labels."""

    labels: list[filters.LabelFilter] | None = None

    def condition(self) -> Condition:
        told = enumerate(self.labels or ())
        return All(tuple(filters.labelled(one.key, one.value, f"scoreFilter.labels[{n}]") for n, one in told))

    def has(self, labels: Mapping[str, str]) -> bool:
        return all(
            one.key in labels and (one.value is None or labels[one.key] in one.value) for one in self.labels or ()
        )


@strawberry.type
class Completion:
    id: UUID
    prompt_hash: str | None
    chat_messages: list[ChatMessage]
    completion_parts: list[ContentPart]
    source: CompletionSource
    model: Annotated[Model, strawberry.lazy("interactions.api_graphql.models")] | None
    metadata: CompletionMetadata
    created_at: Timestamp
    has_user_metadata: bool
    user_metadata: JSON | None
    can_edit: bool
    summary: CompletionSummary
    text: strawberry.Private[str | None]
    stored: strawberry.Private[Interaction]
    page: strawberry.Private[Page]

    @strawberry.field
    def completion(self, max_length: int | None = None) -> str | None:
        return self.text if max_length is None or self.text is None else self.text[: max(0, max_length)]

    @strawberry.field
    def labels(self, with_protected: bool = False) -> list[CompletionLabel]:
        return [CompletionLabel(key=key, value=value) for key, value in self.stored.labels.items()]

    @strawberry.field
    def direct_scores(self, filter: ScoreFilterInput | None = None) -> list[DirectScore]:
        if filter and not filter.has(self.stored.labels):
            return []
        return [DirectScore.of(given, self.page.metrics.get(given.key_id)) for given in self.stored.given]

    @strawberry.field
    def comparison_scores(self) -> list[ComparisonScore]:
        return self.page.comparisons[self.id]

    @strawberry.field
    def model_service(
        self,
    ) -> Annotated[ModelService, strawberry.lazy("interactions.api_graphql.models")] | None:
        return self.page.services.get(self.stored.model_id) if self.stored.model_id else None

    @strawberry.field
    def created_by(self, info: Info) -> Annotated[User, strawberry.lazy("interactions.api_graphql.people")] | None:
        return info.context.person(self.stored.user_uid)

    @strawberry.field
    def session(self) -> Session:
        return Session(id=self.stored.session_id, page=self.page)

    @strawberry.field
    def history(self) -> list[HistoryEntry]:
        earlier = [turn for turn in self.page.turns[self.stored.session_id] if turn.id < self.id][::-1]
        return [
            HistoryEntry(
                level=level,
                completion_id=turn.id,
                prompt=turn.stored.prompt_preview,
                completion=turn.text,
                created_at=turn.created_at,
            )
            for level, turn in enumerate(earlier, 1)
        ]

    @strawberry.field
    def siblings_count(self) -> int:
        """The other interactions with the same prompt."""
        return max(0, self.page.siblings.get(self.stored.prompt_hash, 0) - 1)


class Page:
    """Interactions that are told together, so that what they need besides is found for all of them at once."""

    def __init__(self, info: Info, project: StoredProject, interactions: Sequence[Interaction]) -> None:
        self.info = info
        self.project = project
        self.interactions = interactions
        self._can_edit = info.context.caller.may(project.pk, Permission.JUDGE)
        info.context.expect_people(interaction.user_uid for interaction in interactions)
        info.context.expect_people(given.user_uid for one in interactions for given in one.given)

    @classmethod
    def of_ids(cls, info: Info, project: StoredProject, ids: Sequence[UUID]) -> list[Completion]:
        """In the order of `ids`; without those that are gone meanwhile."""
        stored = {one.id: one for one in Interaction.objects.filter(pk__in=ids, project=project).with_everything()}
        return cls(info, project, [stored[id] for id in ids if id in stored]).completions

    @cached_property
    def completions(self) -> list[Completion]:
        return [self._completion(interaction) for interaction in self.interactions]

    @cached_property
    def metrics(self) -> Mapping[int, Metric]:
        return Metric.several(FeedbackKey.objects.filter(project=self.project))

    @cached_property
    def comparisons(self) -> Mapping[UUID, list[ComparisonScore]]:
        from interactions.api_graphql.projects import Project

        made = documents.comparisons(self.interactions)
        sides = {id for some in made.values() for one in some for id in (one.preferred_id, one.other_id)}
        told = {one.id: one for one in Page.of_ids(self.info, self.project, sorted(sides))}
        (project,) = Project.several(self.info.context.caller, [self.project]) if sides else (None,)
        return {id: [self._comparison(one, told, project) for one in some] for id, some in made.items()}

    def _comparison(
        self, made: Comparison, told: Mapping[UUID, Completion], project: Project | None
    ) -> ComparisonScore:
        return ComparisonScore(
            id=made.id,
            created_at=milliseconds(made.created_at),
            project=project,
            metric=self.metrics.get(made.key_id),
            prefered_completion=told.get(made.preferred_id),
            other_completion=told.get(made.other_id),
        )

    @cached_property
    def turns(self) -> Mapping[UUID, list[Completion]]:
        """Of all sessions here, in the order of time."""
        sessions = {interaction.session_id for interaction in self.interactions}
        rows = Interaction.objects.for_project(self.project).filter(session_id__in=sessions)
        found = list(rows.order_by("id").values_list("session_id", "id")[: MOST_TURNS_OF_A_PAGE + 1])
        by_session: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for session, id in found:
            by_session[session].append(id)
        if len(found) > MOST_TURNS_OF_A_PAGE or any(len(turns) > MOST_TURNS for turns in by_session.values()):
            raise Invalid(
                f"The sessions of this page have more than {MOST_TURNS:,} turns each, or {MOST_TURNS_OF_A_PAGE:,} in "
                "all. List them with the filter sessionId instead.",
                "turns",
            )
        told = {one.id: one for one in Page.of_ids(self.info, self.project, [id for _, id in found])}
        turns = {session: [told[id] for id in some if id in told] for session, some in by_session.items()}
        return defaultdict(list, turns)

    @cached_property
    def siblings(self) -> Mapping[str, int]:
        hashes = {interaction.prompt_hash for interaction in self.interactions}
        same = Interaction.objects.for_project(self.project).filter(prompt_hash__in=hashes).values("prompt_hash")
        counts = same.annotate(count=Count("id")).values_list("prompt_hash", "count")
        return {str(digest): count for digest, count in counts}

    @cached_property
    def services(self) -> Mapping[int, ModelService]:
        """By the model's id."""
        from interactions.api_graphql.models import ModelService

        used = {one.model.pk: one.model for one in self.interactions if one.model}
        return dict(zip(used, ModelService.several(used.values()), strict=True))

    # One of them

    def _completion(self, interaction: Interaction) -> Completion:
        transcript = documents.transcript_of(interaction)
        stored = from_json(transcript.document) if transcript else {}
        text = stored.get("completion", transcript.completion_text) if transcript else None
        service = self.services.get(interaction.model_id) if interaction.model_id else None
        return Completion(
            id=interaction.id,
            prompt_hash=interaction.prompt_hash,
            chat_messages=self._messages(interaction, stored, transcript.prompt_text) if transcript else [],
            completion_parts=[TextContentPart(text=text)] if text else [],
            source=CompletionSource[interaction.source],
            model=service.model if service else None,
            metadata=_metadata(interaction, stored),
            created_at=milliseconds(interaction.created_at),
            has_user_metadata=False,
            user_metadata=None,
            can_edit=self._can_edit,
            summary=_summary(interaction),
            text=text,
            stored=interaction,
            page=self,
        )

    def _messages(self, interaction: Interaction, stored: Mapping[str, Any], text: str) -> list[ChatMessage]:
        kept = interaction.kept_images

        def link(sha: str) -> str:
            return documents.image_link(self.project.key, kept[sha])

        told = []
        for message in stored["messages"]:
            parts = [
                TextContentPart(text=part) if is_text else ImageContentPart(url=part)
                for is_text, part in transcripts.parts(message, text, link)
            ]
            content = "\n".join(part.text for part in parts if isinstance(part, TextContentPart))
            told.append(ChatMessage(role=message["role"], content=content, content_parts=parts))
        return told


def _metadata(interaction: Interaction, stored: Mapping[str, Any]) -> CompletionMetadata:
    counts = (interaction.completion_tokens, interaction.prompt_tokens, interaction.total_tokens)
    completion, prompt, total = counts
    timings: Any = {"first_token_ms": interaction.first_token_ms, "total_ms": interaction.total_ms}
    return CompletionMetadata(
        parameters=stored.get("parameters"),
        timings=timings if any(value is not None for value in timings.values()) else None,
        usage=None
        if completion is None or prompt is None or total is None
        else Usage(completion_tokens=completion, prompt_tokens=prompt, total_tokens=total),
        system=None,
    )


def _summary(interaction: Interaction) -> CompletionSummary:
    prompt = interaction.prompt_preview
    return CompletionSummary(
        prompt=PromptSummary(content=prompt, truncated=prompt.endswith("…"), image_count=interaction.image_count),
        completion=CompletionText(content=interaction.completion_preview, image_count=0),
    )


# Lists of them


@strawberry.type
class CompletionEdge:
    node: Completion
    cursor: str


@strawberry.type
class CompletionConnection:
    nodes: list[Completion]
    page_info: PageInfo
    matches: strawberry.Private[Matches | None]
    count: strawberry.Private[int | None]

    @strawberry.field
    def total_count(self) -> int:
        if self.count is None and self.matches is not None:
            self.count = self.matches.count()
        return self.count or 0

    @strawberry.field
    def edges(self) -> list[CompletionEdge]:
        return [CompletionEdge(node=node, cursor=paging.completion_cursor(node.id)) for node in self.nodes]


def connection(info: Info, project: StoredProject, found: paging.Found, matches: Matches) -> CompletionConnection:
    wanted = any(selected(info, name) for name in ("nodes", "edges"))
    nodes = Page.of_ids(info, project, found.ids) if wanted else []
    return CompletionConnection(nodes=nodes, page_info=page_info(found), matches=matches, count=None)


def page_info(found: paging.Found) -> PageInfo:
    cursors = [paging.completion_cursor(id) for id in (found.ids[:1] + found.ids[-1:])]
    return PageInfo.of(cursors, found.has_previous, found.has_next)


@strawberry.type
class InteractionsQuery:
    @needs(Permission.READ)
    def completions(
        self,
        info: Info,
        filter: filters.ListCompletionsFilterInput,
        page: CursorPageInput,
        order: list[OrderPair] = NEWEST_FIRST,
    ) -> CompletionConnection:
        project = info.context.project(filter.project, Permission.READ)
        matches = find(project, filters.condition(project, filter))
        wanted, descending = paging.window(page), paging.is_descending(order)
        with database.time_limit(settings.QUERY_SECONDS):
            return connection(info, project, paging.find(matches, wanted, descending=descending), matches)

    @needs(Permission.READ)
    def completion(self, info: Info, project: IdOrKey, id: UUID) -> Completion | None:
        found = Page.of_ids(info, info.context.project(project, Permission.READ), [id])
        return found[0] if found else None
