"""What is older than a project's settings let it be. Ages count from `created_at`, to the microsecond."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q
from pyroaring import BitMap

from interactions import ids
from interactions.conditions import CreatedWithin
from interactions.models import Interaction, Project, Removal
from interactions.querysets import InteractionQuerySet
from interactions.removal.requests import request

# A century: nothing is older, for an interaction is of 1970 at the earliest.
MOST_DAYS = 36_500
EVERY = timedelta(days=1)


class Overdue(NamedTuple):
    """How many interactions are to go, and of how many others the texts."""

    interactions: int
    transcripts: int


def overdue(project: Project, now: datetime) -> Overdue:
    """By the settings that `project` holds, saved or not."""
    return Overdue(_interactions(project, now).count(), _transcripts(project, now).count())


def apply_retention(project: Project, now: datetime) -> list[Removal]:
    """Ask for the removal of what is overdue, but for what was asked for before and is under way."""
    Project.objects.filter(pk=project.pk).update(retention_applied_at=ids.now())
    asked = [
        (Removal.What.INTERACTIONS, _interactions(project, now), project.keep_interactions),
        (Removal.What.TRANSCRIPTS, _transcripts(project, now), project.keep_transcripts),
    ]
    return [
        request(project, what, numbers, _oldest_kept(days, now).describe())
        for what, rows, days in asked
        if days is not None and (numbers := _numbers(rows) - _under_way(project, what))
    ]


def due_projects(now: datetime) -> Iterator[Project]:
    """Projects whose retention was not applied for a day, each to one process only."""
    is_due = Q(retention_applied_at=None) | Q(retention_applied_at__lte=now - EVERY)
    set_up = Q(keep_transcripts__isnull=False) | Q(keep_interactions__isnull=False)
    for project in Project.objects.filter(is_due, set_up).order_by("id"):
        if Project.objects.filter(is_due, pk=project.pk).update(retention_applied_at=now):
            yield project


def _interactions(project: Project, now: datetime) -> InteractionQuerySet:
    if project.keep_interactions is None:
        return Interaction.objects.none()
    return Interaction.objects.matching(project, _oldest_kept(project.keep_interactions, now))


def _transcripts(project: Project, now: datetime) -> InteractionQuerySet:
    if project.keep_transcripts is None:
        return Interaction.objects.none()
    older = Interaction.objects.matching(project, _oldest_kept(project.keep_transcripts, now))
    if project.keep_interactions is not None:  # of the others
        older = older.filter(id__gte=ids.floor(_boundary(project.keep_interactions, now)))
    return older.filter(texts_removed_at=None)


def _oldest_kept(days: int, now: datetime) -> CreatedWithin:
    return CreatedWithin(until=_boundary(days, now))


def _boundary(days: int, now: datetime) -> datetime:
    return now - timedelta(days=min(days, MOST_DAYS))


def _numbers(rows: InteractionQuerySet) -> BitMap:
    return BitMap(rows.values_list("number", flat=True).iterator())


def _under_way(project: Project, what: str) -> BitMap:
    asked = Removal.objects.filter(project=project, what=what, finished_at=None).values_list("numbers", flat=True)
    return BitMap.union(BitMap(), *(BitMap.deserialize(bytes(numbers)) for numbers in asked))
