"""Every door finds the same: GraphQL, REST, the tab's list and the export, and plain Python over what was logged.

What a filter means is written down here a second time, in GraphQL's words and in those of the query string.
"""

from __future__ import annotations

import json
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.test import Client
from graphql import GraphQLInputObjectType, GraphQLInputType, get_named_type, is_list_type, is_non_null_type

from interactions import groups, ids, payloads
from interactions.api_graphql import paging
from interactions.api_graphql.schema import schema
from interactions.conditions import Mentions
from interactions.filtersets import InteractionFilterSet
from interactions.models import FeedbackKey, Interaction, Model, Project, User
from tests.conftest import Api
from tests.test_conditions import MEANINGS, SESSIONS, START, USERS, WORDS, Row, no_index, rows
from tests.web.test_list import ids_of

__all__ = ["rows"]

Chance = random.Random
Tree = dict[str, Any]

LIST = """query List($filter: ListCompletionsFilterInput!, $page: CursorPageInput!, $order: [OrderPair!]) {
  completions(filter: $filter, page: $page, order: $order) {
    totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@dataclass
class World:
    """What there is, and by what names it can be asked for."""

    rows: list[Row]
    api: Api
    tab: Client
    models: dict[str, str]
    metrics: dict[str, str]
    emails: dict[str, UUID]

    def newest_first(self, holds: Callable[[Row], bool]) -> list[str]:
        found = sorted((row for row in self.rows if holds(row)), key=lambda row: (row.created_at, row.id))
        return [str(row.id) for row in reversed(found)]

    # What is named by a key or by an id

    def user(self, name: str) -> UUID | None:
        return self.emails[name.lower()] if name.lower() in self.emails else ids.uuid(name)

    def completions(self, filter: Tree, page: Tree | None = None, order: str = "DESC") -> dict[str, Any]:
        ordered = [{"field": "created_at", "order": order}]
        told = self.api.ask(LIST, filter={"project": "support"} | filter, page=page or {"first": 500}, order=ordered)
        listed: dict[str, Any] = told["completions"]
        return listed


@pytest.fixture
def world(api: Api, ann: User, project: Project, rows: list[Row]) -> World:
    tab = Client()
    tab.force_login(ann)
    emails = {f"user{n}@example.org": uid for n, uid in enumerate(USERS[:2])}
    for email, uid in emails.items():
        User.objects.create_user(email, uid=uid)
    models = dict(Model.objects.filter(project=project).values_list("uid", "key"))
    metrics = dict(FeedbackKey.objects.filter(project=project).values_list("uid", "key"))
    return World(rows, api, tab, _by_text(models), _by_text(metrics), emails)


def _by_text(named: dict[UUID, str]) -> dict[str, str]:
    return {str(uid): key for uid, key in named.items()}


# GraphQL's words: what an expression may hold, and what that means


def some(chance: Chance, among: list[Any], most: int = 3) -> list[Any]:
    return chance.sample(among, chance.randrange(min(most, len(among)) + 1))


def compared(chance: Chance, among: list[Any]) -> Tree:
    """One comparison at least, sometimes several."""
    told = {"eq": chance.choice(among), "in": some(chance, among), "neq": chance.choice(among)}
    return {name: told[name] for name in chance.sample(sorted(told), chance.choice([1, 1, 1, 2]))}


def agrees(told: Tree, holds: Callable[[Any], bool]) -> bool:
    return (
        ("eq" not in told or holds(told["eq"]))
        and ("in" not in told or any(holds(one) for one in told["in"]))
        and ("neq" not in told or not holds(told["neq"]))
    )


def timerange(chance: Chance, world: World) -> Tree:
    moments = [START, START + ids.MICROSECOND, START + timedelta(seconds=30), chance.choice(world.rows).created_at]
    since, until = chance.choice(moments), chance.choice([*moments, START + timedelta(days=1)])
    return {"from": spelled(chance, since), "to": spelled(chance, until)}


def spelled(chance: Chance, moment: datetime) -> int | str:
    milliseconds = (moment - ids.EPOCH) // timedelta(milliseconds=1)
    told: list[int | str] = [moment.isoformat(), moment.replace(tzinfo=None).isoformat(), milliseconds]
    return chance.choice(told)


def within(told: Tree, row: Row) -> bool:
    since, until = payloads.parse_moment(told["from"]), payloads.parse_moment(told["to"])
    return since <= row.created_at < until


def a_label(chance: Chance) -> Tree:
    key = chance.choice(["env", "lang", "a:b", "unknown"])
    return {"key": key} | chance.choice([{}, {"value": compared(chance, ["x", "y", "no"])}])


def labelled(told: Tree, row: Row) -> bool:
    """Also what is not to be some value has to have the label."""
    has = row.labels.get(told["key"])
    return has is not None and agrees(told.get("value", {}), lambda value: has == value)


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def comparisons(chance: Chance) -> Tree:
    return {name: chance.choice([0.0, 0.1, 1.0, 1.5]) for name in some(chance, sorted(COMPARISONS))}


def metric(chance: Chance, world: World) -> str:
    return chance.choice(["thumbs", "quality", "quality", "unknown", *world.metrics])


def a_score(chance: Chance, world: World) -> Tree:
    told: Tree = {"metric": metric(chance, world)}
    told |= chance.choice([{}, {"value": comparisons(chance)}, {"value": comparisons(chance)}])
    return told | chance.choice([{}, {}, {"reasons": some(chance, ["tone", "fact", "no"])}])


def scored(told: Tree, row: Row, world: World) -> bool:
    """One and the same value agrees with all the comparisons."""
    wanted, value = world.metrics.get(told["metric"], told["metric"]), told.get("value", {})
    return any(
        given == wanted
        and all(COMPARISONS[name](number, bound) for name, bound in value.items())
        and ("reasons" not in told or reason in told["reasons"])
        for given, number, reason in row.feedback
    )


def a_text(chance: Chance, whole: list[str]) -> Tree:
    told = {"contains": chance.choice([*WORDS, "kind.", "LAIN", "%", "_"]), "eq": chance.choice(whole)}
    return {name: told[name] for name in chance.choice([["contains"], ["contains"], ["eq"], ["contains", "eq"]])}


def says(told: Tree, text: str) -> bool:
    text = text.casefold()
    return told.get("contains", "").casefold() in text and ("eq" not in told or told["eq"].casefold() == text)


def prompt(row: Row) -> str:
    return "\n".join(["Be kind.", row.prompt] + ["What is this?"] * row.has_image)


def a_model(chance: Chance, world: World) -> str:
    return chance.choice(["small", "large", "unknown", *world.models])


def a_user(chance: Chance, world: World) -> str:
    return chance.choice([*map(str, USERS), *world.emails, "USER0@Example.org", str(uuid4()), "nobody@example.org"])


def an_id(chance: Chance, world: World) -> str:
    return str(chance.choice([chance.choice(world.rows).id, chance.choice(world.rows).id, uuid4()]))


def a_hash(chance: Chance, world: World) -> str:
    digest = chance.choice(world.rows).prompt_hash
    return chance.choice([digest, digest.upper(), "0" * 64])


# By field: what it may hold, and whether that is so of a row.
LEAVES: dict[str, tuple[Callable[[Chance, World], Any], Callable[[Any, Row, World], bool]]] = {
    "timerange": (timerange, lambda told, row, world: within(told, row)),
    "model": (
        lambda chance, world: compared(chance, [a_model(chance, world) for _ in range(3)]),
        lambda told, row, world: agrees(told, lambda name: row.model == world.models.get(name, name)),
    ),
    "label": (lambda chance, world: a_label(chance), lambda told, row, world: labelled(told, row)),
    "scores": (a_score, scored),
    "source": (
        lambda chance, world: chance.choice(Interaction.Source.values),
        lambda told, row, world: row.source == told,
    ),
    "promptHash": (
        lambda chance, world: compared(chance, [a_hash(chance, world) for _ in range(3)]),
        lambda told, row, world: agrees(told, lambda digest: row.prompt_hash == digest.lower()),
    ),
    "sessionId": (
        lambda chance, world: str(chance.choice([*SESSIONS, uuid4()])),
        lambda told, row, world: str(row.session) == told,
    ),
    "createdBy": (
        lambda chance, world: compared(chance, [a_user(chance, world) for _ in range(3)]),
        lambda told, row, world: agrees(told, lambda name: row.user == world.user(name)),
    ),
    "completionId": (an_id, lambda told, row, world: str(row.id) == told),
    "completion": (
        lambda chance, world: a_text(chance, [chance.choice(world.rows).completion.upper(), "plai"]),
        lambda told, row, world: says(told, row.completion),
    ),
    "errorKind": (
        lambda chance, world: compared(chance, ["timeout", "http_429", "", "unknown"]),
        lambda told, row, world: agrees(told, lambda kind: row.error != "" and row.error == kind),
    ),
    "prompt": (
        lambda chance, world: a_text(chance, [prompt(chance.choice(world.rows)), "kind."]),
        lambda told, row, world: says(told, prompt(row)),
    ),
}


def tree(chance: Chance, world: World, depth: int) -> Tree:
    if depth == 0 or chance.random() < 0.2:
        names = chance.sample(sorted(LEAVES), chance.choice([1, 1, 1, 2]))
        return {name: LEAVES[name][0](chance, world) for name in names}
    kind = chance.choice(["and", "and", "or", "or", "not"])
    if kind == "not":
        return {"not": tree(chance, world, depth - 1)}
    parts = [tree(chance, world, depth - 1) for _ in range(chance.randrange(4))]
    if kind == "and" and chance.random() < 0.3:
        parts += [{"source": source} for source in some(chance, Interaction.Source.values)]
    return {kind: parts}


def holds(told: Tree, row: Row, world: World) -> bool:
    """Of several fields all have to hold."""
    return all(_holds(name, value, row, world) for name, value in told.items())


def _holds(name: str, told: Any, row: Row, world: World) -> bool:
    if name == "and":
        sources = [part["source"] for part in told if part.keys() == {"source"}]
        rest = [part for part in told if part.keys() != {"source"}]
        return all(holds(part, row, world) for part in rest) and (not sources or row.source in sources)
    if name == "or":
        return any(holds(part, row, world) for part in told)
    if name == "not":
        return not holds(told, row, world)
    return LEAVES[name][1](told, row, world)


def trees(world: World) -> Iterator[Tree]:
    """Each leaf by itself and below a negation, and combinations."""
    chance = random.Random(1)
    for name, (told, _) in LEAVES.items():
        for _ in range(5):
            yield {name: told(chance, world)}
        yield {"not": {name: told(chance, world)}}
    yield from ({"and": []}, {"or": []}, {"not": {"and": []}}, {"not": {"or": []}}, {"or": [{"and": []}]})
    for _ in range(100):
        yield tree(chance, world, 3)


# The simple fields

SIMPLE: dict[str, tuple[Callable[[Chance, World], Any], Callable[[Any, Row, World], bool]]] = {
    "models": (
        lambda chance, world: [a_model(chance, world) for _ in range(chance.randrange(3))],
        lambda told, row, world: row.model in [world.models.get(name, name) for name in told],
    ),
    "timerange": LEAVES["timerange"],
    "sessionId": LEAVES["sessionId"],
    "createdBy": (a_user, lambda told, row, world: row.user == world.user(told)),
    "scores": (
        lambda chance, world: [_flat(a_score(chance, world)) for _ in range(chance.randrange(3))],
        lambda told, row, world: all(scored(_nested(one), row, world) for one in told),
    ),
    "comparisons": (
        lambda chance, world: some(chance, [{"metric": key} for key in ("preference", "quality", *world.metrics)], 2),
        lambda told, row, world: all(world.metrics.get(one["metric"], one["metric"]) in row.compared for one in told),
    ),
    "labels": (
        lambda chance, world: [
            {"key": key} | chance.choice([{}, {"value": some(chance, ["x", "y", "no"])}])
            for key in some(chance, ["env", "lang", "a:b"], 2)
        ],
        lambda told, row, world: all(
            one["key"] in row.labels and ("value" not in one or row.labels[one["key"]] in one["value"]) for one in told
        ),
    ),
    "promptHash": (a_hash, lambda told, row, world: row.prompt_hash == told.lower()),
    "completionId": LEAVES["completionId"],
    "source": (
        lambda chance, world: some(chance, Interaction.Source.values),
        lambda told, row, world: row.source in told,
    ),
    "errorKind": (
        lambda chance, world: some(chance, ["timeout", "http_429", "unknown"]),
        lambda told, row, world: row.error != "" and row.error in told,
    ),
    "completion": (
        lambda chance, world: chance.choice(WORDS),
        lambda told, row, world: says({"contains": told}, row.completion),
    ),
    "prompt": (
        lambda chance, world: chance.choice(WORDS),
        lambda told, row, world: says({"contains": told}, prompt(row)),
    ),
}


def _flat(score: Tree) -> Tree:
    return {name: told for name, told in score.items() if name != "value"} | score.get("value", {})


def _nested(score: Tree) -> Tree:
    named = {name: told for name, told in score.items() if name not in COMPARISONS}
    return named | {"value": {name: told for name, told in score.items() if name in COMPARISONS}}


def simple(world: World) -> Iterator[Tree]:
    chance = random.Random(2)
    for name, (told, _) in SIMPLE.items():
        for _ in range(4):
            yield {name: told(chance, world)}
    for name in COMPARISONS:
        yield {"scores": [{"metric": "quality", name: 0.1}]}
    for _ in range(25):
        names = chance.sample(sorted(SIMPLE), chance.choice([2, 2, 3]))
        yield {name: SIMPLE[name][0](chance, world) for name in names}


# The query string's words


@dataclass(frozen=True)
class Parameter:
    """The texts it may have, what they mean together, and how GraphQL says that, if it can."""

    texts: Callable[[Chance, World], list[str]]
    holds: Callable[[list[str], Row, World], bool]
    told: Callable[[list[str]], list[Tree]] | None = None


def _one(texts: Callable[[Chance, World], str]) -> Callable[[Chance, World], list[str]]:
    return lambda chance, world: [texts(chance, world)]


def _pair(text: str) -> tuple[str, str | None]:
    key, _, value = text.partition(":")
    return key, value or None


def _has(text: str, row: Row) -> bool:
    key, value = _pair(text)
    return key in row.labels and value in (None, row.labels[key])


def _label(text: str) -> Tree:
    key, value = _pair(text)
    return {"label": {"key": key} if value is None else {"key": key, "value": {"eq": value}}}


def _labels(texts: list[str]) -> dict[str, list[str]]:
    by_key: defaultdict[str, list[str]] = defaultdict(list)
    for text in texts:
        by_key[_pair(text)[0]].append(text)
    return by_key


_WORDS = {"up": 1.0, "no": 0.0}


def _score(text: str) -> Tree:
    metric, *rest = text.split(":")
    comparison, value = rest if len(rest) == 2 else ("eq", rest[0] if rest else "")
    if not rest:
        return {"metric": metric}
    number = _WORDS[value] if value in _WORDS else float(value)
    return {"metric": metric, "value": {"neq" if comparison == "ne" else comparison: number}}


def _scores(texts: list[str]) -> list[list[Tree]]:
    """Equal values of one metric are alternatives; all else is required."""
    equal: defaultdict[str, list[Tree]] = defaultdict(list)
    rest = []
    for score in map(_score, texts):
        if score.get("value", {}).keys() == {"eq"}:
            equal[score["metric"]].append(score)
        else:
            rest.append([score])
    return [*equal.values(), *rest]


_SPANS = {"1h": timedelta(hours=1), "9999d": timedelta(days=9999)}
_EVER = {"since": "1970-01-01", "until": "2200-01-01"}
_LABELS = ["env:x", "env:y", "lang:x", "lang", "a", "env:no", "unknown"]
_SCORES = ["quality", "quality:gte:0.1", "quality:1", "quality:eq:2", "quality:ne:1", "thumbs:up", "thumbs:no",
           "thumbs:lt:1", "quality:lte:0", "quality:gt:1e8", "unknown:1"]  # fmt: skip


def _moment(text: str) -> datetime:
    return payloads.parse_moment(int(text) if text.isdecimal() else text)


def _time(chance: Chance, world: World) -> str:
    return str(spelled(chance, chance.choice([START + timedelta(seconds=30), chance.choice(world.rows).created_at])))


PARAMETERS: dict[str, Parameter] = {
    "label": Parameter(
        lambda chance, world: some(chance, _LABELS),
        lambda texts, row, world: all(any(_has(text, row) for text in of) for of in _labels(texts).values()),
        lambda texts: [{"or": [_label(text) for text in of]} for of in _labels(texts).values()],
    ),
    "not_label": Parameter(
        lambda chance, world: some(chance, _LABELS, 2),
        lambda texts, row, world: not any(_has(text, row) for text in texts),
        lambda texts: [{"not": _label(text)} for text in texts],
    ),
    "last": Parameter(
        _one(lambda chance, world: chance.choice(sorted(_SPANS))),
        lambda texts, row, world: row.created_at >= ids.now() - _SPANS[texts[0]],
        lambda texts: [{"timerange": {"from": (ids.now() - _SPANS[texts[0]]).isoformat(), "to": _EVER["until"]}}],
    ),
    "since": Parameter(
        _one(_time),
        lambda texts, row, world: row.created_at >= _moment(texts[0]),
        lambda texts: [{"timerange": {"from": _moment(texts[0]).isoformat(), "to": _EVER["until"]}}],
    ),
    "until": Parameter(
        _one(_time),
        lambda texts, row, world: row.created_at < _moment(texts[0]),
        lambda texts: [{"timerange": {"from": _EVER["since"], "to": _moment(texts[0]).isoformat()}}],
    ),
    "score": Parameter(
        lambda chance, world: some(chance, _SCORES),
        lambda texts, row, world: all(any(scored(one, row, world) for one in of) for of in _scores(texts)),
        lambda texts: [{"or": [{"scores": one} for one in of]} for of in _scores(texts)],
    ),
    "not_score": Parameter(
        lambda chance, world: some(chance, _SCORES, 2),
        lambda texts, row, world: not any(scored(_score(text), row, world) for text in texts),
        lambda texts: [{"not": {"scores": _score(text)}} for text in texts],
    ),
    "feedback": Parameter(
        _one(lambda chance, world: chance.choice(["yes", "no"])),
        lambda texts, row, world: bool(row.feedback) == (texts[0] == "yes"),
    ),
    "compared": Parameter(
        lambda chance, world: some(chance, ["preference", "quality"]),
        lambda texts, row, world: set(texts) <= row.compared,
    ),
    "model": Parameter(
        lambda chance, world: some(chance, ["small", "large", "unknown"]),
        lambda texts, row, world: row.model in texts,
        lambda texts: [{"model": {"in": texts}}],
    ),
    "source": Parameter(
        lambda chance, world: some(chance, Interaction.Source.values),
        lambda texts, row, world: row.source in texts,
        lambda texts: [{"and": [{"source": text} for text in texts]}],
    ),
    "state": Parameter(
        lambda chance, world: some(chance, ["done", "failed", "cancelled"]),
        lambda texts, row, world: row.state in texts,
    ),
    "error_kind": Parameter(
        lambda chance, world: some(chance, ["timeout", "http_429", "unknown"]),
        lambda texts, row, world: row.error != "" and row.error in texts,
        lambda texts: [{"errorKind": {"in": texts}}],
    ),
    "session": Parameter(
        _one(lambda chance, world: str(chance.choice(SESSIONS))),
        lambda texts, row, world: str(row.session) == texts[0],
        lambda texts: [{"sessionId": texts[0]}],
    ),
    "user": Parameter(
        _one(a_user),
        lambda texts, row, world: row.user == world.user(texts[0]),
        lambda texts: [{"createdBy": {"eq": texts[0]}}],
    ),
    "image": Parameter(
        _one(lambda chance, world: chance.choice(["yes", "no"])),
        lambda texts, row, world: row.has_image == (texts[0] == "yes"),
    ),
    "q": Parameter(
        lambda chance, world: some(chance, ["plain", "KIND", "ünder", "axb be"], 2),
        lambda texts, row, world: all(MEANINGS[Mentions](Mentions(text), row) for text in texts),
    ),
    "prompt": Parameter(
        lambda chance, world: some(chance, WORDS, 2),
        lambda texts, row, world: all(says({"contains": text}, prompt(row)) for text in texts),
        lambda texts: [{"prompt": {"contains": text}} for text in texts],
    ),
    "completion": Parameter(
        lambda chance, world: some(chance, [*WORDS, "%", "a"], 2),
        lambda texts, row, world: all(says({"contains": text}, row.completion) for text in texts),
        lambda texts: [{"completion": {"contains": text}} for text in texts],
    ),
    "prompt_hash": Parameter(
        _one(a_hash),
        lambda texts, row, world: row.prompt_hash == texts[0].lower(),
        lambda texts: [{"promptHash": {"eq": texts[0]}}],
    ),
    "id": Parameter(
        _one(an_id),
        lambda texts, row, world: str(row.id) == texts[0],
        lambda texts: [{"completionId": texts[0]}],
    ),
}

Query = dict[str, list[str]]


def queries(world: World) -> Iterator[Query]:
    chance = random.Random(3)
    for name, parameter in PARAMETERS.items():
        for _ in range(2):
            yield {name: parameter.texts(chance, world)}
    for _ in range(40):
        names = chance.sample(sorted(PARAMETERS), chance.choice([2, 2, 3]))
        yield {name: PARAMETERS[name].texts(chance, world) for name in names}


def expression(query: Query) -> Tree | None:
    """The same in GraphQL's words, if it has them all."""
    parts: list[Tree] = []
    for name, texts in query.items():
        told = PARAMETERS[name].told
        if texts and told is None:
            return None
        parts += told(texts) if texts and told else []
    return {"and": parts}


