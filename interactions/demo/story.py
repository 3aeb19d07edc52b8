"""The story: conversations dated, answered, judged and written down in the wire form of the create call."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from interactions.demo import cast, judgements, rhythm
from interactions.demo.conversations import SPECIALISTS, SYSTEMS, Conversation, Decks, Message, Reply, Step, cook
from interactions.demo.pictures import album
from interactions.demo.plan import Entry, entries
from interactions.demo.recipes import Recipe
from interactions.demo.troubles import Trouble, strike
from interactions.demo.vision import Question, questions

Tied = Literal["", "good", "bad"]
IMAGE_TOKENS = 765
CALLING = (
    "One moment, I am looking that up.",
    "Let me check that for you.",
    "I am asking the system now.",
    "Let me see what the records say.",
)
WARMTH = {"code": 0.1, "vision": 0.2, "abroad": 0.3, "support": 0.3, "writing": 0.4, "long": 0.7}


@dataclass(frozen=True, slots=True)
class Preference:
    """A pairwise judgement between two interactions that answer the same prompt; both are indices into the story."""

    metric: str
    preferred: int
    other: int
    tied: Tied


@dataclass(frozen=True, slots=True)
class Story:
    interactions: list[dict[str, Any]]  # oldest first
    preferences: list[Preference]


@dataclass(slots=True)
class Told:
    """An interaction with what the writer still needs to know about it."""

    record: dict[str, Any]
    good: bool
    group: int


@dataclass(slots=True)
class Origin:
    """An entry's conversation, kept for those that answer the same prompt again."""

    conversation: Conversation
    labels: dict[str, str]
    models: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def tell(until: datetime, *, count: int = 2400, days: int = 90) -> Story:
    """`count` interactions over the `days` before `until` (an aware datetime, or a naive one taken as UTC)."""
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    told = Teller(until, days).write(count)
    told.sort(key=lambda one: one.record["created_at"])
    return Story([one.record for one in told], comparisons(told, random.Random(4)))


