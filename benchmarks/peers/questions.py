"""What every peer is asked, and how many rows the right answer has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from benchmarks.corpus import CUSTOMERS, DATASETS, RARE_PROMPT_WORD, milliseconds
from benchmarks.peers.records import Known

PAGE = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """What is not None has to hold, all of it. `text` is a word that only prompts hold."""

    since: datetime | None = None
    before: datetime | None = None
    label: tuple[str, str] | None = None
    disliked: bool = False
    text: str | None = None

    def count(self, known: Iterable[Known]) -> int:
        return sum(map(self._holds, known))

    def _holds(self, known: Known) -> bool:
        return (
            (self.since is None or known.moment >= milliseconds(self.since))
            and (self.before is None or known.moment < milliseconds(self.before))
            and (self.label is None or known.labels.get(self.label[0]) == self.label[1])
            and (known.disliked or not self.disliked)
            and (known.rare or self.text is None)
        )


class Question(NamedTuple):
    """`filter`: one of its kind, drawn anew for each request; the time is that of the newest interaction."""

    name: str
    filter: Callable[[Random, datetime], Filter]
    counted: bool = False


def _dataset(rng: Random) -> tuple[str, str]:
    # The first two have another share; see benchmarks.corpus.
    return "dataset", rng.choice(DATASETS[2:])


QUESTIONS = (
    Question("no filter", lambda rng, until: Filter(), counted=True),
    Question("last 7 days", lambda rng, until: Filter(since=_whole(until - timedelta(days=7)))),
    Question("label of 20 values, 5 %", lambda rng, until: Filter(label=_dataset(rng)), counted=True),
    Question(
        "label of 1,000 values, 0.1 %",
        lambda rng, until: Filter(label=("customer", rng.choice(CUSTOMERS))),
        counted=True,
    ),
    Question("thumbs down, 6 %", lambda rng, until: Filter(disliked=True), counted=True),
    Question("text in prompt, 0.1 %", lambda rng, until: Filter(text=RARE_PROMPT_WORD)),
    Question("label 5 % and thumbs down", lambda rng, until: Filter(label=_dataset(rng), disliked=True), counted=True),
)


def _whole(moment: datetime) -> datetime:
    # Whole seconds mean the same to all, whatever they round to.
    return moment.astimezone(UTC).replace(microsecond=0)
