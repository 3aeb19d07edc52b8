"""What a model answered, as a page draws it: its text, what it thought, called and refused, and further choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from interactions import documents
from interactions.gateway import assembly
from interactions.gateway.assembly import Api, Choice, Result, Usage
from interactions.models import Interaction
from interactions.web import json_text, wording
from interactions.web.parts import Code, Folded, Message, Note, Part, Refusal, Text
from interactions.web.transcript import Reader

CHOICES_SHOWN = 20

# What the page shows at a place of its own, or as part of what it shows.
_SHOWN = {"role", "content", "tool_calls", "function_call", "reasoning", "reasoning_content", "refusal"}
_ITEMS_SHOWN = {"message", "reasoning", "function_call", "custom_tool_call"}


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is what a server said that failed, beyond its message; `oddities` are what was not as it should be."""

    completion: Message
    further: list[Message] = field(default_factory=list)
    left_out: int = 0
    error: str = ""
    body: str = ""
    oddities: list[str] = field(default_factory=list)
    usage: Usage | None = None
    vectors: str = ""
    text: str = ""


def read(interaction: Interaction, stored: Mapping[str, Any], reader: Reader) -> Answer:
    """What is stored of it; its texts must be there."""
    transcript = documents.transcript_of(interaction)
    assert transcript is not None  # noqa: S101 - says so to the type checker
    kept = documents.answer_of(transcript, stored)
    api: Api = stored.get("api", "chat")
    body = kept.get("response")
    result = assembly.result(api, body)
    text = documents.completion_of(transcript, stored, kept)
    first, *others = result.choices or [Choice(0)]
    extras = _Extras(api, body)
    vectors = _vectors(kept)
    completion = reader.answer(
        [*_parts(first, text, extras), *([Note(f"{vectors}, which are not kept")] if vectors else [])]
    )
    completion.notes = [note for note in _course(interaction) if note]
    if others and first.finish_reason:
        completion.notes.append(first.finish_reason)
    return Answer(
        completion,
        [_further(choice, extras, reader) for choice in others[:CHOICES_SHOWN]],
        len(others[CHOICES_SHOWN:]),
        documents.error_of(stored, kept),
        _said_of_error(result),
        [str(oddity) for oddity in kept.get("oddities", ())],
        result.usage,
        vectors,
        text,
    )


def _parts(choice: Choice, text: str, extras: _Extras) -> Iterator[Part]:
    if choice.reasoning:
        yield Folded("Reasoning", choice.reasoning)
    if text:
        yield Text(text)
    if choice.refusal:
        yield Refusal(choice.refusal)
    yield from map(Reader.call, choice.tool_calls)
    yield from extras.of(choice)


def _further(choice: Choice, extras: _Extras, reader: Reader) -> Message:
    message = reader.answer(list(_parts(choice, choice.text, extras)), f"choice {choice.index + 1}")
    message.notes = [choice.finish_reason] if choice.finish_reason else []
    return message


class _Extras:
    """What only some servers send: it is shown as it came."""

    def __init__(self, api: str, body: Any) -> None:
        self._items: list[Any] = []
        self._by_index: dict[int, dict[str, Any]] = {}
        if not isinstance(body, dict):
            return
        if api == "responses" and isinstance(body.get("output"), list):
            self._items = body["output"]
        for position, choice in enumerate(body["choices"] if isinstance(body.get("choices"), list) else ()):
            if isinstance(choice, dict) and isinstance(choice.get("message"), dict):
                index = choice.get("index")
                self._by_index.setdefault(index if isinstance(index, int) else position, choice["message"])

    def of(self, choice: Choice) -> Iterator[Part]:
        for name, value in self._by_index.get(choice.index, {}).items():
            if name not in _SHOWN and value not in (None, "", [], {}):
                yield Code(name, json_text.pretty(value))
        for item in self._items:
            if isinstance(item, dict) and item.get("type") not in _ITEMS_SHOWN:
                yield Code(str(item.get("type", "item")), json_text.pretty(item))


def _said_of_error(result: Result) -> str:
    """All that a server said with its error, if that is more than the message."""
    is_more = result.error is not None and not result.choices and isinstance(result.body, dict)
    return json_text.pretty(result.body) if is_more else ""


def _vectors(kept: Mapping[str, Any]) -> str:
    count, dimensions = kept.get("vectors"), kept.get("dimensions")
    return f"{wording.counted(count, 'vector')} × {dimensions:,} dimensions" if count and dimensions else ""


def _course(interaction: Interaction) -> list[str]:
    tokens, first = interaction.completion_tokens, wording.duration(interaction.first_token_ms)
    return [
        interaction.model.key if interaction.model else "",
        wording.counted(tokens, "token") if tokens is not None else "",
        wording.duration(interaction.total_ms),
        f"first token {first}" if first else "",
    ]
