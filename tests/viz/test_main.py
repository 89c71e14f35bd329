"""python -m viz: a saved graph, walked or written."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.viz_graphs import figure5

import autograd as ag
from autograd import Value
from viz.__main__ import main


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "graph.json"
    ag.save(figure5(backward=False), path)
    return str(path)


def failed(arguments: list[str], capsys) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_plain(graph, capsys):
    assert main([graph, "--plain"]) == 0
    edges = capsys.readouterr().out
    assert "step 22 of 22  dL/db2" in edges
    assert main([graph]) == 0  # no terminal here
    assert capsys.readouterr().out == edges
    assert main([graph, "--grain", "neuron", "--forward", "--learning-rate", "0.1", "--digits", "3"]) == 0
    out = capsys.readouterr().out
    assert "w1 <- w1 - alpha * dL/dw1 = 0.8 - 0.1 * 0.102 = 0.79" in out


def test_saving(graph, tmp_path, capsys):
    assert main([graph, "--save", str(tmp_path / "walk.svg")]) == 0
    assert (tmp_path / "walk.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert capsys.readouterr().out == ""
    assert "a walk is saved as .html" in failed([graph, "--save", "walk.gif"], capsys)


def test_errors_are_one_line_and_status_2(graph, tmp_path, capsys):
    assert failed([str(tmp_path / "none.json")], capsys).startswith("python -m viz: error: ")
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert failed([str(broken)], capsys).count("\n") == 1
    assert "the learning rate must be a positive number" in failed([graph, "--learning-rate", "-1"], capsys)
    assert "digits must be a whole number" in failed([graph, "--digits", "0"], capsys)
    assert "invalid choice: 'layer'" in failed([graph, "--grain", "layer"], capsys)


def test_several_roots(tmp_path, capsys):
    x = Value(2.0, name="x")
    a, b = x * 2.0, ag.exp(x)
    a.name, b.name = "a", "m.b"
    path = str(tmp_path / "two.json")
    ag.save([a, b], path)
    assert "has 2 roots (a, m.b): choose one with --root NAME" in failed([path, "--plain"], capsys)
    assert main([path, "--plain", "--root", "b"]) == 0
    assert "db/dx" in capsys.readouterr().out
    assert "choose one" in failed([path, "--root", "zz"], capsys)


@pytest.mark.slow
def test_help_and_the_module_itself(graph):
    shown = subprocess.run([sys.executable, "-m", "viz", "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in shown.stdout
    assert "prompt_toolkit" in shown.stdout
    run = subprocess.run([sys.executable, "-m", "viz", graph, "--plain"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("step 1 of 22")
