"""API keys: shown once, kept hashed, scoped to projects, revocable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from interactions import access, ids, people
from interactions.models import ApiKey, Interaction, Member, Project, User
from tests.conftest import Api, interaction

ROUTES = [("POST", route) for route in ("interactions", "interactions/batch", "feedback", "comparison", "outcome")]
ROUTES += [("GET", "interactions?project=support"), ("GET", f"interactions/{ids.new_id(ids.now())}")]
ROUTES += [("GET", f"images/support/{'0' * 64}.png")]

WRONG = {
    "no header": {},
    "an empty header": {"Authorization": ""},
    "no key": {"Authorization": "Bearer "},
    "another scheme": {"Authorization": "Basic YTpi"},
    "the key alone": {"Authorization": "ik_abcdefgh_" + "x" * 43},
    "nonsense": {"Authorization": "Bearer nonsense"},
    "a key of the right form": {"Authorization": "Bearer ik_abcdefgh_" + "x" * 43},
    "a key with something behind it": {"Authorization": "Bearer ik_abcdefgh_" + "x" * 43 + " more"},
    "NUL": {"Authorization": "Bearer \0"},
    "letters beyond ASCII": {"Authorization": "Bearer ik_äbcdefgh_" + "x" * 43},
    "a long key": {"Authorization": "Bearer " + "x" * 10_000},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_key_is_unauthorized_everywhere(api: Api, what: str) -> None:
    for method, route in ROUTES:
        extra: dict[str, Any] = {"data": b"{}", "content_type": "application/json"} if method == "POST" else {}
        response = getattr(Client(), method.lower())(f"/api/v1/{route}", headers=WRONG[what], **extra)
        assert response.status_code == 401, route
        assert response["WWW-Authenticate"] == "Bearer"
        assert response.json()["error"]["code"] == "unauthorized"
        assert response.json()["error"]["message"].endswith(".")


def test_a_session_cookie_is_no_key(ann: User, project: Project) -> None:
    client = Client()
    client.force_login(ann)
    assert client.get("/api/v1/interactions?project=support").status_code == 401
    assert client.post("/api/v1/interactions", interaction(), content_type="application/json").status_code == 401


def test_the_key_is_read_before_the_body(api: Api) -> None:
    assert Api("nonsense").post("interactions", b"{").status_code == 401


def test_a_revoked_key_is_refused_by_the_very_next_write(api: Api) -> None:
    api.log()  # and so it is remembered
    ApiKey.objects.update(revoked_at=ids.now())
    for route in ("interactions", "interactions/batch"):
        body = interaction() if route == "interactions" else {"interactions": [interaction()]}
        response = api.post(route, body)
        assert response.status_code == 401
        assert "revoked" in response.json()["error"]["message"]
    assert api.get("interactions?project=support").status_code == 401
    assert Interaction.objects.count() == 1


def test_an_inactive_person_s_key_is_refused_by_the_very_next_write(api: Api, ann: User) -> None:
    api.log()
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert api.post("interactions", interaction()).status_code == 401
    assert api.get("interactions?project=support").status_code == 401


def test_who_leaves_a_project_writes_nothing_more_to_it(api: Api) -> None:
    api.log()
    Member.objects.all().delete()
    assert api.post("interactions", interaction()).status_code == 404
    assert api.get("interactions?project=support").status_code == 404
    assert Interaction.objects.count() == 1


def test_the_last_use_is_kept_to_the_minute(api: Api) -> None:
    assert ApiKey.objects.get().last_used_at is None
    before = ids.now()
    api.log()
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    assert first >= before
    api.log()
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    api.get("interactions?project=support")
    used = ApiKey.objects.get().last_used_at
    assert used is not None
    assert used >= first


def test_the_secret_is_nowhere_in_the_store(ann: User, project: Project) -> None:
    issued = access.issue_key(ann, [project], "laptop")
    Api(issued.secret).post("interactions", interaction(), Idempotency_Key="k")
    random_part = issued.secret.rpartition("_")[2] if issued.secret.count("_") == 2 else issued.secret[12:]
    rows = [str(row) for model in apps.get_models() for row in model._default_manager.values_list()]
    assert not [row for row in rows if random_part in row]
    assert [row for row in rows if issued.api_key.prefix in row]


def test_a_key_is_recognised_by_its_prefix(ann: User, project: Project) -> None:
    issued = access.issue_key(ann, [project])
    assert issued.secret.startswith(issued.api_key.prefix + "_")
    assert len(issued.api_key.prefix) == 11
    assert access.KEY_FORM.fullmatch(issued.secret)


def test_a_key_reaches_only_its_own_projects(ann: User, project: Project, foreign: Project) -> None:
    """Also where its owner may reach more, and not where its owner may not."""
    people.belong(ann, foreign)
    narrow = Api(access.issue_key(ann, [project]).secret)
    assert narrow.post("interactions", interaction(project="secret")).status_code == 404
    assert narrow.get("interactions?project=secret").status_code == 404
    stranger = User.objects.create_user("stranger@example.org")
    assert Api(access.issue_key(stranger, [project]).secret).get("interactions?project=support").status_code == 404


def test_another_project_s_interaction_cannot_be_read_nor_judged(api: Api, foreign: Project) -> None:
    owner = User.objects.create_user("owner@example.org")
    people.belong(owner, foreign)
    theirs = Api(access.issue_key(owner, [foreign]).secret).log(project="secret")["completion_id"]
    mine = api.log()["completion_id"]
    assert api.get(f"interactions/{theirs}").status_code == 404
    assert api.post("feedback", {"completion_id": theirs, "metric": "thumbs", "value": 1}).status_code == 404
    for sides in ((mine, theirs), (theirs, mine)):
        body = {
            "project": "support",
            "metric": "thumbs",
            "preferred_completion": sides[0],
            "other_completion": sides[1],
        }
        assert api.post("comparison", body).status_code == 404
    wide = User.objects.create_superuser("root@example.org")
    both = Api(access.issue_key(wide, Project.objects.all()).secret)
    misplaced = {"project": "support", "completion_id": theirs, "metric": "thumbs", "value": 1}
    assert both.post("feedback", misplaced).status_code == 404


def test_who_may_judge_and_not_log_is_told_so_when_they_compare_texts(api: Api, vic: User, project: Project) -> None:
    Member.objects.filter(user=vic).update(role=people.find_role("annotator"))
    sides = {name: {"text": name, "model": "a"} for name in ("preferred_completion", "other_completion")}
    body = sides | {"project": "support", "metric": "thumbs", "messages": interaction()["messages"]}
    assert api.post("comparison", body).status_code == 201
    assert Api(access.issue_key(vic, [project]).secret).post("comparison", body).status_code == 403


@pytest.mark.parametrize(
    ("role", "reads", "logs", "judges"),
    [
        ("read-only", True, 403, 403),
        ("annotator", True, 403, 201),
        ("inference", False, 201, 404),
        ("power_user", True, 201, 201),
    ],
)
def test_a_role_says_what_a_key_may_do(
    api: Api, vic: User, project: Project, role: str, reads: bool, logs: int, judges: int
) -> None:
    given = api.log()["completion_id"]
    Member.objects.filter(user=vic).update(role=people.find_role(role))
    caller = Api(access.issue_key(vic, [project]).secret)
    assert caller.get("interactions?project=support").status_code == (200 if reads else 403)
    assert caller.get(f"interactions/{given}").status_code == (200 if reads else 404)
    response = caller.post("interactions", interaction())
    assert response.status_code == logs
    if logs == 403:
        assert response.json()["error"]["message"].startswith("This needs the permission interaction:create")
    assert caller.post("feedback", {"completion_id": given, "metric": "thumbs", "value": 1}).status_code == judges
