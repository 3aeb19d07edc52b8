"""What passes through is passed on byte for byte, and kept whole, and nothing else gets to either side."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.api.pictures import data_uri
from tests.gateway.stage import DONE, MODEL_SECRET, Asked, Gateway, Script, chunk, event, stream, until

WHOLE = (
    b'{ "id" : "x-1", "new_field":{"a":[1.0,1e2,"\\u00e9"]},"choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"Hi","annotations":[] },"finish_reason":"stop","odd":null}],\n"usage":{"prompt_tokens":1,'
    b'"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}, "id" : "x-1"}\n'
)


def without_ids(content: bytes, answer: httpx.Response) -> bytes:
    """As it was before it was added to."""
    id, session = answer.headers["x-completion-id"], answer.headers["x-session-id"]
    for added in (
        f',"completion_id":"{id}","session_id":"{session}"', f',"completion_id":"{id}","model":"scripted"',
        f',"completion_id":"{id}"', f',"id":"{id}"',
    ):  # fmt: skip
        content = content.replace(added.encode(), b"")
    return content


def test_every_byte_of_an_answer_is_the_model_s_but_for_what_is_added(gateway: Gateway, script: Script) -> None:
    script.says(WHOLE)
    answer = gateway.chat("Hello", "scripted")
    assert answer.content != WHOLE
    told, sent = answer.json(), json.loads(WHOLE)
    assert told["new_field"] == sent["new_field"]
    assert b'"new_field":{"a":[1.0,1e2,"\\u00e9"]}' in answer.content
    assert answer.content.endswith(b"}\n")
    document = gateway.of(answer)
    kept = document["answer"]["response"]
    assert kept["new_field"] == {"a": [1.0, 100.0, "é"]}
    assert kept["choices"][0]["odd"] is None
    assert document["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def test_every_byte_of_a_stream_is_the_model_s_but_for_what_is_added(gateway: Gateway, script: Script) -> None:
    pieces = [
        b": keep-alive\n\n", b'event: x\r\ndata:  {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],'
        b'"created":1,"id":"c"}\r\n\r\n', b'data: {"id":"c","created":1,"choices":[{"index":0,"delta":{"role":"a",'
        b'"content":"Hi"},"new":[ 1 ]}],"obfuscation":"aZ"}\nid: 7\n\n',
        b'data: {"id":"c","created":1,"choices":[{"index":0,"delta":{"role":"a","content":""},"finish_reason":"stop"}]}'
        b"\n\n", b"data:[DONE]\n\n",
    ]  # fmt: skip
    script.streams(*pieces)
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert without_ids(answer.content, answer) == b"".join(pieces)
    assert gateway.of(answer)["completion"] == "Hi"


def test_errors_and_what_is_not_understood_pass_untouched(gateway: Gateway, script: Script) -> None:
    for api, content in (
        ("chat/completions", b'{"error":{"message":"no"}}'), ("completions", b'{"x": [1,  2]}'),
        ("responses", b'{"object":"response", "output": [] }'), ("embeddings", b'{"data":[{"embedding":[0.10]}]}'),
    ):  # fmt: skip
        script.says(content, status="400 Bad Request" if b"error" in content else "200 OK")
        body = gateway.asked("Hello", "scripted") | {"input": "x", "prompt": "x"}
        answer = gateway.post(body, api)
        assert without_ids(answer.content, answer) == content


def test_unknown_parameters_reach_the_model_and_are_kept(gateway: Gateway, script: Script) -> None:
    unknown = {"repetition_penalty": 1.1, "chat_template_kwargs": {"thinking": True}, "x": [None, {"y": "é"}]}
    answer = gateway.chat("Hello", "scripted", **unknown, labels={"a": "b"}, session_id=str(uuid4()), ab_campaign=None)
    assert script.asked[0].body == unknown | {
        "model": "scripted-model", "messages": [{"role": "user", "content": "Hello"}],
    }  # fmt: skip
    assert gateway.of(answer)["parameters"] == unknown


# What gets to the model's server


def test_nothing_of_the_caller_s_headers_reaches_the_model_s_server(gateway: Gateway, script: Script) -> None:
    sent = {
        "Cookie": "sessionid=secret-cookie", "X-Api-Key": "secret-x", "OpenAI-Organization": "org-1", "X-Demo": "429",
        "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "Referer": "https://secret.example",
        "User-Agent": "caller/1", "Idempotency-Key": "k", "X-Stainless-Lang": "python", "Accept-Encoding": "gzip",
        "Connection": "keep-alive, X-Api-Key", "Proxy-Authorization": "Basic c2VjcmV0",
    }  # fmt: skip
    gateway.post(gateway.asked("Hello", "scripted"), **sent)
    (asked,) = script.asked
    assert asked.headers.keys() == {
        "host", "accept", "accept-encoding", "content-type", "user-agent", "authorization", "content-length",
    }  # fmt: skip
    assert asked.headers["authorization"] == f"Bearer {MODEL_SECRET}"
    assert asked.headers["host"] == f"127.0.0.1:{script.port}"
    assert asked.headers["user-agent"] == "interactions"
    assert gateway.key not in f"{asked.headers} {asked.content!r}"


def test_a_cookie_of_a_model_s_server_is_neither_kept_nor_passed_on(gateway: Gateway, script: Script) -> None:
    for status in ("200 OK", "401 Unauthorized"):
        script.says(b'{"choices": []}', status=status, Set_Cookie="tenant=1; Path=/")
        assert "set-cookie" not in gateway.chat("Hello", "scripted").headers
    assert ["cookie" in asked.headers for asked in script.asked] == [False, False]
    script.asked.clear()
    gateway.chat("Hello", "scripted")
    assert "cookie" not in script.asked[0].headers


LEADS_ELSEWHERE: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"base_url": "{elsewhere}"}, {}),
    ({"api_base": "{elsewhere}", "api_key": "x", "api_version": "x", "custom_llm_provider": "openai"}, {}),
    ({"url": "{elsewhere}", "endpoint": "{elsewhere}", "host": "{elsewhere}", "proxy": "{elsewhere}"}, {}),
    ({"extra_headers": {"Host": "x"}, "headers": {"Authorization": "x"}, "extra_query": {"a": "b"}}, {}),
    ({}, {"X-Base-Url": "{elsewhere}", "X-Forwarded-Host": "elsewhere", "Host": "127.0.0.1"}),
    ({}, {"X-Portkey-Custom-Host": "{elsewhere}", "Helicone-Target-URL": "{elsewhere}", "OpenAI-Base-Url": "x"}),
    ({}, {"X-HTTP-Method-Override": "GET", "X-Original-URL": "/elsewhere", "X-Rewrite-URL": "/elsewhere"}),
]


@pytest.mark.parametrize(("fields", "headers"), LEADS_ELSEWHERE)
def test_nothing_in_a_request_changes_where_it_goes(
    gateway: Gateway, script: Script, fields: dict[str, Any], headers: dict[str, str]
) -> None:
    def act(_: Asked, connection: socket.socket) -> None:
        raise AssertionError("it was sent elsewhere")

    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/v1"
        told = {name: address if value == "{elsewhere}" else value for name, value in fields.items()}
        sent = {name: value.replace("{elsewhere}", address) for name, value in headers.items()}
        gateway.post(gateway.asked("Hello", "scripted", **told), **sent)
        (asked,) = script.asked
        assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
        assert asked.headers["authorization"] == f"Bearer {MODEL_SECRET}"
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["../scripted", "{p}/../../admin", "{p}/scripted?x=1", "{p}/scripted#", "{p}/scripted/..", "{p}/%2e%2e",
             "{p}//scripted", "{p}/scripted\r\nHost: x", "http://127.0.0.1:1/v1", "{p}/http://127.0.0.1:1/v1", "/", "",
             "{p}/", "{p}\x00", "{p}/scripted\x00"]
        ),
    )
)  # fmt: skip
def test_no_name_of_a_model_leads_anywhere_but_to_that_model(gateway: Gateway, script: Script, name: str) -> None:
    script.asked.clear()
    body = gateway.asked("Hello") | {"model": name.replace("{p}", gateway.project)}
    assert gateway.post(body).status_code in (404, 422)
    assert script.asked == []


def test_a_project_that_the_caller_may_not_use_cannot_be_reached(gateway: Gateway, script: Script) -> None:
    """Neither by its name nor by what the server remembers of it, whoever asked a moment ago."""
    foreign = f"foreign-{uuid4().hex[:8]}"
    gateway.run(
        "from interactions import access, people\n"
        f"project = Project.objects.create(key={foreign!r}, name='Foreign')\n"
        f"known = Model.objects.get(project__key={gateway.project!r}, key='scripted')\n"
        "Model.objects.create(project=project, key='scripted', name='s', external=known.external, is_attached=True, "
        "is_default=True)\n"
        "owner = User.objects.create_user('owner@example.org')\n"
        "people.belong(owner, project)\n"
    )
    owner = gateway.manage("create_api_key", "--email", "owner@example.org", "--project", foreign).splitlines()[-1]
    body = gateway.asked("Hello") | {"model": foreign}
    assert gateway.post(body, Authorization=f"Bearer {owner}").status_code == 200
    script.asked.clear()
    for name in (foreign, f"{foreign}/scripted"):
        answer = gateway.post(body | {"model": name})
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == (
            f"There is no project “{foreign}” that this caller can see. Check its key."
        )
    unknown = gateway.post(body | {"model": "nowhere-at-all"}).json()["error"]["message"]
    assert unknown == "There is no project “nowhere-at-all” that this caller can see. Check its key."
    assert script.asked == []
    names = [one["id"] for one in gateway.get("models")["data"]]
    assert not [name for name in names if name.startswith(foreign)]


def test_the_model_s_secret_is_nowhere_to_be_seen(gateway: Gateway, script: Script) -> None:
    """Not in an answer, though the model's server repeats it; not in the log, and in no file of the store."""
    gateway.chat("[fault: refuse]")
    gateway.chat("x", "absent")
    answers = [gateway.chat("Hello", "scripted"), gateway.chat("Hello", "absent"), gateway.chat("Hello", "nowhere")]
    answers += [
        gateway.post({"model": 7}),
        gateway.post([]),
        httpx.get(f"{gateway.v1}/models", headers=gateway.headers),
    ]
    for answer in answers:
        assert MODEL_SECRET not in f"{answer.headers} {answer.text}"
    place = Path(gateway.process.environment["DATA_DIR"])
    holding = [path for path in place.rglob("*") if path.is_file() and MODEL_SECRET.encode() in path.read_bytes()]
    assert holding == []
    assert gateway.key not in gateway.process.log.read_text()
    rows = gateway.run(
        "import itertools\n"
        "from django.apps import apps\n"
        "print([m.__name__ for m in apps.get_app_config('interactions').get_models() for row in "
        f"m._default_manager.values_list() if {MODEL_SECRET!r} in str(row) or {gateway.key!r} in str(row)])"
    )
    assert rows.splitlines()[-1] == "[]"


