"""One interaction, read whole: its transcript, what was said about it, and what lies around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from pydantic_core import from_json, to_json

from interactions import documents, images, payloads
from interactions.access import Permission
from interactions.errors import NotFound
from interactions.filtersets import InteractionFilterSet
from interactions.models import Image, Interaction, Project
from interactions.web import answer, facts, live, rail, surroundings, transcript, wording
from interactions.web.answer import Answer
from interactions.web.parts import Message
from interactions.web.permissions import ProjectRequest, requires
from interactions.web.rail import Typed
from interactions.web.surroundings import Neighbours


@requires(Permission.READ)
@require_safe
def show(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    if live.nothing_new(request, request.project):
        return live.unchanged()
    return page(request, find(request, id))


@requires(Permission.READ)
@require_safe
def document(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """The lossless document, for people: the API's needs a key, this one the session."""
    whole = next(documents.whole([find(request, id)], request.project.key))
    return HttpResponse(to_json(whole, indent=2), content_type="application/json")


@requires(Permission.READ)
@require_safe
def image(request: ProjectRequest, digest: str) -> HttpResponseBase:
    """Content of someone else's making: shown as the image it was verified to be, and never as anything else."""
    found = _image(request, digest)
    try:
        content = images.read(found)
    except NotFound:
        raise Http404("The content of this image is gone from the store.") from None
    response = HttpResponse(content, content_type=images.MEDIA_TYPES[found.format])
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Disposition"] = f'inline; filename="{found.sha256[:12]}.{found.format}"'
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _image(request: ProjectRequest, digest: str) -> Image:
    wanted = payloads.sha256(digest)
    kept = wanted and Image.objects.defer("thumbnail").filter(project=request.project, sha256=wanted).first()
    if not kept:
        raise Http404("The project has no such image.")
    return kept


def find(request: ProjectRequest, id: UUID) -> Interaction:
    found = Interaction.objects.for_project(request.project).with_everything().filter(pk=id).first()
    if found is None:
        raise Http404("The project has no such interaction.")
    return found


# The page


def page(request: ProjectRequest, interaction: Interaction, typed: Typed | None = None) -> HttpResponse:
    """The whole page; with what was `typed` and refused, that part of it again, and status 422."""
    stored = stored_of(interaction)
    read = _read(interaction, stored)
    compared = surroundings.comparisons(interaction)
    people = surroundings.people(_uids(interaction, compared))
    session = surroundings.session(request.project, interaction)
    context = {
        "interaction": interaction,
        "query": request.GET.urlencode(),
        "found": _found(request, interaction),
        "transcript": read,
        "answer": read.answer,
        "session": session,
        "siblings": _siblings(request.project, interaction),
        "comparisons": compared,
        "facts": facts.facts(interaction, stored, read.answer, people, session),
        "feedback": rail.feedback_section(request, interaction, people, typed),
        "labels": rail.label_section(request, interaction, typed),
        "replay": rail.replay_section(request, interaction, typed),
    }
    return render(request, "interactions/detail.html", context, status=422 if typed else 200)


def section(request: ProjectRequest, interaction: Interaction, name: str, typed: Typed | None = None) -> HttpResponse:
    """One section of the rail, for htmx: `feedback` or `labels`."""
    context: dict[str, Any] = {"interaction": interaction, "query": request.GET.urlencode()}
    if name == "feedback":
        people = surroundings.people(_uids(interaction, []))
        context["feedback"] = rail.feedback_section(request, interaction, people, typed)
    else:
        context["labels"] = rail.label_section(request, interaction, typed)
    return render(request, f"interactions/_{name}.html", context, status=422 if typed else 200)


def stored_of(interaction: Interaction) -> dict[str, Any]:
    """Nothing if its texts were removed."""
    kept = documents.transcript_of(interaction)
    return dict(from_json(kept.document)) if kept else {}


def _uids(interaction: Interaction, compared: list[surroundings.Compared]) -> list[UUID | None]:
    return [
        interaction.user_uid,
        *(feedback.user_uid for feedback in interaction.given),
        *(made.comparison.user_uid for made in compared),
    ]


@dataclass(frozen=True, slots=True)
class Found:
    """The list that the page was reached from, and the interaction's neighbours in it."""

    filters: InteractionFilterSet
    neighbours: Neighbours


def _found(request: ProjectRequest, interaction: Interaction) -> Found:
    filters = InteractionFilterSet(request.GET, request.project)
    if filters.problems():
        return Found(filters, Neighbours())
    return Found(filters, surroundings.neighbours(filters.matches, interaction.id))


@dataclass(frozen=True, slots=True)
class Read:
    """`removed` is a sentence in place of all else, where that is so."""

    messages: list[Message]
    answer: Answer | None
    left_out: int
    removed: str = ""


def _read(interaction: Interaction, stored: dict[str, Any]) -> Read:
    kept = interaction.kept_images
    texts = documents.transcript_of(interaction)
    if texts is None:
        return Read([], None, 0, removed(interaction))
    reader = transcript.Reader(texts.prompt_text, kept, surroundings.image_uses(interaction))
    read = answer.read(interaction, stored, reader)  # before the messages, so that it is not what is left out
    messages = reader.messages(stored["messages"])
    return Read(messages, read, len(stored["messages"]) - len(messages))


def removed(interaction: Interaction) -> str:
    at = interaction.texts_removed_at
    if interaction.kept_nothing:
        return "The caller asked to keep nothing of what was said (“store” was false)."
    when = f" on {wording.exact(at).partition(',')[0]}" if at else ""
    return f"The texts and images of this interaction were removed{when}. What was said about it is still here."


def _siblings(project: Project, interaction: Interaction) -> dict[str, Any]:
    found = surroundings.siblings(project, interaction)
    shown = [(other, [rail.score(feedback) for feedback in other.feedback.all()]) for other in found.shown]
    return {"shown": shown, "count": found.count, "told": wording.counted(found.count, "interaction")}
