"""When things happen: busy in working hours, quiet at night, weaker at weekends, growing week by week."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

HOURS = (2, 1, 1, 1, 1, 2, 5, 12, 28, 46, 52, 50, 38, 44, 54, 52, 44, 32, 22, 17, 15, 13, 9, 5)
WEEK = (1.0, 1.08, 1.1, 1.04, 0.9, 0.36, 0.3)


@dataclass(frozen=True, slots=True)
class Incident:
    """An afternoon on which the upstream failed and clients tried again and again."""

    start: datetime
    end: datetime

    def covers(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def incident(until: datetime, days: int) -> Incident:
    day = until - timedelta(days=min(11, max(1, days // 2)))
    while day.weekday() > 4:
        day -= timedelta(days=1)
    start = day.replace(hour=13, minute=20, second=0, microsecond=0)
    return Incident(start, start + timedelta(hours=3))


def moments(until: datetime, days: int, number: int, trouble: Incident, chance: random.Random) -> list[datetime]:
    """So many moments in order; the newest dozen lie within the last three quarters of an hour."""
    fresh = min(12, number)
    recent = [until - timedelta(seconds=70 + 2600 * chance.random() ** 1.2 * place / fresh) for place in range(fresh)]
    past = [likely_moment(until, days, trouble, chance) for _ in range(number - fresh)]
    return sorted(past + recent)


def likely_moment(until: datetime, days: int, trouble: Incident, chance: random.Random) -> datetime:
    while True:
        moment = until - timedelta(seconds=chance.uniform(100, days * 86400))
        grown = 0.62 + 0.38 * (1 - (until - moment) / timedelta(days=days))
        rush = 4.2 if trouble.covers(moment) else 1
        if chance.random() * 245 < HOURS[moment.hour] * WEEK[moment.weekday()] * grown * rush:
            return moment
