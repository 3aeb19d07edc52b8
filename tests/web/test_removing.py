"""Deleting by hand, and the settings that delete: the number is said first, and it is what is done."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pyroaring import BitMap

from interactions import ids, people, removal
from interactions.models import Interaction, Project, Removal, Transcript, User
from interactions.web import removing
from tests.api.pictures import data_uri, picture, showing
from tests.conftest import Api

LIST = "/projects/support/interactions"
REMOVE = f"{LIST}/remove"
SETTINGS = "/projects/support/settings"
HOSTILE = "\"><script>alert(1)</script>'{{ 7 }}"


@pytest.fixture
def web(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def fields(page: str) -> dict[str, list[str]]:
    """What the form of a page that asks would send back, but for its buttons."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", page):
        attributes = {name: unescape(value) for name, value in re.findall(r'([a-z-]+)="([^"]*)"', tag)}
        if attributes["name"] != "csrfmiddlewaretoken":
            found.setdefault(attributes["name"], []).append(attributes.get("value", ""))
    return found


def text(response: Any) -> str:
    """What a page says, without its marks."""
    main = response.content.decode().partition("<main")[2]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", main)))


def ask(web: Client, query: str = "", **posted: Any) -> dict[str, list[str]]:
    response = web.post(REMOVE, posted) if posted else web.get(REMOVE + query)
    assert response.status_code == 200
    return fields(response.content.decode())


def ids_left() -> set[str]:
    return {str(id) for id in Interaction.objects.values_list("pk", flat=True)}


# Who may


def test_who_may_not_delete_sees_no_way_to(api: Api, vic: User) -> None:
    logged = api.log()["completion_id"]
    client = Client()
    client.force_login(vic)
    for page in (LIST, f"{LIST}/{logged}"):
        content = client.get(page).content.decode()
        assert "remove" not in re.sub(r"(feedback|labels)/[^\"]*remove", "", content)
        assert 'type="checkbox" form="selection"' not in content
        assert "/settings" not in content


@pytest.mark.parametrize("role", ["read-only", "annotator"])
def test_only_members_delete(api: Api, project: Project, role: str) -> None:
    logged = api.log()["completion_id"]
    user = User.objects.create_user("ro@example.org")
    people.belong(user, project, role)
    client = Client()
    client.force_login(user)
    sent = {"selected": [logged], "confirmed": "1", "what": "interactions"}
    assert client.post(REMOVE, sent).status_code == 403
    assert client.get(REMOVE).status_code == 403
    assert client.post(SETTINGS, {"keep_interactions": "1"}).status_code == 403
    assert ids_left() == {logged}


# A selection


def test_what_was_selected_is_deleted_after_its_number_was_said(web: Client, api: Api) -> None:
    logged = [api.log()["completion_id"] for _ in range(3)]
    asked = web.post(REMOVE, {"selected": logged[:2], "back": "label=env:prod"})
    assert "Delete 2 interactions for good?" in text(asked)
    assert "This cannot be undone." in text(asked)
    assert ids_left() == set(logged)
    answer = web.post(REMOVE, fields(asked.content.decode()) | {"what": "interactions"})
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}?label=env:prod")
    assert ids_left() == {logged[2]}
    assert "Deleted 2 interactions." in web.get(LIST).content.decode()
    wanted = Removal.objects.get()
    assert (wanted.total, wanted.done, wanted.described, str(wanted.requested_by)) == (
        2, 2, "selected by hand", "ann@example.org",
    )  # fmt: skip


def test_of_what_was_selected_only_the_texts_are_removed_if_so_wished(web: Client, api: Api) -> None:
    logged = api.log(messages=showing({"type": "image_url", "image_url": data_uri(picture())}))["completion_id"]
    web.post(REMOVE, ask(web, selected=[logged]) | {"what": "transcripts"})
    assert ids_left() == {logged}
    assert not Transcript.objects.exists()
    page = web.get(LIST).content.decode()
    assert "Removed the texts and images of 1 interaction." in page
    assert "texts removed" in page
    assert "no completion" not in page
    detail = web.get(f"{LIST}/{logged}")
    assert detail.status_code == 200
    assert "The texts and images of this interaction were removed on" in text(detail)
    for suffix in (".jsonl", ".csv", ".json"):
        assert logged in b"".join(_streamed(web.get(LIST + suffix))).decode()
    assert web.get(f"{LIST}/{logged}.json").json()["texts_removed"] is True


