"""What a person sees when a page could not be made."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from interactions import database

AWAY = {
    "title": "The store cannot be reached",
    "text": "The server runs, but its database does not answer; try again in a moment.",
}
FAULT = {"title": "Something went wrong here", "text": "The server could not make this page; its log says why."}


def failed(request: HttpRequest) -> HttpResponse:
    """503 while the store is away, which passes; 500 for a fault of ours."""
    away = isinstance(sys.exception(), database.Unreachable)
    return HttpResponse(render_to_string("failure.html", AWAY if away else FAULT), status=503 if away else 500)
