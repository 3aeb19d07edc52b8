"""The connection to a model's server. It is not trusted: what it sends is bounded, and it can send nobody elsewhere."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from django.conf import settings

from interactions.calls import Upstream

if TYPE_CHECKING:
    import aiohttp

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
    """How an answer begins. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def told(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name in _TOLD or name.startswith(_TOLD_PREFIXES)}


# One for each event loop, which a server has one of.
_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def _session() -> aiohttp.ClientSession:
    """Made with the first call. It keeps no cookies, and takes no proxy from the environment."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _sessions[loop] = _new_session()
    return _sessions[loop]


async def close() -> None:
    if (session := _sessions.pop(asyncio.get_running_loop(), None)) is not None:
        await session.close()


def _new_session() -> aiohttp.ClientSession:
    import aiohttp  # here, since many servers pass nothing on

    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS, socket_factory=_socket)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """For a connection to this address, of those that the server's name has: not one of the link, where clouds tell
    machines their secrets."""
    family, kind, protocol, _, place = address
    if ipaddress.ip_address(str(place[0]).partition("%")[0]).is_link_local:
        raise OSError(f"{place[0]} is an address of the link, where no models are served")
    return socket.socket(family, kind, protocol)


@asynccontextmanager
async def asked(upstream: Upstream, path: str, body: bytes, *, is_stream: bool) -> AsyncIterator[Head]:
    """Send `body` and read what comes back. Raises `Failed`, also while it is read."""
    import aiohttp

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
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_SECONDS, silence), sock_read=silence)
    try:
        async with _session().post(
            upstream.base_url + path, data=body, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            if 300 <= response.status < 400:
                raise Failed(
                    "redirect", "The model's server sends elsewhere, where nothing is sent. Check its address."
                )
            told = {name.lower(): value for name, value in response.headers.items()}
            yield Head(response.status, told, _bounded(response.content))
    except aiohttp.ConnectionTimeoutError:
        raise Failed("unreachable", "The model's server could not be reached in time.", 504) from None
    except aiohttp.ServerTimeoutError:
        raise Failed("timeout", f"The model's server said nothing for {silence} s.", 504) from None
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
        raise Failed("unreachable", f"The model's server cannot be reached: {_told(error)}") from None
    except aiohttp.ClientPayloadError:
        raise Failed(
            "broken_off", "The connection to the model's server broke off before the answer was whole."
        ) from None
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Failed("broken_off", f"The connection to the model's server broke off: {_told(error)}") from None


async def _bounded(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size > settings.MAX_ANSWER_BYTES:
            raise Failed("too_large", f"The answer has more than {settings.MAX_ANSWER_BYTES // 1024**2} MB.")
        yield chunk


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
