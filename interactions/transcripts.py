"""How messages are taken apart for the store, and put together again, value for value.

Taken apart, the messages are three things: their text, which is stored once and searchable; their images, which are
content of their own; and a *structure*, which is the messages with `{"$text": [start, end]}` in the place of a text
and `{"$image": sha256, "head": "data:image/png;base64,"}` in the place of an image. A key that begins with `$` in the
messages themselves is written with one `$` more.

Images are recognised in the shapes providers use: OpenAI `image_url` (string or object) and `input_image`, Anthropic
`source`, Gemini `inline_data`, the `url` of Adaptive's dataset files, and a string that is a data URI and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from interactions.errors import Invalid

DATA_URI = re.compile(r"data:image/[^,]{0,200};base64,", re.IGNORECASE)
ANY_DATA_URI = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
SEPARATOR = "\n"

_TEXT_KEYS = {"content", "text"}
_IMAGE_KEYS = {"image_url", "url", "image"}
# Here a data URI is an image or refused, whatever type it claims: the bytes decide.
_PROMISED = "image_url"


@dataclass(frozen=True, slots=True)
class Found:
    """An image in the messages: its bytes, and where it was."""

    content: bytes
    sha256: str
    field: str


@dataclass(slots=True)
class Apart:
    """Messages, taken apart."""

    structure: list[Any] = field(default_factory=list)
    images: list[Found] = field(default_factory=list)
    takes_images: bool = True
    _texts: list[str] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        return "".join(self._texts)

    def add_text(self, text: str) -> Any:
        """Put `text` into the searchable text and return its reference, or the text where it cannot be stored so."""
        stored = text.replace("\x00", "")
        start = self._length
        self._texts += (stored, SEPARATOR)
        self._length += len(stored) + len(SEPARATOR)
        return {"$text": [start, start + len(stored)]} if stored == text else text

    def add_image(self, head: str, encoded: str, where: str) -> Any:
        content = _decoded(encoded, where)
        found = Found(content, hashlib.sha256(content).hexdigest(), where)
        self.images.append(found)
        reference = {"$image": found.sha256, "head": head}
        if not _is_usual(encoded, content):
            reference["base64"] = encoded  # written in an unusual way, which must come back as it was
        return reference


def _decoded(encoded: str, where: str) -> bytes:
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        content = _leniently_decoded(encoded, where)
    if not content:
        raise Invalid("The image is empty. Send the bytes of its file.", where)
    return content


def _is_usual(encoded: str, content: bytes) -> bool:
    """Whether encoding the bytes again gives this text, told without doing so: `encoded` was decoded to `content`.

    A text of the right length can then differ only by the other alphabet, and at its end.
    """
    if len(encoded) != (len(content) + 2) // 3 * 4 or "-" in encoded or "_" in encoded:
        return False
    return encoded.endswith(base64.b64encode(content[-(len(content) % 3 or 3) :]).decode())


def _leniently_decoded(encoded: str, where: str) -> bytes:
    """Base64 as MIME and URLs write it: with line breaks, with `-` and `_`, without padding."""
    compact = "".join(encoded.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The image is not valid base64. Encode the bytes of its file.", where) from None


def take_apart(messages: Iterable[dict[str, Any]], *, images: bool = True) -> Apart:
    """Raises `Invalid`, naming message and part, where something claims to be an image and is not even base64. Without
    `images` nothing is taken for one."""
    apart = Apart(takes_images=images)
    apart.structure = [_taken(message, f"messages[{index}]", apart) for index, message in enumerate(messages)]
    return apart


def _taken(value: Any, where: str, apart: Apart, key: str = "") -> Any:
    if isinstance(value, dict):
        return _taken_object(value, where, apart, key)
    if isinstance(value, list):
        return [_taken(item, f"{where}[{index}]", apart, key) for index, item in enumerate(value)]
    if isinstance(value, str):
        return _taken_string(value, where, apart, key)
    return value


def _taken_object(value: dict[str, Any], where: str, apart: Apart, within: str) -> dict[str, Any]:
    encoded = apart.takes_images and _bare_image(value)
    taken = {}
    for key, item in value.items():
        name = f"${key}" if key.startswith("$") else key
        place = f"{where}.{key}"
        role = _PROMISED if key == "url" and within == _PROMISED else key
        taken[name] = (
            apart.add_image("", item, place) if key == "data" and encoded else _taken(item, place, apart, role)
        )
    return taken


def _bare_image(value: dict[str, Any]) -> bool:
    """Anthropic's and Gemini's form: base64 in `data`, its type beside it."""
    kind = value.get("media_type") or value.get("mime_type") or value.get("mimeType")
    return isinstance(kind, str) and kind.lower().startswith("image/") and isinstance(value.get("data"), str)


def _taken_string(value: str, where: str, apart: Apart, key: str) -> Any:
    if value[:5].lower() == "data:" and apart.takes_images:
        head = (ANY_DATA_URI if key == _PROMISED else DATA_URI).match(value)
        if head is not None and (key in _IMAGE_KEYS or not _is_prose(value, head.end())):
            return apart.add_image(head.group(), value[head.end() :], where)
        if key == _PROMISED:
            raise Invalid("This data URI is not in base64. Send “data:image/png;base64,…”.", where)
    if key in _TEXT_KEYS:
        return apart.add_text(value)
    return value


def _is_prose(value: str, start: int) -> bool:
    """Whether a text only begins like an image, as in a question about data URIs."""
    return not re.fullmatch(r"[A-Za-z0-9+/_-]{16,}={0,2}\s*", value[start:])


# Put together

Content = Callable[[str], bytes | None]


def put_together(structure: Any, text: str, content: Content | None, link: Callable[[str], str]) -> Any:
    """The messages as they came; images as data URIs if `content` gives their bytes, else as the URL `link` gives."""
    if isinstance(structure, list):
        return [put_together(item, text, content, link) for item in structure]
    if not isinstance(structure, dict):
        return structure
    if "$text" in structure:
        start, end = structure["$text"]
        return text[start:end]
    if "$image" in structure:
        return _image(structure, content, link)
    return {
        key[1:] if key.startswith("$$") else key: put_together(item, text, content, link)
        for key, item in structure.items()
    }


def parts(message: dict[str, Any], text: str, link: Callable[[str], str]) -> Iterator[tuple[bool, str]]:
    """The texts of a message's content (True), and the URLs of its images (False), in their order. Images that were
    given by an address have that."""
    for name in ("content", "parts"):
        if name in message:
            yield from _parts(message[name], text, link)


def _parts(value: Any, text: str, link: Callable[[str], str], key: str = "content") -> Iterator[tuple[bool, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, text, link, key)
    elif isinstance(value, str):
        if key in _TEXT_KEYS:
            yield True, value
        elif key in _IMAGE_KEYS and value.startswith(("http://", "https://")):
            yield False, value
    elif isinstance(value, dict) and "$text" in value:
        yield True, text[value["$text"][0] : value["$text"][1]]
    elif isinstance(value, dict) and "$image" in value:
        yield False, link(value["$image"])
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, dict | list) or name in _TEXT_KEYS | _IMAGE_KEYS:
                yield from _parts(item, text, link, name)


def _image(reference: dict[str, str], content: Content | None, link: Callable[[str], str]) -> str:
    found = content(reference["$image"]) if content else None
    if found is None:
        return link(reference["$image"])
    return reference["head"] + (reference.get("base64") or base64.b64encode(found).decode())


# Digests


def prompt_hash(apart: Apart) -> str:
    """SHA-256 over the canonical messages: all of them, roles and parts, images by their hash.

    A content that is a string and one that is a single text part are the same prompt.
    """
    text = apart.text
    canonical = [_canonical(structure, text) for structure in apart.structure]
    return hashlib.sha256(to_json(canonical)).hexdigest()


def _canonical(value: Any, text: str) -> Any:
    if isinstance(value, list):
        return [_canonical(item, text) for item in value]
    if not isinstance(value, dict):
        return value
    if "$text" in value:
        return text[value["$text"][0] : value["$text"][1]]
    if "$image" in value:
        return {"$image": value["$image"]}
    plain = {key: _canonical(item, text) for key, item in sorted(value.items())}
    if isinstance(plain.get("content"), str):
        plain["content"] = [{"text": plain["content"], "type": "text"}]
    return plain


# Glimpses


def asked(apart: Apart) -> str:
    """The text that says best what a prompt is about: that of the last user message, or of the last one of all."""
    turns = [turn for turn in apart.structure if turn.get("role") == "user"] or apart.structure
    return " ".join(_texts(turns[-1], apart.text)) if turns else ""


def _texts(value: Any, text: str) -> Iterable[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item, text)
    elif isinstance(value, dict) and "$text" in value:
        yield text[value["$text"][0] : value["$text"][1]]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from [item] if key in _TEXT_KEYS and isinstance(item, str) else _texts(item, text)
