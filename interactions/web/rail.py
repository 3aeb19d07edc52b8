"""The right-hand side of an interaction's page: what was said about it, and forms to say more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.utils.http import urlencode

from interactions import ids
from interactions.access import Permission
from interactions.models import Feedback, FeedbackKey, Interaction, Label, Model, Project
from interactions.web import rows, surroundings, wording
from interactions.web.permissions import ProjectRequest

STARS = (1, 2, 3, 4, 5)
SUGGESTIONS_READ = 1_000
SUGGESTIONS_PER_KEY = 20
# The label by which a replay is found, and leads back.
REPLAY_OF = "replay_of"


@dataclass(frozen=True, slots=True)
class Typed:
    """What someone sent that was refused, and why. Nothing of it is lost: the form shows it again."""

    section: str
    values: Mapping[str, str]
    problem: str


# Feedback


@dataclass(frozen=True, slots=True)
class Score:
    """A value under a key: an `icon` (up or down) for a yes or no, else a number. `tone` is good, bad or nothing."""

    key: str
    text: str
    icon: str = ""
    tone: str = ""
    has_stars: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    feedback: Feedback
    score: Score
    author: str
    ago: str
    exact: str
    is_mine: bool

    @property
    def short_author(self) -> str:
        return self.author.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    icon: str
    tone: str
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Form:
    """How feedback is given under one key: by buttons, or as a number where there is nothing to choose from."""

    id: int
    draft: str  # changes when feedback was given; until then what is typed outlives a swap by htmx
    key: str
    description: str
    choices: list[Choice]
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackSection:
    given: list[Given]
    forms: list[Form]
    may_judge: bool
    problem: str = ""  # one that belongs to no form


def score(feedback: Feedback, starred: Collection[int] = ()) -> Score:
    key = feedback.key
    if key.kind != FeedbackKey.Kind.BOOL:
        return Score(key.key, wording.number(feedback.value), has_stars=key.pk in starred)
    return Score(key.key, "yes" if feedback.value else "no", *_look(key, bool(feedback.value)))


def _look(key: FeedbackKey, value: bool) -> tuple[str, str]:
    is_good = value == (key.scoring == FeedbackKey.Scoring.HIGHER_IS_BETTER)
    return "up" if value else "down", "good" if is_good else "bad"


def feedback_section(
    request: ProjectRequest, interaction: Interaction, people: Mapping[UUID, str], typed: Typed | None = None
) -> FeedbackSection:
    may_judge = request.caller.may(request.project.pk, Permission.JUDGE)
    keys = list(_keys(request.project))
    starred = {key.pk for key in keys if _has_stars(key)}
    feedback = interaction.given
    me = request.caller.user_uid
    mine = {(one.key_id, one.value) for one in feedback if me and one.user_uid == me}
    given = [_given(one, starred, people, me) for one in feedback]
    typed = typed if typed is not None and typed.section == "feedback" else None
    counts = Counter(one.key_id for one in feedback)
    forms = [
        Form(
            id=key.pk,
            draft=f"{key.pk}-{counts[key.pk]}",
            key=key.key,
            description=key.description,
            choices=_choices(key, key.pk in starred, mine),
            typed=typed.values if typed and typed.values.get("metric") == key.key else {},
            problem=typed.problem if typed and typed.values.get("metric") == key.key else "",
        )
        for key in keys
        if may_judge
    ]
    stray = typed.problem if typed and not any(form.problem for form in forms) else ""
    return FeedbackSection(given, forms, may_judge, stray)


def _given(feedback: Feedback, starred: Collection[int], people: Mapping[UUID, str], me: UUID | None) -> Given:
    is_mine = me is not None and feedback.user_uid == me
    return Given(
        feedback,
        score(feedback, starred),
        "you" if is_mine else surroundings.author(feedback.user_uid, people),
        rows.ago(ids.now() - feedback.created_at),
        wording.exact(feedback.created_at),
        is_mine,
    )


def _keys(project: Project) -> QuerySet[FeedbackKey]:
    """With the ends of what was given so far, and whether anything lies between whole numbers: looks into one index."""
    given = Feedback.objects.filter(key=OuterRef("pk"))
    between = Q()
    for star in STARS[:-1]:
        between |= Q(Exists(given.filter(value__gt=star, value__lt=star + 1)))
    return (
        FeedbackKey.objects.filter(project=project)
        .order_by("key")
        .annotate(
            lowest=Subquery(given.order_by("value").values("value")[:1]),
            highest=Subquery(given.order_by("-value").values("value")[:1]),
            in_between=ExpressionWrapper(between, output_field=BooleanField()),
        )
    )


def _has_stars(key: Any) -> bool:
    """Whether people so far gave whole numbers from 1 to 5."""
    is_scalar = key.kind == FeedbackKey.Kind.SCALAR and key.lowest is not None
    return bool(is_scalar and key.lowest >= STARS[0] and key.highest <= STARS[-1] and not key.in_between)


def _choices(key: FeedbackKey, has_stars: bool, mine: Collection[tuple[int, float]]) -> list[Choice]:
    if key.kind == FeedbackKey.Kind.BOOL:
        values = (("true", "yes", 1.0), ("false", "no", 0.0))
        return [Choice(sent, text, *_look(key, bool(n)), (key.pk, n) in mine) for sent, text, n in values]
    stars = STARS if has_stars else ()
    return [Choice(str(star), str(star), "", "", (key.pk, float(star)) in mine) for star in stars]


# Labels


@dataclass(frozen=True, slots=True)
class LabelChip:
    key: str
    value: str
    query: str  # the filter that finds others like it


@dataclass(frozen=True, slots=True)
class LabelSection:
    labels: list[LabelChip]
    suggestions: dict[str, list[str]]
    may_judge: bool
    typed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def label_section(request: ProjectRequest, interaction: Interaction, typed: Typed | None = None) -> LabelSection:
    may_judge = request.caller.may(request.project.pk, Permission.JUDGE)
    labels = [_chip(key, value) for key, value in interaction.labels.items()]
    suggestions = _suggestions(request.project) if may_judge else {}
    if typed is None or typed.section != "labels":
        return LabelSection(labels, suggestions, may_judge)
    return LabelSection(labels, suggestions, may_judge, typed.values, typed.problem)


def _chip(key: str, value: str) -> LabelChip:
    return LabelChip(key, value, urlencode({"label": f"{key}:{value}"}))


def _suggestions(project: Project) -> dict[str, list[str]]:
    """Known keys with some of their values: those that came first, which is where a vocabulary is to be found."""
    known = Label.objects.filter(project=project).order_by("pk").values_list("key__key", "value")
    suggestions: dict[str, list[str]] = {}
    for key, value in known[:SUGGESTIONS_READ]:
        values = suggestions.setdefault(key, [])
        if len(values) < SUGGESTIONS_PER_KEY:
            values.append(value)
    return dict(sorted(suggestions.items()))


# Replay


@dataclass(frozen=True, slots=True)
class ReplaySection:
    """A form to ask once more; without `models` there is nobody to ask. `original` is what this is a replay of."""

    may_replay: bool
    models: list[str]
    chosen: str
    original: UUID | None
    problem: str = ""


def replay_section(request: ProjectRequest, interaction: Interaction, typed: Typed | None = None) -> ReplaySection:
    may_replay = request.caller.may(request.project.pk, Permission.USE_MODELS)
    typed = typed if typed is not None and typed.section == "replay" else None
    served = _served(request.project) if may_replay else {}
    wanted = typed.values.get("model", "") if typed else interaction.model.key if interaction.model else ""
    default = next((key for key, is_default in served.items() if is_default), "")
    return ReplaySection(
        may_replay,
        list(served),
        wanted if wanted in served else default,
        ids.uuid(interaction.labels.get(REPLAY_OF, "")),
        typed.problem if typed else "",
    )


def _served(project: Project) -> dict[str, bool]:
    """The models that can be asked, and which is the default one."""
    models = Model.objects.filter(project=project, is_attached=True, is_wanted_online=True, external__isnull=False)
    return dict(models.order_by("key").values_list("key", "is_default"))
