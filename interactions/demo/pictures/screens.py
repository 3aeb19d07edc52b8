"""Street signs, floor plans and dashboard screenshots."""

from __future__ import annotations

import random
from dataclasses import dataclass

from interactions.demo.pictures.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Sign:
    kind: str  # "name" | "stop" | "speed" | "parking" | "arrow" | "warning"
    words: tuple[str, ...]
    sky: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Room:
    name: str
    area: float  # square metres
    corner: tuple[int, int, int, int]  # x, y, width, height in the drawing


@dataclass(frozen=True, slots=True)
class Plan:
    title: str
    rooms: tuple[Room, ...]
    colours: tuple[str, ...]

    @property
    def area(self) -> float:
        return round(sum(room.area for room in self.rooms), 1)


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    tiles: tuple[tuple[str, str, str], ...]  # name, value, change
    alarm: int  # which tile is red
    caption: str
    level: tuple[int, ...]
    dark: bool
    story: str


def draw_sign(sign: Sign) -> Canvas:
    canvas = Canvas(480, 320, sign.sky)
    canvas.box(0, 276, 480, 44, "#7d8a5c")
    for x in (30, 96, 402, 455):
        canvas.disc(x, 262, 40, "#64764a")
    canvas.box(234, 120, 12, 200, "#8d949c")
    {"name": name_plate, "stop": stop, "speed": speed, "parking": parking, "arrow": arrow, "warning": warning}[
        sign.kind
    ](canvas, sign.words)
    return canvas


def name_plate(canvas: Canvas, words: tuple[str, ...]) -> None:
    canvas.box(74, 72, 332, 92, "#0d3f8f", 8)
    canvas.frame(82, 80, 316, 76, "#ffffff", 2)
    canvas.text(240, 110, words[0], 32, "#ffffff", "mm", bold=True)
    canvas.text(240, 139, words[1], 15, "#ffffff", "mm")


def stop(canvas: Canvas, words: tuple[str, ...]) -> None:
    for reach, colour in ((94, "#ffffff"), (86, "#c8102e")):
        near = reach * 0.414
        corners = [(near, reach), (reach, near), (reach, -near), (near, -reach)]
        points = corners + [(-x, -y) for x, y in corners]
        canvas.shape([(240 + x, 116 + y) for x, y in points], colour)
    canvas.text(240, 116, words[0], 50, "#ffffff", "mm", bold=True)


def speed(canvas: Canvas, words: tuple[str, ...]) -> None:
    for radius, colour in ((92, "#d21f26"), (70, "#ffffff")):
        canvas.disc(240, 112, radius, colour)
    canvas.text(240, 112, words[0], 66, "#16191f", "mm", bold=True)
    canvas.box(176, 214, 128, 34, "#ffffff", 4)
    canvas.text(240, 231, words[1], 16, "#16191f", "mm")


def parking(canvas: Canvas, words: tuple[str, ...]) -> None:
    canvas.box(162, 22, 156, 156, "#1457b8", 12)
    canvas.text(240, 100, "P", 116, "#ffffff", "mm", bold=True)
    for place, line in enumerate(words):
        canvas.box(162, 184 + place * 36, 156, 32, "#ffffff", 4)
        canvas.text(240, 200 + place * 36, line, 15, "#16191f", "mm")


def arrow(canvas: Canvas, words: tuple[str, ...]) -> None:
    for place, line in enumerate(words):
        y, right = 30 + place * 66, place % 2 == 0
        points = [(96, y), (366, y), (396, y + 28), (366, y + 56), (96, y + 56)]
        canvas.shape(points if right else [(480 - x, height) for x, height in points], "#f2c200")
        canvas.text(240, y + 28, line, 22, "#16191f", "mm", bold=True)


def warning(canvas: Canvas, words: tuple[str, ...]) -> None:
    canvas.shape([(240, 14), (350, 200), (130, 200)], "#d21f26")
    canvas.shape([(240, 48), (324, 188), (156, 188)], "#ffffff")
    canvas.text(240, 142, "!", 84, "#16191f", "mm", bold=True)
    canvas.box(150, 212, 180, 36, "#ffffff", 4)
    canvas.text(240, 230, words[0], 17, "#16191f", "mm")


