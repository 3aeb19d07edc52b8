"""What scores show: intervals, and how likely so great a difference would be if the arms were the same.

mpmath is imported where it is needed first: most servers never need it, and it takes 60 ms and 8 MB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from threading import Lock
from typing import Any, NamedTuple, TypeVar

CONFIDENCE = 0.95
# The quantile of the normal distribution for that.
_Z = 1.959963984540054

_T = TypeVar("_T")


class Interval(NamedTuple):
    """A 95 % confidence interval around what was measured."""

    start: float
    middle: float
    end: float


class Sample(NamedTuple):
    """The scores of one arm; `deviation` is their standard deviation (with n - 1), 0 for fewer than two."""

    size: int
    mean: float
    deviation: float


# Intervals


def wilson(rate: float, count: int) -> Interval | None:
    """Of a rate, by the score method (Wilson 1927, JASA 22:209). None without a score."""
    if not count:
        return None
    weight = _Z * _Z / count
    center = (rate + weight / 2) / (1 + weight)
    half = math.sqrt(rate * (1 - rate) * weight + weight * weight / 4) / (1 + weight)
    return Interval(min(max(center - half, 0.0), rate), rate, max(min(center + half, 1.0), rate))


def student(sample: Sample) -> Interval | None:
    """Of a mean, by Student's t (Student 1908, Biometrika 6:1). None for fewer than two scores."""
    if sample.size < 2:
        return None
    half = _t_quantile(sample.size - 1) * (sample.deviation / math.sqrt(sample.size))
    interval = Interval(sample.mean - half, sample.mean, sample.mean + half)
    return interval if all(map(math.isfinite, interval)) else None


# Probabilities. None where the scores are too few to tell; 1 where they are all the same.


def pearson(samples: Sequence[Sample]) -> float | None:
    """That yes-or-no scores are from one distribution: the chi-squared test of homogeneity (Pearson 1900, Phil. Mag.
    50:157)."""
    if len(samples) < 2 or not all(sample.size for sample in samples):
        return None
    rate = sum(sample.size * sample.mean for sample in samples) / sum(sample.size for sample in samples)
    spread = rate * (1 - rate)
    if spread <= 0:
        return 1.0
    squares = sum(sample.size * (sample.mean - rate) ** 2 for sample in samples) / spread
    freedom = len(samples) - 1
    return _computed(lambda mp: mp.gammainc(mp.mpf(freedom) / 2, mp.mpf(squares) / 2, regularized=True))


def welch(samples: Sequence[Sample]) -> float | None:
    """That means are equal where variances need not be: Welch's analysis of variance (Welch 1951, Biometrika 38:330),
    which for two arms is his t-test."""
    if len(samples) < 2 or any(sample.size < 2 for sample in samples):
        return None
    return _computed(lambda mp: _welch(mp, samples))


def _welch(mp: Any, samples: Sequence[Sample]) -> Any:
    """In mpmath's numbers, whose exponents have no bounds.

    The sums are over pairs, so that nothing cancels however different the weights are. An arm without variance counts
    as one with next to none: the limit of the formula exists.
    """
    means = [mp.mpf(sample.mean) for sample in samples]
    variances = [mp.mpf(sample.deviation) ** 2 for sample in samples]
    pairs = list(combinations(range(len(samples)), 2))
    largest = max(*variances, *((means[i] - means[j]) ** 2 for i, j in pairs))
    if not largest:
        return mp.one
    weights = [
        sample.size / max(variance, largest * mp.mpf("1e-40"))
        for sample, variance in zip(samples, variances, strict=True)
    ]
    total, groups = mp.fsum(weights), len(samples)
    between = mp.fsum(weights[i] * weights[j] * (means[i] - means[j]) ** 2 for i, j in pairs) / total
    shares = [mp.fsum(weights[:i] + weights[i + 1 :]) / total for i in range(groups)]
    slack = mp.fsum(share**2 / (sample.size - 1) for share, sample in zip(shares, samples, strict=True))
    scale = 1 + 2 * mp.mpf(groups - 2) / (groups**2 - 1) * slack
    return _f_tail(mp, between / (groups - 1) / scale, groups - 1, (groups**2 - 1) / (3 * slack))


def sign_test(wins: int, losses: int) -> float:
    """That either side is as likely to be preferred; exact and two-sided. Ties say nothing here (Dixon & Mood 1946,
    JASA 41:557).

    A sum from its greatest term, in some √n steps: mpmath's incomplete beta function takes a second for 10,000 of each.
    """
    count, fewer = wins + losses, min(wins, losses)
    log_term = math.lgamma(count + 1) - math.lgamma(fewer + 1) - math.lgamma(count - fewer + 1) - count * math.log(2)
    term = tail = math.exp(log_term)
    for i in range(fewer, 0, -1):
        term *= i / (count - i + 1)
        tail += term
        if term < tail * 1e-17:
            break
    return min(1.0, 2 * tail)


def sign_tests(pairs: Sequence[tuple[int, int]]) -> float | None:
    """That none of several pairs (wins, losses) differs: the smallest of their probabilities as Holm corrects it
    (Holm 1979, Scand. J. Statist. 6:65), which is that many times as large."""
    if not any(wins or losses for wins, losses in pairs):
        return None
    return min(1.0, len(pairs) * min(sign_test(*pair) for pair in pairs))


# Distributions

# Its numbers share a context, whose precision it changes while it computes: not for several threads at once.
_one_at_a_time = Lock()


def _computed(formula: Callable[[Any], Any]) -> float:
    with _one_at_a_time:
        from mpmath import mp

        return float(formula(mp))


def _f_tail(mp: Any, ratio: Any, above: int, below: Any) -> Any:
    """The probability of more than `ratio` under an F distribution with so many degrees of freedom."""
    if below > 100:  # Beyond this it is less than 1e-50, and mpmath would take very long.
        ratio = min(ratio, mp.mpf(1_000) / above)
    return mp.betainc(mp.mpf(below) / 2, mp.mpf(above) / 2, 0, below / (below + above * ratio), regularized=True)


def _t_quantile(freedom: int) -> float:
    """Its square has an F distribution."""
    return _computed(
        lambda mp: mp.findroot(
            lambda t: _f_tail(mp, t * t, 1, freedom) - (1 - CONFIDENCE), (1.9, 12.8), solver="anderson", tol=1e-12
        )
    )
