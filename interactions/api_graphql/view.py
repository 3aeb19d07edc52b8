"""`POST /api/graphql`. Whatever a query asks, the answer is HTTP 200 with `data` or `errors`, as the client needs it;
other statuses are for requests that are no GraphQL at all, or come without a valid key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSyntaxError,
    OperationType,
    execute_sync,
    parse,
    validate,
)
from pydantic_core import to_json

from interactions import bridge, database, payloads
from interactions.api_graphql import limits
from interactions.api_graphql.context import Context
from interactions.api_graphql.schema import schema
from interactions.errors import Fault, Invalid, NotFound, RequestError, TooSlow, Unavailable

log = logging.getLogger(__name__)

_GRAPHQL = schema._schema  # what strawberry made for graphql-core
# Longer queries are parsed each time: what is remembered of one takes a hundred times its text.
_KEPT, _MOST_KEPT = 5_000, 64

# The client chooses its hint by the first of these words in the message, wherever it stands.
_KINDS = {"": "entity", "key": "entity", "completion_id": "completion", "email": "user", "models": "model"}
_HINTED = ("project", "metric", "model", "user", "integration")


@csrf_exempt  # only keys are looked at, and a browser sends none by itself
@require_POST
def graphql(request: HttpRequest) -> HttpResponse:
    try:
        caller = bridge.read_caller(request)
        return _response(_answer(_read(request), Context(caller)))
    except RequestDataTooBig:
        return _refused(bridge.too_large())
    except RequestError as error:
        return _refused(error)
    except database.Unreachable as error:
        return _refused(_fault(error))


graphql.permission = "signed-in"  # type: ignore[attr-defined]


def _response(told: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(to_json(told), content_type="application/json", status=status)


def _refused(error: RequestError) -> HttpResponse:
    response = _response({"errors": [_told(error)]}, error.status)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


# Reading the request


def _read(request: HttpRequest) -> dict[str, Any]:
    if request.content_type == "multipart/form-data":
        return _with_files(request)
    asked = payloads.parse_json(bridge.read_body(request))
    if isinstance(asked, list):
        raise Invalid("Send one operation in a request; a list of them is not answered.")
    return _checked(asked)


def _with_files(request: HttpRequest) -> dict[str, Any]:
    """As in https://github.com/jaydenseric/graphql-multipart-request-spec: files are put where the map says."""
    asked = _checked(payloads.parse_json(request.POST.get("operations", "").encode()))
    places = payloads.parse_json(request.POST.get("map", "").encode())
    if not isinstance(places, dict):
        raise Invalid("This must be an object from the names of parts to lists of paths.", "map")
    for name, paths in places.items():
        file = request.FILES.get(name)
        if file is None or not isinstance(paths, list):
            raise Invalid(f"The part “{name[:100]}” is not a file of this request.", "map")
        for path in paths:
            _put(asked, str(path).split("."), file)
    return asked


def _put(asked: dict[str, Any], path: list[str], file: Any) -> None:
    within: Any = asked
    for name in path[:-1]:
        within = within.get(name) if isinstance(within, dict) else None
    if path[0] != "variables" or len(path) == 1 or not isinstance(within, dict):
        raise Invalid(f"There is no place “{'.'.join(path)[:100]}” for a file.", "map")
    within[path[-1]] = file


def _checked(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise Invalid("Send an object with the text “query”, and “variables” if it has some.", "query")
    if not isinstance(asked.get("variables") or {}, dict):
        raise Invalid("This must be an object.", "variables")
    if not isinstance(asked.get("operationName") or "", str):
        raise Invalid("This must be a text.", "operationName")
    return asked


# Answering


def _answer(asked: Mapping[str, Any], context: Context) -> dict[str, Any]:
    variables, name = asked.get("variables") or {}, asked.get("operationName")
    try:
        document = _parsed(asked["query"])
        operation = limits.operation_of(document, name)
        limits.refuse_what_is_elsewhere(document, operation)
        if errors := _invalid(asked["query"], document):
            return {"errors": [_formatted(error) for error in errors]}
        limits.check(document, operation, variables)
    except GraphQLSyntaxError as error:
        return {"errors": [_formatted(error)]}
    except RequestError as error:
        return {"errors": [_told(error)]}
    is_query = operation.operation is OperationType.QUERY
    with database.time_limit(settings.QUERY_SECONDS) if is_query else nullcontext():
        result = execute_sync(
            _GRAPHQL, document, context_value=context, variable_values=dict(variables), operation_name=name
        )
        return _outcome(result)


def _parsed(query: str) -> DocumentNode:
    return _parse_and_keep(query) if len(query) <= _KEPT else parse(query, max_tokens=limits.MOST_TOKENS)


@lru_cache(_MOST_KEPT)
def _parse_and_keep(query: str) -> DocumentNode:
    return parse(query, max_tokens=limits.MOST_TOKENS)


def _invalid(query: str, document: DocumentNode) -> list[GraphQLError]:
    return _validate_and_keep(query) if len(query) <= _KEPT else validate(_GRAPHQL, document, max_errors=5)


@lru_cache(_MOST_KEPT)
def _validate_and_keep(query: str) -> list[GraphQLError]:
    return validate(_GRAPHQL, _parsed(query), max_errors=5)


def _outcome(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {"data": result.data, "errors": [_formatted(error) for error in result.errors]}


# Errors


def _formatted(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    if cause is None or error.path is None:  # the query's own fault, or that of a variable in it
        return dict(error.formatted)
    told = _told(cause if isinstance(cause, RequestError) else _fault(cause))
    return told | {"path": error.path, "locations": [place.formatted for place in error.locations or ()]}


def _fault(cause: BaseException) -> RequestError:
    if isinstance(cause, database.Unreachable):
        try:
            database.keep_to_time()
        except TooSlow as error:
            return error  # the store was told to give up
        log.error("The store cannot be reached: %s", type(cause).__name__)
        return Unavailable("The store cannot be reached now. Send the request again later.")
    log.error("A GraphQL field failed", exc_info=cause)
    return Fault("Something went wrong on the server. It is in the server's log.")


def _told(error: RequestError) -> dict[str, Any]:
    message = _not_found(error) if isinstance(error, NotFound) else error.message
    return {"message": message, "extensions": error.document()}


def _not_found(error: NotFound) -> str:
    """With what makes the client raise its own exception. Names that callers give could hold its words too; then the
    sentence is only in the extensions."""
    kind = (error.field or "").rpartition(".")[2].partition("[")[0]
    kind = _KINDS.get(kind, kind)
    earlier = _HINTED[: _HINTED.index(kind)] if kind in _HINTED else _HINTED
    if any(word in error.message.lower() for word in earlier):
        return f"EntityNotFound: {kind}"
    return f"EntityNotFound: {kind}. {error.message}"
