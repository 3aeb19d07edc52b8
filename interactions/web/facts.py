"""The facts of an interaction, one line each: when, by whom, how long, with what settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.http import urlencode

from interactions.models import Interaction
from interactions.web import json_text, wording
from interactions.web.answer import Answer
from interactions.web.surroundings import Session, author


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    query: str = ""  # the filter that finds others like it
    note: str = ""
    whole: str = ""  # where `value` is shortened
    is_code: bool = False


def facts(
    interaction: Interaction,
    stored: Mapping[str, Any],
    answer: Answer | None,
    people: Mapping[UUID, str],
    session: Session,
) -> list[Fact]:
    told = [
        *_origin(interaction, people),
        _turn(interaction, session),
        *course(interaction, answer),
        *parameters(stored),
        *_identity(interaction),
    ]
    return [fact for fact in told if fact.value]


def _origin(interaction: Interaction, people: Mapping[UUID, str]) -> Iterable[Fact]:
    yield Fact("Time", wording.exact(interaction.created_at))
    if _apart(interaction.recorded_at, interaction.created_at):
        yield Fact("Recorded", wording.exact(interaction.recorded_at))
    model = interaction.model.key if interaction.model else ""
    yield Fact("Model", model, urlencode({"model": model}))
    yield Fact("Source", interaction.source.lower(), urlencode({"source": interaction.source}))
    yield Fact("State", interaction.state, urlencode({"state": interaction.state}))
    yield Fact("Error", interaction.error_kind, urlencode({"error_kind": interaction.error_kind}))
    uid = str(interaction.user_uid or "")
    yield Fact("User", author(interaction.user_uid, people), urlencode({"user": uid}), whole=uid)


def _apart(recorded_at: datetime, created_at: datetime) -> bool:
    """Whether it was logged at another time than it happened, as an import is."""
    return abs((recorded_at - created_at).total_seconds()) > 60


def _turn(interaction: Interaction, session: Session) -> Fact:
    text = str(interaction.session_id)
    place = f"turn {session.place:,} of {session.count:,}" if session.count > 1 else ""
    return Fact("Session", f"{text[:4]}…{text[-4:]}", urlencode({"session": text}), place, text)


def course(interaction: Interaction, answer: Answer | None) -> Iterable[Fact]:
    """How it went: what it took, what it cost, how it ended."""
    made, took, first = interaction.completion_tokens, interaction.total_ms, interaction.first_token_ms
    yield Fact("Finish", interaction.finish_reason)
    if interaction.total_tokens is not None:
        yield Fact("Tokens", f"{interaction.prompt_tokens or 0:,} in, {made or 0:,} out", note=_among(answer))
    yield Fact("Vectors", answer.vectors if answer else "")
    yield Fact("Cost", wording.dollars(interaction.cost))
    yield Fact("Took", wording.duration(took))
    yield Fact("First token", wording.duration(first))
    yield Fact("Speed", wording.speed(made, took, first))


def _among(answer: Answer | None) -> str:
    """Which of the tokens were of a special kind."""
    usage = answer.usage if answer else None
    kinds = ((usage.cached, "from cache"), (usage.reasoning, "reasoning")) if usage else ()
    return ", ".join(f"{count:,} {kind}" for count, kind in kinds if count)


def parameters(stored: Mapping[str, Any]) -> Iterable[Fact]:
    yield Fact("API", str(stored.get("api") or ""))
    if stored.get("ab_campaign"):
        yield Fact("A/B campaign", str(stored["ab_campaign"]))
    for name, value in (stored.get("parameters") or {}).items():
        is_plain = value is None or (isinstance(value, bool | int | float | str) and len(str(value)) <= 100)
        yield Fact(name, str(value) if isinstance(value, str) else json_text.pretty(value), is_code=not is_plain)


def _identity(interaction: Interaction) -> Iterable[Fact]:
    digest = interaction.prompt_hash
    yield Fact("Prompt hash", f"{digest[:12]}…", urlencode({"prompt_hash": digest}), whole=digest)
    yield Fact("Id", str(interaction.id))
