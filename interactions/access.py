"""Who may do what. Every door asks here, and here only."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from interactions import ids
from interactions.errors import Forbidden, NotFound, Unauthorized
from interactions.models import ApiKey, ApiKeyProject, Membership, Project, User

KEY_FORM = re.compile(r"ik_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}")
USE_NOTED_EVERY = timedelta(minutes=1)


class Permission(StrEnum):
    READ = "interaction:read"
    LOG = "interaction:create"
    JUDGE = "feedback:create"  # feedback, comparisons, labels
    DELETE = "interaction:delete"  # also what is kept how long


_EVERYTHING = frozenset(Permission)
ROLES: Mapping[str, frozenset[Permission]] = {
    Membership.Role.VIEWER: frozenset({Permission.READ}),
    Membership.Role.ANNOTATOR: frozenset({Permission.READ, Permission.JUDGE}),
    Membership.Role.MEMBER: _EVERYTHING,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A project as one caller may use it."""

    project_id: int
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what they may reach: `grants` by project key."""

    user_uid: UUID | None
    grants: MutableMapping[str, Grant]
    api_key_id: int | None = None
    key_used_at: datetime | None = None

    def project_id(self, key: str, permission: Permission) -> int:
        """The project `key`. `NotFound` where the caller cannot see it: a foreign project and none look the same."""
        grant = self.grants.get(key)
        if grant is None:
            raise NotFound(f"There is no project “{key[:200]}” that this caller can see. Check its key.", "project")
        if permission not in grant.permissions:
            raise Forbidden(f"This needs the permission {permission} in the project “{key}”.")
        return grant.project_id

    def may(self, project_id: int, permission: Permission) -> bool:
        return any(g.project_id == project_id and permission in g.permissions for g in self.grants.values())


# API keys


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `secret` is shown once and kept nowhere."""

    api_key: ApiKey
    secret: str


def issue_key(user: User, projects: Iterable[Project], name: str = "") -> IssuedKey:
    prefix = "ik_" + "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    api_key = ApiKey.objects.create(user=user, name=name, prefix=prefix, digest=digest(secret))
    ApiKeyProject.objects.bulk_create(ApiKeyProject(api_key=api_key, project=project) for project in projects)
    return IssuedKey(api_key, secret)


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
        raise Unauthorized("This API key is not valid: it does not exist, or it was revoked.")
    note_use([caller])
    return caller


def callers(digests: Iterable[str]) -> dict[str, Caller]:
    """The callers behind the valid ones of `digests`, in one query: it is asked with every group of writes."""
    role = Membership.objects.filter(user=OuterRef("user"), project=OuterRef("projects")).values("role")[:1]
    rows = (
        ApiKey.objects.filter(digest__in=list(digests), revoked_at=None, user__is_active=True)
        .annotate(role=Subquery(role))
        .values_list(
            "digest", "id", "last_used_at", "user__uid", "user__is_superuser", "projects__key", "projects__id", "role"
        )
    )
    found: dict[str, Caller] = {}
    for key_digest, key_id, used_at, uid, is_superuser, project_key, project_id, role_here in rows:
        caller = found.setdefault(str(key_digest), Caller(uid, {}, key_id, used_at))
        grant = _grant(project_id, role_here, is_superuser=is_superuser)
        if grant is not None:
            caller.grants[project_key] = grant
    return found


def caller_of(user: User) -> Caller:
    """The caller that a signed-in person is."""
    roles = dict(user.memberships.values_list("project_id", "role"))
    grants = {
        project.key: _grant(project.pk, roles.get(project.pk), is_superuser=user.is_superuser)
        for project in Project.objects.filter(_visible(user))
    }
    return Caller(user.uid, {key: grant for key, grant in grants.items() if grant is not None})


def operator(project: Project) -> Caller:
    """The caller that a command on the server is: whoever can run it can read the store anyway."""
    return Caller(None, {project.key: Grant(project.pk, _EVERYTHING)})


def projects_of(user: User) -> list[Project]:
    return list(Project.objects.filter(_visible(user)).order_by("key"))


def _visible(user: User) -> Q:
    return Q() if user.is_superuser else Q(memberships__user=user)


def _grant(project_id: int | None, role: str | None, *, is_superuser: bool) -> Grant | None:
    permissions = _EVERYTHING if is_superuser else ROLES.get(role or "", frozenset())
    return Grant(project_id, permissions) if project_id is not None and permissions else None


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
