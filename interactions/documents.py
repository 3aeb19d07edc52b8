"""The one lossless form of an interaction, and how its messages are taken apart for the store and put together again.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from pydantic_core import from_json, to_json

from interactions import images, pagination
from interactions.errors import Invalid
from interactions.models import Comparison, Feedback, Image, Interaction
from interactions.pagination import Page

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
        if base64.b64encode(content).decode() != encoded:
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


def _leniently_decoded(encoded: str, where: str) -> bytes:
    """Base64 as MIME and URLs write it: with line breaks, with `-` and `_`, without padding."""
    compact = "".join(encoded.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("The image is not valid base64. Encode the bytes of its file.", where) from None


def take_apart(messages: Iterable[dict[str, Any]]) -> Apart:
    """Raises `Invalid`, naming message and part, where something claims to be an image and is not even base64."""
    apart = Apart()
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
    encoded = _bare_image(value)
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
    if value[:5].lower() == "data:":
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

Content = Callable[[str], bytes]


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


def _image(reference: dict[str, str], content: Content | None, link: Callable[[str], str]) -> str:
    if content is None:
        return link(reference["$image"])
    encoded = reference.get("base64") or base64.b64encode(content(reference["$image"])).decode()
    return reference["head"] + encoded


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


# The documents


def row(interaction: Interaction) -> dict[str, Any]:
    """What a list shows. Needs `with_row_details`; times are ISO 8601, UTC."""
    return {
        "id": str(interaction.id),
        "created_at": timestamp(interaction.created_at),
        "model": interaction.model.key if interaction.model else None,
        "prompt_preview": interaction.prompt_preview,
        "completion_preview": interaction.completion_preview,
        "labels": interaction.labels,
        "feedbacks": [_feedback(feedback) for feedback in interaction.given],
        "image_count": interaction.image_count,
        "message_count": interaction.message_count,
        **_common(interaction),
    }


def listing(page: Page, path: str, query: QueryDict) -> dict[str, Any]:
    """A page of rows, with the addresses of the pages beside it. Needs `with_row_details`."""
    return {
        "interactions": [row(interaction) for interaction in page.rows],
        "older": page.older and pagination.link(path, query, page.older),
        "newer": page.newer and pagination.link(path, query, page.newer),
    }


def whole(interactions: Sequence[Interaction], project_key: str, *, inline: bool = False) -> Iterator[dict[str, Any]]:
    """Each interaction's document, lossless, as it is asked for. Needs `with_everything`.

    Images are links to `/api/v1/images/…`, or with `inline` the data URIs that came in, byte for byte.
    """
    compared = comparisons(interactions)
    for interaction in interactions:
        yield _document(interaction, project_key, compared[interaction.id], inline=inline)


def _document(
    interaction: Interaction, project_key: str, compared: Sequence[Comparison], *, inline: bool
) -> dict[str, Any]:
    transcript = interaction.transcript
    stored = from_json(transcript.document)
    kept = interaction.kept_images
    messages = put_together(
        stored["messages"],
        transcript.prompt_text,
        (lambda sha: images.read(kept[sha])) if inline else None,
        lambda sha: image_link(project_key, kept[sha]),
    )
    return {
        "id": str(interaction.id),
        "project": project_key,
        "created_at": timestamp(interaction.created_at),
        "recorded_at": timestamp(interaction.recorded_at),
        "model": interaction.model.key if interaction.model else None,
        "messages": messages,
        "completion": stored.get("completion", transcript.completion_text),
        "labels": interaction.labels,
        "feedbacks": [_feedback(feedback) for feedback in interaction.given],
        "comparisons": [_comparison(comparison) for comparison in compared],
        **_common(interaction),
        "error": {"kind": interaction.error_kind, "message": stored.get("error", "")}
        if interaction.error_kind
        else None,
        "parameters": stored.get("parameters"),
        "ab_campaign": stored.get("ab_campaign"),
        "prompt_hash": interaction.prompt_hash,
    }


def _common(interaction: Interaction) -> dict[str, Any]:
    return {
        "session_id": str(interaction.session_id),
        "user": _text(interaction.user_uid),
        "source": interaction.source,
        "state": interaction.state,
        "error_kind": interaction.error_kind or None,
        "finish_reason": interaction.finish_reason or None,
        "usage": _usage(interaction),
        "timings": {"first_token_ms": interaction.first_token_ms, "total_ms": interaction.total_ms},
    }


def _usage(interaction: Interaction) -> dict[str, int | None] | None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    usage = {name: getattr(interaction, name) for name in names}
    return None if all(value is None for value in usage.values()) else usage


def _feedback(feedback: Feedback) -> dict[str, Any]:
    return {
        "id": str(feedback.id),
        "metric": feedback.key.key,
        "value": bool(feedback.value) if feedback.key.kind == "bool" else feedback.value,
        "details": feedback.details or None,
        "reason": feedback.reason or None,
        "user": _text(feedback.user_uid),
        "created_at": timestamp(feedback.created_at),
    }


def comparisons(interactions: Sequence[Interaction]) -> Mapping[UUID, list[Comparison]]:
    """The comparisons that each of some interactions of one project stands in, oldest first."""
    ids = {interaction.id for interaction in interactions}
    either = Q(preferred_id__in=ids) | Q(other_id__in=ids)
    found = Comparison.objects.filter(either, project_id__in={i.project_id for i in interactions})
    compared: dict[UUID, list[Comparison]] = {id: [] for id in ids}
    for comparison in found.select_related("key").order_by("created_at", "id"):
        for side in ids & {comparison.preferred_id, comparison.other_id}:
            compared[side].append(comparison)
    return compared


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "id": str(comparison.id),
        "metric": comparison.key.key,
        "preferred": str(comparison.preferred_id),
        "other": str(comparison.other_id),
        "tied": comparison.tied or None,
        "user": _text(comparison.user_uid),
        "created_at": timestamp(comparison.created_at),
    }


def image_link(project_key: str, image: Image) -> str:
    return f"/api/v1/images/{project_key}/{image.sha256}.{image.format}"


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(uid: UUID | None) -> str | None:
    return None if uid is None else str(uid)
