"""What the store cannot take now, kept on the disk until it can: a file for each entry, in their order.

An entry is on the disk when `add` returns. There are at most `SPOOL_MB` of them; when that is full, nothing is accepted
rather than lost.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic_core import from_json, to_json

from interactions.errors import Unavailable

_ENTRY = ".json"
# An entry for what is accepted now must not find the spool full later: so much is left for the ends of calls.
_LEFT_FOR_ENDS = 0.25

_counter = itertools.count()
_lock = threading.Lock()


def folder() -> Path:
    made: Path = settings.DATA_DIR / "spool"
    if not made.is_dir():
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
        _flush(made.parent)
    return made


def add(entry: dict[str, Any], *, is_end: bool = False) -> None:
    """Raises `Unavailable` if the spool is full, or cannot be written to."""
    content = to_json(entry)
    most = settings.SPOOL_BYTES * (1.0 if is_end else 1 - _LEFT_FOR_ENDS)
    try:
        with _lock:
            _held.look()
            if _held.bytes + len(content) > most:
                raise Unavailable("The store cannot commit, and its spool is full. Nothing was sent. Try again later.")
            _write(folder(), content)
            _held.bytes += len(content)
    except OSError as error:
        raise Unavailable("The store cannot commit, nor its spool be written to. Nothing was sent.") from error


def _write(place: Path, content: bytes) -> None:
    # Names in the order of time; within one moment, of this process's counter.
    name = f"{time.time_ns():020d}-{os.getpid():010d}-{next(_counter):010d}"
    unfinished = place / f"{name}.part"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(place / f"{name}{_ENTRY}")
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    _flush(place)


def _flush(place: Path) -> None:
    """What was made or renamed in it is there after a power cut, too."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Held:
    """How much is in the spool, as this process knows: to look through many files for each one would take long. What
    other processes do is noticed a moment later."""

    def __init__(self) -> None:
        self.bytes = 0
        self._folder: Path | None = None
        self._known_until = 0.0

    def look(self) -> None:
        began = time.monotonic()
        if folder() == self._folder and began < self._known_until:
            return
        self._folder, self.bytes = folder(), size()
        ended = time.monotonic()
        self._known_until = ended + max(_SECONDS_KNOWN, 20 * (ended - began))


_SECONDS_KNOWN = 1.0
_held = _Held()


def size() -> int:
    """Bytes in the spool."""
    with os.scandir(folder()) as found:
        return sum(entry.stat().st_size for entry in found if entry.name.endswith(_ENTRY))


def is_empty() -> bool:
    place: Path = settings.DATA_DIR / "spool"
    return not place.is_dir() or next(_entries(place), None) is None


def _entries(place: Path) -> Iterator[Path]:
    return (path for path in place.iterdir() if path.suffix == _ENTRY)


@contextmanager
def draining() -> Iterator[Iterator[Path]]:
    """The entries in their order, each to be taken out by `remove` or `set_aside`; none if another process has them."""
    place = folder()
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield iter(())
            return
        yield iter(sorted(_entries(place)))


def read(path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = from_json(path.read_bytes())
    return entry


def remove(path: Path) -> None:
    freed = path.stat().st_size
    path.unlink()
    with _lock:
        _held.bytes = max(0, _held.bytes - freed)


def set_aside(path: Path) -> Path:
    """What the store refuses for good stays on the disk, for a person to look at."""
    aside = path.parent / "refused"
    aside.mkdir(mode=0o700, exist_ok=True)
    return path.rename(aside / path.name)
