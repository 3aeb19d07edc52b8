"""The database below a peer, seen from outside while its server rests."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests.postgres import private_cluster


class Database(NamedTuple):
    kind: str
    url: str

    def settle(self) -> None:
        """As after a quiet hour: on PostgreSQL autovacuum comes by itself, later."""
        if self.kind == "sqlite":
            with contextlib.closing(sqlite3.connect(self._file)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        else:
            self._ask("VACUUM (ANALYZE)")
            self._ask("CHECKPOINT")

    def size(self, data: Path) -> int:
        """Bytes of the database and of the files in `data`, where SQLite's database lies as well."""
        files = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
        return files if self.kind == "sqlite" else files + int(self._ask("SELECT pg_database_size(current_database())"))

    def version(self) -> str:
        return sqlite3.sqlite_version if self.kind == "sqlite" else self._ask("SHOW server_version")

    def end_sessions(self) -> None:
        """PostgreSQL goes on with a question when the one who asked is gone."""
        if self.kind == "postgresql":
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            self._ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {others}")  # noqa: S608

    @property
    def _file(self) -> str:
        return self.url.removeprefix("sqlite:///")

    def _ask(self, query: str) -> str:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            found = cursor.fetchone() if cursor.description else None
            return str(found[0]) if found else ""


@contextlib.contextmanager
def database(kind: str, data: Path) -> Iterator[Database]:
    """An empty one. `data`: where SQLite's file will be."""
    if kind == "sqlite":
        yield Database(kind, f"sqlite:///{data}/store.sqlite3")
    else:
        with private_cluster(durable=True) as url:
            yield Database(kind, url)
