"""A client of a server's HTTP API: submit, follow, cancel, and fetch results, which are checked."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from urllib.parse import quote

from . import _native, _streams, hashes
from ._http import PREFIX, Answer, Request, Transport
from .errors import JobFailed, ProtocolError, TimedOut, VerificationError
from .hashes import FileHash
from .identity import Identity, default_identity
from .shapes import (
    FINAL_STATES,
    Description,
    Event,
    Health,
    JobResults,
    JobSummary,
    NodeFacts,
    Receipt,
    ShardResult,
)
from .wasm_job import WasmJob

_MAX_LOG_BYTES = 256 << 20
_MAX_MODULE_BYTES = 256 << 20
_MAX_RESULT_BYTES = 16 << 30
# Of an archive beside the bytes of files: blocks and their names.
_ARCHIVE_FLOOR_BYTES = 1 << 20
_ARCHIVE_BYTES_A_NAME = 4096
_ARCHIVE_PARTS = 16
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
# What is not on this machine, whether or not a file has such a name.
_REMOTE = re.compile(r"(?:https?|ipfs)://|data:|/ipfs/", re.IGNORECASE)

_T = TypeVar("_T")


@dataclass(frozen=True)
class Fetched:
    """Results of a shard that were fetched and checked."""

    path: Path
    """The results directory."""
    h1: str
    """Its hash, which is that of the receipt."""
    receipt: Receipt
    """The receipt of the provider whose results these are."""
    signers: list[str]
    """Peer IDs whose signatures of the receipt are valid; the provider is one of them."""

    def read(self, name: str) -> bytes:
        """The bytes of a file, such as `stdout` or `outputs/report.csv`."""
        if name not in {file["name"] for file in self.receipt["claim"]["files"]}:
            raise KeyError(name)
        return (self.path / name).read_bytes()


class Client:
    """A client of the server at `url`. May be used by several threads.

    `identity` is the key that signs jobs, and later commands about them. `token` is an access token. `ca_file` names a PEM file
    with the only CAs that are accepted; by default those of this machine are. `timeout` bounds the seconds in which the
    server is silent, `patience` the seconds in which one call repeats requests that a busy server rejects."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:1234",
        *,
        identity: Identity | None = None,
        token: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        timeout: float = 60.0,
        patience: float = 300.0,
    ) -> None:
        ca = None if ca_file is None else os.fspath(ca_file)
        self._transport = Transport(url, token=token, ca_file=ca, timeout=timeout, patience=patience)
        self._identity = identity or default_identity()

    @classmethod
    def from_environment(cls) -> Client:
        """A client by the variables of the command: `BACALHAU_API_HOST`, `BACALHAU_API_PORT`, `BACALHAU_API_TOKEN`,
        `BACALHAU_API_CA`, and `BACALHAU_DIR` for the key."""
        host = os.environ.get("BACALHAU_API_HOST") or "127.0.0.1"
        port = os.environ.get("BACALHAU_API_PORT")
        url = host if "://" in host else f"http://{f'[{host}]' if host.count(':') > 1 else host}:{port or 1234}"
        token = os.environ.get("BACALHAU_API_TOKEN") or None
        return cls(url, token=token, ca_file=os.environ.get("BACALHAU_API_CA") or None)

    @property
    def url(self) -> str:
        """URL of the server."""
        return self._transport.url

    @property
    def identity(self) -> Identity:
        """The key that signs jobs."""
        return self._identity

    # Jobs

    def submit(self, job: WasmJob | Mapping[str, Any]) -> str:
        """Submits a job, or a complete spec as the API has it, and returns the job's id."""
        spec = self._spec(job) if isinstance(job, WasmJob) else dict(job)
        signed = self._identity.sign_request(spec, secrets.token_hex(16)).encode()
        request = Request(
            "POST",
            f"{PREFIX}/jobs",
            headers=lambda: {"content-type": "application/json"},
            body=lambda: (signed, len(signed)),
        )
        return _field(self._transport.json(request), "id", str)

    def job(self, job: str) -> Description:
        """The record of the job with the id or unique prefix `job`."""
        path = f"{PREFIX}/jobs/{quote(job, safe='')}"
        if _is_id(job):
            return cast(Description, _object(self._transport.json(self._read(path, job))))
        found = _object(self._transport.json(Request("GET", path)))
        # Private data needs a signature, which needs the whole id.
        return self.job(_job_id(found)) if found.get("withheld") is True else cast(Description, found)

    def jobs(
        self,
        *,
        state: str | None = None,
        client: str | None = None,
        label: str | None = None,
        id_part: str | None = None,
    ) -> Iterator[JobSummary]:
        """The jobs of the server that match all filters, newest first."""
        after: str | None = None
        while True:
            query = {"state": state, "client": client, "label": label, "id": id_part, "after": after}
            page = self._transport.json(Request("GET", f"{PREFIX}/jobs", query=query))
            yield from cast("list[JobSummary]", _field(page, "jobs", list))
            last, after = after, page.get("next")
            if after is None:
                return
            if not isinstance(after, str) or after == last:
                raise ProtocolError(f"the server at {self.url} sent a page without a valid next place")

    def cancel(self, job: str) -> str:
        """Cancels a job of this client, and returns its id. Cancelling twice is not an error."""
        job = self._resolve(job)
        path = f"{PREFIX}/jobs/{job}"
        signed = Request("DELETE", path, headers=lambda: self._signed("cancel", job))
        return _field(self._transport.json(signed), "id", str)

    def events(self, job: str, *, after: int = 0) -> list[Event]:
        """At most 1000 events of a job so far, after the one with the number `after`."""
        job = self._resolve(job)
        found = self._transport.json(self._read(f"{PREFIX}/jobs/{job}/events", job, after=after))
        if not isinstance(found, list):
            raise ProtocolError(f"the server at {self.url} sent no list of events")
        return cast("list[Event]", found)

    def follow(self, job: str, *, after: int = 0) -> Iterator[Event]:
        """Past and future events of a job until it has ended. A broken connection is replaced."""
        job = self._resolve(job)
        path = f"{PREFIX}/jobs/{job}/events"

        def open_after(number: int) -> Answer:
            return self._transport.send(self._read(path, job, after=number, follow=True))

        return _streams.events(open_after, after, lambda: self._state(job) in FINAL_STATES)

    def wait(self, job: str, *, timeout: float | None = None) -> Description:
        """Waits until a job has ended, and returns its record. Raises `TimedOut` if that takes longer than `timeout` seconds."""
        job = self._resolve(job)
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            state = self._state(job)
            if state in FINAL_STATES:
                return self.job(job)
            if deadline is not None and time.monotonic() + pause > deadline:
                raise TimedOut(f"job {job} has not ended within {timeout:g} s: it is {state}")
            time.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    # Logs

    def logs(self, job: str, *, shard: int = 0, execution: int | None = None, stderr: bool = False, offset: int = 0) -> bytes:
        """The current log of an execution, from the byte `offset` on."""
        job = self._resolve(job)
        path = f"{PREFIX}/jobs/{job}/logs"
        request = self._read(path, job, shard=shard, execution=execution, stderr=stderr, offset=offset)
        with self._transport.send(request) as answer:
            return answer.read(_MAX_LOG_BYTES)

    def follow_logs(
        self, job: str, *, shard: int = 0, execution: int | None = None, stderr: bool = False, offset: int = 0
    ) -> Iterator[bytes]:
        """The log of an execution until its program ends. A broken connection is replaced."""
        job = self._resolve(job)
        path = f"{PREFIX}/jobs/{job}/logs"

        def open_at(offset: int) -> Answer:
            query = {"shard": shard, "execution": execution, "stderr": stderr, "offset": offset, "follow": True}
            return self._transport.send(self._read(path, job, **query))

        return _streams.log(open_at, offset)

    # Results and data

    def results(self, job: str) -> JobResults:
        """The results of a job as the server has them. Not checked: see `fetch`."""
        job = self._resolve(job)
        found = _object(self._transport.json(self._read(f"{PREFIX}/jobs/{job}/results", job)))
        _field(found, "shards", list)
        return cast(JobResults, found)

    def fetch(self, job: str, target: str | os.PathLike[str], *, shard: int = 0, max_bytes: int = _MAX_RESULT_BYTES) -> Fetched:
        """Fetches the results of a shard into the new directory `target`, and checks them: their hash is that of the receipt, the
        receipt is signed by the provider that the server names, and it is about the program and arguments of the job. Results with
        more than `max_bytes` (16 GiB) are not fetched.

        Raises `JobFailed` if the shard has ended without a result, and `VerificationError` if a check fails; `target` does
        not exist then."""
        job = self._resolve(job)
        place = Path(target)
        if os.path.lexists(place):
            raise FileExistsError(f"{place} exists already: name another place")
        receipt, peer = self._result(job, shard)
        signers = _native.check_signatures(receipt)
        if peer not in signers:
            raise VerificationError(f"the receipt of shard {shard} is not signed by its provider {peer}")
        _check_job(self.job(job), receipt)
        h1, size = receipt["claim"]["h1"], sum(file["bytes"] for file in receipt["claim"]["files"])
        if size > max_bytes:
            raise ProtocolError(f"the results have {size} bytes, and {max_bytes} are allowed: raise max_bytes")
        place.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".bacalhau-", dir=place.parent))
        try:
            archive, results = staging / "results.car", staging / "results"
            announced = self._fetch_archive(job, shard, archive, _archive_bound(receipt["claim"]["files"]))
            if announced != h1:
                raise VerificationError(f"the server announces results with the hash {announced}, and the receipt has {h1}")
            _native.unpack(archive, staging / "index", results, receipt)
            hashes.check_directory(results, h1)
            os.rename(results, place)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return Fetched(place, h1, receipt, signers)

    def upload(self, path: str | os.PathLike[str]) -> str:
        """Uploads a file or directory to the server's node, which keeps it for some hours, and returns its CID."""
        with tempfile.NamedTemporaryFile(prefix="bacalhau-", suffix=".car") as archive:
            root = _native.pack(Path(path), Path(archive.name))
            length = os.stat(archive.name).st_size

            def car() -> tuple[IO[bytes], int]:
                return open(archive.name, "rb"), length

            headers = {"content-type": "application/vnd.ipld.car"}
            added = self._transport.json(Request("POST", f"{PREFIX}/data", headers=lambda: headers, body=car))
        if not isinstance(added, dict) or added.get("roots") != [root]:
            raise ProtocolError(f"the server at {self.url} received other data than was sent")
        return root

    # Nodes

    def node(self) -> NodeFacts:
        """The server's node."""
        return cast(NodeFacts, _object(self._transport.json(Request("GET", f"{PREFIX}/node"))))

    def nodes(self) -> list[NodeFacts]:
        """The nodes known to the server, itself first."""
        return cast("list[NodeFacts]", self._transport.json(Request("GET", f"{PREFIX}/nodes")))

    def health(self) -> Health:
        """The health of the server, with all checks."""
        return cast(Health, _object(self._transport.json(Request("GET", "/healthz", query={"verbose": True}))))

    def _state(self, job: str) -> str:
        """The state in the list of jobs, which is shorter than the record."""
        for found in self.jobs(id_part=job):
            if found.get("id") == job:
                return found["state"]
        return self.job(job)["state"]

    def _resolve(self, job: str) -> str:
        return job if _is_id(job) else _job_id(self.job(job))

    def _signed(self, action: str, job: str) -> dict[str, str]:
        return {"authorization": self._identity.sign_command(action, job, time.time_ns() // 1_000_000)}

    def _read(self, path: str, job: str, **query: object) -> Request:
        return Request("GET", path, query=query, headers=lambda: self._signed("read", job))

    def _spec(self, job: WasmJob) -> dict[str, Any]:
        module, module_cid, profile = job.module, job.named_cid(), "v1"
        if _is_local(module):
            if os.stat(module).st_size > _MAX_MODULE_BYTES:
                raise ValueError(f"{module} is larger than a module may be: {_MAX_MODULE_BYTES} bytes")
            module_cid, profile = _native.describe_module(Path(module).read_bytes())
            module = f"ipfs://{self.upload(module)}"
        elif module_cid is None:
            raise ValueError(f"the job does not say which module is at {module}: set module_cid")
        inputs = {
            target: f"ipfs://{self.upload(source)}" if _is_local(source) else source for target, source in job.inputs.items()
        }
        return job.spec(module, module_cid, profile, inputs)

    def _result(self, job: str, shard: int) -> tuple[Receipt, str]:
        shards = self.results(job)["shards"]
        if not 0 <= shard < len(shards):
            raise IndexError(f"the job has no shard {shard}: it has {len(shards)}")
        found = cast(ShardResult, _object(shards[shard]))
        receipt, peer = found.get("receipt"), found.get("peer")
        if receipt is None or peer is None:
            raise JobFailed(f"shard {shard} has no result: it is {found.get('state')}: {found.get('why') or 'no reason given'}")
        return receipt, peer

    def _fetch_archive(self, job: str, shard: int, archive: Path, most: int) -> str | None:
        with self._transport.send(self._read(f"{PREFIX}/jobs/{job}/results/{shard}", job)) as answer:
            with open(archive, "wb") as file:
                for chunk in answer.chunks(most):
                    file.write(chunk)
            return answer.header("bacalhau-h1")


def _check_job(description: Description, receipt: Receipt) -> None:
    """The receipt is about the program and arguments that the job names, whatever they are run on."""
    try:
        engine = description["job"]["request"]["request"]["spec"]["engine"]
        asked = dict(engine["wasm"]["job"]) if "wasm" in engine else {}
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"the server sent a job without a valid spec: {error!r}") from error
    run = receipt["claim"]["job"]
    for key, value in asked.items():
        if key != "inputs" and run.get(key) != value:
            raise VerificationError(f"the receipt is about another job: its {key} is {run.get(key)!r}, not {value!r}")


def _archive_bound(files: list[FileHash]) -> int:
    """Most bytes of the archive of these files. Each name may need a block for each part of its path."""
    names = sum(min(file["name"].count("/") + 1, _ARCHIVE_PARTS) for file in files)
    content = sum(file["bytes"] for file in files)
    return _ARCHIVE_FLOOR_BYTES + names * _ARCHIVE_BYTES_A_NAME + content + content // 16


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(char in "abcdefghijklmnopqrstuvwxyz234567" for char in text)


def _is_local(source: str) -> bool:
    """Whether a source is a file or directory of this machine, which must exist then."""
    if _REMOTE.match(source) or not os.path.exists(source) and _native.is_cid(re.split("[/?]", source)[0]):
        return False
    os.stat(source)
    return True


def _job_id(description: Any) -> str:
    found = description.get("job")
    found = found.get("id") if isinstance(found, dict) else None
    if not isinstance(found, str) or not _is_id(found):
        raise ProtocolError("the server sent a job without a valid id")
    return found


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError("the server sent something else than an object")
    return value


def _field(value: Any, name: str, kind: type[_T]) -> _T:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        raise ProtocolError(f"the server sent an answer without a valid {name}")
    return found
