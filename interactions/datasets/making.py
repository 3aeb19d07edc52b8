"""Making datasets: of a small file at once; of an upload, or of many interactions, in the background."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from django.conf import settings
from django.db import transaction
from pydantic_core import to_json
from pyroaring import BitMap

from interactions import access, database
from interactions.access import Caller, Permission
from interactions.database import NewFile
from interactions.datasets import files, library
from interactions.datasets.files import Content, Readable
from interactions.datasets.records import Survey, lines
from interactions.datasets.selections import EVERYTHING, Progress, Sample, Selection, Source, select, untold
from interactions.datasets.uploads import open_upload
from interactions.errors import Invalid
from interactions.exports import gathered
from interactions.models import Dataset, Project

# Of so many interactions a dataset is made at once.
MOST_AT_ONCE = 1_000
_PREVIEWED = 3


def create(caller: Caller, project: str, name: str, key: str | None, content: Readable | Iterable[bytes]) -> Dataset:
    """A dataset of a file, checked now; if it is refused, nothing is stored. Without a key it gets one of its name.

    Raises `Invalid` that names the line and the field, and `Conflict` where the project has one with the key.
    """
    place = access.project(caller, project, Permission.MANAGE_DATASETS)
    dataset = library.new(caller, place, name, key)
    with Content(dataset) as kept:
        return _stored(dataset, write_file(dataset, files.chunks(content), kept), kept)


def create_from_upload(caller: Caller, project: str, name: str, key: str | None, session_id: str) -> Dataset:
    """A dataset of an upload whose parts all arrived. It is PENDING, and becomes DONE or ERROR in the background.

    Its kind is that of the first record, which is checked now. Raises as `create` does, and `NotFound` for an upload
    of somebody else's.
    """
    place = access.project(caller, project, Permission.MANAGE_DATASETS)
    dataset = library.new(caller, place, name, key)
    with transaction.atomic():
        upload = open_upload(caller, session_id, for_update=True)
        arrived = set(files.parts(upload))
        if missing := [number for number in range(1, upload.parts + 1) if number not in arrived]:
            raise Invalid(
                f"{len(missing):,} of {upload.parts:,} parts are missing, first {missing[0]:,}. Upload them first.",
                "session_id",
            )
        dataset.kind = _first_kind(library.survey(place), lines(files.read_upload(upload)))
        dataset.upload = upload
        library.add(dataset)
    return dataset


def _first_kind(found: Survey, content: Iterable[bytes]) -> str:
    for line in content:
        found.read(line)
        if found.kind:
            return found.kind
    raise _empty()


def create_from_selection(
    caller: Caller,
    project: str,
    name: str,
    key: str | None,
    numbers: BitMap,
    kind: str,
    metrics: Sequence[str] | None = None,
    sample: Sample = EVERYTHING,
) -> Dataset:
    """A dataset of interactions by their numbers: at once of up to `MOST_AT_ONCE`, else in the background.

    `metrics` (feedback keys or their ids) are those whose feedback or comparisons are wanted; None stands for all.
    Interactions without texts, or without what the kind needs, are left out; of several values under one key the
    latest counts. Images stand inline, byte for byte. Raises `Invalid`, `NotFound` and `Conflict`.
    """
    place = _readable(caller, project)
    selection = select(place, numbers, kind, metrics, sample)
    dataset = library.new(caller, place, name, key, kind=selection.kind, source=Dataset.Source.FILTERED)
    if len(numbers) > MOST_AT_ONCE:
        with NewFile(files.selection_path(dataset)) as file:
            file.write(selection.packed())
            file.keep()
        library.add(dataset)
        return dataset
    with Content(dataset) as kept:
        return _stored(dataset, write_selection(dataset, selection, kept), kept)


def records_of(caller: Caller, project: str, numbers: BitMap, kind: str) -> Iterator[bytes]:
    """The records of a selection as JSON lines, for who wants them without a dataset. Raises as the making does."""
    place = access.project(caller, project, Permission.READ)
    source = Source(place, select(place, numbers, kind, None))
    fitting = BitMap(candidate.number for candidate in source.candidates())
    return gathered(to_json(record) + b"\n" for record in source.records(fitting))


def preview_from_selection(
    caller: Caller, project: str, numbers: BitMap, kind: str, metrics: Sequence[str] | None = None
) -> str:
    """The first few records that would be written, as JSON lines; images as links. Raises as the making does.

    It tells no more than the interactions themselves: whoever may read them may see it.
    """
    place = access.project(caller, project, Permission.READ)
    source = Source(place, select(place, numbers, kind, metrics))
    with database.time_limit(settings.QUERY_SECONDS):
        few = BitMap(candidate.number for candidate in islice(source.candidates(), _PREVIEWED))
        records = islice(source.records(few, "link"), _PREVIEWED)
        return "".join(to_json(record).decode() + "\n" for record in records)


def _readable(caller: Caller, project: str) -> Project:
    """A project whose interactions may be copied into a dataset."""
    access.project(caller, project, Permission.READ)
    return access.project(caller, project, Permission.MANAGE_DATASETS)


def _stored(dataset: Dataset, found: Survey, kept: Content) -> Dataset:
    kept.finish()
    with transaction.atomic():
        library.describe(dataset, found, kept.size)
        library.add(dataset, kept)
    return dataset


# The content


def write_file(dataset: Dataset, content: Iterable[bytes], kept: Content, progress: Progress = untold) -> Survey:
    """Check a file and keep it as it is. `progress` is told after each record how many bytes it has come to."""
    found = library.survey(dataset.project)
    for line in lines(kept.copied(content)):
        found.read(line)
        progress(kept.size)
    if not found.records:
        raise _empty()
    return found


def write_selection(dataset: Dataset, selection: Selection, kept: Content, progress: Progress = untold) -> Survey:
    """Choose among the interactions and write the records. `progress` is told of each twice: chosen and written."""
    source, found = Source(dataset.project, selection), library.survey(dataset.project)
    total = len(selection.numbers)
    chosen = source.chosen(dataset.uid, progress)
    for record in source.records(chosen, progress=lambda done: progress(total + done * total // len(chosen))):
        kept.write(to_json(record) + b"\n")
        found.count(record)
    if not found.records:
        raise Invalid(f"None of the selected interactions gives a record of the kind {selection.kind}.", "selection")
    return found


def _empty() -> Invalid:
    return Invalid("There are no records in it. A dataset has one JSON object a line.", "file")
