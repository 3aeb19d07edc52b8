"""What an upstream sent, folded into one result: a body, or a stream's chunks one by one.

A stream is folded into the body that would have been sent without streaming; the result is then read from a body,
however it came. Unknown fields stay in it. What an upstream sends is not trusted: nothing here raises for content,
and `Result.oddities` tells what was not as it should be.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming (and /completions, /responses-streaming,
/embeddings); `reasoning_content` is DeepSeek's and vLLM's field, `reasoning` OpenRouter's and Ollama's, a list of
`thinking` parts Mistral's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Literal, NamedTuple

from interactions.gateway import sse

Api = Literal["chat", "completions", "responses", "embeddings"]

MOST_CHOICES = 1_000
MOST_CALLS = 10_000
MOST_LEVELS = 100  # more would be too much for the functions that walk through a value
MOST_ODDITIES = 20
_LARGEST_COUNT = 2**31 - 1

# Line ends within texts are no JSON, but a lost answer helps nobody.
_decoder = json.JSONDecoder(strict=False)


class Usage(NamedTuple):
    """Tokens. `cached` are among the prompt's, `reasoning` among the completion's."""

    prompt: int
    completion: int
    total: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers. `tool_calls` are in the form of chat completions, whatever the API."""

    index: int
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: list[Any] = field(default_factory=list)
    finish_reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came back. `body` is all of it, but without the vectors of embeddings; None if it was no JSON.

    `is_finished` is true if the upstream itself said that this is the end. `error` is what it gave as such: any value.
    """

    body: Any
    id: str = ""
    model: str = ""
    choices: list[Choice] = field(default_factory=list)
    usage: Usage | None = None
    error: Any = None
    is_finished: bool = False
    vectors: int = 0
    dimensions: int = 0
    oddities: list[str] = field(default_factory=list)

    @property
    def first(self) -> Choice:
        """The choice that is meant where one is."""
        return self.choices[0] if self.choices else Choice(0)

    @property
    def error_message(self) -> str:
        """What a person can read of the error."""
        told = self.error
        while isinstance(told, dict) and (inner := told.get("message") or told.get("detail") or told.get("error")):
            told = inner
        return told if isinstance(told, str) else "" if told is None else _written(told)


def whole(api: Api, body: bytes) -> Result:
    """The result of an answer that was not streamed, an error's too."""
    oddities = _Oddities()
    value = _value(body, oddities)
    return _read(api, value, oddities, is_finished=isinstance(value, dict))


def result(api: Api, body: Any) -> Result:
    """The result that a body tells, as it was kept."""
    return _read(api, body, _Oddities(), is_finished=isinstance(body, dict))


class Assembly:
    """Takes a stream's events, one by one. Time is linear in their bytes, and so is memory."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._oddities = _Oddities()
        self._fold: _ResponseFold | _ChoicesFold = (
            _ResponseFold(self._oddities) if api == "responses" else _ChoicesFold(self._oddities)
        )
        self._error: Any = None
        self._is_done = False

    @property
    def has_begun(self) -> bool:
        """Whether the model said anything yet: text, reasoning, a refusal or a part of a tool call."""
        return self._fold.has_begun

    @property
    def is_done(self) -> bool:
        """Whether the end was announced: `[DONE]`, or the last event of the Responses API."""
        return self._is_done or (self._api == "responses" and self._fold.is_finished)

    def add(self, event: sse.Event) -> None:
        if event.data is None or (not event.is_whole and not event.data):
            return
        if event.data.strip() == sse.DONE:
            if self._is_done:
                self._oddities.note("[DONE] came more than once")
            self._is_done = True
            return
        if self._is_done:
            self._oddities.note("data came after [DONE]")
        value = _value(event.data, self._oddities)
        error = _error(value, event.name)
        if error is not None:
            self._error = self._error or error
        if isinstance(value, dict):
            self._fold.add(value)
        elif value is not None and error is None:
            self._oddities.note(f"a chunk is no object: {_written(value)}")

    def result(self) -> Result:
        """What came so far. The assembly can go on afterwards."""
        body = self._fold.body()
        if self._error is not None:
            body.setdefault("error", self._error)
        return _read(self._api, body, self._oddities, self._is_done or self._fold.is_finished)


class _Oddities:
    """What was not as it should be; each kind once, and not many."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    def note(self, oddity: str) -> None:
        if len(self._seen) < MOST_ODDITIES:
            self._seen[oddity[:300]] = None

    def all(self) -> list[str]:
        return list(self._seen)


