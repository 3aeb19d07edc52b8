"""Every page, REST operation and GraphQL field, called by everybody there can be.

What is expected follows from the permission that is declared and from what the roles allow. Whoever may not is told so
in the same words everywhere, nothing is stored, and nobody's answer holds a word of a project that they do not see.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import URLPattern, reverse
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLUnionType, get_named_type
from graphql.type.definition import is_required_argument

from interactions.access import Permission
from interactions.api_graphql.permissions import NEEDED
from interactions.api_graphql.schema import schema
from tests.permissions.calls import FIELDS, OPERATIONS, PAGES, About, Field, Request
from tests.permissions.routes import declared, operations, pages
from tests.permissions.world import ADMINISTRATION, NAMES, NOTHING, TEXTS, Rights, Who, World, built

# What a caller is told. The last is told for keys that are none, and by pages to those who are not signed in.
ALLOWED, FORBIDDEN, NOT_FOUND, UNKNOWN = "allowed", "forbidden", "not found", "unknown"

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with django_db_blocker.unblock(), _stored_in(tmp_path_factory.mktemp("world")), built() as world:
        yield world


@pytest.fixture(autouse=True)
def _files_of_the_world(_one_connection: None, world: World) -> Iterator[None]:
    with _stored_in(world.directory):
        yield


def _stored_in(directory: Path) -> override_settings:
    images: dict[str, Any] = {**settings.STORAGES["default"]}  # type: ignore[dict-item]
    images["OPTIONS"] = {"location": directory / "images"}
    return override_settings(DATA_DIR=directory, STORAGES={**settings.STORAGES, "default": images})


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


Sent = Callable[[Who, World], tuple[str, str]]


def check_all(world: World, door: str, permission: str | None, about: About, send: Sent) -> None:
    """`send` gives what the caller was told, in our words, and the whole answer."""
    found = [problem for who in world.everybody for problem in _problems(world, who, door, permission, about, send)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def _problems(world: World, who: Who, door: str, permission: str | None, about: About, send: Sent) -> Iterator[str]:
    is_known = who.by == door
    wanted = expected(permission, about, who.rights if is_known else None)
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


def _filled(value: Any, who: Who, world: World) -> Any:
    if isinstance(value, str):
        # What is somebody's own, who has nothing of their own tries to get somebody else's.
        others = next(other.own for other in world.everybody if other.own)
        return Template(value).substitute({**world.names, **(who.own or others)})
    if isinstance(value, dict):
        return {key: _filled(item, who, world) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, who, world) for item in value]
    return value


def _client(who: Who, **options: Any) -> Client:
    client = Client(**options)
    if who.secret and who.by == "key":
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {who.secret}"
    elif who.secret:
        client.cookies["sessionid"] = who.secret
    return client


def _text(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode(errors="replace") + str(response.headers)


# GraphQL


_ROOTS = {
    name: (kind, field)
    for kind, root in (("query", schema._schema.query_type), ("mutation", schema._schema.mutation_type))
    for name, field in (root.fields if root else {}).items()
}


def test_every_field_of_graphql_declares_a_permission_and_says_here_how_it_is_called() -> None:
    assert _ROOTS.keys() == NEEDED.keys() == FIELDS.keys()
    assert set(NEEDED.values()) <= {*Permission, "signed-in", "unlimited-key"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_graphql_is_for_those_who_may(name: str, world: World) -> None:
    call = FIELDS[name]

    def send(who: Who, world: World) -> tuple[str, str]:
        query = _filled(_query(name), who, world)
        response = _post(_client(who), query)
        return _told_by_graphql(name, call, response), _text(response)

    check_all(world, "key", NEEDED[name], call.about, send)


@cache
def _query(name: str) -> str:
    """Asks for all that there is to be told."""
    kind, field = _ROOTS[name]
    arguments = f"({FIELDS[name].arguments})" if FIELDS[name].arguments else ""
    variables = "($$file: Upload!)" if "$$file" in arguments else ""
    return f"{kind}{variables} {{ {name}{arguments} {_everything(field)} }}"


_DEEPEST = 5


def _everything(field: GraphQLField, path: tuple[str, ...] = ()) -> str:
    """The fields of a field, and theirs, but not those of a type within itself."""
    kind = get_named_type(field.type)
    if isinstance(kind, GraphQLUnionType):
        inner = " ".join(f"... on {one.name} {_fields(one, path)}" for one in kind.types)
        return f"{{ __typename {inner} }}"
    return _fields(kind, path) if isinstance(kind, GraphQLObjectType) else ""


def _fields(kind: GraphQLObjectType, path: tuple[str, ...]) -> str:
    told = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        is_leaf = not isinstance(inner, GraphQLObjectType | GraphQLUnionType)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf or (inner.name not in path and inner.name != kind.name and len(path) < _DEEPEST):
            told.append(f"{name} {_everything(field, (*path, kind.name))}".strip())
    return f"{{ {' '.join(told) or '__typename'} }}"


def _post(client: Client, query: str) -> Any:
    if "$file" not in query:
        return client.post("/api/graphql", {"query": query}, content_type="application/json")
    asked = {"query": query, "variables": {"file": None}}
    file = SimpleUploadedFile("new.jsonl", b'{"messages": [{"role": "user", "content": "Hello?"}]}\n')
    form = {"operations": json.dumps(asked), "map": '{"0": ["variables.file"]}', "0": file}
    return client.post("/api/graphql", form)


def _told_by_graphql(name: str, call: Field, response: Any) -> str:
    if response.status_code != 200:
        return UNKNOWN if response.status_code == 401 else f"status {response.status_code}"
    answer = response.json()
    codes = {error.get("extensions", {}).get("code", "invalid query") for error in answer.get("errors", ())}
    if codes:
        words = {"forbidden": FORBIDDEN, "not_found": NOT_FOUND, call.code: ALLOWED}
        return " and ".join(words.get(code, code) for code in sorted(codes))
    told = answer["data"][name]
    if told is None and not isinstance(_ROOTS[name][1].type, GraphQLNonNull):
        return NOT_FOUND
    return f"failures: {told['failures']}" if isinstance(told, dict) and told.get("failures") else ALLOWED


# REST


_STATUSES = {401: UNKNOWN, 403: FORBIDDEN, 404: NOT_FOUND}
_CODES = {"forbidden": FORBIDDEN, "not_found": NOT_FOUND}


def test_every_rest_operation_declares_a_permission_and_says_here_how_it_is_called() -> None:
    assert operations().keys() == OPERATIONS.keys()
    assert set(operations().values()) <= set(Permission)


@pytest.mark.parametrize(("method", "route"), OPERATIONS)
def test_a_rest_operation_is_for_those_who_may(method: str, route: str, world: World) -> None:
    call = OPERATIONS[method, route]

    def send(who: Who, world: World) -> tuple[str, str]:
        response = _request(_client(who), method, call, who, world)
        answer = _text(response)
        told = _STATUSES.get(response.status_code, ALLOWED if response.status_code < 400 else "refused")
        if "/batch" in route and told == ALLOWED:
            (result,) = response.json()["results"]
            told = _CODES[result["error"]["code"]] if "error" in result else ALLOWED
        return told, answer

    check_all(world, "key", operations()[method, route], call.about, send)


def _request(client: Client, method: str, call: Request, who: Who, world: World) -> Any:
    body, path = _filled(call.body, who, world), f"/api/v1/{_filled(call.path, who, world)}"
    if isinstance(body, bytes):
        return client.generic(method.upper(), path, body, "application/octet-stream")
    return client.generic(method.upper(), path, json.dumps(body) if body else "", "application/json")


# Pages


def test_every_page_declares_who_may_see_it_and_says_here_how_it_is_called(world: World) -> None:
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
        client = Client() if name == "login" else _client(root)
        response = client.generic("JUGGLE", _filled(addresses[0], root, world)) if addresses else None
    allowed = response.headers.get("Allow", "GET") if response else "GET"
    return [method for method in ("get", "post") if method.upper() in allowed]


@pytest.mark.parametrize(("method", "name"), PAGES)
def test_a_page_is_for_those_who_may(method: str, name: str, world: World) -> None:
    call = PAGES[method, name]
    (permission,) = {declared(page) for route, page in pages() if _page(name) in (page.name, route)}

    def send(who: Who, world: World) -> tuple[str, str]:
        path, form = (_filled(one, who, world) for one in (call.path, call.body or {}))
        response = getattr(_client(who), method)(path, form)
        return _told_by_page(response), _text(response)

    check_all(world, "session", permission, call.about, send)


def _told_by_page(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith(f"{reverse('login')}?next="):
        return UNKNOWN
    return _STATUSES.get(response.status_code, ALLOWED if response.status_code < 400 else "refused")
