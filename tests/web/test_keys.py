"""API keys in the browser: a secret is seen once, and a key reaches what it was made for."""

from __future__ import annotations

import logging
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from interactions import access, people
from interactions.access import Permission
from interactions.models import ApiKey, Project, User
from tests.conftest import Api

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


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_key_of_somebody_else_cannot_be_told_from_none(web: Client, vic: User, method: str) -> None:
    theirs = access.issue_key(vic, None).api_key
    for uid in (theirs.uid, uuid4()):
        assert getattr(web, method)(f"/keys/{uid}/revoke").status_code == 404
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
