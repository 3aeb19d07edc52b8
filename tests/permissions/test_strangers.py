"""What no permission says: mixed names, lists, what is somebody's own, and what each door asks for besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps

from interactions.access import ROLES
from interactions.models import Team, User
from tests.permissions.calls import FIELDS, OPERATIONS, PAGES, Field
from tests.permissions.doors import (
    NOT_FOUND,
    client_of,
    filled,
    post,
    query_of,
    request,
    text_of,
    told_by_graphql,
)
from tests.permissions.routes import operations, paths
from tests.permissions.world import NAMES, OURS, THEIRS, Who, World

# But for sharing: a project is shared with any team by its key, and then says what that team is called.
_IN_PROJECT = [name for name, call in FIELDS.items() if '"$project"' in call.arguments and name != "shareProject"]


@pytest.mark.parametrize("name", _IN_PROJECT)
def test_a_project_of_ones_own_is_no_way_into_another(name: str, world: World) -> None:
    stranger, mixed = _who(world, "a stranger's key"), _within_theirs(world)
    _check_closed(world, stranger, lambda: post(client_of(stranger), filled(query_of(name), stranger, mixed)))


@pytest.mark.parametrize(("method", "route"), OPERATIONS)
def test_nor_is_it_over_rest(method: str, route: str, world: World) -> None:
    stranger, mixed = _who(world, "a stranger's key"), _within_theirs(world)
    call = OPERATIONS[method, route]
    _check_closed(world, stranger, lambda: request(client_of(stranger), method, call, stranger, mixed))


@pytest.mark.parametrize(("method", "name"), [place for place, call in PAGES.items() if "$project" in call.path])
def test_nor_is_it_over_pages(method: str, name: str, world: World) -> None:
    stranger, mixed = _who(world, "a stranger, signed in"), _within_theirs(world)
    call = PAGES[method, name]
    path, form = (filled(one, stranger, mixed) for one in (call.path, call.body or {}))
    _check_closed(world, stranger, lambda: getattr(client_of(stranger), method)(path, form))


def _check_closed(world: World, stranger: Who, ask: Callable[[], Any]) -> None:
    """Whether what they ask for comes off or not, it neither changes nor tells anything of ours."""
    with world.undone():
        before = _rows_of_ours()
        response = ask()
        answer = text_of(response)
        assert _rows_of_ours() == before
    # A fault would hide what was found.
    assert response.status_code < 500
    assert '"code":"internal"' not in answer
    assert [word for word in stranger.hidden if word in answer] == []


def _who(world: World, name: str) -> Who:
    return next(who for who in world.everybody if who.name == name)


def _within_theirs(world: World) -> World:
    """Whoever asks names a project of their own, and in it things of ours."""
    return replace(world, names={**world.names, "project": THEIRS})


def _rows_of_ours() -> dict[str, list[tuple[Any, ...]]]:
    kept = [model for model in apps.get_app_config("interactions").get_models() if hasattr(model, "project_id")]
    return {model.__name__: list(model._default_manager.filter(project__key=OURS).values_list()) for model in kept}


@pytest.mark.parametrize("name", ["projects", "metrics", "models", "abCampaigns"])
def test_a_list_holds_all_that_the_caller_sees(name: str, world: World) -> None:
    for who in world.everybody:
        if who.rights and who.by == "key":
            answer = text_of(post(client_of(who), filled(query_of(name), who, world)))
            assert [word for word in NAMES.values() if word in answer] == [
                word for word in NAMES.values() if word not in who.hidden
            ], who


def test_of_people_and_teams_everybody_sees_those_of_their_own_teams(world: World) -> None:
    everyone, teams = set(User.objects.values_list("email", flat=True)), set(Team.objects.values_list("key", flat=True))
    in_ours = {f"{name}@example.org" for name in ("both", "gone", *ROLES)}
    seen: dict[str, tuple[set[str], set[str]]] = {
        "annotator's key": (in_ours, {"ours-team"}),
        "annotator's limited key": ({"annotator@example.org"}, set()),
        "a stranger's key": ({"both@example.org", "stranger@example.org"}, {"theirs-team"}),
        "an administrator's key": (everyone, teams),
        "an administrator's limited key": ({"administrator@example.org"}, set()),
        "a superuser's key": (everyone, teams),
    }
    for name, told in seen.items():
        answer = post(client_of(_who(world, name)), "{ users { email } teams { key } }").json()["data"]
        assert ({user["email"] for user in answer["users"]}, {team["key"] for team in answer["teams"]}) == told, name


@pytest.mark.parametrize("name", ["a stranger", "power_user", "an administrator"])
def test_nobody_goes_on_with_what_somebody_else_began(name: str, world: World) -> None:
    theirs = _who(world, "admin's key").own
    who = replace(_who(world, f"{name}'s key"), own=theirs)
    for (method, _), call in OPERATIONS.items():
        if "$upload" in f"{call.path} {call.body}":
            assert request(client_of(who), method, call, who, world).status_code == 404
    started = filled(query_of("createDatasetFromMultipartUpload"), who, world)
    assert told_by_graphql("createDatasetFromMultipartUpload", Field(), post(client_of(who), started)) == NOT_FOUND


def test_a_team_that_one_is_not_in_and_none_are_told_alike(world: World) -> None:
    stranger, told = client_of(_who(world, "a stranger's key")), []
    for team in ("ours-team", "no-team"):
        answer = post(stranger, f'mutation {{ createProject(input: {{name: "New", team: "{team}"}}) {{ id }} }}')
        told.append(answer.json()["errors"][0]["extensions"] | {"message": answer.content.decode().replace(team, "…")})
    assert told[0] == told[1]
    assert told[0]["code"] == "not_found"


@pytest.mark.parametrize("act", ["limits", "revoke"])
def test_a_key_is_limited_and_revoked_by_its_owner_or_who_manages_users(act: str, world: World) -> None:
    key = _who(world, "admin's key").own["key"]
    told = {"a stranger": 404, "power_user": 404, "admin": 303, "an administrator": 303}
    for name, status in told.items():
        with world.undone():
            client = client_of(_who(world, f"{name}, signed in"))
            assert client.post(f"/keys/{key}/{act}").status_code == status, name


def test_a_page_takes_a_form_only_with_its_token(world: World) -> None:
    root = _who(world, "a superuser, signed in")
    for (method, name), call in PAGES.items():
        if method == "post":
            with world.undone():
                before = world.stored()
                path, form = (filled(one, root, world) for one in (call.path, call.body or {}))
                status = client_of(root, enforce_csrf_checks=True).post(path, form).status_code
                assert (name, status, world.stored() == before) == (name, 403, True)


def test_so_does_the_api_from_those_who_are_signed_in(world: World) -> None:
    root = _who(world, "a superuser, signed in")
    for (method, route), call in OPERATIONS.items():
        if call.by_session:
            with world.undone():
                before = world.stored()
                response = request(client_of(root, enforce_csrf_checks=True), method, call, root, world)
                assert (route, response.status_code, world.stored() == before) == (route, 403, True)


@pytest.mark.parametrize("name", ["nobody", "a malformed key", "a revoked key", "a superuser, signed in"])
def test_without_a_key_nothing_is_told_of_the_schema(name: str, world: World) -> None:
    client = client_of(_who(world, name))
    for query in ("{ __schema { types { name } } }", '{ __type(name: "User") { name } }', "{ __typename }", "{"):
        response = post(client, query)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (401, "unauthorized")
        assert response["WWW-Authenticate"] == "Bearer"


def test_graphql_is_only_posted(world: World) -> None:
    for name in ("nobody", "a superuser's key", "a superuser, signed in"):
        for method in ("get", "put", "delete"):
            client = client_of(_who(world, name))
            assert getattr(client, method)("/api/graphql?query={__typename}").status_code == 405, (name, method)


def test_the_description_holds_every_route_of_the_api() -> None:
    assert paths() == {path for _, path in operations()}
