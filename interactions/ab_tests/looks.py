"""When it is decided whether a test has a winner.

Whoever looks at a test again and again, to end it the first time that p is below 5 %, ends most tests that compare
equals. So there are few looks, each has a level of its own, and the levels add up to 5 %: by the union bound no more
tests than these are ended in error, however long they go on. That an error rate can be spent over looks that are not
planned beforehand is Lan and DeMets's idea (1983, Biometrika 70:659); what is spent here is half of what is left, each
time that the scores have doubled.
"""

from __future__ import annotations

import math
import time
from typing import Any

from django.db import transaction

from interactions import ids
from interactions.ab_tests.scores import Tally, tally
from interactions.models import AbTest, Model

# So many scores must the arm with the fewest have at the first look; twice as many at the second, and so on.
FIRST_LOOK = 100
ERROR_RATE = 0.05


def due(found: Tally) -> int:
    """How many looks should have been taken by now."""
    fewest = min(map(found.count, found.arms), default=0)
    return (fewest // FIRST_LOOK).bit_length()


def level(taken: int, due: int) -> float:
    """What p must not exceed at a look, after `taken` others, that is the one numbered `due`: 0.05 / 2^due; with what
    looks before it that were missed would have spent."""
    return ERROR_RATE * (math.ldexp(1, -taken) - math.ldexp(1, -due))


def look(test: AbTest) -> bool:
    """Look, if it is time, and end the test if it has a winner. Whether this process was the one that looked."""
    moment = ids.now()
    found = tally(test, moment)
    number = due(found)
    if number <= test.looked_at:
        return False
    winner = _winner(found, level(test.looked_at, number))
    ended: dict[str, Any] = {"state": AbTest.State.DONE, "winner": winner, "ended_at": moment}
    goes_on: dict[str, Any] = {"state": AbTest.State.IN_PROGRESS}
    with transaction.atomic():
        # Another process may have looked meanwhile, or someone cancelled it.
        as_it_was = AbTest.objects.filter(pk=test.pk, looked_at=test.looked_at, state__in=AbTest.ACTIVE)
        if not as_it_was.update(looked_at=number, **(goes_on if winner is None else ended)):
            return False
        if winner is not None and test.auto_deploy:
            _deploy(test.project_id, winner)
    return True


def _winner(found: Tally, level: float) -> int | None:
    probability = found.p_value()
    return found.best() if probability is not None and probability <= level else None


def _deploy(project_id: int, winner: int) -> None:
    """Make it the project's default, unless it was taken out of the project meanwhile."""
    models = Model.objects.filter(project=project_id)
    if models.filter(pk=winner, is_attached=True).exists():
        models.filter(is_default=True).exclude(pk=winner).update(is_default=False)
        models.filter(pk=winner).update(is_default=True)


# In the background

_EVERY_SECONDS = 60
# Counting the scores of large tests takes a while, and goes on for at most so much of the time.
_LARGEST_SHARE = 0.05

_again_at = float("-inf")


def carry_on() -> None:
    """Look at all tests that go on. To be called again and again, in one thread of each server process."""
    global _again_at
    began = time.monotonic()
    if began < _again_at:
        return
    for test in AbTest.objects.filter(state__in=AbTest.ACTIVE).select_related("metric"):
        look(test)
    took = time.monotonic() - began
    _again_at = began + max(_EVERY_SECONDS, took / _LARGEST_SHARE)