class Teller:
    def __init__(self, until: datetime, days: int) -> None:
        self.until, self.days = until, days
        self.chance = random.Random(20_261_120)
        self.incident = rhythm.incident(until, days)
        self.users = [new_id(self.chance) for _ in range(40)]
        self.origins: dict[int, Origin] = {}
        self.decks: Decks = {}

    def write(self, count: int) -> list[Told]:
        asked = questions(album((self.until - timedelta(days=self.days)).date()))
        planned = entries(count, asked, self.chance)
        moments = rhythm.moments(self.until, self.days, len(planned), self.incident, self.chance)
        return [
            told
            for place, (entry, moment) in enumerate(zip(planned, moments, strict=True))
            for told in self.play(place, entry, moment)
        ]

    def play(self, place: int, entry: Entry, moment: datetime) -> list[Told]:
        if entry.replays >= 0:
            return [self.replay(entry.replays, moment)]
        conversation = converse(entry, moment, self.decks, self.chance)
        origin = Origin(conversation, labels_for(conversation, self.chance))
        self.origins[place] = origin
        return self.session(place, origin, self.early_enough(moment, entry.turns))

    def early_enough(self, moment: datetime, turns: int) -> datetime:
        return min(moment, self.until - timedelta(seconds=170 * (turns - 1) + 20))

    def session(self, place: int, origin: Origin, moment: datetime) -> list[Told]:
        conversation, told = origin.conversation, list[Told]()
        model = self.chance.choice(conversation.models)
        shared = {"session_id": new_id(self.chance), "user": self.somebody(), "source": self.source_of(origin)}
        history = opening(conversation)
        for turn, step in enumerate(conversation.steps):
            last = turn == len(conversation.steps) - 1
            reply = pick(step, self.chance, kindly=not last)
            between = step.between if self.chance.random() < 0.75 else []  # some stop at the call itself
            history = [*history, {"role": "user", "content": step.question}, *between]
            if step.between and not between:
                reply = Reply(self.chance.choice(CALLING), True, "tool_calls")
            trouble = strike(moment, self.incident, self.chance) if last else None
            record = self.record(origin, history, reply, model, moment, trouble) | shared
            told.append(Told(record, reply.good, place if turn == 0 and last else -1))
            history = [*history, {"role": "assistant", "content": reply.text}]
            moment += timedelta(seconds=self.chance.uniform(38, 165))
        origin.models.add(model)
        origin.used.add(told[0].record["completion"])
        return told

    def replay(self, place: int, moment: datetime) -> Told:
        origin = self.origins[place]
        step = origin.conversation.steps[0]
        others = [name for name in able(origin.conversation) if name not in origin.models]
        model = self.chance.choice(others or list(able(origin.conversation)))
        unused = [reply for reply in step.replies if reply.text not in origin.used] or step.replies
        reply = self.chance.choice(unused)
        origin.models.add(model)
        origin.used.add(reply.text)
        messages = [*opening(origin.conversation), {"role": "user", "content": step.question}, *step.between]
        source = self.chance.choices(("EVALUATION", "OFFLINE", "LIVE"), (5, 3, 2))[0]
        shared = {"session_id": new_id(self.chance), "user": None, "source": source}
        return Told(self.record(origin, messages, reply, model, moment, None) | shared, reply.good, place)

    def somebody(self) -> str | None:
        return None if self.chance.random() < 0.12 else self.users[int(40 * self.chance.random() ** 1.7)]

    def source_of(self, origin: Origin) -> str:
        if origin.labels.get("dataset"):
            return self.chance.choices(("DATASET", "EVALUATION", "OFFLINE", "LIVE"), (3, 2, 2, 6))[0]
        return self.chance.choices(("LIVE", "OFFLINE"), (96, 4))[0]

    def record(
        self,
        origin: Origin,
        messages: list[Message],
        reply: Reply,
        model: str,
        moment: datetime,
        trouble: Trouble | None,
    ) -> dict[str, Any]:
        theme = origin.conversation.theme
        text, finish = self.finished(reply)
        text = "" if trouble else text
        prompt, completion = tokens_of(messages), len(text) // 4 + 2
        return {
            "created_at": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "model": model,
            "messages": messages,
            "completion": text,
            "labels": dict(origin.labels),
            "feedbacks": [] if trouble else judgements.verdicts(theme, reply.good, self.chance),
            "state": "failed" if trouble else "done",
            "error": trouble.wire() if trouble else None,
            "usage": None if trouble or self.chance.random() < 0.02 else usage(prompt, completion),
            "parameters": self.parameters(theme),
            "timings": None if trouble else self.timings(prompt, completion, model),
            "finish_reason": None if trouble else finish,
        }

    def finished(self, reply: Reply) -> tuple[str, str]:
        """The text and why it ended; some long texts hit the limit in the middle of a sentence."""
        if len(reply.text) > 700 and self.chance.random() < 0.22:
            return reply.text[: self.chance.randint(420, 680)].rstrip(), "length"
        return reply.text, reply.finish

    def parameters(self, theme: str) -> dict[str, Any]:
        chosen: dict[str, Any] = {"temperature": WARMTH[theme], "max_tokens": 2048 if theme == "long" else 512}
        if self.chance.random() < 0.15:
            chosen["top_p"] = 0.95
        return chosen

    def timings(self, prompt: int, completion: int, model: str) -> dict[str, int] | None:
        if self.chance.random() < 0.05:
            return None
        pace = {"coder-32b": 24, "gpt-x": 17, "summarise-3b": 6}.get(model, 12) * self.chance.uniform(0.8, 1.5)
        first = int(140 + prompt * 0.22 + self.chance.expovariate(1 / 160))
        return {"first_token_ms": first, "total_ms": int(first + completion * pace)}


def opening(conversation: Conversation) -> list[Message]:
    return [{"role": "system", "content": conversation.system}] if conversation.system else []


