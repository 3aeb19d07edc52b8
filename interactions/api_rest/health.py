"""Whether the server can answer and the store can be reached, for load balancers and start scripts."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from interactions.api_rest.api import answer


def health(request: HttpRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            cursor.fetchone()
    except DatabaseError:
        return answer({"status": "unavailable", "store": "cannot be reached"}, 503)
    return answer({"status": "ok"})


health.permission = "public"  # type: ignore[attr-defined]
