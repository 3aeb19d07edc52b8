"""What an upstream sent, folded into one result, beside what the `openai` client makes of it."""

from __future__ import annotations

import base64
import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from interactions.gateway import assembly, sse
from interactions.gateway.assembly import Assembly, Result, Usage

pytestmark = pytest.mark.pure


def event(value: Any, name: str = "") -> sse.Event:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return sse.Event(sse.event(data, name), data, name)


def streamed(*values: Any, api: assembly.Api = "chat") -> Result:
    folded = Assembly(api)
    for value in values:
        folded.add(event(value))
    return folded.result()


def whole(value: Any, api: assembly.Api = "chat") -> Result:
    return assembly.whole(api, value if isinstance(value, bytes) else json.dumps(value).encode())


def chunk(delta: Any = None, index: Any = 0, finish_reason: Any = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish_reason}
    plain = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return plain | fields


DONE = sse.DONE


# Chat completions


def test_a_stream_becomes_the_body_that_would_have_been_sent_without_streaming() -> None:
    result = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}, service_tier="default"),
        chunk(finish_reason="stop"),
        chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
        DONE,
    )
    assert result.body == {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "service_tier": "default",
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    assert (result.first.text, result.first.finish_reason, result.is_finished) == ("Hello", "stop", True)
    assert (result.id, result.model, result.usage) == ("c1", "m", Usage(3, 2, 5))
    assert result.oddities == []
    assert whole(result.body) == result


def test_a_stream_that_was_cut_off_is_not_finished_and_has_what_came() -> None:
    result = streamed(chunk({"content": "Hel"}), chunk({"content": "lo"}))
    assert (result.first.text, result.is_finished) == ("Hello", False)
    assert streamed(chunk({"content": "x"}, finish_reason="stop")).is_finished


def test_it_is_known_when_the_model_began_to_speak_and_when_the_end_was_announced() -> None:
    folded = Assembly("chat")
    told = []
    for value in (
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "x"}),
        chunk(finish_reason="stop"),
        DONE,
    ):
        folded.add(event(value))
        told.append((folded.has_begun, folded.is_done))
    assert told == [(False, False), (True, False), (True, False), (True, True)]


@pytest.mark.parametrize("delta", [{"reasoning_content": "hm"}, {"refusal": "no"}, {"tool_calls": [{"index": 0}]}])
def test_reasoning_refusals_and_tool_calls_are_speech(delta: Any) -> None:
    folded = Assembly("chat")
    folded.add(event(chunk(delta)))
    assert folded.has_begun


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_apart_from_the_answer(name: str) -> None:
    result = streamed(chunk({name: "let me "}), chunk({name: "think", "content": None}), chunk({"content": "4"}))
    assert (result.first.reasoning, result.first.text) == ("let me think", "4")


def test_a_content_of_parts_that_think_is_read_and_kept() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    result = streamed(
        chunk({"content": ""}), chunk({"content": [thought]}), chunk({"content": "4"}), chunk({"content": "2"})
    )
    assert (result.first.reasoning, result.first.text) == ("hm", "42")
    assert result.body["choices"][0]["message"]["content"] == [thought, {"type": "text", "text": "42"}]
    assert streamed(chunk({"content": "A"}), chunk({"content": [thought]})).first.text == "A"


def test_several_choices_that_come_mixed_are_told_apart() -> None:
    result = streamed(*(chunk({"content": text}, index) for text, index in (("b", 1), ("a", 0), ("B", 1), ("A", 0))))
    assert [(choice.index, choice.text) for choice in result.choices] == [(0, "aA"), (1, "bB")]
    assert result.first.text == "aA"


def test_log_probabilities_are_kept() -> None:
    one, two = ({"token": token, "logprob": -0.5, "bytes": [97], "top_logprobs": []} for token in "ab")
    first, second = chunk({"content": "a"}), chunk({"content": "b"})
    first["choices"][0]["logprobs"] = {"content": [one], "refusal": None}
    second["choices"][0]["logprobs"] = {"content": [two], "refusal": None}
    assert streamed(first, second).body["choices"][0]["logprobs"] == {"content": [one, two], "refusal": None}


