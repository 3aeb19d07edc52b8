"""What calls go through in these tests: a server of its own process, the demo's models, and a model that says what a
test tells it to. All of it over real HTTP."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.conftest import ROOT, manage, wait_until_ready
from tests.postgres import free_port

_T = TypeVar("_T")

# What must never be seen again: the secret that the models' servers are asked with.
MODEL_SECRET = "sk-upstream-7f3a9c51"
# What a model costs, in dollars for a million tokens: input, what came from a cache, output.
PRICES = ("2.5", "1.25", "10")
# How long the models may be silent, and take in all. `patient` and `unhurried` may take as long as is usual.
SECONDS = {"demo": (1, 5), "reasoning": (1, 5), "embedding": (1, 5), "absent": (1, 5), "scripted": (2, 60)}


def until(is_so: Callable[[], _T | None], seconds: float = 60) -> _T:
    """Ask again and again until there is an answer that counts as true."""
    deadline = time.monotonic() + seconds
    while True:
        if found := is_so():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"it was still {found!r} after {seconds} s")
        time.sleep(0.02)


# The server


class Process:
    """`manage.py serve` with the data and settings of `environment`. It can be ended in all ways, and started again."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.log = Path(environment["DATA_DIR"]) / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                env=self.environment | {"PORT": str(self.port)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        assert self._process
        wait_until_ready(self.url, self._process)

    def terminate(self) -> None:
        """As an init system does."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float = 60) -> None:
        assert self._process
        self._process.wait(seconds)

    def kill(self) -> None:
        """At once, with its workers."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        if self.is_running():
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def workers(self) -> list[int]:
        """The processes that answer."""
        assert self._process
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        named = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children.split()}
        return [child for child, command in named.items() if b"resource_tracker" not in command]

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.end()


@dataclass
class Gateway:
    """A project on a server, and models in it: `demo` is the default, `scripted` the one that `script` speaks for."""

    process: Process
    project: str
    key: str
    demo: str  # the address of the demo's models

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def v1(self) -> str:
        return f"{self.url}/api/v1"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def asked(self, content: Any, model: str = "", **fields: Any) -> dict[str, Any]:
        """The body of a chat completion."""
        named = f"{self.project}/{model}" if model else self.project
        return {"model": named, "messages": [{"role": "user", "content": content}]} | fields

    def post(self, body: Any, api: str = "chat/completions", **headers: str) -> httpx.Response:
        return httpx.post(f"{self.v1}/{api}", json=body, headers=self.headers | headers, timeout=60)

    def chat(self, content: Any, model: str = "", **fields: Any) -> httpx.Response:
        return self.post(self.asked(content, model, **fields))

    @contextmanager
    def streaming(self, content: Any, model: str = "", **fields: Any) -> Iterator[httpx.Response]:
        body = self.asked(content, model, stream=True, **fields)
        with httpx.stream("POST", f"{self.v1}/chat/completions", json=body, headers=self.headers, timeout=60) as answer:
            yield answer

    def get(self, path: str, **query: str) -> Any:
        answer = httpx.get(f"{self.v1}/{path}", params=query, headers=self.headers, timeout=30)
        return answer.raise_for_status().json()

    def document(self, id: str, **query: str) -> dict[str, Any]:
        return dict(self.get(f"interactions/{id}", **query))

    def ended(self, id: str) -> dict[str, Any]:
        """The interaction, once it has ended."""
        return until(lambda: self._if_ended(id))

    def _if_ended(self, id: str) -> dict[str, Any] | None:
        answer = httpx.get(f"{self.v1}/interactions/{id}", headers=self.headers, timeout=30)
        # It may be in the spool yet.
        if answer.status_code == 404:
            return None
        document: dict[str, Any] = answer.raise_for_status().json()
        return document if document["state"] != "started" else None

    def of(self, answer: httpx.Response) -> dict[str, Any]:
        """What is in the store of the call that was answered so."""
        return self.document(answer.headers["x-completion-id"])

    def rows(self, **query: str) -> list[dict[str, Any]]:
        """All of the project's, newest first."""
        found: list[dict[str, Any]] = []
        asked = {"project": self.project, "limit": "1000"} | query
        page = self.get("interactions", **asked)
        while True:
            found += page["interactions"]
            if not page["older"]:
                return found
            page = httpx.get(self.url + page["older"], headers=self.headers, timeout=30).raise_for_status().json()

    def ledger(self) -> list[dict[str, Any]]:
        """What the demo's models were asked and answered."""
        return list(httpx.get(f"{self.demo}/ledger", timeout=30).json())

    def ledger_of(self, word: str) -> dict[str, Any]:
        (entry,) = (entry for entry in self.ledger() if word in entry["asked"])
        return entry

    def manage(self, *arguments: str) -> str:
        return manage(self.process.environment, *arguments)

    def run(self, code: str) -> str:
        """Run Python where the server's store is; gives what it prints."""
        return self.manage("shell", "--no-imports", "--command", f"from interactions.models import *\n{code}")

    def add_model(self, name: str, address: str, external_id: str = "demo", *options: str) -> None:
        told = ("--project", self.project, "--name", name, "--external-id", external_id)
        environment = self.process.environment | {"MODEL_SECRET": MODEL_SECRET}
        manage(environment, "add_model", *told, "--base-url", f"{address}/v1", *options)

    def make_key(self, name: str, **allowance: Any) -> str:
        """A key that may use so much."""
        secret = self.manage("create_api_key", "--email", f"{name}@example.org", "--project", self.project)
        if allowance:
            told = ", ".join(f"{field}={value!r}" for field, value in allowance.items())
            self.run(f"ApiKey.objects.filter(user__email='{name}@example.org').update({told})")
        return secret


