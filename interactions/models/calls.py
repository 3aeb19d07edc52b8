"""Calls that go through the gateway: those that are under way, who makes them, and what a key may use."""

from __future__ import annotations

from uuid import uuid4

from django.db import models

from interactions.database import CompactUUIDField
from interactions.models.accounts import ApiKey
from interactions.models.interactions import Interaction
from interactions.models.projects import Project


class Process(models.Model):
    """A process of the server that makes calls. While it lives it counts up `beats`."""

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    beats = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"process {self.uid}"


class OpenCall(models.Model):
    """An interaction whose state is `started`: its completion is still coming, through this process."""

    interaction = models.OneToOneField(
        Interaction, models.CASCADE, primary_key=True, related_name="open_call", db_index=False, db_constraint=False
    )
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False, related_name="+")
    process = CompactUUIDField()

    class Meta:
        indexes = (models.Index(fields=["process"], name="open_call_of_process"),)

    def __str__(self) -> str:
        return str(self.interaction_id)


class KeyUsage(models.Model):
    """What a key used in one period, a minute or the one of its budget. `cost` is in billionths of a dollar."""

    class Unit(models.TextChoices):
        MINUTE = "minute"
        DAY = "day"
        MONTH = "month"

    api_key = models.ForeignKey(ApiKey, models.CASCADE, db_index=False, related_name="usage")
    unit = models.CharField(max_length=6, choices=Unit)
    begins_at = models.DateTimeField()
    requests = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["api_key", "unit", "begins_at"], name="key_usage_unique"),)

    def __str__(self) -> str:
        return f"{self.unit} of {self.api_key_id} from {self.begins_at}"
