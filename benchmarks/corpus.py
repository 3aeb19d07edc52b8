"""What is logged: bodies of `POST /api/v1/interactions`, the same for a seed on every machine.

2-4 messages, a completion of 50-300 words, about 2.5 kB of text in all; three labels, feedback, a picture on 2 %.
The shares below are what the measured filters are named after.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks.pictures import Pictures

PROJECT = "bench"
DAYS = 90
BLOCK = 1_000

MODELS = ("atlas-large", "atlas-small", "birch-2", "cedar-chat", "delta-mini")
SOURCES = ("LIVE", "DATASET", "EVALUATION")
_SOURCE_SHARES = (0.90, 0.98, 1.0)  # summed up
DATASETS = tuple(f"set-{n:02}" for n in range(20))
CUSTOMERS = tuple(f"customer-{n:04}" for n in range(1_000))
USERS = tuple(UUID(int=0xBE4C_0000_0000_4000_8000_0000_0000_0000 + n) for n in range(500))
TURNS_PER_SESSION = 4

# Words for the text filters: in nearly every text, in 0.1 % of the prompts, of the completions.
COMMON_WORD, RARE_PROMPT_WORD, RARE_COMPLETION_WORD = "shipment", "quokka", "zugzwang"
RARE = 0.001

WITH_THUMBS, WITH_QUALITY, WITH_PICTURE = 0.30, 0.20, 0.02


class Length(NamedTuple):
    """How much text, in pieces of ten words, each as (least, most)."""

    turns: tuple[int, int]
    message: tuple[int, int]
    completion: tuple[int, int]


FULL = Length(turns=(2, 4), message=(3, 9), completion=(5, 30))
# About 300 bytes, so that ten million fit a small disk.
SHORT = Length(turns=(2, 2), message=(1, 1), completion=(1, 4))


@dataclass(frozen=True, slots=True)
class Corpus:
    """`distinct_pictures`: no two pictures are the same; otherwise they come from a pool of 40."""

    seed: int = 1
    length: Length = FULL
    distinct_pictures: bool = False

    def past(self, count: int, until: datetime) -> Iterator[dict[str, Any]]:
        """`count` bodies with times over the 90 days before `until`, oldest first."""
        for block in range(blocks(count)):
            yield from self.past_block(block, count, until)

    def past_block(self, block: int, count: int, until: datetime) -> Iterator[dict[str, Any]]:
        """One block of what `past` gives. Blocks depend on nothing before them, so several processes can make them."""
        start, step = milliseconds(until - timedelta(days=DAYS)), DAYS * 86_400_000 / count
        for ordinal, body in enumerate(self._block(block, count), block * BLOCK):
            moment = start + int((ordinal + 0.5) * step)
            body["created_at"] = moment
            for feedback in body.get("feedbacks", ()):
                feedback["created_at"] = moment
            yield body

    def present(self, count: int) -> Iterator[dict[str, Any]]:
        """`count` bodies without a time, as a program logs what happens now."""
        for block in range(blocks(count)):
            yield from self._block(block, count)

    def _block(self, block: int, count: int) -> Iterator[dict[str, Any]]:
        rng, pictures = Random(self.seed * 1_000_003 + block), Pictures(distinct=self.distinct_pictures)
        for ordinal in range(block * BLOCK, min(count, (block + 1) * BLOCK)):
            yield _body(rng, self, ordinal, pictures)


def blocks(count: int) -> int:
    return -(-count // BLOCK)


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def session(seed: int, ordinal: int) -> UUID:
    """The session of the interaction `ordinal`: neighbours share one."""
    return UUID(int=(seed << 96) + 0x4000_8000_0000_0000_0000 + ordinal // TURNS_PER_SESSION)


def _body(rng: Random, corpus: Corpus, ordinal: int, pictures: Pictures) -> dict[str, Any]:
    draw = rng.random
    source = draw()
    body: dict[str, Any] = {
        "project": PROJECT,
        "model": MODELS[int(draw() * len(MODELS))],
        "messages": _messages(rng, corpus.length, pictures),
        "completion": _text(rng, corpus.length.completion) + _rarely(rng, RARE_COMPLETION_WORD),
        "labels": _labels(rng),
        "session_id": str(session(corpus.seed, ordinal)),
        "user": _USER_TEXTS[int(draw() * len(USERS))],
        "source": next(name for name, share in zip(SOURCES, _SOURCE_SHARES, strict=True) if source <= share),
    }
    if feedbacks := _feedbacks(rng):
        body["feedbacks"] = feedbacks
    return body


def _messages(rng: Random, length: Length, pictures: Pictures) -> list[dict[str, Any]]:
    least, most = length.turns
    roles = _ROLES[least + int(rng.random() * (most - least + 1))]
    messages: list[dict[str, Any]] = [{"role": role, "content": _text(rng, length.message)} for role in roles]
    messages[-1]["content"] += _rarely(rng, RARE_PROMPT_WORD)
    if rng.random() < WITH_PICTURE:
        said = messages[-1]["content"]
        url = {"url": pictures.draw(rng)}
        messages[-1]["content"] = [{"type": "text", "text": said}, {"type": "image_url", "image_url": url}]
    return messages


_ROLES = {2: ("system", "user"), 3: ("user", "assistant", "user"), 4: ("system", "user", "assistant", "user")}
_USER_TEXTS = tuple(map(str, USERS))


def _text(rng: Random, pieces: tuple[int, int]) -> str:
    # Random's own randint and choices take three times as long; filling spends a tenth of its time here.
    draw, known, (least, most) = rng.random, _pieces(), pieces
    return " ".join([known[int(draw() * PIECES)] for _ in range(least + int(draw() * (most - least + 1)))])


def _rarely(rng: Random, word: str) -> str:
    return f" {word}" if rng.random() < RARE else ""


def _labels(rng: Random) -> dict[str, str]:
    """Each data set holds 5 % of all. The first two are those of `dev`, so `prod` (60 %) and `set-00` never meet."""
    share, dataset = rng.random(), rng.random()
    if share < 0.10:
        env, number = "dev", int(dataset * 2)
    else:
        env, number = ("staging" if share < 0.40 else "prod"), 2 + int(dataset * 18)
    return {"env": env, "dataset": DATASETS[number], "customer": CUSTOMERS[int(rng.random() * len(CUSTOMERS))]}


def _feedbacks(rng: Random) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = []
    if rng.random() < WITH_THUMBS:
        given.append({"metric": "thumbs", "value": rng.random() < 0.8})
    if rng.random() < WITH_QUALITY:
        given.append({"metric": "quality", "value": 1 + int(rng.random() * 5)})
    return given


# Text

PIECES = 8_000


@lru_cache(1)
def _pieces() -> tuple[str, ...]:
    """Runs of ten words. Putting texts together from these is ten times quicker than from single words."""
    rng = Random(0)
    words = [COMMON_WORD, *_words(rng, 4_000)]
    # The law of Zipf and Mandelbrot, as in natural texts: frequency falls with the rank, a little slower at the top.
    weights = list(accumulate(1 / (rank + 20) for rank in range(len(words))))
    return tuple(" ".join(rng.choices(words, cum_weights=weights, k=10)) for _ in range(PIECES))


def _words(rng: Random, count: int) -> list[str]:
    syllables = [first + vowel + last for first in "bcdfglmnprstv" for vowel in "aeiou" for last in ("", "n", "r", "s")]
    made = {"".join(rng.choices(syllables, k=rng.choice((1, 2, 2, 3)))): None for _ in range(count * 2)}
    return list(made)[:count]
