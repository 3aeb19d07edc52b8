"""What writing several requests in one transaction is worth, without HTTP around it."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from benchmarks.corpus import PROJECT, Corpus
from interactions import access, ingest, payloads
from interactions.errors import RequestError
from interactions.models import Project, User

GROUPS = (1, 5, 20, 100)
REQUESTS = 600


def compare() -> dict[str, Any]:
    """Requests a second by how many share a transaction. Parsing is not counted: it is the same for all."""
    project = Project.objects.get(key=PROJECT)
    secret = access.issue_key(User.objects.get(email="bench@example.org"), [project]).secret
    requests = _requests(access.digest(secret), project)
    _commit(requests, 20)  # names are learnt once
    return {str(group): _rate(_requests(access.digest(secret), project), group) for group in GROUPS}


def _requests(key_digest: str, project: Project) -> list[ingest.Request]:
    prepared = [
        ingest.prepare(payloads.read(payloads.Interaction, body), project.pk, None)
        for body in Corpus(seed=9).present(REQUESTS)
    ]
    return [ingest.Request(key_digest, [ingest.Record(one)]) for one in prepared if not one.found]


def _rate(requests: list[ingest.Request], group: int) -> float:
    start = time.monotonic()
    _commit(requests, group)
    return len(requests) / (time.monotonic() - start)


def _commit(requests: list[ingest.Request], group: int) -> None:
    remaining = iter(requests)
    while some := list(islice(remaining, group)):
        for answer in ingest.commit(some):
            assert not isinstance(answer, RequestError), answer
