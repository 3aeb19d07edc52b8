"""Keeps the index of each project close behind what is recorded: by adding segments, and by uniting small ones.

Small segments are united as soon as there are eight of a size, larger ones when their block is full. So a word is
written two or three times in all, and a block has one segment in the end.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import timedelta
from itertools import takewhile
from typing import NamedTuple
from uuid import uuid4

from django.db.models import Q

from interactions import ids, memory
from interactions.models import Revision, TextIndex, TextSegment
from interactions.texts import segments
from interactions.texts.pages import BLOCK
from interactions.texts.segments import Overtaken, Pause, Segment

# So many are indexed at once beside requests.
CHUNK = 4_096
# Fewer are left to wait, for a while: searching reads them quickly, and larger segments are cheaper.
_WORTH_INDEXING = 1_000
_SECONDS_WAITING = 10.0
# What was removed from the store goes from the index a moment later, with what is removed right after it.
_SECONDS_UNTIDY = 1.0
_UNITED_AT_ONCE = 8
# Interactions in a segment.
_SMALL = (1, 8, 64, 512)
# Whoever has not been heard of for so long is thought to have ended.
_CLAIMED_FOR = timedelta(seconds=60)


class Behind(NamedTuple):
    """A project whose index has work to do. Indexed are the numbers up to `upto`, of those up to `latest`."""

    project_id: int
    upto: int
    latest: int
    is_untidy: bool


def behind() -> list[Behind]:
    rows = TextSegment.objects.filter(live=True).values_list("project_id", "last", "gone")
    upto: dict[int, int] = {}
    untidy = set()
    for project_id, last, gone in rows:
        upto[project_id] = max(last, upto.get(project_id, 0))
        if gone:
            untidy.add(project_id)
    latest = Revision.objects.values_list("project_id", "latest")
    found = (Behind(id, upto.get(id, 0), revision, id in untidy) for id, revision in latest)
    return [project for project in found if project.upto < project.latest or project.is_untidy]


class Indexer:
    """Indexes what there is to index. Of several, in whatever processes, one works on a project at a time."""

    def __init__(self, pause: Pause = lambda: None) -> None:
        self._name = uuid4().hex
        self._pause = pause
        self._waiting_since: dict[int, float] = {}
        # How many the project that is worked on has that are not indexed yet.
        self.waiting = 0

    def keep_all(self) -> None:
        """Index what is worth it by now, and return. To be called again and again."""
        for project in behind():
            if self._is_due(project):
                self._waiting_since.pop(project.project_id, None)
                for upto in self.catch_up(project.project_id, CHUNK):
                    if upto >= project.latest:
                        break  # what came meanwhile waits to be many, or this would go on by twos and threes

    def keep_tidy(self) -> None:
        """Remove what is left of texts that are gone, and index nothing. To be called again and again."""
        for project in behind():
            if project.is_untidy:
                try:
                    while self.claim(project.project_id) and self._has_untidy(project.project_id):
                        self._unite(project.project_id)
                except Overtaken:
                    pass  # the next round sees what has changed
                finally:
                    self._release(project.project_id)

    def _is_due(self, project: Behind) -> bool:
        since = self._waiting_since.setdefault(project.project_id, time.monotonic())
        patience = _SECONDS_UNTIDY if project.is_untidy else _SECONDS_WAITING
        return project.latest - project.upto >= _WORTH_INDEXING or time.monotonic() - since >= patience

    def catch_up(self, project_id: int, chunk: int) -> Generator[int, None, None]:
        """Index a project to its end, and tidy it. Yields how far the index goes, after each step."""
        try:
            while self.claim(project_id):
                try:
                    upto = self._step(project_id, chunk)
                except Overtaken:
                    continue
                if upto is None:
                    return
                yield upto
        finally:
            self._release(project_id)

    def _step(self, project_id: int, chunk: int) -> int | None:
        epoch, upto = segments.epoch(project_id), segments.indexed_upto(project_id)
        latest = Revision.objects.filter(project=project_id).values_list("latest", flat=True).first() or 0
        self.waiting = latest - upto
        if upto < latest:
            last = min(latest, upto + chunk, (upto + 1) // BLOCK * BLOCK + BLOCK - 1)
            made = segments.from_texts(project_id, upto + 1, last, self._pause)
            segments.add(project_id, made, epoch)
            memory.give_back(made.read)
            upto = made.last
        elif not self._has_untidy(project_id):
            return None
        self._unite(project_id)
        return upto

    def _has_untidy(self, project_id: int) -> bool:
        return any(segment.gone for segment in segments.live(project_id))

    def _unite(self, project_id: int) -> None:
        while sources := to_unite(segments.live(project_id)):
            self.claim(project_id)
            segments.replace(project_id, sources, segments.from_segments(sources, self._pause))

    # One at a time. This only saves work: what two do at the same time is still right.

    def claim(self, project_id: int) -> bool:
        """Be the one who works on the project, for the next minute; False if it is somebody else."""
        now = ids.now()
        TextIndex.objects.get_or_create(project_id=project_id)
        index = TextIndex.objects.filter(project=project_id)
        free = index.filter(Q(worker__in=("", self._name)) | Q(worked_until__lt=now))
        had = index.values_list("worker", flat=True).first()
        if not free.update(worker=self._name, worked_until=now + _CLAIMED_FOR):
            return False
        if had != self._name:
            segments.discard_unfinished(project_id)
        return True

    def _release(self, project_id: int) -> None:
        TextIndex.objects.filter(project=project_id, worker=self._name).update(worker="", worked_until=None)


def to_unite(live: list[Segment]) -> list[Segment]:
    """Neighbours in a block that should become one; one alone, if something is to be removed from it."""
    for segment in live:
        if segment.gone:
            return [segment]
    by_block: dict[int, list[Segment]] = {}
    for segment in live:
        by_block.setdefault(segment.block, []).append(segment)
    for of_block in by_block.values():
        if len(of_block) > 1 and of_block[-1].last == of_block[0].block + BLOCK - 1:
            return of_block
    newest = by_block[live[-1].block] if live else []
    return _of_like_size(newest)


def _of_like_size(of_block: list[Segment]) -> list[Segment]:
    """The segments at the end that are no larger than one of the sizes, if these are many."""
    for most in _SMALL:
        small = list(takewhile(lambda segment: segment.documents <= most, reversed(of_block)))  # noqa: B023
        if len(small) >= _UNITED_AT_ONCE:
            return small[::-1]
    return []
