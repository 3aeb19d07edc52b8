"""Logging and judging. Asynchronous, so that requests can wait for their common transaction without a thread each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from interactions import access, bridge, ingest, memory, payloads
from interactions.access import Caller, Permission
from interactions.api_rest.api import answer, described, router
from interactions.errors import Invalid, NotFound, RequestError

_Acts = Sequence[ingest.Act | RequestError]
_Read = Callable[[Any, Caller], _Acts]


@router.post("/interactions", tags=["writing"], openapi_extra=described(Permission.LOG, payloads.Interaction))
async def create_interaction(request: HttpRequest) -> HttpResponse:
    """Log one interaction: messages, completion, labels and feedback. Answers 201 with its `completion_id`."""
    return await _write(request, lambda value, caller: [_record(value, caller)])


@router.post("/interactions/batch", tags=["writing"], openapi_extra=described(Permission.LOG, payloads.Batch))
async def create_interactions(request: HttpRequest) -> HttpResponse:
    """Log up to 1,000 interactions. Answers 200 with `results` in order, each the single call's answer or `error`.

    Each item is stored whole or not at all; one that is refused does not keep the others out.
    """
    return await _write(request, _records, many=True)


@router.post("/feedback", tags=["writing"], openapi_extra=described(Permission.JUDGE, payloads.Feedback))
async def add_feedback(request: HttpRequest) -> HttpResponse:
    """Give an interaction a value under a feedback key."""
    return await _write(request, lambda value, _: [ingest.AddFeedback(payloads.read(payloads.Feedback, value))])


@router.post("/comparison", tags=["writing"], openapi_extra=described(Permission.JUDGE, payloads.Comparison))
async def compare(request: HttpRequest) -> HttpResponse:
    """Prefer one completion to another, each given by its id or by its text."""
    return await _write(request, lambda value, _: [ingest.Compare(payloads.read(payloads.Comparison, value))])


@router.post("/outcome", tags=["writing"], openapi_extra=described(Permission.JUDGE, payloads.Outcome))
async def add_outcome(request: HttpRequest) -> HttpResponse:
    """Give a whole session a value under a feedback key."""
    return await _write(request, lambda value, _: [ingest.AddOutcome(payloads.read(payloads.Outcome, value))])


# From a body to acts


def _record(value: Any, caller: Caller, ordinal: int | None = None) -> ingest.Record:
    payload = payloads.read(payloads.Interaction, value)
    project_id = caller.project_id(payload.project, Permission.LOG)
    return ingest.Record(ingest.prepare(payload, project_id, caller.user_uid, ordinal))


def _records(value: Any, caller: Caller) -> _Acts:
    items = payloads.read(payloads.Batch, value).interactions
    return [_attempt(_record, index, item, caller, index) for index, item in enumerate(items)]


def _attempt(act: Callable[..., Any], index: int, *arguments: Any) -> Any:
    """The result, or the error as an item of a batch sees it."""
    try:
        return act(*arguments)
    except RequestError as error:
        return error.within(f"interactions[{index}]")


# The common way of all writes


async def _write(request: HttpRequest, read: _Read, *, many: bool = False) -> HttpResponse:
    digest = access.bearer_digest(request.headers.get("Authorization", ""))
    caller = await bridge.caller(digest)
    key = _idempotency_key(request)
    body = await bridge.body(request)
    try:
        acts = await _acts(body, read, caller)
        is_known = not any(isinstance(act, NotFound) for act in acts)
    except NotFound:
        is_known = False
    if not is_known:
        # The project may be newer than what is remembered of the caller.
        bridge.forget_caller(digest)
        acts = await _acts(body, read, await bridge.caller(digest))
    fingerprint = hashlib.sha256(f"{request.path}\n".encode() + body).hexdigest() if key else ""
    size = len(body)
    bridge.forget_body(request)
    del body
    try:
        acts = await _with_images(acts, many=many)
        given = await bridge.commit(ingest.Request(digest, acts, many, key, fingerprint))
    finally:
        del acts
        memory.give_back(size)
    return answer(given, 200 if many else 201)


async def _acts(body: bytes, read: _Read, caller: Caller) -> _Acts:
    # Whoever reaches every project has them looked up as they are named.
    if len(body) <= bridge.SMALL_BODY and not caller.everywhere:
        return read(payloads.parse_json(body), caller)
    return await bridge.in_thread(lambda: read(payloads.parse_json(body), caller))


async def _with_images(acts: _Acts, *, many: bool) -> _Acts:
    if not any(isinstance(act, ingest.Record) and act.prepared.found for act in acts):
        return acts
    return await bridge.in_thread(_store_images, acts, many)


def _store_images(acts: _Acts, many: bool) -> _Acts:
    stored: list[ingest.Act | RequestError] = []
    for index, act in enumerate(acts):
        if isinstance(act, ingest.Record) and act.prepared.found:
            stored.append(_attempt(_store, index, act) if many else _store(act))
        else:
            stored.append(act)
    return stored


def _store(act: ingest.Record) -> ingest.Record:
    act.values()  # so that of what will be refused, no image is kept
    ingest.store_images([act.prepared])
    return act


def _idempotency_key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 255 or not key.isprintable():
        raise Invalid("An Idempotency-Key has at most 255 printable characters.", "Idempotency-Key")
    return key
