"""Environments for the peers, one each, made by `venv` and `pip`. A peer is never a dependency of the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = {
    "torch": ["torch==2.13.0", "numpy"],
    "jax": ["jax[cpu]"],
    "casadi": ["casadi", "numpy"],
    "micrograd": ["micrograd==0.1.0", "numpy"],
}
"""By environment. PyTorch's version is fixed: another one may bring gigabytes for devices that are not used here."""


def interpreter(folder: Path, name: str) -> Path:
    """Of an environment that is there or not."""
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(folder: Path, name: str, install: bool) -> str | None:
    """Make an environment where it is missing; why that failed, or None.

    Its interpreter is the one that runs this.
    """
    python = interpreter(folder, name)
    probe = [str(python), "-c", f"import numpy, {name}"]
    if python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return None
    if not install:
        return "not installed"
    for command in (
        [sys.executable, "-m", "venv", str(folder / name)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS[name]],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"could not be installed: {done.stderr.strip()[-300:]}"
    return None
