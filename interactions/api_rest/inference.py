"""OpenAI's API, for any client that speaks it: what passes through here becomes interactions, see `gateway`.

A refusal holds what this API's have and what OpenAI's have (https://platform.openai.com/docs/guides/error-codes).
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from interactions import access, bridge, calls, gateway, payloads
from interactions.access import Caller, Permission
from interactions.api_rest.api import answer, described, refusal, router
from interactions.errors import NotFound, RequestError
from interactions.gateway.assembly import Api

_OPENAPI = described(Permission.USE_MODELS) | {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@router.post("/chat/completions", tags=["inference"], openapi_extra=_OPENAPI)
async def chat(request: HttpRequest) -> HttpResponseBase:
    """A chat completion, as OpenAI's. `model` is `project`, or `project/model`.

    Beside OpenAI's fields: `session_id` (a UUID), `labels` (names and values), `ab_campaign`; and `store: false` to
    keep nothing of what was said. The answer has `completion_id` and `session_id`, streamed chunks too.
    """
    return await _answered(request, "chat")


@router.post("/completions", tags=["inference"], openapi_extra=_OPENAPI)
async def completions(request: HttpRequest) -> HttpResponseBase:
    """A completion of a text, as OpenAI's older API has it."""
    return await _answered(request, "completions")


@router.post("/responses", tags=["inference"], openapi_extra=_OPENAPI)
async def responses(request: HttpRequest) -> HttpResponseBase:
    """A response, as OpenAI's Responses API has it; `store` is between the caller and the model's server."""
    return await _answered(request, "responses")


@router.post("/embeddings", tags=["inference"], openapi_extra=_OPENAPI)
async def embeddings(request: HttpRequest) -> HttpResponseBase:
    """Embeddings, as OpenAI's. Of the vectors, how many there were is kept."""
    return await _answered(request, "embeddings")


@router.get("/models", tags=["inference"], openapi_extra=described(Permission.USE_MODELS))
def models(request: HttpRequest) -> HttpResponse:
    """What a request may call its `model`: each model that is served, and each project that has a default one."""
    caller = bridge.read_caller(request)
    data = [
        {"id": one.name, "object": "model", "created": one.created, "owned_by": one.project}
        for one in calls.listed(caller)
    ]
    return answer({"object": "list", "data": data})


async def _answered(request: HttpRequest, api: Api) -> HttpResponseBase:
    try:
        return await _call(request, api)
    except RequestError as error:
        kind = _KINDS.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
        return refusal(error, {"type": kind, "param": error.field})


async def _call(request: HttpRequest, api: Api) -> HttpResponseBase:
    caller, digest = await _caller(request)
    body = await bridge.body(request)
    asked = await bridge.in_thread(_read, api, body) if len(body) > bridge.SMALL_BODY else _read(api, body)
    bridge.forget_body(request)
    del body
    try:
        route = await gateway.route(asked, caller)
    except NotFound:
        # The project may be newer than what is remembered of the caller.
        bridge.forget_caller(digest)
        caller, digest = await _caller(request)
        route = await gateway.route(asked, caller)
    if caller.allowance is not None and caller.allowance.is_limited:
        await bridge.in_thread(calls.take, caller)
    call = gateway.Call(asked, route, caller)
    del asked
    bridge.when_left(request, call.leave)
    await call.begin()
    return _passed_on(await call.reply())


async def _caller(request: HttpRequest) -> tuple[Caller, str]:
    """Who asks, and the digest of their key; none for a person at a page of this server, who has a session."""
    header = request.headers.get("Authorization", "")
    if not header and (caller := await bridge.person(request)) is not None:
        return caller, ""
    digest = access.bearer_digest(header)
    return await bridge.caller(digest), digest


def _read(api: Api, body: bytes) -> gateway.Asked:
    return gateway.read(api, payloads.parse_json(body))


def _passed_on(reply: gateway.Reply) -> HttpResponseBase:
    """What a model's server says, as it is; its errors are none of this server."""
    response: HttpResponseBase
    if reply.stream is None:
        response = HttpResponse(reply.body, status=reply.status, headers=reply.headers)
    else:
        response = StreamingHttpResponse(reply.stream, status=reply.status, headers=reply.headers)
    response.is_passed_on = response._has_been_logged = True  # type: ignore[union-attr]
    return response
