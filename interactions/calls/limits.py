"""What a key may use: requests in each minute, and dollars in each day or month. Counted in the store, so that it holds
for however many processes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from interactions import access, database, ids
from interactions.access import Allowance, Caller
from interactions.errors import TooMany, Unavailable
from interactions.ingest import told
from interactions.models import KeyUsage

# A minute's row is of no use after it; some stay for a while, since clocks differ.
_MINUTES_KEPT = timedelta(minutes=10)

_DAY = timedelta(days=1)


class Period(NamedTuple):
    """A minute, a day or a month of UTC."""

    unit: str
    begins_at: datetime
    ends_at: datetime


def period(unit: str, moment: datetime) -> Period:
    """The one that `moment` is in."""
    if unit == KeyUsage.Unit.MINUTE:
        start = moment.replace(second=0, microsecond=0)
        return Period(unit, start, start + timedelta(minutes=1))
    start = access.budget_began(unit, moment)
    ending = start + _DAY if unit == KeyUsage.Unit.DAY else (start + 31 * _DAY).replace(day=1)
    return Period(unit, start, ending)


@told()
def take(caller: Caller) -> None:
    """Count a request of the caller's key. Raises `TooMany` where it may make none now; then it counts for nothing.

    A budget is spent when it is spent: what is under way by then goes on, so it can be exceeded by the cost of that.
    """
    allowance, key_id = caller.allowance, caller.api_key_id
    if allowance is None or key_id is None or not allowance.is_limited:
        return
    if database.is_away():
        raise Unavailable("The store cannot be reached now, and this key's use not be counted. Send it again later.")
    moment = ids.now()
    if allowance.budget is not None:
        this = period(allowance.budget_period, moment)
        if spent(key_id, this) >= allowance.budget:
            raise TooMany(
                f"The budget of this API key for the {this.unit} is spent. The next one begins at "
                f"{this.ends_at:%Y-%m-%d %H:%M} UTC.",
                _seconds(this.ends_at - moment),
            )
    if allowance.requests_per_minute is not None:
        this = period(KeyUsage.Unit.MINUTE, moment)
        most = allowance.requests_per_minute
        place = {"api_key": key_id, "unit": this.unit, "begins_at": this.begins_at}
        with transaction.atomic():
            is_free = most > 0 and database.count_up(KeyUsage, place, {"requests": 1, "cost": 0}, ("requests", most))
        if not is_free:
            raise TooMany(
                f"This API key may make {most:,} requests a minute, and has made them. Send it again in the next one.",
                _seconds(this.ends_at - moment),
            )


def spent(key_id: int, this: Period) -> int:
    """Billionths of a dollar."""
    rows = KeyUsage.objects.filter(api_key=key_id, unit=this.unit, begins_at=this.begins_at)
    return rows.values_list("cost", flat=True).first() or 0


def forget_old() -> None:
    old = KeyUsage.objects.filter(unit=KeyUsage.Unit.MINUTE, begins_at__lt=ids.now() - _MINUTES_KEPT)
    if old.exists():
        old.delete()


def _seconds(time: timedelta) -> int:
    return max(1, int(time.total_seconds()) + 1)


__all__ = ["Allowance", "Period", "forget_old", "period", "spent", "take"]
