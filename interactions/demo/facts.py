"""The particulars of one conversation - names, orders, sums, dates - drawn so that they agree with each other."""

from __future__ import annotations

import random
import string
from datetime import datetime, timedelta

from interactions.demo import cast

Facts = dict[str, str]


def gather(chance: random.Random, when: datetime, lang: str) -> Facts:
    """All particulars a text of this language may name, seen from the moment `when`."""
    return {
        **people(chance, lang),
        **purchase(chance, lang),
        **dates(chance, when, lang),
        **journey(chance, lang),
        **engineering(chance),
        **numbers(chance),
    }


def sum_of(amount: float, lang: str) -> str:
    text = f"{amount:,.2f}"
    if lang == "en":
        return f"${text}"
    return text.translate(str.maketrans(",.", ".,")) + " €"


def people(chance: random.Random, lang: str) -> Facts:
    first, last = chance.sample(cast.FIRST[lang].split(), 5), chance.sample(cast.LAST[lang].split(), 2)
    letters = str.maketrans("éèöüäíáóúñÉÍÁ", "eeouaiaounEIA")
    return {
        "first": first[0],
        "agent": first[1],
        "ana": first[2],
        "ben": first[3],
        "cho": first[4],
        "last": last[0],
        "boss": last[1],
        "email": f"{first[0]}.{last[0]}@example.{chance.choice(('com', 'org', 'net'))}".lower().translate(letters),
        "company": chance.choice(cast.BRANDS),
        "street": f"{chance.choice(cast.STREETS)} {chance.randint(2, 98)}",
    }


def purchase(chance: random.Random, lang: str) -> Facts:
    (product, price), (other, second) = chance.sample(cast.PRODUCTS[lang], 2)
    quantity, shipping, off = chance.randint(2, 6), chance.choice((4.95, 5.9, 7.5, 9.0)), chance.choice((10, 15, 20))
    amounts = {
        "price": price,
        "price2": second,
        "sum": price + second,
        "total": price * quantity,
        "shipping": shipping,
        "paid": price + shipping,
        "discount": round(price * off / 100, 2),
        "reduced": price - round(price * off / 100, 2),
        "third": round(price / 3, 2),
        "gap": abs(price - second),
    }
    machine, worth = chance.choice(cast.MACHINES)
    amounts["worth"] = worth
    words = {"machine": machine, "product": product, "product2": other, "qty": str(quantity), "off": str(off)}
    order = {"order": str(chance.randint(31000, 98999)), "order2": str(chance.randint(31000, 98999))}
    tracking = "".join(chance.choices(string.digits, k=12))
    carrier = {"carrier": chance.choice(cast.CARRIERS), "tracking": f"{chance.choice(('JD', 'ZX', 'RR'))}{tracking}"}
    return {**words, **order, **carrier, **{name: sum_of(amount, lang) for name, amount in amounts.items()}}


def dates(chance: random.Random, when: datetime, lang: str) -> Facts:
    ago, ahead = chance.randint(2, 12), chance.randint(2, 9)
    past, coming = when - timedelta(days=ago), working_day(when + timedelta(days=ahead))
    after = working_day(coming + timedelta(days=2))
    spread = {
        "date": day_of(past, lang),
        "date2": day_of(coming, lang),
        "date3": day_of(coming + timedelta(days=7), lang),
        "today": day_of(when, lang),
        "iso": f"{past:%Y-%m-%d}",
        "iso2": f"{coming:%Y-%m-%d}",
        "year": f"{when:%Y}",
        "ago": str(ago),
        "ahead": str(ahead),
        "month": cast.MONTHS[lang].split()[past.month - 1],
    }
    for language, names in cast.DAYS.items():
        suffix = "" if language == lang else f"_{language}"
        spread[f"weekday{suffix}"] = names.split()[coming.weekday()]
        spread[f"weekday2{suffix}"] = names.split()[after.weekday()]
    hour = chance.randint(8, 16)
    minute = chance.choice((0, 10, 15, 30, 40, 45))
    return {
        **spread,
        "hour": f"{hour}:{minute:02d}",
        "hour2": f"{hour + 2}:{minute:02d}",
        "clock": f"{hour:02d}:{minute:02d}",
    }


def working_day(moment: datetime) -> datetime:
    return moment + timedelta(days=max(0, 7 - moment.weekday()) if moment.weekday() > 4 else 0)


def day_of(moment: datetime, lang: str) -> str:
    month = cast.MONTHS[lang].split()[moment.month - 1]
    shapes = {"en": f"{moment.day} {month}", "de": f"{moment.day}. {month}", "es": f"{moment.day} de {month}"}
    return shapes.get(lang, f"{moment.day} {month}")


def journey(chance: random.Random, lang: str) -> Facts:
    cities, nights, rate = chance.sample(cast.CITIES[lang].split(), 2), chance.randint(2, 6), chance.randint(68, 190)
    return {
        "city": cities[0],
        "city2": cities[1],
        "airline": chance.choice(cast.AIRLINES),
        "flight": f"{chance.choice(('NA', 'AQ', 'BF', 'TA', 'KS'))}{chance.randint(110, 989)}",
        "ref": "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=6)),
        "hotel": chance.choice(cast.HOTELS),
        "nights": str(nights),
        "rate": sum_of(rate, lang),
        "stay": sum_of(rate * nights, lang),
        "stayless": sum_of(rate * (nights - 1), lang),
    }


def engineering(chance: random.Random) -> Facts:
    major, minor = chance.randint(1, 6), chance.randint(0, 14)
    before = chance.randint(8, 48) * 100
    return {
        "table": chance.choice(cast.TABLES),
        "column": chance.choice(cast.COLUMNS),
        "measure": chance.choice(cast.MEASURES),
        "loader": chance.choice(cast.LOADERS),
        "crowd": str(chance.randint(5, 11)),
        "service": chance.choice(cast.SERVICES),
        "file": chance.choice(cast.FILES),
        "func": chance.choice(cast.FUNCTIONS),
        "branch": chance.choice(cast.BRANCHES),
        "line": str(chance.randint(18, 412)),
        "port": str(chance.choice((3000, 5432, 6379, 8000, 8080, 9200))),
        "version": f"{major}.{minor}",
        "nextversion": f"{major}.{minor + 1}",
        "before": f"{before:,}",
        "after": str(before // chance.randint(9, 16)),
        "commit": "".join(chance.choices("0123456789abcdef", k=7)),
        "pr": str(chance.randint(212, 2380)),
        "gb": str(chance.choice((4, 12, 28, 60, 140))),
    }


def numbers(chance: random.Random) -> Facts:
    small, large = chance.randint(3, 19), chance.randint(24, 96)
    amount = chance.randint(40, 980)
    return {
        "pct": str(small),
        "pct2": str(large),
        "n": str(chance.randint(12, 480)),
        "n2": f"{chance.randint(1100, 18900):,}",
        "k": str(chance.randint(2, 9)),
        "km": f"{small * 1.609:.1f} km",
        "kg": f"{large * 0.4536:.1f} kg",
        "litres": f"{small * 3.785:.1f} litres",
        "cm": f"{large * 2.54:.0f} cm",
        "amount": f"{amount}",
        "double": f"{amount * 2}",
        "half": f"{amount / 2:.2f}",
        "vat": f"{amount * 0.2:.2f}",
        "gross": f"{amount * 1.2:.2f}",
        "card": f"{chance.randint(1000, 9999)}",
        "card2": f"{chance.randint(1000, 9999)}",
        "case": f"C-{chance.randint(20400, 98700)}",
        "mileage": f"{chance.randint(18, 142)},{chance.randint(100, 999)}",
    }
