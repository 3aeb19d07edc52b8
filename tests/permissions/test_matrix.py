"""Every page, REST operation and GraphQL field, called by everybody there can be.

What is expected follows from the permission that is declared and from what the roles allow. Whoever may not is told so
in the same words everywhere, nothing is stored, and nobody's answer holds a word of a project that they do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import pytest
from django.test import Client
from django.urls import URLPattern

from interactions.access import Permission
from interactions.api_graphql.permissions import NEEDED
from tests.permissions.calls import FIELDS, OPERATIONS, PAGES, About
from tests.permissions.doors import (
    ALLOWED,
    FORBIDDEN,
    NOT_FOUND,
    ROOTS,
    UNKNOWN,
    client_of,
    filled,
    post,
    query_of,
    request,
    text_of,
    told_by_graphql,
    told_by_page,
    told_by_rest,
)
from tests.permissions.routes import also_needed, declared, operations, pages
from tests.permissions.world import ADMINISTRATION, NAMES, NOTHING, TEXTS, Rights, Who, World

# What is expected


def expected(permission: str | None, about: About, rights: Rights | None) -> str:
    if permission == "public":
        return ALLOWED
    if rights is None:
        return UNKNOWN
    if permission == "unlimited-key":
        return FORBIDDEN if rights.is_limited else ALLOWED
    if permission == "signed-in" or about is About.WHAT_IS_SEEN:
        return ALLOWED
    if permission in ADMINISTRATION:
        return ALLOWED if permission in rights.server else FORBIDDEN
    if about is About.TEAM:
        return ALLOWED if permission in rights.team else FORBIDDEN
    if about is About.UPLOAD:
        return ALLOWED if permission in rights.some_project else FORBIDDEN
    if permission in rights.project:
        return ALLOWED
    is_seen = Permission.READ in rights.project if about is About.INTERACTION else rights.project != NOTHING
    return FORBIDDEN if is_seen else NOT_FOUND


# Asks as somebody, and gives what they were told, in our words, and the whole answer.
Send = Callable[[Who, World], tuple[str, str]]


def check_all(
    world: World,
    doors: Collection[str],
    permission: str | None,
    about: About,
    send: Send,
    also: tuple[str, ...] = (),
) -> None:
    needed = (permission, *also)
    found = [problem for who in world.everybody for problem in _problems(world, who, doors, needed, about, send)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def _problems(
    world: World, who: Who, doors: Collection[str], needed: tuple[str | None, ...], about: About, send: Send
) -> Iterator[str]:
    is_known = who.by in doors
    each = [expected(permission, about, who.rights if is_known else None) for permission in needed]
    wanted = next((one for one in each if one != ALLOWED), ALLOWED)
    with world.undone():
        before = world.stored()
        told, answer = send(who, world)
        is_changed = world.stored() != before
    if told != wanted:
        yield f"{who}: expected {wanted}, got {told}: {answer[:300]}"
    if is_changed and wanted != ALLOWED:
        yield f"{who}: was {told}, and something was written"
    hidden = who.hidden if is_known and who.rights else (*NAMES.values(), *TEXTS.values())
    for word in hidden:
        if word in answer:
            place = answer.index(word)
            yield f"{who}: was told “{word}”: {answer[max(0, place - 200) : place + 50]}"


# GraphQL


def test_every_field_of_graphql_declares_a_permission_and_says_here_how_it_is_called() -> None:
    assert ROOTS.keys() == NEEDED.keys() == FIELDS.keys()
    assert set(NEEDED.values()) <= {*Permission, "signed-in", "unlimited-key"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_graphql_is_for_those_who_may(name: str, world: World) -> None:
    call = FIELDS[name]

    def send(who: Who, world: World) -> tuple[str, str]:
        query = filled(query_of(name), who, world)
        response = post(client_of(who), query)
        return told_by_graphql(name, call, response), text_of(response)

    check_all(world, {"key"}, NEEDED[name], call.about, send)


# REST


def test_every_rest_operation_declares_a_permission_and_says_here_how_it_is_called() -> None:
    assert operations().keys() == OPERATIONS.keys()
    assert set(operations().values()) <= set(Permission)


@pytest.mark.parametrize(("method", "route"), OPERATIONS)
def test_a_rest_operation_is_for_those_who_may(method: str, route: str, world: World) -> None:
    call = OPERATIONS[method, route]

    def send(who: Who, world: World) -> tuple[str, str]:
        response = request(client_of(who), method, call, who, world)
        return told_by_rest(response), text_of(response)

    check_all(world, {"key", "session"} if call.by_session else {"key"}, operations()[method, route], call.about, send)


# Pages


def test_every_page_declares_who_may_see_it_and_says_here_how_it_is_called(world: World) -> None:
    assert {declared(page) for _, page in pages()} <= {*Permission, "public", "signed-in"}
    assert sorted({(method, _page(name)) for method, name in PAGES}) == sorted(
        (method, page.name or route) for route, page in pages() for method in _methods(route, page, world)
    )


def _page(name: str) -> str:
    return name.partition(" ")[0]


def _methods(route: str, page: URLPattern, world: World) -> list[str]:
    """Those that it takes: it says so when it is asked by one that there is not."""
    name = page.name or route
    addresses = [call.path for (_, named), call in PAGES.items() if _page(named) == name]
    root = next(who for who in world.everybody if who.name == "a superuser, signed in")
    with world.undone():
        client = Client() if name == "login" else client_of(root)
        response = client.generic("JUGGLE", filled(addresses[0], root, world)) if addresses else None
    allowed = response.headers.get("Allow", "GET") if response else "GET"
    return [method for method in ("get", "post") if method.upper() in allowed]


@pytest.mark.parametrize(("method", "name"), PAGES)
def test_a_page_is_for_those_who_may(method: str, name: str, world: World) -> None:
    call = PAGES[method, name]
    ((permission, also),) = {
        (declared(page), also_needed(page)) for route, page in pages() if _page(name) in (page.name, route)
    }

    def send(who: Who, world: World) -> tuple[str, str]:
        path, form = (filled(one, who, world) for one in (call.path, call.body or {}))
        response = getattr(client_of(who), method)(path, form)
        return told_by_page(response), text_of(response)

    check_all(world, {"session"}, permission, call.about, send, also)
