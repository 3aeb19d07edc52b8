"""The ASGI application: bounds on what comes in, then Django."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.urls import set_script_prefix
from pydantic_core import to_json

from interactions.bridge.bodies import too_large
from interactions.errors import RequestError, TooLarge

_WRITES = "/api/v1/"

_Message = MutableMapping[str, Any]
_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[Any], Awaitable[None]]


class Application:
    """Counts a request's bytes while they arrive, whatever its headers promise, and sets the whole of it a deadline."""

    def __init__(self) -> None:
        self._pages = ASGIHandler()
        self._writes = _WriteHandler()

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                return
            raise ValueError(f"{scope['type']} connections are not served")
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > settings.MAX_REQUEST_BYTES:
            await _refuse(send, too_large())
            return
        bounded = _Bounded(receive)
        is_write = scope["method"] == "POST" and scope["path"].startswith(_WRITES)
        try:
            await (self._writes if is_write else self._pages)(scope, bounded, send)
        except TooLarge as error:
            await _refuse(send, error)


class _Bounded:
    def __init__(self, receive: _Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._deadline = time.monotonic() + settings.REQUEST_SECONDS
        self._complete = False

    async def __call__(self) -> _Message:
        if self._complete:
            return await self._receive()  # waits for the caller to hang up, for as long as the answer takes
        remaining = self._deadline - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(remaining, 0.001))
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > settings.MAX_REQUEST_BYTES:
            raise too_large()
        return message


async def _refuse(send: _Send, error: RequestError) -> None:
    payload = to_json({"error": error.document()})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


class _WriteHandler(ASGIHandler):
    """Django's handler without what a write to the API has no use for.

    Such a view touches no database in its own thread, so there are no connections to look after; and what arrived is
    written even if the caller hangs up, so nobody needs to watch for that. Both would cost a thread for each request.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            set_script_prefix(get_script_prefix(scope))
            request, refused = self.create_request(scope, body)
            answer: Any = refused if request is None else await self.get_response_async(request)
            await self.send_response(answer, send)
