"""Whatever is sent: a 4xx in one form, with a sentence and the value's path, and nothing stored. Never a 500."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from interactions.models import Interaction
from tests.api.pictures import shown
from tests.conftest import Api, interaction

Stored = Callable[[], dict[str, int]]

ROUTES = ("interactions", "interactions/batch", "feedback", "comparison", "outcome")
ID = "0192f0c1-7a5e-7cc0-8000-0123456789ab"
TIES = {"preferred_completion": ID, "other_completion": ID}


def refused(response: Any, status: int, field: str | None, words: str) -> None:
    """It is an error of that status, about that field, and its sentence holds these words."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/json"
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "message", "field"}
    assert error["field"] == field
    assert words in error["message"]
    assert error["message"][0].isupper() or error["message"][0] in "“/"
    assert error["message"].endswith(".")
    assert len(response.content) < 2_000


# Values

PAST, FUTURE = "must lie between 1970 and now", "must lie between 1970 and now"

INTERACTIONS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "an unknown field": ({"colour": "red"}, 422, "colour", "not known"),
    "an unknown project": ({"project": "nowhere"}, 404, "project", "no project “nowhere”"),
    "an empty project": ({"project": ""}, 422, "project", "must not be empty"),
    "a project that is a number": ({"project": 7}, 422, "project", "must be a text"),
    "messages that are a text": ({"messages": "hello"}, 422, "messages", "must be a list"),
    "a message that is a text": ({"messages": ["hello"]}, 422, "messages[0]", "must be an object"),
    "a message without role": ({"messages": [{"content": "x"}]}, 422, "messages[0].role", "required"),
    "an empty role": ({"messages": [{"role": " ", "content": "x"}]}, 422, "messages[0].role", "must not be empty"),
    "a content that is a number": (
        {"messages": [{"role": "user", "content": 7}]},
        422,
        "messages[0].content",
        "must be a text",
    ),
    "a completion that is null": ({"completion": None}, 422, "completion", "must be a text"),
    "a completion that is a list": ({"completion": ["x"]}, 422, "completion", "must be a text"),
    "an unknown feedback key": (
        {"feedbacks": [{"metric": "nowhere", "value": 1}]},
        404,
        "feedbacks[0].metric",
        "no feedback key “nowhere”",
    ),
    "a yes-or-no key with 7": (
        {"feedbacks": [{"metric": "thumbs", "value": 7}]},
        422,
        "feedbacks[0].value",
        "true or false",
    ),
    "a yes-or-no key with 0.5": (
        {"feedbacks": [{"metric": "thumbs", "value": 0.5}]},
        422,
        "feedbacks[0].value",
        "true or false",
    ),
    "a value that is a text": (
        {"feedbacks": [{"metric": "quality", "value": "4"}]},
        422,
        "feedbacks[0].value",
        "number",
    ),
    "a value that is null": (
        {"feedbacks": [{"metric": "quality", "value": None}]},
        422,
        "feedbacks[0].value",
        "number",
    ),
    "a value beyond a double": (
        {"feedbacks": [{"metric": "quality", "value": 10**400}]},
        422,
        "feedbacks[0].value",
        "number",
    ),
    "a second feedback that is wrong": (
        {"feedbacks": [{"metric": "thumbs", "value": True}, {"metric": "thumbs"}]},
        422,
        "feedbacks[1].value",
        "required",
    ),
    "feedbacks that are an object": ({"feedbacks": {"thumbs": True}}, 422, "feedbacks", "must be a list"),
    "a session that is no UUID": ({"session_id": "today"}, 422, "session_id", "not a UUID"),
    "a session that is a number": ({"session_id": 7}, 422, "session_id", "not a UUID"),
    "a user that is no UUID": ({"user": "ann"}, 422, "user", "not a UUID"),
    "1969": ({"created_at": "1969-12-31T23:59:59Z"}, 422, "created_at", PAST),
    "before 1970": ({"created_at": -1}, 422, "created_at", PAST),
    "the year 9999": ({"created_at": "9999-12-31T23:59:59Z"}, 422, "created_at", FUTURE),
    "the last moment of all, west of Greenwich": (
        {"created_at": "9999-12-31T23:59:59-12:00"},
        422,
        "created_at",
        "not a time",
    ),
    "yesterday": ({"created_at": "yesterday"}, 422, "created_at", "not a time"),
    "a moment that is true": ({"created_at": True}, 422, "created_at", "not a time"),
    "a moment that is a fraction": ({"created_at": 1.5}, 422, "created_at", "not a time"),
    "1e20": ({"created_at": 1e20}, 422, "created_at", "not a time"),
    "10 to the 20": ({"created_at": 10**20}, 422, "created_at", "not a time"),
    "a year that no calendar has": ({"created_at": 10**15}, 422, "created_at", "not a time"),
    "labels that are a list": ({"labels": ["env"]}, 422, "labels", "must be an object"),
    "a label that is a number": ({"labels": {"env": 7}}, 422, "labels.env", "must be a text"),
    "a label with an empty key": ({"labels": {"": "x"}}, 422, "labels", "must not be empty"),
    "a label with an empty value": ({"labels": {"env": ""}}, 422, "labels.env", "must not be empty"),
    "a label of 10 MB": ({"labels": {"env": "x" * 10_000_000}}, 422, "labels.env", "10,000,000 characters"),
    "a label key of 10 MB": ({"labels": {"k" * 10_000_000: "x"}}, 422, "labels." + "k" * 293, "10,000,000 characters"),
    "an unknown field of 10 MB": ({"k" * 10_000_000: "x"}, 422, "k" * 300, "not known"),
    "65 labels": ({"labels": {f"key{n}": "x" for n in range(65)}}, 422, "labels", "64"),
    "NUL in a label": ({"labels": {"env": "a\0b"}}, 422, "labels.env", "NUL"),
    "NUL in a label's key": ({"labels": {"e\0": "x"}}, 422, "labels.e\0", "NUL"),
    "NUL in a role": ({"messages": [{"role": "us\0er", "content": "x"}]}, 422, "messages[0].role", "NUL"),
    "NUL in a model": ({"model_service": "a\0"}, 422, "model_service", "NUL"),
    "NUL in the project": ({"project": "a\0"}, 422, "project", "NUL"),
    "NUL in details": (
        {"feedbacks": [{"metric": "thumbs", "value": 1, "details": "a\0"}]},
        422,
        "feedbacks[0].details",
        "NUL",
    ),
    "NUL in an error": ({"error": {"kind": "x", "message": "a\0"}}, 422, "error.message", "NUL"),
    "a model of 201 letters": ({"model_service": "m" * 201}, 422, "model_service", "201 characters"),
    "both names of the model": ({"model_service": "a", "model": "b"}, 422, "model_service", "not known"),
    "an unknown source": ({"source": "RUMOUR"}, 422, "source", "'LIVE'"),
    "negative tokens": (
        {"usage": {"prompt_tokens": -1, "completion_tokens": 0, "total_tokens": 0}},
        422,
        "usage.prompt_tokens",
        "0",
    ),
    "tokens beyond an integer": (
        {"usage": {"prompt_tokens": 2**31, "completion_tokens": 0, "total_tokens": 0}},
        422,
        "usage.prompt_tokens",
        "2147483647",
    ),
    "66 levels": (
        {"parameters": {"a": json.loads("[" * 64 + "]" * 64)}},
        422,
        "parameters.a" + "[0]" * 63,
        "64 levels",
    ),
    "10,001 messages": ({"messages": [{"role": "user", "content": ""}] * 10_001}, 422, "messages", "10000"),
}


