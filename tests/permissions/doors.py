"""Calls by each door, and what the caller was told, in words that are the same for all of them."""

from __future__ import annotations

import json
from functools import cache
from string import Template
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLUnionType, get_named_type
from graphql.type.definition import is_required_argument

from interactions.api_graphql.schema import schema
from tests.permissions.calls import FIELDS, Field, Request
from tests.permissions.world import Who, World

# What a caller is told. The last is told for keys that are none, and by pages to those who are not signed in.
ALLOWED, FORBIDDEN, NOT_FOUND, UNKNOWN = "allowed", "forbidden", "not found", "unknown"


def filled(value: Any, who: Who, world: World) -> Any:
    if isinstance(value, str):
        # Who has nothing of their own tries to get what is somebody else's.
        others = next(other.own for other in world.everybody if other.own)
        return Template(value).substitute({**world.names, **(who.own or others)})
    if isinstance(value, dict):
        return {key: filled(item, who, world) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, who, world) for item in value]
    return value


def client_of(who: Who, **options: Any) -> Client:
    client = Client(**options)
    if who.secret and who.by == "key":
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {who.secret}"
    elif who.secret:
        client.cookies["sessionid"] = who.secret
    return client


def text_of(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode(errors="replace") + str(response.headers)


# GraphQL


ROOTS = {
    name: (kind, field)
    for kind, root in (("query", schema._schema.query_type), ("mutation", schema._schema.mutation_type))
    for name, field in (root.fields if root else {}).items()
}


@cache
def query_of(name: str) -> str:
    """Asks for all that there is to be told."""
    kind, field = ROOTS[name]
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


def post(client: Client, query: str) -> Any:
    if "$file" not in query:
        return client.post("/api/graphql", {"query": query}, content_type="application/json")
    asked = {"query": query, "variables": {"file": None}}
    file = SimpleUploadedFile("new.jsonl", b'{"messages": [{"role": "user", "content": "Hello?"}]}\n')
    form = {"operations": json.dumps(asked), "map": '{"0": ["variables.file"]}', "0": file}
    return client.post("/api/graphql", form)


def told_by_graphql(name: str, call: Field, response: Any) -> str:
    if response.status_code != 200:
        return UNKNOWN if response.status_code == 401 else f"status {response.status_code}"
    answer = response.json()
    codes = {error.get("extensions", {}).get("code", "invalid query") for error in answer.get("errors", ())}
    if codes:
        words = {"forbidden": FORBIDDEN, "not_found": NOT_FOUND, call.code: ALLOWED}
        return " and ".join(words.get(code, code) for code in sorted(codes))
    told = answer["data"][name]
    if told is None and not isinstance(ROOTS[name][1].type, GraphQLNonNull):
        return NOT_FOUND
    return f"failures: {told['failures']}" if isinstance(told, dict) and told.get("failures") else ALLOWED


# REST and pages


_STATUSES = {401: UNKNOWN, 403: FORBIDDEN, 404: NOT_FOUND}
_CODES = {"forbidden": FORBIDDEN, "not_found": NOT_FOUND}


def told_by_rest(response: Any) -> str:
    if response.status_code == 502 and response.json()["error"]["code"] == "unreachable":
        return ALLOWED  # as far as to the model's server, which there is none of
    told = _STATUSES.get(response.status_code, ALLOWED if response.status_code < 400 else "refused")
    if told != ALLOWED or not response.wsgi_request.path.endswith("/batch"):
        return told
    (result,) = response.json()["results"]
    return _CODES[result["error"]["code"]] if "error" in result else ALLOWED


def request(client: Client, method: str, call: Request, who: Who, world: World) -> Any:
    body, path = filled(call.body, who, world), f"/api/v1/{filled(call.path, who, world)}"
    if isinstance(body, bytes):
        return client.generic(method.upper(), path, body, "application/octet-stream")
    return client.generic(method.upper(), path, json.dumps(body) if body else "", "application/json")


def told_by_page(response: Any) -> str:
    if response.status_code == 302 and response["Location"].startswith(f"{reverse('login')}?next="):
        return UNKNOWN
    return _STATUSES.get(response.status_code, ALLOWED if response.status_code < 400 else "refused")