def _value(data: bytes, oddities: _Oddities) -> Any:
    text = data.decode(errors="replace").removeprefix("\ufeff").strip()
    try:
        value, end = _decoder.raw_decode(text)
    except (ValueError, RecursionError):
        oddities.note(f"no JSON: {text[:200]}" if text else "no data")
        return None
    if end < len(text):
        oddities.note(f"more than JSON: {text[end:][:200]}")
    if text.count("{") + text.count("[") > MOST_LEVELS and _is_deep(value):
        oddities.note(f"JSON of more than {MOST_LEVELS} levels: {text[:200]}")
        return None
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# Streams to bodies


class _Text(StringIO):
    """A text that comes in pieces. Joined once; adding to a `str` would copy it each time."""


# These say what something is. Some servers repeat them in every chunk, so the first one stands.
_CONSTANT = {"id", "index", "object", "role", "type"}


def _merged(old: Any, new: Any, key: str, oddities: _Oddities) -> Any:
    """What `new` makes of a field of a delta: texts and lists grow, objects field by field, the rest is replaced."""
    if new is None or (key in _CONSTANT and old):
        return old
    if key in _CONSTANT:
        return new
    if isinstance(new, str):
        return _with_text(old, new, key)
    if isinstance(new, list):
        return _with_list(old, new)
    if isinstance(new, dict):
        if old is not None and not isinstance(old, dict):
            oddities.note(f"“{key}” became an object")
            return old
        kept = {} if old is None else old
        for name, value in new.items():
            kept[name] = _merged(kept.get(name), value, name, oddities)
        return kept
    if isinstance(old, _Text | list | dict):
        oddities.note(f"“{key}” is no text: {_written(new)}")
        return old
    return new


def _with_text(old: Any, new: str, key: str) -> Any:
    if isinstance(old, list):
        # Mistral's content: a list of parts while it thinks, then texts.
        last = old[-1] if old else None
        if isinstance(last, dict) and isinstance(last.get("text"), _Text):
            last["text"].write(new)
        elif new:
            old.append({"type": "text", "text": _text(new)})
        return old
    if not isinstance(old, _Text):
        return _text(new)
    # A name comes once, or over and over, or in pieces.
    if key != "name" or len(new) != old.tell() or new != old.getvalue():
        old.write(new)
    return old


def _with_list(old: Any, new: list[Any]) -> list[Any]:
    if isinstance(old, list):
        old.extend(new)
        return old
    if isinstance(old, _Text) and old.tell():
        return [{"type": "text", "text": old}, *new]
    return new


def _text(beginning: str) -> _Text:
    text = _Text()
    text.write(beginning)
    return text


def _plain(value: Any) -> Any:
    """A value with its texts joined, for others to keep."""
    if isinstance(value, _Text):
        return value.getvalue()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class _ChoicesFold:
    """Chunks of chat completions and of the older completions."""

    def __init__(self, oddities: _Oddities) -> None:
        self._oddities = oddities
        self._top: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self.has_begun = False

    @property
    def is_finished(self) -> bool:
        return bool(self._choices) and all(choice.is_finished for choice in self._choices.values())

    def add(self, chunk: dict[str, Any]) -> None:
        for name, value in chunk.items():
            if name != "choices" and value is not None and not (name in _CONSTANT and self._top.get(name)):
                self._top[name] = value
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if choices is not None:
                self._oddities.note(f"“choices” is no list: {_written(choices)}")
            return
        for position, given in enumerate(choices):
            if isinstance(given, dict):
                self._add(given, _index(given, position, self._oddities))
            else:
                self._oddities.note(f"a choice is no object: {_written(given)}")

    def _add(self, given: dict[str, Any], index: int) -> None:
        if index not in self._choices:
            if len(self._choices) >= MOST_CHOICES:
                self._oddities.note(f"more than {MOST_CHOICES:,} choices")
                return
            self._choices[index] = _Choice(self._oddities)
        said = self._choices[index].add(given)
        self.has_begun = self.has_begun or said

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = _plain(self._top)
        if isinstance(body.get("object"), str):
            body["object"] = body["object"].removesuffix(".chunk")
        if self._choices:
            body["choices"] = [{"index": index} | one.document() for index, one in sorted(self._choices.items())]
        return body


