"""A filtered set as files: JSON lines, which lose nothing, and CSV for spreadsheets. Memory stays flat."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import chain
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from pyroaring import BitMap

from interactions import documents, finding, transcripts
from interactions.conditions import number
from interactions.finding import Matches
from interactions.models import FeedbackKey, Interaction, LabelKey, Project

_CHUNK_ROWS = 100
_FORMULA_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CHUNK_BYTES = 256 * 1024


def jsonl(matches: Matches, project: Project, *, inline: bool = True) -> Iterator[bytes]:
    """One lossless document a line, newest first; images inline as data URIs unless told otherwise."""
    lines = (
        to_json(document) + b"\n"
        for chunk in _chunks(matches)
        for document in documents.whole(chunk, project.key, "inline if there" if inline else "link")
    )
    return gathered(lines)


def jsonl_of(numbers: BitMap, project: Project) -> Iterator[bytes]:
    """The same of interactions by their numbers, in the order in which they were recorded; images inline."""
    lines = (
        to_json(document) + b"\n"
        for chunk in finding.by_number(project, numbers, _CHUNK_ROWS)
        for document in documents.whole(chunk, project.key, "inline if there")
    )
    return gathered(lines)


_COLUMNS = (
    "id", "created_at", "model", "source", "state", "error", "session_id", "user", "image_count",
    "prompt_tokens", "completion_tokens", "first_token_ms", "total_ms", "finish_reason", "prompt", "completion",
)  # fmt: skip


def as_csv(matches: Matches, project: Project) -> Iterator[bytes]:
    """One interaction a line, newest first: a column for each label key and each feedback key of the project."""
    labels = list(LabelKey.objects.filter(project=project).order_by("key").values_list("key", flat=True))
    metrics = list(FeedbackKey.objects.filter(project=project).order_by("key").values_list("key", flat=True))
    head = [*_COLUMNS, *(f"label {key}" for key in labels), *(f"feedback {key}" for key in metrics)]
    lines = (_line(_cells(interaction, labels, metrics)) for chunk in _chunks(matches) for interaction in chunk)
    return gathered(chain([_line(head)], lines))


def _cells(interaction: Interaction, labels: list[str], metrics: list[str]) -> list[Any]:
    said, transcript = interaction.labels, documents.transcript_of(interaction)
    values: dict[str, list[float]] = {}
    for feedback in interaction.given:
        values.setdefault(feedback.key.key, []).append(feedback.value)
    return [
        interaction.id,
        documents.timestamp(interaction.created_at),
        interaction.model.key if interaction.model else "",
        interaction.source,
        interaction.state,
        interaction.error_kind,
        interaction.session_id,
        interaction.user_uid or "",
        interaction.image_count,
        interaction.prompt_tokens,
        interaction.completion_tokens,
        interaction.first_token_ms,
        interaction.total_ms,
        interaction.finish_reason,
        transcript.prompt_text.removesuffix(transcripts.SEPARATOR) if transcript else "",
        transcript.completion_text if transcript else "",
        *(said.get(key, "") for key in labels),
        *(_values(values.get(key, [])) for key in metrics),
    ]


def _values(values: list[float]) -> str | float:
    """A number where there is one, so that a spreadsheet can reckon with it."""
    if len(values) != 1:
        return "; ".join(map(number, values))
    return int(values[0]) if values[0].is_integer() else values[0]


def _line(cells: Iterable[Any]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(_inert(cell) for cell in cells)
    return line.getvalue().encode()


def _inert(cell: Any) -> Any:
    """A spreadsheet runs a text that begins like a formula; an apostrophe in front makes it a text again."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_BEGINNINGS) else cell


def _chunks(matches: Matches) -> Iterator[list[Interaction]]:
    """All matches, some at a time: each chunk begins where the last one ended, so none is held longer than needed."""
    beyond: UUID | None = None
    while found := matches.newest(_CHUNK_ROWS, beyond):
        yield list(Interaction.objects.filter(id__in=found).with_everything().newest_first())
        beyond = found[-1]


def gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in pieces large enough to be worth sending."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
