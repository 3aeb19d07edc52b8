"""Deleting through the API."""

from __future__ import annotations

from uuid import uuid4

from interactions import access, people
from interactions.models import Interaction, Project, User
from tests.conftest import Api


def test_an_interaction_is_deleted_at_once_and_only_once(api: Api) -> None:
    kept, gone = api.log()["completion_id"], api.log()["completion_id"]
    answer = api.send("DELETE", f"interactions/{gone}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"interactions/{gone}").status_code == 404
    assert [row["id"] for row in api.get("interactions?project=support&count=yes").json()["interactions"]] == [kept]
    assert api.send("DELETE", f"interactions/{gone}").status_code == 404
    assert api.send("DELETE", f"interactions/{uuid4()}").status_code == 404
    assert api.send("DELETE", "interactions/nonsense").status_code == 404


def test_an_annotator_s_key_deletes_nothing(api: Api, project: Project) -> None:
    logged = api.log()["completion_id"]
    jon = User.objects.create_user("jon@example.org")
    people.belong(jon, project, "annotator")
    other = Api(access.issue_key(jon, [project]).secret)
    answer = other.send("DELETE", f"interactions/{logged}")
    assert answer.status_code == 403
    told = "This needs the permission interaction:delete in the project “support”."
    assert answer.json()["error"]["message"] == told
    assert Interaction.objects.count() == 1


def test_a_stranger_s_key_does_not_learn_that_an_interaction_is_there(api: Api, foreign: Project) -> None:
    logged = api.log()["completion_id"]
    eve = User.objects.create_user("eve@example.org")
    people.belong(eve, foreign)
    other = Api(access.issue_key(eve, [foreign]).secret)
    assert other.send("DELETE", f"interactions/{logged}").status_code == 404
    assert Interaction.objects.count() == 1


def test_a_request_that_is_repeated_does_not_bring_back_what_was_deleted(api: Api) -> None:
    body = {"project": "support", "messages": [], "completion": "x"}
    first = api.post("interactions", body, Idempotency_Key="once").json()["completion_id"]
    assert api.send("DELETE", f"interactions/{first}").status_code == 204
    assert api.post("interactions", body, Idempotency_Key="once").json()["completion_id"] == first
    assert not Interaction.objects.exists()
