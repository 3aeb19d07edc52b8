"""The demo's pictures: drawn once, kept as data URIs, together with the subjects they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from interactions.demo.pictures import charts, papers, scenes, screens
from interactions.demo.pictures.canvas import Canvas, Encoding
from interactions.demo.pictures.charts import Chart
from interactions.demo.pictures.figures import CHARTS
from interactions.demo.pictures.papers import Note, Receipt, Ticket
from interactions.demo.pictures.scenes import Scene
from interactions.demo.pictures.screens import BOARDS, PLANS, SIGNS, Board, Plan, Sign
from interactions.demo.pictures.slips import NOTES, RECEIPTS, TICKETS
from interactions.demo.pictures.views import SCENES

Subject = Chart | Receipt | Ticket | Note | Scene | Sign | Plan | Board


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    subject: Subject
    uri: str


@cache
def album(latest: date) -> tuple[Picture, ...]:
    """Every picture; what carries a date is dated before `latest`."""
    subjects = [*CHARTS, *SCENES, *SIGNS, *PLANS, *BOARDS, *NOTES, *dated(latest)]
    return tuple(develop(place, subject) for place, subject in enumerate(subjects))


def dated(latest: date) -> list[Receipt | Ticket]:
    days = [(latest - timedelta(days=2 + 3 * place)).isoformat() for place in range(len(RECEIPTS))]
    clocks = [f"{9 + place * 5 % 12:02d}:{7 + place * 11 % 50:02d}" for place in range(len(RECEIPTS))]
    receipts = [replace(slip, day=day, clock=clock) for slip, day, clock in zip(RECEIPTS, days, clocks, strict=True)]
    tickets = [replace(ticket, day=day) for ticket, day in zip(TICKETS, days[3:], strict=False)]
    return [*receipts, *tickets]


def develop(place: int, subject: Subject) -> Picture:
    return Picture(
        f"{type(subject).__name__.lower()}-{place:03d}", subject, drawing(place, subject).encoded(film(subject))
    )


def film(subject: Subject) -> Encoding:
    if isinstance(subject, Scene):
        return subject.encoding
    return "JPEG" if isinstance(subject, Receipt | Ticket) else "PNG"


def drawing(place: int, subject: Subject) -> Canvas:
    match subject:
        case Chart():
            return charts.draw(subject)
        case Scene():
            return scenes.draw(subject)
        case Receipt():
            return papers.draw_receipt(subject, place)
        case Ticket():
            return papers.draw_ticket(subject)
        case Note():
            return papers.draw_note(subject, place)
        case Sign():
            return screens.draw_sign(subject)
        case Plan():
            return screens.draw_plan(subject)
        case Board():
            return screens.draw_board(subject)
