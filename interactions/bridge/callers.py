"""Who sends a key, remembered for a moment."""

from __future__ import annotations

import asyncio
import time

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from interactions import access, database
from interactions.access import Caller
from interactions.bridge.threads import in_thread
from interactions.errors import Forbidden
from interactions.models import User

_CALLER_SECONDS = 5.0
_SECONDS_WITHOUT_STORE = 3_600.0
# So long it is waited for the store where there is something to go on with.
_SECONDS_TO_LOOK = 2.0

_callers: dict[str, tuple[float, Caller]] = {}


async def caller(key_digest: str) -> Caller:
    """Who sends this key. Remembered for a few seconds: what is written is checked again when it is committed."""
    expires, known = _callers.get(key_digest, (0.0, None))
    if known is not None and time.monotonic() < expires:
        return known
    try:
        looking = in_thread(_authenticated, key_digest, known is not None)
        found = await asyncio.wait_for(looking, None if known is None else _SECONDS_TO_LOOK)
    except (TimeoutError, *database.Unreachable):
        database.note_away()
        # What need not be written now can go on: see `gateway`.
        if known is not None and time.monotonic() < expires + _SECONDS_WITHOUT_STORE:
            return known
        raise
    if len(_callers) > 1_000:
        _callers.clear()
    _callers[key_digest] = (time.monotonic() + _CALLER_SECONDS, found)
    return found


def _authenticated(key_digest: str, is_known: bool) -> Caller:
    if is_known and database.is_away():
        raise OperationalError("It was away a moment ago.")
    return access.authenticate(key_digest)


async def person(request: HttpRequest) -> Caller | None:
    """Who is signed in, if the request comes from a page of this server: it must carry that page's CSRF token."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    return await in_thread(_person, request)


def _person(request: HttpRequest) -> Caller | None:
    SessionMiddleware(_nothing).process_request(request)
    user = get_user(request)
    if not isinstance(user, User):
        return None
    csrf = CsrfViewMiddleware(_nothing)
    csrf.process_request(request)
    if csrf.process_view(request, _nothing, (), {}) is not None:
        raise Forbidden("This does not come from a page of this server. Reload the page, and send it again.")
    return access.caller_of(user)


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def read_caller(request: HttpRequest) -> Caller:
    """Who sends the key in the request's header, for who is in a thread already. Looked up each time."""
    return access.authenticate(access.bearer_digest(request.headers.get("Authorization", "")))


def forget_caller(key_digest: str) -> None:
    """Look again next time: the caller asked for something that was not there a moment ago."""
    _callers.pop(key_digest, None)
