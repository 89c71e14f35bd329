"""The benchmark runs. What it measures is for people to read: nothing here depends on time."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "engine.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--quick", "--no-install", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_the_engine_benchmark_runs(tmp_path: Path) -> None:
    done = run("--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "| collector on: step, ms |" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {"operators", "nn"} <= set(report["memory"])
    assert report["memory"]["nn"]["nodes"] < report["memory"]["operators"]["nodes"] / 2  # a neuron is one dot node
    assert report["large"]["operators"].keys() >= {"chain: backward", "chain: deepcopy", "autograd.sum: drop"}


@pytest.mark.skipif(importlib.util.find_spec("micrograd") is None, reason="micrograd is not installed (extra: bench)")
def test_micrograd_is_compared_where_it_is_installed(tmp_path: Path) -> None:
    done = run("--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["gradient_difference"] < 1e-12
    assert "ratio" in report["collector on"]["nn"]


def test_a_sample_that_fails_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--sample", '{"what": "nothing"}'],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
