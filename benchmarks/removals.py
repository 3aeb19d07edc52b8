"""Deleting through the tab: the page that asks, its form, and the page that tells how far it is."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from datetime import datetime
from html import unescape
from typing import NamedTuple
from urllib.parse import urlencode

from benchmarks import load
from benchmarks.corpus import Corpus
from benchmarks.load import Door, Throughput
from benchmarks.pages import TAB, Query, Reader, checked

_FIELD = re.compile(r'<input type="hidden" name="(back|upto|confirmed)" value="([^"]*)">')
_SECONDS_BETWEEN_LOOKS, _SECONDS_TO_DELETE = 0.1, 600


class Deleted(NamedTuple):
    """`seconds`: from the person's last word to the news that all are gone."""

    rows: int
    seconds: float


async def delete(reader: Reader, query: Query) -> Deleted:
    """All that `query` matches."""
    target = f"{TAB}/remove?{urlencode(list(query))}"
    page = checked(await reader.get(target)).body.decode()
    fields = {name: unescape(value) for name, value in _FIELD.findall(page)}
    start = time.perf_counter()
    typed = {"typed": fields["confirmed"], "what": "interactions"}
    place = checked(await reader.post(target, fields | typed), 303).header("Location")
    if "/removals/" in place:  # it goes on in the background
        await _wait(reader, place)
    return Deleted(int(fields["confirmed"]), time.perf_counter() - start)


async def _wait(reader: Reader, place: str) -> None:
    """Until that part of the page no longer asks for itself again."""
    async with asyncio.timeout(_SECONDS_TO_DELETE):
        while True:
            part = checked(await reader.get(place, **{"HX-Request": "true"}))
            if b"hx-get" not in part.body:
                return
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def log(door: Door, count: int, until: datetime) -> Query:
    """`count` interactions from all over the 90 days, to be deleted. Returns the filter that matches them."""
    name = secrets.token_hex(8)
    bodies = list(Corpus(seed=6, distinct_pictures=True).past(count, until))
    for body in bodies:
        body["labels"]["deletion"] = name
    await load.log(door, bodies)
    return [("label", f"deletion:{name}")]


async def delete_under_load(door: Door, reader: Reader, query: Query) -> tuple[Throughput, Deleted]:
    """Delete them while others log at a steady rate, and check that all of these are there and all of those are not."""
    before = await load.found(door)
    made, deleted = await load.steadily(door, delete(reader, query))
    after = await load.found(door)
    if after != before + load.WARM_UP + len(made.latencies) - deleted.rows:
        raise RuntimeError(f"Of {before:,} interactions, {deleted.rows:,} were deleted, but {after:,} are found")
    return made, deleted
