"""Which model a request that names none goes to, while a test goes on."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from django.db.models import Q, QuerySet

from interactions import naming
from interactions.errors import NotFound
from interactions.models import AbArm, AbTest


class Choice(NamedTuple):
    """An arm of a test. To make the interaction an entry, record it with `test` as its `ab_campaign`."""

    test: str
    model_id: int
    model: str


class Arms(NamedTuple):
    """Of the test that goes on in a project, if there is one, as they were when they were read."""

    split: float = 0.0
    choices: tuple[Choice, ...] = ()

    def choose(self, chance: Random) -> Choice | None:
        """For a request that names neither a model nor a test: with the probability of the traffic split an arm, each
        as likely as the others; else None."""
        if not self.choices or chance.random() >= self.split:
            return None
        return chance.choice(self.choices)


def arms(project_id: int) -> Arms:
    """One query."""
    found = _arms(Q(test__project=project_id, test__state__in=AbTest.ACTIVE))
    return Arms(found[0][0], tuple(choice for _, choice in found)) if found else Arms()


def choose_in(project_id: int, key_or_id: str, chance: Random) -> Choice | None:
    """For a request that names a test (`ab_campaign`), which takes part whatever the split. None if the test has
    ended: who sends such requests need not stop at that moment. Raises `NotFound` for a test that never was."""
    tests: QuerySet[AbTest] = AbTest.objects.filter(project=project_id)
    test = naming.find(tests, key_or_id)
    if test is None:
        raise NotFound(f"The project has no A/B test “{key_or_id[:200]}”. Check its key.", "ab_campaign")
    found = _arms(Q(test=test)) if test.state in AbTest.ACTIVE else []
    return chance.choice(found)[1] if found else None


def _arms(of: Q) -> list[tuple[float, Choice]]:
    """With the split. A model that was taken out of the project, or offline, gets no requests."""
    usable = AbArm.objects.filter(of, model__is_attached=True, model__is_wanted_online=True).order_by("pk")
    rows = usable.values_list("test__traffic_split", "test__key", "model_id", "model__key")
    return [(split, Choice(test, model_id, model)) for split, test, model_id, model in rows]
