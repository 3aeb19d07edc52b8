"""A project's settings: how long it keeps what. A setting that removes something now says so first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from interactions import ids, removal
from interactions.access import Permission
from interactions.models import Removal
from interactions.web import answers, removing, wording
from interactions.web.permissions import ProjectRequest, requires

# How long the page that asks may lie open: what it counted is what will be removed.
_ASKED_FOR = timedelta(hours=1)
_REMOVALS_SHOWN = 10


def _days(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=removal.MOST_DAYS, required=False)


class Retention(forms.Form):
    keep_transcripts = _days("Keep texts and images for")
    keep_interactions = _days("Keep interactions for")


@requires(Permission.DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: ProjectRequest) -> HttpResponseBase:
    """Fields: `keep_transcripts`, `keep_interactions` (days, or nothing); `as_of`, `confirmed` as the page asked."""
    project, saved = request.project, {name: getattr(request.project, name) for name in Retention.base_fields}
    if request.method != "POST":
        return _page(request, Retention(initial=saved))
    form = Retention(request.POST, initial=saved)
    if not form.is_valid():
        return _page(request, form, status=422)
    for name, days in form.cleaned_data.items():
        setattr(project, name, days)
    as_of, now = _moment(request.POST.get("as_of", "")), ids.now()
    if as_of is None or not now - _ASKED_FOR < as_of <= now:
        as_of = now
    overdue = removal.overdue(project, as_of)
    stated = f"{overdue.interactions} {overdue.transcripts}"
    if any(overdue) and request.POST.get("confirmed") != stated:
        changed = "confirmed" in request.POST
        asked = _asked(overdue) | {"stated": stated, "as_of": as_of.isoformat(), "changed": changed}
        return _page(request, form, asked, 409 if changed else 200)
    project.save(update_fields=form.cleaned_data)
    return _saved(request, removal.apply_retention(project, as_of))


def _asked(overdue: removal.Overdue) -> dict[str, Any]:
    told = {name: count and wording.counted(count, "interaction") for name, count in overdue._asdict().items()}
    if all(overdue):
        told["transcripts"] = f"{overdue.transcripts:,} more"
    return told


def _saved(request: ProjectRequest, asked: list[Removal]) -> HttpResponse:
    told = "Saved." if not asked else "Saved. What is older is being removed."
    return answers.see_other(request, reverse("project-settings", args=[request.project.key]), told)


def _page(
    request: ProjectRequest, form: Retention, asked: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    removals = Removal.objects.filter(project=request.project).select_related("requested_by").defer("numbers")
    context = {
        "form": form,
        "asked": asked,
        "removals": [removing.shown(wanted) for wanted in removals.order_by("-id")[:_REMOVALS_SHOWN]],
    }
    return render(request, "interactions/project_settings.html", context, status=status)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