# What is found


def test_a_tree_finds_in_graphql_what_it_means(world: World) -> None:
    for number, told in enumerate(trees(world)):
        expected = world.newest_first(lambda row, told=told: holds(told, row, world))  # type: ignore[misc]
        with no_index() if number % 3 == 0 else nullcontext():
            listed = world.completions({"advancedFilter": told})
        assert [node["id"] for node in listed["nodes"]] == expected, told
        assert listed["totalCount"] == len(expected), told


def test_the_simple_fields_find_what_they_mean_and_an_expression_takes_precedence(world: World) -> None:
    chance = random.Random(4)
    for told in simple(world):
        expected = world.newest_first(
            lambda row, told=told: all(SIMPLE[name][1](value, row, world) for name, value in told.items())  # type: ignore[misc]
        )
        listed = world.completions(told)
        assert [node["id"] for node in listed["nodes"]] == expected, told
        assert listed["totalCount"] == len(expected), told
        if chance.random() < 0.3:
            above = {"source": chance.choice(Interaction.Source.values)}
            expected = world.newest_first(lambda row, above=above: holds(above, row, world))  # type: ignore[misc]
            listed = world.completions(told | {"advancedFilter": above})
            assert [node["id"] for node in listed["nodes"]] == expected, told


def test_a_query_string_finds_the_same_through_every_door(world: World) -> None:
    for query in queries(world):
        expected = world.newest_first(
            lambda row, query=query: all(  # type: ignore[misc]
                PARAMETERS[name].holds(texts, row, world) for name, texts in query.items() if texts
            )
        )
        encoded = urlencode(query, doseq=True)
        rest = world.api.get(f"interactions?project=support&count=yes&limit=500&{encoded}").json()
        assert [row["id"] for row in rest["interactions"]] == expected, query
        assert rest["count"] == len(expected), query
        address = "/projects/support/interactions"
        page = world.tab.get(f"{address}?limit=500&{encoded}").content.decode()
        assert ids_of(page) == expected, query
        exported: Any = world.tab.get(f"{address}.jsonl?images=link&{encoded}")
        lines = b"".join(exported.streaming_content).decode().splitlines()
        assert [json.loads(line)["id"] for line in lines] == expected, query
        if (told := expression(query)) is not None:
            listed = world.completions({"advancedFilter": told})
            assert [node["id"] for node in listed["nodes"]] == expected, told
            assert listed["totalCount"] == len(expected), told


