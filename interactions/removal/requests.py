"""What was asked to be removed, worked off in the background, by one process at a time."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import uuid4

from pyroaring import BitMap

from interactions import ids
from interactions.models import Project, Removal, User
from interactions.removal.batches import Batch, Pace, Progress

# Who works on a removal says so with each batch; silent for so long, it is taken for dead, and another goes on.
_SILENCE = timedelta(seconds=5)
_LOOK_AGAIN_SECONDS = 0.2


def request(project: Project, what: str, numbers: BitMap, described: str, by: User | None = None) -> Removal:
    """Ask for the interactions with these numbers to be deleted, or their texts. `described` as in `Removal`.

    The caller works it off, or wakes who does.
    """
    return Removal.objects.create(
        project=project,
        what=what,
        numbers=numbers.serialize(),
        total=len(numbers),
        described=described,
        requested_by=by,
        created_at=ids.now(),
    )


def unfinished() -> Removal | None:
    """The oldest. One after the other: two at once would keep others waiting twice as long."""
    return Removal.objects.filter(finished_at=None).order_by("id").first()


def work_off(removal: Removal, progress: Progress | None = None, seconds: float = float("inf")) -> bool:
    """Go on with a removal, for about so long; wait while another process does. Whether it is finished.

    Raises `Unavailable` if the store does not let it; what was removed by then stays removed.
    """
    if removal.finished_at:
        return True
    numbers, pace, worker = BitMap.deserialize(bytes(removal.numbers)), Pace(), uuid4().hex
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        now = pace.run(lambda batch: _step(batch, removal.pk, numbers, pace, worker))
        if progress:
            progress(now.done)
        if now.finished_at:
            return True
        if now.worker != worker:
            time.sleep(_LOOK_AGAIN_SECONDS)
    Removal.objects.filter(pk=removal.pk, worker=worker).update(worker="", worked_until=None)
    return False


def _step(batch: Batch, pk: int, numbers: BitMap, pace: Pace, worker: str) -> Removal:
    """The next batch, unless another process is at it. Returns the removal as it is then, but for its numbers."""
    removal = Removal.objects.select_for_update().defer("numbers").get(pk=pk)
    now = ids.now()
    if removal.finished_at or (removal.worker != worker and removal.worked_until and removal.worked_until > now):
        return removal
    some = pace.next_of(numbers, removal.reached)
    batch.remove(removal.what, removal.project_id, some)
    removal.worker, removal.worked_until = worker, now + _SILENCE
    removal.done += len(some)
    removal.reached = some.max() if some else removal.reached
    if removal.done >= removal.total:
        removal.finished_at, removal.numbers = now, b""
    removal.save(update_fields=_FINISHED if removal.finished_at else _GONE_ON)
    return removal


_GONE_ON = ("worker", "worked_until", "done", "reached")
_FINISHED = (*_GONE_ON, "finished_at", "numbers")
