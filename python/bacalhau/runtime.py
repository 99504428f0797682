"""The runtime in this process: compiles modules, runs jobs, repeats receipts."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, cast

from . import _native
from ._native import Module
from .hashes import cid
from .shapes import Claim, Difference, Job, Receipt

_STEP_SECONDS = 0.05


@dataclass(frozen=True)
class Car:
    """An archive of blocks as an input: what is below its only root."""

    path: str | os.PathLike[str]


Input = Union[str, "os.PathLike[str]", bytes, Car]
"""An input: the path of a file or directory of this machine, the bytes of a file, or an archive of blocks."""


@dataclass(frozen=True)
class Progress:
    """A run in progress, as a callback sees it."""

    seconds: float
    """Seconds since the run began."""
    stdout: bytes
    """What the program wrote to standard output since the last call, within its first MiB."""
    stderr: bytes
    """What the program wrote to standard error since the last call, within its first MiB."""
    fuel: int
    """Fuel used, as of the program's latest call of the host."""
    bytes_in: int
    """Bytes that the program has read from its inputs."""
    bytes_hashed: int
    """Bytes of inputs and results that were hashed."""
    bytes_out: int
    """Bytes of the program's files, standard output and standard error included."""
    memory_bytes: int
    """Bytes of the program's memories."""