@pytest.mark.parametrize("what", INTERACTIONS)
def test_a_wrong_value_in_an_interaction_is_refused(api: Api, stored: Stored, what: str) -> None:
    fields, status, field, words = INTERACTIONS[what]
    refused(api.post("interactions", interaction(**fields)), status, field, words)
    assert stored() == {}


@pytest.mark.parametrize(
    "what", sorted(INTERACTIONS.keys() - {"66 levels"})
)  # two levels deeper, another one is too deep
def test_a_wrong_value_in_an_item_of_a_batch_is_refused_there(api: Api, stored: Stored, what: str) -> None:
    fields, _, field, words = INTERACTIONS[what]
    response = api.post("interactions/batch", {"interactions": [interaction(**fields)]})
    assert response.status_code == 200
    error = response.json()["results"][0]["error"]
    assert error["field"][:300] == f"interactions[0].{field}"[:300]
    assert words in error["message"]
    assert stored() == {}


JUDGEMENTS: dict[str, tuple[str, dict[str, Any], int, str, str]] = {
    "feedback without anything": ("feedback", {}, 422, "completion_id", "required"),
    "feedback on no UUID": (
        "feedback",
        {"completion_id": "x", "metric": "thumbs", "value": 1},
        422,
        "completion_id",
        "UUID",
    ),
    "feedback on nothing": (
        "feedback",
        {"completion_id": ID, "metric": "thumbs", "value": 1},
        404,
        "completion_id",
        ID,
    ),
    "feedback of a text": (
        "feedback",
        {"completion_id": ID, "metric": "thumbs", "value": "yes"},
        422,
        "value",
        "number",
    ),
    "feedback with NUL": (
        "feedback",
        {"completion_id": ID, "metric": "thumbs", "value": 1, "details": "\0"},
        422,
        "details",
        "NUL",
    ),
    "feedback with long details": (
        "feedback",
        {"completion_id": ID, "metric": "thumbs", "value": 1, "details": "x" * 20_001},
        422,
        "details",
        "20000",
    ),
    "a comparison of nothing": (
        "comparison",
        {"project": "support", "metric": "thumbs"} | TIES,
        404,
        "preferred_completion",
        ID,
    ),
    "a comparison in an unknown project": (
        "comparison",
        {"project": "nowhere", "metric": "thumbs"} | TIES,
        404,
        "project",
        "nowhere",
    ),
    "a comparison under an unknown key": (
        "comparison",
        {"project": "support", "metric": "nowhere"} | TIES,
        404,
        "metric",
        "nowhere",
    ),
    "a comparison of numbers": (
        "comparison",
        {"project": "support", "metric": "thumbs", "preferred_completion": 1, "other_completion": 2},
        422,
        "preferred_completion",
        "UUID",
    ),
    "a comparison of texts without messages": (
        "comparison",
        {
            "project": "support",
            "metric": "thumbs",
            "preferred_completion": {"text": "a", "model": "m"},
            "other_completion": {"text": "b", "model": "m"},
        },
        422,
        "messages",
        "messages",
    ),
    "a comparison of texts about an image": (
        "comparison",
        {
            "project": "support",
            "metric": "thumbs",
            "messages": shown(b"x" * 20),
            "preferred_completion": {"text": "a", "model": "m"},
            "other_completion": {"text": "b", "model": "m"},
        },
        422,
        "messages",
        "by their ids",
    ),
    "a comparison that is tied somehow": (
        "comparison",
        {"project": "support", "metric": "thumbs", "tied": "equal"} | TIES,
        422,
        "tied",
        "'good' or 'bad'",
    ),
    "an outcome without a session": (
        "outcome",
        {"project_id": "support", "metric": "thumbs", "value": 1},
        422,
        "session_id",
        "required",
    ),
    "an outcome with a wrong value": (
        "outcome",
        {"project_id": "support", "session_id": ID, "metric": "thumbs", "value": 7},
        422,
        "value",
        "true or false",
    ),
    "an outcome in an unknown project": (
        "outcome",
        {"project_id": "nowhere", "session_id": ID, "metric": "thumbs", "value": 1},
        404,
        "project",
        "nowhere",
    ),
    "an outcome under an unknown key": (
        "outcome",
        {"project_id": "support", "session_id": ID, "metric": "nowhere", "value": 1},
        404,
        "metric",
        "nowhere",
    ),
    "a batch without interactions": ("interactions/batch", {}, 422, "interactions", "required"),
    "a batch of an object": ("interactions/batch", {"interactions": {}}, 422, "interactions", "must be a list"),
    "a batch of 1,001": ("interactions/batch", {"interactions": [0] * 1_001}, 422, "interactions", "1000"),
    "a batch with a stranger's field": ("interactions/batch", {"interactions": [], "x": 1}, 422, "x", "not known"),
}


