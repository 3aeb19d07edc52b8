"""Corrections by auditors: labels set and removed, feedback taken back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from interactions import payloads
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
        history.note(interaction.project_id, interaction.pk)


@told()
def remove_label(caller: Caller, interaction: Interaction, key: str) -> None:
    _allow(caller, interaction)
    with transaction.atomic():
        removed, _ = Labelling.objects.filter(interaction=interaction, key__key=key).delete()
        if not removed:
            raise NotFound(f"The interaction has no label “{key}”.", "key")
        history.note(interaction.project_id, interaction.pk)


@told()
def change_labels(
    caller: Caller,
    interaction: Interaction,
    *,
    add: Sequence[tuple[str, str]] = (),
    remove: Sequence[tuple[str, str]] = (),
    only: Sequence[tuple[str, str]] | None = None,
) -> None:
    """All at once: with `only`, these are its labels first; then what is removed, then what is added.

    A label is removed if it has that value. Raises `Invalid` for labels that cannot be, and changes nothing.
    """
    _allow(caller, interaction)
    wanted = [payloads.read(_Labels, {"labels": dict([pair])}).labels for pair in (*add, *(only or ()))]
    known = vocabulary.label_ids(interaction.project_id, {pair for one in wanted for pair in one.items()})
    with transaction.atomic():
        rows = Labelling.objects.filter(interaction=interaction).select_for_update(of=("self",))
        had: dict[str, str] = dict(rows.values_list("key__key", "label__value"))
        has = dict(had if only is None else only)
        has = {key: value for key, value in has.items() if (key, value) not in remove} | dict(add)
        if len(has) > MAX_LABELS:
            raise Invalid(f"An interaction has at most {MAX_LABELS} labels. Remove one first.", "labels")
        changed = {key for key in had.keys() | has.keys() if had.get(key) != has.get(key)}
        if not changed:
            return
        Labelling.objects.filter(interaction=interaction, key__key__in=changed).delete()
        Labelling.objects.bulk_create(
            Labelling(project_id=interaction.project_id, interaction=interaction, key_id=ids[0], label_id=ids[1])
            for key in sorted(changed & has.keys())
            for ids in [known[key, has[key]]]
        )
        history.note(interaction.project_id, interaction.pk)


class _Labels(payloads.Shape):
    labels: dict[payloads.LabelKey, payloads.LabelValue]


@told()
def remove_feedback(caller: Caller, interaction: Interaction, feedback_id: UUID) -> None:
    _allow(caller, interaction)
    with transaction.atomic():
        removed, _ = Feedback.objects.filter(interaction=interaction, pk=feedback_id).delete()
        if not removed:
            raise NotFound("The interaction has no such feedback.", "feedback")
        history.note(interaction.project_id, interaction.pk)


def _allow(caller: Caller, interaction: Interaction) -> None:
    missing = NotFound("There is no such interaction that this caller can judge.")
    caller.allow(interaction.project_id, Permission.JUDGE, missing)
