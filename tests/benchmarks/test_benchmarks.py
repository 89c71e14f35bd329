"""The benchmark runs. What it measures is for people to read: nothing here depends on time."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import ROOT

BENCHMARKS = ROOT / "benchmarks"
SCRIPT = BENCHMARKS / "engine.py"
CHECKER = BENCHMARKS / "checker.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--quick", "--no-install", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.full
def test_the_engine_benchmark_runs(tmp_path: Path) -> None:
    done = run("--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "| collector on: step, ms |" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {"operators", "nn"} <= set(report["memory"])
    assert report["memory"]["nn"]["nodes"] < report["memory"]["operators"]["nodes"] / 2  # a neuron is one dot node
    assert report["large"]["operators"].keys() >= {"chain: backward", "chain: deepcopy", "autograd.sum: drop"}


@pytest.mark.skipif(importlib.util.find_spec("micrograd") is None, reason="micrograd is not installed (extra: full)")
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


# ---- the gradient checker's own quality ----


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The modules of benchmarks/checking."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = ("corpus", "environments", "mutants", "ours", "programs", "table")
    return {name: importlib.import_module(f"checking.{name}") for name in names}


def check(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECKER), "--quick", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.full
def test_the_benchmark_of_the_checker_runs(tmp_path: Path) -> None:
    done = check("--no-peers", "--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert "| checker | mutants killed |" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(report["checkers"]) == {"graph", "custom", "by hand", "black box"}
    assert report["problems"] == 40
    for name, row in report["checkers"].items():
        counts = row["mutants"]
        assert counts["told apart"] == counts["killed"] == counts["all"] == report["mutants"] > 50, name
        if name != "custom":
            assert {"wrong", "error"}.isdisjoint(row["correct"]["total"]), name
            assert row["correct"]["total"]["all"] == 40


@pytest.mark.full
@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_a_peer_is_compared_where_it_is_installed(peer: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(peer) is None:
        pytest.skip(f"{peer} is not installed")
    done = check("--no-install", "--json", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["checkers"][peer]
    assert row["mutants"]["kinds"]["sign flipped"][0] == row["mutants"]["kinds"]["sign flipped"][1]
    assert row["mutants"]["kinds"]["x (1 + 1e-7)"][0] == 0
    assert row["mutants"]["base rejected"] == 0  # the right gradients of these programs


def test_peers_that_are_not_installed_are_named(checking: dict[str, ModuleType], tmp_path: Path) -> None:
    # what the running Python calls autograd is our package, so that HIPS is never found in it
    assert checking["environments"].interpreter("hips", tmp_path, False) == ("", "it is not installed")


def alone(name: str, *point: float) -> dict[str, Any]:
    variables = [f"x{i}" for i in range(len(point))]
    return {"variables": len(point), "lines": [[name, variables]], "result": 0, "point": list(point)}


def by_kind(checking: dict[str, ModuleType], program: dict[str, Any]) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {}
    for mutant in checking["mutants"].mutants_of("", "moderate", program):
        found.setdefault(mutant.kind, []).append(mutant.gradient)
    return found


def test_a_rule_is_mutated_as_it_is_said(checking: dict[str, ModuleType]) -> None:
    found = by_kind(checking, alone("sin", 0.5))
    assert found["sign flipped"] == [[-math.cos(0.5)]]
    assert found["x (1 + 1e-7)"] == [[pytest.approx(math.cos(0.5) * (1 + 1e-7), rel=1e-15)]]
    assert found["operands swapped"] == [[math.cos(math.sin(0.5))]]  # its output for its operand
    found = by_kind(checking, alone("div", 3.0, 2.0))
    assert found["sign flipped"] == [[-0.5, -0.75], [0.5, 0.75]]
    assert found["operands swapped"] == [[1 / 3, -0.75], [0.5, -0.5]]
    assert found["term missing"] == [[0.0, -0.75], [0.5, 0.0]]


def test_terms_of_a_rule_go_missing_one_by_one(checking: dict[str, ModuleType]) -> None:
    slope = math.tan(0.5)
    assert by_kind(checking, alone("tan", 0.5))["term missing"] == [[slope * slope], [1.0]]  # of 1 + z * z


def test_an_adjoint_is_assigned_in_place_of_added_up(checking: dict[str, ModuleType]) -> None:
    square = {"variables": 1, "lines": [["exp", ["x0"]], ["mul", [0, "x0"]]], "result": 1, "point": [0.5]}
    e = math.exp(0.5)
    # (x e^x)' = e^x + x e^x: the path through exp comes last
    assert by_kind(checking, square)["= for +="] == [[0.5 * e]]


@pytest.mark.full
def test_every_operation_and_published_example_has_mutants(checking: dict[str, ModuleType]) -> None:
    from autograd.ops import TABLE

    made, unchanged = checking["mutants"].all_mutants(4, False)
    sources = {m.source for m in made}
    assert {op.name for op in TABLE.values() if op.public} <= sources, "add it to benchmarks/checking"
    assert sum(source.startswith("published: ") for source in sources) == len(checking["mutants"].CASES)
    assert min(m.change for m in made) >= 1e-8 > max(m.change for m in unchanged)


def test_programs_of_the_peers_are_the_expressions(checking: dict[str, ModuleType]) -> None:
    for p in checking["corpus"].problems(1, 20):
        f = checking["mutants"].expression(p.program)
        again = checking["programs"].run(p.program, p.program["point"], checking["ours"].FORWARD)
        assert again == f(*p.program["point"])
        assert p.truth in checking["corpus"].TRUTHS


@pytest.mark.parametrize(
    ("lines", "point", "truth"),
    [
        ([["relu", ["x0"]]], 0.5, "smooth"),
        ([["relu", ["x0"]]], 0.0, "kink"),
        ([["sign", ["x0"]]], 0.0, "kink"),
        ([["relu", ["x0"]], ["neg", ["x0"]], ["relu", [1]], ["sub", [0, 2]]], 0.0, "cancelling kinks"),
        ([["square", ["x0"]], ["cos", [0]]], 12611483.485179719, "lost in rounding"),
    ],
)
def test_mpmath_says_what_a_point_is(
    checking: dict[str, ModuleType], lines: list[Any], point: float, truth: str
) -> None:
    program = {"variables": 1, "lines": lines, "result": len(lines) - 1, "point": [point]}
    f = checking["mutants"].expression(program)
    assert checking["corpus"].problem(f, [point], "generic").truth == truth


def test_what_counts_as_a_rejection(checking: dict[str, ModuleType]) -> None:
    table, problem = checking["table"], checking["corpus"].Problem
    right = [problem(alone("sin", 0.0), kind, "smooth", [1.0], [1.0]) for kind in ("generic", "large", "small")]
    kink = problem(alone("abs", 0.0), "at a kink", "kink", [0.0], [0.0])
    cancelling = problem(alone("abs", 0.0), "at a kink", "cancelling kinks", [0.0], [0.0])
    made = [*right, kink, kink, cancelling]
    answers = [("wrong", [1.0], 0.0), ("error: X", [], 0.0), ("wrong", [1.1], 0.0)]  # the last: its gradient is off
    answers += [("wrong", [1.0], 0.0), ("undecidable", [], 0.0), ("wrong", [], 0.0)]
    counts = table.count_correct(made, answers)
    assert counts["total"] == {"wrong": 2, "error": 1, "own gradient off": 1, "undecidable": 1, "all": 5}
    assert counts["others"]["cancelling kinks"] == {"wrong": 1}
    assert (table.rejected("convention"), table.killed("convention")) == (False, True)
