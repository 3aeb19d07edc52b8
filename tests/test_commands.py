"""What an operator types."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from interactions import access, demo, ids
from interactions.models import ApiKey, Feedback, FeedbackKey, Image, Interaction, Labelling, Member, Project, User
from tests.conftest import Api, Server


def said(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


# Projects, keys, people


def test_a_project_is_created_once(db: None) -> None:
    assert said("create_project", "support") == "Created the project “support”.\n"
    assert Project.objects.get().name == "support"
    with pytest.raises(CommandError, match=r"There is a project “support” already\."):
        said("create_project", "support")
    said("create_project", "other", name="Another one")
    assert Project.objects.get(key="other").name == "Another one"


@pytest.mark.parametrize("key", ["", ".", "..", "a b", "a/b", "größe", "x" * 101, "a\n", "a%", "<b>"])
def test_a_project_s_key_fits_into_a_url(db: None, key: str) -> None:
    with pytest.raises(CommandError, match="1 to 100 letters"):
        said("create_project", key)
    assert not Project.objects.exists()


def test_a_key_is_printed_and_nothing_else(project: Project) -> None:
    printed = said("create_api_key", email="New@Example.org", project=["support"], name="laptop")
    assert access.KEY_FORM.fullmatch(printed.strip())
    assert printed == printed.strip() + "\n"
    key = ApiKey.objects.select_related("user").get()
    assert (key.name, key.user.email) == ("laptop", "new@example.org")
    assert not key.user.has_usable_password()
    assert access.authenticate(access.digest(printed.strip())).grants.keys() == {"support"}


def test_a_key_is_made_with_limits(project: Project) -> None:
    said("create_api_key", "--email=a@example.org", "--project=support", "--requests-per-minute=60", "--budget=0.5")
    key = ApiKey.objects.get()
    assert (key.requests_per_minute, key.budget, key.budget_period) == (60, 500_000_000, "month")
    said("create_api_key", "--email=b@example.org", "--project=support", "--budget=20", "--budget-period=day")
    key = ApiKey.objects.get(user__email="b@example.org")
    assert (key.requests_per_minute, key.budget, key.budget_period) == (None, 20_000_000_000, "day")


def test_a_key_can_reach_all_that_its_user_may_do(vic: User, project: Project) -> None:
    secret = said("create_api_key", "--all", email="vic@example.org").strip()
    assert access.authenticate(access.digest(secret)).permissions(project.pk) == access.ROLES["read-only"]


def test_a_key_can_make_its_user_an_administrator(vic: User) -> None:
    secret = said("create_api_key", "--admin", email="vic@example.org").strip()
    assert access.authenticate(access.digest(secret)).everywhere == access.EVERYTHING


def test_a_key_for_someone_who_is_there_leaves_them_as_they_are(vic: User, project: Project) -> None:
    said("create_api_key", email="vic@example.org", project=["support"])
    assert User.objects.count() == 1
    assert Member.objects.get().role.key == "read-only"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"email": "nobody", "project": ["support"]}, "“nobody” is not an email address."),
        ({"email": "a@example.org", "project": ["nowhere"]}, "Create it with: manage.py create_project nowhere"),
        ({"email": "a@example.org", "project": ["support", "nowhere"]}, "There is no project “nowhere”."),
    ],
)
def test_a_key_for_nobody_or_for_nothing_is_refused(project: Project, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        said("create_api_key", "--email", options["email"], *(f"--project={key}" for key in options["project"]))
    assert not User.objects.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--budget=much", "--budget: This must be a number"),
        ("--budget=0", "--budget: A budget is 0.01 to"),
        ("--requests-per-minute=0", "--requests-per-minute: This must be 1 to"),
        ("--budget-period=year", "invalid choice"),
    ],
)
def test_a_key_with_a_limit_that_cannot_be_is_refused(project: Project, option: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        said("create_api_key", "--email=a@example.org", "--project=support", option)
    assert not User.objects.exists()


def test_a_superuser_sees_every_project(project: Project, foreign: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse")
    said("createsuperuser", interactive=False, email="Root@Example.org")
    root = User.objects.get()
    assert (root.email, root.is_superuser, root.check_password("correct horse")) == ("root@example.org", True, True)
    assert access.projects_of(root) == [foreign, project]
    with pytest.raises(CommandError):
        said("createsuperuser", interactive=False, email="root@example.org")


def test_commands_work_while_the_server_holds_the_store(server: Server) -> None:
    server.manage(
        "shell", "--command", "from interactions.models import Project; Project.objects.filter(key='fresh').delete()"
    )
    assert server.manage("create_project", "fresh") == "Created the project “fresh”."
    secret = server.manage("create_api_key", "--email", "fresh@example.org", "--project", "fresh")
    assert access.KEY_FORM.fullmatch(secret)
    answer = httpx.post(
        f"{server.url}/api/v1/interactions",
        json={"project": "fresh", "messages": [], "completion": "x"},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 201


# Demo data


def test_the_demo_is_rich_enough_to_be_shown(db: None) -> None:
    assert said("load_demo").startswith("Loaded 2,400 interactions into the project “demo”.")
    project = Project.objects.get(key="demo")
    rows = Interaction.objects.for_project(project)
    assert rows.count() >= 2_000
    assert Image.objects.count() >= 60
    assert set(FeedbackKey.objects.values_list("kind", flat=True)) == {"bool", "scalar"}
    assert set(Labelling.objects.values_list("key__key", flat=True)) >= {"env", "customer", "dataset", "lang"}
    assert Feedback.objects.exclude(details="").exists()
    assert rows.exclude(state="done").exists()
    assert rows.values("session_id").distinct().count() < rows.count()
    with pytest.raises(CommandError, match=r"has interactions already\. Name another with --project\."):
        said("load_demo")
    said("load_demo", project="second", count=30)
    assert Interaction.objects.filter(project__key="second").count() == 30


def test_the_demo_tells_the_same_story_each_time() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    one, other = (demo.tell(now, count=300) for _ in range(2))
    assert json.dumps(one.interactions, default=str) == json.dumps(other.interactions, default=str)
    assert one.preferences == other.preferences


# Retention


def old(api: Api, *days: int) -> None:
    for age in days:
        api.log(created_at=(ids.now() - timedelta(days=age)).isoformat())


def test_retention_says_what_it_removes_and_removes_it(api: Api, project: Project, foreign: Project) -> None:
    old(api, 1, 10, 20, 40)
    Project.objects.filter(pk=project.pk).update(keep_interactions=30, keep_transcripts=15)
    announced = (
        "secret: everything is kept.\n"
        "support: 1 interaction older than 30 days to delete, texts and images of 1 other older than 15 days.\n"
    )
    assert said("apply_retention", "--dry-run") == announced
    assert Interaction.objects.count() == 4
    assert said("apply_retention") == announced + (
        "support: deleted 1 interaction.\nsupport: removed the texts and images of 1 interaction.\n"
    )
    assert Interaction.objects.count() == 3
    assert Interaction.objects.exclude(texts_removed_at=None).count() == 1
    assert "0 interactions older than 30 days" in said("apply_retention")


def test_retention_of_one_project_leaves_the_others(api: Api, project: Project, foreign: Project) -> None:
    old(api, 10)
    Project.objects.update(keep_interactions=1)
    assert said("apply_retention", project=["secret"]).startswith("secret: 0 interactions")
    assert Interaction.objects.count() == 1
    with pytest.raises(CommandError, match=r"There is no project “nowhere”\. There are: secret, support\."):
        said("apply_retention", project=["nowhere"])
