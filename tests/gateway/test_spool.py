"""While the store is away, answers go on, and what there is to write waits on the disk, in its order."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.pictures import data_uri, picture
from tests.gateway.outage import Store, gateway_on, restarting_store, store
from tests.gateway.stage import Gateway, text_of, until


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with store(tmp_path_factory.mktemp("spool")) as made:
        yield made


@pytest.fixture(scope="module")
def calls(stored: Store, demo: str, scripted: str) -> Iterator[Gateway]:
    stored.environment["SPOOL_MB"] = "1"
    with gateway_on(stored, demo, scripted) as made:
        yield made


def spool(gateway: Gateway) -> list[Path]:
    place = Path(gateway.process.environment["DATA_DIR"]) / "spool"
    return sorted(path for path in place.glob("*") if path.suffix in (".json", ".part"))


def refused(gateway: Gateway) -> list[Path]:
    return list((Path(gateway.process.environment["DATA_DIR"]) / "spool" / "refused").glob("*"))


def until_drained(gateway: Gateway) -> None:
    until(lambda: not spool(gateway))


def until_there(gateway: Gateway) -> None:
    """Until the server has noticed that its store is there, and calls go straight to it."""

    def is_there() -> bool:
        answer = gateway.chat("Are you there?")
        rows = httpx.get(f"{gateway.v1}/interactions/{answer.headers['x-completion-id']}", headers=gateway.headers)
        return rows.status_code == 200 and not spool(gateway)

    until(is_there)


@pytest.fixture(autouse=True)
def _there(calls: Gateway, stored: Store) -> Iterator[None]:
    """Whatever became of the test before."""
    until_there(calls)
    yield
    stored.come_back()


def test_a_call_that_begins_and_ends_while_the_store_is_away_is_all_there_afterwards(
    calls: Gateway, stored: Store
) -> None:
    session, word = uuid4(), uuid4().hex
    content = [
        {"type": "text", "text": f"{word} \x00 😀"},
        {"type": "image_url", "image_url": {"url": data_uri(picture(color="red"))}},
    ]
    told: dict[str, Any] = {"labels": {"env": "away"}, "session_id": str(session), "temperature": 0.5}
    with stored.away():
        streamed = calls.chat(word, stream=True)
        whole = calls.chat(content, **told)
        failed = calls.chat(f"{word} [fault: 500]")
        secret = calls.chat(uuid4().hex, store=False)
        assert [whole.status_code, streamed.status_code, failed.status_code, secret.status_code] == [200, 200, 500, 200]
        assert text_of(streamed.content) == f"You said: {word}"
        assert len(spool(calls)) == 8
    until_drained(calls)
    document = calls.document(whole.headers["x-completion-id"], images="inline")
    assert (document["state"], document["completion"]) == ("done", whole.json()["choices"][0]["message"]["content"])
    assert document["messages"] == [{"role": "user", "content": content}]
    assert (document["labels"], document["session_id"]) == ({"env": "away"}, str(session))
    assert document["parameters"] == {"temperature": 0.5}
    assert document["usage"]["completion_tokens"] > 5
    assert document["cost"] > 0
    assert (calls.of(streamed)["state"], calls.of(streamed)["completion"]) == ("done", f"You said: {word}")
    assert calls.of(failed)["error"] == {"kind": "http_500", "message": "The demo answers 500."}
    assert (calls.of(secret)["texts_removed"], calls.of(secret)["usage"]["total_tokens"]) == (True, 4)
    assert calls.rows(label="env:away", prompt=word)[0]["image_count"] == 1
    assert refused(calls) == []


def test_nothing_of_what_is_not_to_be_kept_lies_in_the_spool(calls: Gateway, stored: Store) -> None:
    word = uuid4().hex
    with stored.away():
        assert calls.chat(word, store=False).status_code == 200
        waiting = [path.read_bytes() for path in spool(calls)]
    assert len(waiting) == 2
    assert [content for content in waiting if word.encode() in content] == []
    until_drained(calls)


def test_a_call_that_ends_while_the_store_is_away_is_done_for_the_caller_and_then_in_the_store(
    calls: Gateway, stored: Store
) -> None:
    with calls.streaming("one two three [slow: 200ms]", "patient") as answer:
        stored.leave()
        told = answer.read()
    assert text_of(told) == "You said: one two three"
    assert len(spool(calls)) == 1
    stored.come_back()
    until_drained(calls)
    assert (calls.of(answer)["state"], calls.of(answer)["completion"]) == ("done", "You said: one two three")


def test_a_call_that_began_while_the_store_was_away_ends_after_it_came_back(calls: Gateway, stored: Store) -> None:
    stored.leave()
    with calls.streaming("one two three four [slow: 500ms]", "patient") as answer:
        assert len(spool(calls)) == 1
        stored.come_back()
        until_drained(calls)
        assert calls.of(answer)["state"] == "started"
        told = answer.read()
    until_drained(calls)
    assert (calls.ended(answer.headers["x-completion-id"])["completion"]) == text_of(told)


def test_what_waits_survives_the_server(calls: Gateway, stored: Store) -> None:
    stored.leave()
    word = uuid4().hex
    whole = calls.chat(word)
    with calls.streaming("one two three four [slow: 500ms]", "patient") as cut:
        calls.process.kill()
    assert len(spool(calls)) == 3
    # What was torn by the end of the machine, or is from another time, holds up nothing that comes after it.
    place = spool(calls)[0].parent
    (place / "00000000000000000001-0000000001-0000000001.json").write_bytes(b'{"id": "torn')
    (place / "00000000000000000001-0000000001-0000000002.json").write_bytes(b'{"id": 1, "other": {}}')
    stored.come_back()
    calls.process.start()
    until_drained(calls)
    assert (calls.of(whole)["state"], calls.of(whole)["completion"]) == ("done", f"You said: {word}")
    assert calls.ended(cut.headers["x-completion-id"])["state"] == "interrupted"
    assert len(refused(calls)) == 2
    shutil.rmtree(place / "refused")


def test_who_cannot_be_counted_is_refused_and_who_is_not_known_as_well(calls: Gateway, stored: Store) -> None:
    key = calls.make_key(f"limited-{calls.project}", requests_per_minute=1_000)
    body = calls.asked("Hello")
    assert calls.post(body, Authorization=f"Bearer {key}").status_code == 200
    with stored.away():
        assert calls.chat("Hello").status_code == 200
        answer = calls.post(body, Authorization=f"Bearer {key}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    until_drained(calls)


def test_a_full_spool_takes_no_call_and_loses_none(calls: Gateway, stored: Store) -> None:
    asked = len(calls.ledger())
    with stored.away(), ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: calls.chat(f"{n:03d}" + "y" * 60_000), range(30)))
        statuses = [answer.status_code for answer in answers]
        taken = [answer for answer in answers if answer.status_code == 200]
        assert set(statuses) == {200, 503}
        told = next(answer for answer in answers if answer.status_code == 503)
        assert told.json()["error"]["code"] == "unavailable"
        assert "Nothing was sent" in told.json()["error"]["message"]
        assert told.headers["retry-after"]
        assert sum(path.stat().st_size for path in spool(calls)) <= 1024 * 1024
    # What was refused was sent nowhere.
    assert len(calls.ledger()) == asked + len(taken)
    until_drained(calls)
    for answer in taken:
        assert calls.of(answer)["completion"] == answer.json()["choices"][0]["message"]["content"]
    assert calls.chat("Hello").status_code == 200


def test_a_store_that_restarts_under_load_loses_no_call_and_no_caller_notices(
    tmp_path_factory: pytest.TempPathFactory, demo: str, scripted: str
) -> None:
    # Open to the account that PostgreSQL runs as.
    cluster = Path(tempfile.mkdtemp(prefix="interactions-restarting-", dir="/tmp"))
    cluster.chmod(0o755)  # PostgreSQL runs as somebody else
    try:
        with (
            restarting_store(tmp_path_factory.mktemp("restarting"), cluster / "cluster") as made,
            gateway_on(made, demo, scripted) as gateway,
        ):
            _restart_under_load(gateway, made)
    finally:
        shutil.rmtree(cluster, ignore_errors=True)


def _restart_under_load(gateway: Gateway, made: Store) -> None:
    answers: list[httpx.Response] = []
    stop = threading.Event()

    def call(caller: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            answers.append(gateway.chat(f"load {caller} {number}", stream=bool(number % 2)))

    def more(count: int) -> None:
        goal = len(answers) + count
        until(lambda: len(answers) >= goal)

    with ThreadPoolExecutor(6) as threads:
        callers = [threads.submit(call, caller) for caller in range(6)]
        try:
            more(30)
            with made.away():
                more(60)
            more(30)
        finally:
            stop.set()
        for caller in callers:
            caller.result()
    until_drained(gateway)
    assert {answer.status_code for answer in answers} == {200}
    said = {}
    for answer in answers:
        is_stream = answer.headers["content-type"].startswith("text/event-stream")
        text = text_of(answer.content) if is_stream else json.loads(answer.content)["choices"][0]["message"]["content"]
        said[answer.headers["x-completion-id"]] = text
    rows = {row["id"]: row for row in gateway.rows() if row["prompt_preview"].startswith("load ")}
    assert {id: row["completion_preview"] for id, row in rows.items()} == said
    assert {row["state"] for row in rows.values()} == {"done"}
