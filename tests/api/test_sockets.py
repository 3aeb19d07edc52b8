"""What only a real connection can do: lie about lengths, send no length at all, stop in the middle, hang up."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from interactions.bridge.server import Application
from tests.conftest import Server, interaction, manage, server_environment, serving

Door = tuple[str, str]  # a server's URL, and a key for its project `by-hand`
BODY = json.dumps(interaction(project="by-hand")).encode()


def door(environment: dict[str, str], url: str) -> Door:
    manage(environment, "shell", "--command", f"from interactions.models import Project; {MAKE_PROJECT}")
    return url, manage(environment, "create_api_key", "--email", "hand@example.org", "--project", "by-hand")


MAKE_PROJECT = "Project.objects.get_or_create(key='by-hand', defaults={'name': 'By hand'})"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server that takes 1 MB, and waits one second for a request."""
    environment = server_environment(tmp_path_factory.mktemp("strict"))
    environment |= {"MAX_REQUEST_MB": "1", "REQUEST_SECONDS": "1"}
    with serving(environment) as url:
        yield door(environment, url)


def head(secret: str, *lines: str) -> bytes:
    fixed = ["POST /api/v1/interactions HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {secret}"]
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


def connected(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=30)


def exchange(url: str, *pieces: bytes) -> tuple[int, Any]:
    """Send the pieces, and read what is answered until the server has said it all. (0, None) if it said nothing."""
    with connected(url) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass  # the server may have had enough
        heard = b""
        try:
            while not _is_whole(heard) and (more := connection.recv(65_536)):
                heard += more
        except ConnectionResetError:
            pass
    if not heard:
        return 0, None
    status, content = int(heard.split(None, 2)[1]), heard.partition(b"\r\n\r\n")[2]
    return status, json.loads(content) if content[:1] == b"{" else None


def _is_whole(heard: bytes) -> bool:
    length = re.search(rb"content-length: (\d+)", heard.lower())
    return length is not None and len(heard.partition(b"\r\n\r\n")[2]) >= int(length[1])


def by_hand(url: str, secret: str) -> int:
    """How many of these interactions are stored. Asking also shows that the server still works."""
    query = {"project": "by-hand", "count": "yes", "limit": "1"}
    answer = httpx.get(f"{url}/api/v1/interactions", params=query, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    return int(answer.json()["count"])


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_body_in_chunks_is_a_body(strict: Door) -> None:
    url, secret = strict
    before = by_hand(url, secret)
    pieces = [chunk(BODY[:10]), chunk(BODY[10:]), b"0\r\n\r\n"]
    status, answer = exchange(url, head(secret, "Transfer-Encoding: chunked"), *pieces)
    assert (status, set(answer)) == (201, {"completion_id", "session_id", "feedback_ids"})
    assert by_hand(url, secret) == before + 1


def test_too_long_a_body_is_refused_by_its_promise(strict: Door) -> None:
    url, secret = strict
    status, answer = exchange(url, head(secret, "Content-Length: 2000000"))
    assert status == 413
    assert answer["error"] == {
        "code": "too_large",
        "message": "The request has more than 1 MB. Send less at a time.",
        "field": None,
    }


def test_too_long_a_body_is_refused_though_it_never_said_its_length(strict: Door) -> None:
    url, secret = strict
    status, answer = exchange(url, head(secret, "Transfer-Encoding: chunked"), *[chunk(b" " * 100_000)] * 12)
    assert status == 413
    assert answer["error"]["code"] == "too_large"


def test_a_body_beyond_its_promised_length_is_cut_there(strict: Door) -> None:
    url, secret = strict
    before = by_hand(url, secret)
    status, answer = exchange(url, head(secret, f"Content-Length: {len(BODY) - 5}", "Connection: close"), BODY)
    assert status == 400
    assert "not valid JSON" in answer["error"]["message"]
    assert by_hand(url, secret) == before


def test_a_body_that_never_ends_is_given_up_in_time(strict: Door) -> None:
    url, secret = strict
    before = by_hand(url, secret)
    status, answer = exchange(url, head(secret, f"Content-Length: {len(BODY)}"), BODY[:-5])
    assert status == 408
    assert answer["error"]["message"] == "The request did not arrive within 1 s. Send it again, all at once."
    assert by_hand(url, secret) == before


@pytest.mark.parametrize("length", ["-1", "abc", "1, 2", "99999999999999999999999"])
def test_a_length_that_is_none_is_refused(strict: Door, length: str) -> None:
    url, secret = strict
    status, _ = exchange(url, head(secret, f"Content-Length: {length}"), BODY)
    assert status in (400, 413)
    assert by_hand(url, secret) >= 0


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/v1/%00 HTTP/1.1",
        "GET /api/v1/interactions?project=%FF%FE HTTP/1.1",
        "BREW /api/v1/interactions HTTP/1.1",
        "GET /api/v1/interactions HTTP/1.1\r\nAuthorization: Bearer \xff",
        "POST /api/v1/interactions HTTP/1.1\r\nContent-Type: \xe9",
    ],
)
def test_odd_requests_are_refused_and_do_no_harm(strict: Door, line: str) -> None:
    url, secret = strict
    status, _ = exchange(url, f"{line}\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))
    assert 400 <= status < 500
    assert by_hand(url, secret) >= 0


def test_a_request_for_another_host_is_refused(strict: Door) -> None:
    url, secret = strict
    answer = httpx.get(f"{url}/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert by_hand(url, secret) >= 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_for_another_host_is_refused_where_https_is_insisted_on(settings: Any, method: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["ours.example"]
    arriving: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if arriving:
            return arriving.pop()
        await asyncio.Event().wait()  # the caller does not hang up
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/api/v1/interactions", "query_string": b""}
    for host, status in ((b"evil.example", 400), (b"ours.example", 301)):
        sent.clear()
        arriving.append({"type": "http.request", "body": BODY, "more_body": False})
        asyncio.run(Application()(scope | {"headers": [(b"host", host)]}, receive, send))
        assert sent[0]["status"] == status
        if status == 400:
            assert json.loads(sent[1]["body"])["error"]["code"] == "bad_request"


def test_callers_that_hang_up_do_not_stop_later_writes(server: Server) -> None:
    """What had arrived whole is written, what had not is not, and the next caller is served."""
    url, secret = door(server.environment, server.url)
    before = by_hand(url, secret)
    for _ in range(20):
        for piece in (BODY, BODY[:-5], b""):
            with connected(url) as connection:
                connection.sendall(head(secret, f"Content-Length: {len(BODY)}") + piece)
    status, _ = exchange(url, head(secret, f"Content-Length: {len(BODY)}"), BODY)
    assert status == 201
    assert before + 1 <= by_hand(url, secret) <= before + 21
