"""What a row of the list shows, made ready here so that the template has little to do fifty times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

from django.template import loader
from django.urls import reverse
from django.utils.safestring import mark_safe

from interactions import images
from interactions.conditions import number
from interactions.models import Feedback, FeedbackKey, Image, Interaction, Project
from interactions.texts import Excerpt

LABELS_SHOWN = 6
JUDGEMENTS_SHOWN = 4

_TAGS = {
    Interaction.State.STARTED: ("in progress", ""),
    Interaction.State.CANCELLED: ("cancelled", ""),
    Interaction.State.INTERRUPTED: ("interrupted", "bad"),
    Interaction.State.FAILED: ("failed", "bad"),
}

# OpenAI's words for it, and Anthropic's.
_CALLED = {"tool_calls", "function_call", "tool_use"}

_MARKS = re.compile(r"```\w* ?|\|(?: ?:?-{2,}:? ?\|)+ ?")
# Not in 2**3 or **kwargs.
_BOLD = re.compile(r"(?<![\w*])\*\*(?=\S)([^*]+?)(?<=\S)\*\*(?![\w*])")


@dataclass(frozen=True, slots=True)
class LabelChip:
    key: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One feedback: an `icon` for a boolean, else the number as `text`; `tone` is good, bad or nothing."""

    key: str
    icon: str
    text: str
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    uri: str
    url: str
    alt: str


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    url: str
    iso: str
    ago: str
    exact: str
    name: str
    prompt: str
    completion: str
    excerpts: dict[str, Excerpt]
    no_completion: str
    no_text: str
    live: int  # its number while it goes on, else 0
    tag: str
    tone: str
    model: str
    source: str
    session: str
    session_id: str
    session_url: str
    labels: list[LabelChip]
    more_labels: list[LabelChip]
    judgements: list[Judgement]
    more_judgements: list[Judgement]
    thumbnails: list[Thumbnail]
    more_images: int


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a row's links lead. Made once for a page: reversing a route for every link would cost more than the row."""

    rows: str
    images: str
    query: str
    place: str

    @classmethod
    def of(cls, project: Project, query: str, place: str) -> Addresses:
        image = reverse("image", args=[project.key, "digest"]).removesuffix("digest")
        return cls(reverse("interactions", args=[project.key]), image, query, place)

    def row(self, interaction: Interaction) -> str:
        """With the list's query string, so that the page knows what lies around it there and where to go back to."""
        query = "&".join(part for part in (self.query, self.place) if part)
        return f"{self.rows}/{interaction.id}" + (f"?{query}" if query else "")

    def labelled(self, key: str, value: str) -> str:
        """The list, narrowed to a label."""
        return f"{self.rows}?{self.query}{'&' if self.query else ''}label={quote_plus(f'{key}:{value}')}"

    def session(self, interaction: Interaction) -> str:
        return f"{self.rows}?session={interaction.session_id}"


def rows(
    interactions: Iterable[Interaction],
    addresses: Addresses,
    now: datetime,
    excerpts: Mapping[int, list[Excerpt]] | None = None,
) -> list[Row]:
    """Each interaction comes `with_row_details`; `excerpts`, by number, show where in its texts it was found."""
    found = excerpts or {}
    return [_row(interaction, addresses, now, found.get(interaction.number, ())) for interaction in interactions]


def drawn(made: Sequence[Row], *, may_delete: bool) -> str:
    """Their HTML, if there are any."""
    template = loader.get_template("rows.html", using="jinja2")
    return mark_safe(template.render({"rows": made, "may_delete": may_delete}) if made else "")  # noqa: S308 - it escapes


