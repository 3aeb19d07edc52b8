"""All that is reachable, with what it declares: from the table of routes, and the API's own description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

# What the API's framework adds by itself: its description, which says nothing about anyone's data.
_DESCRIPTION = {"openapi-json", "openapi-view", "api-root"}


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern


@cache
def pages() -> list[tuple[str, URLPattern]]:
    """Each route that is none of the API's."""
    return [
        (route, pattern)
        for route, pattern in _routes(get_resolver().url_patterns)
        if not route.startswith("api/v1/") and pattern.name not in _DESCRIPTION | {"graphql"}
    ]


@cache
def paths() -> set[str]:
    """Those of the REST API, as its description writes them, whether or not they are in it."""
    routes = (route for route, _ in _routes(get_resolver().url_patterns) if route.startswith("api/v1/"))
    return {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route) for route in routes}


def declared(page: URLPattern) -> str | None:
    return getattr(page.callback, "permission", None)


def also_needed(page: URLPattern) -> tuple[str, ...]:
    """Besides what it declares."""
    return getattr(page.callback, "also_needed", ())


@cache
def operations() -> dict[tuple[str, str], Any]:
    """What each method of each path of the REST API declares."""
    described = Client().get("/api/openapi.json").json()
    return {
        (method, path): operation.get("x-permission")
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
