"""Spans as OTLP's binary protobuf, written by hand: a peer's package would have to be imported for it otherwise.

Field numbers: opentelemetry-proto 1.x, collector/trace/v1/trace_service.proto, trace/v1/trace.proto,
common/v1/common.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

CONTENT_TYPE = "application/x-protobuf"
_VARINT, _FIXED_64, _BYTES = 0, 1, 2
_INTERNAL, _OK = 1, 1


def export(spans: Iterable[bytes], resource: Mapping[str, Any]) -> bytes:
    """An ExportTraceServiceRequest."""
    scope = b"".join(_message(2, one) for one in spans)
    return _message(1, _message(1, _attributes(1, resource)) + _message(2, scope))


def span(trace_id: bytes, span_id: bytes, name: str, started: int, ended: int, attributes: Mapping[str, Any]) -> bytes:
    """A root span without a fault. Times in nanoseconds since 1970."""
    return b"".join(
        (
            _message(1, trace_id),
            _message(2, span_id),
            _message(5, name.encode()),
            _number(6, _INTERNAL),
            _fixed(7, started),
            _fixed(8, ended),
            _attributes(9, attributes),
            _message(15, _number(3, _OK)),
        )
    )


def _attributes(field: int, attributes: Mapping[str, Any]) -> bytes:
    return b"".join(
        _message(field, _message(1, name.encode()) + _message(2, _value(value))) for name, value in attributes.items()
    )


def _value(value: Any) -> bytes:
    """An AnyValue."""
    match value:
        case bool():
            return _number(2, int(value))
        case str():
            return _message(1, value.encode())
        case int():
            return _number(3, value)
        case list():
            return _message(5, b"".join(_message(1, _value(item)) for item in value))
        case dict():
            return _message(6, _attributes(1, value))
    raise TypeError(f"{type(value).__name__} is not written here")


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _fixed(field: int, value: int) -> bytes:
    return _varint(field << 3 | _FIXED_64) + struct.pack("<Q", value)


def _varint(value: int) -> bytes:
    """Of a number that is not negative."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
