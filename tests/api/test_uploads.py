"""Uploads in parts and downloads over REST, and a server that is killed while it makes a dataset."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import Client

from interactions import access, datasets
from interactions.models import Dataset, Project, Upload, User
from tests.conftest import Api, Server, manage
from tests.postgres import free_port
from tests.test_durability import start, store, workers_of

__all__ = ["store"]

RECORD = {"messages": [{"role": "user", "content": "Where is my order?"}], "completion": "On its way."}
LINE = json.dumps(RECORD).encode() + b"\n"
MB = 1024 * 1024


def begin(api: Api, parts: int = 1) -> str:
    body = {"content_type": "application/jsonl", "metadata": None, "total_parts_count": parts}
    response = api.post("upload/init", body)
    assert response.status_code == 200, response.content
    return str(response.json()["session_id"])


def send(api: Api, session: str, number: Any, content: bytes, **headers: str) -> Any:
    path = f"upload/part?session_id={session}&part_number={number}"
    return api.post(path, content, **({"Content_Type": "application/octet-stream"} | headers))


def abort(api: Api, session: str) -> Any:
    headers = {"Authorization": f"Bearer {api.secret}"}
    body = json.dumps({"session_id": session})
    return Client().delete("/api/v1/upload/abort", body, content_type="application/json", headers=headers)


def test_an_upload_is_begun_sent_asked_after_and_given_up(api: Api) -> None:
    session = begin(api, 3)
    for number in (3, 1):
        assert send(api, session, number, LINE).status_code == 200
    status = api.post("upload/status", {"session_id": session})
    assert status.json() == {"completed_parts": [1, 3], "total_parts_count": 3}
    assert abort(api, session).status_code == 200
    assert not Upload.objects.exists()
    assert abort(api, session).status_code == 404
    assert send(api, session, 2, LINE).status_code == 404


@pytest.mark.parametrize("number", ["", "0", "2", "-1", "1.5", "x", "9" * 30, "²"])
def test_a_part_that_is_none_of_the_upload_is_refused(api: Api, number: str) -> None:
    response = send(api, begin(api), number, LINE)
    assert (response.status_code, response.json()["error"]["field"]) == (422, "part_number")


def test_what_begins_an_upload_may_be_packed(api: Api) -> None:
    body = gzip.compress(b'{"total_parts_count": 2}')
    assert api.post("upload/init", body, Content_Encoding="gzip").status_code == 200


def test_what_is_no_upload_is_refused(api: Api) -> None:
    assert send(api, str(uuid4()), 1, LINE).status_code == 404
    assert send(api, "nonsense", 1, LINE).status_code == 404
    assert send(api, begin(api), 1, LINE, Content_Encoding="gzip").status_code == 415
    assert api.post("upload/status", {"session_id": 1}).status_code == 422
    assert api.post("upload/status", b"{").status_code == 400
    assert api.post("upload/status", b"").status_code == 400
    assert api.post("upload/status", {"session_id": "x"}, Content_Type="text/plain").status_code == 415
    for body in ({}, {"total_parts_count": 0}, {"total_parts_count": 10_001}, {"total_parts_count": "1"}):
        assert api.post("upload/init", body).status_code == 422


def test_uploads_are_for_those_who_may_manage_datasets(vic: User, project: Project) -> None:
    looker = Api(access.issue_key(vic, [project]).secret)
    for response in (
        looker.post("upload/init", {"total_parts_count": 1}),
        send(looker, str(uuid4()), 1, LINE),
        looker.post("upload/status", {"session_id": str(uuid4())}),
        abort(looker, str(uuid4())),
    ):
        assert response.status_code == 403
        assert "dataset:manage" in response.json()["error"]["message"]


def test_a_dataset_is_downloaded_as_it_came_or_processed(api: Api, ann: User, project: Project) -> None:
    content = json.dumps(RECORD | {"labels": [["env", "prod"]]}).encode() + b"\r\n"
    dataset = datasets.create(access.caller_of(ann), "support", "D", "d", [content])
    for place in (f"support/datasets/{dataset.uid}", f"{project.uid}/datasets/d"):
        response = api.get(f"projects/{place}/download?format=original")
        assert response["Content-Type"] == "application/x-ndjson"
        assert response["Content-Disposition"] == 'attachment; filename="d.jsonl"'
        assert b"".join(response.streaming_content) == content
    recipe = b"".join(api.get("projects/support/datasets/d/download?format=recipe").streaming_content)
    assert json.loads(recipe)["labels"] == {"env": "prod"}


def test_a_download_that_cannot_be_is_refused(api: Api, ann: User, project: Project, foreign: Project) -> None:
    caller = access.caller_of(ann)
    datasets.create(caller, "support", "D", "d", [LINE])
    assert api.get("projects/support/datasets/d/download?format=csv").status_code == 422
    assert api.get("projects/support/datasets/e/download").status_code == 404
    assert api.get("projects/secret/datasets/d/download").status_code == 404
    Dataset.objects.update(state="PENDING")
    assert api.get("projects/support/datasets/d/download").status_code == 409


# Through a real server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {server.secret}", "User-Agent": "adaptive_sdk/0.14.2"}
    with httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, timeout=90) as client:
        yield client


def upload(client: httpx.Client, content: bytes, size: int = 5 * MB) -> str:
    """As the SDK does it, up to the mutation."""
    parts = [content[first : first + size] for first in range(0, len(content), size)]
    body = {"content_type": "application/jsonl", "metadata": None, "total_parts_count": len(parts)}
    session: str = client.post("/upload/init", json=body).raise_for_status().json()["session_id"]
    for number, part in enumerate(parts, start=1):
        client.post(
            "/upload/part",
            params={"session_id": session, "part_number": number},
            content=part,
            headers={"Content-Type": "application/octet-stream"},
        ).raise_for_status()
    return session


_MAKE = """
import time
from interactions import access, datasets
from interactions.models import Dataset, User
caller = access.caller_of(User.objects.get(email="{email}"))
made = datasets.create_from_upload(caller, "{project}", "Uploaded", None, "{session}")
while True:
    made.refresh_from_db()
    if {until}: break
    time.sleep(0.02)
