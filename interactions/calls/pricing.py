"""What a call costs. Knows no database."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

# A price in dollars for a million tokens is so many billionths of a dollar for one.
_BILLIONTHS = 1_000


class Prices(NamedTuple):
    """In dollars for a million tokens. Where there is none for what came from a cache, that costs as the rest does."""

    input: Decimal | None = None
    cached_input: Decimal | None = None
    output: Decimal | None = None

    def cost(self, prompt: int, cached: int, completion: int) -> int | None:
        """Of so many tokens, `cached` of them among the prompt's, in billionths of a dollar. None if it is not known:
        there is no price for a kind of tokens that was used."""
        cached = min(cached, prompt)
        from_cache = self.input if self.cached_input is None else self.cached_input
        total = Decimal(0)
        for tokens, price in ((prompt - cached, self.input), (cached, from_cache), (completion, self.output)):
            if tokens and price is None:
                return None
            total += tokens * (price or 0)
        return int((total * _BILLIONTHS).to_integral_value(ROUND_HALF_UP))
