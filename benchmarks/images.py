"""That a picture is kept once, however often it is logged, and no longer than it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import load, removals
from benchmarks.client import Connection, close, request
from benchmarks.corpus import PROJECT
from benchmarks.load import Door
from benchmarks.pages import Reader, checked
from benchmarks.pictures import picture, uri
from benchmarks.processes import HOST

TIMES = 10_000
_WIDTH, _HEIGHT, _SIZE = 160, 120, 12_000


class Kept(NamedTuple):
    rows: int
    files: int

    def __str__(self) -> str:
        return f"{self.rows} / {self.files}"


async def same_picture(door: Door, reader: Reader, look: Callable[[str], dict[str, Any]]) -> tuple[Kept, Kept]:
    """Log one picture 10,000 times and delete all but one, then this. Returns how often it was kept before and after.

    `look`: rows and files by digest.
    """
    content = picture(_WIDTH, _HEIGHT, _SIZE)
    digest = hashlib.sha256(content).hexdigest()
    await load.log(door, [_body(content, {"picture": digest}) for _ in range(TIMES - 1)])
    connection = await Connection.open(HOST, door.port)
    try:
        logged = request("POST", "/api/v1/interactions", door.headers, json.dumps(_body(content, {})).encode())
        last = json.loads(checked(await connection.exchange(logged), 201).body)["completion_id"]
        many = Kept(**look(digest))
        await removals.delete(reader, [("label", f"picture:{digest}")])
        shown = checked(await reader.get(f"/projects/{PROJECT}/images/{digest}"))
        assert shown.body == content, "the picture is not what was logged"
        one = Kept(**look(digest))
        assert many == one, f"{many} were kept for {TIMES:,} uses, {one} for the last"
        checked(await connection.exchange(request("DELETE", f"/api/v1/interactions/{last}", door.headers)), 204)
    finally:
        close([connection])
    return many, Kept(**look(digest))


def _body(content: bytes, labels: dict[str, str]) -> dict[str, Any]:
    said = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": uri(content)}}]
    messages = [{"role": "user", "content": said}]
    return {"project": PROJECT, "messages": messages, "completion": "Noise.", "labels": labels}