@pytest.mark.parametrize("what", JUDGEMENTS)
def test_a_wrong_value_on_the_other_routes_is_refused(api: Api, stored: Stored, what: str) -> None:
    route, body, status, field, words = JUDGEMENTS[what]
    refused(api.post(route, body), status, field, words)
    assert stored() == {}


# Bodies

PLAIN = json.dumps(interaction()).encode()
MEGABYTES = 80

BODIES: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "nothing": (b"", {}, 400, "no body"),
    "spaces": (b" \n ", {}, 400, "no body"),
    "half of it": (PLAIN[:-20], {}, 400, "not valid JSON"),
    "something after it": (PLAIN + b"}", {}, 400, "not valid JSON"),
    "single quotes": (b"{'project': 'x'}", {}, 400, "not valid JSON"),
    "Latin-1": ('{"project": "größe"}'.encode("latin-1"), {}, 400, "not valid JSON"),
    "UTF-16": (PLAIN.decode().encode("utf-16"), {}, 400, "not valid JSON"),
    "a surrogate in UTF-8": (b'{"project": "\xed\xa0\x80"}', {}, 400, "not valid JSON"),
    "a lone leading surrogate": (rb'{"project": "\ud800"}', {}, 400, "not valid JSON"),
    "a lone trailing surrogate": (rb'{"project": "\udc00 x"}', {}, 400, "not valid JSON"),
    "surrogates the wrong way round": (rb'{"project": "\udc00\ud800"}', {}, 400, "not valid JSON"),
    "a surrogate in a key": (rb'{"\ud800": 1}', {}, 400, "not valid JSON"),
    "NaN": (b'{"value": NaN}', {}, 400, "not valid JSON"),
    "Infinity": (b'{"value": Infinity}', {}, 400, "not valid JSON"),
    "1e400": (b'{"value": 1e400}', {}, 422, "too large for a double"),
    "-1e400, deep inside": (b'{"messages": [{"x": [-1e400]}]}', {}, 422, "too large for a double"),
    "5,000 digits": (b'{"value": ' + b"9" * 5_000 + b"}", {}, 400, "not valid JSON"),
    "100,000 levels": (b"[" * 100_000, {}, 422, "64 levels"),
    "100,000 levels of objects": (b'{"a":' * 100_000, {}, 422, "64 levels"),
    "a list": (b"[]", {}, 422, "object"),
    "a number": (b"7", {}, 422, "object"),
    "a text": (b'"hello"', {}, 422, "object"),
    "null": (b"null", {}, 422, "object"),
    "a form": (
        b"project=x",
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "Content-Type: application/json",
    ),
    "a file": (b"--x", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "Content-Type: application/json"),
    "plain text": (PLAIN, {"Content-Type": "text/plain"}, 415, "not “text/plain”"),
    "no type": (PLAIN, {"Content-Type": ""}, 415, "Content-Type: application/json"),
    "an unknown coding": (PLAIN, {"Content-Encoding": "br"}, 415, "“br” is not known"),
    "two codings": (PLAIN, {"Content-Encoding": "gzip, gzip"}, 415, "not known"),
    "no gzip": (PLAIN, {"Content-Encoding": "gzip"}, 400, "not valid gzip"),
    "half a gzip": (gzip.compress(PLAIN)[:-20], {"Content-Encoding": "gzip"}, 400, "cut short"),
    "two gzips": (gzip.compress(PLAIN) * 2, {"Content-Encoding": "gzip"}, 400, "follows the gzip body"),
    "an empty gzip": (gzip.compress(b""), {"Content-Encoding": "gzip"}, 400, "no body"),
    "no zstd": (PLAIN, {"Content-Encoding": "zstd"}, 400, "not valid zstd"),
    "half a zstd": (zstandard.compress(PLAIN)[:-5], {"Content-Encoding": "zstd"}, 400, "cut short"),
    "a zstd and something": (zstandard.compress(PLAIN) + b"junk", {"Content-Encoding": "zstd"}, 400, "not valid zstd"),
    "a gzip bomb": (gzip.compress(b" " * (MEGABYTES << 20)), {"Content-Encoding": "gzip"}, 413, "more than 64 MB"),
    "a zstd bomb": (zstandard.compress(b" " * (MEGABYTES << 20)), {"Content-Encoding": "zstd"}, 413, "more than 64 MB"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_wrong_body_is_refused_on_every_route(api: Api, stored: Stored, what: str) -> None:
    body, headers, status, words = BODIES[what]
    routes = ROUTES[:1] if "bomb" in what else ROUTES
    for route in routes:
        response = api.post(route, body, **headers)
        field = response.json()["error"]["field"]
        refused(response, status, field, words)
        assert (field is None) == (words != "too large for a double")
    assert stored() == {}


def test_a_request_over_the_limit_is_refused(api: Api, stored: Stored, settings: Any) -> None:
    settings.MAX_REQUEST_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
    body = json.dumps(interaction(completion="x" * 1024 * 1024)).encode()
    refused(api.post("interactions", body), 413, None, "more than 1 MB")
    assert stored() == {}


# What is not there


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_an_unknown_path_is_told_in_the_same_form(api: Api, method: str) -> None:
    refused(api.send(method, "nowhere", {}), 404, None, "nothing at /api/v1/nowhere")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "feedback", "POST"), ("PUT", f"interactions/{ID}", "DELETE, GET"), ("PUT", "interactions", "GET, POST")],
)
def test_an_unknown_method_is_told_in_the_same_form(api: Api, method: str, path: str, allowed: str) -> None:
    response = api.send(method, path, {})
    refused(response, 405, None, f"not {method}")
    assert sorted(response["Allow"].split(", ")) == allowed.split(", ")


