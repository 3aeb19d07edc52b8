"""The wider schema of GraphQL: what is told of an interaction and done with it, and what is refused."""

from __future__ import annotations

import gzip
import inspect
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from adaptive_sdk.graphql_client import input_types
from adaptive_sdk.graphql_client.client import GQLClient
from adaptive_sdk.graphql_client.custom_fields import (
    CompletionFields,
    CompletionLabelFields,
    GraphQLField,
    MetricFields,
    ProjectFields,
)
from adaptive_sdk.graphql_client.custom_mutations import Mutation
from adaptive_sdk.graphql_client.custom_queries import Query
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLUnionType, get_introspection_query, get_named_type

from interactions import access, finding, removal
from interactions.api_graphql import limits
from interactions.api_graphql.elsewhere import FIELDS
from interactions.api_graphql.schema import schema
from interactions.conditions import Labelled
from interactions.models import ExternalModel, FeedbackKey, Interaction, Model, Project, Removal, User
from tests import teams
from tests.api.pictures import SHAPES, picture, showing
from tests.conftest import Api

PROJECT = {"project": "support"}


@pytest.fixture(autouse=True)
def _nothing_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is asked here, the server finds no fault with itself."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
def admin(project: Project) -> Api:
    return Api(access.issue_key(teams.person("root", admin="admin"), None).secret)


def refused(answer: dict[str, Any]) -> dict[str, Any]:
    """The one error, which is the caller's."""
    (error,) = answer["errors"]
    assert error["message"]
    assert error.get("extensions", {}).get("code") != "internal", error
    return error


def log(api: Api, **fields: Any) -> str:
    return str(api.log(**fields)["completion_id"])


def completion(api: Api, id: str, fields: str) -> dict[str, Any]:
    told = api.ask(f'query ($id: UUID!) {{ completion(project: "support", id: $id) {{ {fields} }} }}', id=id)
    found: dict[str, Any] = told["completion"]
    return found


# What is told of an interaction


def test_images_of_every_shape_are_parts_of_their_message(api: Api) -> None:
    content = picture()
    for shape, _ in SHAPES.values():
        id = log(api, messages=showing(shape(content, "image/png")), completion="A square.")
        told = completion(
            api, id,
            "chatMessages { role content contentParts { ... on TextContentPart { text } "
            "... on ImageContentPart { url } } }"
            " completionParts { ... on TextContentPart { text } } summary { prompt { content truncated imageCount } "
            "completion { content imageCount } }",
        )  # fmt: skip
        (message,) = told["chatMessages"]
        assert (message["role"], message["content"]) == ("user", "What is this?")
        text, image = message["contentParts"]
        assert text == {"text": "What is this?"}
        assert Client().get(image["url"]).status_code == 401
        named = {"Authorization": f"Bearer {api.secret}"}
        shown: Any = Client().get(image["url"], headers=named)
        assert b"".join(shown.streaming_content) if shown.streaming else shown.content == content
        assert told["completionParts"] == [{"text": "A square."}]
        assert told["summary"] == {
            "prompt": {"content": "What is this?", "truncated": False, "imageCount": 1},
            "completion": {"content": "A square.", "imageCount": 0},
        }


def test_a_completion_is_cut_to_the_length_that_is_asked_for(api: Api) -> None:
    id = log(api, completion="Schöne Grüße 🙂!")
    told = completion(
        api, id, "a: completion(maxLength: 4) b: completion(maxLength: 0) c: completion(maxLength: -1) "
        "d: completion(maxLength: 99) e: completion f: completion(maxLength: 14)"
    )  # fmt: skip
    assert list(told.values()) == ["Schö", "", "", "Schöne Grüße 🙂!", "Schöne Grüße 🙂!", "Schöne Grüße 🙂"]


def test_a_session_tells_its_turns_and_each_turn_what_came_before(api: Api) -> None:
    session = str(uuid4())
    said = [log(api, session_id=session, completion=f"{n}", created_at=f"2026-01-01T00:00:0{n}Z") for n in (2, 0, 1)]
    log(api)
    first, second, third = said[1], said[2], said[0]
    told = completion(
        api, third, "session { id turns { id completion } } history { level completionId prompt completion createdAt }"
    )
    assert told["session"] == {
        "id": session, "turns": [{"id": id, "completion": f"{n}"} for n, id in enumerate((first, second, third))],
    }  # fmt: skip
    moment = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    assert told["history"] == [
        {"level": level, "completionId": id, "prompt": "Where is my order?", "completion": text, "createdAt": at}
        for level, id, text, at in ((1, second, "1", moment + 1_000), (2, first, "0", moment))
    ]
    assert completion(api, first, "history { level }") == {"history": []}


def test_the_same_prompt_has_the_same_hash_and_counts_its_siblings(api: Api) -> None:
    ids = [log(api, completion=f"{n}") for n in range(3)]
    other = log(api, messages=[{"role": "user", "content": "Else"}])
    told = [completion(api, id, "promptHash siblingsCount") for id in ids]
    assert told == [{"promptHash": told[0]["promptHash"], "siblingsCount": 2}] * 3
    assert completion(api, other, "siblingsCount") == {"siblingsCount": 0}


def test_who_logged_and_who_judged_is_told_where_they_have_an_account(api: Api, ann: User) -> None:
    mine, unknown = log(api, feedbacks=[{"metric": "thumbs", "value": True}]), log(api, user=str(uuid4()))
    told = completion(api, mine, "createdBy { id email name } directScores { source createdByUser { email } } canEdit")
    assert told == {
        "createdBy": {"id": str(ann.uid), "email": "ann@example.org", "name": "Ann"},
        "directScores": [{"source": "USER", "createdByUser": {"email": "ann@example.org"}}],
        "canEdit": True,
    }
    assert completion(api, unknown, "createdBy { id }") == {"createdBy": None}


def test_scores_are_told_of_interactions_with_the_labels_that_are_asked_for(api: Api) -> None:
    id = log(api, labels={"env": "prod"}, feedbacks=[{"metric": "quality", "value": 3}])
    score = [{"value": 3.0}]
    for filter, expected in (
        ('{labels: [{key: "env", value: ["prod", "dev"]}]}', score),
        ('{labels: [{key: "env"}]}', score),
        ('{labels: [{key: "env", value: []}]}', []),
        ('{labels: [{key: "env"}, {key: "lang"}]}', []),
        ("{}", score),
        ("null", score),
    ):
        assert completion(api, id, f"directScores(filter: {filter}) {{ value }}") == {"directScores": expected}


