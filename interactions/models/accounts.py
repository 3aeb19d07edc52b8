"""Who may do what: people, the projects they belong to, and the keys their programs use."""

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
    """A person, or a program, known by an email address. A superuser sees every project."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True, help_text="kept in lower case")
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email


class Membership(models.Model):
    """A user's place in a project. What each role may do is written in `access.py`."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        ANNOTATOR = "annotator"
        MEMBER = "member"

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "project"], name="membership_unique"),)

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} in {self.project_id}"


class ApiKey(models.Model):
    """A bearer key. Only its digest is kept; the prefix is what a list shows to tell keys apart."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=200, blank=True)
    prefix = models.CharField(max_length=20)
    digest = DigestField(unique=True)
    projects: models.ManyToManyField[Project, ApiKeyProject] = models.ManyToManyField(
        Project, through="ApiKeyProject", related_name="api_keys"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.prefix


class ApiKeyProject(models.Model):
    """A project that a key may be used for."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE)
    project = models.ForeignKey(Project, models.CASCADE)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["api_key", "project"], name="api_key_project_unique"),)

    def __str__(self) -> str:
        return f"{self.api_key_id} for {self.project_id}"
