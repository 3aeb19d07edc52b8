"""Stores that stay: filled once, measured often. STORE names the directory they are in."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

_RECORD = "filled.json"
_UNFINISHED = {"state": "being filled"}


class Filled(NamedTuple):
    """What a store was filled with: `rows` of the 90 days before `until`, by which commit.

    `seconds` is how long that took, `text_seconds` how long indexing the texts afterwards.
    """

    rows: int
    until: datetime
    seconds: float
    text_seconds: float
    commit: str
    date: str

    def __str__(self) -> str:
        return f"filled on {self.date} by commit {self.commit}"


@contextlib.contextmanager
def place(parent: Path | None, name: str) -> Iterator[Path]:
    """The directory of one store: in `parent` it stays, and what broke off while it was filled makes room."""
    if parent is None:
        with TemporaryDirectory(prefix="interactions-bench-") as directory:
            yield Path(directory)
        return
    parent.mkdir(parents=True, exist_ok=True)
    with _alone(parent / f"{name}.lock"):
        yield _kept((parent / name).resolve())


def _kept(directory: Path) -> Path:
    record = _record(directory)
    if record == _UNFINISHED:
        shutil.rmtree(directory)
    elif record is None and directory.exists():
        sys.exit(f"{directory} is no store of this benchmark. Set STORE to another directory.")
    if record is None or record == _UNFINISHED:
        directory.mkdir()
        _write(directory, _UNFINISHED)
    return directory


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another measurement uses this store: it holds {lock}.")
        yield


def found(directory: Path) -> Filled | None:
    record = _record(directory)
    if record is None or record == _UNFINISHED:
        return None
    return Filled(**record | {"until": datetime.fromisoformat(record["until"])})


def finish(directory: Path, rows: int, until: str, *, seconds: float, text_seconds: float, commit: str) -> Filled:
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    taken = {"seconds": seconds, "text_seconds": text_seconds}
    _write(directory, {"rows": rows, "until": until, **taken, "commit": commit, "date": date})
    filled = found(directory)
    assert filled
    return filled


def _record(directory: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads((directory / _RECORD).read_text())
    except FileNotFoundError:
        return None
    return record


def _write(directory: Path, record: dict[str, Any]) -> None:
    (directory / _RECORD).write_text(json.dumps(record, indent=1) + "\n")
