"""The things that can be written. Each plans its rows into a batch and says what the caller will be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from interactions import payloads
from interactions.access import Caller, Permission
from interactions.errors import Forbidden, Invalid, NotFound, RequestError
from interactions.ingest import vocabulary
from interactions.ingest.batch import Batch
from interactions.ingest.preparation import Prepared, prepare
from interactions.models import Interaction


class Act(Protocol):
    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        """Add the rows to `batch` and return the answer. Raises `RequestError` before it adds anything."""


@dataclass(frozen=True, slots=True)
class Record:
    """Record an interaction, with its labels and feedback."""

    prepared: Prepared

    def values(self) -> list[tuple[int, float]]:
        """The feedback's keys and values, as the project knows them. Raises `RequestError` for those it does not."""
        project_id = self.prepared.project_id
        return [_value(project_id, item, f"feedbacks[{n}]") for n, item in enumerate(self.prepared.feedbacks)]

    def is_welcome(self, caller: Caller) -> bool:
        """Whether nothing that is known before the transaction speaks against it."""
        try:
            self.values()
        except RequestError:
            return False
        return caller.may(self.prepared.project_id, Permission.LOG)

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        prepared = self.prepared
        _allow(caller, prepared.project_id, Permission.LOG)
        keys = self.values()
        model = vocabulary.model_id(prepared.project_id, prepared.model_key) if prepared.model_key else None
        labels = vocabulary.label_ids(prepared.project_id, prepared.labels.items())
        test = vocabulary.ab_test_id(prepared.project_id, prepared.ab_campaign) if prepared.ab_campaign else None
        batch.add_interaction(prepared, model)
        if test is not None:
            batch.add_entry(prepared.project_id, prepared.id, test)
        for pair in prepared.labels.items():
            batch.add_labelling(prepared.project_id, prepared.id, *labels[pair])
        feedback_ids = [
            batch.add_feedback(prepared.project_id, prepared.id, key, value, item, item.user or caller.user_uid)
            for (key, value), item in zip(keys, prepared.feedbacks, strict=True)
        ]
        return {
            "completion_id": str(prepared.id),
            "session_id": str(prepared.row["session_id"]),
            "feedback_ids": [str(id) for id in feedback_ids],
        }


@dataclass(frozen=True, slots=True)
class AddFeedback:
    payload: payloads.Feedback

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        payload = self.payload
        project_id = _project_of(caller, payload.completion_id, "completion_id")
        if payload.project and caller.project_id(payload.project, Permission.JUDGE) != project_id:
            raise NotFound(f"The project “{payload.project}” has no such interaction.", "completion_id")
        key, value = _value(project_id, payload, "")
        user = payload.user or caller.user_uid
        item = payloads.FeedbackItem(
            metric=payload.metric, value=payload.value, details=payload.details, reason=payload.reason
        )
        batch.change(project_id, payload.completion_id)
        return {"feedback_id": str(batch.add_feedback(project_id, payload.completion_id, key, value, item, user))}


@dataclass(frozen=True, slots=True)
class Compare:
    """Prefer one completion to another; sides given by their texts become interactions of their own."""

    payload: payloads.Comparison

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        payload = self.payload
        project_id = caller.project_id(payload.project, Permission.JUDGE)
        key = _feedback_key(project_id, payload.metric, "metric")
        user = payload.user_id or caller.user_uid
        sides = (
            self._side(payload.preferred_completion, "preferred_completion", project_id, caller),
            self._side(payload.other_completion, "other_completion", project_id, caller),
        )
        preferred, other = (self._id(side, project_id, caller, batch) for side in sides)
        return {"comparison_id": str(batch.add_comparison(project_id, key.id, preferred, other, payload.tied, user))}

    def _side(self, side: UUID | payloads.Side, field: str, project_id: int, caller: Caller) -> UUID | Prepared:
        if isinstance(side, UUID):
            if _project_of(caller, side, field) != project_id:
                raise NotFound(f"The project “{self.payload.project}” has no interaction {side}.", field)
            return side
        _allow(caller, project_id, Permission.LOG)
        if not self.payload.messages:
            raise Invalid("Send the messages that both texts answer.", "messages")
        told = payloads.Interaction(
            project=self.payload.project, messages=self.payload.messages, completion=side.text, model_service=side.model
        )
        prepared = prepare(told, project_id, caller.user_uid)
        if prepared.found:
            raise Invalid(
                "Log both interactions first, and compare them by their ids: these messages hold images.", "messages"
            )
        return prepared

    def _id(self, side: UUID | Prepared, project_id: int, caller: Caller, batch: Batch) -> UUID:
        if isinstance(side, Prepared):
            Record(side).plan(caller, batch)
            return side.id
        batch.change(project_id, side)
        return side


@dataclass(frozen=True, slots=True)
class AddOutcome:
    payload: payloads.Outcome

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        payload = self.payload
        project_id = caller.project_id(payload.project, Permission.JUDGE)
        key, value = _value(project_id, payload, "")
        user = payload.user_id or caller.user_uid
        outcome = batch.add_outcome(project_id, key, payload.session_id, value, payload.details, user)
        return {"outcome_id": str(outcome)}


def _allow(caller: Caller, project_id: int, permission: Permission) -> None:
    if not caller.permissions(project_id):
        raise NotFound("There is no such project that this caller can see.", "project")
    if not caller.may(project_id, permission):
        raise Forbidden(f"This needs the permission {permission} in the project.", "project")


def _project_of(caller: Caller, interaction_id: UUID, field: str) -> int:
    """The project of an interaction that the caller may judge."""
    project_id = Interaction.objects.filter(pk=interaction_id).values_list("project_id", flat=True).first()
    missing = NotFound(f"There is no interaction {interaction_id} that this caller can judge.", field)
    if project_id is None:
        raise missing
    caller.allow(project_id, Permission.JUDGE, missing)
    return project_id


def _feedback_key(project_id: int, key: str, field: str) -> vocabulary.KnownKey:
    known = vocabulary.feedback_key(project_id, key)
    if known is None:
        raise NotFound(f"The project has no feedback key “{key}”. Register it first.", field)
    return known


def _value(
    project_id: int, item: payloads.FeedbackItem | payloads.Feedback | payloads.Outcome, at: str
) -> tuple[int, float]:
    """The key's id and the value as a number, if the key takes such a value."""
    prefix = f"{at}." if at else ""
    key = _feedback_key(project_id, item.metric, f"{prefix}metric")
    if not key.takes(item.value):
        # The one that is remembered may have been deleted by another process, and registered as one of another kind.
        vocabulary.forget_feedback_key(project_id, item.metric)
        key = _feedback_key(project_id, item.metric, f"{prefix}metric")
    if not key.takes(item.value):
        raise Invalid(f"“{item.metric}” is a yes-or-no key: send true or false, not {item.value}.", f"{prefix}value")
    return key.id, float(item.value)
