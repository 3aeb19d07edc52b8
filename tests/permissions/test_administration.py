"""A page about the server is open to the permission that it declares and to no other; no default role tells so."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

import pytest
from django.test import Client

from interactions import people
from interactions.access import Permission
from interactions.models import Member, Role, User
from tests.permissions.routes import declared, pages

# Pages that only take a form.
FORMS = {"person-place", "person-password", "person-keys", "team-members"}


def _pages() -> list[tuple[str, str, Permission]]:
    """The route of each, the method it takes, and the permission it asks for."""
    return [
        (route, "post" if page.name in FORMS else "get", Permission(permission))
        for route, page in pages()
        if (permission := declared(page)) in set(Permission) and not route.startswith("projects/<str:key>")
    ]


def _address(route: str) -> str:
    return "/" + route.replace("<str:key>", "nowhere").replace("<uuid:uid>", str(uuid4()))


def _administrator(permissions: Iterable[Permission]) -> Client:
    role = Role.objects.create(key="some", name="Some", permissions=sorted(permissions))
    user = User.objects.create_user("some@example.org")
    Member.objects.create(user=user, team=people.find_team("admin"), role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(("route", "method", "permission"), _pages())
def test_a_page_about_the_server_is_open_to_its_permission_alone(
    route: str, method: str, permission: Permission, ann: User
) -> None:
    address = _address(route)
    client = Client()
    client.force_login(ann)  # whose role in a team of her own allows a lot
    Member.objects.filter(user=ann).update(role=people.find_role("admin"))
    assert getattr(client, method)(address).status_code == 403
    client = _administrator(set(Permission) - {permission})
    assert getattr(client, method)(address).status_code == 403
    Role.objects.filter(key="some").update(permissions=[permission])
    assert getattr(client, method)(address).status_code in (200, 404), "404: the address names nobody"
