"""Hashes and names of content: `h1:` of a directory, and the CID of bytes. Only hashlib, so that results are checked by other
code than made them."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from .errors import VerificationError

RESULTS = "results"
"""Prefix under which results directories are hashed."""

_CHUNK = 1 << 20
_MAX_DEPTH = 256
_RAW_CID = bytes([0x01, 0x55, 0x12, 0x20])


class FileHash(TypedDict):
    """A file of a directory, as in the claim of a receipt."""

    name: str
    """Path below the directory, with `/`."""
    bytes: int
    """Length in bytes."""
    sha256: str
    """SHA-256 of the content in hexadecimal."""


def dirhash(directory: str | os.PathLike[str], prefix: str = RESULTS) -> str:
    """The `h1:` hash of a directory, as `HashDir` of Go's `sumdb/dirhash` computes it.

    Raises `VerificationError` for what has no such hash: links, special files, names with a newline or that are not UTF-8."""
    return h1_of(hash_files(directory), prefix)


def hash_files(directory: str | os.PathLike[str]) -> list[FileHash]:
    """All files below a directory with length and SHA-256, in the order in which they are hashed."""
    root = os.fspath(directory)
    if not stat.S_ISDIR(os.lstat(root).st_mode):
        raise VerificationError(f"{root} is not a directory")
    found: list[FileHash] = []
    pending = [("", 0)]
    while pending:
        below, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise VerificationError(f"{below} in {root} is nested deeper than {_MAX_DEPTH} directories")
        with os.scandir(os.path.join(root, below)) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((name, depth + 1))
                elif entry.is_file(follow_symlinks=False):
                    found.append(_hash_file(entry.path, name))
                else:
                    raise VerificationError(f"{entry.path} is a link or a special file, which results do not have")
    found.sort(key=lambda file: _encoded(file["name"]))
    return found


def h1_of(files: Iterable[FileHash], prefix: str = RESULTS) -> str:
    """The `h1:` hash of files that are hashed already."""
    lines = sorted((_encoded(f"{prefix}/{file['name']}"), file["sha256"]) for file in files)
    digest = hashlib.sha256()
    for name, sha256 in lines:
        if b"\n" in name:
            raise VerificationError(f"the name {name!r} contains a newline, so the directory has no hash")
        digest.update(sha256.encode() + b"  " + name + b"\n")
    return "h1:" + base64.b64encode(digest.digest()).decode()


def cid(content: bytes | os.PathLike[str]) -> str:
    """The CID of bytes, or of a file, as one raw block: the name of a module in a job."""
    if isinstance(content, bytes):
        digest = hashlib.sha256(content)
    else:
        digest = hashlib.sha256()
        with open(content, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return "b" + base64.b32encode(_RAW_CID + digest.digest()).decode().lower().rstrip("=")


def check_directory(directory: str | os.PathLike[str], expected: str) -> list[FileHash]:
    """The files of a results directory, whose hash must be `expected`."""
    files = hash_files(directory)
    found = h1_of(files)
    if found != expected:
        raise VerificationError(f"the results in {Path(directory)} have the hash {found}, and {expected} is expected")
    return files


def _encoded(name: str) -> bytes:
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise VerificationError(f"the name {name!r} is not UTF-8") from None


def _hash_file(path: str, name: str) -> FileHash:
    digest = hashlib.sha256()
    length = 0
    # Not followed, not waited for: it may have been replaced by a link or a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
    return {"name": name, "bytes": length, "sha256": digest.hexdigest()}
