"""Training data that was uploaded, or made from interactions, and uploads on their way."""

from __future__ import annotations

from uuid import uuid4

from django.db import models

from interactions.database import CompactUUIDField
from interactions.models.accounts import User
from interactions.models.projects import Project


class Dataset(models.Model):
    """Records of one kind, kept as a file of JSON lines. What is in it was checked when it was made."""

    class Kind(models.TextChoices):
        PROMPT = "PROMPT"
        PROMPT_COMPLETION = "PROMPT_COMPLETION"
        PROMPT_COMPLETION_SCORE = "PROMPT_COMPLETION_SCORE"
        PREFERENCE = "PREFERENCE"

    class Source(models.TextChoices):
        UPLOADED = "UPLOADED"
        GENERATED = "GENERATED"
        GENERATING = "GENERATING"
        FILTERED = "FILTERED"

    class State(models.TextChoices):
        PENDING = "PENDING"
        DONE = "DONE"
        ERROR = "ERROR"

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30, choices=Kind, blank=True, help_text="unknown until it was read")
    source = models.CharField(max_length=20, choices=Source, default=Source.UPLOADED)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    progress = models.FloatField(default=0.0, help_text="from 0 to 1")
    error = models.TextField(blank=True)
    records = models.BigIntegerField(null=True)
    size = models.BigIntegerField(default=0, help_text="bytes")
    # By feedback key: {"scores": …, "comparisons": …}.
    metrics = models.JSONField(default=dict)
    upload = models.ForeignKey("Upload", models.SET_NULL, null=True, related_name="+")
    # Who works on it, and until when others leave it to them.
    worker = models.CharField(max_length=32, blank=True)
    worked_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "key"], name="dataset_key_unique"),)
        indexes = (models.Index(fields=["id"], condition=models.Q(state="PENDING"), name="dataset_pending"),)

    def __str__(self) -> str:
        return self.key


class Upload(models.Model):
    """A file that is uploaded in parts. Only who began it may go on with it."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    parts = models.IntegerField(help_text="how many there will be")
    content_type = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return str(self.uid)
