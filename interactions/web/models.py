"""A project's models: who serves them, what they cost, and which of them answers when none is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.forms import BoundField
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from interactions import amounts, external_models, naming, payloads
from interactions.access import Permission
from interactions.errors import Invalid, NotFound, RequestError
from interactions.external_models import SILENCE_SECONDS, TOTAL_SECONDS
from interactions.models import ExternalModel, Model, Project
from interactions.web import answers, forms, wording
from interactions.web.answers import Question
from interactions.web.permissions import ProjectRequest, requires

PROVIDERS = {
    "OPEN_AI": "OpenAI or compatible",
    "LEGACY_OPEN_AI": "OpenAI (legacy)",
    "GOOGLE": "Google",
    "ANTHROPIC": "Anthropic",
}
_LOGGED_SHOWN = 200

# Beside the field of the secret.
_NEW = "Kept sealed for this address, and never shown again. Without one, none is sent."
_NONE = "None is set, and none is sent."
_KEPT = (
    "One is set; leave this empty to keep it. It is for this address: another address throws it away, so enter the "
    "one for the new address with it."
)
_AGAIN = "If you typed one, type it again: it is not written into the page."


class _Served(forms.ActForm):
    """How somebody serves a model."""

    name = forms.line("Name", required=True, maxlength=200)
    external_id = forms.line("What the provider calls it", required=True, maxlength=500, placeholder="gpt-4.1-mini")
    base_url = forms.line("Address", inputmode="url", maxlength=2000, placeholder="the provider's own")
    secret = forms.secret("Secret", maxlength=10_000)
    input_price = forms.line("Input", inputmode="decimal", placeholder="not known")
    cached_input_price = forms.line("Cached input", inputmode="decimal", placeholder="not known")
    output_price = forms.line("Output", inputmode="decimal", placeholder="not known")
    silence_seconds = forms.line("Seconds without a word", inputmode="numeric", placeholder=str(SILENCE_SECONDS))
    total_seconds = forms.line("Seconds in all", inputmode="numeric", placeholder=str(TOTAL_SECONDS))
    parameters = forms.text(
        "Parameters, as JSON", "Sent with each request.", rows=3, spellcheck="false", placeholder='{"temperature": 0.2}'
    )

    def __init__(self, about_secret: str, typed: QueryDict | None = None, initial: dict[str, Any] | None = None):
        super().__init__(typed, initial=initial)
        self.fields["secret"].help_text = about_secret if typed is None else f"{about_secret} {_AGAIN}"

    def terms(self) -> list[list[BoundField]]:
        prices, seconds = ("input_price", "cached_input_price", "output_price"), ("silence_seconds", "total_seconds")
        return [[self[name] for name in names] for names in (prices, seconds)]


class AddForm(_Served):
    provider = forms.choice("Provider", PROVIDERS)
    default = forms.tick()


class ChangeForm(_Served):
    no_secret = forms.tick()


# The list


@dataclass(frozen=True, slots=True)
class Line:
    """A model that somebody serves. `asked` is what applications call it."""

    model: Model
    external: ExternalModel
    asked: str
    provider: str
    prices: list[tuple[str, str]]
    ends: str


@requires(Permission.SEE_MODELS)
@require_safe
def show(request: ProjectRequest) -> HttpResponse:
    project, caller = request.project, request.caller
    every = external_models.models(caller, project)
    lines = [_line(project, model, model.external) for model in every if model.external]
    logged = [model for model in every if not model.external]
    context = {
        "lines": lines,
        "default": next((line for line in lines if line.model.is_default), None),
        "logged": logged[:_LOGGED_SHOWN],
        "unlisted": len(logged[_LOGGED_SHOWN:]),
        "may_manage": caller.may(project.pk, Permission.MANAGE_MODELS),
        "may_read": caller.may(project.pk, Permission.READ),
        "example": _example(request, lines) if lines else "",
    }
    return render(request, "interactions/models.html", context)


def _line(project: Project, model: Model, external: ExternalModel) -> Line:
    prices = {
        "Input": external.input_price,
        "Cached": external.cached_input_price,
        "Output": external.output_price,
    }
    silence, total = external.silence_seconds or SILENCE_SECONDS, external.total_seconds or TOTAL_SECONDS
    return Line(
        model,
        external,
        asked=f"{project.key}/{model.key}",
        provider=PROVIDERS[external.provider],
        prices=[(name, "" if price is None else amounts.written(price)) for name, price in prices.items()],
        ends=f"{wording.seconds(silence)} without a word, {wording.seconds(total)} in all",
    )


def _example(request: ProjectRequest, lines: list[Line]) -> str:
    first = lines[0]
    asked = request.project.key if first.model.is_default else first.asked
    return f"""from openai import OpenAI

