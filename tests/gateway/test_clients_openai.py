"""The `openai` client, unmodified, with this server in the place of OpenAI's."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.api.pictures import data_uri, picture
from tests.gateway.stage import Gateway, Script


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Any]:
    with OpenAI(base_url=gateway.v1, api_key=gateway.key, max_retries=0, timeout=30) as made:
        yield made


def saying(content: Any) -> Any:
    return [{"role": "system", "content": "Be kind."}, {"role": "user", "content": content}]


FUNCTIONS = [
    {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
]
TOOLS: Any = [{"type": "function", "function": function} for function in FUNCTIONS]


def test_what_can_be_asked_is_listed(client: Any, gateway: Gateway) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == gateway.project
    assert {f"{gateway.project}/{key}" for key in ("demo", "embedding", "patient")} <= set(names)


@pytest.mark.parametrize("name", ["{project}", "{project}/demo"])
def test_a_chat(client: Any, gateway: Gateway, name: str) -> None:
    answer = client.chat.completions.create(
        model=name.format(project=gateway.project), messages=saying("Hello, you"), temperature=0.5, seed=7
    )
    assert answer.choices[0].message.content == "You said: Hello, you"
    assert answer.usage.total_tokens == 8
    document = gateway.document(answer.completion_id)
    assert document["session_id"] == answer.session_id
    assert (document["state"], document["model"], document["api"]) == ("done", "demo", "chat")
    assert document["messages"] == saying("Hello, you")
    assert document["completion"] == "You said: Hello, you"
    assert document["parameters"] == {"temperature": 0.5, "seed": 7}
    assert document["usage"] == {"prompt_tokens": 4, "completion_tokens": 4, "total_tokens": 8}
    assert (document["finish_reason"], document["source"]) == ("stop", "LIVE")


@pytest.mark.parametrize("with_usage", [False, True, None])
def test_a_stream_has_a_usage_if_it_was_asked_for(client: Any, gateway: Gateway, with_usage: bool | None) -> None:
    options = {} if with_usage is None else {"stream_options": {"include_usage": with_usage}}
    chunks = list(
        client.chat.completions.create(model=gateway.project, messages=saying("Hello, you"), stream=True, **options)
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "You said: Hello, you"
    assert [bool(chunk.choices) for chunk in chunks].count(False) == (1 if with_usage else 0)
    assert (chunks[-1].usage is not None) == bool(with_usage)
    assert {(chunk.completion_id, chunk.session_id) for chunk in chunks} == {
        (chunks[0].completion_id, chunks[0].session_id)
    }
    document = gateway.document(chunks[0].completion_id)
    assert document["completion"] == "You said: Hello, you"
    assert document["usage"] == {"prompt_tokens": 4, "completion_tokens": 4, "total_tokens": 8}
    assert document["timings"]["first_token_ms"] <= document["timings"]["total_ms"]


def test_the_asynchronous_client_streams_as_well(gateway: Gateway) -> None:
    async def said() -> str:
        async with AsyncOpenAI(base_url=gateway.v1, api_key=gateway.key) as client:
            stream = await client.chat.completions.create(
                model=gateway.project, messages=saying("Hello, you"), stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(said()) == "You said: Hello, you"


@pytest.mark.parametrize("is_stream", [False, True])
def test_several_tools_at_once(client: Any, gateway: Gateway, is_stream: bool) -> None:
    with client.chat.completions.stream(model=gateway.project, messages=saying("Weather?"), tools=TOOLS) as stream:
        answer = stream.get_final_completion() if is_stream else None
    answer = answer or client.chat.completions.create(
        model=gateway.project, messages=saying("Weather?"), tools=TOOLS, parallel_tool_calls=True
    )
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    document = gateway.document(answer.completion_id)
    assert document["completion"] == ""
    assert document["finish_reason"] == "tool_calls"
    assert document["parameters"]["tools"] == TOOLS
    kept = document["answer"]["response"]["choices"][0]["message"]["tool_calls"]
    assert [(one["id"], one["function"]["arguments"]) for one in kept] == [
        (one.id, one.function.arguments) for one in calls
    ]
    told = [
        *saying("Weather?"),
        {"role": "assistant", "content": None, "tool_calls": kept},
        {"role": "tool", "tool_call_id": kept[0]["id"], "content": "Sun"},
    ]
    again = client.chat.completions.create(model=gateway.project, messages=told)
    assert again.choices[0].message.content == "The tool said: Sun"
    assert gateway.document(again.completion_id)["messages"] == told


def test_a_picture_in_an_object(client: Any, gateway: Gateway) -> None:
    uri = data_uri(picture(color="red", size=(60, 40)))
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": uri, "detail": "low"}}]
    answer = client.chat.completions.create(model=gateway.project, messages=saying(parts))
    assert answer.choices[0].message.content == "Image 1: 60 by 40 pixels, mostly red. You said: What is it?"
    assert gateway.document(answer.completion_id, images="inline")["messages"] == saying(parts)
    (row,) = gateway.rows(id=answer.completion_id)
    assert row["image_count"] == 1


@pytest.mark.parametrize("is_stream", [False, True])
def test_several_choices_with_the_chances_of_their_tokens(client: Any, gateway: Gateway, is_stream: bool) -> None:
    asked = {"model": gateway.project, "messages": saying("Hi you"), "n": 3, "logprobs": True, "top_logprobs": 1}
    answer = client.chat.completions.create(**asked, stream=is_stream)
    if is_stream:
        chunks = list(answer)
        assert {choice.index for chunk in chunks for choice in chunk.choices} == {0, 1, 2}
        assert chunks[3].choices[0].logprobs.content[0].token == "You "
        document = gateway.document(chunks[0].completion_id)
    else:
        assert [choice.message.content for choice in answer.choices] == ["You said: Hi you"] * 3
        assert answer.choices[2].logprobs.content[0].logprob == -0.125
        document = gateway.document(answer.completion_id)
    assert document["completion"] == "You said: Hi you"
    kept = document["answer"]["response"]["choices"]
    assert [choice["message"]["content"] for choice in kept] == ["You said: Hi you"] * 3
    assert [one["token"] for one in kept[1]["logprobs"]["content"]] == ["You ", "said: ", "Hi ", "you"]


class Person(BaseModel):
    name: str
    age: int


def test_a_structured_answer(client: Any, gateway: Gateway) -> None:
    answer = client.chat.completions.parse(model=gateway.project, messages=saying("Who?"), response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="text", age=1)
    schema = gateway.document(answer.completion_id)["parameters"]["response_format"]
    assert schema["json_schema"]["name"] == "Person"


def test_metadata_are_labels(client: Any, gateway: Gateway, script: Script) -> None:
    answer = client.chat.completions.create(
        model=gateway.project, messages=saying("Hi"), metadata={"env": "prod"}, user="someone"
    )
    document = gateway.document(answer.completion_id)
    assert document["labels"] == {"env": "prod"}
    assert document["parameters"] == {"metadata": {"env": "prod"}, "user": "someone"}
    assert gateway.rows(label="env:prod")[0]["id"] == answer.completion_id
    script.says(b'{"choices": []}')
    client.chat.completions.create(
        model=f"{gateway.project}/scripted", messages=saying("Hi"), metadata={"env": "prod"}, user="someone"
    )
    assert "metadata" not in script.asked[0].body
    assert script.asked[0].body["user"] == "someone"


def test_reasoning_is_kept(client: Any, gateway: Gateway) -> None:
    answer = client.chat.completions.create(model=f"{gateway.project}/reasoning", messages=saying("Hi"), stream=True)
    chunks = list(answer)
    document = gateway.document(chunks[0].completion_id)
    assert document["completion"] == "You said: Hi"
    message = document["answer"]["response"]["choices"][0]["message"]
    assert message["reasoning_content"] == "The last message is what counts."


@pytest.mark.parametrize("form", ["base64", "float", None])
def test_embeddings(client: Any, gateway: Gateway, form: Any) -> None:
    options = {"encoding_format": form} if form else {}
    answer = client.embeddings.create(model=f"{gateway.project}/embedding", input=["one", "two"], **options)
    assert len(answer.data) == 2
    raw = answer.data[0].embedding
    numbers = struct.unpack("<64f", base64.b64decode(raw)) if isinstance(raw, str) else raw
    assert len(numbers) == 64
    assert isinstance(raw, str) == (form == "base64")
    document = gateway.document(answer.completion_id)
    assert (document["api"], document["state"], document["completion"]) == ("embeddings", "done", "")
    assert [message["content"] for message in document["messages"]] == ["one", "two"]
    assert (document["answer"]["vectors"], document["answer"]["dimensions"]) == (2, 64)
    assert document["usage"] == {"prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2}


def test_a_response(client: Any, gateway: Gateway) -> None:
    answer = client.responses.create(
        model=gateway.project, instructions="Be kind.", input="Hello, you", metadata={"env": "prod"}, store=False
    )
    assert answer.output_text == "You said: Hello, you"
    document = gateway.document(answer.completion_id)
    assert (document["api"], document["completion"], document["labels"]) == (
        "responses", "You said: Hello, you", {"env": "prod"},
    )  # fmt: skip
    assert document["messages"] == saying("Hello, you")
    assert document["finish_reason"] == "completed"
    assert document["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}


def test_a_response_as_a_stream(client: Any, gateway: Gateway) -> None:
    events = list(client.responses.create(model=gateway.project, input="Hello, you", stream=True))
    assert [event.type for event in events][0::100] == ["response.created"]
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "You said: Hello, you"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == (
        "You said: Hello, you"
    )
    document = gateway.document(events[-1].response.completion_id)
    assert (document["completion"], document["state"]) == ("You said: Hello, you", "done")
    assert document["usage"]["completion_tokens"] == 4
    assert document["timings"]["first_token_ms"] is not None


def test_an_older_completion(client: Any, gateway: Gateway) -> None:
    answer = client.completions.create(model=gateway.project, prompt="Hello, you", max_tokens=2)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("You said: ", "length")
    document = gateway.document(answer.completion_id)
    assert (document["api"], document["completion"]) == ("completions", "You said: ")
    assert document["messages"] == [{"role": "user", "content": "Hello, you"}]


def test_an_older_completion_as_a_stream(client: Any, gateway: Gateway) -> None:
    chunks = list(client.completions.create(model=gateway.project, prompt="Hello, you", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "You said: Hello, you"
    assert gateway.document(chunks[0].completion_id)["completion"] == "You said: Hello, you"


def test_the_usage_of_an_older_stream_is_kept_if_it_is_told(client: Any, gateway: Gateway, script: Script) -> None:
    usage = b'{"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}'
    script.streams(
        b'data: {"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}\n\n',
        b'data: {"choices": [], "usage": %b}\n\ndata: [DONE]\n\n' % usage,
    )
    chunks = list(client.completions.create(model=f"{gateway.project}/scripted", prompt="Hello", stream=True))
    assert len(chunks) == 1
    assert gateway.document(chunks[0].completion_id)["usage"] == json.loads(usage)
    assert script.asked[0].body["stream_options"] == {"include_usage": True}


# What goes wrong

ERRORS: dict[str, type[openai.APIStatusError]] = {
    "400": openai.BadRequestError,
    "401": openai.AuthenticationError,
    "403": openai.PermissionDeniedError,
    "404": openai.NotFoundError,
    "409": openai.ConflictError,
    "422": openai.UnprocessableEntityError,
    "429": openai.RateLimitError,
    "500": openai.InternalServerError,
}


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_model_s_error_is_the_client_s_own(client: Any, gateway: Gateway, status: str, is_stream: bool) -> None:
    with pytest.raises(ERRORS[status]) as raised:
        client.chat.completions.create(model=gateway.project, messages=saying(f"[fault: {status}]"), stream=is_stream)
    assert f"The demo answers {status}." in raised.value.message
    assert raised.value.body == {
        "message": f"The demo answers {status}.", "type": "demo_error", "param": None, "code": status,
    }  # fmt: skip
    document = gateway.document(raised.value.response.headers["x-completion-id"])
    assert (document["state"], document["error"]) == (
        "failed", {"kind": f"http_{status}", "message": f"The demo answers {status}."},
    )  # fmt: skip


def test_an_error_in_a_stream_is_raised_where_it_comes(client: Any, gateway: Gateway) -> None:
    said = ""
    with pytest.raises(openai.APIError, match="The demo fails on demand"):  # noqa: PT012 - it comes in the midst
        for chunk in client.chat.completions.create(
            model=gateway.project, messages=saying("one two three four [fault: error]"), stream=True
        ):
            said += chunk.choices[0].delta.content or ""
    assert said.startswith("You said:")


@pytest.mark.parametrize("fault", ["drop", "half", "stall"])
def test_a_stream_that_breaks_off_is_raised_and_never_taken_for_whole(
    client: Any, gateway: Gateway, fault: str
) -> None:
    with pytest.raises(openai.APIError):
        list(
            client.chat.completions.create(
                model=gateway.project, messages=saying(f"one two three four [fault: {fault}]"), stream=True
            )
        )


def test_the_client_s_own_retries_succeed_and_each_try_is_a_call(gateway: Gateway) -> None:
    word = uuid4().hex
    with OpenAI(base_url=gateway.v1, api_key=gateway.key, max_retries=2) as client:
        answer = client.chat.completions.create(model=gateway.project, messages=saying(f"{word} [fault: 429 once]"))
    assert answer.choices[0].message.content == f"You said: {word}"
    assert sorted(row["state"] for row in gateway.rows(prompt=word)) == ["done", "failed"]


REFUSED: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]] = {
    "an unknown project": ({"model": "nowhere"}, openai.NotFoundError, "model"),
    "an unknown model": ({"model": "{project}/nowhere"}, openai.NotFoundError, "model"),
    "a model that is no text": ({"model": 7}, openai.UnprocessableEntityError, "model"),
    "no messages": ({"messages": []}, openai.UnprocessableEntityError, "messages"),
    "messages that are none": ({"messages": "Hello"}, openai.UnprocessableEntityError, "messages"),
    "a session that is none": (
        {"extra_body": {"session_id": "today"}}, openai.UnprocessableEntityError, "session_id",
    ),
    "labels that are none": ({"extra_body": {"labels": {"a": 1}}}, openai.UnprocessableEntityError, "labels.a"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_this_server_refuses_is_told_in_openai_s_form_and_sent_nowhere(
    client: Any, gateway: Gateway, what: str
) -> None:
    fields, kind, param = REFUSED[what]
    calls, rows = len(gateway.ledger()), len(gateway.rows())
    asked: Any = {"model": gateway.project, "messages": saying("Hi")} | fields
    if isinstance(asked["model"], str):
        asked["model"] = asked["model"].format(project=gateway.project)
    with pytest.raises(kind) as raised:
        client.chat.completions.create(**asked)
    body: Any = raised.value.body
    assert (body["type"], body["param"]) == ("invalid_request_error", param)
    assert body["message"]
    assert (len(gateway.ledger()), len(gateway.rows())) == (calls, rows)


def test_a_wrong_key_is_told_so(gateway: Gateway) -> None:
    for key in ("wrong", f"ik_abcdefgh_{'x' * 43}"):
        with (
            OpenAI(base_url=gateway.v1, api_key=key, max_retries=0) as client,
            pytest.raises(openai.AuthenticationError, match="This API key is not valid"),
        ):
            client.chat.completions.create(model=gateway.project, messages=saying("Hi"))


def test_a_session_and_labels_of_one_s_own(client: Any, gateway: Gateway) -> None:
    session = uuid4()
    told = {"session_id": str(session), "labels": {"env": "test"}}
    answer = client.chat.completions.create(model=gateway.project, messages=saying("Hi"), extra_body=told)
    assert UUID(answer.session_id) == session
    assert gateway.document(answer.completion_id)["labels"] == {"env": "test"}
