"""What type checkers see: numbers give numbers, arrays give arrays; the stub is made from the class."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

SAMPLES = """
import numpy as np
import numpy.typing as npt
import autograd as ag
from autograd import Dual, Value

x = Value(2.0)
d = Dual(1.0, 1.0, 1)
a: npt.NDArray[np.float64] = np.ones(3)
"""

VALUES = ["x * x", "2 * x", "x + 1", "1 - x", "x**2", "x / 2", "-x", "+x", "abs(x)", "2.0 / x", "2**x",
          "x - np.float64(1)", "x.tanh()", "x.maximum(1.0)", "x.leaky_relu()", "ag.exp(x)", "ag.exp(x * x - 1)",
          "ag.maximum(x, 1.0)", "ag.hypot(1.0, x)", "ag.clip(x, 0.0, 1.0)", "x.detach()"]  # fmt: skip
DUALS = ["d * d", "2 * d", "ag.exp(d)", "ag.maximum(d, 1.0)"]
FLOATS = ["ag.exp(1.0)", "ag.maximum(1.0, 2)", "x.data", "x.grad"]
ARRAYS = ["ag.exp(a)", "x * a", "x + a", "a * x", "a - x", "ag.maximum(a, x)", "ag.maximum(x, a)", "ag.pow(a, 2.0)"]
ERRORS = ["x + 'text'", "x * None", "float(x)", "x // 2"]

EXPECTED = [(text, name) for texts, name in ((VALUES, "Value"), (DUALS, "Dual"), (FLOATS, "float"), (ARRAYS, "ndarray"))
            for text in texts]  # fmt: skip


def asked(path: Path) -> None:
    """A file that asks for the types of all samples, and holds the errors."""
    lines = [f"reveal_type({text})" for text, _ in EXPECTED] + ERRORS
    path.write_text(SAMPLES + "\n".join(lines) + "\n", encoding="utf-8")


def check(output: str) -> None:
    """Each sample has its type in what a checker printed, and each error is one."""
    first = SAMPLES.count("\n") + 1
    for number, (_, name) in enumerate(EXPECTED, start=first):
        (line,) = re.findall(rf"sample\.py:{number}:.*(?:Revealed type is|Type of).*", output)
        kind = line.rpartition(" is ")[2].strip('"')
        assert re.search(rf"\b{name}\b", kind), line
        assert not re.search(r"\b(Any|Unknown)$", kind), line
    for number, text in enumerate(ERRORS, start=first + len(EXPECTED)):
        assert re.search(rf"sample\.py:{number}:.* error", output), text


def printed(command: list[str], where: Path) -> str:
    """What a checker prints about the samples; the packages are found where they stand."""
    surroundings = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=where, timeout=300, check=False, env=surroundings
    )
    return done.stdout


@pytest.mark.full
def test_mypy_sees_numbers_and_arrays(tmp_path: Path) -> None:
    asked(tmp_path / "sample.py")
    command = [sys.executable, "-m", "mypy", "--config-file=", "--strict", f"--cache-dir={tmp_path}", "sample.py"]
    check(printed(command, tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_pyright_sees_numbers_and_arrays(tmp_path: Path) -> None:
    asked(tmp_path / "sample.py")
    command = ["pyright", "--pythonpath", sys.executable, "sample.py"]
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT)]}), encoding="utf-8")
    check(printed(command, tmp_path))


def test_the_stub_is_what_the_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_number", ROOT / "docs" / "make_number.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.STUB.read_text("utf-8") == script.stub(), "run `python docs/make_number.py`"