# Completeness


def input_type(name: str) -> GraphQLInputObjectType:
    found = schema._schema.type_map[name]
    assert isinstance(found, GraphQLInputObjectType)
    return found


def fields_told(kind: GraphQLInputType, told: Any) -> Iterator[str]:
    """The fields of input types that a value has, such as `TimeRange.from`."""
    if is_non_null_type(kind):
        kind = kind.of_type
    if is_list_type(kind):
        for one in told:
            yield from fields_told(kind.of_type, one)
    elif isinstance(kind, GraphQLInputObjectType):
        for name, value in told.items():
            yield f"{kind.name}.{name}"
            yield from fields_told(kind.fields[name].type, value)


def fields_of(kind: GraphQLInputObjectType, known: set[str]) -> set[str]:
    for name, input_field in kind.fields.items():
        if f"{kind.name}.{name}" not in known:
            known.add(f"{kind.name}.{name}")
            below = get_named_type(input_field.type)
            if isinstance(below, GraphQLInputObjectType):
                fields_of(below, known)
    return known


def test_every_field_of_the_filters_is_asked_for_here(world: World) -> None:
    kind = input_type("ListCompletionsFilterInput")
    told = [{"project": "support", "advancedFilter": told} for told in trees(world)] + list(simple(world))
    assert {field for one in told for field in fields_told(kind, one)} == fields_of(kind, set())


