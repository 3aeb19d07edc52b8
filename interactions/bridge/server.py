"""The ASGI application: bounds on what comes in, then Django."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.urls import set_script_prefix
from django.utils.module_loading import import_string
from pydantic_core import to_json

from interactions.bridge.bodies import too_large
from interactions.errors import RequestError, TimedOut

_API = "/api/v1/"

_Message = MutableMapping[str, Any]
_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[Any], Awaitable[None]]


class Application:
    """Counts a request's bytes while they arrive, whatever its headers promise, and sets the whole of it a deadline."""

    def __init__(self) -> None:
        self._pages = ASGIHandler()
        self._api = _ApiHandler()

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
        handler = self._api if scope["path"].startswith(_API) else self._pages
        try:
            await handler(scope, bounded, send)
        except RequestError as error:
            await _refuse(send, error)


class _Bounded:
    def __init__(self, receive: _Receive) -> None:
        self._receive = receive
        self._bytes = 0
        self._deadline = asyncio.get_running_loop().time() + settings.REQUEST_SECONDS
        self._complete = False

    async def __call__(self) -> _Message:
        if self._complete:
            return await self._receive()  # waits for the caller to hang up, for as long as the answer takes
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            seconds = settings.REQUEST_SECONDS
            raise TimedOut(f"The request did not arrive within {seconds} s. Send it again, all at once.") from None
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


class _ApiHandler(ASGIHandler):
    """Django's handler without what the API has no use for: cookies, forms, pages.

    A write's view touches no database in its own thread, so there are no connections to look after; and what arrived
    is written even if the caller hangs up, so nobody needs to watch for that. Either would cost a thread per request.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        answer: Any = convert_exception_to_response(self._get_response_async)  # type: ignore[attr-defined]
        for path in settings.API_MIDDLEWARE:
            answer = convert_exception_to_response(import_string(path)(answer))
        self._middleware_chain = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            return await super().__call__(scope, receive, send)
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return None
        with body:
            set_script_prefix(get_script_prefix(scope))
            request, refused = self.create_request(scope, body)
            answer: Any = refused if request is None else await self.get_response_async(request)
            return await self.send_response(answer, send)
