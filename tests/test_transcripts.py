"""Messages, taken apart and put together."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions import transcripts
from interactions.errors import Invalid
from tests.api.pictures import SHAPES, encoded, picture, showing


def put_together(apart: transcripts.Apart) -> Any:
    content = {found.sha256: found.content for found in apart.images}
    return transcripts.put_together(apart.structure, apart.text, content.__getitem__, str)


def test_texts_are_taken_out_and_stored_once() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Größe?"}]},
    ]
    apart = transcripts.take_apart(messages)
    assert apart.text == "Be brief.\nGröße?\n"
    assert "Be brief" not in str(apart.structure)
    assert put_together(apart) == messages


@pytest.mark.parametrize("shape", SHAPES)
def test_images_are_taken_out_of_every_shape(shape: str) -> None:
    messages = showing(SHAPES[shape][0](picture(), "image/png"))
    apart = transcripts.take_apart(messages)
    assert [found.content for found in apart.images] == [picture()]
    assert encoded(picture()) not in str(apart.structure)
    assert put_together(apart) == messages


def test_without_its_bytes_an_image_is_a_link() -> None:
    apart = transcripts.take_apart(
        showing({"type": "image_url", "image_url": f"data:image/png;base64,{encoded(picture())}"})
    )
    linked = transcripts.put_together(apart.structure, apart.text, None, lambda digest: f"/images/{digest}")
    assert linked[0]["content"][1]["image_url"] == f"/images/{apart.images[0].sha256}"


@pytest.mark.parametrize(
    "value",
    [
        {"$text": [0, 1]},
        {"$image": "x"},
        {"$$text": {"$text": "a"}},
        {"$": {"$$$": 1}},
        {"$text": "a", "text": "b"},
        [[["$text"]]],
    ],
)
def test_what_looks_like_the_store_s_own_marks_comes_back(value: Any) -> None:
    messages = [{"role": "user", "content": value, "extra": value}]
    assert put_together(transcripts.take_apart(messages)) == messages


def test_the_place_of_a_broken_image_is_told() -> None:
    part = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%"}}
    with pytest.raises(Invalid) as raised:
        transcripts.take_apart([{"role": "system", "content": "x"}, {"role": "user", "content": [part]}])
    assert raised.value.field == "messages[1].content[0].source.data"


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], ""),
        ([{"role": "system", "content": "s"}], "s"),
        ([{"role": "user", "content": "first"}, {"role": "assistant", "content": "a"}], "first"),
        ([{"role": "user", "content": "one"}, {"role": "user", "content": "two"}], "two"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}], "a b"),
        ([{"role": "user", "content": "with\0 NUL"}], "with\0 NUL"),
        ([{"role": "user"}], ""),
    ],
)
def test_a_prompt_is_about_what_was_asked_last(messages: list[dict[str, Any]], said: str) -> None:
    assert transcripts.asked(transcripts.take_apart(messages)) == said


@given(st.binary(min_size=1, max_size=40), st.data())
def test_an_image_s_base64_comes_back_as_it_was_written_however_that_was(content: bytes, data: st.DataObject) -> None:
    written = base64.b64encode(content, data.draw(st.sampled_from([b"+/", b"-_"]))).decode()
    written = written[: len(written) - data.draw(st.integers(0, 2))] if written.endswith("=") else written
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(written)))
        written = written[:place] + data.draw(st.sampled_from(["\n", "\r\n", " "])) + written[place:]
    apart = transcripts.Apart()
    try:
        reference = apart.add_image("", written, "here")
    except Invalid:
        return
    assert transcripts.put_together(reference, "", lambda _: apart.images[0].content, str) == written
