"""Deny by default: what is reachable declares who may reach it, and strangers reach none of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from interactions import people
from interactions.access import Permission
from interactions.models import Member, Project, Role, User
from tests.conftest import Api

# What the API's framework adds by itself: its description, which says nothing about anyone's data.
DESCRIPTION = {"openapi-json", "openapi-view", "api-root"}
KNOWN = {*Permission, "public", "signed-in"}


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern


def _pages() -> list[tuple[str, URLPattern]]:
    return [
        (route, pattern)
        for route, pattern in _routes(get_resolver().url_patterns)
        if not route.startswith("api/v1/") and pattern.name not in DESCRIPTION
    ]


def _api_routes() -> list[tuple[str, str, dict[str, Any]]]:
    described = Client().get("/api/openapi.json").json()
    return [(path, method, route) for path, routes in described["paths"].items() for method, route in routes.items()]


def test_every_page_declares_who_may_see_it() -> None:
    undeclared = [route for route, page in _pages() if getattr(page.callback, "permission", None) not in KNOWN]
    assert undeclared == []


def test_every_api_route_declares_who_may_call_it() -> None:
    undeclared = [f"{method} {path}" for path, method, route in _api_routes() if route.get("x-permission") not in KNOWN]
    assert undeclared == []


def _filled(route: str, key: str = "nowhere") -> str:
    values = {"str:key": key, "uuid:id": str(uuid4()), "uuid:feedback_id": str(uuid4()), "str:digest": "0" * 64}
    values |= {"int:removal": "1", "uuid:uid": str(uuid4())}
    for name, value in values.items():
        route = route.replace(f"<{name}>", value)
    assert "<" not in route, f"give {route} a value here"
    return "/" + route


def _project_pages() -> list[tuple[str, str]]:
    """Each page of a project, with the method it takes."""
    return [
        (route, "post" if permission == Permission.JUDGE else "get")
        for route, page in _pages()
        if (permission := getattr(page.callback, "permission", None)) in set(Permission) and _is_of_project(route)
    ]


def _server_pages() -> list[tuple[str, Permission]]:
    """Each page about the server as a whole, and the permission it asks for."""
    return [
        (route, permission)
        for route, page in _pages()
        if (permission := getattr(page.callback, "permission", None)) in set(Permission) and not _is_of_project(route)
    ]


def _is_of_project(route: str) -> bool:
    return route.startswith("projects/<str:key>")


def _administrator(permissions: Iterable[Permission]) -> Client:
    role = Role.objects.create(key="some", name="Some", permissions=sorted(permissions))
    user = User.objects.create_user("some@example.org")
    Member.objects.create(user=user, team=people.find_team("admin"), role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("route", "permission"), _server_pages())
def test_a_page_about_the_server_is_open_to_its_permission_alone(
    route: str, permission: Permission, method: str, ann: User
) -> None:
    address = _filled(route)
    anonymous = getattr(Client(), method)(address)
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/login/")
    client = Client()
    client.force_login(ann)
    Member.objects.filter(user=ann).update(role=people.find_role("admin"))  # in a team that is not the reserved one
    assert getattr(client, method)(address).status_code == 403
    client = _administrator(set(Permission) - {permission})
    assert getattr(client, method)(address).status_code == 403
    Role.objects.filter(key="some").update(permissions=[permission])
    assert getattr(client, method)(address).status_code != 403


@pytest.mark.parametrize(("route", "method"), _project_pages())
def test_a_page_of_a_project_is_closed_to_whoever_does_not_belong_to_it(
    route: str, method: str, ann: User, foreign: Project
) -> None:
    client = Client()
    anonymous = getattr(client, method)(_filled(route, foreign.key))
    assert anonymous.status_code == 302
    assert anonymous["Location"].startswith("/login/")
    client.force_login(ann)
    assert getattr(client, method)(_filled(route, foreign.key)).status_code == 404
    assert getattr(client, method)(_filled(route, "nowhere")).status_code == 404


def test_who_may_only_look_cannot_judge(vic: User, project: Project) -> None:
    client = Client()
    client.force_login(vic)
    judging = [route for route, method in _project_pages() if method == "post"]
    assert judging
    assert [client.post(_filled(route, project.key)).status_code for route in judging] == [403] * len(judging)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", f"Bearer ik_abcdefgh_{'x' * 43}", "Basic eDp5"])
def test_no_api_route_answers_without_a_valid_key(header: str, db: None) -> None:
    for path, method, _ in _api_routes():
        address = path.replace("{interaction_id}", str(uuid4())).replace("{project}", "p").replace("{name}", "0" * 64)
        address = address.replace("{dataset_id}", str(uuid4()))
        extra = {"data": "{}", "content_type": "application/json"} if method == "post" else {}
        response = getattr(Client(), method)(address, headers={"Authorization": header}, **extra)
        assert response.status_code == 401, f"{method} {address}"
        assert response["WWW-Authenticate"] == "Bearer"


def test_a_key_reaches_only_the_projects_it_was_made_for(api: Api, foreign: Project, project: Project) -> None:
    assert api.get(f"interactions?project={project.key}").status_code == 200
    assert api.get(f"interactions?project={foreign.key}").status_code == 404
