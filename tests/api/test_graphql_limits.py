"""What a GraphQL request may not be, and how much it may not ask: always told, never a fault."""

from __future__ import annotations

import gzip
import json
import logging
from typing import Any

import pytest
from django.test import Client
from graphql import GraphQLObjectType

from interactions.api_graphql import limits
from interactions.api_graphql.schema import schema
from tests.conftest import Api

ME = "{ me { email } }"


def post(api: Api, body: bytes, **extra: Any) -> Any:
    headers = {"Authorization": f"Bearer {api.secret}"} | extra.pop("headers", {})
    return Client().post("/api/graphql", body, **({"content_type": "application/json"} | extra), headers=headers)


@pytest.fixture(autouse=True)
def _no_faults(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


NO_REQUESTS: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "has no body"),
    "no JSON": (b"{", 400, "not valid JSON"),
    "a batch": (json.dumps([{"query": ME}]).encode(), 422, "one operation in a request"),
    "a number": (b"7", 422, "Send an object"),
    "no query": (b"{}", 422, "Send an object"),
    "a query that is a number": (b'{"query": 7}', 422, "Send an object"),
    "variables that are a list": (json.dumps({"query": ME, "variables": [1]}).encode(), 422, "must be an object"),
    "a name that is a number": (json.dumps({"query": ME, "operationName": 7}).encode(), 422, "must be a text"),
    "a number beyond a double": (b'{"query": "{ me { email } }", "variables": {"x": 1e400}}', 422, "too large"),
    "NaN": (b'{"query": "{ me { email } }", "variables": {"x": NaN}}', 400, "not valid JSON"),
    "a lone surrogate": (b'{"query": "{ me { email } }", "variables": {"x": "\\ud800"}}', 400, "not valid JSON"),
}


@pytest.mark.parametrize("what", NO_REQUESTS)
def test_what_is_no_request_is_told_so(api: Api, what: str) -> None:
    body, status, sentence = NO_REQUESTS[what]
    answer = post(api, body)
    assert answer.status_code == status
    assert sentence in answer.json()["errors"][0]["message"]


def test_only_json_and_files_are_taken_and_only_by_post(api: Api) -> None:
    assert post(api, b"query=1", content_type="application/x-www-form-urlencoded").status_code == 415
    assert Client().get("/api/graphql", {"query": ME}).status_code == 405
    packed = gzip.compress(json.dumps({"query": ME}).encode())
    answer = post(api, packed, headers={"Content-Encoding": "gzip"})
    assert answer.json() == {"data": {"me": {"email": "ann@example.org"}}}


@pytest.mark.parametrize("mapped", ["[]", '{"0": ["variables.file"]}', '{"0": ["query"]}', "{"])
def test_a_map_that_leads_nowhere_is_refused(api: Api, mapped: str) -> None:
    operations = json.dumps({"query": ME, "variables": {}})
    headers = {"Authorization": f"Bearer {api.secret}"}
    answer = Client().post("/api/graphql", {"operations": operations, "map": mapped}, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["message"]


def nested(depth: int) -> str:
    fields = "id"
    for _ in range(depth):
        fields = f"comparisonScores {{ preferedCompletion {{ {fields} }} }}"
    return f'{{ completions(filter: {{project: "support"}}, page: {{}}) {{ nodes {{ {fields} }} }} }}'


def listed(page: str, more: str = "id") -> str:
    return f'{{ completions(filter: {{project: "support"}}, page: {page}) {{ nodes {{ {more} }} }} }}'


CIRCLE = "{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }"
REFUSED: dict[str, tuple[str, str]] = {
    "no GraphQL": ("{ me {", "Syntax Error"),
    "an unknown field": ("{ you }", "Cannot query field 'you'"),
    "a subscription": ("subscription { me { email } }", "subscription"),
    "fragments in a circle": (CIRCLE, "Cannot spread fragment"),
    "two operations and no name": ("query A { me { email } } query B { me { email } }", "Name one operation"),
    "depth": (nested(7), "fields deep"),
    "aliases": (f"{{ me {{ {' '.join(f'a{n}: email' for n in range(60))} }} }}", "at most 50 aliases"),
    "root fields": (f"{{ {' '.join(f'a{n}: permissions' for n in range(25))} }}", "at most 20 root fields"),
    "tokens": (f"{{ me {{ {'email ' * 3_000} }} }}", "token"),
    "rows": (listed("{first: 1000}", "session { turns { id } } history { level }"), "up to 41,000 rows"),
    "rows behind a variable": (
        "query Ask($page: CursorPageInput!) { completionsGrouped(filter: {project: \"support\"}, groupBy: PROMPT, "
        "page: $page) { nodes { completions(page: $page) { nodes { id } } } } }",
        "up to 1,001,000 rows",
    ),
    "more rows than a page has": (listed("{first: 1001}"), "A page has 0 to 1,000 rows"),
    "a negative page": (listed("{first: -1}"), "A page has 0 to 1,000 rows"),
    "both ends": (listed("{first: 1, last: 1}"), "not both"),
    "a far offset": (listed("{offset: 10001}"), "Skip at most 10,000"),
    "what is elsewhere": ("{ jobs { id } }", "not part of this server"),
    "a filter with a NUL": (
        '{ completions(filter: {project: "support", prompt: "a\\u0000b"}, page: {}) { nodes { id } } }', "NUL",
    ),
    "no user": (
        '{ completions(filter: {project: "support", createdBy: "me"}, page: {}) { nodes { id } } }', "by their id",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_asks_too_much_or_makes_no_sense_is_refused_with_a_sentence(api: Api, what: str) -> None:
    query, sentence = REFUSED[what]
    answer = api.graphql(query, page={"first": 1_000})
    assert any(sentence in error["message"] for error in answer["errors"]), answer
    assert not answer.get("data")


def test_ten_thousand_aliases_are_refused_quickly(api: Api) -> None:
    query = f"{{ me {{ {' '.join(f'a{n}: email' for n in range(10_000))} }} }}"
    assert "token" in api.graphql(query)["errors"][0]["message"]


def test_an_operation_is_chosen_by_its_name(api: Api) -> None:
    query = "query A { me { email } } query B { permissions }"
    for name, field in (("A", "me"), ("B", "permissions")):
        answer = post(api, json.dumps({"query": query, "operationName": name}).encode())
        assert list(answer.json()["data"]) == [field]
    answer = post(api, json.dumps({"query": query, "operationName": "C"}).encode())
    assert "There is no operation “C”" in answer.json()["errors"][0]["message"]


def test_what_the_client_asks_at_most_is_within_the_limits(api: Api) -> None:
    ask = """query Ask($page: CursorPageInput!) {
      completionsGrouped(filter: {project: "support"}, groupBy: MODEL, page: $page) {
        nodes { completions(page: $page) { nodes { id comparisonScores { preferedCompletion { model { key } } } } } }
      }
    }"""
    assert api.graphql(ask, page={})["data"] == {"completionsGrouped": {"nodes": []}}
    assert api.graphql(listed("{first: 1000}", "id comparisonScores { id }"))["data"]


def test_a_list_that_takes_too_long_says_how_to_ask_for_less(api: Api, settings: Any) -> None:
    api.log()
    settings.QUERY_SECONDS = 0.0
    (error,) = api.graphql(listed("{first: 1}"))["errors"]
    assert error["extensions"]["code"] == "too_slow"
    assert "Add a time range or a label" in error["message"]


def test_every_field_with_pages_counts_towards_the_limit_of_rows() -> None:
    kinds = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    paged = {name for kind in kinds for name, field in kind.fields.items() if "page" in field.args}
    assert paged == set(limits._PAGED)
