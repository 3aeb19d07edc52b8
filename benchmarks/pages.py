"""Reading over HTTP: the list under each kind of filter, its numbers, the detail page, one request after another."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
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
    SHORT,
    USERS,
    Corpus,
    session,
)
from benchmarks.load import Door
from benchmarks.server import cpu_seconds
from interactions import ids

TIMES, TIMES_AFTER_WRITE, WARM_UP = 40, 20, 3
# A filter that takes seconds is not asked forty times; it misses its target anyway.
SECONDS_PER_CASE = 20.0
SECONDS_TO_PREPARE = 1_800

TAB = f"/projects/{PROJECT}/interactions"


# Every field that the SDK asks for in `interactions.list`.
LIST = """
query List($filter: ListCompletionsFilterInput!, $page: CursorPageInput!) {
  completions(filter: $filter, page: $page) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id chatMessages { role content } completion source createdAt
      model { id key name }
      directScores {
        id value reason details createdAt
        metric { id key name kind description scoringType createdAt hasDirectScores hasComparisonScores }
      }
      comparisonScores {
        id createdAt
        project { id key name }
        metric { id key name }
        preferedCompletion { id completion source model { id key name } }
        otherCompletion { id completion source model { id key name } }
      }
      labels { key value }
      metadata { parameters timings system usage { completionTokens promptTokens totalTokens } }
    }
  }
}
"""


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
    """A filter, and how it is asked."""

    name: str
    query: Callable[[Random, Store], Query]


class Refused(RuntimeError):
    """The server does not know this filter."""


def _deep(rng: Random, store: Store) -> Query:
    return [("older_than", str(ids.floor(store.moment(rng))))]


def _last(span: timedelta) -> Callable[[Random, Store], Query]:
    """As `last=`, but from where the store's content ends: it may be of yesterday."""
    return lambda rng, store: [("since", (store.until - span).isoformat())]


def _week(rng: Random, store: Store) -> Query:
    moment = store.moment(rng)
    return [("since", moment.isoformat()), ("until", (moment + timedelta(days=7)).isoformat())]


def _session(rng: Random, store: Store) -> Query:
    return [("session", str(session(Corpus().seed, rng.randrange(store.rows))))]


def _fixed(*query: tuple[str, str]) -> Callable[[Random, Store], Query]:
    return lambda rng, store: query


def _one_of(name: str, values: Sequence[object]) -> Callable[[Random, Store], Query]:
    return lambda rng, store: [(name, str(rng.choice(values)))]


def _together(*parts: Callable[[Random, Store], Query]) -> Callable[[Random, Store], Query]:
    return lambda rng, store: [pair for part in parts for pair in part(rng, store)]


_PROD, _DEV = _fixed(("label", "env:prod")), _fixed(("label", "env:dev"))
_NOT_PROD = _fixed(("not_label", "env:prod"))
_LATER_DATASETS = [f"dataset:{name}" for name in DATASETS[2:]]
_SET = _one_of("label", _LATER_DATASETS)
_CUSTOMER = _one_of("label", [f"customer:{name}" for name in CUSTOMERS])
_NOBODY = _fixed(("label", "customer:nobody"))
_MODEL = _one_of("model", MODELS)
_DISLIKED = _fixed(("score", "thumbs:down"))
_AT_MOST, _AT_LEAST = _fixed(("score", "quality:lte:2")), _fixed(("score", "quality:gte:4"))
_UNJUDGED = _fixed(("not_score", "quality"))
_PICTURED = _fixed(("image", "yes"))
_HOUR, _DAY, _MONTH = _last(timedelta(hours=1)), _last(timedelta(days=1)), _last(timedelta(days=30))

PICTURED = Case("has image, 2 %", _PICTURED)

