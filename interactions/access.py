"""Who may do what. Every door asks here, and here only.

A user has a role in each of their teams, and a role is a set of permissions. A project is shared with teams: there a
user may do what both their role and the share's role allow; in a team that owns it, all that their role allows.
What a role in the reserved team `admin` allows holds everywhere, and only there do the permissions `admin:…` count.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db.models import OuterRef, Q, QuerySet, Subquery

from interactions import amounts, ids
from interactions.errors import Forbidden, Invalid, NotFound, Unauthorized
from interactions.models import ApiKey, ApiKeyProject, Interaction, KeyUsage, Project, User

KEY_FORM = re.compile(r"ik_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}")
USE_NOTED_EVERY = timedelta(minutes=1)

ADMIN_TEAM = "admin"


class Permission(StrEnum):
    SEE = "project:read"  # that it is there, its feedback keys and A/B tests
    CREATE_PROJECT = "project:create"  # in a team, which will own it
    UPDATE_PROJECT = "project:update"
    SHARE = "project:share"
    READ = "interaction:read"
    LOG = "interaction:create"
    DELETE = "interaction:delete"  # also what is kept how long
    JUDGE = "feedback:create"  # feedback, comparisons, labels
    MANAGE_METRICS = "metric:manage"
    SEE_MODELS = "model:read"
    MANAGE_MODELS = "model:manage"
    USE_MODELS = "model:use"
    SEE_DATASETS = "dataset:read"
    MANAGE_DATASETS = "dataset:manage"
    MANAGE_TESTS = "ab_test:manage"
    MANAGE_USERS = "admin:manage_users"
    MANAGE_TEAMS = "admin:manage_teams"
    MANAGE_ROLES = "admin:manage_roles"


EVERYTHING = frozenset(Permission)
_ADMINISTRATION = frozenset({Permission.MANAGE_USERS, Permission.MANAGE_TEAMS, Permission.MANAGE_ROLES})
IN_PROJECTS = EVERYTHING - _ADMINISTRATION
_LOOKING = frozenset({Permission.SEE, Permission.READ, Permission.SEE_MODELS, Permission.SEE_DATASETS})
# The roles that there always are.
ROLES: Mapping[str, frozenset[Permission]] = {
    "admin": EVERYTHING,
    "power_user": IN_PROJECTS,
    "annotator": _LOOKING | {Permission.JUDGE},
    "inference": frozenset({Permission.SEE, Permission.SEE_MODELS, Permission.USE_MODELS, Permission.LOG}),
    "read-only": _LOOKING,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A project as one caller may use it."""

    project_id: int
    permissions: frozenset[Permission]