def test_edges_carry_cursors_that_lead_both_ways(api: Api) -> None:
    ids = [log(api, completion=f"{n}") for n in range(5)][::-1]
    ask = """query ($page: CursorPageInput!) { completions(filter: {project: "support"}, page: $page) {
      edges { cursor node { id } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""
    whole = api.ask(ask, page={})["completions"]
    assert [edge["node"]["id"] for edge in whole["edges"]] == ids
    for n, edge in enumerate(whole["edges"]):
        after = api.ask(ask, page={"after": edge["cursor"]})["completions"]
        before = api.ask(ask, page={"last": 9, "before": edge["cursor"]})["completions"]
        assert [one["node"]["id"] for one in after["edges"]] == ids[n + 1 :]
        assert [one["node"]["id"] for one in before["edges"]] == ids[:n]
        cursors = [one["cursor"] for one in after["edges"]]
        assert (after["pageInfo"]["startCursor"], after["pageInfo"]["endCursor"]) == (
            (cursors[0], cursors[-1]) if cursors else (None, None)
        )
        assert (before["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasNextPage"]) == (False, True)


def test_what_filters_can_choose_from_is_told_with_exact_counts(api: Api, foreign: Project) -> None:
    log(api, labels={"env": "prod"}, model_service="a", created_at="2026-01-01T00:00:00Z")
    log(api, labels={"env": "prod", "lang": "de"}, model_service="b", created_at="2026-01-03T00:00:00Z")
    log(api, labels={"env": "dev"}, created_at="2026-01-02T00:00:00Z")
    told = api.ask(
        """query ($filter: InteractionOptionsInput!) { interactionOptions(filter: $filter) {
          users { email } models { key } labels { keys { key count lastUsed values { value count lastUsed } } } } }""",
        filter={"projectId": "support"},
    )["interactionOptions"]
    first, second, third = (int(datetime(2026, 1, day, tzinfo=UTC).timestamp() * 1000) for day in (1, 2, 3))
    assert first < second < third
    assert told["users"] == [{"email": "ann@example.org"}]
    assert told["models"] == [{"key": "a"}, {"key": "b"}]
    assert told["labels"]["keys"] == [
        {"key": "env", "count": 3, "lastUsed": third, "values": [
            {"value": "prod", "count": 2, "lastUsed": third}, {"value": "dev", "count": 1, "lastUsed": second}]},
        {"key": "lang", "count": 1, "lastUsed": third, "values": [{"value": "de", "count": 1, "lastUsed": third}]},
    ]  # fmt: skip
    ask = '{ interactionOptions(filter: {projectId: "secret"}) { models { key } } }'
    assert refused(api.graphql(ask))["extensions"]["code"] == "not_found"


# Queries to the database


def everything(kind: GraphQLOutputType, depth: int) -> str:
    """All fields below a type that need no arguments, so many levels down."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLUnionType):
        parts = (f"... on {one.name} {{ {everything(one, depth)} }}" for one in named.types)
        return " ".join(["__typename", *parts])
    assert isinstance(named, GraphQLObjectType)
    told = []
    for name, field in named.fields.items():
        below = get_named_type(field.type)
        if not isinstance(below, GraphQLObjectType | GraphQLUnionType):
            told.append(name)
        elif depth > 1:
            told.append(f"{name} {{ {everything(below, depth - 1)} }}")
    return " ".join(told)


def queries_of(api: Api, ask: str, **variables: Any) -> int:
    api.ask(ask, **variables)  # what is kept from now on is not asked for again
    with CaptureQueriesContext(connection) as captured:
        api.ask(ask, **variables)
    return len(captured)


def fill(api: Api, count: int) -> None:
    """Each in a session, by a user, with a model that others serve, and judged in every way."""
    project = Project.objects.get(key="support")
    team = teams.team("crew")
    before = None
    for n in range(count):
        author = teams.person(f"author{Interaction.objects.count()}", crew="read-only")
        id = log(
            api, messages=[{"role": "user", "content": f"{n % 7}"}], user=str(author.uid), model_service=f"m{n % 5}",
            labels={"env": f"{n}", "lang": "de"}, session_id=str(UUID(int=n % 9)),
            feedbacks=[{"metric": "quality", "value": n, "user": str(author.uid)}, {"metric": "thumbs", "value": True}],
        )  # fmt: skip
        if before:
            sides = {"preferred_completion": before, "other_completion": id}
            assert api.post("comparison", PROJECT | sides | {"metric": "quality"}).status_code == 201
        before = id
    for model in Model.objects.filter(project=project, external=None):
        model.external = ExternalModel.objects.create(
            key=model.key, name=model.key, provider="OPEN_AI", external_id=model.key, team=team
        )
        model.save()


FIELDS_OF_COMPLETION = sorted(schema._schema.type_map["Completion"].fields)  # type: ignore[attr-defined]


def test_every_field_of_a_page_costs_the_same_number_of_queries_however_many_rows(api: Api) -> None:
    kind = schema._schema.type_map["Completion"]
    assert isinstance(kind, GraphQLObjectType)
    fill(api, 30)
    for name in FIELDS_OF_COMPLETION:
        below = get_named_type(kind.fields[name].type)
        has_fields = isinstance(below, GraphQLObjectType | GraphQLUnionType)
        field = f"{name} {{ {everything(below, 3)} }}" if has_fields else name
        ask = f"""query ($page: CursorPageInput!) {{
          completions(filter: {{project: "support"}}, page: $page) {{ nodes {{ {field} }} }} }}"""
        few, many = (queries_of(api, ask, page={"first": size}) for size in (2, 30))
        assert many <= few, name


def test_groups_cost_the_same_number_of_queries_however_many_there_are(api: Api) -> None:
    fill(api, 21)
    ask = """query ($page: CursorPageInput!, $by: CompletionGroupBy!) {
      completionsGrouped(filter: {project: "support"}, groupBy: $by, page: $page) { totalCount nodes {
        key count directScoresStats { metric { key projects { key } } average }
        completions(page: {first: 2}) { totalCount nodes {
          id labels { key } model { key } createdBy { email } } } } } }"""
    for by in ("MODEL", "PROMPT"):
        few, many = (queries_of(api, ask, page={"first": size}, by=by) for size in (2, 7))
        assert many <= few, by


# Labels


UPDATE = """mutation Update($input: UpdateCompletion!) {
  updateCompletion(input: $input) { id labels { key value } } }"""


def labels(**given: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in given.items()]


def update(api: Api, id: str, **lists: Any) -> dict[str, str]:
    told = api.ask(UPDATE, input={"id": id} | lists)["updateCompletion"]
    assert told["id"] == id
    return {label["key"]: label["value"] for label in told["labels"]}


def labelled(project: Project, key: str, *values: str) -> list[str]:
    return [str(id) for id in finding.find(project, Labelled(key, values)).newest(10)]


