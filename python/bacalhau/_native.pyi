from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

__all__ = [
    "Identity",
    "Module",
    "Run",
    "Runtime",
    "check_signatures",
    "default_job",
    "describe_module",
    "differences",
    "is_cid",
    "pack",
    "parse_receipt",
    "unpack",
]

@final
class Identity:
    """An ed25519 key of a client."""

    @staticmethod
    def from_file(path: Path) -> Identity:
        """The key in a file, created if absent, readable only by its owner."""
    @staticmethod
    def ephemeral() -> Identity:
        """A new key, which ends with the process."""
    @property
    def peer_id(self) -> str:
        """The peer ID of the key."""
    def sign_request(self, spec: Mapping[str, Any], nonce: str) -> str:
        """The JSON of a signed request for a job with this spec. Raises `Refused` if every server would reject it."""
    def sign_command(self, action: str, job: str, at_ms: int) -> str:
        """The value of the header `authorization` for `cancel` or `read`, signed at a time in Unix milliseconds."""

@final
class Runtime:
    def __new__(cls, cache_dir: Path | None = None, tier: str = "auto") -> Runtime: ...
    def load(self, wasm: bytes) -> Module: ...

@final
class Module:
    """A module that was accepted and compiled. Any number of runs share it."""

    @property
    def cid(self) -> str:
        """CID of the binary, which names the module in jobs."""
    @property
    def profile(self) -> str:
        """The oldest profile that has what the module uses: `v1` or `v2`."""
    @property
    def entry_points(self) -> list[str]:
        """Exported functions that a job may call."""
    @property
    def is_from_cache(self) -> bool:
        """Whether it was found in the cache, and not compiled."""
    def settle(self) -> None:
        """Waits until the final form of the module is compiled and cached."""

@final
class Run:
    def __new__(
        cls,
        runtime: Runtime,
        module: Module,
        job: Mapping[str, Any],
        inputs: Mapping[str, Path | tuple[Path, Path]],
        results: Path,
        timeout: float,
    ) -> Run: ...
    def wait(self, seconds: float) -> bool: ...
    def cancel(self) -> None: ...
    def log(self, stderr: bool, offset: int) -> bytes: ...
    def progress(self) -> tuple[int, int, int, int, int]: ...
    def receipt(self) -> dict[str, Any]: ...

def parse_receipt(data: bytes) -> dict[str, Any]: ...
def check_signatures(receipt: Mapping[str, Any]) -> list[str]: ...
def differences(receipt: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, str]]: ...
def default_job(module: str, profile: str) -> dict[str, Any]: ...
def describe_module(wasm: bytes) -> tuple[str, str]: ...
def is_cid(text: str) -> bool: ...
def pack(path: Path, archive: Path) -> str: ...
def unpack(archive: Path, index: Path, target: Path, receipt: Mapping[str, Any]) -> None: ...
