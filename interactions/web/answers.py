"""What several pages answer a form with: a page that asks first, and the way on afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from interactions.errors import RequestError


@dataclass(frozen=True, slots=True)
class Question:
    """Asked before something ends. `told` are the sentences that say what goes and what stays."""

    title: str
    told: tuple[str, ...]
    button: str
    back: str


def confirm(
    request: HttpRequest, question: Question, act: Callable[[], object], address: str, told: str
) -> HttpResponse:
    """Asks; posted, does it, and goes on to a page that says so. What refuses is said where it was asked."""
    if request.method != "POST":
        return _ask(request, question)
    try:
        act()
    except RequestError as error:
        return _ask(request, question, error.message, error.status)
    return see_other(request, address, told)


def _ask(request: HttpRequest, question: Question, problem: str = "", status: int = 200) -> HttpResponse:
    context = {"question": question, "problem": problem}
    return render(request, "interactions/confirm.html", context, status=status)


def see_other(request: HttpRequest, address: str, told: str = "") -> HttpResponse:
    """On to a page that can be reloaded, which says what was done."""
    if told:
        messages.success(request, told)
    return HttpResponse(status=303, headers={"Location": address})


def done_before(request: HttpRequest, address: str, told: str) -> HttpResponse:
    """A form that was sent a second time, by a reload say, does nothing a second time."""
    messages.error(request, told)
    return HttpResponse(status=303, headers={"Location": address})
