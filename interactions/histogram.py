"""How many interactions there are over time, in bars of one width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyroaring import BitMap

from interactions import ids
from interactions.conditions import All, CreatedWithin
from interactions.index import Index
from interactions.index.queries import start_of
from interactions.models import Interaction

MOST_BARS = 100
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WIDTHS = (
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28, 84, 364)),
)
# Bars of less than an hour read the rows; of so many at most.
_MOST_READ = 20_000
# Weeks begin on Mondays; 1970 did not.
_ORIGIN = ids.EPOCH - 3 * _DAY


@dataclass(frozen=True, slots=True)
class Bar:
    """The interactions from `since`, inclusive, to `until`, exclusive."""

    since: datetime
    until: datetime
    count: int


def bars(index: Index, matching: BitMap, condition: All) -> list[Bar]:
    """Bars without a gap from the beginning of the time that `condition` allows to its end; where it leaves a side
    open, from the first match or to the last. None if nothing matches."""
    by_hour = index.by_hour(matching)
    if not by_hour:
        return []
    since, until = _bounds(condition, by_hour)
    to_read = sum(len(index.in_hour(hour)) for hour in by_hour) if len(by_hour) < _MOST_READ else _MOST_READ
    width = _width(since, until, fine=to_read < _MOST_READ)
    counts: Counter[datetime] = Counter()
    if width < _HOUR:
        counts.update(_start(moment, width) for moment in _moments(index, matching, by_hour))
    else:
        for hour, count in by_hour.items():
            counts[_start(start_of(hour), width)] += count
    return list(_bars(counts, _start(since, width), until, width))


def _bounds(condition: All, hours: Iterable[int]) -> tuple[datetime, datetime]:
    times = [part for part in condition.flat() if isinstance(part, CreatedWithin)]
    begins = [part.since for part in times if part.since]
    ends = [part.until for part in times if part.until]
    first, last = start_of(min(hours)), start_of(max(hours) + 1)
    since = max(begins) if begins else first
    until = min(ends) if ends else last
    # A bound far from what there is, such as the year 1, would leave nothing to see.
    return max(since, first - (last - first) * 3), min(until, last + (last - first) * 3)


def _width(since: datetime, until: datetime, *, fine: bool) -> timedelta:
    for width in WIDTHS:
        if (fine or width >= _HOUR) and _start(since, width) + MOST_BARS * width >= until:
            return width
    width = WIDTHS[-1]
    while _start(since, width) + MOST_BARS * width < until:
        width *= 2
    return width


def _start(moment: datetime, width: timedelta) -> datetime:
    """The beginning of the bar that holds `moment`."""
    return moment - (moment - _ORIGIN) % width


def _moments(index: Index, matching: BitMap, hours: Iterable[int]) -> Iterable[datetime]:
    rows = Interaction.objects.filter(project=index.project_id)
    for hour in hours:
        within = rows.filter(id__gte=ids.floor(start_of(hour)), id__lt=ids.floor(start_of(hour + 1)))
        for id, number in within.values_list("id", "number"):
            if number in matching:
                yield ids.moment_of(id)


def _bars(counts: Counter[datetime], since: datetime, until: datetime, width: timedelta) -> Iterable[Bar]:
    while since < until:
        yield Bar(since, since + width, counts[since])
        since += width
