"""Trying a project's models by talking to them. What is said here is logged as what programs say is.

In the browser the page talks to the gateway itself (`chat.js`), and comes here with each answer that has ended, to have
it rendered. Without JavaScript the form sends one prompt, and leads to the page of its interaction.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from interactions import ab_tests, bridge, documents, gateway, ids, images
from interactions.access import Caller, Permission
from interactions.errors import Invalid, RequestError
from interactions.gateway import Asked
from interactions.models import Interaction, Model, Project
from interactions.web import folding, wording
from interactions.web.parts import Message, Text
from interactions.web.permissions import ProjectRequest, requires

# What tells these calls from those of programs.
_LABELS = {"via": "chat"}
_COLUMNS = 2


class _Choice(NamedTuple):
    """A model that can be talked to: what a request calls it, what the page does, and its key, where it is known."""

    name: str
    told: str
    model: str


class _Prompt(forms.Form):
    """One prompt, as the page sends it without JavaScript; and its `image`s."""

    model = forms.ChoiceField(error_messages={"invalid_choice": "Choose one of the project's models."})
    system = forms.CharField(required=False, strip=False)
    prompt = forms.CharField(required=False, strip=False)
    temperature = forms.FloatField(required=False, min_value=0, max_value=2)
    max_tokens = forms.IntegerField(required=False, min_value=1)


@requires(Permission.USE_MODELS)
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: ProjectRequest) -> HttpResponseBase:
    """`model` and `with` choose models; `continue` has an interaction for each, which the conversation goes on from.

    Posted, with the fields of `_Prompt`, it begins one call.
    """
    choices = _choices(request.project)
    if request.method != "POST":
        return _page(request, choices, _Prompt(initial={"model": request.GET.get("model")}))
    form = _Prompt(request.POST)
    form.fields["model"].choices = [(choice.name, choice.told) for choice in choices]  # type: ignore[attr-defined]
    try:
        asked = _asked(form, request.FILES.getlist("image"))
        begun = bridge.on_loop(_begin(asked, request.caller))
    except RequestError as error:
        return _page(request, choices, form, error.message, error.status)
    return HttpResponse(status=303, headers={"Location": reverse("interaction", args=[request.project.key, begun])})


@requires(Permission.USE_MODELS)
@require_POST
def answer(request: ProjectRequest) -> HttpResponseBase:
    """An answer that has ended, as HTML: its `text`, and what is known of the call `id` that one made oneself.

    `stopped` says that its reader would hear no more of it.
    """
    text, id = request.POST.get("text", ""), ids.uuid(request.POST.get("id", ""))
    message = folding.lay_out(Message("assistant"), [Text(text)] if text else [], folding.Budget())
    own = Interaction.objects.for_project(request.project).filter(user_uid=request.caller.user_uid)
    call = own.select_related("model").filter(pk=id).first() if id else None
    facts = _facts(call, is_stopped="stopped" in request.POST) if call else []
    context = {"message": message, "call": call, "facts": facts, "may_read": _may_read(request)}
    return render(request, "interactions/_chat_answer.html", context)


def _may_read(request: ProjectRequest) -> bool:
    return request.caller.may(request.project.pk, Permission.READ)


# The page


def _page(
    request: ProjectRequest, choices: list[_Choice], form: _Prompt, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "choices": choices,
        "second": request.GET.get("with"),
        "form": form,
        "problem": problem,
        "may_read": _may_read(request),
        "test": _test(request.project),
        "continued": list(_continued(request)) if _may_read(request) else [],
        "limits": {
            "image": settings.MAX_IMAGE_BYTES,
            "request": settings.MAX_REQUEST_BYTES,
            "rendered": folding.SHOWN_PER_MESSAGE,
            "types": ",".join(images.MEDIA_TYPES.values()),
        },
    }
    return render(request, "interactions/chat.html", context, status=status)


def _choices(project: Project) -> list[_Choice]:
    """First the one that the server chooses, where it has something to choose from."""
    served = Model.objects.filter(project=project, is_attached=True, is_wanted_online=True, external__isnull=False)
    models = list(served.order_by("-is_default", "key").values_list("key", "is_default"))
    default, test = next((key for key, is_default in models if is_default), ""), _test(project)
    chosen = filter(None, (default, test and f"A/B test {test}"))
    first = [_Choice(project.key, f"project default · {' or '.join(chosen)}", default)] if default or test else []
    return first + [_Choice(f"{project.key}/{key}", key, key) for key, _ in models]


def _test(project: Project) -> str:
    """The A/B test that takes part in what the project's default is."""
    return next((arm.test for arm in ab_tests.arms(project.pk).choices), "")


