"""How interactions are read: methods that chain into a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.apps import apps
from django.db import models
from django.db.models import Prefetch, Q

if TYPE_CHECKING:
    from interactions.models import Interaction, Project  # noqa: F401 - for annotations only

THUMBNAILS_PER_ROW = 4


class Condition(Protocol):
    """What `conditions.py` implements."""

    def q(self, project: Project) -> Q: ...


class InteractionQuerySet(models.QuerySet["Interaction"]):
    def for_project(self, project: Project) -> InteractionQuerySet:
        return self.filter(project=project)

    def matching(self, project: Project, condition: Condition) -> InteractionQuerySet:
        return self.for_project(project).filter(condition.q(project))

    def newest_first(self) -> InteractionQuerySet:
        return self.order_by("-id")

    def oldest_first(self) -> InteractionQuerySet:
        return self.order_by("id")

    def with_row_details(self) -> InteractionQuerySet:
        """What a row shows besides its own columns: a fixed number of queries, whatever the number of rows."""
        shown = _all("ImageUse").filter(position__lt=THUMBNAILS_PER_ROW).select_related("image").order_by("position")
        return self._with_judgements().prefetch_related(Prefetch("image_uses", shown, to_attr="shown_images"))

    def with_everything(self) -> InteractionQuerySet:
        """What the lossless document holds."""
        uses = _all("ImageUse").select_related("image").defer("image__thumbnail").order_by("position")
        return self.select_related("transcript")._with_judgements().prefetch_related(Prefetch("image_uses", uses))

    def _with_judgements(self) -> InteractionQuerySet:
        """Prefetched rather than joined: a page has hundreds of labels, and few different ones."""
        feedback = Prefetch("feedback", _all("Feedback").order_by("created_at", "id"))
        return self.prefetch_related("model", "labellings__key", "labellings__label", feedback, "feedback__key")


def _all(name: str) -> models.QuerySet[Any]:
    """A model by its name: the models import this module, so it cannot import them."""
    rows: models.QuerySet[Any] = apps.get_model("interactions", name)._default_manager.all()
    return rows
