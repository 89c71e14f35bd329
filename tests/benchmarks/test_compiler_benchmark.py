"""The compiler's benchmark runs, and its models are right. What it measures is for people to read."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

BENCHMARKS = ROOT / "benchmarks"
SCRIPT = BENCHMARKS / "compiler.py"


@pytest.fixture(autouse=True)
def _benchmarks_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.full
def test_ours_and_numpy_by_hand_agree_and_are_timed(tmp_path: Path) -> None:
    done = run("--quick", "--peers", "numpy", "--rows", "a1,b,d", "--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "| | autograd.compile | NumPy by hand |" in done.stdout
    rows = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["rows"]
    assert list(rows) == [f"{row} {dtype}" for row in ("a1", "b", "d") for dtype in ("float64", "float32")]
    for key, entry in rows.items():
        assert not entry["failures"]
        limit = 1e-10 if "float64" in key else 2e-3
        assert all(check["difference"] < limit for check in entry["checks"].values())
        assert entry["engines"]["numpy"]["ratio"]["median"] > 0


@pytest.mark.parametrize("row", ["a1", "a200", "b"])
def test_by_hand_agrees_with_the_eager_engine(row: str) -> None:
    from compiler_peers import by_hand, eager, scalar_loop

    loss, gradient = by_hand.make(row, "float64").gradients()
    for other in (eager, scalar_loop):
        other_loss, other_gradient = other.make(row, "float64").gradients()
        assert loss == pytest.approx(other_loss, rel=1e-12)
        assert np.abs(gradient - other_gradient).max() < 1e-12 * np.abs(gradient).max()


@pytest.mark.parametrize("row", ["a200", "b", "c", "d", "e", "f1s"])
def test_the_scalar_models_are_what_numpy_by_hand_computes(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one sample; the whole batch is the benchmark's own check."""
    import dataclasses

    import compiler_models
    from compiler_peers import by_hand, by_hand_irregular, by_hand_language, workloads

    if row == "f1s":
        monkeypatch.setitem(workloads.IRREGULAR, row, (2_000, 30, 1))
        workloads.workload.cache_clear()
    work = workloads.workload(row)
    one = dataclasses.replace(work, batch=work.batch[:1])
    for module in (by_hand, by_hand_irregular, by_hand_language):
        monkeypatch.setattr(module, "workload", lambda _: one)
    loss, gradient = by_hand.make(row, "float64").gradients()
    root, parameters, inputs = compiler_models.MODELS[row]()
    root.backward()
    workloads.workload.cache_clear()
    assert [leaf.data for leaf in inputs] == one.batch[0].tolist()
    assert root.data == pytest.approx(loss, rel=1e-12)
    assert np.abs(gradient - [p.grad for p in parameters]).max() < 1e-12 * np.abs(gradient).max()


def test_the_unrolled_model_is_the_mean_over_the_batch() -> None:
    import compiler_models
    from compiler_peers import by_hand

    loss, gradient = by_hand.make("b", "float64").gradients()
    for dense_layer in (compiler_models.layer, compiler_models.layer_of_operators):
        root, parameters, inputs = compiler_models.margin_unrolled(dense_layer=dense_layer)
        root.backward()
        assert len(inputs) == 300
        assert root.data == pytest.approx(loss, rel=1e-12)
        assert np.abs(gradient - [p.grad for p in parameters]).max() < 1e-12 * np.abs(gradient).max()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("row", ["a1", "a200"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_straight_c_agrees(row: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compiler_peers import by_hand, straight_c

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    loss, gradient = by_hand.make(row, "float64").gradients()
    made = straight_c.make(row, dtype)
    for _ in range(2):  # nothing is left over from the first pass
        c_loss, c_gradient = made.gradients()
        limit = 1e-12 if dtype == "float64" else 1e-5
        assert c_loss == pytest.approx(loss, rel=limit)
        assert np.abs(gradient - c_gradient).max() < limit * np.abs(gradient).max()


@pytest.mark.parametrize("row", ["a200", "b", "c", "d", "e"])
def test_a_step_by_hand_descends(row: str) -> None:
    from compiler_peers import by_hand

    made = by_hand.make(row, "float64")
    before, gradient = made.gradients()
    made.step()
    after, _ = made.gradients()
    from compiler_peers.workloads import workload

    assert before - after == pytest.approx(workload(row).rate * float(gradient @ gradient), rel=0.2)


def test_a_sample_is_stopped_at_the_limit() -> None:
    done = run("--quick", "--peers", "numpy", "--rows", "e", "--dtypes", "float32", "--limit", "0.01")
    assert done.returncode != 0
    assert "NumPy by hand failed on row e: does not compile in 0.01 s" in done.stderr


@pytest.mark.parametrize("options", [("--rows", "z"), ("--peers", "chainer"), ("--dtypes", "int8")])
def test_a_wrong_name_is_told(options: tuple[str, str]) -> None:
    done = run(*options)
    assert done.returncode != 0
    assert f"{options[1]!r}: choose from" in done.stderr


@pytest.mark.full
def test_a_peer_that_is_not_installed_is_left_out(tmp_path: Path) -> None:
    options = ("--quick", "--no-install", "--environments", str(tmp_path), "--peers", "torch", "--rows", "a1")
    done = run(*options, "--dtypes", "float64")
    assert done.returncode == 0, done.stderr
    assert "torch is left out: not installed" in done.stderr
    assert "PyTorch" not in done.stdout


@pytest.mark.full
@pytest.mark.skipif(shutil.which("gcc") is None, reason="the straight-line C engine needs gcc")
def test_loading_the_c_engine_leaves_small_numbers_alone() -> None:
    """Linked with -ffast-math, the library would make the whole process flush subnormal numbers to zero."""
    program = (
        "from compiler_peers import straight_c\n"
        "straight_c.make('a1', 'float64').gradients()\n"
        "assert 2.0**-1022 / 4 > 0.0, 'flushed'\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=BENCHMARKS, check=True, timeout=300)
