"""What a server knows beside the rows: the index that filters and counts use, and the words."""

from __future__ import annotations

import gc
import os
import time
from typing import Any

from django.db import connection

from benchmarks.server import memory
from interactions import index
from interactions.index import following
from interactions.models import Project, Segment
from interactions.texts import indexing

SECONDS_TO_INDEX = 300


def forget() -> dict[str, Any]:
    """Of the index, what is kept in the store: the next start reads all rows."""
    Segment.objects.all().delete()
    return {}


def take() -> dict[str, Any]:
    """Bring the index into memory, as a server does, and save it at once. Returns the bytes it takes, None if unknown.

    Of projects with few interactions nothing is saved: they are read again each time.
    """
    # Otherwise it is saved after a quiet minute.
    following.QUIET_SECONDS = 0.0
    list(Project.objects.all())  # what the first query takes is none of the index's
    before = _memory()
    index.keep_all()
    after = _memory()
    return {"memory": after - before if after and before else None}


def _memory() -> int | None:
    connection.close()  # its cache of pages is none of the index's
    gc.collect()
    used = memory(os.getpid())
    return used.pss if used else None


def wait_for_words() -> dict[str, Any]:
    """Until a server has indexed all texts."""
    deadline = time.monotonic() + SECONDS_TO_INDEX
    while indexing.behind():
        if time.monotonic() > deadline:
            raise RuntimeError(f"The texts were not indexed after {SECONDS_TO_INDEX} s.")
        time.sleep(0.1)
    return {}
