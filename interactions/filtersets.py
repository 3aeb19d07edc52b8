"""The query string's spelling of conditions: the same for the tab, the REST list, the exports and the commands.

Repeating a parameter widens it within one name (`label=env:prod&label=env:dev`, `model=a&model=b`, `score=quality:eq:4&
score=quality:eq:5`); different names narrow. Nothing is ignored: a parameter that is unknown or not understood is a
problem, and a set with problems refuses to give rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from interactions import conditions, finding, ids, texts
from interactions.conditions import Condition
from interactions.errors import Invalid
from interactions.models import Interaction, Project
from interactions.payloads import parse_moment, parse_number, searchable, sha256
from interactions.querysets import InteractionQuerySet

# What a page's own state is called; a filter can never have these names.
PAGE_PARAMETERS = frozenset({"older_than", "newer_than", "limit", "project", "count", "images"})

# Each value is at least one query.
MOST_VALUES = 50

PRESETS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days"}
_UNITS = {"h": "hours", "d": "days"}

OPERATORS = {"eq": "is", "ne": "is not", "gte": "at least", "lte": "at most", "gt": "more than", "lt": "less than"}
_WORDS = {"true": 1.0, "up": 1.0, "yes": 1.0, "false": 0.0, "down": 0.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Problem:
    """A parameter that cannot be honoured, and why."""

    name: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter: what it says, and the query string without it."""

    name: str
    value: str
    text: str
    negated: bool
    without: str


# One parameter


class ValuesField(forms.Field):
    """All values given for a parameter, each read by `read`; blank ones (an untouched input) do not count."""

    widget = forms.SelectMultiple

    def __init__(self, *, read: Callable[[str], Any], several: bool, **kwargs: Any) -> None:
        super().__init__(required=False, **{name: kwargs[name] for name in ("label", "help_text") if name in kwargs})
        self.read = read
        self.several = several

    def clean(self, value: Iterable[str] | None) -> list[Any]:
        given = list(dict.fromkeys(text.strip() for text in value or () if text.strip()))
        if len(given) > 1 and not self.several:
            raise ValidationError("Give this parameter once.")
        if len(given) > MOST_VALUES:
            raise ValidationError(f"Give this parameter at most {MOST_VALUES} times.")
        for text in given:
            _searchable(text)
        return [self.read(text) for text in given]


class ConditionFilter(django_filters.Filter):
    """A parameter that becomes a condition: `read` turns a text into a value, `build` values into a condition."""

    field_class = ValuesField

    def __init__(
        self,
        build: Callable[[list[Any]], Condition],
        *,
        read: Callable[[str], Any] = str,
        several: bool = False,
        help_text: str,
    ) -> None:
        super().__init__(read=read, several=several, help_text=help_text)
        self.build = build
        self.read = read


# Reading one value


def _searchable(text: str) -> None:
    try:
        searchable(text)
    except Invalid as error:
        raise ValidationError(error.message) from None


