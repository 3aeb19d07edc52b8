"""Group commit: async views put their requests on a list and wait; one thread takes all that wait, writes them in one
transaction, and answers each.

A transaction per request would cost a flush of the disk per request; this way the flushes stay few however many
callers there are. Measured in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Sequence

from interactions import ingest
from interactions.bridge.threads import with_kept_connection
from interactions.errors import RequestError

# From so many interactions on a transaction takes no further request: the next can be read while it is written.
_LARGEST_GROUP = 200
_BUSY_SECONDS = 0.1

_Answer = ingest.Answer | RequestError
_Waiting = tuple[ingest.Request, asyncio.Future[_Answer]]


class Writer:
    """Takes requests from event loops and commits them in groups, in a thread of its own.

    What was submitted is written, also when its caller hangs up meanwhile.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._latest = -math.inf

    def is_busy(self) -> bool:
        """Whether requests came just now, so that more of them can be expected."""
        return time.monotonic() - self._latest < _BUSY_SECONDS

    def submit(self, request: ingest.Request) -> asyncio.Future[_Answer]:
        future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._waiting.put((request, future))
        if self._thread is None:
            self._start()
        return future

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            acts = len(group[0][0].acts)
            while acts < _LARGEST_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
                acts += len(group[-1][0].acts)
            self._commit(group)
            del group  # it may hold megabytes, and the next may come late

    def _commit(self, group: Sequence[_Waiting]) -> None:
        self._latest = time.monotonic()
        outcomes: Sequence[_Answer | BaseException]
        try:
            outcomes = with_kept_connection(ingest.commit, [request for request, _ in group])
        except BaseException as error:  # a thread that dies would leave every later caller waiting
            outcomes = [error] * len(group)
        _deliver([future for _, future in group], outcomes)


def _deliver(futures: Sequence[asyncio.Future[_Answer]], outcomes: Sequence[_Answer | BaseException]) -> None:
    """Wake each event loop once for all that wait in it: waking it is a system call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[_Answer], _Answer | BaseException]]] = {}
    for future, outcome in zip(futures, outcomes, strict=True):
        by_loop.setdefault(future.get_loop(), []).append((future, outcome))
    for loop, settled in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Sequence[tuple[asyncio.Future[_Answer], _Answer | BaseException]]) -> None:
    for future, outcome in settled:
        if future.cancelled():
            continue  # the caller hung up
        if isinstance(outcome, BaseException) and not isinstance(outcome, RequestError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


_writer = Writer()


def is_busy() -> bool:
    return _writer.is_busy()


async def commit(request: ingest.Request) -> ingest.Answer:
    """Write one request, together with those that arrived meanwhile. Raises the `RequestError` it was refused with."""
    answer = await _submit(request)
    if isinstance(answer, RequestError):
        raise answer
    return answer


async def _submit(request: ingest.Request) -> _Answer:
    return await _writer.submit(request)
