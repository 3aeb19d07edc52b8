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
    interaction: Interaction, stored: Mapping[str, Any], people: Mapping[UUID, str], session: Session
) -> list[Fact]:
    told = [
        *_origin(interaction, people),
        _turn(interaction, session),
        *_course(interaction),
        *_parameters(stored),
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
    uid = str(interaction.user_uid or "")
    yield Fact("User", author(interaction.user_uid, people), urlencode({"user": uid}), whole=uid)


def _apart(recorded_at: datetime, created_at: datetime) -> bool:
    """Whether it was logged at another time than it happened, as an import is."""
    return abs((recorded_at - created_at).total_seconds()) > 60


def _turn(interaction: Interaction, session: Session) -> Fact:
    text = str(interaction.session_id)
    place = f"turn {session.place:,} of {session.count:,}" if session.count > 1 else ""
    return Fact("Session", f"{text[:4]}…{text[-4:]}", urlencode({"session": text}), place, text)


def _course(interaction: Interaction) -> Iterable[Fact]:
    yield Fact("Finish", interaction.finish_reason)
    if interaction.total_tokens is not None:
        told, made = interaction.prompt_tokens or 0, interaction.completion_tokens or 0
        yield Fact("Tokens", f"{told:,} in, {made:,} out")
    first = wording.duration(interaction.first_token_ms)
    took = [wording.duration(interaction.total_ms), f"first token {first}" if first else ""]
    yield Fact("Took", ", ".join(filter(None, took)))


def _parameters(stored: Mapping[str, Any]) -> Iterable[Fact]:
    if stored.get("ab_campaign"):
        yield Fact("A/B campaign", str(stored["ab_campaign"]))
    for name, value in (stored.get("parameters") or {}).items():
        is_plain = value is None or (isinstance(value, bool | int | float | str) and len(str(value)) <= 100)
        yield Fact(name, str(value) if isinstance(value, str) else json_text.pretty(value), is_code=not is_plain)


def _identity(interaction: Interaction) -> Iterable[Fact]:
    digest = interaction.prompt_hash
    yield Fact("Prompt hash", f"{digest[:12]}…", urlencode({"prompt_hash": digest}), whole=digest)
    yield Fact("Id", str(interaction.id))
