"""Records made of interactions: which of those that somebody selected, and how each becomes one."""

from __future__ import annotations

import heapq
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from pydantic_core import from_json, to_json
from pyroaring import BitMap

from interactions import documents, projects
from interactions.datasets.records import Kind
from interactions.documents import ImageForm
from interactions.errors import Invalid
from interactions.models import Comparison, Feedback, Interaction, Project
from interactions.querysets import InteractionQuerySet

_LOOKED_AT_ONCE = 1_000
_READ_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Sample:
    """All of them, so many at random, or the last so many by their time."""

    how: Literal["ALL", "RANDOM", "LAST"] = "ALL"
    size: int | None = None

    def __post_init__(self) -> None:
        if self.how != "ALL" and (self.size is None or self.size < 1):
            raise Invalid(f"Say how many records a sample {self.how} is to have.", "sampleSize")


EVERYTHING = Sample()


@dataclass(frozen=True, slots=True)
class Selection:
    """Interactions by their numbers, and what is made of them. `metrics` are feedback keys; None stands for all."""

    numbers: BitMap
    kind: Kind
    metrics: tuple[str, ...] | None
    sample: Sample

    def packed(self) -> bytes:
        return to_json(
            {
                "numbers": b64encode(self.numbers.serialize()).decode(),
                "kind": self.kind,
                "metrics": self.metrics,
                "sample": [self.sample.how, self.sample.size],
            }
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Selection:
        said = from_json(packed)
        metrics = None if said["metrics"] is None else tuple(said["metrics"])
        numbers = BitMap.deserialize(b64decode(said["numbers"]))
        return cls(numbers, Kind(said["kind"]), metrics, Sample(*said["sample"]))

    @property
    def most(self) -> int | None:
        return None if self.sample.how == "ALL" else self.sample.size


def select(
    project: Project, numbers: BitMap, kind: str, metrics: Sequence[str] | None, sample: Sample = EVERYTHING
) -> Selection:
    """A selection of what there is. `metrics` are keys or ids. Raises `Invalid`, and `NotFound` for unknown metrics."""
    if kind not in Kind:
        raise Invalid(f"There is no kind “{kind[:100]}”. There are: {', '.join(Kind)}.", "kind")
    if not numbers:
        raise Invalid("No interactions are selected.", "selection")
    named = None if metrics is None else tuple(projects.find_metric(project, metric).key for metric in metrics)
    return Selection(numbers, Kind(kind), named, sample)


# Which ones


class Candidate(NamedTuple):
    id: UUID
    number: int


# Told again and again how far it is.
Progress = Callable[[int], None]


def untold(done: int) -> None:
    """For what is made while its caller waits."""


class Source:
    """The records that a selection gives.

    A comparison stands with the preferred interaction if that is selected, else with the other one; so it gives one
    record, and which of the two somebody searched for does not matter. Ties prefer nothing, and are left out.
    """

    def __init__(self, project: Project, selection: Selection) -> None:
        self._project = project
        self._selection = selection

    def candidates(self, progress: Progress = untold) -> Iterator[Candidate]:
        """The interactions that have what a record of the kind needs."""
        remaining, looked_at = iter(self._selection.numbers), 0
        while some := list(islice(remaining, _LOOKED_AT_ONCE)):
            yield from self._suitable(some)
            looked_at += len(some)
            progress(looked_at)

    def chosen(self, seed: UUID, progress: Progress = untold) -> BitMap:
        """The numbers of those in the sample. The same seed chooses the same ones."""
        candidates, sample = self.candidates(progress), self._selection.sample
        if sample.how == "LAST":
            return BitMap(last.number for last in heapq.nlargest(sample.size or 0, candidates))
        found = BitMap(candidate.number for candidate in candidates)
        if sample.how == "ALL" or len(found) <= (sample.size or 0):
            return found
        places = Random(seed.int).sample(range(len(found)), sample.size or 0)  # noqa: S311 - to be had again
        return BitMap(found[place] for place in places)

    def _suitable(self, numbers: list[int]) -> list[Candidate]:
        rows = self._with_texts().filter(number__in=numbers)
        if self._selection.kind == Kind.PROMPT_COMPLETION_SCORE:
            rows = rows.filter(Exists(self._of_metrics(Feedback.objects.filter(interaction=OuterRef("pk")))))
        found = [Candidate(*row) for row in rows.order_by("number").values_list("id", "number")]
        if self._selection.kind != Kind.PREFERENCE:
            return found
        owners = {owner for _, owner in self._comparisons([candidate.id for candidate in found])}
        return [candidate for candidate in found if candidate.id in owners]

    def _with_texts(self) -> InteractionQuerySet:
        """A prompt can be had of any; a completion to learn from, only of those that came to their end."""
        rows = Interaction.objects.for_project(self._project).filter(texts_removed_at=None, transcript__isnull=False)
        return rows if self._selection.kind == Kind.PROMPT else rows.filter(state=Interaction.State.DONE)

    def _of_metrics(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self._selection.metrics
        return rows if wanted is None else rows.filter(key__key__in=wanted, key__project=self._project)

    def _comparisons(self, sides: Sequence[UUID]) -> list[tuple[Comparison, UUID]]:
        """Those that some interactions stand in, oldest first, each with the interaction that it stands with."""
        either = Q(preferred_id__in=sides) | Q(other_id__in=sides)
        made = self._of_metrics(Comparison.objects.filter(either, project=self._project, tied=""))
        found: list[Comparison] = list(made.select_related("key").order_by("created_at", "id"))
        ids_of_both = {id for comparison in found for id in (comparison.preferred_id, comparison.other_id)}
        number_of = dict(self._with_texts().filter(pk__in=ids_of_both).values_list("id", "number"))
        return [
            (comparison, comparison.preferred_id if preferred in self._selection.numbers else comparison.other_id)
            for comparison in found
            if (preferred := number_of.get(comparison.preferred_id)) is not None and comparison.other_id in number_of
        ]

    # How they read

    def records(
        self, numbers: BitMap, image_form: ImageForm = "inline if there", progress: Progress = untold
    ) -> Iterator[dict[str, Any]]:
        """A record of each of these, in the order of their numbers; of one with several comparisons, several."""
        return islice(self._records(numbers, image_form, progress), self._selection.most)

    def _records(self, numbers: BitMap, image_form: ImageForm, progress: Progress) -> Iterator[dict[str, Any]]:
        remaining, done = iter(numbers), 0
        while some := list(islice(remaining, _READ_AT_ONCE)):
            rows = list(self._with_texts().filter(number__in=some).with_everything().order_by("number"))
            for record in self._of(rows, image_form):
                yield record
                progress(done)  # images may be large, so not only once for all of these
            done += len(some)
            progress(done)

    def _of(self, rows: Sequence[Interaction], image_form: ImageForm) -> Iterator[dict[str, Any]]:
        if self._selection.kind == Kind.PREFERENCE:
            return self._preferences(rows, image_form)
        return map(self._record, documents.whole(rows, self._project.key, image_form))

    def _record(self, document: Mapping[str, Any]) -> dict[str, Any]:
        record = {"messages": document["messages"]}
        if self._selection.kind != Kind.PROMPT:
            record["completion"] = document["completion"]
        if self._selection.kind == Kind.PROMPT_COMPLETION_SCORE:
            record["feedbacks"] = self._latest(document["feedbacks"])
        return record | _labels(document)

    def _latest(self, feedbacks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Of several values under one key, the last that was given."""
        wanted = self._selection.metrics
        return {one["metric"]: one["value"] for one in feedbacks if wanted is None or one["metric"] in wanted}

    def _preferences(self, rows: Sequence[Interaction], image_form: ImageForm) -> Iterator[dict[str, Any]]:
        here = {row.id for row in rows}
        compared = [comparison for comparison, owner in self._comparisons(list(here)) if owner in here]
        both = {id for comparison in compared for id in (comparison.preferred_id, comparison.other_id)}
        sides = {row.id: row for row in self._with_texts().filter(pk__in=both).with_everything()}
        compared = [one for one in compared if one.preferred_id in sides and one.other_id in sides]
        others = [sides[comparison.other_id] for comparison in compared]
        preferred = [sides[comparison.preferred_id] for comparison in compared]
        whole = zip(
            compared,
            documents.whole(preferred, self._project.key, image_form),
            documents.whole(others, self._project.key),
            strict=True,
        )
        for comparison, document, other in whole:
            yield {
                "messages": document["messages"],
                "preferred_completion": document["completion"],
                "other_completion": other["completion"],
                "feedback_key": comparison.key.key,
            } | _labels(document)


def _labels(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"labels": document["labels"]} if document["labels"] else {}
