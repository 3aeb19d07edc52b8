"""Bytes on their way to a caller, who may be slow, or gone. Knows no Django and no store."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

# So much may wait for a slow caller; then whoever puts more waits, too.
_MOST_WAITING = 256 * 1024


class Outlet:
    """What is put in comes out, joined, until it is closed. When the caller has gone, it is dropped.

    Who puts in waits for `room` first.
    """

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_closed = False
        self.is_gone = False

    @property
    def is_full(self) -> bool:
        return self._size > _MOST_WAITING and not self.is_gone

    async def room(self) -> None:
        while self.is_full:
            self._taken.clear()
            await self._taken.wait()

    def put(self, piece: bytes) -> None:
        if not self.is_gone:
            self._pieces.append(piece)
            self._size += len(piece)
            self._changed.set()

    def close(self, last: bytes = b"") -> None:
        """Nothing more comes than `last`, for which there is always room."""
        if last and not self.is_gone:
            self._pieces.append(last)
        self._is_closed = True
        self._changed.set()

    def abandon(self, last: bytes) -> None:
        """As `leave`, but of who takes too little: when they come back to it, they find what waits for them, and why
        it goes on no further."""
        self.close(last)
        self.is_gone = True

    def leave(self) -> None:
        """Nobody will take anything more."""
        self.is_gone = True
        self._pieces.clear()
        self._size = 0
        self._taken.set()
        self._changed.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                if self._pieces:
                    joined = b"".join(self._pieces)
                    self._pieces.clear()
                    self._size = 0
                    self._taken.set()
                    yield joined
                elif self._is_closed or self.is_gone:
                    return
                else:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            if not (self._is_closed and not self._pieces):
                self.leave()
