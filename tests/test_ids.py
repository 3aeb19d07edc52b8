"""Ids are moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from interactions import ids

LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
moments = st.datetimes(ids.EPOCH.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))


@given(moments, st.integers(0, 2**30 - 1) | st.none())
def test_an_id_is_a_uuid_of_version_7(moment: datetime, ordinal: int | None) -> None:
    identifier = ids.new_id(moment, ordinal)
    assert (identifier.version, identifier.variant) == (7, UUID(int=2 << 62).variant)


@given(moments)
def test_an_id_carries_its_moment_to_the_millisecond(moment: datetime) -> None:
    assert ids.moment_of(ids.new_id(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(moments, moments)
def test_ids_sort_by_their_moments(one: datetime, other: datetime) -> None:
    if one != other:
        assert (ids.new_id(one) < ids.new_id(other)) == (one < other)


@given(moments.filter(lambda moment: moment < LAST))
def test_the_floor_of_a_moment_parts_what_is_before_from_what_is_not(moment: datetime) -> None:
    after = moment + ids.MICROSECOND
    assert ids.floor(moment) <= ids.new_id(moment) < ids.floor(after) <= ids.new_id(after)


@given(moments, st.lists(st.integers(0, 2**30 - 1), min_size=2, max_size=5, unique=True))
def test_among_equal_moments_the_ordinal_decides(moment: datetime, ordinals: list[int]) -> None:
    assert sorted(ordinals) == sorted(ordinals, key=lambda ordinal: ids.new_id(moment, ordinal))


def test_there_are_no_ids_before_1970() -> None:
    assert (
        ids.floor(datetime(1, 1, 1, tzinfo=UTC)) == ids.floor(ids.EPOCH) == UUID("00000000-0000-7000-8000-000000000000")
    )


def test_a_moment_may_come_from_any_time_zone() -> None:
    east = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert ids.floor(east) == ids.floor(datetime(2026, 1, 1, tzinfo=UTC))


def test_ids_do_not_repeat() -> None:
    now = ids.now()
    assert len({ids.new_id(now) for _ in range(10_000)}) == 10_000
