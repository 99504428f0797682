"""The client with a real server: three nodes of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import MODULES, READ_TOKEN, TEXTS, TOKEN, TOP
from fake import changing, serving

import bacalhau
from bacalhau import WasmJob

EXPECTED = {example["name"]: example["h1"] for example in json.loads((TOP / "wasm-examples/expected.json").read_text())}
SECONDS = 300.0


def word_count(**more: object) -> WasmJob:
    return WasmJob(
        module=str(MODULES / "word-count.wasm"),
        inputs={"/inputs": str(TEXTS)},
        args=["--top", "20"],
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def finished(server: str) -> tuple[bacalhau.Client, str]:
    """A client, and its job that has ended."""
    client = bacalhau.Client(server, identity=bacalhau.Identity.ephemeral(), token=TOKEN)
    job = client.submit(word_count(confidence=2, labels=["words"]))
    assert client.wait(job, timeout=SECONDS)["state"] == "Completed"
    return client, job


def test_a_job_is_submitted_followed_and_its_results_are_checked(client: bacalhau.Client, tmp_path: Path) -> None:
    job = client.submit(word_count(confidence=3))
    kinds = [event["kind"] for event in client.follow(job)]
    assert kinds[0] == "created" and "verdict" in kinds and kinds[-1] == {"ended": "Completed"}, kinds
    found = client.job(job[:12])
    assert found["job"]["id"] == job and found["state"] == "Completed"
    fetched = client.fetch(job, tmp_path / "results")
    assert fetched.h1 == EXPECTED["word-count"] == bacalhau.dirhash(tmp_path / "results")
    assert len(fetched.signers) == 1 and fetched.read("exitCode") == b"0"
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    here = bacalhau.Runtime(use_cache=False).verify(fetched.receipt, MODULES / "word-count.wasm", {"/inputs": TEXTS})
    assert here == []
    with pytest.raises(FileExistsError):
        client.fetch(job, tmp_path / "results")
    with pytest.raises(bacalhau.ProtocolError, match="10 are allowed: raise max_bytes"):
        client.fetch(job, tmp_path / "more", max_bytes=10)


def test_a_finished_job_is_listed_and_described(finished: tuple[bacalhau.Client, str]) -> None:
    client, job = finished
    assert job in [found["id"] for found in client.jobs(state="Completed", label="words")]
    assert job not in [found["id"] for found in client.jobs(label="other")]
    assert [event["number"] for event in client.events(job, after=1)][0] == 2
    log = client.logs(job)
    assert b"".join(client.follow_logs(job)) == log and client.logs(job, offset=len(log)) == b""
    assert client.node()["connected"] and len(client.nodes()) == 3 and client.health()["ok"]
    with pytest.raises(bacalhau.Conflict, match="already ended"):
        client.cancel(job)
    with pytest.raises(bacalhau.NotFound):
        client.job("b" * 32)
    with pytest.raises(bacalhau.NotFound):
        client.logs(job, shard=7)
    with pytest.raises(IndexError):
        client.fetch(job, "nowhere", shard=7)


def test_a_job_is_cancelled_by_its_client_only(client: bacalhau.Client, server: str, tmp_path: Path) -> None:
    # Providers of three nodes cannot give as many bids.
    job = client.submit(word_count(min_bids=50, private=True))
    stranger = bacalhau.Client(server, identity=bacalhau.Identity.ephemeral(), token=TOKEN)
    with pytest.raises(bacalhau.AccessDenied) as raised:
        stranger.cancel(job)
    assert raised.value.code == "not-owner"
    assert stranger.job(job)["withheld"] and not client.job(job[:10]).get("withheld")
    with pytest.raises(bacalhau.TimedOut, match="it is Bidding"):
        client.wait(job, timeout=0.1)
    assert client.cancel(job) == job == client.cancel(job)
    assert client.wait(job, timeout=SECONDS)["state"] == "Cancelled"
    with pytest.raises(bacalhau.JobFailed, match="has no result"):
        client.fetch(job, tmp_path / "results")


def test_tokens_decide(server: str, client: bacalhau.Client) -> None:
    identity = bacalhau.Identity.ephemeral()
    with pytest.raises(bacalhau.AccessDenied) as raised:
        bacalhau.Client(server, identity=identity).node()
    assert raised.value.code == "no-token"
    reader = bacalhau.Client(server, identity=identity, token=READ_TOKEN)
    assert reader.node()["connected"]
    with pytest.raises(bacalhau.AccessDenied) as raised:
        reader.submit(word_count())
    assert raised.value.code == "read-only"


def test_a_spec_is_taken_as_it_is_and_checked_before_it_is_sent(client: bacalhau.Client) -> None:
    root = client.upload(MODULES / "hello.wasm")
    cid = bacalhau.cid(MODULES / "hello.wasm")
    job = client.submit(WasmJob(module=f"ipfs://{root}", module_cid=cid, concurrency=1))
    spec = client.wait(job, timeout=SECONDS)["job"]["request"]["request"]["spec"]
    again = client.submit(spec)
    assert again != job and client.wait(again, timeout=SECONDS)["state"] == "Completed"
    with pytest.raises(bacalhau.Refused, match="confidence 3 can never be reached by 2 runs"):
        client.submit({**spec, "deal": {"concurrency": 2, "confidence": 3}})
    with pytest.raises(bacalhau.Refused, match="unknown field `confidence`"):
        client.submit({**spec, "confidence": 3})
    with pytest.raises(bacalhau.Refused, match="timeout_seconds is 0"):
        client.submit(WasmJob(module=f"ipfs://{root}", module_cid=cid, timeout_seconds=0))
    with pytest.raises(ValueError, match="unknown limit 'fule': the limits are "):
        client.submit(WasmJob(module=f"ipfs://{root}", module_cid=cid, limits={"fule": 1}))
    with pytest.raises(ValueError, match="set module_cid"):
        client.submit(WasmJob(module="https://example.org/a.wasm"))
    with pytest.raises(FileNotFoundError):
        client.submit(WasmJob(module="missing.wasm"))


def change_car(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return body.replace(b"the", b"teh") if path.endswith("/results/0") else body


def cut_car(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return body[:-100] if path.endswith("/results/0") else body


def long_car(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return body + bytes(16 << 20) if path.endswith("/results/0") else body


def other_h1(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    if path.endswith("/results/0"):
        headers["bacalhau-h1"] = "h1:" + "A" * 43 + "="
    return body


def forge(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    if not path.endswith("/results"):
        return body
    found = json.loads(body)
    found["shards"][0]["receipt"]["claim"]["fuel"] += 1
    return json.dumps(found).encode()


def unsign(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    if not path.endswith("/results"):
        return body
    found = json.loads(body)
    found["shards"][0]["receipt"]["signatures"] = []
    return json.dumps(found).encode()


def other_job(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return body.replace(b'"--top","20"', b'"--top","21"') if not path.endswith("/results") else body


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (change_car, bacalhau.VerificationError, "is corrupt"),
        (cut_car, bacalhau.VerificationError, "end|block|length"),
        (long_car, bacalhau.ProtocolError, "larger than"),
        (other_h1, bacalhau.VerificationError, "announces results with the hash"),
        (forge, bacalhau.VerificationError, "is not of this claim"),
        (unsign, bacalhau.VerificationError, "not signed by its provider"),
        (other_job, bacalhau.VerificationError, "is about another job"),
    ],
)
def test_what_was_changed_on_its_way_is_not_taken(
    finished: tuple[bacalhau.Client, str],
    tmp_path: Path,
    change: object,
    kind: type[bacalhau.Error],
    words: str,
) -> None:
    client, job = finished
    with serving(changing(client.url, change)) as url:  # type: ignore[arg-type]
        through = bacalhau.Client(url, identity=client.identity, token=TOKEN, patience=0)
        with pytest.raises(kind, match=words):
            through.fetch(job, tmp_path / "results")
    assert list(tmp_path.iterdir()) == [], "nothing is left"
