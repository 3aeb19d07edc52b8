"""Middleware of our own, each able to stay in the event loop: an extra thread costs more than its work."""

from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Security(SecurityMiddleware):
    """Django's for the API, without a change of thread: it only looks at headers."""

    async def __acall__(self, request: HttpRequest) -> Any:
        response = self.process_request(request) or await self.get_response(request)  # type: ignore[misc]
        return self.process_response(request, response)


class SecurityHeaders:
    """What a browser is told about every response: load nothing from elsewhere, run no inline script."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self.get_response):
            return self.__acall__(request)
        return _secured(self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> Any:
        return _secured(await self.get_response(request))


def _secured(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-DNS-Prefetch-Control", "off")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")  # pages show what is private; files set their own
    return response