def test_every_parameter_of_the_query_string_is_asked_for_here() -> None:
    assert PARAMETERS.keys() == InteractionFilterSet.base_filters.keys()


# Pages


def walked(world: World, filter: Tree, order: str, size: int, way: str) -> list[str]:
    """All that match, one page after another; from the end where `way` is “before”."""
    found: list[str] = []
    page: Tree = {"last" if way == "before" else "first": size}
    while True:
        listed = world.completions(filter, page, order)
        nodes, info = [node["id"] for node in listed["nodes"]], listed["pageInfo"]
        found = nodes + found if way == "before" else found + nodes
        if not info["hasPreviousPage" if way == "before" else "hasNextPage"]:
            return found
        assert nodes
        page |= {
            "after": {"after": info["endCursor"]},
            "before": {"before": info["startCursor"]},
            "offset": {"offset": len(found)},
        }[way]


@pytest.mark.parametrize("order", ["ASC", "DESC"])
@pytest.mark.parametrize("way", ["after", "before", "offset"])
def test_page_by_page_each_row_is_listed_once_in_order(world: World, order: str, way: str) -> None:
    for size, told in ((1, {"label": {"key": "a:b", "value": {"eq": "x"}}}), (7, {"and": []}), (9, {"source": "LIVE"})):
        expected = world.newest_first(lambda row, told=told: holds(told, row, world))  # type: ignore[misc]
        found = walked(world, {"advancedFilter": told}, order, size, way)
        assert found == (expected if order == "DESC" else expected[::-1])


