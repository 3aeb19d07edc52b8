"""Calls of models as they pass through the gateway: an interaction that begins, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from interactions import database, payloads
from interactions.access import Caller
from interactions.ingest import vocabulary
from interactions.ingest.batch import Batch, Ending, Spender
from interactions.ingest.preparation import Prepared, preview
from interactions.models import Interaction

_STARTED = frozenset({Interaction.State.STARTED})


@dataclass(frozen=True, slots=True)
class Begin:
    """An interaction whose completion is still to come, through the process `process`. Whoever sends a call on has seen
    that its caller may."""

    prepared: Prepared
    process: UUID

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        prepared = self.prepared
        project_id = prepared.project_id
        model = vocabulary.model_id(project_id, prepared.model_key) if prepared.model_key else None
        labels = vocabulary.label_ids(project_id, prepared.labels.items())
        test = vocabulary.ab_test_id(project_id, prepared.ab_campaign) if prepared.ab_campaign else None
        prepared.row["state"] = Interaction.State.STARTED
        batch.add_interaction(prepared, model)
        batch.add_call(project_id, prepared.id, self.process)
        if test is not None:
            batch.add_entry(project_id, prepared.id, test)
        for pair in prepared.labels.items():
            batch.add_labelling(project_id, prepared.id, *labels[pair])
        return {"completion_id": str(prepared.id)}


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a call. `details` is all that came back besides `completion`, as JSON values.

    `cost` is in billionths of a dollar.
    """

    state: payloads.State
    completion: str = ""
    error: payloads.Failure | None = None
    finish_reason: str = ""
    usage: payloads.Usage | None = None
    timings: payloads.Timings = field(default_factory=payloads.Timings)
    cost: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """The end of a call that began as `id`, whose cost a key spent.

    What has ended already stays as it ended; but `even_if_interrupted`, a call that only seemed to be lost ends after
    all.
    """

    id: UUID
    project_id: int
    answered: Answered
    even_if_interrupted: bool = False
    spent_by: Spender | None = None

    def plan(self, caller: Caller, batch: Batch) -> dict[str, Any]:
        of = _STARTED | {Interaction.State.INTERRUPTED} if self.even_if_interrupted else _STARTED
        batch.end(Ending(self.id, self.project_id, of, self._row(), self._transcript(), self.spent_by))
        return {"completion_id": str(self.id)}

    def _row(self) -> dict[str, Any]:
        answered = self.answered
        usage = answered.usage
        return {
            "state": answered.state,
            "error_kind": answered.error.kind if answered.error else "",
            "finish_reason": answered.finish_reason,
            "completion_preview": preview(answered.completion),
            "prompt_tokens": usage.prompt_tokens if usage else None,
            "completion_tokens": usage.completion_tokens if usage else None,
            "total_tokens": usage.total_tokens if usage else None,
            "first_token_ms": answered.timings.first_token_ms,
            "total_ms": answered.timings.total_ms,
            "cost": answered.cost,
        }

    def _transcript(self) -> dict[str, database.Packed | None]:
        answered = self.answered
        details = dict(answered.details)
        completion = answered.completion.replace("\x00", "")
        if completion != answered.completion:
            details["completion"] = answered.completion
        if answered.error and answered.error.message:
            details["error"] = answered.error.message
        answer = database.packed(to_json(details).decode()) if details else None
        return {"completion_text": database.packed(completion), "answer": answer}
