"""Reading interactions and their images."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from interactions import access, bridge, database, documents, images, pagination, payloads
from interactions.access import Caller, Permission
from interactions.api_rest.api import answer, described, router
from interactions.errors import Invalid, NotFound
from interactions.filtersets import InteractionFilterSet
from interactions.models import Image, Interaction, Project

_FILTERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "query",
        "description": filter_.extra["help_text"],
        "schema": {"type": "array", "items": {"type": "string"}},
    }
    for name, filter_ in InteractionFilterSet.base_filters.items()
]
_PAGING: list[dict[str, Any]] = [
    {"name": "project", "in": "query", "required": True, "schema": {"type": "string"}},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": pagination.LARGEST_PAGE}},
    {"name": "older_than", "in": "query", "schema": {"type": "string", "format": "uuid"}},
    {"name": "newer_than", "in": "query", "schema": {"type": "string", "format": "uuid"}},
    {"name": "count", "in": "query", "description": "yes: also count the matches", "schema": {"enum": ["yes", "no"]}},
]


@router.get(
    "/interactions", tags=["reading"], openapi_extra=described(Permission.READ) | {"parameters": _PAGING + _FILTERS}
)
def list_interactions(request: HttpRequest) -> HttpResponse:
    """The newest interactions that match: the tab's filters, as rows with previews. `older` and `newer` are links.

    A filter that cannot be answered in time is refused with 422 and the code `too_slow`: the same one would be again.
    """
    caller = bridge.read_caller(request)
    project = _project(caller, pagination.once(request.GET, "project"))
    filterset = InteractionFilterSet(request.GET, project)
    matches = filterset.matches
    place, size = pagination.read(request.GET)
    counted = _is_counted(pagination.once(request.GET, "count"))
    if "images" in request.GET:
        raise Invalid("Rows hold no images. Ask for an interaction with images=inline.", "images")
    with database.time_limit(settings.QUERY_SECONDS):
        page = pagination.page(matches, place, size)
        listed = documents.listing(page, request.path, request.GET)
        if counted:
            listed["count"] = matches.count()
    return answer(listed)


@router.get("/interactions/{uuid:interaction_id}", tags=["reading"], openapi_extra=described(Permission.READ))
def get_interaction(request: HttpRequest, interaction_id: UUID, images: str = "link") -> HttpResponse:
    """The whole interaction, lossless. `images=inline` gives images as the data URIs that came in, byte for byte."""
    if images not in ("link", "inline"):
        raise Invalid("Write images=inline or images=link.", "images")
    caller = bridge.read_caller(request)
    rows = Interaction.objects.with_everything()
    interaction = access.interaction(caller, rows, interaction_id, Permission.READ, "interaction_id")
    return answer(
        next(documents.whole([interaction], interaction.project.key, "inline" if images == "inline" else "link"))
    )


@router.get("/images/{project}/{name}", tags=["reading"], openapi_extra=described(Permission.READ))
def get_image(request: HttpRequest, project: str, name: str) -> HttpResponse:
    """An image's own bytes. `name` is its SHA-256 with an extension, `project` a key or an id."""
    caller = bridge.read_caller(request)
    image = Image.objects.filter(project=_project(caller, project), sha256=_digest(name)).first()
    if image is None:
        raise NotFound("The project has no such image.", "name")
    return image_response(image)


def image_response(image: Image) -> HttpResponse:
    """Content of someone else's making: shown as the image it was verified to be, and never as anything else."""
    response = HttpResponse(images.read(image), content_type=images.MEDIA_TYPES[image.format])
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _project(caller: Caller, key_or_id: str) -> Project:
    if not key_or_id:
        raise Invalid("Name a project: ?project=key.", "project")
    return access.project(caller, key_or_id, Permission.READ)


def _is_counted(text: str) -> bool:
    if text not in ("", "yes", "no"):
        raise Invalid("Write count=yes or count=no.", "count")
    return text == "yes"


def _digest(name: str) -> str:
    digest = payloads.sha256(name.partition(".")[0])
    if digest is None:
        raise NotFound("The project has no such image.", "name")
    return digest
