"""Time-ordered ids (UUIDv7, RFC 9562 §5.7) and the moments they carry.

An interaction's id begins with its `created_at`: 48 bits of milliseconds, then 12 bits of the fraction (method 3 of
RFC 9562 §6.2), so that the order of ids is the order of moments to the microsecond, and a time range is an id range.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CLOCK_SKEW = timedelta(days=1)

# Ids need to differ, not to be secret: access is checked wherever one is given. So no system call for each.
_random = Random()  # noqa: S311
os.register_at_fork(after_in_child=_random.seed)

_RANDOM_BITS = 62
_ORDINAL_BITS = 30


def now() -> datetime:
    return datetime.now(UTC)


def new_id(moment: datetime, ordinal: int | None = None) -> UUID:
    """An id that sorts by `moment`; among equal moments by `ordinal` where given, else at random."""
    low = _random.getrandbits(_RANDOM_BITS)
    if ordinal is not None:
        kept = _RANDOM_BITS - _ORDINAL_BITS
        low = (ordinal & ((1 << _ORDINAL_BITS) - 1)) << kept | low & ((1 << kept) - 1)
    return _compose(moment, low)


def random_id() -> UUID:
    """For what has no place in time, such as a session."""
    return UUID(int=_random.getrandbits(128), version=4)


def floor(moment: datetime) -> UUID:
    """The lowest id that any interaction of `moment` can have; there are none before 1970."""
    return _compose(max(moment, EPOCH), 0)


def uuid(text: str) -> UUID | None:
    """The UUID that a text is, if it is one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def moment_of(identifier: UUID) -> datetime:
    """The moment an id carries, to the millisecond."""
    return EPOCH + timedelta(milliseconds=identifier.int >> 80)


def _compose(moment: datetime, low: int) -> UUID:
    microseconds = (moment - EPOCH) // MICROSECOND
    milliseconds, rest = divmod(microseconds, 1000)
    fraction = rest * 4096 // 1000
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | low)
