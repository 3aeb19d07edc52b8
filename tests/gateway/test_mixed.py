"""However calls go, and however many at once: each has its row, and each row says what happened."""

from __future__ import annotations

from tests.gateway.mixed import mixed
from tests.gateway.stage import Gateway

# As many as there is time for; `mixed` can make 10,000 as well.
CALLS = 1_200


def test_of_many_mixed_calls_none_is_without_a_row_and_every_row_is_right(gateway: Gateway) -> None:
    states = mixed(gateway, CALLS)
    assert states.total() == CALLS
    assert states.keys() == {"done", "failed", "cancelled"}
