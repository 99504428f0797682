"""Errors of this package. All derive from `Error`, so that a caller can catch everything that this package raises on purpose."""

from __future__ import annotations


class Error(Exception):
    """Base of all errors of this package."""


class Refused(Error):
    """The module or the job is invalid on every machine. Nothing was run. The text says what to change."""


class HostError(Error):
    """This machine failed. Another one, or the same one later, may succeed. There is no result."""


class TimedOut(HostError):
    """The run took longer than its timeout. There is no result."""


class Cancelled(HostError):
    """The run was cancelled. There is no result."""


class VerificationError(Error):
    """Data differs from its hash, or a signature is invalid."""


class Unreachable(Error):
    """The server cannot be reached, or closed the connection before it answered."""


class ProtocolError(Error):
    """The answer is not one of a bacalhau server of this API version, is larger than allowed, or ended early."""


class JobFailed(Error):
    """The job or shard ended without a result. The text has the reason."""


class ServerError(Error):
    """The server answered with an error."""

    status: int
    """HTTP status."""
    code: str
    """Code for programs, such as `not-found`; empty if the answer has none."""
    hint: str | None
    """What may help, if the server says it."""
    retry_after: float | None
    """Seconds after which to try again, if the server names them."""

    def __init__(
        self, message: str, *, status: int, code: str, hint: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.status = status
        self.code = code
        self.hint = hint
        self.retry_after = retry_after


class AccessDenied(ServerError):
    """The token or the signature does not allow the request."""


class NotFound(ServerError):
    """The job, shard, execution or path does not exist, or was deleted."""


class Conflict(ServerError):
    """The state of the job does not allow the request: it has ended, has no result yet, or the prefix is ambiguous."""


class Busy(ServerError):
    """Too many requests, or the server is not ready. Calls repeat such requests before they raise this."""


class ServerRefused(ServerError, Refused):
    """Every server would reject the request."""


_KINDS: dict[int, type[ServerError]] = {
    400: ServerRefused,
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    413: ServerRefused,
    415: ServerRefused,
    422: ServerRefused,
    429: Busy,
    503: Busy,
}


def server_error(message: str, *, status: int, code: str, hint: str | None, retry_after: float | None) -> ServerError:
    """The error of an answer with `status`."""
    kind = _KINDS.get(status, ServerError)
    return kind(message, status=status, code=code, hint=hint, retry_after=retry_after)
