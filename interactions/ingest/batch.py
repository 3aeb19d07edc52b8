"""The rows of acts that will be inserted in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, models

from interactions import database, ids, images, payloads, texts
from interactions.errors import Unavailable
from interactions.images import Picture
from interactions.ingest import history
from interactions.ingest.preparation import Prepared
from interactions.models import (
    AbEntry,
    Comparison,
    Feedback,
    IdempotencyKey,
    Image,
    ImageUse,
    Interaction,
    KeyUsage,
    Labelling,
    OpenCall,
    Outcome,
    Transcript,
)

# In the order of insertion. Interactions come last, because their numbers make other writers of the project wait;
# what refers to them is checked at the transaction's end.
COLUMNS: dict[type[models.Model], tuple[str, ...]] = {
    Transcript: ("interaction", "project", "prompt_text", "completion_text", "document"),
    Labelling: ("project", "interaction", "key", "label"),
    Feedback: ("id", "project", "interaction", "key", "value", "details", "reason", "user_uid", "created_at"),
    ImageUse: ("project", "interaction", "image", "position"),
    AbEntry: ("project", "interaction", "test"),
    Comparison: ("id", "project", "key", "preferred_id", "other_id", "tied", "user_uid", "created_at"),
    Outcome: ("id", "project", "key", "session_id", "value", "details", "user_uid", "created_at"),
    OpenCall: ("interaction", "project", "process"),
    IdempotencyKey: ("api_key", "key", "request_digest", "answer", "created_at"),
    Interaction: (
        "id", "project", "model", "created_at", "recorded_at", "source", "state", "error_kind", "finish_reason",
        "session_id", "user_uid", "prompt_hash", "prompt_preview", "completion_preview", "image_count",
        "message_count", "prompt_tokens", "completion_tokens", "total_tokens", "first_token_ms", "total_ms",
        "texts_removed_at", "number",
    ),
}  # fmt: skip


# What an ending changes.
ENDED: dict[type[models.Model], tuple[str, ...]] = {
    Transcript: ("completion_text", "answer"),
    Interaction: (
        "state", "error_kind", "finish_reason", "completion_preview", "prompt_tokens", "completion_tokens",
        "total_tokens", "first_token_ms", "total_ms", "cost", "number",
    ),
}  # fmt: skip


# A row's number is known only when it is inserted.
_GIVEN = COLUMNS[Interaction][:-1]
_PROJECT = _GIVEN.index("project")
_SIDES = slice(COLUMNS[Comparison].index("preferred_id"), COLUMNS[Comparison].index("other_id") + 1)


class Spender(NamedTuple):
    """A key, in one period: a row of `KeyUsage`."""

    api_key: int
    unit: str
    begins_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ends: the columns of its interaction and its transcript that `ENDED` names. An interaction in none of
    the states `of` stays as it is."""

    id: UUID
    project_id: int
    of: frozenset[str]
    row: dict[str, Any]
    transcript: dict[str, database.Packed | None]
    spent_by: Spender | None = None


