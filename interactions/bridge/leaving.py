"""Telling that the caller of a request hung up while it is being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpRequest

_RECEIVE = "interactions.receive"
_WATCHING = "interactions.watching"


def let_watch(scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]]) -> None:
    """When all of the request was received, what comes next is that its caller has gone."""
    scope[_RECEIVE] = receive


def stop_watching(scope: MutableMapping[str, Any]) -> None:
    if (watching := scope.pop(_WATCHING, None)) is not None:
        watching.cancel()


def when_left(request: HttpRequest, act: Callable[[], None]) -> None:
    """Call `act` if the caller hangs up before the answer has been sent. On the event loop, once for a request."""
    scope: MutableMapping[str, Any] = getattr(request, "scope", {})
    if (receive := scope.get(_RECEIVE)) is None:
        return  # not served by this server, as in a test

    def left(watching: asyncio.Future[Any]) -> None:
        if not watching.cancelled() and watching.exception() is None:
            act()

    scope[_WATCHING] = asyncio.ensure_future(receive())
    scope[_WATCHING].add_done_callback(left)
