"""API keys in the browser: a secret is seen once, and a key reaches what it was made for."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from interactions import access, ids, people
from interactions.access import Limits, Permission
from interactions.models import ApiKey, KeyUsage, Project, User
from tests.conftest import Api
from tests.teams import person

HOSTILE = "\"><script>alert(1)</script>'{{ 7 }}"


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def make(web: Client, **fields: Any) -> Any:
    return web.post("/keys", {"name": "nightly import", "reach": "all", "uid": str(uuid4())} | fields)


def secret_in(response: Any) -> str:
    found = re.search(r'<code id="secret">([^<]+)</code>', response.content.decode())
    return found[1] if found else ""


def caller(response: Any) -> access.Caller:
    return access.authenticate(access.digest(secret_in(response)))


def test_a_key_is_made_and_its_secret_works(web: Client, project: Project) -> None:
    response = make(web)
    assert response.status_code == 200
    assert caller(response).may(project.pk, Permission.LOG)
    page = unescape(response.content.decode())
    assert f"curl http://testserver/api/v1/interactions -H 'Authorization: Bearer {secret_in(response)}'" in page
    key = ApiKey.objects.get()
    assert (key.name, key.is_limited) == ("nightly import", False)


def test_the_secret_is_in_that_answer_and_nowhere_else(web: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    response = make(web)
    secret = secret_in(response)
    assert response["Cache-Control"] == "no-store"
    assert "Location" not in response
    assert secret not in str(response.cookies)
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    assert secret not in caplog.text
    assert secret not in web.get("/keys").content.decode()
    assert not secret_in(web.get("/keys"))


def test_the_same_form_sent_again_makes_no_second_key_and_shows_no_secret(web: Client) -> None:
    uid = str(uuid4())
    first, second = make(web, uid=uid), make(web, uid=uid)
    assert secret_in(first)
    assert (second.status_code, second["Location"]) == (303, "/keys")
    assert ApiKey.objects.count() == 1
    assert "made already" in web.get("/keys").content.decode()


def test_somebody_elses_form_gives_nothing_away(web: Client, vic: User) -> None:
    issued = access.issue_key(vic, None, "vic's")
    response = make(web, uid=str(issued.api_key.uid))
    assert response.status_code == 303
    assert ApiKey.objects.get().user == vic


def test_a_key_may_be_for_some_projects_only(web: Client, ann: User, project: Project) -> None:
    other = Project.objects.create(key="other", name="Other")
    people.belong(ann, other)
    assert set(caller(make(web, reach="some", project=["support"])).grants) == {"support"}
    assert set(caller(make(web)).grants) == {"support", "other"}


@pytest.mark.parametrize("chosen", [[], ["secret"], ["nowhere"], ["\x00"]])
def test_a_key_is_not_made_for_no_project_or_a_foreign_one(web: Client, foreign: Project, chosen: list[str]) -> None:
    response = make(web, reach="some", project=chosen)
    assert response.status_code == 422
    assert "Choose at least one project" in response.content.decode()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b"])
def test_a_key_needs_a_name_that_can_be_kept(web: Client, name: str) -> None:
    assert make(web, name=name).status_code == 422
    assert not ApiKey.objects.exists()


# What a key may use of models, and how long it is valid


def limits(key: ApiKey) -> tuple[int | None, int | None, str]:
    key.refresh_from_db()
    return key.requests_per_minute, key.budget, key.budget_period


def test_a_key_is_made_with_limits_and_an_end(web: Client) -> None:
    make(web, requests_per_minute="60", budget="20.5", budget_period="day", expires="90")
    key = ApiKey.objects.get()
    assert limits(key) == (60, 20_500_000_000, "day")
    assert key.expires_at is not None
    assert timedelta(days=89, hours=23) < key.expires_at - ids.now() < timedelta(days=90)
    page = web.get("/keys").content.decode()
    assert "60 requests a minute" in page
    assert "$0.00 of $20.50 today" in page


def test_a_key_has_no_limits_and_no_end_unless_they_are_chosen(web: Client) -> None:
    make(web, requests_per_minute=" ", budget="", budget_period="month", expires="")
    key = ApiKey.objects.get()
    assert limits(key) == (None, None, "month")
    assert key.expires_at is None
    assert "any amount" in web.get("/keys").content.decode()


WRONG = [
    ("requests_per_minute", "0", "1 to 1,000,000 requests a minute"),
    ("requests_per_minute", "1000001", "1 to 1,000,000 requests a minute"),
    ("requests_per_minute", "many", "a whole number"),
    ("budget", "$20", "a number, such as"),
    ("budget", "0", "0.01 to 1,000,000,000 dollars"),
    ("budget", "1.005", "in whole cents"),
    ("budget", "1000000000.01", "0.01 to 1,000,000,000 dollars"),
    ("budget_period", "year", "Select a valid choice"),
]


def problem_at(response: Any, field: str) -> str:
    found = re.search(rf'id="id_{field}_error"[^>]*>([^<]*)<', response.content.decode())
    return unescape(found[1]) if found else ""


@pytest.mark.parametrize(("field", "wrong", "sentence"), [*WRONG, ("expires", "31", "Select a valid choice")])
def test_a_key_with_a_limit_that_cannot_be_is_not_made_and_nothing_typed_is_lost(
    web: Client, field: str, wrong: str, sentence: str
) -> None:
    response = make(web, reach="some", project=["support"], **({"requests_per_minute": "60"} | {field: wrong}))
    assert response.status_code == 422
    assert sentence in problem_at(response, field)
    page = response.content.decode()
    assert 'value="nightly import"' in page
    assert 'value="some" checked' in page
    assert 'value="support" checked' in page
    assert field == "requests_per_minute" or 'value="60"' in page
    assert not ApiKey.objects.exists()


def test_limits_are_changed_and_taken_away(web: Client) -> None:
    make(web, budget="20")
    key = ApiKey.objects.get()
    page = web.get(f"/keys/{key.uid}/limits").content.decode()
    assert f"Limits of the key “nightly import” ({key.prefix}…)" in page
    assert 'value="20"' in page
    response = web.post(f"/keys/{key.uid}/limits", {"requests_per_minute": "5", "budget_period": "day"})
    assert (response.status_code, response["Location"]) == (303, "/keys")
    assert limits(key) == (5, None, "day")
    assert "Changed the limits of the key" in web.get("/keys").content.decode()


@pytest.mark.parametrize(("field", "wrong", "sentence"), WRONG)
def test_a_limit_that_cannot_be_changes_nothing(web: Client, field: str, wrong: str, sentence: str) -> None:
    make(web, requests_per_minute="60", budget="20")
    key = ApiKey.objects.get()
    fields = {"requests_per_minute": "7", "budget": "30", "budget_period": "day"} | {field: wrong}
    response = web.post(f"/keys/{key.uid}/limits", fields)
    assert response.status_code == 422
    assert sentence in problem_at(response, field)
    assert field == "budget" or 'value="30"' in response.content.decode()
    assert limits(key) == (60, 20_000_000_000, "month")


@pytest.mark.parametrize(
    ("period", "cost", "told"),
    [
        ("day", 1_234_567_890, "$1.23 of $1,000.00 today"),
        ("month", 1_234_567_890, "$1.23 of $1,000.00 this month"),
        ("month", 1, "less than $0.01 of $1,000.00 this month"),
        ("month", 10_000_000, "$0.01 of $1,000.00 this month"),
    ],
)
def test_the_list_says_what_was_used_of_the_budget_in_the_present_period(
    web: Client, ann: User, period: str, cost: int, told: str
) -> None:
    key = access.issue_key(ann, None, limits=Limits(budget=Decimal(1_000), budget_period=period)).api_key
    began = access.budget_began(period, ids.now())
    for unit, begins_at, used in (
        (period, began, cost),
        (period, access.budget_began(period, began - timedelta(seconds=1)), 7_000_000_000),
        ({"day": "month", "month": "day"}[period], ids.now().replace(second=0, microsecond=0), 8_000_000_000),
        ("minute", began, 9_000_000_000),
    ):
        KeyUsage.objects.create(api_key=key, unit=unit, begins_at=begins_at, cost=used)
    assert told in web.get("/keys").content.decode()


def test_days_and_months_begin_with_those_of_utc() -> None:
    moment = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert access.budget_began("day", moment) == datetime(2026, 11, 24, tzinfo=UTC)
    assert access.budget_began("month", moment) == datetime(2026, 11, 1, tzinfo=UTC)
    behind = moment.astimezone(datetime.strptime("-1200", "%z").tzinfo)
    assert access.budget_began("day", behind) == datetime(2026, 11, 24, tzinfo=UTC)


def test_who_manages_users_limits_the_keys_of_others_but_not_of_who_may_do_more(vic: User) -> None:
    manager = person("manager", admin={Permission.MANAGE_USERS})
    client = Client()
    client.force_login(manager)
    theirs = access.issue_key(vic, None).api_key
    assert client.post(f"/keys/{theirs.uid}/limits", {"budget": "5"})["Location"] == f"/people/{vic.uid}"
    assert limits(theirs) == (None, 5_000_000_000, "month")
    assert "$0.00 of $5.00 this month" in client.get(f"/people/{vic.uid}").content.decode()
    mightier = access.issue_key(person("root", admin="admin"), None).api_key
    refused = client.post(f"/keys/{mightier.uid}/limits", {"budget": "5"})
    assert (refused.status_code, "may do more on this server" in refused.content.decode()) == (403, True)
    assert limits(mightier) == (None, None, "month")


def test_who_may_only_look_gets_a_line_that_reads(vic: User) -> None:
    web = Client()
    web.force_login(vic)
    assert "curl 'http://testserver/api/v1/interactions?project=support'" in unescape(make(web).content.decode())


def test_a_key_is_revoked_after_a_page_that_names_it(web: Client) -> None:
    digest = access.digest(secret_in(make(web)))
    key = ApiKey.objects.get()
    asked = web.get(f"/keys/{key.uid}/revoke").content.decode()
    assert f"Revoke the key “nightly import” ({key.prefix}…)?" in asked
    assert digest in access.callers([digest]), "asking does nothing"
    response = web.post(f"/keys/{key.uid}/revoke")
    assert (response.status_code, response["Location"]) == (303, "/keys")
    assert access.callers([digest]) == {}
    page = web.get("/keys").content.decode()
    assert "Revoked the key" in page
    assert "revoked on" in page


@pytest.mark.parametrize("page", ["revoke", "limits"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_key_of_somebody_else_cannot_be_told_from_none(web: Client, vic: User, method: str, page: str) -> None:
    theirs = access.issue_key(vic, None).api_key
    for uid in (theirs.uid, uuid4()):
        assert getattr(web, method)(f"/keys/{uid}/{page}").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_only_ones_own_keys_are_listed(web: Client, ann: User, vic: User) -> None:
    access.issue_key(ann, None, "mine")
    access.issue_key(vic, None, "theirs")
    page = web.get("/keys").content.decode()
    assert "mine" in page
    assert "theirs" not in page


def test_what_a_key_is_called_cannot_do_harm(web: Client) -> None:
    response = make(web, name=HOSTILE)
    key = ApiKey.objects.get()
    for page in (response, web.get("/keys"), web.get(f"/keys/{key.uid}/revoke")):
        content = page.content.decode()
        assert "<script>alert" not in content
        assert HOSTILE in unescape(content)


def test_many_keys_are_listed_in_as_many_queries_as_one(
    web: Client, ann: User, project: Project, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        access.issue_key(ann, [project], f"key {n}")
    with django_assert_max_num_queries(8):
        assert web.get("/keys").content.decode().count("Revoke…") == 30


def test_the_page_says_what_a_key_reaches_and_when_it_was_used(web: Client, api: Api) -> None:
    api.get("interactions?project=support")
    page = web.get("/keys").content.decode()
    assert '<span class="tag">support</span>' in page
    assert "<time" in page.partition('data-name="Last used"')[2][:40]
