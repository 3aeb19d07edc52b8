"""SQLite's own matters, on a file: a test database may lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from adaptive_site import environment, sqlite
from interactions import database

pytestmark = pytest.mark.skipif(sqlite.journal_mode() != "WAL", reason="a library too old to be trusted keeps no log")


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Makes connections to one new file, set up as the server's are."""
    settings = environment.database(f"sqlite:///{tmp_path}/store.sqlite3")
    opened: list[BaseDatabaseWrapper] = []

    def connect() -> BaseDatabaseWrapper:
        wrapper = ConnectionHandler({"default": settings}).create_connection("default")
        wrapper.ensure_connection()
        database.leave_log_alone(connection=wrapper)
        opened.append(wrapper)
        return wrapper

    yield connect
    for wrapper in opened:
        wrapper.close()


def test_what_is_committed_is_copied_into_the_file_and_the_log_begun_anew(
    connected: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        writer, keeper = connected().connection, connected()
        monkeypatch.setattr(database.log, "connection", keeper)

        def log() -> tuple[int, int]:
            """Its pages, and those of them that are not in the file yet."""
            _, pages, copied = keeper.connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
            return pages, pages - copied

        writer.execute("CREATE TABLE told (text)")
        for _ in range(40):
            writer.execute("INSERT INTO told VALUES (zeroblob(1000000))")
        writer.commit()
        pages, waiting = log()
        assert pages == waiting > database.log._LONG  # the writer left it alone
        database.keep_log_short()
        assert log()[1] == 0
        writer.execute("INSERT INTO told VALUES (1)")
        writer.commit()
        assert log()[0] < 10
        assert keeper.connection.execute("PRAGMA busy_timeout").fetchone() == (20_000,)


def test_a_writer_at_work_is_not_waited_for(
    connected: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        writer, keeper = connected().connection, connected()
        monkeypatch.setattr(database.log, "connection", keeper)
        monkeypatch.setattr(database.log, "_LONG", 100)
        writer.execute("CREATE TABLE told (text)")
        for _ in range(10):
            writer.execute("INSERT INTO told VALUES (zeroblob(1000000))")
        writer.commit()
        writer.execute("BEGIN IMMEDIATE")
        database.keep_log_short()
        writer.execute("INSERT INTO told VALUES (1)")
        writer.commit()
        assert writer.execute("SELECT count(*) FROM told").fetchone() == (11,)