def _streamed(response: Any) -> Any:
    return response.streaming_content if response.streaming else [response.content]


def test_what_is_gone_already_or_another_project_s_is_not_deleted(
    web: Client, api: Api, project: Project, foreign: Project
) -> None:
    logged = [api.log()["completion_id"] for _ in range(2)]
    strange = [str(uuid4()), "nonsense", ""]
    form = ask(web, selected=logged + strange)
    assert form["confirmed"] == ["2"]
    Interaction.objects.filter(pk=logged[0]).update(project=foreign)
    again = web.post(REMOVE, form | {"what": "interactions"})
    assert again.status_code == 409
    assert "the number is another now" in text(again)
    assert "Delete 1 interaction for good?" in text(again)
    assert ids_left() == set(logged)
    web.post(REMOVE, fields(again.content.decode()) | {"what": "interactions"})
    assert ids_left() == {logged[0]}
    gone = web.post(REMOVE, fields(again.content.decode()) | {"what": "interactions"})
    assert "There is nothing to delete" in text(gone)


def test_one_interaction_is_deleted_from_its_page(web: Client, api: Api) -> None:
    kept, gone = (api.log()["completion_id"] for _ in range(2))
    page = web.get(f"{LIST}/{gone}?image=no").content.decode()
    form = page.partition(f'action="{REMOVE}"')[2].partition("</form>")[0]
    asked = web.post(REMOVE, fields(form))
    assert "Delete 1 interaction for good?" in text(asked)
    answer = web.post(REMOVE, fields(asked.content.decode()) | {"what": "interactions"})
    assert answer["Location"] == f"{LIST}?image=no"
    assert ids_left() == {kept}


# A whole filter


def test_all_that_a_filter_matches_is_deleted_and_what_comes_meanwhile_stays(web: Client, api: Api) -> None:
    kept = api.log(labels={"env": "dev"})["completion_id"]
    for _ in range(3):
        api.log(labels={"env": "prod"})
    assert f'href="{REMOVE}?label=env%3Aprod"' in web.get(f"{LIST}?label=env:prod").content.decode()
    asked = web.get(f"{REMOVE}?label=env:prod")
    assert "Delete 3 interactions for good?" in text(asked)
    assert "All where env is prod" in text(asked)
    late = api.log(labels={"env": "prod"})["completion_id"]
    web.post(f"{REMOVE}?label=env:prod", fields(asked.content.decode()) | {"what": "interactions"})
    assert ids_left() == {kept, late}


def test_when_the_number_has_changed_it_is_asked_again(web: Client, api: Api, project: Project) -> None:
    logged = [api.log(labels={"env": "prod"})["completion_id"] for _ in range(3)]
    form = ask(web, "?label=env:prod")
    removal.delete(project.pk, BitMap([Interaction.objects.get(pk=logged[0]).number]))
    again = web.post(f"{REMOVE}?label=env:prod", form | {"what": "interactions"})
    assert again.status_code == 409
    assert "Delete 2 interactions for good?" in text(again)
    assert ids_left() == set(logged[1:])


def test_many_are_only_deleted_when_their_number_was_typed(
    web: Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_MANY", 1)
    logged = {api.log()["completion_id"] for _ in range(2)}
    form = ask(web, "?image=no")
    assert "typed" in form
    for typed in ("", "1", "two"):
        refused = web.post(f"{REMOVE}?image=no", form | {"typed": typed, "what": "interactions"})
        assert refused.status_code == 422
        assert "Nothing was removed." in text(refused)
    assert ids_left() == logged
    assert web.post(f"{REMOVE}?image=no", form | {"typed": "2", "what": "interactions"}).status_code == 303
    assert ids_left() == set()


def test_every_interaction_of_a_project_is_called_that(web: Client, api: Api, foreign: Project) -> None:
    api.log()
    assert "Every interaction of the project support" in text(web.get(REMOVE))
    web.post(REMOVE, ask(web) | {"what": "interactions"})
    assert ids_left() == set()
    assert "There is nothing to delete" in text(web.get(REMOVE))


def test_an_unknown_filter_deletes_nothing(web: Client, api: Api) -> None:
    api.log()
    answer = web.get(f"{REMOVE}?lable=env:prod")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}?lable=env%3Aprod")
    sent = {"confirmed": "1", "upto": "99", "what": "interactions"}
    assert web.post(f"{REMOVE}?lable=env:prod", sent).status_code == 302
    assert len(ids_left()) == 1


