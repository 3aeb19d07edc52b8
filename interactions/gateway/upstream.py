"""The connection to a model's server. It is not trusted: what it sends is bounded, and it can send nobody elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple

import httpx
from django.conf import settings

from interactions.calls import Upstream

_CONNECT_SECONDS = 10
# Less than the 5 s after which many servers close a connection that is idle, so that none is used while it is closed.
_IDLE_SECONDS = 4
# What of its headers a caller gets to see. What they are told by is their own business, cookies are not.
_TOLD = {"content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-request-id"}
_TOLD_PREFIXES = ("x-ratelimit-", "openai-")


class Failed(Exception):
    """It could not be asked, or did not answer to the end. `status` is what the caller is told."""

    def __init__(self, kind: str, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status


class Head(NamedTuple):
    """How an answer begins."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def told(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name in _TOLD or name.startswith(_TOLD_PREFIXES)}


@cache
def _client() -> httpx.AsyncClient:
    """One for the process, made with its first call. It takes nothing from the environment: no proxy, no .netrc; and
    it takes no cookies, which would go to the same server with the calls of others."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=_IDLE_SECONDS)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False, cookies=no_cookies)


@asynccontextmanager
async def asked(upstream: Upstream, path: str, body: bytes, *, is_stream: bool) -> AsyncIterator[Head]:
    """Send `body` and read what comes back. Raises `Failed`, also while it is read."""
    if upstream.fault:
        raise Failed("secret", upstream.fault, 500)
    headers = {
        "Accept": "text/event-stream" if is_stream else "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "interactions",
    }
    if upstream.secret:
        headers["Authorization"] = f"Bearer {upstream.secret}"
    silence = upstream.silence_seconds
    timeout = httpx.Timeout(silence, connect=min(_CONNECT_SECONDS, silence), pool=None)
    try:
        async with _client().stream(
            "POST", upstream.base_url + path, content=body, headers=headers, timeout=timeout
        ) as response:
            if response.is_redirect:
                raise Failed(
                    "redirect", "The model's server sends elsewhere, where nothing is sent. Check its address."
                )
            yield Head(response.status_code, dict(response.headers), _bounded(response))
    except httpx.ConnectTimeout:
        raise Failed("unreachable", "The model's server could not be reached in time.", 504) from None
    except httpx.TimeoutException:
        raise Failed("timeout", f"The model's server said nothing for {silence} s.", 504) from None
    except (httpx.ConnectError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Failed("unreachable", f"The model's server cannot be reached: {_told(error)}") from None
    except httpx.HTTPError as error:
        raise Failed("broken_off", f"The connection to the model's server broke off: {_told(error)}") from None


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > settings.MAX_ANSWER_BYTES:
            raise Failed("too_large", f"The answer has more than {settings.MAX_ANSWER_BYTES // 1024**2} MB.")
        yield chunk


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
