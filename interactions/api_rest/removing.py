"""Deleting an interaction."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from pyroaring import BitMap

from interactions import bridge, removal
from interactions.access import Permission
from interactions.api_rest.api import described, router
from interactions.errors import Forbidden, NotFound
from interactions.models import Interaction


@router.delete(
    "/interactions/{uuid:interaction_id}",
    tags=["removing"],
    openapi_extra=described(Permission.DELETE),
    response={204: None},
)
def delete_interaction(request: HttpRequest, interaction_id: UUID) -> HttpResponse:
    """Delete an interaction for good, with its labels, feedback, comparisons, and the images that only it shows.

    Answers 204 when all of it is gone; 404 if there is none, as after it was deleted.
    """
    caller = bridge.read_caller(request)
    place = Interaction.objects.filter(pk=interaction_id).values_list("project_id", "number").first()
    if place is None or not caller.may(place[0], Permission.READ):
        raise NotFound(f"There is no interaction {interaction_id} that this caller can see.", "interaction_id")
    if not caller.may(place[0], Permission.DELETE):
        raise Forbidden(f"This needs the permission {Permission.DELETE} in the project.")
    removal.delete(place[0], BitMap([place[1]]))
    return HttpResponse(status=204)
