"""Deleting by hand: what was selected in the list, one interaction, or all that a filter matches.

Nothing is removed before a page has said exactly how many interactions that is, and what came back holds that number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from pyroaring import BitMap

from interactions import removal
from interactions.access import Permission
from interactions.errors import Unavailable
from interactions.filtersets import InteractionFilterSet
from interactions.models import Feedback, Interaction, Project, Removal, Revision, User
from interactions.web import answers, wording
from interactions.web.permissions import ProjectRequest, requires

# So many are gone before the answer is: no one needs to wait on another page.
_AT_ONCE = 200
_AT_ONCE_SECONDS = 3.0
# More than this from a filter, and the number has to be typed.
_MANY = 1_000
# Up to so many, what goes along is counted.
_COUNTED = 10_000
_SHOWN = 5


@requires(Permission.DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: ProjectRequest) -> HttpResponseBase:
    """A page that asks; posted with the number it stated, it is done.

    Fields: `selected` (ids; without them the query string's filter counts), `back` (the list's query string), `what`,
    `upto` and `confirmed` (as the page wrote them), `typed`.
    """
    chosen = _selected(request) if "selected" in request.POST else _filtered(request)
    if chosen is None:
        return redirect(f"{reverse('interactions', args=[request.project.key])}?{request.GET.urlencode()}")
    if "confirmed" not in request.POST or not chosen.numbers:
        return _ask(request, chosen)
    if request.POST["confirmed"] != str(len(chosen.numbers)):
        return _ask(request, chosen, "What is stored has changed since you were asked: the number is another now.", 409)
    if chosen.must_be_typed and re.sub(r"[\s,.]", "", request.POST.get("typed", "")) != str(len(chosen.numbers)):
        return _ask(request, chosen, "The number that was typed is not this one. Nothing was removed.", 422)
    return _do(request, chosen)


@dataclass
class Chosen:
    """What is to be removed. `described` is a phrase that reads on after “interactions where”, or nothing."""

    project: Project
    numbers: BitMap
    described: str
    back: str
    selected: list[str]
    upto: int = 0

    @property
    def must_be_typed(self) -> bool:
        return not self.selected and len(self.numbers) > _MANY

    @property
    def told(self) -> str:
        return wording.counted(len(self.numbers), "interaction")

    @property
    def count(self) -> str:
        return f"{len(self.numbers):,}"

    @property
    def is_one(self) -> bool:
        return len(self.numbers) == 1

    @property
    def more(self) -> str:
        more = len(self.numbers) - _SHOWN
        return f"{more:,}" if more > 0 else ""

    @property
    def leaves_nothing(self) -> bool:
        return not self.selected and not self.back

    @cached_property
    def first(self) -> list[Interaction]:
        """To see that it is the right ones."""
        few = Interaction.objects.filter(number__among=(self.project.pk, self.numbers[-_SHOWN:]))
        return list(few.newest_first())

    @cached_property
    def feedback(self) -> str:
        """How much of what people said goes along, where it is soon counted."""
        if len(self.numbers) > _COUNTED:
            return ""
        given = Feedback.objects.filter(interaction__number__among=(self.project.pk, self.numbers))
        return wording.counted(given.count(), "piece of feedback", "pieces of feedback")


def _selected(request: ProjectRequest) -> Chosen:
    ids = [id for text in request.POST.getlist("selected") if (id := _uuid(text)) is not None]
    rows = Interaction.objects.for_project(request.project).filter(pk__in=ids)
    numbers = BitMap(rows.values_list("number", flat=True))
    return Chosen(request.project, numbers, "selected by hand", request.POST.get("back", ""), list(map(str, ids)))


def _filtered(request: ProjectRequest) -> Chosen | None:
    """All that the query string matches, and was there when the page was made: what comes later stays."""
    latest = Revision.objects.filter(project=request.project).values_list("latest", flat=True).first() or 0
    filters = InteractionFilterSet(request.GET, request.project)
    if filters.problems():
        return None
    found = filters.matches.numbers()
    text = request.POST.get("upto", "")
    upto = int(text) if text.isdecimal() and len(text) < 19 else latest
    return Chosen(request.project, found[: found.rank(upto)], filters.condition().describe(), filters.query(), [], upto)


def _ask(request: ProjectRequest, chosen: Chosen, problem: str = "", status: int = 200) -> HttpResponse:
    if chosen.selected and "confirmed" in request.POST and not chosen.numbers:
        problem = "They are gone already."
    context = {"chosen": chosen, "problem": problem, "what": request.POST.get("what", "")}
    return render(request, "interactions/remove.html", context, status=status)


def _do(request: ProjectRequest, chosen: Chosen) -> HttpResponseBase:
    what = Removal.What.TRANSCRIPTS if request.POST.get("what") == "transcripts" else Removal.What.INTERACTIONS
    user = cast(User, request.user)
    wanted = removal.request(request.project, what, chosen.numbers, chosen.described, user)
    if wanted.total <= _AT_ONCE and _is_done_now(wanted):
        return answers.see_other(request, _list(request, chosen.back), done(wanted))
    return answers.see_other(request, reverse("removal", args=[request.project.key, wanted.pk]))


def _is_done_now(wanted: Removal) -> bool:
    try:
        return removal.work_off(wanted, seconds=_AT_ONCE_SECONDS)
    except Unavailable:
        return False  # the store is busy: it is done in the background


def done(wanted: Removal) -> str:
    told = wording.counted(wanted.total, "interaction")
    if wanted.what == Removal.What.INTERACTIONS:
        return f"Deleted {told}."
    return f"Removed the texts and images of {told}."


def _list(request: ProjectRequest, query: str) -> str:
    address = reverse("interactions", args=[request.project.key])
    return f"{address}?{query}" if query else address


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# While it goes on


@requires(Permission.READ)
@require_safe
def progress(request: ProjectRequest, removal: int) -> HttpResponse:
    """How far a removal is. The part that changes asks for itself again until it has ended."""
    wanted = Removal.objects.filter(project=request.project, pk=removal).defer("numbers").first()
    if wanted is None:
        raise Http404("The project has no such removal.")
    template = "_removal" if request.headers.get("HX-Request") else "removal"
    return render(request, f"interactions/{template}.html", shown(wanted))


def shown(wanted: Removal) -> dict[str, Any]:
    return {
        "removal": wanted,
        "done": done(wanted),
        "so_far": f"{wanted.done:,}",
        "total": f"{wanted.total:,}",
        "told": wording.counted(wanted.total, "interaction"),
        "share": 100 * wanted.done // wanted.total if wanted.total else 100,
    }