print(made.uid, made.state, made.records, made.error)
"""


def make(environment: dict[str, str], email: str, project: str, session: str, until: str) -> list[str]:
    """Make a dataset of an upload in another process, and wait there. The dataset's uid, state and records."""
    code = _MAKE.format(email=email, project=project, session=session, until=until)
    return manage(environment, "shell", "--command", code).splitlines()[-1].split()


def test_12_mb_come_in_parts_and_are_given_back_byte_for_byte(server: Server, client: httpx.Client) -> None:
    line = json.dumps(RECORD | {"metadata": {"x": random.Random(1).randbytes(500).hex()}}).encode() + b"\n"
    content = line * (12 * MB // len(line))
    session = upload(client, content)
    assert client.post("/upload/status", json={"session_id": session}).json() == {
        "completed_parts": [1, 2, 3],
        "total_parts_count": 3,
    }
    uid, state, records = make(server.environment, server.email, "demo", session, "made.state != 'PENDING'")
    assert (state, int(records)) == ("DONE", content.count(b"\n"))
    answer = client.get(f"/projects/demo/datasets/{uid}/download", params={"format": "original"}).raise_for_status()
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.content == content
    assert client.post("/upload/status", json={"session_id": session}).status_code == 404


def promised(url: str, secret: str, path: str, length: int) -> int:
    """The status of a request that says how long its body will be, before any of that is sent."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", f"/api/v1{path}")
    for name, value in (("Authorization", f"Bearer {secret}"), ("Content-Length", str(length))):
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_a_part_may_be_larger_than_other_requests(server: Server) -> None:
    part = "/upload/part?session_id=x&part_number=1"
    assert promised(server.url, server.secret, part, 101 * MB) == 413
    assert promised(server.url, server.secret, "/upload/init", 65 * MB) == 413
    assert promised(server.url, server.secret, "/interactions", 65 * MB) == 413


def most_memory(process: int) -> int:
    """In bytes, of the worker that used the most, up to now."""
    said = [Path(f"/proc/{pid}/status").read_text() for pid in workers_of(process)]
    return max(int(status.partition("VmHWM:")[2].split()[0]) for status in said) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads the worker's memory in /proc")
def test_a_large_part_goes_through_little_memory(store: tuple[dict[str, str], str, str]) -> None:
    environment, _, secret = store
    port = free_port()
    process = start(environment, port)
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=90) as client:
            session = upload(client, LINE)
            before = most_memory(process.pid)
            place = f"/upload/part?session_id={session}&part_number=1"
            sent = client.post(place, content=(b"x" * MB for _ in range(90)))
            assert (sent.status_code, sent.json()) == (200, {"part_number": 1})
            (file,) = Path(environment["DATA_DIR"], "uploads", session).iterdir()
            assert file.stat().st_size == 90 * MB
            assert most_memory(process.pid) - before < 30 * MB
            body = json.dumps({"session_id": session})
            client.request("DELETE", "/upload/abort", content=body, headers=JSON).raise_for_status()
            assert not file.exists()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


JSON = {"Content-Type": "application/json"}


def test_a_dataset_that_was_being_made_when_the_server_was_killed_is_made_by_the_next(
    store: tuple[dict[str, str], str, str],
) -> None:
    environment, project, secret = store
    content = LINE * (60 * MB // len(LINE))
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/v1"
    process = start(environment, port)
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=90) as client:
            session = upload(client, content)
        uid, state, *_ = make(environment, "w@example.org", project, session, "made.progress > 0.1")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        look = f"from interactions.models import Dataset; made = Dataset.objects.get(uid='{uid}'); "
        later = "; Dataset.objects.filter(pk=made.pk).update(worked_until=ids.now())"  # so it is taken for dead
        wait = "while made.state == 'PENDING':\n    __import__('time').sleep(0.05)\n    made.refresh_from_db()\n"
        say = "print(made.state, made.records, made.upload_id, made.worker)"
        assert state == "PENDING"
        told = manage(environment, "shell", "--command", f"from interactions import ids; {look}{say}{later}")
        assert told.splitlines()[-1].startswith("PENDING None")
        process = start(environment, port)
        told = manage(environment, "shell", "--command", f"{look}\n{wait}{say}")
        assert told.splitlines()[-1].split() == ["DONE", str(content.count(b"\n")), "None"]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=90) as client:
            answer = client.get(f"/projects/{project}/datasets/{uid}/download").raise_for_status()
            assert answer.content == content
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
    assert not any(Path(environment["DATA_DIR"], "uploads").iterdir())
