"""A model's answer as it can be stored, whatever it holds. Knows no Django."""

from __future__ import annotations

import math
from typing import Any


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
