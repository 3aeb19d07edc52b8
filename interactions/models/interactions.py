"""The slim row that lists, filters and counts read, and the transcript that only the detail page reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models

from interactions.database import CompactUUIDField, DigestField, LongTextField
from interactions.models.projects import Model, Project
from interactions.querysets import InteractionQuerySet

if TYPE_CHECKING:
    from interactions.models.images import Image
    from interactions.models.judgements import Feedback

PREVIEW_LENGTH = 280


class Interaction(models.Model):
    """A prompt and its completion. The id is a UUIDv7 that carries `created_at`: id order is time order."""

    class Source(models.TextChoices):
        LIVE = "LIVE"
        OFFLINE = "OFFLINE"
        AUTOMATION = "AUTOMATION"
        DATASET = "DATASET"
        EVALUATION = "EVALUATION"

    class State(models.TextChoices):
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        INTERRUPTED = "interrupted"

    id = CompactUUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="interactions", db_index=False)
    model = models.ForeignKey(Model, models.PROTECT, related_name="interactions", null=True, db_index=False)
    created_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    source = models.CharField(max_length=10, choices=Source)
    state = models.CharField(max_length=11, choices=State)
    error_kind = models.CharField(max_length=200, blank=True)
    finish_reason = models.CharField(max_length=100, blank=True)
    session_id = CompactUUIDField()
    # Its place in the project's history, from 1; see `Revision`. What the index is made of. A call that ends gets
    # another one.
    number = models.BigIntegerField(editable=False, db_default=0)
    # Whom the caller names, or the key's owner; it need not be an account of this server.
    user_uid = CompactUUIDField(null=True)
    prompt_hash = DigestField()

    prompt_preview = models.CharField(max_length=PREVIEW_LENGTH)
    completion_preview = models.CharField(max_length=PREVIEW_LENGTH)
    image_count = models.IntegerField(default=0)
    message_count = models.IntegerField(default=0)

    prompt_tokens = models.IntegerField(null=True)
    completion_tokens = models.IntegerField(null=True)
    total_tokens = models.IntegerField(null=True)
    first_token_ms = models.IntegerField(null=True)
    total_ms = models.IntegerField(null=True)
    cost = models.BigIntegerField(null=True, help_text="billionths of a dollar")

    # When its transcript was removed, by retention or by hand; the previews and images went with it.
    texts_removed_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[InteractionQuerySet] = InteractionQuerySet.as_manager()  # type: ignore[assignment]

    # There after `with_row_details` or `with_everything`, as those say.
    labels: dict[str, str]
    given: list[Feedback]
    shown_images: list[Image]
    kept_images: dict[str, Image]

    class Meta:
        # Of what has few values (models, labels, sources ...) the index knows the interactions; see `index`.
        indexes = (
            models.Index(fields=["project", "id", "number"], name="interaction_newest_first"),
            models.Index(fields=["project", "session_id", "number"], name="interaction_of_session"),
            models.Index(fields=["project", "user_uid", "number"], name="interaction_of_user"),
            models.Index(fields=["project", "prompt_hash", "number"], name="interaction_of_prompt"),
        )
        # As an expression, so that SQLite need not copy a large table to add it.
        constraints = (models.UniqueConstraint("project", "number", name="interaction_number_unique"),)

    def __str__(self) -> str:
        return str(self.id)

    @property
    def kept_nothing(self) -> bool:
        """Whether its caller asked to keep nothing of what was said: then there never was a transcript."""
        return self.source == self.Source.LIVE and self.texts_removed_at == self.created_at

    @property
    def is_live(self) -> bool:
        """Whether its completion is still to come."""
        return self.state == self.State.STARTED


class Transcript(models.Model):
    """What was said, in full. `transcripts.py` puts the messages back together from the two columns.

    `prompt_text` holds the text of all messages, so that it is searchable and stored once; `document` is JSON that
    holds everything else, with references into that text and to images. `answer` is JSON that holds what came back
    through the gateway, besides the completion's text.
    """

    interaction = models.OneToOneField(
        Interaction, models.CASCADE, primary_key=True, related_name="transcript", db_index=False
    )
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    prompt_text = LongTextField()
    completion_text = LongTextField()
    document = LongTextField()
    answer = LongTextField(null=True)  # type: ignore[misc] # the one that can be null

    def __str__(self) -> str:
        return str(self.interaction_id)
