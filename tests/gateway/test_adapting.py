"""What is added to what passes through, for both clients, and that nothing else changes."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from adaptive_sdk.rest.rest_types import ChatResponse, ChatResponseChunk, EmbeddingsResponseList
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from interactions.gateway import adapting
from interactions.gateway.adapting import Stamp

pytestmark = pytest.mark.pure

STAMP = Stamp(str(uuid4()), str(uuid4()), "gpt", 1_720_712_536)
IDS = f',"completion_id":"{STAMP.completion_id}","session_id":"{STAMP.session_id}"'
OF_CHOICE = f',"completion_id":"{STAMP.completion_id}"'
OF_DELTA = f',"id":"{STAMP.completion_id}","role":"assistant"'

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def body(message: Any = None, **fields: Any) -> bytes:
    said = {"role": "assistant", "content": "Hi"} if message is None else message
    plain = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    return json.dumps(plain | fields).encode()


def chunk(delta: Any = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": None}
    plain = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return json.dumps(plain | fields).encode()


# Both clients


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"content": "Hi"},
        {},
    ],
)
@pytest.mark.parametrize(
    "fields", [{}, {"usage": None}, {"usage": {"prompt_tokens": 4, "completion_tokens": 1}}, {"id": None}]
)
def test_both_clients_read_an_answer(message: Any, fields: Any) -> None:
    adapted = adapting.chat_body(body(message, **fields), STAMP)
    theirs = ChatResponse.model_validate(json.loads(adapted))
    assert str(theirs.session_id) == STAMP.session_id
    assert theirs.choices[0].completion_id == theirs.choices[0].message.id == STAMP.completion_id
    assert theirs.choices[0].model == "gpt"
    assert theirs.choices[0].message.content == (message.get("content") or "")
    assert theirs.usage.total_tokens == theirs.usage.prompt_tokens + theirs.usage.completion_tokens
    openai: Any = ChatCompletion.model_validate_json(adapted)
    assert openai.choices[0].message.content == (message.get("content") or "")
    assert (openai.completion_id, openai.session_id) == (STAMP.completion_id, STAMP.session_id)


@pytest.mark.parametrize(
    "data",
    [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hi"}),
        chunk({"content": None, "reasoning_content": "hm"}),
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}),
        chunk({}),
        chunk(choices=[], usage=USAGE),
        chunk(choices=[], usage={"prompt_tokens": 1}),
        chunk(usage=None),
        chunk(choices=None),
        chunk(choices=[{"index": 0, "delta": None, "finish_reason": "stop"}]),
        chunk(choices=[{"delta": {"content": "x"}}, {"delta": {"content": "y"}}]),
        b'{"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}',
        b"{}",
    ],
)
def test_both_clients_read_a_chunk(data: bytes) -> None:
    adapted = adapting.chat_chunk(data, STAMP)
    theirs = ChatResponseChunk.model_validate(json.loads(adapted))
    assert str(theirs.session_id) == STAMP.session_id
    for choice in theirs.choices:
        assert choice.completion_id == choice.delta.id == STAMP.completion_id
        assert choice.delta.role == "assistant"
    openai: Any = ChatCompletionChunk.construct(**json.loads(adapted))
    assert (openai.completion_id, openai.session_id) == (STAMP.completion_id, STAMP.session_id)
    given = [(choice.get("delta") or {}).get("content") or "" for choice in json.loads(data).get("choices") or []]
    assert [choice.delta.content for choice in openai.choices] == given


def test_older_completions_embeddings_and_responses_get_the_ids() -> None:
    completion: Any = Completion.model_validate_json(
        adapting.other(b'{"id":"a","created":1,"model":"m","object":"text_completion","choices":[]}', STAMP)
    )
    assert (completion.completion_id, completion.session_id) == (STAMP.completion_id, STAMP.session_id)
    adapted = adapting.other(b'{"type":"response.created","response":{"id":"r"}}', STAMP).decode()
    assert adapted == f'{{"type":"response.created","response":{{"id":"r"{IDS}}}{IDS}}}'


def test_ids_that_an_upstream_gave_are_replaced_and_those_of_its_messages_kept() -> None:
    adapted = adapting.chat_chunk(adapting.chat_chunk(chunk({"content": "x"}), Stamp("other", "s", "m", 1)), STAMP)
    choice = json.loads(adapted)["choices"][0]
    assert (choice["completion_id"], choice["delta"]["id"]) == (STAMP.completion_id, "other")
    assert json.loads(adapted)["session_id"] == STAMP.session_id


# Every other byte


def test_an_ordinary_chunk_has_nothing_but_additions() -> None:
    plain = '{"id":"c1","created":1,"choices":[{"index":0,"delta":{"content":"Hi"}}]}'
    adapted = adapting.chat_chunk(plain.encode(), STAMP).decode()
    assert adapted == (
        f'{{"id":"c1","created":1,"choices":[{{"index":0,"delta":{{"content":"Hi"{OF_DELTA}}}{OF_CHOICE}}}]{IDS}}}'
    )


UNUSUAL = (
    b'{ "id" : "c1" ,\n "created": 1.0, "big": 1e400, "neg": -0, "long": 123456789012345678901234567890, "same": 1,\r\n'
    b'"same": 2, "text": "\\u00e9\\ud83d \\/ \xc3\xa9 \xff", "\\u0063hoices" :[ '
    b'{"index":0 , "delta" : {"content":"a\\u0000"} } ] }\n'
)


def test_numbers_escapes_white_space_and_keys_that_occur_twice_stay_as_they_are() -> None:
    adapted = adapting.chat_chunk(UNUSUAL, STAMP)
    for added in (IDS, OF_CHOICE, OF_DELTA):
        assert adapted.count(added.encode()) == 1
        adapted = adapted.replace(added.encode(), b"")
    assert adapted == UNUSUAL


def test_of_members_that_occur_twice_the_last_is_the_one_that_counts() -> None:
    twice = (
        b'{"id":"c","created":1,"choices":5,"choices":[{"index":0,"delta":7,"delta":{"content":"x","content":null}}]}'
    )
    chunk_read = ChatResponseChunk.model_validate(json.loads(adapting.chat_chunk(twice, STAMP)))
    assert chunk_read.choices[0].delta.content == ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
SPACES = st.text(" \t\r\n", max_size=2)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Chunks with unknown fields everywhere and any white space; nothing in them is null that must not be."""

    def written(members: dict[str, str]) -> str:
        for name, value in draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=2)).items():
            members.setdefault(f"x{name}", json.dumps(value, ensure_ascii=draw(st.booleans())))
        keys = draw(st.permutations(list(members)))
        inside = (
            f"{draw(SPACES)}{json.dumps(key)}{draw(SPACES)}:{draw(SPACES)}{members[key]}{draw(SPACES)}" for key in keys
        )
        return "{" + (",".join(inside) or draw(SPACES)) + "}"

    choices = []
    for index in range(draw(st.integers(0, 2))):
        delta = {} if draw(st.booleans()) else {"content": json.dumps(draw(st.text(max_size=5)))}
        choices.append(written({"index": str(index), "delta": written(delta)}))
    return (
        draw(SPACES)
        + written({"id": '"c"', "created": "1.0", "choices": f"[{','.join(choices)}{draw(SPACES)}]"})
        + draw(SPACES)
    )


