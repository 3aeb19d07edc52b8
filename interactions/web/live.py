"""Pages about what still goes on: asked for again and again, they answer only when there is something new.

A page carries what it was made of, and who asks again names that in `If-None-Match`: the numbers of interactions that
go on, of which one that ends gets another (`n12-15`); or the project's revision, which anything new counts up (`r345`).
"""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from interactions.models import Interaction, Project, Revision

_MOST_NUMBERS = 100
_LONGEST_NUMBER = 18


def version(interactions: Iterable[Interaction]) -> str:
    return "n" + "-".join(str(interaction.number) for interaction in interactions)


def revision(project: Project) -> str:
    """To be read before the rows that are shown with it: then it is never newer than they are."""
    latest = Revision.objects.filter(project=project).values_list("latest", flat=True).first()
    return f"r{latest or 0}"


def nothing_new(request: HttpRequest, project: Project) -> bool:
    """Whether all is as it was for who asks; one query, and none for who asks for the first time."""
    known = request.headers.get("If-None-Match", "").strip('"')
    if known.startswith("r"):
        return known == revision(project)
    if not known.startswith("n"):
        return False
    numbers = {int(text) for text in known[1:].split("-") if text.isdecimal() and len(text) <= _LONGEST_NUMBER}
    if not 0 < len(numbers) <= _MOST_NUMBERS:
        return False
    return Interaction.objects.for_project(project).filter(number__in=numbers).count() == len(numbers)


def unchanged() -> HttpResponse:
    return HttpResponseNotModified()
