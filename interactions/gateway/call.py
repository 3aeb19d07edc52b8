"""One call: begun in the store, sent, read to its end whoever listens, ended in the store, and only then told as done.

What reads the upstream is a task of its own. It goes on when the caller hangs up; and of what it reads, the end is
passed on only when the store has all of it. When the store is away, its spool takes the beginning and the end instead.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import weakref
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.conf import settings
from pydantic_core import to_json

from interactions import answers, bridge, calls, database, ids, ingest, payloads
from interactions.access import Caller
from interactions.calls import Route
from interactions.errors import RequestError, Unavailable
from interactions.gateway import adapting, assembly, sse, stored, upstream
from interactions.gateway.adapting import Stamp
from interactions.gateway.asked import PATHS, Asked, body_for
from interactions.gateway.assembly import Result
from interactions.gateway.outlet import Outlet
from interactions.gateway.upstream import Failed, Head

_T = TypeVar("_T")

log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 100_000
_INTERRUPTED = "interrupted"
_WITHOUT_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
# After the end of a stream its connection may be closed, or kept for the next call: so long we look which it is.
_SECONDS_AFTER_END = 1.0
_SECONDS_TO_COMMIT = 3
_SECONDS_BETWEEN_ATTEMPTS = 0.5
_SECONDS_NOT_READING = 60
# A shorter one may be a word like any other, such as “none”.
_SHORTEST_SECRET = 8
# Some servers send streams as plain text.
_NO_STREAMS = {"application/json", "text/html"}
_SECONDS_TO_END = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller gets: a `body`, or a `stream`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None


class Call:
    """`asked` of the model at `route`, by `caller`, who may."""

    def __init__(self, asked: Asked, route: Route, caller: Caller) -> None:
        self.created_at = ids.now()
        self.id = ids.new_id(self.created_at)
        self.session_id = asked.session_id or ids.random_id()
        self._asked: Any = asked  # until it has begun
        self._api, self._is_stream, self._wants_usage = asked.api, asked.is_stream, asked.wants_usage
        self._is_kept = asked.is_kept
        self._route = route
        self._caller = caller
        self._stamp = Stamp(str(self.id), str(self.session_id), route.model_key, int(self.created_at.timestamp()))
        self._is_in_spool = self._is_ended = False
        self._outlet = Outlet()
        self._reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None
        # What came of it.
        self._began = time.monotonic()
        self._first_token: float | None = None
        self._status: int | None = None
        self._result: Result | None = None
        self._raw = b""

    # Beginning

    async def begin(self) -> None:
        """From its end on the call is in the store, or in its spool. Raises `RequestError` where it cannot be: then
        nothing was sent. To be called once."""
        if _is_stopping:
            raise Unavailable("The server is about to end. Nothing was sent. Send it again.")
        await asyncio.shield(_started(self._begin()))

    async def _begin(self) -> None:
        asked, self._asked = self._asked, None
        payload = self._payload(asked)
        try:
            if database.is_away():
                raise Unavailable("It was away a moment ago.")
            prepared = await self._prepared(payload)
            begin = ingest.Begin(prepared, calls.own_process())
            # Who calls was looked up some seconds ago at most; doing so again takes longer than the rest of it.
            await _in_time(bridge.commit(ingest.Request("", [begin])))
        except Unavailable:
            await bridge.in_disk_thread(self._begin_later, payload)
            self._is_in_spool = True
        # The prompt is in the store; while the answer comes, it need not be in memory as well.
        body = body_for(
            asked, self._route.upstream.external_id, self._route.upstream.parameters,
            is_openai=self._route.upstream.is_openai,
        )  # fmt: skip
        del asked
        _calls.add(self)
        self._began = time.monotonic()
        _started(self._run(body))

    def _payload(self, asked: Asked) -> payloads.Interaction:
        # All of it was checked when it was read.
        return payloads.Interaction.model_construct(
            project="-",
            messages=asked.messages,
            completion="",
            model_service=self._route.model_key,
            user=asked.user,
            session_id=self.session_id,
            created_at=self.created_at,
            labels=dict(asked.labels or {}),
            ab_campaign=self._route.test or asked.ab_campaign,
            source="LIVE",
            parameters=asked.parameters,
            api=asked.api,
        )

    async def _prepared(self, payload: payloads.Interaction) -> ingest.Prepared:
        project_id, user = self._route.project_id, self._caller.user_uid
        prepared = calls.prepared(payload, project_id, user, self.id, is_kept=self._is_kept)
        return await bridge.in_thread(calls.store_images, prepared, payload) if prepared.found else prepared

    def _begin_later(self, payload: payloads.Interaction) -> None:
        calls.begin_later(payload, self._route.project_id, self._caller.user_uid, self.id, is_kept=self._is_kept)

    async def reply(self) -> Reply:
        return await self._reply

    def leave(self) -> None:
        """The caller has gone. The answer is read all the same."""
        self._outlet.leave()

    # Reading

    async def _run(self, body: bytes) -> None:
        """Outlives the caller. Whatever happens, the call ends in the store, and then for the caller."""
        self._reading = asyncio.create_task(self._read(body))
        del body
        try:
            await self._reading
        except Failed as error:
            failure = error
        except TimeoutError:
            seconds = self._route.upstream.total_seconds
            failure = Failed("timeout", f"The answer was not there after {seconds:,} s.", 504)
        except asyncio.CancelledError:
            failure = Failed(_INTERRUPTED, "The server ended while the answer was coming.", 503)
        except Exception:
            log.exception("The call %s failed", self.id)
            failure = Failed("internal", "Something went wrong on this server. Its log says more.", 500)
        else:
            return
        if not self._is_ended:
            await self._end(failure)
        self._tell(failure)

    async def _read(self, body: bytes) -> None:
        server = self._route.upstream
        async with (
            asyncio.timeout(server.total_seconds),
            upstream.asked(server, PATHS[self._api], body, is_stream=self._is_stream) as head,
        ):
            del body
            self._status = head.status
            if self._is_stream and head.status < 300 and head.content_type not in _NO_STREAMS:
                await self._read_stream(head)
            else:
                await self._read_body(head)

    async def _read_body(self, head: Head) -> None:
        raw = b"".join([chunk async for chunk in head.chunks])
        if head.status >= 300:
            self._raw = raw = _without_secret(raw, self._route.upstream.secret)
        if len(raw) > bridge.SMALL_BODY:
            self._result = await bridge.in_thread(assembly.whole, self._api, raw)
        else:
            self._result = assembly.whole(self._api, raw)
        if head.status < 300 and not isinstance(self._result.body, dict):
            self._raw = raw
            raise Failed("bad_answer", "The model's server did not answer with a JSON object.")
        await self._end()
        told = raw if head.status >= 300 else self._adapt(raw, whole=True)
        self._reply.set_result(Reply(head.status, self._headers(head.told()), told))

    async def _read_stream(self, head: Head) -> None:
        headers = self._headers({**head.told(), "content-type": "text/event-stream", "cache-control": "no-cache"})
        self._reply.set_result(Reply(200, headers, stream=self._outlet.pieces()))
        parser, whole = sse.Parser(settings.MAX_ANSWER_BYTES), assembly.Assembly(self._api)
        last = b""
        try:
            async for event in _events(head.chunks, parser):
                whole.add(event)
                if event.data is None and len(self._raw) < _LONGEST_MESSAGE:
                    self._raw += event.raw  # should nothing else come, that is what came
                if self._first_token is None and whole.has_begun:
                    self._first_token = time.monotonic()
                if whole.is_done:
                    last = self._passed_on(event)
                    break
                await self._pass_on(self._passed_on(event))
        except sse.EventTooLarge as error:
            raise Failed("too_large", str(error)) from None
        finally:
            self._result = whole.result()
        if not self._result.is_finished and self._result.error is None:
            raise Failed("cut_off", "The stream ended before its end.")
        await self._end()
        self._outlet.close(last)
        await _let_end(head.chunks)

    async def _pass_on(self, piece: bytes) -> None:
        """Who takes nothing for as long as a model may say nothing is as one who has gone."""
        if self._outlet.is_full:
            try:
                async with asyncio.timeout(min(self._route.upstream.silence_seconds, _SECONDS_NOT_READING)):
                    await self._outlet.room()
            except TimeoutError:
                self._outlet.abandon(_error_event(Failed("not_read", "The answer was not read for too long.")))
        self._outlet.put(piece)

    def _passed_on(self, event: sse.Event) -> bytes:
        """What the caller gets of an event: not the one that tells the usage, if only this server asked for it."""
        data = event.data
        if not data or data.strip() == sse.DONE:
            return event.raw
        is_unwanted = not self._wants_usage and self._api in ("chat", "completions")
        if is_unwanted and b'"usage"' in data and _WITHOUT_CHOICES.search(data):
            return b""
        return event.with_data(self._adapt(data))

    def _adapt(self, data: bytes, *, whole: bool = False) -> bytes:
        if self._api == "embeddings":
            return adapting.embeddings_body(data, self._stamp)
        if self._api != "chat":
            return adapting.other(data, self._stamp)
        return (adapting.chat_body if whole else adapting.chat_chunk)(data, self._stamp)

    def _headers(self, told: Mapping[str, str]) -> Mapping[str, str]:
        return {**told, "X-Completion-Id": str(self.id), "X-Session-Id": str(self.session_id)}

    def _tell(self, failure: Failed) -> None:
        if not self._reply.done():
            headers = self._headers({"content-type": "application/json"})
            self._reply.set_result(Reply(failure.status, headers, _error_body(failure)))
            return
        self._outlet.close(_error_event(failure))

    # Ending

    async def _end(self, failure: Failed | None = None) -> None:
        """Write what became of it."""
        self._is_ended = True
        answered = self._answered(failure)
        spent_by = None
        if self._caller.api_key_id is not None and self._caller.allowance is not None:
            this = calls.period(self._caller.allowance.budget_period, self.created_at)
            spent_by = ingest.Spender(self._caller.api_key_id, this.unit, this.begins_at)
        end = ingest.End(self.id, self._route.project_id, answered, even_if_interrupted=True, spent_by=spent_by)
        # What may be cancelled waits for it, and is not it.
        if not await asyncio.shield(_started(self._write(end))):
            # Neither the store nor its spool can take it: the caller need not wait until they can.
            _started(self._write_at_last(end))

    async def _write(self, end: ingest.End) -> bool:
        if not self._is_in_spool and not database.is_away():
            try:
                await _in_time(bridge.commit(ingest.Request("", [end])))
            except RequestError as error:
                log.warning("The end of the call %s goes to the spool: %s", self.id, error.message)
            else:
                return True
        try:
            await bridge.in_disk_thread(calls.end_later, end)
        except Unavailable:
            return False
        return True

    async def _write_at_last(self, end: ingest.End) -> None:
        while not await self._write(end):  # noqa: ASYNC110 - what it waits for is not in this process
            await asyncio.sleep(_SECONDS_BETWEEN_ATTEMPTS)

    def _answered(self, failure: Failed | None) -> ingest.Answered:
        result = self._result or Result(None)
        error = self._error(result, failure)
        usage = result.usage
        ended = time.monotonic()
        completion = stored.text(result.first.text)
        answered = ingest.Answered(
            state=self._state(error),
            completion=completion,
            error=error,
            finish_reason=stored.text(result.first.finish_reason)[:100].replace("\x00", ""),
            usage=usage
            and payloads.Usage(
                prompt_tokens=usage.prompt, completion_tokens=usage.completion, total_tokens=usage.total
            ),
            timings=payloads.Timings(
                first_token_ms=self._milliseconds(self._first_token), total_ms=self._milliseconds(ended)
            ),
            cost=usage and self._route.upstream.prices.cost(usage.prompt, usage.cached, usage.completion),
            details=self._details(result, completion),
        )
        if self._is_kept:
            return answered
        nothing = error and payloads.Failure(kind=error.kind)
        return replace(answered, completion="", error=nothing, details={})

    def _error(self, result: Result, failure: Failed | None) -> payloads.Failure | None:
        told = stored.text(result.error_message or self._raw.decode(errors="replace")).replace("\x00", "")
        if failure is not None:
            message = f"{failure.message}\n{told}" if told else failure.message
            return payloads.Failure(kind=failure.kind, message=message[:_LONGEST_MESSAGE])
        if self._status is not None and self._status >= 300:
            return payloads.Failure(kind=f"http_{self._status}", message=told[:_LONGEST_MESSAGE])
        if result.error is not None:
            return payloads.Failure(kind="upstream_error", message=told[:_LONGEST_MESSAGE])
        return None

    def _state(self, error: payloads.Failure | None) -> payloads.State:
        if error is not None:
            return "interrupted" if error.kind == _INTERRUPTED else "failed"
        return "cancelled" if self._outlet.is_gone else "done"

    def _details(self, result: Result, completion: str) -> dict[str, Any]:
        told: dict[str, Any] = {"status": self._status}
        if result.body is not None:
            told["response"] = answers.without_text(self._api, stored.storable(result.body), completion)
        if result.vectors:
            told |= {"vectors": result.vectors, "dimensions": result.dimensions}
        if result.oddities:
            told["oddities"] = stored.storable(result.oddities)
        return told

    def _milliseconds(self, moment: float | None) -> int | None:
        return None if moment is None else round((moment - self._began) * 1000)

    def interrupt(self) -> None:
        if self._reading is not None and not self._is_ended:
            self._reading.cancel()


def _without_secret(raw: bytes, secret: str) -> bytes:
    """Some servers repeat in an error what they were asked with."""
    return raw.replace(secret.encode(), b"[secret]") if len(secret) >= _SHORTEST_SECRET else raw


def _error_body(failure: Failed) -> bytes:
    return to_json({"error": {"message": failure.message, "type": "upstream_error", "code": failure.kind}})


def _error_event(failure: Failed) -> bytes:
    return sse.event(_error_body(failure))


async def _events(chunks: AsyncIterator[bytes], parser: sse.Parser) -> AsyncIterator[sse.Event]:
    async for chunk in chunks:
        for event in parser.feed(chunk):
            yield event
    if (rest := parser.close()) is not None:
        yield rest


async def _let_end(chunks: AsyncIterator[bytes]) -> None:
    """So that the connection can be used again; what comes after the end is of no interest."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS_AFTER_END):
            async for _ in chunks:
                pass


