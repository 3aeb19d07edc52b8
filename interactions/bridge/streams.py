"""Responses that are sent while they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse


def streamed(request: HttpRequest, chunks: Iterator[bytes], content_type: str) -> StreamingHttpResponse:
    """A response that is sent while it is made, in the form the server at hand can send."""
    body = _asynchronously(chunks) if isinstance(request, ASGIRequest) else chunks
    return StreamingHttpResponse(body, content_type=content_type)


# Each has a thread and a database connection for as long as it takes; further ones wait, so that pages need not.
_at_once = asyncio.Semaphore(8)


async def _asynchronously(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """What a synchronous generator makes: one thread, and so one database connection, for the whole of it."""
    async with _at_once:
        executor = ThreadPoolExecutor(1, thread_name_prefix="stream")
        loop = asyncio.get_running_loop()
        try:
            while (chunk := await loop.run_in_executor(executor, next, chunks, None)) is not None:
                yield chunk
        finally:
            # Not awaited: the caller may be gone, and the thread needs no one to end.
            executor.submit(connection.close)
            executor.shutdown(wait=False)
