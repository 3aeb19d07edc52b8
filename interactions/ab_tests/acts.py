"""Tests made, found and ended by hand."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q, QuerySet

from interactions import access, external_models, ids, naming, projects
from interactions.access import Caller, Permission
from interactions.errors import Conflict, Invalid, NotFound
from interactions.models import AbArm, AbTest, Model, Project

FEWEST_MODELS, MOST_MODELS = 2, 20


def create(
    caller: Caller,
    project: str,
    *,
    key: str,
    metric: str,
    models: Sequence[str],
    traffic_split: float = 1.0,
    auto_deploy: bool = False,
    scores: str = AbTest.Scores.DIRECT,
    name: str = "",
) -> AbTest:
    """Start a test in a project. `project`, `metric` and `models` are keys or ids.

    Raises `Forbidden`, `NotFound` and `Invalid`, and `Conflict` where the key is taken, or another test goes on: a
    request that names neither a model nor a test could be meant for either.
    """
    place = access.project(caller, project, Permission.MANAGE_TESTS)
    key, name = naming.unlike_id(naming.name(key, "key"), "key"), naming.name(name or key)
    if not 0 < traffic_split <= 1:
        raise Invalid("The share of requests that take part must be above 0 and at most 1.", "traffic_split")
    if scores not in AbTest.Scores.values:
        raise Invalid(f"A test is scored by one of {', '.join(AbTest.Scores.values)}.", "scores")
    scored_by, arms = projects.find_metric(place, metric), _models(place, models)
    with transaction.atomic():
        projects.lock(place)  # so that of two that start at once the second sees the first, and no arm is detached
        _leave_room(place, key)
        test = AbTest.objects.create(
            project=place,
            key=key,
            name=name,
            metric=scored_by,
            scores=scores,
            traffic_split=traffic_split,
            auto_deploy=auto_deploy,
        )
        AbArm.objects.bulk_create(AbArm(test=test, model=model) for model in arms)
    return test


def visible(
    caller: Caller, *, active: bool | None = None, state: str | None = None, project: str | None = None
) -> QuerySet[AbTest]:
    """The tests that the caller can see, newest first: of one project or all, going on (`active`) or ended.

    Raises `NotFound` for a project that they cannot see, and `Invalid` for a state that there is not.
    """
    tests = AbTest.objects.filter(project__in=access.projects(caller, Permission.SEE))
    if project is not None:
        tests = tests.filter(project=access.project(caller, project, Permission.SEE))
    if active is not None:
        tests = tests.filter(_IS_ACTIVE if active else ~_IS_ACTIVE)
    if state is not None:
        if state not in AbTest.State.values:
            raise Invalid(f"A test is in one of the states {', '.join(AbTest.State.values)}.", "state")
        tests = tests.filter(state=state)
    tests = tests.select_related("project", "metric", "winner").prefetch_related("arms__model")
    return tests.order_by("-created_at", "-pk")


def get(caller: Caller, key_or_id: str) -> AbTest:
    """The test with this key or id; the newest where several projects of the caller's have one. Raises `NotFound`."""
    found = naming.find(visible(caller), key_or_id)
    if found is None:
        raise NotFound(f"There is no A/B test “{key_or_id[:200]}” that this caller can see. Check its key.", "key")
    return found


def cancel(caller: Caller, key_or_id: str) -> AbTest:
    """End the test that `get` gives, without a winner. Raises `Conflict` if it has ended already."""
    test = get(caller, key_or_id)
    caller.project_id(test.project.key, Permission.MANAGE_TESTS)
    test.state, test.ended_at = AbTest.State.CANCELLED, ids.now()
    if not AbTest.objects.filter(_IS_ACTIVE, pk=test.pk).update(state=test.state, ended_at=test.ended_at):
        raise Conflict(f"The test “{test.key}” has ended already. There is nothing to cancel.", "key")
    return test


_IS_ACTIVE = Q(state__in=AbTest.ACTIVE)


def _leave_room(project: Project, key: str) -> None:
    if AbTest.objects.filter(project=project, key=key).exists():
        raise Conflict(f"The project has a test “{key}” already. Choose another key.", "key")
    if other := AbTest.objects.filter(_IS_ACTIVE, project=project).first():
        raise Conflict(
            f"The test “{other.key}” goes on in this project; there is one at a time. Cancel it, or wait for its end.",
            "project",
        )


def _models(project: Project, keys_or_ids: Sequence[str]) -> list[Model]:
    if not FEWEST_MODELS <= len(keys_or_ids) <= MOST_MODELS:
        raise Invalid(f"A test compares {FEWEST_MODELS} to {MOST_MODELS} models. Send so many.", "models")
    found: list[Model] = []
    for place, key_or_id in enumerate(keys_or_ids):
        model = external_models.find(project, key_or_id)
        if model is None or not model.is_attached:
            raise NotFound(f"The project has no model “{key_or_id[:200]}”. Add it first.", f"models[{place}]")
        if model in found:
            raise Invalid(f"The model “{model.key}” is named twice. Name each once.", f"models[{place}]")
        found.append(model)
    return found
