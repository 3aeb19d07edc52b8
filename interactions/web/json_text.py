"""JSON for people: indented, and with every number and string spelled as it was."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST_STRING = 500

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_DEEPEST = 60


def indented(text: str) -> str | None:
    """A JSON object or array, indented; None if the text is anything else. Only white space changes."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _laid_out(_TOKEN.findall(text))


def _laid_out(signs: list[str]) -> str | None:
    written: list[str] = []
    depth = 0
    before = ""
    for sign in signs:
        if sign in "]}":
            depth -= 1
        if depth > _DEEPEST:
            return None
        is_inside = before in ("[", "{") if sign not in "]}" else before not in ("[", "{")
        if before == "," or (before and is_inside):
            written.append("\n" + "  " * depth)
        written.append(": " if sign == ":" else sign)
        if sign in "[{":
            depth += 1
        before = sign
    return "".join(written)


def pretty(value: Any) -> str:
    """A value as indented JSON; strings that nobody would read to the end are shortened and say so."""
    return json.dumps(shortened(value), indent=2, ensure_ascii=False)


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        return f"{value[:LONGEST_STRING]}… ({len(value):,} characters)"
    return value
