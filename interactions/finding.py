"""Which interactions match a condition: how many, which are the newest, and all of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from pyroaring import BitMap

from interactions.models import Interaction, Project
from interactions.querysets import Condition


class Matches:
    """The interactions of `project` that match `condition`."""

    def __init__(self, project: Project, condition: Condition) -> None:
        self._rows = Interaction.objects.matching(project, condition)

    def count(self) -> int:
        return self._rows.count()

    def newest(self, most: int, older_than: UUID | None = None) -> list[UUID]:
        """The ids of up to `most`, newest first."""
        rows = self._rows.filter(id__lt=older_than) if older_than else self._rows
        return list(rows.newest_first().values_list("id", flat=True)[:most])

    def oldest(self, most: int, newer_than: UUID | None = None) -> list[UUID]:
        """The ids of up to `most`, oldest first."""
        rows = self._rows.filter(id__gt=newer_than) if newer_than else self._rows
        return list(rows.oldest_first().values_list("id", flat=True)[:most])

    def numbers(self) -> BitMap:
        """The numbers of all."""
        return BitMap(self._rows.values_list("number", flat=True).iterator())


def find(project: Project, condition: Condition) -> Matches:
    """Names in the condition are resolved now; the rows as they are when they are asked for."""
    return Matches(project, condition)


def by_number(project: Project, numbers: BitMap, at_once: int) -> Iterator[list[Interaction]]:
    """The interactions with these numbers, as far as they exist, some at a time in the order of their numbers."""
    remaining = iter(numbers)
    while some := list(islice(remaining, at_once)):
        yield list(Interaction.objects.for_project(project).filter(number__in=some).order_by("number"))
