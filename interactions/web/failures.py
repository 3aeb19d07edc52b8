"""What a person sees when a page could not be made."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from interactions import database


def failed(request: HttpRequest) -> HttpResponse:
    """503 while the store is away, which passes; 500 for a fault of ours."""
    away = isinstance(sys.exception(), database.Unreachable)
    return HttpResponse(render_to_string("503.html" if away else "500.html"), status=503 if away else 500)
