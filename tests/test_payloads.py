"""The gate: what is a text, a number, a moment. `api/test_bad_input.py` shows it from outside."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions import ids, payloads
from interactions.errors import Invalid, RequestError

CONVERSATION = {"project": "p", "messages": [{"role": "user", "content": "x"}], "completion": "y"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)),
        ("2024-02-21", datetime(2024, 2, 21, tzinfo=UTC)),
        ("2024-02-21T09:51", datetime(2024, 2, 21, 9, 51, tzinfo=UTC)),
        ("2024-02-21T09:51:03Z", datetime(2024, 2, 21, 9, 51, 3, tzinfo=UTC)),
        ("2024-02-21T09:51:03.000001+02:00", datetime(2024, 2, 21, 7, 51, 3, 1, tzinfo=UTC)),
        ("20240221T095103Z", datetime(2024, 2, 21, 9, 51, 3, tzinfo=UTC)),
    ],
)
def test_a_moment_has_several_spellings(written: int | str, meant: datetime) -> None:
    assert payloads.parse_moment(written) == meant
    assert payloads.read(payloads.Interaction, CONVERSATION | {"created_at": written}).created_at == meant


@pytest.mark.parametrize(
    "written", ["", "now", "24-02-21", "2024-02-30", 10**30, -(10**30), "9999-12-31T23:59:59-12:00"]
)
def test_what_is_no_moment_is_refused(written: int | str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence is made elsewhere
        payloads.parse_moment(written)


def test_a_clock_may_be_a_little_fast() -> None:
    soon, late = (ids.now() + timedelta(hours=hours) for hours in (23, 25))
    read = payloads.read(payloads.Interaction, CONVERSATION | {"created_at": soon.isoformat()})
    assert read.created_at == soon
    with pytest.raises(Invalid):
        payloads.read(payloads.Interaction, CONVERSATION | {"created_at": late.isoformat()})


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_a_completion(text: str) -> None:
    assert payloads.read(payloads.Interaction, CONVERSATION | {"completion": text}).completion == text


@given(st.binary(max_size=80))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    with contextlib.suppress(RequestError):
        payloads.parse_json(body)


@pytest.mark.parametrize("limit", [63, 64])
def test_nesting_is_counted_the_same_for_lists_and_objects(limit: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        body = (opening * limit + "1" + closing * limit).encode()
        payloads.parse_json(body)
        with pytest.raises(Invalid, match="64 levels"):
            payloads.parse_json((opening * 65 + "1" + closing * 65).encode())


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"messages": [{"role": "user", "n": float("inf")}]}, "messages[0].n"),
        ([1, {"a": [float("-inf")]}], "[1].a[0]"),
        (float("inf"), ""),
    ],
)
def test_the_path_of_an_impossible_number_is_told(value: Any, path: str) -> None:
    with pytest.raises(Invalid) as raised:
        payloads.check_values(value)
    assert raised.value.field == path


def test_a_message_is_kept_as_it_was_sent() -> None:
    for message in (
        {"role": "user"},
        {"role": "tool", "content": None, "x": 1},
        {"content": [], "role": "user", "name": "n"},
    ):
        read = payloads.read(payloads.Interaction, CONVERSATION | {"messages": [message]})
        assert read.messages[0].document() == message


def test_an_error_seen_from_outside_names_the_whole_path() -> None:
    assert Invalid("No.", "b[0].c").within("a").field == "a.b[0].c"
    assert Invalid("No.", "[0]").within("a").field == "a[0]"
    assert Invalid("No.").within("a").field == "a"
