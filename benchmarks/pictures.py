"""PNG pictures of 50-200 kB that look like nothing and compress like photographs."""

from __future__ import annotations

import base64
import secrets
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from random import Random

WIDTH, HEIGHT = 640, 480
POOL_SIZE = 40
# Also in a store that was measured before, what is to differ from all others must.
_RUN = secrets.token_hex(8)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Pictures:
    """Gives data URIs. From a pool of 40 pictures, or with `distinct` each with a content of its own."""

    def __init__(self, *, distinct: bool) -> None:
        self._distinct = distinct

    def draw(self, rng: Random) -> str:
        index = rng.randrange(POOL_SIZE)
        if not self._distinct:
            return _pooled_uri(index)
        # The same pixels under another remark are other bytes, and so another picture to the store.
        return uri(_png(WIDTH, HEIGHT, _pixels(index), _remark(f"{rng.getrandbits(64):x}")))


@lru_cache(POOL_SIZE)
def _pooled_uri(index: int) -> str:
    return uri(_png(WIDTH, HEIGHT, _pixels(index), b"Comment\x00pooled"))


def picture(width: int, height: int, size: int) -> bytes:
    """A picture of about `size` bytes; no other is the same."""
    lines = _lines(Random(0), width, height, size // (width * 3))
    return _png(width, height, zlib.compress(b"".join(lines), 1), _remark(secrets.token_hex(8)))


def _remark(text: str) -> bytes:
    return f"Comment\x00{_RUN}{text}".encode()


def uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


@lru_cache(POOL_SIZE)
def _pixels(index: int) -> bytes:
    """The compressed lines: noise, which alone decides the size, above a plain area as in charts and screenshots."""
    rng = Random(index)
    noisy = rng.randint(52_000, 195_000) // (WIDTH * 3)
    return zlib.compress(b"".join(_lines(rng, WIDTH, HEIGHT, noisy)), 1)


def _lines(rng: Random, width: int, height: int, noisy: int) -> Iterator[bytes]:
    colour = rng.randbytes(3)
    for line in range(height):
        yield b"\x00" + (rng.randbytes(width * 3) if line < noisy else colour * width)


def _png(width: int, height: int, pixels: bytes, remark: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"tEXt", remark), (b"IDAT", pixels), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
