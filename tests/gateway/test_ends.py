"""The server ends in the midst of calls, told to or not, and none is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.gateway.stage import Gateway, events, text_of, until

LONG = " ".join(f"word{n}" for n in range(200))


@pytest.fixture
def running(own_gateway: Gateway) -> Gateway:
    own_gateway.process.environment["STOP_SECONDS"] = "1"
    if not own_gateway.process.is_running():
        own_gateway.process.start()
    return own_gateway


class Reader:
    """A caller who reads a stream as far as the test wants."""

    def __init__(self, answer: httpx.Response) -> None:
        self.id = answer.headers["x-completion-id"]
        self.content = b""
        self._pieces = answer.iter_bytes()

    def until_it_says(self, word: str) -> None:
        while word not in text_of(self.content):
            self.content += next(self._pieces)

    def to_the_end(self) -> bytes:
        for piece in self._pieces:
            self.content += piece
        return self.content


@contextmanager
def begun(gateway: Gateway, content: str, **fields: object) -> Iterator[Reader]:
    with gateway.streaming(content, "patient", **fields) as answer:
        reader = Reader(answer)
        reader.until_it_says("You said: ")
        yield reader


def test_a_call_that_ends_soon_enough_ends_well_though_the_server_was_told_to_end(running: Gateway) -> None:
    with begun(running, "soon there [slow: 30ms]") as reader:
        running.process.terminate()
        told = reader.to_the_end()
    running.process.wait()
    assert events(told)[-1] == "[DONE]"
    running.process.start()
    document = running.document(reader.id)
    assert (document["state"], document["completion"]) == ("done", "You said: soon there")


def test_what_goes_on_for_too_long_is_stored_as_interrupted_as_far_as_it_came(running: Gateway) -> None:
    with begun(running, f"{LONG} [slow: 50ms]") as reader, begun(running, f"{LONG} [slow: 50ms]") as other:
        other_id = other.id
        running.process.terminate()
        told = reader.to_the_end()
    running.process.wait()
    assert events(told)[-1]["error"]["code"] == "interrupted"
    running.process.start()
    for id, heard in ((reader.id, text_of(told)), (other_id, "You said: ")):
        document = running.document(id)
        assert (document["state"], document["error_kind"]) == ("interrupted", "interrupted")
        assert document["completion"].startswith(heard)
        assert f"You said: {LONG}".startswith(document["completion"])
    assert running.document(reader.id)["completion"] == text_of(told)


def test_a_call_whose_caller_has_gone_is_stored_as_well_when_the_server_is_told_to_end(running: Gateway) -> None:
    with begun(running, "left alone [slow: 50ms]") as reader:
        pass
    running.process.terminate()
    running.process.wait()
    running.process.start()
    document = running.document(reader.id)
    assert (document["state"], document["completion"]) == ("cancelled", "You said: left alone")


def test_a_caller_who_never_reads_does_not_keep_the_server_from_ending(running: Gateway) -> None:
    with running.streaming("x [fault: endless]", "patient") as answer:
        running.process.terminate()
        running.process.wait()
    running.process.start()
    assert running.document(answer.headers["x-completion-id"])["state"] == "interrupted"


def test_while_the_server_ends_no_call_begins(running: Gateway) -> None:
    with begun(running, f"{LONG} [slow: 50ms]") as reader, httpx.Client(headers=running.headers) as client:
        asked = running.asked("too late", "patient")
        assert client.post(f"{running.v1}/chat/completions", json=asked).status_code == 200
        running.process.terminate()

        def told() -> str:
            try:
                answer = client.post(f"{running.v1}/chat/completions", json=asked)
            except httpx.TransportError:
                return "nobody is there"
            return str(answer.json().get("error", {}).get("code", ""))

        assert until(told) in ("unavailable", "nobody is there")
        reader.to_the_end()
    running.process.wait()


def test_the_calls_of_a_server_that_was_killed_are_interrupted_once_another_runs(running: Gateway) -> None:
    with begun(running, f"{LONG} [slow: 50ms]", labels={"kept": "yes"}) as reader:
        running.process.kill()
        with pytest.raises(httpx.TransportError):
            reader.to_the_end()
    running.process.start()
    document = running.ended(reader.id)
    assert (document["state"], document["error_kind"]) == ("interrupted", "interrupted")
    assert document["error"]["message"] == "The server ended while the answer was coming."
    assert document["messages"] == [{"role": "user", "content": f"{LONG} [slow: 50ms]"}]
    assert (document["completion"], document["labels"]) == ("", {"kept": "yes"})
    assert {row["state"] for row in running.rows()} <= {"done", "interrupted", "cancelled"}


def test_the_calls_of_a_worker_that_was_killed_are_interrupted_while_another_s_go_on(own_gateway: Gateway) -> None:
    own_gateway.process.end()
    own_gateway.process.environment |= {"WORKERS": "2", "STOP_SECONDS": "0"}
    own_gateway.process.start()
    with ExitStack() as opened:
        answers = [opened.enter_context(own_gateway.streaming(f"{LONG} [slow: 200ms]", "patient")) for _ in range(20)]
        readers = [Reader(answer) for answer in answers]
        os.kill(own_gateway.process.workers()[0], signal.SIGKILL)

        def interrupted() -> set[str]:
            return {row["id"] for row in own_gateway.rows(state="interrupted")} & {reader.id for reader in readers}

        lost = until(interrupted)
        assert len(lost) < len(readers)
        assert {row["id"] for row in own_gateway.rows(state="started")} == {reader.id for reader in readers} - lost
        own_gateway.process.terminate()
        for reader in readers:
            if reader.id in lost:
                with pytest.raises(httpx.TransportError):
                    reader.to_the_end()
            else:
                assert events(reader.to_the_end())[-1]["error"]["code"] == "interrupted"
    own_gateway.process.wait()
    del own_gateway.process.environment["WORKERS"]
