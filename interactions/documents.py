"""The JSON forms of an interaction: the row that lists show, and the one lossless document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict
from pydantic_core import from_json

from interactions import answers, images, pagination, transcripts
from interactions.models import Comparison, Feedback, Image, Interaction, Transcript
from interactions.pagination import Page


def row(interaction: Interaction) -> dict[str, Any]:
    """What a list shows. Needs `with_row_details`; times are ISO 8601, UTC."""
    return {
        "id": str(interaction.id),
        "created_at": timestamp(interaction.created_at),
        "model": interaction.model.key if interaction.model else None,
        "prompt_preview": interaction.prompt_preview,
        "completion_preview": interaction.completion_preview,
        "labels": interaction.labels,
        "feedbacks": [_feedback(feedback) for feedback in interaction.given],
        "image_count": interaction.image_count,
        "message_count": interaction.message_count,
        **_common(interaction),
    }


def listing(page: Page, path: str, query: QueryDict) -> dict[str, Any]:
    """A page of rows, with the addresses of the pages beside it. Needs `with_row_details`."""
    return {
        "interactions": [row(interaction) for interaction in page.rows],
        "older": page.older and pagination.link(path, query, page.older),
        "newer": page.newer and pagination.link(path, query, page.newer),
    }


# How images stand in a document: as links to `/api/v1/images/…`; as the data URIs that came in, byte for byte; or as
# those, but as a link where the file is missing from the store, so that one missing file does not end an export.
ImageForm = Literal["link", "inline", "inline if there"]


def whole(
    interactions: Sequence[Interaction], project_key: str, image_form: ImageForm = "link"
) -> Iterator[dict[str, Any]]:
    """Each interaction's document, lossless, as it is asked for. Needs `with_everything`.

    Where the texts were removed, `texts_removed` is true, and `messages` and `completion` are null.
    """
    compared = comparisons(interactions)
    for interaction in interactions:
        yield _document(interaction, project_key, compared[interaction.id], image_form)


def _content(kept: Mapping[str, Image], image_form: ImageForm) -> transcripts.Content | None:
    if image_form == "link":
        return None
    read = images.read if image_form == "inline" else images.read_if_there
    return lambda sha: read(kept[sha])


def _document(
    interaction: Interaction, project_key: str, compared: Sequence[Comparison], image_form: ImageForm
) -> dict[str, Any]:
    transcript = transcript_of(interaction)
    stored = from_json(transcript.document) if transcript else {}
    answer = answer_of(transcript, stored) if transcript else {}
    return {
        "id": str(interaction.id),
        "project": project_key,
        "created_at": timestamp(interaction.created_at),
        "recorded_at": timestamp(interaction.recorded_at),
        "model": interaction.model.key if interaction.model else None,
        "messages": _messages(interaction, transcript, stored, project_key, image_form) if transcript else None,
        "completion": completion_of(transcript, stored, answer) if transcript else None,
        "texts_removed": transcript is None,
        "labels": interaction.labels,
        "feedbacks": [_feedback(feedback) for feedback in interaction.given],
        "comparisons": [_comparison(comparison) for comparison in compared],
        **_common(interaction),
        "error": {"kind": interaction.error_kind, "message": error_of(stored, answer)}
        if interaction.error_kind
        else None,
        "parameters": stored.get("parameters"),
        "api": stored.get("api"),
        "answer": {name: value for name, value in answer.items() if name not in _TOLD_ELSEWHERE} or None,
        "ab_campaign": stored.get("ab_campaign"),
        "prompt_hash": interaction.prompt_hash,
    }


# Of an answer, what the document has at its own place.
_TOLD_ELSEWHERE = {"completion", "error"}


def answer_of(transcript: Transcript, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What came back through the gateway besides the completion: `response` is the whole body, as it came."""
    answer: dict[str, Any] = from_json(transcript.answer) if transcript.answer else {}
    if "response" in answer:
        completion = completion_of(transcript, stored, answer)
        answer["response"] = answers.with_text(stored.get("api") or "chat", answer["response"], completion)
    return answer


def completion_of(transcript: Transcript, stored: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Its text, which a NUL may be in, which the column cannot hold."""
    text: str = answer.get("completion", stored.get("completion", transcript.completion_text))
    return text


def error_of(stored: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """The message that came with it."""
    message: str = answer.get("error", stored.get("error", ""))
    return message


def transcript_of(interaction: Interaction) -> Transcript | None:
    """Nothing if its texts and images were removed, as retention does after some time."""
    return getattr(interaction, "transcript", None)


def _messages(
    interaction: Interaction,
    transcript: Transcript,
    stored: Mapping[str, Any],
    project_key: str,
    image_form: ImageForm,
) -> Any:
    kept = interaction.kept_images
    return transcripts.put_together(
        stored["messages"],
        transcript.prompt_text,
        _content(kept, image_form),
        lambda sha: image_link(project_key, kept[sha]),
    )


def _common(interaction: Interaction) -> dict[str, Any]:
    return {
        "session_id": str(interaction.session_id),
        "user": _text(interaction.user_uid),
        "source": interaction.source,
        "state": interaction.state,
        "error_kind": interaction.error_kind or None,
        "finish_reason": interaction.finish_reason or None,
        "usage": _usage(interaction),
        "timings": {"first_token_ms": interaction.first_token_ms, "total_ms": interaction.total_ms},
        "cost": None if interaction.cost is None else interaction.cost / 1e9,
    }


def _usage(interaction: Interaction) -> dict[str, int | None] | None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    usage = {name: getattr(interaction, name) for name in names}
    return None if all(value is None for value in usage.values()) else usage


def _feedback(feedback: Feedback) -> dict[str, Any]:
    return {
        "id": str(feedback.id),
        "metric": feedback.key.key,
        "value": bool(feedback.value) if feedback.key.kind == "bool" else feedback.value,
        "details": feedback.details or None,
        "reason": feedback.reason or None,
        "user": _text(feedback.user_uid),
        "created_at": timestamp(feedback.created_at),
    }


def comparisons(interactions: Sequence[Interaction]) -> Mapping[UUID, list[Comparison]]:
    """The comparisons that each of some interactions of one project stands in, oldest first."""
    ids = {interaction.id for interaction in interactions}
    either = Q(preferred_id__in=ids) | Q(other_id__in=ids)
    found = Comparison.objects.filter(either, project_id__in={i.project_id for i in interactions})
    compared: dict[UUID, list[Comparison]] = {id: [] for id in ids}
    for comparison in found.select_related("key").order_by("created_at", "id"):
        for side in ids & {comparison.preferred_id, comparison.other_id}:
            compared[side].append(comparison)
    return compared


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "id": str(comparison.id),
        "metric": comparison.key.key,
        "preferred": str(comparison.preferred_id),
        "other": str(comparison.other_id),
        "tied": comparison.tied or None,
        "user": _text(comparison.user_uid),
        "created_at": timestamp(comparison.created_at),
    }


def image_link(project_key: str, image: Image) -> str:
    return f"/api/v1/images/{project_key}/{image.sha256}.{image.format}"


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(uid: UUID | None) -> str | None:
    return None if uid is None else str(uid)
