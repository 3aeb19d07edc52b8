"""A project's models in the browser: what they are, who adds and changes them, and that no secret is told."""

from __future__ import annotations

import logging
import re
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from interactions import access, external_models
from interactions.access import IN_PROJECTS, Permission
from interactions.models import AbArm, AbTest, ExternalModel, FeedbackKey, Model, Project, User
from tests.conftest import Api
from tests.teams import caller, person, share, team
from tests.test_external_models import SECRET, URL
from tests.web.test_keys import HOSTILE
from tests.web.test_people import signed_in, text

PAGE = "/projects/support/models"
NEW = f"{PAGE}/new"
FIELDS = {
    "name": "Zebra",
    "provider": "OPEN_AI",
    "external_id": "zebra-4",
    "base_url": URL,
    "secret": SECRET,
    "input_price": "0.25",
    "cached_input_price": "",
    "output_price": "2",
    "silence_seconds": "90",
    "total_seconds": "",
    "parameters": '{"temperature": 0.2}',
}


@pytest.fixture
def web(ann: User) -> Client:
    return signed_in(ann)


@pytest.fixture
def zebra(web: Client, project: Project) -> Model:
    add(web)
    return Model.objects.select_related("external").get(project=project)


def add(web: Client, **fields: str) -> Any:
    return web.post(NEW, FIELDS | fields)


def address(model: Model) -> str:
    return f"{PAGE}/{model.uid}"


def change(web: Client, model: Model, **fields: str) -> Any:
    return web.post(address(model), FIELDS | {"act": "change", "secret": ""} | fields)


def act(web: Client, model: Model, name: str) -> Any:
    return web.post(address(model), {"act": name})


def served(model: Model) -> ExternalModel:
    """As it is stored now."""
    return ExternalModel.objects.get(uses=model)


def add_elsewhere(name: str, key: str = "ops") -> ExternalModel:
    """A model of another team."""
    manager = caller(f"{key}-manager", **{key: "power_user"})
    return external_models.add(manager, name, "ANTHROPIC", name.lower(), "", team=team(key))


