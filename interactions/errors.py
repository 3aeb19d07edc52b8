"""What can go wrong by the caller's doing. Every door turns these into its own form; none of them is ever a 500."""

from __future__ import annotations

from typing import Any


class RequestError(Exception):
    """A request that cannot be honoured.

    `message` is a sentence that says what to do, `field` the path of the offending value (`messages[1].content[0]`).
    """

    status = 400
    code = "bad_request"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def within(self, prefix: str) -> RequestError:
        """The same error, seen from a document that holds the refused value at `prefix`."""
        path = ".".join(part for part in (prefix, self.field) if part).replace(".[", "[")
        return type(self)(self.message, path)

    def document(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "field": self.field}


class Unauthorized(RequestError):
    status = 401
    code = "unauthorized"


class Forbidden(RequestError):
    status = 403
    code = "forbidden"


class NotFound(RequestError):
    status = 404
    code = "not_found"


class MethodNotAllowed(RequestError):
    status = 405
    code = "method_not_allowed"


class TimedOut(RequestError):
    status = 408
    code = "timed_out"


class Conflict(RequestError):
    status = 409
    code = "conflict"


class TooLarge(RequestError):
    status = 413
    code = "too_large"


class UnsupportedMedia(RequestError):
    status = 415
    code = "unsupported_media_type"


class TooMany(RequestError):
    """The key has used what it may use, for the next `retry_after` seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Invalid(RequestError):
    """The request was understood, and a value in it is refused."""

    status = 422
    code = "invalid"


class TooSlow(RequestError):
    """The request is in order, and its answer would take longer than it may. The same one would so again."""

    status = 422
    code = "too_slow"


class Fault(RequestError):
    """Not the caller's doing."""

    status = 500
    code = "internal"


class Unavailable(RequestError):
    """The store cannot commit now. Nothing was stored; the same request may be sent again."""

    status = 503
    code = "unavailable"
