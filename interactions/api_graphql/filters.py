"""GraphQL's spelling of conditions. It only builds them; what they mean is written in `conditions`.

Names and nullability are the vendor's. `advancedFilter` takes precedence over all other fields but `project`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import UUID

import strawberry
from django.db.models import Q

from interactions import conditions, ids, payloads
from interactions.api_graphql.enums import CompletionSource
from interactions.api_graphql.scalars import IdOrKey, InputDatetime
from interactions.conditions import All, AnyOf, Condition, Not
from interactions.errors import Invalid
from interactions.models import FeedbackKey, Model, Project
from interactions.payloads import searchable

_T = TypeVar("_T")

MOST_CONDITIONS = 200
MOST_VALUES = 1_000
NOTHING = AnyOf()

_LOST = (
    "This filter expression is empty. adaptive-sdk 0.14.2 loses the filters user_id, feedbacks and comparisons on the "
    "way: ask over GraphQL with createdBy or scores in advancedFilter (comparisons beside it), or over REST with "
    "user=, score= and compared=, instead."
)


# What a client may send


@strawberry.input
class TimeRange:
    from_: InputDatetime = strawberry.field(name="from")
    to: InputDatetime


@strawberry.input
class IdOrKeyCondition:
    eq: IdOrKey | None = None
    in_: list[IdOrKey] | None = strawberry.field(name="in", default=None)
    neq: IdOrKey | None = None


@strawberry.input
class StringCondition:
    eq: str | None = None
    in_: list[str] | None = strawberry.field(name="in", default=None)
    neq: str | None = None


@strawberry.input
class TextCondition:
    """Case does not count, in either."""

    eq: str | None = None
    contains: str | None = None


@strawberry.input
class LabelCondition:
    key: str
    value: StringCondition | None = None


@strawberry.input
class LabelFilter:
    key: str
    value: list[str] | None = None


@strawberry.input
class FloatNumericCondition:
    eq: float | None = None
    neq: float | None = None
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@strawberry.input
class ScoreCondition:
    metric: IdOrKey
    value: FloatNumericCondition | None = None
    reasons: list[str] | None = None


@strawberry.input
class CompletionScoreFilterInput:
    metric: IdOrKey
    gt: float | None = None
    gte: float | None = None
    eq: float | None = None
    neq: float | None = None
    lt: float | None = None
    lte: float | None = None
    reasons: list[str] | None = None


@strawberry.input
class CompletionComparisonFilterInput:
    metric: IdOrKey


@strawberry.input
class CompletionFilterExpression:
    """Of several fields in one expression all must hold."""

    and_: list[CompletionFilterExpression] | None = strawberry.field(name="and", default=None)
    or_: list[CompletionFilterExpression] | None = strawberry.field(name="or", default=None)
    not_: CompletionFilterExpression | None = strawberry.field(name="not", default=None)
    timerange: TimeRange | None = None
    model: IdOrKeyCondition | None = None
    label: LabelCondition | None = None
    scores: ScoreCondition | None = None
    source: CompletionSource | None = None
    prompt_hash: StringCondition | None = None
    session_id: UUID | None = None
    created_by: IdOrKeyCondition | None = None
    completion_id: UUID | None = None
    completion: TextCondition | None = None
    prompt: TextCondition | None = None
    error_kind: StringCondition | None = None


@strawberry.input
class ListCompletionsFilterInput:
    project: IdOrKey
    models: list[IdOrKey] | None = None
    timerange: TimeRange | None = None
    session_id: UUID | None = None
    created_by: IdOrKey | None = None
    scores: list[CompletionScoreFilterInput] | None = None
    comparisons: list[CompletionComparisonFilterInput] | None = None
    labels: list[LabelFilter] | None = None
    prompt_hash: str | None = None
    completion_id: UUID | None = None
    source: list[CompletionSource] | None = None
    completion: str | None = None
    prompt: str | None = None
    error_kind: list[str] | None = None
    advanced_filter: CompletionFilterExpression | None = None


# What it means


def condition(project: Project, given: ListCompletionsFilterInput) -> All:
    """Raises `Invalid` with the path of what cannot be understood."""
    builder = _Builder(project)
    if given.advanced_filter is not None:
        return All((builder.expression(given.advanced_filter, "advancedFilter"),))
    return All(tuple(builder.simple(given)))


class _Builder:
    def __init__(self, project: Project) -> None:
        self._project = project
        self._left = MOST_CONDITIONS

    # The simple fields

    def simple(self, given: ListCompletionsFilterInput) -> Iterator[Condition]:
        if given.models is not None:
            yield self._models(given.models, "models")
        if given.timerange is not None:
            yield _within(given.timerange)
        if given.session_id is not None:
            yield conditions.InSession(given.session_id)
        if given.created_by is not None:
            yield conditions.CreatedBy(_user(given.created_by, "createdBy"))
        for n, score in enumerate(given.scores or ()):
            self._count(f"scores[{n}]")
            yield self._scored(score.metric, score, score.reasons, f"scores[{n}]")
        for n, comparison in enumerate(given.comparisons or ()):
            self._count(f"comparisons[{n}]")
            yield conditions.Compared(self._metric(comparison.metric))
        for n, label in enumerate(given.labels or ()):
            self._count(f"labels[{n}]")
            yield labelled(label.key, label.value, f"labels[{n}]")
        if given.prompt_hash is not None:
            yield conditions.PromptHashIs(sha256(given.prompt_hash, "promptHash"))
        if given.completion_id is not None:
            yield conditions.IdIs(given.completion_id)
        if given.source is not None:
            yield conditions.SourceIn(tuple(dict.fromkeys(source.value for source in given.source)))
        if given.completion is not None:
            yield conditions.CompletionContains(searchable(given.completion, "completion"))
        if given.prompt is not None:
            yield conditions.PromptContains(searchable(given.prompt, "prompt"))
        if given.error_kind is not None:
            yield _errors(_few(given.error_kind, "errorKind"))

    # The expression

    def expression(self, given: CompletionFilterExpression, path: str) -> Condition:
        parts = list(self._parts(given, path))
        if not parts:
            raise Invalid(_LOST, path)
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _parts(self, given: CompletionFilterExpression, path: str) -> Iterator[Condition]:
        self._count(path)
        if given.and_ is not None:
            yield self._all(given.and_, f"{path}.and")
        if given.or_ is not None:
            yield AnyOf(tuple(self.expression(part, f"{path}.or[{n}]") for n, part in enumerate(given.or_)))
        if given.not_ is not None:
            yield Not(self.expression(given.not_, f"{path}.not"))
        yield from self._leaves(given, path)

    def _count(self, path: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise Invalid(f"A filter has at most {MOST_CONDITIONS} conditions.", path)

    def _all(self, parts: list[CompletionFilterExpression], path: str) -> Condition:
        """Sources beside one another are alternatives: the client writes several of them so, where none could match."""
        sources = tuple(dict.fromkeys(part.source.value for part in parts if part.source and _is_source(part)))
        rest = [(n, part) for n, part in enumerate(parts) if not _is_source(part)]
        told = [self.expression(part, f"{path}[{n}]") for n, part in rest]
        return All((conditions.SourceIn(sources), *told) if sources else tuple(told))

    def _leaves(self, given: CompletionFilterExpression, path: str) -> Iterator[Condition]:
        if given.timerange is not None:
            yield _within(given.timerange)
        if (model := given.model) is not None:
            yield _compared(model.eq, model.in_, model.neq, lambda keys: self._models(keys, path), f"{path}.model")
        if given.label is not None:
            yield _label(given.label, f"{path}.label")
        if (scores := given.scores) is not None:
            value = scores.value or FloatNumericCondition()
            yield self._scored(scores.metric, value, scores.reasons, f"{path}.scores")
        if given.source is not None:
            yield conditions.SourceIn((given.source.value,))
        if (digest := given.prompt_hash) is not None:
            yield _compared(digest.eq, digest.in_, digest.neq, _prompt_hashes, f"{path}.promptHash")
        if given.session_id is not None:
            yield conditions.InSession(given.session_id)
        if (user := given.created_by) is not None:
            yield _compared(user.eq, user.in_, user.neq, _users, f"{path}.createdBy")
        if given.completion_id is not None:
            yield conditions.IdIs(given.completion_id)
        if given.completion is not None:
            yield _text(given.completion, conditions.CompletionContains, f"{path}.completion")
        if given.prompt is not None:
            yield _text(given.prompt, conditions.PromptContains, f"{path}.prompt")
        if (kind := given.error_kind) is not None:
            yield _compared(kind.eq, kind.in_, kind.neq, _errors, f"{path}.errorKind")

    # Names

    def _models(self, keys_or_ids: list[IdOrKey], path: str) -> Condition:
        _few(keys_or_ids, path)
        uids = [uid for name in keys_or_ids if (uid := ids.uuid(name))]
        known = Q(uid__in=uids) | Q(external__uid__in=uids)
        rows = Model.objects.filter(known, project=self._project) if uids else Model.objects.none()
        named: dict[UUID | None, str] = {}
        for key, uid, external in rows.values_list("key", "uid", "external__uid"):
            named |= {uid: key, external: key}
        named.pop(None, None)  # that of a model that nobody serves; so would be each name that is no id
        return conditions.ModelIn(tuple(named.get(ids.uuid(name), name) for name in keys_or_ids))

    def _metric(self, key_or_id: str) -> str:
        uid = ids.uuid(key_or_id)
        rows = FeedbackKey.objects.filter(project=self._project, uid=uid) if uid else FeedbackKey.objects.none()
        return rows.values_list("key", flat=True).first() or key_or_id

    def _scored(
        self,
        metric: str,
        value: FloatNumericCondition | CompletionScoreFilterInput,
        reasons: list[str] | None,
        path: str,
    ) -> Condition:
        given = ((name, getattr(value, "neq" if name == "ne" else name)) for name in conditions.COMPARISONS)
        compared = [(name, number) for name, number in given if number is not None]
        if reasons is not None and not _few(reasons, f"{path}.reasons"):
            return NOTHING
        told = tuple(searchable(reason, f"{path}.reasons") for reason in reasons or ())
        first, *also = compared or [("", 0.0)]
        return conditions.Scored(self._metric(metric), *first, told, tuple(also))


def _is_source(part: CompletionFilterExpression) -> bool:
    return part.source is not None and all(value is None for name, value in vars(part).items() if name != "source")


def _compared(
    eq: _T | None, among: list[_T] | None, neq: _T | None, build: Callable[[list[_T]], Condition], path: str
) -> Condition:
    """Of several comparisons all must hold."""
    parts: list[Condition] = []
    if eq is not None:
        parts.append(build([eq]))
    if among is not None:
        parts.append(build(_few(among, path)))
    if neq is not None:
        parts.append(Not(build([neq])))
    if not parts:
        raise Invalid("Compare with eq, in or neq.", path)
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _within(given: TimeRange) -> Condition:
    """From inclusive, to exclusive."""
    return conditions.CreatedWithin(since=given.from_, until=given.to)


def _label(given: LabelCondition, path: str) -> Condition:
    if (value := given.value) is None:
        return labelled(given.key, None, path)
    build: Callable[[list[str]], Condition] = lambda values: labelled(given.key, values, path)  # noqa: E731
    compared = _compared(value.eq, value.in_, value.neq, build, path)
    # “Not prod” is said of those that have the label at all.
    return compared if value.neq is None else All((conditions.Labelled(given.key), compared))


def labelled(key: str, values: list[str] | None, path: str) -> Condition:
    if values is None:
        return conditions.Labelled(searchable(key, f"{path}.key"))
    values = [searchable(value, f"{path}.value") for value in _few(values, path)]
    return conditions.Labelled(searchable(key, f"{path}.key"), tuple(values)) if values else NOTHING


def _prompt_hashes(digests: list[str]) -> Condition:
    first, *others = [sha256(digest, "promptHash") for digest in digests] or [""]
    return conditions.PromptHashIs(first, tuple(others)) if first else NOTHING


def _errors(kinds: list[str]) -> Condition:
    return conditions.ErrorIn(tuple(searchable(kind, "errorKind") for kind in kinds))


def _users(users: list[IdOrKey]) -> Condition:
    first, *others = [_user(user, "createdBy") for user in users] or [""]
    return conditions.CreatedBy(first, tuple(others)) if first else NOTHING


def _user(user: str, path: str) -> UUID | str:
    uid = ids.uuid(user)
    if uid is None and "@" not in user:
        raise Invalid("Name a user by their id or their email address.", path)
    return uid or user


def _text(
    given: TextCondition, kind: type[conditions.PromptContains | conditions.CompletionContains], path: str
) -> Condition:
    parts: list[Condition] = []
    if given.eq is not None:
        parts.append(kind(searchable(given.eq, path), is_whole=True))
    if given.contains is not None:
        parts.append(kind(searchable(given.contains, path)))
    if not parts:
        raise Invalid("Compare with eq or contains.", path)
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def sha256(text: str, path: str) -> str:
    digest = payloads.sha256(text)
    if digest is None:
        raise Invalid("A prompt hash is a SHA-256 of 64 hexadecimal digits.", path)
    return digest


def _few(values: list[_T], path: str) -> list[_T]:
    if len(values) > MOST_VALUES:
        raise Invalid(f"Give at most {MOST_VALUES:,} values.", path)
    return values
