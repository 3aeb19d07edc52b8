"""The demo's models, as the real `openai` client and plain HTTP meet them, over HTTP from a process of their own."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from interactions.gateway import assembly, sse
from tests.api.pictures import data_uri, picture
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "demo_upstream", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    try:
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        yield found[0] if found else ""
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    with OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=10) as made:
        yield made


@pytest.fixture
def plain(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/v1", timeout=10) as made:
        yield made


def saying(content: Any) -> Any:
    return [{"role": "system", "content": "Be kind."}, {"role": "user", "content": content}]


def asked(content: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "demo", "messages": saying(content)} | fields


WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
    },
}
TIME = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
TOOLS: Any = [{"type": "function", "function": function} for function in (WEATHER, TIME)]


def test_its_models_are_listed(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["demo", "demo-reasoning", "demo-embedding"]


# Chat


def test_it_says_again_what_it_was_told_and_counts_words(client: Any) -> None:
    answer = client.chat.completions.create(**asked("Hello, you there"))
    assert answer.choices[0].message.content == "You said: Hello, you there"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 5, 10)
    assert answer == client.chat.completions.create(**asked("Hello, you there"))


def test_a_stream_says_the_same_word_by_word(client: Any) -> None:
    stream = client.chat.completions.create(**asked("Hello, you"), stream=True, stream_options={"include_usage": True})
    *chunks, last = stream
    said = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(said) == "You said: Hello, you"
    assert said.count("") == 2
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert (last.choices, last.usage.completion_tokens) == ([], 4)


def test_it_calls_the_tools_it_is_given_and_repeats_what_they_say(client: Any) -> None:
    answer = client.chat.completions.create(**asked("Weather?"), tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    weather, clock = answer.choices[0].message.tool_calls
    assert (weather.function.name, clock.function.name) == ("get_weather", "get_time")
    assert json.loads(weather.function.arguments) == {"city": "text", "days": 1, "unit": "C"}
    told = [
        *saying("Weather?"),
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": weather.id, "content": "Sun"},
    ]
    again = client.chat.completions.create(model="demo", messages=told, tools=TOOLS)
    assert again.choices[0].message.content == "The tool said: Sun"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"parallel_tool_calls": False}, ["get_weather"]),
        ({"tool_choice": {"type": "function", "function": {"name": "get_time"}}}, ["get_time"]),
        ({"tool_choice": "none"}, []),
    ],
)
def test_it_calls_only_the_tools_it_may(client: Any, fields: Any, names: list[str]) -> None:
    answer = client.chat.completions.create(**asked("Weather?"), tools=TOOLS, **fields)
    assert [call.function.name for call in answer.choices[0].message.tool_calls or []] == names


def test_streamed_tool_calls_are_those_of_the_whole_answer(client: Any) -> None:
    whole = client.chat.completions.create(**asked("Weather?"), tools=TOOLS)
    with client.chat.completions.stream(**asked("Weather?"), tools=TOOLS) as stream:
        final = stream.get_final_completion()
    assert [call.function.arguments for call in final.choices[0].message.tool_calls] == [
        call.function.arguments for call in whole.choices[0].message.tool_calls
    ]


def test_it_calls_a_legacy_function(client: Any) -> None:
    answer = client.chat.completions.create(**asked("Weather?"), functions=[WEATHER])
    assert answer.choices[0].message.function_call.name == "get_weather"
    assert answer.choices[0].finish_reason == "function_call"


def test_several_choices_log_probabilities_and_a_limit_are_honoured(client: Any) -> None:
    answer = client.chat.completions.create(**asked("one two three"), n=2, logprobs=True, max_tokens=3)
    assert [choice.message.content for choice in answer.choices] == ["You said: one "] * 2
    assert [token.token for token in answer.choices[1].logprobs.content] == ["You ", "said: ", "one "]
    assert answer.choices[0].finish_reason == "length"
    stopped = client.chat.completions.create(**asked("one two three"), stop=["two"])
    assert stopped.choices[0].message.content == "You said: one "


class Place(BaseModel):
    name: str
    height: float


class Trip(BaseModel):
    places: list[Place]
    is_far: bool


def test_an_answer_fits_the_schema_that_is_asked_for(client: Any) -> None:
    answer = client.chat.completions.parse(**asked("Where?"), response_format=Trip)
    assert answer.choices[0].message.parsed == Trip(places=[Place(name="text", height=0.5)], is_far=True)


@pytest.mark.parametrize("fields", [{"model": "demo-reasoning"}, {"reasoning_effort": "low"}])
def test_it_reasons_when_it_shall(client: Any, fields: Any) -> None:
    answer = client.chat.completions.create(**asked("Hm?") | fields)
    assert answer.choices[0].message.reasoning_content == "The last message is what counts."
    assert answer.usage.completion_tokens_details.reasoning_tokens == 6


def test_it_tells_the_size_and_the_colour_of_each_picture(client: Any) -> None:
    parts = [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": data_uri(picture(color="teal"))}},
        {"type": "image_url", "image_url": {"url": data_uri(picture("JPEG", "red", (30, 60)))}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    answer = client.chat.completions.create(**asked(parts))
    assert answer.choices[0].message.content == (
        "Image 1: 120 by 80 pixels, mostly teal. Image 2: 30 by 60 pixels, mostly red. "
        "Image 3: an address, which is not looked at. Image 4: no picture that can be read. You said: What?"
    )


# Other APIs


def test_older_completions_are_answered_and_streamed(client: Any) -> None:
    answer = client.completions.create(model="demo", prompt="Once upon")
    assert answer.choices[0].text == "You said: Once upon"
    stream = client.completions.create(model="demo", prompt="Once upon", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == "You said: Once upon"


def test_embeddings_are_unit_vectors_and_the_same_in_both_encodings(client: Any, plain: httpx.Client) -> None:
    floats = client.embeddings.create(model="demo-embedding", input=["a", "b", "a"], encoding_format="float")
    first, second, third = (entry.embedding for entry in floats.data)
    assert first == third != second
    assert math.isclose(sum(number * number for number in first), 1, rel_tol=1e-6)
    assert client.embeddings.create(model="demo-embedding", input="a").data[0].embedding == pytest.approx(first)
    sent = {"model": "demo-embedding", "input": "a", "encoding_format": "Base64"}
    packed = base64.b64decode(plain.post("/embeddings", json=sent).json()["data"][0]["embedding"])
    assert struct.unpack(f"<{len(first)}f", packed) == tuple(first)
    assert len(client.embeddings.create(model="m", input=[1, 2], dimensions=8).data[0].embedding) == 8


def test_responses_are_created(client: Any) -> None:
    answer = client.responses.create(model="demo-reasoning", input="Hello")
    assert answer.output_text == "You said: Hello"
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage.output_tokens_details.reasoning_tokens == 6
    cut = client.responses.create(model="demo", input=[{"role": "user", "content": "one two"}], max_output_tokens=1)
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_responses_are_streamed(client: Any) -> None:
    events = list(client.responses.create(model="demo-reasoning", input="Hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "You said: Hello"
    with client.responses.stream(model="demo", input="Hi", tools=[{"type": "function", **WEATHER}]) as stream:
        final = stream.get_final_response()
    assert json.loads(final.output[0].arguments) == {"city": "text", "days": 1, "unit": "C"}


# Faults


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (503, openai.InternalServerError),
    ],
)
def test_a_status_is_answered_with_an_error_that_the_client_understands(client: Any, status: int, error: Any) -> None:
    with pytest.raises(error, match=f"The demo answers {status}."):
        client.chat.completions.create(**asked(f"Hi [fault: {status}]"))


def test_the_client_s_retry_goes_well_where_a_fault_is_wanted_once(client: Any) -> None:
    text = f"Hi {uuid4()} [fault: 429 once]"
    answer = client.with_options(max_retries=1).chat.completions.create(**asked(text))
    assert answer.choices[0].message.content == f"You said: {text.partition(' [')[0]}"


def test_a_fault_is_asked_for_by_a_header_too(plain: httpx.Client) -> None:
    assert plain.post("/chat/completions", json=asked("Hi"), headers={"X-Demo": "[fault: 418]"}).status_code == 418


def test_a_page_a_redirect_and_other_types_are_sent(plain: httpx.Client) -> None:
    def post(fault: str) -> httpx.Response:
        return plain.post("/chat/completions", json=asked(f"Hi [fault: {fault}]"))

    page = post("html")
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html")
    redirect = post("redirect")
    assert (redirect.status_code, redirect.headers["location"]) == (307, "/elsewhere")
    assert post("content-type").headers["content-type"] == "text/plain"
    packed = post("gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["choices"][0]["message"]["content"] == "You said: Hi"
    with pytest.raises(json.JSONDecodeError):
        post("badjson").json()


def test_a_connection_that_is_refused_or_silent_is_told_by_the_client(client: Any) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**asked("Hi [fault: refuse]"))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2).chat.completions.create(**asked("Hi [fault: silence]"))


def streamed(plain: httpx.Client, text: str, most: int = 50_000_000, **fields: Any) -> tuple[assembly.Result, bool]:
    """What comes of a stream, and whether the connection ended as it should."""
    parser, folded, size = sse.Parser(largest=25_000_000), assembly.Assembly("chat"), 0
    with plain.stream("POST", "/chat/completions", json=asked(text, stream=True, **fields)) as response:
        try:
            for chunk in response.iter_bytes():
                for event in parser.feed(chunk):
                    folded.add(event)
                size += len(chunk)
                if size > most:
                    return folded.result(), False
        except (httpx.RemoteProtocolError, httpx.ReadTimeout):
            return folded.result(), False
    return folded.result(), True


@pytest.mark.parametrize("fault", ["half", "drop", "stall"])
def test_a_stream_ends_in_the_middle(plain: httpx.Client, fault: str) -> None:
    plain.timeout = httpx.Timeout(0.5)
    result, is_whole = streamed(plain, f"one two three four [fault: {fault}]")
    assert not is_whole
    assert not result.is_finished
    assert "You said: one two three four".startswith(result.first.text)
    assert result.first.text


def test_a_stream_has_bad_json_or_an_error_or_two_ends(plain: httpx.Client) -> None:
    bad, is_whole = streamed(plain, "one two [fault: badjson]")
    assert (bad.first.text, is_whole) == ("You said: one two", True)
    assert bad.oddities[0].startswith("no JSON")
    failed, _ = streamed(plain, "one two [fault: error]")
    assert failed.error_message == "The demo fails on demand."
    twice, _ = streamed(plain, "one two [fault: done-twice]")
    assert (twice.first.text, twice.oddities) == ("You said: one two", ["[DONE] came more than once"])
    packed, _ = streamed(plain, "one two [fault: gzip]")
    assert (packed.first.text, packed.is_finished) == ("You said: one two", True)


def test_a_stream_has_no_end_or_one_huge_chunk(plain: httpx.Client) -> None:
    _, is_whole = streamed(plain, "one [fault: endless]", most=1_000_000)
    assert not is_whole
    huge, is_whole = streamed(plain, "one [fault: huge]")
    assert (len(huge.first.text), is_whole) == (20_000_000, True)


def test_a_slow_stream_takes_its_time(plain: httpx.Client) -> None:
    with plain.stream("POST", "/chat/completions", json=asked("one [slow: 20ms]", stream=True)) as response:
        assert len(list(response.iter_raw())) >= 3
        assert response.elapsed.total_seconds() > 0.1


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'{"messages": 5}', b'{"messages": [{"role": "user"}], "stop": 5}'])
def test_nonsense_is_answered(plain: httpx.Client, sent: bytes) -> None:
    assert plain.post("/chat/completions", content=sent).status_code in (200, 400)


def test_what_is_not_there_is_not_found(plain: httpx.Client) -> None:
    assert plain.post("/nothing", json={}).status_code == 404
    assert plain.get("/nothing").status_code == 404


def test_the_ledger_tells_what_was_sent(plain: httpx.Client, url: str) -> None:
    text = str(uuid4())
    streamed(plain, f"{text} and more [fault: drop]")
    plain.post("/chat/completions", json=asked(text))
    cut, whole = (entry for entry in httpx.get(f"{url}/ledger").json() if text in entry["text"])
    assert (cut["fault"], cut["is_complete"]) == ("drop", False)
    assert whole == {
        "path": "/v1/chat/completions",
        "asked": text,
        "model": "demo",
        "fault": "",
        "text": f"You said: {text}",
        "length": len(text) + 10,
        "is_complete": True,
    }
