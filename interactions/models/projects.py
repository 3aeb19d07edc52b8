"""A project and its vocabulary: models, feedback keys, labels. Small tables, read often, written seldom."""

from __future__ import annotations

from uuid import uuid4

from django.db import models

from interactions.database import CompactUUIDField


class Project(models.Model):
    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    default_metric = models.ForeignKey("FeedbackKey", models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # Retention, in days after `created_at` of an interaction; without a number it is kept.
    keep_transcripts = models.PositiveIntegerField(null=True, blank=True, help_text="days that texts and images stay")
    keep_interactions = models.PositiveIntegerField(null=True, blank=True, help_text="days that interactions stay")
    retention_applied_at = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return self.key


class ExternalModel(models.Model):
    """A model that someone else serves, at their address. It belongs to a team; projects take it in as a `Model`.

    Without an address it is the provider's own. The secret is encrypted, see `external_models`.
    """

    class Provider(models.TextChoices):
        OPEN_AI = "OPEN_AI"
        LEGACY_OPEN_AI = "LEGACY_OPEN_AI"
        GOOGLE = "GOOGLE"
        ANTHROPIC = "ANTHROPIC"

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    team = models.ForeignKey("Team", models.CASCADE, related_name="external_models")
    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    provider = models.CharField(max_length=20, choices=Provider)
    external_id = models.CharField(max_length=500, help_text="what the provider calls it")
    base_url = models.CharField(max_length=2_000, blank=True)
    secret = models.BinaryField(default=b"")
    parameters = models.JSONField(default=dict, help_text="sent with each request")
    # Dollars for a million tokens; without a number, what it costs is not known.
    input_price = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    cached_input_price = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    output_price = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    # How long it may say nothing, and how long a call may take in all; without a number, what is usual.
    silence_seconds = models.PositiveIntegerField(null=True)
    total_seconds = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Model(models.Model):
    """A model as the project calls it. Logging an unknown one registers it: data must not be lost over a name.

    One that was taken out of the project again is not `attached`: only a name on the interactions it made.
    """

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="models")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    external = models.ForeignKey(ExternalModel, models.SET_NULL, null=True, related_name="uses")
    is_attached = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    is_wanted_online = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["project", "key"], name="model_key_unique"),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(is_default=True), name="model_one_default_per_project"
            ),
        )

    def __str__(self) -> str:
        return self.key


class FeedbackKey(models.Model):
    """What feedback is given on (the SDK's metric)."""

    class Kind(models.TextChoices):
        BOOL = "bool"
        SCALAR = "scalar"

    class Scoring(models.TextChoices):
        HIGHER_IS_BETTER = "higher_is_better"
        LOWER_IS_BETTER = "lower_is_better"

    uid = CompactUUIDField(default=uuid4, unique=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="feedback_keys")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.SCALAR)
    scoring = models.CharField(max_length=20, choices=Scoring, default=Scoring.HIGHER_IS_BETTER)
    description = models.TextField(blank=True)
    unit = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "key"], name="feedback_key_unique"),)

    def __str__(self) -> str:
        return self.key


class LabelKey(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="label_keys")
    key = models.CharField(max_length=200)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "key"], name="label_key_unique"),)

    def __str__(self) -> str:
        return self.key


class Label(models.Model):
    """One value of a label key. Rows stay when their last use goes: other processes may hold their ids."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    key = models.ForeignKey(LabelKey, models.CASCADE, related_name="labels")
    value = models.CharField(max_length=500)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["key", "value"], name="label_unique"),)

    def __str__(self) -> str:
        return self.value
