"""A model's answer is stored without the completion's text, and comes back as it came."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from interactions import access, answers, documents, ingest, payloads
from interactions.gateway import assembly
from interactions.models import Interaction, Project, Transcript

BODIES: dict[str, Any] = {
    "chat": {"choices": [{"message": {"role": "assistant", "content": "Hello."}}, {"message": {"content": "Hello."}}]},
    "completions": {"choices": [{"text": "Hello.", "index": 0}]},
    "responses": {
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hello.", "annotations": []}]},
        ]
    },
    "embeddings": {"object": "list", "usage": {"prompt_tokens": 3}},
}


@pytest.mark.parametrize("api", BODIES)
def test_the_text_of_each_api_is_taken_out_and_put_back(api: Any) -> None:
    body = BODIES[api]
    completion = assembly.result(api, body).first.text
    stored = answers.without_text(api, body, completion)
    assert (stored == body) == (api == "embeddings")
    assert answers.with_text(api, stored, completion) == body


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just({"$completion": True}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "message", "content", "text", "output", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(api=st.sampled_from(sorted(BODIES)), body=bodies, completion=st.text(max_size=5))
def test_nothing_raises_whatever_a_server_sends(api: str, body: Any, completion: str) -> None:
    answers.with_text(api, answers.without_text(api, body, completion), completion)


def test_what_only_looks_like_the_mark_stays_where_nothing_was_said() -> None:
    body = {"choices": [{"message": {"content": {"$completion": True}}}]}
    assert answers.with_text("chat", answers.without_text("chat", body, ""), "") == body


@pytest.mark.parametrize("said", ["Mount Everest", "Mount \x00Everest", ""])
@pytest.mark.parametrize("api", ["chat", "completions", "responses"])
def test_the_document_has_the_whole_answer(project: Project, api: Any, said: str) -> None:
    body = from_json(to_json(BODIES[api]).decode().replace("Hello.", said.replace("\x00", "\\u0000")))
    id = _ended(project, api, said, {"status": 200, "response": answers.without_text(api, body, said)})
    if said:
        assert "$completion" in (Transcript.objects.get(pk=id).answer or "")
    document = next(documents.whole(list(Interaction.objects.filter(pk=id).with_everything()), project.key))
    assert document["completion"] == said
    assert document["answer"] == {"status": 200, "response": body}


def _ended(project: Project, api: str, said: str, details: dict[str, Any]) -> UUID:
    told = {"project": project.key, "messages": [{"role": "user", "content": "?"}], "completion": "", "api": api}
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, None)
    caller = access.operator(project)
    ingest.perform(caller, ingest.Begin(prepared, uuid4()))
    ingest.perform(caller, ingest.End(prepared.id, project.pk, ingest.Answered("done", said, details=details)))
    return prepared.id
