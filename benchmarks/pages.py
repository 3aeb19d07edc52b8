"""Reading over HTTP: the list under each kind of filter, the count, the detail page, one request after another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks.client import Connection, Response, request
from benchmarks.corpus import (
    COMMON_WORD,
    CUSTOMERS,
    DATASETS,
    DAYS,
    MODELS,
    PROJECT,
    RARE_COMPLETION_WORD,
    RARE_PROMPT_WORD,
    USERS,
    Corpus,
    session,
)
from benchmarks.load import Door
from benchmarks.server import cpu_seconds
from interactions import ids

TIMES, WARM_UP = 40, 3
# A filter that takes seconds is not asked forty times; it misses its target anyway.
SECONDS_PER_CASE = 20.0

_TAB = f"/projects/{PROJECT}/interactions"


@dataclass(frozen=True, slots=True)
class Store:
    """What the questions need to know of the store's content."""

    rows: int
    until: datetime

    def moment(self, rng: Random) -> datetime:
        """Somewhere in the middle half of the 90 days."""
        return self.until - timedelta(days=DAYS * (0.25 + rng.random() / 2))


Query = Sequence[tuple[str, str]]


class Case(NamedTuple):
    """A filter, and how it is asked. `everywhere`: through the REST API and the count as well."""

    name: str
    query: Callable[[Random, Store], Query]
    everywhere: bool = False


def _deep(rng: Random, store: Store) -> Query:
    return [("older_than", str(ids.floor(store.moment(rng))))]


def _week(rng: Random, store: Store) -> Query:
    moment = store.moment(rng)
    return [("since", moment.isoformat()), ("until", (moment + timedelta(days=7)).isoformat())]


def _session(rng: Random, store: Store) -> Query:
    return [("session", str(session(Corpus().seed, rng.randrange(store.rows))))]


def _fixed(*query: tuple[str, str]) -> Callable[[Random, Store], Query]:
    return lambda rng, store: query


def _one_of(name: str, values: Sequence[object], *more: tuple[str, str]) -> Callable[[Random, Store], Query]:
    return lambda rng, store: [(name, str(rng.choice(values))), *more]


_PROD = ("label", "env:prod")
_LATER_DATASETS = [f"dataset:{name}" for name in DATASETS[2:]]
_CUSTOMERS = [f"customer:{name}" for name in CUSTOMERS]
_MODEL_DISLIKED = (("model", MODELS[0]), ("score", "thumbs:down"))
_MONTH_JUDGED = (("last", "30d"), ("feedback", "yes"))

CASES = (
    Case("no filter", _fixed(), everywhere=True),
    Case("deep page", _deep),
    Case("label, 60 % of rows", _fixed(_PROD), everywhere=True),
    Case("label, 5 %", _one_of("label", _LATER_DATASETS), everywhere=True),
    Case("label, 0.1 %", _one_of("label", _CUSTOMERS), everywhere=True),
    Case("label that nothing has", _fixed(("label", "customer:nobody"))),
    Case("two labels, 60 % and 5 %", _one_of("label", _LATER_DATASETS, _PROD), everywhere=True),
    Case("two labels that never meet, 60 % and 5 %", _fixed(_PROD, ("label", f"dataset:{DATASETS[0]}"))),
    Case("two values of a label, 10 %", _fixed(*(("label", text) for text in _LATER_DATASETS[:2]))),
    Case("not a label of 60 %", _fixed(("not_label", "env:prod"))),
    Case("last hour", _fixed(("last", "1h"))),
    Case("last 24 hours", _fixed(("last", "24h"))),
    Case("last 7 days", _fixed(("last", "7d"))),
    Case("last 90 days", _fixed(("last", "90d"))),
    Case("a week in between", _week),
    Case("model", _one_of("model", MODELS)),
    Case("source, 2 %", _fixed(("source", "EVALUATION"))),
    Case("session", _session),
    Case("user", _one_of("user", USERS)),
    Case("thumbs down, 6 %", _fixed(("score", "thumbs:down")), everywhere=True),
    Case("quality at least 4, 8 %", _fixed(("score", "quality:gte:4"))),
    Case("quality at most 2, 8 %", _fixed(("score", "quality:lte:2"))),
    Case("has feedback, 44 %", _fixed(("feedback", "yes"))),
    Case("no feedback, 56 %", _fixed(("feedback", "no"))),
    Case("has image, 2 %", _fixed(("image", "yes"))),
    Case("three: label 5 %, model, thumbs down", _one_of("label", _LATER_DATASETS, *_MODEL_DISLIKED), everywhere=True),
    Case("three: label 0.1 %, last 30 days, has feedback", _one_of("label", _CUSTOMERS, *_MONTH_JUDGED)),
    Case("text in prompt, common", _fixed(("prompt", COMMON_WORD))),
    Case("text in prompt, 0.1 %", _fixed(("prompt", RARE_PROMPT_WORD)), everywhere=True),
    Case("text in completion, 0.1 %", _fixed(("completion", RARE_COMPLETION_WORD))),
    Case("text in completion, never", _fixed(("completion", "xylophone"))),
    Case("text in prompt 0.1 %, label 5 %", _one_of("label", _LATER_DATASETS, ("prompt", RARE_PROMPT_WORD))),
)  # fmt: skip


