"""This server, measured in the same way as its peers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from benchmarks.client import Connection, Response, close, request
from benchmarks.corpus import PROJECT, RARE_PROMPT_WORD
from benchmarks.load import Door
from benchmarks.machine import ROOT
from benchmarks.pages import Case, Query, Reader, Store
from benchmarks.peers.line import Line
from benchmarks.peers.peer import Peer, answer
from benchmarks.peers.questions import QUESTIONS, Filter, Question
from benchmarks.peers.records import Record
from benchmarks.processes import HOST, Server
from benchmarks.report import Measure, milliseconds
from benchmarks.server import serving
from tests.run import FOREIGN_VARIABLES

_LIST = "/api/v1/interactions"


class Interactions(Peer):
    name = "interactions"
    # Feedback comes with the interaction.
    judgements_at_once = 0

    def __init__(self, place: Path, database_url: str) -> None:
        super().__init__(place, database_url)
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        self._environment = kept | {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(self.data),
            "SECRET_KEY": secrets.token_hex(32),
            "HTTPS": "0",
        }
        self._headers: dict[str, str] = {}
        self._email = self._password = ""

    def serving(self) -> contextlib.AbstractContextManager[Server]:
        return serving(self._environment, self.log_file)

    async def open(self, line: Line) -> None:
        opened = json.loads(await asyncio.to_thread(self._open_store))
        self._email, self._password = opened["email"], opened["password"]
        self._headers = {"Authorization": f"Bearer {opened['secret']}", "Content-Type": "application/json"}

    def _open_store(self) -> bytes:
        command = [sys.executable, "-m", "benchmarks.store", "open"]
        return subprocess.run(command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, check=True).stdout

    # Logging

    def log(self, records: Sequence[Record]) -> bytes:
        if len(records) == 1:
            return request("POST", _LIST, self._headers, json.dumps(records[0].body).encode())
        body = json.dumps({"interactions": [record.body for record in records]}).encode()
        return request("POST", f"{_LIST}/batch", self._headers, body)

    # Reading

    def newest(self, wanted: Filter) -> bytes:
        return self._get(_LIST, _spelled(wanted))

    def ids(self, response: Response) -> list[str]:
        return [row["id"] for row in answer(response)["interactions"]]

    def count(self, wanted: Filter) -> bytes:
        """With one row: the API has no count alone."""
        return self._get(_LIST, [*_spelled(wanted), ("limit", "1"), ("count", "yes")])

    def counted(self, response: Response) -> int:
        return int(answer(response)["count"])

    def detail(self, id: str) -> bytes:
        return request("GET", f"{_LIST}/{id}", self._headers)

    def _get(self, place: str, query: Query) -> bytes:
        return request("GET", f"{place}?{urlencode([('project', PROJECT), *query])}", self._headers)

    # The tab

    async def more(self, server: Server, until: datetime) -> Sequence[Measure]:
        """Whole HTML pages: the peers draw theirs in the browser, out of the lists that are measured."""
        connection = await Connection.open(HOST, server.port)
        try:
            door = Door(server.port, self._headers["Authorization"].removeprefix("Bearer "), server.process.pid)
            reader = await Reader.sign_in(connection, door, Store(1, until), self._email, self._password)
            return [
                milliseconds(f"whole page of 50, as HTML: {case.name}, ms", (await reader.page(case)).seconds, 50, 95)
                for case in _cases()
            ]
        finally:
            close([connection])


def _spelled(wanted: Filter) -> list[tuple[str, str]]:
    query = []
    if wanted.since:
        query.append(("since", wanted.since.isoformat()))
    if wanted.before:
        query.append(("until", wanted.before.isoformat()))
    if wanted.label:
        query.append(("label", ":".join(wanted.label)))
    if wanted.disliked:
        query.append(("score", "thumbs:down"))
    if wanted.text:
        query.append(("prompt", wanted.text))
    return query


def _cases() -> Iterator[Case]:
    for question in QUESTIONS:
        yield Case(question.name, _query(question))
    # What the search box does: words, of prompt and completion, through an index. The peers search for substrings.
    yield Case("word in any text, 0.1 %", lambda rng, store: [("q", RARE_PROMPT_WORD)])


def _query(question: Question) -> Callable[[Random, Store], Query]:
    def query(rng: Random, store: Store) -> Query:
        return _spelled(question.filter(rng, store.until))

    return query
