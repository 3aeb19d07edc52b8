"""What was logged is what is read, and what is read can be logged again."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, example, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from interactions.models import Interaction
from tests.api.pictures import SHAPES, encoded, picture, showing, shown
from tests.conftest import Api

# Everything that JSON can say, with what the store itself uses as marks thrown in.
texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    [
        "",
        "\0",
        "a\0b",
        "\n",
        "data:",
        "data:image/png;base64,",
        "data:image/png;base64,iVBOR",
        "$text",
        "\u2028",
        "\ufeff",
    ]
)
keys = texts | st.sampled_from(
    ["$text", "$image", "$", "$$text", "text", "content", "url", "image_url", "source", "data"]
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=15
)
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.sampled_from([build(picture(), "image/png") for build, _ in SHAPES.values()]),
    st.dictionaries(keys, values, max_size=4),
)
contents = texts | st.lists(parts, max_size=4) | st.none() | st.dictionaries(keys, values, max_size=3)
roles = st.sampled_from(["system", "user", "assistant", "tool", "Größe"])
messages = st.builds(
    lambda role, content, more: more | {"role": role, "content": content},
    roles,
    contents,
    st.dictionaries(keys, values, max_size=2),
)


def holds_a_broken_image(value: Any, key: str = "") -> bool:
    """What the store rightly refuses: a data URI where an image stands that holds none."""
    if isinstance(value, dict):
        return any(holds_a_broken_image(item, k) for k, item in value.items())
    if isinstance(value, list):
        return any(holds_a_broken_image(item, key) for item in value)
    return isinstance(value, str) and value.startswith("data:") and len(value) < 60 and key in ("image_url", "url")


@runs(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    conversation=st.lists(messages, max_size=3).filter(lambda drawn: not holds_a_broken_image(drawn)), completion=texts
)
@example([{"role": "user", "content": [{"$text": [0, 1]}, {"$image": "x", "head": ""}, {"$$text": []}]}], "")
@example([{"role": "user", "content": "a", "$text": [0, 10**30]}, {"role": "user", "content": ["b", ["c"]]}], "\0")
def test_any_conversation_comes_back_as_it_was(api: Api, conversation: list[Any], completion: str) -> None:
    logged = api.log(messages=conversation, completion=completion)
    read = api.get(f"interactions/{logged['completion_id']}?images=inline").json()
    assert json.dumps(read["messages"]) == json.dumps(_ordered(conversation))
    assert read["completion"] == completion


def _ordered(conversation: list[Any]) -> list[Any]:
    """Role and content come first; their order says nothing."""
    return [
        {"role": message["role"], "content": message["content"]}
        | {key: item for key, item in message.items() if key not in ("role", "content")}
        for message in conversation
    ]


def test_a_document_that_is_logged_again_has_the_same_prompt(api: Api) -> None:
    for conversation in (
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Größe?\0"}],
        shown(picture()),
        showing({"type": "image", "source": {"media_type": "image/gif", "data": encoded(picture("GIF"))}}),
        [{"role": "user", "content": "x", "$text": [1], "z": 1, "a": 2}],
    ):
        first = api.log(messages=conversation, labels={"env": "prod"})
        document = api.get(f"interactions/{first['completion_id']}?images=inline").json()
        known = {
            name: document[name] for name in ("messages", "completion", "labels", "created_at", "session_id", "user")
        }
        again = api.log(**known)
        copy = api.get(f"interactions/{again['completion_id']}?images=inline").json()
        assert copy["prompt_hash"] == document["prompt_hash"]
        assert {name: copy[name] for name in known} == known


def test_the_prompt_hash_is_that_of_what_was_said_and_not_of_how(api: Api) -> None:
    def hash_of(conversation: list[Any]) -> Any:
        logged = api.log(messages=conversation)
        return Interaction.objects.get(pk=logged["completion_id"]).prompt_hash

    plain = hash_of([{"role": "user", "content": "hello"}])
    assert hash_of([{"content": "hello", "role": "user"}]) == plain
    assert hash_of([{"role": "user", "content": [{"type": "text", "text": "hello"}]}]) == plain
    assert hash_of([{"role": "user", "content": "Hello"}]) != plain
    assert hash_of([{"role": "system", "content": "hello"}]) != plain
    assert hash_of([{"role": "user", "content": "hello"}] * 2) != plain
    # The claimed type of an image is not what it shows.
    assert hash_of(shown(picture(), "image/png")) == hash_of(shown(picture(), "image/jpeg"))
    assert hash_of(shown(picture(color="red"))) != hash_of(shown(picture(color="blue")))
