"""From a payload to what will be stored, as far as that goes without knowing any database id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from interactions import database, ids, images, payloads, transcripts
from interactions.models.interactions import PREVIEW_LENGTH


@dataclass(slots=True)
class Prepared:
    """An interaction that is ready to be planned. `row` and `transcript` hold column values by field name."""

    id: UUID
    project_id: int
    created_at: datetime
    model_key: str | None
    ab_campaign: str | None
    labels: dict[str, str]
    feedbacks: list[payloads.FeedbackItem]
    row: dict[str, Any]
    transcript: dict[str, database.Packed]
    found: list[transcripts.Found] = field(default_factory=list)
    pictures: dict[str, images.Picture] = field(default_factory=dict)

    @property
    def digests(self) -> list[str]:
        """The images' hashes in the order of their first appearance, each once."""
        return list(dict.fromkeys(found.sha256 for found in self.found))

    def keep_nothing(self) -> None:
        """Of what was said. The row looks as one whose texts were removed when it was made."""
        self.transcript, self.found, self.pictures = {}, [], {}
        self.row |= {"prompt_preview": "", "completion_preview": "", "image_count": 0}
        self.row["texts_removed_at"] = self.created_at


def prepare(
    payload: payloads.Interaction,
    project_id: int,
    user_uid: UUID | None,
    ordinal: int | None = None,
    *,
    identifier: UUID | None = None,
    images_apart: bool = True,
) -> Prepared:
    """Pure work on one payload. Where it `found` images, `store_images` must follow before the act is committed.

    An `identifier` was made for the payload's `created_at`. Without `images_apart` images stay where they are.
    """
    apart = transcripts.take_apart((message.document() for message in payload.messages), images=images_apart)
    recorded_at = ids.now()
    created_at = payload.created_at or recorded_at
    identifier = identifier or ids.new_id(created_at, ordinal)
    prepared = Prepared(
        id=identifier,
        project_id=project_id,
        created_at=created_at,
        model_key=payload.model_service,
        ab_campaign=payload.ab_campaign,
        labels=payload.labels,
        feedbacks=payload.feedbacks,
        row=_row(payload, apart, identifier, created_at, recorded_at, user_uid),
        transcript=_transcript(payload, apart),
        found=apart.images,
    )
    prepared.row["image_count"] = len(prepared.digests)
    return prepared


def _row(
    payload: payloads.Interaction,
    apart: transcripts.Apart,
    identifier: UUID,
    created_at: datetime,
    recorded_at: datetime,
    user_uid: UUID | None,
) -> dict[str, Any]:
    usage, timings = payload.usage, payload.timings
    return {
        "id": identifier,
        "created_at": created_at,
        "recorded_at": recorded_at,
        "texts_removed_at": None,
        "source": payload.source,
        "state": payload.state,
        "error_kind": payload.error.kind if payload.error else "",
        "finish_reason": payload.finish_reason or "",
        "session_id": payload.session_id or ids.random_id(),
        "user_uid": payload.user or user_uid,
        "prompt_hash": transcripts.prompt_hash(apart),
        "prompt_preview": preview(transcripts.asked(apart)),
        "completion_preview": preview(payload.completion),
        "message_count": len(payload.messages),
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "total_tokens": usage.total_tokens if usage else None,
        "first_token_ms": timings.first_token_ms if timings else None,
        "total_ms": timings.total_ms if timings else None,
    }


def _transcript(payload: payloads.Interaction, apart: transcripts.Apart) -> dict[str, database.Packed]:
    document: dict[str, Any] = {"messages": apart.structure}
    completion = payload.completion.replace("\x00", "")
    if completion != payload.completion:
        document["completion"] = payload.completion
    if payload.parameters is not None:
        document["parameters"] = payload.parameters
    if payload.api:
        document["api"] = payload.api
    if payload.error and payload.error.message:
        document["error"] = payload.error.message
    if payload.ab_campaign:
        document["ab_campaign"] = payload.ab_campaign
    texts = {"prompt_text": apart.text, "completion_text": completion, "document": to_json(document).decode()}
    # Here, beside other requests, and not while the store is locked.
    return {name: database.packed(text) for name, text in texts.items()}


def preview(text: str) -> str:
    """The beginning of a text on one line, short enough for a row."""
    line = " ".join(text[: PREVIEW_LENGTH * 2].replace("\x00", "").split())
    if len(line) <= PREVIEW_LENGTH and len(text) > PREVIEW_LENGTH * 2:  # mostly white space: look further
        line = " ".join(text[: PREVIEW_LENGTH * 20].replace("\x00", "").split())
    return line if len(line) <= PREVIEW_LENGTH else line[: PREVIEW_LENGTH - 1] + "…"


def store_images(several: Iterable[Prepared]) -> None:
    """Verify the new images and keep their content. Raises `Invalid` before anything is kept of an interaction."""
    for prepared in several:
        known = images.known(prepared.project_id, prepared.digests) if prepared.found else set()
        new = {found.sha256: found for found in prepared.found if found.sha256 not in known}
        prepared.pictures = {sha: images.verify(found.content, found.field) for sha, found in new.items()}
        for sha, picture in prepared.pictures.items():
            images.keep(prepared.project_id, new[sha].content, picture)
        # The bytes are on the disk; the references that remain are small.
        prepared.found = [transcripts.Found(b"", found.sha256, found.field) for found in prepared.found]
