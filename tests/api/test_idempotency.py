"""The same request, sent again, is answered as before and stores nothing twice."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, transaction

from interactions import access, database, ids
from interactions.ingest.commit import ANSWERS_KEPT
from interactions.models import Comparison, Feedback, IdempotencyKey, Interaction, Outcome, Project, User
from tests.api.pictures import picture, shown
from tests.conftest import Api, Server, interaction

Stored = Callable[[], dict[str, int]]

SESSION = "0192f0c1-7a5e-7cc0-8000-0123456789ab"


def body_for(route: str, api: Api) -> dict[str, Any]:
    if route == "interactions":
        return interaction(labels={"env": "prod"}, messages=shown(picture()))
    if route == "interactions/batch":
        return {"interactions": [interaction(), interaction(labels={"a": ""}), interaction(messages=shown(picture()))]}
    if route == "feedback":
        return {"completion_id": api.log()["completion_id"], "metric": "thumbs", "value": True}
    if route == "outcome":
        return {"project_id": "support", "session_id": SESSION, "metric": "quality", "value": 4}
    sides = {side: api.log()["completion_id"] for side in ("preferred_completion", "other_completion")}
    return {"project": "support", "metric": "quality"} | sides


ROUTES = {"interactions": 1, "interactions/batch": 1, "feedback": 0.5, "comparison": 0.5, "outcome": 0.5}


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_key_and_body_get_the_same_answer_and_store_nothing_twice(
    api: Api, stored: Stored, route: str
) -> None:
    body = body_for(route, api)
    first = api.post(route, body, Idempotency_Key="once")
    assert first.status_code in (200, 201)
    after = stored()
    again = [api.post(route, body, Idempotency_Key="once") for _ in range(2)]
    packed = api.post(route, gzip.compress(json.dumps(body).encode()), Idempotency_Key="once", Content_Encoding="gzip")
    for response in (*again, packed):
        assert (response.status_code, response.content) == (first.status_code, first.content)
    assert stored() == after
    assert after["IdempotencyKey"] == 1


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_key_with_another_body_is_refused(api: Api, stored: Stored, route: str) -> None:
    body = body_for(route, api)
    api.post(route, body, Idempotency_Key="once")
    after = stored()
    other = api.post("interactions", interaction(completion="something else"), Idempotency_Key="once")
    assert other.status_code == 422
    assert other.json()["error"]["field"] == "Idempotency-Key"
    assert "another request" in other.json()["error"]["message"]
    assert stored() == after


def test_without_a_key_the_same_body_is_another_interaction(api: Api) -> None:
    assert api.log()["completion_id"] != api.log()["completion_id"]


def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    refused = api.post("interactions", interaction(feedbacks=[{"metric": "new", "value": 1}]), Idempotency_Key="k")
    assert refused.status_code == 404
    assert not IdempotencyKey.objects.exists()
    assert api.post("interactions", interaction(), Idempotency_Key="k").status_code == 201


def test_two_callers_may_choose_the_same_key(api: Api, ann: User, project: Project) -> None:
    other = Api(access.issue_key(ann, [project]).secret)
    first, second = (caller.post("interactions", interaction(), Idempotency_Key="k") for caller in (api, other))
    assert first.json()["completion_id"] != second.json()["completion_id"]
    assert Interaction.objects.count() == 2


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(api: Api, stored: Stored, key: str) -> None:
    response = api.post("interactions", interaction(), Idempotency_Key=key)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "Idempotency-Key"
    assert stored() == {}


@pytest.mark.parametrize("key", ["x" * 255, "größe 7!"])
def test_any_other_key_is_one(api: Api, key: str) -> None:
    answers = {api.post("interactions", interaction(), Idempotency_Key=key).content for _ in range(2)}
    assert len(answers) == 1


def test_judgements_are_given_once(api: Api) -> None:
    for route in ("feedback", "comparison", "outcome"):
        body = body_for(route, api)
        for _ in range(3):
            api.post(route, body, Idempotency_Key=route)
    assert [model.objects.count() for model in (Feedback, Comparison, Outcome)] == [1, 1, 1]


def test_a_row_that_another_process_wrote_meanwhile_is_told_from_a_fault(api: Api) -> None:
    """On both databases, however rows are inserted: it is what makes a duplicate the first one's answer."""
    api.post("interactions", interaction(), Idempotency_Key="k")
    kept = IdempotencyKey.objects.get()
    row = (kept.api_key_id, kept.key, kept.request_digest, "{}", kept.created_at)
    with pytest.raises(IntegrityError), transaction.atomic():
        database.insert_rows(IdempotencyKey, ("api_key", "key", "request_digest", "answer", "created_at"), [row])


def test_eight_duplicates_at_the_same_time_become_one(server: Server) -> None:
    content = interaction(project="demo", completion="sent eight times", labels={"sent": "eight times"})
    headers = {"Authorization": f"Bearer {server.secret}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client, ThreadPoolExecutor(8) as threads:
        for round_ in range(5):
            key = {"Idempotency-Key": f"storm {round_}"}
            sent = [threads.submit(client.post, "/api/v1/interactions", json=content, headers=key) for _ in range(8)]
            answers = [future.result() for future in sent]
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.content for answer in answers}) == 1
        query = {"project": "demo", "label": "sent:eight times", "count": "yes"}
        assert client.get("/api/v1/interactions", params=query).json()["count"] == 5


def test_a_key_is_forgotten_after_seven_days(api: Api) -> None:
    first = api.post("interactions", interaction(), Idempotency_Key="monday").json()
    IdempotencyKey.objects.update(created_at=ids.now() - ANSWERS_KEPT - timedelta(minutes=1))
    api.post("interactions", interaction(), Idempotency_Key="another")
    assert api.post("interactions", interaction(), Idempotency_Key="monday").json() != first
