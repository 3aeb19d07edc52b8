"""Who may do what: people, their teams and roles in them, what is shared with teams, and the keys programs use."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from interactions.database import CompactUUIDField, DigestField
from interactions.models.projects import Project


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or a program, known by an email address. A superuser may do everything everywhere."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True, help_text="kept in lower case")
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_program = models.BooleanField(default=False, help_text="a service account: it has keys and no password")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email


class Team(models.Model):
    """People who work together. The reserved team `admin` administers the server."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Role(models.Model):
    """A named set of permissions. What each permission means is written in `access.py`."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    permissions = models.JSONField(default=list, help_text="a list of identifiers, such as interaction:read")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Member(models.Model):
    """A user's place in a team: one role."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    role = models.ForeignKey(Role, models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "team"], name="member_once_per_team"),)

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role_id} in {self.team_id}"


class Share(models.Model):
    """A project that a team may use: as far as the role allows at most, or if the team owns it, without that limit."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="shares")
    team = models.ForeignKey(Team, models.CASCADE, related_name="shares")
    role = models.ForeignKey(Role, models.PROTECT, related_name="+")
    is_owner = models.BooleanField(default=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "team"], name="share_once_per_team"),)

    def __str__(self) -> str:
        return f"{self.project_id} with {self.team_id}"


class ApiKey(models.Model):
    """A bearer key. Only its digest is kept; the prefix is what a list shows to tell keys apart."""

    class BudgetPeriod(models.TextChoices):
        DAY = "day"
        MONTH = "month"

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=200, blank=True)
    prefix = models.CharField(max_length=20)
    digest = DigestField(unique=True)
    is_limited = models.BooleanField(default=True, help_text="reaches `projects` only, not all that its user reaches")
    projects: models.ManyToManyField[Project, ApiKeyProject] = models.ManyToManyField(
        Project, through="ApiKeyProject", related_name="api_keys"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # What it may use of models, through the gateway; without a number, any amount.
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    budget = models.BigIntegerField(null=True, blank=True, help_text="billionths of a dollar in each period")
    budget_period = models.CharField(max_length=6, choices=BudgetPeriod, default=BudgetPeriod.MONTH)

    def __str__(self) -> str:
        return self.prefix


class ApiKeyProject(models.Model):
    """A project that a limited key may be used for."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE)
    project = models.ForeignKey(Project, models.CASCADE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["api_key", "project"], name="api_key_project_unique"),)

    def __str__(self) -> str:
        return f"{self.api_key_id} for {self.project_id}"
