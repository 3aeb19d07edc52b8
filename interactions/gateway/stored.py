"""A model's answer as it is stored: whatever it holds can be, and its text is not stored twice. Knows no Django.

In the place of the completion's text stands `{"$completion": true}`.
"""

from __future__ import annotations

import math
from typing import Any

from interactions.gateway.assembly import Api

_TEXT = {"$completion": True}


def storable(value: Any) -> Any:
    """Lone surrogates become U+FFFD, and numbers that no double can hold texts."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(name): storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def without_text(api: Api, body: Any, completion: str) -> Any:
    """`body` with a mark in the place of the first choice's text. It is not altered."""
    return _exchanged(api, body, completion, _TEXT) if completion else body


def with_text(api: Api, body: Any, completion: str) -> Any:
    return _exchanged(api, body, _TEXT, completion)


def _exchanged(api: Api, body: Any, old: Any, new: Any) -> Any:
    if not isinstance(body, dict):
        return body
    if api == "responses":
        output = body.get("output")
        if not isinstance(output, list):
            return body
        return body | {"output": [_exchanged_in_list(item, "content", old, new) for item in output]}
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return body
    first = choices[0]
    if api == "completions":
        changed = _exchanged_in(first, "text", old, new)
    elif isinstance(first.get("message"), dict):
        changed = first | {"message": _exchanged_in(first["message"], "content", old, new)}
    else:
        return body
    return body | {"choices": [changed, *choices[1:]]}


def _exchanged_in_list(item: Any, name: str, old: Any, new: Any) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get(name), list):
        return item
    return item | {name: [_exchanged_in(part, "text", old, new) for part in item[name]]}


def _exchanged_in(holder: Any, name: str, old: Any, new: Any) -> Any:
    return holder | {name: new} if isinstance(holder, dict) and holder.get(name) == old else holder
