"""Messages as a reader meets them: texts, pictures at their place, calls, and whatever else a provider puts there.

Walks the structure that `transcripts.py` describes, so that each `$text` and `$image` is met where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from interactions import transcripts
from interactions.models import Image
from interactions.web import folding, json_text
from interactions.web.parts import Code, Elsewhere, Folded, Heading, Message, Part, Picture, Text

MESSAGES_SHOWN = 300

_CARRIERS = {"type", "image_url", "image", "url", "source", "inline_data", "inlineData", "media_type", "mime_type"}
_CARRIERS |= {"mimeType", "data", "detail", "base64"}
_REMOTE_KEYS = ("image_url", "url", "image", "source", "file_uri", "fileUri")


class Reader:
    """`images` and `seen` (in how many interactions each is) by SHA-256; `text` is the transcript's prompt text."""

    def __init__(self, text: str, images: Mapping[str, Image], seen: Mapping[str, int]) -> None:
        self.text = text
        self.images = images
        self.seen = seen
        self.budget = folding.Budget()

    def messages(self, structure: list[dict[str, Any]]) -> list[Message]:
        return [self._message(message) for message in structure[:MESSAGES_SHOWN]]

    def answer(self, parts: list[Part], role: str = "assistant") -> Message:
        """What came back: there are no references in it, as it is in no prompt."""
        told = [folding.thoughts(part, self.budget) if isinstance(part, Folded) else part for part in parts]
        return folding.lay_out(Message(role), told, self.budget)

    @staticmethod
    def call(call: Any) -> Part:
        """One that came back, so that what it holds are no references."""
        return _call(call, json_text.pretty)

    # One message

    def _message(self, structure: dict[str, Any]) -> Message:
        message = Message(str(structure.get("role", "")))
        message.notes = [
            f"{name} {structure[name]}"
            for name in ("name", "tool_call_id")
            if isinstance(structure.get(name), str) and structure[name]
        ]
        return folding.lay_out(message, list(self._parts_of_message(structure)), self.budget)

    def _parts_of_message(self, structure: dict[str, Any]) -> Iterator[Part]:
        for name, value in structure.items():
            if name == "role" or value in (None, "", [], {}):
                continue
            if name in ("content", "parts"):
                yield from self._parts(value)
            elif name == "tool_calls" and isinstance(value, list):
                yield from (self._call(call) for call in value)
            elif name not in ("name", "tool_call_id") or not isinstance(value, str):
                yield from self._extra(name.removeprefix("$") if name.startswith("$$") else name, value)

    def _extra(self, name: str, value: Any) -> Iterator[Part]:
        """A field that only some providers know, such as `reasoning_content`."""
        if isinstance(value, str):
            yield Code(name, value[: folding.SHOWN_PER_MESSAGE])
        else:
            yield from self._unknown(value, name)

    # Parts

    def _parts(self, value: Any) -> Iterator[Part]:
        if isinstance(value, list):
            for item in value:
                yield from self._parts(item)
        elif isinstance(value, str):
            yield Text(value)
        elif isinstance(value, dict):
            yield from self._object(value)
        elif value is not None:
            yield self._code("", value)

    def _object(self, part: dict[str, Any]) -> Iterator[Part]:
        if "$text" in part:
            yield Text(self._text(part))
        elif "$image" in part:
            yield from self._picture(part)
        elif _is_text(part):
            yield from self._parts(part["text"])
            rest = {key: item for key, item in part.items() if key not in ("type", "text") and item not in (None, [])}
            if rest:
                yield self._code("", rest)
        elif part.get("type") in ("tool_use", "function_call") or "functionCall" in part or "function_call" in part:
            yield self._call(part)
        elif part.get("type") == "tool_result":
            yield Heading("tool result", str(part.get("tool_use_id", "")))
            yield from self._parts(part.get("content"))
        else:
            yield from self._pictured(part)

    def _pictured(self, part: dict[str, Any]) -> Iterator[Part]:
        carries_only = part.keys() <= _CARRIERS
        references = list(_references(part))
        address = _address(part) if carries_only and not references else ""
        if address:
            yield Elsewhere(address)
        elif references and carries_only:
            for reference in references:
                yield from self._picture(reference, _detail(part))
        else:
            yield from self._unknown(part, str(part.get("type", "")))

    def _unknown(self, value: Any, title: str) -> Iterator[Part]:
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, dict) and "$image" in item for item in items):
            yield self._code(title, value)
        for reference in _references(value):
            yield from self._picture(reference)

    def _picture(self, reference: dict[str, Any], detail: str = "") -> Iterator[Part]:
        digest = str(reference["$image"])
        image = self.images.get(digest)
        if image is None:
            yield Elsewhere(f"an image that is no longer kept, {digest[:12]}…")
        else:
            yield Picture(image, self.seen.get(digest, 1), detail)

    def _call(self, call: Any) -> Part:
        return _call(call, self._json)

    def _code(self, title: str, value: Any) -> Code:
        return Code(title, self._json(value)[: folding.SHOWN_PER_MESSAGE])

    def _json(self, value: Any) -> str:
        whole = transcripts.put_together(value, self.text, None, lambda digest: f"image {digest[:12]}…")
        return json_text.pretty(whole)

    def _text(self, reference: dict[str, Any]) -> str:
        start, end = reference["$text"]
        return self.text[start:end]


def _call(call: Any, written: Callable[[Any], str]) -> Part:
    """A call as OpenAI, Anthropic and Gemini write it: its name, and its arguments as JSON."""
    told = call if isinstance(call, dict) else {}
    function = next((told[key] for key in ("function", "functionCall", "function_call", "custom") if key in told), told)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return Code("call", written(call)[: folding.SHOWN_PER_MESSAGE])
    given: Any = next((function[key] for key in ("arguments", "input", "args") if key in function), {})
    text = (json_text.indented(given) or given) if isinstance(given, str) else written(given)
    note = str(told.get("id") or told.get("call_id") or "")
    return Code(f"call {function['name']}", text[: folding.SHOWN_PER_MESSAGE], note)


def _is_text(part: dict[str, Any]) -> bool:
    return "text" in part and (isinstance(part["text"], str) or "$text" in part["text"])


def _references(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "$image" in value:
            yield value
        else:
            for item in value.values():
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _address(part: Any) -> str:
    """The first web address among the fields that hold a picture."""
    for key in _REMOTE_KEYS:
        value = part.get(key)
        found = _address(value) if isinstance(value, dict) else value
        if isinstance(found, str) and found.lower().startswith(("http://", "https://")):
            return found
    return ""


def _detail(part: dict[str, Any]) -> str:
    nested = part.get("image_url")
    detail = part.get("detail") or (nested.get("detail") if isinstance(nested, dict) else "")
    return detail if isinstance(detail, str) else ""
