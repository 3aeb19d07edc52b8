"""Bar, line, pie and ranking charts, drawn from the figures that the answers quote."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from interactions.demo.pictures.canvas import Canvas

Style = Literal["bars", "lines", "pie", "ranking", "stacked"]


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    style: Style
    title: str
    unit: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    look: str = "paper"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    paper: str
    ink: str
    faint: str
    colours: tuple[str, ...]


LOOKS = {
    "paper": Look("#ffffff", "#1d2433", "#dfe3ea", ("#3b5bdb", "#f08c3a", "#2f9e7f", "#c2417c", "#8a63d2", "#9aa5b5")),
    "cream": Look("#fbf5e9", "#3a2f25", "#e5dac5", ("#b5452c", "#2e6f73", "#e0a13a", "#5c4b7d", "#7d9a4a", "#a58f78")),
    "dark": Look("#141a26", "#e6ebf4", "#2c3547", ("#5fb3ff", "#ffb454", "#6fe0a8", "#ff6f91", "#b89cff", "#8793a8")),
    "mint": Look("#eef8f3", "#15342a", "#cfe6db", ("#0f8b6d", "#f2724b", "#3f6fb5", "#d9a514", "#a2427c", "#80998e")),
    "rose": Look("#fff4f5", "#41202b", "#f1d6db", ("#d6336c", "#5f3dc4", "#f59f00", "#1c7ed6", "#37b24d", "#a98f98")),
    "slate": Look("#e9edf3", "#202a3b", "#cfd6e1", ("#204a87", "#d9480f", "#0b7285", "#862e9c", "#5c940d", "#7a869a")),
}
LEFT, TOP, RIGHT, BOTTOM = 52, 62, 462, 268


def figure(value: float, unit: str = "") -> str:
    """A number as people write it: no needless zeros, thousands apart."""
    plain = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}".rstrip("0")
    if unit == "$":
        return f"{unit}{plain}"
    return f"{plain}{unit}" if unit in ("%", "") else f"{plain} {unit}"


def draw(chart: Chart) -> Canvas:
    look = LOOKS[chart.look]
    canvas = Canvas(480, 320, look.paper)
    canvas.text(20, 14, chart.title, 17, look.ink, bold=True)
    caption = chart.source or {"$": "in dollars", "EUR": "in euros", "": ""}.get(chart.unit, f"in {chart.unit}")
    canvas.text(20, 37, caption, 11, look.colours[-1])
    painters = {"bars": bars, "lines": lines, "pie": pie, "ranking": ranking, "stacked": stacked}
    painters[chart.style](canvas, chart, look)
    return canvas


def ceiling(top: float) -> float:
    """The round number at or above the largest value, so that the axis ends in one."""
    power = 10.0 ** (len(str(int(top))) - 1) if top >= 1 else 0.1
    return next(step * power for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12) if step * power >= top * 1.02)


def axes(canvas: Canvas, chart: Chart, look: Look, top: float) -> None:
    for step in range(5):
        y = BOTTOM - (BOTTOM - TOP) * step / 4
        canvas.line([(LEFT, y), (RIGHT, y)], look.faint)
        canvas.text(LEFT - 7, y, figure(round(top * step / 4, 3)), 11, look.ink, "rm")
    width = (RIGHT - LEFT) / len(chart.labels)
    for place, label in enumerate(chart.labels):
        canvas.text(LEFT + width * (place + 0.5), BOTTOM + 6, label, 12, look.ink, "ma")


def legend(canvas: Canvas, names: list[str], look: Look) -> None:
    x = 22.0
    for place, name in enumerate(names):
        canvas.box(x, 297, 11, 11, look.colours[place], 2)
        canvas.text(x + 16, 302.5, name, 12, look.ink, "lm")
        x += 34 + canvas.wide(name, 12)


def bars(canvas: Canvas, chart: Chart, look: Look) -> None:
    top = ceiling(max(max(series.values) for series in chart.series))
    axes(canvas, chart, look, top)
    room = (RIGHT - LEFT) / len(chart.labels)
    width = room * 0.74 / len(chart.series)
    for rank, series in enumerate(chart.series):
        for place, value in enumerate(series.values):
            height = (BOTTOM - TOP) * value / top
            x = LEFT + room * (place + 0.13) + width * rank
            canvas.box(x, BOTTOM - height, width - 2, height, look.colours[rank], 2)
            canvas.text(x + width / 2 - 1, BOTTOM - height - 3, figure(value), 10, look.ink, "mb")
    legend(canvas, [series.name for series in chart.series], look)


def stacked(canvas: Canvas, chart: Chart, look: Look) -> None:
    totals = [sum(values) for values in zip(*(series.values for series in chart.series), strict=True)]
    top = ceiling(max(totals))
    axes(canvas, chart, look, top)
    room = (RIGHT - LEFT) / len(chart.labels)
    for place in range(len(chart.labels)):
        y = float(BOTTOM)
        for rank, series in enumerate(chart.series):
            height = (BOTTOM - TOP) * series.values[place] / top
            y -= height
            canvas.box(LEFT + room * (place + 0.18), y, room * 0.64, height, look.colours[rank])
            if height > 14:
                canvas.text(
                    LEFT + room * (place + 0.5), y + height / 2, figure(series.values[place]), 11, look.paper, "mm"
                )
    legend(canvas, [series.name for series in chart.series], look)


def lines(canvas: Canvas, chart: Chart, look: Look) -> None:
    top = ceiling(max(max(series.values) for series in chart.series))
    axes(canvas, chart, look, top)
    room = (RIGHT - LEFT) / len(chart.labels)
    for rank, series in enumerate(chart.series):
        points = [
            (LEFT + room * (place + 0.5), BOTTOM - (BOTTOM - TOP) * value / top)
            for place, value in enumerate(series.values)
        ]
        for start, end in pairwise(points):
            canvas.line([start, end], look.colours[rank], 4)
        for (x, y), value in zip(points, series.values, strict=True):
            canvas.disc(x, y, 5, look.colours[rank])
            canvas.text(x, y - 8, figure(value), 10, look.ink, "mb")
    legend(canvas, [series.name for series in chart.series], look)


def pie(canvas: Canvas, chart: Chart, look: Look) -> None:
    values = chart.series[0].values
    angle, whole = -90.0, sum(values)
    for place, value in enumerate(values):
        end = angle + 360 * value / whole
        canvas.slice(166, 184, 118, angle, end, look.colours[place])
        angle = end
    if chart.source:
        canvas.disc(166, 184, 56, look.paper)
    for place, (label, value) in enumerate(zip(chart.labels, values, strict=True)):
        y = 112 + 30 * place
        canvas.box(306, y, 15, 15, look.colours[place], 3)
        canvas.text(328, y + 8, f"{label}  {figure(value, chart.unit)}", 14, look.ink, "lm")


def ranking(canvas: Canvas, chart: Chart, look: Look) -> None:
    values = chart.series[0].values
    room, top = 236 / len(values), max(values)
    margin = 34 + max(canvas.wide(label, 13) for label in chart.labels)
    for place, (label, value) in enumerate(zip(chart.labels, values, strict=True)):
        y = 64 + room * place
        length = (410 - margin) * value / top
        canvas.box(margin, y + room * 0.14, length, room * 0.72, look.colours[place % 5], 3)
        canvas.text(margin - 8, y + room / 2, label, 13, look.ink, "rm")
        canvas.text(margin + length + 6, y + room / 2, figure(value), 12, look.ink, "lm")