def _row(interaction: Interaction, addresses: Addresses, now: datetime, excerpts: Iterable[Excerpt]) -> Row:
    created_at = interaction.created_at.astimezone(UTC)
    tag, tone = _TAGS.get(Interaction.State(interaction.state), ("", ""))
    session = str(interaction.session_id)
    labels = _labels(interaction.labels, addresses)
    judgements = [_judgement(feedback) for feedback in interaction.given]
    return Row(
        id=str(interaction.id),
        url=addresses.row(interaction),
        iso=created_at.isoformat(timespec="milliseconds"),
        ago=ago(now - created_at),
        exact=_exact(created_at, now),
        name=interaction.prompt_preview[:60],
        prompt=interaction.prompt_preview,
        completion=_plain(interaction.completion_preview),
        no_completion=_no_completion(interaction),
        no_text=_no_text(interaction),
        live=interaction.number if interaction.is_live else 0,
        excerpts={excerpt.field: excerpt for excerpt in excerpts},
        tag=(interaction.error_kind or tag) if tone else tag,
        tone=tone,
        model=interaction.model.key if interaction.model else "",
        source=interaction.source.lower(),
        session=session[-6:],
        session_id=session,
        session_url=addresses.session(interaction),
        labels=labels[:LABELS_SHOWN],
        more_labels=labels[LABELS_SHOWN:],
        judgements=judgements[:JUDGEMENTS_SHOWN],
        more_judgements=judgements[JUDGEMENTS_SHOWN:],
        thumbnails=[
            _thumbnail(image, position, interaction.image_count, addresses)
            for position, image in enumerate(interaction.shown_images)
        ],
        more_images=interaction.image_count - len(interaction.shown_images),
    )


def _no_text(interaction: Interaction) -> str:
    """What stands in the place of a prompt that says nothing."""
    if interaction.texts_removed_at is None:
        return "no text"
    return "not kept" if interaction.kept_nothing else "texts removed"


def _no_completion(interaction: Interaction) -> str:
    """What stands in the place of a completion that says nothing; nothing where something else does."""
    if interaction.texts_removed_at is not None:
        return ""
    return "called tools" if interaction.finish_reason in _CALLED else "no completion"


def _plain(text: str) -> str:
    """A preview without the marks that only a rendered page needs: code fences, a table's rule, bold."""
    return _BOLD.sub(r"\1", _MARKS.sub(" ", text)).strip() if "**" in text or "```" in text or "|" in text else text


def _labels(labels: dict[str, str], addresses: Addresses) -> list[LabelChip]:
    return [LabelChip(key, value, addresses.labelled(key, value)) for key, value in labels.items()]


def _judgement(feedback: Feedback) -> Judgement:
    key, value = feedback.key, feedback.value
    is_bool = key.kind == FeedbackKey.Kind.BOOL
    said = ("yes" if value else "no") if is_bool else number(value)
    title = f"{key.key}: {said}" + (f" · {feedback.details[:300]}" if feedback.details else "")
    if not is_bool:
        return Judgement(key.key, "", said, "", title)
    is_good = bool(value) == (key.scoring == FeedbackKey.Scoring.HIGHER_IS_BETTER)
    return Judgement(key.key, "up" if value else "down", said, "good" if is_good else "bad", title)


def _thumbnail(image: Image, position: int, count: int, addresses: Addresses) -> Thumbnail:
    size = f"{image.width} × {image.height}"
    which = f"Image {position + 1} of {count}" if count > 1 else "Image"
    return Thumbnail(images.thumbnail_uri(image), addresses.images + image.sha256, f"{which}, {size}")


# Times


_UNITS = ((timedelta(days=60), 30 * 86_400, "mo"), (timedelta(days=2), 86_400, "d"), (timedelta(hours=1), 3_600, "h"))


def ago(age: timedelta) -> str:
    """How long ago, in one unit: 12 s, 2 min, 3 h, 5 d, 4 mo."""
    seconds = max(int(age.total_seconds()), 0)
    for least, size, unit in _UNITS:
        if age >= least:
            return f"{seconds // size} {unit}"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def _exact(moment: datetime, now: datetime) -> str:
    """The second line of a row's time: as much as tells rows of its age apart."""
    clock = f"{moment:%H:%M:%S}"
    if moment.date() == now.date():
        return clock
    day = f"{moment.day} {moment:%b}"
    return f"{day} {clock[:5]}" if moment.year == now.year else f"{day} {moment.year}"
