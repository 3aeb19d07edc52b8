"""Whatever a model's server does, the caller is told, and the store and the server's own ledger agree."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.gateway.stage import DONE, Asked, Gateway, Script, chunk, event, events, send, stream, text_of

# By what goes wrong: the status that the caller of a stream gets, the last event, and the state and the kind of error
# in the store. What is said in a stream comes as far as it goes.
STREAMED: dict[str, tuple[int, str, str, str | None]] = {
    "refuse": (502, "", "failed", "broken_off"),
    "silence": (504, "", "failed", "timeout"),
    "html": (500, "", "failed", "http_500"),
    "redirect": (502, "", "failed", "redirect"),
    "429": (429, "", "failed", "http_429"),
    "503": (503, "", "failed", "http_503"),
    "content-type": (200, "[DONE]", "done", None),
    "gzip": (200, "[DONE]", "done", None),
    "done-twice": (200, "[DONE]", "done", None),
    "badjson": (200, "[DONE]", "done", None),
    "huge": (200, "[DONE]", "done", None),
    "error": (200, "server_error", "failed", "upstream_error"),
    "half": (200, "broken_off", "failed", "broken_off"),
    "drop": (200, "broken_off", "failed", "broken_off"),
    "stall": (200, "timeout", "failed", "timeout"),
}
# The same without a stream. What is no JSON is refused; else what an endless answer says would never be known.
WHOLE: dict[str, tuple[int, str, str | None]] = {
    "refuse": (502, "failed", "broken_off"),
    "silence": (504, "failed", "timeout"),
    "html": (500, "failed", "http_500"),
    "redirect": (502, "failed", "redirect"),
    "429": (429, "failed", "http_429"),
    "content-type": (200, "done", None),
    "gzip": (200, "done", None),
    "huge": (200, "done", None),
    "badjson": (502, "failed", "bad_answer"),
    "half": (502, "failed", "broken_off"),
    "stall": (504, "failed", "timeout"),
}


@pytest.mark.parametrize("fault", STREAMED)
def test_what_goes_wrong_in_a_stream_is_told_and_stored_as_the_ledger_has_it(gateway: Gateway, fault: str) -> None:
    status, last, state, kind = STREAMED[fault]
    word = uuid4().hex
    with gateway.streaming(f"{word} one two three [fault: {fault}]") as answer:
        content = answer.read()
    assert answer.status_code == status
    document = gateway.ended(answer.headers["x-completion-id"])
    assert (document["state"], document["error_kind"]) == (state, kind)
    if status != 200:
        assert document["completion"] == ""
        return
    assert last_of(content) == last
    assert text_of_valid(content) == document["completion"]
    entry = gateway.ledger_of(word)
    assert entry["fault"] == fault
    if state == "done":
        assert entry["is_complete"]
        assert len(document["completion"]) == entry["length"]
        assert document["completion"].startswith(entry["text"])
    else:
        assert document["completion"].startswith("You said: ")
        assert not entry["is_complete"] or fault == "error"


def last_of(content: bytes) -> str:
    """`[DONE]`, or what kind of error it ends with."""
    told = [line[6:] for line in content.decode().split("\n") if line.startswith("data: ")][-1]
    if told == "[DONE]":
        return told
    error = json.loads(told)["error"]
    return str(error.get("code") or error["type"])


def text_of_valid(content: bytes) -> str:
    """Without what is no JSON."""
    return text_of(b"\n".join(line for line in content.split(b"\n") if not line.endswith(b'"content": "oo')))


@pytest.mark.parametrize("fault", WHOLE)
def test_what_goes_wrong_in_an_answer_is_told_and_stored_as_the_ledger_has_it(gateway: Gateway, fault: str) -> None:
    status, state, kind = WHOLE[fault]
    word = uuid4().hex
    answer = gateway.chat(f"{word} one two three [fault: {fault}]")
    assert answer.status_code == status
    document = gateway.of(answer)
    assert (document["state"], document["error_kind"]) == (state, kind)
    if state == "done":
        entry = gateway.ledger_of(word)
        assert answer.json()["choices"][0]["message"]["content"] == document["completion"]
        assert (entry["fault"], entry["is_complete"], entry["length"]) == (fault, True, len(document["completion"]))
    elif status not in (429, 500):
        assert answer.json()["error"]["code"] == kind
        assert document["completion"] == ""


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_answer_without_an_end_is_ended(gateway: Gateway, is_stream: bool) -> None:
    """By its time or by its size, whichever is first."""
    word = uuid4().hex
    answer = gateway.chat(f"{word} [fault: endless]", stream=is_stream)
    document = gateway.of(answer)
    assert document["state"] == "failed"
    assert document["error_kind"] in ("timeout", "too_large")
    assert not gateway.ledger_of(word)["is_complete"]
    if is_stream:
        assert last_of(answer.content) == document["error_kind"]
        assert document["completion"].startswith(text_of(answer.content))
    else:
        assert answer.json()["error"]["code"] == document["error_kind"]


def test_a_call_is_sent_once_whatever_comes_of_it(gateway: Gateway) -> None:
    """Another try is the caller's to make: this server cannot know what the first one did."""
    for fault in ("refuse", "500", "drop"):
        before = len(gateway.ledger())
        gateway.chat(f"once [fault: {fault}]")
        assert len(gateway.ledger()) == before + 1


