"""A server of one machine with three nodes, for the tests of the client: the command that BACALHAU names, or that the package has."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import bacalhau

TOP = Path(os.environ.get("BACALHAU_TOP") or Path(__file__).resolve().parents[2]).resolve()
MODULES = TOP / "wasm-examples/modules"
TEXTS = TOP / "wasm-examples/data/texts"
START_SECONDS = 120
TOKEN = "0123456789abcdef-submits"
READ_TOKEN = "0123456789abcdef-reads"


def command() -> str | None:
    """The path of the command."""
    own = os.environ.get("BACALHAU") or os.path.join(sysconfig.get_path("scripts"), "bacalhau")
    return shutil.which(own)


def address(file: Path) -> str | None:
    """The URL of the first node in what `devstack` printed, once that is complete."""
    try:
        found = json.loads(file.read_text())
    except ValueError:
        return None
    url = found["nodes"][0]["api"]
    assert isinstance(url, str)
    return url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with three nodes behind it."""
    program = command()
    if program is None:
        pytest.skip("there is no command `bacalhau`: name it by BACALHAU")
    place = tmp_path_factory.mktemp("devstack")
    tokens = place / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{TOKEN}\n{READ_TOKEN} read\n")
    line = [program, "devstack", "--nodes", "3", "--job-selection-data-locality", "anywhere", "--api-token-file", str(tokens)]
    environment = {"HOME": str(place), "PATH": os.environ["PATH"], "BACALHAU_DIR": str(place / "data")}
    said = place / "addresses"
    with open(said, "wb") as out, open(place / "log", "wb") as log:
        process = subprocess.Popen(
            [*line, "--output", "json"], cwd=place, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=log
        )
    deadline = time.monotonic() + START_SECONDS
    while (url := address(said)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the server did not start: {(place / 'log').read_text()}")
        time.sleep(0.1)
    yield url
    process.send_signal(signal.SIGINT)
    process.wait(timeout=START_SECONDS)


@pytest.fixture
def client(server: str) -> bacalhau.Client:
    """A client of that server with a key of its own."""
    return bacalhau.Client(server, identity=bacalhau.Identity.ephemeral(), token=TOKEN)
