"""The ids of names: models, labels, feedback keys, A/B tests.

They never change once committed, so each process remembers them.

A name that is deleted takes its id along for good. Who still remembers it is told so by the store when they use it
(`database.Refused`), forgets, and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from interactions import naming
from interactions.models import AbTest, FeedbackKey, Label, LabelKey, Model

# Each entry takes some 200 bytes; at the limit the memory starts anew.
_LIMIT = 50_000

_models: dict[tuple[int, str], int] = {}
_labels: dict[tuple[int, str, str], tuple[int, int]] = {}
_feedback_keys: dict[tuple[int, str], KnownKey] = {}
_ab_tests: dict[tuple[int, str], int] = {}


@dataclass(frozen=True, slots=True)
class KnownKey:
    id: int
    kind: str

    def takes(self, value: float) -> bool:
        return self.kind != FeedbackKey.Kind.BOOL or value in (0, 1)


def forget() -> None:
    """Drop what is remembered: a name turned out to be gone, or the store is another one (as between tests)."""
    _models.clear()
    _labels.clear()
    _feedback_keys.clear()
    _ab_tests.clear()


def forget_feedback_key(project_id: int, key: str) -> None:
    _feedback_keys.pop((project_id, key), None)


def feedback_key(project_id: int, key: str) -> KnownKey | None:
    known = _feedback_keys.get((project_id, key))
    if known is None:
        row = FeedbackKey.objects.filter(project_id=project_id, key=key).values_list("id", "kind").first()
        if row is None:
            return None
        known = _feedback_keys[project_id, key] = KnownKey(*row)
    return known


def model_id(project_id: int, key: str) -> int:
    """The model's id; an unknown model is registered, for logging must not lose data over a name."""
    known = _models.get((project_id, key))
    if known is None:
        _make_room(_models)
        model, _ = Model.objects.get_or_create(project_id=project_id, key=key, defaults={"name": key})
        known = _models[project_id, key] = model.pk
    return known


def ab_test_id(project_id: int, key_or_id: str) -> int | None:
    """The A/B test with this key or public id, if the project has one. It may be made later, so that there is none is
    not remembered."""
    known = _ab_tests.get((project_id, key_or_id))
    if known is None:
        tests: QuerySet[AbTest] = AbTest.objects.filter(project_id=project_id)
        found = naming.find(tests, key_or_id)
        if found is None:
            return None
        known = _ab_tests[project_id, key_or_id] = found.pk
    return known


def label_ids(project_id: int, labels: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """For each (key, value) the ids of the label key and the label; new ones are created."""
    wanted = set(labels)
    if any((project_id, *pair) not in _labels for pair in wanted):
        _make_room(_labels)
        _learn(project_id, sorted(pair for pair in wanted if (project_id, *pair) not in _labels))
    return {pair: _labels[project_id, *pair] for pair in wanted}


def _learn(project_id: int, pairs: list[tuple[str, str]]) -> None:
    """In the order of their names, so that two processes that create the same ones cannot block each other."""
    keys = _key_ids(project_id, [key for key, _ in pairs])
    named = [Label(project_id=project_id, key_id=keys[key], value=value) for key, value in pairs]
    found = _find(project_id, pairs)
    missing = [label for label, pair in zip(named, pairs, strict=True) if pair not in found]
    if missing:
        Label.objects.bulk_create(missing, ignore_conflicts=True)
        found = _find(project_id, pairs)
    for pair in pairs:
        _labels[project_id, *pair] = found[pair]


def _find(project_id: int, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    values = {value for _, value in pairs}
    rows = Label.objects.filter(key__project_id=project_id, key__key__in={key for key, _ in pairs}, value__in=values)
    return {
        (key, value): (key_id, id) for key, value, key_id, id in rows.values_list("key__key", "value", "key_id", "id")
    }


def _key_ids(project_id: int, keys: list[str]) -> dict[str, int]:
    rows = LabelKey.objects.filter(project_id=project_id, key__in=keys).values_list("key", "id")
    found = dict(rows.all())
    missing = sorted(set(keys) - set(found))
    if missing:
        LabelKey.objects.bulk_create(
            (LabelKey(project_id=project_id, key=key) for key in missing), ignore_conflicts=True
        )
        found = dict(rows.all())
    return found


def _make_room(memory: dict[tuple[int, str], int] | dict[tuple[int, str, str], tuple[int, int]]) -> None:
    if len(memory) >= _LIMIT:
        memory.clear()