def test_a_page_between_two_cursors_holds_what_lies_between_them(world: World) -> None:
    every = world.newest_first(lambda row: True)
    after, before = (paging.completion_cursor(UUID(id)) for id in (every[10], every[15]))
    for page, expected, more in (
        ({"first": 9}, every[11:15], (True, True)),
        ({"first": 2}, every[11:13], (True, True)),
        ({"last": 2}, every[13:15], (True, True)),
        ({"first": 2, "offset": 3}, every[14:15], (True, True)),
    ):
        listed = world.completions({}, page | {"after": after, "before": before})
        assert [node["id"] for node in listed["nodes"]] == expected
        assert (listed["pageInfo"]["hasPreviousPage"], listed["pageInfo"]["hasNextPage"]) == more


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_what_is_recorded_meanwhile_moves_no_page(world: World, order: str) -> None:
    before = world.newest_first(lambda row: True)
    found: list[str] = []
    page: Tree = {"first": 30}
    while True:
        listed = world.completions({}, page, order)
        found += [node["id"] for node in listed["nodes"]]
        if not listed["pageInfo"]["hasNextPage"]:
            break
        new = world.api.log()["completion_id"]
        before.insert(0, new)
        page = {"first": 30, "after": listed["pageInfo"]["endCursor"]}
    assert len(found) == len(set(found))
    old = [id for id in found if id in before[-80:]]
    assert old == (before[-80:] if order == "DESC" else before[-80:][::-1])


