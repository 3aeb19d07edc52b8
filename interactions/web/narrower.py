"""What to ask instead of a filter that could not be answered in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.http import urlencode

from interactions.errors import TooSlow
from interactions.filtersets import PRESETS, InteractionFilterSet

_TIMES = ("last", "since", "until")
_TEXTS = ("q", "prompt", "completion")


@dataclass(frozen=True, slots=True)
class Way:
    """Another filter: what is different in it, and its query string."""

    text: str
    query: str


def offer(filters: InteractionFilterSet, error: TooSlow) -> dict[str, Any]:
    """What the list shows in place of rows and numbers."""
    return {"too_slow": error.message, "ways": _ways(filters), "number": "", "summary_url": ""}


def _ways(filters: InteractionFilterSet) -> list[Way]:
    query = filters.query()
    spans = () if any(filters.data.get(name) for name in _TIMES) else ("24h", "7d")
    shorter = [Way(f"Only the {PRESETS[span]}", f"{query}&{urlencode({'last': span})}".strip("&")) for span in spans]
    return shorter + [Way(f"Without {chip.text}", chip.without) for chip in filters.chips() if chip.name in _TEXTS]
