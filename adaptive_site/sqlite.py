"""Chooses an SQLite library that is safe to use with a write-ahead log.

SQLite before 3.51.3 can corrupt a WAL database in a rare race between two checkpoints when several connections are
open. Python links whatever the system ships, so the `pysqlite3` wheel, which carries a newer one, takes the standard
module's place where the system's is too old. Where neither will do, the store falls back to a rollback journal.
"""

from __future__ import annotations

import sqlite3
import sys

SOUND = (3, 51, 3)


def prefer_sound_library() -> None:
    """Put `pysqlite3` in the place of `sqlite3` if only the former is sound. Call before Django's backend loads."""
    if sqlite3.sqlite_version_info >= SOUND:
        return
    try:
        import pysqlite3
    except ImportError:
        return
    if pysqlite3.sqlite_version_info >= SOUND:
        sys.modules["sqlite3"] = pysqlite3
        sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2


def journal_mode() -> str:
    return "WAL" if sys.modules["sqlite3"].sqlite_version_info >= SOUND else "TRUNCATE"
