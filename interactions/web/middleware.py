"""What every response says to a browser, and what every write asks of its transport."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

from interactions.bridge.middleware import AnswerMiddleware

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Security(SecurityMiddleware):
    """Django's for the API, without a change of thread: it only looks at headers."""

    async def __acall__(self, request: HttpRequest) -> Any:
        response = self.process_request(request) or await self.get_response(request)  # type: ignore[misc]
        return self.process_response(request, response)


class SecurityHeaders(AnswerMiddleware):
    """What a browser is told about every response: load nothing from elsewhere, run no inline script."""

    def answered(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-DNS-Prefetch-Control", "off")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")  # pages show what is private; files set their own
        return response
