"""What the outside may hand us: bytes to checked values. Knows no database.

One gate decides for every door what is text and what is a number: lone surrogates, NaN, numbers beyond a double and
absurd depth are refused the same way whichever database is below. Wire source: `adaptive-sdk` 0.14.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, from_json

from interactions import ids
from interactions.errors import Invalid, RequestError

PROJECT_KEY = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,100}")

MAX_DEPTH = 64
MAX_MESSAGES = 10_000
MAX_LABELS = 64
MAX_BATCH = 1_000

# A path names what the caller sent, so it could be as long as that.
LONGEST_PATH = 300

_TOO_DEEP = f"The value is nested more than {MAX_DEPTH} levels deep. Send a flatter document."

_Shape = TypeVar("_Shape", bound=BaseModel)


def parse_json(body: bytes, called: str = "body") -> Any:
    """The JSON value in `body`, which errors call so.

    Raises `RequestError` (400) when it is none, `Invalid` for what JSON alone allows.
    """
    if not body.strip():
        raise RequestError("The request has no body. Send a JSON object.")
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        if str(error).startswith("recursion limit"):
            raise Invalid(_TOO_DEEP) from None
        raise RequestError(f"The {called} is not valid JSON: {_sentence(str(error))}.") from None
    check_values(value)
    return value


def check_values(value: Any, path: str = "", depth: int = 0) -> None:
    """Refuse numbers that no double can hold, and nesting that no reader could follow."""
    if depth > MAX_DEPTH:
        raise Invalid(_TOO_DEEP, path[:LONGEST_PATH])
    if isinstance(value, dict):
        for key, item in value.items():
            check_values(item, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_values(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid("The number is too large for a double. Send it as a string.", path[:LONGEST_PATH])


def read(shape: type[_Shape], value: Any) -> _Shape:
    """`value` as a `shape`. Raises `Invalid` with the path and a sentence for the first thing that is wrong."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Invalid:
    first = error.errors(include_url=False, include_context=False)[0]
    named = [part for part in first["loc"] if not _is_branch(part)]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named).strip(".")[:LONGEST_PATH]
    return Invalid(_SENTENCES.get(first["type"]) or f"{_sentence(first['msg'])}.", path or None)


_SENTENCES = {
    "extra_forbidden": "This field is not known. Remove it, or check its spelling.",
    "missing": "This field is required.",
    "string_type": "This must be a text.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "int_type": "This must be a whole number.",
}


def _is_branch(part: Any) -> bool:
    """Pydantic names the branch of a union in the path; callers do not know it."""
    return isinstance(part, str) and bool(
        re.match(r"(str|bool|int|float|dict|Side)$|list\[|dict\[|function-|\[key\]", part)
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:300].rstrip(".")


# Fields


def _moment(value: Any) -> datetime:
    """Unix milliseconds, or ISO 8601; a naive time is UTC."""
    try:
        moment = _parse_moment(value)
    except (ValueError, OverflowError, OSError):
        raise PydanticCustomError(
            "moment", "This is not a time. Send ISO 8601 (2026-11-23T14:58:07Z) or Unix milliseconds"
        ) from None
    if not ids.EPOCH <= moment <= ids.now() + ids.CLOCK_SKEW:
        raise PydanticCustomError("moment", "The time must lie between 1970 and now")
    return moment


def _parse_moment(value: Any) -> datetime:
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return ids.EPOCH + timedelta(milliseconds=value)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if isinstance(value, datetime):
        return value
    raise ValueError


def parse_moment(value: int | str) -> datetime:
    """A moment from outside, for filters: any time is allowed there. Raises ValueError."""
    try:
        return _parse_moment(value)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from error


def parse_number(text: str) -> float:
    """A number that a double can hold, from a form or a URL. Raises ValueError."""
    number = float(text)
    if not abs(number) < 1e308:
        raise ValueError(text)
    return number


def sha256(text: str) -> str | None:
    """The digest in small letters, if the text is one of 64 hexadecimal digits."""
    return text.lower() if _SHA256.fullmatch(text) else None


_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def searchable(text: str, field: str | None = None) -> str:
    """A text to look for. Raises `Invalid` for what nothing in the store holds, and for what is one long scan."""
    if "\x00" in text:
        raise Invalid("This holds a NUL character, which nothing that can be searched for holds.", field)
    if len(text) > _LONGEST_SEARCHED:
        raise Invalid(f"This has {len(text):,} characters; at most {_LONGEST_SEARCHED:,} can be searched for.", field)
    return text


_LONGEST_SEARCHED = 1_000


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("nul", "This text holds a NUL character, which only prompts and completions may")
    return value