def draw_plan(plan: Plan) -> Canvas:
    canvas = Canvas(480, 320, "#fbfbf7")
    canvas.text(20, 10, plan.title, 15, "#1d2433", bold=True)
    for place, room in enumerate(plan.rooms):
        x, y, width, height = room.corner
        canvas.box(x, y, width, height, plan.colours[place % len(plan.colours)])
        canvas.frame(x, y, width + 2, height + 2, "#20242c", 4)
        canvas.box(x + width * 0.35, y + height - 3, 26, 6, "#fbfbf7")
        canvas.text(x + width / 2, y + height / 2 - 9, room.name, 14, "#20242c", "mm")
        canvas.text(x + width / 2, y + height / 2 + 9, f"{room.area} sqm", 13, "#5b6472", "mm")
    return canvas


def draw_board(board: Board) -> Canvas:
    paper, card, ink = ("#12161f", "#1d2430", "#e8ebf0") if board.dark else ("#eef1f6", "#ffffff", "#16191f")
    canvas = Canvas(480, 320, paper)
    canvas.box(0, 0, 480, 34, "#3b5bdb" if not board.dark else "#0b0e14")
    canvas.text(16, 17, board.name, 15, "#ffffff", "lm", bold=True)
    for place, (name, value, change) in enumerate(board.tiles):
        x, alarming = 14 + place * 115, place == board.alarm
        canvas.box(x, 46, 107, 82, "#d9373f" if alarming else card, 6)
        canvas.text(x + 10, 56, name, 12, "#ffffff" if alarming else "#8b94a3")
        canvas.text(x + 10, 75, value, 22, "#ffffff" if alarming else ink, bold=True)
        canvas.text(x + 10, 106, change, 12, "#ffffff" if alarming else "#2f9e6f")
    board_bars(canvas, board, card, ink)
    return canvas


def board_bars(canvas: Canvas, board: Board, card: str, ink: str) -> None:
    canvas.box(14, 140, 452, 168, card, 6)
    canvas.text(26, 150, board.caption, 13, ink)
    room, top, noise = 428 / len(board.level), max(board.level), random.Random(board.name)
    for place, value in enumerate(board.level):
        height = 112 * value / top
        colour = "#d9373f" if value == top else noise.choice(("#7f95ea", "#6f87e8", "#8fa3ee"))
        canvas.box(26 + room * place, 296 - height, room * 0.74, height, colour, 2)


