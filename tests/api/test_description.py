"""The OpenAPI document: every route with its permission, its body, and its filters."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from interactions.access import Permission
from interactions.filtersets import InteractionFilterSet


@pytest.fixture
def description(db: None) -> dict[str, Any]:
    document: dict[str, Any] = Client().get("/api/openapi.json").json()
    return document


def _routes(patterns: Any, prefix: str = "") -> set[str]:
    found = set()
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= _routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            found.add("/" + re.sub(r"<(\w+:)?", "{", path).replace(">", "}"))
    return found


def test_every_route_is_described_and_declares_a_permission(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == _routes(get_resolver().url_patterns)
    operations = {
        (method, path): operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) == 20
    for operation in operations.values():
        assert operation["x-permission"] in set(Permission)
        assert operation["security"] == [{"key": []}]
        assert operation["description"].strip()
    assert operations["post", "/api/v1/interactions"]["x-permission"] == Permission.LOG
    assert operations["post", "/api/v1/feedback"]["x-permission"] == Permission.JUDGE
    assert operations["get", "/api/v1/interactions"]["x-permission"] == Permission.READ


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    used = {part.partition('"')[0] for part in json.dumps(description).split("#/components/schemas/")[1:]}
    assert used <= set(schemas)
    for path in ("interactions", "interactions/batch", "feedback", "comparison", "outcome"):
        body = description["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["$ref"].rpartition("/")[2] in schemas


def test_the_list_s_parameters_are_the_tab_s_filters(description: dict[str, Any]) -> None:
    parameters = description["paths"]["/api/v1/interactions"]["get"]["parameters"]
    named = {parameter["name"] for parameter in parameters}
    assert named == set(InteractionFilterSet.base_filters) | {"project", "limit", "older_than", "newer_than", "count"}
    assert all(
        parameter.get("description")
        for parameter in parameters
        if parameter["name"] in InteractionFilterSet.base_filters
    )


def test_the_pages_about_the_api_are_there(db: None) -> None:
    client = Client()
    assert client.get("/api/docs").status_code == 200
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/api/nothing").json()["error"]["code"] == "not_found"
