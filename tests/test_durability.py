"""What was acknowledged is there, whole, whatever happens to the server afterwards.

Killing a process says nothing about power cuts: for those, `test_settings.py` looks at how the store is opened.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.conftest import ROOT, NewStore, manage, serving, wait_until_ready
from tests.postgres import free_port

WRITERS = 3
KILLS = 4
WRITES_BETWEEN_KILLS = 60


# In one process: starting one takes longer than what it does.
_FILL = """
from django.core.management import call_command
from interactions.models import FeedbackKey, Project
call_command("create_project", "{project}")
FeedbackKey.objects.create(project=Project.objects.get(key="{project}"), key="q", name="q")
call_command("create_api_key", email="w@example.org", project=["{project}"])
"""


@pytest.fixture
def store(new_store: NewStore, tmp_path: Path) -> tuple[dict[str, str], str, str]:
    """A store of its own (on PostgreSQL, a project of its own): its environment, a project, a key."""
    environment = new_store(tmp_path)
    project = f"durable-{secrets.token_hex(4)}"
    told = manage(environment, "shell", "--verbosity", "0", "--command", _FILL.format(project=project))
    return environment, project, told.splitlines()[-1]


def body(project: str, name: str) -> dict[str, Any]:
    return {
        "project": project,
        "messages": [{"role": "user", "content": f"prompt {name}"}],
        "completion": f"completion {name}",
        "labels": {"name": name},
        "feedbacks": [{"metric": "q", "value": 1}],
    }


class Ledger:
    """What clients were told is stored: the id by the name they gave."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, str] = {}
        self.refused: list[httpx.Response] = []
        self._grown = threading.Condition()

    def enter(self, name: str, answer: httpx.Response) -> None:
        with self._grown:
            if answer.status_code == 201:
                self.acknowledged[name] = answer.json()["completion_id"]
            else:
                self.refused.append(answer)
            self._grown.notify_all()

    def wait_for(self, more: int) -> None:
        with self._grown:
            goal = len(self.acknowledged) + more
            assert self._grown.wait_for(lambda: len(self.acknowledged) >= goal, timeout=60)


def writing(url: str, secret: str, project: str, ledger: Ledger, stop: threading.Event, writer: int) -> None:
    number = 0
    while not stop.is_set():
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client:
            try:
                while not stop.is_set():
                    number += 1
                    name = f"{writer}-{number}"
                    ledger.enter(name, client.post("/api/v1/interactions", json=body(project, name)))
            except httpx.TransportError:
                stop.wait(0.05)  # the server is away; what was in flight was not acknowledged


