"""Feedback, comparisons and outcomes over REST."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from interactions.models import Comparison, Feedback, Interaction, Outcome, User
from tests.conftest import Api


@pytest.mark.parametrize(
    ("metric", "value", "read"),
    [
        ("thumbs", True, True),
        ("thumbs", False, False),
        ("thumbs", 1, True),
        ("thumbs", 0.0, False),
        ("quality", 3.5, 3.5),
        ("quality", -2, -2.0),
        ("quality", True, 1.0),
        ("quality", 1e300, 1e300),
    ],
)
def test_feedback_is_read_back_as_its_key_s_kind(api: Api, metric: str, value: Any, read: Any) -> None:
    given = api.log()["completion_id"]
    user = str(uuid4())
    body = {
        "completion_id": given,
        "metric": metric,
        "value": value,
        "details": "because",
        "reason": "tone",
        "user": user,
    }
    response = api.post("feedback", body)
    assert response.status_code == 201
    (feedback,) = api.get(f"interactions/{given}").json()["feedbacks"]
    assert type(feedback["value"]) is type(read)
    assert {name: feedback[name] for name in ("id", "metric", "value", "details", "reason", "user")} == {
        "id": response.json()["feedback_id"],
        "metric": metric,
        "value": read,
        "details": "because",
        "reason": "tone",
        "user": user,
    }


def test_feedback_without_a_user_is_the_key_owner_s(api: Api, ann: User) -> None:
    api.post("feedback", {"completion_id": api.log()["completion_id"], "metric": "thumbs", "value": True})
    assert Feedback.objects.get().user_uid == ann.uid


def test_several_people_may_judge_one_interaction(api: Api) -> None:
    given = api.log(feedbacks=[{"metric": "quality", "value": 1}])["completion_id"]
    for value in (2, 3):
        api.post("feedback", {"completion_id": given, "metric": "quality", "value": value, "project": "support"})
    assert [f["value"] for f in api.get(f"interactions/{given}").json()["feedbacks"]] == [1.0, 2.0, 3.0]


def test_a_comparison_by_ids_is_shown_on_both_sides(api: Api) -> None:
    ids = [api.log()["completion_id"] for _ in range(2)]
    body = {"project": "support", "metric": "quality", "preferred_completion": ids[0], "other_completion": ids[1]}
    response = api.post("comparison", body | {"tied": "good"})
    assert response.status_code == 201
    for id in ids:
        (comparison,) = api.get(f"interactions/{id}").json()["comparisons"]
        assert comparison["id"] == response.json()["comparison_id"]
        assert (comparison["preferred"], comparison["other"], comparison["tied"]) == (*ids, "good")


def test_a_comparison_by_texts_records_both_as_interactions(api: Api) -> None:
    messages = [{"role": "user", "content": "Which?"}]
    sides = {side: {"text": side, "model": f"model of {side}"} for side in ("preferred_completion", "other_completion")}
    response = api.post("comparison", {"project": "support", "metric": "quality", "messages": messages} | sides)
    assert response.status_code == 201
    comparison = Comparison.objects.get()
    preferred, other = (Interaction.objects.get(pk=pk) for pk in (comparison.preferred_id, comparison.other_id))
    assert (preferred.completion_preview, other.completion_preview) == ("preferred_completion", "other_completion")
    assert preferred.model is not None
    assert preferred.model.key == "model of preferred_completion"
    assert preferred.prompt_hash == other.prompt_hash


def test_an_outcome_is_kept_of_a_session(api: Api) -> None:
    session = api.log()["session_id"]
    body = {"project_id": "support", "session_id": session, "metric": "quality", "value": 4, "details": "solved"}
    response = api.post("outcome", body)
    assert response.status_code == 201
    outcome = Outcome.objects.get()
    assert (str(outcome.id), str(outcome.session_id), outcome.value, outcome.details) == (
        response.json()["outcome_id"],
        session,
        4.0,
        "solved",
    )


def test_an_outcome_names_its_project_as_the_others_do(api: Api) -> None:
    body = {"project": "support", "session_id": str(uuid4()), "metric": "quality", "value": 4}
    assert api.post("outcome", body).status_code == 201