def value(response: Any, name: str) -> str:
    """What is written into a field of a form."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', response.content.decode())
    held = re.search(r'value="([^"]*)"', found[0]) if found else None
    return unescape(held[1]) if held else ""


def problem_at(response: Any, name: str) -> str:
    """What is said at a field."""
    found = re.search(rf'id="id_{name}_error"[^>]*>([^<]*)<', response.content.decode())
    return unescape(found[1]) if found else ""


# The list


def test_a_project_without_models_says_what_to_do_next(web: Client, vic: User) -> None:
    page = web.get(PAGE).content.decode()
    assert "No model yet" in page
    assert page.count(f'href="{NEW}"') == 1
    theirs = signed_in(vic).get(PAGE).content.decode()
    assert "Who manages the models of this project can add one" in theirs
    assert NEW not in theirs


def test_models_are_listed_with_all_but_their_secret(web: Client, zebra: Model) -> None:
    told = text(web.get(PAGE))
    assert f"Zebra support/zebra zebra-4 OpenAI or compatible · {URL} · secret set" in told
    assert "0.25–2 90 s without a word, 1 h in all" in told
    external_models.change(access.operator(), served(zebra), secret="", silence_seconds=None, input_price=Decimal(0))
    told = text(web.get(PAGE))
    assert "· no secret 0–2 10 min without a word, 1 h in all" in told


def test_the_default_comes_first_and_what_is_offline_says_so(web: Client, zebra: Model) -> None:
    add(web, name="Aardvark")
    act(web, zebra, "default")
    act(web, zebra, "offline")
    told = text(web.get(PAGE))
    assert "Zebra default offline" in told
    assert told.index("Zebra") < told.index("Aardvark")


def test_the_page_shows_what_an_application_sends(web: Client, zebra: Model) -> None:
    page = unescape(web.get(PAGE).content.decode())
    assert "none is the default" in page
    assert 'client = OpenAI(base_url="http://testserver/api/v1", api_key="ik_…")' in page
    assert 'model="support/zebra"' in page
    act(web, zebra, "default")
    response = web.get(PAGE)
    assert "support alone is the default, Zebra" in text(response)
    (example,) = re.findall(r'<code id="example">([^<]*)</code>', response.content.decode())
    assert 'model="support"' in unescape(example)
    assert len(example.splitlines()) == 6


def test_models_that_were_only_logged_stand_apart(web: Client, api: Api, vic: User, zebra: Model) -> None:
    api.log(model="org/large v2")
    page = web.get(PAGE)
    assert "Interactions name these models; nobody serves them here. org/large v2" in text(page)
    assert "/projects/support/interactions?model=org%2Flarge%20v2" in page.content.decode()
    assert web.get("/projects/support/interactions?model=org%2Flarge%20v2").content.decode().count('class="open"') == 1
    logged = Model.objects.get(key="org/large v2")
    assert web.get(address(logged)).status_code == 404


def test_of_many_logged_names_the_rest_is_counted(web: Client, project: Project) -> None:
    Model.objects.bulk_create(Model(project=project, key=f"logged-{n:03}", name="x") for n in range(250))
    told = text(web.get(PAGE))
    assert "logged-199" in told
    assert "logged-200" not in told
    assert "and 50 more" in told


def test_thirty_models_are_listed_in_as_many_queries_as_one(
    web: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        external_models.attach(access.operator(), project, add_elsewhere(f"Model {n}"))
    with django_assert_max_num_queries(10):
        assert web.get(PAGE).content.decode().count("<code>support/model-") == 31


# Who may


def test_the_way_to_the_models_is_shown_to_who_may_see_them(web: Client, vic: User) -> None:
    person("reader", blind={Permission.SEE, Permission.READ})
    share(Project.objects.get(), "blind")
    for client, seen in ((web, True), (signed_in(vic), True), (signed_in(person("reader")), False)):
        page = client.get("/projects/support/interactions").content.decode()
        assert (f'href="{PAGE}"' in page) == seen
        assert client.get(PAGE).status_code == (200 if seen else 403)


def test_who_may_only_see_models_changes_nothing(vic: User, zebra: Model) -> None:
    client = signed_in(vic)
    page = client.get(PAGE).content.decode()
    assert "Zebra" in page
    assert address(zebra) not in page
    for path in (NEW, address(zebra), f"{address(zebra)}/delete"):
        assert client.get(path).status_code == client.post(path, FIELDS).status_code == 403


def test_who_may_not_read_interactions_gets_no_way_to_them(web: Client, api: Api) -> None:
    api.log(model="logged")
    share(Project.objects.get(), "apps")
    page = signed_in(person("app", apps="inference")).get(PAGE).content.decode()
    assert '<span class="tag">logged</span>' in page
    assert "?model=logged" not in page


def test_a_model_of_another_team_is_used_as_it_is(web: Client, project: Project) -> None:
    model = external_models.attach(access.operator(), project, add_elsewhere("Okapi"))
    page = web.get(address(model))
    assert "belongs to the team ops; who manages models there can change this" in text(page)
    assert 'name="secret"' not in page.content.decode()
    refused = change(web, model)
    assert (refused.status_code, "in the team that the model belongs to" in text(refused)) == (403, True)
    assert served(model).name == "Okapi"
    act(web, model, "default")
    assert Model.objects.get().is_default
    refused = web.post(f"{address(model)}/delete")
    assert (refused.status_code, Model.objects.get().is_attached) == (403, True)


def test_a_model_of_another_project_is_not_there(web: Client, foreign: Project) -> None:
    theirs = Model.objects.create(project=foreign, key="x", name="x", external=add_elsewhere("X"))
    for uid in (theirs.uid, uuid4()):
        for path in (f"{PAGE}/{uid}", f"{PAGE}/{uid}/delete"):
            assert web.get(path).status_code == web.post(path, {"act": "default"}).status_code == 404


# Adding


def test_a_model_is_added_and_attached_in_one_step(web: Client, project: Project) -> None:
    response = add(web, default="on")
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert "Applications can ask for support/zebra now." in text(web.get(PAGE))
    model = Model.objects.get(project=project)
    assert (model.key, model.is_default) == ("zebra", True)
    external = served(model)
    assert (external.team.key, external.name, external.external_id, external.base_url) == (
        "support", "Zebra", "zebra-4", URL
    )  # fmt: skip
    assert (external.input_price, external.cached_input_price, external.output_price) == (
        Decimal("0.25"), None, Decimal(2)
    )  # fmt: skip
    assert (external.silence_seconds, external.total_seconds) == (90, None)
    assert external.parameters == {"temperature": 0.2}
    assert external_models.open_secret(external) == SECRET


def test_the_first_model_is_offered_as_the_default_and_a_second_is_not(web: Client) -> None:
    offered = '<input type="checkbox" name="default" checked>'
    assert offered in web.get(NEW).content.decode()
    add(web, default="on")
    assert offered not in web.get(NEW).content.decode()


def test_only_a_name_and_what_the_provider_calls_it_are_needed(web: Client) -> None:
    empty = dict.fromkeys(FIELDS, "") | {"name": "Plain", "provider": "GOOGLE", "external_id": "plain-1"}
    assert web.post(NEW, empty).status_code == 303
    external = ExternalModel.objects.get()
    assert (external.provider, external.base_url, bytes(external.secret)) == ("GOOGLE", "", b"")
    assert (external.input_price, external.parameters) == (None, {})


WRONG = [
    ("name", "", "1 to 200 characters"),
    ("name", "a\x00", "Null characters"),
    ("external_id", " ", "1 to 500 characters"),
    ("base_url", "ftp://x", "begins with https://"),
    ("base_url", "https://user:word@example.org", "no user and no password"),
    ("input_price", "ten", "a number, such as"),
    ("cached_input_price", "-1", "a number, such as"),
    ("output_price", "10000001", "0 to 10,000,000 dollars"),
    ("silence_seconds", "1.5", "a whole number"),
    ("total_seconds", "86401", "1 to 86,400 seconds"),
    ("parameters", "{", "not valid JSON"),
    ("parameters", "[1]", "This must be a JSON object"),
    ("parameters", '{"a": NaN}', "not valid JSON"),
    ("parameters", '{"a.b": "\\u0000"}', "none of them NUL"),
    ("parameters", '{"a":' * 500 + "1" + "}" * 500, "levels deep"),
]


@pytest.mark.parametrize(("field", "wrong", "sentence"), WRONG)
def test_what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost(
    web: Client, field: str, wrong: str, sentence: str
) -> None:
    response = add(web, default="on", **{field: wrong})
    assert response.status_code == 422
    assert sentence in problem_at(response, field)
    page = unescape(response.content.decode())
    for name, typed in (FIELDS | {field: wrong}).items():
        if name not in ("secret", "provider", "parameters") and name != field:
            assert value(response, name) == typed, name
    assert FIELDS["parameters"] in page or field == "parameters"
    assert wrong.strip().replace("\x00", "") in page
    assert 'name="default" checked' in page
    assert SECRET not in page
    assert "type it again" in page
    assert not ExternalModel.objects.exists()


def test_a_provider_that_there_is_not_is_refused(web: Client) -> None:
    response = add(web, provider="AZURE")
    assert (response.status_code, bool(problem_at(response, "provider"))) == (422, True)
    response = add(web, provider="")
    assert (response.status_code, bool(problem_at(response, "provider"))) == (422, True)


def test_a_secret_that_no_header_could_hold_is_refused_and_not_told_again(web: Client) -> None:
    response = add(web, secret="schlüssel")
    assert (response.status_code, "all of ASCII" in problem_at(response, "secret")) == (422, True)
    assert "schlüssel" not in response.content.decode()


def test_a_secret_is_in_no_page_session_cookie_or_log(web: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    responses = [add(web)]
    model = Model.objects.get()
    responses += [change(web, model, secret=SECRET), web.get(PAGE), web.get(address(model)), web.get(NEW)]
    for response in responses:
        assert SECRET not in response.content.decode() + str(response.headers) + str(response.cookies)
    assert all(SECRET not in str(session.get_decoded()) for session in Session.objects.all())
    assert SECRET not in caplog.text
    (field,) = re.findall(r'<input type="password"[^>]*>', responses[3].content.decode())
    assert 'autocomplete="off"' in field
    assert "value=" not in field


def test_one_that_is_here_already_is_attached(web: Client, project: Project) -> None:
    person("ann", ops="power_user")
    okapi, _ = add_elsewhere("Okapi"), add_elsewhere("Secret animal", "others")
    page = web.get(NEW).content.decode()
    assert '<option value="okapi">okapi</option>' in page
    assert "secret-animal" not in page
    response = web.post(NEW, {"act": "attach", "model": "okapi"})
    assert response["Location"] == PAGE
    assert Model.objects.get(project=project, is_attached=True).external == okapi
    assert "Attach a model" not in web.get(NEW).content.decode()
    for wrong in ("okapi", "secret-animal", "", "a\x00"):
        refused = web.post(NEW, {"act": "attach", "model": wrong})
        assert (refused.status_code, "that the project does not use yet" in text(refused)) == (404, True)


# Changing


def test_a_model_is_changed_and_keeps_its_secret(web: Client, zebra: Model) -> None:
    page = web.get(address(zebra))
    shown = {name: value(page, name) for name in FIELDS if name not in ("provider", "secret", "parameters")}
    assert shown == {name: FIELDS[name] for name in shown}
    response = change(web, zebra, name="Okapi", input_price="", output_price="3.5", total_seconds="60", parameters="")
    assert (response.status_code, response["Location"]) == (303, address(zebra))
    external = served(zebra)
    assert (external.name, external.input_price, external.output_price) == ("Okapi", None, Decimal("3.5"))
    assert (external.total_seconds, external.parameters) == (60, {})
    assert external_models.open_secret(external) == SECRET
    assert Model.objects.get().name == "Okapi"
    told = text(web.get(address(zebra)))
    assert "Saved." in told
    assert "thrown away" not in told


def test_a_project_s_own_name_for_a_model_stays_unless_it_is_changed(web: Client, zebra: Model) -> None:
    external_models.update(access.operator(), zebra.project, "zebra", name="Our zebra")
    change(web, zebra, name="Our zebra")
    assert (served(zebra).name, Model.objects.get().name) == ("Zebra", "Our zebra")


def test_another_address_throws_the_secret_away_as_the_page_says_before_and_after(web: Client, zebra: Model) -> None:
    assert "another address throws it away" in text(web.get(address(zebra)))
    change(web, zebra, base_url="https://other.example.org/v1")
    assert bytes(served(zebra).secret) == b""
    told = text(web.get(address(zebra)))
    assert "The address is another one, so the secret was thrown away" in told
    assert "None is set" in told
    change(web, zebra, base_url="https://third.example.org/v1", secret="sk-third")
    assert external_models.open_secret(served(zebra)) == "sk-third"
    assert "thrown away. Enter" not in text(web.get(address(zebra)))


def test_a_secret_is_forgotten_when_that_is_asked_for(web: Client, zebra: Model) -> None:
    assert 'name="no_secret"' in web.get(address(zebra)).content.decode()
    change(web, zebra, no_secret="on")
    assert bytes(served(zebra).secret) == b""
    assert 'name="no_secret"' not in web.get(address(zebra)).content.decode()


@pytest.mark.parametrize(("field", "wrong", "sentence"), WRONG)
def test_a_change_that_is_refused_changes_nothing(
    web: Client, zebra: Model, field: str, wrong: str, sentence: str
) -> None:
    before = ExternalModel.objects.values().get()
    response = change(web, zebra, **({"base_url": "https://new.example.org"} | {field: wrong}), secret="sk-new")
    assert response.status_code == 422
    assert sentence in problem_at(response, field)
    assert "sk-new" not in response.content.decode()
    assert "type it again" in text(response)
    assert ExternalModel.objects.values().get() == before


def test_the_default_is_given_and_taken_and_a_model_switched(web: Client, zebra: Model) -> None:
    states = {"default": (True, True), "offline": (True, False), "no-default": (False, False), "online": (False, True)}
    for name, state in states.items():
        assert act(web, zebra, name)["Location"] == address(zebra)
        zebra.refresh_from_db()
        assert (zebra.is_default, zebra.is_wanted_online) == state
    refused = act(web, zebra, "explode")
    assert (refused.status_code, "no such act" in text(refused)) == (422, True)


def test_a_model_is_taken_out_and_attached_again(web: Client, zebra: Model) -> None:
    assert act(web, zebra, "detach")["Location"] == PAGE
    told = text(web.get(PAGE))
    assert "Took “Zebra” out of the project" in told
    assert "No model yet" in told
    assert web.get(address(zebra)).status_code == 404
    web.post(NEW, {"act": "attach", "model": "zebra"})
    assert web.get(address(zebra)).status_code == 200


def test_what_a_running_test_needs_is_not_taken_out(web: Client, project: Project, zebra: Model) -> None:
    metric = FeedbackKey.objects.get(project=project, key="thumbs")
    test = AbTest.objects.create(project=project, key="which", name="Which", metric=metric, traffic_split=1)
    AbArm.objects.create(test=test, model=zebra)
    for path, fields in ((address(zebra), {"act": "detach"}), (f"{address(zebra)}/delete", {})):
        refused = web.post(path, fields)
        assert (refused.status_code, "takes part in the A/B test “which”" in text(refused)) == (409, True)
    assert Model.objects.get().is_attached


# Deleting


def test_a_model_that_no_other_project_uses_is_deleted_after_a_page_that_says_so(web: Client, zebra: Model) -> None:
    asked = text(web.get(f"{address(zebra)}/delete"))
    assert "No other project uses it" in asked
    assert ExternalModel.objects.exists()
    response = web.post(f"{address(zebra)}/delete")
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert not ExternalModel.objects.exists()
    assert Model.objects.get() == zebra, "it stays as a name"
    assert "Deleted the model “Zebra”." in text(web.get(PAGE))


def test_a_model_that_others_use_is_not_deleted_and_they_are_named(web: Client, foreign: Project, zebra: Model) -> None:
    other = Project.objects.create(key="other", name="Other")
    for project in (foreign, other):
        external_models.attach(access.operator(), project, served(zebra))
    assert "Other projects use it, too: other, secret." in text(web.get(address(zebra)))
    asked = text(web.get(f"{address(zebra)}/delete"))
    assert "other, secret" in asked
    refused = web.post(f"{address(zebra)}/delete")
    assert (refused.status_code, "The project “other” uses the model" in text(refused)) == (409, True)
    assert Model.objects.filter(is_attached=True).count() == 3


def test_names_cannot_do_harm(web: Client, api: Api) -> None:
    add(web, name=HOSTILE, external_id=HOSTILE, parameters='{"a": "</textarea><script>alert(1)</script>"}')
    api.log(model=HOSTILE)
    model = Model.objects.exclude(external=None).get()
    for path in (PAGE, address(model), f"{address(model)}/delete"):
        content = web.get(path).content.decode()
        assert "<script>alert" not in content
        assert HOSTILE in unescape(content)


def test_everybody_who_may_manage_all_but_models_is_refused(project: Project, zebra: Model) -> None:
    share(project, "almost")
    client = signed_in(person("almost", almost=IN_PROJECTS - {Permission.MANAGE_MODELS}))
    assert client.get(PAGE).status_code == 200
    assert act(client, zebra, "default").status_code == add(client).status_code == 403
    zebra.refresh_from_db()
    assert not zebra.is_default
