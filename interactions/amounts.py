"""Amounts: numbers as somebody types them, and money, which is counted in billionths of a dollar."""

from __future__ import annotations

import re
from decimal import Decimal

from interactions.errors import Invalid

_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?|\.[0-9]{1,30}")
_WHOLE = re.compile(r"[0-9]{1,30}")
_BILLIONTH = -9


def number(text: str, field: str) -> Decimal | None:
    """None where nothing was typed. Raises `Invalid`."""
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise Invalid("This must be a number, such as 20 or 0.25.", field)
    return Decimal(text)


def whole(text: str, field: str) -> int | None:
    """None where nothing was typed. Raises `Invalid`."""
    text = text.strip()
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise Invalid("This must be a whole number.", field)
    return int(text)


def is_within(amount: Decimal, least: int | Decimal, most: int, decimals: int) -> bool:
    """Whether it lies between these, and has at most so many decimals; zeros at its end are none."""
    return amount.is_finite() and least <= amount <= most and amount == round(amount, decimals)


def billionths(dollars: Decimal) -> int:
    return int(dollars.scaleb(-_BILLIONTH))


def dollars(billionths: int) -> Decimal:
    return Decimal(billionths).scaleb(_BILLIONTH)


def written(amount: Decimal) -> str:
    """As short as it can be without changing it."""
    return f"{amount.normalize():f}"
