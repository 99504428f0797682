"""The key that signs jobs."""

from __future__ import annotations

import os
from pathlib import Path

from ._native import Identity

__all__ = ["Identity", "default_identity"]


def default_identity() -> Identity:
    """The key of the command `bacalhau`, created if absent: jobs of either can be cancelled by the other."""
    own = os.environ.get("BACALHAU_DIR")
    base = os.environ.get("XDG_DATA_HOME")
    data = Path(own) if own else (Path(base) if base else Path.home() / ".local/share") / "bacalhau"
    return Identity.from_file(data / "client_key")
