"""Many calls of all kinds at once, with all that can go wrong, and what the store and the ledger say of them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from tests.gateway.stage import Gateway, events, until

AT_ONCE = 24
# What the model's server does, and how often among a hundred calls; `{n}` is words that differ.
FAULTS = {"": 60, "429": 3, "500": 3, "html": 2, "refuse": 3, "redirect": 2, "drop": 3, "half": 3, "error": 3}
FAULTS |= {"badjson": 3, "gzip": 3, "content-type": 3, "done-twice": 3, "stall": 1, "silence": 1}
# Of faults in a body that is not streamed, these leave nothing of it.
_NO_BODY = {"drop", "half", "stall", "badjson"}
_REFUSED = {"429", "500", "html", "refuse", "redirect", "silence"}


@dataclass(frozen=True)
class Planned:
    """A call: what is asked, and when its caller hangs up: not at all, or after so many pieces."""

    word: str
    api: str
    body: dict[str, Any]
    fault: str
    leaves_after: int | None

    @property
    def said(self) -> str:
        is_chat = self.api == "chat/completions"
        return str(self.body["messages"][0]["content"] if is_chat else self.body[_PROMPT[self.api]])


_PROMPT = {"completions": "prompt", "responses": "input", "embeddings": "input"}


@dataclass
class Heard:
    """What its caller got."""

    planned: Planned
    status: int = 0
    id: str = ""
    text: str = ""
    is_whole: bool = False


def plan(gateway: Gateway, count: int, seed: int = 1) -> list[Planned]:
    chance = random.Random(seed)
    faults = [fault for fault, share in FAULTS.items() for _ in range(share)]
    return [_planned(gateway, chance, f"w{seed}x{number:06d}", chance.choice(faults)) for number in range(count)]


def _planned(gateway: Gateway, chance: random.Random, word: str, fault: str) -> Planned:
    api = chance.choice(["chat/completions"] * 7 + ["completions", "responses", "embeddings"])
    words = " ".join(f"{word}-{n}" for n in range(chance.randrange(1, 12)))
    text = f"{words} [fault: {fault}]" if fault else words
    is_stream = api != "embeddings" and chance.random() < 0.6
    leaves = chance.randrange(4) if chance.random() < 0.15 else None
    if leaves is not None:
        text += " [slow: 20ms]"  # so that there is something to leave
    body: dict[str, Any] = {"model": gateway.project, "labels": {"word": word}}
    if api == "chat/completions":
        body["messages"] = [{"role": "user", "content": text}]
    else:
        body[_PROMPT[api]] = text
    if is_stream:
        body["stream"] = True
    return Planned(word, api, body, fault, leaves)


async def run(gateway: Gateway, planned: list[Planned]) -> list[Heard]:
    turn = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=gateway.v1, headers=gateway.headers, timeout=60, limits=limits) as client:

        async def one(call: Planned) -> Heard:
            async with turn:
                return await _heard(client, call)

        return await asyncio.gather(*map(one, planned))


async def _heard(client: httpx.AsyncClient, call: Planned) -> Heard:
    heard, content = Heard(call), bytearray()
    async with client.stream("POST", f"/{call.api}", json=call.body) as answer:
        heard.status, heard.id = answer.status_code, answer.headers.get("x-completion-id", "")
        pieces = 0
        async for piece in answer.aiter_bytes(200):
            content += piece
            pieces += 1
            if call.leaves_after is not None and pieces > call.leaves_after:
                break
        else:
            heard.is_whole = True
    if heard.is_whole and heard.status == 200:
        heard.text = _text(call, bytes(content))
    return heard


def _text(call: Planned, content: bytes) -> str:
    """What an answer says."""
    if not call.body.get("stream"):
        return _of_body(call.api, json.loads(content))
    # What is no JSON is the model's, and passed on as it is.
    lines = [line for line in content.split(b"\n") if not line.endswith(b'"content": "oo')]
    told = [one for one in events(b"\n".join(lines)) if isinstance(one, dict)]
    if call.api == "responses":
        return "".join(one["delta"] for one in told if one.get("type") == "response.output_text.delta")
    choices = [one["choices"][0] for one in told if one.get("choices")]
    return "".join(one.get("text") or (one.get("delta") or {}).get("content") or "" for one in choices)


def _of_body(api: str, body: Any) -> str:
    if api == "responses":
        return "".join(part["text"] for item in body["output"] for part in item.get("content", ()))
    if api == "embeddings":
        return ""
    choice = body["choices"][0]
    return str(choice["text"] if api == "completions" else choice["message"]["content"])


# What the store says


def check(gateway: Gateway, heard: list[Heard]) -> Counter[str]:
    """None is without a row, and each row is what its caller heard and the ledger has. Returns the states."""
    found = _ended_rows(gateway, {one.planned.word for one in heard})
    ledger = {entry["asked"].partition(" [")[0]: entry for entry in gateway.ledger()}
    problems = [
        f"{one}: {problem}, {found.get(one.planned.word)}"
        for one in heard
        if (problem := _problem(one, found.get(one.planned.word), ledger.get(one.planned.said.partition(" [")[0])))
    ]
    assert not problems, "\n".join(problems[:20])
    return Counter(row["state"] for row in found.values())


def _ended_rows(gateway: Gateway, words: set[str]) -> dict[str, dict[str, Any]]:
    def rows() -> dict[str, dict[str, Any]] | None:
        found = [row for row in gateway.rows() if row["labels"].get("word") in words]
        by_word = {row["labels"]["word"]: row for row in found}
        assert len(by_word) == len(found), "a call has two rows"
        is_over = by_word.keys() == words and all(row["state"] != "started" for row in found)
        return by_word if is_over else None

    return until(rows)


def _problem(heard: Heard, row: dict[str, Any] | None, entry: dict[str, Any] | None) -> str:
    """What is wrong with what is stored of a call, if anything is."""
    call = heard.planned
    if row is None:
        return "there is no row"
    if entry is None:
        return "the ledger does not know it"
    if heard.id and row["id"] != heard.id:
        return "its id is another"
    expected = _states(call)
    if row["state"] not in expected:
        return f"its state is {row['state']}, not {expected}"
    if heard.is_whole and row["state"] == "cancelled":
        return "its caller never left"
    said = _said(call, entry)
    if said is not None and row["completion_preview"] != _preview(said):
        return f"its text is not {said}"
    if heard.is_whole and heard.status == 200 and _preview(heard.text) != row["completion_preview"]:
        return "its text is not what its caller heard"
    return ""


def _states(call: Planned) -> set[str]:
    is_stream = bool(call.body.get("stream"))
    fails = call.fault in _REFUSED | (_NO_BODY if not is_stream else {"drop", "half", "stall", "error"})
    if call.fault == "error" and not is_stream:
        fails = False
    if fails:
        return {"failed"}
    return {"done"} if call.leaves_after is None else {"done", "cancelled"}


def _said(call: Planned, entry: dict[str, Any]) -> str | None:
    """What the row must say by the ledger; None if that does not know what arrived."""
    if call.api == "embeddings" or call.fault in _REFUSED:
        return ""
    if not call.body.get("stream"):
        return "" if call.fault in _NO_BODY else str(entry["text"])
    # What broke off in the midst was written, but not all of it may have arrived.
    return None if call.fault in ("drop", "half", "stall", "error") else str(entry["text"])


def _preview(text: str) -> str:
    """Of a text that is short enough to be all there."""
    return " ".join(text.split())


def mixed(gateway: Gateway, count: int, seed: int = 1) -> Counter[str]:
    """Make so many calls, and check each. For tests, and for measurements of more than a test has time for."""
    return check(gateway, asyncio.run(run(gateway, plan(gateway, count, seed))))
