"""What an auditor does on the page of an interaction: feedback given and taken back, labels set and removed.

htmx gets the section of the rail again; a browser without JavaScript is sent back to the page, with its list's query
string. What is refused comes back with a sentence beside the form, and with everything that was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from interactions import ingest, payloads
from interactions.access import Permission
from interactions.errors import Invalid, NotFound, RequestError
from interactions.models import Interaction
from interactions.web import answers, detail
from interactions.web.permissions import ProjectRequest, requires
from interactions.web.rail import Typed

_WORDS = {"true": True, "false": False}


class Label(payloads.Shape):
    key: payloads.LabelKey
    value: payloads.LabelValue


@requires(Permission.JUDGE)
@require_POST
def add_feedback(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """Fields: `metric`, `value` (true, false or a number), `details`."""

    def act(interaction: Interaction) -> None:
        given = {
            "completion_id": interaction.id,
            "metric": request.POST.get("metric", ""),
            "value": _number(request.POST.get("value", "")),
            "details": _lines(request.POST.get("details", "")) or None,
        }
        ingest.perform(request.caller, ingest.AddFeedback(payloads.read(payloads.Feedback, given)))

    return _answered(request, id, "feedback", act)


@requires(Permission.JUDGE)
@require_POST
def remove_feedback(request: ProjectRequest, id: UUID, feedback_id: UUID) -> HttpResponseBase:
    return _answered(
        request, id, "feedback", lambda interaction: ingest.remove_feedback(request.caller, interaction, feedback_id)
    )


@requires(Permission.JUDGE)
@require_POST
def set_label(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """Fields: `key`, `value`. An earlier value of the key is replaced."""

    def act(interaction: Interaction) -> None:
        typed = {name: request.POST.get(name, "").strip() for name in ("key", "value")}
        label = payloads.read(Label, typed)
        ingest.set_label(request.caller, interaction, label.key, label.value)

    return _answered(request, id, "labels", act)


@requires(Permission.JUDGE)
@require_POST
def remove_label(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """Field: `key`."""
    key = request.POST.get("key", "")
    return _answered(request, id, "labels", lambda interaction: ingest.remove_label(request.caller, interaction, key))


def _answered(request: ProjectRequest, id: UUID, section: str, act: Callable[[Interaction], None]) -> HttpResponse:
    interaction = Interaction.objects.for_project(request.project).filter(pk=id).first()
    if interaction is None:
        raise Http404("The project has no such interaction.")
    typed = None
    try:
        act(interaction)
    except NotFound as error:
        # Removed twice, from two windows: the page as it is now says it all.
        typed = None if error.field in ("key", "feedback") else _typed(request, section, error)
    except RequestError as error:
        typed = _typed(request, section, error)
    return _shown(request, id, section, typed)


def _typed(request: ProjectRequest, section: str, error: RequestError) -> Typed:
    names = {"key": "Key: ", "details": "Note: "}
    values = {name: str(value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"}
    return Typed(section, values, names.get(error.field or "", "") + error.message)


def _shown(request: ProjectRequest, id: UUID, section: str, typed: Typed | None) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return detail.section(request, detail.find(request, id), section, typed)
    if typed is not None:
        return detail.page(request, detail.find(request, id), typed)
    address = reverse("interaction", args=[request.project.key, id])
    query = request.GET.urlencode()
    target = f"{address}?{query}#{section}" if query else f"{address}#{section}"
    return answers.see_other(request, target)


def _number(text: str) -> Any:
    """As the API would get it. Raises `Invalid` for what is no number."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        number = payloads.parse_number(text)
    except ValueError:
        raise Invalid(f"“{text[:80]}” is not a number. Write one such as 4 or 0.82.", "value") from None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _lines(text: str) -> str:
    """Browsers send line ends as CR LF."""
    return text.replace("\r\n", "\n").strip()
