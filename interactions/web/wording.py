"""Times, sizes and numbers as a page writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from interactions import amounts


def exact(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S}.{at.microsecond // 1000:03} UTC"


def size(count: int) -> str:
    """Bytes, in the decimal units that file managers use."""
    if count < 1_000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1_000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def duration(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1_000), 60)
    return f"{minutes} min {seconds} s"


def seconds(count: int) -> str:
    """Whole hours, whole minutes, or seconds."""
    for size, unit in ((3_600, "h"), (60, "min")):
        if count % size == 0:
            return f"{count // size} {unit}"
    return f"{count:,} s"


def counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float) -> str:
    """As short as it can be said without changing it: 4, 0.82, 1e+20."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def dollars(billionths: int) -> str:
    """In cents; what is less than one is said to be."""
    amount = amounts.dollars(billionths)
    return "less than $0.01" if 0 < billionths < 10_000_000 else f"${amount:,.2f}"
