"""Callers who hang up, read slowly or not at all: the answer is read to its end all the same, and kept."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.gateway.stage import (
    DONE,
    Asked,
    Gateway,
    Script,
    chunk,
    event,
    events,
    is_gone,
    send,
    stream,
    text_of,
    until,
)


@pytest.fixture
def word() -> str:
    return uuid4().hex


def connected(gateway: Gateway, body: Any, receive_buffer: int = 0) -> socket.socket:
    """A caller by hand, who has sent this."""
    address = urlsplit(gateway.url)
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect((address.hostname, address.port))
    content = json.dumps(body).encode()
    head = [
        "POST /api/v1/chat/completions HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {gateway.key}",
        "Content-Type: application/json", f"Content-Length: {len(content)}", "", "",
    ]  # fmt: skip
    connection.sendall("\r\n".join(head).encode() + content)
    return connection


def the_only(gateway: Gateway, word: str, state: str) -> dict[str, Any]:
    """The call whose prompt holds the word, once it is in that state."""
    rows: list[dict[str, Any]] = until(lambda: gateway.rows(prompt=word, state=state))
    (row,) = rows
    return gateway.document(row["id"])


def test_who_hangs_up_before_all_was_sent_makes_no_call(gateway: Gateway, word: str) -> None:
    before, address = len(gateway.rows()), urlsplit(gateway.url)
    for piece in (b"", b'{"model": "'):
        with socket.create_connection((address.hostname or "", address.port or 0)) as cut:
            cut.sendall(
                b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + gateway.key.encode() + b"\r\nContent-Length: 1000\r\n\r\n" + piece
            )
    assert gateway.chat(word).status_code == 200
    assert len(gateway.rows()) == before + 1


@pytest.mark.parametrize("is_stream", [False, True])
def test_who_hangs_up_before_anything_came_gets_the_answer_kept(gateway: Gateway, word: str, is_stream: bool) -> None:
    connection = connected(gateway, gateway.asked(f"{word} one two [slow: 200ms]", "patient", stream=is_stream))
    the_only(gateway, word, "started")
    connection.close()
    document = the_only(gateway, word, "cancelled")
    assert document["completion"] == f"You said: {word} one two"
    assert document["usage"]["completion_tokens"] == 5
    assert until(lambda: gateway.ledger_of(word)["is_complete"])


def test_who_hangs_up_in_the_midst_gets_the_rest_kept(gateway: Gateway, word: str) -> None:
    with gateway.streaming(f"{word} one two three four [slow: 50ms]", "patient") as answer:
        heard = b""
        for piece in answer.iter_bytes():
            heard += piece
            if word in text_of(heard):
                break
    document = gateway.ended(answer.headers["x-completion-id"])
    assert (document["state"], document["completion"]) == ("cancelled", f"You said: {word} one two three four")
    assert document["finish_reason"] == "stop"
    assert document["usage"] == {"prompt_tokens": 7, "completion_tokens": 7, "total_tokens": 14}
    assert until(lambda: gateway.ledger_of(word)["is_complete"])


def test_who_hangs_up_with_the_whole_answer_had_it(gateway: Gateway, word: str) -> None:
    connection = connected(gateway, gateway.asked(word, stream=True))
    heard = b""
    while b"[DONE]" not in heard:
        heard += connection.recv(65_536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # with a reset
    connection.close()
    assert the_only(gateway, word, "done")["completion"] == f"You said: {word}"


def test_what_goes_wrong_after_the_caller_left_is_kept_as_such(gateway: Gateway, word: str) -> None:
    with gateway.streaming(f"{word} one two three four [fault: drop] [slow: 100ms]", "patient") as answer:
        next(answer.iter_bytes())
    document = gateway.ended(answer.headers["x-completion-id"])
    assert (document["state"], document["error_kind"]) == ("failed", "broken_off")
    assert f"You said: {word} one two three four".startswith(document["completion"])


def test_the_end_is_in_the_store_before_it_is_told(gateway: Gateway) -> None:
    for number in range(20):
        with gateway.streaming(f"number {number}") as answer:
            for piece in answer.iter_bytes():
                if b"[DONE]" in piece:
                    assert gateway.of(answer)["state"] == "done"
                    break


def test_nothing_goes_to_the_model_before_the_call_is_in_the_store(gateway: Gateway, script: Script) -> None:
    """The model itself looks into the store when it is asked."""
    seen: list[str] = []

    def act(asked: Asked, connection: socket.socket) -> None:
        word = asked.body["messages"][0]["content"]
        seen.extend(row["state"] for row in gateway.rows(prompt=word))
        stream(connection, event(chunk("Hi", finish_reason="stop")), DONE, is_end=True)

    script.act = act
    for _ in range(5):
        gateway.chat(uuid4().hex, "scripted", stream=True)
    assert seen == ["started"] * 5


def long_stream(script: Script, megabytes: int) -> threading.Event:
    """A model that says so much, as fast as it is read; the event is set when all is sent."""
    sent = threading.Event()

    def act(_: Asked, connection: socket.socket) -> None:
        stream(connection)
        for number in range(megabytes * 16):
            send(connection, event(chunk(f"{number:08d}" + "x" * 65_000)))
        send(connection, event(chunk(finish_reason="stop")), DONE, is_end=True)
        sent.set()

    script.act = act
    return sent


def test_a_slow_reader_gets_every_byte(gateway: Gateway, script: Script, word: str) -> None:
    long_stream(script, 8)
    connection = connected(gateway, gateway.asked(word, "scripted", stream=True), receive_buffer=4_096)
    heard = bytearray()
    while b"data: [DONE]" not in heard[-200:]:
        heard += connection.recv(20_000)
    connection.close()
    numbers = [int(text[:8]) for text in bytes(heard).decode().split('"content": "')[1:]]
    assert numbers == list(range(128))
    document = the_only(gateway, word, "done")
    assert len(document["completion"]) == 128 * 65_008


def test_who_never_reads_is_left_behind_and_the_answer_kept(gateway: Gateway, script: Script, word: str) -> None:
    sent = long_stream(script, 30)
    connection = connected(gateway, gateway.asked(word, "scripted", stream=True), receive_buffer=4_096)
    document = the_only(gateway, word, "cancelled")
    assert sent.is_set()
    assert len(document["completion"]) == 30 * 16 * 65_008
    heard = bytearray()
    while piece := connection.recv(65_536):
        heard += piece
        if b'"not_read"' in heard[-500:]:
            break
    assert b"[DONE]" not in heard
    assert b'"not_read"' in heard
    assert len(heard) < 25 * 1024 * 1024
    connection.close()


def test_many_who_hang_up_leave_no_connection_behind(gateway: Gateway, script: Script) -> None:
    """The model's server is read to the end, not cut off; and what was used for it is free again."""
    gone: list[bool] = []
    have_left = threading.Event()

    def act(_: Asked, connection: socket.socket) -> None:
        stream(connection, event(chunk("a")))
        have_left.wait(30)
        gone.append(is_gone(connection, 0.2))
        send(connection, event(chunk("b", finish_reason="stop")), DONE, is_end=True)

    script.act = act
    words = [uuid4().hex for _ in range(20)]
    connections = [connected(gateway, gateway.asked(word, "unhurried", stream=True)) for word in words]
    until(lambda: len(script.asked) == 20)
    for connection in connections[:19]:
        connection.close()
    have_left.set()
    for word in words[:19]:
        document = the_only(gateway, word, "cancelled")
        assert document["completion"] == "ab"
    assert the_only(gateway, words[19], "done")["completion"] == "ab"
    connections[19].close()
    assert gone == [False] * 20


@pytest.fixture
def plain(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.v1, headers=gateway.headers, timeout=30) as client:
        yield client


def test_one_connection_takes_call_after_call(gateway: Gateway, plain: httpx.Client) -> None:
    for number in range(10):
        answer = plain.post("/chat/completions", json=gateway.asked(f"{number}", stream=bool(number % 2)))
        assert f"{number}" in answer.text
        if number % 2:
            assert events(answer.content)[-1] == "[DONE]"