FOREIGN = ["bm9ib2R5", "x", "%", "ü", "A" * 5_000, paging.cursor("g", "small"), paging.cursor("c", "no id")]

GROUPS = """query Groups($filter: ListCompletionsFilterInput!, $by: CompletionGroupBy!, $page: CursorPageInput!,
    $order: [OrderPair!], $inner: CursorPageInput!, $sorted: [OrderPair!]) {
  completionsGrouped(filter: $filter, groupBy: $by, page: $page, order: $order) {
    totalCount groupBy pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { key } }
    nodes { key count directScoresStats { metric { key } scores average min max stddev sum }
      completions(page: $inner, order: $sorted) {
        totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage } } } } }"""


def grouped(world: World, by: str, **variables: Any) -> dict[str, Any]:
    given = {
        "filter": {"project": "support"}, "by": by, "page": {"first": 100}, "inner": {"first": 1},
        "order": [{"field": "group", "order": "ASC"}], "sorted": [{"field": "id", "order": "DESC"}],
    }  # fmt: skip
    told: dict[str, Any] = world.api.ask(GROUPS, **(given | variables))["completionsGrouped"]
    return told


def test_a_cursor_of_another_list_or_a_changed_one_is_refused(world: World) -> None:
    known = world.completions({}, {"first": 1})["pageInfo"]["endCursor"]
    for text in (*FOREIGN, known[:-2], ("B" if known[0] != "B" else "C") + known[1:]):
        for page in ({"after": text}, {"before": text}):
            answer = world.api.graphql(LIST, filter={"project": "support"}, page=page)
            (error,) = answer["errors"]
            assert "not a cursor of this list" in error["message"], text


