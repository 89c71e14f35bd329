"""nn.figure5.model: the network of figure 5, wired and named as in the figure."""

import math
import random
from typing import Any

import pytest
from support import frozen

import autograd as ag
from autograd import Value
from nn import Figure5, Scaler, binary_cross_entropy_with_logits

NAMES = ["w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3"]
SCALER = Scaler(("weight_kg", "height_cm"), (65.0, 170.0), (13.0, 9.0))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_parameters_are_named_as_in_the_figure() -> None:
    model = Figure5(seed=0)
    assert [path for path, _ in model.named_parameters()] == NAMES
    assert [p.name for p in model.parameters()] == [
        "h1.w1",
        "h1.w2",
        "h2.w3",
        "h2.w4",
        "o1.w5",
        "o1.w6",
        "h1.b1",
        "h2.b2",
        "o1.b3",
    ]


@pytest.mark.parametrize(
    ("activation", "f"),
    [("sigmoid", sigmoid), ("tanh", math.tanh), ("relu", lambda x: max(x, 0.0)), ("linear", lambda x: x)],
)
def test_it_computes_what_the_figure_says_with_a_sigmoid_output(activation: str, f: Any) -> None:
    model = Figure5(activation, seed=5)
    model.load_state_dict({name: 0.3 * i - 1 for i, name in enumerate(NAMES)})
    w1, w2, w3, w4, w5, w6, b1, b2, b3 = (p.data for p in model.parameters())
    x1, x2 = 0.7, -1.1
    h1, h2 = f(w1 * x1 + w2 * x2 + b1), f(w3 * x1 + w4 * x2 + b2)
    s3 = w5 * h1 + w6 * h2 + b3
    assert model(x1, x2).data == pytest.approx(sigmoid(s3), rel=1e-14)
    assert model.logit(x1, x2).data == pytest.approx(s3, rel=1e-14)
    assert model([x1, x2]).data == model(Value(x1), Value(x2)).data == model(x1, x2).data


def test_the_nodes_are_named_and_wired_as_the_pictures_expect() -> None:
    model = Figure5(seed=0)
    x1, x2 = Value(0.5, name="x1"), Value(-0.5, name="x2")
    nodes = {node.name: node for node in ag.topological(model(x1, x2))}
    assert set(nodes) == {
        "x1",
        "x2",
        *(p.name for p in model.parameters()),
        *("h1.s1", "h1.h1", "h2.s2", "h2.h2", "o1.s3", "o1.o1"),
    }
    for name, operands in {
        "h1.s1": (model.w1, model.w2, x1, x2, model.b1),
        "h2.s2": (model.w3, model.w4, x1, x2, model.b2),
        "o1.s3": (model.w5, model.w6, nodes["h1.h1"], nodes["h2.h2"], model.b3),
        "o1.o1": (nodes["o1.s3"],),
    }.items():
        assert all(a is b for a, b in zip(nodes[name].operands, operands, strict=True)), name


def test_the_lessons_numbers() -> None:
    case = next(c for c in frozen("published_gradients") if c["id"] == "vzhou-2-2-1")
    model = Figure5()
    model.load_state_dict({name: case["inputs"][name] for name in NAMES})
    loss = (1.0 - model(-2.0, -1.0)).square()
    loss.backward()
    assert f"{model.w1.grad:.4f}"[:6] in ("0.0215", case["published"]["gradients"]["w1"])
    for name, exact in case["exact_to_double"]["gradients"].items():
        assert getattr(model, name).grad == pytest.approx(float(exact), rel=1e-13)


def test_the_logit_is_what_the_stable_cross_entropy_takes() -> None:
    model = Figure5(seed=1)
    model.w5.data = model.w6.data = 1000.0
    loss = binary_cross_entropy_with_logits(model.logit(1.0, 1.0), 0.0)
    assert loss.data == model.logit(1.0, 1.0).data > 40


def test_the_seed_decides_the_weights_and_biases_start_at_0() -> None:
    assert Figure5(seed=3).state_dict() == Figure5(seed=3).state_dict() != Figure5(seed=4).state_dict()
    assert Figure5(seed=3).state_dict() == Figure5(seed=random.Random(3)).state_dict()
    assert [p.data for p in Figure5(seed=3).parameters()[6:]] == [0.0, 0.0, 0.0]


def test_a_prediction_takes_kilograms_and_centimetres() -> None:
    model = Figure5(seed=3, scaler=SCALER)
    probability = model.predict(71, 178)
    assert type(probability) is float
    assert probability == model((71 - 65) / 13, (178 - 170) / 9).data


def test_a_prediction_needs_a_scaler_of_weight_and_height() -> None:
    with pytest.raises(ValueError, match="this Figure5 has no scaler: it takes x1 and x2, not kg and cm"):
        Figure5(seed=3).predict(71, 178)
    with pytest.raises(ValueError, match="Figure5 takes a scaler of weight_kg, height_cm, not of a, b"):
        Figure5(scaler=Scaler(("a", "b"), (0.0, 0.0), (1.0, 1.0)))


@pytest.mark.parametrize(
    ("weight", "height", "message"),
    [
        (0, 178, "the weight is 0 kg: it must be positive and finite"),
        (-71, 178, "the weight is -71 kg"),
        (71, math.nan, "the height is nan cm"),
        (71, math.inf, "the height is inf cm"),
    ],
)
def test_a_prediction_for_nobody(weight: float, height: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Figure5(seed=3, scaler=SCALER).predict(weight, height)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0.5,), TypeError, "takes two inputs, x1 and x2 .*: x2 is missing"),
        ((Value(0.5),), TypeError, "x2 is missing"),
        (([0.5],), ValueError, "takes 2 inputs, x1 and x2 .*, not 1"),
        (([0.5, 1.0, 2.0],), ValueError, "not 3"),
        (("a", "b"), TypeError, "str"),
    ],
)
def test_inputs_that_do_not_fit(arguments: tuple[Any, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        Figure5(seed=0)(*arguments)


def test_an_unknown_activation() -> None:
    with pytest.raises(ValueError, match="no activation is called 'softmax'"):
        Figure5("softmax")
    assert repr(Figure5("tanh")) == "Figure5('tanh')"
