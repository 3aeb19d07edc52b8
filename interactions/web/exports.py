"""The filtered set as a file, streamed while it is made."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic_core import to_json

from interactions import bridge, documents, exports, pagination
from interactions.access import Permission
from interactions.errors import Invalid
from interactions.filtersets import InteractionFilterSet
from interactions.web.permissions import ProjectRequest, requires


@requires(Permission.READ)
def jsonl(request: ProjectRequest) -> HttpResponseBase:
    """`images=link` leaves the images out and their addresses in."""
    filterset = InteractionFilterSet(request.GET, request.project)
    try:
        lines = exports.jsonl(filterset.matches, request.project, inline=_inline(request))
    except Invalid as error:
        return _refused(error)
    return _download(request, lines, "application/x-ndjson", "jsonl")


@requires(Permission.READ)
def json(request: ProjectRequest) -> HttpResponseBase:
    """The page of the list that the same query string shows, as the API's list gives it."""
    filterset = InteractionFilterSet(request.GET, request.project)
    try:
        place, size = pagination.read(request.GET)
        page = pagination.page(filterset.matches, place, size)
    except Invalid as error:
        return _refused(error)
    listed = documents.listing(page, request.path, request.GET)
    return HttpResponse(to_json(listed), content_type="application/json")


@requires(Permission.READ)
def csv(request: ProjectRequest) -> HttpResponseBase:
    filterset = InteractionFilterSet(request.GET, request.project)
    try:
        lines = exports.as_csv(filterset.matches, request.project)
    except Invalid as error:
        return _refused(error)
    return _download(request, lines, "text/csv; charset=utf-8", "csv")


def _inline(request: ProjectRequest) -> bool:
    form = pagination.once(request.GET, "images") or "inline"
    if form not in ("inline", "link"):
        raise Invalid("Write images=inline or images=link.", "images")
    return form == "inline"


def _download(request: ProjectRequest, lines: Iterator[bytes], content_type: str, suffix: str) -> HttpResponseBase:
    response = bridge.streamed(request, lines, content_type)
    response["Content-Disposition"] = f'attachment; filename="{request.project.key}-interactions.{suffix}"'
    return response


def _refused(error: Invalid) -> HttpResponse:
    return HttpResponse(f"{error.field}: {error.message}\n", status=422, content_type="text/plain; charset=utf-8")
