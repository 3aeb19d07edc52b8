"""What the process takes from the system and needs no longer."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# Of so many bytes, what is left over after they were worked on is worth looking for.
MUCH = 8_000_000


def give_back(worked_on: int = MUCH) -> None:
    """Return what is free to the system, after work on so many bytes; glibc would keep it."""
    if worked_on >= MUCH:
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
