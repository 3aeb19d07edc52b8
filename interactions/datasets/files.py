"""Where the files are: the content of a dataset, the parts of an upload, the selection that a dataset is made of.

DATA_DIR/datasets/<project id>/<uid>.jsonl.zst    the records, compressed
DATA_DIR/datasets/<project id>/<uid>.selection    while it is made of interactions: which ones
DATA_DIR/uploads/<uid>/<number>                   a part
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable
from uuid import UUID

import zstandard
from django.conf import settings

from interactions import ids
from interactions.database import UNFINISHED, NewFile, discard_files
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


def content_path(dataset: Dataset) -> Path:
    return _directory(dataset) / f"{dataset.uid}.jsonl.zst"


def selection_path(dataset: Dataset) -> Path:
    return _directory(dataset) / f"{dataset.uid}.selection"


def _directory(dataset: Dataset) -> Path:
    return _datasets() / str(dataset.project_id)


def _datasets() -> Path:
    return Path(settings.DATA_DIR) / "datasets"


class Content:
    """The content of a dataset while it is written, in a block of `with`; see `NewFile`. `size` is unpacked."""

    def __init__(self, dataset: Dataset) -> None:
        self.size = self._unflushed = 0
        self._file = NewFile(content_path(dataset))

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
    path = content_path(dataset)
    if not path.is_file():
        raise NotFound(f"The file of the dataset “{dataset.key}” is missing in the store. Restore it from a backup.")
    return _unpacked(path)


def _unpacked(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as plain:
        yield from chunks(plain)


def discard(dataset: Dataset) -> None:
    """For good."""
    discard_files([content_path(dataset), selection_path(dataset)])


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


# What was left behind

# Whatever is younger may belong to a row that is about to be committed.
_ORPHAN_SECONDS = 3_600


def sweep() -> None:
    """Remove the files that no row knows: of who was killed between the two, and of projects that are gone."""
    for directory in [path for path in _uploads().glob("*") if _is_old(path)]:
        uid = ids.uuid(directory.name)
        if uid is None or not Upload.objects.filter(uid=uid).exists():
            shutil.rmtree(directory, ignore_errors=True)
    discard_files([path for path in _datasets().glob("*/*") if _is_old(path) and _is_orphan(path)])


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _ORPHAN_SECONDS
    except FileNotFoundError:
        return False


def _is_orphan(path: Path) -> bool:
    uid = ids.uuid(path.name.partition(".")[0])
    if uid is None or path.name.endswith(UNFINISHED):
        return True
    known = Dataset.objects.filter(uid=uid)
    if path.suffix == ".selection":
        known = known.filter(state=Dataset.State.PENDING)
    return not known.exists()