def test_within_groups_a_cursor_of_another_list_is_ignored(world: World) -> None:
    expected = grouped(world, "MODEL", inner={"first": 3})["nodes"]
    for text in FOREIGN:
        assert grouped(world, "MODEL", inner={"first": 3, "after": text})["nodes"] == expected


# Groups


def members(world: World, by: str, told: Tree) -> dict[str | None, list[Row]]:
    """Each group's rows, oldest first."""
    found: defaultdict[str | None, list[Row]] = defaultdict(list)
    for row in sorted(world.rows, key=lambda row: (row.created_at, row.id)):
        if holds(told, row, world):
            found[row.model if by == "MODEL" else row.prompt_hash].append(row)
    return found


def in_order(found: dict[str | None, list[Row]], field: str, order: str) -> list[tuple[str | None, int]]:
    """Those without a model are the last of equals."""
    named = sorted((key for key in found if key is not None), reverse=order == "DESC")
    listed = [(key, len(found[key])) for key in [*named, *([None] if None in found else [])]]
    if field == "count":
        listed.sort(key=lambda group: group[1], reverse=order == "DESC")
    return listed


def summed_up(group: list[Row]) -> list[dict[str, Any]]:
    given: defaultdict[str, list[float]] = defaultdict(list)
    for row in group:
        for metric, value, _ in row.feedback:
            given[metric].append(value)
    return [
        {
            "metric": {"key": metric},
            "scores": len(values),
            "average": pytest.approx(statistics.fmean(values)),
            "min": min(values),
            "max": max(values),
            "stddev": pytest.approx(statistics.pstdev(values)),
            "sum": pytest.approx(sum(values)),
        }
        for metric, values in sorted(given.items())
    ]


CHOSEN: list[Tree] = [
    {"and": []},
    {"label": {"key": "env"}},
    {"or": [{"model": {"eq": "small"}}, {"scores": {"metric": "quality", "value": {"gte": 1}}}]},
    {"completion": {"contains": "a"}},
    {"or": []},
]


