"""The time strip above the rows: a bar for each span of time, as high as it holds matches. Times are UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import QueryDict

from interactions import histogram
from interactions.conditions import All, CreatedWithin
from interactions.statistics import Summary
from interactions.web import wording

# Of the strip's height, for any number but 0: what is there must be seen.
LEAST_HEIGHT = 0.05
MOST_TICKS = 12
# Where no tick is put, as parts of the strip's length: the first label stands there, and the last one.
FIRST_LABEL, LAST_LABEL = 0.13, 0.14

_DAY = timedelta(days=1)
_WORDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


@dataclass(frozen=True, slots=True)
class Bar:
    """`top` is how far down it begins, in percent; `query` leads to the list of its time and is empty if that is.
    `tick` stands below its beginning, `end` below its end."""

    title: str
    query: str
    top: str
    tick: str
    end: str


@dataclass(frozen=True, slots=True)
class Strip:
    bars: list[Bar]
    sentence: str


def strip(summary: Summary, query: str, condition: All, now: datetime) -> Strip | None:
    if not summary.total:
        return None
    bars = summary.bars
    highest = max(bars, key=lambda bar: bar.count)
    links = _Links(query, condition)
    ticks = _ticks(bars, now)
    ends = {len(bars) - 1: _end(bars[-1], now)} if len(bars) > 1 else {}
    return Strip(
        [
            Bar(_title(bar), links.to(bar), _top(bar, highest), ticks.get(number, ""), ends.get(number, ""))
            for number, bar in enumerate(bars)
        ],
        f"{wording.counted(summary.total, 'interaction')} over time (UTC), one bar for each {_span(highest)}. "
        f"The first is {_when(bars[0])}, the last {_when(bars[-1])}; the highest is {_title(highest)}.",
    )


def _top(bar: histogram.Bar, highest: histogram.Bar) -> str:
    height = max(bar.count / highest.count, LEAST_HEIGHT) if bar.count else 0
    return f"{100 - 100 * height:.1f}"


class _Links:
    """To the time of a bar, as far as the filter allows: what is counted is what is found."""

    def __init__(self, query: str, condition: All) -> None:
        kept = QueryDict(query, mutable=True)
        for name in ("last", "since", "until"):
            kept.pop(name, None)
        self._rest = kept.urlencode()
        times = [part for part in condition.flat() if isinstance(part, CreatedWithin)]
        self._since = max((part.since for part in times if part.since), default=datetime.min.replace(tzinfo=UTC))
        self._until = min((part.until for part in times if part.until), default=datetime.max.replace(tzinfo=UTC))

    def to(self, bar: histogram.Bar) -> str:
        if not bar.count:
            return ""
        since, until = max(bar.since, self._since), min(bar.until, self._until)
        return f"{self._rest}{'&' if self._rest else ''}since={_spelled(since)}&until={_spelled(until)}"


# Words for times


def _title(bar: histogram.Bar) -> str:
    return f"{_when(bar)}: {bar.count:,}"


def _when(bar: histogram.Bar) -> str:
    """2026-11-03, 2026-11-03 to 2026-11-09, 2026-11-03 14:00 to 15:00."""
    since, until = bar.since.astimezone(UTC), bar.until.astimezone(UTC)
    if _is_midnight(since) and _is_midnight(until):
        last = until - _DAY
        return f"{since:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if last > since else "")
    within_a_day = since.date() == until.date() or until - since < _DAY
    return f"{since:%Y-%m-%d} {_clock(since)} to {'' if within_a_day else f'{until:%Y-%m-%d} '}{_clock(until)}"


def _span(bar: histogram.Bar) -> str:
    seconds = (bar.until - bar.since).total_seconds()
    word, size = next(((word, size) for word, size in _WORDS.items() if seconds % size == 0), ("second", 1))
    return word if seconds == size else f"{seconds / size:g} {word}s"


def _end(bar: histogram.Bar, now: datetime) -> str:
    if bar.since <= now < bar.until:
        return "now"
    if _is_midnight(bar.until):
        return _day(bar.until - _DAY, now)
    return _day(bar.until, now, with_clock=True)


def _day(moment: datetime, now: datetime, *, with_clock: bool = False) -> str:
    at = moment.astimezone(UTC)
    year = f" {at.year}" if at.year != now.year else ""
    return f"{at.day} {at:%b}{year}" + (f" {_clock(at)}" if with_clock else "")


def _clock(moment: datetime) -> str:
    if moment.microsecond:
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).time() == datetime.min.time()


def _spelled(moment: datetime) -> str:
    """As the query string has it, and as short as it can be."""
    at = moment.astimezone(UTC).replace(tzinfo=None)
    if _is_midnight(moment):
        return f"{at:%Y-%m-%d}"
    return at.isoformat(timespec="auto" if at.second or at.microsecond else "minutes")


# Ticks: where a new hour, day, month ... begins. Of the units that make few enough, the finest.


def _time_or_date(at: datetime) -> str:
    return _date(at) if _is_midnight(at) else _clock(at)


def _date(at: datetime) -> str:
    return f"{at.day} {at:%b}"


def _month_or_year(at: datetime) -> str:
    return f"{at:%b}" if at.month > 1 else f"{at:%Y}"


_UNITS: tuple[tuple[Callable[[datetime], object], Callable[[datetime], str]], ...] = (
    (lambda at: (at.date(), at.hour, at.minute), _time_or_date),
    (lambda at: (at.date(), at.hour, at.minute // 10), _time_or_date),
    (lambda at: (at.date(), at.hour), _time_or_date),
    (lambda at: (at.date(), at.hour // 6), _time_or_date),
    (lambda at: at.date(), _date),
    (lambda at: at.isocalendar()[:2], _date),
    (lambda at: (at.year, at.month), _month_or_year),
    (lambda at: (at.year, at.month > 6), lambda at: f"{at:%b %Y}"),
    (lambda at: at.year, lambda at: f"{at:%Y}"),
)


def _ticks(bars: Sequence[histogram.Bar], now: datetime) -> dict[int, str]:
    """Numbers of bars, and what stands below them."""
    first = {0: _day(bars[0].since, now, with_clock=not _is_midnight(bars[0].since))}
    starts = [bar.since.astimezone(UTC) for bar in bars]
    free = range(round(len(bars) * FIRST_LABEL), round(len(bars) * (1 - LAST_LABEL)) + 1)
    for unit, label in _UNITS:
        changes = [n for n in range(1, len(starts)) if unit(starts[n]) != unit(starts[n - 1])]
        if len(changes) <= MOST_TICKS:
            return first | {number: label(starts[number]) for number in changes if number in free}
    return first
