"""The word index of the transcripts. Derived: made by `texts`, behind the writes, from what was recorded."""

from __future__ import annotations

from django.db import models

from interactions.models.projects import Project


class TextIndex(models.Model):
    """A project's word index: who is working on it. Whoever changes what is in it locks this row first."""

    project = models.OneToOneField(Project, models.CASCADE, primary_key=True, related_name="+")
    worker = models.CharField(max_length=32, blank=True)
    worked_until = models.DateTimeField(null=True)
    # Counts how often texts were removed that had no place in the index yet.
    epoch = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"word index of project {self.project_id}"


class TextSegment(models.Model):
    """The words of the interactions with numbers from `first` to `last`.

    The live segments of a project follow one another without gaps, from number 1 on; what comes after the last of them
    is not indexed yet. One that is not live is still being written.
    """

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    live = models.BooleanField(default=False)
    documents = models.IntegerField()
    size = models.IntegerField(help_text="bytes, about")
    pages = models.IntegerField(help_text="how many there can be: a power of two")
    version = models.BigIntegerField(help_text="random; another one after each change of what it means")
    gone = models.BinaryField(help_text="numbers whose words are still to be removed, as a serialized roaring bitmap")

    class Meta:
        indexes = (models.Index(fields=["project", "first"], name="text_segment_by_number"),)

    def __str__(self) -> str:
        return f"words of {self.first} to {self.last} of project {self.project_id}"


class TextPage(models.Model):
    """A part of a segment's words, and for each of them the interactions whose prompt or completion holds it."""

    segment = models.ForeignKey(TextSegment, models.CASCADE, db_index=False, related_name="+")
    page = models.IntegerField()
    words = models.BinaryField()
    prompt = models.BinaryField()
    completion = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["segment", "page"], name="text_page_unique"),)

    def __str__(self) -> str:
        return f"page {self.page} of {self.segment_id}"