# How much


def test_a_request_of_50_mb_with_pictures_is_passed_on_and_kept(gateway: Gateway, script: Script) -> None:
    """Pictures of noise, which nothing makes smaller."""
    side = 1_100
    pictures = []
    for _ in range(10):
        file = BytesIO()
        Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "PNG", compress_level=0)
        pictures.append(file.getvalue())
    parts = [{"type": "image_url", "image_url": {"url": data_uri(one)}} for one in pictures]
    body = json.dumps(gateway.asked([{"type": "text", "text": "What?"}, *parts], "unhurried", stream=True)).encode()
    assert 48_000_000 < len(body) < 64 * 1024 * 1024
    script.streams(event(chunk("Noise", finish_reason="stop")), DONE)
    headers = gateway.headers | {"Content-Type": "application/json"}
    answer = httpx.post(f"{gateway.v1}/chat/completions", content=body, headers=headers, timeout=120)
    assert answer.status_code == 200
    sent = script.asked[0].body["messages"][0]["content"]
    assert [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in sent[1:]] == pictures
    document = gateway.of(answer)
    assert (document["state"], document["completion"]) == ("done", "Noise")
    links = [part["image_url"]["url"] for part in document["messages"][0]["content"][1:]]
    kept = [httpx.get(gateway.url + link, headers=gateway.headers).content for link in links]
    assert kept == pictures