def test_an_error_s_body_and_status_are_the_model_s_own(gateway: Gateway, script: Script) -> None:
    told = b'{"error": {"message": "Too many tokens", "type":"x", "code": null}}  '
    script.says(told, status="413 Content Too Large", Retry_After="7", Set_Cookie="a=b", X_Request_Id="r-1")
    answer = gateway.chat("Hello", "scripted")
    assert (answer.status_code, answer.content) == (413, told)
    assert (answer.headers["retry-after"], answer.headers["x-request-id"]) == ("7", "r-1")
    assert "set-cookie" not in answer.headers
    document = gateway.of(answer)
    assert document["error"] == {"kind": "http_413", "message": "Too many tokens"}


def test_a_page_of_html_is_passed_on_as_an_error_and_kept(gateway: Gateway, script: Script) -> None:
    page = b"<html><body>Bad gateway</body></html>"
    script.says(page, "text/html", "502 Bad Gateway")
    answer = gateway.chat("Hello", "scripted")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (502, page, "text/html")
    assert gateway.of(answer)["error"] == {"kind": "http_502", "message": page.decode()}


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_page_of_html_is_no_answer_though_its_status_says_so(
    gateway: Gateway, script: Script, is_stream: bool
) -> None:
    script.says(b"<html>Please sign in</html>", "text/html")
    answer = gateway.chat("Hello", "scripted", stream=is_stream)
    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/json")
    assert answer.json()["error"]["code"] == "bad_answer"
    document = gateway.of(answer)
    assert (document["state"], document["error_kind"], document["completion"]) == ("failed", "bad_answer", "")
    assert "<html>Please sign in</html>" in document["error"]["message"]


def test_a_stream_that_is_none_is_kept_as_it_came(gateway: Gateway, script: Script) -> None:
    script.says(b"Please sign in\n", "text/plain")
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert last_of(answer.content) == "cut_off"
    assert "Please sign in" in gateway.of(answer)["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b'"text"', b'{"a": ', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(gateway: Gateway, script: Script, content: bytes) -> None:
    script.says(content)
    answer = gateway.chat("Hello", "scripted")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "bad_answer")
    assert gateway.of(answer)["error_kind"] == "bad_answer"


def test_a_redirect_is_followed_nowhere(gateway: Gateway, script: Script) -> None:
    for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
        script.says(b"", status=status, Location=f"{script.address}/v1/elsewhere")
        assert gateway.chat("Hello", "scripted").json()["error"]["code"] == "redirect"
    assert {asked.path for asked in script.asked} == {"/v1/chat/completions"}
    assert len(script.asked) == 5


def test_a_server_that_is_not_there_is_told_as_such(gateway: Gateway) -> None:
    answer = gateway.chat("Hello", "absent")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "unreachable")
    assert gateway.of(answer)["error_kind"] == "unreachable"


def test_an_answer_that_was_packed_all_the_same_is_unpacked(gateway: Gateway, script: Script) -> None:
    whole = b'{"choices": [{"message": {"content": "packed"}}]}'
    script.says(gzip.compress(whole), Content_Encoding="gzip")
    answer = gateway.chat("Hello", "scripted")
    assert "content-encoding" not in answer.headers
    assert answer.json()["choices"][0]["message"]["content"] == "packed"
    assert gateway.of(answer)["completion"] == "packed"


