"""What goes together in one transaction, and how much of it, so that nobody waits for long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from pyroaring import BitMap

from interactions import database, ids, images, texts
from interactions.errors import Unavailable
from interactions.ingest import history
from interactions.models import (
    AbEntry,
    Comparison,
    Feedback,
    FeedbackKey,
    Image,
    ImageUse,
    Interaction,
    Label,
    Labelling,
    OpenCall,
    Outcome,
    Removal,
    Revision,
    Transcript,
)

_T = TypeVar("_T")
# Told how many of the interactions are done with, after each batch.
Progress = Callable[[int], None]


def delete(project_id: int, numbers: BitMap, progress: Progress | None = None) -> None:
    """Delete the interactions with these numbers, with all that belongs to them. Raises `Unavailable`."""
    _remove(Removal.What.INTERACTIONS, project_id, numbers, progress)


def drop_transcripts(project_id: int, numbers: BitMap, progress: Progress | None = None) -> None:
    """Remove what was said in them, and their images; the rows, and what was said about them, stay."""
    _remove(Removal.What.TRANSCRIPTS, project_id, numbers, progress)


def _remove(what: str, project_id: int, numbers: BitMap, progress: Progress | None) -> None:
    pace, reached, done = Pace(), 0, 0
    while some := pace.next_of(numbers, reached):
        pace.run(lambda batch, some=some: batch.remove(what, project_id, some))  # type: ignore[misc]
        reached, done = some.max(), done + len(some)
        if progress:
            progress(done)


# How much at a time

# A batch holds the only write lock of SQLite, or on PostgreSQL the end of the project's history. Who waits for the lock
# of SQLite looks again after 25 ms at most, for the first 80 ms: a pause of that length lets in all who came meanwhile.
_BATCH_SECONDS = 0.02
_PAUSE_SECONDS = 0.03
_FIRST, _LEAST, _MOST = 20, 10, 300
# Where others wait only for the end of it.
_LEAST_BESIDE_WRITERS = 40
# Where nobody else has written for a while, few will be waiting.
_QUIET_SECONDS = 1.0
_BATCH_SECONDS_IN_QUIET = 0.06
# On PostgreSQL, when a removal and a request each wait for what the other holds, the removal is the one to let go.
_LOCK_MILLISECONDS = 40
_ATTEMPTS = 20


class Pace:
    """Runs batches with pauses between them, each of as many rows as the time that the last one took allows: `size`."""

    def __init__(self) -> None:
        self.size = _FIRST
        self._least = _LEAST if database.writers_wait() else _LEAST_BESIDE_WRITERS
        self._pause = 0.0
        # How much had happened when the last batch was done, and when somebody else was last seen to write.
        self._written: int | None = None
        self._others_wrote_at = -math.inf

    def next_of(self, numbers: BitMap, reached: int) -> BitMap:
        """The numbers after `reached`, as many as should be done at once."""
        first = numbers.rank(reached)
        return numbers[first : first + self.size]

    def run(self, act: Callable[[Batch], _T]) -> _T:
        """Do `act` in a transaction of its own, again if others were in its way. Raises `Unavailable` in the end."""
        for attempt in range(_ATTEMPTS):
            time.sleep(self._pause)
            batch = Batch()
            try:
                with batch:
                    if self._written not in (None, _written()):
                        self._others_wrote_at = time.monotonic()
                    result = act(batch)
                    written = _written()
            except (*database.Unreachable, *database.Refused):
                self.size = max(self._least, self.size // 2)
                self._pause = _PAUSE_SECONDS * (attempt + 1)
            else:
                self._written = written
                self._took(batch)
                return result
        raise Unavailable("The store is busy, or cannot be reached; not all was removed. Try again later.")

    def _took(self, batch: Batch) -> None:
        is_quiet = time.monotonic() - self._others_wrote_at > _QUIET_SECONDS
        growth = min(2.0, (_BATCH_SECONDS_IN_QUIET if is_quiet else _BATCH_SECONDS) / max(batch.worked, 0.001))
        self.size = round(min(max(self.size * growth, self._least), _MOST))
        self._pause = _PAUSE_SECONDS if is_quiet else max(_PAUSE_SECONDS, 2 * batch.seconds)


def _written() -> int:
    """How much has happened in all projects: it grows whenever anyone writes."""
    return Revision.objects.aggregate(total=Sum("latest"))["total"] or 0


# One batch


class Batch:
    """A transaction, and the files of images that go with it.

    `seconds` is how long it kept others waiting; `worked` is that without the commit, whose flush of the disk takes as
    long as it does, however little there is in it.
    """

    def __init__(self) -> None:
        self.seconds = self.worked = 0.0
        self._files: list[str] = []
        self._transaction = transaction.atomic(durable=True)

    def __enter__(self) -> Self:
        self._transaction.__enter__()
        self._began = time.perf_counter()
        database.wait_at_most(_LOCK_MILLISECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.worked = time.perf_counter() - self._began
        try:
            self._transaction.__exit__(kind, error, traceback)
        except BaseException:
            self._settle()
            raise
        self.seconds = time.perf_counter() - self._began
        if kind is None:
            images.discard(self._files)
        else:
            self._settle()

    def _settle(self) -> None:
        """Whether it was committed is for the store to say; if it cannot say so now, the next sweep asks again."""
        with suppress(*database.Unreachable):
            images.settle(self._files)

    def remove(self, what: str, project_id: int, numbers: BitMap) -> None:
        rows = Interaction.objects.filter(number__among=(project_id, numbers))
        if what == Removal.What.INTERACTIONS:
            self._delete(project_id, rows)
        else:
            self._drop_transcripts(project_id, rows.filter(texts_removed_at=None))

    def _delete(self, project_id: int, rows: QuerySet[Interaction]) -> None:
        # Locked first: feedback that is being given to one of them either is there by now, or comes too late.
        locked = rows.order_by("number").select_for_update().values_list("id", "number", "session_id")
        if not (found := list(locked)):
            return
        gone = [id for id, _, _ in found]
        labels = set(Labelling.objects.filter(interaction__in=gone).values_list("label_id", flat=True))
        _delete(Feedback.objects.filter(interaction__in=gone))
        _delete(Labelling.objects.filter(interaction__in=gone))
        _delete(AbEntry.objects.filter(interaction__in=gone))
        _delete(OpenCall.objects.filter(interaction__in=gone))
        self._forget_images(project_id, gone)
        _delete_transcripts(project_id, gone)
        _delete(Interaction.objects.filter(pk__in=gone))
        # A value that only they had. Who remembers its id is told so by the store, and makes it anew.
        if unused := _unused(Label, labels, Labelling.objects.filter(label=OuterRef("pk"))):
            _delete(Label.objects.filter(pk__in=unused))
        _forget_outcomes(project_id, {session for _, _, session in found})
        history.write(project_id, 0, [number for _, number, _ in found])
        _forget_comparisons(project_id, gone)

    def _drop_transcripts(self, project_id: int, rows: QuerySet[Interaction]) -> None:
        found = list(rows.order_by("number").select_for_update().values_list("id", "number"))
        if not found:
            return
        emptied = [id for id, _ in found]
        self._forget_images(project_id, emptied)
        _delete_transcripts(project_id, emptied)
        Interaction.objects.filter(pk__in=emptied).update(
            prompt_preview="", completion_preview="", image_count=0, texts_removed_at=ids.now()
        )
        history.write(project_id, 0, [number for _, number in found])

    def _forget_images(self, project_id: int, interactions: Sequence[UUID]) -> None:
        """Delete their uses of images, and the images that have no other."""
        uses = ImageUse.objects.filter(interaction__in=interactions)
        shown = set(uses.values_list("image_id", flat=True))
        if not shown:
            return
        _delete(uses)
        gone = _unused(Image, shown, ImageUse.objects.filter(image=OuterRef("pk")))
        if not gone:
            return
        files = list(Image.objects.filter(pk__in=gone).values_list("sha256", "format"))
        _delete(Image.objects.filter(pk__in=gone))
        for digest, kind in files:
            if aside := images.set_aside(project_id, str(digest), kind):
                self._files.append(aside)


def _delete(rows: QuerySet[Any]) -> None:
    """In one statement. Django's own would fetch the rows, to find what refers to them; that is named here instead."""
    rows._raw_delete(rows.db)