def prepared(environment: dict[str, str], demo: str, scripted: str = "") -> Gateway:
    """A project of its own in that store, with models."""
    project = f"calls-{secrets.token_hex(4)}"
    served = {"patient": (demo, "demo"), "embedding": (demo, "demo-embedding"), "reasoning": (demo, "demo-reasoning")}
    served["absent"] = ("http://127.0.0.1:1", "demo")  # where nobody listens
    if scripted:
        served |= {"scripted": (scripted, "scripted-model"), "unhurried": (scripted, "scripted-model")}
    told: dict[str, Any] = {"project": project, "demo": demo, "served": served, "prices": PRICES}
    told |= {"secret": MODEL_SECRET, "seconds": SECONDS}
    code = f"told = {told!r}\n{_PREPARE}"
    printed = manage(environment | {"MODEL_SECRET": MODEL_SECRET}, "shell", "--no-imports", "--command", code)
    return Gateway(Process(environment), project, printed.splitlines()[-1], demo)


# In one process, since each takes a second to start. The models' own keys are those of the whole server, which on
# PostgreSQL others use, too; those that requests name are the project's.
_PREPARE = """
from decimal import Decimal
from django.core.management import call_command
from interactions import access, external_models
from interactions.models import ExternalModel, Model, Project, Team

project = told["project"]
call_command("migrate", verbosity=0)
call_command("create_project", project)
model = {"project": project, "name": "demo", "external_id": "demo", "base_url": told["demo"] + "/v1", "default": True}
call_command("add_model", **model)
row = Project.objects.get(key=project)
Model.objects.filter(project=row, is_default=True).update(key="demo")
team = Team.objects.filter(shares__project=row, shares__is_owner=True).first()
for name, (address, called) in told["served"].items():
    external = external_models.add(
        access.operator(), name, "OPEN_AI", called, told["secret"], address + "/v1", team=team
    )
    Model.objects.create(project=row, key=name, name=name, external=external, is_attached=True)
within = ExternalModel.objects.filter(uses__project=row)
one, two, three = map(Decimal, told["prices"])
within.update(input_price=one, cached_input_price=two, output_price=three)
for key, (silence, total) in told["seconds"].items():
    within.filter(uses__key=key).update(silence_seconds=silence, total_seconds=total)
call_command("create_api_key", email=project + "@example.org", project=[project])
"""


@contextmanager
def demo_models() -> Iterator[str]:
    """`manage.py demo_upstream` in a process of its own; gives its address."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo_upstream", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    try:
        found = next(found for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


# A model that says what it is told to


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


Act = Callable[[Asked, socket.socket], None]


@dataclass
class Script:
    """A server for a model whose answer is `act`, to the byte. `asked` is what came, oldest first."""

    port: int
    act: Act
    asked: list[Asked] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, content: bytes, kind: str = "application/json", status: str = "200 OK", **headers: str) -> None:
        """It answers this from now on, whatever it is asked."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(content)}", *lines])
        self.act = lambda _, connection: connection.sendall(head.encode() + b"\r\n\r\n" + content)

    def streams(self, *pieces: bytes) -> None:
        self.act = lambda _, connection: stream(connection, *pieces, is_end=True)


def stream(connection: socket.socket, *pieces: bytes, is_end: bool = False) -> None:
    """Begin a stream of events, in chunks."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    send(connection, *pieces, is_end=is_end)


def send(connection: socket.socket, *pieces: bytes, is_end: bool = False) -> None:
    for piece in pieces:
        connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
    if is_end:
        connection.sendall(b"0\r\n\r\n")


def is_gone(connection: socket.socket, seconds: float) -> bool:
    """Whether who asked hung up within this time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@contextmanager
def scripted_model() -> Iterator[Script]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = Script(listener.getsockname()[1], lambda *_: None)
        threading.Thread(target=_listen, args=(listener, script), daemon=True).start()
        yield script
        listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, script: Script) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # closed
        threading.Thread(target=_serve, args=(connection, script), daemon=True).start()


def _serve(connection: socket.socket, script: Script) -> None:
    """One request, and then no more."""
    with connection, suppress(OSError):
        if (asked := _read(connection)) is not None:
            script.asked.append(asked)
            script.act(asked, connection)
            connection.shutdown(socket.SHUT_WR)


def _read(connection: socket.socket) -> Asked | None:
    with connection.makefile("rb") as file:
        opening = file.readline().decode("latin-1").split()
        if len(opening) < 2:
            return None
        headers: dict[str, str] = {}
        while line := file.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        content = file.read(int(headers.get("content-length", "0")))
    return Asked(opening[0], opening[1], headers, content)


# Streams of chat completions


def chunk(content: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": None} | fields
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_720_712_536, "choices": [choice]}


def event(value: Any) -> bytes:
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


DONE = event(b"[DONE]")


def events(content: bytes) -> list[Any]:
    """The values in the events of a stream, `[DONE]` as a text."""
    told = [line.removeprefix("data: ") for line in content.decode().split("\n") if line.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in told]


def text_of(content: bytes) -> str:
    """What a stream of a chat completion says, by its first choice."""
    chunks = [one for one in events(content) if isinstance(one, dict)]
    said = [one["choices"][0]["delta"].get("content") for one in chunks if one.get("choices")]
    return "".join(piece or "" for piece in said)
