"""A virtual environment for each peer: none of them is a dependency of ours, and HIPS has our import name."""

import os
import subprocess
import sys
from pathlib import Path

PEERS: dict[str, tuple[str, list[str]]] = {
    "torch": ("torch.autograd.gradcheck", ["torch==2.13.0", "numpy"]),
    "jax": ("jax.test_util.check_grads", ["jax[cpu]==0.10.2"]),
    "hips": ("autograd.test_util.check_grads (HIPS)", ["autograd==1.9.1", "scipy"]),
}
"""What each is called, and what pip installs for it."""

VERSION = "import importlib.metadata as m; import {0}; print('{1} ' + m.version('{1}'))"


def version(name: str, python: str) -> str:
    """The library and its version, as that interpreter has it; "" where it has none."""
    package = "autograd" if name == "hips" else name
    module = "autograd.scipy.special, autograd.test_util" if name == "hips" else name
    done = run([python, "-c", VERSION.format(module, package)])
    return done.stdout.strip() if done.returncode == 0 else ""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A command that does not see our packages."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    here = Path(__file__).resolve().parent.parent
    return subprocess.run(command, env=environment, cwd=here, capture_output=True, text=True, check=False)


def interpreter(name: str, folder: Path, install: bool) -> tuple[str, str]:
    """The Python that runs a peer, and the peer's version; ("", why not) where there is none.

    In order: the environment in ``folder``, made if ``install``; else the running Python, if it has the library.
    """
    place = folder / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if install and not python.exists():
        for command in (
            [sys.executable, "-m", "venv", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", *PEERS[name][1]],
        ):
            done = run(command)
            if done.returncode:
                return "", f"its environment could not be made: {done.stderr.strip()[-300:]}"
    for candidate in (str(python), sys.executable):
        if candidate == sys.executable and name == "hips":
            continue  # what it calls autograd is our package
        found = version(name, candidate) if Path(candidate).exists() else ""
        if found:
            return candidate, found
    return "", "it is not installed"
