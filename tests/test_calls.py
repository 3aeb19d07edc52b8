"""Calls that begin and end in the store, whatever else happens to them meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from pyroaring import BitMap

from interactions import access, conditions, documents, ids, index, ingest, payloads, texts
from interactions.models import Change, Interaction, OpenCall, Project
from interactions.removal import batches

pytestmark = pytest.mark.django_db


@pytest.fixture
def begin(project: Project) -> Callable[..., UUID]:
    def begin(prompt: str = "What is the tallest mountain?", **fields: object) -> UUID:
        told = {"project": project.key, "messages": [{"role": "user", "content": prompt}], "completion": "", **fields}
        payload = payloads.read(payloads.Interaction, told)
        prepared = ingest.prepare(payload, project.pk, None)
        ingest.perform(access.operator(project), ingest.Begin(prepared, uuid4()))
        return prepared.id

    return begin


def end(project: Project, id: UUID, state: str = "done", completion: str = "", **fields: object) -> None:
    even = bool(fields.pop("even_if_interrupted", False))
    answered = ingest.Answered(state, completion, **fields)  # type: ignore[arg-type]
    ingest.perform(access.operator(project), ingest.End(id, project.pk, answered, even_if_interrupted=even))


def matching(project: Project, condition: conditions.Condition) -> set[UUID]:
    """By the index and without it, which must agree."""
    stored = set(Interaction.objects.matching(project, condition).values_list("id", flat=True))
    with index.current(project) as current:
        assert current is not None
        numbers = condition.numbers(project, current)
    indexed = Interaction.objects.filter(number__among=(project.pk, numbers)).values_list("id", flat=True)
    assert len(numbers) == len(indexed), "the index knows numbers that are nobody's"
    assert set(indexed) == stored
    return stored


def documents_of(project: Project, id: UUID) -> dict[str, object]:
    rows = Interaction.objects.filter(pk=id).with_everything()
    return next(documents.whole(list(rows), project.key))


def index_texts(project: Project) -> None:
    for _ in texts.Indexer().catch_up(project.pk, 1_000):
        pass


def test_a_call_that_began_is_a_row_with_its_prompt(project: Project, begin: Callable[..., UUID]) -> None:
    id = begin(labels={"env": "test"})
    row = Interaction.objects.get(pk=id)
    assert (row.state, row.prompt_preview, row.completion_preview) == ("started", "What is the tallest mountain?", "")
    assert documents_of(project, id)["labels"] == {"env": "test"}
    assert OpenCall.objects.get().interaction_id == id


def test_a_call_that_ended_has_all_that_came_back(project: Project, begin: Callable[..., UUID]) -> None:
    id = begin()
    end(
        project,
        id,
        "failed",
        "Mount \x00Everest",
        error=payloads.Failure(kind="upstream_500", message="overloaded"),
        finish_reason="stop",
        usage=payloads.Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7),
        timings=payloads.Timings(first_token_ms=5, total_ms=6),
        cost=1_500,
        details={"choices": [{"index": 0, "message": {"role": "assistant"}}]},
    )
    document = documents_of(project, id)
    assert document["state"] == "failed"
    assert document["completion"] == "Mount \x00Everest"
    assert document["error"] == {"kind": "upstream_500", "message": "overloaded"}
    assert document["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert document["timings"] == {"first_token_ms": 5, "total_ms": 6}
    assert document["cost"] == 0.0000015
    assert document["answer"] == {"choices": [{"index": 0, "message": {"role": "assistant"}}]}
    assert not OpenCall.objects.exists()


def test_every_filter_follows_a_call_from_its_beginning_to_its_end(
    project: Project, begin: Callable[..., UUID]
) -> None:
    first, second = begin("first prompt"), begin("second prompt")
    started, done = (conditions.StateIn((state,)) for state in ("started", "done"))
    assert matching(project, started) == {first, second}
    end(project, first, completion="an answer")
    assert matching(project, started) == {second}
    assert matching(project, done) == {first}
    end(project, second)
    assert matching(project, done) == {first, second}
    assert matching(project, started) == set()


@pytest.mark.parametrize("indexed_while_open", [False, True])
def test_the_words_of_a_call_are_found_before_and_after_its_end(
    project: Project, begin: Callable[..., UUID], indexed_while_open: bool
) -> None:
    id, other = begin("a question about penguins"), begin("a question about camels")
    end(project, other, completion="They have humps.")
    if indexed_while_open:
        index_texts(project)
    assert matching(project, conditions.Mentions("penguins")) == {id}
    assert matching(project, conditions.CompletionContains("waddle")) == set()
    end(project, id, completion="They waddle.")
    assert matching(project, conditions.CompletionContains("waddle")) == {id}
    index_texts(project)
    assert matching(project, conditions.CompletionContains("waddle")) == {id}
    assert matching(project, conditions.Mentions("penguins")) == {id}
    assert matching(project, conditions.Mentions("question")) == {id, other}


def test_what_is_said_of_a_call_while_it_runs_is_found_after_its_end(
    project: Project, begin: Callable[..., UUID]
) -> None:
    id = begin()
    caller = access.operator(project)
    row = Interaction.objects.get(pk=id)
    end(project, id)
    # Who read the row before its end knows an old number of it.
    ingest.set_label(caller, row, "seen", "yes")
    labelled = conditions.Labelled("seen", ("yes",))
    assert matching(project, labelled) == {id}


def test_what_has_ended_does_not_end_again(project: Project, begin: Callable[..., UUID]) -> None:
    id = begin()
    end(project, id, "done", "whole")
    end(project, id, "interrupted")
    assert documents_of(project, id)["completion"] == "whole"
    assert Interaction.objects.get(pk=id).state == "done"


def test_a_call_that_only_seemed_lost_ends_after_all(project: Project, begin: Callable[..., UUID]) -> None:
    id = begin("a question about penguins")
    end(project, id, "interrupted")
    index_texts(project)
    assert matching(project, conditions.Mentions("penguins")) == {id}
    end(project, id, "done", "late but whole", even_if_interrupted=True)
    assert Interaction.objects.get(pk=id).state == "done"
    for _ in range(2):
        assert matching(project, conditions.Mentions("penguins")) == {id}
        assert matching(project, conditions.CompletionContains("late but")) == {id}
        index_texts(project)


def test_a_call_that_was_deleted_while_it_ran_stays_deleted(project: Project, begin: Callable[..., UUID]) -> None:
    id = begin()
    batches.delete(project.pk, BitMap([Interaction.objects.get(pk=id).number]))
    assert not OpenCall.objects.exists()
    end(project, id, completion="too late")
    assert not Interaction.objects.exists()


def test_beginnings_and_ends_of_one_group_get_numbers_of_their_own(
    project: Project, begin: Callable[..., UUID]
) -> None:
    open_ones = [begin(f"prompt {n}") for n in range(3)]
    told = {"project": project.key, "messages": [{"role": "user", "content": "new"}], "completion": ""}
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, None)
    acts = [ingest.End(id, project.pk, ingest.Answered("done")) for id in open_ones]
    ingest.perform(access.operator(project), acts[0], ingest.Begin(prepared, uuid4()), *acts[1:])
    numbers = list(Interaction.objects.order_by("number").values_list("number", flat=True))
    assert len(set(numbers)) == 4
    assert matching(project, conditions.StateIn(("done",))) == set(open_ones)
    assert Change.objects.filter(project=project).exists()
    assert ids.now() >= Interaction.objects.get(pk=prepared.id).created_at
