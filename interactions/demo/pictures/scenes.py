"""Landscapes and small scenes, each painted from its own palette and random seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from interactions.demo.pictures.canvas import Canvas, Encoding

WIDTH, HEIGHT = 480, 320


@dataclass(frozen=True, slots=True)
class Scene:
    kind: str
    seed: int
    sky: tuple[str, ...]
    ground: tuple[str, ...]  # from far to near
    light: str  # colour of sun, moon or windows
    count: int  # how many of the thing that the scene is about: boats, towers, trees, ...
    encoding: Encoding
    title: str
    sentence: str
    mood: str
    place: str
    hour: str
    colours: str


def ridge(canvas: Canvas, chance: random.Random, base: float, swing: float, colour: str, rough: float = 1) -> None:
    waves = [(chance.uniform(0.6, 2.2) * rough, chance.uniform(0, 6.28), chance.uniform(0.3, 1)) for _ in range(3)]
    edge = [
        (x, base - swing * sum(size * math.sin(speed * x / 80 + shift) for speed, shift, size in waves) / 2)
        for x in range(0, WIDTH + 6, 6)
    ]
    canvas.shape([(0, HEIGHT), *edge, (WIDTH, HEIGHT)], colour)


def glow(canvas: Canvas, x: float, y: float, radius: float, colour: str) -> None:
    """A light with a soft rim: discs between the light's colour and the sky behind it."""
    behind = cast(tuple[int, int, int], canvas.image.getpixel((int(x) * 2, int(y) * 2)))
    light = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    for step in (5, 4, 3, 2, 1):
        part = 0.11 * (6 - step)
        mixed = "#" + "".join(f"{round(b + (a - b) * part):02x}" for a, b in zip(light, behind, strict=True))
        canvas.disc(x, y, radius * (1 + step * 0.22), mixed)
    canvas.disc(x, y, radius, colour)


def stars(canvas: Canvas, chance: random.Random, number: int, depth: float) -> None:
    for _ in range(number):
        canvas.disc(chance.uniform(0, WIDTH), chance.uniform(0, depth), chance.choice((0.7, 0.9, 1.4)), "#f4f2e4")