CASES = (
    Case("no filter", _fixed()),
    Case("deep page", _deep),
    Case("deep page, label 5 %", _together(_deep, _SET)),
    Case("label, 60 % of rows", _PROD),
    Case("label, 5 %", _SET),
    Case("label, 0.1 %", _CUSTOMER),
    Case("label that nothing has", _NOBODY),
    Case("two labels, 60 % and 5 %", _together(_PROD, _SET)),
    Case("two labels, 5 % and 0.1 %", _together(_SET, _CUSTOMER)),
    Case("two labels that never meet, 60 % and 5 %", _together(_PROD, _fixed(("label", f"dataset:{DATASETS[0]}")))),
    Case("two labels that never meet, 10 % and 5 %", _together(_DEV, _SET)),
    Case("two values of a label, 10 %", _fixed(*(("label", text) for text in _LATER_DATASETS[:2]))),
    Case("three labels, 60 %, 5 % and 0.1 %", _together(_PROD, _SET, _CUSTOMER)),
    Case("not a label of 60 %", _NOT_PROD),
    Case("not a label of 5 %", _one_of("not_label", _LATER_DATASETS)),
    Case("last hour", _HOUR),
    Case("last 24 hours", _DAY),
    Case("last 7 days", _last(timedelta(days=7))),
    Case("last 30 days", _MONTH),
    Case("last 90 days", _last(timedelta(days=DAYS))),
    Case("a week in between", _week),
    Case("model", _MODEL),
    Case("source, 2 %", _fixed(("source", "EVALUATION"))),
    Case("session", _session),
    Case("user", _one_of("user", USERS)),
    Case("thumbs down, 6 %", _DISLIKED),
    Case("quality is 3, 4 %", _fixed(("score", "quality:eq:3"))),
    Case("quality at least 4, 8 %", _AT_LEAST),
    Case("quality at most 2, 8 %", _AT_MOST),
    Case("has feedback, 44 %", _fixed(("feedback", "yes"))),
    Case("no feedback, 56 %", _fixed(("feedback", "no"))),
    Case("thumbs without quality, 24 %", _together(_fixed(("score", "thumbs")), _UNJUDGED)),
    PICTURED,
    Case("three: label 5 %, model, thumbs down", _together(_SET, _MODEL, _DISLIKED)),
    Case("three: label 60 %, last 30 days, quality at least 4", _together(_PROD, _MONTH, _AT_LEAST)),
    Case("three: label 0.1 %, last 30 days, has feedback", _together(_CUSTOMER, _MONTH, _fixed(("feedback", "yes")))),
    Case("three: not a label of 60 %, quality at most 2, has image", _together(_NOT_PROD, _AT_MOST, _PICTURED)),
    Case("three: user, model, a week in between", _together(_one_of("user", USERS), _MODEL, _week)),
    Case("three: label 5 %, last hour, thumbs down", _together(_SET, _HOUR, _DISLIKED)),
)

# Numbers are about all pages together.
NUMBERED = tuple(case for case in CASES if "deep" not in case.name)

_RARE, _COMMON, _NEVER = _fixed(("q", RARE_PROMPT_WORD)), _fixed(("q", COMMON_WORD)), _fixed(("q", "xylophone"))

WORDS = (
    Case("rare word, 0.1 %", _RARE),
    Case("common word", _COMMON),
    Case("word that never occurs", _NEVER),
    Case("two words, common and rare", _fixed(("q", f"{COMMON_WORD} {RARE_COMPLETION_WORD}"))),
    Case("rare word, label 5 %", _together(_RARE, _SET)),
    Case("rare word, label 60 %", _together(_RARE, _PROD)),
    Case("common word, label 0.1 %", _together(_COMMON, _CUSTOMER)),
    Case("common word, label that it never meets", _together(_COMMON, _NOBODY)),
    Case("word that never occurs, label 60 %", _together(_NEVER, _PROD)),
)

