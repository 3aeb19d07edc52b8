"""Who sends a key, remembered for a moment."""

from __future__ import annotations

import time

from django.http import HttpRequest

from interactions import access
from interactions.access import Caller
from interactions.bridge.threads import in_thread

_CALLER_SECONDS = 5.0

_callers: dict[str, tuple[float, Caller]] = {}


async def caller(key_digest: str) -> Caller:
    """Who sends this key. Remembered for a few seconds: what is written is checked again when it is committed."""
    expires, known = _callers.get(key_digest, (0.0, None))
    if known is not None and time.monotonic() < expires:
        return known
    found = await in_thread(access.authenticate, key_digest)
    if len(_callers) > 1_000:
        _callers.clear()
    _callers[key_digest] = (time.monotonic() + _CALLER_SECONDS, found)
    return found


def read_caller(request: HttpRequest) -> Caller:
    """Who sends the key in the request's header, for who is in a thread already. Looked up each time."""
    return access.authenticate(access.bearer_digest(request.headers.get("Authorization", "")))


def forget_caller(key_digest: str) -> None:
    """Look again next time: the caller asked for something that was not there a moment ago."""
    _callers.pop(key_digest, None)
