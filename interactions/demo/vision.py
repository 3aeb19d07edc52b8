"""Questions about the pictures, with answers computed from the figures that were drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass

from interactions.demo.chart_reading import Spoken, about_chart, about_pie, extreme
from interactions.demo.pictures import Picture
from interactions.demo.pictures.charts import Chart
from interactions.demo.pictures.papers import Note, Receipt, Ticket
from interactions.demo.pictures.scenes import Scene
from interactions.demo.pictures.screens import Board, Plan, Sign


@dataclass(frozen=True, slots=True)
class Question:
    pictures: tuple[Picture, ...]
    ask: str
    answers: tuple[str, ...]
    poor: tuple[str, ...] = ()
    dataset: str = ""
    lang: str = "en"


EXTRACTIONS = (
    "Extract merchant, date, total and tax as JSON.",
    "Read this receipt into JSON: merchant, date, total, tax.",
    "merchant/date/total/tax from the photo, JSON only",
    "Receipt to JSON, please (keys: merchant, date, total, tax).",
)
KINDS = {
    "name": "street",
    "stop": "red",
    "speed": "round",
    "parking": "blue",
    "arrow": "yellow",
    "warning": "triangular",
}


def questions(album: tuple[Picture, ...]) -> list[Question]:
    single = [
        Question((picture,), ask, answers, poor, dataset_of(picture), language_of(ask))
        for picture in album
        for ask, answers, poor in about(picture)
    ]
    return single + comparisons(album)


def language_of(ask: str) -> str:
    openings = (("Quel est", "fr"), ("Welche Summe", "de"), ("¿", "es"))
    return next((lang for opening, lang in openings if ask.startswith(opening)), "en")


def dataset_of(picture: Picture) -> str:
    return {Chart: "charts-eval", Receipt: "receipts"}.get(type(picture.subject), "")


def about(picture: Picture) -> list[Spoken]:
    match picture.subject:
        case Chart(style="pie") as chart:
            return about_pie(chart)
        case Chart() as chart:
            return about_chart(chart)
        case Receipt() as receipt:
            return about_receipt(receipt)
        case Scene() as scene:
            return about_scene(scene)
        case Ticket() as ticket:
            return about_ticket(ticket)
        case Note() as note:
            return about_note(note)
        case Sign() as sign:
            return about_sign(sign)
        case Plan() as plan:
            return about_plan(plan)
        case Board() as board:
            return about_board(board)


def about_receipt(receipt: Receipt) -> list[Spoken]:
    total, tax, shop = receipt.money(receipt.total), receipt.money(receipt.tax), receipt.merchant
    dear = max(receipt.items, key=lambda item: item[2])
    facts = {"merchant": shop, "date": receipt.day, "total": receipt.total, "tax": receipt.tax}
    lines = "\n".join(f"- {n} x {name}: {n * price:.2f}" for n, name, price in receipt.items)
    people = 2 + len(shop) % 3
    return [
        abroad(receipt),
        (
            EXTRACTIONS[len(receipt.merchant + receipt.place) % len(EXTRACTIONS)],
            (json.dumps(facts), f"```json\n{json.dumps(facts | {'currency': receipt.currency}, indent=2)}\n```"),
            (json.dumps(facts | {"total": round(receipt.total * 10, 2)}),),
        ),
        (
            f"How much did we pay at {shop}, and how much of it is VAT?",
            (
                f"{total} in all, of which {tax} is VAT at {receipt.vat}%.",
                f"Total {total}; VAT ({receipt.vat}%) {tax}.",
            ),
            (f"The total is {tax}.",),
        ),
        (f"List the items on the {shop} receipt.", (lines, f"{lines}\n\nTotal: **{total}**"), ()),
        (
            f"Split this bill from {shop} between {people} people, please.",
            (
                f"{total} divided by {people} is **{receipt.total / people:.2f} {receipt.currency}** each.",
                f"Each pays {receipt.total / people:.2f} {receipt.currency} ({total} / {people}).",
            ),
            (f"Everyone should pay {total}.",),
        ),
        (
            f"Which expense category is the receipt of {receipt.day} and was it paid by card?",
            (
                f"Category **{receipt.kind}** ({shop}, {receipt.place}). The slip says {receipt.payment}, so "
                f"{'no, it was cash' if receipt.payment == 'CASH' else 'yes, without cash'}.",
            ),
            (),
        ),
        (
            f"What was the most expensive single item at {shop}?",
            (
                f"{dear[1]}, at {receipt.money(dear[2])} a piece.",
                f"The {dear[1]} line: {dear[0]} x {dear[2]:.2f} {receipt.currency}.",
            ),
            (),
        ),
    ]


def abroad(receipt: Receipt) -> Spoken:
    shop = receipt.merchant
    total, tax = (receipt.money(amount).replace(".", ",") for amount in (receipt.total, receipt.tax))
    spoken: tuple[Spoken, ...] = (
        (f"Quel est le total du ticket {shop}, et la TVA ?", (f"{total} au total, dont {tax} de TVA ({receipt.vat} %).",), ()),
        (f"Welche Summe steht auf dem Beleg von {shop}?", (f"{total}, darin {tax} Mehrwertsteuer ({receipt.vat} %).",), ()),
        (f"¿Cuánto pagamos en {shop}?", (f"{total} en total, de los cuales {tax} son IVA ({receipt.vat} %).",), ()),
    )  # fmt: skip
    return spoken[len(shop) % 3]


def about_scene(scene: Scene) -> list[Spoken]:
    sentence, place = scene.sentence, scene.place[0].upper() + scene.place[1:]
    found: list[Spoken] = [
        (
            f"Where was this taken, and what time of day is it? ({scene.title}.{scene.encoding.lower()})",
            (
                f"{place}; {scene.hour}. The shapes are stylised, so take the place as a guess.",
                f"The light suggests this: {scene.hour}. As for the place, {scene.place}.",
            ),
            ("I cannot see images.",),
        ),
        (
            f"Describe the mood of '{scene.title}' in one sentence.",
            (f"The picture feels {scene.mood}.", f"{scene.mood.capitalize()}."),
            (f"It is a picture called {scene.title}.",),
        ),
        (f"Alt text for '{scene.title}', at most 25 words.", (sentence, f"Illustration: {sentence[0].lower()}{sentence[1:]}"), ()),
        (
            f"Which colours dominate here? I want to match the cover of '{scene.title}'.",
            (f"Mainly {scene.colours}.", f"{scene.colours[0].upper()}{scene.colours[1:]}. Start with the first of them for the spine."),
            (),
        ),
        (
            f"Suggest a caption for our calendar page ({scene.title}, {scene.hour}).",
            (
                f"*{scene.title}.* {sentence}",
                f"\"{scene.title}\": {scene.mood}.",
            ),
            (),
        ),
    ]  # fmt: skip
    noun = {"sea": "boats", "desert": "cacti", "peaks": "peaks", "balloons": "balloons"}.get(scene.kind)
    if noun:
        one = {"boats": "boat", "cacti": "cactus", "peaks": "peak", "balloons": "balloon"}[noun]
        counted = f"{scene.count} {noun if scene.count > 1 else one}"
        wrong = scene.count + 1
        found.append(
            (
                f"How many {noun} can you count in '{scene.title}'?",
                (f"{counted}.", f"I count {counted}."),
                (f"{wrong} {noun}.",),
            )
        )
    return found


def about_ticket(ticket: Ticket) -> list[Spoken]:
    facts = {"number": ticket.number, "plate": ticket.plate, "date": ticket.day, "amount_eur": ticket.amount}
    return [
        (f"What was {ticket.plate} fined for?", (f"{ticket.reason}, at {ticket.street}, {ticket.day}, {ticket.clock}.",), ("Speeding.",)),
        (
            f"What do I pay for {ticket.number} if I do it right away?",
            (
                f"{ticket.reduced} EUR if you pay within 14 days of {ticket.day}, otherwise {ticket.amount} EUR.",
                f"**{ticket.reduced} EUR** instead of {ticket.amount} EUR; the reduction ends 14 days after the notice.",
            ),
            (f"{ticket.amount} EUR.",),
        ),
        ("Number, plate, date and amount of this notice as JSON.", (json.dumps(facts),), ()),
    ]  # fmt: skip


def about_note(note: Note) -> list[Spoken]:
    text = "\n".join(note.lines)
    return [
        (f"Transcribe my note '{note.title}'.", (f"{note.title}\n\n{text}", f"```\n{note.title}\n{text}\n```"), ("Illegible.",)),
        (f"What is the last line of '{note.title}'? I can't read my own writing.", (f'It says "{note.lines[-1]}".',), ()),
        (f"Turn '{note.title}' into a checklist.", ("\n".join(f"- [ ] {line.lstrip('-> ')}" for line in note.lines),), ()),
    ]  # fmt: skip


def about_sign(sign: Sign) -> list[Spoken]:
    words = " / ".join(sign.words)
    return [
        (f"What does this sign mean ({sign.words[-1]})?", (sign.meaning, f"It reads \"{words}\". {sign.meaning}"), ("It is a traffic sign.",)),
        (f"I am short-sighted: what is written on this {KINDS[sign.kind]} sign with '{sign.words[0][:3]}' on it?", (f'"{words}"', f"The sign says: {words}."), ()),
    ]  # fmt: skip


def about_plan(plan: Plan) -> list[Spoken]:
    small, large = min(plan.rooms, key=lambda room: room.area), max(plan.rooms, key=lambda room: room.area)
    working = " + ".join(str(room.area) for room in plan.rooms)
    rows = "\n".join(f"| {room.name} | {room.area} |" for room in plan.rooms)
    return [
        (f"Total area of '{plan.title}'?", (f"{working} = **{plan.area} m²**.", f"The rooms add up to {plan.area} m²."), (f"About {round(plan.area * 1.4)} m².",)),
        (f"Which is the smallest room in '{plan.title}'?", (f"{small.name}, with {small.area} m².",), ()),
        (f"Rooms and areas of '{plan.title}' as a table.", (f"| Room | m² |\n|---|---|\n{rows}",), ()),
        (f"Would a 3 x 4 m rug fit in the largest room ({plan.title})?", (f"By area yes: {large.name} has {large.area} m², the rug 12 m². Check the shorter wall, the plan shows no lengths.",), ()),
    ]  # fmt: skip


def about_board(board: Board) -> list[Spoken]:
    name, value, change = board.tiles[board.alarm]
    numbers = {tile[0]: tile[1] for tile in board.tiles}
    return [
        (f"Anything alarming on '{board.name}'?", (f"Yes: {board.story}.", f"{name} is red at {value} ({change}). In short, {board.story}."), ("No, everything looks normal.",)),
        (f"Read the four tiles of '{board.name}' as JSON.", (json.dumps(numbers, ensure_ascii=False),), ()),
        (f"Write the status line for the stand-up ({board.name}).", (f"{board.name}: {name} {value} ({change}), the rest within the usual range.", f"Watch {name}: {value}, {change}."), ()),
    ]  # fmt: skip


def comparisons(album: tuple[Picture, ...]) -> list[Question]:
    charts = [(picture, picture.subject) for picture in album if isinstance(picture.subject, Chart)]
    slips = [(picture, picture.subject) for picture in album if isinstance(picture.subject, Receipt)]
    scenes = [(picture, picture.subject) for picture in album if isinstance(picture.subject, Scene)]
    return [
        *(two_charts(a, b) for a, b in zip(charts[::2], charts[1::2], strict=False)),
        *(three_slips(slips[n : n + 3]) for n in range(0, len(slips) - 2, 2)),
        *(two_scenes(a, b) for a, b in zip(scenes, scenes[7:], strict=False)),
    ]


def two_charts(left: tuple[Picture, Chart], right: tuple[Picture, Chart]) -> Question:
    first, second = left[1], right[1]
    names = [extreme(chart, chart.series[0]) for chart in (first, second)]
    answer = (
        f"In the first picture, {first.title}, {first.series[0].name} is highest at {names[0][0]} ({names[0][1]}). "
        f"In the second, {second.title}, {second.series[0].name} is highest at {names[1][0]} ({names[1][1]})."
    )
    ask = f"Two charts: {first.title} and {second.title}. Where does the first series peak in each?"
    short = f"{names[0][0]} ({names[0][1]}) in the first, {names[1][0]} ({names[1][1]}) in the second."
    return Question((left[0], right[0]), ask, (answer, short), (), "charts-eval")


def three_slips(slips: list[tuple[Picture, Receipt]]) -> Question:
    receipts = [receipt for _, receipt in slips]
    lines = "\n".join(f"- {receipt.merchant}: {receipt.money(receipt.total)}" for receipt in receipts)
    sums: dict[str, float] = {}
    for receipt in receipts:
        sums[receipt.currency] = sums.get(receipt.currency, 0) + receipt.total
    total = " and ".join(f"{amount:.2f} {currency}" for currency, amount in sums.items())
    ask = f"Expense report: totals of these three, please ({', '.join(r.merchant for r in receipts)})."
    return Question(
        tuple(picture for picture, _ in slips),
        ask,
        (f"{lines}\n\nTogether **{total}**.", f"{total} in all:\n\n{lines}"),
        (),
        "receipts",
    )


def two_scenes(left: tuple[Picture, Scene], right: tuple[Picture, Scene]) -> Question:
    first, second = left[1], right[1]
    ask = f"Which of the two suits a {second.mood.split(' ')[0].rstrip(',')} poster better, '{first.title}' or '{second.title}'?"
    answers = (
        f"The second, *{second.title}*: it feels {second.mood}. The first is {first.mood}.",
        f"'{second.title}'. Its colours ({second.colours}) carry that mood; '{first.title}' says something else.",
    )
    return Question((left[0], right[0]), ask, answers, (f"'{first.title}'.",))
