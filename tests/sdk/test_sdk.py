"""The vendor's own client, unmodified, against a running server."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from adaptive_sdk import Adaptive, AsyncAdaptive

from tests.api.pictures import data_uri, picture
from tests.conftest import Server
from tests.sdk.clients import proves


@pytest.fixture
def adaptive(server: Server) -> Iterator[Adaptive]:
    client = Adaptive(base_url=server.url, api_key=server.secret)
    client.set_default_project("demo")
    yield client
    client.close()


@pytest.fixture
def read(server: Server) -> Iterator[Any]:
    """Reads back what the client logged; the client itself can only write over REST."""
    with httpx.Client(base_url=f"{server.url}/api/v1", headers={"Authorization": f"Bearer {server.secret}"}) as client:
        yield lambda path, **query: client.get(path, params=query).raise_for_status().json()


MESSAGES: Any = [{"role": "user", "content": "Hello!"}]

# The three examples of https://docs.adaptive-ml.com/v0.14/core/interactions, as they stand there.


def test_the_documentation_s_example_of_manual_logging(adaptive: Adaptive, read: Any) -> None:
    response = adaptive.interactions.create(
        model="model_key",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Hello!"}
        ],
        completion="Hi there! How can I help you today?",
        labels={"source": "external"},
    )  # fmt: skip
    document = read(f"/interactions/{response.completion_id}")
    assert document["model"] == "model_key"
    assert [message["content"] for message in document["messages"]] == ["You are a helpful assistant.", "Hello!"]
    assert document["completion"] == "Hi there! How can I help you today?"
    assert document["labels"] == {"source": "external"}
    assert document["session_id"] == str(response.session_id)
    assert response.feedback_ids == []


def test_the_documentation_s_example_of_a_multimodal_interaction(adaptive: Adaptive, read: Any) -> None:
    """The documentation elides the data URI (`data:image/png;base64,...`): a small PNG stands in its place."""
    uri = data_uri(picture())
    response = adaptive.interactions.create(
        model="model_key",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What's in this image?"},
                    {"type": "image_url", "image_url": uri},
                ],
            }
        ],
        completion="The image shows a bar chart comparing model accuracy across three benchmarks.",
        labels={"source": "external"},
    )
    document = read(f"/interactions/{response.completion_id}", images="inline")
    assert document["messages"][0]["content"][1] == {"type": "image_url", "image_url": uri}
    (row,) = read("/interactions", project="demo", id=str(response.completion_id))["interactions"]
    assert row["image_count"] == 1


def test_the_documentation_s_example_of_a_bulk_upload(
    server: Server, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 2,000 interactions instead of its one, and this server's project instead of `my-project`."""
    monkeypatch.setenv("ADAPTIVE_URL", server.url)
    monkeypatch.setenv("ADAPTIVE_API_KEY", server.secret)
    answers = []

    async def upload_data(data: list[dict], labels: dict, max_concurrency: int = 30):
        adaptive = AsyncAdaptive(
            base_url=os.environ["ADAPTIVE_URL"],
            api_key=os.environ["ADAPTIVE_API_KEY"],
        )
        adaptive.set_default_project("demo")

        semaphore = asyncio.Semaphore(max_concurrency)

        async def upload_one(item):
            async with semaphore:
                answers.append(
                    await adaptive.interactions.create(
                        messages=item["messages"],
                        completion=item["completion"],
                        labels=labels,
                    )
                )

        await asyncio.gather(*[upload_one(item) for item in data])
        await adaptive.close()

    data: list[dict] = [{"messages": MESSAGES, "completion": f"Hi there! {n}"} for n in range(2_000)]
    dataset = f"training-{uuid4()}"
    asyncio.run(upload_data(data, labels={"dataset": dataset}))
    found = read("/interactions", project="demo", label=f"dataset:{dataset}", limit=1_000, count="yes")
    assert found["count"] == 2_000
    rows = found["interactions"]
    rows += read("/interactions", project="demo", label=f"dataset:{dataset}", limit=1_000, older_than=rows[-1]["id"])[
        "interactions"
    ]
    assert {row["id"] for row in rows} == {str(answer.completion_id) for answer in answers}
    assert sorted(row["completion_preview"] for row in rows) == sorted(item["completion"] for item in data)
    assert all(row["labels"] == {"dataset": dataset} for row in rows)


# Every argument


