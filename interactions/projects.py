"""Projects: making them, sharing them with teams, and what feedback is given on in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from interactions import access, naming, people, removal
from interactions.access import Caller, Grant, Permission
from interactions.errors import Conflict, Forbidden, Invalid, NotFound
from interactions.ingest import told, vocabulary
from interactions.models import AbTest, Comparison, Feedback, FeedbackKey, Outcome, Project, Role, Share, Team

# Making and describing


@told()
def create(
    caller: Caller,
    key: str | None,
    name: str,
    description: str = "",
    team: Team | None = None,
    default_metric: str | None = None,
) -> Project:
    """A new project, owned by the team, or by the one that `people.team_of_new` chooses. Without a key it gets one made
    of its name. From now on the caller reaches it. Raises `Conflict` where the key is taken."""
    team = people.team_of_new(caller, Permission.CREATE_PROJECT, team)
    name = naming.name(name)
    key = naming.key(key or naming.slug(name))
    if default_metric:
        raise Invalid(
            "A new project has no feedback keys yet. Create it without a default, register the key, and set it then.",
            "default_metric",
        )
    description = naming.description(description)
    if Project.objects.filter(key=key).exists():
        raise Conflict(f"There is a project “{key}” already. Choose another key.", "key")
    with transaction.atomic():
        project = Project.objects.create(key=key, name=name, description=description)
        Share.objects.create(project=project, team=team, role=people.find_role("power_user"), is_owner=True)
    caller.grants[key] = Grant(project.pk, caller.everywhere | caller.teams.get(team.pk, frozenset()))
    return project


@told()
def update(
    caller: Caller,
    project: Project,
    *,
    name: str | None = None,
    description: str | None = None,
    default_metric: str | None = None,
) -> Project:
    """None leaves a field as it is; an empty `default_metric` (else a key or an id) takes the default away."""
    caller.project_id(project.key, Permission.UPDATE_PROJECT)
    with transaction.atomic():
        project = lock(project)
        if name is not None:
            project.name = naming.name(name)
        if description is not None:
            project.description = naming.description(description)
        if default_metric is not None:
            project.default_metric = find_metric(project, default_metric) if default_metric else None
        project.save(update_fields=("name", "description", "default_metric"))
    return project


def lock(project: Project) -> Project:
    """The project as it is now, and until the end of the transaction: who else changes what it has, waits for that."""
    locked = Project.objects.select_for_update(no_key=True).filter(pk=project.pk).first()
    if locked is None:
        raise NotFound(f"There is no project “{project.key}” any more.", "project")
    return locked


# Sharing


class Sharing(NamedTuple):
    """A team that a project is shared with: as far as the role allows at most, or as its owner."""

    team: Team
    role: Role
    is_owner: bool = False


@told()
def set_shares(caller: Caller, project: Project, shares: Iterable[Sharing]) -> None:
    """Share the project with these teams, and with no others. With none, only the reserved team reaches it.

    Nobody gives by it more than they may do in the project, and only who reaches it through a team that owns it, or
    everywhere, changes which teams do. What stays as it was needs neither.
    """
    caller.project_id(project.key, Permission.SHARE)
    wanted: dict[int, Sharing] = {}
    for number, sharing in enumerate(shares):
        if sharing.team.pk in wanted:
            raise Invalid(f"The team “{sharing.team.key}” is named twice.", f"shares[{number}].team")
        wanted[sharing.team.pk] = sharing
    with transaction.atomic():
        lock(project)
        before = {share.team_id: share for share in Share.objects.filter(project=project)}
        changed = {team: sharing for team, sharing in wanted.items() if _differs(sharing, before.get(team))}
        _allow_owners(caller, before, wanted)
        _allow_roles(caller, project, changed.values())
        Share.objects.filter(project=project).exclude(team__in=wanted).delete()
        for team, sharing in changed.items():
            given = {"role": sharing.role, "is_owner": sharing.is_owner}
            Share.objects.update_or_create(project=project, team_id=team, defaults=given)


def _differs(sharing: Sharing, share: Share | None) -> bool:
    return share is None or (share.role_id, share.is_owner) != (sharing.role.pk, sharing.is_owner)


def _allow_owners(caller: Caller, before: Mapping[int, Share], wanted: Mapping[int, Sharing]) -> None:
    owners = {team for team, share in before.items() if share.is_owner}
    if owners == {team for team, sharing in wanted.items() if sharing.is_owner}:
        return
    reached = caller.everywhere.union(*(caller.teams.get(team, frozenset()) for team in owners))
    if Permission.SHARE not in reached:
        raise Forbidden(
            f"Which teams own a project is changed by those who have {Permission.SHARE} in a team that owns it. "
            "Leave the owners as they are.",
            "shares",
        )


def _allow_roles(caller: Caller, project: Project, changed: Iterable[Sharing]) -> None:
    own = caller.permissions(project.pk)
    for sharing in changed:
        given = access.IN_PROJECTS if sharing.is_owner else access.IN_PROJECTS & set(sharing.role.permissions)
        if missing := sorted(given - own):
            raise Forbidden(
                f"This would let the team “{sharing.team.key}” do what you may not do yourself: {missing[0]}.", "shares"
            )


# Feedback keys


def metrics(caller: Caller) -> list[FeedbackKey]:
    """Those of all projects that the caller sees, with `project`."""
    keys = FeedbackKey.objects.filter(project__in=access.projects(caller)).select_related("project")
    return list(keys.order_by("project__key", "key"))


def metric(caller: Caller, project: Project, key_or_id: str) -> FeedbackKey:
    caller.project_id(project.key, Permission.SEE)
    return find_metric(project, key_or_id)


class Given(NamedTuple):
    """Whether anything was said under a feedback key."""

    feedback: bool
    comparisons: bool


def given(metrics: Sequence[FeedbackKey]) -> dict[int, Given]:
    """By the ids of the feedback keys."""
    said = [Exists(kind.objects.filter(key=OuterRef("pk"))) for kind in (Feedback, Comparison)]
    rows = FeedbackKey.objects.filter(pk__in=[metric.pk for metric in metrics]).values_list("pk", *said)
    return {pk: Given(feedback, comparisons) for pk, feedback, comparisons in rows}


@told()
def register(
    caller: Caller,
    project: Project,
    key: str,
    name: str = "",
    kind: str = FeedbackKey.Kind.SCALAR,
    scoring: str = FeedbackKey.Scoring.HIGHER_IS_BETTER,
    description: str = "",
    unit: str = "",
) -> FeedbackKey:
    """A new feedback key; `kind` and `scoring` are values of `FeedbackKey.Kind` and `Scoring`.

    Raises `Conflict` where there is one of that key, defined so or otherwise: who registers must know that others give
    feedback on it already. What it then says tells which it is, and where one that is the same can just be used.
    """
    caller.project_id(project.key, Permission.MANAGE_METRICS)
    key = naming.unlike_id(naming.name(key, "key"), "key")
    known = FeedbackKey.objects.filter(project=project, key=key).first()
    if known is not None:
        raise Conflict(_already(known, kind, scoring), "key")
    return FeedbackKey.objects.create(
        project=project,
        key=key,
        name=naming.name(name or key),
        kind=_one_of(FeedbackKey.Kind.values, kind, "kind"),
        scoring=_one_of(FeedbackKey.Scoring.values, scoring, "scoring"),
        description=naming.description(description),
        unit=_unit(unit),
    )


def _already(known: FeedbackKey, kind: str, scoring: str) -> str:
    there = f"The project has a feedback key “{known.key}” already"
    if (known.kind, known.scoring) == (kind, scoring):
        return f"{there}, of the same kind: it can be used as it is."
    return f"{there}, of the kind {known.kind} where {known.scoring.replace('_', ' ')}. Choose another key."


@told()
def update_metric(
    caller: Caller,
    project: Project,
    key_or_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    scoring: str | None = None,
    unit: str | None = None,
) -> FeedbackKey:
    """None leaves a field as it is. The key and the kind stay: what was said under them would change its meaning."""
    caller.project_id(project.key, Permission.MANAGE_METRICS)
    with transaction.atomic():
        lock(project)
        metric = find_metric(project, key_or_id)
        if name is not None:
            metric.name = naming.name(name)
        if description is not None:
            metric.description = naming.description(description)
        if scoring is not None:
            metric.scoring = _one_of(FeedbackKey.Scoring.values, scoring, "scoring")
        if unit is not None:
            metric.unit = _unit(unit)
        metric.save(update_fields=("name", "description", "scoring", "unit"))
    return metric


@told()
def delete_metric(caller: Caller, project: Project, key_or_id: str, confirmed: int = 0) -> None:
    """With all that was said under it, of which `confirmed` is the number; else a `Conflict` tells it.

    What was said goes a little at a time, so if this is cut short, some of it is left, and can be deleted again.
    """
    caller.project_id(project.key, Permission.MANAGE_METRICS)
    metric = find_metric(project, key_or_id)
    _not_in_a_test(metric)
    said = sum(kind.objects.filter(project=project, key=metric).count() for kind in (Feedback, Comparison, Outcome))
    if said != confirmed:
        raise Conflict(
            f"Feedback was given under “{metric.key}” {said:,} times, and all of it would be deleted. "
            "Confirm that number.",
            "confirmed",
        )
    removal.delete_feedback_key(metric, lambda: _not_in_a_test(metric))
    vocabulary.forget()


def _not_in_a_test(metric: FeedbackKey) -> None:
    running = AbTest.objects.filter(metric=metric, state__in=AbTest.ACTIVE).first()
    if running is not None:
        raise Conflict(f"The A/B test “{running.key}” is decided by “{metric.key}”. Cancel it first.", "metric")


def find_metric(project: Project, key_or_id: str) -> FeedbackKey:
    rows: QuerySet[FeedbackKey] = FeedbackKey.objects.filter(project=project)
    found = naming.find(rows, key_or_id)
    if found is None:
        raise NotFound(f"The project has no feedback key “{key_or_id[:200]}”. Register it first.", "metric")
    return found


def _one_of(values: Sequence[str], value: str, field: str) -> str:
    if value not in values:
        raise Invalid(f"This must be one of: {', '.join(values)}.", field)
    return value


def _unit(unit: str) -> str:
    most = 100
    unit = naming.description(unit, "unit")
    if len(unit) > most:
        raise Invalid(f"This must have at most {most} characters.", "unit")
    return unit
