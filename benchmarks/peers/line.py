"""A kept connection that is made anew when the server may have closed it."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

from benchmarks.client import Connection, Response
from benchmarks.processes import HOST

# Servers close connections that are idle for some seconds (uvicorn: 5); a request must not meet that moment.
SECONDS_IDLE = 1.0


class NoAnswer(RuntimeError):
    """The time limit of a measure passed before the server answered."""


class Line:
    """One exchange at a time. `limit`: seconds for each. `kept`: False makes a connection for each exchange."""

    def __init__(self, port: int, limit: float, *, kept: bool) -> None:
        self._port, self._limit, self._kept = port, limit, kept
        self._connection: Connection | None = None
        self._used = 0.0

    async def __aenter__(self) -> Line:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def ready(self) -> None:
        """Connected: what comes next is the exchange alone."""
        if self._connection is None or time.monotonic() - self._used > SECONDS_IDLE:
            self._close()
            self._connection = await Connection.open(HOST, self._port)
            self._used = time.monotonic()

    async def exchange(self, request: bytes) -> Response:
        await self.ready()
        assert self._connection is not None
        try:
            response = await asyncio.wait_for(self._connection.exchange(request), self._limit)
        except BaseException as error:
            self._close()
            if isinstance(error, TimeoutError):
                raise NoAnswer from None
            raise
        self._used = time.monotonic()
        if not self._kept or b"\r\nconnection: close" in response.head.lower():
            self._close()
        return response

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
