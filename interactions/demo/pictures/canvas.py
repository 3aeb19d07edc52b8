"""A drawing surface in logical pixels: everything is drawn twice as large and reduced at the end, which smooths edges."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Encoding = Literal["PNG", "JPEG", "WEBP"]
SCALE = 2


@cache
def typeface(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def gradient(size: tuple[int, int], stops: Sequence[str]) -> Image.Image:
    """A vertical blend through the given colours."""
    column = Image.new("RGB", (1, len(stops)))
    for row, colour in enumerate(stops):
        column.paste(Image.new("RGB", (1, 1), colour), (0, row))
    return column.resize(size, Image.Resampling.BILINEAR)


class Canvas:
    def __init__(self, width: int, height: int, background: str | Sequence[str]) -> None:
        self.width, self.height = width, height
        size = (width * SCALE, height * SCALE)
        plain = isinstance(background, str)
        self.image = Image.new("RGB", size, str(background)) if plain else gradient(size, list(background))
        self.pen = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> None:
        corners = [x * SCALE, y * SCALE, (x + max(width, 0.5)) * SCALE, (y + max(height, 0.5)) * SCALE]
        self.pen.rounded_rectangle(corners, radius * SCALE, fill)

    def frame(self, x: float, y: float, width: float, height: float, colour: str, thick: float = 1) -> None:
        corners = [x * SCALE, y * SCALE, (x + width) * SCALE, (y + height) * SCALE]
        self.pen.rectangle(corners, None, colour, round(thick * SCALE))

    def disc(self, x: float, y: float, radius: float, fill: str) -> None:
        corners = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
        self.pen.ellipse(corners, fill)

    def slice(self, x: float, y: float, radius: float, start: float, end: float, fill: str) -> None:
        corners = [(x - radius) * SCALE, (y - radius) * SCALE, (x + radius) * SCALE, (y + radius) * SCALE]
        self.pen.pieslice(corners, start, end, fill)

    def line(self, points: Sequence[Point], colour: str, thick: float = 1) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self.pen.line(scaled, colour, round(thick * SCALE), joint="curve")

    def shape(self, points: Sequence[Point], fill: str) -> None:
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill)

    def text(
        self, x: float, y: float, words: str, size: int, colour: str, anchor: str = "la", bold: bool = False
    ) -> None:
        place, font = (x * SCALE, y * SCALE), typeface(size * SCALE)
        self.pen.text(place, words, colour, font, anchor, stroke_width=1 if bold else 0, stroke_fill=colour)

    def wide(self, words: str, size: int) -> float:
        return self.pen.textlength(words, typeface(size * SCALE)) / SCALE

    def encoded(self, encoding: Encoding = "PNG") -> str:
        """The finished picture as a data URI."""
        return data_uri(self.image.reduce(SCALE), encoding)


def data_uri(image: Image.Image, encoding: Encoding) -> str:
    stream = io.BytesIO()
    options = {"PNG": {"compress_level": 6}, "JPEG": {"quality": 88}, "WEBP": {"quality": 94, "method": 2}}[encoding]
    image.save(stream, encoding, **options)
    return f"data:image/{encoding.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
