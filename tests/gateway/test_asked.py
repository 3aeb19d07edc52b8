"""What a request asks, taken apart for the store and put together for the model's server."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions import payloads
from interactions.errors import Invalid
from interactions.gateway.asked import PATHS, body_for, read
from interactions.gateway.assembly import Api

MESSAGES = [{"role": "user", "content": "Hello"}]
NAMES = st.text(min_size=1, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
OWN = {
    "model", "messages", "prompt", "input", "instructions", "stream", "stream_options", "store", "session_id", "labels",
    "metadata", "ab_campaign", "user", "max_tokens", "encoding_format",
}  # fmt: skip
PROMPTS: dict[Api, dict[str, Any]] = {
    "chat": {"messages": MESSAGES},
    "completions": {"prompt": "Hello"},
    "responses": {"input": "Hello"},
    "embeddings": {"input": "Hello"},
}


def sent(api: Api, value: dict[str, Any], parameters: Any = None, is_openai: bool = False) -> Any:
    return json.loads(body_for(read(api, value), "upstream-name", parameters or {}, is_openai=is_openai))


@given(api=st.sampled_from(sorted(PATHS)), unknown=st.dictionaries(NAMES.filter(lambda n: n not in OWN), VALUES))
def test_what_is_not_known_goes_on_as_it_is_and_is_kept_as_a_parameter(api: Api, unknown: dict[str, Any]) -> None:
    value = {"model": "project/model", **PROMPTS[api], **unknown}
    assert read(api, value).parameters == unknown
    assert sent(api, value) == {"model": "upstream-name", **PROMPTS[api], **unknown}


@given(value=VALUES, api=st.sampled_from(sorted(PATHS)))
def test_whatever_is_sent_is_read_or_refused(value: Any, api: Api) -> None:
    beside = dict.fromkeys(("metadata", "stream_options", "user"), value)
    within = dict.fromkeys(("messages", "prompt", "input", "instructions"), value)
    for body in (value, {"model": "m", **PROMPTS[api], **beside}, {"model": "m", **within}):
        try:
            asked = read(api, body)
        except Invalid:
            continue
        body_for(asked, "x", {}, is_openai=True)
        assert all(isinstance(message, payloads.Message) for message in asked.messages)


def test_what_is_for_this_server_goes_no_further() -> None:
    session = uuid4()
    value = {"model": "p", "messages": MESSAGES, "session_id": str(session), "labels": {"a": "b"}, "ab_campaign": "t"}
    asked = read("chat", value | {"store": False})
    assert (asked.session_id, asked.labels, asked.ab_campaign, asked.is_kept) == (session, {"a": "b"}, "t", False)
    assert sent("chat", value | {"store": False}) == {"model": "upstream-name", "messages": MESSAGES}
    assert asked.parameters == {}


@pytest.mark.parametrize(
    ("metadata", "labels"), [({"a": "b"}, {"a": "b"}), ({"a": 1}, None), ({"a": ""}, None), ("x", None), (None, None)]
)
def test_metadata_are_labels_where_they_can_be_and_else_the_model_s(metadata: Any, labels: Any) -> None:
    value = {"model": "p", "messages": MESSAGES, "metadata": metadata}
    asked = read("chat", value)
    assert asked.labels == labels
    assert asked.parameters == {"metadata": metadata}
    assert sent("chat", value).get("metadata", "gone") == ("gone" if labels else metadata)
    # The Responses API has always had them, and keeps what it stores by them.
    assert sent("responses", {"model": "p", "input": "x", "metadata": metadata})["metadata"] == metadata


def test_labels_stand_above_metadata() -> None:
    value = {"model": "p", "messages": MESSAGES, "metadata": {"a": "b"}, "labels": {"c": "d"}}
    assert read("chat", value).labels == {"c": "d"}


@pytest.mark.parametrize(
    ("options", "told"),
    [({}, {}), ({"stream_options": {}}, {}), ({"stream_options": {"include_usage": False}}, {}),
     ({"stream_options": {"chunk_size": 5}}, {"chunk_size": 5}), ({"stream_options": None}, {})],
)  # fmt: skip
def test_a_stream_is_asked_for_its_usage_and_nothing_else_has_options(options: Any, told: Any) -> None:
    value = {"model": "p", "messages": MESSAGES, **options}
    assert sent("chat", value | {"stream": True})["stream_options"] == {**told, "include_usage": True}
    assert "stream_options" not in sent("chat", value)
    assert "stream_options" not in sent("chat", value | {"stream": False})
    assert not read("chat", value).wants_usage


def test_a_picture_s_address_becomes_an_object_and_nothing_else_is_touched() -> None:
    parts = [
        {"type": "text", "text": "x"}, {"type": "image_url", "image_url": "data:x"},
        {"type": "image_url", "image_url": {"url": "y", "detail": "low"}}, {"type": "other", "image_url": "z"}, "odd",
    ]  # fmt: skip
    content = sent("chat", {"model": "p", "messages": [{"role": "user", "content": parts}]})["messages"][0]["content"]
    assert content == [parts[0], {"type": "image_url", "image_url": {"url": "data:x"}}, *parts[2:]]
    assert read("chat", {"model": "p", "messages": [{"role": "user", "content": parts}]}).messages[0].content == parts


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"max_tokens": 5}, {"max_completion_tokens": 5}), ({"max_completion_tokens": 6}, {"max_completion_tokens": 6}),
     ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 5, "max_completion_tokens": 6})],
)  # fmt: skip
def test_openai_calls_the_most_tokens_otherwise(asked: Any, told: Any) -> None:
    value = {"model": "p", "messages": MESSAGES, **asked}
    assert sent("chat", value, is_openai=True) == {"model": "upstream-name", "messages": MESSAGES, **told}
    assert sent("chat", value) == {"model": "upstream-name", "messages": MESSAGES, **asked}


def test_the_model_s_own_parameters_stand_under_what_is_asked() -> None:
    value = {"model": "p", "messages": MESSAGES, "temperature": 0, "user": "u"}
    told = sent("chat", value, {"temperature": 1, "top_k": 5, "user": None, "absent": None})
    assert told == {"model": "upstream-name", "messages": MESSAGES, "temperature": 0, "top_k": 5}


PROMPTED: list[tuple[Api, dict[str, Any], list[Any]]] = [
    ("completions", {"prompt": "a"}, ["a"]),
    ("completions", {"prompt": ["a", "b"]}, ["a", "b"]),
    ("completions", {"prompt": [1, 2]}, [[[1, 2]]]),
    ("completions", {}, [""]),
    ("embeddings", {"input": [[1, 2], [3]]}, [[[1, 2]], [[3]]]),
    ("embeddings", {"input": ["a"]}, ["a"]),
    ("responses", {"input": "a", "instructions": "b"}, ["b", "a"]),
    ("responses", {"input": [{"role": "user", "content": "a"}]}, ["a"]),
    ("responses", {"prompt": {"id": "p"}}, [""]),
]


@pytest.mark.parametrize(("api", "value", "contents"), PROMPTED)
def test_every_prompt_is_kept_as_messages(api: Api, value: dict[str, Any], contents: list[Any]) -> None:
    asked = read(api, {"model": "p", **value})
    assert [message.content for message in asked.messages] == contents
    assert sent(api, {"model": "p", **value}) == {"model": "upstream-name", **value}


def test_items_of_a_conversation_without_a_speaker_get_one() -> None:
    items = [{"type": "function_call", "name": "f"}, {"type": "function_call_output", "output": "x"}]
    messages = read("responses", {"model": "p", "input": items}).messages
    assert [message.role for message in messages] == ["assistant", "tool"]
    assert [message.model_extra for message in messages] == items


REFUSED: list[tuple[Api, Any, str | None]] = [
    ("chat", [], None),
    ("chat", {"model": "p"}, "messages"),
    ("chat", {"model": "p", "messages": []}, "messages"),
    ("chat", {"model": "p", "messages": [7]}, "messages[0]"),
    ("chat", {"model": "p", "messages": [{"content": "x"}]}, "messages[0].role"),
    ("chat", {"messages": MESSAGES}, "model"),
    ("chat", {"model": "", "messages": MESSAGES}, "model"),
    ("chat", {"model": "p", "messages": MESSAGES, "stream": "yes"}, "stream"),
    ("chat", {"model": "p", "messages": MESSAGES, "store": 1}, "store"),
    ("chat", {"model": "p", "messages": MESSAGES, "labels": {"a": ""}}, "labels.a"),
    ("embeddings", {"model": "p"}, "input"),
]


@pytest.mark.parametrize(("api", "value", "field"), REFUSED)
def test_what_this_server_cannot_keep_is_refused_with_its_place(api: Api, value: Any, field: str | None) -> None:
    with pytest.raises(Invalid) as raised:
        read(api, value)
    assert raised.value.field == field
