"""The datasets of a project: finding, giving away, deleting, and the rows of new ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from interactions import access, exports, naming
from interactions.access import Caller, Permission
from interactions.datasets import files, records
from interactions.datasets.files import Content
from interactions.datasets.records import Survey
from interactions.errors import Conflict, Invalid, NotFound
from interactions.models import Dataset, FeedbackKey, Project

# As it came, byte for byte; or each record in the one form of `records.processed`.
Form = Literal["original", "recipe"]


class Download(NamedTuple):
    dataset: Dataset
    chunks: Iterator[bytes]


def list_datasets(caller: Caller, project: str) -> QuerySet[Dataset]:
    """Those of a project (by its key or id), newest first; also what is being made, or could not be."""
    found = access.project(caller, project, Permission.SEE_DATASETS)
    return Dataset.objects.filter(project=found).order_by("-created_at", "-id")


def get(caller: Caller, project: str, key_or_id: str) -> Dataset:
    return _find(access.project(caller, project, Permission.SEE_DATASETS), key_or_id)


def open_file(caller: Caller, project: str, key_or_id: str, form: str = "original") -> Download:
    """The records as JSON lines. What can be wrong is raised now, not while they are read."""
    dataset = get(caller, project, key_or_id)
    if form not in get_args(Form):
        raise Invalid("Write format=original or format=recipe.", "format")
    if dataset.state == Dataset.State.PENDING:
        raise Conflict(f"The dataset “{dataset.key}” is still being made. Wait until it is done.", "dataset")
    if dataset.state == Dataset.State.ERROR:
        raise Conflict(f"The dataset “{dataset.key}” could not be made: {dataset.error}", "dataset")
    content = files.read(dataset)
    if form == "original":
        return Download(dataset, content)
    return Download(
        dataset, exports.gathered(records.processed(line) for line in records.lines(content) if line.strip())
    )


def delete(caller: Caller, project: str, key_or_id: str) -> None:
    """For good, with its file. What is being made is no longer made."""
    dataset = _find(access.project(caller, project, Permission.MANAGE_DATASETS), key_or_id)
    upload, aside = None, list[str]()
    try:
        with transaction.atomic():
            # Locked: whoever makes it may be about to finish.
            locked = Dataset.objects.select_for_update().filter(pk=dataset.pk).first()
            if locked is not None:
                upload = locked.upload
                locked.delete()
                aside = files.set_aside(dataset)
            if upload is not None:
                upload.delete()
    finally:
        files.settle(aside)
    files.forget_source(dataset, upload)


def _find(project: Project, key_or_id: str) -> Dataset:
    rows = Dataset.objects.filter(project=project).select_related("project")
    found = naming.find(rows, key_or_id)
    if found is None:
        raise NotFound(f"The project “{project.key}” has no dataset “{key_or_id[:200]}”.", "dataset")
    return found


# New ones


def new(caller: Caller, project: Project, name: str, key: str | None, **fields: object) -> Dataset:
    """A dataset that is not stored yet. Raises `Invalid`, and `Conflict` where there is one with the key."""
    name = naming.name(name)
    dataset = Dataset(project=project, name=name, created_by=caller.user(), **fields)
    dataset.key = naming.key(key or naming.slug(name) or f"dataset-{dataset.uid.hex[:8]}")
    _refuse_taken(dataset)
    return dataset


def add(dataset: Dataset, content: Content | None = None) -> None:
    """Store a new one, with its content if that is there already. One that could not be made leaves its key to it."""
    failed = Dataset.objects.filter(project=dataset.project, key=dataset.key, state=Dataset.State.ERROR)
    try:
        with transaction.atomic():
            failed.delete()  # it has no files
            dataset.save(force_insert=True)
            if content:
                content.keep()
    except IntegrityError:
        _refuse_taken(dataset)
        raise


def _refuse_taken(dataset: Dataset) -> None:
    taken = Dataset.objects.filter(project=dataset.project, key=dataset.key).exclude(state=Dataset.State.ERROR)
    if taken.exists():
        raise Conflict(
            f"The project has a dataset “{dataset.key}” already. Choose another key, or delete that one.", "key"
        )


# What was found in them


def survey(project: Project) -> Survey:
    return Survey(dict(FeedbackKey.objects.filter(project=project).values_list("key", "kind")))


def describe(dataset: Dataset, found: Survey, size: int) -> None:
    """Let the row say what its content holds, and the project know the feedback keys."""
    FeedbackKey.objects.bulk_create(
        (FeedbackKey(project=dataset.project, key=key, name=key, kind=kind) for key, kind in found.new_keys().items()),
        ignore_conflicts=True,
    )
    dataset.kind, dataset.records, dataset.metrics = found.kind or dataset.kind, found.records, found.metrics()
    dataset.size, dataset.progress, dataset.state = size, 1.0, Dataset.State.DONE
