"""The index never differs from the rows: after random writes, changes and deletions, kept and read again at random,
with limits so small that every path is taken, every number is compared with plain counting."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from interactions import access, conditions, finding, ingest, payloads, statistics
from interactions.conditions import All, AnyOf, Condition, Not
from interactions.index import following, postings, queries, segments
from interactions.index.following import _Followed
from interactions.ingest import history
from interactions.models import (
    Change,
    Comparison,
    Feedback,
    FeedbackKey,
    Interaction,
    Labelling,
    OpenCall,
    Project,
    Segment,
)
from tests import counting
from tests.api.pictures import picture, shown

START = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
USERS = [uuid4() for _ in range(9)]
SESSIONS = [uuid4() for _ in range(3)]
STEPS = 60


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a few dozen interactions reach."""
    monkeypatch.setattr(postings, "MOST_VALUES", 6)
    monkeypatch.setattr(postings, "VALUES_KEPT", 3)
    monkeypatch.setattr(queries, "_WORTH_HOLDING", 3)
    monkeypatch.setattr(segments, "BLOCK_SIZE", 16)
    monkeypatch.setattr(following, "CHANGES_KEPT", timedelta(0))
    monkeypatch.setattr(finding, "DENSE", 2)
    monkeypatch.setattr(finding, "_READ_AT_ONCE", 3)
    monkeypatch.setattr("interactions.index.reading.AT_ONCE", 5)
    monkeypatch.setattr(statistics, "_MANY_VALUES", 2)
    monkeypatch.setattr(statistics, "_LIST_SHARE", 1 / 2)


class World:
    """A project, and random acts on it."""

    def __init__(self, project: Project, chance: random.Random) -> None:
        self.project = project
        self.caller = access.operator(project)
        self._chance = chance
        self._clock = 0

    def step(self) -> None:
        acts = (
            *(self.record, self.record, self.begin, self.end),
            *(self.judge, self.take_back, self.label, self.unlabel, self.compare, self.delete),
        )
        self._chance.choice(acts)()

    def record(self) -> None:
        some = [ingest.prepare(self._payload(), self.project.pk, None) for _ in range(self._chance.randrange(1, 6))]
        ingest.store_images(some)
        ingest.perform(self.caller, *map(ingest.Record, some))

    def begin(self) -> None:
        prepared = ingest.prepare(self._payload(), self.project.pk, None)
        ingest.store_images([prepared])
        ingest.perform(self.caller, ingest.Begin(prepared, uuid4()))

    def end(self) -> None:
        if calls := [*OpenCall.objects.filter(project=self.project)]:
            kind = self._chance.choice(["", "timeout", "cut_off", f"http_{self._chance.randrange(400, 420)}"])
            error = payloads.Failure(kind=kind) if kind else None
            answered = ingest.Answered("failed" if kind else "done", error=error)
            ingest.perform(
                self.caller, ingest.End(self._chance.choice(calls).interaction_id, self.project.pk, answered)
            )

    def _payload(self) -> payloads.Interaction:
        chance = self._chance
        self._clock += 1
        moment = START + timedelta(minutes=chance.choice([self._clock, chance.randrange(20_000), 7]))
        content: list[Any] = [{"type": "text", "text": "Hello"}, *([shown(picture())] if chance.random() < 0.2 else [])]
        feedback = [
            {"metric": "quality", "value": chance.choice([1.0, 2.0, 3.0, chance.uniform(-2, 2)])},
            {"metric": "thumbs", "value": chance.random() < 0.5},
        ]
        labels = {"env": chance.choice(["prod", "test"]), "trace": f"t{chance.randrange(40)}", "rare": "yes"}
        body = {
            "project": self.project.key,
            "messages": [{"role": "user", "content": content}],
            "completion": "Hi",
            "created_at": moment.isoformat(),
            "model_service": chance.choice(["small", "large", None]),
            "source": chance.choice(Interaction.Source.values),
            "session_id": str(chance.choice(SESSIONS)),
            "user": str(chance.choice(USERS)),
            "labels": dict(chance.sample(sorted(labels.items()), chance.randrange(4))),
            "feedbacks": chance.sample(feedback, chance.randrange(3)),
        }
        return payloads.read(payloads.Interaction, body)

    def _some(self) -> Interaction | None:
        return self._chance.choice([*Interaction.objects.for_project(self.project)] or [None])

    def judge(self) -> None:
        if found := self._some():
            value = self._chance.choice([1.0, 5.0, self._chance.random()])
            told = {"completion_id": str(found.id), "metric": "quality", "value": value}
            ingest.perform(self.caller, ingest.AddFeedback(payloads.read(payloads.Feedback, told)))

    def take_back(self) -> None:
        given = self._chance.choice([*Feedback.objects.filter(project=self.project)] or [None])
        if given:
            ingest.remove_feedback(self.caller, given.interaction, given.id)

    def label(self) -> None:
        if found := self._some():
            key, value = self._chance.choice([("env", "prod"), ("env", "dev"), ("trace", "t1"), ("new", "x")])
            ingest.set_label(self.caller, found, key, value)

    def unlabel(self) -> None:
        labelling = self._chance.choice([*Labelling.objects.filter(project=self.project)] or [None])
        if labelling:
            ingest.remove_label(self.caller, labelling.interaction, labelling.key.key)

    def compare(self) -> None:
        one, other = self._some(), self._some()
        if one and other and one != other:
            told = {"preferred_completion": str(one.id), "other_completion": str(other.id), "metric": "preference"}
            read = payloads.read(payloads.Comparison, told | {"project": self.project.key})
            ingest.perform(self.caller, ingest.Compare(read))

    def delete(self) -> None:
        rows = [*Interaction.objects.for_project(self.project)]
        gone = self._chance.sample(rows, min(len(rows), self._chance.randrange(1, 4)))
        with transaction.atomic():
            changed = {interaction.number for interaction in gone}
            for interaction in gone:
                compared = Comparison.objects.filter(Q(preferred_id=interaction.id) | Q(other_id=interaction.id))
                sides = {side for sides in compared.values_list("preferred_id", "other_id") for side in sides}
                changed.update(Interaction.objects.filter(pk__in=sides).values_list("number", flat=True))
                compared.delete()
                interaction.delete()
            history.write(self.project.pk, 0, changed)