def test_unknown_fields_are_kept_wherever_they_stand() -> None:
    first = chunk({"content": "a", "audio": {"id": "x", "data": "QU"}, "extra": 1}, x_groq={"id": "r"})
    second = chunk({"audio": {"data": "JD", "expires_at": 9}}, citations=["u"])
    second["choices"][0]["content_filter_results"] = {"hate": False}
    body = streamed(first, second).body
    assert body["choices"][0]["message"] == {
        "content": "a",
        "audio": {"id": "x", "data": "QUJD", "expires_at": 9},
        "extra": 1,
    }
    assert body["choices"][0]["content_filter_results"] == {"hate": False}
    assert (body["x_groq"], body["citations"]) == ({"id": "r"}, ["u"])


# Tool calls


def call(index: Any = 0, uid: Any = None, name: Any = None, arguments: Any = "", **fields: Any) -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {"arguments": arguments} | ({"name": name} if name else {})}
    piece |= {"index": index} if index is not None else {}
    return piece | ({"id": uid, "type": "function"} if uid else {}) | fields


def called(*pieces: Any) -> list[tuple[Any, Any, Any]]:
    """Each list of pieces in a chunk; what was called: id, name, arguments."""
    result = streamed(*(chunk({"tool_calls": piece}) for piece in pieces))
    return [
        (one.get("id"), one["function"].get("name"), one["function"].get("arguments"))
        for one in result.first.tool_calls
    ]


def test_parallel_tool_calls_are_put_together_by_their_index() -> None:
    assert called(
        [call(0, "a", "f")],
        [call(1, "b", "g")],
        [call(0, arguments='{"x"'), call(1, arguments="{")],
        [call(0, arguments=":1}")],
    ) == [("a", "f", '{"x":1}'), ("b", "g", "{")]


def test_tool_calls_without_an_index_are_told_apart() -> None:
    assert called([call(None, "a", "f", "1"), call(None, "b", "f", "2")], [call(None, arguments="3")]) == [
        ("a", "f", "1"),
        ("b", "f", "23"),
    ]
    assert called([call(None, "a", "f", "1")], [call(None, "b", "g", "2")], [call(None, "a", arguments="3")]) == [
        ("a", "f", "13"),
        ("b", "g", "2"),
    ]


def test_tool_calls_that_share_an_index_are_told_apart_by_id_and_name() -> None:
    assert called([call(0, "a", "f", "1")], [call(0, "b", "f", "2")]) == [("a", "f", "1"), ("b", "f", "2")]


def test_an_id_or_a_name_that_is_repeated_is_not_another_call() -> None:
    assert called([call(0, "a", "f", "1")], [call(0, "a", "f", "2")]) == [("a", "f", "12")]
    assert called([call(0, "a", "f", "1")], [call(0, "b", None, "2")]) == [("a", "f", "12")]
    assert called([call(0, None, "get_")], [call(0, None, "time")]) == [(None, "get_time", "")]


def test_tool_calls_without_ids_and_with_arguments_that_are_no_text_are_kept() -> None:
    assert called([call(0, None, "f", {"x": 1})]) == [(None, "f", '{"x": 1}')]


def test_what_providers_add_to_a_tool_call_is_kept() -> None:
    signed = {"google": {"thought_signature": "Ejx"}}
    result = streamed(chunk({"tool_calls": [call(None, "a", "f", "{}", extra_content=signed)]}))
    assert result.first.tool_calls[0]["extra_content"] == signed


def test_a_legacy_function_call_is_a_tool_call_too() -> None:
    result = streamed(
        chunk({"function_call": {"name": "f", "arguments": "{"}, "content": None}),
        chunk({"function_call": {"arguments": "}"}}, finish_reason="function_call"),
    )
    assert result.first.tool_calls == [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert result.body["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


# Beside the real client

TEXTS = st.text(st.sampled_from("aä{😀\n"), min_size=1, max_size=3)
PIECES = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2), st.builds(lambda text: {"content": text}, TEXTS)),
        st.tuples(st.integers(0, 2), st.builds(lambda text: {"refusal": text}, TEXTS)),
        st.tuples(
            st.integers(0, 2),
            st.builds(lambda i, text: {"tool_calls": [call(i, arguments=text)]}, st.integers(0, 1), TEXTS),
        ),
    ),
    max_size=20,
)


