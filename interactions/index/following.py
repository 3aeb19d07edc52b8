"""Keeps the sets of each project as new as the store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from pyroaring import BitMap

from interactions import database, ids, memory
from interactions.index import reading, segments
from interactions.index.postings import Postings, blocks, united
from interactions.index.queries import Index
from interactions.models import Change, Project, Revision, Segment

log = logging.getLogger(__name__)

# A project with fewer events is read while a request waits, and needs no segments.
FEW_EVENTS = 20_000
# Segments are written when so much happened since, or when nothing has happened for so long.
EVENTS_UNSAVED = 50_000
QUIET_SECONDS = 60.0
_UNITED_AT_ONCE = 16
# Long enough for every process to have seen a change.
CHANGES_KEPT = timedelta(days=1)


class Outdated(Exception):
    """The store no longer tells what happened since, or it is not the one that was followed."""


class _Followed:
    """One project's sets, and how far they go."""

    def __init__(self, project_id: int) -> None:
        self.lock = threading.RLock()
        self.index: Index | None = None
        self._project_id = project_id
        self._revision = 0
        # Events that happened, or rows that were read, since segments were written.
        self._waiting = 0
        self._unsaved: set[int] = set()
        self._last_event = time.monotonic()

    # Opening

    def open(self) -> None:
        """Read the segments; and from the rows, what no segment tells."""
        self._open()
        memory.give_back()

    def _open(self) -> None:
        self._waiting = 0
        upto: dict[int, int] = {}
        parts: list[Postings] = []
        for block in range(_revision(self._project_id)[0] // segments.BLOCK_SIZE + 1):
            part, upto[block] = self._open_block(block)
            parts.append(part)
            if len(parts) == _UNITED_AT_ONCE:  # apart, blocks take several times the memory
                parts = [united(parts)]
        postings = united(parts)
        revision = self._align(postings, upto)
        for values in postings.dimensions.values():
            for bitmap in values.held.values():
                bitmap.run_optimize()
        with self.lock:
            self.index, self._revision = Index(self._project_id, postings), revision

    def _open_block(self, block: int) -> tuple[Postings, int]:
        """A block and the revision up to which it is right."""
        with database.snapshot():
            latest, forgotten = _revision(self._project_id)
            segment = Segment.objects.filter(project=self._project_id, block=block, revision__gte=forgotten).first()
            if segment is not None:
                try:
                    return segments.read(bytes(segment.content)), segment.revision
                except segments.UnknownForm:
                    log.info("Block %s of project %s is read again", block, self._project_id)
            postings = Postings()
            self._read(
                postings, max(1, block * segments.BLOCK_SIZE), min(latest, (block + 1) * segments.BLOCK_SIZE - 1)
            )
        return postings, latest

    def _align(self, postings: Postings, upto: dict[int, int]) -> int:
        """Bring blocks that are right up to different revisions to the same one."""
        with database.snapshot():
            latest, forgotten = _revision(self._project_id)
            if forgotten > min(upto.values()):
                raise Outdated
            changed = BitMap()
            for revision, numbers in self._changes(min(upto.values()), latest):
                for block in blocks(numbers, segments.BLOCK_SIZE):
                    if revision > upto.get(block, latest):
                        changed |= numbers & segments.of_block(block)
                        self._unsaved.add(block)
            for block in range(latest // segments.BLOCK_SIZE + 1):
                known = upto.get(block, 0)
                first, last = (
                    max(known + 1, block * segments.BLOCK_SIZE),
                    min(latest, (block + 1) * segments.BLOCK_SIZE - 1),
                )
                if first <= last:
                    self._read(postings, first, last)
            reading.add_again(postings, self._project_id, changed)
        self._waiting += len(changed)
        return latest

    def _read(self, postings: Postings, first: int, last: int) -> None:
        """From the rows, and so for the next segments."""
        reading.add_range(postings, self._project_id, first, last)
        self._unsaved.update(range(first // segments.BLOCK_SIZE, last // segments.BLOCK_SIZE + 1))
        self._waiting += last - first + 1

    # Following

    def catch_up(self) -> None:
        """Within the lock. Raises `Outdated`."""
        if self.index is None:
            raise Outdated
        if _revision(self._project_id)[0] == self._revision:
            return
        with database.snapshot():
            latest, forgotten = _revision(self._project_id)
            if not forgotten <= self._revision <= latest:
                raise Outdated
            changed = BitMap()
            for _, numbers in self._changes(self._revision, latest):
                changed |= numbers
            changed.remove_range(self._revision + 1, latest + 1)  # these are read as they are now
            # If reading fails midway, the revision stays, and the next time reads all of it again: no harm in that.
            self._read(self.index.postings, self._revision + 1, latest)
            reading.add_again(self.index.postings, self._project_id, changed)
        self._unsaved.update(blocks(changed, segments.BLOCK_SIZE))
        self._revision = latest
        self._last_event = time.monotonic()

    def _changes(self, after: int, upto: int) -> Iterator[tuple[int, BitMap]]:
        changes = Change.objects.filter(project=self._project_id, revision__gt=after, revision__lte=upto)
        for revision, numbers in changes.values_list("revision", "numbers").iterator():
            yield revision, BitMap.deserialize(bytes(numbers))

    # Saving

    def save_if_due(self) -> None:
        quiet = time.monotonic() - self._last_event > QUIET_SECONDS
        if self._unsaved and self._revision > FEW_EVENTS and (self._waiting > EVENTS_UNSAVED or quiet):
            self.save()

    def save(self) -> None:
        """Write the blocks that changed, each in a transaction of its own: no writer waits for long."""
        self._waiting = 0
        for block in sorted(self._unsaved):
            with self.lock:
                if self.index is None:
                    return
                self._unsaved.discard(block)
                part, revision = self.index.postings.within(segments.of_block(block)), self._revision
            Segment.objects.bulk_create(
                [Segment(project_id=self._project_id, block=block, revision=revision, content=segments.write(part))],
                update_conflicts=True,
                unique_fields=("project", "block"),
                update_fields=("revision", "content"),
            )
        self._forget_changes()

    def _forget_changes(self) -> None:
        """Changes that every segment holds, and that every process has seen."""
        oldest = Segment.objects.filter(project=self._project_id).order_by("revision").values_list("revision").first()
        old = Change.objects.filter(project=self._project_id, created_at__lt=ids.now() - CHANGES_KEPT)
        if oldest is None:
            return
        with transaction.atomic():
            last = old.filter(revision__lte=oldest[0]).order_by("-revision").values_list("revision", flat=True).first()
            if last is not None:
                Revision.objects.filter(project=self._project_id).update(forgotten=last)
                old.filter(revision__lte=last).delete()


def _revision(project_id: int) -> tuple[int, int]:
    """How far the project's history goes, and up to where changes were forgotten."""
    return Revision.objects.filter(project=project_id).values_list("latest", "forgotten").first() or (0, 0)


# All projects of this process. By `uid`: another store may use the same small ids.

_followed: dict[UUID, _Followed] = {}
_lock = threading.Lock()


def _of(project: Project) -> _Followed:
    with _lock:
        return _followed.setdefault(project.uid, _Followed(project.pk))


@contextmanager
def current(project: Project) -> Iterator[Index | None]:
    """The project's index as new as the store, for this thread alone; None while it is still being made.

    None also within a transaction: what it wrote may yet be undone.
    """
    if _in_transaction():
        yield None
        return
    followed = _of(project)
    if followed.index is None and _revision(project.pk)[0] > FEW_EVENTS:
        yield None  # `keep_all` is at it
        return
    with followed.lock:
        _bring_up_to_date(followed)
        yield followed.index


def _bring_up_to_date(followed: _Followed) -> None:
    if followed.index is None:
        followed.open()
    try:
        followed.catch_up()
    except Outdated:
        followed.index = None
        followed.open()


def _in_transaction() -> bool:
    # A test's own transaction is the whole world for it.
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def keep_all() -> None:
    """Bring the index of every project up to date, make those that are missing, and save what is due."""
    for project in Project.objects.all():
        followed = _of(project)
        if followed.index is None:
            followed.open()  # nobody waits for the lock meanwhile
        with followed.lock:
            _bring_up_to_date(followed)
        followed.save_if_due()
