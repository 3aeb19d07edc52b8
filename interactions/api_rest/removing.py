"""Deleting an interaction."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from pyroaring import BitMap

from interactions import access, bridge, removal
from interactions.access import Permission
from interactions.api_rest.api import described, router
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
    rows = Interaction.objects.all()
    interaction = access.interaction(caller, rows, interaction_id, Permission.DELETE, "interaction_id")
    removal.delete(interaction.project_id, BitMap([interaction.number]))
    return HttpResponse(status=204)