@given(PIECES)
def test_the_client_assembles_the_same_from_the_same_chunks(pieces: list[Any]) -> None:
    opening = [
        chunk({"role": "assistant", "content": "", "tool_calls": [call(i, f"id{i}", f"f{i}") for i in range(2)]}, index)
        for index in range(3)
    ]
    chunks = [*opening, *(chunk(delta, index) for index, delta in pieces)]
    chunks += [chunk(index=index, finish_reason="stop") for index in range(3)]
    chunks.append(chunk(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}))
    state: Any = ChatCompletionStreamState()
    for one in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(one))
    theirs, ours = state.current_completion_snapshot, streamed(*chunks, DONE)
    assert ours.usage == Usage(1, 2, 3)
    for their, our in zip(theirs.choices, ours.choices, strict=True):
        assert (our.text, our.refusal) == (their.message.content or "", their.message.refusal or "")
        assert [(one["id"], one["function"]) for one in our.tool_calls] == [
            (one.id, {"name": one.function.name, "arguments": one.function.arguments})
            for one in their.message.tool_calls
        ]


# Usage


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, Usage(1, 2, 3)),
        ({"input_tokens": 1, "output_tokens": 2}, Usage(1, 2, 3)),
        ({"prompt_tokens": 4, "total_tokens": 4}, Usage(4, 0, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8}, Usage(9, 1, 10, cached=8)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(9, 5, 14, 4, 3),
        ),
        ({"prompt_tokens": 1.0, "completion_tokens": None}, Usage(1, 0, 1)),
        ({"prompt_tokens": -1, "completion_tokens": 10**400, "total_tokens": "many"}, None),
        ({"prompt_tokens": True}, None),
        ({"prompt_tokens": float("nan")}, None),
        ([], None),
        ({}, None),
    ],
)
def test_usage_is_read_in_every_spelling_and_nonsense_is_none(given: Any, read: Usage | None) -> None:
    assert whole({"choices": [], "usage": given}).usage == read


def test_the_last_usage_of_a_stream_counts() -> None:
    counts = [{"prompt_tokens": 1, "completion_tokens": n, "total_tokens": n + 1} for n in (1, 2)]
    assert streamed(*(chunk(usage=usage) for usage in counts), chunk(usage=None)).usage == Usage(1, 2, 3)


def test_usage_within_a_choice_is_read() -> None:
    given = chunk(finish_reason="stop")
    given["choices"][0]["usage"] = {"prompt_tokens": 1, "completion_tokens": 2}
    assert streamed(given).usage == Usage(1, 2, 3)


# Errors


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "slow down", "code": 429}}, "slow down"),
        ({"error": "model not found"}, "model not found"),
        ([{"error": {"message": "gemini", "status": "INVALID"}}], "gemini"),
        ({"object": "error", "message": "vllm", "code": 400}, "vllm"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "busy"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body"]}]}, '[{"loc": ["body"]}]'),
        ({"error": {"code": 7}}, '{"code": 7}'),
    ],
)
def test_an_error_is_read_in_every_form(body: Any, message: str) -> None:
    result = whole(body)
    assert result.error
    assert result.error_message == message


def test_an_error_in_a_stream_keeps_what_came_before() -> None:
    result = streamed(chunk({"content": "Hel"}), {"error": {"message": "gone"}}, DONE)
    assert (result.first.text, result.error_message) == ("Hel", "gone")


def test_an_event_that_is_called_error_is_one() -> None:
    folded = Assembly("chat")
    folded.add(event({"message": "gone"}, "error"))
    assert folded.result().error_message == "gone"


def test_a_page_instead_of_json_is_told() -> None:
    result = whole(b"<html>Bad gateway")
    assert (result.body, result.is_finished) == (None, False)
    assert result.oddities == ["no JSON: <html>Bad gateway"]


# Other APIs


def test_older_completions_are_put_together() -> None:
    def piece(text: str, reason: str | None = None) -> dict[str, Any]:
        logprobs = {"tokens": [text], "token_logprobs": [-1.0], "top_logprobs": None, "text_offset": [0]}
        choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return {"id": "cmpl", "object": "text_completion", "model": "m", "choices": [choice]}

    result = streamed(piece("Once "), piece("upon", "length"), DONE, api="completions")
    assert (result.first.text, result.first.finish_reason) == ("Once upon", "length")
    assert result.body["choices"][0]["logprobs"]["tokens"] == ["Once ", "upon"]
    assert whole(result.body, api="completions") == result


@pytest.mark.parametrize("vector", [[0.1, 0.2, 0.3], base64.b64encode(bytes(12)).decode()])
def test_of_embeddings_only_the_numbers_of_vectors_and_dimensions_are_kept(vector: Any) -> None:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(2)]
    result = whole({"object": "list", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}}, api="embeddings")
    assert (result.vectors, result.dimensions, result.usage) == (2, 3, Usage(4, 0, 4))
    assert "data" not in result.body


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "model": "m",
    "status": "completed",
    "error": None,
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
        },
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
        },
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"x":1}'},
    ],
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
    },
}


