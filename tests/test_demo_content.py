"""The demo's story: believable, the same every time, and within the vocabulary the rest of the project knows."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image

from interactions.demo import FEEDBACK_KEYS, Story, tell
from interactions.demo.cast import CUSTOMERS, DATASETS, MODELS
from interactions.demo.pictures import album

UNTIL = datetime(2026, 11, 20, 14, 59, 30, tzinfo=UTC)
KEYS = {
    "created_at", "model", "messages", "completion", "labels", "feedbacks", "session_id", "user", "source", "state",
    "error", "usage", "parameters", "timings", "finish_reason",
}  # fmt: skip


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(UNTIL)


def moment(interaction: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(interaction["created_at"].replace("Z", "+00:00"))


def question(interaction: dict[str, Any]) -> str:
    content = [message["content"] for message in interaction["messages"] if message["role"] == "user"][-1]
    return content if isinstance(content, str) else json.dumps([part for part in content if part["type"] == "text"])


def pictures(interaction: dict[str, Any]) -> list[str]:
    parts = [
        part
        for message in interaction["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    ]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def test_the_story_is_the_same_every_time(story: Story) -> None:
    assert tell(UNTIL) == story


def test_another_moment_tells_a_story_of_the_asked_length() -> None:
    short = tell(datetime(2025, 3, 2, 4, 0, tzinfo=UTC), count=120, days=7)
    assert len(short.interactions) == 120
    assert all(moment(one) >= datetime(2025, 2, 23, 4, 0, tzinfo=UTC) for one in short.interactions)


def test_there_are_2400_interactions_with_exactly_the_agreed_keys(story: Story) -> None:
    assert len(story.interactions) == 2400
    assert all(set(one) == KEYS for one in story.interactions)
    json.dumps(story.interactions, allow_nan=False)


def test_nothing_happens_after_until_and_the_last_is_minutes_old(story: Story) -> None:
    times = [moment(one) for one in story.interactions]
    assert times == sorted(times)
    assert UNTIL - timedelta(days=90) <= times[0]
    assert UNTIL - timedelta(minutes=5) <= times[-1] <= UNTIL


def test_labels_and_metrics_stay_within_the_known_ones(story: Story) -> None:
    known = {
        "env": {"prod", "staging", "dev"},
        "customer": {*CUSTOMERS},
        "dataset": {*DATASETS},
        "lang": {"en", "fr", "de", "es"},
    }
    for one in story.interactions:
        assert all(value in known[key] for key, value in one["labels"].items())
        assert {feedback["metric"] for feedback in one["feedbacks"]} <= {key["key"] for key in FEEDBACK_KEYS}
        assert one["model"] in MODELS
        assert one["source"] in ("LIVE", "OFFLINE", "DATASET", "EVALUATION")


def test_only_failed_interactions_have_an_error_and_no_completion(story: Story) -> None:
    for one in story.interactions:
        failed = one["state"] == "failed"
        assert failed == (one["error"] is not None) == (one["completion"] == "") == (one["finish_reason"] is None)
    assert 0.02 < sum(one["state"] == "failed" for one in story.interactions) / 2400 < 0.05


def test_no_gap_of_a_template_is_left_open(story: Story) -> None:
    for one in story.interactions:
        left = re.findall(r"\{[a-z][a-z_]*2?\}|\[\[[^\]\n]*\|", question(one) + one["completion"])
        assert not left, left


def test_most_prompts_and_completions_are_unique(story: Story) -> None:
    assert len({question(one) for one in story.interactions}) >= 1500
    assert len({one["completion"] for one in story.interactions}) >= 1500


def test_a_page_of_fifty_hardly_repeats_itself(story: Story) -> None:
    for start in range(0, 2400, 50):
        heads = Counter(question(one)[:70] + "".join(pictures(one)) for one in story.interactions[start : start + 50])
        assert sum(heads.values()) - len(heads) <= 2


def test_about_every_sixth_interaction_shows_pictures(story: Story) -> None:
    shown = [len(pictures(one)) for one in story.interactions]
    assert 0.14 < sum(number > 0 for number in shown) / 2400 < 0.22
    assert max(shown) == 3


def test_no_two_pictures_are_alike_and_there_are_at_least_sixty(story: Story) -> None:
    uris = {uri for one in story.interactions for uri in pictures(one)}
    assert len(uris) >= 60
    assert {uri[:16] for uri in uris} == {"data:image/png;b", "data:image/jpeg;", "data:image/webp;"}


def test_every_picture_opens_and_weighs_little() -> None:
    for picture in album((UNTIL - timedelta(days=90)).date()):
        raw = base64.b64decode(picture.uri.partition(",")[2])
        assert 3_000 < len(raw) < 40_000, picture.name
        assert Image.open(io.BytesIO(raw)).convert("RGB").width >= 300


def test_a_later_turn_of_a_session_contains_the_earlier_ones(story: Story) -> None:
    sessions: dict[str, list[dict[str, Any]]] = {}
    for one in story.interactions:
        sessions.setdefault(one["session_id"], []).append(one)
    long = [turns for turns in sessions.values() if len(turns) > 1]
    assert 0.1 < sum(map(len, long)) / 2400 < 0.22
    for turns in long:
        for before, after in pairwise(turns):
            said = [*before["messages"], {"role": "assistant", "content": before["completion"]}]
            assert after["messages"][: len(said)] == said


def test_preferences_compare_different_answers_to_the_same_prompt(story: Story) -> None:
    assert len(story.preferences) >= 45
    for judged in story.preferences:
        first, second = story.interactions[judged.preferred], story.interactions[judged.other]
        assert first["messages"] == second["messages"]
        assert first["completion"] != second["completion"]


def test_tool_calls_are_answered_by_the_tool(story: Story) -> None:
    calls = {
        call["id"]
        for one in story.interactions
        for message in one["messages"]
        for call in message.get("tool_calls", [])
    }
    answers = {
        message["tool_call_id"]
        for one in story.interactions
        for message in one["messages"]
        if message["role"] == "tool"
    }
    assert calls
    assert calls == answers


def test_an_unknown_kind_of_part_occurs(story: Story) -> None:
    contents = [message["content"] for one in story.interactions for message in one["messages"]]
    assert any(part["type"] == "document" for content in contents if isinstance(content, list) for part in content)
