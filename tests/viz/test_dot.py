"""DOT source: quoting, clusters, and the absence, slowness and failure of `dot`, which one test skips without."""

from __future__ import annotations

import re
import shutil
import subprocess
from xml.etree import ElementTree

import graphviz
import pytest
from support.viz_graphs import figure5, mlp

import viz
from autograd import Value
from viz import dot
from viz.markup import visible

# A DOT string in quotes: anything but a quote that is not escaped.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def shown(string: str) -> str:
    """What Graphviz shows for a quoted label: \\n is a line break, \\\\ and \\" the character, entities resolved."""
    inner = string[1:-1].replace('\\"', '"')
    inner = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], inner)
    return inner.replace("&amp;", "&")


def labels(source: str) -> list[str]:
    return [shown(s) for s in re.findall(r'label=("(?:[^"\\]|\\.)*")', source, re.DOTALL)]


def test_figure5_in_dot():
    graph = viz.to_dot(figure5(), notes={"x1": "71 kg"})
    assert isinstance(graph, graphviz.Digraph)
    source = graph.source
    assert source.count("subgraph cluster_") == 3
    assert source.count(" -> ") == 21
    assert "w₁   [param]\ndata 0.8\ngrad 0.102" in labels(source)
    assert "x₁   [input]\n71 kg\ndata −2\ngrad −0.034" in labels(source)
    assert "neuron h₁" in labels(source)
    assert viz.draw(figure5(), notes={"x1": "71 kg"}).dot == source


@pytest.mark.parametrize(
    "name",
    ["<script>", "<b>x</b>", 'a|b{c}"', "&amp;", "\\N", '\\"', "ends in \\", "a\nb", "\x00", "node", "שלום",
     '"];x[label="', "->", "#c", "//", "/* */", "a;b", "{}", "👩\u200d👧"],
)  # fmt: skip
def test_every_name_is_shown_as_that_text(name):
    y = Value(1.0, name=name) * 2.0
    y.name = "s." + name
    source = viz.to_dot(y, title=name).source
    found = [text.split("\n") for text in labels(source)]
    assert any(lines[0] == f"{visible(name)}   [input]" for lines in found)
    assert any(lines[0] == visible(name) for lines in found)
    # outside quoted strings only the syntax that we wrote is left: no name got out
    bare = STRING.sub("", source)
    assert re.fullmatch(r"[\w\s{}\[\]=\->.,;]*", bare), bare
    assert re.findall(r"label=<", source) == []


def test_no_program_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(dot.shutil, "which", lambda program: None)
    with pytest.raises(RuntimeError, match="engine='dot' needs Graphviz, and its program 'dot' is not on the PATH"):
        viz.draw(figure5(), engine="dot")


def test_the_program_draws_the_same_scene_within_a_time_limit(monkeypatch):
    seen = {}

    def run(command, *, input, timeout, **more):
        seen.update(command=command, source=input.decode(), timeout=timeout)
        out = b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg>drawn</svg>\n'
        return subprocess.CompletedProcess(command, 0, out, b"")

    monkeypatch.setattr(dot.shutil, "which", lambda program: "somewhere/dot")
    monkeypatch.setattr(dot.subprocess, "run", run)
    figure = viz.draw(figure5(), engine="dot", time_limit=7)
    assert figure.svg == "<svg>drawn</svg>\n"
    assert seen == {"command": ["somewhere/dot", "-Tsvg"], "source": figure.dot, "timeout": 7}
    assert figure.dot == viz.draw(figure5()).dot


def test_a_slow_program_is_stopped(monkeypatch):
    def run(command, *, timeout, **more):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(dot.shutil, "which", lambda program: "dot")
    monkeypatch.setattr(dot.subprocess, "run", run)
    with pytest.raises(RuntimeError, match=r"dot was not done after 0\.5 s and was stopped"):
        viz.draw(figure5(), engine="dot", time_limit=0.5)


def test_a_failing_program_is_quoted(monkeypatch):
    monkeypatch.setattr(dot.shutil, "which", lambda program: "dot")
    result = subprocess.CompletedProcess(["dot"], 1, b"", b"Error: out of memory\n")
    monkeypatch.setattr(dot.subprocess, "run", lambda *args, **more: result)
    with pytest.raises(RuntimeError, match="dot failed: Error: out of memory"):
        viz.draw(figure5(), engine="dot")


def test_nested_scopes_are_nested_clusters():
    source = viz.to_dot(mlp([2, 2, 1])).source
    assert source.count("\n\t\tsubgraph cluster_") == 2
    assert source.count("\n\tsubgraph cluster_") == 2


def test_saved_as_dot(tmp_path):
    viz.draw(figure5()).save(tmp_path / "x.dot")
    assert (tmp_path / "x.dot").read_text(encoding="utf-8") == viz.to_dot(figure5()).source


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed: no program dot")
def test_graphviz_itself_draws_the_scene_with_every_name_as_it_is():
    product = Value(2.0, name="<script>") * Value(3.0, name='a|b{c}"')
    product.backward()
    figure = viz.draw(product, engine="dot")
    shown = "".join(ElementTree.fromstring(figure.svg).itertext())
    assert "<script>" in shown
    assert 'a|b{c}"' in shown
    assert "grad 3" in shown
