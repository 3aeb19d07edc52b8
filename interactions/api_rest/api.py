"""The API object, its description, and how errors are told: `{"error": {"code", "message", "field"}}`, always."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from asgiref.sync import async_to_sync
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger
from ninja.operation import PathView
from ninja.router import BoundRouter
from pydantic import BaseModel
from pydantic_core import to_json

from interactions import bridge, database, payloads
from interactions.access import Permission
from interactions.errors import Invalid, NotFound, RequestError, TooMany, Unavailable

log = logging.getLogger(__name__)

DESCRIPTION = """
Log interactions, judge them, read them back; call models, and have that logged. Send an API key as
`Authorization: Bearer …`.

A 2xx answer to a write means that it is on the disk. Writes take an `Idempotency-Key` header: for seven days, the
same key with the same body gives the same answer and stores nothing twice. Bodies may be packed with gzip or zstd
(`Content-Encoding`).
"""

_REF = "#/components/schemas/{model}"
_BODIES: tuple[type[BaseModel], ...] = (
    payloads.Interaction,
    payloads.Batch,
    payloads.Feedback,
    payloads.Comparison,
    payloads.Outcome,
    payloads.NewUpload,
    payloads.UploadSession,
)


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for shape in _BODIES:
        schema = shape.model_json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        schemas[shape.__name__] = schema
    return schemas


class _PathView(PathView):
    """Where a path can be read and written to, ninja makes both asynchronous; reading would then take an event loop and
    two threads for each request. Here it stays synchronous, and `asynchronous` is for those who write."""

    def get_view(self) -> Callable[..., HttpResponseBase]:
        asynchronous = super().get_view()
        if not self.is_async:
            return asynchronous

        @csrf_exempt  # as ninja's own views: there is no cookie
        def view(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            operation = self._find_operation(request)
            if operation is None or not operation.is_async:
                return self._sync_view(request, *arguments, **named)
            answer: HttpResponseBase = async_to_sync(asynchronous)(request, *arguments, **named)
            return answer

        view.asynchronous = asynchronous  # type: ignore[attr-defined]
        return view


class _Api(NinjaAPI):
    def _get_bound_routers(self) -> list[BoundRouter]:
        routers = super()._get_bound_routers()
        for path_view in (path_view for router in routers for path_view in router.path_operations.values()):
            path_view.__class__ = _PathView
        return routers

    def get_openapi_schema(self, **options: Any) -> Any:
        """With the bodies' shapes: ninja knows only those that it reads itself, and drops other `components`."""
        document = super().get_openapi_schema(**options)
        document["components"]["schemas"] |= _schemas()
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return document


api = _Api(
    title="Interactions",
    version="1",
    description=DESCRIPTION,
    docs=Swagger(settings={"defaultModelsExpandDepth": -1}),
)

# One router for all routes: a path whose methods lie in two routers would answer 405 to those of the second.
router = Router()


def described(permission: Permission, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """What a route's description says beyond its signature. The permission is what a test checks for."""
    extra: dict[str, Any] = {"security": [{"key": []}], "x-permission": str(permission)}
    if body is not None:
        schema = {"$ref": _REF.format(model=body.__name__)}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return extra


def answer(value: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(to_json(value), content_type="application/json", status=status)


def refusal(error: RequestError, more: Mapping[str, Any] = MappingProxyType({})) -> HttpResponse:
    """The error, told in this API's form, with `more` beside its message."""
    response = answer({"error": {**error.document(), **more}}, error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after)
    elif error.status == 503:
        response["Retry-After"] = "1"
    return response


# Errors


def _on(kind: type[Exception]) -> Callable[[Callable[[Any], RequestError]], None]:
    def register(translate: Callable[[Any], RequestError]) -> None:
        api.add_exception_handler(kind, lambda request, error: refusal(translate(error)))

    return register


@_on(RequestError)
def _own(error: RequestError) -> RequestError:
    return error


@_on(RequestDataTooBig)
def _too_big(error: RequestDataTooBig) -> RequestError:
    return bridge.too_large()


@_on(ValidationError)
def _parameter(error: ValidationError) -> RequestError:
    first = error.errors[0]
    return Invalid(f"{first['msg'].rstrip('.')}.", str(first["loc"][-1]))


@_on(Http404)
def _missing(error: Http404) -> RequestError:
    return NotFound(str(error) or "There is nothing here.")


@_on(HttpError)
def _http(error: HttpError) -> RequestError:
    refused = RequestError(str(error))
    refused.status = error.status_code
    return refused


for unreachable in database.Unreachable:

    @_on(unreachable)
    def _away(error: Exception) -> RequestError:
        log.error("The store cannot be read: %s", type(error).__name__)
        return Unavailable("The store cannot be reached now. Send the request again later.")