def response_events() -> list[dict[str, Any]]:
    """As they come, without the last."""
    reasoning, message, function = RESPONSE["output"]  # type: ignore[misc]
    opening = RESPONSE | {"status": "in_progress", "output": [], "usage": None}
    summary, text = "response.reasoning_summary_text", "response.output_text"
    part = {"type": "output_text", "text": "", "annotations": []}
    return [
        {"type": "response.created", "response": opening},
        {"type": "response.in_progress", "response": opening},
        {"type": "response.output_item.added", "output_index": 0, "item": reasoning | {"summary": []}},  # type: ignore[operator]
        {"type": f"{summary}.delta", "output_index": 0, "summary_index": 0, "delta": "h"},
        {"type": f"{summary}.delta", "output_index": 0, "summary_index": 0, "delta": "m"},
        {"type": "response.output_item.added", "output_index": 1, "item": message | {"content": []}},  # type: ignore[operator]
        {"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": part},
        {"type": f"{text}.delta", "output_index": 1, "content_index": 0, "delta": "Hel"},
        {"type": f"{text}.delta", "output_index": 1, "content_index": 0, "delta": "lo"},
        {"type": f"{text}.done", "output_index": 1, "content_index": 0, "text": "Hello"},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        {"type": "response.output_item.added", "output_index": 2, "item": function | {"arguments": ""}},  # type: ignore[operator]
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"x"'},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}"},
    ]


def test_a_response_is_read() -> None:
    result = whole(RESPONSE, api="responses")
    assert (result.first.text, result.first.reasoning, result.first.finish_reason) == ("Hello", "hm", "completed")
    assert result.first.tool_calls == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    ]
    assert result.usage == Usage(1, 2, 3, reasoning=1)


def test_the_last_event_of_a_response_s_stream_has_it_all() -> None:
    result = streamed(*response_events(), {"type": "response.completed", "response": RESPONSE}, api="responses")
    assert result == whole(RESPONSE, api="responses")
    assert result.is_finished


def test_a_response_s_stream_that_was_cut_off_is_put_together_from_its_pieces() -> None:
    result = streamed(*response_events(), api="responses")
    assert result.body["output"] == RESPONSE["output"]
    assert (result.is_finished, result.oddities) == (False, [])
    without_output = RESPONSE | {"output": []}
    ended = streamed(*response_events(), {"type": "response.completed", "response": without_output}, api="responses")
    assert ended.body["output"] == RESPONSE["output"]


def test_a_response_that_failed_tells_why() -> None:
    failed = RESPONSE | {"status": "failed", "error": {"code": "server_error", "message": "gone"}}
    assert streamed({"type": "response.failed", "response": failed}, api="responses").error_message == "gone"
    error = {"type": "error", "code": "server_error", "message": "gone", "param": None, "sequence_number": 1}
    assert streamed(error, api="responses").error_message == "gone"


def test_a_response_that_is_incomplete_tells_why() -> None:
    cut = RESPONSE | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert whole(cut, api="responses").first.finish_reason == "max_output_tokens"


# Nonsense