def _delete_transcripts(project_id: int, interactions: Sequence[UUID]) -> None:
    """With what the search knows of them."""
    said = Transcript.objects.filter(interaction__in=interactions)
    texts.forget(project_id, said.values_list("interaction__number", flat=True))
    _delete(said)


def _unused(model: type[models.Model], candidates: set[int], uses: QuerySet[Any]) -> list[int]:
    """Those of `candidates` that nothing refers to, locked, so that nothing can until the transaction has ended.

    What is in use is left alone: requests that refer to it need it while this transaction runs.
    """
    rows = model._default_manager.order_by("pk")
    unused = rows.filter(~Exists(uses))
    found = list(unused.filter(pk__in=candidates).values_list("pk", flat=True)) if candidates else []
    locked = list(rows.filter(pk__in=found).select_for_update().values_list("pk", flat=True)) if found else []
    return list(unused.filter(pk__in=locked).values_list("pk", flat=True)) if locked else []


def _forget_outcomes(project_id: int, sessions: set[UUID]) -> None:
    """What was said about a session goes with the last interaction of it."""
    turns = Interaction.objects.filter(project=project_id, session_id=OuterRef("session_id"))
    _delete(Outcome.objects.filter(~Exists(turns), project=project_id, session_id__in=sessions))


def _forget_comparisons(project_id: int, gone: Sequence[UUID]) -> None:
    """After the history was written: whoever compares waits for that, and then looks whether both sides are there."""
    either = Q(preferred_id__in=gone) | Q(other_id__in=gone)
    made = list(Comparison.objects.filter(either).values_list("pk", "preferred_id", "other_id"))
    if made:
        _delete(Comparison.objects.filter(pk__in=[pk for pk, _, _ in made]))
        sides = {id for _, *pair in made for id in pair}
        history.note(project_id, *sides)


