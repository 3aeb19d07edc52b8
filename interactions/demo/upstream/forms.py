"""How each API writes an answer: as a body, or as the events of a stream.

Source: https://platform.openai.com/docs/api-reference (chat, completions, embeddings, responses).
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from interactions.demo.upstream.answers import DIMENSIONS, MODELS, Answer, vector, words

CREATED = 1_720_712_536


class Piece(NamedTuple):
    """Bytes that are sent, and what of the answer's text is in them."""

    data: bytes
    text: str = ""


def event(value: Any, name: str = "") -> bytes:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {written}\n\n".encode()


DONE = Piece(event("[DONE]"))


def models() -> dict[str, Any]:
    entries = [{"id": name, "object": "model", "created": CREATED, "owned_by": "demo"} for name in MODELS]
    return {"object": "list", "data": entries}


# Chat completions


def chat(request: dict[str, Any], uid: str, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": answer.text if not answer.calls else None,
        "refusal": None,
    }
    if answer.reasoning:
        message["reasoning_content"] = "".join(answer.reasoning)
    choices = []
    for index in range(_n(request)):
        said = message | _called(request, uid, answer)
        logprobs = _logprobs(answer.pieces) if request.get("logprobs") else None
        choices.append(_choice(index, "message", said, logprobs, _finish(request, answer)))
    return _head(request, uid, "chat.completion") | {"choices": choices, "usage": usage(answer, _n(request))}


def chat_chunks(request: dict[str, Any], uid: str, answer: Answer) -> Iterator[Piece]:
    head = _head(request, uid, "chat.completion.chunk")

    def chunks(delta: dict[str, Any], text: str = "", finish: str | None = None) -> Iterator[Piece]:
        for index in range(_n(request)):
            logprobs = _logprobs([text]) if text and request.get("logprobs") else None
            choice = _choice(index, "delta", delta, logprobs, finish)
            yield Piece(event(head | {"choices": [choice]}), text if index == 0 else "")

    yield from chunks({"role": "assistant", "content": None if answer.calls else ""})
    for piece in answer.reasoning:
        yield from chunks({"reasoning_content": piece})
    for delta in _call_deltas(request, uid, answer):
        yield from chunks(delta)
    for piece in answer.pieces:
        yield from chunks({"content": piece}, piece)
    yield from chunks({}, finish=_finish(request, answer))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield Piece(event(head | {"choices": [], "usage": usage(answer, _n(request))}))
    yield DONE


def _called(request: dict[str, Any], uid: str, answer: Answer) -> dict[str, Any]:
    functions = [{"name": call.name, "arguments": call.arguments} for call in answer.calls]
    if functions and "functions" in request:
        return {"function_call": functions[0]}
    calls = [{"id": f"call_{uid[-8:]}_{n}", "type": "function", "function": one} for n, one in enumerate(functions)]
    return {"tool_calls": calls} if calls else {}


