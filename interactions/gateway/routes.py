"""Where calls go, remembered for a moment; for longer where the store is away, so that answers go on."""

from __future__ import annotations

import asyncio
import time

from django.db import OperationalError

from interactions import bridge, calls, database
from interactions.access import Caller, Permission
from interactions.calls import Route, Routes
from interactions.errors import NotFound
from interactions.gateway.asked import Asked

_SECONDS = 2.0
_SECONDS_WITHOUT_STORE = 3_600.0
# So long it is waited for the store where there is something to go on with.
_SECONDS_TO_LOOK = 2.0
_MOST = 1_000

_known: dict[str, tuple[float, Routes]] = {}


async def route(asked: Asked, caller: Caller) -> Route:
    """Raises `NotFound` and `Forbidden`, with what to do about it."""
    project = calls.project_of(asked.model)
    routes = await _routes(caller, project)
    try:
        return await _choose(asked, routes)
    except NotFound:
        # It may have been added a moment ago.
        _known.pop(project, None)
        return await _choose(asked, await _routes(caller, project))


async def _choose(asked: Asked, routes: Routes) -> Route:
    model = calls.model_of(asked.model, routes)
    if model is None and asked.ab_campaign:
        return routes.choose(None, await bridge.in_thread(calls.arm_of, routes, asked.ab_campaign))
    return routes.choose(model)


async def _routes(caller: Caller, project: str) -> Routes:
    read_at, known = _known.get(project, (0.0, None))
    age = time.monotonic() - read_at
    if known is not None and age < _SECONDS and caller.may(known.project_id, Permission.USE_MODELS):
        return known
    try:
        looking = bridge.in_thread(_read, caller, project, known is not None)
        found = await asyncio.wait_for(looking, None if known is None else _SECONDS_TO_LOOK)
    except (TimeoutError, *database.Unreachable):
        database.note_away()
        if known is not None and age < _SECONDS_WITHOUT_STORE and caller.may(known.project_id, Permission.USE_MODELS):
            return known
        raise
    if len(_known) >= _MOST:
        _known.clear()
    _known[project] = (time.monotonic(), found)
    return found


def _read(caller: Caller, project: str, is_known: bool) -> Routes:
    if is_known and database.is_away():
        raise OperationalError("It was away a moment ago.")
    return calls.routes(caller, project)