class Result:
    """An ended run: its receipt, and the files that it wrote.

    The files are in a temporary directory, which is removed with this object, or at `results` if that was given."""

    receipt: Receipt
    """The receipt. It has no signature: sign it, or run the job on nodes, if others are to rely on it."""
    path: Path
    """The results directory."""

    def __init__(self, receipt: Receipt, path: Path, place: tempfile.TemporaryDirectory[str] | None) -> None:
        self.receipt = receipt
        self.path = path
        self._place = place

    @property
    def claim(self) -> Claim:
        """What the run claims: equal for every run of the job on any machine."""
        return self.receipt["claim"]

    @property
    def h1(self) -> str:
        """The hash of the results directory."""
        return self.claim["h1"]

    @property
    def fuel(self) -> int:
        """Fuel used, about one unit for each WebAssembly operator."""
        return self.claim["fuel"]

    @property
    def exit_code(self) -> int:
        """Exit code of the program; 134 after a trap, 152 at a limit."""
        return int(self.read("exitCode"))

    @property
    def stdout(self) -> bytes:
        """Standard output of the program."""
        return self.read("stdout")

    @property
    def stderr(self) -> bytes:
        """Standard error of the program."""
        return self.read("stderr")

    @property
    def files(self) -> list[str]:
        """Names of all files, such as `stdout` and `outputs/report.csv`."""
        return [file["name"] for file in self.claim["files"]]

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises `KeyError` for a name that is not in `files`."""
        if name not in self.files:
            raise KeyError(name)
        return (self.path / name).read_bytes()

    def keep(self, directory: str | os.PathLike[str]) -> Path:
        """Moves the files to the new directory `directory`."""
        place = Path(directory)
        if os.path.lexists(place):
            raise FileExistsError(f"{place} exists already: name another place")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.path, place)
        self.path = place
        if self._place is not None:
            self._place.cleanup()
            self._place = None
        return place

    def __repr__(self) -> str:
        return f"Result({self.claim['outcome']}, {self.h1})"


class Runtime:
    """Compiles modules and runs jobs in this process. May be used by several threads; runs of several threads are in parallel.

    `cache_dir` is the directory for compiled modules; by default it is that of the command `bacalhau`. Without `use_cache`,
    modules are compiled each time. `tier` is `auto`, `optimized`, `baseline` or `interpreter`; all have the same results."""

    def __init__(self, *, cache_dir: str | os.PathLike[str] | None = None, use_cache: bool = True, tier: str = "auto") -> None:
        cache = Path(cache_dir) if cache_dir is not None else default_cache_dir()
        self._native = _native.Runtime(cache if use_cache else None, tier)

    def load(self, module: bytes | str | os.PathLike[str]) -> Module:
        """Validates and compiles a module, given by its bytes or its path, binary or text, or loads it from the cache.

        Raises `Refused` if no machine would run it."""
        return self._native.load(module if isinstance(module, bytes) else Path(module).read_bytes())

    def run(
        self,
        module: Module | bytes | str | os.PathLike[str],
        *,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        inputs: Mapping[str, Input] | None = None,
        outputs: Mapping[str, str] | None = None,
        stdin: str | None = None,
        entry_point: str = "_start",
        seed: int = 0,
        limits: Mapping[str, int] | None = None,
        profile: str | None = None,
        timeout: float = 1800.0,
        results: str | os.PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
    ) -> Result:
        """Runs a program. `inputs` and `outputs` have absolute guest paths, as keys and as values: `{"/inputs": "texts"}`,
        `{"report": "/report"}`. `limits` has what differs from the defaults, such as `fuel` and `memory_bytes`.

        `timeout` is in seconds of this machine; to bound the program itself, use the limit `fuel`. `results` is a new directory for
        the files. `progress` is called some times a second; what it raises cancels the run. So does Ctrl-C.

        Raises `Refused` for an invalid job, `TimedOut`, and `HostError` if this machine fails. A program that fails, traps or meets
        a limit has a result."""
        loaded = module if isinstance(module, Module) else self.load(module)
        job = cast(Job, _native.default_job(loaded.cid, profile or loaded.profile))
        unknown = sorted(set(limits or {}) - set(job["limits"]))
        if unknown:
            raise ValueError(f"unknown limit {unknown[0]!r}: the limits are {', '.join(sorted(job['limits']))}")
        job["limits"].update(limits or {})
        job.update({"args": list(args), "env": dict(env or {}), "stdin": stdin, "entry_point": entry_point, "seed": seed})
        job["inputs"] = dict.fromkeys(inputs or {})
        if outputs is not None:
            job["outputs"] = dict(outputs)
        return self.run_job(loaded, job, inputs or {}, timeout=timeout, results=results, progress=progress)

    def run_job(
        self,
        module: Module,
        job: Job,
        inputs: Mapping[str, Input],
        *,
        timeout: float = 1800.0,
        results: str | os.PathLike[str] | None = None,
        progress: Callable[[Progress], object] | None = None,
    ) -> Result:
        """Runs a complete job, such as that of a receipt. An input whose hash the job names must have that hash."""
        place = tempfile.TemporaryDirectory(prefix="bacalhau-")
        try:
            work = Path(place.name)
            target = work / "results" if results is None else Path(results)
            target.parent.mkdir(parents=True, exist_ok=True)
            sources = {at: _source(work / "inputs", number, given) for number, (at, given) in enumerate(inputs.items())}
            receipt = self._wait(_native.Run(self._native, module, job, sources, target, timeout), progress)
        except BaseException:
            place.cleanup()
            raise
        if results is not None:
            place.cleanup()
        return Result(receipt, target, place if results is None else None)

    def verify(
        self, receipt: Receipt, module: Module | bytes | str | os.PathLike[str], inputs: Mapping[str, Input] | None = None
    ) -> list[Difference]:
        """Runs the job of a receipt again. Returns how its claim differs from that of this run: an empty list if it is right.

        Where the job names an input by the CID of an archive, a path or bytes are imported to compare that."""
        loaded = module if isinstance(module, Module) else self.load(module)
        job = receipt["claim"]["job"]
        with tempfile.TemporaryDirectory(prefix="bacalhau-") as place:
            named = {
                at: _named(Path(place), number, given, job["inputs"].get(at))
                for number, (at, given) in enumerate((inputs or {}).items())
            }
            again = self.run_job(loaded, job, named)
            return cast("list[Difference]", _native.differences(receipt, again.receipt))

    def _wait(self, run: _native.Run, progress: Callable[[Progress], object] | None) -> Receipt:
        began = time.monotonic()
        seen = {False: 0, True: 0}

        def new(stderr: bool) -> bytes:
            data = run.log(stderr, seen[stderr])
            seen[stderr] += len(data)
            return data

        try:
            # In steps, between which the interpreter handles signals.
            while not run.wait(_STEP_SECONDS):
                if progress is not None:
                    progress(Progress(time.monotonic() - began, new(False), new(True), *run.progress()))
        except BaseException:
            run.cancel()
            # Its inputs and its directory are in use until it has ended.
            while not run.wait(_STEP_SECONDS):
                pass
            raise
        return cast(Receipt, run.receipt())


def default_cache_dir() -> Path:
    """The directory in which the command `bacalhau` keeps compiled modules."""
    own = os.environ.get("BACALHAU_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else (Path(base) if base else Path.home() / ".cache") / "bacalhau"


def _source(work: Path, number: int, given: Input) -> Any:
    if isinstance(given, Car):
        return (Path(given.path), work / f"{number}.index")
    return _written(work, number, given) if isinstance(given, bytes) else Path(given)


def _written(work: Path, number: int, given: bytes) -> Path:
    work.mkdir(exist_ok=True)
    path = work / str(number)
    path.write_bytes(given)
    return path


def _named(work: Path, number: int, given: Input, identity: str | None) -> Input:
    """An input in the form in which it has an identity of this kind. Directories have an `h1:`, files the CID of their bytes, and
    archives the CID of their root."""
    if isinstance(given, Car) or identity is None or identity.startswith("h1:"):
        return given
    path = _written(work, number, given) if isinstance(given, bytes) else Path(given)
    if path.is_file() and cid(path) == identity:
        return path
    archive = work / f"{number}.car"
    _native.pack(path, archive)
    return Car(archive)