@proves("interactions.create")
def test_everything_the_client_can_say_is_kept(adaptive: Adaptive, read: Any) -> None:
    session, user = uuid4(), uuid4()
    response = adaptive.interactions.create(
        messages=MESSAGES,
        completion="",
        model="gpt",
        feedbacks=[
            {"feedback_key": "thumbs", "value": True, "details": "to the point"},
            {"feedback_key": "thumbs", "value": 0},
            {"feedback_key": "quality", "value": 3.5},
        ],
        user=user,
        session_id=str(session),
        labels={"env": "prod", "lang": "de"},
        created_at="2024-02-21T09:51:03Z",
    )
    document = read(f"/interactions/{response.completion_id}")
    assert response.session_id == session
    assert (document["session_id"], document["user"]) == (str(session), str(user))
    assert document["created_at"] == "2024-02-21T09:51:03Z"
    assert [f["id"] for f in document["feedbacks"]] == [str(id) for id in response.feedback_ids]
    assert [(f["metric"], f["value"], f["details"]) for f in document["feedbacks"]] == [
        ("thumbs", True, "to the point"), ("thumbs", False, None), ("quality", 3.5, None),
    ]  # fmt: skip


def test_a_session_is_made_when_none_is_named(adaptive: Adaptive) -> None:
    responses = [
        adaptive.interactions.create(messages=MESSAGES, completion="x", session_id=none) for none in (None, "")
    ]
    assert all(isinstance(response.session_id, UUID) for response in responses)
    assert len({response.session_id for response in responses}) == 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("shape", [lambda uri: uri, lambda uri: {"url": uri, "detail": "high"}], ids=["text", "object"])
def test_images_as_the_client_sends_them_are_kept(adaptive: Adaptive, read: Any, kind: str, shape: Any) -> None:
    uri = data_uri(picture(kind), f"image/{kind.lower()}")
    messages: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": shape(uri)}]}]
    response = adaptive.interactions.create(messages=messages, completion="x")
    link = read(f"/interactions/{response.completion_id}")["messages"][0]["content"][0]["image_url"]
    fetched = httpx.get(adaptive.base_url + link, headers={"Authorization": f"Bearer {adaptive.api_key}"})
    assert fetched.content == base64.b64decode(uri.partition(",")[2])
    inline = read(f"/interactions/{response.completion_id}", images="inline")
    assert inline["messages"][0]["content"][0]["image_url"] == uri


def test_a_preference_by_ids(adaptive: Adaptive, read: Any) -> None:
    one, two = (adaptive.interactions.create(messages=MESSAGES, completion=text) for text in "ab")
    user = uuid4()
    output = adaptive.feedback.log_preference(
        "preference", preferred_completion=one.completion_id, other_completion=str(two.completion_id), user=user
    )
    for side in (one, two):
        (comparison,) = read(f"/interactions/{side.completion_id}")["comparisons"]
        assert comparison["id"] == str(output.comparison_id)
        assert (comparison["preferred"], comparison["other"]) == (str(one.completion_id), str(two.completion_id))
        assert comparison["user"] == str(user)


@proves("feedback.log_preference")
def test_a_preference_by_texts(adaptive: Adaptive, read: Any) -> None:
    question = f"Which one? {uuid4()}"
    output = adaptive.feedback.log_preference(
        "preference",
        preferred_completion={"text": "A", "model": "model-a"},
        other_completion={"text": "B", "model": "model-b"},
        messages=[{"role": "user", "content": question}],
    )
    assert isinstance(output.comparison_id, UUID)
    rows = read("/interactions", project="demo", prompt=question)["interactions"]
    assert {(row["model"], row["completion_preview"]) for row in rows} == {("model-a", "A"), ("model-b", "B")}


def test_the_asynchronous_client_does_the_same(server: Server, read: Any) -> None:
    async def log() -> tuple[Any, Any]:
        adaptive = AsyncAdaptive(base_url=f"{server.url}/", api_key=server.secret)
        one = await adaptive.interactions.create(
            messages=MESSAGES, completion="x", project="demo", feedbacks=[{"feedback_key": "thumbs", "value": False}]
        )
        preference = await adaptive.feedback.log_preference(
            "preference", one.completion_id, one.completion_id, user_id=uuid4(), project="demo"
        )
        await adaptive.close()
        return one, preference

    one, preference = asyncio.run(log())
    document = read(f"/interactions/{one.completion_id}")
    assert document["feedbacks"][0]["value"] is False
    assert document["comparisons"][0]["id"] == str(preference.comparison_id)


# What goes wrong, as the client raises it