SUBSTRINGS = (
    Case("text in prompt, common", _fixed(("prompt", COMMON_WORD))),
    Case("text in prompt, 0.1 %", _fixed(("prompt", RARE_PROMPT_WORD))),
    Case("text in completion, 0.1 %", _fixed(("completion", RARE_COMPLETION_WORD))),
    Case("text in completion, never", _fixed(("completion", "xylophone"))),
    Case("text in prompt 0.1 %, label 5 %", _together(_fixed(("prompt", RARE_PROMPT_WORD)), _SET)),
)


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
        self._token = ""
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
        cookies = answer.cookies()
        reader._token = cookies["csrftoken"]
        reader._cookie = {"Cookie": f"sessionid={cookies['sessionid']}; csrftoken={reader._token}"}
        return reader

    def on(self, connection: Connection) -> Reader:
        """The same person through another connection."""
        reader = copy(self)
        reader._connection = connection
        return reader

    def asked(self, target: str, **headers: str) -> bytes:
        return request("GET", target, self._cookie | headers)

    async def get(self, target: str, **headers: str) -> Response:
        return await self._connection.exchange(self.asked(target, **headers))

    async def post(self, target: str, fields: Mapping[str, str]) -> Response:
        headers = self._cookie | {"X-CSRFToken": self._token, "Content-Type": "application/x-www-form-urlencoded"}
        return await self._connection.exchange(request("POST", target, headers, urlencode(fields).encode()))

    async def page(self, case: Case) -> Timing:
        return await self._measure(lambda rng: self.asked(self._target(TAB, case.query(rng, self._store))))

    async def summary(self, case: Case) -> Timing:
        """The total, the facets' counts and the histogram."""
        return await self._measure(lambda rng: self.asked(self._summary(case, rng)))

    async def summary_after_write(self, case: Case) -> Timing:
        """The same, each time after one more interaction was logged."""
        bodies = Corpus(seed=4, length=SHORT).present(TIMES_AFTER_WRITE + WARM_UP)
        creates = (request("POST", "/api/v1/interactions", self._key, json.dumps(body).encode()) for body in bodies)

        async def write() -> None:
            checked(await self._connection.exchange(next(creates)), 201)

        return await self._measure(lambda rng: self.asked(self._summary(case, rng)), TIMES_AFTER_WRITE, write)

    async def wait_for_numbers(self) -> float:
        """Until the first summary is answered: a server that just started prepares. Returns the seconds."""
        start = time.perf_counter()
        asked = self.asked(self._summary(CASES[0], Random(0)))
        while (answer := await self._connection.exchange(asked)).status == 202:
            if time.perf_counter() - start > SECONDS_TO_PREPARE:
                raise RuntimeError(f"The numbers were not ready after {SECONDS_TO_PREPARE} s.")
            await asyncio.sleep(0.05)
        checked(answer)
        return time.perf_counter() - start

    def _summary(self, case: Case, rng: Random) -> str:
        return self._target(f"{TAB}/summary", case.query(rng, self._store))

    async def rest(self, case: Case) -> Timing:
        def ask(rng: Random) -> bytes:
            query = [("project", PROJECT), *case.query(rng, self._store)]
            return request("GET", self._target("/api/v1/interactions", query), self._key)

        return await self._measure(ask)

    async def graphql(self, rows: int) -> Timing:
        """A list of whole interactions, with the fields that the SDK asks for."""
        variables = {"filter": {"project": PROJECT, "advancedFilter": {"and": []}}, "page": {"first": rows}}
        body = json.dumps({"query": LIST, "operationName": "List", "variables": variables}).encode()
        asked = request("POST", "/api/graphql", self._key | {"Content-Type": "application/json"}, body)
        return await self._measure(lambda rng: asked)

    async def detail(self, *query: tuple[str, str]) -> Timing:
        """Detail pages of interactions from all over the time, out of those that match `query`."""
        known = [id for number in range(TIMES + WARM_UP) for id in await self._some_id(number, query)]
        return await self._measure(lambda rng: self.asked(f"{TAB}/{rng.choice(known)}"))

    async def _some_id(self, number: int, query: Query) -> list[str]:
        place = [("project", PROJECT), ("limit", "1"), *_deep(Random(number), self._store)]
        target = self._target("/api/v1/interactions", [*place, *query])
        answer = checked(await self._connection.exchange(request("GET", target, self._key)))
        return [row["id"] for row in json.loads(answer.body)["interactions"]]

    async def _measure(
        self,
        ask: Callable[[Random], bytes],
        times: int = TIMES,
        before_each: Callable[[], Awaitable[None]] | None = None,
    ) -> Timing:
        rng, seconds, sizes = Random(0), [], []
        cpu, until = cpu_seconds(self._pid), time.perf_counter() + SECONDS_PER_CASE
        for number in range(-WARM_UP, times):
            if before_each:
                await before_each()
            asked = ask(rng)
            start = time.perf_counter()
            answer = checked(await self._connection.exchange(asked))
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


def checked(response: Response, status: int = 200) -> Response:
    if response.status == 422:
        raise Refused(f"refused with {response.status}")
    if response.status != status:
        raise RuntimeError(f"The server answered {response.status}: {response.body[:500]!r}")
    return response
