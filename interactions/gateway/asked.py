"""What a request asks of a model, and how the model's server is asked for it. Knows no Django and no store.

What the server of this store is told apart from that (labels, a session, whether to keep it) goes no further; all else
does, whether or not it is known here.

Sources: `ChatInput` and `EmbeddingsInput` of `adaptive-sdk` 0.14.2; https://platform.openai.com/docs/api-reference
(chat, completions, responses, embeddings).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic_core import to_json

from interactions import ids, payloads
from interactions.errors import Invalid
from interactions.gateway.assembly import Api

PATHS: Mapping[Api, str] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
}
# Where each API has its prompt.
PROMPTS: Mapping[Api, tuple[str, ...]] = {
    "chat": ("messages",),
    "completions": ("prompt",),
    "responses": ("instructions", "input"),
    "embeddings": ("input",),
}
# For this server only. What else means something to both, such as `user`, goes on.
_OURS = ("session_id", "labels", "ab_campaign")


class _Told(payloads.Shape):
    """What a request tells this server. The rest of it is the model's."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: Annotated[str, Field(min_length=1)]
    session_id: payloads.Identifier | None = None
    labels: Annotated[dict[payloads.LabelKey, payloads.LabelValue], Field(max_length=payloads.MAX_LABELS)] | None = None
    ab_campaign: payloads.Key | None = None
    store: bool | None = None
    stream: bool | None = None


class _Messages(payloads.Shape):
    model_config = ConfigDict(strict=True, extra="ignore")

    messages: Annotated[list[payloads.Message], Field(max_length=payloads.MAX_MESSAGES, min_length=1)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `messages` and `parameters` are its two halves as they are stored; `body` is all that came."""

    api: Api
    model: str
    messages: list[payloads.Message]
    parameters: dict[str, Any]
    body: dict[str, Any]
    is_stream: bool = False
    wants_usage: bool = False
    is_kept: bool = True
    session_id: UUID | None = None
    user: UUID | None = None
    labels: Mapping[str, str] | None = None
    ab_campaign: str | None = None


def read(api: Api, value: Any) -> Asked:
    """Raises `Invalid`, with the path of what is wrong. What only the model can judge is left to it."""
    if not isinstance(value, dict):
        raise Invalid("Send a JSON object.")
    told = payloads.read(_Told, value)
    is_stored_here = api in ("chat", "completions")
    apart = {*_OURS, *PROMPTS[api], "model", "stream", "stream_options", *(("store",) if is_stored_here else ())}
    user, options = value.get("user"), value.get("stream_options")
    labels = told.labels if told.labels is not None else _labels(value.get("metadata"))
    return Asked(
        api=api,
        model=told.model,
        messages=payloads.read(_Messages, {"messages": list(_messages(api, value))}).messages,
        parameters={name: item for name, item in value.items() if name not in apart},
        body=value,
        is_stream=bool(told.stream) and api != "embeddings",
        wants_usage=isinstance(options, dict) and bool(options.get("include_usage")),
        is_kept=told.store is not False or not is_stored_here,
        session_id=told.session_id,
        user=ids.uuid(user) if isinstance(user, str) else None,
        labels=labels,
        ab_campaign=told.ab_campaign,
    )


def _labels(metadata: Any) -> Mapping[str, str] | None:
    """OpenAI's `metadata` are labels wherever they can be; else they are a parameter like any other."""
    try:
        return payloads.read(_Told, {"model": "-", "labels": metadata}).labels
    except Invalid:
        return None


# Prompts as messages, and back


def _messages(api: Api, value: Mapping[str, Any]) -> Iterable[Any]:
    if api == "chat":
        messages = value.get("messages")
        if not isinstance(messages, list):
            raise Invalid("Send the conversation as a list of messages.", "messages")
        return messages
    if api == "responses":
        return _responses_messages(value)
    name = PROMPTS[api][0]
    if name not in value and api == "embeddings":
        raise Invalid("Send the text to embed.", name)
    given = value.get(name, "")
    # Several prompts at once, but a list of numbers is one, as tokens.
    several = given if isinstance(given, list) and any(not isinstance(one, int) for one in given) else [given]
    return [{"role": "user", "content": one if isinstance(one, str) else [one]} for one in several]


def _responses_messages(value: Mapping[str, Any]) -> Iterable[Any]:
    instructions, given = value.get("instructions"), value.get("input")
    if isinstance(instructions, str):
        yield {"role": "system", "content": instructions}
    if isinstance(given, str):
        yield {"role": "user", "content": given}
    elif isinstance(given, list):
        for item in given:
            yield item if not isinstance(item, dict) or "role" in item else {"role": _role(item), **item}
    if not isinstance(instructions, str) and not given:
        # A stored prompt, or the conversation of an earlier response.
        yield {"role": "user", "content": ""}


def _role(item: Mapping[str, Any]) -> str:
    """Who speaks in an item of the Responses API that names nobody: a tool's result, or else the model."""
    return "tool" if str(item.get("type", "")).endswith("_output") else "assistant"


# For the model's server


def body_for(asked: Asked, external_id: str, parameters: Mapping[str, Any], *, is_openai: bool) -> bytes:
    """The body that its server gets. `parameters` are the model's own, under what the request says; null takes one
    out of the request."""
    body = {name: item for name, item in asked.body.items() if name not in _OURS}
    body["model"] = external_id
    if asked.api in ("chat", "completions"):
        body.pop("store", None)
        if asked.labels is not None:
            body.pop("metadata", None)  # which OpenAI refuses where it is not to store
        _set_options(body, is_stream=asked.is_stream)
    if asked.api == "chat":
        body["messages"] = [_for_openai(message) for message in body["messages"]]
        if is_openai and "max_completion_tokens" not in body and "max_tokens" in body:
            body["max_completion_tokens"] = body.pop("max_tokens")
    if asked.api == "embeddings" and isinstance(body.get("encoding_format"), str):
        body["encoding_format"] = body["encoding_format"].lower()  # the SDK writes “Float”
    for name, item in parameters.items():
        if item is None:
            body.pop(name, None)
        else:
            body.setdefault(name, item)
    return to_json(body)


def _set_options(body: dict[str, Any], *, is_stream: bool) -> None:
    """A stream is always asked to tell its usage; without one, the options that the SDK sends are refused."""
    options = body.pop("stream_options", None)
    if is_stream:
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}


def _for_openai(message: Any) -> Any:
    """The SDK gives an image's address as a text; the others, as an object."""
    parts = message.get("content") if isinstance(message, dict) else None
    if not isinstance(parts, list) or not any(_is_flat(part) for part in parts):
        return message
    given = [{**part, "image_url": {"url": part["image_url"]}} if _is_flat(part) else part for part in parts]
    return {**message, "content": given}


def _is_flat(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("image_url"), str) and part.get("type") == "image_url"
