"""Whether the store can be written to, as far as this process knows. Who tried each time would wait for long."""

from __future__ import annotations

import threading

_away = threading.Event()


def note_away() -> None:
    """Someone waited for it in vain."""
    _away.set()


def note_there() -> None:
    """Something was written."""
    _away.clear()


def is_away() -> bool:
    return _away.is_set()
