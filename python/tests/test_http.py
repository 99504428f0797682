"""The client against servers that are not what they should be."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from fake import answer, hang_up, serving

import bacalhau
from bacalhau import _http

JOB = "a" * 32


def client(url: str, **more: float) -> bacalhau.Client:
    return bacalhau.Client(url, identity=bacalhau.Identity.ephemeral(), **{"timeout": 10.0, "patience": 0.0, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not-found", bacalhau.NotFound),
        (410, "gone", bacalhau.NotFound),
        (401, "no-token", bacalhau.AccessDenied),
        (403, "not-owner", bacalhau.AccessDenied),
        (409, "not-yet", bacalhau.Conflict),
        (422, "refused", bacalhau.Refused),
        (503, "busy", bacalhau.Busy),
        (500, "host-failure", bacalhau.ServerError),
    ],
)
def test_an_error_has_its_class_code_and_hint(status: int, code: str, kind: type[bacalhau.Error]) -> None:
    body = json.dumps({"code": code, "message": "it is so", "hint": "do that"}).encode()
    with serving(lambda handler: answer(handler, status, body)) as url:
        with pytest.raises(kind, match=r"^it is so \(do that\)$") as raised:
            client(url).job(JOB)
    assert isinstance(raised.value, bacalhau.ServerError)
    assert (raised.value.status, raised.value.code, raised.value.hint) == (status, code, "do that")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": 5}', b"\xff", b"x" * 100_000])
def test_an_error_without_a_usable_body_has_its_status(body: bytes) -> None:
    with serving(lambda handler: answer(handler, 500, body)) as url:
        with pytest.raises(bacalhau.ServerError, match="answered 500"):
            client(url).job(JOB)


def test_another_server_is_not_taken_for_one_of_ours() -> None:
    said = {"api": ""}
    with serving(lambda handler: answer(handler, 200, b"{}", {"bacalhau-api": said["api"]})) as url:
        with pytest.raises(bacalhau.ProtocolError, match="is not a bacalhau server"):
            client(url).node()
        said["api"] = "2"
        with pytest.raises(bacalhau.ProtocolError, match="version '2' of the API"):
            client(url).node()
    with serving(lambda handler: answer(handler, 301, b"", {"location": "http://127.0.0.1:1/"})) as url:
        with pytest.raises(bacalhau.ServerError, match="answered 301"):
            client(url).node()
    with serving(lambda handler: answer(handler, 200, gzip.compress(b"{}"), {"content-encoding": "gzip"})) as url:
        with pytest.raises(bacalhau.ProtocolError, match="encoded its answer"):
            client(url).node()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b"\xff", b"1" * 10_000, b"5", b"[]", b'{"job": 5}', b'{"job": {"id": "x"}}']
)
def test_an_answer_that_is_not_valid_is_a_protocol_error(body: bytes) -> None:
    with serving(lambda handler: answer(handler, 200, body)) as url:
        with pytest.raises(bacalhau.ProtocolError):
            client(url).cancel("prefix")


def test_an_answer_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_MAX_ANSWER_BYTES", 1000)
    with serving(lambda handler: answer(handler, 200, b" " * 1001)) as url:
        with pytest.raises(bacalhau.ProtocolError, match="larger than 1000 bytes"):
            client(url).node()
    with serving(lambda handler: answer(handler, 200, b"{}" + b" " * 998)) as url:
        assert not client(url).node()


def test_a_line_of_a_stream_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "_MAX_LINE_BYTES", 1000)
    with serving(lambda handler: answer(handler, 200, b" " * 2000 + b"\n")) as url:
        with pytest.raises(bacalhau.ProtocolError, match="longer than 1000 bytes"):
            list(client(url).follow(JOB))


def test_a_server_that_sends_a_byte_now_and_then_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        answer(handler, 200, b"", length=1 << 20)
        while not over.wait(0.01):
            handler.wfile.write(b" ")

    with serving(trickle) as url:
        with pytest.raises(bacalhau.Unreachable, match="too slowly"):
            client(url, timeout=0.5).node()
        over.set()


def test_a_silent_server_is_given_up() -> None:
    over = threading.Event()

    def say(_: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    with serving(say) as url:
        with pytest.raises(bacalhau.Unreachable, match="did not answer within 0.2 s"):
            client(url, timeout=0.2).node()
        over.set()


def test_an_answer_that_ends_early_is_not_taken() -> None:
    with serving(lambda handler: answer(handler, 200, b'{"peer": ""}', length=100)) as url:
        with pytest.raises(bacalhau.Unreachable, match="ended early"):
            client(url).node()


def test_a_busy_server_and_a_closed_connection_are_tried_again() -> None:
    asked: list[str] = []

    def say(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        if len(asked) == 1:
            answer(handler, 503, b"{}", {"retry-after": "0"})
        elif len(asked) == 2:
            hang_up(handler)
        else:
            answer(handler, 200, b'{"peer": "x"}')

    with serving(say) as url:
        assert client(url, patience=30.0).node()["peer"] == "x"
        assert len(asked) == 3
        with serving(lambda handler: answer(handler, 503, b"{}", {"retry-after": "1000"})) as busy:
            began = time.monotonic()
            with pytest.raises(bacalhau.Busy):
                client(busy, patience=30.0).node()
            assert time.monotonic() - began < 30, "a pause that is longer than the patience is not begun"


def test_nobody_at_the_address_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(bacalhau.Unreachable, match="is `bacalhau serve` running there"):
        client(url).node()


@pytest.mark.parametrize("url", ["", "ftp://host", "http://", "http://host:99999", "http://user@host", "http://host/path"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write http://HOST:PORT"):
        client(url)


def test_a_token_goes_in_its_header_and_cannot_smuggle_others() -> None:
    seen: list[str | None] = []

    def say(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("bacalhau-token"))
        answer(handler, 200, b"{}")

    with serving(say) as url:
        bacalhau.Client(url, identity=bacalhau.Identity.ephemeral(), token="0123456789abcdef").node()
    assert seen == ["0123456789abcdef"]
    with pytest.raises(ValueError, match="characters that no token has"):
        bacalhau.Client(url, identity=bacalhau.Identity.ephemeral(), token="a\r\nhost: b")


def test_events_go_on_after_a_broken_connection_and_never_back() -> None:
    def event(number: int) -> bytes:
        return json.dumps({"number": number, "job": JOB, "at_ms": 0, "kind": "bid", "text": ""}).encode() + b"\n"

    asked: list[str] = []

    def say(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/api/v1/jobs?"):
            answer(handler, 200, json.dumps({"jobs": [{"id": JOB, "state": "Completed"}], "next": None}).encode())
            return
        asked.append(handler.path.partition("after=")[2].partition("&")[0])
        if asked == ["0"]:
            answer(handler, 200, event(1) + b"\n" + event(2)[:10], length=1000)
        else:
            answer(handler, 200, event(2))

    with serving(say) as url:
        assert [found["number"] for found in client(url).follow(JOB)] == [1, 2]
        assert asked == ["0", "1"]
    with serving(lambda handler: answer(handler, 200, event(1) + event(1))) as url:
        with pytest.raises(bacalhau.ProtocolError, match="event 1 after event 1"):
            list(client(url).follow(JOB))


def test_pages_that_never_end_are_not_followed() -> None:
    with serving(lambda handler: answer(handler, 200, b'{"jobs": [], "next": "1-a"}')) as url:
        with pytest.raises(bacalhau.ProtocolError, match="valid next place"):
            list(client(url).jobs())


@pytest.mark.parametrize("line", [b"5", b"{}", b'{"offset": 0, "base64": 5}', b'{"offset": 0, "base64": "*"}'])
def test_a_log_that_is_not_valid_is_a_protocol_error(line: bytes) -> None:
    with serving(lambda handler: answer(handler, 200, line + b"\n")) as url:
        with pytest.raises(bacalhau.ProtocolError):
            list(client(url).follow_logs(JOB))


def test_a_log_that_has_no_rest_says_why() -> None:
    line = b'{"offset": 0, "problem": "the job has ended"}\n'
    with serving(lambda handler: answer(handler, 200, line)) as url:
        with pytest.raises(bacalhau.JobFailed, match="the job has ended"):
            list(client(url).follow_logs(JOB))


def test_tls_is_by_a_trusted_certificate_only(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so there is no certificate")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    line = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext"
    names = ["subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*line.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            for _ in range(2):
                plain, _ = listener.accept()
                try:
                    with context.wrap_socket(plain, server_side=True) as secure:
                        secure.recv(65536)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nbacalhau-api: 1\r\ncontent-length: 13\r\n\r\n" + b'{"peer": "x"}')
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://localhost:{port}"
        with pytest.raises(bacalhau.VerificationError, match="certificate.*ca_file"):
            client(url).node()
        trusting = bacalhau.Client(url, identity=bacalhau.Identity.ephemeral(), ca_file=cert, patience=0)
        assert trusting.node()["peer"] == "x"
        thread.join(30)
