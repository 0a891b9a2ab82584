"""What goes wrong, by what one can do about it. Every error of the server keeps its stable code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SamovarError(Exception):
    """Anything that this package raises on its own account."""


class ConnectionFailed(SamovarError):
    """No server answers, or the connection broke before the answer."""


class TimedOut(SamovarError):
    """The time that was given is over."""


class UnexpectedAnswer(SamovarError):
    """What came back is not what a Samovar server of this version says."""


class ApiError(SamovarError):
    """The server said no."""

    status: int
    """The HTTP status."""
    code: str
    """For programs; it does not change from one version to the next."""
    detail: str
    """For people."""
    cure: str | None
    """What to do about it."""
    retry_after_s: float | None
    """When to ask again, in seconds."""

    def __init__(
        self, status: int, code: str, detail: str, *, cure: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{code} ({status}): {detail}" + (f"; {cure}" if cure else ""))
        self.status, self.code, self.detail = status, code, detail
        self.cure, self.retry_after_s = cure, retry_after_s


class InvalidRequest(ApiError):
    """The request cannot be done as it is (400, 413, 415, 422 and the like)."""


class NotAllowed(ApiError):
    """No key, a wrong one, or one that may not do this (401, 403)."""


class NotFound(ApiError):
    """There is no such thing (404)."""


class Conflict(ApiError):
    """What is asked for does not go with the state that things are in (409)."""


class Overloaded(ApiError):
    """Too much at once (429)."""


class Unavailable(ApiError):
    """Not now (503); `retry_after_s` says when."""


class ServerFault(ApiError):
    """The server failed at it (other 5xx)."""


class StreamClosed(SamovarError):
    """A live stream came to an end that nobody here asked for."""

    close_code: int
    """The WebSocket's close code."""
    reason: str
    """What the server said."""
    code: str | None
    """The code of the error that it told last, where it told one."""

    def __init__(self, close_code: int, reason: str, code: str | None = None) -> None:
        super().__init__(f"the stream was closed with {close_code}: {reason or 'no reason was given'}")
        self.close_code, self.reason, self.code = close_code, reason, code


class JobEnded(SamovarError):
    """A job ended without a result."""

    state: str
    """`failed` or `cancelled`."""
    code: str
    """The code of what it failed with."""

    def __init__(self, job_id: str, state: str, code: str, detail: str) -> None:
        super().__init__(f"job {job_id} {state}: {code}: {detail}")
        self.state, self.code = state, code


def api_error(status: int, body: Any, retry_after_s: float | None) -> ApiError:
    """The error of an answer: problem details, OpenAI's form, or the one word of the Open Inference Protocol."""
    code, detail, cure = _words(body)
    kind = _BY_STATUS.get(status) or (ServerFault if status >= 500 else InvalidRequest)
    return kind(status, code or f"http_{status}", detail, cure=cure, retry_after_s=retry_after_s)


_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict, 429: Overloaded, 503: Unavailable,
}  # fmt: skip


def _words(body: Any) -> tuple[str | None, str, str | None]:
    if not isinstance(body, Mapping):
        return None, "the server gave no reason", None
    error = body.get("error", body)
    if isinstance(error, str):
        return None, error, None
    if not isinstance(error, Mapping):
        return None, "the server gave no reason", None
    detail = error.get("detail") or error.get("message") or "the server gave no reason"
    return error.get("code") or error.get("type"), str(detail), error.get("cure")
