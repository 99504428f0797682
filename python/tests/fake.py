"""Servers that do what a test says: canned answers, and a proxy in front of a real server that changes what passes."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Say = Callable[[BaseHTTPRequestHandler], None]


def answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> None:
    """Sends an answer with the header of a bacalhau server. An empty value removes a header."""
    handler.send_response(status)
    for name, value in {"bacalhau-api": "1", **(headers or {})}.items():
        if value:
            handler.send_header(name, value)
    handler.send_header("content-length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(say: Say) -> Iterator[str]:
    """A server that answers each request by `say`; its URL."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do(self) -> None:
            # A client that has seen enough closes the connection.
            try:
                say(self)
            except (BrokenPipeError, ConnectionResetError):
                pass

        do_GET = do_POST = do_DELETE = do

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes the connection without a further word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def changing(url: str, change: Callable[[str, bytes, dict[str, str]], bytes]) -> Say:
    """What a proxy in front of `url` says: `change` is given path, body and headers of each answer."""
    at = urlsplit(url)

    def say(handler: BaseHTTPRequestHandler) -> None:
        assert at.hostname is not None
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
        kept = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        connection.request("GET", handler.path, headers=kept)
        response = connection.getresponse()
        headers = {
            name: value
            for name, value in response.getheaders()
            if name.lower() in ("content-type", "bacalhau-api", "bacalhau-h1")
        }
        body = change(handler.path, response.read(), headers)
        answer(handler, response.status, body, {"bacalhau-api": "", **headers})
        connection.close()

    return say