SIGNS = (
    Sign(
        "name",
        ("Rue des Lilas", "3e arrondissement"),
        ("#8fc7ee", "#dff0fb"),
        "It is a French street-name plate: white letters on blue, with the district below.",
    ),
    Sign(
        "stop",
        ("STOP",),
        ("#b8d9ef", "#f2f7fa"),
        "You must come to a complete stop and give way to all traffic before driving on.",
    ),
    Sign(
        "speed",
        ("30", "22-6 h"),
        ("#3b4a7a", "#d98f8f"),
        "The speed limit is 30, and the plate below limits it to the hours from 22 to 6.",
    ),
    Sign(
        "parking",
        ("max. 2 h", "Mo-Fr 8-18 h"),
        ("#a9cbd9", "#f4efe2"),
        "You may park for at most two hours, Monday to Friday from 8 to 18; outside those hours there is no limit.",
    ),
    Sign(
        "arrow",
        ("Bergen 42", "Voss 61", "Odda 18"),
        ("#9ab8c9", "#e6eef2"),
        "Bergen (42) and Odda (18) are to the right, Voss (61) is to the left.",
    ),
    Sign(
        "warning",
        ("Falling rocks",),
        ("#c9b79a", "#f1e8d8"),
        "It warns of falling rocks: slow down, do not stop here and watch the slope.",
    ),
    Sign(
        "name",
        ("Calle del Pozo", "Barrio Alto"),
        ("#f5b971", "#fde8c8"),
        "It is a Spanish street-name plate with the quarter, Barrio Alto, on the second line.",
    ),
    Sign(
        "speed",
        ("80", "1-4 km"),
        ("#7fa7c4", "#e9f1f5"),
        "The limit is 80, and the plate says that it holds from kilometre 1 to kilometre 4.",
    ),
)
PLANS = (
    Plan(
        "Flat 4B, second floor",
        (
            Room("Living room", 24.5, (24, 40, 220, 150)),
            Room("Kitchen", 11.0, (246, 40, 208, 90)),
            Room("Bedroom", 15.2, (246, 132, 208, 166)),
            Room("Bath", 5.8, (24, 192, 98, 106)),
            Room("Hall", 6.5, (124, 192, 120, 106)),
        ),
        ("#dce8f7", "#fbe5cf", "#e3f1de", "#d9f0f2", "#efe9f6"),
    ),
    Plan(
        "Studio, ground floor",
        (
            Room("Studio", 31.0, (24, 40, 290, 258)),
            Room("Bath", 4.9, (316, 40, 138, 120)),
            Room("Terrace", 9.6, (316, 162, 138, 136)),
        ),
        ("#fbe9d3", "#d8eef2", "#dff0d4"),
    ),
    Plan(
        "Family house, upper floor",
        (
            Room("Bedroom 1", 16.4, (24, 40, 180, 136)),
            Room("Bedroom 2", 12.1, (206, 40, 130, 136)),
            Room("Bedroom 3", 10.3, (338, 40, 116, 136)),
            Room("Landing", 8.0, (24, 178, 180, 120)),
            Room("Bath", 7.7, (206, 178, 130, 120)),
            Room("Storage", 3.5, (338, 178, 116, 120)),
        ),
        ("#e6e2f8", "#dbeafc", "#ddf3e6", "#f5efe0", "#d8f0f2", "#eeeeee"),
    ),
    Plan(
        "Office suite 210",
        (
            Room("Open plan", 62.0, (24, 40, 262, 160)),
            Room("Meeting", 18.5, (288, 40, 166, 100)),
            Room("Server", 6.0, (288, 142, 82, 58)),
            Room("Kitchenette", 8.2, (372, 142, 82, 58)),
            Room("Reception", 21.3, (24, 202, 430, 96)),
        ),
        ("#dbe7f5", "#fde6d8", "#f6d9d9", "#e4f3dc", "#f7f2d8"),
    ),
)
BOARDS = (
    Board(
        "Payments overview",
        (
            ("Requests", "18.4k", "+3%"),
            ("Success", "97.1%", "-2.4 pt"),
            ("p95", "412 ms", "+8%"),
            ("Refunds", "61", "-5%"),
        ),
        1,
        "Declined payments per hour",
        (4, 5, 4, 6, 5, 7, 9, 31, 44, 38, 12, 6),
        False,
        "the success rate fell by 2.4 points to 97.1%, and declined payments per hour jumped in the second half of the chart",
    ),
    Board(
        "Cluster eu-west",
        (("Nodes", "24", "+0"), ("CPU", "71%", "+6 pt"), ("Memory", "93%", "+14 pt"), ("Pods", "812", "+31")),
        2,
        "Restarts per hour",
        (1, 0, 2, 1, 1, 3, 5, 9, 14, 22, 27, 30),
        True,
        "memory stands at 93%, 14 points up, and restarts per hour climb steadily to the right end of the chart",
    ),
    Board(
        "Shop, today",
        (
            ("Visitors", "9,204", "+11%"),
            ("Orders", "318", "+4%"),
            ("Basket", "$54.10", "+2%"),
            ("Returns", "57", "+38%"),
        ),
        3,
        "Orders per hour",
        (3, 2, 4, 9, 18, 26, 31, 29, 34, 41, 38, 27),
        False,
        "returns are up 38% to 57 while orders only grew by 4%",
    ),
    Board(
        "Model gateway",
        (("Calls", "142k", "+9%"), ("Errors", "4.8%", "+4.1 pt"), ("Tokens", "61M", "+7%"), ("Cost", "$183", "+6%")),
        1,
        "Errors per 5 min",
        (2, 3, 2, 2, 4, 60, 88, 71, 20, 6, 3, 2),
        True,
        "the error rate rose by 4.1 points to 4.8%, caused by one sharp burst in the middle of the chart that has already subsided",
    ),
    Board(
        "Greenhouse 2",
        (("Temp", "31 °C", "+6"), ("Humidity", "48%", "-9 pt"), ("CO2", "640 ppm", "+20"), ("Water", "212 l", "+3%")),
        0,
        "Fan power by hour",
        (10, 10, 12, 14, 20, 26, 34, 40, 46, 44, 30, 18),
        False,
        "the temperature is 31 °C, six degrees above before, although the fans ran at their highest around the ninth bar",
    ),
)
