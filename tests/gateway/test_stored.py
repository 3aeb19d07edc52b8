"""Answers as they are stored, and what waits for callers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions import answers
from interactions.gateway import stored
from interactions.gateway.assembly import Api
from interactions.gateway.outlet import Outlet

# With halves of characters, and numbers that JSON has no words for.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=10)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_anything_can_be_stored_and_what_could_be_is_as_it_was(value: Any) -> None:
    kept = stored.storable(value)
    written = json.dumps(kept, allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(written) == kept
    assert stored.storable(kept) == kept


@given(st.text())
def test_a_text_of_whole_characters_stays(text: str) -> None:
    assert stored.text(text) == text


def test_two_halves_are_one_character_and_one_is_none() -> None:
    assert stored.text("a\ud83d\ude00b\ud83dc") == "a😀b\ufffdc"


BODIES: list[tuple[Api, Any]] = [
    ("chat", {"choices": [{"message": {"content": "said", "x": 1}}, {"message": {"content": "said"}}], "y": 2}),
    ("completions", {"choices": [{"text": "said"}]}),
    ("responses", {"output": [{"type": "reasoning"}, {"content": [{"text": "said"}, {"text": "other"}]}]}),
]


@pytest.mark.parametrize(("api", "body"), BODIES)
def test_the_text_is_stored_once_and_comes_back(api: Api, body: Any) -> None:
    before = json.dumps(body)
    without = answers.without_text(api, body, "said")
    assert "$completion" in json.dumps(without)
    assert answers.with_text(api, without, "said") == body
    assert json.dumps(body) == before


@given(api=st.sampled_from(["chat", "completions", "responses", "embeddings"]), body=VALUES, said=ANY_TEXT)
def test_no_body_is_too_odd(api: Api, body: Any, said: str) -> None:
    for one in (body, {"choices": body, "output": body}, {"choices": [body], "output": [body]},
                {"choices": [{"message": body, "text": body}], "output": [{"content": [body]}]}):  # fmt: skip
        assert json.dumps(answers.with_text(api, answers.without_text(api, one, said), said)) == json.dumps(one)


# On their way to a caller


async def _taken(outlet: Outlet) -> list[bytes]:
    return [piece async for piece in outlet.pieces()]


@given(st.lists(st.binary(max_size=5), max_size=20), st.binary(max_size=5))
def test_what_is_put_in_comes_out(pieces: list[bytes], last: bytes) -> None:
    async def passed() -> bytes:
        outlet = Outlet()
        taking = asyncio.ensure_future(_taken(outlet))
        for number, piece in enumerate(pieces):
            await outlet.room()
            outlet.put(piece)
            if number % 3 == 0:
                await asyncio.sleep(0)
        outlet.close(last)
        return b"".join(await taking)

    assert asyncio.run(passed()) == b"".join(pieces) + last


def test_who_puts_in_more_than_is_taken_waits() -> None:
    async def puts() -> None:
        outlet = Outlet()
        while not outlet.is_full:
            outlet.put(b"x" * 10_000)
        waiting = asyncio.ensure_future(outlet.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        taking = outlet.pieces()
        await anext(taking)
        await waiting
        assert not outlet.is_full

    asyncio.run(puts())


def test_who_has_gone_keeps_nobody_waiting_and_gets_nothing() -> None:
    async def leaves() -> None:
        outlet = Outlet()
        while not outlet.is_full:
            outlet.put(b"x" * 10_000)
        waiting = asyncio.ensure_future(outlet.room())
        await asyncio.sleep(0)
        outlet.leave()
        await waiting
        outlet.put(b"more")
        outlet.close(b"last")
        assert outlet.is_gone
        assert await _taken(outlet) == []

    asyncio.run(leaves())


def test_who_stops_taking_has_gone_but_not_after_the_last_piece() -> None:
    async def stops() -> None:
        for has_all in (False, True):
            outlet = Outlet()
            outlet.put(b"a")
            if has_all:
                outlet.close(b"b")
            taking = outlet.pieces()
            assert await anext(taking) == (b"ab" if has_all else b"a")
            await taking.aclose()  # type: ignore[attr-defined]
            assert outlet.is_gone == (not has_all)

    asyncio.run(stops())


def test_who_is_left_behind_finds_what_waited_and_why_there_is_no_more() -> None:
    async def abandoned() -> list[bytes]:
        outlet = Outlet()
        outlet.put(b"a")
        outlet.abandon(b"why")
        assert outlet.is_gone
        outlet.put(b"dropped")
        outlet.close(b"dropped, too")
        return await _taken(outlet)

    assert asyncio.run(abandoned()) == [b"awhy"]
