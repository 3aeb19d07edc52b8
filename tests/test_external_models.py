"""Models that someone else serves: who may use them where, and what becomes of their secrets."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from interactions import access, external_models
from interactions.access import IN_PROJECTS, Caller, Permission
from interactions.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from interactions.models import AbArm, AbTest, ExternalModel, FeedbackKey, Interaction, Model, Project
from tests.conftest import Api, Server
from tests.teams import caller, limited, person, share, team
from tests.test_removal import held, overlapping, wait_until, waits_for_a_lock_elsewhere

__all__ = ["overlapping"]

SECRET = "sk-zebra-0123456789"
URL = "https://models.example.org/v1"
TERMS: dict[str, Any] = {
    "input_price": Decimal("0.25"),
    "cached_input_price": Decimal(0),
    "output_price": Decimal("10000000"),
    "silence_seconds": 1,
    "total_seconds": 86_400,
}


@pytest.fixture
def owner(project: Project) -> Caller:
    """May do all in the project, by the team that owns it."""
    share(project, "ml", is_owner=True)
    return caller("owner", ml="power_user")


def add(asking: Caller, name: str = "Zebra", **fields: Any) -> ExternalModel:
    plain = {"provider": "OPEN_AI", "external_id": "zebra-4", "secret": SECRET, "base_url": URL}
    return external_models.add(asking, name, **(plain | fields))


@pytest.fixture
def zebra(owner: Caller) -> ExternalModel:
    return add(owner)


# Every act and the permission it needs

IN_THE_TEAM: dict[str, Callable[[Caller, ExternalModel], object]] = {
    "add": lambda c, _: add(c, team=team("ml")),
    "change": lambda c, zebra: external_models.change(c, zebra, name="Other"),
    "remove": lambda c, zebra: external_models.remove(c, zebra),
}
MANAGE, SEE = Permission.MANAGE_MODELS, Permission.SEE_MODELS
IN_THE_PROJECT: dict[str, tuple[Permission, Callable[[Caller, Project], object]]] = {
    "models": (SEE, external_models.models),
    "update": (MANAGE, lambda c, p: external_models.update(c, p, "logged", name="Other")),
    "detach": (MANAGE, lambda c, p: external_models.detach(c, p, "logged")),
}


@pytest.mark.parametrize("act", IN_THE_TEAM)
def test_a_model_is_managed_by_who_may_in_its_team_or_everywhere(
    act: str, zebra: ExternalModel, project: Project
) -> None:
    without = [
        caller("almost", ml=IN_PROJECTS - {MANAGE}),
        caller("neighbour", ops="admin"),
        caller("auditor", admin=IN_PROJECTS - {MANAGE}),
        limited("almost", project),
        limited("owner", project),
    ]
    share(project, "ops", "power_user")
    before = held()
    for asking in without:
        with pytest.raises(Forbidden, match=MANAGE):
            IN_THE_TEAM[act](asking, zebra)
        assert held() == before
    IN_THE_TEAM[act](caller("enough", ml={MANAGE}), zebra)
    if act != "remove":
        IN_THE_TEAM[act](caller("root", admin={MANAGE}), zebra)


@pytest.mark.parametrize("act", IN_THE_PROJECT)
def test_an_act_in_a_project_needs_its_permission_there_and_no_other(act: str, project: Project) -> None:
    permission, do = IN_THE_PROJECT[act]
    Model.objects.create(project=project, key="logged", name="logged")
    share(project, "ml", is_owner=True)
    share(project, "friends", {permission})
    almost, stranger = caller("almost", ml=IN_PROJECTS - {permission}), caller("stranger", others="admin")
    before = held()
    with pytest.raises(Forbidden, match=permission):
        do(almost, project)
    with pytest.raises(NotFound):
        do(stranger, project)
    assert held() == before
    do(limited("friend", project, friends="power_user"), project)


@pytest.mark.parametrize("attach", [external_models.attach, lambda c, p, m: external_models.deploy(c, p, m.key)])
def test_a_model_is_attached_by_who_may_manage_models_in_its_team_and_in_the_project(
    attach: Callable[[Caller, Project, ExternalModel], Model], zebra: ExternalModel, foreign: Project, project: Project
) -> None:
    """Else who may do so in one project could spend what another team pays for."""
    share(foreign, "ops", is_owner=True)
    share(project, "ops", "read-only")
    external_models.attach(caller("owner"), project, zebra)  # so that those of the other team see it
    only_there, only_here = caller("there", ops="power_user"), caller("here", ml="power_user")
    before = held()
    with pytest.raises(Forbidden, match="in the team that the model belongs to"):
        attach(only_there, foreign, zebra)
    with pytest.raises(NotFound, match="project"):
        attach(only_here, foreign, zebra)
    both_but_limited = limited("both", foreign, ml="power_user", ops="power_user")
    with pytest.raises((Forbidden, NotFound)):
        attach(both_but_limited, foreign, zebra)
    assert Model.objects.filter(project=foreign).count() == 0
    assert before.count("ExternalModel") == held().count("ExternalModel")
    assert attach(access.caller_of(person("both")), foreign, zebra).external == zebra


# Adding


def test_a_model_is_added_to_the_team_with_a_key_made_of_its_name(db: None) -> None:
    asking = caller("ann", ml="power_user", ops="annotator")
    names = ["GPT-4.1 mini", "gpt-4.1 MINI", "GPT 4.1 mini!", "模型", "模型"]
    keys = [add(asking, name).key for name in names]
    assert keys == ["gpt-4.1-mini", "gpt-4.1-mini-2", "gpt-4.1-mini-3", "model", "model-2"]
    assert set(ExternalModel.objects.values_list("team__key", "name", "external_id")) == {
        ("ml", name, "zebra-4") for name in names
    }
    assert add(asking, "n" * 200).key == "n" * 100
    assert add(asking, "n" * 200).key == "n" * 92 + "-2"
    assert add(asking, str(uuid4())).key.startswith("model-")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        (" ", ""),
        ("https://api.example.org", "https://api.example.org"),
        ("https://api.example.org/v1///", "https://api.example.org/v1"),
        (" http://127.0.0.1:8080/v1 ", "http://127.0.0.1:8080/v1"),
        ("HTTP://[::1]:8080", "HTTP://[::1]:8080"),
        ("https://modèle.example.org/v1", "https://modèle.example.org/v1"),
    ],
)
def test_an_address_is_kept_so_that_paths_can_be_put_behind_it(owner: Caller, given: str, kept: str) -> None:
    assert add(owner, base_url=given).base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "example.org",
        "//example.org",
        "/v1",
        "https://",
        "https:///v1",
        "ftp://example.org",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@example.org",
        "https://user:word@example.org",
        "https://@example.org",
        "https://example.org/#part",
        "https://example.org/v1#",
        "https://example.org/v1?key=1",
        "https://example.org/v1?",
        "https://example.org:port",
        "https://example.org:99999",
        "https://[::1",
        "https://good.example.org\\@evil.example.org",
        "https://exam ple.org",
        "https://exam\tple.org",
        "https://example.org/\r\nHost: evil",
        "https://example.org/\x00",
        "https://example.org/\udc00",
        "https://example.org/" + "x" * 2_000,
    ],
)
def test_what_is_no_plain_address_is_refused(owner: Caller, zebra: ExternalModel, url: str) -> None:
    for act in (lambda: add(owner, base_url=url), lambda: external_models.change(owner, zebra, base_url=url)):
        with pytest.raises(Invalid) as raised:
            act()
        assert raised.value.field == "base_url"
    assert ExternalModel.objects.get().base_url == URL


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"provider": "AZURE"}, "provider"),
        ({"external_id": " "}, "external_id"),
        ({"external_id": "x" * 501}, "external_id"),
        ({"external_id": "\x00"}, "external_id"),
        ({"description": "\x00"}, "description"),
        ({"secret": "sk-1\nX-Other: 1"}, "secret"),
        ({"secret": "schlüssel"}, "secret"),
        ({"secret": "\x00"}, "secret"),
        ({"secret": "x" * 10_001}, "secret"),
        ({"parameters": {"a": "\x00"}}, "parameters"),
        ({"parameters": {"a\x00": 1}}, "parameters"),
        ({"parameters": {"a": [{"b": ["\udc00"]}]}}, "parameters"),
        ({"parameters": {"a": "x" * 20_001}}, "parameters"),
        ({"parameters": {"a": float("nan")}}, "parameters.a"),
        ({"input_price": Decimal("-0.01")}, "input_price"),
        ({"cached_input_price": Decimal("0.0000001")}, "cached_input_price"),
        ({"output_price": Decimal("10000000.000001")}, "output_price"),
        ({"output_price": Decimal("1e999999")}, "output_price"),
        ({"output_price": Decimal("NaN")}, "output_price"),
        ({"silence_seconds": 0}, "silence_seconds"),
        ({"total_seconds": 86_401}, "total_seconds"),
    ],
)
def test_a_model_that_could_not_be_kept_or_asked_is_refused(owner: Caller, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        add(owner, **fields)
    assert raised.value.field == field
    assert str(fields.get("secret", "—")) not in str(raised.value)
    assert not ExternalModel.objects.exists()


def terms(external: ExternalModel) -> dict[str, Any]:
    external.refresh_from_db()
    return {field: getattr(external, field) for field in TERMS}


def test_what_a_model_costs_and_how_long_it_may_take_is_kept_exactly(owner: Caller) -> None:
    assert terms(add(owner, **TERMS)) == TERMS
    assert terms(add(owner, input_price=Decimal("0.1500000"))) == dict.fromkeys(TERMS) | {
        "input_price": Decimal("0.15")
    }


def test_terms_that_are_not_named_stay_and_those_that_are_none_are_not_known_any_more(owner: Caller) -> None:
    zebra = add(owner, **TERMS)
    external_models.change(owner, zebra, name="Other")
    assert terms(zebra) == TERMS
    external_models.change(owner, zebra, input_price=None, total_seconds=60)
    assert terms(zebra) == TERMS | {"input_price": None, "total_seconds": 60}
    with pytest.raises(Invalid) as raised:
        external_models.change(owner, zebra, output_price=Decimal(1), silence_seconds=0)
    assert raised.value.field == "silence_seconds"
    assert terms(zebra) == TERMS | {"input_price": None, "total_seconds": 60}


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [
        ("input_price", "", None),
        ("input_price", "  ", None),
        ("input_price", " 0.25 ", Decimal("0.25")),
        ("output_price", ".5", Decimal("0.5")),
        ("silence_seconds", "60", 60),
    ],
)
def test_terms_are_read_as_somebody_types_them(field: str, text: str, read: Decimal | int | None) -> None:
    assert dict(external_models.typed_terms({field: text})) == dict.fromkeys(TERMS) | {field: read}


@pytest.mark.parametrize("text", ["$1", "1,5", "-1", "1e3", "NaN", "1_000", "１", "1.", "9" * 31, "\x00"])
@pytest.mark.parametrize("field", ["cached_input_price", "total_seconds"])
def test_what_is_no_number_is_refused(field: str, text: str) -> None:
    with pytest.raises(Invalid, match=r"This must be a (whole )?number") as raised:
        external_models.typed_terms({field: text})
    assert raised.value.field == field


def test_seconds_are_whole() -> None:
    with pytest.raises(Invalid, match="whole number"):
        external_models.typed_terms({"silence_seconds": "1.5"})


def test_parameters_are_kept_as_they_were_given(owner: Caller) -> None:
    given = {"temperature": 0.5, "stop": ["\n\n", "ü"], "extra": {"deep": [None, True, 10**12]}}
    add(owner, parameters=given)
    assert ExternalModel.objects.get().parameters == given


def test_of_two_who_add_the_same_name_at_once_one_is_told_to_try_again(
    overlapping: ThreadPoolExecutor, owner: Caller
) -> None:
    started: list[Future[Any]] = []

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not started and sql.startswith("INSERT"):
            started.append(overlapping.submit(add, owner))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with transaction.atomic(), connection.execute_wrapper(beside):
        add(owner)
    assert isinstance(started[0].exception(), Conflict)
    assert overlapping.submit(add, owner).result().key == "zebra-2"


# Secrets


def test_a_secret_is_opened_by_who_is_to_send_it(zebra: ExternalModel) -> None:
    assert external_models.open_secret(ExternalModel.objects.get(pk=zebra.pk)) == SECRET


def test_a_secret_is_in_no_table_log_or_name(zebra: ExternalModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        stored = ExternalModel.objects.get(pk=zebra.pk)
        external_models.open_secret(stored)
    seen = [held(), caplog.text, str(stored), repr(stored), repr(vars(stored)), str(bytes(stored.secret))]
    for told in (SECRET, SECRET.encode().hex(), "zebra-0123"):
        assert [text for text in seen if told in text] == []


def test_the_same_secret_looks_another_each_time(owner: Caller, zebra: ExternalModel) -> None:
    twin = add(owner, "Twin")
    assert bytes(twin.secret) != bytes(zebra.secret)
    again, _ = external_models.change(owner, zebra, secret=SECRET)
    assert bytes(again.secret) != bytes(zebra.secret)
    assert external_models.open_secret(again) == external_models.open_secret(twin) == SECRET


def test_a_model_without_a_secret_has_none(owner: Caller) -> None:
    plain = add(owner, secret=" ")
    assert (bytes(plain.secret), external_models.open_secret(plain)) == (b"", "")


def test_a_secret_opens_for_no_other_address_model_or_provider(owner: Caller, zebra: ExternalModel) -> None:
    other = add(owner, "Other", secret="sk-other")
    ways: dict[str, Callable[[], object]] = {
        "another address": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(
            base_url="https://evil.example.org"
        ),
        "the provider's own": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(base_url=""),
        "another provider": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(provider="GOOGLE"),
        "another's secret": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(secret=bytes(other.secret)),
        "a changed byte": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(
            secret=bytes(zebra.secret)[:-1] + bytes([bytes(zebra.secret)[-1] ^ 1])
        ),
        "cut short": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(secret=bytes(zebra.secret)[:9]),
        "another form": lambda: ExternalModel.objects.filter(pk=zebra.pk).update(
            secret=b"\x02" + bytes(zebra.secret)[1:]
        ),
    }
    for name, tamper in ways.items():
        with transaction.atomic():
            tamper()
            with pytest.raises(Fault, match=r"cannot be read: .* Enter the secret again") as raised:
                external_models.open_secret(ExternalModel.objects.get(pk=zebra.pk))
            assert SECRET not in str(raised.value), name
            transaction.set_rollback(True)
    assert external_models.open_secret(ExternalModel.objects.get(pk=zebra.pk)) == SECRET


def test_a_secret_opens_with_no_other_secret_key(zebra: ExternalModel, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    with pytest.raises(Fault, match="SECRET_KEY"):
        external_models.open_secret(zebra)


def test_another_address_voids_the_secret_and_says_so(owner: Caller, zebra: ExternalModel) -> None:
    changed, is_lost = external_models.change(owner, zebra, base_url="https://evil.example.org")
    assert (is_lost, external_models.open_secret(changed)) == (True, "")
    assert bytes(ExternalModel.objects.get().secret) == b""
    changed, is_lost = external_models.change(owner, changed, base_url=URL)
    assert (is_lost, external_models.open_secret(changed)) == (False, "")


def test_a_secret_that_comes_with_another_address_is_for_that(owner: Caller, zebra: ExternalModel) -> None:
    changed, is_lost = external_models.change(owner, zebra, base_url="https://new.example.org/", secret="sk-new")
    assert (is_lost, changed.base_url) == (False, "https://new.example.org")
    assert external_models.open_secret(ExternalModel.objects.get()) == "sk-new"


def test_the_same_address_leaves_the_secret(owner: Caller, zebra: ExternalModel) -> None:
    changed, is_lost = external_models.change(
        owner, zebra, base_url=f" {URL}/ ", name="Z", description="…", external_id="z-5", parameters={"top_p": 1}
    )
    assert not is_lost
    changed.refresh_from_db()
    assert external_models.open_secret(changed) == SECRET
    assert (changed.key, changed.name, changed.description) == ("zebra", "Z", "…")
    assert (changed.external_id, changed.parameters) == ("z-5", {"top_p": 1})
    emptied, is_lost = external_models.change(owner, zebra, secret="")
    assert (is_lost, external_models.open_secret(emptied)) == (False, "")


def test_who_holds_an_old_copy_brings_no_old_address_back(owner: Caller, zebra: ExternalModel) -> None:
    external_models.change(owner, zebra, base_url="https://new.example.org", secret="sk-new")
    changed, _ = external_models.change(owner, zebra, name="Renamed")
    assert (changed.base_url, external_models.open_secret(changed)) == ("https://new.example.org", "sk-new")


def test_an_error_report_tells_no_secret(owner: Caller, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DEBUG = False

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(ExternalModel, "save", fail)
    with pytest.raises(RuntimeError) as raised:
        external_models.add(owner, "Zebra", "OPEN_AI", "zebra-4", "".join(["sk-", "quagga"]), URL)
    request = RequestFactory().get("/")
    report = ExceptionReporter(request, raised.type, raised.value, raised.tb.tb_next)
    frames = report.get_traceback_data()["frames"]
    assert [frame["function"] for frame in frames][-2:] == ["add", "fail"]
    assert "sk-quagga" not in str([frame["vars"] for frame in frames])


# Removing


def test_a_model_that_is_used_stays_and_one_that_is_not_goes_with_its_secret(
    owner: Caller, project: Project, zebra: ExternalModel
) -> None:
    external_models.attach(owner, project, zebra)
    with pytest.raises(Conflict, match=r"The project “support” uses the model “zebra”\. Detach it there first"):
        external_models.remove(owner, zebra)
    external_models.detach(owner, project, "zebra")
    external_models.remove(owner, zebra)
    assert not ExternalModel.objects.exists()
    assert Model.objects.get().external is None
    for act in (external_models.remove, external_models.change):
        with pytest.raises(NotFound, match="“zebra” any more"):
            act(owner, zebra)


# Seeing


def test_models_are_seen_by_their_teams_and_where_they_are_in_use(
    owner: Caller, project: Project, foreign: Project, zebra: ExternalModel
) -> None:
    share(foreign, "ops", is_owner=True)
    okapi, yak = (add(caller("other", ops="power_user"), name) for name in ("Okapi", "Yak"))
    external_models.attach(caller("both", ml="power_user", ops="power_user"), project, okapi)

    def seen(asking: Caller) -> list[str]:
        return [model.key for model in external_models.visible(asking)]

    assert seen(owner) == ["okapi", "zebra"]
    assert seen(caller("other")) == ["okapi", "yak"]
    assert seen(caller("auditor", admin="read-only")) == ["okapi", "yak", "zebra"]
    assert seen(caller("chief", admin="admin")) == ["okapi", "yak", "zebra"]
    assert seen(limited("owner", project)) == ["okapi"]
    assert seen(caller("stranger", third="admin")) == []
    assert seen(caller("blind", ml=IN_PROJECTS - {SEE})) == []
    assert external_models.get(owner, str(okapi.uid)) == external_models.get(owner, "okapi") == okapi
    for hidden in ("yak", str(yak.uid), "nothing", "a\x00", "\udc00"):
        with pytest.raises(NotFound) as raised:
            external_models.get(owner, hidden)
        assert raised.value.field == "model"
    external_models.detach(owner, project, "okapi")
    assert seen(owner) == ["zebra"]


@pytest.mark.parametrize("who", ["owner", "neighbour", "root"])
def test_what_can_be_attached_is_what_the_project_does_not_use_and_the_caller_manages(
    who: str, owner: Caller, project: Project, foreign: Project, zebra: ExternalModel
) -> None:
    callers = {
        "owner": owner,
        "neighbour": caller("neighbour", ops="power_user", ml="read-only"),
        "root": caller("root", admin="admin"),
    }
    theirs = add(callers["neighbour"], "Theirs", team=team("ops"))
    expected = {"owner": [zebra], "neighbour": [theirs], "root": [theirs, zebra]}[who]

    def offered() -> list[ExternalModel]:
        return list(external_models.attachable(callers[who], project))

    Model.objects.create(project=project, key="logged", name="logged")
    Model.objects.create(project=foreign, key="zebra", name="Zebra", external=zebra)
    assert offered() == expected
    external_models.attach(owner, project, zebra)
    assert offered() == [model for model in expected if model != zebra]
    external_models.detach(owner, project, "zebra")
    assert offered() == expected


def test_a_model_tells_which_projects_use_it(
    owner: Caller, project: Project, foreign: Project, zebra: ExternalModel
) -> None:
    assert external_models.used_by(zebra) == []
    for used in (project, foreign):
        Model.objects.create(project=used, key="zebra", name="Zebra", external=zebra)
    assert external_models.used_by(zebra) == ["secret", "support"]
    external_models.detach(owner, project, "zebra")
    assert external_models.used_by(zebra) == ["secret"]


def test_a_new_model_of_a_project_is_for_the_first_team_that_owns_it_and_may_manage_models(project: Project) -> None:
    for key in ("c", "b", "a"):
        share(project, key, is_owner=key != "a")
    allowed = {
        "one": caller("one", c="power_user"),
        "both": caller("both", b="power_user", c="power_user"),
        "some": caller("some", a="power_user", b="read-only", c="power_user"),
        "root": caller("root", admin="admin"),
        "none": caller("none", a="power_user"),
    }
    chosen = {name: external_models.team_for(asking, project) for name, asking in allowed.items()}
    assert chosen == {"one": team("c"), "both": team("b"), "some": team("c"), "root": team("b"), "none": None}


# In projects


def test_an_attached_model_is_listed_the_default_first(owner: Caller, project: Project, zebra: ExternalModel) -> None:
    okapi = add(owner, "Okapi")
    Model.objects.create(project=project, key="logged", name="logged")
    for external in (zebra, okapi):
        external_models.attach(owner, project, external)

    def listed() -> list[str]:
        return [model.key for model in external_models.models(owner, project)]

    assert listed() == ["logged", "okapi", "zebra"]
    external_models.update(owner, project, "zebra", is_default=True)
    assert listed() == ["zebra", "logged", "okapi"]
    external_models.update(owner, project, str(okapi.uid), is_default=True)
    assert listed() == ["okapi", "logged", "zebra"]
    assert list(Model.objects.filter(is_default=True)) == [Model.objects.get(key="okapi")]
    external_models.update(owner, project, "okapi", is_default=False)
    assert not Model.objects.filter(is_default=True).exists()


def test_a_model_that_was_logged_becomes_the_one_that_is_attached(
    api: Api, owner: Caller, project: Project, zebra: ExternalModel
) -> None:
    api.log(model="zebra")
    logged = Model.objects.get()
    assert external_models.models(owner, project) == [logged]
    assert (logged.external, logged.is_attached) == (None, True)
    assert external_models.attach(owner, project, zebra) == logged
    assert Interaction.objects.select_related("model__external").get().model == logged
    logged.refresh_from_db()
    assert logged.external == zebra


def test_a_detached_model_stays_a_name_and_comes_back(
    api: Api, owner: Caller, project: Project, zebra: ExternalModel
) -> None:
    attached = external_models.attach(owner, project, zebra)
    external_models.update(owner, project, "zebra", is_default=True, name="Our zebra", is_wanted_online=False)
    api.log(model="zebra")
    gone = external_models.detach(owner, project, str(attached.uid))
    assert (gone.is_attached, gone.is_default) == (False, False)
    assert external_models.models(owner, project) == []
    for act in (external_models.detach, external_models.update):
        with pytest.raises(NotFound, match="is not attached to the project") as raised:
            act(owner, project, "zebra")
        assert raised.value.field == "model"
    api.log(model="zebra")
    assert external_models.models(owner, project) == []
    again = external_models.attach(owner, project, zebra)
    assert again == attached
    assert (again.name, again.is_default, again.is_attached, again.is_wanted_online) == (
        "Our zebra", False, True, False
    )  # fmt: skip
    assert Interaction.objects.filter(model=again).count() == 2


def test_an_update_of_nothing_changes_nothing(owner: Caller, project: Project, zebra: ExternalModel) -> None:
    external_models.attach(owner, project, zebra)
    external_models.update(owner, project, "zebra", is_default=True)
    before = held()
    external_models.update(owner, project, "zebra")
    assert held() == before
    with pytest.raises(Invalid) as raised:
        external_models.update(owner, project, "zebra", name=" ", is_default=False)
    assert raised.value.field == "name"
    assert held() == before


def test_a_model_that_nobody_serves_is_no_default(api: Api, owner: Caller, project: Project) -> None:
    api.log(model="logged")
    with pytest.raises(Conflict, match="only logged: nobody serves it"):
        external_models.update(owner, project, "logged", is_default=True)
    with pytest.raises(NotFound, match="Add it first"):
        external_models.deploy(owner, project, "logged")
    external_models.update(owner, project, "logged", name="Logged", is_default=False)
    assert Model.objects.get().name == "Logged"


@pytest.mark.parametrize("by", ["key", "id", "id in the project"])
def test_to_deploy_a_model_attaches_it_and_wants_it_online(
    owner: Caller, project: Project, zebra: ExternalModel, by: str
) -> None:
    logged = Model.objects.create(project=project, key="zebra", name="zebra", is_wanted_online=False)
    named = {"key": "zebra", "id": str(zebra.uid), "id in the project": str(logged.uid)}[by]
    for _ in range(2):
        deployed = external_models.deploy(owner, project, named)
        assert (deployed, deployed.external, deployed.is_attached, deployed.is_wanted_online) == (
            logged, zebra, True, True
        )  # fmt: skip
        Model.objects.update(is_attached=False, is_wanted_online=False)


def test_an_arm_of_a_running_test_is_not_detached(owner: Caller, project: Project, zebra: ExternalModel) -> None:
    model = external_models.attach(owner, project, zebra)
    key = FeedbackKey.objects.get(project=project, key="thumbs")
    test = AbTest.objects.create(project=project, key="which", name="Which", metric=key, traffic_split=1)
    AbArm.objects.create(test=test, model=model)
    for state in ("WARMUP", "IN_PROGRESS"):
        AbTest.objects.update(state=state)
        with pytest.raises(Conflict, match=r"“zebra” takes part in the A/B test “which”\. Cancel it first"):
            external_models.detach(owner, project, "zebra")
        assert Model.objects.get().is_attached
    AbTest.objects.update(state="CANCELLED")
    external_models.detach(owner, project, "zebra")


def test_a_model_s_id_is_not_hidden_by_a_logged_name(
    api: Api, owner: Caller, project: Project, zebra: ExternalModel
) -> None:
    attached = external_models.attach(owner, project, zebra)
    for mimic in (attached.uid, zebra.uid):
        api.log(model=str(mimic))
        assert external_models.update(owner, project, str(mimic)) == attached


def test_models_of_another_project_are_not_there(
    owner: Caller, project: Project, foreign: Project, zebra: ExternalModel
) -> None:
    theirs = Model.objects.create(project=foreign, key="zebra", name="zebra", external=zebra)
    for named in ("zebra", str(theirs.uid), str(zebra.uid)):
        with pytest.raises(NotFound):
            external_models.update(owner, project, named, is_default=True)


def test_two_who_choose_a_default_at_once_leave_one(
    overlapping: ThreadPoolExecutor, owner: Caller, project: Project
) -> None:
    for name in ("One", "Two"):
        external_models.attach(owner, project, add(owner, name))
    started: list[Future[Any]] = []

    def choose(key: str) -> Model:
        return external_models.update(owner, project, key, is_default=True)

    def beside(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not started and sql.startswith("UPDATE"):
            started.append(overlapping.submit(choose, "two"))
            wait_until(lambda: started[0].done() or waits_for_a_lock_elsewhere())
        return result

    with connection.execute_wrapper(beside):
        choose("one")
    assert started[0].result().is_default
    assert Model.objects.get(is_default=True).key == "two"


def test_the_store_itself_takes_no_second_default(project: Project) -> None:
    Model.objects.create(project=project, key="one", name="one", is_default=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Model.objects.create(project=project, key="two", name="two", is_default=True)


# The command

ARGUMENTS = ["--project", "support", "--name", "Zebra 4", "--external-id", "zebra-4", "--base-url", URL]


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("add_model", *arguments, stdout=out)
    return out.getvalue()


def test_an_operator_adds_a_model_with_the_secret_from_the_environment(
    owner: Caller, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SECRET", SECRET)
    assert said(*ARGUMENTS, "--default") == "The project “support” can use the model “zebra-4”.\n"
    (model,) = external_models.models(owner, project)
    assert model.external is not None
    assert (model.key, model.is_default, model.external.team.key) == ("zebra-4", True, "ml")
    assert (model.external.provider, model.external.base_url) == ("OPEN_AI", URL)
    assert external_models.open_secret(model.external) == SECRET


def test_an_operator_adds_a_model_with_the_secret_from_a_pipe(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODEL_SECRET", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\nnot this\n"))
    said(*ARGUMENTS, "--provider", "GOOGLE")
    external = ExternalModel.objects.get()
    assert (external.provider, external.team.key, external_models.open_secret(external)) == ("GOOGLE", "admin", SECRET)
    assert not Model.objects.get().is_default
    assert set(terms(external).values()) == {None}


def test_an_operator_says_what_a_model_costs_and_how_long_it_may_take(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SECRET", SECRET)
    said(*ARGUMENTS, *(f"--{field.replace('_', '-')}={value}" for field, value in TERMS.items()))
    assert terms(ExternalModel.objects.get()) == TERMS


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--project", "nowhere", *ARGUMENTS[2:]], "There is no project “nowhere”"),
        ([*ARGUMENTS[:-1], "ftp://x"], "An address begins with https://"),
        ([*ARGUMENTS, "--provider", "AZURE"], "invalid choice"),
        ([*ARGUMENTS, "--output-price", "ten"], "--output-price: This must be a number"),
        ([*ARGUMENTS, "--input-price=-1"], "--input-price: This must be a number"),
        ([*ARGUMENTS, "--silence-seconds", "0"], "--silence-seconds: This must be 1 to 86,400 seconds"),
        ([*ARGUMENTS, "--secret", SECRET], "unrecognized arguments"),
    ],
)
def test_an_operator_is_told_what_is_wrong(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("MODEL_SECRET", SECRET)
    with pytest.raises(CommandError, match=sentence):
        said(*arguments)
    assert not ExternalModel.objects.exists()
    assert not Model.objects.exists()


def test_a_model_is_added_while_the_server_runs(server: Server) -> None:
    with_secret = Server(
        server.url, server.secret, server.email, server.password, server.environment | {"MODEL_SECRET": SECRET}
    )
    told = with_secret.manage("add_model", "--project", "demo", "--name", "Live", "--external-id", "live-1")
    assert told == "The project “demo” can use the model “live”."
    look = "from interactions import external_models as e; from interactions.models import ExternalModel as M;"
    opened = server.manage(
        "shell", "--verbosity", "0", "--command", f"{look} print(e.open_secret(M.objects.get(key='live')))"
    )
    assert opened == SECRET