def test_an_id_that_is_none_is_told_in_the_same_form(api: Api) -> None:
    refused(api.get("interactions/nonsense"), 404, None, "nothing at /api/v1/interactions/nonsense")
    refused(api.get(f"interactions/{ID}"), 404, "interaction_id", ID)
    refused(api.get(f"interactions/{ID}?images=maybe"), 422, "images", "images=inline")


# What is unusual, and right


def test_nul_is_kept_in_prompts_completions_and_what_else_a_message_holds(api: Api) -> None:
    messages = [
        {"role": "system", "content": "a\0b"},
        {"role": "user", "content": [{"type": "text", "text": "\0"}, {"type": "x\0y", "\0": ["\0"]}], "name": "\0"},
    ]
    logged = api.log(messages=messages, completion="\0 done \0", parameters={"stop": "\0"})
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert (read["messages"], read["completion"]) == (messages, "\0 done \0")
    assert read["parameters"] == {"stop": "\0"}
    row = Interaction.objects.get()
    assert "\0" not in row.prompt_preview + row.completion_preview
    assert row.completion_preview == "done"


def test_huge_and_tiny_numbers_inside_a_message_are_kept_exactly(api: Api) -> None:
    numbers = [2**53 + 1, 2**64, -(2**70), 10**400, 0.1, 1e-300, -0.0, 1.7976931348623157e308, 5e-324]
    logged = api.log(messages=[{"role": "tool", "content": None, "numbers": numbers}])
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert [repr(number) for number in read["messages"][0]["numbers"]] == [repr(number) for number in numbers]


