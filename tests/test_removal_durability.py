"""Removing beside everything else that a server does, and after the server was killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.api.pictures import data_uri, picture, showing
from tests.conftest import manage, serving
from tests.postgres import free_port
from tests.test_durability import Ledger, body, check, integrity, start, store, with_writers

__all__ = ["store"]

Store = tuple[dict[str, str], str, str]
MANY = 3_000


def client(url: str, secret: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=60)


def fill(url: str, secret: str, project: str) -> None:
    doomed = [body(project, f"doomed {n}") | {"source": "DATASET"} for n in range(MANY)]
    with client(url, secret) as api:
        for first in range(0, MANY, 500):
            answer = api.post("/api/v1/interactions/batch", json={"interactions": doomed[first : first + 500]})
            assert all("completion_id" in result for result in answer.raise_for_status().json()["results"])


def count(url: str, secret: str, project: str) -> int:
    query = {"project": project, "source": "DATASET", "count": "yes", "limit": "1"}
    with client(url, secret) as api:
        return int(api.get("/api/v1/interactions", params=query).raise_for_status().json()["count"])


def ask_for_removal(environment: dict[str, str], project: str) -> None:
    ask = (
        "from interactions import conditions, finding, removal; from interactions.models import Project;"
        f"project = Project.objects.get(key='{project}'); wanted = conditions.SourceIn(('DATASET',));"
        "removal.request(project, 'interactions', finding.find(project, wanted).numbers(), wanted.describe())"
    )
    manage(environment, "shell", "--command", ask)


def waiting(environment: dict[str, str]) -> int:
    """The removals that are asked for and not done, while no server runs. Their workers are then taken for dead."""
    ask = (
        "from interactions import ids; from interactions.models import Removal;"
        "print(Removal.objects.filter(finished_at=None).update(worked_until=ids.now()))"
    )
    return int(manage(environment, "shell", "--command", ask).splitlines()[-1])


def wait_until(is_so: Callable[[], bool], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_while_a_removal_goes_on_no_write_is_turned_away_or_lost(store: Store) -> None:
    environment, project, secret = store
    ledger = Ledger()

    def remove() -> None:
        ledger.wait_for(20)
        ask_for_removal(environment, project)
        wait_until(lambda: count(url, secret, project) == 0)
        ledger.wait_for(20)

    with serving(environment | {"WORKERS": "2"}) as url:
        fill(url, secret, project)
        with_writers(url, secret, project, ledger, remove)
        assert ledger.refused == []
        check(url, secret, project, ledger)
    assert integrity(environment) == "ok"


def test_a_removal_goes_on_after_the_server_was_killed(store: Store) -> None:
    environment, project, secret = store
    port, ledger = free_port(), Ledger()
    url = f"http://127.0.0.1:{port}"
    process = start(environment, port)
    try:
        fill(url, secret, project)
        with client(url, secret) as api:
            for number in range(5):
                ledger.enter(f"kept {number}", api.post("/api/v1/interactions", json=body(project, f"kept {number}")))
        ask_for_removal(environment, project)
        wait_until(lambda: count(url, secret, project) < MANY)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert waiting(environment) == 1, "it was killed before the end"
        process = start(environment, port)
        wait_until(lambda: count(url, secret, project) == 0)
        check(url, secret, project, ledger)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
    assert integrity(environment) == "ok"


def test_the_same_picture_logged_and_deleted_by_many_at_once_is_never_lost(store: Store) -> None:
    """Two server processes; each caller logs it, looks at it, and deletes what it logged."""
    environment, project, secret = store
    part = {"type": "image_url", "image_url": data_uri(picture())}
    told = {"project": project, "messages": showing(part), "completion": "x"}
    seen = [0]

    def log_and_delete(_: int) -> None:
        with client(url, secret) as api:
            for _ in range(40):
                answer = api.post("/api/v1/interactions", json=told)
                if answer.status_code == 503:  # its file went meanwhile: the caller is told to send it again
                    continue
                assert answer.status_code == 201, answer.text
                place = f"/api/v1/interactions/{answer.json()['completion_id']}"
                document: dict[str, Any] = api.get(f"{place}?images=inline").raise_for_status().json()
                assert document["messages"] == told["messages"]
                seen[0] += 1
                while (deleted := api.delete(place)).status_code == 503:
                    pass  # another removal holds what it needs
                assert deleted.status_code == 204

    with serving(environment | {"WORKERS": "2"}) as url, ThreadPoolExecutor(4) as threads:
        list(threads.map(log_and_delete, range(4)))
        with client(url, secret) as api:
            kept = api.post("/api/v1/interactions", json=told).raise_for_status().json()["completion_id"]
            inline = api.get(f"/api/v1/interactions/{kept}?images=inline").raise_for_status().json()
            assert inline["messages"] == told["messages"]
            (file,) = (path for path in Path(environment["DATA_DIR"], "images").rglob("*") if path.is_file())
            assert file.read_bytes() == picture()
            assert api.delete(f"/api/v1/interactions/{kept}").status_code == 204
            assert not file.exists()
    assert seen[0] > 0
    assert integrity(environment) == "ok"