@pytest.mark.parametrize("by", ["MODEL", "PROMPT"])
@pytest.mark.parametrize("indexed", [True, False])
def test_groups_have_the_counts_and_the_statistics_of_their_rows(world: World, by: str, indexed: bool) -> None:
    for told in CHOSEN:
        expected = members(world, by, told)
        filter = {"project": "support", "advancedFilter": told}
        with nullcontext() if indexed else patch.object(groups, "current", lambda project: nullcontext()):
            found = grouped(world, by, filter=filter)
        assert (found["totalCount"], found["groupBy"]) == (len(expected), by)
        assert [(group["key"], group["count"]) for group in found["nodes"]] == in_order(expected, "group", "ASC")
        for group in found["nodes"]:
            assert group["directScoresStats"] == summed_up(expected[group["key"]])


@pytest.mark.parametrize("by", ["MODEL", "PROMPT"])
@pytest.mark.parametrize("field", ["group", "count"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_groups_are_listed_once_each_in_order(world: World, by: str, field: str, order: str) -> None:
    expected = in_order(members(world, by, CHOSEN[1]), field, order)
    ordered = [{"field": field, "order": order}]
    filter = {"project": "support", "advancedFilter": CHOSEN[1]}
    found: list[tuple[str | None, int]] = []
    page: Tree = {"first": 1 if by == "MODEL" else 11}
    while True:
        some = grouped(world, by, filter=filter, page=page, order=ordered)
        found += [(group["key"], group["count"]) for group in some["nodes"]]
        assert [edge["node"]["key"] for edge in some["edges"]] == [group["key"] for group in some["nodes"]]
        assert some["edges"][-1]["cursor"] == some["pageInfo"]["endCursor"]
        assert some["totalCount"] == len(expected)
        if not some["pageInfo"]["hasNextPage"]:
            break
        page |= {"offset": len(found)} if field == "count" else {"after": some["pageInfo"]["endCursor"]}
    assert found == expected


def test_groups_go_on_after_one_that_is_gone(world: World) -> None:
    """The page after it begins where it would have stood."""
    for order, expected in (("ASC", [None]), ("DESC", ["large", None])):
        ordered = [{"field": "group", "order": order}]
        cursors = {edge["node"]["key"]: edge["cursor"] for edge in grouped(world, "MODEL", order=ordered)["edges"]}
        filter = {"project": "support", "advancedFilter": {"not": {"model": {"eq": "small"}}}}
        rest = grouped(world, "MODEL", filter=filter, page={"first": 5, "after": cursors["small"]}, order=ordered)
        assert [group["key"] for group in rest["nodes"]] == expected


@pytest.mark.parametrize("by", ["MODEL", "PROMPT"])
def test_the_lists_within_groups_are_pages_of_their_rows(world: World, by: str) -> None:
    expected = {key: [str(row.id) for row in group] for key, group in members(world, by, {"and": []}).items()}
    for order in ("ASC", "DESC"):
        ordered = [{"field": "created_at", "order": order}]
        for inner, part in (
            ({"first": 2}, slice(0, 2)),
            ({"last": 2}, slice(-2, None)),
            ({"first": 2, "offset": 1}, slice(1, 3)),
            ({}, slice(0, 50)),
        ):
            for group in grouped(world, by, inner=inner, sorted=ordered)["nodes"]:
                ids = expected[group["key"]]
                within = (ids if order == "ASC" else ids[::-1])[part]
                assert [node["id"] for node in group["completions"]["nodes"]] == within
                assert group["completions"]["totalCount"] == len(ids)
                last = group["completions"]["pageInfo"]["hasPreviousPage" if "last" in inner else "hasNextPage"]
                assert last == (len(ids) > len(within) + inner.get("offset", 0))


def test_the_list_within_a_group_goes_on_after_one_of_its_rows(world: World) -> None:
    for order in ("ASC", "DESC"):
        ordered = [{"field": "created_at", "order": order}]
        ids = [str(row.id) for row in members(world, "MODEL", {"and": []})["small"]][:: 1 if order == "ASC" else -1]
        cursors = {way: paging.completion_cursor(UUID(ids[4])) for way in ("after", "before")}
        for inner, part in (
            ({"first": 3, "after": cursors["after"]}, ids[5:8]),
            ({"last": 3, "before": cursors["before"]}, ids[1:4]),
        ):
            by_key = {group["key"]: group for group in grouped(world, "MODEL", inner=inner, sorted=ordered)["nodes"]}
            assert [node["id"] for node in by_key["small"]["completions"]["nodes"]] == part


@pytest.mark.parametrize(
    "page", [{"last": 2}, {"before": "x"}, {"after": "bm9ib2R5"}, {"first": 1_001}, {"offset": -1}]
)
def test_groups_refuse_pages_that_they_cannot_give(world: World, page: Tree) -> None:
    variables = {"filter": {"project": "support"}, "by": "PROMPT", "inner": {}}
    (error,) = world.api.graphql(GROUPS, **variables, page=page)["errors"]
    assert error["extensions"]["code"] == "invalid"