def test_of_a_key_that_is_written_twice_the_last_counts(api: Api) -> None:
    body = PLAIN[:-1] + b', "completion": "the last"}'
    response = api.post("interactions", body)
    assert response.status_code == 201
    assert api.get(f"interactions/{response.json()['completion_id']}").json()["completion"] == "the last"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes)],
)
def test_a_packed_body_is_understood(api: Api, coding: str, pack: Callable[[bytes], bytes]) -> None:
    response = api.post("interactions", pack(PLAIN), Content_Encoding=coding)
    assert response.status_code == 201


@pytest.mark.parametrize(
    "moment",
    [
        0,
        1_700_000_000_123,
        "1970-01-01T00:00:00Z",
        "2024-02-21T09:51:03Z",
        "2024-02-21T09:51:03.123456+02:00",
        "2024-02-21",
    ],
)
def test_a_moment_is_milliseconds_or_iso_8601(api: Api, moment: int | str) -> None:
    api.log(created_at=moment)


def test_64_levels_are_deep_enough(api: Api) -> None:
    deep = json.loads("[" * 60 + "]" * 60)
    logged = api.log(parameters={"deep": deep})
    assert api.get(f"interactions/{logged['completion_id']}").json()["parameters"] == {"deep": deep}


# At random

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN = (
    "project",
    "messages",
    "completion",
    "model_service",
    "model",
    "feedbacks",
    "user",
    "session_id",
    "created_at",
    "labels",
    "source",
    "state",
    "error",
    "usage",
    "timings",
    "parameters",
    "finish_reason",
    "metric",
    "value",
    "completion_id",
    "preferred_completion",
    "other_completion",
    "interactions",
    "project_id",
    "tied",
    "details",
    "reason",
    "ab_campaign",
)
plausible = st.one_of(
    json_values,
    st.sampled_from(
        ["support", "thumbs", "quality", ID, "good", "LIVE", "failed", "2024-01-01", True, 1, 0.5, "", "\0"]
    ),
    st.lists(st.fixed_dictionaries({"role": st.text(max_size=5), "content": json_values}), max_size=3),
    st.lists(st.fixed_dictionaries({"metric": st.just("thumbs"), "value": json_values}), max_size=2),
)
bodies = json_values | st.dictionaries(st.sampled_from(KNOWN), plausible, max_size=8).map(
    lambda drawn: {"project": "support", "messages": [], "completion": "x"} | drawn
)


@runs(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(route=st.sampled_from(ROUTES), body=bodies)
def test_no_json_makes_the_server_fail(api: Api, route: str, body: Any) -> None:
    response = api.post(route, body)
    assert response.status_code in (200, 201, 404, 413, 415, 422), (body, response.content)
    if response.status_code >= 400:
        assert response.json()["error"]["message"].endswith(".")


@runs(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_make_the_server_fail(api: Api, body: bytes) -> None:
    for coding in ("identity", "gzip", "zstd"):
        assert api.post("interactions", body, Content_Encoding=coding).status_code in (400, 422)
