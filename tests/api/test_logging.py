"""Logging over REST."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from interactions import ids
from interactions.models import Interaction, Model, User
from tests.conftest import Api, interaction


def test_an_interaction_that_was_acknowledged_can_be_read_back(api: Api) -> None:
    logged = api.log(labels={"env": "prod"}, feedbacks=[{"metric": "thumbs", "value": True, "details": "yes"}])
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert read["messages"] == interaction()["messages"]
    assert read["completion"] == interaction()["completion"]
    assert read["labels"] == {"env": "prod"}
    assert [(f["metric"], f["value"], f["details"]) for f in read["feedbacks"]] == [("thumbs", True, "yes")]
    assert read["session_id"] == logged["session_id"]


def test_a_foreign_project_looks_like_one_that_does_not_exist(api: Api, foreign: object) -> None:
    for key in ("secret", "nowhere"):
        response = api.post("interactions", interaction(project=key))
        assert response.status_code == 404
        assert response.json()["error"]["field"] == "project"
    assert not Interaction.objects.exists()


def test_everything_that_can_be_said_about_an_interaction_is_kept(api: Api) -> None:
    said = {
        "model_service": "gpt",
        "user": str(uuid4()),
        "session_id": str(uuid4()),
        "labels": {"env": "prod", "größe": "🙂 %_\\"},
        "source": "AUTOMATION",
        "state": "failed",
        "error": {"kind": "timeout", "message": "no answer in 30 s"},
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        "timings": {"first_token_ms": 12, "total_ms": 345},
        "parameters": {"temperature": 0.2, "stop": ["\n"]},
        "finish_reason": "length",
        "ab_campaign": "spring",
    }
    logged = api.log(**said, created_at="2026-01-02T03:04:05.678901Z")
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert read["model"] == said.pop("model_service")
    assert {name: read[name] for name in said} == said
    assert read["created_at"] == "2026-01-02T03:04:05.678901Z"
    assert read["project"] == "support"


def test_what_is_not_said_has_a_sound_default(api: Api, ann: User) -> None:
    before = ids.now()
    logged = api.log()
    row = Interaction.objects.get()
    assert (row.model, row.source, row.state, row.user_uid) == (None, "OFFLINE", "done", ann.uid)
    assert before <= row.created_at <= ids.now()
    assert row.recorded_at == row.created_at
    assert str(row.session_id) == logged["session_id"]
    assert logged["feedback_ids"] == []


def test_the_id_carries_the_moment(api: Api) -> None:
    logged = api.log(created_at=1_700_000_000_123)
    identifier = UUID(logged["completion_id"])
    assert identifier.version == 7
    assert ids.moment_of(identifier) == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)


def test_an_unknown_model_is_registered_once(api: Api) -> None:
    for _ in range(2):
        api.log(model_service="brand-new")
    api.log(model="brand-new")
    assert Model.objects.get().key == "brand-new"


def test_a_message_may_hold_what_a_provider_puts_into_it(api: Api) -> None:
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "4", "cache_control": {}}]},
        {"role": "user"},
        {"role": "user", "content": {"type": "text", "text": "an object"}},
        {"role": "user", "content": "", "completion_id": None, "metadata": {"$text": [0, 1], "$image": "x", "$$": 1}},
    ]
    logged = api.log(messages=messages, completion="")
    assert api.get(f"interactions/{logged['completion_id']}").json()["messages"] == messages


def test_a_prompt_of_5_mb_comes_back_whole_and_a_list_does_not_carry_it(api: Api) -> None:
    prompt = "All work and no play. " * 240_000
    logged = api.log(messages=[{"role": "user", "content": prompt}], completion=prompt)
    read = api.get(f"interactions/{logged['completion_id']}").json()
    assert read["messages"][0]["content"] == read["completion"] == prompt
    assert len(api.get("interactions?project=support").content) < 2_000


def test_an_interaction_may_have_no_messages(api: Api) -> None:
    logged = api.log(messages=[])
    assert api.get(f"interactions/{logged['completion_id']}").json()["messages"] == []
