"""python -m benchmarks.gateway.proxy PORT UPSTREAM_PORT

The least that a reverse proxy in Python can do: it reads a request whole, sends it on over a connection that it keeps,
and sends back what comes. It looks at nothing, and stores nothing.
"""

from __future__ import annotations

import asyncio
import sys

import httpx

HOST = "127.0.0.1"


class _Proxy:
    def __init__(self, upstream: int) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
        self._client = httpx.AsyncClient(base_url=f"http://{HOST}:{upstream}", limits=limits, trust_env=False)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *lines = head.decode("latin-1").split("\r\n")
                pairs = (one.partition(":") for one in lines if one)
                headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
                method, path, _ = line.split(" ")
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                sent = {"content-type": headers.get("content-type", "")}
                async with self._client.stream(method, path, content=body, headers=sent) as response:
                    content = await response.aread()
                writer.write(
                    b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                    % (response.status_code, len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _serve(port: int, upstream: int) -> None:
    server = await asyncio.start_server(_Proxy(upstream).converse, HOST, port, backlog=2_000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
