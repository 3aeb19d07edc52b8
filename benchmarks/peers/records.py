"""The interactions that every peer gets: bodies of `benchmarks.corpus`, each with ids in OpenTelemetry's form."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

from benchmarks.corpus import RARE_PROMPT_WORD, Corpus

# How long a model took, where a peer wants an end as well.
TAKEN = 1_000_000_000


class Record(NamedTuple):
    """`started`: nanoseconds since 1970. `body`: what our own server gets."""

    trace_id: bytes
    span_id: bytes
    started: int
    body: dict[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        """Our three labels, and what the peers have no field for."""
        return {**self.body["labels"], "source": self.body["source"]}

    @property
    def judgements(self) -> list[Judgement]:
        given = self.body.get("feedbacks", ())
        return [Judgement(self.trace_id, self.span_id, one["metric"], one["value"]) for one in given]


class Judgement(NamedTuple):
    """A feedback value: True or False for `thumbs`, 1 to 5 for `quality`."""

    trace_id: bytes
    span_id: bytes
    metric: str
    value: bool | int


class Sample(NamedTuple):
    """`pictures`: 2 % of the interactions hold one, each another; otherwise these hold their text alone."""

    pictures: bool

    def past(self, count: int, until: datetime) -> Iterator[Record]:
        """Over the 90 days before `until`, oldest first."""
        for body, rng in self._bodies(1, Corpus(seed=1, distinct_pictures=True).past(count, until)):
            yield _record(rng, body["created_at"] * 1_000_000, body)

    def present(self, seed: int, count: int) -> Iterator[Record]:
        """As a program logs what happens now. Another seed gives other interactions."""
        for body, rng in self._bodies(seed, Corpus(seed=seed, distinct_pictures=True).present(count)):
            yield _record(rng, time.time_ns() - TAKEN, body)

    def _bodies(self, seed: int, bodies: Iterator[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Random]]:
        rng = Random(seed)
        for body in bodies:
            if not self.pictures:
                body["messages"] = [{**message, "content": text(message)} for message in body["messages"]]
            yield body, rng


def _record(rng: Random, started: int, body: dict[str, Any]) -> Record:
    # Random as every client's ids are: in order they would be cheaper to index.
    return Record(rng.randbytes(16), rng.randbytes(8), started, body)


def text(message: dict[str, Any]) -> str:
    """What a message says, without its picture."""
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content if "text" in part)


def picture_bytes(body: dict[str, Any]) -> int:
    """Bytes of base64 and around it, as sent."""
    contents = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    return sum(len(part["image_url"]["url"]) for parts in contents for part in parts if "image_url" in part)


def text_bytes(body: dict[str, Any]) -> int:
    """The corpus is plain ASCII: a character is a byte."""
    return sum(len(text(message)) for message in body["messages"]) + len(body["completion"])


class Known(NamedTuple):
    """What the questions are about, of one interaction."""

    moment: int  # milliseconds since 1970
    labels: dict[str, str]
    disliked: bool
    rare: bool

    @classmethod
    def of(cls, record: Record) -> Known:
        body = record.body
        disliked = any(one.metric == "thumbs" and one.value is False for one in record.judgements)
        rare = any(RARE_PROMPT_WORD in text(message) for message in body["messages"])
        return cls(record.started // 1_000_000, body["labels"], disliked, rare)
