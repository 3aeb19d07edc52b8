"""Files that are on the disk for good."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import uuid4

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class DurableFiles(FileSystemStorage):
    """Files named by their content. When `save` returns, the file is on the disk under its name, whole, for good."""

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        made = [parent for parent in path.parents if not parent.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.writelines(content.chunks())
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
        for directory in {path.parent, *(parent.parent for parent in made)}:
            _sync_directory(directory)
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
