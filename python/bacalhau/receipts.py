"""Receipts as dictionaries: read, compare, check signatures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from . import _native
from .shapes import Difference, Receipt


def parse_receipt(source: bytes | str | os.PathLike[str]) -> Receipt:
    """The receipt in bytes, or in the file at a path, as JSON or CBOR. Raises `VerificationError` if it is not one, or its job was
    changed after it was written."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    return cast(Receipt, _native.parse_receipt(data))


def check_signatures(receipt: Receipt) -> list[str]:
    """Peer IDs of all who signed a receipt. Raises `VerificationError` if a signature is invalid."""
    return _native.check_signatures(receipt)


def differences(receipt: Receipt, other: Receipt) -> list[Difference]:
    """Where the claims of two receipts differ: an empty list if they are equal."""
    return cast("list[Difference]", _native.differences(receipt, other))
