"""What `adaptive-sdk` needs, added to what passes through; every other byte stays the upstream's.

A document is taken apart only to find where its members stand. What is missing is put in behind an object's last
member; what is there and would be refused, a null say, is replaced where it stands. So numbers, escapes, white space,
the order of keys and keys that occur twice (of which the last counts, for the clients too) stay as they were sent.

Source: `adaptive-sdk` 0.14.2, `ChatResponse` and `ChatResponseChunk` in `rest_types`. It refuses an answer without
`session_id`, a choice without `completion_id`, a message without `id` or with a content of null, in every chunk. To the
`openai` client the additions are extra attributes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_SPACE = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().raw_decode
_write = json.JSONEncoder(separators=(",", ":")).encode
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is added: the interaction's id and its session's, the model's key, and seconds since 1970."""

    completion_id: str
    session_id: str
    model: str
    created: int


def chat_body(body: bytes, stamp: Stamp) -> bytes:
    """A chat completion that was not streamed. What is no JSON object, or an error, stays as it is."""
    return _edited(body, lambda edit, top: _add_to_chat(edit, top, stamp, "message"))


def chat_chunk(data: bytes, stamp: Stamp) -> bytes:
    """The data of one event of a streamed chat completion. What is no JSON object, or an error, stays as it is."""
    return _edited(data, lambda edit, top: _add_to_chat(edit, top, stamp, "delta"))


def embeddings_body(body: bytes, stamp: Stamp) -> bytes:
    """A list of embeddings: the ids, and where there is a usage, all three of its numbers."""

    def add(edit: _Edit, top: _Object) -> None:
        _put_ids(edit, top, stamp)
        _add_usage(edit, top, is_needed=False)

    return _edited(body, add)


def other(data: bytes, stamp: Stamp) -> bytes:
    """A body or a chunk of the other APIs: only `completion_id` and `session_id`, in it and in its `response`."""
    return _edited(data, lambda edit, top: _add_ids(edit, top, stamp))


# What is added


def _add_to_chat(edit: _Edit, top: _Object, stamp: Stamp, said: str) -> None:
    choices = top.members.get("choices")
    if choices is None and _is_given(top.members.get("error")):
        return
    _put_ids(edit, top, stamp)
    edit.fill(top, "id", _is_text, stamp.completion_id)
    edit.fill(top, "created", _is_number, stamp.created)
    if choices is None or choices.value is None:
        edit.put(top, "choices", [])
    elif isinstance(choices.value, list):
        for position, at in enumerate(_places(edit.text, choices.start)):
            if edit.text[at] == "{":
                _add_to_choice(edit, _object(edit.text, at), position, stamp, said)
    _add_usage(edit, top, is_needed=said == "message")


def _add_to_choice(edit: _Edit, choice: _Object, position: int, stamp: Stamp, said: str) -> None:
    edit.put(choice, "completion_id", stamp.completion_id)
    edit.fill(choice, "index", _is_number, position)
    if said == "message":
        edit.fill(choice, "model", _is_text, stamp.model)
    wanted = {"id": stamp.completion_id, "role": "assistant", "content": ""}
    message = choice.members.get(said)
    if message is None or message.value is None:
        edit.put(choice, said, wanted)
    elif isinstance(message.value, dict):
        inner = _object(edit.text, message.start)
        for name, value in wanted.items():
            edit.fill(inner, name, _is_text if name != "content" else _is_given, value)


def _add_usage(edit: _Edit, top: _Object, is_needed: bool) -> None:
    """Without streaming the client needs a usage; where there is one, it needs all three numbers."""
    usage = top.members.get("usage")
    if usage is None or usage.value is None:
        if is_needed:
            edit.put(top, "usage", dict.fromkeys(_COUNTS, 0))
    elif isinstance(usage.value, dict):
        given = [usage.value.get(name) for name in _COUNTS[:2]]
        values = (0, 0, sum(count for count in given if isinstance(count, int)))
        inner = _object(edit.text, usage.start)
        for name, value in zip(_COUNTS, values, strict=True):
            edit.fill(inner, name, _is_number, value)