def test_labels_are_added_replaced_removed_and_set(api: Api, project: Project) -> None:
    id = log(api, labels={"env": "dev"})
    assert labelled(project, "env", "dev") == [id]
    assert update(api, id, addLabels=labels(env="prod", lang="de")) == {"env": "prod", "lang": "de"}
    assert (labelled(project, "env", "dev"), labelled(project, "env", "prod")) == ([], [id])
    assert update(api, id, removeLabels=labels(env="dev")) == {"env": "prod", "lang": "de"}
    assert update(api, id, removeLabels=labels(lang="de")) == {"env": "prod"}
    assert labelled(project, "lang") == []
    assert update(api, id, setLabels=labels(a="1"), addLabels=labels(b="2")) == {"a": "1", "b": "2"}
    assert (labelled(project, "env"), labelled(project, "b", "2")) == ([], [id])
    assert update(api, id, setLabels=[]) == {}
    assert labelled(project, "a") == []
    assert update(api, id) == {}


@pytest.mark.parametrize(
    "lists",
    [
        {"addLabels": labels(**{f"k{n}": "v" for n in range(64)})},
        {"setLabels": labels(**{f"k{n}": "v" for n in range(65)})},
        {"addLabels": labels(good="v", **{" ": "v"})},
        {"addLabels": labels(good="v", bad="")},
        {"setLabels": labels(good="v", bad="\0")},
        {"addLabels": labels(good="v", bad="x" * 501)},
        {"addLabels": labels(good="v"), "metadata": {"a": 1}},
    ],
)
def test_labels_that_cannot_be_change_nothing(api: Api, lists: dict[str, Any]) -> None:
    id = log(api, labels={"env": "dev"})
    assert refused(api.graphql(UPDATE, input={"id": id} | lists))["extensions"]["code"] == "invalid"
    assert update(api, id) == {"env": "dev"}


def test_who_may_only_read_changes_and_deletes_nothing(api: Api, vic: User, project: Project) -> None:
    id = log(api, labels={"env": "dev"})
    reader = Api(access.issue_key(vic, None).secret)
    for ask, variables in (
        (UPDATE, {"input": {"id": id, "setLabels": []}}),
        ("mutation ($id: UUID!) { deleteCompletion(id: $id) }", {"id": id}),
        (DELETE, {"selection": {"fromSelection": {"include": [id]}}}),
    ):
        assert refused(reader.graphql(ask, **variables))["extensions"]["code"] == "forbidden"
    assert completion(reader, id, "canEdit labels { key }") == {"canEdit": False, "labels": [{"key": "env"}]}


def test_interactions_of_other_projects_are_not_there(api: Api, foreign: Project) -> None:
    owner = teams.person("owner", theirs="power_user")
    teams.share(foreign, "theirs")
    theirs = log(Api(access.issue_key(owner, None).secret), project="secret")
    for id in (theirs, str(uuid4())):
        for ask, variables in (
            (UPDATE, {"input": {"id": id, "setLabels": []}}),
            ("mutation ($id: UUID!) { deleteCompletion(id: $id) }", {"id": id}),
        ):
            assert refused(api.graphql(ask, **variables))["extensions"]["code"] == "not_found"
        assert completion(api, id, "id") is None
        assert api.ask(DELETE, selection={"fromSelection": {"include": [id]}}) == {"deleteCompletionSelection": 0}
    assert Interaction.objects.filter(pk=theirs).exists()


# Deleting

DELETE = """mutation Delete($selection: CompletionSelectionQuery!) {
  deleteCompletionSelection(project: "support", selection: $selection) }"""


def test_a_deleted_interaction_is_gone_when_it_is_answered(api: Api) -> None:
    id, kept = log(api), log(api)
    assert api.ask("mutation ($id: UUID!) { deleteCompletion(id: $id) }", id=id) == {"deleteCompletion": True}
    assert list(Interaction.objects.values_list("pk", flat=True)) == [UUID(kept)]
    assert completion(api, id, "id") is None


def work_off() -> None:
    for one in Removal.objects.all():
        assert removal.work_off(one)


def six(api: Api) -> list[str]:
    """Three of a model, two of another, one without; alternately of two prompts."""
    return [
        log(api, model_service=model, labels={"n": f"{n}"}, messages=[{"role": "user", "content": f"q{n % 2}"}])
        for n, model in enumerate(["a", "a", "a", "b", "b", None])
    ]


def selections(ids: list[str], digest: str) -> list[tuple[dict[str, Any], set[int]]]:
    """Each form, and which of the six it means."""

    def groups(by: str, *told: tuple[str, dict[str, Any]], **filter: Any) -> dict[str, Any]:
        listed = [{"groupId": key, "selection": selection} for key, selection in told]
        return {"fromGroups": {"filters": PROJECT | filter, "grouping": by, "groups": listed}}

    unknown = str(uuid4())
    return [
        ({"fromSelection": {"include": [ids[0], ids[4], unknown]}}, {0, 4}),
        ({"fromSelection": {"include": []}}, set()),
        ({"fromFilters": {"filters": PROJECT, "exclude": []}}, {0, 1, 2, 3, 4, 5}),
        ({"fromFilters": {"filters": PROJECT | {"models": ["a"]}, "exclude": [ids[1], ids[5], unknown]}}, {0, 2}),
        (groups("MODEL", ("a", {"exclude": [ids[0]]}), ("b", {"selectOnly": [ids[4], ids[5]]})), {1, 2, 4}),
        (groups("MODEL", ("", {}), ("unknown", {})), {5}),
        (groups("MODEL", ("a", {}), labels=[{"key": "n", "value": ["0", "3"]}]), {0}),
        (groups("PROMPT", (digest.upper(), {"exclude": []}), models=["a"]), {0, 2}),
        (groups("PROMPT", (digest, {"selectOnly": []})), set()),
    ]


@pytest.mark.parametrize("number", range(9))
def test_a_selection_is_deleted_and_its_exact_number_told(api: Api, number: int) -> None:
    ids = six(api)
    digest = completion(api, ids[0], "promptHash")["promptHash"]
    selection, meant = selections(ids, digest)[number]
    assert api.ask(DELETE, selection=selection) == {"deleteCompletionSelection": len(meant)}
    work_off()
    left = {str(id) for id in Interaction.objects.values_list("pk", flat=True)}
    assert left == {id for n, id in enumerate(ids) if n not in meant}
    listed = api.ask('{ completions(filter: {project: "support"}, page: {}) { totalCount nodes { id } } }')
    assert {node["id"] for node in listed["completions"]["nodes"]} == left
    assert listed["completions"]["totalCount"] == len(left)