def test_an_answer_that_unpacks_to_more_than_may_be_is_given_up(gateway: Gateway, script: Script) -> None:
    bomb = gzip.compress(b" " * (70 * 1024 * 1024), 9)
    script.says(bomb, Content_Encoding="gzip")
    answer = gateway.chat("Hello", "scripted")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "too_large")
    assert gateway.of(answer)["error_kind"] == "too_large"


def test_an_event_larger_than_any_answer_is_given_up(gateway: Gateway, script: Script) -> None:
    def act(_: Asked, connection: socket.socket) -> None:
        stream(connection, b"data: ")
        for _number in range(70):
            send(connection, b"x" * 1024 * 1024)

    script.act = act
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert last_of(answer.content) == "too_large"
    assert gateway.of(answer)["error_kind"] == "too_large"


def test_a_stream_that_ends_without_saying_so_is_cut_off(gateway: Gateway, script: Script) -> None:
    script.streams(event(chunk("Hal")))
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert last_of(answer.content) == "cut_off"
    document = gateway.of(answer)
    assert (document["state"], document["error_kind"], document["completion"]) == ("failed", "cut_off", "Hal")


def test_a_stream_whose_choices_are_finished_needs_no_done(gateway: Gateway, script: Script) -> None:
    script.streams(event(chunk("Whole")), event(chunk(finish_reason="stop")))
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert text_of(answer.content) == "Whole"
    assert gateway.of(answer)["state"] == "done"


def test_a_model_that_answers_a_stream_at_once_is_passed_on_so(gateway: Gateway, script: Script) -> None:
    script.says(b'{"choices": [{"message": {"content": "all of it"}}]}')
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["choices"][0]["message"]["content"] == "all of it"
    assert gateway.of(answer)["completion"] == "all of it"


ODD: dict[str, tuple[str, str]] = {
    "NUL": ("a\\u0000b", "a\x00b"),
    "an emoji": ("\\ud83d\\ude00", "😀"),
    "half an emoji": ("a\\ud83db", "a\ufffdb"),
    "the other half": ("a\\ude00b", "a\ufffdb"),
    "a line end": ("a\\u2028b", "a\u2028b"),
    "half an emoji in each of two chunks": ("\\ud83d|\\ude00", "😀"),
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("is_stream", [False, True])
def test_whatever_a_model_says_is_stored(gateway: Gateway, script: Script, what: str, is_stream: bool) -> None:
    written, stored = ODD[what]
    if is_stream:
        pieces = [
            b'{"choices": [{"index": 0, "delta": {"content": "%b"}}]}' % one.encode() for one in written.split("|")
        ]
        script.streams(*map(event, pieces), event(chunk(finish_reason="stop")), DONE)
    else:
        said = written.replace("|", "").encode()
        script.says(b'{"choices": [{"index": 0, "message": {"content": "%b"}}]}' % said)
    answer = gateway.chat("Hello", "scripted", stream=is_stream)
    for one in written.split("|"):
        assert one.encode() in answer.content
    document = gateway.of(answer)
    assert (document["state"], document["completion"]) == ("done", stored)


@pytest.mark.parametrize("number", ["1e400", "-1e999", "123456789012345678901234567890", "NaN", "1" * 5_000])
def test_numbers_that_no_column_holds_do_no_harm(gateway: Gateway, script: Script, number: str) -> None:
    script.says(
        b'{"choices": [{"message": {"content": "x"}, "score": %b}], "usage": {"prompt_tokens": %b}}'
        % (number.encode(), number.encode())
    )
    answer = gateway.chat("Hello", "scripted")
    document = gateway.of(answer)
    if answer.status_code == 200:
        assert (document["state"], document["completion"]) == ("done", "x")
        assert number.encode() in answer.content
    else:
        assert document["error_kind"] == "bad_answer"


Act = Callable[[Asked, socket.socket], Any]


def test_chunks_of_single_bytes_are_the_same_stream(gateway: Gateway, script: Script) -> None:
    whole = b": hi\r\n\r\n" + event(chunk("Grüße")) + event(chunk(finish_reason="stop")) + DONE
    script.streams(*(whole[n : n + 1] for n in range(len(whole))))
    answer = gateway.chat("Hello", "scripted", stream=True)
    assert answer.content.startswith(b": hi\r\n\r\n")
    assert events(answer.content)[-1] == "[DONE]"
    assert gateway.of(answer)["completion"] == "Grüße"
