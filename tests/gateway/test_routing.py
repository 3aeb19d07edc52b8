"""Where a call goes: to a model of a project that the caller may use, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from interactions import access, calls, external_models, people
from interactions.access import Permission
from interactions.calls.routing import PROVIDERS
from interactions.errors import Forbidden, NotFound
from interactions.models import ExternalModel, Model, Project, Team, User

pytestmark = pytest.mark.django_db


def serve(project: Project, name: str, address: str = "http://127.0.0.1:1/v1", **fields: Any) -> Model:
    operator, team = access.operator(), Team.objects.filter(shares__project=project).first()
    external = external_models.add(operator, name, "OPEN_AI", f"{name}-up", "sk-1", address, team=team)
    return Model.objects.create(project=project, key=name, name=name, external=external, is_attached=True, **fields)


@pytest.fixture
def served(project: Project, ann: User) -> Project:
    serve(project, "one", is_default=True)
    serve(project, "two")
    serve(project, "off", is_wanted_online=False)
    serve(project, "acme/large")
    Model.objects.create(project=project, key="logged", name="logged", is_attached=True)
    return project


def chosen(name: str, caller: access.Caller) -> calls.Route:
    routes = calls.routes(caller, calls.project_of(name))
    return routes.choose(calls.model_of(name, routes))


@pytest.mark.parametrize(
    ("name", "key"),
    [("support", "one"), ("support/one", "one"), ("support/two", "two"), ("support/acme/large", "acme/large")],
)
def test_a_name_leads_to_its_model(served: Project, ann: User, name: str, key: str) -> None:
    route = chosen(name, access.caller_of(ann))
    assert (route.project_id, route.model_key, route.test) == (served.pk, key, None)
    assert (route.upstream.base_url, route.upstream.secret) == ("http://127.0.0.1:1/v1", "sk-1")


REFUSED = {
    "support/nowhere": "There is no model “nowhere”",
    "support/": "There is no model “”",
    "support/logged": "“logged” was only logged: nobody serves it",
    "support/off": "The model “off” is switched off",
    "nowhere": "There is no project “nowhere” that this caller can see",
    "secret": "There is no project “secret” that this caller can see",
    "secret/one": "There is no project “secret” that this caller can see",
    "": "There is no project “” that this caller can see",
    "Support": "There is no project “Support” that this caller can see",
}


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_name_leads_nowhere_and_says_why(served: Project, foreign: Project, ann: User, name: str) -> None:
    serve(foreign, "one") if Team.objects.filter(shares__project=foreign).exists() else None
    with pytest.raises(NotFound) as raised:
        chosen(name, access.caller_of(ann))
    assert REFUSED[name] in raised.value.message
    assert raised.value.field == "model"


def test_who_may_only_look_may_not_use_a_model(served: Project, vic: User) -> None:
    with pytest.raises(Forbidden, match="needs the permission model:use"):
        calls.routes(access.caller_of(vic), "support")
    assert calls.listed(access.caller_of(vic)) == []


def test_a_project_without_a_default_says_what_to_do(served: Project, ann: User) -> None:
    Model.objects.filter(project=served).update(is_default=False)
    with pytest.raises(NotFound, match="has no default model"):
        chosen("support", access.caller_of(ann))


def test_a_model_that_was_detached_is_none(served: Project, ann: User) -> None:
    Model.objects.filter(project=served, key="two").update(is_attached=False)
    with pytest.raises(NotFound, match="There is no model “two”"):
        chosen("support/two", access.caller_of(ann))


def test_what_is_listed_is_what_can_be_asked(served: Project, ann: User) -> None:
    caller = access.caller_of(ann)
    names = [one.name for one in calls.listed(caller)]
    assert names == ["support", "support/one", "support/acme/large", "support/two"]
    for name in names:
        assert chosen(name, caller).upstream.base_url == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize("provider", list(ExternalModel.Provider))
def test_a_model_without_an_address_is_at_its_provider_s(project: Project, ann: User, provider: Any) -> None:
    serve(project, "one")
    ExternalModel.objects.update(provider=provider, base_url="", secret=b"")
    upstream = chosen("support/one", access.caller_of(ann)).upstream
    assert upstream.base_url == PROVIDERS[provider]
    assert upstream.base_url.startswith("https://")
    assert upstream.is_openai == (provider == "OPEN_AI")


def test_a_secret_is_not_sent_to_an_address_that_it_is_not_for(served: Project, ann: User) -> None:
    ExternalModel.objects.update(base_url="http://127.0.0.1:2/v1")
    upstream = chosen("support/one", access.caller_of(ann)).upstream
    assert (upstream.secret, "Enter the secret again" in upstream.fault) == ("", True)


def test_nobody_s_secret_is_shown_with_where_it_goes(served: Project, ann: User) -> None:
    routes = calls.routes(access.caller_of(ann), "support")
    assert "sk-1" not in repr(routes)


def test_using_models_is_a_permission_of_its_own(served: Project, ann: User) -> None:
    people.belong(user := User.objects.create_user("inference@example.org"), served, "inference")
    caller = access.caller_of(user)
    assert caller.permissions(served.pk) >= {Permission.USE_MODELS}
    assert Permission.READ not in caller.permissions(served.pk)
    assert chosen("support", caller).model_key == "one"