# All that are under way

_running: set[asyncio.Task[Any]] = set()
_calls: weakref.WeakSet[Call] = weakref.WeakSet()


def _started(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    """As a task of its own, which is kept until it is done."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def _in_time(work: Coroutine[Any, Any, _T]) -> _T:
    """Raises `Unavailable` where the store takes too long; it may still come to it, but nobody waits. So what is
    written is written once, though it goes to the spool as well."""
    task = _started(work)
    done, _ = await asyncio.wait({task}, timeout=_SECONDS_TO_COMMIT)
    if not done:
        task.add_done_callback(_forget)
        database.note_away()
        raise Unavailable("The store takes too long.")
    return task.result()


def _forget(task: asyncio.Task[Any]) -> None:
    """How it ended: nobody asks."""
    if not task.cancelled():
        task.exception()


_is_stopping = False


async def stop() -> None:
    """The server ends. What is under way may end as well, for some seconds; then it is interrupted, and stored as far
    as it came."""
    global _is_stopping
    _is_stopping = True
    await _wait_until(time.monotonic() + settings.STOP_SECONDS)
    deadline = time.monotonic() + _SECONDS_TO_END
    while _running and time.monotonic() < deadline:
        for call in list(_calls):
            call.interrupt()
        await asyncio.wait(_running, timeout=_SECONDS_BETWEEN_ATTEMPTS)
    await upstream.close()


async def _wait_until(deadline: float) -> None:
    """Until nothing is under way: what ends may have begun something else."""
    while _running and (left := deadline - time.monotonic()) > 0:
        await asyncio.wait(_running, timeout=left)