def _without(document: Any, names: set[str]) -> Any:
    return {name: value for name, value in document.items() if name not in names}


@given(documents())
def test_what_is_not_added_is_as_it_was(document: str) -> None:
    adapted = adapting.chat_chunk(document.encode(), STAMP).decode()
    before, after = json.loads(document), json.loads(adapted)
    ChatResponseChunk.model_validate(after)
    assert _without(after, {"completion_id", "session_id", "choices"}) == _without(before, {"choices"})
    for old, new in zip(before["choices"], after["choices"], strict=True):
        assert _without(new, {"completion_id", "delta"}) == _without(old, {"delta"})
        assert new["delta"] == {"id": STAMP.completion_id, "role": "assistant", "content": ""} | old["delta"]
    for added in (IDS, OF_CHOICE, OF_DELTA):
        adapted = adapted.replace(added, "")
    if all("content" in choice["delta"] for choice in before["choices"]):
        assert adapted == document


@given(documents())
def test_adding_twice_is_adding_once(document: str) -> None:
    once = adapting.chat_chunk(document.encode(), STAMP)
    assert adapting.chat_chunk(once, STAMP) == once
    assert adapting.other(once, STAMP) == once


# What is left alone


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[DONE]", b"{", b"{broken}", b'{"a":1} more', b'{"a":1,}', b"null", b"5", b'"text"', b"<html>"),
        *(b'[{"error":{"message":"gone"}}]', b'{"error":{"message":"gone"}}', b'{"a":"\n"}'),
        *(b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"a":%s}' % (b"9" * 5_000)),
    ],
)
def test_what_is_no_object_or_an_error_passes_untouched(data: bytes) -> None:
    assert adapting.chat_chunk(data, STAMP) == data
    assert adapting.chat_body(data, STAMP) == data


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    for adapt in (adapting.chat_chunk, adapting.chat_body, adapting.embeddings_body, adapting.other):
        adapt(data, STAMP)


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("choices", "delta", "message", "usage", "id", "role", "content", "index", "error", "response", "")
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(HOSTILE)
def test_wrong_types_do_not_raise_and_json_stays_json(value: Any) -> None:
    data = json.dumps(value).encode()
    for adapt in (adapting.chat_chunk, adapting.chat_body, adapting.embeddings_body, adapting.other):
        json.loads(adapt(data, STAMP))


@pytest.mark.parametrize("usage", [{"prompt_tokens": 2, "total_tokens": 2}, {}, None, USAGE])
def test_embeddings_are_what_the_vendor_s_client_expects(usage: Any) -> None:
    sent = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": usage}
    told = adapting.embeddings_body(json.dumps(sent).encode(), STAMP)
    parsed = EmbeddingsResponseList.model_validate_json(told)
    assert parsed.data[0].embedding == [0.5]
    assert json.loads(told)["completion_id"] == STAMP.completion_id
    assert told.startswith(b'{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], ')


def test_a_byte_order_mark_stays() -> None:
    assert adapting.other(b'\xef\xbb\xbf{"a":1}', STAMP) == f'\ufeff{{"a":1{IDS}}}'.encode()


def test_a_large_chunk_takes_milliseconds() -> None:
    data = chunk({"content": "x" * 4_000_000})
    began = time.process_time()
    adapted = adapting.chat_chunk(data, STAMP)
    assert time.process_time() - began < 0.5
    assert len(adapted) > len(data)
