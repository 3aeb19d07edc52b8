"""A request as text to paste: run as it is, it sends what was sent, whatever was said."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from interactions import payloads, transcripts
from interactions.gateway import again, asked
from interactions.models import Interaction, Transcript, User
from interactions.web import copying
from tests.api.pictures import data_uri, encoded, picture
from tests.conftest import Api

PAGES = "/projects/support/interactions"
HOSTILE = [
    "'; rm -rf ~; echo '",
    "$(touch pwned) `touch pwned` ${HOME} \\$HOME \\",
    "JSON\nJSON\n'JSON'\nEOF",
    '"""\'\'\'\\"); import os; os.system("touch pwned") #',
    "\x1b[201~\x9b31m\u202egnp.exe\u2028\x7f\x00",
    "{x!r} %s {IMAGE_1}",
    "</pre><script>alert(1)</script>",
]


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def text(web: Client, id: str, kind: str) -> str:
    response = web.get(f"{PAGES}/{id}.{kind}")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    return response.content.decode()


# A `curl` that writes what it is given to a file; for an image it gives what the test says.
CURL = """#!/bin/sh
for last; do :; done
case "$*" in
  *"/api/v1/images/"*) cat "$IMAGE" ;;
  *) printf '%s\\n' "$@" > "$SENT.args"; cat > "$SENT" ;;
esac
"""


def run_in_a_shell(script: str, folder: Path, shell: str = "sh") -> tuple[list[str], Any]:
    """What curl was called with, and what it was sent."""
    folder.mkdir(exist_ok=True)
    (folder / "curl").write_text(CURL)
    (folder / "curl").chmod(0o700)
    (folder / "picture").write_bytes(picture())
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}", "API_KEY": "ik_x", "HOME": "/nowhere",
        "SENT": str(folder / "sent"), "IMAGE": str(folder / "picture"),
    }  # fmt: skip
    subprocess.run([shell], input=script.encode(), env=environment, cwd=folder, check=True, capture_output=True)
    assert not (folder / "pwned").exists()
    return (folder / "sent.args").read_text().splitlines(), json.loads((folder / "sent").read_text())


# Python's client in the place of the real one.
CLIENT = """
import json, os, sys, types
class Told:
    def __init__(self, path=""): self.path = path
    def __getattr__(self, name): return Told(f"{self.path}.{name}")
    def __getitem__(self, index): return self
    def __call__(self, **given):
        body = {k: v for k, v in given.items() if k != "extra_body"} | given.get("extra_body", {})
        json.dump([self.path, list(given), body], open(os.environ["SENT"], "w"))
        return Told()
def OpenAI(base_url, api_key):
    assert api_key == "ik_x" and base_url == "http://testserver/api/v1", base_url
    return Told()
sys.modules["openai"] = types.SimpleNamespace(OpenAI=OpenAI)
class Answer:
    content = open(os.environ["IMAGE"], "rb").read()
    def raise_for_status(self): return self
sys.modules["httpx"] = types.SimpleNamespace(get=lambda address, headers: Answer())
"""


def run_in_python(script: str, folder: Path) -> Any:
    """The method that was called, its arguments' names, and the body that it was called with."""
    ast.parse(script)
    folder.mkdir(exist_ok=True)
    (folder / "picture").write_bytes(picture())
    environment = {"API_KEY": "ik_x", "SENT": str(folder / "sent"), "IMAGE": str(folder / "picture")}
    command = [sys.executable, "-c", CLIENT + script]
    subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    assert not (folder / "pwned").exists()
    return json.loads((folder / "sent").read_text())


@pytest.mark.parametrize("said", HOSTILE)
def test_what_was_said_is_sent_and_never_run(api: Api, web: Client, tmp_path: Path, said: str) -> None:
    parameters = {"temperature": 0.2, "stop": [said], "top_k": 4, "odd-name": None, "logit_bias": {"1": True}}
    id = str(api.log(messages=[{"role": "user", "content": said}], parameters=parameters, model="m")["completion_id"])
    expected = {"model": "support/m", "messages": [{"role": "user", "content": said}]} | parameters
    for shell in ("sh", "bash"):
        arguments, body = run_in_a_shell(text(web, id, "curl"), tmp_path / shell, shell)
        assert body == expected
        assert "http://testserver/api/v1/chat/completions" in arguments
        assert "Authorization: Bearer ik_x" in arguments
    method, names, body = run_in_python(text(web, id, "py"), tmp_path / "python")
    assert (method, body) == (".chat.completions.create", expected)
    assert names == ["model", "messages", "temperature", "stop", "logit_bias", "extra_body"]


