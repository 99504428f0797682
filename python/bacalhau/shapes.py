"""Types of JSON values: answers of a server, and receipts. They describe what a server of this version sends; further keys may
come with later versions."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from .hashes import FileHash

JobState = Literal["Bidding", "InProgress", "Completed", "CompletedPartially", "Failed", "Cancelled"]
"""State of a job."""
ShardState = Literal["Bidding", "Running", "Publishing", "Completed", "Failed", "Cancelled"]
"""State of a shard."""

FINAL_STATES: frozenset[str] = frozenset({"Completed", "CompletedPartially", "Failed", "Cancelled"})
"""States of a job that has ended."""


class Job(TypedDict):
    """Everything that a result is a function of."""

    profile: str
    module: str
    entry_point: str
    args: list[str]
    env: dict[str, str]
    stdin: str | None
    inputs: dict[str, str | None]
    outputs: dict[str, str]
    seed: int
    epoch_seconds: int
    limits: dict[str, int]


class Claim(TypedDict):
    """What a run claims: equal for every sound run of the job."""

    job: Job
    job_cid: str
    outcome: dict[str, Any]
    fuel: int
    h1: str
    files: list[FileHash]


class Signature(TypedDict):
    """The signature of a claim."""

    signer: str
    signature: str


class _Signed(TypedDict, total=False):
    signatures: list[Signature]


class Receipt(_Signed):
    """The record of a run, sufficient to repeat it anywhere."""

    claim: Claim
    unclaimed: dict[str, Any]


class Difference(TypedDict):
    """A difference of two claims."""

    what: str
    expected: str
    found: str


class JobSummary(TypedDict):
    """A line of the list of jobs."""

    id: str
    state: JobState
    created_ms: int
    ended_ms: int | None
    client: str | None
    labels: list[str]
    program: str | None
    private: bool
    shards: int
    completed: int


class _EventPlace(TypedDict, total=False):
    shard: int
    execution: int
    peer: str


class Event(_EventPlace):
    """An event of a job. `number` counts from 1 in the job; `kind` is a text, or `{"ended": STATE}`."""

    number: int
    job: str
    at_ms: int
    kind: str | dict[str, str]
    text: str


class Execution(TypedDict):
    """An execution of a shard. `h1`, `claim`, `outcome` and `fuel` are absent until the verdict."""

    number: int
    peer: str
    state: str
    accepted_ms: int
    ended_ms: int | None
    h1: str | None
    claim: str | None
    outcome: dict[str, Any] | None
    fuel: int | None
    why: str | None


class Shard(TypedDict):
    """Progress of a shard."""

    state: ShardState
    bids: list[dict[str, Any]]
    executions: list[Execution]
    verdict: dict[str, Any] | None
    published: int | None
    why: str | None


class _Withheld(TypedDict, total=False):
    withheld: bool


class Description(_Withheld):
    """A job and its progress. `withheld` is true if private data was left out."""

    job: dict[str, Any]
    state: JobState
    shards: list[Shard]
    ended_ms: int | None


class ShardResult(TypedDict):
    """Result of a shard."""

    state: ShardState
    execution: int | None
    peer: str | None
    h1: str | None
    receipt: Receipt | None
    publications: list[dict[str, Any]]
    archive: str | None
    why: str | None


class JobResults(TypedDict):
    """Results of a job, one for each shard."""

    job: str
    state: JobState
    shards: list[ShardResult]


class NodeFacts(TypedDict):
    """Facts about a node."""

    peer: str
    addrs: list[str]
    connected: bool
    versions: dict[str, Any] | None
    total: dict[str, int] | None
    free: dict[str, int] | None


class Health(TypedDict):
    """The health of a server."""

    ok: bool
    checks: list[dict[str, str]]
