"""nn.layers and nn.activations: what a network computes, how its Values are called, and what it refuses."""

import copy
import math
import random
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value
from nn import MLP, Layer, Neuron
from nn.activations import ACTIVATIONS, activation, activation_name


def test_a_neuron_is_the_activation_of_one_dot_node() -> None:
    neuron = Neuron(2, "sigmoid", name="h1", seed=0)
    w1, w2 = (w.data for w in neuron.w)
    x1, x2 = Value(0.5, name="x1"), Value(-1.0, name="x2")
    output = neuron([x1, x2])
    assert output.data == pytest.approx(1 / (1 + math.exp(-(w1 * 0.5 - w2))), rel=1e-15)
    assert [w.name for w in neuron.w] == ["h1.w1", "h1.w2"]
    assert neuron.b.name == "h1.b"
    assert output.name == "h1.h1"
    assert output.op is not None
    assert output.op.name == "sigmoid"
    (total,) = output.operands
    assert isinstance(total, Value)
    assert total.name == "h1.s"
    assert all(a is b for a, b in zip(total.operands, [*neuron.w, x1, x2, neuron.b], strict=True))


def test_a_linear_neuron_is_the_dot_node_itself() -> None:
    for neuron in (Neuron(1, nonlin=False, name="layer1.n2"), Neuron(1, "linear", name="layer1.n2")):
        output = neuron([3.0])
        assert output.op is not None
        assert output.op.name == "dot"
        assert output.name == "layer1.n2.s"


def test_names_within_a_network_say_layer_and_neuron() -> None:
    model = MLP(1, [2, 1], seed=0)
    assert [p.name for p in model.parameters()] == [
        "layer1.n1.w1",
        "layer1.n1.b",
        "layer1.n2.w1",
        "layer1.n2.b",
        "layer2.n1.w1",
        "layer2.n1.w2",
        "layer2.n1.b",
    ]
    assert [path for path, _ in model.named_parameters()][:3] == [
        "layers.0.neurons.0.w.0",
        "layers.0.neurons.0.b",
        "layers.0.neurons.1.w.0",
    ]
    names = {node.name for node in ag.topological(model([1.0]))}
    assert {"layer1.n1.s", "layer1.n1.n1", "layer1.n2.n2", "layer2.n1.s"} <= names


def test_micrograds_use_of_a_network_works_unchanged() -> None:
    random.seed(1337)
    n = MLP(2, [16, 16, 1])
    assert len(n.parameters()) == 337
    random.seed(1337)
    assert n.parameters()[0].data == random.uniform(-1, 1)
    assert n.parameters()[2].data == 0
    assert n.parameters()[3].data == [random.uniform(-1, 1) for _ in range(2)][1]
    xs, ys = [[1.0, 0.5], [-1.0, 2.0]], [1.0, -1.0]
    inputs = [list(map(Value, row)) for row in xs]
    losses = []
    for _ in range(3):
        scores = list(map(n, inputs))
        loss = sum((1 + -y * score).relu() for y, score in zip(ys, scores, strict=True)) * (1.0 / len(scores))
        losses.append(loss.data)
        n.zero_grad()
        loss.backward()
        for p in n.parameters():
            p.data -= 0.01 * p.grad
    assert losses[-1] < losses[0] or losses[-1] == 0


def test_a_network_computes_what_numpy_computes() -> None:
    model = MLP(3, [4, 2], "tanh", output="sigmoid", init="glorot_uniform", seed=3)
    for p in model.parameters():
        p.data += 0.1
    x = np.array([0.3, -1.2, 2.0])
    h = x
    for layer, f in zip(model.layers, (np.tanh, lambda z: 1 / (1 + np.exp(-z))), strict=True):
        w = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
        h = f(w @ h + np.array([neuron.b.data for neuron in layer.neurons]))
    for given in (x, list(x), [Value(v) for v in x], tuple(x)):
        outputs = model(given)
        assert isinstance(outputs, list)
        assert [o.data for o in outputs] == pytest.approx(h, rel=1e-14)


def test_the_same_seed_gives_the_same_network() -> None:
    one, two, other = MLP(2, [3, 1], seed=4), MLP(2, [3, 1], seed=4), MLP(2, [3, 1], seed=5)
    assert one.state_dict() == two.state_dict() != other.state_dict()


