"""Runs in this process: hashes equal those of the command, errors by class, Ctrl-C, threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import MODULES, TEXTS, TOP, command

import bacalhau
from bacalhau import _native

LOOP = b'(module (memory 1) (func (export "_start") (loop (br 0))))'
EXIT_7 = b"""(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 7))))"""
TALK = b"""(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 8) "\\10\\00\\00\\00\\03\\00\\00\\00") (data (i32.const 16) "hi\\0a")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))) (loop (br 0))))"""
EXAMPLES = json.loads((TOP / "wasm-examples/expected.json").read_text())


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> bacalhau.Runtime:
    return bacalhau.Runtime(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_the_examples_have_their_hashes(runtime: bacalhau.Runtime, example: dict[str, object]) -> None:
    inputs = {given["dst"]: TOP / given["src"] for given in example["inputs"]}  # type: ignore[attr-defined]
    result = runtime.run(TOP / str(example["module"]), args=example["args"], inputs=inputs, env=example["env"])  # type: ignore[arg-type]
    assert result.h1 == example["h1"] == bacalhau.dirhash(result.path)
    assert result.exit_code == 0 and result.claim["outcome"] == {"exit": 0}


def test_a_receipt_is_repeated_here_and_by_the_command(runtime: bacalhau.Runtime, tmp_path: Path) -> None:
    inputs = {"/inputs": str(TEXTS)}
    result = runtime.run(MODULES / "word-count.wasm", args=["--top", "20"], inputs=inputs, results=tmp_path / "out/results")
    assert result.path == tmp_path / "out/results"
    module = runtime.load(MODULES / "word-count.wasm")
    assert module.is_from_cache and module.cid == result.claim["job"]["module"] and module.profile == "v1"
    assert runtime.verify(result.receipt, module, inputs) == []
    changed = json.loads(json.dumps(result.receipt))
    changed["claim"]["fuel"] += 1
    assert [found["what"] for found in runtime.verify(changed, module, inputs)] == ["fuel"]
    with pytest.raises(bacalhau.Refused, match="but the job requires"):
        runtime.verify(result.receipt, module, {"/inputs": b"other"})
    changed["claim"]["job"]["args"] = []
    with pytest.raises(bacalhau.VerificationError, match="was changed after it was written"):
        bacalhau.check_signatures(changed)
    program = command()
    if program is None:
        pytest.skip("there is no command `bacalhau`: name it by BACALHAU")
    receipt = tmp_path / "out/receipt.json"
    receipt.write_text(json.dumps(result.receipt))
    assert bacalhau.parse_receipt(receipt) == result.receipt
    line = [program, "verify", str(receipt), "--module", str(MODULES / "word-count.wasm"), "-i", f"{TEXTS}:/inputs"]
    assert "same" in subprocess.run(line, check=True, capture_output=True, text=True).stdout


def test_inputs_are_bytes_paths_and_archives(runtime: bacalhau.Runtime, tmp_path: Path) -> None:
    module = runtime.load(MODULES / "word-count.wasm")
    text = b"one two two\n"
    (tmp_path / "a.txt").write_bytes(text)
    root = _native.pack(tmp_path / "a.txt", tmp_path / "a.car")
    given: list[bacalhau.runtime.Input] = [text, tmp_path / "a.txt", bacalhau.Car(tmp_path / "a.car")]
    results = [runtime.run(module, inputs={"/inputs/a.txt": source}) for source in given]
    assert len({result.h1 for result in results}) == 1
    identities = [result.claim["job"]["inputs"]["/inputs/a.txt"] for result in results]
    assert identities[0] == identities[1] and identities[2] is not None and root in identities[2]


def test_a_result_is_read_kept_and_removed(runtime: bacalhau.Runtime, tmp_path: Path) -> None:
    result = runtime.run(MODULES / "hello.wasm")
    assert result.stdout.startswith(b"Hello") or result.stdout.startswith(b"hello")
    assert result.stderr == b"" and set(result.files) >= {"stdout", "stderr", "exitCode"}
    for name in ("missing", "../receipt.json", "/etc/passwd"):
        with pytest.raises(KeyError):
            result.read(name)
    place = result.path
    result.keep(tmp_path / "kept")
    assert not place.exists() and bacalhau.dirhash(tmp_path / "kept") == result.h1 and result.stdout
    with pytest.raises(FileExistsError):
        runtime.run(MODULES / "hello.wasm").keep(tmp_path / "kept")
    other = runtime.run(MODULES / "hello.wasm")
    place = other.path
    del other
    assert not place.exists()


def test_what_a_program_does_is_a_result_and_what_no_machine_runs_is_refused(runtime: bacalhau.Runtime) -> None:
    assert runtime.run(EXIT_7).exit_code == 7
    burnt = runtime.run(LOOP, limits={"fuel": 1000})
    assert burnt.exit_code == 152 and burnt.claim["outcome"] == {"limit": "fuel"} and burnt.fuel == 1000
    with pytest.raises(bacalhau.Refused):
        runtime.load(b"no module")
    with pytest.raises(bacalhau.Refused, match="entry point|export"):
        runtime.run(EXIT_7, entry_point="main")
    with pytest.raises(bacalhau.Refused, match="overlap"):
        runtime.run(EXIT_7, inputs={"/a": b"", "/a/b": b""})
    with pytest.raises(ValueError, match="unknown limit 'fule'"):
        runtime.run(EXIT_7, limits={"fule": 1})
    with pytest.raises(ValueError, match='unknown profile "v9"'):
        runtime.run(EXIT_7, profile="v9")
    with pytest.raises(ValueError, match="unknown tier"):
        bacalhau.Runtime(use_cache=False, tier="quick")
    with pytest.raises(bacalhau.HostError, match="open /missing"):
        runtime.run(EXIT_7, inputs={"/inputs": "/missing"})


def test_a_time_out_is_no_result(runtime: bacalhau.Runtime, tmp_path: Path) -> None:
    with pytest.raises(bacalhau.TimedOut):
        runtime.run(LOOP, timeout=0.2, results=tmp_path / "results")
    assert list(tmp_path.iterdir()) == []
    for timeout in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="not a timeout"):
            runtime.run(LOOP, timeout=timeout)


def test_progress_shows_output_and_what_it_raises_cancels(runtime: bacalhau.Runtime) -> None:
    seen: list[bytes] = []

    class Enough(Exception):
        pass

    def progress(now: bacalhau.Progress) -> None:
        seen.append(now.stdout)
        if b"".join(seen) and now.seconds > 0:
            raise Enough

    with pytest.raises(Enough):
        runtime.run(TALK, progress=progress, timeout=600)
    assert b"".join(seen) == b"hi\n"


def test_progress_has_the_counters_of_the_run(runtime: bacalhau.Runtime) -> None:
    seen: list[bacalhau.Progress] = []

    class Enough(Exception):
        pass

    def progress(now: bacalhau.Progress) -> None:
        seen.append(now)
        if now.fuel > 0 and now.bytes_out == 3:
            raise Enough

    with pytest.raises(Enough):
        runtime.run(TALK, progress=progress, timeout=600, inputs={"/in": b"unread"})
    assert seen[-1].memory_bytes >= 65536 and seen[-1].memory_bytes % 65536 == 0
    assert seen[-1].bytes_in == 0
    assert seen[-1].bytes_hashed in (0, 6)
    assert [now.fuel for now in seen] == sorted(now.fuel for now in seen)


def test_ctrl_c_ends_a_run(tmp_path: Path) -> None:
    # A process in the background of a shell ignores the signal, and would not raise KeyboardInterrupt.
    script = (
        "import signal, bacalhau; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"bacalhau.Runtime(use_cache=False).run({LOOP!r}, progress=lambda _: print('runs', flush=True))"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert child.stdout is not None and child.stdout.readline() == b"runs\n"
    assert len(list(tmp_path.glob("bacalhau-*"))) == 1
    child.send_signal(signal.SIGINT)
    _, noted = child.communicate(timeout=120)
    assert b"KeyboardInterrupt" in noted, noted
    assert list(tmp_path.glob("bacalhau-*")) == [], "the temporary directory is removed"


def test_the_interpreter_goes_on_during_a_run_and_runs_are_in_parallel(runtime: bacalhau.Runtime) -> None:
    module = runtime.load(MODULES / "monte-carlo.wasm")
    over = threading.Event()
    counted = [0]

    def count() -> None:
        while not over.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: runtime.run(module).h1, range(32)))
    over.set()
    thread.join()
    assert len(hashes) == 1 and counted[0] > 0
