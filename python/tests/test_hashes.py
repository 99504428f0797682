"""Hashes of directories and names of bytes, against values that other programs computed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import MODULES, TEXTS, command

import bacalhau


def test_the_name_of_a_module_is_that_of_the_examples() -> None:
    wasm = (MODULES / "hello.wasm").read_bytes()
    assert bacalhau.cid(wasm) == bacalhau.cid(MODULES / "hello.wasm") == bacalhau.Runtime(use_cache=False).load(wasm).cid
    # The empty block has a well-known name.
    assert bacalhau.cid(b"") == "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_a_directory_has_the_hash_that_the_command_prints(tmp_path: Path) -> None:
    program = command()
    if program is None:
        pytest.skip("there is no command `bacalhau`: name it by BACALHAU")
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/ä.txt").write_bytes(b"x" * 3_000_000)
    (tmp_path / "a-b").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path, TEXTS):
        printed = subprocess.run([program, "hash", str(directory)], check=True, capture_output=True, text=True)
        assert printed.stdout.strip() == bacalhau.dirhash(directory)


def test_what_has_no_hash_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(bacalhau.VerificationError, match="is not a directory"):
        bacalhau.dirhash(tmp_path / "a")
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(bacalhau.VerificationError, match="link or a special file"):
        bacalhau.dirhash(tmp_path)
    (tmp_path / "link").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(bacalhau.VerificationError, match="link or a special file"):
        bacalhau.dirhash(tmp_path)
    (tmp_path / "pipe").unlink()
    (tmp_path / "a\nb").write_text("x")
    with pytest.raises(bacalhau.VerificationError, match="newline"):
        bacalhau.dirhash(tmp_path)
    (tmp_path / "a\nb").unlink()
    (tmp_path / os.fsdecode(b"\xff")).write_text("x")
    with pytest.raises(bacalhau.VerificationError, match="not UTF-8"):
        bacalhau.dirhash(tmp_path)
    with pytest.raises(FileNotFoundError):
        bacalhau.dirhash(tmp_path / "missing")


def test_a_tree_that_is_too_deep_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "/".join(["d"] * 258)).mkdir(parents=True)
    with pytest.raises(bacalhau.VerificationError, match="nested deeper than 256"):
        bacalhau.dirhash(tmp_path)
    shutil.rmtree(tmp_path / "d")