class Allowance(NamedTuple):
    """What a key may use of models. None is any amount; `budget` is in billionths of a dollar."""

    requests_per_minute: int | None
    budget: int | None
    budget_period: str

    @property
    def is_limited(self) -> bool:
        return self.requests_per_minute is not None or self.budget is not None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what they may reach: `grants` by project key, `teams` by id, and `everywhere` in any project
    that there is, and on the server as a whole."""

    user_uid: UUID | None
    grants: MutableMapping[str, Grant]
    everywhere: frozenset[Permission] = frozenset()
    teams: Mapping[int, frozenset[Permission]] = field(default_factory=dict)
    api_key_id: int | None = None
    key_used_at: datetime | None = None
    # Whether they come with a key that is for some projects only.
    is_limited: bool = False
    # With a key there is always one.
    allowance: Allowance | None = None

    def project_id(self, key: str, permission: Permission) -> int:
        """The project `key`. `NotFound` where the caller cannot see it: a foreign project and none look the same."""
        grant = self.grants.get(key) or self._found(key)
        if grant is None:
            raise NotFound(f"There is no project “{key[:200]}” that this caller can see. Check its key.", "project")
        if permission not in grant.permissions:
            raise Forbidden(f"This needs the permission {permission} in the project “{key}”.")
        return grant.project_id

    def _found(self, key: str) -> Grant | None:
        if not self.everywhere or "\x00" in key:  # for which PostgreSQL does not even look
            return None
        found = Project.objects.filter(key=key).values_list("id", flat=True).first()
        if found is None:
            return None
        self.grants[key] = Grant(found, self.everywhere)
        return self.grants[key]

    def may(self, project_id: int, permission: Permission) -> bool:
        return permission in self.everywhere or any(
            g.project_id == project_id and permission in g.permissions for g in self.grants.values()
        )

    def allow(self, project_id: int, permission: Permission, missing: NotFound) -> None:
        """For an interaction of this project. Raises `missing` where the caller cannot see that it is there."""
        if not (self.may(project_id, permission) or self.may(project_id, Permission.READ)):
            raise missing
        if not self.may(project_id, permission):
            raise Forbidden(f"This needs the permission {permission} in the project of the interaction.")

    def may_in_some_project(self, permission: Permission) -> bool:
        """For what belongs to no project yet."""
        return permission in self.everywhere or any(permission in grant.permissions for grant in self.grants.values())

    def demand(self, permission: Permission) -> None:
        """For what concerns the server as a whole."""
        if permission not in self.everywhere:
            raise Forbidden(f"This needs the permission {permission} by a role in the team “{ADMIN_TEAM}”.")

    def user(self) -> User | None:
        """None for a command, and for who was deleted meanwhile."""
        return User.objects.filter(uid=self.user_uid).first() if self.user_uid else None

    def permissions(self, project_id: int) -> frozenset[Permission]:
        """What they may do in a project."""
        granted = (grant.permissions for grant in self.grants.values() if grant.project_id == project_id)
        return self.everywhere.union(*granted) - _ADMINISTRATION


# Projects


def projects(caller: Caller, permission: Permission = Permission.SEE) -> QuerySet[Project]:
    """Those in which the caller has the permission."""
    if permission in caller.everywhere:
        return Project.objects.all()
    return Project.objects.filter(pk__in=[g.project_id for g in caller.grants.values() if permission in g.permissions])


def project(caller: Caller, key_or_id: str, permission: Permission) -> Project:
    """The project with this key or public id. Raises as `Caller.project_id` does."""
    if key_or_id not in caller.grants and (uid := ids.uuid(key_or_id)) is not None:
        visible = Project.objects.all() if caller.everywhere else _granted(caller)
        key_or_id = visible.filter(uid=uid).values_list("key", flat=True).first() or key_or_id
    return Project.objects.get(pk=caller.project_id(key_or_id, permission))


def interaction(
    caller: Caller, rows: QuerySet[Interaction], id: UUID, permission: Permission, field: str = "completion_id"
) -> Interaction:
    """The one of `rows` with this id, with its `project`. Raises `NotFound` where the caller cannot read it, else
    `Forbidden` where they lack the permission."""
    found = rows.select_related("project").filter(pk=id).first()
    if found is None or not caller.may(found.project_id, Permission.READ):
        raise NotFound(f"There is no interaction {id} that this caller can see.", field)
    caller.project_id(found.project.key, permission)
    return found


def _granted(caller: Caller) -> QuerySet[Project]:
    return Project.objects.filter(pk__in=[grant.project_id for grant in caller.grants.values()])


def projects_of(user: User) -> list[Project]:
    """Those whose interactions they may read."""
    return list(projects(caller_of(user), Permission.READ).order_by("key"))


# API keys


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `secret` is shown once and kept nowhere."""

    api_key: ApiKey
    secret: str