class _Choice:
    """One choice of a stream."""

    def __init__(self, oddities: _Oddities) -> None:
        self._oddities = oddities
        self._fields: dict[str, Any] = {}
        self._message: dict[str, Any] | None = None
        self._calls = _Calls(oddities)

    @property
    def is_finished(self) -> bool:
        return bool(self._fields.get("finish_reason"))

    def add(self, given: dict[str, Any]) -> bool:
        """Returns whether it says something."""
        said = False
        for name, value in given.items():
            if name in ("text", "logprobs"):
                self._fields[name] = _merged(self._fields.get(name), value, name, self._oddities)
                said = said or (name == "text" and bool(value))
            elif name == "delta" or (name == "message" and not self._message):
                # `message` is a whole answer where a piece of one should be.
                said = self._add_delta(value) or said
            elif name != "index" and (value is not None or name not in self._fields):
                self._fields[name] = value
        return said

    def _add_delta(self, delta: Any) -> bool:
        if not isinstance(delta, dict):
            if delta is not None:
                self._oddities.note(f"a delta is no object: {_written(delta)}")
            return False
        if self._message is None:
            self._message = {}
        said = False
        for name, value in delta.items():
            if name == "tool_calls":
                self._calls.add(value)
            elif value is not None or name not in self._message:
                self._message[name] = _merged(self._message.get(name), value, name, self._oddities)
            said = said or (name not in _CONSTANT and bool(value))
        return said

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = _plain(self._fields)
        if self._message is not None:
            document["message"] = _plain(self._message)
            if calls := self._calls.documents():
                document["message"]["tool_calls"] = calls
        return document


class _Calls:
    """Tool calls that come in pieces.

    OpenAI gives each an index, and with its first piece an id and a name. Others leave out the index (Gemini), or give
    the same one to all: so a piece with an id and a name that are both new to its index begins another call.
    """

    def __init__(self, oddities: _Oddities) -> None:
        self._oddities = oddities
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int, dict[str, Any]] = {}
        self._by_id: dict[str, dict[str, Any]] = {}

    def add(self, pieces: Any) -> None:
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            if isinstance(piece, dict):
                self._add(piece)
            elif piece is not None:
                self._oddities.note(f"a tool call is no object: {_written(piece)}")

    def _add(self, piece: dict[str, Any]) -> None:
        call = self._call_of(piece)
        if call is None:
            self._oddities.note(f"more than {MOST_CALLS:,} tool calls")
            return
        for name, value in piece.items():
            call[name] = _merged(call.get(name), _with_written_arguments(value), name, self._oddities)
        if isinstance(call.get("id"), str):
            self._by_id.setdefault(call["id"], call)

    def _call_of(self, piece: dict[str, Any]) -> dict[str, Any] | None:
        uid, name, index = piece.get("id"), _name(piece), piece.get("index")
        if not isinstance(index, int) or isinstance(index, bool):
            known = self._by_id.get(uid) if isinstance(uid, str) else None
            if known is None and not name and self._calls:
                known = self._calls[-1]
            return known if known is not None else self._begin()
        known = self._by_index.get(index)
        if known is not None and name and uid and known.get("id") and uid != known["id"]:
            self._oddities.note("several tool calls have one index")
            known = None
        if known is None and (known := self._begin()) is not None:
            self._by_index[index] = known
        return known

    def _begin(self) -> dict[str, Any] | None:
        if len(self._calls) >= MOST_CALLS:
            return None
        self._calls.append({})
        return self._calls[-1]

    def documents(self) -> list[dict[str, Any]]:
        return [{name: _plain(value) for name, value in call.items() if name != "index"} for call in self._calls]


