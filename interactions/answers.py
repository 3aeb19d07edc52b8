"""A model's answer as it is stored beside the completion, so that the completion's text is not stored twice.

In the place of that text stands `{"$completion": true}`.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"$completion": True}


def without_text(api: str, body: Any, completion: str) -> Any:
    """`body` with a mark in the place of the first choice's text. It is not altered."""
    return _exchanged(api, body, completion, _TEXT) if completion else body


def with_text(api: str, body: Any, completion: str) -> Any:
    """`body` as it came. It is not altered."""
    return _exchanged(api, body, _TEXT, completion) if completion else body


def _exchanged(api: str, body: Any, old: Any, new: Any) -> Any:
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