NO_PICTURES = [
    "data:image/png;base64,bm8gcGljdHVyZQ==",
    "data:image/png;base64,***",
    "data:image/png;base64,",
    "data:image/png,plain",
    "data:text/plain;base64,aGVsbG8=",
    "https://pictures.example/cat.png",
    "not an address",
]


@pytest.mark.parametrize("uri", NO_PICTURES)
def test_what_is_no_picture_is_the_model_s_to_refuse_and_kept_as_text(
    gateway: Gateway, script: Script, uri: str
) -> None:
    script.says(b'{"choices": []}')
    content = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": uri}}]
    answer = gateway.chat(content, "scripted")
    assert answer.status_code == 200
    assert script.asked[0].body["messages"][0]["content"] == content
    assert gateway.of(answer)["messages"] == [{"role": "user", "content": content}]


@pytest.mark.parametrize("text", ["a\x00b", "😀", "a\u2028b", "\ufeff", "\ufffe", "𝔘𝔫𝔦", "x" * 3_000_000])
def test_any_text_of_a_prompt_is_passed_on_and_kept(gateway: Gateway, script: Script, text: str) -> None:
    script.says(b'{"choices": []}')
    answer = gateway.chat(text, "scripted", **({"stop": [text]} if len(text) < 10 else {}))
    assert answer.status_code == 200
    assert script.asked[0].body["messages"][0]["content"] == text
    document = gateway.of(answer)
    assert document["messages"] == [{"role": "user", "content": text}]
    assert len(text) > 10 or document["parameters"] == {"stop": [text]}


def test_a_request_that_is_packed_is_unpacked(gateway: Gateway, script: Script) -> None:
    body = gzip.compress(json.dumps(gateway.asked("Hello", "scripted")).encode())
    headers = gateway.headers | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    script.says(b'{"choices": []}')
    answer = httpx.post(f"{gateway.v1}/chat/completions", content=body, headers=headers)
    assert answer.status_code == 200
    assert script.asked[0].body["messages"] == [{"role": "user", "content": "Hello"}]
    assert "content-encoding" not in script.asked[0].headers


def test_more_than_a_request_may_have_is_refused_and_sent_nowhere(gateway: Gateway, script: Script) -> None:
    answer = gateway.chat("x" * (64 * 1024 * 1024), "scripted")
    assert answer.status_code == 413
    assert script.asked == []


def test_many_calls_at_once_do_not_wait_for_each_other(gateway: Gateway, script: Script) -> None:
    """The model answers nobody before it was asked by all."""

    def act(_: Asked, connection: socket.socket) -> None:
        until(lambda: len(script.asked) == 40)
        stream(connection, event(chunk("all here", finish_reason="stop")), DONE, is_end=True)

    script.act = act
    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda n: gateway.chat(f"{n}", "unhurried", stream=True), range(40)))
    assert {gateway.of(answer)["completion"] for answer in answers} == {"all here"}
