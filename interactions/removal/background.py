"""What a server does by itself: it works off what was asked for, and applies retention once a day."""

from __future__ import annotations

import time

from interactions import ids, images
from interactions.removal.requests import unfinished, work_off
from interactions.removal.retention import apply_retention, due_projects

_RETENTION_LOOKED_FOR_EVERY_SECONDS = 60

_settled = False
_looked_at = float("-inf")


def carry_on() -> None:
    """Do what there is to do. To be called again and again, in one thread of each server process."""
    global _settled, _looked_at
    if not _settled:
        images.settle()  # what a process before this one left half way
        _settled = True
    if time.monotonic() - _looked_at > _RETENTION_LOOKED_FOR_EVERY_SECONDS:
        now = ids.now()
        for project in due_projects(now):
            apply_retention(project, now)
        _looked_at = time.monotonic()
    while (wanted := unfinished()) is not None:
        work_off(wanted)
