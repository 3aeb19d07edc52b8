"""python -m benchmarks.gateway.clients PORT

What a call takes of a core through each HTTP client that could talk to models' servers: calls one after another to the
fake model's server (`benchmarks.gateway.upstream`) on PORT.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpcore
import httpx

from benchmarks.gateway.calls import PROMPT

HOST = "127.0.0.1"
CALLS, WARM_UP = 1_500, 50
BODY = b'{"model":"fake","messages":[{"role":"user","content":"%s"}]}' % PROMPT.encode()
HEADERS = {"Accept-Encoding": "identity", "Authorization": "Bearer none", "Content-Type": "application/json"}


async def _measure(name: str, call: Callable[[], Awaitable[bytes]]) -> None:
    for _ in range(WARM_UP):
        await call()
    began = time.process_time()
    for _ in range(CALLS):
        await call()
    print(f"{name:10} {(time.process_time() - began) / CALLS * 1000:.2f} ms of a core")


async def _compare(port: int) -> None:
    url = f"http://{HOST}:{port}/v1/chat/completions"
    async with httpx.AsyncClient(trust_env=False) as client:

        async def by_httpx() -> bytes:
            async with client.stream("POST", url, content=BODY, headers=HEADERS) as response:
                return b"".join([chunk async for chunk in response.aiter_bytes()])

        await _measure("httpx", by_httpx)
    async with httpcore.AsyncConnectionPool() as pool:
        headers: list[tuple[bytes | str, bytes | str]] = [*HEADERS.items(), ("Host", HOST)]

        async def by_httpcore() -> bytes:
            async with pool.stream("POST", url, headers=headers, content=BODY) as response:
                return b"".join([chunk async for chunk in response.aiter_stream()])

        await _measure("httpcore", by_httpcore)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def by_aiohttp() -> bytes:
            async with session.post(url, data=BODY, headers=HEADERS) as response:
                return b"".join([chunk async for chunk in response.content.iter_any()])

        await _measure("aiohttp", by_aiohttp)


if __name__ == "__main__":
    asyncio.run(_compare(int(sys.argv[1])))