def _continued(request: ProjectRequest) -> Iterator[dict[str, Any]]:
    """The conversations that go on, as `chat.js` takes them."""
    named = [ids.uuid(one) for one in request.GET.getlist("continue")[:_COLUMNS]]
    kept = Interaction.objects.for_project(request.project).with_everything().filter(pk__in=filter(None, named))
    found = {interaction.id: interaction for interaction in kept}
    for interaction in (found[id] for id in named if id in found):
        document = next(documents.whole([interaction], request.project.key, "inline if there"))
        if document["texts_removed"]:
            continue
        # Somebody else's conversation stays as it was.
        is_own = interaction.user_uid == request.caller.user_uid
        yield {
            "id": document["id"],
            "session": document["session_id"] if is_own else None,
            "model": interaction.model and f"{request.project.key}/{interaction.model.key}",
            "messages": document["messages"],
            "completion": document["completion"],
            "parameters": document["parameters"] or {},
        }


def _facts(call: Interaction, *, is_stopped: bool) -> list[str]:
    """What is told of a call in the line below its answer."""
    tokens, total = call.completion_tokens, call.total_ms
    first = wording.duration(call.first_token_ms)
    told = [
        call.model.key if call.model else "",
        "stopped" if is_stopped or call.state == call.State.CANCELLED else "",
        wording.counted(tokens, "token") if tokens is not None else "",
        wording.duration(total),
        f"{tokens * 1000 / total:,.{0 if tokens * 100 >= total else 1}f} tokens/s" if tokens and total else "",
        f"first token {first}" if first else "",
        "ended at max tokens" if call.finish_reason == "length" else "",
    ]
    return [fact for fact in told if fact]


# One call, without JavaScript


async def _begin(asked: Asked, caller: Caller) -> UUID:
    call = gateway.Call(asked, await gateway.route(asked, caller), caller)
    await call.begin()
    return call.id


def _asked(form: _Prompt, pictures: list[UploadedFile]) -> Asked:
    """Raises `Invalid`."""
    if not form.is_valid():
        name, told = next(iter(form.errors.items()))
        raise Invalid(f"{name.replace('_', ' ').capitalize()}: {told[0]}", name)
    given = form.cleaned_data
    if not given["prompt"].strip() and not pictures:
        raise Invalid("Write something, or choose an image.", "prompt")
    said = [{"type": "text", "text": given["prompt"]}, *map(_part, pictures)]
    system = [{"role": "system", "content": given["system"]}] if given["system"].strip() else []
    numbers = {name: given[name] for name in ("temperature", "max_tokens") if given[name] is not None}
    content = said if pictures else given["prompt"]
    messages = [*system, {"role": "user", "content": content}]
    return gateway.read("chat", {"model": given["model"], "messages": messages, "labels": _LABELS, **numbers})


def _part(picture: UploadedFile) -> dict[str, Any]:
    """The gateway would pass on whatever it is; here somebody can still choose another one."""
    content = picture.read()
    media_type = images.MEDIA_TYPES[images.verify(content, "image").format]
    return {"type": "image_url", "image_url": {"url": f"data:{media_type};base64,{base64.b64encode(content).decode()}"}}
