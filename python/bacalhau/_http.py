"""Requests to a server: one connection each, with timeouts, and bounds on all that the server sends."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from .errors import Busy, Error, ProtocolError, Unreachable, VerificationError, server_error

PREFIX = "/api/v1"
"""Path prefix of the API."""

_API_VERSION = "1"
_DEFAULT_PORT = 1234
_CONNECT_SECONDS = 10.0
_MAX_ANSWER_BYTES = 256 << 20
_MAX_ERROR_BYTES = 64 << 10
_MAX_LINE_BYTES = 16 << 20
_CHUNK = 64 << 10
_MIN_BYTES_PER_SECOND = 16 << 10
_MOST_BROKEN = 4
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0

Body = Callable[[], "tuple[IO[bytes] | bytes, int]"]
"""Opens the body of a request for each attempt, and returns it with its length in bytes."""


class _Broken(Unreachable):
    """The connection closed, so the request may be repeated."""


@dataclass(frozen=True)
class Request:
    """A request. `headers` is called for each attempt, because signed headers contain a time."""

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Callable[[], Mapping[str, str]] = dict
    body: Body | None = None


class Transport:
    """Sends requests to the server at `url`, such as `http://127.0.0.1:1234`."""

    def __init__(self, url: str, *, token: str | None, ca_file: str | None, timeout: float, patience: float) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise ValueError(f"{url!r} is not the address of a server: write http://HOST:PORT")
        if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError(f"{url!r} has more than scheme, host and port: write http://HOST:PORT")
        has_scheme = "://" in url
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = port or (443 if self._is_tls else 80 if has_scheme else _DEFAULT_PORT)
        self._context = ssl.create_default_context(cafile=ca_file) if self._is_tls else None
        if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("the token contains characters that no token has")
        self._token = token
        self._timeout = timeout
        self._patience = patience

    def json(self, request: Request) -> Any:
        """The JSON of the answer."""
        with self.send(request) as answer:
            return _parsed(answer.read(_MAX_ANSWER_BYTES), self.url)

    def send(self, request: Request) -> Answer:
        """The successful answer. Repeats requests that a busy server rejects, for at most `patience` seconds, and a few times
        after a closed connection. Every request is idempotent."""
        deadline = time.monotonic() + self._patience
        broken = 0
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._once(request)
            except Busy as error:
                least = error.retry_after or 0.0
                if time.monotonic() + least > deadline:
                    raise
            except _Broken:
                broken += 1
                least = 0.0
                if broken > _MOST_BROKEN or time.monotonic() > deadline:
                    raise
            time.sleep(max(0.0, min(least + pause * random.uniform(0.5, 1.0), deadline - time.monotonic())))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=_CONNECT_SECONDS, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_SECONDS)

    def _once(self, request: Request) -> Answer:
        connection = self._connect()
        try:
            self._open(connection)
            answer = Answer(self.url, connection, self._ask(connection, request), self._timeout)
            answer.check()
            return answer
        except BaseException:
            connection.close()
            raise

    def _open(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise VerificationError(
                f"the certificate of the server at {self.url} is not accepted: {error.verify_message}; use a host name of "
                "the certificate, and give the file of a private CA as ca_file"
            ) from error
        except ssl.SSLError as error:
            raise Unreachable(
                f"no TLS connection to the server at {self.url}: {error}; use http:// if the server has no TLS"
            ) from error
        except OSError as error:
            raise Unreachable(f"cannot reach the server at {self.url}: {error}; is `bacalhau serve` running there?") from error
        connection.sock.settimeout(self._timeout)

    def _ask(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        query = {name: _text(value) for name, value in request.query.items() if value is not None}
        target = request.path + (f"?{urlencode(query)}" if query else "")
        headers = {"accept-encoding": "identity", **request.headers()}
        if self._token is not None:
            headers["bacalhau-token"] = self._token
        body: IO[bytes] | bytes | None = None
        if request.body is not None:
            body, length = request.body()
            headers["content-length"] = str(length)
        try:
            try:
                connection.request(request.method, target, body=body, headers=headers)
            except (BrokenPipeError, ConnectionResetError):
                # A server that rejects a long body answers before it has read all of it.
                if body is None:
                    raise
            return connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError) as error:
            raise _Broken(f"the server at {self.url} closed the connection without an answer: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"the server at {self.url} did not answer within {self._timeout:g} s") from error
        except http.client.HTTPException as error:
            raise ProtocolError(f"{self.url} is not a bacalhau server: {error!r}") from error
        except OSError as error:
            raise Unreachable(f"the connection to the server at {self.url} failed: {error}") from error
        finally:
            if body is not None and not isinstance(body, bytes):
                body.close()


class Answer:
    """An answer whose head has arrived. Close it, or use it in a `with` statement."""

    def __init__(
        self, url: str, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, timeout: float
    ) -> None:
        self._url = url
        self._connection = connection
        self._response = response
        self._timeout = timeout

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._response.close()
        self._connection.close()

    def check(self) -> None:
        """Raises the error of an answer that is not successful, or not one of a bacalhau server."""
        version = self._response.getheader("bacalhau-api")
        if version is None:
            raise ProtocolError(
                f"{self._url} is not a bacalhau server: its answer {self._response.status} has no header bacalhau-api"
            )
        if version != _API_VERSION:
            raise ProtocolError(
                f"the server at {self._url} has version {version[:20]!r} of the API, and this package has {_API_VERSION}: "
                "use the package of the server's version"
            )
        if self._response.getheader("content-encoding") is not None:
            raise ProtocolError(f"the server at {self._url} encoded its answer, which was not asked for")
        if not 200 <= self._response.status < 300:
            raise self._error()

    def header(self, name: str) -> str | None:
        """The value of a header."""
        return self._response.getheader(name)

    def read(self, most: int) -> bytes:
        """The body of at most `most` bytes."""
        parts = list(self.chunks(most))
        return b"".join(parts)

    def chunks(self, most: int) -> Iterator[bytes]:
        """The parts of a body of at most `most` bytes, which must arrive at a minimum speed."""
        begun = time.monotonic()
        length = 0
        while chunk := self._guard(lambda: self._response.read1(_CHUNK)):
            length += len(chunk)
            if length > most:
                raise ProtocolError(f"the answer of the server at {self._url} is larger than {most} bytes")
            if time.monotonic() - begun > self._timeout + length / _MIN_BYTES_PER_SECOND:
                raise Unreachable(f"the answer of the server at {self._url} arrives too slowly")
            yield chunk
        # Of a length that was announced, `read1` does not report a part that is missing.
        if self._response.length:
            raise _Broken(f"the answer of the server at {self._url} ended early")

    def lines(self) -> Iterator[Any]:
        """The values of a stream of JSON, one a line. Empty lines are keep-alives."""
        while line := self._guard(lambda: self._response.readline(_MAX_LINE_BYTES + 1)):
            if len(line) > _MAX_LINE_BYTES:
                raise ProtocolError(f"a line of the server at {self._url} is longer than {_MAX_LINE_BYTES} bytes")
            if not line.endswith(b"\n"):
                raise _Broken(f"the stream of the server at {self._url} ended within a line")
            if line != b"\n":
                yield _parsed(line, self._url)

    def _guard(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except TimeoutError as error:
            raise Unreachable(f"the server at {self._url} sent nothing for {self._timeout:g} s") from error
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _Broken(f"the answer of the server at {self._url} ended early: {error!r}") from error

    def _error(self) -> Error:
        status = self._response.status
        after = self._response.getheader("retry-after") or ""
        body: dict[str, Any] = {}
        # Without a usable body, the status is enough.
        with contextlib.suppress(ProtocolError, Unreachable):
            body = _object(_parsed(self.read(_MAX_ERROR_BYTES), self._url))
        message, code, hint = (body.get(key) for key in ("message", "code", "hint"))
        return server_error(
            message if isinstance(message, str) else f"the server at {self._url} answered {status}",
            status=status,
            code=code if isinstance(code, str) else "",
            hint=hint if isinstance(hint, str) else None,
            retry_after=float(after) if after.isascii() and after.isdecimal() and len(after) < 6 else None,
        )


def is_broken(error: Error) -> bool:
    """Whether to connect again after this error in the middle of a stream."""
    return isinstance(error, Unreachable)


def _parsed(text: bytes, url: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the server at {url} sent invalid JSON: {str(error)[:200]}") from error


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
