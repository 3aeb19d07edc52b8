"""Times, sizes and numbers as a page writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from interactions import amounts

# A stream that takes no longer than this was held back somewhere: it says nothing about the model.
IN_ONE_GO_MS = 50


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


def dollars(billionths: int | None) -> str:
    """To the cent, or of less than a dollar three digits that say something: $12.35, $0.0234, $0.00000015."""
    if billionths is None:
        return ""
    if not billionths:
        return "$0"
    if billionths >= 995_000_000:
        return f"${billionths / 1e9:,.2f}"
    places = min(12 - len(str(billionths)), 9)  # up to the third digit
    whole, _, part = f"{billionths / 1e9:.{places}f}".partition(".")
    return f"${whole}.{part.rstrip('0'):0<2}"


def speed(tokens: int | None, milliseconds: int | None, first_token_ms: int | None) -> str:
    """Of a stream once it had begun; else in all, and also where the whole stream came in one go."""
    if not tokens or milliseconds is None:
        return ""
    took = milliseconds - (first_token_ms or 0)
    took = took if took >= IN_ONE_GO_MS else milliseconds
    rate = tokens * 1_000 / took if took else 0
    return f"{rate:,.0f} tokens/s" if rate >= 100 else f"{rate:.1f} tokens/s" if rate else ""


def counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float) -> str:
    """As short as it can be said without changing it: 4, 0.82, 1e+20."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def budget(billionths: int) -> str:
    """Dollars in cents; what is less than one is said to be."""
    amount = amounts.dollars(billionths)
    return "less than $0.01" if 0 < billionths < 10_000_000 else f"${amount:,.2f}"