def test_a_deep_copy_is_a_network_of_its_own() -> None:
    model = MLP(2, [3, 1], "gelu", seed=1)
    twin = copy.deepcopy(model)
    assert repr(twin) == repr(model)
    assert twin.architecture() == model.architecture()
    twin.parameters()[0].data += 1.0
    assert twin.state_dict() != model.state_dict() == MLP(2, [3, 1], "gelu", seed=1).state_dict()


def test_a_layer_gives_a_list_and_one_neuron_its_value() -> None:
    assert isinstance(Layer(2, 1, seed=0)([1.0, 2.0]), Value)
    outputs = Layer(2, 3, seed=0)([1.0, 2.0])
    assert isinstance(outputs, list)
    assert len(outputs) == 3


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_by_name_is_the_operation_of_that_name(name: str) -> None:
    x = Value(0.7)
    output = activation(name)(x)
    assert activation_name(activation(name)) == name
    if name == "linear":
        assert output is x
    else:
        assert output.data == getattr(ag, name)(0.7)


def test_an_activation_of_ones_own() -> None:
    def cube(x: Value) -> Value:
        return x * x * x

    neuron = Neuron(1, cube, name="h1", seed=0)
    output = neuron([2.0])
    assert output.data == pytest.approx((2 * neuron.w[0].data) ** 3)
    assert output.name == "h1.h1"
    assert repr(neuron) == "Neuron(1, cube, name='h1')"


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Neuron(0), ValueError, "nin is 0: it must be 1 or above"),
        (lambda: Layer(2, 0), ValueError, "nout is 0: it must be 1 or above"),
        (lambda: MLP(0, [1]), ValueError, "nin is 0: it must be 1 or above"),
        (lambda: MLP(2, []), ValueError, "an MLP needs one layer at least: nouts is empty"),
        (lambda: MLP(2, [3, -1]), ValueError, r"nouts\[1\] is -1: it must be 1 or above"),
        (lambda: MLP(2, 3), TypeError, r"nouts is the list of layer sizes, such as \[16, 16, 1\], not 3"),
        (lambda: MLP(2.0, [1]), TypeError, "nin is a whole number, not 2.0"),
        (
            lambda: MLP(2, [True]),
            TypeError,
            r"nouts\[0\] is a whole number, not True",
        ),
        (
            lambda: MLP(2, [1], "rulu"),
            ValueError,
            "no activation is called 'rulu': choose one of linear, sigmoid, tanh",
        ),
        (lambda: MLP(2, [1], output="softmax"), ValueError, "no activation is called 'softmax'"),
        (lambda: Neuron(2, 3), TypeError, "the activation is a name or a function of one Value, not 3"),
        (lambda: Neuron(2, init="zeros"), ValueError, "no initialiser is called 'zeros'"),
        (lambda: MLP(2, [1], seed=0.5), TypeError, "a seed is an int"),
    ],
)
def test_a_network_that_cannot_be_built(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize("model", [MLP(2, [3, 1]), Layer(2, 2), Neuron(2)], ids=["MLP", "Layer", "Neuron"])
@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        ([1.0], ValueError, "takes 2 inputs, not 1"),
        ([1.0, 2.0, 3.0], ValueError, "takes 2 inputs, not 3"),
        (1.0, TypeError, r"takes a list of 2 inputs, not one number: write model\(\[x1, x2, ...\]\)"),
        (Value(1.0), TypeError, "takes a list of 2 inputs, not one number"),
        (None, TypeError, "takes a list of 2 inputs, not a NoneType"),
        (["1", "2"], TypeError, "str"),
        ([1.0, None], TypeError, "None"),
    ],
)
def test_inputs_that_do_not_fit(model: Any, x: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        model(x)


def test_how_networks_print() -> None:
    assert repr(MLP(2, [3, 1], "tanh")) == (
        "MLP of [Layer(2, 3, tanh, name='layer1'), Layer(3, 1, linear, name='layer2')]"
    )


def test_everything_public_is_there_and_no_picture_is_loaded() -> None:
    assert nn.__all__ == sorted(nn.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(nn, name) for name in nn.__all__)
