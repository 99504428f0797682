"""Keys in files, and what the environment says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import command

import bacalhau


def test_a_key_is_created_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data/client_key"
    made = bacalhau.Identity.from_file(path)
    assert bacalhau.Identity.from_file(path).peer_id == made.peer_id != bacalhau.Identity.ephemeral().peer_id
    assert path.stat().st_mode & 0o777 == 0o600 and made.peer_id in repr(made)
    path.chmod(0o644)
    with pytest.raises(bacalhau.HostError, match="chmod 600"):
        bacalhau.Identity.from_file(path)
    path.chmod(0o600)
    path.write_bytes(b"something else")
    with pytest.raises(bacalhau.HostError, match="no libp2p private key"):
        bacalhau.Identity.from_file(path)


def test_the_key_is_that_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACALHAU_DIR", str(tmp_path))
    peer = bacalhau.default_identity().peer_id
    program = command()
    if program is None:
        pytest.skip("there is no command `bacalhau`: name it by BACALHAU")
    environment = {"BACALHAU_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    printed = subprocess.run([program, "id", "--output", "json"], env=environment, check=True, capture_output=True, text=True)
    assert f'"{peer}"' in printed.stdout
    monkeypatch.delenv("BACALHAU_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    bacalhau.default_identity()
    assert (tmp_path / "xdg/bacalhau/client_key").exists()


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "http://127.0.0.1:1234"),
        ({"HOST": "node7"}, "http://node7:1234"),
        ({"HOST": "node7", "PORT": "99"}, "http://node7:99"),
        ({"HOST": "::1"}, "http://[::1]:1234"),
        ({"HOST": "https://jobs.example"}, "https://jobs.example"),
    ],
)
def test_the_server_is_named_by_the_environment(
    variables: dict[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACALHAU_DIR", str(tmp_path))
    for name in ("HOST", "PORT", "TOKEN", "CA"):
        monkeypatch.delenv(f"BACALHAU_API_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"BACALHAU_API_{name}", value)
    assert bacalhau.Client.from_environment().url == url
