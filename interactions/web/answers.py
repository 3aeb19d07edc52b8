"""What several pages answer a form with: a page that asks first, and the way on afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@dataclass(frozen=True, slots=True)
class Question:
    """Asked before something ends. `told` are the sentences that say what goes and what stays."""

    title: str
    told: tuple[str, ...]
    button: str
    back: str


def ask(request: HttpRequest, question: Question, problem: str = "", status: int = 200) -> HttpResponse:
    context = {"question": question, "problem": problem}
    return render(request, "interactions/confirm.html", context, status=status)


def see_other(request: HttpRequest, address: str, told: str) -> HttpResponse:
    """On to a page that can be reloaded, which says what was done."""
    messages.success(request, told)
    return HttpResponse(status=303, headers={"Location": address})


def done_before(request: HttpRequest, address: str, told: str) -> HttpResponse:
    """A form that was sent a second time, by a reload say, does nothing a second time."""
    messages.error(request, told)
    return HttpResponse(status=303, headers={"Location": address})
