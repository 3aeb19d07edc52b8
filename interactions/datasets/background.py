"""What a server does by itself: it makes the datasets that were asked for, and clears away what was left behind.

One worker at a time makes a dataset, and says again and again that it is alive; silent for `_SILENCE`, it is taken for
dead, and another begins anew. What only one may do is done with the row locked, so two that both think that it is
theirs cannot mix their work.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q, QuerySet

from interactions import ids, memory
from interactions.datasets import files, library, uploads
from interactions.datasets.files import Content
from interactions.datasets.making import write_file, write_selection
from interactions.datasets.records import Survey
from interactions.datasets.selections import Selection
from interactions.errors import Invalid, RequestError
from interactions.models import Dataset

_SILENCE = timedelta(seconds=10)
_SAID_EVERY_SECONDS = 1.0
# What it is to be made of may lie where only another server looks; after so long it is taken for lost.
_PATIENCE = timedelta(hours=1)
# A thread that computes without a pause holds up the event loop by milliseconds each time that comes back from waiting.
_PAUSED_EVERY_SECONDS = 0.0003
_TIDIED_EVERY_SECONDS = 3_600

_tidied_at = float("-inf")


def carry_on() -> None:
    """Do what there is to do. To be called again and again, in one thread of each server process."""
    global _tidied_at
    if time.monotonic() - _tidied_at > _TIDIED_EVERY_SECONDS:
        uploads.forget_stale()
        files.sweep()
        _tidied_at = time.monotonic()
    while (claim := _next_claim()) is not None:
        _make(claim)
        memory.give_back()


class _Lost(Exception):
    """Somebody else makes it now, or it was deleted."""


class _Claim:
    """The right to make a dataset."""

    def __init__(self, pk: int) -> None:
        self._pk = pk
        self._worker = uuid4().hex
        self._said_at = self._paused_at = float("-inf")

    def take(self) -> bool:
        free = Q(worked_until=None) | Q(worked_until__lte=ids.now())
        return self._say(_pending().filter(free, pk=self._pk), 0.0)

    def renew(self, done: int, total: int) -> None:
        """Called with each record: lets others run, and says from time to time how far it is. Raises `_Lost`."""
        now = time.monotonic()
        if now - self._paused_at >= _PAUSED_EVERY_SECONDS:
            time.sleep(0)  # which takes longer than most records
            self._paused_at = time.monotonic()
        if now - self._said_at < _SAID_EVERY_SECONDS:
            return
        if not self._say(self._mine(), min(done / max(total, 1), 0.99)):
            raise _Lost

    def _say(self, rows: QuerySet[Dataset], progress: float) -> bool:
        self._said_at = time.monotonic()
        return bool(rows.update(worker=self._worker, worked_until=ids.now() + _SILENCE, progress=progress))

    def dataset(self) -> Dataset:
        """As it is now; nobody else changes it until the transaction around this ends. Raises `_Lost`."""
        with transaction.atomic():
            dataset = self._mine().select_for_update().first()
        if dataset is None:
            raise _Lost
        return dataset

    def _mine(self) -> QuerySet[Dataset]:
        return _pending().filter(pk=self._pk, worker=self._worker)


def _pending() -> QuerySet[Dataset]:
    return Dataset.objects.filter(state=Dataset.State.PENDING)


def _next_claim() -> _Claim | None:
    """Those that nobody has tried come first: one that fails again and again holds up no other."""
    now = ids.now()
    waiting = _pending().filter(Q(worked_until=None) | Q(worked_until__lte=now)).select_related("upload")
    for dataset in waiting.order_by(F("worked_until").asc(nulls_first=True), "id"):
        if not files.has_source(dataset) and now - dataset.created_at < _PATIENCE:
            continue
        claim = _Claim(dataset.pk)
        if claim.take():
            return claim
    return None


def _make(claim: _Claim) -> None:
    try:
        dataset = claim.dataset()
        with Content(dataset) as kept:
            found = _written(dataset, kept, claim)
            kept.finish()
            with _end(claim) as dataset:
                library.describe(dataset, found, kept.size)
                kept.keep()
    except _Lost:
        return
    except RequestError as error:
        if error.status >= 500:
            raise
        with suppress(_Lost), _end(claim) as dataset:
            dataset.state, dataset.error = Dataset.State.ERROR, error.message


def _written(dataset: Dataset, kept: Content, claim: _Claim) -> Survey:
    if not files.has_source(dataset):
        raise Invalid("What it was to be made of is missing in the store. Delete it, and begin again.")
    if dataset.upload is None:
        selection = Selection.unpack(files.selection_path(dataset).read_bytes())
        total = 2 * len(selection.numbers)
        return write_selection(dataset, selection, kept, lambda done: claim.renew(done, total))
    size = files.upload_size(dataset.upload)
    return write_file(dataset, files.read_upload(dataset.upload), kept, lambda done: claim.renew(done, size))


@contextmanager
def _end(claim: _Claim) -> Iterator[Dataset]:
    """The dataset, locked, for its end to be written down. What it was made of goes with that."""
    with transaction.atomic():
        dataset = claim.dataset()
        upload = dataset.upload
        yield dataset
        dataset.upload, dataset.worker, dataset.worked_until = None, "", None
        dataset.save()
        if upload is not None:
            upload.delete()
    files.forget_source(dataset, upload)
