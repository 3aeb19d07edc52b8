"""The one place where async code meets the synchronous code below.

Writes that arrive together are committed together (`writer`); other synchronous work is done in threads (`threads`);
`bodies` and `streams` are what comes in and goes out; `server` is the ASGI application around Django's.
"""

from interactions.bridge.bodies import SMALL_BODY, body, forget_body, read_body, too_large
from interactions.bridge.callers import caller, forget_caller, person, read_caller
from interactions.bridge.leaving import when_left
from interactions.bridge.streams import streamed
from interactions.bridge.threads import in_disk_thread, in_thread, on_loop
from interactions.bridge.writer import commit

__all__ = [
    "SMALL_BODY",
    "body",
    "caller",
    "commit",
    "forget_body",
    "forget_caller",
    "in_disk_thread",
    "in_thread",
    "on_loop",
    "person",
    "read_body",
    "read_caller",
    "streamed",
    "too_large",
    "when_left",
]
