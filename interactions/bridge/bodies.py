"""Request bodies, unpacked within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO

import zstandard
from django.conf import settings
from django.http import HttpRequest

from interactions.bridge.threads import in_thread
from interactions.errors import RequestError, TooLarge, UnsupportedMedia

# Below this a body is parsed where it arrives; changing the thread would cost more.
SMALL_BODY = 64 * 1024


async def body(request: HttpRequest) -> bytes:
    """The request's body, unpacked. Refuses, in a sentence, what is no JSON, packed unknown or too large unpacked."""
    raw, unpack = _checked(request)
    return raw if unpack is bytes else await in_thread(unpack, raw)


def read_body(request: HttpRequest) -> bytes:
    """The same, for who is in a thread already."""
    raw, unpack = _checked(request)
    return unpack(raw)


def _checked(request: HttpRequest) -> tuple[bytes, Callable[[bytes], bytes]]:
    raw = request.body
    if not raw:
        raise RequestError("The request has no body. Send a JSON object.")
    kind = request.content_type or ""
    if kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(
            f"Send JSON with the header “Content-Type: application/json”, not “{kind[:100] or 'none'}”."
        )
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    unpack = _CODINGS.get(coding)
    if unpack is None:
        raise UnsupportedMedia(f"The Content-Encoding “{coding[:100]}” is not known. Use gzip, zstd, or none.")
    return raw, unpack


def forget_body(request: HttpRequest) -> None:
    """It has been read: while what it says is written, its bytes need not be kept as well."""
    request._body = b""
    request._stream = BytesIO()


def _gunzip(raw: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(raw, settings.MAX_REQUEST_BYTES + 1)
    except zlib.error:
        raise RequestError("The body is not valid gzip.") from None
    if len(plain) > settings.MAX_REQUEST_BYTES:
        raise too_large()
    if not unpacker.eof:
        raise RequestError("The gzip body is cut short. Send it whole.")
    if unpacker.unused_data:
        raise RequestError("Something follows the gzip body. Send it as one gzip member.")
    return plain


def _unzstd(raw: bytes) -> bytes:
    try:
        with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(raw, read_across_frames=True) as reader:
            plain = reader.read(settings.MAX_REQUEST_BYTES + 1)
    except zstandard.ZstdError:
        raise RequestError("The body is not valid zstd.") from None
    if len(plain) > settings.MAX_REQUEST_BYTES:
        raise too_large()
    if not plain:
        raise RequestError("The zstd body is cut short, or empty. Send it whole.")
    return bytes(plain)


_CODINGS: dict[str, Callable[[bytes], bytes]] = {"gzip": _gunzip, "zstd": _unzstd, "identity": bytes, "": bytes}


def too_large(most: int | None = None) -> TooLarge:
    limit = (most or settings.MAX_REQUEST_BYTES) // 1024 // 1024
    return TooLarge(f"The request has more than {limit} MB. Send less at a time.")