_MOST_REQUESTS = 1_000_000
_HIGHEST_BUDGET = 1_000_000_000
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may use of models; None is any amount. `budget` is in dollars for each day or month of UTC."""

    requests_per_minute: int | None = None
    budget: Decimal | None = None
    budget_period: str = ApiKey.BudgetPeriod.MONTH

    @classmethod
    def typed(cls, typed: Mapping[str, Any]) -> Limits:
        """As somebody types them, by their names; nothing is None. Raises `Invalid` for what is no number."""
        return cls(
            amounts.whole(typed.get("requests_per_minute") or "", "requests_per_minute"),
            amounts.number(typed.get("budget") or "", "budget"),
            typed.get("budget_period") or ApiKey.BudgetPeriod.MONTH,
        )

    def columns(self) -> dict[str, Any]:
        """As a key has them. Raises `Invalid`."""
        requests, budget = self.requests_per_minute, self.budget
        if requests is not None and not 1 <= requests <= _MOST_REQUESTS:
            raise Invalid(f"This must be 1 to {_MOST_REQUESTS:,} requests a minute.", "requests_per_minute")
        if budget is not None and not amounts.is_within(budget, _CENT, _HIGHEST_BUDGET, 2):
            raise Invalid(f"A budget is {_CENT} to {_HIGHEST_BUDGET:,} dollars, in whole cents.", "budget")
        if self.budget_period not in ApiKey.BudgetPeriod.values:
            raise Invalid(f"This must be one of: {', '.join(ApiKey.BudgetPeriod.values)}.", "budget_period")
        return {
            "requests_per_minute": requests,
            "budget": None if budget is None else amounts.billionths(budget),
            "budget_period": self.budget_period,
        }


NO_LIMITS = Limits()


def issue_key(
    user: User,
    projects: Iterable[Project] | None,
    name: str = "",
    uid: UUID | None = None,
    limits: Limits = NO_LIMITS,
    expires_at: datetime | None = None,
) -> IssuedKey:
    """A key for these projects only, or for None, for all that the user may do."""
    prefix = "ik_" + "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    api_key = ApiKey.objects.create(
        uid=uid or uuid4(),
        user=user,
        name=name,
        prefix=prefix,
        digest=digest(secret),
        is_limited=projects is not None,
        expires_at=expires_at,
        **limits.columns(),
    )
    ApiKeyProject.objects.bulk_create(ApiKeyProject(api_key=api_key, project=project) for project in projects or ())
    return IssuedKey(api_key, secret)


def budget_began(period: str, moment: datetime) -> datetime:
    """When the day or month of UTC began that the moment is in."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == ApiKey.BudgetPeriod.DAY else midnight.replace(day=1)


