"""draw(): SVG that says what it should, whatever the names are, and the same every time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import NAMES
from support.viz_graphs import SVG, figure5, mlp, random_graph, texts, tips

import autograd as ag
import viz
from autograd import Value
from viz.markup import visible
from viz.svg import path


def test_figure5_shows_every_name_number_and_derivative():
    svg = viz.draw(figure5(), notes={"x1": "71 kg", "x2": "178 cm"}).svg
    shown = texts(svg)
    for word in ("w1", "b3", "x2", "L", "neuron h1", "71 kg", "178 cm", "w1·x1 + w2·x2 + b1", "y − o1", "σ"):
        assert word in shown
    for number in ("0.102", "−0.0509", "0.187", "0.554", "−1.1"):
        assert number in shown
    assert any("h1.w1" in tip and "gradient 0.101" in tip for tip in tips(svg))
    assert "gradient: orange −, blue +" in shown
    assert "|local × upstream|" in shown


def test_the_picture_is_accessible_and_has_no_scripts():
    root = ET.fromstring(viz.draw(figure5(), title="Figure 5").svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == "Figure 5"
    assert root.find(f"{SVG}title").text == "Figure 5"
    assert "20 cards" in root.find(f"{SVG}desc").text
    for element in root.iter():
        assert element.tag.rpartition("}")[2] in {"svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan"}
        assert not any(name.startswith("on") or name == "id" or "href" in name for name in element.attrib)


def test_every_colour_is_literal():
    svg = viz.draw(figure5()).svg
    assert "var(" not in svg
    assert "url(" not in svg
    body = re.sub(r"<style>.*?</style>", "", svg)
    assert all(re.fullmatch(r"#[0-9a-f]{6}|none", c) for c in re.findall(r'(?:fill|stroke)="([^"]*)"', body))


def test_gradients_not_computed_are_dashes():
    shown = texts(viz.draw(figure5(backward=False)).svg)
    assert shown.count("–") == 21  # one for every card, one in the legend
    assert "gradient not computed: call backward()" in shown
    assert "0" not in shown


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_every_name_is_shown_as_that_text(name):
    x = Value(1.5, name=name)
    y = ag.exp(x)
    y.name = f"s.{name}" if "." not in name else "s.y"
    z = y * 2.0
    z.backward()
    svg = viz.draw(z, title=name, notes={name: name}).svg
    shown, wanted = texts(svg), visible(name)
    cut = [text[:-1].rstrip("\u2069") for text in shown if text.endswith("…")]
    assert wanted in shown or any(map(wanted.startswith, cut))
    assert any(wanted in tip for tip in tips(svg))
    assert "<script" not in svg
    viz.to_dot(z, title=name)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=5), st.floats(), st.floats())
def test_any_names_and_numbers_make_xml(names, a, b):
    values = [Value(a if i % 2 else b, name=name) for i, name in enumerate(names)]
    with ag.ieee():
        root = ag.sum(values) * 2.0 + ag.dot(values, values)
        root.backward()
    ET.fromstring(viz.draw(root).svg.encode())


def test_odd_numbers_are_readable():
    values = [Value(x, name=f"v{i}") for i, x in enumerate([float("nan"), float("inf"), -0.0, 1e-300, 1e300])]
    root = ag.sum(values)
    root.backward()
    shown = texts(viz.draw(root).svg)
    for word in ("nan", "∞", "−0", "1e−300", "1e300"):
        assert word in shown


@pytest.mark.parametrize("make", [figure5, lambda: mlp([2, 3, 1], products=True), lambda: random_graph(5)])
def test_the_same_graph_gives_the_same_bytes(make):
    first, second = viz.draw(make()), viz.draw(make())
    assert first.svg == second.svg
    assert first.dot == second.dot


def test_a_folded_picture_says_so():
    svg = viz.draw(mlp([3, 4, 4, 1]), max_cards=30).svg
    assert any("values drawn as" in text and "folded" in text for text in texts(svg))
    assert any("values in one card" in tip for tip in tips(svg))


def test_title():
    assert texts(viz.draw(Value(1.0, name="a"), title="").svg)[0] == "a"
    assert texts(viz.draw(Value(1.0)).svg)[0] == "Gradient graph"


def test_custom_operations_are_drawn():
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 3.0 * x * x)
    y = cube(Value(2.0, name="x"))
    y.backward()
    shown = texts(viz.draw(y).svg)
    assert "cube" in shown
    assert "12" in shown


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="engine must be 'layered' or 'dot', got 'neato'"):
        viz.draw(Value(1.0), engine="neato")


def test_paths_join_runs_with_level_curves():
    assert path([(0, 10, 5), (30, 40, 9)]) == "M0 5H10C20 5 20 9 30 9H40"
    assert path([(0, 0, 5), (30, 30, 9)]) == "M0 5C15 5 15 9 30 9"


def test_everything_public_is_there():
    assert set(viz.__all__) >= {"Figure", "draw", "to_dot", "network", "explain", "Explanation", "curve"}
    assert callable(viz.draw)
    assert callable(viz.to_dot)