REFUSED: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "an unknown project": ({"project": "nowhere"}, 404, "There is no project “nowhere”", "project"),
    "an unknown feedback key": (
        {"feedbacks": [{"feedback_key": "nowhere", "value": 1}]},
        404, "The project has no feedback key “nowhere”", "feedbacks[0].metric",
    ),
    "a yes-or-no key with 7": (
        {"feedbacks": [{"feedback_key": "thumbs", "value": 7}]}, 422, "send true or false, not 7", "feedbacks[0].value",
    ),
    "a moment that is none": ({"created_at": "yesterday"}, 422, "This is not a time", "created_at"),
    "a moment to come": ({"created_at": "9999-12-31T00:00:00Z"}, 422, "between 1970 and now", "created_at"),
    "a label without a value": ({"labels": {"env": ""}}, 422, "must not be empty", "labels.env"),
    "an image that is none": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": data_uri(b"no picture")}]}]},
        422, "This is no PNG, JPEG, WebP or GIF image", "messages[0].content[0].image_url",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_reaches_the_caller_with_its_sentence(adaptive: Adaptive, server: Server, what: str) -> None:
    fields, status, sentence, path = REFUSED[what]
    arguments: Any = {"messages": MESSAGES, "completion": "x"} | fields
    with pytest.raises(Exception, match=f"^Client error {status}: ") as raised:
        adaptive.interactions.create(**arguments)
    assert type(raised.value) is Exception
    assert sentence in str(raised.value)
    assert f'"field":"{path}"' in str(raised.value)
    if "created_at" not in fields:  # which the asynchronous client has not

        async def log() -> None:
            client = AsyncAdaptive(base_url=server.url, api_key=server.secret)
            try:
                await client.interactions.create(**({"project": "demo"} | arguments))
            finally:
                await client.close()

        with pytest.raises(Exception, match=f"^Client error {status}: "):
            asyncio.run(log())


@pytest.mark.parametrize("key", ["wrong", "ik_abcdefgh_" + "x" * 43])
def test_a_wrong_key_is_told_so(server: Server, key: str) -> None:
    client = Adaptive(base_url=server.url, api_key=key)
    with pytest.raises(Exception, match=r"^Client error 401: .*This API key is not valid"):
        client.interactions.create(messages=MESSAGES, completion="x", project="demo")
    with pytest.raises(Exception, match=r"^Client error 401: "):
        client.feedback.log_preference("preference", uuid4(), uuid4(), project="demo")
    client.close()


def test_a_foreign_project_looks_like_none(server: Server) -> None:
    server.manage(
        "shell", "--command", "from interactions.models import Project; Project.objects.get_or_create(key='foreign')"
    )
    client = Adaptive(base_url=server.url, api_key=server.secret)
    with pytest.raises(Exception, match=r"^Client error 404: .*There is no project “foreign”"):
        client.interactions.create(messages=MESSAGES, completion="x", project="foreign")
    client.close()


def test_a_preference_for_what_is_not_there_is_told_so(adaptive: Adaptive) -> None:
    with pytest.raises(Exception, match=r"^Client error 404: .*There is no interaction"):
        adaptive.feedback.log_preference("preference", uuid4(), uuid4())
    one = adaptive.interactions.create(messages=MESSAGES, completion="x").completion_id
    with pytest.raises(Exception, match=r"^Client error 404: .*no feedback key “nowhere”"):
        adaptive.feedback.log_preference("nowhere", one, one)
    with pytest.raises(Exception, match=r"^Client error 422: .*Send the messages"):
        adaptive.feedback.log_preference("preference", {"text": "A", "model": "a"}, {"text": "B", "model": "b"})


def test_what_the_client_itself_refuses_never_reaches_the_server(adaptive: Adaptive, server: Server) -> None:
    with pytest.raises(ValueError, match="badly formed hexadecimal UUID"):
        adaptive.interactions.create(messages=MESSAGES, completion="x", session_id="today")
    with pytest.raises(ValueError, match="badly formed hexadecimal UUID"):
        adaptive.interactions.create(messages=MESSAGES, completion="x", user="ann")
    audio: Any = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]
    with pytest.raises(ValueError, match="Unsupported content part type"):
        adaptive.interactions.create(messages=audio, completion="x")
    homeless = Adaptive(base_url=server.url, api_key=server.secret)
    with pytest.raises(ValueError, match="project-specific"):
        homeless.interactions.create(messages=MESSAGES, completion="x")
    homeless.close()