def with_used(keys: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
    """Each with `used`: the billionths of a dollar in the present period of its budget, or None."""
    now, day, month = ids.now(), ApiKey.BudgetPeriod.DAY, ApiKey.BudgetPeriod.MONTH
    present = Q(unit=day, begins_at=budget_began(day, now)) | Q(unit=month, begins_at=budget_began(month, now))
    usage = KeyUsage.objects.filter(present, api_key=OuterRef("pk"), unit=OuterRef("budget_period"))
    return keys.annotate(used=Subquery(usage.values("cost")))


def digest(secret: str) -> str:
    """A key has 256 random bits, so a plain hash is as good as a slow one."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer_digest(header: str) -> str:
    """The digest of the key in an `Authorization` header, whether or not such a key exists."""
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthorized("Send an API key in the header “Authorization: Bearer …”.")
    if not KEY_FORM.fullmatch(secret.strip()):
        raise Unauthorized("This API key is not valid. Check that it was copied whole.")
    return digest(secret.strip())


# Callers


def authenticate(key_digest: str) -> Caller:
    caller = callers([key_digest]).get(key_digest)
    if caller is None:
        raise Unauthorized("This API key is not valid: it does not exist, it expired, or it was revoked.")
    note_use([caller])
    return caller


def callers(digests: Iterable[str]) -> dict[str, Caller]:
    """The callers behind the valid ones of `digests`, in two queries: it is asked with every group of writes."""
    valid = Q(digest__in=list(digests), revoked_at=None, user__is_active=True)
    unexpired = Q(expires_at=None) | Q(expires_at__gt=ids.now())
    columns = (
        *("digest", "id", "last_used_at", "is_limited", "user__uid", *Allowance._fields),
        *_reach_columns("user__"),
    )
    by_key: defaultdict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for row in ApiKey.objects.filter(valid, unexpired).values_list(*columns):
        by_key[row[:8]].append(row[8:])
    limits = _limits([key[1] for key in by_key if key[3]])
    found: dict[str, Caller] = {}
    for (key_digest, key_id, used_at, is_limited, uid, *allowance), rows in by_key.items():
        grants, everywhere, teams = _reach(rows)
        if is_limited:
            grants = _within(limits.get(key_id, {}), grants, everywhere)
            everywhere, teams = frozenset(), {}
        found[str(key_digest)] = Caller(
            uid, grants, everywhere, teams, key_id, used_at, is_limited, Allowance(*allowance)
        )
    return found


def caller_of(user: User) -> Caller:
    """The caller that a signed-in person is."""
    rows = list(User.objects.filter(pk=user.pk, is_active=True).values_list(*_reach_columns("")))
    return Caller(user.uid, *_reach(rows))


def operator(project: Project | None = None) -> Caller:
    """The caller that a command on the server is, in a project or everywhere: whoever can run it can read the store
    anyway."""
    if project is None:
        return Caller(None, {}, EVERYTHING)
    return Caller(None, {project.key: Grant(project.pk, EVERYTHING)})


_Reach = tuple[dict[str, Grant], frozenset[Permission], dict[int, frozenset[Permission]]]


def _reach_columns(user: str) -> tuple[str, ...]:
    team, share = f"{user}memberships__team", f"{user}memberships__team__shares"
    return (
        f"{user}is_superuser", f"{team}_id", f"{team}__key", f"{user}memberships__role__permissions",
        f"{share}__project_id", f"{share}__project__key", f"{share}__role__permissions", f"{share}__is_owner",
    )  # fmt: skip


def _reach(rows: Iterable[tuple[Any, ...]]) -> _Reach:
    """What a user reaches by the rows of their teams and of what is shared with these."""
    grants: dict[str, Grant] = {}
    everywhere: frozenset[Permission] = frozenset()
    teams: dict[int, frozenset[Permission]] = {}
    for is_superuser, team_id, team_key, role, project_id, project_key, limit, is_owner in rows:
        if is_superuser:
            everywhere = EVERYTHING
        if team_id is None:
            continue
        allowed = _known(role)
        teams[team_id] = allowed - _ADMINISTRATION
        if team_key == ADMIN_TEAM:
            everywhere |= allowed
        if project_id is not None and (here := teams[team_id] & (EVERYTHING if is_owner else _known(limit))):
            granted = grants[project_key].permissions if project_key in grants else frozenset()
            grants[project_key] = Grant(project_id, granted | here)
    if everywhere:
        grants = {key: Grant(grant.project_id, grant.permissions | everywhere) for key, grant in grants.items()}
    return grants, everywhere, teams


def _known(permissions: Iterable[str]) -> frozenset[Permission]:
    """Without those that this version does not have."""
    return frozenset(Permission(name) for name in permissions or () if name in _NAMES)


_NAMES = frozenset(map(str, Permission))


def _limits(key_ids: list[int]) -> dict[int, dict[str, int]]:
    limits: dict[int, dict[str, int]] = {}
    rows = ApiKeyProject.objects.filter(api_key__in=key_ids) if key_ids else ApiKeyProject.objects.none()
    for key_id, project_id, project_key in rows.values_list("api_key_id", "project_id", "project__key"):
        limits.setdefault(key_id, {})[project_key] = project_id
    return limits


def _within(
    limit: Mapping[str, int], grants: Mapping[str, Grant], everywhere: frozenset[Permission]
) -> dict[str, Grant]:
    """Of what their user reaches, what a limited key does. It is no key to the server as a whole."""
    reached = {
        key: Grant(project_id, (grants[key].permissions if key in grants else everywhere) - _ADMINISTRATION)
        for key, project_id in limit.items()
    }
    return {key: grant for key, grant in reached.items() if grant.permissions}


def note_use(used: Iterable[Caller]) -> None:
    """Keep the time a key was last used, to the minute: not every request needs a write."""
    now = ids.now()
    stale = [
        caller.api_key_id
        for caller in used
        if caller.api_key_id and (caller.key_used_at is None or now - caller.key_used_at > USE_NOTED_EVERY)
    ]
    if stale:
        ApiKey.objects.filter(pk__in=stale).update(last_used_at=now)