def with_writers(url: str, secret: str, project: str, ledger: Ledger, act: Callable[[], None]) -> None:
    stop = threading.Event()
    writers = [
        threading.Thread(target=writing, args=(url, secret, project, ledger, stop, number)) for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        act()
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def check(url: str, secret: str, project: str, ledger: Ledger) -> None:
    """Everything acknowledged is there, and nothing is there by halves."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client:
        found: dict[str, str] = {}
        link: str | None = f"/api/v1/interactions?project={project}&limit=1000"
        while link:
            page = client.get(link).raise_for_status().json()
            for row in page["interactions"]:
                name = row["labels"]["name"]
                assert (row["prompt_preview"], row["completion_preview"]) == (f"prompt {name}", f"completion {name}")
                assert [feedback["value"] for feedback in row["feedbacks"]] == [1.0]
                found[name] = row["id"]
            link = page["older"]
        assert {name: found.get(name) for name in ledger.acknowledged} == ledger.acknowledged
        for id in list(found.values())[:: max(1, len(found) // 50)]:
            document = client.get(f"/api/v1/interactions/{id}").raise_for_status().json()
            name = document["labels"]["name"]
            assert document["messages"] == body(project, name)["messages"]
            assert document["completion"] == f"completion {name}"
        for kind in ("prompt", "completion"):
            query = {"project": project, kind: f"{kind} ", "count": "yes", "limit": "1"}
            assert client.get("/api/v1/interactions", params=query).json()["count"] == len(found), (
                "a transcript is missing"
            )


def judging(url: str, secret: str, project: str, stop: threading.Event, chance: random.Random) -> None:
    """Records, judges, compares and deletes, whether or not the server is there."""
    kept: list[str] = []
    while not stop.is_set():
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client:
            try:
                while not stop.is_set():
                    kept.append(_act(client, project, kept, chance))
                    kept = [id for id in kept if id]
            except httpx.TransportError:
                stop.wait(0.05)


def _act(client: httpx.Client, project: str, kept: list[str], chance: random.Random) -> str:
    """The id of the interaction that was recorded, if one was."""
    if not kept or chance.random() < 0.5:
        told = body(project, f"{chance.randrange(5)}") | {"created_at": 1_790_000_000_000 + chance.randrange(10**9)}
        answer = client.post("/api/v1/interactions", json=told)
        return str(answer.json()["completion_id"]) if answer.status_code == 201 else ""
    one, other = chance.choice(kept), chance.choice(kept)
    kind = chance.randrange(4)
    if kind == 0 and one != other:
        sides = {"preferred_completion": one, "other_completion": other}
        client.post("/api/v1/comparison", json={"project": project, "metric": "q"} | sides)
    elif kind == 1:
        kept.remove(one)
        client.delete(f"/api/v1/interactions/{one}")
    else:
        client.post("/api/v1/feedback", json={"completion_id": one, "metric": "q", "value": chance.randrange(4)})
    return ""


def check_counts(url: str, secret: str, project: str) -> None:
    """What each process counts, by whatever filter, is what is listed."""
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30)
    rows: list[dict[str, Any]] = []
    link: str | None = f"/api/v1/interactions?project={project}&limit=1000"
    while link:
        page = client.get(link).raise_for_status().json()
        rows += page["interactions"]
        link = page["older"]
    client.close()
    assert len(rows) > 50
    for number in range(5):
        expected = sum(row["labels"].get("name") == f"{number}" for row in rows)
        assert counts(url, secret, project, label=f"name:{number}") == {expected}
        expected = sum(any(given["value"] == number for given in row["feedbacks"]) for row in rows)
        assert counts(url, secret, project, score=f"q:{number}") == {expected}
        assert counts(url, secret, project, not_score=f"q:{number}") == {len(rows) - expected}
    middle = sorted(row["created_at"] for row in rows)[len(rows) // 2]
    earlier = sum(row["created_at"] < middle for row in rows)
    assert counts(url, secret, project, until=middle) == {earlier}
    assert counts(url, secret, project, since=middle) == {len(rows) - earlier}


def counts(url: str, secret: str, project: str, **query: str) -> set[int]:
    """Asked by connections of their own, so that each of two processes is likely asked."""
    asked = {"project": project, "count": "yes", "limit": "1"} | query
    headers = {"Authorization": f"Bearer {secret}"}
    answers = [httpx.get(f"{url}/api/v1/interactions", params=asked, headers=headers, timeout=30) for _ in range(6)]
    return {answer.raise_for_status().json()["count"] for answer in answers}


def integrity(environment: dict[str, str]) -> str:
    if "DATABASE_URL" in environment:
        return "ok"
    ask = "cursor = c.cursor(); cursor.execute('PRAGMA integrity_check'); print(cursor.fetchone()[0])"
    ask = f"from django.db import connection as c; {ask}"
    return manage(environment, "shell", "--command", ask).splitlines()[-1]


def start(environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve"],
        env=environment | {"PORT": str(port)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until_ready(f"http://127.0.0.1:{port}", process)
    return process


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(store: tuple[dict[str, str], str, str]) -> None:
    environment, project, secret = store
    ledger, port = Ledger(), free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(environment, port)

    def kill_again_and_again() -> None:
        nonlocal process
        for _ in range(KILLS):
            ledger.wait_for(WRITES_BETWEEN_KILLS)
            os.killpg(process.pid, signal.SIGKILL)  # the supervisor and its worker
            process.wait()
            process = start(environment, port)
        ledger.wait_for(WRITES_BETWEEN_KILLS)

    try:
        with_writers(url, secret, project, ledger, kill_again_and_again)
        assert len(ledger.acknowledged) >= (KILLS + 1) * WRITES_BETWEEN_KILLS
        assert [(answer.status_code, answer.text) for answer in ledger.refused if answer.status_code != 503] == []
        check(url, secret, project, ledger)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
    assert integrity(environment) == "ok"


def workers_of(supervisor: int) -> list[int]:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
    named = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children.split()}
    return [pid for pid, command in named.items() if b"resource_tracker" not in command]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the worker through /proc")
def test_a_worker_that_dies_is_replaced_and_nothing_acknowledged_is_lost(
    store: tuple[dict[str, str], str, str],
) -> None:
    environment, project, secret = store
    ledger, port = Ledger(), free_port()
    url = f"http://127.0.0.1:{port}"
    process = start(environment, port)

    def kill_a_worker() -> None:
        ledger.wait_for(WRITES_BETWEEN_KILLS)
        (worker,) = workers_of(process.pid)
        os.kill(worker, signal.SIGKILL)
        ledger.wait_for(WRITES_BETWEEN_KILLS)
        assert worker not in workers_of(process.pid)

    try:
        with_writers(url, secret, project, ledger, kill_a_worker)
        check(url, secret, project, ledger)
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_two_processes_share_a_store_and_no_write_is_turned_away(store: tuple[dict[str, str], str, str]) -> None:
    environment, project, secret = store
    ledger = Ledger()
    with serving(environment | {"WORKERS": "2"}) as url:
        with_writers(url, secret, project, ledger, lambda: ledger.wait_for(400))
        assert ledger.refused == []
        check(url, secret, project, ledger)
        assert {len(storm(url, secret, project, n)) for n in range(10)} == {1}
    assert integrity(environment) == "ok"
    assert all(UUID(id).version == 7 for id in ledger.acknowledged.values())


def storm(url: str, secret: str, project: str, number: int) -> set[tuple[int, str]]:
    """The different answers to one request that eight callers, each by a connection of its own, repeat at once."""
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": f"storm {number}"}
    sent = body(project, f"storm-{number}")

    def send(_: int) -> tuple[int, str]:
        answer = httpx.post(f"{url}/api/v1/interactions", json=sent, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.status_code, answer.text

    with ThreadPoolExecutor(8) as threads:
        return set(threads.map(send, range(8)))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the worker through /proc")
def test_every_count_is_exact_on_two_processes_and_after_kills(store: tuple[dict[str, str], str, str]) -> None:
    environment, project, secret = store
    port, stop, ledger = free_port(), threading.Event(), Ledger()
    url = f"http://127.0.0.1:{port}"
    process = start(environment | {"WORKERS": "2"}, port)
    judges = [
        threading.Thread(target=judging, args=(url, secret, project, stop, random.Random(number)))
        for number in range(3)
    ]

    def kill_one_after_the_other() -> None:
        for _ in range(3):
            ledger.wait_for(WRITES_BETWEEN_KILLS // 2)
            workers = workers_of(process.pid)
            if workers:
                os.kill(workers[0], signal.SIGKILL)
        ledger.wait_for(WRITES_BETWEEN_KILLS // 2)

    try:
        for judge in judges:
            judge.start()
        with_writers(url, secret, project, ledger, kill_one_after_the_other)
        stop.set()
        for judge in judges:
            judge.join()
        check_counts(url, secret, project)
    finally:
        stop.set()
        process.terminate()
        process.wait(timeout=30)
