"""The records of a dataset: JSON lines of one of four kinds. Source: the vendor's dataset documentation, 0.6 to 0.14.

PROMPT                   {"messages": [...]}
PROMPT_COMPLETION        {"messages": [...], "completion": "..."}
PROMPT_COMPLETION_SCORE  {"messages": [...], "completion": "...", "feedbacks": {"quality": 0.8, "helpful": true}}
PREFERENCE               {"messages": [...], "preferred_completion": "...", "other_completion": "...",
                          "feedback_key": "quality"}

Each may have `labels` (an object, or as older files have it, a list of pairs) and `metadata` (an object).
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from django.conf import settings
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError, from_json, to_json

from interactions import payloads
from interactions.errors import Invalid, RequestError
from interactions.models import Dataset, FeedbackKey
from interactions.payloads import MAX_LABELS, MAX_MESSAGES, Key, LabelKey, LabelValue, Message, Number, Shape

Kind = Dataset.Kind

# Keys are kept in memory, and those that are new become rows.
MOST_FEEDBACK_KEYS = 1_000


def _pairs(labels: Any) -> Any:
    """The older form, a list of pairs, as an object."""
    return dict(map(_pair, labels)) if isinstance(labels, list) else labels


def _pair(label: Any) -> tuple[str, Any]:
    match label:
        case [str(key), value] | {"key": str(key), "value": value}:
            return key, value
    raise PydanticCustomError("pair", "Write labels as an object, or as a list of pairs of a key and a value")


class Prompt(Shape):
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    labels: Annotated[
        Annotated[dict[LabelKey, LabelValue], Field(max_length=MAX_LABELS)] | None, BeforeValidator(_pairs)
    ] = None
    metadata: dict[str, Any] | None = None


class Completed(Prompt):
    completion: str


class Scored(Completed):
    feedbacks: dict[Key, Number]


class Preference(Prompt):
    preferred_completion: str
    other_completion: str
    feedback_key: Key


_SHAPES: Mapping[Kind, type[Prompt]] = {
    Kind.PROMPT: Prompt,
    Kind.PROMPT_COMPLETION: Completed,
    Kind.PROMPT_COMPLETION_SCORE: Scored,
    Kind.PREFERENCE: Preference,
}


def kind_of(record: Mapping[str, Any]) -> Kind:
    """What a record is meant to be, by the fields that only this kind has."""
    if record.keys() & {"preferred_completion", "other_completion", "feedback_key"}:
        return Kind.PREFERENCE
    if "feedbacks" in record:
        return Kind.PROMPT_COMPLETION_SCORE
    return Kind.PROMPT_COMPLETION if "completion" in record else Kind.PROMPT


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a file, without their ends. Raises `Invalid` for one that is too long to be held in memory."""
    held: list[bytes] = []
    size, number = 0, 1
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        held.append(first)
        size += len(first)
        for piece in others:
            yield b"".join(held)
            held, size = [piece], len(piece)
            number += 1
        if size > settings.MAX_REQUEST_BYTES:
            limit = settings.MAX_REQUEST_BYTES // 1024 // 1024
            raise Invalid(f"Line {number}: A record may have {limit} MB. Write one record a line.", f"line {number}")
    if size:
        yield b"".join(held)


class Survey:
    """What a file holds, as its records are looked at one after the other.

    `known` are the project's feedback keys with their kinds.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self.kind: Kind | None = None
        self.records = 0
        self._known = known
        self._lines = 0
        self._scores: Counter[str] = Counter()
        self._comparisons: Counter[str] = Counter()
        self._not_boolean: set[str] = set()

    def read(self, line: bytes) -> None:
        """Check the next line, and count its record. Raises `Invalid` that names the line and the field."""
        self._lines += 1
        if self._lines == 1:
            line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            return
        try:
            self._read(payloads.parse_json(line, "line"))
        except RequestError as error:
            raise _in_line(self._lines, error) from None

    def _read(self, record: Any) -> None:
        if not isinstance(record, dict):
            raise Invalid("A record is an object, such as {“messages”: […]}.")
        kind = kind_of(record)
        payloads.read(_SHAPES[kind], record)
        if self.kind not in (None, kind):
            raise Invalid(
                f"This is a record of the kind {kind}, and the first one is of the kind {self.kind}. "
                "Put each kind into a file of its own."
            )
        for key, value in record.get("feedbacks", {}).items():
            if self._known.get(key) == FeedbackKey.Kind.BOOL and value not in (0, 1):
                raise Invalid(f"“{key}” is a yes-or-no key: send true or false, not {value}.", f"feedbacks.{key}")
        self.count(record)

    def count(self, record: Mapping[str, Any]) -> None:
        """Count a record that is known to be in order."""
        self.kind = self.kind or kind_of(record)
        self.records += 1
        for key, value in record.get("feedbacks", {}).items():
            self._scores[key] += 1
            if not isinstance(value, bool):
                self._not_boolean.add(key)
        if (compared := record.get("feedback_key")) is not None:
            self._comparisons[compared] += 1
            self._not_boolean.add(compared)
        if len(self._scores) + len(self._comparisons) > MOST_FEEDBACK_KEYS:
            raise Invalid(f"The file has more than {MOST_FEEDBACK_KEYS:,} feedback keys.", "feedbacks")

    def new_keys(self) -> dict[str, str]:
        """The feedback keys that the project does not have, with the kinds that their values suggest."""
        return {
            key: FeedbackKey.Kind.SCALAR if key in self._not_boolean else FeedbackKey.Kind.BOOL
            for key in sorted((self._scores.keys() | self._comparisons.keys()) - self._known.keys())
        }

    def metrics(self) -> dict[str, dict[str, int]]:
        """For `Dataset.metrics`."""
        return {
            key: {"scores": self._scores[key], "comparisons": self._comparisons[key]}
            for key in sorted(self._scores.keys() | self._comparisons.keys())
        }


def _in_line(number: int, error: RequestError) -> Invalid:
    """The same error as whoever has the file open sees it."""
    place = f"Line {number}, {error.field}" if error.field else f"Line {number}"
    message = error.message.replace(" at line 1 column ", " at column ")
    return Invalid(f"{place}: {message}", error.within(f"line {number}").field)


# As training recipes take them


def processed(line: bytes) -> bytes:
    """A record that was checked, in the one form that all can be told in: labels as an object, images as dataset
    files have them (`{"type": "image", "url": "data:…"}`)."""
    record = from_json(line.removeprefix(BOM_UTF8))
    if "labels" in record:
        record["labels"] = _pairs(record["labels"])
    for message in record["messages"]:
        if isinstance(message.get("content"), list):
            message["content"] = [_part(part) for part in message["content"]]
    return to_json(record) + b"\n"


def _part(part: Any) -> Any:
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)} | str(url)} | {
            "type": "input_image",
            "image_url": str(url),
        }:
            return {"type": "image", "url": url}
    return part
