"""Images are content: stored once per project under their SHA-256, with a thumbnail for the rows."""

from __future__ import annotations

from django.db import models

from interactions.database import DigestField
from interactions.models.interactions import Interaction
from interactions.models.projects import Project


class Image(models.Model):
    class Format(models.TextChoices):
        PNG = "png"
        JPEG = "jpeg"
        WEBP = "webp"
        GIF = "gif"

    project = models.ForeignKey(Project, models.CASCADE, related_name="images", db_index=False)
    sha256 = DigestField()
    format = models.CharField(max_length=4, choices=Format)
    width = models.IntegerField()
    height = models.IntegerField()
    size = models.IntegerField(help_text="bytes")
    thumbnail = models.BinaryField(help_text="WebP")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["project", "sha256"], name="image_once_per_project"),)

    def __str__(self) -> str:
        return str(self.sha256)


class ImageUse(models.Model):
    """An image that an interaction shows; `position` counts from 0 in the order of first appearance."""

    project = models.ForeignKey(Project, models.CASCADE, db_index=False, db_constraint=False, related_name="+")
    interaction = models.ForeignKey(Interaction, models.CASCADE, related_name="image_uses", db_index=False)
    image = models.ForeignKey(Image, models.PROTECT, related_name="uses", db_index=False)
    position = models.IntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["interaction", "position"], name="image_use_unique"),)
        indexes = (models.Index(fields=["image", "interaction"], name="image_use_by_image"),)

    def __str__(self) -> str:
        return f"{self.image_id} in {self.interaction_id}"
