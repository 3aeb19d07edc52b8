"""What people and programs said about an interaction: labels, feedback, comparisons, outcomes of sessions."""

from __future__ import annotations

from django.db import models

from interactions.database import CompactUUIDField, DigestField
from interactions.models.accounts import ApiKey
from interactions.models.interactions import Interaction
from interactions.models.projects import FeedbackKey, Label, LabelKey, Project


class Labelling(models.Model):
    """A label on an interaction; one value per key."""

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="labellings", db_index=False)
    key = models.ForeignKey(LabelKey, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    label = models.ForeignKey(Label, models.CASCADE, related_name="labellings", db_index=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["interaction", "key"], name="labelling_one_per_key"),)
        indexes = (models.Index(fields=["label", "interaction"], name="labelling_newest"),)

    def __str__(self) -> str:
        return f"{self.label_id} on {self.interaction_id}"


class Feedback(models.Model):
    """A value given to an interaction under a feedback key; booleans are 0 and 1. Several may be given."""

    id = CompactUUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="feedback", db_index=False)
    key = models.ForeignKey(FeedbackKey, models.CASCADE, related_name="feedback", db_index=False)
    value = models.FloatField()
    details = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    user_uid = CompactUUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["key", "value", "interaction"], name="feedback_by_value"),
            # With the value: else SQLite would look for "at least 4" through all that is, for every interaction.
            models.Index(fields=["interaction", "key", "value"], name="feedback_of_interaction"),
        )

    def __str__(self) -> str:
        return f"{self.value} on {self.interaction_id}"


class Comparison(models.Model):
    """One completion preferred to another. No constraint links it to the two: they may lie on different machines."""

    id = CompactUUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    key = models.ForeignKey(FeedbackKey, models.CASCADE, related_name="comparisons", db_index=False)
    preferred_id = CompactUUIDField(db_index=True)
    other_id = CompactUUIDField(db_index=True)
    tied = models.CharField(max_length=4, blank=True, choices=(("good", "both good"), ("bad", "both bad")))
    user_uid = CompactUUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["key", "preferred_id"], name="comparison_by_key"),)

    def __str__(self) -> str:
        return f"{self.preferred_id} over {self.other_id}"


class Outcome(models.Model):
    """Feedback on a whole session."""

    id = CompactUUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    key = models.ForeignKey(FeedbackKey, models.CASCADE, related_name="outcomes", db_index=False)
    session_id = CompactUUIDField()
    value = models.FloatField()
    details = models.TextField(blank=True)
    user_uid = CompactUUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["project", "session_id", "id"], name="outcome_by_session"),)

    def __str__(self) -> str:
        return f"{self.value} on session {self.session_id}"


class IdempotencyKey(models.Model):
    """The answer to a request that may be sent again. Written with what the request stored, in one transaction."""

    api_key = models.ForeignKey(ApiKey, models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = DigestField()
    answer = models.TextField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["api_key", "key"], name="idempotency_key_unique"),)

    def __str__(self) -> str:
        return self.key