# Feedback keys


def delete_feedback_key(key: FeedbackKey, still_allowed: Callable[[], None]) -> None:
    """Delete it, with all that was said under it. Raises `Unavailable`; then some of that may be gone already.

    `still_allowed` is asked when nothing can refer to the key any more, and raises what speaks against its end.
    """
    pace, reached, numbers = Pace(), 0, _judged(key)
    while some := pace.next_of(numbers, reached):
        pace.run(lambda _, some=some: _forget_judgements(key, some))  # type: ignore[misc]
        reached = some.max()
    _delete_in_batches(pace, Outcome.objects.filter(project=key.project_id, key=key))
    _delete_in_batches(pace, AbEntry.objects.filter(test__metric=key))
    pace.run(lambda _: _forget_key(key, still_allowed))


def _judged(key: FeedbackKey) -> BitMap:
    """The numbers of the interactions that have feedback under the key, or were preferred by it."""
    scored = Feedback.objects.filter(key=key).values_list("interaction__number", flat=True)
    compared = Comparison.objects.filter(key=key).values("preferred_id")
    preferred = Interaction.objects.filter(project=key.project_id, pk__in=compared).values_list("number", flat=True)
    return BitMap(scored.iterator()) | BitMap(preferred.iterator())


def _forget_judgements(key: FeedbackKey, numbers: BitMap) -> None:
    rows = Interaction.objects.filter(number__among=(key.project_id, numbers))
    judged = list(rows.values_list("pk", flat=True))
    compared = Comparison.objects.filter(key=key, preferred_id__in=judged)
    others = list(compared.values_list("other_id", flat=True))
    _delete(compared)
    _delete(Feedback.objects.filter(interaction__in=judged, key=key))
    history.note(key.project_id, *judged, *others)


def _delete_in_batches(pace: Pace, rows: QuerySet[Any]) -> None:
    """Of rows that the index does not know."""
    left = list(rows.values_list("pk", flat=True))
    while some := left[: pace.size]:
        pace.run(lambda _, some=some: _delete(rows.model._default_manager.filter(pk__in=some)))  # type: ignore[misc]
        del left[: len(some)]


def _forget_key(key: FeedbackKey, still_allowed: Callable[[], None]) -> None:
    """Who remembers its id is told by the store that it is gone."""
    rows = FeedbackKey.objects.filter(pk=key.pk)
    if not list(rows.select_for_update()):
        return
    still_allowed()
    if numbers := _judged(key):  # said meanwhile
        _forget_judgements(key, numbers)
    rows.delete()
