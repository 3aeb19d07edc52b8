"""Small pictures of each format, and the ways in which a request can carry one."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image


def picture(kind: str = "PNG", color: str = "teal", size: tuple[int, int] = (120, 80)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


def phone_picture() -> bytes:
    """A JPEG with a second one behind it, as phones write it (MPO)."""
    file = BytesIO()
    first, second = (Image.new("RGB", (60, 40), color) for color in ("navy", "gold"))
    first.save(file, "MPO", save_all=True, append_images=[second])
    return file.getvalue()


def pixel_bomb(side: int = 13_000) -> bytes:
    """A PNG of some 20 kB that holds `side` times `side` black pixels."""
    row = b"\0" * (1 + side // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def data_uri(content: bytes, claim: str = "image/png") -> str:
    return f"data:{claim};base64,{encoded(content)}"


Shape = Callable[[bytes, str], Any]

# What a part of a message looks like with each provider, and where in it the image is.
SHAPES: dict[str, tuple[Shape, str]] = {
    "Adaptive's image_url": (
        lambda content, kind: {"type": "image_url", "image_url": data_uri(content, kind)},
        "image_url",
    ),
    "OpenAI's image_url": (
        lambda content, kind: {"type": "image_url", "image_url": {"url": data_uri(content, kind), "detail": "low"}},
        "image_url.url",
    ),
    "OpenAI's input_image": (
        lambda content, kind: {"type": "input_image", "image_url": data_uri(content, kind)},
        "image_url",
    ),
    "Anthropic's source": (
        lambda content, kind: {
            "type": "image",
            "source": {"type": "base64", "media_type": kind, "data": encoded(content)},
        },
        "source.data",
    ),
    "Gemini's inline_data": (
        lambda content, kind: {"inline_data": {"mime_type": kind, "data": encoded(content)}},
        "inline_data.data",
    ),
    "Gemini's inlineData": (
        lambda content, kind: {"inlineData": {"mimeType": kind, "data": encoded(content)}},
        "inlineData.data",
    ),
    "a bare data URI": (lambda content, kind: data_uri(content, kind), ""),
    "a text part": (lambda content, kind: {"type": "text", "text": data_uri(content, kind)}, "text"),
    "Adaptive's dataset files": (lambda content, kind: {"type": "image", "url": data_uri(content, kind)}, "url"),
}


def showing(*parts: Any) -> list[dict[str, Any]]:
    """Messages with a question and these parts."""
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


def shown(content: bytes, claim: str = "image/png") -> list[dict[str, Any]]:
    return showing({"type": "image_url", "image_url": data_uri(content, claim)})
