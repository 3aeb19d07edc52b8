"""Server-sent events, beside the specification and beside what the clients read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from httpx_sse._decoders import SSEDecoder as HttpxDecoder
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder as OpenAIDecoder

from interactions.gateway import sse

pytestmark = pytest.mark.pure

PIECES = st.sampled_from(
    [
        *(b"data: a", b"data:b", b"data", b"data:  c", b"data: \xc3\xa4"),
        *(b": note", b"event: x", b"id: 1", b"retry: 5", b"foo", b"\xef\xbb\xbf", b"\xff", b":", b" "),
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"),
    ]
)
STREAMS = st.lists(PIECES, max_size=30).map(b"".join)


def chunked(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield stream[at : at + size]
        at += size
    yield stream[at:]


def parsed(*chunks: bytes, largest: int = sse.LARGEST_EVENT) -> list[sse.Event]:
    parser = sse.Parser(largest)
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    last = parser.close()
    return [*events, last] if last else events


def told(events: list[sse.Event]) -> list[tuple[str, bytes | None]]:
    """What is dispatched."""
    return [(event.name, event.data) for event in events if event.data is not None and event.is_whole]


# The examples of the specification, §9.2.6.


def test_an_event_has_the_lines_of_its_data_joined() -> None:
    assert told(parsed(b"data: YHOO\ndata: +2\ndata: 10\n\n")) == [("", b"YHOO\n+2\n10")]


def test_comments_and_empty_ids_are_no_data_and_one_space_is_dropped() -> None:
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
    events = parsed(stream)
    assert told(events) == [("", b"first event"), ("", b"second event")]
    assert (events[-1].data, events[-1].is_whole) == (b" third event", False)


def test_a_data_line_without_a_value_is_an_empty_line_of_data() -> None:
    events = parsed(b"data\n\ndata\ndata\n\ndata:")
    assert told(events) == [("", b""), ("", b"\n")]
    assert (events[-1].data, events[-1].is_whole) == (b"", False)


def test_a_name_belongs_to_its_event_only_and_alone_makes_none() -> None:
    assert told(parsed(b"event: add\ndata: 1\n\ndata: 2\n\nevent: gone\n\n")) == [("add", b"1"), ("", b"2")]


def test_a_byte_order_mark_counts_only_at_the_start_of_the_stream() -> None:
    assert told(parsed(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n")) == [("", b"1")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_is_there_with_the_end_of_its_blank_line(end: bytes) -> None:
    parser = sse.Parser()
    assert [event.data for event in parser.feed(b"data: 1" + end + end)] == [b"1"]


def test_a_comment_before_an_event_is_there_at_once() -> None:
    parser = sse.Parser()
    assert [event.raw for event in parser.feed(b": alive\n")] == [b": alive\n"]
    assert [event.raw for event in parser.feed(b"data: 1\n: within\n\n")] == [b"data: 1\n: within\n\n"]


# Whatever the chunks are


@given(STREAMS, st.lists(st.integers(0, 7), max_size=60))
def test_any_chunks_of_a_stream_give_the_same_events(stream: bytes, sizes: list[int]) -> None:
    at_once, in_chunks = parsed(stream), parsed(*chunked(stream, sizes))
    assert told(in_chunks) == told(at_once)


@given(STREAMS, st.lists(st.integers(0, 7), max_size=60))
def test_the_raw_bytes_of_all_events_are_the_stream(stream: bytes, sizes: list[int]) -> None:
    assert b"".join(event.raw for event in parsed(*chunked(stream, sizes))) == stream


LINES = st.lists(
    st.sampled_from(
        (b"data: a", b"data:b", b"data: ", b"data", b"data: \xc3\xa4\xe2\x80\xa8", b": note", b"event: x", b"")
    ),
    max_size=20,
)


@given(LINES, st.sampled_from((b"\n", b"\r", b"\r\n")))
def test_the_clients_read_the_same_events(lines: list[bytes], end: bytes) -> None:
    stream = b"".join(line + end for line in lines)
    ours = [(name, data.decode()) for name, data in told(parsed(stream)) if data]
    theirs = [(event.event or "", event.data) for event in OpenAIDecoder().iter_bytes(iter([stream])) if event.data]
    assert theirs == ours
    decoder = HttpxDecoder()
    read = [event for line in lines if (event := decoder.decode(line.decode()))]
    assert [(event.event.replace("message", ""), event.data) for event in read if event.data] == ours


# Size


@given(st.lists(st.integers(0, 9), max_size=40))
def test_too_large_an_event_is_refused_after_those_before_it(sizes: list[int]) -> None:
    parser = sse.Parser(largest=20)
    told_before: list[bytes | None] = []
    with pytest.raises(sse.EventTooLarge, match="more than 20 bytes"):  # noqa: PT012
        for chunk in chunked(b"data: 1\n\ndata: 2\n\n" + b"data: " + b"x" * 40 + b"\n\n", sizes):
            told_before.extend(event.data for event in parser.feed(chunk))
    assert told_before == [b"1", b"2"]


def test_what_was_held_of_too_large_an_event_can_still_be_had() -> None:
    parser = sse.Parser(largest=20)
    with pytest.raises(sse.EventTooLarge):
        list(parser.feed(b"data: " + b"x" * 40))
    rest = parser.close()
    assert rest is not None
    assert rest.raw == b"data: " + b"x" * 40


def _seconds(count: int) -> float:
    parser, began = sse.Parser(), time.process_time()
    for _ in range(count):
        for _ in parser.feed(b"x"):
            raise AssertionError("no line ended")
    return time.process_time() - began


def test_a_large_event_in_single_bytes_takes_linear_time() -> None:
    assert _seconds(400_000) < 12 * max(_seconds(100_000), 0.02)


# Writing


@given(st.binary(max_size=40).filter(lambda data: b"\r" not in data), st.sampled_from(("", "response.created")))
def test_what_is_written_is_read_again(data: bytes, name: str) -> None:
    assert told(parsed(sse.event(data, name))) == [(name, data)]


def test_a_comment_is_written_on_one_line() -> None:
    assert sse.comment("still\nhere") == b": still here\n\n"


def test_other_data_leaves_every_other_byte() -> None:
    (event,) = parsed(b"id: 7\r\ndata:{}\r\n: note\r\nevent: x\r\n\r\n")
    assert event.with_data(b'{"a": 1}') == b'id: 7\r\ndata:{"a": 1}\r\n: note\r\nevent: x\r\n\r\n'


def test_other_data_stands_where_the_first_line_of_data_stood() -> None:
    (event,) = parsed(b"data: {\nid: 7\ndata: }\nevent: x\n\n")
    assert event.with_data(b'{"a":\n1}') == b'data: {"a":\ndata: 1}\nid: 7\nevent: x\n\n'


@given(STREAMS, st.sampled_from((b"", b" x", b"a\nb", b"{}")))
def test_an_event_with_other_data_is_read_as_that(stream: bytes, data: bytes) -> None:
    for event in parsed(stream):
        if event.data is not None and event.is_whole:
            (again,) = [one for one in parsed(event.with_data(data)) if one.data is not None]
            assert (again.name, again.data) == (event.name, data)


@given(STREAMS)
def test_an_event_with_its_own_data_on_one_line_keeps_every_byte(stream: bytes) -> None:
    for event in parsed(stream):
        if event.data and b"\n" not in event.data and event.raw.count(b"data") == 1:
            assert event.with_data(event.data) == event.raw
