"""Runs WebAssembly programs in a deterministic sandbox: in this process (`Runtime`), or on the nodes of a server (`Client`).
Results are checked by their hash."""

from ._native import Module
from .client import Client, Fetched
from .errors import (
    AccessDenied,
    Busy,
    Cancelled,
    Conflict,
    Error,
    HostError,
    JobFailed,
    NotFound,
    ProtocolError,
    Refused,
    ServerError,
    TimedOut,
    Unreachable,
    VerificationError,
)
from .hashes import cid, dirhash
from .identity import Identity, default_identity
from .receipts import check_signatures, differences, parse_receipt
from .runtime import Car, Progress, Result, Runtime
from .wasm_job import WasmJob

__all__ = [
    "AccessDenied",
    "Busy",
    "Cancelled",
    "Car",
    "Client",
    "Conflict",
    "Error",
    "Fetched",
    "HostError",
    "Identity",
    "JobFailed",
    "Module",
    "NotFound",
    "Progress",
    "ProtocolError",
    "Refused",
    "Result",
    "Runtime",
    "ServerError",
    "TimedOut",
    "Unreachable",
    "VerificationError",
    "WasmJob",
    "check_signatures",
    "cid",
    "default_identity",
    "differences",
    "dirhash",
    "parse_receipt",
]
