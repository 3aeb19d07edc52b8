"""Group commit: async views put their requests on a list and wait; one thread takes all that wait, writes them in one
transaction, and answers each.

A transaction per request would cost a flush of the disk per request; this way the flushes stay few however many
callers there are. Measured in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future

from interactions import ingest
from interactions.bridge.threads import with_kept_connection
from interactions.errors import RequestError

# A transaction holds at most so many requests, so that the first of them does not wait for ever.
_LARGEST_GROUP = 256


class Writer:
    """Takes requests from any thread or event loop and commits them in groups, in a thread of its own."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[ingest.Request, Future[ingest.Answer | RequestError]]] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def submit(self, request: ingest.Request) -> Future[ingest.Answer | RequestError]:
        future: Future[ingest.Answer | RequestError] = Future()
        # From now on it cannot be cancelled: what arrived is written, also when its caller hangs up.
        future.set_running_or_notify_cancel()
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
            while len(group) < _LARGEST_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            self._commit(group)

    def _commit(self, group: list[tuple[ingest.Request, Future[ingest.Answer | RequestError]]]) -> None:
        try:
            answers = with_kept_connection(ingest.commit, [request for request, _ in group])
        except BaseException as error:
            for _, future in group:
                future.set_exception(error)
        else:
            for (_, future), answer in zip(group, answers, strict=True):
                future.set_result(answer)


_writer = Writer()


async def commit(request: ingest.Request) -> ingest.Answer:
    """Write one request, together with those that arrived meanwhile. Raises the `RequestError` it was refused with."""
    answer = await _submit(request)
    if isinstance(answer, RequestError):
        raise answer
    return answer


async def _submit(request: ingest.Request) -> ingest.Answer | RequestError:
    return await asyncio.wrap_future(_writer.submit(request))