@pytest.mark.parametrize("said", HOSTILE)
def test_images_are_fetched_and_what_is_beside_them_stays_what_it_was(
    api: Api, web: Client, tmp_path: Path, said: str
) -> None:
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": said},
                {"type": "image_url", "image_url": {"url": data_uri(picture()), "detail": "low"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": encoded(picture())}},
            ],
        }
    ]
    id = str(api.log(messages=messages)["completion_id"])
    for kind in ("curl", "py"):
        assert encoded(picture())[:40] not in text(web, id, kind)
    assert run_in_a_shell(text(web, id, "curl"), tmp_path / "shell")[1] == {"model": "support", "messages": messages}
    assert run_in_python(text(web, id, "py"), tmp_path / "python")[2] == {"model": "support", "messages": messages}


def test_no_sign_that_a_terminal_would_take_for_its_own_is_in_it(api: Api, web: Client) -> None:
    id = str(api.log(messages=[{"role": "user", "content": "".join(HOSTILE)}])["completion_id"])
    for kind in ("curl", "py"):
        found = text(web, id, kind)
        assert not copying._UNSEEN.search(found)
        assert not {sign for sign in found if ord(sign) < 32} - {"\n"}


def test_what_is_not_kept_cannot_be_copied(api: Api, web: Client) -> None:
    id = str(api.log()["completion_id"])
    assert f"{PAGES}/{id}.curl" in web.get(f"{PAGES}/{id}").content.decode()
    Transcript.objects.all().delete()
    Interaction.objects.update(texts_removed_at="2026-01-01T00:00:00Z")
    assert web.get(f"{PAGES}/{id}.curl").status_code == 404
    assert f"{PAGES}/{id}.curl" not in web.get(f"{PAGES}/{id}").content.decode()


@pytest.mark.parametrize("api", copying.NAMED)
def test_the_parameters_that_are_named_are_those_of_the_client(api: Any) -> None:
    method: Any = openai.OpenAI(api_key="x")
    for name in copying.METHODS[api].split("."):
        method = getattr(method, name)
    known = set(inspect.signature(method).parameters)
    assert copying.NAMED[api] <= known
    assert {"extra_body", "model"} <= known


# The way back of `gateway.read`

REQUESTS: dict[Any, list[dict[str, Any]]] = {
    "chat": [
        {"messages": [{"role": "user", "content": "Hello"}], "temperature": 1, "n": 2, "metadata": {"a": "b"}},
        {"messages": [{"role": "tool", "tool_call_id": "x", "content": None, "$text": [1]}], "user": "u"},
    ],
    "completions": [
        {"prompt": "Once"},
        {"prompt": ["a", "b"], "suffix": "."},
        {"prompt": [1, 2]},
        {"prompt": [[1], [2]]},
    ],
    "responses": [
        {"input": "Hello", "store": False},
        {"input": "Hello", "instructions": "Be brief."},
        {"prompt": {"id": "p"}},
        {
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "?"}]},
                {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
                {"type": "function_call_output", "call_id": "c", "output": "1"},
                {"type": "message", "role": "user", "content": "And?"},
            ],
            "tools": [],
        },
    ],
    "embeddings": [
        {"input": "a", "dimensions": 3},
        {"input": ["a", "b"]},
        {"input": [1, 2, 3]},
        {"input": [[1], [2, 3]]},
    ],
}


@pytest.mark.parametrize(("api", "request_"), [(api, one) for api, some in REQUESTS.items() for one in some])
def test_a_request_is_made_again_of_what_is_stored(api: Any, request_: dict[str, Any]) -> None:
    told = {"stream": True, "labels": {"a": "b"}, "session_id": "0190b2c0-0000-7000-8000-000000000000"}
    read = asked.read(api, {"model": "support"} | request_ | (told if api != "embeddings" else {}))
    apart = transcripts.take_apart(message.document() for message in read.messages)
    messages = transcripts.put_together(apart.structure, apart.text, None, str)
    assert again.body(api, "support/m", messages, read.parameters) == {"model": "support/m"} | request_


@runs(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    prompt=st.text(max_size=20)
    | st.lists(st.text(max_size=9), min_size=2, max_size=4)
    | st.lists(st.integers(0, 9), min_size=1),
    api=st.sampled_from(["completions", "embeddings"]),
)
@example(prompt="", api="completions")
def test_any_prompt_is_made_again(prompt: Any, api: Any) -> None:
    name = asked.PROMPTS[api][0]
    read = asked.read(api, payloads.parse_json(json.dumps({"model": "m", name: prompt}).encode()))
    assert again.body(api, "m", [message.document() for message in read.messages], {})[name] == prompt
