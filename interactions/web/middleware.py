"""Middleware for pages. API routes carry a bearer key and no cookie: they pass through all of this untouched.

Each of Django's middlewares costs two changes of thread on an asynchronous route, so this also keeps the API quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

if TYPE_CHECKING:
    from django.utils.deprecation import MiddlewareMixin as _Middleware
else:
    _Middleware = object

API_PREFIX = "/api/v1/"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)


class _PagesOnly(_Middleware):
    async def __acall__(self, request: HttpRequest) -> Any:
        if _is_api(request):
            return await self.get_response(request)  # type: ignore[misc]
        return await super().__acall__(request)


class Security(SecurityMiddleware):
    """On every route: this one redirects to HTTPS, which an API key needs more than a page does."""

    async def __acall__(self, request: HttpRequest) -> Any:
        # Pure header work, so it needs no thread of its own.
        response = self.process_request(request) or await self.get_response(request)  # type: ignore[misc]
        return self.process_response(request, response)


class Sessions(_PagesOnly, SessionMiddleware):
    pass


class Csrf(_PagesOnly, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        return None if _is_api(request) else super().process_view(request, *args)


class Authentication(_PagesOnly, AuthenticationMiddleware):
    pass


class Messages(_PagesOnly, MessageMiddleware):
    pass


class StaticFiles:
    """WhiteNoise, which is synchronous, without a change of thread for requests that are not its own."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        self.files = WhiteNoiseMiddleware(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self.get_response):
            return self.__acall__(request)
        return self._file(request) or self.get_response(request)

    async def __acall__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(self.files.static_prefix):
            response = await sync_to_async(self._file)(request)
            if response is not None:
                return response
        return await self.get_response(request)

    def _file(self, request: HttpRequest) -> HttpResponseBase | None:
        if self.files.autorefresh:
            found = self.files.find_file(request.path_info)
        else:
            found = self.files.files.get(request.path_info)
        return None if found is None else self.files.serve(found, request)


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
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("X-DNS-Prefetch-Control", "off")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")  # pages show what is private; files set their own
    return response