def test_what_people_wrote_is_shown_as_it_was_written(web: Client, api: Api) -> None:
    api.log(messages=[{"role": "user", "content": HOSTILE}], labels={"env": HOSTILE})
    asked = web.get(REMOVE, {"label": f"env:{HOSTILE}"})
    assert "<script>alert" not in asked.content.decode()
    assert text(asked).count(HOSTILE) == 2
    form = fields(asked.content.decode())
    answer = web.post(f"{REMOVE}?{form['back'][0]}", form | {"what": "interactions"})
    assert answer.status_code == 303
    page = web.get(SETTINGS)
    assert "<script>alert" not in page.content.decode()
    assert HOSTILE in text(page)
    assert web.get(answer["Location"]).status_code == 200


# In the background


def test_a_large_removal_shows_how_far_it_is(web: Client, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "_AT_ONCE", 1)
    api.log(), api.log()
    answer = web.post(REMOVE, ask(web) | {"what": "interactions"})
    wanted = Removal.objects.get()
    assert answer["Location"] == f"/projects/support/removals/{wanted.pk}"
    page = web.get(answer["Location"])
    assert "0 of 2." in text(page)
    part = web.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert f'hx-get="/projects/support/removals/{wanted.pk}"' in part
    assert "Deleting 2 interactions" in text(web.get(SETTINGS))
    removal.carry_on()
    part = web.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "Deleted 2 interactions." in part
    assert "hx-get" not in part
    assert ids_left() == set()


def test_another_project_s_removal_is_not_shown(web: Client, foreign: Project) -> None:
    wanted = removal.request(foreign, Removal.What.INTERACTIONS, BitMap([1]), "secret")
    assert web.get(f"/projects/support/removals/{wanted.pk}").status_code == 404


# Settings


def test_days_that_remove_nothing_now_are_saved(web: Client, api: Api, project: Project) -> None:
    api.log()
    assert web.post(SETTINGS, {"keep_transcripts": "30", "keep_interactions": ""}).status_code == 303
    project.refresh_from_db()
    assert (project.keep_transcripts, project.keep_interactions) == (30, None)
    page = web.get(SETTINGS).content.decode()
    assert 'name="keep_transcripts" value="30"' in page
    assert "Saved." in page
    web.post(SETTINGS, {"keep_transcripts": "", "keep_interactions": ""})
    project.refresh_from_db()
    assert project.keep_transcripts is None


def test_days_that_remove_something_now_say_exactly_how_much_first(web: Client, api: Api, project: Project) -> None:
    now = ids.now()
    for days in (1, 10, 20, 40, 50):
        api.log(created_at=(now - timedelta(days=days)).isoformat())
    sent = {"keep_transcripts": "15", "keep_interactions": "30"}
    asked = web.post(SETTINGS, sent)
    assert "This deletes 2 interactions for good now." in text(asked)
    assert "This removes the texts and images of 1 more for good now." in text(asked)
    project.refresh_from_db()
    assert project.keep_interactions is None
    assert len(ids_left()) == 5
    assert web.post(SETTINGS, fields(asked.content.decode())).status_code == 303
    saved = Project.objects.get(pk=project.pk)
    assert (saved.keep_transcripts, saved.keep_interactions) == (15, 30)
    removal.carry_on()
    assert len(ids_left()) == 3
    assert Transcript.objects.count() == 2
    assert "Deleted 2 interactions." in text(web.get(SETTINGS))


def test_days_are_asked_for_again_when_the_number_has_changed(web: Client, api: Api, project: Project) -> None:
    old = (ids.now() - timedelta(days=40)).isoformat()
    api.log(created_at=old)
    asked = fields(web.post(SETTINGS, {"keep_interactions": "30"}).content.decode())
    api.log(created_at=old)
    again = web.post(SETTINGS, asked)
    assert again.status_code == 409
    assert "The number has changed" in text(again)
    assert "This deletes 2 interactions" in text(again)
    project.refresh_from_db()
    assert project.keep_interactions is None


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "x", "36501", "9" * 40])
def test_days_that_are_none_are_refused(web: Client, project: Project, days: str) -> None:
    refused = web.post(SETTINGS, {"keep_interactions": days})
    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.content.decode()
    project.refresh_from_db()
    assert project.keep_interactions is None