def _call_deltas(request: dict[str, Any], uid: str, answer: Answer) -> Iterator[dict[str, Any]]:
    """The names first, then the arguments of all calls word by word."""
    whole = _called(request, uid, answer)
    if "function_call" in whole:
        yield {"function_call": whole["function_call"] | {"arguments": ""}}
        for piece in words(whole["function_call"]["arguments"]):
            yield {"function_call": {"arguments": piece}}
    for index, call in enumerate(whole.get("tool_calls", [])):
        yield {"tool_calls": [{"index": index} | call | {"function": call["function"] | {"arguments": ""}}]}
    for index, call in enumerate(whole.get("tool_calls", [])):
        for piece in words(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _finish(request: dict[str, Any], answer: Answer) -> str:
    return "function_call" if answer.calls and "functions" in request else answer.finish


def _choice(index: int, name: str, said: dict[str, Any], logprobs: Any, finish: str | None) -> dict[str, Any]:
    return {"index": index, name: said, "logprobs": logprobs, "finish_reason": finish}


def _logprobs(pieces: list[str]) -> dict[str, Any]:
    def one(piece: str) -> dict[str, Any]:
        return {"token": piece, "logprob": -0.125, "bytes": [*piece.encode()]}

    return {"content": [one(piece) | {"top_logprobs": [one(piece)]} for piece in pieces], "refusal": None}


# Older completions


def completion(request: dict[str, Any], uid: str, answer: Answer) -> dict[str, Any]:
    choices = [_text_choice(index, answer.text, answer.finish) for index in range(_n(request))]
    return _head(request, uid, "text_completion") | {"choices": choices, "usage": usage(answer, _n(request))}


def completion_chunks(request: dict[str, Any], uid: str, answer: Answer) -> Iterator[Piece]:
    head = _head(request, uid, "text_completion")
    for piece in answer.pieces:
        yield Piece(event(head | {"choices": [_text_choice(0, piece, None)]}), piece)
    yield Piece(event(head | {"choices": [_text_choice(0, "", answer.finish)]}))
    yield DONE


def _text_choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


# Embeddings


def embeddings(request: dict[str, Any]) -> dict[str, Any]:
    given = request.get("input")
    is_one = isinstance(given, str) or (isinstance(given, list) and all(isinstance(item, int) for item in given))
    texts = [one if isinstance(one, str) else json.dumps(one) for one in ([given] if is_one else given or [])]
    dimensions = request.get("dimensions") or DIMENSIONS
    is_base64 = str(request.get("encoding_format", "float")).lower() == "base64"
    data = []
    for index, text in enumerate(texts):
        packed = vector(text, dimensions)
        value: Any = base64.b64encode(packed).decode() if is_base64 else struct.unpack(f"<{dimensions}f", packed)
        data.append({"object": "embedding", "index": index, "embedding": value})
    tokens = sum(len(words(text)) for text in texts)
    counts = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": request.get("model"), "usage": counts}


# Responses


def response(request: dict[str, Any], uid: str, answer: Answer) -> dict[str, Any]:
    return _response(
        request, uid, answer, "incomplete" if answer.finish == "length" else "completed", _items(uid, answer)
    )


def response_events(request: dict[str, Any], uid: str, answer: Answer) -> Iterator[Piece]:
    number = 0

    def told(kind: str, said: str = "", /, **fields: Any) -> Piece:
        nonlocal number
        number += 1
        return Piece(event({"type": kind, "sequence_number": number - 1} | fields, kind), said)

    opening = _response(request, uid, answer, "in_progress", []) | {"usage": None}
    yield told("response.created", response=opening)
    yield told("response.in_progress", response=opening)
    for index, item in enumerate(_items(uid, answer)):
        at = {"output_index": index, "item_id": item["id"]}
        empty: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
        if item["type"] == "reasoning":
            empty = {"summary": []}
        yield told("response.output_item.added", output_index=index, item=item | empty)
        if item["type"] == "message":
            within = at | {"content_index": 0}
            part = item["content"][0]
            yield told("response.content_part.added", part=part | {"text": ""}, **within)
            for piece in answer.pieces:
                yield told("response.output_text.delta", piece, delta=piece, logprobs=[], **within)
            yield told("response.output_text.done", **within | {"logprobs": [], "text": answer.text})
            yield told("response.content_part.done", part=part, **within)
        elif item["type"] == "function_call":
            for piece in words(item["arguments"]):
                yield told("response.function_call_arguments.delta", delta=piece, **at)
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield told("response.function_call_arguments.done", **done, **at)
        else:
            within = at | {"summary_index": 0}
            for piece in answer.reasoning:
                yield told("response.reasoning_summary_text.delta", delta=piece, **within)
        yield told("response.output_item.done", output_index=index, item=item)
    whole = response(request, uid, answer)
    yield told(f"response.{whole['status']}", response=whole)


def _items(uid: str, answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.reasoning:
        summary = [{"type": "summary_text", "text": "".join(answer.reasoning)}]
        items.append({"type": "reasoning", "id": f"rs_{uid}", "summary": summary})
    for number, call in enumerate(answer.calls):
        named = {"id": f"fc_{uid}_{number}", "call_id": f"call_{uid[-8:]}_{number}", "name": call.name}
        items.append({"type": "function_call", "status": "completed", "arguments": call.arguments} | named)
    if not answer.calls:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        message = {"type": "message", "id": f"msg_{uid}", "role": "assistant", "status": "completed"}
        items.append(message | {"content": [part]})
    return items


def _response(
    request: dict[str, Any], uid: str, answer: Answer, status: str, items: list[dict[str, Any]]
) -> dict[str, Any]:
    counts = {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.tokens,
        "output_tokens_details": {"reasoning_tokens": len(answer.reasoning)},
        "total_tokens": answer.prompt_tokens + answer.tokens,
    }
    settings = {name: request.get(name) for name in ("instructions", "metadata", "temperature", "top_p")}
    return settings | {
        "id": f"resp_{uid}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": request.get("model"),
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "usage": counts,
    }


def usage(answer: Answer, n: int) -> dict[str, Any]:
    completion_tokens = answer.tokens * n
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": answer.prompt_tokens + completion_tokens,
        "completion_tokens_details": {"reasoning_tokens": len(answer.reasoning) * n},
    }


def _head(request: dict[str, Any], uid: str, kind: str) -> dict[str, Any]:
    return {"id": f"{kind.split('.')[0]}-{uid}", "object": kind, "created": CREATED, "model": request.get("model")}


def _n(request: dict[str, Any]) -> int:
    n = request.get("n")
    return n if isinstance(n, int) and 1 <= n <= 128 else 1