def _add_ids(edit: _Edit, top: _Object, stamp: Stamp) -> None:
    _put_ids(edit, top, stamp)
    response = top.members.get("response")
    if response is not None and isinstance(response.value, dict):
        _put_ids(edit, _object(edit.text, response.start), stamp)


def _put_ids(edit: _Edit, to: _Object, stamp: Stamp) -> None:
    """Also in the place of others, which an upstream that is a store as well may have given."""
    edit.put(to, "completion_id", stamp.completion_id)
    edit.put(to, "session_id", stamp.session_id)


def _is_given(member: _Member | None) -> bool:
    return member is not None and member.value is not None


def _is_text(member: _Member | None) -> bool:
    return member is not None and isinstance(member.value, str)


def _is_number(member: _Member | None) -> bool:
    return member is not None and isinstance(member.value, int | float)


# Where things stand in a document


class _Member(NamedTuple):
    """A member of an object: its value, and where that stands in the text."""

    value: Any
    start: int
    end: int


@dataclass(slots=True)
class _Object:
    """An object: of each name the last member, and where another one can be put."""

    members: dict[str, _Member]
    end: int
    is_empty: bool


@dataclass(slots=True)
class _Edit:
    """A text, and what is to be put into it: from where to where, and what."""

    text: str
    splices: list[tuple[int, int, str]] = field(default_factory=list)

    def fill(self, to: _Object, name: str, is_fine: Callable[[_Member | None], bool], value: Any) -> None:
        if not is_fine(to.members.get(name)):
            self.put(to, name, value)

    def put(self, to: _Object, name: str, value: Any) -> None:
        written = _write(value)
        if (member := to.members.get(name)) is not None:
            self.splices.append((member.start, member.end, written))
            return
        self.splices.append((to.end, to.end, f'{"" if to.is_empty else ","}"{name}":{written}'))
        to.is_empty = False

    def result(self) -> str:
        pieces: list[str] = []
        at = 0
        for start, end, written in sorted(self.splices, key=lambda splice: splice[0]):
            pieces += (self.text[at:start], written)
            at = end
        return "".join((*pieces, self.text[at:]))


def _edited(data: bytes, edit_object: Callable[[_Edit, _Object], None]) -> bytes:
    # Bytes that are no UTF-8 come through this way, too.
    text = data.decode(errors="surrogateescape")
    start = _after_space(text, 1 if text.startswith("\ufeff") else 0)
    if not text.startswith("{", start):
        return data
    try:
        _, end = _scan(text, start)
        if _after_space(text, end) < len(text):
            return data
        edit = _Edit(text)
        edit_object(edit, _object(text, start))
    except (ValueError, RecursionError):
        return data  # no JSON, or numbers of thousands of digits, or absurd depth
    return edit.result().encode(errors="surrogateescape")


def _object(text: str, start: int) -> _Object:
    """The object that begins at `start`; the text was found to be JSON."""
    members: dict[str, _Member] = {}
    end, at = start + 1, _after_space(text, start + 1)
    while text[at] != "}":
        name, at = _scan(text, at)
        begin = _after_space(text, _after_space(text, at) + 1)
        value, end = _scan(text, begin)
        members[name] = _Member(value, begin, end)
        at = _after_comma(text, end)
    return _Object(members, end, is_empty=not members)


def _places(text: str, start: int) -> list[int]:
    """Where the elements of the array begin that begins at `start`."""
    places, at = [], _after_space(text, start + 1)
    while text[at] != "]":
        places.append(at)
        at = _after_comma(text, _scan(text, at)[1])
    return places


def _after_comma(text: str, at: int) -> int:
    at = _after_space(text, at)
    return _after_space(text, at + 1) if text[at] == "," else at


def _after_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr] # it matches always, at least nothing
