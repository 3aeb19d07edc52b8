"""SQLite's log, in which what was committed waits to be copied into the database."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from interactions.database.vendor import is_sqlite

# In pages of 4 kB. What is in the log is copied into the database once it is so much ...
_WORTH_COPYING = 1_000
# ... and the log begun anew once it is so long ...
_LONG = 8_000
# ... which a writer does itself only if nobody else came to it.
_TOO_LONG = 65_536
_TRIES = 20


def keep_log_short() -> None:
    """Copy what was committed into the database; else, every so often, a commit does that, and takes 100 ms and more.

    Several processes may do so at once. PostgreSQL does it by itself.
    """
    if not is_sqlite(connection):
        return
    connection.ensure_connection()
    driver: Any = connection.connection

    def copy(mode: str) -> tuple[bool, int, int]:
        is_incomplete, pages, copied = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return bool(is_incomplete), pages, pages - copied

    (timeout,) = driver.execute("PRAGMA busy_timeout").fetchone()
    driver.execute("PRAGMA busy_timeout = 0")  # a writer is waited for below, while others can write
    try:
        _, pages, waiting = copy("NOOP")
        if waiting > _WORTH_COPYING:
            copy("PASSIVE")
        for _ in range(_TRIES if pages > _LONG else 0):
            is_incomplete, *_ = copy("RESTART")
            if not is_incomplete:
                break
            time.sleep(0.003)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout:d}")


def leave_log_alone(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For `connection_created`, where somebody keeps the log short."""
    if is_sqlite(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {_TOO_LONG}")
