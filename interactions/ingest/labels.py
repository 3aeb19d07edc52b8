"""Corrections by auditors: labels set and removed, feedback taken back."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from interactions.access import Caller, Permission
from interactions.errors import Invalid, NotFound
from interactions.ingest import history, vocabulary
from interactions.ingest.commit import told
from interactions.models import Feedback, Interaction, Labelling
from interactions.payloads import MAX_LABELS


@told()
def set_label(caller: Caller, interaction: Interaction, key: str, value: str) -> None:
    """Give the interaction this label; an earlier value of the same key is replaced."""
    _allow(caller, interaction)
    key_id, label_id = vocabulary.label_ids(interaction.project_id, [(key, value)])[key, value]
    with transaction.atomic():
        if Labelling.objects.filter(interaction=interaction).exclude(key_id=key_id).count() >= MAX_LABELS:
            raise Invalid(f"An interaction has at most {MAX_LABELS} labels. Remove one first.", "key")
        Labelling.objects.update_or_create(
            interaction=interaction,
            key_id=key_id,
            defaults={"label_id": label_id, "project_id": interaction.project_id},
        )
        history.note(interaction.project_id, interaction.number)


@told()
def remove_label(caller: Caller, interaction: Interaction, key: str) -> None:
    _allow(caller, interaction)
    with transaction.atomic():
        removed, _ = Labelling.objects.filter(interaction=interaction, key__key=key).delete()
        if not removed:
            raise NotFound(f"The interaction has no label “{key}”.", "key")
        history.note(interaction.project_id, interaction.number)


@told()
def remove_feedback(caller: Caller, interaction: Interaction, feedback_id: UUID) -> None:
    _allow(caller, interaction)
    with transaction.atomic():
        removed, _ = Feedback.objects.filter(interaction=interaction, pk=feedback_id).delete()
        if not removed:
            raise NotFound("The interaction has no such feedback.", "feedback")
        history.note(interaction.project_id, interaction.number)


def _allow(caller: Caller, interaction: Interaction) -> None:
    if not caller.may(interaction.project_id, Permission.JUDGE):
        raise NotFound("There is no such interaction that this caller can judge.")
