"""python -m benchmarks.gateway.upstream PORT

A fake model's server: the same chat completion for everyone, at once. A body with `"stream":true` is answered with
events instead, `tokens` of them, one each `pause` seconds, where the last message says `tokens=20 pause=0.5`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

HOST = "127.0.0.1"
_SAID = "It left our warehouse this morning, and should be with you the day after tomorrow at the latest."
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_720_712_536,
        "model": "fake",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": _SAID}, "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60},
    }
).encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WISH = re.compile(rb"tokens=(\d+) pause=([\d.]+)")


def _event(content: str | None) -> bytes:
    choice = {
        "index": 0,
        "delta": {"content": content} if content else {},
        "finish_reason": None if content else "stop",
    }
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = _LENGTH.search(head)
            body = await reader.readexactly(int(found[1])) if found else b""
            if b'"stream":true' in body or b'"stream": true' in body:
                await _stream(writer, body)
                return
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                % (len(_ANSWER), _ANSWER)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, body: bytes) -> None:
    wish = _WISH.search(body)
    tokens, pause = (int(wish[1]), float(wish[2])) if wish else (20, 0.0)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for _ in range(tokens):
        writer.write(_event("word "))
        await writer.drain()
        await asyncio.sleep(pause)
    writer.write(_event(None) + b"data: [DONE]\n\n")
    await writer.drain()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_converse, HOST, port, backlog=2_000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
