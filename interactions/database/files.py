"""Files that are on the disk for good."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class NewFile:
    """A file that is written in a block of `with`. `keep` puts it under its name, whole and for good; without that it
    is gone when the block ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        parents = self._path.parents
        self._changed = {parents[0], *(parent.parent for parent in parents if not parent.exists())}
        parents[0].mkdir(parents=True, exist_ok=True)
        self._file = NamedTemporaryFile(dir=parents[0], prefix=f"{self._path.name}.", suffix=UNFINISHED, delete=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        """Onto the disk, not yet under its name: what takes long, if `keep` must not."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def keep(self) -> None:
        self.flush()
        Path(self._file.name).replace(self._path)
        for directory in self._changed:
            _sync_directory(directory)


# How the names of files end that are being written.
UNFINISHED = ".new"


class DurableFiles(FileSystemStorage):
    """Files named by their content. When `save` returns, the file is on the disk under its name, whole, for good."""

    def _save(self, name: str, content: File[Any]) -> str:
        with NewFile(Path(self.path(name))) as file:
            for chunk in content.chunks():
                file.write(chunk)
            file.keep()
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name  # the same name means the same content, so writing it again does no harm

    def set_aside(self, name: str) -> str | None:
        """Take the file from its name, in a way that `put_back` undoes. Returns its new name, which no other has."""
        aside = f"{name}.{uuid4().hex}{_ASIDE}"
        try:
            Path(self.path(name)).rename(self.path(aside))
        except FileNotFoundError:
            return None
        return aside

    def put_back(self, aside: str) -> None:
        with suppress(FileNotFoundError):
            Path(self.path(aside)).rename(self.path(original_name(aside)))

    def set_aside_from(self, name: str) -> list[str]:
        """What was set aside from `name` and is still there."""
        path = Path(self.path(name))
        return [f"{name}{file.name.removeprefix(path.name)}" for file in path.parent.glob(f"{path.name}.*{_ASIDE}")]

    def all_set_aside(self) -> Iterator[str]:
        root = Path(self.location)
        for directory, _, files in os.walk(root):
            within = Path(directory).relative_to(root)
            yield from (str(within / file) for file in files if file.endswith(_ASIDE))

    def discard(self, names: Iterable[str]) -> None:
        """Remove files for good: not even a power cut brings them back once this has returned."""
        paths = [Path(self.path(name)) for name in names]
        for path in paths:
            path.unlink(missing_ok=True)
        for directory in {path.parent for path in paths}:
            _sync_directory(directory)


_ASIDE = ".deleted"


def original_name(aside: str) -> str:
    return aside.removesuffix(_ASIDE).rpartition(".")[0]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
