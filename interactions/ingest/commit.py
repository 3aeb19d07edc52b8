"""Requests that arrive together, written in one transaction, each answered as if it had come alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from pydantic_core import from_json, to_json

from interactions import access, database, ids
from interactions.access import Caller
from interactions.errors import Conflict, Invalid, RequestError, Unauthorized, Unavailable
from interactions.ingest import vocabulary
from interactions.ingest.acts import Act, Record
from interactions.ingest.batch import Batch
from interactions.models import IdempotencyKey

log = logging.getLogger(__name__)

# How long the same Idempotency-Key gives the same answer.
ANSWERS_KEPT = timedelta(days=7)
_FORGOTTEN_AT_ONCE = 300

_SERVER = ""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What one call wants written.

    `acts` holds one act, or for a batch call (`many`) several, and in the place of those that could not be read the
    error. `idempotency_key` with `request_digest` makes the call safe to repeat. Without a key it is the server itself
    that wants it.
    """

    key_digest: str
    acts: Sequence[Act | RequestError]
    many: bool = False
    idempotency_key: str = ""
    request_digest: str = ""


@contextmanager
def told() -> Iterator[None]:
    """Turns what the store says no to into something a person can be told. Also a decorator."""
    try:
        yield
    except database.Refused:
        vocabulary.forget()
        raise Conflict("Someone changed the same things at the same time; nothing was stored. Try once more.") from None
    except database.Unreachable:
        database.note_away()
        log.exception("The store cannot commit")
        raise Unavailable("The store cannot commit now; nothing was stored. Try again later.") from None


@told()
def perform(caller: Caller, *acts: Act) -> list[Answer]:
    """Write `acts` in a transaction of their own: all of them, or on any error none."""
    batch = Batch()
    answers = [act.plan(caller, batch) for act in acts]
    with transaction.atomic():
        batch.insert()
    return answers


def commit(requests: Sequence[Request]) -> list[Answer | RequestError]:
    """Write the requests, durably, and answer each. Never raises: what went wrong is in the answers."""
    try:
        try:
            return _commit_together(requests)
        except (*database.Refused, Unavailable):
            # Mostly a race with another process: a repeated idempotency key, a name, interaction or image that is gone.
            # One request is the cause; alone, each gets its own outcome.
            vocabulary.forget()
            return [_commit_alone(request) for request in requests]
    except database.Unreachable:
        database.note_away()
        log.exception("The store cannot commit")
        return [Unavailable("The store cannot commit now; nothing was stored. Send the request again later.")] * len(
            requests
        )


def _commit_alone(request: Request) -> Answer | RequestError:
    try:
        try:
            return _commit_together([request])[0]
        except database.Refused:
            return _commit_together([request])[0]
    except database.Refused:
        return Conflict("Another request changed the same things at the same time. Send this one again.")
    except Unavailable as error:
        return error


def _commit_together(requests: Sequence[Request]) -> list[Answer | RequestError]:
    digests = {request.key_digest for request in requests}
    callers = access.callers(digests - {_SERVER}) if digests != {_SERVER} else {}
    callers[_SERVER] = access.operator()
    kept = _kept_answers(requests, callers)
    _learn_labels(requests, callers)
    batch = Batch()
    answers: list[Answer | RequestError] = []
    for request in requests:
        caller = callers.get(request.key_digest)
        if caller is None:
            answers.append(Unauthorized("This API key is not valid: it does not exist, or it was revoked."))
            continue
        place = (caller.api_key_id, request.idempotency_key)
        if place in kept:
            answers.append(_repeated(request, *kept[place]))
            continue
        answer = _plan(request, caller, batch)
        answers.append(answer)
        if request.idempotency_key and not isinstance(answer, RequestError):
            kept[place] = (request.request_digest, answer)
            batch.add_answer(caller.api_key_id or 0, *place[1:], request.request_digest, to_json(answer).decode())
    with transaction.atomic():
        batch.insert()
        access.note_use(callers.values())
        if kept:
            _forget_old_answers()
    return answers


def _learn_labels(requests: Sequence[Request], callers: dict[str, Caller]) -> None:
    """All new labels of a group at once: one by one, each would be a transaction of its own."""
    wanted: dict[int, set[tuple[str, str]]] = {}
    for request in requests:
        caller = callers.get(request.key_digest)
        for act in request.acts:
            if caller and isinstance(act, Record) and act.prepared.labels and act.is_welcome(caller):
                wanted.setdefault(act.prepared.project_id, set()).update(act.prepared.labels.items())
    for project_id, labels in wanted.items():
        vocabulary.label_ids(project_id, labels)


def _plan(request: Request, caller: Caller, batch: Batch) -> Answer | RequestError:
    if not request.many:
        return _outcome(request.acts[0], caller, batch)
    outcomes = [_outcome(act, caller, batch, f"interactions[{n}]") for n, act in enumerate(request.acts)]
    return {"results": [{"error": o.document()} if isinstance(o, RequestError) else o for o in outcomes]}


def _outcome(act: Act | RequestError, caller: Caller, batch: Batch, place: str = "") -> Answer | RequestError:
    if isinstance(act, RequestError):
        return act
    try:
        return act.plan(caller, batch)
    except RequestError as error:
        return error.within(place) if place else error


_Kept = dict[tuple[int | None, str], tuple[str, Answer]]


def _kept_answers(requests: Sequence[Request], callers: dict[str, Caller]) -> _Kept:
    keys = {request.idempotency_key for request in requests if request.idempotency_key}
    if not keys:
        return {}
    owners = [caller.api_key_id for caller in callers.values()]
    rows = IdempotencyKey.objects.filter(api_key__in=owners, key__in=keys)
    return {(row.api_key_id, row.key): (row.request_digest, from_json(row.answer)) for row in rows}


def _forget_old_answers() -> None:
    """A few at a time, so that no request waits for it; more go each time than come."""
    old = IdempotencyKey.objects.filter(created_at__lt=ids.now() - ANSWERS_KEPT).order_by("created_at")
    IdempotencyKey.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE])).delete()


def _repeated(request: Request, digest: str, answer: Answer) -> Answer | RequestError:
    if digest == request.request_digest:
        return answer
    return Invalid(
        "This Idempotency-Key was used for another request. Use a new key for a new request.", "Idempotency-Key"
    )
