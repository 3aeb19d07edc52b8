"""Papers somebody photographed: receipts, parking tickets and handwritten notes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from interactions.demo.pictures.canvas import SCALE, Canvas, typeface


@dataclass(frozen=True, slots=True)
class Receipt:
    merchant: str
    place: str
    kind: str
    currency: str
    vat: int
    items: tuple[tuple[int, str, float], ...]
    day: str = ""
    clock: str = ""
    payment: str = "VISA"

    @property
    def total(self) -> float:
        return round(sum(quantity * price for quantity, _, price in self.items), 2)

    @property
    def tax(self) -> float:
        return round(self.total - self.total / (1 + self.vat / 100), 2)

    def money(self, amount: float) -> str:
        return f"{amount:.2f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Ticket:
    plate: str
    street: str
    reason: str
    amount: int
    reduced: int
    number: str
    clock: str
    day: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    title: str
    lines: tuple[str, ...]
    paper: str
    ink: str


TABLES = ("#8a5a3b", "#3f4a57", "#5d6b4f", "#a08a6d", "#6b4a58", "#4b5f73", "#b99b72")


def draw_receipt(receipt: Receipt, turn: int) -> Canvas:
    height = 236 + 21 * len(receipt.items)
    canvas = Canvas(300, height, TABLES[turn % len(TABLES)])
    canvas.box(26, 16, 252, height - 28, "#2b2622")
    canvas.box(22, 12, 252, height - 28, "#fdfcf8")
    for x in range(22, 274, 9):
        canvas.shape([(x, height - 16), (x + 4.5, height - 9), (x + 9, height - 16)], "#fdfcf8")
    canvas.text(148, 34, receipt.merchant.upper(), 18, "#1a1a1a", "ma", bold=True)
    canvas.text(148, 60, receipt.place, 12, "#444444", "ma")
    canvas.text(148, 77, f"{receipt.day}   {receipt.clock}", 12, "#444444", "ma")
    receipt_lines(canvas, receipt)
    return canvas


def receipt_lines(canvas: Canvas, receipt: Receipt) -> None:
    canvas.line([(36, 100), (260, 100)], "#777777")
    y = 109.0
    for quantity, name, price in receipt.items:
        canvas.text(38, y, f"{quantity} x {name}", 13, "#222222")
        canvas.text(258, y, f"{quantity * price:.2f}", 13, "#222222", "ra")
        y += 21
    canvas.line([(36, y + 4), (260, y + 4)], "#777777")
    canvas.text(38, y + 13, "TOTAL", 19, "#111111", bold=True)
    canvas.text(258, y + 13, receipt.money(receipt.total), 19, "#111111", "ra", bold=True)
    canvas.text(38, y + 40, f"incl. VAT {receipt.vat}%", 12, "#555555")
    canvas.text(258, y + 40, f"{receipt.tax:.2f}", 12, "#555555", "ra")
    canvas.text(38, y + 57, receipt.payment, 12, "#555555")
    barcode(canvas, y + 79, receipt.merchant)


def barcode(canvas: Canvas, y: float, seed: str) -> None:
    stripes, x = random.Random(seed), 76.0
    while x < 220:
        width = stripes.choice((1, 1, 2, 3))
        canvas.box(x, y, width, 15, "#1a1a1a")
        x += width + stripes.choice((1, 2, 2, 3))


def draw_ticket(ticket: Ticket) -> Canvas:
    canvas = Canvas(320, 400, ["#59636e", "#3c444d"])
    canvas.box(38, 26, 250, 352, "#22272d", 4)
    canvas.box(32, 20, 250, 352, "#fff3c4", 4)
    canvas.box(32, 20, 250, 52, "#d9480f", 4)
    canvas.text(157, 46, "PARKING NOTICE", 21, "#ffffff", "mm", bold=True)
    rows = (("No.", ticket.number), ("Vehicle", ticket.plate), ("Date", ticket.day), ("Time", ticket.clock))
    for place, (name, value) in enumerate((*rows, ("Street", ticket.street))):
        canvas.text(48, 90 + 27 * place, name, 13, "#7a6a3a")
        canvas.text(120, 89 + 27 * place, value, 15, "#2b2410", bold=True)
    canvas.text(48, 232, "Reason", 13, "#7a6a3a")
    canvas.text(48, 250, ticket.reason, 15, "#2b2410", bold=True)
    canvas.line([(48, 282), (266, 282)], "#c9b679", 2)
    canvas.text(48, 294, f"Amount due  {ticket.amount} EUR", 20, "#b02a0c", bold=True)
    canvas.text(48, 326, f"{ticket.reduced} EUR if paid within 14 days", 13, "#2b2410")
    return canvas


def draw_note(note: Note, seed: int) -> Canvas:
    canvas = Canvas(400, 340, TABLES[seed % len(TABLES)])
    canvas.box(36, 24, 336, 300, "#2a2622", 3)
    canvas.box(30, 18, 336, 300, note.paper, 3)
    for y in range(88, 310, 32):
        canvas.line([(30, y), (366, y)], "#b9c6d8")
    canvas.line([(68, 18), (68, 318)], "#e58a8a")
    ink = Image.new("L", canvas.image.size, 0)
    hand = random.Random(seed)
    scrawl(ink, 80, 34, note.title, 25, hand)
    for place, words in enumerate(note.lines):
        scrawl(ink, 82, 66 + 32 * place, words, 19, hand)
    slanted = ink.transform(ink.size, Image.Transform.AFFINE, (1, 0.1, -44, 0.012, 1, -4), Image.Resampling.BILINEAR)
    canvas.image.paste(Image.new("RGB", ink.size, note.ink), mask=slanted)
    return canvas


def scrawl(ink: Image.Image, x: float, y: float, words: str, size: int, hand: random.Random) -> None:
    """Letters of uneven height on an uneven line, as a hurried hand sets them."""
    pen = ImageDraw.Draw(ink)
    for letter in words:
        font = typeface((size + hand.choice((-1, 0, 0, 1, 2))) * SCALE)
        pen.text((x * SCALE, (y + hand.uniform(-1.6, 1.6)) * SCALE), letter, 255, font, stroke_width=1)
        x += pen.textlength(letter, font) / SCALE - 0.2
