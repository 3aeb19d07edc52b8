"""Where the files are: the content of a dataset, the parts of an upload, the selection that a dataset is made of.

DATA_DIR/datasets/<project id>/<uid>.jsonl.zst    the records, compressed
DATA_DIR/datasets/<project id>/<uid>.selection    while it is made of interactions: which ones
DATA_DIR/uploads/<uid>/<number>                   a part
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable
from uuid import UUID

import zstandard
from django.conf import settings
from django.db import transaction

from interactions import ids
from interactions.database import UNFINISHED, DurableFiles, NewFile
from interactions.errors import NotFound
from interactions.models import Dataset, Upload

_CHUNK_BYTES = 256 * 1024
# So that the end of a large file takes no longer than its middle.
_FLUSHED_EVERY_BYTES = 64 * 1024 * 1024


@runtime_checkable
class Readable(Protocol):
    """A file, a request, whatever gives its bytes so."""

    def read(self, size: int, /) -> bytes: ...


def chunks(content: Readable | Iterable[bytes]) -> Iterator[bytes]:
    """What somebody hands us, in pieces that memory need not fear."""
    if isinstance(content, Readable):
        return iter(partial(content.read, _CHUNK_BYTES), b"")
    return iter(content)


# The content of a dataset


def _name(dataset: Dataset) -> str:
    return f"{dataset.project_id}/{dataset.uid}.jsonl.zst"


def selection_path(dataset: Dataset) -> Path:
    return _datasets() / f"{dataset.project_id}/{dataset.uid}.selection"


def _datasets() -> Path:
    return Path(settings.DATA_DIR) / "datasets"


class Content:
    """The content of a dataset while it is written, in a block of `with`; see `NewFile`. `size` is unpacked."""

    def __init__(self, dataset: Dataset) -> None:
        self.size = self._unflushed = 0
        self._file = NewFile(_datasets() / _name(dataset))

    def __enter__(self) -> Self:
        self._file.__enter__()
        self._packer = zstandard.ZstdCompressor(level=3).compressobj()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, traceback)

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._unflushed += self._file.write(self._packer.compress(data))
        if self._unflushed > _FLUSHED_EVERY_BYTES:
            self._file.flush()
            self._unflushed = 0

    def copied(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """What is read goes into the file, as it is."""
        for piece in pieces:
            self.write(piece)
            yield piece

    def finish(self) -> None:
        """All is written, and goes onto the disk. Afterwards `keep` is quick."""
        self._file.write(self._packer.flush())
        self._file.flush()

    def keep(self) -> None:
        self._file.keep()


def read(dataset: Dataset) -> Iterator[bytes]:
    """The content, as it came. Raises `NotFound` where its file is gone, before the first piece is asked for."""
    # Set aside, too, it is content as long as there is the row: the deletion that did it was not committed.
    for name in (_name(dataset), *_kept().set_aside_from(_name(dataset))):
        if (path := _datasets() / name).is_file():
            return _unpacked(path)
    raise NotFound(f"The file of the dataset “{dataset.key}” is missing in the store. Restore it from a backup.")


def _unpacked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        yield from chunks(plain)


def set_aside(dataset: Dataset) -> list[str]:
    """Within the transaction that deletes the row; `settle` what this returns when that has ended."""
    aside = _kept().set_aside(_name(dataset))
    return [aside] if aside else []


def settle(asides: Iterable[str] | None = None) -> None:
    """Put content that was set aside back where there still is the row, and remove it for good where there is none."""
    for aside in _kept().all_set_aside() if asides is None else asides:
        uid = Path(aside).name.partition(".")[0]
        with transaction.atomic():
            if Dataset.objects.select_for_update().filter(uid=uid).first():
                _kept().put_back(aside)
            else:
                _kept().discard([aside])


def _kept() -> DurableFiles:
    return DurableFiles(location=_datasets())


# The parts of an upload


def _uploads() -> Path:
    return Path(settings.DATA_DIR) / "uploads"


def part_path(upload: Upload, number: int) -> Path:
    return _uploads() / str(upload.uid) / str(number)


def parts(upload: Upload) -> list[int]:
    """Those that arrived."""
    directory = _uploads() / str(upload.uid)
    names = (path.name for path in directory.iterdir()) if directory.is_dir() else ()
    return sorted(int(name) for name in names if name.isdecimal())


def upload_size(upload: Upload) -> int:
    return sum(part_path(upload, number).stat().st_size for number in parts(upload))


def read_upload(upload: Upload) -> Iterator[bytes]:
    """Its parts, one after the other."""
    for number in range(1, upload.parts + 1):
        with part_path(upload, number).open("rb") as part:
            yield from chunks(part)


def discard_parts(upload_uid: UUID) -> None:
    shutil.rmtree(_uploads() / str(upload_uid), ignore_errors=True)


# What a dataset is made of


def has_source(dataset: Dataset) -> bool:
    """Whether there is, where this process looks, what it is to be made of."""
    if dataset.upload is None:
        return selection_path(dataset).is_file()
    return len(parts(dataset.upload)) == dataset.upload.parts


def forget_source(dataset: Dataset, upload: Upload | None) -> None:
    """Once it is made, or never will be. `upload` is what it was to be made of, if no selection."""
    selection_path(dataset).unlink(missing_ok=True)
    if upload is not None:
        discard_parts(upload.uid)


# What was left behind

_UNFINISHED_SECONDS = 3_600
# A row that is missing may only be one of another database than was meant.
_ORPHAN_SECONDS = 7 * 24 * 3_600


def sweep() -> None:
    """Clear away what processes left that were killed: nobody waits for it. Content that is kept is not touched."""
    settle()
    for directory in _older(_uploads().glob("*"), _ORPHAN_SECONDS):
        uid = ids.uuid(directory.name)
        if uid is None or not Upload.objects.filter(uid=uid).exists():
            shutil.rmtree(directory, ignore_errors=True)
    for path in _older(_datasets().glob("*/*.selection"), _ORPHAN_SECONDS):
        if not Dataset.objects.filter(uid=path.stem, state=Dataset.State.PENDING).exists():
            path.unlink(missing_ok=True)
    for path in _older(_datasets().glob(f"*/*{UNFINISHED}"), _UNFINISHED_SECONDS):
        path.unlink(missing_ok=True)


def _older(paths: Iterable[Path], seconds: float) -> Iterator[Path]:
    for path in list(paths):
        with suppress(FileNotFoundError):  # another process does the same
            if time.time() - path.stat().st_mtime > seconds:
                yield path
