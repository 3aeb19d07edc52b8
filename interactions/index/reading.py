"""What the store says about interactions, grouped by value."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import Any
from uuid import UUID

from pyroaring import BitMap

from interactions import database
from interactions.index.postings import (
    COMPARED,
    ERROR,
    FAILED,
    HOUR,
    IMAGE,
    LABEL,
    LABELLED,
    MODEL,
    SCORE,
    SCORED,
    SOURCE,
    STATE,
    USER,
    Grouped,
    Postings,
)
from interactions.models import Comparison, Feedback, Interaction, Labelling

# So many numbers are read at once: their rows fit into some tens of megabytes.
AT_ONCE = 20_000
MILLISECONDS_PER_HOUR = 3_600_000

# Lookups on `Interaction`.
_Where = dict[str, Any]


def add_range(postings: Postings, project_id: int, first: int, last: int) -> None:
    """Add the interactions with numbers from `first` to `last`, both included, as they are now."""
    for start in range(first, last + 1, AT_ONCE):
        end = min(last, start + AT_ONCE - 1)
        _add(postings, {"project": project_id, "number__gte": start, "number__lte": end}, lasting=True)


def add_again(postings: Postings, project_id: int, numbers: BitMap) -> None:
    """Read again what is known of `numbers` and can have changed; they may be gone."""
    existing = BitMap()
    for some in _chunks(numbers):
        rows = Interaction.objects.filter(number__among=(project_id, some))
        existing.update(number for (number,) in database.raw_rows(rows.values_list("number")))
    postings.remove(numbers - existing, lasting=True)
    postings.remove(existing, lasting=False)
    for some in _chunks(existing):
        _add(postings, {"project": project_id, "number__among": (project_id, some)}, lasting=False)


def _chunks(numbers: BitMap) -> Iterable[BitMap]:
    return (numbers[start : start + AT_ONCE] for start in range(0, len(numbers), AT_ONCE))


def _add(postings: Postings, where: _Where, *, lasting: bool) -> None:
    rows = Interaction.objects.filter(**where)
    columns = ("number", "id", "state", "error_kind", "image_count", "model_id", "source", "user_uid")
    read = database.raw_rows(rows.values_list(*(columns if lasting else columns[:5])))
    if not read:
        return
    grouped: Grouped = {}
    numbers, ids, states, errors, images, *others = zip(*read, strict=True)
    _group(grouped, STATE, numbers, states)
    failed = [(number, kind) for number, kind in zip(numbers, errors, strict=True) if kind]
    _group(grouped, ERROR, (number for number, _ in failed), (kind for _, kind in failed))
    _group(grouped, FAILED, (number for number, _ in failed), repeat(1))
    _group(grouped, IMAGE, (number for number, count in zip(numbers, images, strict=True) if count), repeat(1))
    if lasting:
        models, sources, users = others
        _group(grouped, HOUR, numbers, map(_hour, ids))
        _group(grouped, MODEL, numbers, (model or 0 for model in models))
        _group(grouped, SOURCE, numbers, sources)
        named = [(number, _hexadecimal(user)) for number, user in zip(numbers, users, strict=True) if user is not None]
        _group(grouped, USER, (number for number, _ in named), (user for _, user in named))
    _add_labels(grouped, where)
    _add_scores(grouped, where)
    _add_comparisons(grouped, where, dict(zip(ids, numbers, strict=True)))
    postings.add(numbers, grouped)


def _group(grouped: Grouped, dimension: Any, numbers: Iterable[int], values: Iterable[Any]) -> None:
    groups = grouped.setdefault(dimension, {})
    for number, value in zip(numbers, values, strict=False):
        try:
            groups[value].append(number)
        except KeyError:
            groups[value] = [number]


def _add_labels(grouped: Grouped, where: _Where) -> None:
    for number, key_id, label_id in _of(Labelling.objects, where, "key_id", "label_id"):
        grouped.setdefault(LABELLED, {}).setdefault(key_id, []).append(number)
        grouped.setdefault(LABEL(key_id), {}).setdefault(label_id, []).append(number)


def _add_scores(grouped: Grouped, where: _Where) -> None:
    for number, key_id, value in _of(Feedback.objects, where, "key_id", "value"):
        grouped.setdefault(SCORED, {}).setdefault(key_id, []).append(number)
        grouped.setdefault(SCORE(key_id), {}).setdefault(value + 0.0, []).append(number)


def _of(related: Any, where: _Where, *columns: str) -> list[tuple[Any, ...]]:
    """Rows that belong to the interactions `where`, with their number in front."""
    belonging = related.filter(**{f"interaction__{name}": value for name, value in where.items()})
    return database.raw_rows(belonging.values_list("interaction__number", *columns))


def _add_comparisons(grouped: Grouped, where: _Where, numbers: dict[Any, int]) -> None:
    comparisons = Comparison.objects.filter(project=where["project"])
    if not comparisons.exists():
        return
    interactions = Interaction.objects.filter(**where).values("id")
    for side in ("preferred_id", "other_id"):
        of_side = comparisons.filter(**{f"{side}__in": interactions})
        for id, key_id in database.raw_rows(of_side.values_list(side, "key_id")):
            grouped.setdefault(COMPARED, {}).setdefault(key_id, []).append(numbers[id])


def _hour(id: bytes | UUID) -> int:
    milliseconds = int.from_bytes(id[:6]) if isinstance(id, bytes) else id.int >> 80
    return milliseconds // MILLISECONDS_PER_HOUR


def _hexadecimal(user: bytes | UUID) -> str:
    return user.hex() if isinstance(user, bytes) else user.hex
