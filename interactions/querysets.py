"""How interactions are read: methods that chain into a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from interactions.models import Interaction, Project

THUMBNAILS_PER_ROW = 4


class Condition(Protocol):
    """What `conditions.py` implements."""

    def q(self, project: Project) -> Q: ...


class InteractionQuerySet(models.QuerySet["Interaction"]):
    _complete: Callable[[Sequence[Interaction]], None] | None = None

    def for_project(self, project: Project) -> InteractionQuerySet:
        return self.filter(project=project)

    def matching(self, project: Project, condition: Condition) -> InteractionQuerySet:
        return self.for_project(project).filter(condition.q(project))

    def newest_first(self) -> InteractionQuerySet:
        return self.order_by("-id")

    def oldest_first(self) -> InteractionQuerySet:
        return self.order_by("id")

    def with_row_details(self) -> InteractionQuerySet:
        """With what a row shows besides its own columns: `model`, `labels`, `given` and `shown_images`."""
        return self._completed_by(_row_details)

    def with_everything(self) -> InteractionQuerySet:
        """With what the lossless document holds: `transcript`, `model`, `labels`, `given` and `kept_images`."""
        return self.select_related("transcript")._completed_by(_everything)

    # What follows is `prefetch_related`, made for these few relations: a page has hundreds of labels, and a model
    # object with its links for each of them takes ten times as long as the page's rows themselves.

    def _completed_by(self, complete: Callable[[Sequence[Interaction]], None]) -> InteractionQuerySet:
        clone = self.all()
        clone._complete = complete
        return clone

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._complete = self._complete
        return clone

    def _fetch_all(self) -> None:
        fetched = self._result_cache is not None
        super()._fetch_all()
        if self._complete and not fetched and self._result_cache:
            self._complete(self._result_cache)


def _row_details(interactions: Sequence[Interaction]) -> None:
    _judgements(interactions)
    by_id = {interaction.id: interaction for interaction in interactions}
    for interaction in interactions:
        interaction.shown_images = []
    shown = _image_uses(interactions).filter(position__lt=THUMBNAILS_PER_ROW)
    for use in shown if any(interaction.image_count for interaction in interactions) else ():
        by_id[use.interaction_id].shown_images.append(use.image)


def _everything(interactions: Sequence[Interaction]) -> None:
    _judgements(interactions)
    by_id = {interaction.id: interaction for interaction in interactions}
    for interaction in interactions:
        interaction.kept_images = {}
    for use in _image_uses(interactions).defer("image__thumbnail"):
        by_id[use.interaction_id].kept_images[use.image.sha256] = use.image


def _judgements(interactions: Sequence[Interaction]) -> None:
    by_id = {interaction.id: interaction for interaction in interactions}
    models_by_id = _all("Model").in_bulk({i.model_id for i in interactions if i.model_id})
    for interaction in interactions:
        interaction.labels, interaction.given = {}, []
        interaction.model = models_by_id.get(interaction.model_id)
    for interaction_id, key, value in _labels(by_id):
        by_id[interaction_id].labels[key] = value
    feedback = list(_all("Feedback").filter(interaction__in=by_id).order_by("created_at", "id"))
    keys = _all("FeedbackKey").in_bulk({one.key_id for one in feedback})
    for one in feedback:
        if one.key_id in keys:  # else it was deleted meanwhile, and what was said under it before that
            one.key = keys[one.key_id]
            by_id[one.interaction_id].given.append(one)


def _labels(ids: Iterable[UUID]) -> Iterable[tuple[UUID, str, str]]:
    rows = _all("Labelling").filter(interaction__in=list(ids)).order_by("key__key")
    return rows.values_list("interaction_id", "key__key", "label__value")


def _image_uses(interactions: Sequence[Interaction]) -> models.QuerySet[Any]:
    return _all("ImageUse").filter(interaction__in=interactions).select_related("image").order_by("position")


def _all(name: str) -> models.QuerySet[Any]:
    """A model by its name: the models import this module, so it cannot import them."""
    rows: models.QuerySet[Any] = apps.get_model("interactions", name)._default_manager.all()
    return rows
