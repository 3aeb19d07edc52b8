"""What was asked to be removed: worked off some at a time, by whichever process comes first, also after a crash."""

from __future__ import annotations

from django.db import models

from interactions.models.accounts import User
from interactions.models.projects import Project


class Removal(models.Model):
    """A set of interactions that is to go, or whose texts are. Without someone who asked, retention did."""

    class What(models.TextChoices):
        INTERACTIONS = "interactions"
        TRANSCRIPTS = "transcripts"

    project = models.ForeignKey(Project, models.CASCADE, related_name="removals")
    what = models.CharField(max_length=12, choices=What)
    # Never rewritten until it is finished: what is left are the numbers after `reached`.
    numbers = models.BinaryField(help_text="a serialized roaring bitmap; empty when finished")
    reached = models.BigIntegerField(default=0, help_text="all up to this one are gone")
    total = models.IntegerField()
    done = models.IntegerField(default=0)
    described = models.TextField(help_text="a phrase that reads on after “interactions where”")
    # Who works it off, and until when others leave it to them: as long as they can be thought alive.
    worker = models.CharField(max_length=32, blank=True)
    worked_until = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["id"], condition=models.Q(finished_at=None), name="removal_unfinished"),)

    def __str__(self) -> str:
        return f"{self.done} of {self.total} {self.what}"