def _uuid(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else _refuse_uuid()
    except ValueError:
        return _refuse_uuid()


def _refuse_uuid() -> UUID:
    raise PydanticCustomError("uuid", "This is not a UUID. Send one such as 0192f0c1-7a5e-7cc0-8000-0123456789ab")


def _number(value: Any) -> bool | int | float:
    if isinstance(value, bool | int | float) and abs(value) < 1e308:
        return value
    raise PydanticCustomError("number", "This is neither a number nor true or false")


def _named(limit: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("blank", "This must not be empty")
        if len(value) > limit:
            raise PydanticCustomError("long", f"This has {len(value):,} characters; at most {limit:,} are kept")
        return _without_nul(value)

    return check


Moment = Annotated[datetime, BeforeValidator(_moment)]
Identifier = Annotated[UUID, BeforeValidator(_uuid)]
Key = Annotated[str, AfterValidator(_named(200))]
LabelKey = Annotated[str, AfterValidator(_named(200))]
LabelValue = Annotated[str, AfterValidator(_named(500))]
Remark = Annotated[str, AfterValidator(_without_nul), Field(max_length=20_000)]
Number = Annotated[bool | int | float, BeforeValidator(_number)]
Source = Literal["LIVE", "OFFLINE", "AUTOMATION", "DATASET", "EVALUATION"]
State = Literal["done", "failed", "cancelled", "interrupted"]


class Shape(BaseModel):
    """Strict: no silent conversion between types, and no silently dropped field."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=True)


# Documents


class Message(Shape):
    """A turn. Only the role is fixed; whatever else a provider puts into a message is kept as it is."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Annotated[str, AfterValidator(_named(100))]
    content: str | list[Any] | dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """The message as it was sent."""
        sent = {name: getattr(self, name) for name in ("role", "content") if name in self.model_fields_set}
        return sent | (self.model_extra or {})


class FeedbackItem(Shape):
    metric: Key
    value: Number
    details: Remark | None = None
    reason: Remark | None = None
    user: Identifier | None = None
    created_at: Moment | None = None


class Failure(Shape):
    kind: Key
    message: Annotated[str, AfterValidator(_without_nul), Field(max_length=100_000)] = ""


class Usage(Shape):
    prompt_tokens: Annotated[int, Field(ge=0, le=2**31 - 1)]
    completion_tokens: Annotated[int, Field(ge=0, le=2**31 - 1)]
    total_tokens: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Timings(Shape):
    first_token_ms: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    total_ms: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class Interaction(Shape):
    """Body of `POST /api/v1/interactions`. The SDK sends the first nine fields; the rest is for files and gateways."""

    project: Key
    messages: Annotated[list[Message], Field(max_length=MAX_MESSAGES)]
    completion: str
    model_service: Key | None = Field(default=None, alias="model")
    feedbacks: Annotated[list[FeedbackItem], Field(max_length=1_000)] = []
    user: Identifier | None = None
    session_id: Identifier | None = None
    created_at: Moment | None = None
    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=MAX_LABELS)] = {}
    ab_campaign: Key | None = None
    source: Source = "OFFLINE"
    state: State = "done"
    error: Failure | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    parameters: dict[str, Any] | None = None
    api: Literal["chat", "completions", "responses", "embeddings"] | None = None
    finish_reason: Annotated[str, AfterValidator(_named(100))] | None = None


class Side(Shape):
    """One side of a comparison, given by its text."""

    text: str
    model: Key


class Comparison(Shape):
    """Body of `POST /api/v1/comparison`."""

    project: Key
    metric: Key
    preferred_completion: Identifier | Side
    other_completion: Identifier | Side
    user_id: Identifier | None = None
    messages: Annotated[list[Message], Field(max_length=MAX_MESSAGES)] = []
    tied: Literal["good", "bad"] | None = None


class Feedback(Shape):
    """Body of `POST /api/v1/feedback`. The interaction names its project."""

    completion_id: Identifier
    metric: Key
    value: Number
    details: Remark | None = None
    reason: Remark | None = None
    user: Identifier | None = None
    project: Key | None = None


class Outcome(Shape):
    """Body of `POST /api/v1/outcome`: feedback on a whole session."""

    project: Key = Field(alias="project_id")
    session_id: Identifier
    metric: Key
    value: Number
    details: Remark | None = None
    user_id: Identifier | None = None


class Batch(Shape):
    """Body of `POST /api/v1/interactions/batch`. Each item is read on its own, so that one cannot spoil the others."""

    interactions: Annotated[list[Any], Field(max_length=MAX_BATCH)]


class NewUpload(Shape):
    """Body of `POST /api/v1/upload/init`."""

    content_type: Annotated[str, AfterValidator(_without_nul), Field(max_length=200)] = "application/jsonl"
    metadata: dict[str, Any] | None = None
    total_parts_count: int


class UploadSession(Shape):
    """Body of `POST /api/v1/upload/status` and `DELETE /api/v1/upload/abort`."""

    session_id: str
