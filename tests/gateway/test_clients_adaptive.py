"""The `adaptive-sdk` client, unmodified: chat and embeddings, in both its forms."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from adaptive_sdk import Adaptive, AsyncAdaptive
from pydantic import BaseModel

from tests.api.pictures import data_uri, picture
from tests.gateway.stage import Gateway, Script

MESSAGES: Any = [{"role": "user", "content": "Hello, you"}]


class Client:
    """The client in one of its forms, used alike."""

    def __init__(self, gateway: Gateway, is_async: bool, runner: asyncio.Runner) -> None:
        self.client = (AsyncAdaptive if is_async else Adaptive)(base_url=gateway.url, api_key=gateway.key)
        self.client.set_default_project(gateway.project)
        self._runner = runner

    def chat(self, **asked: Any) -> Any:
        return self._done(lambda: self.client.chat.create(**asked))

    def embed(self, **asked: Any) -> Any:
        return self._done(lambda: self.client.embeddings.create(**asked))

    def close(self) -> None:
        self._done(self.client.close)

    def _done(self, act: Any) -> Any:
        async def wait() -> Any:
            result = act()
            result = await result if inspect.isawaitable(result) else result
            return [one async for one in result] if hasattr(result, "__aiter__") else result

        result = self._runner.run(wait()) if isinstance(self.client, AsyncAdaptive) else act()
        return list(result) if inspect.isgenerator(result) else result


@pytest.fixture(params=["sync", "async"])
def client(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[Client]:
    with asyncio.Runner() as runner:
        made = Client(gateway, request.param == "async", runner)
        yield made
        made.close()


def test_a_chat(client: Client, gateway: Gateway) -> None:
    answer = client.chat(messages=MESSAGES, temperature=0.5, max_tokens=3, stop=["!"])
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason, choice.model) == ("You said: Hello, ", "length", "demo")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (2, 3, 5)
    document = gateway.document(choice.completion_id)
    assert document["session_id"] == str(answer.session_id)
    assert document["completion"] == "You said: Hello, "
    assert document["parameters"] == {"temperature": 0.5, "max_tokens": 3, "stop": ["!"]}
    assert document["messages"] == MESSAGES


def test_a_stream(client: Client, gateway: Gateway) -> None:
    for asked in ({}, {"stream_include_usage": True}):
        chunks = client.chat(messages=MESSAGES, stream=True, **asked)
        said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
        assert "".join(said) == "You said: Hello, you"
        assert (chunks[-1].usage is not None) == bool(asked)
        document = gateway.document(chunks[0].choices[0].completion_id)
        assert (document["state"], document["completion"]) == ("done", "You said: Hello, you")
        assert {chunk.session_id for chunk in chunks} == {UUID(document["session_id"])}


def test_a_model_by_its_key(client: Client, gateway: Gateway) -> None:
    answer = client.chat(messages=MESSAGES, model="reasoning")
    assert gateway.document(answer.choices[0].completion_id)["model"] == "reasoning"


class Person(BaseModel):
    name: str
    age: int


def test_a_structured_answer(client: Client, gateway: Gateway) -> None:
    answer = client.chat(messages=MESSAGES, response_format=Person)
    assert Person.model_validate_json(answer.choices[0].message.content) == Person(name="text", age=1)
    asked = gateway.document(answer.choices[0].completion_id)["parameters"]["response_format"]
    assert (asked["type"], asked["json_schema"]["name"]) == ("json_schema", "Person")


def test_a_picture_that_is_sent_flat_arrives_as_models_expect_it(
    client: Client, gateway: Gateway, script: Script
) -> None:
    uri = data_uri(picture(color="blue", size=(30, 20)))
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": uri}]
    answer = client.chat(messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "Image 1: 30 by 20 pixels, mostly blue. You said: What is it?"
    document = gateway.document(answer.choices[0].completion_id, images="inline")
    assert document["messages"] == [{"role": "user", "content": parts}]
    script.says(b'{"choices": []}')
    client.chat(messages=[{"role": "user", "content": parts}], model="scripted")
    assert script.asked[0].body["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": uri}}


def test_labels_a_session_and_a_user(client: Client, gateway: Gateway, script: Script) -> None:
    session, user = uuid4(), uuid4()
    told = {"labels": {"env": "prod"}, "session_id": session, "user": user}
    answer = client.chat(messages=MESSAGES, **told)
    document = gateway.document(answer.choices[0].completion_id)
    assert (document["labels"], document["session_id"], document["user"]) == ({"env": "prod"}, str(session), str(user))
    assert answer.session_id == session
    script.says(b'{"choices": []}')
    client.chat(messages=MESSAGES, model="scripted", **told)
    assert script.asked[0].body == {"model": "scripted-model", "messages": MESSAGES, "user": str(user)}


@pytest.mark.parametrize("is_stream", [False, True])
def test_what_is_not_to_be_kept_is_kept_nowhere(client: Client, gateway: Gateway, is_stream: bool) -> None:
    secret = uuid4().hex
    answer = client.chat(
        messages=[{"role": "user", "content": secret}], store=False, labels={"env": "prod"}, stream=is_stream
    )
    first = answer[0] if is_stream else answer
    document = gateway.document(first.choices[0].completion_id)
    assert (document["state"], document["texts_removed"], document["messages"], document["completion"]) == (
        "done", True, None, None,
    )  # fmt: skip
    assert document["usage"]["total_tokens"] == 4
    assert document["labels"] == {"env": "prod"}
    assert secret not in str(document)
    assert gateway.rows(prompt=secret) == []


@pytest.mark.parametrize("form", ["Float", "Base64"])
def test_embeddings(client: Client, gateway: Gateway, form: Any) -> None:
    answer = client.embed(input="one two", model="embedding", encoding_format=form)
    embedding = answer.data[0].embedding
    assert isinstance(embedding, str) == (form == "Base64")
    assert len(embedding) == (344 if form == "Base64" else 64)


def test_feedback_on_what_was_said(client: Client, gateway: Gateway) -> None:
    answer = client.chat(messages=MESSAGES)
    gateway.run(
        f"FeedbackKey.objects.get_or_create(project=Project.objects.get(key={gateway.project!r}), key='thumbs', "
        "defaults={'name': 'Thumbs', 'kind': 'bool'})"
    )
    id = answer.choices[0].completion_id
    told = {"completion_id": id, "metric": "thumbs", "value": True}
    assert gateway.post(told, "feedback").status_code == 201
    assert [feedback["value"] for feedback in gateway.document(id)["feedbacks"]] == [True]


def test_a_model_s_error_is_raised_with_its_words(client: Client) -> None:
    with pytest.raises(Exception, match=r"^Client error 429: .*The demo answers 429"):
        client.chat(messages=[{"role": "user", "content": "[fault: 429]"}])
    with pytest.raises(httpx.HTTPStatusError):
        client.chat(messages=[{"role": "user", "content": "[fault: 500]"}])
    with pytest.raises(Exception, match=r"^Client error 404: .*There is no model “nowhere”"):
        client.chat(messages=MESSAGES, model="nowhere")


def test_a_stream_that_breaks_off_is_never_taken_for_whole(client: Client) -> None:
    for fault in ("drop", "error", "stall"):
        with pytest.raises(ValueError, match="validation error"):
            client.chat(messages=[{"role": "user", "content": f"one two [fault: {fault}]"}], stream=True)
