"""What the demo's model says: an echo, the size and colour of pictures, calls of the tools it may use."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

MODELS = ("demo", "demo-reasoning", "demo-embedding")
DIMENSIONS = 64
DIRECTIVE = re.compile(r"\[(fault|slow):([^\]]*)\]\s*")

_LARGEST_PICTURE = 50_000_000  # pixels
_DEEPEST = 20
_COLOURS = {
    **{"black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (220, 30, 30)},
    **{"green": (30, 160, 60), "blue": (40, 70, 210), "yellow": (240, 220, 40), "orange": (245, 140, 20)},
    **{"purple": (130, 50, 160), "pink": (245, 160, 190), "teal": (0, 128, 128), "brown": (130, 80, 40)},
}


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: str


@dataclass(slots=True)
class Answer:
    """What is said, in pieces as a stream has them; `finish` is a finish reason of chat completions."""

    pieces: list[str]
    reasoning: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    finish: str = "stop"
    prompt_tokens: int = 0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def tokens(self) -> int:
        return len(self.pieces) + len(self.reasoning) + sum(len(words(call.arguments)) for call in self.calls)


def answer(request: dict[str, Any], messages: list[Any]) -> Answer:
    """The answer to the last of the messages, which may be those of chat completions or items of the Responses API."""
    told = [text for message in messages for text in _texts(message)]
    prompt_tokens = sum(len(words(text)) for text in told)
    thinks = "reasoning" in str(request.get("model")) or any(
        request.get(name) for name in ("reasoning", "reasoning_effort")
    )
    reasoning = words("The last message is what counts.") if thinks else []
    last = messages[-1] if messages and isinstance(messages[-1], dict) else {}
    is_told_by_tool = last.get("role") == "tool" or last.get("type") == "function_call_output"
    if not is_told_by_tool and (calls := list(_calls(request))):
        return Answer([], reasoning, calls, "tool_calls", prompt_tokens)
    if (schema := _schema(request)) is not None:
        text = json.dumps(example(schema, schema))
    elif is_told_by_tool:
        text = f"The tool said: {''.join(_texts(last))}"
    else:
        text = _spoken(last_user_message(messages))
    return _limited(request, Answer(words(text), reasoning, prompt_tokens=prompt_tokens))


def words(text: str) -> list[str]:
    """A token is a word with the space behind it."""
    return re.findall(r"\S+\s*|\s+", text)


def last_user_message(messages: list[Any]) -> Any:
    users = [message for message in messages if isinstance(message, dict) and message.get("role") == "user"]
    return users[-1] if users else {}


def text_of(message: Any) -> str:
    return " ".join(_texts(message))


def _limited(request: dict[str, Any], given: Answer) -> Answer:
    stop = request.get("stop")
    for word in [stop] if isinstance(stop, str) else stop or []:
        given.pieces = words(given.text.split(word)[0])
    limits = (request.get(name) for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"))
    limit = next((limit for limit in limits if isinstance(limit, int)), None)
    if limit is not None and len(given.pieces) > limit:
        given.pieces, given.finish = given.pieces[:limit], "length"
    return given


def _spoken(message: Any) -> str:
    said = DIRECTIVE.sub("", text_of(message)).strip()
    pictures = [_picture(uri) for uri in _images(message)]
    told = [f"Image {number}: {picture}." for number, picture in enumerate(pictures, 1)]
    return " ".join([*told, f"You said: {said}"] if said or not told else told)


def _texts(message: Any) -> Iterator[str]:
    if not isinstance(message, dict):
        return
    content = message.get("content", message.get("output"))
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def _images(message: Any) -> Iterator[str]:
    content = message.get("content") if isinstance(message, dict) else None
    for part in content if isinstance(content, list) else []:
        given = part.get("image_url") if isinstance(part, dict) else None
        address = given.get("url") if isinstance(given, dict) else given
        if isinstance(address, str):
            yield address


def _picture(uri: str) -> str:
    """What is to be seen of it; nothing is fetched."""
    head, _, encoded = uri.partition(",")
    if not head.startswith("data:"):
        return "an address, which is not looked at"
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            width, height = image.size
            if width * height > _LARGEST_PICTURE:
                return f"{width} by {height} pixels, too large to look at"
            shrunk = image.convert("RGB").resize((32, 32))
    except (binascii.Error, OSError, ValueError, Image.DecompressionBombError):
        return "no picture that can be read"
    _, most = max(shrunk.getcolors(32 * 32) or [(0, (0, 0, 0))], key=lambda counted: counted[0])
    return f"{width} by {height} pixels, mostly {_colour(most)}"


def _colour(seen: Any) -> str:
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(seen, _COLOURS[name], strict=True)))


# Tools and schemas


def _calls(request: dict[str, Any]) -> Iterator[Call]:
    """All tools that may be called, or the one that must be, each with arguments that fit its parameters."""
    choice = request.get("tool_choice", request.get("function_call"))
    wanted = choice.get("function", choice).get("name") if isinstance(choice, dict) else None
    tools = request.get("tools") or request.get("functions") or []
    functions = [tool.get("function", tool) for tool in tools if isinstance(tool, dict)]
    named = [one for one in functions if wanted in (None, one.get("name")) and choice != "none"]
    for function in named if request.get("parallel_tool_calls") is not False else named[:1]:
        parameters = function.get("parameters") or {}
        yield Call(function.get("name", ""), json.dumps(example(parameters, parameters)))


def _schema(request: dict[str, Any]) -> dict[str, Any] | None:
    wanted = request.get("response_format") or (request.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    if wanted.get("type") == "json_schema":
        return dict(wanted.get("json_schema", wanted).get("schema") or {})
    return None


def example(schema: Any, root: Any, depth: int = 0) -> Any:
    """A value that fits a JSON schema, always the same one."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if isinstance(reference := schema.get("$ref"), str):
        found = root
        for name in reference.removeprefix("#/").split("/"):
            found = found.get(name, {})
        return example(found, root, depth + 1)
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return example(options[0], root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return {name: example(one, root, depth + 1) for name, one in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [example(schema.get("items"), root, depth + 1)]
    plain = {"string": "text", "integer": 1, "number": 0.5, "boolean": True}
    return plain.get(kind[0] if isinstance(kind, list) else kind)


# Embeddings


def vector(text: str, dimensions: int) -> bytes:
    """A unit vector, as little-endian floats of four bytes."""
    chance = random.Random(hashlib.sha256(text.encode()).digest())
    numbers = [chance.gauss(0, 1) for _ in range(dimensions)]
    length = sum(number * number for number in numbers) ** 0.5
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