def simple() -> list[Condition]:
    moments = [START, START + timedelta(minutes=8), START + timedelta(days=5, seconds=1), START + timedelta(hours=2.5)]
    return [
        conditions.ModelIn(("small",)),
        conditions.SourceIn(("LIVE", "DATASET")),
        conditions.StateIn(("done",)),
        *(conditions.ErrorIn((kind,)) for kind in ("timeout", "cut_off", *(f"http_{n}" for n in range(400, 421)))),
        conditions.HasImage(),
        conditions.HasFeedback(),
        conditions.HasFeedback(False),
        conditions.Compared("preference"),
        *(conditions.InSession(session) for session in SESSIONS),
        *(conditions.CreatedBy(user) for user in USERS),
        *(conditions.CreatedWithin(since=a, until=b) for a in (None, *moments) for b in (None, *moments)),
        *(conditions.Labelled("env", values) for values in ((), ("prod",), ("prod", "dev"))),
        *(conditions.Labelled("trace", (f"t{n}",)) for n in range(40)),
        conditions.Labelled("trace"),
        conditions.Scored("quality"),
        *(
            conditions.Scored("quality", comparison, value)
            for comparison in ("eq", "ne", "lt", "lte", "gt", "gte")
            for value in (-1.0, 0.0, 0.37, 1.0, 2.0)
        ),
    ]


def combined(chance: random.Random, leaves: list[Condition]) -> Condition:
    parts = tuple(chance.sample(leaves, chance.randrange(1, 4)))
    return chance.choice([All(parts), AnyOf(parts), Not(AnyOf(parts)), All((parts[0], Not(parts[-1])))])


def check(project: Project, condition: Condition) -> None:
    """The index's answers against the store's, which `test_conditions.py` compares with plain Python."""
    rows = Interaction.objects.matching(project, condition)
    listed = [*rows.newest_first().values_list("id", flat=True)]
    matches = finding.find(project, condition)
    assert matches.count() == len(listed), condition
    assert matches.newest(len(listed) + 1) == listed, condition
    assert matches.newest(3) == listed[:3], condition
    if listed:
        middle = len(listed) // 2
        assert matches.newest(4, listed[middle]) == listed[middle + 1 : middle + 5], condition
        assert matches.oldest(4, listed[middle]) == listed[:middle][-4:][::-1], condition


def check_numbers(project: Project, condition: All) -> None:
    counting.check(statistics.summary(project, condition), project, condition)