client = OpenAI(base_url="{request.scheme}://{request.get_host()}/api/v1", api_key="ik_…")
answer = client.chat.completions.create(
    model="{asked}", messages=[{{"role": "user", "content": "Hello?"}}]
)"""


# Adding one


@requires(Permission.MANAGE_MODELS)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("secret")
def add(request: ProjectRequest) -> HttpResponse:
    """Fields: those of `AddForm`; or `act`, which is `attach`, and `model`, the key of one that is here already."""
    if request.method != "POST":
        has_default = Model.objects.filter(project=request.project, is_default=True).exists()
        return _adding(request, AddForm(_NEW, initial={"default": not has_default}))
    is_attached = request.POST.get("act") == "attach"
    form = AddForm(_NEW, None if is_attached else request.POST)
    try:
        model = _attach(request) if is_attached else _add(request, form.given())
    except RequestError as error:
        problem = "" if not is_attached and form.refuse(error) else error.message
        return _adding(request, form, problem, error.status)
    told = f"Applications can ask for {request.project.key}/{model.key} now."
    return answers.see_other(request, reverse("project-models", args=[request.project.key]), told)


def _adding(request: ProjectRequest, form: AddForm, problem: str = "", status: int = 200) -> HttpResponse:
    attachable = external_models.attachable(request.caller, request.project)
    context = {"form": form, "attachable": attachable, "problem": problem}
    return render(request, "interactions/model_new.html", context, status=status)


def _attach(request: ProjectRequest) -> Model:
    key = request.POST.get("model", "")
    external = naming.find(external_models.attachable(request.caller, request.project), key)
    if external is None:
        raise NotFound("Choose a model that the project does not use yet.", "model")
    return external_models.attach(request.caller, request.project, external)


@sensitive_variables("given")
def _add(request: ProjectRequest, given: Mapping[str, Any]) -> Model:
    caller, project = request.caller, request.project
    with transaction.atomic():
        external = external_models.add(
            caller,
            given["name"],
            given["provider"],
            given["external_id"],
            given["secret"],
            given["base_url"],
            _parameters(given["parameters"]),
            team=external_models.team_for(caller, project),
            **external_models.typed_terms(given),
        )
        model = external_models.attach(caller, project, external)
        if given["default"]:
            external_models.update(caller, project, str(model.uid), is_default=True)
    return model


def _parameters(typed: str) -> dict[str, Any]:
    if not typed:
        return {}
    try:
        value = payloads.parse_json(typed.encode(), "text")
    except RequestError as error:
        raise Invalid(error.message, "parameters") from None
    if not isinstance(value, dict):
        raise Invalid('This must be a JSON object, such as {"temperature": 0.2}.', "parameters")
    return value


# One of them

# What each act makes of “is the default” and “is wanted online”, where None leaves it, and what is then said.
_STATES: Mapping[str, tuple[bool | None, bool | None, str]] = {
    "default": (True, None, "It answers requests that name the project alone."),
    "no-default": (False, None, "No model answers requests that name the project alone."),
    "online": (None, True, "It is online."),
    "offline": (None, False, "It is offline."),
}


@requires(Permission.MANAGE_MODELS)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("secret")
def one(request: ProjectRequest, id: UUID) -> HttpResponse:
    """Posted, `act` says what to do: one of `_STATES`, `detach`, or `change` with the fields of `ChangeForm`."""
    model, external = _found(request.project, id)
    if request.method != "POST":
        return _one(request, model, external)
    act, form = request.POST.get("act", ""), None
    here = reverse("project-model", args=[request.project.key, id])
    try:
        if act in _STATES:
            is_default, is_online, told = _STATES[act]
            external_models.update(
                request.caller, request.project, str(id), is_default=is_default, is_wanted_online=is_online
            )
            return answers.see_other(request, here, told)
        if act == "detach":
            external_models.detach(request.caller, request.project, str(id))
            told = f"Took “{model.name}” out of the project. It can be attached again."
            return answers.see_other(request, reverse("project-models", args=[request.project.key]), told)
        if act != "change":
            raise Invalid("There is no such act.", "act")
        form = ChangeForm(_about_secret(external), request.POST)
        is_secret_lost = _change(request, model, external, form.given())
    except RequestError as error:
        problem = "" if form and form.refuse(error) else error.message
        return _one(request, model, external, form, problem, error.status)
    response = answers.see_other(request, here, "Saved.")
    if is_secret_lost:
        lost = "The address is another one, so the secret was thrown away. Enter the one for the new address."
        messages.warning(request, lost)
    return response


def _found(project: Project, id: UUID) -> tuple[Model, ExternalModel]:
    """A model of the project that somebody serves."""
    model = Model.objects.filter(project=project, uid=id, is_attached=True).select_related("external__team").first()
    if model is None or model.external is None:
        raise Http404("There is no such model in the project.")
    return model, model.external


def _one(
    request: ProjectRequest,
    model: Model,
    external: ExternalModel,
    form: ChangeForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "line": _line(request.project, model, external),
        "may_change": external_models.may_change(request.caller, external),
        "others": _others(request.project, external),
        "form": form or ChangeForm(_about_secret(external), initial=_initial(model, external)),
        "problem": problem,
    }
    return render(request, "interactions/model.html", context, status=status)


def _about_secret(external: ExternalModel) -> str:
    return _KEPT if external.secret else _NONE


def _others(project: Project, external: ExternalModel) -> list[str]:
    return [key for key in external_models.used_by(external) if key != project.key]


def _initial(model: Model, external: ExternalModel) -> dict[str, Any]:
    prices = {name: getattr(external, name) for name in ("input_price", "cached_input_price", "output_price")}
    return {
        "name": model.name,
        "external_id": external.external_id,
        "base_url": external.base_url,
        **{name: "" if price is None else amounts.written(price) for name, price in prices.items()},
        "silence_seconds": external.silence_seconds,
        "total_seconds": external.total_seconds,
        "parameters": json.dumps(external.parameters, ensure_ascii=False, indent=2) if external.parameters else "",
    }


@sensitive_variables("given", "entered")
def _change(request: ProjectRequest, model: Model, external: ExternalModel, given: Mapping[str, Any]) -> bool:
    """Whether the secret was lost by it."""
    # A project may call it otherwise than others do. A new name is for both, an old one for neither.
    name = given["name"] if given["name"] != model.name else None
    entered = given["secret"] or ("" if given["no_secret"] else None)
    with transaction.atomic():
        changed = external_models.change(
            request.caller,
            external,
            name=name,
            external_id=given["external_id"],
            base_url=given["base_url"],
            secret=entered,
            parameters=_parameters(given["parameters"]),
            **external_models.typed_terms(given),
        )
        external_models.update(request.caller, request.project, str(model.uid), name=name)
    return changed.is_secret_lost


@requires(Permission.MANAGE_MODELS)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    """Asks, and posted, deletes it for all projects, if no other one uses it."""
    model, external = _found(request.project, id)
    question = _question(request.project, model, external)

    def take_out_and_delete() -> None:
        with transaction.atomic():
            external_models.detach(request.caller, request.project, str(id))
            external_models.remove(request.caller, external)

    back = reverse("project-models", args=[request.project.key])
    return answers.confirm(request, question, take_out_and_delete, back, f"Deleted the model “{model.name}”.")


def _question(project: Project, model: Model, external: ExternalModel) -> Question:
    others = _others(project, external)
    used = (
        f"Other projects use it, too: {', '.join(others)}. It can be deleted when it was taken out of each of them."
        if others
        else "No other project uses it."
    )
    sentences = (
        f"It is taken out of the project {project.key} and deleted with its address and its secret. {used}",
        "What it answered stays, under its name. This cannot be undone.",
    )
    back = reverse("project-model", args=[project.key, model.uid])
    return Question(f"Delete the model “{model.name}”?", sentences, "Delete this model", back)
