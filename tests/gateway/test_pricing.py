"""What calls cost, and the periods that costs are counted in. Both are pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions.calls.limits import period
from interactions.calls.pricing import Prices

MONEY = st.decimals(0, 10_000, places=6)
TOKENS = st.integers(0, 2**31 - 1)


@given(MONEY, MONEY, MONEY, TOKENS, TOKENS, TOKENS)
def test_a_cost_is_exact_to_the_billionth(
    input: Decimal, cached_input: Decimal, output: Decimal, prompt: int, cached: int, completion: int
) -> None:
    cached = min(cached, prompt)
    cost = Prices(input, cached_input, output).cost(prompt, cached, completion)
    exact = (prompt - cached) * Fraction(input) + cached * Fraction(cached_input) + completion * Fraction(output)
    assert cost is not None
    assert abs(cost - exact * 1_000) <= Fraction(1, 2)


@given(MONEY, TOKENS, TOKENS)
def test_without_a_price_of_its_own_what_came_from_a_cache_costs_as_the_rest(
    price: Decimal, prompt: int, n: int
) -> None:
    assert Prices(price, None, price).cost(prompt, n, 1) == Prices(price, price, price).cost(prompt, n, 1)


@pytest.mark.parametrize(
    ("prices", "tokens", "cost"),
    [
        (Prices(), (0, 0, 0), 0),
        (Prices(), (1, 0, 0), None),
        (Prices(Decimal(1)), (1, 0, 0), 1_000),
        (Prices(Decimal(1)), (1, 0, 1), None),
        (Prices(None, None, Decimal(1)), (0, 0, 2), 2_000),
        (Prices(None, Decimal(1), None), (1, 1, 0), 1_000),
        (Prices(Decimal("0.0005")), (1, 0, 0), 1),  # half a billionth, up
        (Prices(Decimal("0.0004")), (1, 0, 0), 0),
    ],
)
def test_a_cost_is_known_where_all_that_was_used_has_a_price(
    prices: Prices, tokens: tuple[int, int, int], cost: int | None
) -> None:
    assert prices.cost(*tokens) == cost


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.sampled_from(["minute", "day", "month"]))  # noqa: DTZ001
def test_every_moment_is_in_one_period_and_the_next_begins_where_it_ends(moment: datetime, unit: str) -> None:
    moment = moment.replace(tzinfo=UTC)
    this = period(unit, moment)
    assert this.begins_at <= moment < this.ends_at
    assert period(unit, this.begins_at) == this
    assert period(unit, this.ends_at).begins_at == this.ends_at
    assert period(unit, this.ends_at - timedelta(microseconds=1)) == this
