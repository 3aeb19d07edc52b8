"""What the index of a project follows: how far its history goes, what changed in it, and what is indexed already."""

from __future__ import annotations

from django.db import models

from interactions.models.projects import Project


class Revision(models.Model):
    """A project's counter of events: each new interaction takes a number from it, each change another.

    Taking one locks the row until the transaction ends. So numbers become visible in their order, and who has seen all
    up to `latest` has missed nothing.
    """

    project = models.OneToOneField(Project, models.CASCADE, primary_key=True, related_name="+")
    latest = models.BigIntegerField()
    forgotten = models.BigIntegerField(default=0, help_text="changes up to this revision are kept no longer")

    def __str__(self) -> str:
        return f"revision {self.latest} of project {self.project_id}"


class Change(models.Model):
    """Interactions that were altered or deleted after they were recorded, all in one transaction."""

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    revision = models.BigIntegerField()
    numbers = models.BinaryField(help_text="a serialized roaring bitmap")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "revision"], name="change_once_per_revision"),)

    def __str__(self) -> str:
        return f"change {self.revision} of project {self.project_id}"


class Segment(models.Model):
    """The index of one block of numbers, as it was at `revision`. Derived: without it the block is read again."""

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    block = models.IntegerField()
    revision = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "block"], name="segment_once_per_block"),)

    def __str__(self) -> str:
        return f"block {self.block} of project {self.project_id}"
