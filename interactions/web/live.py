"""Pages about what still goes on. They are asked for again and again, and answer only when there is something new.

What a page shows carries a version; who asks again names it in `If-None-Match`. Where it is the same, little is read.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from interactions.models import Interaction, Project


def asks(request: HttpRequest) -> bool:
    return "If-None-Match" in request.headers


def is_as_it_was(request: HttpRequest, version: str) -> bool:
    return request.headers["If-None-Match"] == f'"{version}"'


def nothing_new() -> HttpResponse:
    return HttpResponseNotModified()


def version(project: Project, *ids: UUID) -> str:
    """Of some interactions: one that ends gets another number."""
    rows = Interaction.objects.for_project(project).filter(pk__in=ids).order_by("pk")
    return "-".join(str(number) for number in rows.values_list("number", flat=True))
