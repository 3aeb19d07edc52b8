"""Asking once more what was asked: the same request, to the same model or another one of the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST

from interactions import bridge, calls, documents, gateway
from interactions.access import Permission
from interactions.errors import Invalid, RequestError
from interactions.gateway import again
from interactions.gateway.assembly import Api
from interactions.models import Interaction
from interactions.web import detail
from interactions.web.permissions import ProjectRequest, requires
from interactions.web.rail import REPLAY_OF, Typed


@requires(Permission.READ, Permission.USE_MODELS)
@require_POST
def start(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """Field: `model`. On to a page that shows both answers, the new one as soon as it is there."""
    interaction, model = detail.find(request, id), request.POST.get("model", "")
    try:
        started = _started(request, interaction, model)
    except RequestError as error:
        return detail.page(request, interaction, Typed("replay", {"model": model}, error.message))
    address = reverse("interaction-compare", args=[request.project.key, id, started])
    return HttpResponse(status=303, headers={"Location": address})


def _started(request: ProjectRequest, interaction: Interaction, model: str) -> UUID:
    key = request.project.key
    if documents.transcript_of(interaction) is None:
        raise Invalid("What was said is not kept, so it cannot be asked again.")
    if not model:
        raise Invalid("Choose a model.")
    route = calls.routes(request.caller, key).choose(model)
    whole = next(documents.whole([interaction], key, "inline"))
    if not whole["messages"]:
        raise Invalid("This was logged without any message, so there is nothing to ask.")
    api, body = _body(whole, f"{key}/{model}")
    # It is another person's call, and in none of the conversations that there were.
    asked = replace(gateway.read(api, body), user=None, labels={REPLAY_OF: str(interaction.id)})
    calls.take(request.caller)
    return bridge.on_loop(gateway.begin_unheard(asked, route, request.caller))


def _body(whole: Mapping[str, Any], model: str) -> tuple[Api, dict[str, Any]]:
    """Streamed if it was, so that the times to the first token can be compared."""
    api: Api = whole["api"] or "chat"
    body = again.body(api, model, whole["messages"], whole["parameters"])
    is_stream = whole["timings"]["first_token_ms"] is not None and api != "embeddings"
    return api, body | ({"stream": True} if is_stream else {})
