"""What a message consists of, as the page draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.safestring import SafeString

from interactions.models import Image
from interactions.web import wording


@dataclass(frozen=True, slots=True)
class Text:
    kind: ClassVar = "text"
    raw: str
    html: SafeString | None = None
    code: str | None = None  # when the text is JSON: the same, indented


@dataclass(frozen=True, slots=True)
class Picture:
    kind: ClassVar = "picture"
    image: Image
    seen: int
    detail: str = ""

    @property
    def caption(self) -> str:
        image = self.image
        told = [f"{image.width} × {image.height}", image.format.upper(), wording.size(image.size)]
        told += [f"seen in {self.seen:,} interactions"] if self.seen > 1 else []
        return " · ".join(told + ([f"detail {self.detail}"] if self.detail else []))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A picture that was given as an address. It is named, and never loaded."""

    kind: ClassVar = "elsewhere"
    address: str


@dataclass(frozen=True, slots=True)
class Code:
    kind: ClassVar = "code"
    title: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """What follows belongs together, as the content of a tool's result does."""

    kind: ClassVar = "heading"
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Folded:
    """What few want to read: what the model thought."""

    kind: ClassVar = "folded"
    title: str
    text: str
    left_out: int = 0

    @property
    def size(self) -> str:
        return wording.counted(len(self.text) + self.left_out, "character")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the model said instead of an answer."""

    kind: ClassVar = "refusal"
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A remark of this page's, in the place of what is not there."""

    kind: ClassVar = "note"
    text: str


Part = Text | Picture | Elsewhere | Code | Heading | Folded | Refusal | Note


@dataclass(slots=True)
class Message:
    role: str
    notes: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    folded: list[Part] = field(default_factory=list)
    characters: int = 0
    left_out: int = 0

    @property
    def size(self) -> str:
        return wording.counted(self.characters, "character")

    @property
    def pictures(self) -> int:
        return sum(part.kind in ("picture", "elsewhere") for part in (*self.parts, *self.folded))

    @property
    def has_views(self) -> bool:
        """Whether rendered and raw differ."""
        return any(isinstance(part, Text) and (part.html or part.code) for part in (*self.parts, *self.folded))
