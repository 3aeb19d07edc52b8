"""People, projects and keys that the tests are about, and a real server for those that need one."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.test import Client
from whitenoise.middleware import WhiteNoiseMiddleware

from interactions import access, bridge, choices, ingest, people
from interactions.bridge import callers, threads, writer
from interactions.gateway import routes, upstream
from interactions.ingest import vocabulary
from interactions.models import FeedbackKey, Project, User
from tests.postgres import free_port

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    """Under the test client everything runs on the test's own connection, so that it is rolled back afterwards.

    The threads themselves are tested through a real server (`server`).
    """
    vocabulary.forget()
    callers._callers.clear()
    choices._known.clear()
    routes._known.clear()
    for session in upstream._sessions.values():
        session.detach()  # its loop has ended, and with that its connections
    upstream._sessions.clear()
    monkeypatch.setattr(bridge, "on_loop", async_to_sync(_awaited))
    monkeypatch.setattr(threads, "_run", lambda act, *arguments: sync_to_async(act)(*arguments))
    monkeypatch.setattr(writer, "_submit", sync_to_async(lambda request: ingest.commit([request])[0]))
    settings.DATA_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "images"}},
    }


async def _awaited(work: Any) -> Any:
    """What goes on after it, such as reading a model's answer, ends with it."""
    return await work


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """A password of the tests' own guards nothing, and a good hash of one takes longer than most tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once() -> Iterator[None]:
    """Each of Django's test clients has middleware of its own, which would look for all static files each time."""
    found: dict[str, Any] = {}
    find = WhiteNoiseMiddleware.add_files_from_finders

    def find_once(self: WhiteNoiseMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


# People and projects


@pytest.fixture
def project(db: None) -> Project:
    project = Project.objects.create(key="support", name="Support")
    FeedbackKey.objects.create(project=project, key="thumbs", name="Thumbs", kind="bool")
    FeedbackKey.objects.create(project=project, key="quality", name="Quality", kind="scalar")
    return project


@pytest.fixture
def foreign(db: None) -> Project:
    """A project that none of the people below belongs to."""
    project = Project.objects.create(key="secret", name="Secret")
    FeedbackKey.objects.create(project=project, key="thumbs", name="Thumbs", kind="bool")
    return project


@pytest.fixture
def ann(project: Project) -> User:
    """A member of the project."""
    user = User.objects.create_user("ann@example.org", "correct horse", name="Ann")
    people.belong(user, project)
    return user


@pytest.fixture
def vic(project: Project) -> User:
    """May look at the project, and no more."""
    user = User.objects.create_user("vic@example.org", "correct horse", name="Vic")
    people.belong(user, project, "read-only")
    return user


# The API under the test client


@dataclass
class Api:
    """Calls the REST API as one caller."""

    secret: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {"Authorization": f"Bearer {self.secret}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = named.pop("Content-Type", "application/json")
        extra: dict[str, Any] = {"data": content, "content_type": kind} if method == "POST" else {}
        return getattr(Client(), method.lower())(f"/api/v1/{path}", headers=named, **extra)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def log(self, **fields: Any) -> dict[str, Any]:
        """Log an interaction that differs from a plain one in `fields`, and expect that to succeed."""
        response = self.post("interactions", interaction(**fields))
        assert response.status_code == 201, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to a GraphQL request: `data`, and `errors` where there are some."""
        return self.send_graphql({"query": query, "variables": variables})

    def send_graphql(self, body: dict[str, Any]) -> dict[str, Any]:
        named = {"Authorization": f"Bearer {self.secret}"}
        response = Client().post("/api/graphql", body, content_type="application/json", headers=named)
        assert response.status_code == 200, response.content
        answer: dict[str, Any] = response.json()
        return answer

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL request that is expected to succeed."""
        answer = self.graphql(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


def interaction(**fields: Any) -> dict[str, Any]:
    """The body of a plain interaction, with `fields` in place of its own."""
    plain = {
        "project": "support",
        "messages": [{"role": "user", "content": "Where is my order?"}],
        "completion": "It left our warehouse this morning.",
    }
    return plain | fields


@pytest.fixture
def api(ann: User, project: Project) -> Api:
    return Api(access.issue_key(ann, [project]).secret)


# A real server

NewStore = Callable[[Path], dict[str, str]]


@dataclass(frozen=True)
class Server:
    """A server of its own process and store. `secret` is an API key for the project `demo`."""

    url: str
    secret: str
    email: str
    password: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        return manage(self.environment, *arguments)


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """`manage.py serve` in a process of its own, ended when the block ends. Yields its URL."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve"],
        env=environment | {"PORT": str(port)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} did not become ready in {seconds} s")


def server_environment(data_dir: Path) -> dict[str, str]:
    """The tests' own database server, if they run on one, with a store that is not the tests' own; else SQLite."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DATABASE_URL") if name in os.environ}
    return kept | {"DATA_DIR": str(data_dir), "SECRET_KEY": secrets.token_hex(32), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> NewStore:
    """Makes an empty store in a directory, and gives its environment. On PostgreSQL all of them share one database."""
    migrated = tmp_path_factory.mktemp("migrated")
    manage(server_environment(migrated), "migrate", "--verbosity", "0")

    def make(directory: Path) -> dict[str, str]:
        shutil.copytree(migrated, directory, dirs_exist_ok=True)
        return server_environment(directory)

    return make


@pytest.fixture(scope="session")
def server(new_store: NewStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = new_store(tmp_path_factory.mktemp("server"))
    manage(environment, "load_demo", "--count", "400")
    secret = manage(environment, "create_api_key", "--email", "demo@example.org", "--project", "demo")
    password = secrets.token_urlsafe(12)
    change = (
        f"user = User.objects.get(email='demo@example.org'); user.set_password({password!r}); user.is_superuser = True"
    )
    manage(environment, "shell", "--command", f"from interactions.models import User; {change}; user.save()")
    with serving(environment) as url:
        yield Server(url, secret, "demo@example.org", password, environment)