def hills(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    glow(canvas, chance.uniform(170, 320), 150, 38, scene.light)
    for place, colour in enumerate(scene.ground):
        ridge(canvas, chance, 185 + place * 100 / len(scene.ground), 20, colour)


def night(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    stars(canvas, chance, 110, 210)
    glow(canvas, chance.uniform(150, 330), 88, 32, scene.light)
    for place, colour in enumerate(scene.ground):
        ridge(canvas, chance, 215 + place * 38, 18, colour)


def sea(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    glow(canvas, chance.uniform(290, 400), 80, 26, scene.light)
    horizon, room = 176, (HEIGHT - 176) / len(scene.ground)
    for place, colour in enumerate(scene.ground):
        canvas.box(0, horizon + place * room, WIDTH, room + 1, colour)
    for _ in range(34):
        x, y = chance.uniform(0, WIDTH), chance.uniform(horizon + 8, HEIGHT)
        canvas.line([(x, y), (x + chance.uniform(14, 44), y)], scene.sky[-1], 1.5)
    for number in range(scene.count):
        boat(canvas, 235 + (number - (scene.count - 1) / 2) * 125, 236 - number % 2 * 26, 1.0 - number % 2 * 0.3)


def boat(canvas: Canvas, x: float, y: float, scale: float) -> None:
    def at(across: float, up: float) -> tuple[float, float]:
        return x + across * scale, y - up * scale

    canvas.line([at(0, 0), at(0, 124)], "#4a3526", 3 * scale)
    canvas.shape([at(5, 118), at(5, 14), at(62, 14)], "#fffaf0")
    canvas.shape([at(-5, 104), at(-5, 14), at(-42, 14)], "#e8563f")
    canvas.shape([at(-60, 8), at(66, 8), at(46, -20), at(-44, -20)], "#5b3a29")


def skyline(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    if scene.sky[0] < "#3":
        stars(canvas, chance, 50, 120)
    glow(canvas, 90, 78, 24, scene.light)
    for place, colour in enumerate(scene.ground):
        x, last = -10.0, place == len(scene.ground) - 1
        while x < WIDTH:
            width = chance.uniform(38, 66)
            height = chance.uniform(70, 190) - place * 26
            canvas.box(x, HEIGHT - height - 26, width, height + 40, colour)
            if last:
                windows(canvas, chance, (x, HEIGHT - height - 14, width, height), scene.light)
            x += width + chance.choice((0, 3, 9))


def windows(canvas: Canvas, chance: random.Random, wall: tuple[float, float, float, float], light: str) -> None:
    left, top, width, height = wall
    for row in range(int(height // 17)):
        for column in range(int((width - 10) // 12)):
            if chance.random() < 0.55:
                canvas.box(left + 7 + column * 12, top + row * 17, 6, 9, light)


def forest(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    glow(canvas, 350, 84, 30, scene.light)
    for place, colour in enumerate(scene.ground):
        base = 222 + place * 34
        ridge(canvas, chance, base, 8, colour)
        for number in range(11 - place * 2):
            x = (
                chance.uniform(-10, WIDTH + 10)
                if place == 0
                else (number + chance.uniform(0.1, 0.9)) * 480 / (11 - place * 2)
            )
            fir(canvas, x, base + 18, 74 + place * 34, colour)


def fir(canvas: Canvas, x: float, base: float, height: float, colour: str) -> None:
    for tier in range(3):
        low, wide = base - height * tier * 0.26, height * (0.3 - tier * 0.07)
        canvas.shape([(x - wide, low), (x, low - height * 0.5), (x + wide, low)], colour)


def desert(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    glow(canvas, 120, 84, 34, scene.light)
    for place, colour in enumerate(scene.ground):
        ridge(canvas, chance, 205 + place * 38, 20, colour, 0.7)
    for number in range(scene.count):
        cactus(canvas, 330 - number * 120, 272 + number * 8, 1.1 - number * 0.22)


def cactus(canvas: Canvas, x: float, y: float, scale: float) -> None:
    green = "#2f6b46"
    canvas.box(x - 9 * scale, y - 118 * scale, 18 * scale, 118 * scale, green, 9 * scale)
    for side, low, high in ((-1, 46, 92), (1, 62, 104)):
        edge = x + side * 32 * scale
        canvas.box(min(x, edge) - 5 * scale, y - low * scale - 7, 42 * scale, 13 * scale, green, 6 * scale)
        canvas.box(edge - 7 * scale, y - high * scale, 14 * scale, (high - low + 10) * scale, green, 7 * scale)


def peaks(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    glow(canvas, 96, 70, 24, scene.light)
    for number in range(scene.count):
        x = 240 + (number - (scene.count - 1) / 2) * 130 + chance.uniform(-14, 14)
        tip, wide = 84 + chance.uniform(-20, 34), 150
        canvas.shape([(x - wide, 290), (x, tip), (x + wide, 290)], scene.ground[0])
        canvas.shape([(x, tip), (x + wide, 290), (x + 20, 290)], scene.ground[1])
        snow = [(x - 44, tip + 60), (x, tip), (x + 44, tip + 60), (x + 20, tip + 50), (x, tip + 70), (x - 20, tip + 48)]
        canvas.shape(snow, "#f7fafc")
    ridge(canvas, chance, 262, 8, scene.ground[2])
    for number in range(7):
        fir(canvas, 30 + number * 70 + chance.uniform(-14, 14), 300, 54, scene.ground[3])


def lighthouse(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    if scene.sky[0] < "#4":
        stars(canvas, chance, 60, 130)
        canvas.shape([(262, 96), (480, 40), (480, 132)], scene.sky[-1])
    for place, colour in enumerate(scene.ground[:-1]):
        canvas.box(0, 214 + place * 36, WIDTH, 60, colour)
    canvas.shape([(80, 320), (150, 238), (250, 222), (350, 246), (420, 320)], scene.ground[-1])
    for place in range(5):
        low, high = 236 - place * 26, 210 - place * 26
        canvas.shape(
            [(203 + place * 3, low), (206 + place * 3, high), (272 - place * 3, high), (275 - place * 3, low)],
            "#d63d3d" if place % 2 == 0 else "#fdf8f0",
        )
    canvas.box(218, 82, 40, 26, scene.light, 2)
    canvas.shape([(210, 84), (238, 56), (266, 84)], "#3a2b2b")


def balloons(canvas: Canvas, scene: Scene, chance: random.Random) -> None:
    for place, colour in enumerate(scene.ground):
        ridge(canvas, chance, 240 + place * 26, 12, colour)
    colours = ("#e8453c", "#f5b82e", "#2f7fd1", "#8f4fbf", "#2fa36b")
    for number in range(scene.count):
        x, y = 480 * (number + 0.5) / scene.count + chance.uniform(-6, 6), 92 + (number % 2) * 58
        size = 50 if scene.count < 4 else 37
        canvas.shape(
            [(x - size * 0.8, y + size * 0.6), (x + size * 0.8, y + size * 0.6), (x, y + size * 1.7)], colours[number]
        )
        canvas.disc(x, y, size, colours[number])
        canvas.slice(x, y, size, 60, 120, scene.light)
        canvas.slice(x, y, size, 240, 300, scene.light)
        canvas.box(x - 8, y + size * 1.62, 16, 13, "#6b4226", 2)


PAINTERS: dict[str, Callable[[Canvas, Scene, random.Random], None]] = {
    "hills": hills,
    "night": night,
    "sea": sea,
    "skyline": skyline,
    "forest": forest,
    "desert": desert,
    "peaks": peaks,
    "lighthouse": lighthouse,
    "balloons": balloons,
}


def draw(scene: Scene) -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT, scene.sky)
    PAINTERS[scene.kind](canvas, scene, random.Random(scene.seed))
    return canvas
