"""How long reading may take."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db import DatabaseError, OperationalError, connection

from interactions.database.vendor import is_sqlite
from interactions.errors import TooSlow


class _Deadline(threading.local):
    """Of what this thread is doing, in the seconds of `time.monotonic`."""

    moment = math.inf
    seconds = 0.0


_deadline = _Deadline()
# So many steps of SQLite's machine take about a millisecond.
_STEPS = 20_000


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """What is read within may take so long in all; the statement that exceeds it is ended, and `TooSlow` raised."""
    if _deadline.moment < math.inf:  # the limit around this one holds
        yield
        return
    _deadline.moment, _deadline.seconds = time.monotonic() + seconds, seconds
    try:
        connection.ensure_connection()
        with _statements_limited(seconds), connection.execute_wrapper(_in_time):
            yield
    except OperationalError:
        keep_to_time()
        raise
    finally:
        _deadline.moment = math.inf


def keep_to_time() -> None:
    """For work that is not the store's: raises `TooSlow` once the limit around it is exceeded."""
    if time.monotonic() >= _deadline.moment:
        raise TooSlow(
            f"This filter could not be answered in {_deadline.seconds:g} seconds. Add a time range or a label, so that "
            "there is less to look through."
        )


def _in_time(execute: Callable[..., Any], *arguments: Any) -> Any:
    keep_to_time()
    return execute(*arguments)


@contextmanager
def _statements_limited(seconds: float) -> Iterator[None]:
    """Asked of the driver, so that no page's queries are more for it."""
    driver: Any = connection.connection
    if is_sqlite(connection):
        driver.set_progress_handler(lambda: time.monotonic() >= _deadline.moment, _STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)
    else:
        driver.execute(f"SET statement_timeout = {max(1, round(seconds * 1000))}")
        try:
            yield
        finally:
            # A transaction that failed takes the setting back with it; a connection that broke is gone.
            with suppress(DatabaseError), connection.wrap_database_errors:
                driver.execute("RESET statement_timeout")
