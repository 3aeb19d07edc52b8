"""Selections made over GraphQL, fetched over REST."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from interactions import access, people
from interactions.models import Project, User
from tests.api.pictures import data_uri, picture, showing
from tests.conftest import Api

ASK = """
query Ask($project: IdOrKey!, $selection: CompletionSelectionQuery!) { %s(project: $project, selection: $selection) }
"""
ALL: dict[str, Any] = {"fromFilters": {"filters": {"project": "support"}, "exclude": []}}


@pytest.fixture(autouse=True)
def _place(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def address(api: Api, selection: dict[str, Any], field: str = "completionDownloadUrl") -> str:
    answer = api.graphql(ASK % field, project="support", selection=selection)
    assert "errors" not in answer, answer
    found: str = answer["data"][field]
    return found


def fetched(api: Api, place: str) -> list[dict[str, Any]]:
    answer = api.get(place.removeprefix("/api/v1/"))
    assert answer.status_code == 200, answer.content
    return [json.loads(line) for line in answer.getvalue().splitlines()]


def test_a_selection_is_fetched_as_lossless_documents(api: Api) -> None:
    shown = showing({"type": "image_url", "image_url": data_uri(picture())})
    ids = [api.log(messages=shown, labels={"n": str(n)})["completion_id"] for n in range(3)]
    place = address(api, {"fromSelection": {"include": ids[1:]}})
    documents = fetched(api, place)
    assert [document["id"] for document in documents] == ids[1:]
    assert documents[0]["messages"] == shown
    assert documents[0]["labels"] == {"n": "1"}


def test_a_filtered_selection_is_fetched_as_training_records(api: Api) -> None:
    ids = [api.log(completion=f"{n}", labels={"n": str(n)})["completion_id"] for n in range(3)]
    selection = {"fromFilters": {"filters": {"project": "support"}, "exclude": [ids[0]]}}
    records = fetched(api, address(api, selection, "completionAsDatasetDownloadUrl"))
    assert [record["completion"] for record in records] == ["1", "2"]
    assert records[0]["messages"] == [{"role": "user", "content": "Where is my order?"}]


def test_a_selection_of_groups_is_what_is_picked_in_them(api: Api) -> None:
    ids = [api.log(model_service="a" if n < 2 else "b")["completion_id"] for n in range(4)]
    none = api.log()["completion_id"]

    def of(**groups: dict[str, Any]) -> list[str]:
        picked = [{"groupId": id.strip("_"), "selection": selection} for id, selection in groups.items()]
        told = {"filters": {"project": "support"}, "grouping": "MODEL", "groups": picked}
        return [document["id"] for document in fetched(api, address(api, {"fromGroups": told}))]

    assert of(a={}) == ids[:2]
    assert of(a={"exclude": [ids[0]]}, b={"selectOnly": [ids[3], ids[0]]}) == [ids[1], ids[3]]
    assert of(_={}) == [none]


def test_a_selection_is_for_those_who_may_read_its_project(api: Api, vic: User, foreign: Project) -> None:
    place = address(api, {"fromSelection": {"include": [api.log()["completion_id"]]}}).removeprefix("/api/v1/")
    reader = Api(access.issue_key(vic, None).secret)
    assert reader.get(place).status_code == 200
    stranger = User.objects.create_user("eve@example.org")
    people.belong(stranger, foreign)
    other = Api(access.issue_key(stranger, None).secret)
    assert other.get(place).status_code == 404
    assert other.get(place.replace("support", "secret")).status_code == 404


@pytest.mark.parametrize("token", ["x", "..", "x" * 22, "%2e%2e%2fdb.sqlite3"])
def test_an_address_that_was_not_given_leads_nowhere(api: Api, token: str) -> None:
    address(api, {"fromSelection": {"include": []}})
    assert api.get(f"projects/support/downloads/{token}").status_code == 404


def test_after_a_day_a_selection_is_forgotten(api: Api, tmp_path: Path) -> None:
    place = address(api, {"fromSelection": {"include": []}}).removeprefix("/api/v1/")
    (kept,) = (tmp_path / "downloads").iterdir()
    old = time.time() - 90_000
    os.utime(kept, (old, old))
    assert api.get(place).status_code == 404
    address(api, {"fromSelection": {"include": []}})
    assert not kept.exists()


@pytest.mark.parametrize("selection", [{}, ALL | {"fromSelection": {"include": []}}])
def test_a_selection_that_is_none_or_two_is_refused(api: Api, selection: dict[str, Any]) -> None:
    answer = api.graphql(ASK % "completionDownloadUrl", project="support", selection=selection)
    assert "Give one of" in answer["errors"][0]["message"]