def _name(piece: dict[str, Any]) -> Any:
    named = piece.get("function") or piece.get("custom")
    return named.get("name") if isinstance(named, dict) else None


def _with_written_arguments(function: Any) -> Any:
    """Ollama's own form has arguments as an object, not as text."""
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict | list):
        return function | {"arguments": _written(function["arguments"])}
    return function


class _Place(NamedTuple):
    """Where in an item of the Responses API a piece of text belongs: a field, or in a list the field of a part."""

    item_type: str
    key: str
    parts: str = ""
    part_type: str = ""
    number: str = ""


_PLACES = {
    "response.output_text": _Place("message", "text", "content", "output_text", "content_index"),
    "response.refusal": _Place("message", "refusal", "content", "refusal", "content_index"),
    "response.reasoning_text": _Place("reasoning", "text", "content", "reasoning_text", "content_index"),
    "response.reasoning_summary_text": _Place("reasoning", "text", "summary", "summary_text", "summary_index"),
    "response.function_call_arguments": _Place("function_call", "arguments"),
    "response.mcp_call_arguments": _Place("mcp_call", "arguments"),
    "response.custom_tool_call_input": _Place("custom_tool_call", "input"),
    "response.code_interpreter_call_code": _Place("code_interpreter_call", "code"),
}
_PARTS = {
    "response.content_part": ("content", "content_index"),
    "response.reasoning_summary_part": ("summary", "summary_index"),
}
_LAST_EVENTS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}


