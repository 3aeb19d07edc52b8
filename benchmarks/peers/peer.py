"""What a peer tells about itself, so that all can be measured in one way."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.client import Response
from benchmarks.peers.line import Line
from benchmarks.peers.questions import Filter
from benchmarks.peers.records import Judgement, Record
from benchmarks.processes import Server
from benchmarks.report import Measure


class Peer(ABC):
    """A server with a store of its own. Requests are made as bytes, and are sent by others.

    place: a directory; what counts as the store's size goes below `data` in it.
    """

    name: ClassVar[str]
    # Whether a connection serves one request after the other, as in a browser.
    keeps_connections: ClassVar[bool] = True

    def __init__(self, place: Path, database_url: str) -> None:
        self.data = place / "data"
        self.data.mkdir()
        self.log_file = place / "server.log"
        self.database_url = database_url

    @classmethod
    def prepare(cls) -> str:
        """Install what is needed; the version that will be measured."""
        return "this tree"

    @abstractmethod
    def serving(self) -> contextlib.AbstractContextManager[Server]:
        """The server, with its own defaults, from its start to its end."""

    @abstractmethod
    async def open(self, line: Line) -> None:
        """Make a project in the empty store; learn what requests need."""

    def line(self, server: Server, limit: float) -> Line:
        return Line(server.port, limit, kept=self.keeps_connections)

    # Logging

    @abstractmethod
    def log(self, records: Sequence[Record]) -> bytes:
        """One request for all of them."""

    # How many feedback values go into one request; 0 where they are logged with the interaction.
    judgements_at_once: ClassVar[int]

    def judge(self, judgements: Sequence[Judgement]) -> bytes:
        """One request for all of them, of interactions that can be queried already."""
        raise NotImplementedError

    def judgement_count(self) -> bytes | None:
        """Asks how many feedback values there are. None: the answer to `judge` means that they can be queried."""
        return None

    # Reading

    @abstractmethod
    def newest(self, wanted: Filter) -> bytes:
        """Asks for the newest 50, with what a list shows: times, labels, feedback, the texts' beginnings."""

    @abstractmethod
    def ids(self, response: Response) -> list[str]:
        """Those in an answer to `newest`."""

    @abstractmethod
    def count(self, wanted: Filter) -> bytes:
        """Asks how many there are."""

    @abstractmethod
    def counted(self, response: Response) -> int:
        """What an answer to `count` or `judgement_count` says."""

    @abstractmethod
    def detail(self, id: str) -> bytes:
        """Asks for all of an interaction."""

    async def more(self, server: Server, until: datetime) -> Sequence[Measure]:
        """What only this peer has. `until`: the time of the newest interaction."""
        return ()


def answer(response: Response) -> Any:
    """The JSON of a response. Raises RuntimeError when it is a refusal, also one of GraphQL in a 200."""
    if not 200 <= response.status < 300:
        raise RuntimeError(f"The server answered {response.status}: {response.body[:1000]!r}")
    content = json.loads(response.body) if response.body else {}
    if isinstance(content, dict) and (fault := content.get("errors") or content.get("error")):
        raise RuntimeError(f"The server refused: {str(fault)[:1000]}")
    return content
