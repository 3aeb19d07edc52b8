"""What lies around an interaction: its neighbours in the list, its session, other answers, comparisons, people.

Each function makes a fixed number of queries, whatever the interaction holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Prefetch

from interactions import documents, ids
from interactions.conditions import InSession, PromptHashIs
from interactions.finding import Matches, find
from interactions.models import Comparison, Feedback, ImageUse, Interaction, Project, User
from interactions.web import rows

SIBLINGS_SHOWN = 5
TURNS_READ = 50
TURNS_AROUND = 3


# The list it was found in


@dataclass(frozen=True, slots=True)
class Neighbours:
    newer: UUID | None = None
    older: UUID | None = None


def neighbours(matches: Matches, identifier: UUID) -> Neighbours:
    """The next matches on either side, whether or not the interaction itself (still) matches."""
    newer, older = matches.oldest(1, newer_than=identifier), matches.newest(1, older_than=identifier)
    return Neighbours(newer[0] if newer else None, older[0] if older else None)


# Its session


@dataclass(frozen=True, slots=True)
class Session:
    """Some turns around the current one. `place` counts from 1."""

    turns: list[Interaction]
    place: int
    count: int


def session(project: Project, interaction: Interaction) -> Session:
    turns = find(project, InSession(interaction.session_id))
    first = turns.oldest(TURNS_READ + 1)
    if len(first) <= TURNS_READ:
        place = first.index(interaction.id)
        return Session(_turns(first[max(0, place - TURNS_AROUND) : place + TURNS_AROUND + 1]), place + 1, len(first))
    before = Interaction.objects.for_project(project).filter(session_id=interaction.session_id, id__lt=interaction.id)
    earlier, later = turns.newest(TURNS_AROUND, interaction.id), turns.oldest(TURNS_AROUND, interaction.id)
    return Session(_turns([*earlier, interaction.id, *later]), before.count() + 1, turns.count())


def _turns(found: list[UUID]) -> list[Interaction]:
    return list(Interaction.objects.filter(pk__in=found).only("id", "created_at", "prompt_preview").oldest_first())


# Other answers to the same prompt


@dataclass(frozen=True, slots=True)
class Siblings:
    shown: list[Interaction]
    count: int


def siblings(project: Project, interaction: Interaction) -> Siblings:
    same = find(project, PromptHashIs(interaction.prompt_hash))
    newest = [id for id in same.newest(SIBLINGS_SHOWN + 2) if id != interaction.id]
    given = Feedback.objects.select_related("key").order_by("created_at", "id")
    others = Interaction.objects.filter(pk__in=newest[:SIBLINGS_SHOWN]).newest_first()
    shown = list(others.select_related("model").prefetch_related(Prefetch("feedback", given)))
    return Siblings(shown, len(newest) if len(newest) <= SIBLINGS_SHOWN else same.count() - 1)


# Comparisons


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison as seen from one of its sides; `other` is None if it is no longer kept."""

    comparison: Comparison
    outcome: str
    tone: str
    ago: str
    other_id: UUID
    other: Interaction | None


def comparisons(interaction: Interaction) -> list[Compared]:
    made = documents.comparisons([interaction])[interaction.id]
    sides = {c.preferred_id for c in made} | {c.other_id for c in made}
    found = Interaction.objects.filter(project_id=interaction.project_id, pk__in=sides - {interaction.id})
    others = {other.id: other for other in found.select_related("model")} if sides else {}
    return [_seen_from(interaction.id, comparison, others) for comparison in made]


def _seen_from(identifier: UUID, comparison: Comparison, others: Mapping[UUID, Interaction]) -> Compared:
    won = comparison.preferred_id == identifier
    other_id = comparison.other_id if won else comparison.preferred_id
    outcome = f"both {comparison.tied}" if comparison.tied else "won" if won else "lost"
    tone = "good" if outcome in ("won", "both good") else "bad"
    ago = rows.ago(ids.now() - comparison.created_at)
    return Compared(comparison, outcome, tone, ago, other_id, others.get(other_id))


# Images and people


def image_uses(interaction: Interaction) -> dict[str, int]:
    """In how many interactions each of its images is, by SHA-256."""
    kept = {image.pk: sha for sha, image in interaction.kept_images.items()}
    if not kept:
        return {}
    counted = ImageUse.objects.filter(image_id__in=kept).values("image_id").annotate(uses=Count("id"))
    return {kept[row["image_id"]]: row["uses"] for row in counted}


def people(uids: Iterable[UUID | None]) -> dict[UUID, str]:
    """The email addresses of those users that have an account here."""
    known = {uid for uid in uids if uid is not None}
    return dict(User.objects.filter(uid__in=known).values_list("uid", "email")) if known else {}


def author(uid: UUID | None, people: Mapping[UUID, str]) -> str:
    """An account's address, or the beginning of a foreign id."""
    return "" if uid is None else people.get(uid) or f"user {str(uid)[:8]}"
