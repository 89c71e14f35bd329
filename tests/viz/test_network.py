"""network(root): what is found from names and graph, where it stands, and what the picture says."""

import itertools
import random
import re
import xml.etree.ElementTree as ET

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import autograd as ag
import nn
from autograd import Value
from autograd.errors import StaleGraphError
from viz.chips import Box, Line, overlap, place_on_lines
from viz.network import network
from viz.network_plan import CHIP_HEIGHT, gradient, plan
from viz.neurons import find_network

SVG = "{http://www.w3.org/2000/svg}"


def mlp(sizes, seed=1, inputs=None):
    """A network of tanh neurons named layer1.n2 and so on; its outputs."""
    r = random.Random(seed)
    xs = inputs or [Value(r.uniform(-1, 1), f"x{i + 1}") for i in range(sizes[0])]
    for number, size in enumerate(sizes[1:], 1):
        outputs = []
        for k in range(1, size + 1):
            scope = f"layer{number}.n{k}"
            weights = [Value(r.uniform(-1, 1), f"{scope}.w{i + 1}") for i in range(len(xs))]
            s = ag.dot(weights, xs, Value(0.1, f"{scope}.b"))
            s.name = f"{scope}.s"
            h = ag.tanh(s)
            h.name = f"{scope}.n{k}"
            outputs.append(h)
        xs = outputs
    return xs


def loss_of(outputs):
    loss = ag.sum([(o - Value(1.0, f"y{i + 1}")) ** 2 for i, o in enumerate(outputs)])
    loss.name = "L"
    return loss


def figure5(by_hand=False):
    """The network of figure 5 and its loss."""
    x1, x2 = Value(-2.0, "x1"), Value(-1.0, "x2")

    def neuron(name, weights, xs, bias):
        ws = [Value(w, f"{name}.{n}") for n, w in weights.items()]
        b = Value(bias[1], f"{name}.{bias[0]}")
        s = sum((w * x for w, x in zip(ws, xs, strict=True)), b) if by_hand else ag.dot(ws, xs, b)
        h = s.sigmoid()
        h.name = f"{name}.{name}"
        return h

    h1 = neuron("h1", {"w1": 0.8, "w2": -0.4}, [x1, x2], ("b1", 0.1))
    h2 = neuron("h2", {"w3": 0.3, "w4": 0.9}, [x1, x2], ("b2", -0.2))
    o1 = neuron("o1", {"w5": 1.1, "w6": -0.7}, [h1, h2], ("b3", 0.05))
    loss = abs(o1 - Value(1.0, "y"))
    loss.name = "L"
    return loss, o1


def found(root):
    return find_network(root, ag.topological(root))


def texts(figure):
    """Every piece of text in the picture, subscripts joined."""
    return ["".join(t.itertext()) for t in ET.fromstring(figure.svg).iter(f"{SVG}text")]


# -- what is found -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [False, True])
def test_figure_5_is_found(by_hand):
    loss, _ = figure5(by_hand)
    net = found(loss)
    assert [[net.units[i].label for i in layer] for layer in net.layers] == [["x₁", "x₂"], ["h₁", "h₂"], ["o₁"]]
    edges = {(net.units[e.source].name, net.units[e.target].name, e.weight.name) for e in net.links}
    assert edges == {
        ("x1", "h1", "h1.w1"), ("x2", "h1", "h1.w2"), ("x1", "h2", "h2.w3"), ("x2", "h2", "h2.w4"),
        ("h1", "o1", "o1.w5"), ("h2", "o1", "o1.w6"),
    }  # fmt: skip
    assert [unit.bias.name for unit in net.units if unit.bias is not None] == ["h1.b1", "h2.b2", "o1.b3"]
    assert net.has_loss
    assert [v.name for v in net.targets] == ["y"]


def test_layers_of_an_mlp_in_natural_order():
    net = found(mlp([2, 12, 1])[0])
    assert [net.units[i].name for i in net.layers[1]] == [f"layer1.n{k}" for k in range(1, 13)]
    assert not net.has_loss