def _groups(*told: dict[str, Any], by: str = "MODEL") -> dict[str, Any]:
    return {"fromGroups": {"filters": PROJECT, "grouping": by, "groups": list(told)}}


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"fromSelection": {"include": []}, "fromFilters": {"filters": PROJECT, "exclude": []}},
        {"fromFilters": {"filters": {"project": "secret"}, "exclude": []}},
        {"fromFilters": {"filters": PROJECT | {"advancedFilter": {}}, "exclude": []}},
        {"fromFilters": {"filters": PROJECT | {"labels": [{"key": "a"}] * 201}, "exclude": []}},
        {"fromGroups": {"filters": {"project": "secret"}, "grouping": "MODEL", "groups": []}},
        _groups({"groupId": "a", "selection": {"exclude": [], "selectOnly": []}}),
        _groups({"groupId": "\0", "selection": {}}),
        _groups({"groupId": "no hash", "selection": {}}, by="PROMPT"),
        _groups(*[{"groupId": "a", "selection": {}}] * 1_001),
        {"fromSelection": {"include": [str(UUID(int=1))] * 100_001}},
    ],
)
def test_a_selection_that_is_not_clear_deletes_nothing(api: Api, foreign: Project, selection: dict[str, Any]) -> None:
    log(api)
    assert refused(api.graphql(DELETE, selection=selection))["extensions"]["code"] == "invalid"
    work_off()
    assert Interaction.objects.count() == 1


# Datasets

CREATE = """mutation Create($input: DatasetCreateFromFilters!) { createDatasetFromFilters(input: $input) {
  key name kind source records metricsUsage { scoreCount comparisonCount metric { key } } } }"""
PREVIEW = "query Preview($input: DatasetCreateFromFilters!) { previewDatasetFromFilters(input: $input) }"


def dataset(kind: str, **fields: Any) -> dict[str, Any]:
    selection = {"fromFilters": {"filters": PROJECT, "exclude": []}}
    return PROJECT | {"name": "Set", "kind": kind, "completionQuery": selection} | fields


@pytest.fixture
def judged(api: Api, project: Project) -> list[str]:
    FeedbackKey.objects.create(project=project, key="better", name="Better")
    ids = [
        log(api, completion=f"{n}", labels={"n": f"{n}"}, created_at=f"2026-01-0{n + 1}T00:00:00Z",
            feedbacks=[{"metric": metric, "value": 1} for metric in metrics])
        for n, metrics in enumerate([["quality"], ["quality", "thumbs"], ["thumbs"], []])
    ]  # fmt: skip
    sides = {"preferred_completion": ids[0], "other_completion": ids[1]}
    assert api.post("comparison", PROJECT | sides | {"metric": "better"}).status_code == 201
    return ids


@pytest.mark.parametrize(
    ("given", "records", "usage"),
    [
        (dataset("PROMPT"), 4, {}),
        (dataset("PROMPT_COMPLETION"), 4, {}),
        (dataset("PROMPT_COMPLETION_SCORE"), 3, {"quality": (2, 0), "thumbs": (2, 0)}),
        (dataset("PROMPT_COMPLETION_SCORE", metrics=["quality"]), 2, {"quality": (2, 0)}),
        (dataset("PREFERENCE"), 1, {"better": (0, 1)}),
        (dataset("PROMPT", sampleConfig={"selectionType": "RANDOM", "sampleSize": 2}), 2, {}),
        (dataset("PROMPT", sampleConfig={"selectionType": "LAST", "sampleSize": 3}), 3, {}),
        (dataset("PROMPT", sampleConfig={"selectionType": "ALL"}), 4, {}),
        (dataset("PROMPT", scoreFilters={"labels": [{"key": "n", "value": ["1", "2"]}]}), 2, {}),
    ],
)
def test_a_dataset_is_made_of_what_was_selected(
    api: Api, judged: list[str], given: dict[str, Any], records: int, usage: dict[str, Any]
) -> None:
    made = api.ask(CREATE, input=given)["createDatasetFromFilters"]
    assert (made["name"], made["kind"], made["source"], made["records"]) == ("Set", given["kind"], "FILTERED", records)
    counted = {one["metric"]["key"]: (one["scoreCount"], one["comparisonCount"]) for one in made["metricsUsage"]}
    assert counted == usage
    if "sampleConfig" not in given:  # a preview is of what the sample is taken from
        shown = api.ask(PREVIEW, input=given)["previewDatasetFromFilters"].splitlines()
        assert len(shown) == min(records, 3)
        assert all("messages" in json.loads(line) for line in shown)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (dataset("PROMPT", completionQuery={"fromSelection": {"include": []}}), "invalid"),
        (dataset("PROMPT", metrics=["unknown"]), "not_found"),
        (dataset("PROMPT", sampleConfig={"selectionType": "LAST"}), "invalid"),
        (dataset("PROMPT", sampleConfig={"selectionType": "RANDOM", "sampleSize": -1}), "invalid"),
        (dataset("PROMPT", scoreFilters={"labels": [{"key": "\0"}]}), "invalid"),
        (dataset("PROMPT", scoreFilters={"labels": [{"key": "n", "value": ["\0"]}]}), "invalid"),
        (dataset("PROMPT", name=""), "invalid"),
        (dataset("PROMPT", name="\0"), "invalid"),
        (dataset("PROMPT", key="a key"), "invalid"),
    ],
)
def test_a_dataset_that_cannot_be_is_refused(api: Api, judged: list[str], given: dict[str, Any], code: str) -> None:
    assert refused(api.graphql(CREATE, input=given))["extensions"]["code"] == code


# Feedback keys, projects and keys


def test_a_feedback_key_is_changed_and_deleted_while_nothing_was_said_under_it(api: Api) -> None:
    change = """mutation ($input: MetricUpdate!) { updateMetric(project: "support", metric: "quality", input: $input) {
      key name description scoringType kind } }"""
    told = api.ask(change, input={"name": "Q", "description": "How good", "scoringType": "LOWER_IS_BETTER"})
    expected = {"key": "quality", "name": "Q", "description": "How good", "scoringType": "LOWER_IS_BETTER"}
    assert told["updateMetric"] == expected | {"kind": "SCALAR"}
    assert api.ask(change, input={})["updateMetric"] == told["updateMetric"]
    assert refused(api.graphql(change, input={"name": ""}))["extensions"]["code"] == "invalid"
    delete = 'mutation ($metric: IdOrKey!) { deleteMetric(project: "support", metric: $metric) }'
    log(api, feedbacks=[{"metric": "quality", "value": 1}] * 2)
    assert "2 times" in refused(api.graphql(delete, metric="quality"))["message"]
    assert FeedbackKey.objects.filter(key="quality").exists()
    assert api.ask(delete, metric="thumbs") == {"deleteMetric": True}
    assert not FeedbackKey.objects.filter(key="thumbs").exists()
    assert refused(api.graphql(delete, metric="thumbs"))["extensions"]["code"] == "not_found"


