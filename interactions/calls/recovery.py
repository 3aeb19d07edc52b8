"""Writes what is in the spool, and ends the calls of processes that have ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F

from interactions import access, database, ingest, payloads
from interactions.calls import limits, processes, spool
from interactions.errors import Conflict, Invalid, Unavailable
from interactions.models import Interaction, OpenCall, Process

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_BEATS = 5.0
# Who has not been seen to live for so long has ended. Only time in which the store could be read counts.
_SECONDS_UNTIL_LOST = 20.0

_LOST = payloads.Failure(kind="interrupted", message="The server ended while the answer was coming.")


def prepared(
    payload: payloads.Interaction, project_id: int, user_uid: UUID | None, id: UUID, *, is_kept: bool
) -> ingest.Prepared:
    """A call's interaction, ready to begin; where it `found` images, `store_images` must follow. Of what is not to be
    kept, nothing that was said is. Knows no database."""
    try:
        made = ingest.prepare(payload, project_id, user_uid, identifier=id)
    except Invalid:
        made = _without_images(payload, project_id, user_uid, id)
    if not is_kept:
        made.keep_nothing()
    return made


@ingest.told()
def store_images(made: ingest.Prepared, payload: payloads.Interaction) -> ingest.Prepared:
    """With its images in the store. What claims to be an image and is none stays in the text as it was sent."""
    try:
        ingest.store_images([made])
    except Invalid:
        return _without_images(payload, made.project_id, made.row["user_uid"], made.id)
    except OSError as error:
        raise Unavailable("The images cannot be stored now.") from error
    return made


def _without_images(payload: payloads.Interaction, project_id: int, user_uid: UUID | None, id: UUID) -> ingest.Prepared:
    return ingest.prepare(payload, project_id, user_uid, identifier=id, images_apart=False)


# The spool


def begin_later(
    payload: payloads.Interaction, project_id: int, user_uid: UUID | None, id: UUID, *, is_kept: bool
) -> None:
    """Raises `Unavailable` if the spool is full."""
    told = payload.model_dump(mode="json", exclude_unset=True)
    if not is_kept:
        told["messages"] = []
    entry = {"project_id": project_id, "user_uid": user_uid, "process": processes.own(), "is_kept": is_kept}
    spool.add({"id": id, "begin": entry | {"payload": told}})


def end_later(end: ingest.End) -> None:
    """Raises `Unavailable` if the spool is full."""
    answered = asdict(end.answered)
    shapes = {name: answered[name] and answered[name].model_dump() for name in ("error", "usage", "timings")}
    entry = {"project_id": end.project_id, "answered": answered | shapes, "spent_by": end.spent_by}
    spool.add({"id": end.id, "end": entry}, is_end=True)


def _drain() -> None:
    if spool.is_empty():
        return
    with spool.draining() as entries:
        for path in entries:
            try:
                _write(spool.read(path))
            except Unavailable:
                return  # the store is still away
            except Exception:  # it must not hold up all that come after it
                log.exception("The store refused what was in the spool, now %s", spool.set_aside(path))
            else:
                spool.remove(path)


def _write(entry: Mapping[str, Any]) -> None:
    try:
        _write_once(entry)
    except Conflict:
        _write_once(entry)


def _write_once(entry: Mapping[str, Any]) -> None:
    id = UUID(entry["id"])
    if "begin" in entry:
        _begin(id, entry["begin"])
    else:
        told = entry["end"]
        spent_by = None
        if told["spent_by"]:
            key_id, unit, begins_at = told["spent_by"]
            spent_by = ingest.Spender(key_id, unit, datetime.fromisoformat(begins_at))
        answered = _answered(told["answered"])
        end = ingest.End(id, told["project_id"], answered, even_if_interrupted=True, spent_by=spent_by)
        ingest.perform(access.operator(), end)


@ingest.told()
def _begin(id: UUID, told: Mapping[str, Any]) -> None:
    if Interaction.objects.filter(pk=id).exists():
        return  # it was written just before someone ended
    payload = payloads.read(payloads.Interaction, told["payload"])
    user = UUID(told["user_uid"]) if told["user_uid"] else None
    made = store_images(prepared(payload, told["project_id"], user, id, is_kept=told["is_kept"]), payload)
    ingest.perform(access.operator(), ingest.Begin(made, UUID(told["process"])))


def _answered(told: Mapping[str, Any]) -> ingest.Answered:
    usage, error = told["usage"], told["error"]
    return ingest.Answered(
        **{
            **told,
            "usage": usage and payloads.Usage(**usage),
            "error": error and payloads.Failure(**error),
            "timings": payloads.Timings(**told["timings"]),
        }
    )


# Processes


class _Seen(NamedTuple):
    """How far another process had counted, and since when it has not gone on."""

    beats: int | None
    since: float


_seen: dict[UUID, _Seen] = {}
_beat_at = 0.0


def carry_on() -> None:
    """Do what there is to do, and return. To be called again and again."""
    try:
        _carry_on()
    except database.Unreachable as error:
        log.warning("The store cannot be reached: %s", type(error).__name__)
        database.note_away()


def _carry_on() -> None:
    global _beat_at
    if database.is_away() and not _is_there():
        return
    _drain()
    if time.monotonic() - _beat_at < _SECONDS_BETWEEN_BEATS:
        return
    _beat_at = time.monotonic()
    working = set(OpenCall.objects.values_list("process", flat=True).distinct())
    own = processes.own()
    if own in working:
        _beat(own)
    _end_lost(working - {own})
    Process.objects.exclude(uid__in=working | {own}).delete()
    if spool.is_empty():  # in which may be calls of a process that has ended
        processes.forget_ended()
    limits.forget_old()


def _is_there() -> bool:
    """Whether the store can be written to again."""
    try:
        _beat(processes.own())
    except database.Unreachable:
        return False
    database.note_there()
    return True


def _beat(own: UUID) -> None:
    if not Process.objects.filter(uid=own).update(beats=F("beats") + 1):
        Process.objects.create(uid=own)


def _end_lost(working: set[UUID]) -> None:
    """Mark as interrupted what processes began that have ended, or have not been seen to live for long enough."""
    now = time.monotonic()
    beats = dict(Process.objects.filter(uid__in=working).values_list("uid", "beats"))
    for uid in _seen.keys() - working:
        del _seen[uid]
    for uid in working:
        if processes.has_ended(uid):
            end_all_of(uid)
        elif uid not in _seen or _seen[uid].beats != beats.get(uid):
            _seen[uid] = _Seen(beats.get(uid), now)
        elif now - _seen[uid].since >= _SECONDS_UNTIL_LOST:
            end_all_of(uid)


def end_all_of(process: UUID) -> None:
    """Its calls are interrupted: what came of them is not known."""
    answered = ingest.Answered("interrupted", error=_LOST)
    while some := list(OpenCall.objects.filter(process=process).values_list("interaction_id", "project_id")[:200]):
        ingest.perform(access.operator(), *(ingest.End(id, project_id, answered) for id, project_id in some))
        log.warning("%d calls of a process that ended are marked as interrupted", len(some))