class _ResponseFold:
    """Events of the Responses API. Its last one has the whole answer; the others count where that did not come."""

    def __init__(self, oddities: _Oddities) -> None:
        self._oddities = oddities
        self._response: dict[str, Any] = {}
        self._items: dict[int, _Item] = {}
        self.has_begun = False
        self.is_finished = False

    def add(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if not isinstance(kind, str):
            self._oddities.note(f"an event has no type: {_written(event)}")
            return
        if isinstance(response := event.get("response"), dict):
            self._response = response
        if kind in _LAST_EVENTS:
            self.is_finished = True
            return
        subject, _, verb = kind.rpartition(".")
        if subject == "response.output_item" and isinstance(given := event.get("item"), dict):
            if (item := self._item(event)) is not None:
                item.put(given)
        elif subject in _PARTS and isinstance(part := event.get("part"), dict):
            if (item := self._item(event)) is not None:
                parts, number = _PARTS[subject]
                item.put_part(parts, _index(event, 0, self._oddities, number), part)
        elif subject in _PLACES:
            self._add_text(_PLACES[subject], event, verb)

    def _add_text(self, place: _Place, event: dict[str, Any], verb: str) -> None:
        text = event.get("delta" if verb == "delta" else place.key)
        if not isinstance(text, str):
            self._oddities.note(f"a text is none: {_written(text)}")
        elif (item := self._item(event)) is not None:
            number = _index(event, 0, self._oddities, place.number) if place.number else 0
            item.add_text(place, number, text, is_whole=verb == "done")
            self.has_begun = self.has_begun or bool(text)

    def _item(self, event: dict[str, Any]) -> _Item | None:
        index = _index(event, max(len(self._items) - 1, 0), self._oddities, "output_index")
        if index not in self._items and len(self._items) >= MOST_CALLS:
            self._oddities.note(f"more than {MOST_CALLS:,} items")
            return None
        return self._items.setdefault(index, _Item(self._oddities))

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = _plain(self._response)
        if not body.get("output") and self._items:
            body["output"] = [item.document() for _, item in sorted(self._items.items())]
        return body


class _Item:
    """An item of an output: a message, a tool call, reasoning."""

    def __init__(self, oddities: _Oddities) -> None:
        self._oddities = oddities
        self._fields: dict[str, Any] = {}
        self._parts: dict[str, dict[int, dict[str, Any]]] = {}

    def put(self, item: dict[str, Any]) -> None:
        """What the item is, when it begins and again when it is complete."""
        self._fields, self._parts = dict(item), {}

    def put_part(self, parts: str, number: int, part: dict[str, Any]) -> None:
        """As `put`, of a part of a list."""
        if (place := self._part(parts, number)) is not None:
            place.clear()
            place.update(part)

    def add_text(self, place: _Place, number: int, text: str, is_whole: bool) -> None:
        self._fields.setdefault("type", place.item_type)
        holder: dict[str, Any] | None = self._fields
        if place.parts:
            holder = self._part(place.parts, number)
        if holder is None:
            return
        if place.part_type:
            holder.setdefault("type", place.part_type)
        old = holder.get(place.key)
        if is_whole or not isinstance(old, _Text):
            old = _text(old if isinstance(old, str) and not is_whole else "")
            holder[place.key] = old
        old.write(text)

    def _part(self, parts: str, number: int) -> dict[str, Any] | None:
        numbered = self._parts.setdefault(parts, {})
        if number not in numbered and len(numbered) >= MOST_CALLS:
            self._oddities.note(f"more than {MOST_CALLS:,} parts")
            return None
        return numbered.setdefault(number, {})

    def document(self) -> dict[str, Any]:
        lists = {name: [part for _, part in sorted(parts.items())] for name, parts in self._parts.items()}
        document: dict[str, Any] = _plain(self._fields | lists)
        return document


# Bodies to results


def _read(api: Api, body: Any, oddities: _Oddities, is_finished: bool) -> Result:
    error = _error(body)
    if not isinstance(body, dict):
        return Result(body, error=error, oddities=oddities.all())
    choices = [_response_choice(body)] if api == "responses" else _choices(api, body, oddities)
    vectors, dimensions = _vectors(body) if api == "embeddings" else (0, 0)
    if error is None and not any(name in body for name in ("choices", "output", "data", "usage")):
        error = body if body.get("message") or body.get("detail") else None
    return Result(
        body={name: value for name, value in body.items() if name != "data"} if api == "embeddings" else body,
        id=_string(body.get("id")),
        model=_string(body.get("model")),
        choices=choices,
        usage=_usage(body, oddities),
        error=error,
        is_finished=is_finished and body.get("status") not in ("queued", "in_progress"),
        vectors=vectors,
        dimensions=dimensions,
        oddities=oddities.all(),
    )


def _error(value: Any, event_name: str = "") -> Any:
    """What a body or a chunk gives as an error, in any of the forms that servers use."""
    if isinstance(value, list) and len(value) == 1:  # Gemini's
        value = value[0]
    if not isinstance(value, dict):
        return value if event_name == "error" else None
    if value.get("error"):
        return value["error"]
    if "error" in (event_name, value.get("type"), value.get("object")):  # the Responses API's, older vLLM's
        return value
    response = value.get("response")
    return (response.get("error") or None) if isinstance(response, dict) else None


def _choices(api: Api, body: dict[str, Any], oddities: _Oddities) -> list[Choice]:
    given = body.get("choices")
    if not isinstance(given, list):
        return []
    found = [
        _choice(api, one, _index(one, position, oddities))
        for position, one in enumerate(given[:MOST_CHOICES])
        if isinstance(one, dict)
    ]
    return sorted(found, key=lambda choice: choice.index)


def _choice(api: Api, given: dict[str, Any], index: int) -> Choice:
    finish_reason = _string(given.get("finish_reason"))
    if api == "completions":
        return Choice(index, text=_string(given.get("text")), finish_reason=finish_reason)
    message = given.get("message")
    if not isinstance(message, dict):
        return Choice(index, finish_reason=finish_reason)
    content, calls, legacy = message.get("content"), message.get("tool_calls"), message.get("function_call")
    named = _string(message.get("reasoning_content")) or _string(message.get("reasoning"))
    return Choice(
        index,
        text="".join(_texts(content)),
        reasoning=named or "".join(_texts(content, thinking=True)),
        refusal=_string(message.get("refusal")),
        tool_calls=(calls if isinstance(calls, list) else [])
        + ([{"type": "function", "function": legacy}] if isinstance(legacy, dict) else []),
        finish_reason=finish_reason,
    )


def _texts(content: Any, thinking: bool = False) -> Iterator[str]:
    """The texts of a message's content: itself, or those of its parts; with `thinking`, only what was thought."""
    if isinstance(content, str) and not thinking:
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                yield from _texts(part, thinking)
            elif isinstance(part, dict) and part.get("type") == "thinking":
                yield from _texts(part.get("thinking")) if thinking else ()
            elif isinstance(part, dict) and not thinking:
                yield _string(part.get("text"))


def _response_choice(body: dict[str, Any]) -> Choice:
    text, reasoning, refusal = StringIO(), StringIO(), StringIO()
    calls: list[Any] = []
    for item in _objects(body.get("output")):
        for part in _objects(item.get("content")):
            (reasoning if item.get("type") == "reasoning" else text).write(_string(part.get("text")))
            refusal.write(_string(part.get("refusal")))
        for part in _objects(item.get("summary")):
            reasoning.write(_string(part.get("text")))
        calls += _response_calls(item)
    details = body.get("incomplete_details")
    reason = _string(details.get("reason")) if isinstance(details, dict) else ""
    reason = reason or _string(body.get("status"))
    return Choice(0, text.getvalue(), reasoning.getvalue(), refusal.getvalue(), calls, reason)


def _response_calls(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if item.get("type") == "function_call":
        function = {"name": item.get("name"), "arguments": item.get("arguments")}
        yield {"id": item.get("call_id"), "type": "function", "function": function}
    elif item.get("type") == "custom_tool_call":
        custom = {"name": item.get("name"), "input": item.get("input")}
        yield {"id": item.get("call_id"), "type": "custom", "custom": custom}


def _vectors(body: dict[str, Any]) -> tuple[int, int]:
    """How many there are, and of how many numbers the first is: of floats, or base64 of floats of 4 bytes."""
    data = body.get("data")
    if not isinstance(data, list):
        return 0, 0
    first = data[0].get("embedding") if data and isinstance(data[0], dict) else None
    if isinstance(first, str):
        return len(data), len(first.rstrip("=")) * 3 // 4 // 4
    return len(data), len(first) if isinstance(first, list) else 0


def _usage(body: dict[str, Any], oddities: _Oddities) -> Usage | None:
    given = body.get("usage")
    if given is None:  # Moonshot's has it in the choice
        given = next((one.get("usage") for one in _objects(body.get("choices"))), None)
    if not isinstance(given, dict):
        return None
    prompt = _count(given, ("prompt_tokens", "input_tokens"), oddities)
    completion = _count(given, ("completion_tokens", "output_tokens"), oddities)
    total = _count(given, ("total_tokens",), oddities)
    if prompt is None and completion is None and total is None:
        return None
    prompt, completion = prompt or 0, completion or 0
    return Usage(
        prompt,
        completion,
        min(prompt + completion, _LARGEST_COUNT) if total is None else total,
        _detail(given, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens", oddities)
        or _count(given, ("prompt_cache_hit_tokens",), oddities)  # DeepSeek's
        or 0,
        _detail(given, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens", oddities) or 0,
    )


def _detail(given: dict[str, Any], groups: tuple[str, ...], name: str, oddities: _Oddities) -> int | None:
    found = next((given[group] for group in groups if isinstance(given.get(group), dict)), None)
    return _count(found, (name,), oddities) if found else None


def _count(given: dict[str, Any], names: tuple[str, ...], oddities: _Oddities) -> int | None:
    value = next((given[name] for name in names if given.get(name) is not None), None)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT:
        return int(value)
    oddities.note(f"“{names[0]}” is no count: {_written(value)}")
    return None


def _index(given: dict[str, Any], otherwise: int, oddities: _Oddities, name: str = "index") -> int:
    index = given.get(name)
    if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
        return index
    if index is not None:
        oddities.note(f"“{name}” is no index: {_written(index)}")
    return otherwise


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "…"
