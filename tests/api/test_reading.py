"""The list: the tab's filters and pages over REST."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlencode

import pytest

from interactions import access, ids
from interactions.models import Interaction, Project, User
from tests.api.pictures import picture, shown
from tests.conftest import Api, interaction


def listed(api: Api, **filters: Any) -> list[str]:
    """The completions of the matching interactions, newest first."""
    response = api.get("interactions?" + urlencode({"project": "support"} | filters, doseq=True))
    assert response.status_code == 200, response.content
    return [row["completion_preview"] for row in response.json()["interactions"]]


def test_a_row_says_what_a_list_shows(api: Api, ann: User) -> None:
    logged = api.log(
        messages=shown(picture()),
        model_service="gpt",
        labels={"env": "prod"},
        feedbacks=[{"metric": "thumbs", "value": False}],
        created_at="2026-01-02T03:04:05Z",
    )
    (row,) = api.get("interactions?project=support").json()["interactions"]
    assert row.pop("feedbacks")[0]["value"] is False
    assert row == {
        "id": logged["completion_id"],
        "created_at": "2026-01-02T03:04:05Z",
        "model": "gpt",
        "labels": {"env": "prod"},
        "prompt_preview": "What is this?",
        "completion_preview": "It left our warehouse this morning.",
        "image_count": 1,
        "message_count": 1,
        "session_id": logged["session_id"],
        "user": str(ann.uid),
        "source": "OFFLINE",
        "state": "done",
        "error_kind": None,
        "finish_reason": None,
        "usage": None,
        "timings": {"first_token_ms": None, "total_ms": None},
        "cost": None,
    }


@pytest.fixture
def three(api: Api) -> dict[str, Any]:
    """Three interactions, c the newest."""
    now = ids.now()
    logged = {
        "a": api.log(
            completion="a",
            created_at=(now - timedelta(days=40)).isoformat(),
            model_service="small",
            labels={"env": "prod", "customer": "x:y"},
            feedbacks=[{"metric": "thumbs", "value": True}],
        ),
        "b": api.log(
            completion="b",
            created_at=(now - timedelta(hours=5)).isoformat(),
            model_service="large",
            source="LIVE",
            state="failed",
            error={"kind": "timeout"},
            messages=shown(picture()),
            labels={"env": "dev"},
            feedbacks=[{"metric": "thumbs", "value": 0}, {"metric": "quality", "value": 2.5}],
        ),
        "c": api.log(completion="c 100% _sure_", messages=[{"role": "user", "content": "Grüße an alle"}]),
    }
    api.post(
        "comparison",
        {"project": "support", "metric": "quality"}
        | {
            "preferred_completion": logged["a"]["completion_id"],
            "other_completion": logged["b"]["completion_id"],
        },
    )
    return logged


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "cba"),
    ({"label": "env:prod"}, "a"),
    ({"label": ["env:prod", "env:dev"]}, "ba"),
    ({"label": ["env:prod", "customer:x:y"]}, "a"),
    ({"label": ["env:dev", "customer"]}, ""),
    ({"label": "env"}, "ba"),
    ({"label": "nothing:at all"}, ""),
    ({"not_label": "env:prod"}, "cb"),
    ({"not_score": "thumbs"}, "c"),
    ({"score": "thumbs", "not_score": "quality"}, "a"),
    ({"not_score": ["thumbs:up", "quality:gt:3"]}, "cb"),
    ({"not_label": "env"}, "c"),
    ({"not_label": ["env:prod", "env:dev"]}, "c"),
    ({"last": "24h"}, "cb"),
    ({"last": "1h"}, "c"),
    ({"since": "2020-01-01"}, "cba"),
    ({"until": "2020-01-01T00:00"}, ""),
    ({"until": 1_577_836_800_000}, ""),
    ({"score": "thumbs"}, "ba"),
    ({"score": "thumbs:up"}, "a"),
    ({"score": "thumbs:eq:down"}, "b"),
    ({"score": ["thumbs:1", "thumbs:0"]}, "ba"),
    ({"score": "quality:gte:2.5"}, "b"),
    ({"score": "quality:gt:2.5"}, ""),
    ({"score": "quality:ne:1"}, "b"),
    ({"score": ["quality:lt:3", "quality:lte:2"]}, ""),
    ({"score": "unknown:1"}, ""),
    ({"feedback": "yes"}, "ba"),
    ({"feedback": "no"}, "c"),
    ({"compared": "quality"}, "ba"),
    ({"compared": "thumbs"}, ""),
    ({"model": "small"}, "a"),
    ({"model": ["small", "large"]}, "ba"),
    ({"model": "unknown"}, ""),
    ({"source": "LIVE"}, "b"),
    ({"source": ["LIVE", "OFFLINE"]}, "cba"),
    ({"state": "failed"}, "b"),
    ({"image": "yes"}, "b"),
    ({"image": "no"}, "ca"),
    ({"prompt": "GRÜSSE"}, "c"),
    ({"q": "GRÜSSE"}, "c"),
    ({"q": "grü"}, ""),
    ({"prompt": "grüße"}, "c"),
    ({"prompt": "order"}, "a"),
    ({"completion": "100%"}, "c"),
    ({"completion": ["100", "sure"]}, "c"),
    ({"completion": "1_0"}, ""),
    ({"completion": "%"}, "c"),
    ({"completion": "\\"}, ""),
    ({"user": "ann@example.org"}, "cba"),
    ({"user": "ANN@example.org"}, "cba"),
    ({"user": "nobody@example.org"}, ""),
    ({"label": "env:prod", "model": "small", "score": "thumbs:up", "image": "no"}, "a"),
    ({"label": "env:prod", "model": "large"}, ""),
    ({"label": ""}, "cba"),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_a_filter_means_what_it_says(api: Api, three: object, filters: dict[str, Any], expected: str) -> None:
    assert "".join(completion[0] for completion in listed(api, **filters)) == expected
    query = urlencode({"project": "support", "count": "yes", "limit": 1} | filters, doseq=True)
    assert api.get(f"interactions?{query}").json()["count"] == len(expected)


def test_ids_of_interactions_sessions_users_and_prompts_are_filters(api: Api, three: dict[str, Any]) -> None:
    document = api.get(f"interactions/{three['b']['completion_id']}").json()
    for filters in (
        {"id": document["id"]},
        {"session": document["session_id"]},
        {"prompt_hash": document["prompt_hash"]},
    ):
        assert listed(api, **filters) == ["b"]
    assert len(listed(api, user=document["user"])) == 3


REFUSED = [
    ("colour=red", "colour"),
    ("limit=0", "limit"),
    ("limit=1001", "limit"),
    ("limit=-1", "limit"),
    ("limit=ten", "limit"),
    ("limit=" + "9" * 5000, "limit"),
    ("limit=5&limit=6", "limit"),
    ("count=maybe", "count"),
    ("images=inline", "images"),
    ("older_than=x", "older_than"),
    ("newer_than=1", "newer_than"),
    ("source=RUMOUR", "source"),
    ("state=odd", "state"),
    ("since=yesterday", "since"),
    ("since=" + "9" * 30, "since"),
    ("since=--1", "since"),
    ("until=12:00", "until"),
    ("last=1y", "last"),
    ("last=7d&last=1d", "last"),
    ("score=quality:about:3", "score"),
    ("score=quality:eq:four", "score"),
    ("score=quality:eq:nan", "score"),
    ("score=quality:eq:1e999", "score"),
    ("label=:x", "label"),
    ("session=today", "session"),
    ("id=x", "id"),
    ("user=ann", "user"),
    ("prompt_hash=abc", "prompt_hash"),
    ("image=maybe", "image"),
    ("feedback=maybe", "feedback"),
    ("prompt=" + "x" * 1001, "prompt"),
    ("&".join(f"label=k{n}:v" for n in range(51)), "label"),
    ("label=a%00:b", "label"),
    ("prompt=%00", "prompt"),
    ("completion=a%00", "completion"),
    ("model=%00", "model"),
    ("user=a%00@b", "user"),
    ("score=%00", "score"),
    ("compared=%00", "compared"),
    ("not_label=%00", "not_label"),
]


@pytest.mark.parametrize(("query", "name"), REFUSED)
def test_a_parameter_that_cannot_be_honoured_is_refused_by_its_name(api: Api, query: str, name: str) -> None:
    response = api.get(f"interactions?project=support&{query}")
    assert response.status_code == 422, response.content
    error = response.json()["error"]
    assert error["field"] == name
    assert error["message"].endswith(".")
    assert len(response.content) < 2_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("project=", 422),
        ("project=nowhere", 404),
        ("project=secret", 404),
        ("project=%00", 404),
        ("project=support&project=support", 422),
        ("project=support&" + "x=1&" * 2_000, 400),
    ],
)
def test_a_project_must_be_named_that_the_caller_can_see(api: Api, foreign: Project, query: str, status: int) -> None:
    response = api.get(f"interactions?{query}")
    assert response.status_code == status
    assert response.json()["error"]["message"].endswith(".")


def test_a_project_may_be_named_by_its_id(api: Api, project: Project, foreign: Project) -> None:
    api.log()
    assert len(api.get(f"interactions?project={project.uid}").json()["interactions"]) == 1
    hidden = api.get(f"interactions?project={foreign.uid}")
    assert hidden.status_code == 404
    assert "secret" not in hidden.json()["error"]["message"]


def test_a_list_holds_nothing_of_another_project(api: Api, foreign: Project) -> None:
    owner = User.objects.create_superuser("root@example.org")
    Api(access.issue_key(owner, [foreign]).secret).log(project="secret", labels={"env": "prod"}, model_service="small")
    api.log(completion="mine", labels={"env": "prod"}, model_service="small")
    for filters in ({}, {"label": "env:prod"}, {"model": "small"}, {"completion": "warehouse"}):
        assert set(listed(api, **filters)) <= {"mine"}


# Pages


def pages(api: Api, first: str, direction: str) -> list[list[str]]:
    walked: list[list[str]] = []
    link: str | None = first
    while link is not None:
        page = api.get(link.removeprefix("/api/v1/")).json()
        walked.append([row["id"] for row in page["interactions"]])
        link = page[direction]
    return walked


@pytest.mark.parametrize("size", [1, 3, 7, 10, 50])
def test_pages_visit_every_row_once_in_both_directions(api: Api, size: int) -> None:
    """Also rows of one moment: half of these share theirs."""
    items = [interaction(created_at="2026-01-01T00:00:00Z") for _ in range(5)]
    items += [
        interaction(created_at=f"2026-01-0{n}T00:00:00.00000{n}Z", labels={"odd": str(n % 2)}) for n in range(1, 6)
    ]
    api.post("interactions/batch", {"interactions": items})
    everything = [str(id) for id in Interaction.objects.newest_first().values_list("id", flat=True)]
    first = f"/api/v1/interactions?project=support&limit={size}"
    down = pages(api, first, "older")
    assert [*chain(*down)] == everything
    assert all(len(page) == size for page in down[:-1])
    up = pages(api, f"{first}&newer_than={everything[-1]}", "newer")
    assert [*chain(*reversed(up))] == everything[:-1]


def test_a_page_s_links_keep_its_filters(api: Api) -> None:
    for n in range(6):
        api.log(labels={"odd": str(n % 2)}, completion=str(n))
    first = "/api/v1/interactions?project=support&label=odd%3A1&limit=2"
    page = api.get(first.removeprefix("/api/v1/")).json()
    assert [row["completion_preview"] for row in page["interactions"]] == ["5", "3"]
    assert page["newer"] is None
    last = api.get(page["older"].removeprefix("/api/v1/")).json()
    assert [row["completion_preview"] for row in last["interactions"]] == ["1"]
    assert last["older"] is None
    back = api.get(last["newer"].removeprefix("/api/v1/")).json()
    assert [row["completion_preview"] for row in back["interactions"]] == ["5", "3"]


def test_only_one_direction_can_be_asked_for(api: Api) -> None:
    one = ids.new_id(ids.now())
    response = api.get(f"interactions?project=support&older_than={one}&newer_than={one}")
    assert (response.status_code, response.json()["error"]["field"]) == (422, "newer_than")


def test_a_page_has_50_rows_unless_told_otherwise_and_no_count_unless_asked(api: Api) -> None:
    api.post("interactions/batch", {"interactions": [interaction() for _ in range(60)]})
    page = api.get("interactions?project=support").json()
    assert len(page["interactions"]) == 50
    assert "count" not in page
    assert len(api.get("interactions?project=support&limit=1000").json()["interactions"]) == 60
    assert api.get("interactions?project=support&count=yes").json()["count"] == 60


def test_the_cost_of_a_list_does_not_grow_with_its_rows(api: Api, django_assert_max_num_queries: Any) -> None:
    api.post(
        "interactions/batch",
        {
            "interactions": [
                interaction(
                    labels={"n": str(n)},
                    feedbacks=[{"metric": "thumbs", "value": 1}],
                    model_service="m",
                    messages=shown(picture()),
                )
                for n in range(30)
            ]
        },
    )
    for limit in (1, 30):
        with django_assert_max_num_queries(12):
            api.get(f"interactions?project=support&limit={limit}")
