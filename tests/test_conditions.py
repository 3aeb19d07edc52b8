"""Each condition means the same in SQL as in plain Python over the same rows; and so do their combinations."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from interactions import access, conditions, finding, ids, index, ingest, payloads, transcripts
from interactions.conditions import All, AnyOf, Condition, Not
from interactions.filtersets import InteractionFilterSet
from interactions.models import FeedbackKey, Interaction, Project, User
from tests.api.pictures import picture, shown

START = datetime(2026, 1, 1, tzinfo=UTC)
SESSIONS = [uuid4() for _ in range(4)]
USERS = [uuid4() for _ in range(3)]
WORDS = ["100%", "a_b", "a%b", "axb", "back\\slash", "C:\\%", "Ünder", "plain", "PLAIN", "quo'te", '"x"', "{}"]
VALUES = [-1.5, 0.0, 0.1, 1.0, 2.0, 1e9]


@dataclass
class Row:
    """What was logged, as plain Python sees it."""

    created_at: datetime
    prompt: str
    completion: str
    model: str | None
    source: str
    state: str
    error: str
    session: UUID
    user: UUID
    has_image: bool
    labels: dict[str, str]
    feedback: list[tuple[str, float, str]]
    id: UUID = field(default_factory=uuid4)
    prompt_hash: str = ""
    compared: set[str] = field(default_factory=set)


@pytest.fixture
def rows(project: Project) -> list[Row]:
    """Eighty random ones, the same each time; several share a moment."""
    chance = random.Random(20_260_101)
    FeedbackKey.objects.create(project=project, key="preference", name="Preference")
    caller = access.operator(project)
    told = [_random_row(chance) for _ in range(80)]
    prepared = [ingest.prepare(_payload(row), project.pk, None) for row in told]
    ingest.store_images(prepared)
    ingest.perform(caller, *(ingest.Record(one) for one in prepared))
    for row, one in zip(told, prepared, strict=True):
        row.id, row.prompt_hash = one.id, one.row["prompt_hash"]
    for _ in range(10):
        sides, metric = chance.sample(told, 2), chance.choice(["preference", "quality"])
        compared = {"preferred_completion": str(sides[0].id), "other_completion": str(sides[1].id)}
        read = payloads.read(payloads.Comparison, {"project": project.key, "metric": metric} | compared)
        ingest.perform(caller, ingest.Compare(read))
        for side in sides:
            side.compared.add(metric)
    return told


def _random_row(chance: random.Random) -> Row:
    state = chance.choice(["done", "done", "failed", "cancelled"])
    return Row(
        created_at=START + timedelta(microseconds=chance.choice([0, 1, 999, 1000, 10**6, chance.randrange(10**8)])),
        prompt=" ".join(chance.sample(WORDS, 2)),
        completion=chance.choice(WORDS),
        model=chance.choice([None, "small", "large"]),
        source=chance.choice(Interaction.Source.values),
        state=state,
        error=chance.choice(["timeout", "http_429", ""]) if state == "failed" else "",
        session=chance.choice(SESSIONS),
        user=chance.choice(USERS),
        has_image=chance.random() < 0.2,
        labels={key: chance.choice("xyz") for key in ("env", "lang", "a:b") if chance.random() < 0.5},
        feedback=[
            (metric, chance.choice([0.0, 1.0] if metric == "thumbs" else VALUES), chance.choice(["", "tone", "fact"]))
            for metric in ("thumbs", "quality", "quality")
            if chance.random() < 0.4
        ],
    )


def _payload(row: Row) -> payloads.Interaction:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": row.prompt}]
    return payloads.read(
        payloads.Interaction,
        {
            "project": "support",
            "messages": messages + (shown(picture()) if row.has_image else []),
            "completion": row.completion,
            "created_at": row.created_at.isoformat(),
            "model_service": row.model,
            "source": row.source,
            "state": row.state,
            "error": {"kind": row.error} if row.error else None,
            "session_id": str(row.session),
            "user": str(row.user),
            "labels": row.labels,
            "feedbacks": [{"metric": m, "value": v, "reason": r or None} for m, v, r in row.feedback],
        },
    )


# The same meaning, in Python

Meaning = Callable[[Any, Row], bool]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "": lambda a, b: True,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def _within(c: conditions.CreatedWithin, row: Row) -> bool:
    return (c.since is None or c.since <= row.created_at) and (c.until is None or row.created_at < c.until)


def _scored(c: conditions.Scored, row: Row) -> bool:
    return any(
        metric == c.metric
        and _COMPARE[c.comparison](value, c.value)
        and all(_COMPARE[comparison](value, other) for comparison, other in c.also)
        and (not c.reasons or reason in c.reasons)
        for metric, value, reason in row.feedback
    )


def _prompt(row: Row) -> str:
    asked = ["Be kind.", row.prompt] + ["What is this?"] * row.has_image
    return "\n".join(asked).casefold()


def _mentions(c: conditions.Mentions, row: Row) -> bool:
    """Every word of the text, as none of these holds a phrase."""
    said = re.findall(r"\w+", f"{_prompt(row)}\n{row.completion.casefold()}")
    return all(word in said for word in c.text.casefold().split())


def _said(c: conditions.PromptContains | conditions.CompletionContains, said: str) -> bool:
    return c.text.casefold() == said if c.is_whole else c.text.casefold() in said


MEANINGS: dict[type[Condition], Meaning] = {
    All: lambda c, row: all(holds(part, row) for part in c.parts),
    AnyOf: lambda c, row: any(holds(part, row) for part in c.parts),
    Not: lambda c, row: not holds(c.part, row),
    conditions.ModelIn: lambda c, row: row.model in c.keys,
    conditions.SourceIn: lambda c, row: row.source in c.sources,
    conditions.StateIn: lambda c, row: row.state in c.states,
    conditions.ErrorIn: lambda c, row: bool(row.error) and row.error in c.kinds,
    conditions.CreatedWithin: _within,
    conditions.InSession: lambda c, row: row.session == c.session_id,
    conditions.CreatedBy: lambda c, row: row.user in (c.user, *c.others),
    conditions.IdIs: lambda c, row: row.id == c.id,
    conditions.PromptHashIs: lambda c, row: row.prompt_hash in (c.sha256, *c.others),
    conditions.HasImage: lambda c, row: row.has_image == c.wanted,
    conditions.Mentions: _mentions,
    conditions.PromptContains: lambda c, row: _said(c, _prompt(row)),
    conditions.CompletionContains: lambda c, row: _said(c, row.completion.casefold()),
    conditions.Labelled: lambda c, row: c.key in row.labels and (not c.values or row.labels[c.key] in c.values),
    conditions.Scored: _scored,
    conditions.HasFeedback: lambda c, row: bool(row.feedback) == c.wanted,
    conditions.Compared: lambda c, row: c.metric in row.compared,
}


def holds(condition: Condition, row: Row) -> bool:
    return MEANINGS[type(condition)](condition, row)


def simple(rows: list[Row]) -> list[Condition]:
    """Conditions of every kind: that hold for some of the rows, for all of them, and for none."""
    moments = [
        START,
        START + ids.MICROSECOND,
        START + timedelta(seconds=1),
        rows[7].created_at,
        START - timedelta(days=1),
    ]
    return [
        *(conditions.ModelIn(keys) for keys in ((), ("small",), ("small", "large"), ("unknown",))),
        *(conditions.SourceIn(sources) for sources in ((), ("LIVE",), ("LIVE", "DATASET"))),
        *(conditions.StateIn(states) for states in ((), ("done",), ("failed", "cancelled"), ("started",))),
        *(conditions.ErrorIn(kinds) for kinds in ((), ("",), ("timeout",), ("timeout", "http_429"), ("unknown",))),
        conditions.CreatedWithin(),
        *(conditions.CreatedWithin(since=moment) for moment in moments),
        *(conditions.CreatedWithin(until=moment) for moment in moments),
        *(conditions.CreatedWithin(since=a, until=b) for a in moments for b in moments),
        *(conditions.InSession(session) for session in (*SESSIONS, uuid4())),
        *(conditions.CreatedBy(user) for user in (*USERS, uuid4())),
        conditions.CreatedBy(USERS[0], (USERS[1], uuid4(), "nobody@example.org")),
        *(conditions.IdIs(id) for id in (rows[0].id, rows[-1].id, uuid4())),
        *(conditions.PromptHashIs(digest) for digest in (rows[3].prompt_hash, "0" * 64)),
        conditions.PromptHashIs("0" * 64, (rows[3].prompt_hash, rows[4].prompt_hash)),
        *(conditions.HasImage(wanted) for wanted in (True, False)),
        *(
            kind(word)
            for kind in (conditions.PromptContains, conditions.CompletionContains)
            for word in (*WORDS, *"%_\\b", "üND")
        ),
        *(conditions.PromptContains(text, True) for text in (f"be kind.\n{rows[5].prompt}", rows[5].prompt, "")),
        *(conditions.CompletionContains(text, True) for text in (rows[5].completion.upper(), "plai", "")),
        *(conditions.Mentions(text) for text in ("plain", "PLAIN kind", "ünder", "a_b axb", "100", "lain")),
        *(
            conditions.Labelled(key, values)
            for key in ("env", "a:b", "unknown")
            for values in ((), ("x",), ("x", "y"), ("no",))
        ),
        *(
            conditions.Scored(metric, comparison, value)
            for metric in ("thumbs", "quality", "unknown")
            for comparison in _COMPARE
            for value in (0.0, 0.1, 1.0)
        ),
        *(conditions.Scored("quality", comparison, 1.0, ("tone",)) for comparison in ("", "eq", "ne", "gte")),
        conditions.Scored("quality", "gt", 0.0, also=(("lt", 2.0),)),
        conditions.Scored("quality", "ne", 1.0, ("tone",), (("gte", 0.1), ("ne", 2.0))),
        *(conditions.HasFeedback(wanted) for wanted in (True, False)),
        *(conditions.Compared(metric) for metric in ("preference", "quality", "thumbs", "unknown")),
    ]


def combined(chance: random.Random, leaves: list[Condition], depth: int) -> Condition:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(leaves)
    if chance.random() < 0.3:
        return Not(combined(chance, leaves, depth - 1))
    kind = chance.choice([All, AnyOf])
    return kind(tuple(combined(chance, leaves, depth - 1) for _ in range(chance.randrange(4))))


def found(project: Project, condition: Condition) -> set[UUID]:
    """As the store finds them and as the index does, which must be the same."""
    matching = Interaction.objects.matching(project, condition)
    listed = list(matching.newest_first().values_list("id", flat=True))
    assert len(listed) == len(set(listed)), "a row was found twice"
    with index.current(project) as known:
        assert known is not None
    matches = finding.find(project, condition)
    assert matches.count() == len(listed), condition
    assert len(matches.numbers()) == len(listed), condition
    size = max(7, len(listed) // 4)
    assert paged(matches.newest, size) == listed, condition
    assert paged(matches.oldest, size) == listed[::-1], condition
    with no_index():
        assert (matches.count(), len(matches.numbers())) == (len(listed), len(listed)), condition
        assert matches.newest(7) == listed[:7], condition
        assert matches.oldest(7) == listed[::-1][:7], condition
    return set(listed)


def no_index() -> AbstractContextManager[object]:
    """As long as it is being made."""
    return patch.object(finding, "current", lambda project: nullcontext())


def test_without_an_index_what_the_store_can_look_up_is_not_looked_for_along_the_list(
    project: Project, rows: list[Row]
) -> None:
    for condition in (conditions.InSession(SESSIONS[0]), conditions.PromptHashIs(rows[0].prompt_hash)):
        with no_index(), CaptureQueriesContext(connection) as captured:
            assert finding.find(project, condition).newest(1)
        assert "ORDER BY" not in captured[-1]["sql"]


def paged(step: Callable[[int, UUID | None], list[UUID]], size: int) -> list[UUID]:
    listed: list[UUID] = []
    while page := step(size, listed[-1] if listed else None):
        listed += page
    return listed


def meant(rows: list[Row], condition: Condition) -> set[UUID]:
    return {row.id for row in rows if holds(condition, row)}


def test_each_condition_finds_what_it_means(project: Project, rows: list[Row]) -> None:
    for condition in simple(rows):
        assert found(project, condition) == meant(rows, condition), condition
        assert found(project, Not(condition)) == meant(rows, Not(condition)), condition


def test_combinations_find_what_they_mean(project: Project, rows: list[Row]) -> None:
    chance = random.Random(7)
    leaves = [*simple(rows), All(), AnyOf()]
    for _ in range(250):
        condition = combined(chance, leaves, 4)
        assert found(project, condition) == meant(rows, condition), condition


@pytest.mark.parametrize(
    "condition",
    [
        All(),
        AnyOf(),
        Not(All()),
        Not(AnyOf()),
        AnyOf((All(), conditions.HasImage())),
        All((AnyOf(), All())),
        Not(Not(All())),
    ],
)
def test_the_empty_combinations_are_everything_and_nothing(
    project: Project, rows: list[Row], condition: Condition
) -> None:
    assert found(project, condition) == meant(rows, condition)


def test_a_range_of_time_begins_with_its_first_moment_and_ends_before_its_last(
    project: Project, rows: list[Row]
) -> None:
    for row in rows:
        moment, tick = row.created_at, ids.MICROSECOND
        assert row.id in found(project, conditions.CreatedWithin(since=moment))
        assert row.id not in found(project, conditions.CreatedWithin(since=moment + tick))
        assert row.id not in found(project, conditions.CreatedWithin(until=moment))
        assert row.id in found(project, conditions.CreatedWithin(until=moment + tick))


def test_a_person_is_found_by_address(project: Project, rows: list[Row]) -> None:
    account = User.objects.create_user("bea@example.org")
    logged = ingest.prepare(_payload(rows[0]), project.pk, None)
    logged.row["user_uid"] = account.uid
    ingest.store_images([logged])
    ingest.perform(access.operator(project), ingest.Record(logged))
    assert found(project, conditions.CreatedBy("Bea@Example.org")) == {logged.id}
    assert found(project, conditions.CreatedBy("nobody@example.org")) == set()


def test_no_condition_leaves_its_project(project: Project, foreign: Project, rows: list[Row]) -> None:
    """Though a row of another project has the same labels, model, session, user, text and time."""
    FeedbackKey.objects.create(project=foreign, key="quality", name="Quality")
    twin = ingest.prepare(_payload(rows[0]), foreign.pk, None)
    ingest.store_images([twin])
    ingest.perform(access.operator(foreign), ingest.Record(twin))
    stranger = Interaction.objects.for_project(foreign).get()
    for condition in (*simple(rows), All(), Not(AnyOf()), Not(conditions.HasImage())):
        assert stranger.id not in found(project, condition)


# Completeness


def _kinds() -> set[str]:
    """By name: a dataclass with slots is a second class in the place of the first."""
    return {kind.__name__ for kind in Condition.__subclasses__()}


def _names(some: Iterable[Condition]) -> set[str]:
    return {type(condition).__name__ for condition in some}


def test_every_kind_of_condition_is_tested_here() -> None:
    assert {kind.__name__ for kind in MEANINGS} == _kinds()


def test_every_kind_of_condition_describes_itself(rows: list[Row]) -> None:
    told = [
        *simple(rows),
        All(),
        AnyOf(),
        Not(All()),
        AnyOf((All((conditions.HasImage(), conditions.HasImage())), All())),
    ]
    assert _names(told) == _kinds()
    for condition in told:
        described = condition.describe()
        assert described
        assert described == described.strip()


SPELLINGS = (
    "label=env:x&last=7d&score=quality:gte:1&feedback=yes&compared=preference&model=small&source=LIVE&state=done&image=no&error_kind=timeout"
    f"&session={uuid4()}&user={uuid4()}&id={uuid4()}&prompt_hash={'0' * 64}&prompt=a&completion=b&q=c"
    "&not_label=env:x&score=quality:1"
)


def test_every_kind_of_condition_can_be_spelled_in_a_url(project: Project) -> None:
    def parts(condition: Condition) -> Iterator[Condition]:
        yield condition
        for part in getattr(condition, "parts", ()):
            yield from parts(part)
        if isinstance(condition, Not):
            yield from parts(condition.part)

    spelled = InteractionFilterSet(QueryDict(SPELLINGS), project)
    assert spelled.problems() == []
    assert _names(parts(spelled.condition())) == _kinds()


def test_descriptions_read_on() -> None:
    described = All(
        (conditions.Labelled("env", ("prod", "dev")), Not(conditions.Scored("quality", "gte", 1234567.0)))
    ).describe()
    assert described == "env is prod or dev and not quality ≥ 1234567"
    assert conditions.Scored("quality", "eq", 0.1234567).describe() == "quality = 0.1234567"
    assert conditions.CreatedWithin(START, START).describe() == "from 2026-01-01 00:00 UTC before 2026-01-01 00:00 UTC"
    either = AnyOf((All((conditions.HasImage(), conditions.HasFeedback(False))), conditions.HasImage(False)))
    assert either.describe() == "(has an image and has no feedback) or has no image"


def test_the_separator_between_messages_is_not_what_people_search_for(project: Project, rows: list[Row]) -> None:
    assert transcripts.SEPARATOR == "\n"
    assert found(project, conditions.PromptContains("kind.\n")) == {row.id for row in rows}