def test_a_project_is_changed_field_by_field(api: Api, project: Project) -> None:
    change = """mutation ($input: ProjectUpdate!) { updateProject(idOrKey: "support", input: $input) {
      name description } }"""
    assert api.ask(change, input={"name": "New"})["updateProject"] == {"name": "New", "description": ""}
    assert api.ask(change, input={"description": "d"})["updateProject"] == {"name": "New", "description": "d"}
    api.ask(change, input={"settings": {"defaultMetric": "quality"}, "isArchived": False, "widgets": []})
    project.refresh_from_db()
    assert project.default_metric
    assert project.default_metric.key == "quality"
    for given in ({"isArchived": True}, {"widgets": [{"a": 1}]}, {"metadata": {"a": 1}}, {"name": " "}):
        assert refused(api.graphql(change, input={"description": "x"} | given))["extensions"]["code"] == "invalid"
    missing = api.graphql(change, input={"settings": {"defaultMetric": "nowhere"}, "name": "Other"})
    assert refused(missing)["extensions"]["code"] == "not_found"
    assert api.ask(change, input={})["updateProject"] == {"name": "New", "description": "d"}


NEW_KEY = "mutation ($input: ApiKeyCreate!) { createApiKey(input: $input) { key createdAt } }"


def works(secret: str) -> bool:
    answer = Client().post(
        "/api/graphql", {"query": "{ me { email } }"}, "application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_a_new_key_ends_the_previous_ones_at_once_or_when_it_is_said(ann: User) -> None:
    first = access.issue_key(ann, None).secret
    second = Api(first).ask(NEW_KEY, input={"user": "ann@example.org"})["createApiKey"]["key"]
    assert (works(first), works(second)) == (False, True)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    given = {"user": str(ann.uid), "expirationForPreviousKeys": soon}
    third = Api(second).ask(NEW_KEY, input=given)["createApiKey"]["key"]
    assert (works(second), works(third)) == (True, True)
    given["expirationForPreviousKeys"] = "2020-01-01"
    fourth = Api(third).ask(NEW_KEY, input=given)["createApiKey"]["key"]
    assert [works(secret) for secret in (second, third, fourth)] == [False, False, True]


def test_who_is_refused_a_new_key_keeps_the_previous_ones(admin: Api, ann: User, api: Api) -> None:
    assert refused(admin.graphql(NEW_KEY, input={"user": "ann@example.org"}))["extensions"]["code"] == "forbidden"
    theirs = access.issue_key(ann, None).secret
    assert works(theirs)
    assert refused(api.graphql(NEW_KEY, input={"user": "root@example.org"}))["extensions"]["code"] == "forbidden"
    assert works(admin.secret)


# The client's builder of queries


class Builder(GQLClient):
    """Sends what the client's builder emits through Django's test client."""

    def __init__(self, api: Api) -> None:
        super().__init__(url="http://testserver/api/graphql")
        self.api = api
        self.sent: list[dict[str, Any]] = []

    def execute(self, query: str, operation_name: Any = None, variables: Any = None, **kwargs: Any) -> Any:
        told, _, _ = self._process_variables(variables)
        body = {"query": query, "operationName": operation_name, "variables": told}
        self.sent.append(self.api.send_graphql(body))
        return None

    def get_data(self, response: Any) -> Any:
        return self.sent[-1]


def emitted(api: Api, *fields: GraphQLField, mutation: bool = False) -> dict[str, Any]:
    builder = Builder(api)
    answer: dict[str, Any] = (builder.mutation if mutation else builder.query)(*fields, operation_name="Built")
    return answer


def test_documents_of_the_client_s_builder_are_answered_as_they_are_emitted(api: Api) -> None:
    id = log(api, labels={"env": "prod"})
    own = (
        CompletionFields.id,
        CompletionFields.completion(max_length=3),
        CompletionFields.labels(with_protected=True).fields(CompletionLabelFields.key, CompletionLabelFields.value),
    )
    told = emitted(api, Query.completion("support", id).fields(*own))
    assert told["data"]["completion"] == {
        "id": id, "completion": "It ", "labels": [{"key": "env", "value": "prod"}],
    }  # fmt: skip
    several = emitted(
        api,
        Query.project("support").fields(ProjectFields.key),
        Query.metric("support", "quality").alias("q").fields(MetricFields.key),
        Query.metrics(input_types.MetricFilter()).fields(MetricFields.key),
        Query.projects(input_types.ProjectFilter()).fields(ProjectFields.key),
    )
    assert several["data"] == {
        "project": {"key": "support"}, "q": {"key": "quality"},
        "metrics": [{"key": "quality"}, {"key": "thumbs"}], "projects": [{"key": "support"}],
    }  # fmt: skip
    given = input_types.UpdateCompletion(id=id, addLabels=[{"key": "env", "value": "dev"}])
    changed = emitted(api, Mutation.update_completion(given).fields(CompletionFields.id), mutation=True)
    assert changed["data"]["updateCompletion"] == {"id": id}
    assert completion(api, id, "labels { value }") == {"labels": [{"value": "dev"}]}
    gone = emitted(api, Mutation.delete_completion(id), mutation=True)
    assert gone["data"] == {"deleteCompletion": True}


MISSING = {"reactivateUser", "updateUser", "updateRole"}


@pytest.mark.parametrize("kind", [Query, Mutation])
def test_every_root_field_of_the_builder_is_in_the_schema_with_its_arguments(kind: type) -> None:
    """Or it is one of those that belong to what this server does not do, and is told so; or it is not made yet."""
    known = schema._schema.type_map[kind.__name__]
    assert isinstance(known, GraphQLObjectType)
    for name, build in inspect.getmembers(kind, inspect.ismethod):
        built: GraphQLField = build(**dict.fromkeys(inspect.signature(build).parameters, 1))
        if built._field_name in FIELDS or built._field_name in MISSING:
            continue
        assert built._field_name in known.fields, name
        for argument, told in built._variables.items():
            wanted = known.fields[built._field_name].args
            assert argument in wanted, f"{name}: {argument}"
            assert str(wanted[argument].type).rstrip("!") == told["type"].rstrip("!"), f"{name}: {argument}"


# Bad input


def sent(api: Api, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Authorization": f"Bearer {api.secret}"} | {name.replace("_", "-"): told for name, told in headers.items()}
    return Client().post("/api/graphql", content, named.pop("Content-Type", "application/json"), headers=named)


def complaint(response: Any, *statuses: int) -> str:
    """The sentence of the one error; also where the request was no GraphQL at all."""
    assert response.status_code in (statuses or (200, 400, 422)), response.content
    assert response["Content-Type"] == "application/json"
    told = response.json()
    errors = told.get("errors") or [told["error"]]
    assert errors[0]["message"]
    assert errors[0].get("extensions", errors[0]).get("code") != "internal"
    assert len(response.content) < 10_000
    return str(errors[0]["message"])


ME = {"query": "{ me { email } }"}

BODIES: dict[str, tuple[Any, str]] = {
    "nothing": (b"", "no body"),
    "no JSON": (b"{", "not valid JSON"),
    "no UTF-8": (b'{"query": "\xff"}', "not valid JSON"),
    "a list": ([ME, ME], "one operation"),
    "a text": (json.dumps("{ me }").encode(), "“query”"),
    "null": (b"null", "“query”"),
    "no query": ({"variables": {}}, "“query”"),
    "a query that is null": ({"query": None}, "“query”"),
    "a query that is a list": ({"query": ["{ me }"]}, "“query”"),
    "an empty query": ({"query": ""}, "Syntax Error"),
    "a comment": ({"query": "# hello"}, "Syntax Error"),
    "variables that are a list": (ME | {"variables": [1]}, "must be an object"),
    "variables that are a text": (ME | {"variables": "{}"}, "must be an object"),
    "a name that is a number": (ME | {"operationName": 7}, "must be a text"),
    "an unknown name": (ME | {"operationName": "Other"}, "no operation “Other”"),
    "two operations and no name": ({"query": "query A { me { id } } query B { me { id } }"}, "Name one operation"),
    "two operations of one name": (
        {"query": "query A { me { id } } query A { me { id } }", "operationName": "A"}, "no operation “A”",
    ),
    "only a fragment": ({"query": "fragment F on User { id }"}, "Name one operation"),
    "a syntax error": ({"query": "{ me { email }"}, "Syntax Error"),
    "an unknown field": ({"query": "{ me { shoeSize } }"}, "shoeSize"),
    "an unknown variable": ({"query": "{ project(idOrKey: $key) { key } }"}, "$key"),
    "a missing variable": ({"query": "query ($key: IdOrKey!) { project(idOrKey: $key) { key } }"}, "$key"),
    "a subscription": ({"query": "subscription { me { id } }"}, "subscription"),
    "a circular fragment": (
        {"query": "{ me { ...F } } fragment F on User { ...G } fragment G on User { ...F }"}, "itself",
    ),
    "a fragment that names itself": ({"query": "{ me { ...F } } fragment F on User { ...F }"}, "itself"),
    "many aliases": ({"query": "{ " + " ".join(f"a{n}: __typename" for n in range(10_000)) + " }"}, "tokens"),
    "some aliases": ({"query": "{ me { " + " ".join(f"a{n}: id" for n in range(60)) + " } }"}, "50 aliases"),
    "many root fields": (
        {"query": "{ " + " ".join(f"a{n}: __typename" for n in range(30)) + " }"}, "20 root fields",
    ),
    "deep fields": ({"query": "{ me " + "{ teams " * 900 + "{ id }" + "}" * 900 + " }"}, "deep"),
    "a deep list": ({"query": '{ project(idOrKey: ' + "[" * 900 + "]" * 900 + ") { key } }"}, "deep"),
    "a deep type": ({"query": "query ($a: " + "[" * 900 + "Int" + "]" * 900 + ") { me { id } }"}, "deep"),
    "deep inline fragments": ({"query": "{ me " + "{ ... " * 600 + "{ id }" + "}" * 600 + " }"}, "deep"),
    "a chain of fragments": (
        {"query": "{ me { ...F0 } } " + " ".join(f"fragment F{n} on User {{ ...F{n + 1} }}" for n in range(200))
         + " fragment F200 on User { id }"}, "aborted",
    ),
    "deep variables": (
        (b'{"query": "{ me { id } }", "variables": {"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}"), "64 levels deep",
    ),
    "NaN": (b'{"query": "{ me { id } }", "variables": {"a": NaN}}', "not valid JSON"),
    "a number beyond a double": (b'{"query": "{ me { id } }", "variables": {"a": 1e999}}', "too large"),
    "half a surrogate pair": (b'{"query": "{ me { id } }", "variables": {"a": "\\ud800"}}', "not valid JSON"),
    "half a surrogate pair in the query": ({"query": '{ project(idOrKey: "\\ud800") { key } }'}, "Invalid Unicode"),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_a_request_that_is_none_is_refused_with_a_sentence(api: Api, what: str) -> None:
    body, words = BODIES[what]
    assert words in complaint(sent(api, body))


LIST = "query ($filter: ListCompletionsFilterInput!, $page: CursorPageInput!) { completions(filter: $filter, page: $page) { totalCount nodes { id } } }"  # noqa: E501


REFUSED: list[dict[str, Any]] = [
    {"models": "a" * 501}, {"models": ["\0"]}, {"models": ["m"] * 1_001}, {"models": [None]},
    {"timerange": {}}, {"timerange": {"from": 1}}, {"timerange": {"from": "soon", "to": 1}},
    {"timerange": {"from": 1e300, "to": 1}}, {"timerange": {"from": 10**30, "to": 1}},
    {"timerange": {"from": True, "to": 1}}, {"sessionId": "x"}, {"sessionId": 7}, {"completionId": ""},
    {"createdBy": "ann"}, {"createdBy": "\0@"}, {"promptHash": "abc"}, {"source": ["NOWHERE"]},
    {"source": "live"}, {"completion": "\0"}, {"prompt": "x" * 1_001}, {"prompt": 7},
    {"labels": [{"key": "\0"}]}, {"labels": [{"key": "a", "value": ["\0"]}]}, {"labels": [{}]},
    {"labels": [{"key": "a"}] * 201}, {"scores": [{"metric": "quality"}] * 201},
    {"comparisons": [{"metric": "quality"}] * 201}, {"scores": [{"metric": "quality", "gt": "1"}]},
    {"scores": [{"metric": "quality", "reasons": ["\0"]}]}, {"scores": [{"metric": "\0"}]},
    {"advancedFilter": {}}, {"advancedFilter": {"and": [{}]}}, {"advancedFilter": {"and": None}},
    {"advancedFilter": {"or": [{"not": {}}]}}, {"advancedFilter": {"model": {}}},
    {"advancedFilter": {"label": {"key": "a", "value": {}}}}, {"advancedFilter": {"label": {"key": "\0"}}},
    {"advancedFilter": {"prompt": {}}}, {"advancedFilter": {"createdBy": {"in": ["ann"]}}},
    {"advancedFilter": {"promptHash": {"neq": "x"}}},
    {"advancedFilter": {"and": [{"sessionId": str(UUID(int=1))}] * 201}},
    {"advancedFilter": {"scores": {"metric": "quality", "reasons": ["\0"]}}},
    {"advancedFilter": {"and": [{"source": "OFFLINE"}] * 3_000}},
]  # fmt: skip


@pytest.mark.parametrize(
    "filter",
    [
        None, [], "support", {}, {"project": None}, {"project": ""}, {"project": 7}, {"project": ["support"]},
        {"project": "\0"}, {"project": "x" * 501}, {"project": "nowhere"}, PROJECT | {"colour": "red"},
        *(PROJECT | one for one in REFUSED),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_is_refused(api: Api, filter: Any) -> None:
    complaint(sent(api, {"query": LIST, "variables": {"filter": filter, "page": {}}}), 200)


@pytest.mark.parametrize(
    "filter",
    [
        {"timerange": {"from": "0001-01-01", "to": "9999-12-31T23:59:59Z"}},
        {"timerange": {"from": -(10**13), "to": 10**14}},
        {"models": [f"m{n}" for n in range(999)] + ["gpt"]},
        {"source": ["OFFLINE"] * 50_000},
        {"advancedFilter": {"and": [{"source": "OFFLINE"}] * 1_000}},
        {"advancedFilter": {"promptHash": {"in": ["0" * 64] * 1_000}}},
        {"advancedFilter": {"not": {"promptHash": {"in": [f"{n:064}" for n in range(1_000)]}}}},
        {"advancedFilter": {"not": {"createdBy": {"in": [str(UUID(int=n)) for n in range(1_000)]}}}},
        {"advancedFilter": {"scores": {"metric": "quality", "value": {"lte": 1e308, "gte": -1.7e308}}}},
    ],
)
def test_a_filter_at_the_limits_is_answered(api: Api, filter: dict[str, Any]) -> None:
    """In a list as well as in groups, which the store answers."""
    log(api, model_service="gpt", feedbacks=[{"metric": "quality", "value": 1}])
    expected = 0 if filter.get("advancedFilter", {}).get("promptHash") else 1
    told = api.ask(LIST, filter=PROJECT | filter, page={})["completions"]
    assert told["totalCount"] == len(told["nodes"]) == expected
    grouped = """query ($filter: ListCompletionsFilterInput!) { completionsGrouped(filter: $filter, groupBy: PROMPT,
      page: {}) { totalCount nodes { count directScoresStats { average } } } }"""
    assert api.ask(grouped, filter=PROJECT | filter)["completionsGrouped"]["totalCount"] == expected


PAGES = [{"first": -1}, {"first": 1_001}, {"last": 1_001}, {"first": 1, "last": 1}, {"offset": -1}, {"offset": 10_001},
         {"first": 2**31}, {"first": "3"}, {"first": 1.5}, {"after": 7}, {"after": "\0"}, {"before": "x"}, None,
         [1]]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_cannot_be_is_refused(api: Api, page: Any) -> None:
    complaint(sent(api, {"query": LIST, "variables": {"filter": PROJECT, "page": page}}), 200)


NESTED = 'completionsGrouped(filter: {project: "support"}, groupBy: MODEL, page: %s) { nodes { completions(page: %s) { nodes { id } } } }'  # noqa: E501


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ " + NESTED % ("{first: 1000}", "{first: 1000}") + " }", {}),
        ("query ($p: CursorPageInput!) { " + NESTED % ("$p", "$p") + " }", {"p": {"first": 1_000}}),
        ("query ($p: CursorPageInput!) { " + NESTED % ("$p", "$p") + " }", {"p": {"first": 1_000.0}}),
        ("query ($p: CursorPageInput! = {first: 1000}) { " + NESTED % ("$p", "$p") + " }", {}),
        ("query ($n: Int = 1000) { " + NESTED % ("{first: $n}", "{last: $n}") + " }", {}),
        ('{ completions(filter: {project: "support"}, page: {last: 1000}) { nodes { history { level } } } }', {}),
        ("{ projects { modelServices { model { projects { modelServices { model { projects { key } } } } } } } }", {}),
        ("{ " + " ".join(f"p{n}: " + NESTED % ("{first: 50}", "{first: 50}") for n in range(10)) + " }", {}),
    ],
)  # fmt: skip
def test_pages_within_pages_are_bounded_together(api: Api, query: str, variables: dict[str, Any]) -> None:
    assert "rows at once" in complaint(sent(api, {"query": query, "variables": variables}), 200)


@pytest.mark.parametrize("depth", [10, 50, 80, 100, 120, 150, 200, 400])
def test_a_deep_expression_in_the_query_is_answered_or_refused(api: Api, depth: int) -> None:
    log(api)
    told = "{not: " * depth + "{and: []}" + "}" * depth
    ask = f'{{ completions(filter: {{project: "support", advancedFilter: {told}}}, page: {{}}) {{ totalCount }} }}'
    answer = api.graphql(ask)
    if "errors" in answer:
        assert "deep" in refused(answer)["message"]
    else:
        assert answer["data"]["completions"]["totalCount"] == 1  # all depths are even


def test_the_limits_leave_room_for_tools_that_read_the_schema(api: Api) -> None:
    told = api.ask(get_introspection_query())
    assert len(told["__schema"]["types"]) > 100
    assert limits.MOST_TOKENS > 500


def multipart(api: Api, operations: Any, map: Any, **files: bytes) -> Any:
    fields: dict[str, Any] = {"operations": operations, "map": map}
    body = b""
    for name, value in fields.items():
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            body += f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
    for name, content in files.items():
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
        body += head + content + b"\r\n"
    return sent(api, body + b"--b--\r\n", **{"Content-Type": "multipart/form-data; boundary=b"})


UPLOAD = {
    "query": "mutation ($input: DatasetCreate!, $file: Upload!) "
    "{ createDataset(input: $input, file: $file) { key records } }",
    "variables": {"input": PROJECT | {"name": "D", "key": "d"}, "file": None},
}  # fmt: skip
RECORD = b'{"messages": [{"role": "user", "content": "Hi"}]}\n'


def test_a_file_is_put_where_the_map_says(api: Api) -> None:
    told = multipart(api, UPLOAD, {"0": ["variables.file"]}, **{"0": RECORD}).json()
    assert told == {"data": {"createDataset": {"key": "d", "records": 1}}}


@pytest.mark.parametrize(
    ("operations", "places"),
    [
        (UPLOAD, None), (UPLOAD, "{"), (UPLOAD, "[]"),
        (UPLOAD, {"1": ["variables.file"]}), (UPLOAD, {"0": "variables.file"}),
        (UPLOAD, {"0": ["query"]}), (UPLOAD, {"0": ["variables"]}), (UPLOAD, {"0": [""]}), (UPLOAD, {"0": [7]}),
        (UPLOAD, {"0": ["variables.nowhere.file"]}), (UPLOAD, {"0": ["variables.file.0"]}), (UPLOAD, {}),
        (UPLOAD, {"0": ["variables.input"]}), (UPLOAD, {"0": ["variables.input.name", "variables.file"]}),
        (UPLOAD | {"variables": UPLOAD["variables"] | {"file": "text"}}, {}),  # type: ignore[operator]
        (UPLOAD | {"variables": UPLOAD["variables"] | {"file": {"a": 1}}}, {}),  # type: ignore[operator]
        (UPLOAD | {"variables": None}, {"0": ["variables.file"]}),
        (None, {"0": ["variables.file"]}), ("{", {"0": ["variables.file"]}), ([UPLOAD], {"0": ["variables.file"]}),
    ],
)  # fmt: skip
def test_a_file_that_is_put_nowhere_is_refused(api: Api, operations: Any, places: Any) -> None:
    complaint(multipart(api, operations, places, **{"0": RECORD}))


def test_what_is_no_object_is_refused_in_the_place_of_one(admin: Api) -> None:
    ask = """mutation ($input: AddExternalModelInput!) { addExternalModel(input: $input) { key } }"""
    data: dict[str, Any] = {"openAI": {"apiKey": "k", "externalModelId": "m", "extraParams": None}}
    told = {"query": ask, "variables": {"input": {"name": "M", "provider": "OPEN_AI", "providerData": data}}}
    place = "variables.input.providerData.openAI.extraParams"
    complaint(multipart(admin, told, {"0": [place]}, **{"0": RECORD}))
    for wrong in ("text", 7, [1], True):
        data["openAI"]["extraParams"] = wrong
        complaint(sent(admin, told), 200)


def test_a_body_that_claims_to_be_multipart_is_refused(api: Api) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        complaint(sent(api, b'{"query": "{ me { id } }"}', **{"Content-Type": kind}))


def test_only_json_that_is_posted_with_a_key_is_answered(api: Api) -> None:
    for method in ("get", "put", "delete", "patch"):
        assert "POST" in complaint(getattr(Client(), method)("/api/graphql?query={me{id}}"), 405)
    complaint(Client().post("/api/graphql", ME, "application/json"), 401)
    complaint(sent(api, ME, **{"Content-Type": "text/plain"}), 415)
    complaint(sent(api, ME, Content_Encoding="br"), 415)
    packed = gzip.compress(json.dumps(ME).encode())
    assert sent(api, packed, Content_Encoding="gzip").json() == {"data": {"me": {"email": "ann@example.org"}}}
    complaint(sent(api, packed[:-9], Content_Encoding="gzip"), 400)
    complaint(sent(api, b"plain", Content_Encoding="gzip"), 400)


def test_statistics_are_of_the_scores_that_are_asked_for(api: Api) -> None:
    for value, label in ((1, "a"), (3, "a"), (8, "b")):
        log(api, labels={"of": label}, feedbacks=[{"metric": "quality", "value": value}])
    ask = """query ($scores: ScoreFilterInput) { completionsGrouped(filter: {project: "support"}, groupBy: MODEL,
      page: {}, scoreFilter: $scores) { nodes { count directScoresStats { scores average } } } }"""
    for labels, expected in (
        ([], [{"scores": 3, "average": 4.0}]),
        ([{"key": "of", "value": ["a"]}], [{"scores": 2, "average": 2.0}]),
        ([{"key": "of", "value": []}], []),
    ):
        (group,) = api.ask(ask, scores={"labels": labels})["completionsGrouped"]["nodes"]
        assert group == {"count": 3, "directScoresStats": expected}


def test_statistics_of_the_largest_numbers_are_told_as_far_as_a_double_holds_them(api: Api) -> None:
    for value in (9e307, 9e307, -9e307, 9e307, 9e307):
        log(api, model_service="m", feedbacks=[{"metric": "quality", "value": value}])
    log(api, model_service="n", feedbacks=[{"metric": "quality", "value": 2}])
    told = api.ask(
        """{ completionsGrouped(filter: {project: "support"}, groupBy: MODEL, page: {}) { nodes {
          directScoresStats { scores average min max stddev sum } } } }"""
    )["completionsGrouped"]["nodes"]
    assert [group["directScoresStats"] for group in told] == [
        [{"scores": 5, "average": None, "min": -9e307, "max": 9e307, "stddev": None, "sum": None}],
        [{"scores": 1, "average": 2.0, "min": 2.0, "max": 2.0, "stddev": 0.0, "sum": 2.0}],
    ]


SCORE = """mutation ($id: UUID!, $metric: IdOrKey! = "quality", $value: JSON!, $details: String) {
  addDirectScore(completionId: $id, metricId: $metric, input: {value: $value, details: $details}) { id } }"""


@pytest.mark.parametrize(
    "given",
    [
        *({"value": value} for value in ("1", None, [1], {"a": 1}, 1e308, "\0")),
        {"value": 1, "details": "\0"},
        {"value": 1, "metric": "\0"},
        {"value": 1, "metric": "nowhere"},
        {"value": 1, "id": "x"},
        {"value": 2, "metric": "thumbs"},
    ],
)
def test_feedback_that_cannot_be_is_refused(api: Api, given: dict[str, Any]) -> None:
    id = log(api)
    complaint(sent(api, {"query": SCORE, "variables": {"id": id} | given}), 200)
    complaint(sent(api, {"query": SCORE.replace("value: $value", "value: 1e400"), "variables": {"id": id}}), 200)
    assert completion(api, id, "directScores { id }") == {"directScores": []}


def test_what_the_client_asks_at_most_is_within_the_limits(api: Api) -> None:
    ask = """query Ask($page: CursorPageInput!) {
      completionsGrouped(filter: {project: "support"}, groupBy: MODEL, page: $page) {
        nodes { completions(page: $page) { nodes { id comparisonScores { preferedCompletion { model { key } } } } } }
      }
    }"""
    assert api.graphql(ask, page={})["data"] == {"completionsGrouped": {"nodes": []}}
    whole = 'completions(filter: {project: "support"}, page: {first: 1000}) { nodes { comparisonScores { id } } }'
    assert api.graphql(f"{{ {whole} }}")["data"]


def test_a_list_that_takes_too_long_says_how_to_ask_for_less(api: Api, settings: Any) -> None:
    api.log()
    settings.QUERY_SECONDS = 0.0
    (error,) = api.graphql('{ completions(filter: {project: "support"}, page: {}) { nodes { id } } }')["errors"]
    assert error["extensions"]["code"] == "too_slow"
    assert "Add a time range or a label" in error["message"]


def test_every_field_with_pages_counts_towards_the_limit_of_rows() -> None:
    kinds = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    paged = {name for kind in kinds for name, field in kind.fields.items() if "page" in field.args}
    assert paged == set(limits._PAGED)