def new_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def converse(entry: Entry, moment: datetime, decks: Decks, chance: random.Random) -> Conversation:
    match entry.subject:
        case Question() as question:
            return looked_at(question, chance)
        case Recipe() as recipe:
            return cook(recipe, entry.turns, moment, decks, chance)
    raise ValueError("an entry that answers an earlier prompt again has no conversation of its own")


def looked_at(question: Question, chance: random.Random) -> Conversation:
    parts: list[Message] = [{"type": "image_url", "image_url": {"url": picture.uri}} for picture in question.pictures]
    words: Message = {"type": "text", "text": question.ask}
    parts = [*parts, words] if chance.random() < 0.3 else [words, *parts]
    good = [Reply(text, True) for text in question.answers]
    chance.shuffle(good)
    step = Step(parts, [*good, *(Reply(text, False) for text in question.poor)])
    system = SYSTEMS["vision"] if chance.random() < 0.3 else ""
    dataset = question.dataset if chance.random() < 0.5 else ""
    return Conversation("picture", "vision", question.lang, system, [step], SPECIALISTS["vision"], dataset)


def pick(step: Step, chance: random.Random, *, kindly: bool) -> Reply:
    """Mostly a good reply; where bad ones were written, one in nine is bad, except in the middle of a session."""
    poor = [reply for reply in step.replies if not reply.good]
    if poor and not kindly and chance.random() < 0.11:
        return chance.choice(poor)
    return chance.choice([reply for reply in step.replies if reply.good])


def able(conversation: Conversation) -> list[str]:
    """Models that could answer: those with eyes for pictures, otherwise all but the vision model."""
    if conversation.theme == "vision":
        return ["llama-vision-11b", "gpt-x"]
    unfit = ("llama-vision-11b", "summarise-3b" if conversation.theme == "code" else "coder-32b")
    return [name for name in cast.MODELS if name not in unfit]


def labels_for(conversation: Conversation, chance: random.Random) -> dict[str, str]:
    labels = {"env": chance.choices(("prod", "staging", "dev"), (72, 20, 8))[0]}
    if chance.random() < 0.88:
        labels["customer"] = chance.choices(list(cast.CUSTOMERS), list(cast.CUSTOMERS.values()))[0]
    if conversation.lang != "en" or chance.random() < 0.6:
        labels["lang"] = conversation.lang
    dataset = conversation.dataset or chance.choices(("", "training-v1", "golden"), (84, 12, 4))[0]
    return labels | ({"dataset": dataset} if dataset else {})


def tokens_of(messages: list[Message]) -> int:
    return sum(4 + tokens_in(message["content"]) for message in messages)


def tokens_in(content: str | list[Message]) -> int:
    if isinstance(content, str):
        return len(content) // 4
    return sum(len(part["text"]) // 4 if part["type"] == "text" else IMAGE_TOKENS for part in content)


def usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def comparisons(told: list[Told], chance: random.Random) -> list[Preference]:
    """Judgements on neighbours in each group of answers to one prompt."""
    groups: dict[int, list[int]] = {}
    for place, one in enumerate(told):
        if one.group >= 0 and one.record["state"] == "done":
            groups.setdefault(one.group, []).append(place)
    pairs = [(a, b) for group in groups.values() for a, b in pairwise(group)]
    differing = [(a, b) for a, b in pairs if told[a].record["completion"] != told[b].record["completion"]]
    chosen = [pair for pair in differing if chance.random() < 0.72]
    return [judge(told, a, b, chance) for a, b in chosen]


def judge(told: list[Told], a: int, b: int, chance: random.Random) -> Preference:
    if told[a].good != told[b].good:
        return Preference("preference", a, b, "") if told[a].good else Preference("preference", b, a, "")
    tied: Tied = "" if chance.random() < 0.7 else ("good" if told[a].good else "bad")
    first, second = (a, b) if chance.random() < 0.5 else (b, a)
    return Preference("preference", first, second, tied)
