"""Work that goes on beside the requests of a server process, each kind in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from interactions import index
from interactions.bridge.threads import with_kept_connection

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 1.0

# Each does what there is to do and returns; after a second it is called again.
WORK: Mapping[str, Callable[[], None]] = {"index": index.keep_all}


def start() -> None:
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
