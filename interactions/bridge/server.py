"""The ASGI application: bounds on what comes in, then Django."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.module_loading import import_string
from pydantic_core import to_json

from interactions.bridge import leaving
from interactions.bridge.bodies import too_large
from interactions.bridge.threads import in_page_thread
from interactions.errors import RequestError, TimedOut

_API = "/api/v1/"
# Files: they are written by threads that may wait for a disk, not where interactions are recorded.
_UPLOADS = "/api/v1/upload/"
_PART = "/api/v1/upload/part"

_Message = MutableMapping[str, Any]
_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[Any], Awaitable[None]]


async def _nothing() -> None:
    pass


class Application:
    """Counts a request's bytes while they arrive, whatever its headers promise, and sets the whole of it a deadline.

    `at_end` is done when the server was told to end, before it does.
    """

    def __init__(self, at_end: Callable[[], Coroutine[Any, Any, None]] = _nothing) -> None:
        self._pages = _ThreadHandler()
        self._writes = _WriteHandler()
        self._at_end = at_end
        self._ending: asyncio.Future[None] | None = None

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} connections are not served")
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        path = scope["path"]
        most = settings.MAX_PART_BYTES if path == _PART else settings.MAX_REQUEST_BYTES
        if length.isdigit() and int(length) > most:
            await _refuse(send, too_large(most))
            return
        counted = _Counted(receive, most)
        is_write = scope["method"] == "POST" and path.startswith(_API) and not path.startswith(_UPLOADS)
        try:
            await (self._writes if is_write else self._pages)(scope, counted, send)
        except RequestError as error:
            await _refuse(send, error)

    async def _live(self, receive: _Receive, send: _Send) -> None:
        """Source: https://asgi.readthedocs.io/en/latest/specs/lifespan.html. The shutdown comes when all answers have
        been sent, which may be long after the server was told to end."""
        await receive()
        _when_told_to_end(self._end)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._end()
        if self._ending is not None:
            await self._ending
        await send({"type": "lifespan.shutdown.complete"})

    def _end(self) -> None:
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._at_end())


def _when_told_to_end(act: Callable[[], None]) -> None:
    """Beside what the server does then: a loop learns of signals by its wakeup file, whatever their handlers are."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))


class _Counted:
    """Counts the bytes of a body while they arrive. Called for each piece, so it does nothing else."""

    def __init__(self, receive: _Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._bytes = 0

    async def __call__(self) -> _Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise too_large(self._most)
        return message


async def _body(handler: ASGIHandler, receive: _Receive) -> Any:
    """The body as a file, or None if its sender hung up. Raises `TimedOut` if it takes too long to arrive."""
    try:
        async with asyncio.timeout(settings.REQUEST_SECONDS):
            return await handler.read_body(receive)
    except RequestAborted:
        return None
    except TimeoutError:
        seconds = settings.REQUEST_SECONDS
        raise TimedOut(f"The request did not arrive within {seconds} s. Send it again, all at once.") from None


async def _refuse(send: _Send, error: RequestError) -> None:
    payload = to_json({"error": error.document()})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


class _ThreadHandler(ASGIHandler):
    """Pages, and reading through the API: synchronous from the first middleware to the view, in one thread that stays.

    Django's own handler would start a thread and open a database connection for each request, and change threads for
    each middleware.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(self, receive)
        if body is None:
            return
        with body:
            response = await in_page_thread(self._respond, scope, body)
            await self._send(response, receive, send)

    def _respond(self, scope: Any, body: Any) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        request, refused = self.create_request(scope, body)
        response: Any = refused if request is None else self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and not response.is_async:
            response.streaming_content = _at_once(b"".join(response))  # a static file, read in this thread
        return response  # type: ignore[no-any-return]

    async def _send(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """A stream ends when its reader has gone; anything else is sent as it is."""
        sending = asyncio.ensure_future(self.send_response(response, send))
        if response.streaming:
            gone = asyncio.ensure_future(receive())
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if not sending.done():
                sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


class _WriteHandler(ASGIHandler):
    """Writes to the API: asynchronous, without what they have no use for: cookies, forms, pages.

    Such a view touches no database in its own thread, so there are no connections to look after; and what arrived is
    written even if the caller hangs up, so nobody needs to watch for that.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        answer: Any = convert_exception_to_response(self._get_response_async)  # type: ignore[attr-defined]
        for path in settings.WRITE_MIDDLEWARE:
            answer = convert_exception_to_response(import_string(path)(answer))
        self._middleware_chain = answer

    def resolve_request(self, request: HttpRequest) -> Any:
        """A view that is also for reading has one of its own for this."""
        match: Any = super().resolve_request(request)
        match.func = getattr(match.func, "asynchronous", match.func)
        return match

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(self, receive)
        if body is None:
            return
        with body:
            set_script_prefix(get_script_prefix(scope))
            request, refused = self.create_request(scope, body)
            leaving.let_watch(scope, receive)
            try:
                answer: Any = refused if request is None else await self.get_response_async(request)
                await self.send_response(answer, send)
            finally:
                leaving.stop_watching(scope)
