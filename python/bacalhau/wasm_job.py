"""A job of a WebAssembly program, written with only what differs from the defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _native

_RAW_CID = re.compile(r"(?:ipfs://)?(bafkrei[a-z2-7]{52})")


@dataclass(kw_only=True)
class WasmJob:
    """A job for a server: `client.submit(WasmJob(module="count.wasm", inputs={"/inputs": "ipfs://bafy…"}))`.

    Files and directories of this machine are uploaded to the server when the job is submitted."""

    module: str
    """The program: a path of this machine, an http(s) URL, or a CID."""
    module_cid: str | None = None
    """CID of the module's bytes. Needed if `module` is a URL, or a CID of another kind than `bafkrei…`."""
    profile: str | None = None
    """Rules of the run, `v1` or `v2`. Default: the oldest that has what a local module uses, else `v1`."""
    args: Sequence[str] = ()
    """Arguments of the program."""
    env: Mapping[str, str] = field(default_factory=dict)
    """The complete environment of the program."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Inputs by absolute guest path: a path of this machine, an http(s) URL, a CID with or without a path, `data:,TEXT`."""
    outputs: Mapping[str, str] | None = None
    """Outputs: name and guest path. Default: `outputs` at `/outputs`."""
    stdin: str | None = None
    """File of the guest's tree that is its standard input. Default: empty."""
    entry_point: str = "_start"
    """Exported function to call."""
    seed: int = 0
    """Seed of the program's random numbers."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits that differ from the defaults, by name, such as `fuel` or `memory_bytes`."""
    concurrency: int = 3
    """Number of independent runs."""
    confidence: int = 0
    """Number of runs that must agree."""
    min_bids: int = 0
    """Number of bids before any is accepted."""
    verifier: str = "deterministic"
    """`deterministic` compares the hashes of independent runs, `noop` checks nothing."""
    publishers: Sequence[str] = ()
    """Where results go beside the requester: `ipfs`, `local`, `filecoin`, `estuary`."""
    timeout_seconds: int = 1800
    """Wall-clock seconds that a provider gives one execution."""
    private: bool = False
    """Whether only this client may see inputs, logs and results."""
    labels: Sequence[str] = ()
    """Words for people to find the job by."""
    verified_inputs: bool = False
    """Whether inputs by CID are read only where all data is checked against the CID."""

    def named_cid(self) -> str | None:
        """CID of the module's bytes, as far as the job itself says it."""
        if self.module_cid is not None:
            return self.module_cid
        match = _RAW_CID.fullmatch(self.module)
        return match.group(1) if match else None

    def spec(self, module: str, module_cid: str, profile: str, inputs: Mapping[str, str]) -> dict[str, Any]:
        """The complete spec: the module with this CID is found at `module`, and each input at its source."""
        job = _native.default_job(module_cid, self.profile or profile)
        unknown = sorted(set(self.limits) - set(job["limits"]))
        if unknown:
            raise ValueError(f"unknown limit {unknown[0]!r}: the limits are {', '.join(sorted(job['limits']))}")
        job["limits"].update(self.limits)
        job.update(args=list(self.args), env=dict(self.env), stdin=self.stdin, entry_point=self.entry_point, seed=self.seed)
        if self.outputs is not None:
            job["outputs"] = dict(self.outputs)
        return {
            "engine": {"wasm": {"module": module, "job": job}},
            "inputs": [{"source": source, "target": target} for target, source in inputs.items()],
            "deal": {"concurrency": self.concurrency, "confidence": self.confidence, "min_bids": self.min_bids},
            "verifier": self.verifier,
            "publishers": list(self.publishers),
            "timeout_seconds": self.timeout_seconds,
            "private": self.private,
            "labels": list(self.labels),
            "verified_inputs": self.verified_inputs,
        }