@pytest.mark.parametrize("seed", range(6))
def test_the_index_agrees_with_the_rows_whatever_happened(project: Project, narrow: None, seed: int) -> None:
    chance = random.Random(seed)
    FeedbackKey.objects.create(project=project, key="preference", name="Preference")
    world, leaves = World(project, chance), simple()
    rarely = _Followed(project.pk)  # another process, which looks only now and then
    for number in range(STEPS):
        world.step()
        if chance.random() < 0.2:
            following._of(project).save()
        if chance.random() < 0.1:
            following._followed.clear()  # as after a kill: what is in memory only is gone
        if chance.random() < 0.1:
            following._bring_up_to_date(rarely)
            rarely.save()
        if number % 4 == 0:
            for condition in chance.sample(leaves, 4) + [combined(chance, leaves) for _ in range(4)]:
                check(project, condition)
            check_numbers(project, All(tuple(chance.sample(leaves, chance.randrange(3)))))
    following._bring_up_to_date(rarely)
    assert rarely.index is not None
    assert rarely.index.everything() == BitMap(
        Interaction.objects.for_project(project).values_list("number", flat=True)
    )
    for condition in leaves:
        check(project, condition)
        assert rarely.index is not None
        assert condition.numbers(project, rarely.index) == finding.find(project, condition).numbers(), condition


def test_segments_and_forgotten_changes_come_into_play(project: Project, narrow: None) -> None:
    """Else the test above would prove less than it says."""
    world = World(project, random.Random(0))
    for _ in range(20):
        world.record()
    world.label()
    followed = following._of(project)
    following._bring_up_to_date(followed)
    followed.save()
    assert Segment.objects.count() > 3
    assert not Change.objects.exists()
    index = followed.index
    assert index is not None
    key = conditions.Labelled("trace")._labels(project)[0][1]
    assert not index.postings.values(postings.LABEL(key)).complete
    quality = FeedbackKey.objects.get(project=project, key="quality")
    assert index.postings.values(postings.SCORE(quality.pk)).ranged


def test_what_had_to_be_read_from_the_rows_is_saved_if_it_is_much(
    project: Project, narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the next process need not read it again, however short the life of this one."""
    world = World(project, random.Random(0))
    for _ in range(20):
        world.record()
    monkeypatch.setattr(following, "FEW_EVENTS", 5)
    for most, is_saved in ((1_000, False), (5, True)):
        monkeypatch.setattr(following, "EVENTS_UNSAVED", most)
        started = _Followed(project.pk)
        started.open()
        started.save_if_due()
        assert Segment.objects.exists() == is_saved


def test_within_a_transaction_the_store_itself_is_asked(project: Project, api: Any) -> None:
    api.log()
    with transaction.atomic():
        with following.current(project) as index:
            assert index is None
        assert finding.find(project, conditions.HasFeedback(False)).count() == 1


def test_what_was_rolled_back_is_not_counted(project: Project, api: Any) -> None:
    api.log()
    assert finding.find(project, conditions.HasFeedback(False)).count() == 1
    caller = access.operator(project)
    told = payloads.read(payloads.Interaction, {"project": "support", "completion": "x", "messages": []})
    with transaction.atomic():
        ingest.perform(caller, ingest.Record(ingest.prepare(told, project.pk, None)))
        assert finding.find(project, conditions.HasFeedback(False)).count() == 2
        transaction.set_rollback(True)
    api.log()
    assert finding.find(project, conditions.HasFeedback(False)).count() == 2


def test_a_store_set_back_to_an_earlier_state_is_read_anew(project: Project, api: Any) -> None:
    api.log()
    point = transaction.savepoint()
    api.log()
    api.log()
    assert finding.find(project, conditions.HasFeedback(False)).count() == 3
    transaction.savepoint_rollback(point)
    assert finding.find(project, conditions.HasFeedback(False)).count() == 1


def test_a_segment_of_another_version_is_read_anew_from_the_rows(project: Project, api: Any) -> None:
    api.log()
    Segment.objects.create(project=project, block=0, revision=1, content=b"from the future")
    assert finding.find(project, conditions.HasFeedback(False)).count() == 1


def test_a_look_that_finds_nothing_new_is_one_query(project: Project, api: Any, django_assert_num_queries: Any) -> None:
    api.log()
    assert finding.find(project, conditions.HasImage()).count() == 0
    with django_assert_num_queries(1):
        assert finding.find(project, conditions.HasImage()).count() == 0


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_ranges_of_values_are_in_order_and_hold_their_values(one: float, other: float) -> None:
    assert postings.floor(one) <= one <= postings.ceiling(one)
    if one < other:
        assert postings.floor(one) == postings.floor(other) or postings.ceiling(one) < postings.floor(other)
    assert postings.floor(postings.floor(one)) == postings.floor(one)
    assert postings.floor(postings.ceiling(one)) == postings.floor(one)