NAMES = (
    *("choices", "index", "message", "delta", "role", "content", "text", "thinking", "reasoning", "logprobs", "id"),
    *("tool_calls", "function", "function_call", "name", "arguments", "finish_reason", "error", "type", "object"),
    *("usage", "prompt_tokens", "prompt_tokens_details", "cached_tokens", "data", "embedding", "status", "reason"),
    *("response", "output", "item", "part", "summary", "output_index", "content_index", "incomplete_details"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("error"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
APIS = st.sampled_from(("chat", "completions", "responses", "embeddings"))
DELTAS = st.builds(lambda delta, index: chunk(delta, index), JSON, st.integers(0, 1) | JSON)
RESPONSE_EVENTS = st.builds(
    lambda kind, more: (more if isinstance(more, dict) else {"delta": more}) | {"type": kind},
    st.sampled_from(
        [f"{kind}.{verb}" for kind in (*assembly._PLACES, *assembly._PARTS) for verb in ("added", "delta", "done")]
    )
    | st.sampled_from(["response.output_item.added", "response.output_item.done", "response.completed"]),
    JSON,
)


@given(APIS, st.lists(JSON | DELTAS | RESPONSE_EVENTS, max_size=8))
def test_nothing_that_a_stream_says_raises(api: assembly.Api, values: list[Any]) -> None:
    result = streamed(*values, api=api)
    json.dumps(result.body)
    assert isinstance(result.first.text, str)
    assert isinstance(result.error_message, str)


@given(APIS, JSON | st.builds(lambda choice: {"choices": [choice]}, JSON))
def test_nothing_that_a_body_says_raises(api: assembly.Api, value: Any) -> None:
    json.dumps(whole(value, api).body)


@given(APIS, st.binary(max_size=50))
def test_no_bytes_raise(api: assembly.Api, data: bytes) -> None:
    whole(data, api)
    streamed(data, api=api)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"choices":[{"delta":{"a":'])
@pytest.mark.parametrize("depth", [150, 400, 20_000])
def test_absurd_depth_is_noted(opening: bytes, depth: int) -> None:
    closing = bytes({91: 93, 123: 125}[byte] for byte in reversed(opening) if byte in b"[{")
    result = streamed(chunk({"content": "x"}), opening * depth + b"1" + closing * depth)
    assert result.first.text == "x"
    assert len(result.oddities) == 1


@pytest.mark.parametrize("number", [b"1e400", b"9" * 5_000, b"NaN", b"-0"])
def test_absurd_numbers_do_no_harm(number: bytes) -> None:
    said = b'{"choices":[{"index":%b,"delta":{"content":"x"}}],"usage":{"prompt_tokens":%b}}'
    streamed(said.replace(b"%b", number))


def test_what_was_odd_is_told_once_and_not_without_end() -> None:
    result = streamed(
        DONE, DONE, DONE, chunk({"content": "x"}), b"{broken", b"{broken", {"choices": 5}, {"choices": [7]}
    )
    assert result.oddities == [
        "[DONE] came more than once",
        "data came after [DONE]",
        "no JSON: {broken",
        "“choices” is no list: 5",
        "a choice is no object: 7",
    ]
    assert result.first.text == "x"
    many = streamed(*(f"broken {n}".encode() for n in range(100)))
    assert len(many.oddities) == assembly.MOST_ODDITIES


def test_huge_and_wrong_indices_cost_nothing() -> None:
    result = streamed(*(chunk({"content": "x"}, index) for index in (10**18, -1, "0", True, None, 1.5)))
    assert [(choice.index, choice.text) for choice in result.choices] == [(0, "xxxxx"), (10**18, "x")]
    too_many = streamed(*(chunk({"content": "x"}, index) for index in range(assembly.MOST_CHOICES + 5)))
    assert len(too_many.choices) == assembly.MOST_CHOICES
    assert too_many.oddities == ["more than 1,000 choices"]


def test_text_is_not_lost_to_what_is_none() -> None:
    result = streamed(
        chunk({"content": "x"}), chunk({"content": 5}), chunk({"content": {"a": 1}}), chunk({"content": "y"})
    )
    assert result.first.text == "xy"


def _seconds(count: int, delta: Any) -> float:
    one = event(chunk(delta))
    folded, began = Assembly("chat"), time.process_time()
    for _ in range(count):
        folded.add(one)
    result = folded.result()
    seconds = time.process_time() - began
    assert len(json.dumps(result.body)) >= count
    return seconds


@pytest.mark.parametrize(
    "delta",
    [{"content": "word "}, {"tool_calls": [call(0, "a", "f", "word ")]}, {"content": [{"type": "text", "text": "x"}]}],
)
def test_a_hundred_thousand_small_chunks_take_linear_time(delta: Any) -> None:
    assert _seconds(100_000, delta) < 20 * max(_seconds(10_000, delta), 0.05)


@given(st.lists(st.integers(1, 40), max_size=60), st.sampled_from((b"\n", b"\r\n", b"\r")))
def test_any_chunks_of_a_stream_give_the_same_result(sizes: list[int], end: bytes) -> None:
    deltas = [
        {"role": "assistant"},
        {"content": "Grüße 😀"},
        {"tool_calls": [call(0, "a", "f", "{}")]},
        {"content": "!"},
    ]
    events = [json.dumps(chunk(delta), ensure_ascii=False).encode() for delta in deltas]
    stream = b"".join(b"data: " + data + end * 2 for data in (*events, DONE))
    parser, folded = sse.Parser(), Assembly("chat")
    for start, stop in itertools.pairwise((0, *itertools.accumulate(sizes), len(stream))):
        for one in parser.feed(stream[start:stop]):
            folded.add(one)
    assert folded.result() == streamed(*map(chunk, deltas), DONE)