class Batch:
    def __init__(self) -> None:
        self._rows: dict[type[models.Model], list[tuple[Any, ...]]] = {model: [] for model in COLUMNS}
        self._pictures: dict[tuple[int, str], Picture] = {}
        self._uses: list[tuple[int, UUID, str, int]] = []
        self._changed: defaultdict[int, set[UUID]] = defaultdict(set)
        self._endings: dict[UUID, Ending] = {}

    # Adding

    def add_interaction(self, prepared: Prepared, model_id: int | None) -> None:
        row = prepared.row | {"project": prepared.project_id, "model": model_id}
        self._rows[Interaction].append(tuple(row[name] for name in _GIVEN))
        if texts := prepared.transcript:
            self._rows[Transcript].append(
                (prepared.id, prepared.project_id, texts["prompt_text"], texts["completion_text"], texts["document"])
            )
        for sha, picture in prepared.pictures.items():
            self._pictures[prepared.project_id, sha] = picture
        for position, sha in enumerate(prepared.digests):
            self._uses.append((prepared.project_id, prepared.id, sha, position))

    def add_labelling(self, project_id: int, interaction: UUID, key_id: int, label_id: int) -> None:
        self._rows[Labelling].append((project_id, interaction, key_id, label_id))

    def add_entry(self, project_id: int, interaction: UUID, test_id: int) -> None:
        self._rows[AbEntry].append((project_id, interaction, test_id))

    def add_feedback(
        self,
        project_id: int,
        interaction: UUID,
        key_id: int,
        value: float,
        item: payloads.FeedbackItem,
        user: UUID | None,
    ) -> UUID:
        moment, id = _stamp(item.created_at)
        details, reason = item.details or "", item.reason or ""
        self._rows[Feedback].append((id, project_id, interaction, key_id, value, details, reason, user, moment))
        return id

    def add_comparison(
        self, project_id: int, key_id: int, preferred: UUID, other: UUID, tied: str | None, user: UUID | None
    ) -> UUID:
        moment, id = _stamp()
        self._rows[Comparison].append((id, project_id, key_id, preferred, other, tied or "", user, moment))
        return id

    def add_outcome(
        self, project_id: int, key_id: int, session: UUID, value: float, details: str | None, user: UUID | None
    ) -> UUID:
        moment, id = _stamp()
        self._rows[Outcome].append((id, project_id, key_id, session, value, details or "", user, moment))
        return id

    def add_call(self, project_id: int, interaction: UUID, process: UUID) -> None:
        self._rows[OpenCall].append((interaction, project_id, process))

    def end(self, ending: Ending) -> None:
        self._endings[ending.id] = ending

    def change(self, project_id: int, interaction: UUID) -> None:
        """An interaction that is in the store already is altered by this batch."""
        self._changed[project_id].add(interaction)

    def add_answer(self, api_key_id: int, key: str, request_digest: str, answer: str) -> None:
        self._rows[IdempotencyKey].append((api_key_id, key, request_digest, answer, ids.now()))

    # Inserting

    def insert(self) -> None:
        """Within a transaction of the caller's."""
        ending = self._begin_to_end() if self._endings else []
        if self._uses:
            self._rows[ImageUse] = self._image_uses()
        for model, columns in COLUMNS.items():
            if model is not Interaction:
                database.insert_rows(model, columns, self._rows[model])
        self._write_history(ending)
        self._check_compared()

    def _begin_to_end(self) -> list[tuple[Ending, int]]:
        """Those that can still end, locked, with the numbers that they had."""
        rows = Interaction.objects.filter(pk__in=self._endings).order_by("pk").select_for_update(no_key=True)
        found = list(rows.values_list("pk", "state", "number"))
        ending = [(self._endings[id], number) for id, state, number in found if state in self._endings[id].of]
        known: defaultdict[int, list[int]] = defaultdict(list)
        for id, state, number in found:
            if state in self._endings[id].of and state != Interaction.State.STARTED:
                known[self._endings[id].project_id].append(number)
        for project_id, numbers in sorted(known.items()):
            texts.forget(project_id, numbers)  # of what has started the search knows no words yet
        said = [(one.id, *(one.transcript[name] for name in ENDED[Transcript])) for one, _ in ending]
        database.update_rows(Transcript, ENDED[Transcript], said)
        ended = OpenCall.objects.filter(pk__in=[one.id for one, _ in ending])
        ended._raw_delete(ended.db)
        costs: defaultdict[Spender, list[int]] = defaultdict(list)
        for one, _ in ending:
            if one.spent_by:
                costs[one.spent_by].append(one.row["cost"] or 0)
        for spender, several in sorted(costs.items()):
            database.count_up(KeyUsage, spender._asdict(), {"requests": len(several), "cost": sum(several)})
        return ending

    def _check_compared(self) -> None:
        """What is compared is still there. No constraint says so, but a removal notes itself in the history, as this
        batch has by now: it came before, and is seen here, or comes after, and takes the comparison along."""
        compared = {id for row in self._rows[Comparison] for id in row[_SIDES]}
        if compared and Interaction.objects.filter(pk__in=compared).count() < len(compared):
            raise IntegrityError("An interaction of a comparison was deleted meanwhile.")

    def _write_history(self, ending: Iterable[tuple[Ending, int]]) -> None:
        """Insert the interactions, and end those that end, with new numbers: to who follows the history, these are
        others. So an index of texts never knows a completion that was not all there."""
        rows = self._rows[Interaction]
        wanted = Counter(row[_PROJECT] for row in rows)
        gone: defaultdict[int, list[int]] = defaultdict(list)
        for one, number in ending:
            wanted[one.project_id] += 1
            gone[one.project_id].append(number)
        # In the same order as every other writer, so that no two wait for each other.
        numbers = {
            id: count(history.write(id, wanted[id], gone.get(id, ()), self._changed.get(id, ())))
            for id in sorted(wanted.keys() | self._changed.keys())
        }
        numbered = [(*row, next(numbers[row[_PROJECT]])) for row in rows]
        database.insert_rows(Interaction, COLUMNS[Interaction], numbered)
        ended = [
            (one.id, *(one.row[name] for name in ENDED[Interaction][:-1]), next(numbers[one.project_id]))
            for one, _ in ending
        ]
        database.update_rows(Interaction, ENDED[Interaction], ended)

    def _image_uses(self) -> list[tuple[Any, ...]]:
        now = ids.now()
        Image.objects.bulk_create(
            (
                Image(
                    project_id=project_id,
                    sha256=sha,
                    format=picture.format,
                    width=picture.width,
                    height=picture.height,
                    size=picture.size,
                    thumbnail=picture.thumbnail,
                    created_at=now,
                )
                for (project_id, sha), picture in sorted(self._pictures.items())
            ),
            ignore_conflicts=True,
        )
        kept = _image_ids({(project_id, sha) for project_id, _, sha, _ in self._uses})
        return [(project, interaction, kept[project, sha], place) for project, interaction, sha, place in self._uses]


def _image_ids(wanted: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    rows = Image.objects.filter(
        project_id__in={project for project, _ in wanted}, sha256__in=[sha for _, sha in wanted]
    ).values_list("project_id", "sha256", "id", "format")
    # The content, too: a removal may have taken it since it was kept, or found to be there. See `images`.
    found = {
        (project_id, str(sha)): id for project_id, sha, id, kind in rows if images.is_there(project_id, str(sha), kind)
    }
    if not wanted <= found.keys():
        raise Unavailable("An image of this request was deleted meanwhile. Send the request again.")
    return found


def _stamp(created_at: datetime | None = None) -> tuple[datetime, UUID]:
    moment = created_at or ids.now()
    return moment, ids.new_id(moment)