def _choice(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValidationError(f"“{text}” is not one of {', '.join(allowed)}.")
        return text

    return read


def _yes_or_no(text: str) -> bool:
    return _choice("yes", "no")(text) == "yes"


def _moment(text: str) -> datetime:
    try:
        return parse_moment(int(text) if text.lstrip("-").isdecimal() else text)
    except ValueError:
        raise ValidationError(
            f"“{text}” is not a time. Write 2026-11-23, 2026-11-23T14:58 (UTC) or Unix milliseconds."
        ) from None


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,4})([hd])", text)
    if not match:
        raise ValidationError(f"“{text}” is not a span of time. Write 24h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValidationError(f"“{text}” is not an id.") from None


def _user(text: str) -> UUID | str:
    return text if "@" in text else _uuid(text)


def _sha256(text: str) -> str:
    digest = sha256(text)
    if digest is None:
        raise ValidationError(f"“{text[:80]}” is not a prompt hash of 64 hexadecimal digits.")
    return digest


def _mentions(text: str) -> str:
    try:
        conditions.Mentions(text)
    except ValueError:
        raise ValidationError(
            f"“{text}” holds no word to search for. Write words, or use prompt= or completion= to search for signs."
        ) from None
    return text


def _label(text: str) -> tuple[str, str]:
    """`key:value`, or `key` alone for any value. The key ends at the first colon."""
    key, _, value = text.partition(":")
    if not key:
        raise ValidationError(f"“{text}” has no label key. Write key:value.")
    return key, value


def _score(text: str) -> conditions.Scored:
    """`metric`, `metric:value`, or `metric:operator:value`."""
    metric, *rest = text.rsplit(":", 2) if text.count(":") > 1 else text.split(":")
    if not rest:
        return conditions.Scored(metric)
    operator, value = rest if len(rest) == 2 else ("eq", rest[0])
    if operator not in OPERATORS:
        raise ValidationError(f"“{operator}” is not one of {', '.join(OPERATORS)}.")
    return conditions.Scored(metric, operator, _number(value))


def _number(text: str) -> float:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return parse_number(text)
    except ValueError:
        raise ValidationError(f"“{text}” is not a number. Write 0.8, up or down.") from None


# Building a condition


def _labelled(pairs: list[tuple[str, str]]) -> Condition:
    """Values of one key are alternatives; keys are all required."""
    keys: dict[str, list[str]] = {}
    for key, value in pairs:
        keys.setdefault(key, []).append(value)
    parts = (conditions.Labelled(key, () if "" in values else tuple(values)) for key, values in keys.items())
    return conditions.All(tuple(parts))


def _not_labelled(pairs: list[tuple[str, str]]) -> Condition:
    parts = (conditions.Not(conditions.Labelled(key, (value,) if value else ())) for key, value in pairs)
    return conditions.All(tuple(parts))


def _scored(scores: list[conditions.Scored]) -> Condition:
    """Equal values of one metric are alternatives; everything else is required."""
    equal: dict[str, list[Condition]] = {}
    for score in scores:
        if score.comparison == "eq":
            equal.setdefault(score.metric, []).append(score)
    required = [score for score in scores if score.comparison != "eq"]
    return conditions.All((*(conditions.AnyOf(tuple(some)) for some in equal.values()), *required))


def _not_scored(scores: list[conditions.Scored]) -> Condition:
    return conditions.All(tuple(map(conditions.Not, scores)))


def _contains(of: Callable[[str], Condition]) -> Callable[[list[str]], Condition]:
    return lambda texts: conditions.All(tuple(of(text) for text in texts))


# The set


class InteractionFilterSet(django_filters.FilterSet):
    label = ConditionFilter(_labelled, read=_label, several=True, help_text="key:value, or key for any value")
    not_label = ConditionFilter(_not_labelled, read=_label, several=True, help_text="key:value that must be absent")
    last = ConditionFilter(
        lambda spans: conditions.CreatedWithin(since=ids.now() - spans[0]), read=_span, help_text="1h, 24h, 7d, 30d, …"
    )
    since = ConditionFilter(
        lambda moments: conditions.CreatedWithin(since=moments[0]), read=_moment, help_text="from this time, UTC"
    )
    until = ConditionFilter(
        lambda moments: conditions.CreatedWithin(until=moments[0]), read=_moment, help_text="before this time, UTC"
    )
    score = ConditionFilter(
        _scored, read=_score, several=True, help_text="metric:operator:value with eq, ne, gt, gte, lt, lte; or metric"
    )
    not_score = ConditionFilter(_not_scored, read=_score, several=True, help_text="feedback that must be absent")
    feedback = ConditionFilter(
        lambda wanted: conditions.HasFeedback(wanted[0]), read=_yes_or_no, help_text="yes or no: any feedback at all"
    )
    compared = ConditionFilter(
        lambda keys: conditions.All(tuple(map(conditions.Compared, keys))), several=True, help_text="a feedback key"
    )
    model = ConditionFilter(lambda keys: conditions.ModelIn(tuple(keys)), several=True, help_text="a model's key")
    source = ConditionFilter(
        lambda sources: conditions.SourceIn(tuple(sources)),
        read=_choice(*Interaction.Source.values),
        several=True,
        help_text=", ".join(Interaction.Source.values),
    )
    state = ConditionFilter(
        lambda states: conditions.StateIn(tuple(states)),
        read=_choice(*Interaction.State.values),
        several=True,
        help_text=", ".join(Interaction.State.values),
    )
    error_kind = ConditionFilter(
        lambda kinds: conditions.ErrorIn(tuple(kinds)), several=True, help_text="the kind of error that it ended with"
    )
    session = ConditionFilter(lambda found: conditions.InSession(found[0]), read=_uuid, help_text="a session's id")
    user = ConditionFilter(lambda users: conditions.CreatedBy(users[0]), read=_user, help_text="a user's id or email")
    image = ConditionFilter(lambda wanted: conditions.HasImage(wanted[0]), read=_yes_or_no, help_text="yes or no")
    q = ConditionFilter(
        _contains(conditions.Mentions),
        read=_mentions,
        several=True,
        help_text='words and "quoted phrases" that the prompt or the completion holds',
    )
    prompt = ConditionFilter(_contains(conditions.PromptContains), several=True, help_text="a text in the prompt")
    completion = ConditionFilter(
        _contains(conditions.CompletionContains), several=True, help_text="a text in the completion"
    )
    prompt_hash = ConditionFilter(
        lambda hashes: conditions.PromptHashIs(hashes[0]), read=_sha256, help_text="the same prompt"
    )
    id = ConditionFilter(lambda found: conditions.IdIs(found[0]), read=_uuid, help_text="one interaction")

    base_filters: ClassVar[dict[str, ConditionFilter]]

    def __init__(self, data: QueryDict, project: Project) -> None:
        super().__init__(data, queryset=Interaction.objects.for_project(project))
        self.project = project

    # Meaning

    def condition(self) -> conditions.All:
        """What the valid parameters say together; those with problems take no part, so look at `problems` first."""
        self.is_valid()
        cleaned = self.form.cleaned_data
        return conditions.All(
            tuple(filter_.build(cleaned[name]) for name, filter_ in self.base_filters.items() if cleaned.get(name))
        )

    def searched(self) -> texts.Query:
        """What is searched for in texts."""
        parts = (part for part in self.condition().flat() if isinstance(part, conditions.OnTexts))
        return tuple(dict.fromkeys(term for part in parts for term in part.searched))

    @property
    def matches(self) -> finding.Matches:
        """The matching interactions. Raises `Invalid` for the first parameter that cannot be honoured."""
        for problem in self.problems():
            raise Invalid(problem.message, problem.name)
        return finding.find(self.project, self.condition())

    @property
    def qs(self) -> InteractionQuerySet:
        """The same as a queryset, which only the store answers. Raises as `matches` does."""
        found = self.matches
        return Interaction.objects.matching(found.project, found.condition)

    def problems(self) -> list[Problem]:
        unknown = [
            Problem(name, self.data[name], f"There is no filter “{name}”.")
            for name in self.data
            if name not in self.base_filters and name not in PAGE_PARAMETERS
        ]
        wrong = [
            Problem(name, ", ".join(self.data.getlist(name)), " ".join(messages))
            for name, messages in self.form.errors.items()
        ]
        return unknown + wrong

    # What people see

    def chips(self) -> list[Chip]:
        """The active filters, one for each value, in the order of the parameters."""
        self.is_valid()
        return [
            Chip(name, text, self._phrase(name, text), name in ("not_label", "not_score"), self.without(name, text))
            for name in self.base_filters
            if self.form.cleaned_data.get(name)
            for text in dict.fromkeys(value.strip() for value in self.data.getlist(name) if value.strip())
        ]

    def _phrase(self, name: str, text: str) -> str:
        filter_ = self.base_filters[name]
        if name == "last":
            return PRESETS.get(text, f"last {text}")
        if name == "score" and text.rpartition(":")[2].lower() in _WORDS:
            return text.replace(":eq:", " ").replace(":", " ")
        return filter_.build([filter_.read(text)]).describe()

    def query(self) -> str:
        """The filters alone, as a query string."""
        return self._encoded(lambda name, value: False)

    def without(self, name: str, text: str | None = None) -> str:
        """The filters without one value of one parameter, or without the parameter."""
        return self._encoded(lambda n, value: n == name and (text is None or value.strip() == text))

    def _encoded(self, leave_out: Callable[[str, str], bool]) -> str:
        kept = QueryDict(mutable=True)
        for name in self.data:
            if name not in PAGE_PARAMETERS:
                kept.setlist(name, [v for v in self.data.getlist(name) if v.strip() and not leave_out(name, v)])
        return kept.urlencode()
