"""Work that goes on beside the requests of a server process, each kind in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from django.conf import settings
from django.db.backends.signals import connection_created

from interactions import ab_tests, calls, database, datasets, index, removal, texts
from interactions.bridge import writer
from interactions.bridge.threads import with_kept_connection

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 1.0

# So many texts may wait to be indexed before indexing gives way to writes no longer.
_MOST_WAITING = 20_000


def _pause() -> None:
    """Between two texts: a thread that computes without a pause would hold up the event loop by milliseconds each time
    that comes back from waiting. While requests are being written, most of the time is theirs."""
    time.sleep(0.001 if writer.is_busy() and _indexer.waiting < _MOST_WAITING else 0)


_indexer = texts.Indexer(_pause)

# Each does what there is to do and returns; after a second it is called again.
WORK: Mapping[str, Callable[[], None]] = {
    "calls": calls.carry_on,
    "datasets": datasets.carry_on,
    "log": database.keep_log_short,
    "index": index.keep_all,
    "removal": removal.carry_on,
    "ab_tests": ab_tests.carry_on,
    "texts": _indexer.keep_all if settings.TEXT_INDEX else _indexer.keep_tidy,
}


def start() -> None:
    connection_created.connect(database.leave_log_alone)
    for name, act in WORK.items():
        threading.Thread(target=_repeat, args=(name, act), name=name, daemon=True).start()


def _repeat(name: str, act: Callable[[], None]) -> None:
    pause = threading.Event()
    while True:
        try:
            with_kept_connection(act)
        except Exception:  # the next round may find the store again
            log.exception("The work “%s” failed and is tried again", name)
            pause.wait(SECONDS_BETWEEN * 9)
        pause.wait(SECONDS_BETWEEN)
