"""Streams of a job that go on where they were after a broken connection: events, and logs of executions."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from ._http import Answer, is_broken
from .errors import Error, JobFailed, ProtocolError, Unreachable
from .shapes import Event

_TRIES = 5
_FIRST_PAUSE = 0.2

Open = Callable[[int], Answer]
"""Opens a stream after an event, or at a byte."""

_T = TypeVar("_T")


def events(open_after: Open, after: int, has_ended: Callable[[], bool]) -> Iterator[Event]:
    """Events after the one with the number `after`, until the job has ended."""
    tries = _Tries()
    while True:
        try:
            with open_after(after) as answer:
                for event in answer.lines():
                    number = _field(event, "number", int)
                    # A server that repeats itself would be followed for ever.
                    if number <= after:
                        raise ProtocolError(f"the server sent event {number} after event {after}")
                    after = number
                    tries.reset()
                    yield cast(Event, event)
            if has_ended():
                return
            # A stopping server ends its streams.
            raise Unreachable("the stream ended before the job")
        except Error as error:
            tries.again(error)


def log(open_at: Open, offset: int) -> Iterator[bytes]:
    """A log from the byte `offset` on, until the program has ended."""
    tries = _Tries()
    while True:
        try:
            with open_at(offset) as answer:
                for line in answer.lines():
                    problem = line.get("problem") if isinstance(line, dict) else None
                    if problem is not None:
                        raise JobFailed(f"the rest of the log is not available: {problem}")
                    part = _decoded(line)
                    offset = _field(line, "offset", int) + len(part)
                    tries.reset()
                    if part:
                        yield part
                    if line.get("ended") is True:
                        return
            raise Unreachable("the stream ended before the program")
        except Error as error:
            tries.again(error)


class _Tries:
    """Reconnections without progress in between."""

    def __init__(self) -> None:
        self._count = 0

    def reset(self) -> None:
        self._count = 0

    def again(self, error: Error) -> None:
        """Waits before the next one, or raises `error`."""
        if not is_broken(error) or self._count == _TRIES:
            raise error
        time.sleep(_FIRST_PAUSE * 2**self._count)
        self._count += 1


def _field(value: Any, name: str, kind: type[_T]) -> _T:
    found = value.get(name) if isinstance(value, dict) else None
    if type(found) is not kind:
        raise ProtocolError(f"the server sent a line without {name}")
    return found


def _decoded(line: Any) -> bytes:
    text = line.get("base64", "") if isinstance(line, dict) else None
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else _invalid()
    except binascii.Error:
        return _invalid()


def _invalid() -> bytes:
    raise ProtocolError("the server sent a line of a log that is not valid")