def test_the_package_of_networks():
    model = nn.Figure5(seed=1)
    out = model([Value(0.3, "x1"), Value(-0.2, "x2")])
    net = found(out)
    assert [len(layer) for layer in net.layers] == [2, 2, 1]
    assert sorted(link.weight.name for link in net.links) == ["h1.w1", "h1.w2", "h2.w3", "h2.w4", "o1.w5", "o1.w6"]
    assert [len(layer) for layer in found(nn.MLP(3, [4, 1])([1.0, 2.0, 3.0])).layers] == [3, 4, 1]


def test_plain_numbers_are_inputs_too():
    out = mlp([2, 2, 1], inputs=[0.5, -0.25])[0]
    net = found(out)
    assert [(unit.label, unit.constant) for unit in net.units if unit.is_input] == [("x₁", 0.5), ("x₂", -0.25)]
    assert "−0.25" in texts(network(out))


def test_many_samples_share_their_weights():
    w, b = Value(0.5, "h1.w1"), Value(0.1, "h1.b1")
    outputs = []
    for i in range(7):
        h = ag.sigmoid(ag.dot([w], [Value(i / 7, "x1")], b))
        h.name = "h1.h1"
        outputs.append(h)
    loss = ag.mean(outputs)
    net = found(loss)
    assert net.samples == 7
    assert [len(layer) for layer in net.layers] == [1, 1]
    assert len(net.links) == 1
    assert texts(network(loss)).count("× 7") == 2


def test_an_input_that_skips_a_layer():
    x = Value(0.5, "x1")
    h = ag.tanh(ag.dot([Value(0.2, "h1.w1")], [x]))
    h.name = "h1.h1"
    o = ag.dot([Value(0.3, "o1.w2"), Value(0.4, "o1.w3")], [h, x])
    o.name = "o1.o1"
    net = found(o)
    assert [[net.units[i].name for i in layer] for layer in net.layers] == [["x1"], ["h1"], ["o1"]]
    assert_nothing_overlaps(net)


# -- where it stands ---------------------------------------------------------------------------------------------------


def assert_nothing_overlaps(net):
    made = plan(net, "title")
    if not made.style.labelled:
        return
    assert len(made.chips) == sum(link.weight is not None for link in net.links)
    side = 2 * made.style.radius
    circles = [Box(*made.centre(i), side, side) for i in range(len(net.units))]
    chips = list(made.chips.values())
    chips += [made.bias_box(i) for i, unit in enumerate(net.units) if unit.bias is not None]
    for a, b in itertools.combinations(chips + circles, 2):
        assert not overlap(a, b), (a, b)
    assert all(box.y - CHIP_HEIGHT / 2 > 60 for box in chips)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=4))
@settings(max_examples=40)
def test_no_label_covers_another_or_a_circle(sizes):
    assert_nothing_overlaps(found(loss_of(mlp(sizes))))


def test_labels_that_cannot_be_parted_are_refused():
    lines = [Line(0, 0, 60, 0), Line(0, 1, 60, 1)]
    assert place_on_lines(lines, 100, 38, []) is None
    assert place_on_lines(lines[:1], 100, 38, [Box(30, 0, 20, 20)]) is None
    placed = place_on_lines([Line(0, 0, 400, 0), Line(0, 1, 400, 1)], 100, 38, [])
    assert placed is not None
    assert not overlap(*placed)


# -- what it says ------------------------------------------------------------------------------------------------------


def test_numbers_in_the_picture():
    loss, _ = figure5()
    loss.backward()
    shown = texts(network(loss, title="After backward()", notes={"x1": "71 kg"}))
    for expected in ("After backward()", "Input layer", "Hidden layer", "Output layer", "x1", "h2", "o1", "w6", "b3",
                     "0.102", "−0.0617", "71 kg", "L = |o1 − y|", "0.446", "target y", "∂L/∂o1", "−1"):  # fmt: skip
        assert expected in shown, expected


def test_gradients_not_reached_are_dashes():
    loss, o1 = figure5()
    shown = texts(network(loss))
    assert shown.count("–") == 6 + 3 + 3 + 1
    assert any("no backward pass yet" in text for text in shown)
    assert gradient(o1) == "–"
    loss.backward()
    assert "–" not in texts(network(loss))
    assert not any("no backward pass" in text for text in texts(network(loss)))


