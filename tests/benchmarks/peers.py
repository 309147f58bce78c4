"""Peers that are measured beside Duet, each in an environment of its own under var/peers: their pins clash."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "var" / "peers"


def evalica_python() -> Path:
    """The interpreter of an environment with evalica, which is made when there is none."""
    return _python("evalica", "evalica==0.4.2", "pyarrow")


def _python(name: str, *packages: str) -> Path:
    folder = PEERS / name
    python, stamp = folder / "bin" / "python", folder / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(packages):
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        stamp.write_text(" ".join(packages))
    return python