class Timing(NamedTuple):
    """`seconds` per request, sorted; `cpu` seconds of the server per request; `bytes` of a typical answer."""

    seconds: Sequence[float]
    cpu: float
    bytes: int


class Reader:
    """One who reads, through one connection: signed in for pages, with a key for the API."""

    def __init__(self, connection: Connection, door: Door, store: Store) -> None:
        self._connection = connection
        self._key, self._pid = door.headers, door.pid
        self._cookie: dict[str, str] = {}
        self._store = store

    @classmethod
    async def sign_in(cls, connection: Connection, door: Door, store: Store, email: str, password: str) -> Reader:
        reader = cls(connection, door, store)
        form = await connection.exchange(request("GET", "/login/"))
        token = form.cookies()["csrftoken"]
        headers = {"Cookie": f"csrftoken={token}", "X-CSRFToken": token, "Referer": f"http://127.0.0.1:{door.port}/"}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode({"username": email, "password": password}).encode()
        answer = await connection.exchange(request("POST", "/login/", headers, body))
        reader._cookie = {"Cookie": f"sessionid={answer.cookies()['sessionid']}"}
        return reader

    async def page(self, case: Case) -> Timing:
        return await self._measure(lambda rng: (self._target(_TAB, case.query(rng, self._store)), self._cookie))

    async def count(self, case: Case) -> Timing:
        place = f"{_TAB}/count"
        return await self._measure(lambda rng: (self._target(place, case.query(rng, self._store)), self._cookie))

    async def rest(self, case: Case) -> Timing:
        def ask(rng: Random) -> tuple[str, dict[str, str]]:
            query = [("project", PROJECT), *case.query(rng, self._store)]
            return self._target("/api/v1/interactions", query), self._key

        return await self._measure(ask)

    async def detail(self, *query: tuple[str, str]) -> Timing:
        """Detail pages of interactions from all over the time, out of those that match `query`."""
        known = [id for number in range(TIMES + WARM_UP) for id in await self._some_id(number, query)]
        return await self._measure(lambda rng: (f"{_TAB}/{rng.choice(known)}", self._cookie))

    async def _some_id(self, number: int, query: Query) -> list[str]:
        place = [("project", PROJECT), ("limit", "1"), *_deep(Random(number), self._store)]
        target = self._target("/api/v1/interactions", [*place, *query])
        answer = _checked(await self._connection.exchange(request("GET", target, self._key)))
        return [row["id"] for row in json.loads(answer.body)["interactions"]]

    async def _measure(self, ask: Callable[[Random], tuple[str, dict[str, str]]]) -> Timing:
        rng, seconds, sizes = Random(0), [], []
        cpu, until = cpu_seconds(self._pid), time.perf_counter() + SECONDS_PER_CASE
        for number in range(-WARM_UP, TIMES):
            asked = request("GET", *ask(rng))
            start = time.perf_counter()
            answer = _checked(await self._connection.exchange(asked))
            end = time.perf_counter()
            if number == -1:
                cpu = cpu_seconds(self._pid)
            if number >= 0 or end > until:
                seconds.append(end - start)
                sizes.append(len(answer.body))
            if end > until:
                break
        cpu = (cpu_seconds(self._pid) - cpu) / len(seconds)
        return Timing(sorted(seconds), cpu, sorted(sizes)[len(sizes) // 2])

    @staticmethod
    def _target(place: str, query: Query) -> str:
        return f"{place}?{urlencode(list(query))}"


def _checked(response: Response) -> Response:
    if response.status != 200:
        raise RuntimeError(f"The server answered {response.status}: {response.body[:500]!r}")
    return response