def test_width_and_colour_follow_the_gradient():
    loss, _ = figure5()
    loss.backward()
    tree = ET.fromstring(network(loss).svg)
    found_lines = {}
    for group in tree.iter(f"{SVG}g"):
        name = re.search(r"→.*\n(\S+) = ", group.findtext(f"{SVG}title") or "")
        if name:
            line = group.find(f"{SVG}path")
            found_lines[name[1]] = (line.get("class"), float(line.get("stroke-width")))
    assert found_lines["h1.w1"][0] == "s-positive"
    assert found_lines["h2.w3"][0] == "s-negative"
    assert found_lines["h1.w1"][1] > found_lines["o1.w5"][1] > found_lines["h2.w4"][1]


def test_large_layers_lose_their_labels_and_say_so():
    figure = network(loss_of(mlp([2, 16, 16, 1])))
    shown = texts(figure)
    assert any(text.startswith("Too many weights for labels") for text in shown)
    assert "grad" not in shown
    assert "layer2.n16.w16 = " in figure.svg


def test_the_same_graph_gives_the_same_bytes():
    pictures = set()
    for _ in range(2):
        loss, _ = figure5()
        loss.backward()
        pictures.add(network(loss).svg)
    assert len(pictures) == 1


def test_it_reads_on_dark_pages_and_aloud():
    loss, _ = figure5()
    figure = network(loss)
    assert "prefers-color-scheme:dark" in figure.svg
    assert "var(" not in figure.svg
    tree = ET.fromstring(figure.svg)
    assert tree.findtext(f"{SVG}title") == "2-2-1 network"
    assert "inputs x₁, x₂ and 3 neurons" in tree.findtext(f"{SVG}desc")
    assert "h1.w1 is 0.8, its gradient –." in tree.findtext(f"{SVG}desc")


@pytest.mark.parametrize("name", ["<script>", "a&b\"'", "\x00\u202e", "é" * 300])
def test_names_are_escaped(name):
    w = Value(0.5, f"{name}.{name}w")
    h = ag.tanh(ag.dot([w], [Value(1.0, name)]))
    h.name = f"{name}.{name}"
    loss = h * 2.0
    loss.name = name
    figure = network(loss, title=name, notes={name: name})
    ET.fromstring(figure.svg)
    assert "<script" not in figure.svg
    assert "\x00" not in figure.svg


def test_extreme_numbers_fit():
    w = Value(-1.2345678e-300, "h1.w1")
    h = ag.dot([w], [Value(-1.5e300, "x1")], Value(float("inf"), "h1.b1"))
    h.name = "h1.h1"
    h.backward()
    ET.fromstring(network(h).svg)


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_no_neuron():
    x = Value(1.0, "x")
    with pytest.raises(ValueError, match="no neuron found behind this value"):
        network(x * 2.0)
    with pytest.raises(ValueError, match=r"draw\(root\) shows any graph"):
        network(x)


def test_too_large():
    with pytest.raises(ValueError, match="2-40-1 with 120 weights is too large to be read"):
        network(mlp([2, 40, 1])[0])


def test_recurrent():
    x, w, u = Value(1.0, "x"), Value(0.5, "h1.w1"), Value(0.2, "h1.w2")
    h = Value(0.0, "start")
    for _ in range(2):
        h = ag.tanh(ag.dot([w, u], [x, h]))
        h.name = "h1.h1"
    with pytest.raises(ValueError, match="the neurons feed each other in a circle"):
        network(h)


def test_bad_arguments():
    loss, _ = figure5()
    with pytest.raises(TypeError, match="root must be a Value of the graph, not float"):
        network(1.0)
    with pytest.raises(ValueError, match="notes: no value in this graph is named 'x9'"):
        network(loss, notes={"x9": "?"})
    with pytest.raises(TypeError, match="notes map names to text"):
        network(loss, notes={"x1": 71})


def test_stale_data_is_refused():
    w = Value(0.5, "h1.w1")
    h = ag.tanh(ag.dot([w], [Value(1.0, "x1")]))
    h.name = "h1.h1"
    w.data = 3.0
    with pytest.raises(StaleGraphError):
        network(h)
