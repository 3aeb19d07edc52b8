"""Interactions by their model or by their prompt: which groups there are, how large, and what was said about each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import Avg, Count, F, Max, Min, Q, QuerySet, StdDev, Sum, Window
from django.db.models.functions import RowNumber

from interactions.conditions import Condition
from interactions.index import MODEL, current
from interactions.models import Feedback, Interaction, Model, Project
from interactions.querysets import InteractionQuerySet

By = Literal["model", "prompt"]

TAME = 1e150


@dataclass(frozen=True, slots=True)
class Group:
    """A model's key, or None for interactions without one; or a prompt's hash. And how many match."""

    key: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one feedback key's values in a group. The deviation is that of the values themselves (of the population).

    None where values lie beyond `TAME`: their sums and squares need not be numbers that a double holds.
    """

    key_id: int
    scores: int
    average: float | None
    least: float
    most: float
    deviation: float | None
    total: float | None


@dataclass(frozen=True, slots=True)
class Grouping:
    """What matches `condition` in a project, by model or by prompt."""

    project: Project
    condition: Condition
    by: By

    @property
    def _rows(self) -> InteractionQuerySet:
        return Interaction.objects.matching(self.project, self.condition)

    @property
    def _column(self) -> str:
        return "model__key" if self.by == "model" else "prompt_hash"

    def count(self) -> int:
        return len(self._models()) if self.by == "model" else self._rows.values("prompt_hash").distinct().count()

    def page(self, size: int, *, after: str | None, offset: int, by_count: bool, descending: bool) -> list[Group]:
        """In the order of their keys, or of their counts; those without a model come last of equals.

        `after`: the key of the group before, "" for the one without a model. By count, pages go by `offset` alone.
        """
        if self.by == "model":
            groups = sorted(self._models(), key=lambda group: (group.key is None, group.key or ""))
            if descending:
                groups = [group for group in groups if group.key][::-1] + [g for g in groups if g.key is None]
            if by_count:
                groups.sort(key=lambda group: group.count, reverse=descending)
            if after is not None:  # by its place, for the group itself may be gone meanwhile
                groups = [group for group in groups if _follows(group.key, after or None, descending)]
            return groups[offset : offset + size]
        rows: QuerySet[Interaction, Any] = self._rows
        if after is not None:
            rows = rows.filter(**{f"prompt_hash__{'lt' if descending else 'gt'}": after})
        counted = rows.values("prompt_hash").annotate(count=Count("id"))
        order = ("count", "prompt_hash") if by_count else ("prompt_hash",)
        ordered = counted.order_by(*(f"-{name}" for name in order) if descending else order)
        found = ordered.values_list("prompt_hash", "count")[offset : offset + size]
        return [Group(str(digest), count) for digest, count in found]

    def _models(self) -> list[Group]:
        names = dict(Model.objects.filter(project=self.project).values_list("id", "key"))
        counts: dict[int | None, int]
        with current(self.project) as index:
            if index is None:
                counted = self._rows.values("model_id").annotate(count=Count("id")).order_by()
                counts = dict(counted.values_list("model_id", "count"))
            else:
                matching = self.condition.numbers(self.project, index)
                held = index.postings.values(MODEL).held
                counts = {int(id): some.intersection_cardinality(matching) for id, some in held.items()}
                counts[None] = len(matching) - sum(counts.values())
        return [Group(names.get(id) if id else None, count) for id, count in counts.items() if count]

    def among(self, keys: Sequence[str | None]) -> InteractionQuerySet:
        """The interactions of some of the groups."""
        if self.by == "prompt":
            return self._rows.filter(prompt_hash__in=keys)
        named = self._rows.filter(model__key__in=[key for key in keys if key is not None])
        return named | self._rows.filter(model=None) if None in keys else named

    def statistics(
        self, keys: Sequence[str | None], only: Condition | None = None
    ) -> Mapping[str | None, list[Statistics]]:
        """By group: of each feedback key that something was said under; of those alone that `only` holds for."""
        group = f"interaction__{self._column}"
        rows = self.among(keys).filter(only.q(self.project)) if only else self.among(keys)
        given = Feedback.objects.filter(interaction__in=rows).values(group, "key_id").order_by("key__key")
        tame = Q(value__gt=-TAME, value__lt=TAME)
        reckoned = (kind("value", filter=tame) for kind in (Avg, StdDev, Sum))
        values = (Count("id"), Min("value"), Max("value"), *reckoned)
        named = dict(zip(("scores", "least", "most", "average", "deviation", "total"), values, strict=True))
        found: defaultdict[str | None, list[Statistics]] = defaultdict(list)
        for key, key_id, scores, least, most, *numbers in given.annotate(**named).values_list(group, "key_id", *named):
            average, deviation, total = numbers if -TAME < least <= most < TAME else (None, None, None)
            found[key].append(Statistics(key_id, scores, average, least, most, deviation, total))
        return found

    def ids(
        self, keys: Sequence[str | None], most: int, *, descending: bool, beyond: UUID | None = None, skip: int = 0
    ) -> Mapping[str | None, list[UUID]]:
        """By group, the newest ones after `skip` of them (or the oldest), `beyond` an id."""
        rows = self.among(keys)
        if beyond is not None:
            rows = rows.filter(id__lt=beyond) if descending else rows.filter(id__gt=beyond)
        place = Window(RowNumber(), F(self._column), order_by="-id" if descending else "id")
        placed = rows.annotate(place=place).filter(place__gt=skip, place__lte=skip + most).order_by("place")
        found: defaultdict[str | None, list[UUID]] = defaultdict(list)
        for key, id in placed.values_list(self._column, "id"):
            found[key].append(id)
        return found


def _follows(key: str | None, other: str | None, descending: bool) -> bool:
    """Among models by their keys, of which None is the last either way."""
    if key is None or other is None:
        return other is not None
    return key < other if descending else key > other
