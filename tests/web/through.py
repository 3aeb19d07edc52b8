"""Interactions as they come through the gateway, without one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from interactions import access, answers, ingest, payloads
from interactions.gateway import assembly, stored
from interactions.models import Project


def begun(project: Project, *, is_kept: bool = True, **fields: Any) -> UUID:
    """A call that has begun, and not ended."""
    told = {"project": project.key, "messages": [{"role": "user", "content": "Hello?"}], "completion": ""}
    told |= {"api": "chat", "source": "LIVE", "model_service": "demo"} | fields
    prepared = ingest.prepare(payloads.read(payloads.Interaction, told), project.pk, None)
    ingest.store_images([prepared])
    if not is_kept:
        prepared.keep_nothing()
    ingest.perform(access.operator(project), ingest.Begin(prepared, uuid4()))
    return prepared.id


def end(project: Project, id: UUID, state: str = "done", completion: str = "", **fields: Any) -> None:
    answered = ingest.Answered(state, completion, **fields)  # type: ignore[arg-type]
    ingest.perform(access.operator(project), ingest.End(id, project.pk, answered))


def ended(
    project: Project, body: Any = None, *, error: str = "", told: dict[str, Any] | None = None, **fields: Any
) -> UUID:
    """One that ended with `body`, of which the gateway stores the rest beside the text."""
    asked = {name: fields.pop(name) for name in ("api", "messages", "parameters", "labels") if name in fields}
    id = begun(project, **asked)
    result = assembly.result(asked.get("api", "chat"), body)
    details: dict[str, Any] = {"status": 200} | (told or {})
    if body is not None:
        text = result.first.text
        details["response"] = answers.without_text(asked.get("api", "chat"), stored.storable(body), text)
    usage = result.usage
    failure = payloads.Failure(kind=error, message=result.error_message) if error else None
    end(
        project,
        id,
        fields.pop("state", "failed" if error else "done"),
        result.first.text,
        error=failure,
        finish_reason=result.first.finish_reason,
        usage=usage
        and payloads.Usage(prompt_tokens=usage.prompt, completion_tokens=usage.completion, total_tokens=usage.total),
        details=details,
        **fields,
    )
    return id
