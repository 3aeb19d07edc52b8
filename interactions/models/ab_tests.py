"""Models that compete for a project's requests."""

from __future__ import annotations

from uuid import uuid4

from django.db import models

from interactions.database import CompactUUIDField
from interactions.models.interactions import Interaction
from interactions.models.projects import FeedbackKey, Model, Project


class AbTest(models.Model):
    """A share of the requests that name no model goes to its arms, evenly; feedback under the key decides."""

    class State(models.TextChoices):
        WARMUP = "WARMUP"
        IN_PROGRESS = "IN_PROGRESS"
        DONE = "DONE"
        CANCELLED = "CANCELLED"

    # Those in which it goes on; from the others it never comes back.
    ACTIVE = (State.WARMUP, State.IN_PROGRESS)

    class Scores(models.TextChoices):
        DIRECT = "DIRECT"
        COMPARISON = "COMPARISON"

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="ab_tests")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    metric = models.ForeignKey(FeedbackKey, models.CASCADE, related_name="ab_tests")
    scores = models.CharField(max_length=10, choices=Scores, default=Scores.DIRECT)
    state = models.CharField(max_length=20, choices=State, default=State.WARMUP)
    traffic_split = models.FloatField(help_text="the share of requests that take part, above 0 and up to 1")
    auto_deploy = models.BooleanField(default=False)
    looked_at = models.IntegerField(default=0, help_text="how often it was decided whether there is a winner")
    winner = models.ForeignKey(Model, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "key"], name="ab_test_key_unique"),)

    def __str__(self) -> str:
        return self.key


class AbArm(models.Model):
    test = models.ForeignKey(AbTest, models.CASCADE, related_name="arms")
    model = models.ForeignKey(Model, models.CASCADE, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["test", "model"], name="ab_arm_unique"),)

    def __str__(self) -> str:
        return f"{self.model_id} in {self.test_id}"


class AbEntry(models.Model):
    """An interaction that took part in a test."""

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    interaction = models.OneToOneField(
        Interaction, models.CASCADE, primary_key=True, related_name="ab_entry", db_index=False
    )
    test = models.ForeignKey(AbTest, models.CASCADE, related_name="entries")

    def __str__(self) -> str:
        return f"{self.interaction_id} in {self.test_id}"
