"""Calls that nobody waits for: what comes of them is read in the store."""

from __future__ import annotations

import asyncio
from uuid import UUID

from interactions.access import Caller
from interactions.calls import Route
from interactions.gateway.asked import Asked
from interactions.gateway.call import Call

_listening: set[asyncio.Task[None]] = set()


async def begin_unheard(asked: Asked, route: Route, caller: Caller) -> UUID:
    """The id of the call, once it has begun. Raises `RequestError` where it cannot."""
    call = Call(asked, route, caller)
    await call.begin()
    task = asyncio.create_task(_listen(call))
    _listening.add(task)
    task.add_done_callback(_listening.discard)
    return call.id


async def _listen(call: Call) -> None:
    """To its end: a stream that nobody takes counts as one whose caller has gone."""
    reply = await call.reply()
    if reply.stream is not None:
        async for _ in reply.stream:
            pass
