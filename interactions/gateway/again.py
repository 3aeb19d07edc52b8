"""A request once more, from what is stored of it: the way back of `asked`. Knows no Django and no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interactions.gateway.assembly import Api

# What a request tells the server rather than the model, and how it wants to be answered. Who asks again says that anew.
_NOT_AGAIN = {"model", "stream", "stream_options", "session_id", "labels", "ab_campaign"}
# Of the Responses API this is a parameter of the model's server.
_STORE = "store"


def body(
    api: Api, model: str, messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What `asked.read` made these messages and parameters of, for `model`, not streamed."""
    prompt = _prompt(api, messages)
    left_out = _NOT_AGAIN | prompt.keys() | (set() if api == "responses" else {_STORE})
    kept = {name: value for name, value in (parameters or {}).items() if name not in left_out}
    return {"model": model} | prompt | kept


def _prompt(api: Api, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if api == "chat":
        return {"messages": list(messages)}
    if api == "responses":
        return _responses_prompt(messages)
    # A text is a message's content; what is none, such as a list of tokens, its only part.
    texts = [_only(message.get("content")) for message in messages]
    return {"input" if api == "embeddings" else "prompt": texts[0] if len(texts) == 1 else texts}


def _only(content: Any) -> Any:
    return content[0] if isinstance(content, list) and len(content) == 1 else content


def _responses_prompt(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    given, prompt = list(messages), {}
    if given and _is_plain(given[0], "system"):
        prompt["instructions"] = given.pop(0)["content"]
    if len(given) == 1 and _is_plain(given[0], "user"):
        text = given[0]["content"]
        return prompt | ({"input": text} if text else {})
    return prompt | ({"input": [_item(message) for message in given]} if given else {})


def _is_plain(message: Mapping[str, Any], role: str) -> bool:
    return message.keys() == {"role", "content"} and message["role"] == role and isinstance(message["content"], str)


def _item(message: Mapping[str, Any]) -> dict[str, Any]:
    """Only messages name who speaks; to the others that was added."""
    is_message = message.get("type", "message") == "message"
    return {name: value for name, value in message.items() if is_message or name != "role"}
